//! `postern.toml` as values: what its author wrote, each with its place in the text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use postern_types::{
    AccountId, Arn, ExternalId, GroupName, ParseError, Partition, PolicyArn, PolicyName, Region, RoleArn,
    RoleName, SessionDuration, Timestamp, UserName,
};

mod address;
mod check;
mod emergency;
mod exception;
mod join;
pub(crate) mod keys;
mod leave;
mod organization;
mod parse;
pub(crate) mod read;
mod role;
pub(crate) mod tags;

pub use address::AddressBlock;
pub use join::{NewPerson, with_person};
pub use leave::without_person;
pub use organization::{Guards, OrganizationDesign};

use crate::{AccountAlias, PasswordPolicy, Span, Spanned, Tags};

/// An estate as its author wants it: the parsed `postern.toml`.
#[derive(Clone, Debug)]
pub struct Design {
    /// The estate's name: the value of the tag on everything that is made.
    pub name: Spanned<EstateName>,
    /// Where STS is called, and people's default.
    pub region: Spanned<Region>,
    /// The partition, `aws` unless said.
    pub partition: Partition,
    /// The endpoint of every service in every account, where neither bastion nor account name one.
    pub endpoint_url: Option<Spanned<String>>,
    /// Tags on everything that can be tagged.
    pub tags: Tags,
    /// The account that people sign in to.
    pub bastion: Bastion,
    /// The accounts that people work in.
    pub accounts: BTreeMap<AccountName, AccountDesign>,
    /// Roles, each made in one or more accounts.
    pub roles: BTreeMap<RoleName, RoleDesign>,
    /// Groups of people.
    pub groups: BTreeMap<GroupName, GroupDesign>,
    /// People.
    pub people: BTreeMap<UserName, Person>,
    /// Who may stand above the cap.
    pub administrators: Administrators,
    /// Foreign accounts that may assume a role here.
    pub third_parties: BTreeMap<ThirdPartyName, ThirdParty>,
    /// The way in for the day on which all others fail.
    pub break_glass: Option<BreakGlass>,
    /// Findings of the audit that are known and borne for a while. They change nothing that is made.
    pub exceptions: Vec<Exception>,
    /// The organization that guards the accounts.
    pub organization: Option<OrganizationDesign>,
}

impl Design {
    /// The roles that a person may assume by groups and of their own, by account. What administrators enter through
    /// is not among them.
    #[must_use]
    pub fn roles_of(&self, person: &UserName) -> BTreeSet<(&AccountName, &RoleName)> {
        let Some(person) = self.people.get(person) else { return BTreeSet::new() };
        let groups = person.groups.iter().filter_map(|group| self.groups.get(&group.value));
        let patterns: Vec<&Spanned<RolePattern>> =
            groups.flat_map(|group| &group.roles).chain(&person.roles).collect();
        let all = self.accounts.keys().flat_map(|account| self.roles.iter().map(move |role| (account, role)));
        all.filter(|(account, (name, role))| {
            role.is_made_in(account) && patterns.iter().any(|pattern| pattern.value.matches(account, name))
        })
        .map(|(account, (name, _))| (account, name))
        .collect()
    }

    /// Whether a person is one of the administrators.
    #[must_use]
    pub fn is_administrator(&self, person: &UserName) -> bool {
        self.administrators.people.iter().any(|administrator| administrator.value == *person)
    }
}

/// `[bastion]`
#[derive(Clone, Debug)]
pub struct Bastion {
    /// Its account.
    pub account: Spanned<AccountId>,
    /// The AWS profile by which the first `apply` gets in.
    pub profile: Option<Spanned<String>>,
    /// The lifetime of people's MFA sessions.
    pub session: SessionDuration,
    /// Whether group policies name `*` instead of the roles they grant.
    pub any_resource: bool,
    /// Whether people manage keys and MFA devices of their own.
    pub self_service: bool,
    /// Whether people may set a source identity.
    pub source_identity: bool,
    /// From where people may assume roles; from anywhere without.
    pub source_ip: Option<BTreeSet<AddressBlock>>,
    /// The account's alias.
    pub alias: Option<AccountAlias>,
    /// The account's password policy.
    pub password_policy: PasswordPolicy,
    /// The endpoint of this account's services.
    pub endpoint_url: Option<Spanned<String>>,
}

/// `[accounts.NAME]`
#[derive(Clone, Debug)]
pub struct AccountDesign {
    /// Where the account's name stands.
    pub span: Span,
    /// Its id.
    pub id: Spanned<AccountId>,
    /// The AWS profile by which the first `apply` gets in.
    pub profile: Option<Spanned<String>>,
    /// The role by which the first `apply` gets in from the bastion's credential.
    pub via: Option<Spanned<RoleName>>,
    /// The account's alias.
    pub alias: Option<AccountAlias>,
    /// The endpoint of this account's services.
    pub endpoint_url: Option<Spanned<String>>,
    /// The account's password policy; left as it is without.
    pub password_policy: Option<PasswordPolicy>,
}

/// `[roles.NAME]`
#[derive(Clone, Debug)]
pub struct RoleDesign {
    /// Where the role's name stands.
    pub span: Span,
    /// Where it is made.
    pub accounts: RoleAccounts,
    /// What it grants.
    pub policies: Vec<Spanned<PolicySource>>,
    /// `MaxSessionDuration`
    pub session: SessionDuration,
    /// The greatest `aws:MultiFactorAuthAge` with which it may be assumed.
    pub mfa_max_age: Option<SessionDuration>,
    /// From where people may assume it; as the bastion says without.
    pub source_ip: Option<BTreeSet<AddressBlock>>,
    /// Where it is demanded that people's source identity be their user name.
    pub source_identity: Option<Span>,
    /// Why the role may grant IAM actions above the cap.
    pub allow_iam: Option<Spanned<String>>,
    /// Its permissions boundary.
    pub boundary: BoundaryChoice,
    /// Roles outside the estate that it may assume.
    pub may_assume: Vec<Spanned<MayAssume>>,
    /// Tags beside postern's own.
    pub tags: Tags,
}

