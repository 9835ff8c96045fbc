//! From a design to the objects that should stand in each account.

use std::collections::{BTreeMap, BTreeSet};

use postern_policy::{Document, stored};
use postern_types::{
    AccountId, ExternalId, GroupName, IamPath, ParseError, Partition, PolicyArn, PolicyName, RoleArn,
    RoleName, SessionDuration, UserArn, UserName,
};

use crate::{
    ADMIN_ROLE, ADMINISTRATORS_GROUP, Account, BoundaryChoice, CAP_POLICY, Design, DesignError, EstateName,
    GROUP_POLICY, Group, MANAGED_TAG, ManagedPolicy, PATH, PERSON_GROUP_PREFIX, PolicyDocument, PolicySource,
    Quotas, Role, RoleDesign, RolePattern, Span, Spanned, Tags, User,
    documents::{self, Trust},
    estate::Estate,
};

/// The estate that a design describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The estate's name, the value of its tag.
    pub name: EstateName,
    /// The partition of its accounts.
    pub partition: Partition,
    /// The account that people sign in to.
    pub bastion: AccountId,
    /// What should stand in each account.
    pub estate: Estate,
    /// Roles whose trust policy had to leave out its list of people: the group policies alone say who.
    pub one_sided: BTreeSet<RoleArn>,
}

/// The greatest `aws:MultiFactorAuthAge` with which an administrator gets in.
const ADMIN_MFA_AGE: SessionDuration = SessionDuration::HOUR;

type RoleAt<'a> = (AccountId, &'a RoleName);

impl Design {
    /// The objects that this design asks for. `read_file` reads a policy named by `{ file = "…" }`, and
    /// `quotas` tells what fits into an account.
    ///
    /// # Errors
    /// Policy files that cannot be used, and everything that does not fit, all at once.
    pub fn desired(
        &self,
        read_file: &dyn Fn(&str) -> Result<String, String>,
        quotas: &dyn Fn(AccountId) -> Quotas,
    ) -> Result<Desired, Vec<DesignError>> {
        let mut builder = Builder::new(self, quotas)?;
        builder.read_files(read_file);
        builder.bastion();
        builder.accounts();
        builder.finish()
    }

    fn resolve<'a>(&'a self, patterns: &[Spanned<RolePattern>]) -> BTreeSet<RoleAt<'a>> {
        let mut roles = BTreeSet::new();
        for (account, design) in &self.accounts {
            for (name, role) in &self.roles {
                let taken = |pattern: &Spanned<RolePattern>| pattern.value.matches(account, name);
                if role.is_made_in(account) && patterns.iter().any(taken) {
                    roles.insert((design.id.value, name));
                }
            }
        }
        roles
    }
}

/// The fixed names, parsed once.
struct Names {
    path: IamPath,
    admin_role: RoleName,
    administrators: GroupName,
    group_policy: PolicyName,
    cap: PolicyName,
    administrator_access: PolicyArn,
}

impl Names {
    fn new(partition: Partition) -> Result<Self, ParseError> {
        Ok(Self {
            path: PATH.parse()?,
            admin_role: ADMIN_ROLE.parse()?,
            administrators: ADMINISTRATORS_GROUP.parse()?,
            group_policy: GROUP_POLICY.parse()?,
            cap: CAP_POLICY.parse()?,
            administrator_access: PolicyArn::aws_managed(
                partition,
                &IamPath::root(),
                &"AdministratorAccess".parse()?,
            ),
        })
    }
}

/// An IAM group to be made, and where in the file it comes from.
struct GroupToBe<'a> {
    span: Span,
    roles: BTreeSet<RoleAt<'a>>,
}

struct Builder<'a> {
    design: &'a Design,
    quotas: &'a dyn Fn(AccountId) -> Quotas,
    names: Names,
    groups: BTreeMap<GroupName, GroupToBe<'a>>,
    members: BTreeMap<&'a UserName, BTreeSet<GroupName>>,
    assumers: BTreeMap<RoleAt<'a>, BTreeSet<UserArn>>,
    third_parties: BTreeMap<RoleAt<'a>, Vec<(AccountId, &'a ExternalId)>>,
    /// Policy files that could be used, by path.
    files: BTreeMap<&'a str, PolicyDocument>,
    estate: Estate,
    one_sided: BTreeSet<RoleArn>,
    errors: Vec<DesignError>,
}

