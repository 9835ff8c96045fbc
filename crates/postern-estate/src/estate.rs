//! An estate: what stands in IAM, account by account. The same type for what should be and what is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use postern_types::{
    AccountId, GroupName, IamPath, ParseError, PolicyArn, PolicyName, PrincipalId, RoleName, SessionDuration,
    Timestamp, UserName,
};

use crate::{Credentials, Organization, PolicyDocument, Quotas};

/// The tag that says which estate an object belongs to.
pub const MANAGED_TAG: &str = "postern:managed";

/// The tag that says which other tags of an object come from the estate file, so that they can go again.
pub const TAGS_TAG: &str = "postern:tags";

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Accounts and what stands in their IAM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estate {
    /// Every account that belongs to the estate, the bastion among them.
    pub accounts: BTreeMap<AccountId, Account>,
    /// The organization of the accounts, where one was looked at.
    pub organization: Option<Organization>,
}

/// One account's IAM. As an actual account it holds everything found there, foreign objects too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The account's alias. In a desired account, none means "leave it as it is".
    pub alias: Option<AccountAlias>,
    /// The password policy. In a desired account, none means "leave it as it is".
    pub password_policy: Option<PasswordPolicy>,
    /// Users by name.
    pub users: BTreeMap<UserName, User>,
    /// Groups by name.
    pub groups: BTreeMap<GroupName, Group>,
    /// Roles by name.
    pub roles: BTreeMap<RoleName, Role>,
    /// Customer-managed policies by name.
    pub policies: BTreeMap<PolicyName, ManagedPolicy>,
    /// The account's quotas.
    pub quotas: Quotas,
}

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The path.
    pub path: IamPath,
    /// The unique id; none for a user that is only planned.
    pub id: Option<PrincipalId>,
    /// Tags.
    pub tags: Tags,
    /// Groups that the user is a member of.
    pub groups: BTreeSet<GroupName>,
    /// Inline policies.
    pub inline: BTreeMap<PolicyName, PolicyDocument>,
    /// Attached managed policies.
    pub attached: BTreeSet<PolicyArn>,
    /// The permissions boundary.
    pub boundary: Option<PolicyArn>,
    /// What the user can sign in with; none where nobody looked.
    pub credentials: Option<Credentials>,
}

/// An IAM group. IAM groups carry no tags: their path says whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The path.
    pub path: IamPath,
    /// Inline policies.
    pub inline: BTreeMap<PolicyName, PolicyDocument>,
    /// Attached managed policies.
    pub attached: BTreeSet<PolicyArn>,
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The path.
    pub path: IamPath,
    /// The unique id; none for a role that is only planned.
    pub id: Option<PrincipalId>,
    /// Tags.
    pub tags: Tags,
    /// Who may assume it.
    pub trust: PolicyDocument,
    /// `MaxSessionDuration`; none where it was not read (`GetAccountAuthorizationDetails` leaves it out).
    pub max_session: Option<SessionDuration>,
    /// The description, where one was read.
    pub description: Option<String>,
    /// Inline policies.
    pub inline: BTreeMap<PolicyName, PolicyDocument>,
    /// Attached managed policies.
    pub attached: BTreeSet<PolicyArn>,
    /// The permissions boundary.
    pub boundary: Option<PolicyArn>,
    /// Instance profiles that hold the role, which must let go before it can be deleted.
    pub instance_profiles: BTreeSet<String>,
}

/// A customer-managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// The path.
    pub path: IamPath,
    /// Tags; none where they were not read (`GetAccountAuthorizationDetails` leaves them out).
    pub tags: Option<Tags>,
    /// The default version's document.
    pub document: PolicyDocument,
    /// All versions, oldest first; empty for a policy that is only planned.
    pub versions: Vec<PolicyVersion>,
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// `v1`, `v2`, …
    pub id: String,
    /// Whether it is the one in force.
    pub is_default: bool,
}

/// What `UpdateAccountPasswordPolicy` takes and `GetAccountPasswordPolicy` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are AWS's own")]
pub struct PasswordPolicy {
    /// `MinimumPasswordLength`, 6 to 128.
    pub minimum_length: u8,
    /// `RequireSymbols`
    pub require_symbols: bool,
    /// `RequireNumbers`
    pub require_numbers: bool,
    /// `RequireUppercaseCharacters`
    pub require_uppercase: bool,
    /// `RequireLowercaseCharacters`
    pub require_lowercase: bool,
    /// `AllowUsersToChangePassword`
    pub allow_users_to_change: bool,
    /// `MaxPasswordAge` in days, 1 to 1,095; none for passwords that do not expire.
    pub max_age_days: Option<u16>,
    /// `PasswordReusePrevention`, 1 to 24.
    pub reuse_prevention: Option<u8>,
    /// `HardExpiry`
    pub hard_expiry: bool,
}

impl Default for PasswordPolicy {
    /// Long, of every kind, never used before; no expiry, as NIST SP 800-63B advises.
    fn default() -> Self {
        Self {
            minimum_length: 14,
            require_symbols: true,
            require_numbers: true,
            require_uppercase: true,
            require_lowercase: true,
            allow_users_to_change: true,
            max_age_days: None,
            reuse_prevention: Some(24),
            hard_expiry: false,
        }
    }
}

/// An account alias: 3 to 63 lower-case letters, digits and single hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountAlias(Box<str>);

impl AccountAlias {
    /// The alias as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountAlias {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: String| ParseError { what: "account alias", problem };
        if !(3..=63).contains(&text.len()) {
            return Err(wrong(format!("must have 3 to 63 characters, not {}", text.len())));
        }
        let taken = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !text.bytes().all(taken) {
            return Err(wrong(format!("`{text}` holds more than lower-case letters, digits and hyphens")));
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(wrong(format!("`{text}` begins or ends with a hyphen, or has two in a row")));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AccountAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An actual estate, when it was read, and what could not be read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What was read.
    pub estate: Estate,
    /// When the reading ended.
    pub taken_at: Timestamp,
    /// What could not be read: never taken for empty.
    pub gaps: Vec<Gap>,
}

/// A call that a snapshot needed and did not get an answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The account.
    pub account: AccountId,
    /// The call, such as `iam:ListAccountAliases`.
    pub call: String,
    /// AWS's or the network's word.
    pub cause: String,
}

impl Snapshot {
    /// The estate, if nothing is missing in it; else what is missing.
    ///
    /// # Errors
    /// The gaps, when there are any.
    pub fn complete(self) -> Result<Estate, Vec<Gap>> {
        if self.gaps.is_empty() { Ok(self.estate) } else { Err(self.gaps) }
    }
}