impl RoleDesign {
    /// Whether the role is made in this account.
    #[must_use]
    pub fn is_made_in(&self, account: &AccountName) -> bool {
        match &self.accounts {
            RoleAccounts::All => true,
            RoleAccounts::Named(names) => names.iter().any(|name| name.value == *account),
        }
    }
}

/// Where a role is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleAccounts {
    /// `"*"`: in every account of `[accounts]`.
    All,
    /// In these.
    Named(Vec<Spanned<AccountName>>),
}

/// Which permissions boundary a role gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundaryChoice {
    /// `postern-cap`, or `postern-cap-ROLE` with `may_assume`.
    Cap,
    /// None at all, for a reason.
    None {
        /// The reason.
        reason: Spanned<String>,
    },
}

/// Where a role's policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// A managed policy: AWS's own by name or ARN, or a customer's by ARN.
    Managed(PolicyArn),
    /// `{ file = "…" }`: becomes an inline policy named after the file.
    File {
        /// The path as written, relative to the estate file.
        path: String,
        /// The inline policy's name.
        name: PolicyName,
    },
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed(arn) => arn.fmt(f),
            Self::File { path, .. } => f.write_str(path),
        }
    }
}

/// A role outside the estate, as `may_assume` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MayAssume(pub RoleArn);

/// `ACCOUNT/ROLE`, either of which may be `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePattern {
    /// The account; none for every one in which the role is made.
    pub account: Option<AccountName>,
    /// The role; none for every one that is made in the account.
    pub role: Option<RoleName>,
}

impl RolePattern {
    /// Whether the pattern takes this role of this account.
    #[must_use]
    pub fn matches(&self, account: &AccountName, role: &RoleName) -> bool {
        self.account.as_ref().is_none_or(|a| a == account) && self.role.as_ref().is_none_or(|r| r == role)
    }
}

impl fmt::Display for RolePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map_or("*", AccountName::as_str);
        let role = self.role.as_ref().map_or("*", RoleName::as_str);
        write!(f, "{account}/{role}")
    }
}

/// `[groups.NAME]`
#[derive(Clone, Debug)]
pub struct GroupDesign {
    /// Where the group's name stands.
    pub span: Span,
    /// What its members may assume.
    pub roles: Vec<Spanned<RolePattern>>,
}

/// `[people.NAME]`
#[derive(Clone, Debug)]
pub struct Person {
    /// Where the person's name stands.
    pub span: Span,
    /// The groups of `[groups]` that the person is a member of.
    pub groups: Vec<Spanned<GroupName>>,
    /// Roles of the person's own.
    pub roles: Vec<Spanned<RolePattern>>,
    /// Tags beside postern's own.
    pub tags: Tags,
}

/// `[administrators]`
#[derive(Clone, Debug, Default)]
pub struct Administrators {
    /// People who may assume `postern-admin`.
    pub people: Vec<Spanned<UserName>>,
    /// Principals that stand above the cap for a reason, and are not made by postern.
    pub also: Vec<AlsoAdministrator>,
}

/// A principal above the cap that postern did not make.
#[derive(Clone, Debug)]
pub struct AlsoAdministrator {
    /// The principal.
    pub arn: Spanned<Arn>,
    /// Why it is there.
    pub reason: String,
}

/// `[third_parties.NAME]`
#[derive(Clone, Debug)]
pub struct ThirdParty {
    /// Where the name stands.
    pub span: Span,
    /// The foreign account.
    pub account: Spanned<AccountId>,
    /// What it must present.
    pub external_id: ExternalId,
    /// What it may assume.
    pub roles: Vec<Spanned<RolePattern>>,
}

/// `[break_glass]`
#[derive(Clone, Debug)]
pub struct BreakGlass {
    /// Where it stands.
    pub span: Span,
    /// Who may assume the role: two people or more.
    pub people: Vec<Spanned<UserName>>,
    /// Where it is made; all means the bastion too.
    pub accounts: RoleAccounts,
}

/// One of `[[exceptions]]`
#[derive(Clone, Debug)]
pub struct Exception {
    /// Where it stands.
    pub span: Span,
    /// The audit's rule.
    pub rule: Spanned<String>,
    /// The principal that the finding is about.
    pub principal: Spanned<Arn>,
    /// Why it is borne.
    pub reason: String,
    /// The last moment of the day until which it is borne.
    pub until: Spanned<Timestamp>,
}

/// Something wrong in the estate file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DesignError {
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// How to put it right, where that is known.
    pub help: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// The name of an account in the estate file: a word of one's own, not known to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(Box<str>);

/// The name of a third party in the estate file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThirdPartyName(Box<str>);

/// The name of an estate, the value of the tag `postern:managed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EstateName(Box<str>);

macro_rules! own_name {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let wrong = |problem| ParseError { what: $what, problem };
                if !(1..=64).contains(&text.len()) {
                    return Err(wrong(format!("must have 1 to 64 characters, not {}", text.len())));
                }
                let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                match text.chars().find(|c| !taken(*c)) {
                    Some(c) => Err(wrong(format!(
                        "`{text}` holds `{}`; letters, digits, `-`, `_` and `.` can stand there",
                        c.escape_debug()
                    ))),
                    None => Ok(Self(text.into())),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

own_name!(AccountName, "account name");
own_name!(EstateName, "estate name");
own_name!(ThirdPartyName, "third party's name");