impl<'a> Builder<'a> {
    fn new(design: &'a Design, quotas: &'a dyn Fn(AccountId) -> Quotas) -> Result<Self, Vec<DesignError>> {
        let unfit =
            |error: ParseError, span| vec![DesignError { message: error.to_string(), help: None, span }];
        let names = Names::new(design.partition).map_err(|e| unfit(e, Span::default()))?;
        let mut groups = BTreeMap::new();
        for (name, group) in &design.groups {
            let roles = design.resolve(&group.roles);
            groups.insert(name.clone(), GroupToBe { span: group.span, roles });
        }
        let mut members: BTreeMap<&UserName, BTreeSet<GroupName>> = BTreeMap::new();
        for (name, person) in &design.people {
            let mut of: BTreeSet<GroupName> = person.groups.iter().map(|g| g.value.clone()).collect();
            if !person.roles.is_empty() {
                let own: GroupName =
                    format!("{PERSON_GROUP_PREFIX}{name}").parse().map_err(|e| unfit(e, person.span))?;
                let roles = design.resolve(&person.roles);
                groups.insert(own.clone(), GroupToBe { span: person.span, roles });
                of.insert(own);
            }
            members.insert(name, of);
        }
        let mut builder = Self {
            design,
            quotas,
            names,
            groups,
            members,
            assumers: BTreeMap::new(),
            third_parties: BTreeMap::new(),
            files: BTreeMap::new(),
            estate: Estate::default(),
            one_sided: BTreeSet::new(),
            errors: Vec::new(),
        };
        builder.count_assumers();
        Ok(builder)
    }

    fn count_assumers(&mut self) {
        for (person, groups) in &self.members {
            let arn = self.user_arn(person);
            for group in groups.iter().filter_map(|name| self.groups.get(name)) {
                for role in &group.roles {
                    self.assumers.entry(*role).or_default().insert(arn.clone());
                }
            }
        }
        for party in self.design.third_parties.values() {
            for role in self.design.resolve(&party.roles) {
                let parties = self.third_parties.entry(role).or_default();
                parties.push((party.account.value, &party.external_id));
            }
        }
    }

    fn error(&mut self, span: Span, message: String, help: &str) {
        self.errors.push(DesignError { message, help: Some(help.to_owned()), span });
    }

    fn user_arn(&self, name: &UserName) -> UserArn {
        UserArn::new(self.design.partition, self.design.bastion.account.value, &self.names.path, name)
    }

    fn role_arn(&self, account: AccountId, name: &RoleName) -> RoleArn {
        RoleArn::new(self.design.partition, account, &self.names.path, name)
    }

    fn tags(&self) -> Tags {
        Tags::from([(MANAGED_TAG.to_owned(), self.design.name.value.as_str().to_owned())])
    }

    fn accounts_with_bastion(&self) -> BTreeSet<AccountId> {
        let others = self.design.accounts.values().map(|account| account.id.value);
        others.chain([self.design.bastion.account.value]).collect()
    }

    fn read_files(&mut self, read_file: &dyn Fn(&str) -> Result<String, String>) {
        let mut seen = BTreeSet::new();
        for role in self.design.roles.values() {
            for policy in &role.policies {
                let PolicySource::File { path, .. } = &policy.value else { continue };
                if !seen.insert(path.as_str()) {
                    continue;
                }
                match read_file(path) {
                    Ok(text) => match file_problems(path, &text) {
                        problems if problems.is_empty() => {
                            self.files.insert(path, PolicyDocument::new(text));
                        }
                        problems => {
                            for message in problems {
                                self.errors.push(DesignError { message, help: None, span: policy.span });
                            }
                        }
                    },
                    Err(cause) => {
                        let message = format!("cannot read `{path}`: {cause}");
                        self.error(policy.span, message, "the path is relative to the estate file");
                    }
                }
            }
        }
    }

