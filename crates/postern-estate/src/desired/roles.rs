//! Roles and their boundaries, account by account.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{AccountId, PolicyArn, PolicyName, RoleArn, RoleName, SessionDuration, UserArn};

use super::Builder;
use crate::{
    Account, BREAK_GLASS_ROLE, BoundaryChoice, CAP_POLICY, ManagedPolicy, PolicyDocument, PolicySource,
    Quotas, Role, RoleDesign, Span, Tags,
    documents::{self, Trust},
};

/// The greatest `aws:MultiFactorAuthAge` with which an administrator gets in.
const ADMIN_MFA_AGE: SessionDuration = SessionDuration::HOUR;
/// The same for those who break the glass.
const BREAK_GLASS_MFA_AGE: SessionDuration = SessionDuration::from_seconds(900);

impl Builder<'_> {
    pub(super) fn accounts(&mut self) {
        for (name, design) in &self.design.accounts {
            let id = design.id.value;
            let quotas = (self.quotas)(id);
            let mut account = Account {
                alias: design.alias.clone(),
                password_policy: design.password_policy,
                ..Account::default()
            };
            account.policies.insert(self.names.cap.clone(), self.managed(documents::cap(&[]), design.span));
            for (role_name, role) in &self.design.roles {
                if role.is_made_in(name) {
                    let role = self.role(id, role_name, role, quotas, &mut account);
                    account.roles.insert(role_name.clone(), role);
                }
            }
            self.admin_role(id, &mut account);
            self.break_glass_role(id, &mut account);
            if account.roles.len() > quotas.roles {
                let message = format!(
                    "`{name}` would hold {} roles, and its quota is {}",
                    account.roles.len(),
                    quotas.roles
                );
                self.error(design.span, message, "ask AWS for a higher quota");
            }
            self.estate.accounts.insert(id, account);
        }
    }

    fn managed(&mut self, document: PolicyDocument, span: Span) -> ManagedPolicy {
        ManagedPolicy {
            path: self.names.path.clone(),
            tags: Some(self.tags(&Tags::new(), span)),
            document,
            versions: Vec::new(),
        }
    }

    fn role(
        &mut self,
        id: AccountId,
        name: &RoleName,
        design: &RoleDesign,
        quotas: Quotas,
        account: &mut Account,
    ) -> Role {
        let people = self.assumers.get(&(id, name)).cloned().unwrap_or_default();
        let third_parties = self.third_parties.get(&(id, name)).cloned().unwrap_or_default();
        let trust = Trust {
            mfa_max_age: design.mfa_max_age,
            demands_source_identity: design.source_identity.is_some(),
            source_ip: design.source_ip.as_ref().or(self.design.bastion.source_ip.as_ref()),
            third_parties: &third_parties,
            ..self.trust_in(&people)
        };
        let trust = self.trust(id, name, &trust, design.span, quotas);
        let boundary = self.boundary(id, name, design, quotas, account);
        let mut attached = BTreeSet::new();
        let mut inline = BTreeMap::new();
        for policy in &design.policies {
            match &policy.value {
                PolicySource::Managed(arn) => {
                    attached.insert(arn.clone());
                }
                PolicySource::File { path, name } => {
                    // A file that could not be used is an error already.
                    if let Some(document) = self.files.get(path.as_str()) {
                        inline.insert(name.clone(), document.clone());
                    }
                }
            }
        }
        if attached.len() > quotas.attached_policies_per_role {
            let message = format!(
                "the role `{name}` would have {} managed policies, and IAM takes {}",
                attached.len(),
                quotas.attached_policies_per_role
            );
            self.error(design.span, message, "write one policy of one's own: `{ file = \"…\" }`");
        }
        let size: usize = inline.values().map(PolicyDocument::size).sum();
        if size > quotas.role_policy_size {
            let message = format!(
                "the inline policies of the role `{name}` would have {size} characters, and IAM takes {}",
                quotas.role_policy_size
            );
            self.error(
                design.span,
                message,
                "shorten them, or make them managed policies and name their ARNs",
            );
        }
        Role {
            path: self.names.path.clone(),
            id: None,
            tags: self.tags(&design.tags, design.span),
            trust,
            max_session: Some(design.session),
            description: None,
            inline,
            attached,
            boundary,
            instance_profiles: BTreeSet::new(),
        }
    }

    fn boundary(
        &mut self,
        id: AccountId,
        name: &RoleName,
        design: &RoleDesign,
        quotas: Quotas,
        account: &mut Account,
    ) -> Option<PolicyArn> {
        if matches!(design.boundary, BoundaryChoice::None { .. }) {
            return None;
        }
        if design.may_assume.is_empty() {
            return Some(PolicyArn::new(self.design.partition, id, &self.names.path, &self.names.cap));
        }
        let own: PolicyName = match format!("{CAP_POLICY}-{name}").parse() {
            Ok(own) => own,
            Err(error) => {
                self.error(design.span, error.to_string(), "shorten the role's name");
                return None;
            }
        };
        let targets: Vec<&RoleArn> = design.may_assume.iter().map(|target| &target.value.0).collect();
        let document = documents::cap(&targets);
        if document.size() > quotas.managed_policy_size {
            let message = format!(
                "the boundary `{own}` would have {} characters, and IAM takes {}",
                document.size(),
                quotas.managed_policy_size
            );
            self.error(design.span, message, "name fewer roles in `may_assume`");
        }
        let arn = PolicyArn::new(self.design.partition, id, &self.names.path, &own);
        account.policies.insert(own, self.managed(document, design.span));
        Some(arn)
    }

    /// The trust policy, without its list of people where that would not fit.
    fn trust(
        &mut self,
        id: AccountId,
        name: &RoleName,
        trust: &Trust<'_>,
        span: Span,
        quotas: Quotas,
    ) -> PolicyDocument {
        let named = trust.document(false);
        if named.size() <= quotas.trust_policy_size {
            return named;
        }
        let short = trust.document(true);
        if short.size() > quotas.trust_policy_size {
            let message = format!(
                "the trust policy of the role `{name}` would have {} characters, and IAM takes {}",
                short.size(),
                quotas.trust_policy_size
            );
            self.error(span, message, "let fewer third parties assume it, or name fewer addresses");
        } else {
            self.one_sided.insert(self.role_arn(id, name));
        }
        short
    }

    pub(super) fn admin_role(&mut self, id: AccountId, account: &mut Account) {
        let Some(first) = self.design.administrators.people.first() else { return };
        let people: BTreeSet<UserArn> =
            self.design.administrators.people.iter().map(|person| self.user_arn(&person.value)).collect();
        let trust = Trust {
            mfa_max_age: Some(ADMIN_MFA_AGE),
            source_ip: self.design.bastion.source_ip.as_ref(),
            ..self.trust_in(&people)
        };
        let name = self.names.admin_role.clone();
        let trust = self.trust(id, &name, &trust, first.span, (self.quotas)(id));
        let role = self.unbounded(trust, first.span);
        account.roles.insert(name, role);
    }

    /// The role for the day on which all other ways in fail. No address narrows it: on that day people come from
    /// anywhere.
    pub(super) fn break_glass_role(&mut self, id: AccountId, account: &mut Account) {
        let Some(emergency) = &self.design.break_glass else { return };
        if !self.break_glass_accounts().contains(&id) {
            return;
        }
        let people: BTreeSet<UserArn> =
            emergency.people.iter().map(|person| self.user_arn(&person.value)).collect();
        let trust =
            Trust { mfa_max_age: Some(BREAK_GLASS_MFA_AGE), ..self.trust_in(&people) }.document(false);
        let quota = (self.quotas)(id).trust_policy_size;
        if trust.size() > quota {
            let message = format!(
                "the trust policy of `{BREAK_GLASS_ROLE}` would have {} characters, and IAM takes {quota}",
                trust.size()
            );
            self.error(emergency.span, message, "name fewer people: it must say each of them");
        }
        let role = self.unbounded(trust, emergency.span);
        account.roles.insert(self.names.break_glass_role.clone(), role);
    }

    /// Trust in people of the bastion, and in nobody else.
    fn trust_in<'t>(&self, people: &'t BTreeSet<UserArn>) -> Trust<'t> {
        Trust {
            partition: self.design.partition,
            bastion: self.design.bastion.account.value,
            people,
            mfa_max_age: None,
            source_identity: self.design.bastion.source_identity,
            demands_source_identity: false,
            source_ip: None,
            third_parties: &[],
        }
    }

    /// A role above the cap, for an hour at a time.
    fn unbounded(&mut self, trust: PolicyDocument, span: Span) -> Role {
        Role {
            path: self.names.path.clone(),
            id: None,
            tags: self.tags(&Tags::new(), span),
            trust,
            max_session: Some(SessionDuration::HOUR),
            description: None,
            inline: BTreeMap::new(),
            attached: BTreeSet::from([self.names.administrator_access.clone()]),
            boundary: None,
            instance_profiles: BTreeSet::new(),
        }
    }
}
