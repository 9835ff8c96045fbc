//! From a design to the objects that should stand in each account.

use std::collections::{BTreeMap, BTreeSet};

use postern_policy::{Document, stored};
use postern_types::{
    AccountId, ExternalId, GroupName, IamPath, ParseError, Partition, PolicyArn, PolicyName, RoleArn,
    RoleName, UserArn, UserName,
};

mod bastion;
mod roles;

use crate::{
    ADMIN_ROLE, ADMINISTRATORS_GROUP, BREAK_GLASS_GROUP, BREAK_GLASS_ROLE, CAP_POLICY, Design, DesignError,
    DesiredOrganization, EstateName, GROUP_POLICY, MANAGED_TAG, PATH, PERSON_GROUP_PREFIX, PolicyDocument,
    PolicySource, Quotas, RolePattern, SELF_SERVICE_GROUP, Span, Spanned, TAGS_TAG, Tags, design::tags,
    estate::Estate, organization,
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
    /// What should stand in the organization; none leaves it as it is.
    pub organization: Option<DesiredOrganization>,
    /// Roles whose trust policy had to leave out its list of people: the group policies alone say who.
    pub one_sided: BTreeSet<RoleArn>,
    /// Who may break the glass, and where: declared, above the cap, and said by every report.
    pub break_glass: Option<DeclaredBreakGlass>,
}

/// The people and accounts of `[break_glass]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredBreakGlass {
    /// Who may assume the role.
    pub people: BTreeSet<UserName>,
    /// Where it stands.
    pub accounts: BTreeSet<AccountId>,
}

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
    break_glass_role: RoleName,
    administrators: GroupName,
    break_glass: GroupName,
    self_service: GroupName,
    group_policy: PolicyName,
    cap: PolicyName,
    administrator_access: PolicyArn,
}

impl Names {
    fn new(partition: Partition) -> Result<Self, ParseError> {
        Ok(Self {
            path: PATH.parse()?,
            admin_role: ADMIN_ROLE.parse()?,
            break_glass_role: BREAK_GLASS_ROLE.parse()?,
            administrators: ADMINISTRATORS_GROUP.parse()?,
            break_glass: BREAK_GLASS_GROUP.parse()?,
            self_service: SELF_SERVICE_GROUP.parse()?,
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

    /// An object's tags: its own, the estate's, and the one that makes it ours.
    fn tags(&mut self, own: &Tags, span: Span) -> Tags {
        let mut all = tags::merged(own, &self.design.tags);
        if !tags::fit(&all) {
            let message = format!("{} tags, with those of the whole estate", all.len());
            self.error(span, message, "AWS takes 50, and two are postern's own");
        }
        if let Some(list) = tags::list(&all) {
            all.insert(TAGS_TAG.to_owned(), list);
        }
        all.insert(MANAGED_TAG.to_owned(), self.design.name.value.as_str().to_owned());
        all
    }

    /// Where the break-glass role stands.
    fn break_glass_accounts(&self) -> BTreeSet<AccountId> {
        let Some(emergency) = &self.design.break_glass else { return BTreeSet::new() };
        let others = self.design.accounts.iter().map(|(name, account)| (name.as_str(), account.id.value));
        others
            .chain([("bastion", self.design.bastion.account.value)])
            .filter(|(name, _)| emergency.is_made_in(name))
            .map(|(_, id)| id)
            .collect()
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

    fn finish(mut self) -> Result<Desired, Vec<DesignError>> {
        let organization = organization::desired(self.design).unwrap_or_else(|error| {
            self.errors.push(error);
            None
        });
        if !self.errors.is_empty() {
            self.errors.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
            self.errors.dedup();
            return Err(self.errors);
        }
        let break_glass = self.design.break_glass.as_ref().map(|emergency| DeclaredBreakGlass {
            people: emergency.people.iter().map(|person| person.value.clone()).collect(),
            accounts: self.break_glass_accounts(),
        });
        Ok(Desired {
            name: self.design.name.value.clone(),
            partition: self.design.partition,
            bastion: self.design.bastion.account.value,
            estate: self.estate,
            organization,
            one_sided: self.one_sided,
            break_glass,
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