    fn bastion(&mut self) {
        let id = self.design.bastion.account.value;
        let quotas = (self.quotas)(id);
        let mut account = Account {
            alias: self.design.bastion.alias.clone(),
            password_policy: Some(self.design.bastion.password_policy),
            ..Account::default()
        };
        let mut groups = std::mem::take(&mut self.groups);
        let administrators = &self.design.administrators.people;
        if let Some(first) = administrators.first() {
            // Each administrator's role stands in every account.
            let roles = self.accounts_with_bastion().into_iter().map(|account| (account, None));
            let document = self.group_document(first.span, ADMINISTRATORS_GROUP, roles.collect(), quotas);
            account.groups.insert(self.names.administrators.clone(), self.group(document));
            for person in administrators {
                if let Some(of) = self.members.get_mut(&person.value) {
                    of.insert(self.names.administrators.clone());
                }
            }
        }
        for (name, group) in &groups {
            let roles = group.roles.iter().map(|(account, role)| (*account, Some(*role))).collect();
            let document = self.group_document(group.span, name.as_str(), roles, quotas);
            account.groups.insert(name.clone(), self.group(document));
        }
        self.groups.append(&mut groups);
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
                tags: self.tags(),
                groups,
                inline: BTreeMap::new(),
                attached: BTreeSet::new(),
                boundary: None,
                credentials: None,
            };
            account.users.insert(name.clone(), user);
        }
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
        self.estate.accounts.insert(id, account);
    }

    fn group(&self, document: PolicyDocument) -> Group {
        Group {
            path: self.names.path.clone(),
            inline: BTreeMap::from([(self.names.group_policy.clone(), document)]),
            attached: BTreeSet::new(),
        }
    }

    /// The group's policy; a role granted in every account is shortened where the list is too long.
    /// A role without a name is the administrators'.
    fn group_document(
        &mut self,
        span: Span,
        name: &str,
        roles: BTreeSet<(AccountId, Option<&RoleName>)>,
        quotas: Quotas,
    ) -> PolicyDocument {
        let source_identity = self.design.bastion.source_identity;
        if self.design.bastion.any_resource && !roles.is_empty() {
            return documents::group(&["*".to_owned()], source_identity);
        }
        let mut by_role: BTreeMap<&RoleName, BTreeSet<AccountId>> = BTreeMap::new();
        for (account, role) in roles {
            by_role.entry(role.unwrap_or(&self.names.admin_role)).or_default().insert(account);
        }
        let mut everywhere: BTreeSet<AccountId> = self.accounts_with_bastion();
        if !by_role.contains_key(&self.names.admin_role) {
            everywhere.remove(&self.design.bastion.account.value);
        }
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
                .filter(|(role, accounts)| **accounts == everywhere && !shortened.contains(*role))
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

    fn accounts(&mut self) {
        for (name, design) in &self.design.accounts {
            let id = design.id.value;
            let quotas = (self.quotas)(id);
            let mut account = Account { alias: design.alias.clone(), ..Account::default() };
            account.policies.insert(self.names.cap.clone(), self.managed(documents::cap(&[])));
            for (role_name, role) in &self.design.roles {
                if role.is_made_in(name) {
                    let role = self.role(id, role_name, role, quotas, &mut account);
                    account.roles.insert(role_name.clone(), role);
                }
            }
            self.admin_role(id, &mut account);
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

    fn managed(&self, document: PolicyDocument) -> ManagedPolicy {
        ManagedPolicy {
            path: self.names.path.clone(),
            tags: Some(self.tags()),
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
            partition: self.design.partition,
            bastion: self.design.bastion.account.value,
            people: &people,
            mfa_max_age: design.mfa_max_age,
            source_identity: self.design.bastion.source_identity,
            third_parties: &third_parties,
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
        let mut tags = self.tags();
        tags.extend(design.tags.clone());
        Role {
            path: self.names.path.clone(),
            id: None,
            tags,
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
        account.policies.insert(own, self.managed(document));
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
            self.error(span, message, "let fewer third parties assume it");
        } else {
            self.one_sided.insert(self.role_arn(id, name));
        }
        short
    }

    fn admin_role(&mut self, id: AccountId, account: &mut Account) {
        let Some(first) = self.design.administrators.people.first() else { return };
        let people: BTreeSet<UserArn> =
            self.design.administrators.people.iter().map(|person| self.user_arn(&person.value)).collect();
        let trust = Trust {
            partition: self.design.partition,
            bastion: self.design.bastion.account.value,
            people: &people,
            mfa_max_age: Some(ADMIN_MFA_AGE),
            source_identity: self.design.bastion.source_identity,
            third_parties: &[],
        };
        let name = self.names.admin_role.clone();
        let trust = self.trust(id, &name, &trust, first.span, (self.quotas)(id));
        let role = Role {
            path: self.names.path.clone(),
            id: None,
            tags: self.tags(),
            trust,
            max_session: Some(SessionDuration::HOUR),
            description: None,
            inline: BTreeMap::new(),
            attached: BTreeSet::from([self.names.administrator_access.clone()]),
            boundary: None,
            instance_profiles: BTreeSet::new(),
        };
        account.roles.insert(name, role);
    }

    fn finish(mut self) -> Result<Desired, Vec<DesignError>> {
        if !self.errors.is_empty() {
            self.errors.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
            self.errors.dedup();
            return Err(self.errors);
        }
        Ok(Desired {
            name: self.design.name.value.clone(),
            partition: self.design.partition,
            bastion: self.design.bastion.account.value,
            estate: self.estate,
            one_sided: self.one_sided,
        })
    }
}

/// What keeps a policy file from being an identity policy, each with its place in the file.
fn file_problems(path: &str, text: &str) -> Vec<String> {
    let at = |offset| {
        let (line, column) = crate::line_column(text, offset);
        format!("{path}:{line}:{column}")
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(problems) => {
            return problems.iter().map(|p| format!("{}: {}", at(p.span.start), p.message)).collect();
        }
    };
    let mut problems: Vec<String> = document
        .statements()
        .iter()
        .filter(|statement| statement.principals().is_some())
        .map(|statement| format!("{}: a role's policy cannot name a principal", at(statement.span().start)))
        .collect();
    if problems.is_empty()
        && let Err(error) = stored::check_identity_policy(text)
    {
        // AWS's own check tells no place.
        problems.push(format!("{path}: IAM would refuse it: {}", error.message));
    }
    problems
}
