//! The bastion: users and the groups that say what they may assume.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{AccountId, GroupName, RoleName, UserName};

use super::Builder;
use crate::{Account, Group, PATH, PolicyDocument, Quotas, Span, User, documents};

impl Builder<'_> {
    pub(super) fn bastion(&mut self) {
        let id = self.design.bastion.account.value;
        let quotas = (self.quotas)(id);
        let mut account = Account {
            alias: self.design.bastion.alias.clone(),
            password_policy: Some(self.design.bastion.password_policy),
            ..Account::default()
        };
        self.groups(&mut account, quotas);
        self.users(&mut account, quotas);
        let span = self.design.bastion.account.span;
        for (what, count, quota) in
            [("users", account.users.len(), quotas.users), ("groups", account.groups.len(), quotas.groups)]
        {
            if count > quota {
                let message = format!("the bastion would hold {count} {what}, and its quota is {quota}");
                self.error(span, message, "ask AWS for a higher quota");
            }
        }
        self.admin_role(id, &mut account);
        self.break_glass_role(id, &mut account);
        self.estate.accounts.insert(id, account);
    }

    fn groups(&mut self, account: &mut Account, quotas: Quotas) {
        let administrators = &self.design.administrators.people;
        if let Some(first) = administrators.first() {
            // Each administrator's role stands in every account.
            let role = self.names.admin_role.clone();
            let roles = self.accounts_with_bastion().into_iter().map(|account| (account, &role)).collect();
            let name = self.names.administrators.clone();
            self.own_group(account, &name, first.span, roles, quotas);
            self.join(&name, administrators.iter().map(|person| &person.value));
        }
        if let Some(emergency) = &self.design.break_glass {
            let role = self.names.break_glass_role.clone();
            let roles = self.break_glass_accounts().into_iter().map(|account| (account, &role)).collect();
            let name = self.names.break_glass.clone();
            self.own_group(account, &name, emergency.span, roles, quotas);
            self.join(&name, emergency.people.iter().map(|person| &person.value));
        }
        if self.design.bastion.self_service {
            let name = self.names.self_service.clone();
            let document = documents::self_service(self.design.partition, self.design.bastion.account.value);
            account.groups.insert(name.clone(), self.group(document));
            self.join(&name, self.design.people.keys());
        }
        let mut groups = std::mem::take(&mut self.groups);
        for (name, group) in &groups {
            self.own_group(account, name, group.span, group.roles.clone(), quotas);
        }
        self.groups.append(&mut groups);
    }

    fn own_group(
        &mut self,
        account: &mut Account,
        name: &GroupName,
        span: Span,
        roles: BTreeSet<(AccountId, &RoleName)>,
        quotas: Quotas,
    ) {
        let document = self.group_document(span, name.as_str(), roles, quotas);
        account.groups.insert(name.clone(), self.group(document));
    }

    /// Makes people members of a group.
    fn join<'p>(&mut self, group: &GroupName, people: impl Iterator<Item = &'p UserName>) {
        for person in people {
            if let Some(of) = self.members.get_mut(person) {
                of.insert(group.clone());
            }
        }
    }

    fn users(&mut self, account: &mut Account, quotas: Quotas) {
        for (name, person) in &self.design.people {
            let groups = self.members.get(name).cloned().unwrap_or_default();
            if groups.len() > quotas.groups_per_user {
                let message = format!(
                    "`{name}` would be in {} groups, and IAM takes {}",
                    groups.len(),
                    quotas.groups_per_user
                );
                self.error(person.span, message, "make one group of several");
            }
            let user = User {
                path: self.names.path.clone(),
                id: None,
                tags: self.tags(&person.tags, person.span),
                groups,
                inline: BTreeMap::new(),
                attached: BTreeSet::new(),
                boundary: None,
                credentials: None,
            };
            account.users.insert(name.clone(), user);
        }
    }

    fn group(&self, document: PolicyDocument) -> Group {
        Group {
            path: self.names.path.clone(),
            inline: BTreeMap::from([(self.names.group_policy.clone(), document)]),
            attached: BTreeSet::new(),
        }
    }

    /// The group's policy; a role granted in every account is shortened where the list is too long.
    fn group_document(
        &mut self,
        span: Span,
        name: &str,
        roles: BTreeSet<(AccountId, &RoleName)>,
        quotas: Quotas,
    ) -> PolicyDocument {
        let source_identity = self.design.bastion.source_identity;
        if self.design.bastion.any_resource && !roles.is_empty() {
            return documents::group(&["*".to_owned()], source_identity);
        }
        let mut by_role: BTreeMap<&RoleName, BTreeSet<AccountId>> = BTreeMap::new();
        for (account, role) in roles {
            by_role.entry(role).or_default().insert(account);
        }
        let everywhere: BTreeSet<AccountId> =
            self.design.accounts.values().map(|account| account.id.value).collect();
        let mut shortened: BTreeSet<&RoleName> = BTreeSet::new();
        loop {
            let mut resources: Vec<String> = Vec::new();
            for (role, accounts) in &by_role {
                if shortened.contains(role) {
                    resources.push(format!("arn:{}:iam::*:role{PATH}{role}", self.design.partition));
                } else {
                    resources.extend(accounts.iter().map(|id| self.role_arn(*id, role).to_string()));
                }
            }
            resources.sort();
            let document = documents::group(&resources, source_identity);
            let size = document.size();
            if size <= quotas.group_policy_size {
                return document;
            }
            let next = by_role
                .iter()
                .filter(|(role, accounts)| everywhere.is_subset(accounts) && !shortened.contains(*role))
                .max_by_key(|(role, _)| role.as_str().len());
            match next {
                Some((role, _)) => shortened.insert(role),
                None => {
                    let message = format!(
                        "the policy of the group `{name}` would have {size} characters, and IAM takes {}",
                        quotas.group_policy_size
                    );
                    let help =
                        "grant fewer roles, or the same one in every account, or make two groups of it";
                    self.error(span, message, help);
                    return document;
                }
            };
        }
    }
}
