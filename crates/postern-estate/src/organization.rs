//! An organization: its accounts, its units, and the service control policies on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use postern_types::{AccountId, ParseError};

use crate::{PolicyDocument, Tags};

mod action;
mod deny;
mod desired;
pub(crate) mod guards;

/// Characters of a service control policy, white space included (*Organizations User Guide*, Quotas).
pub(crate) const SCP_SIZE: usize = 5_120;

pub use action::OrganizationAction;
pub(crate) use action::{apply, inverse, precondition};
pub use deny::{DeniedPrincipal, OrganizationDeny};
pub(crate) use desired::desired;
pub use desired::{Attachment, DesiredOrganization};

/// An organization as its management account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// The account that manages it, which no service control policy binds.
    pub management: AccountId,
    /// Whether it has all features; one for consolidated billing alone has no policies.
    pub all_features: bool,
    /// `r-…`
    pub root: OrganizationTarget,
    /// Whether service control policies are enabled in the root.
    pub scps_enabled: bool,
    /// Its accounts, the management account among them.
    pub accounts: BTreeMap<AccountId, MemberAccount>,
    /// Its organizational units by id; empty where nobody asked for them.
    pub units: BTreeMap<OrganizationTarget, OrganizationalUnit>,
    /// Service control policies by name, as far as they were asked for. AWS's own are not among them.
    pub policies: BTreeMap<String, ServiceControlPolicy>,
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAccount {
    /// What the organization calls it.
    pub name: String,
    /// The root or the unit that it lies in; none where nobody asked.
    pub parent: Option<OrganizationTarget>,
}

/// An organizational unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationalUnit {
    /// Its name, unique in its parent.
    pub name: String,
    /// The root or another unit.
    pub parent: OrganizationTarget,
}

/// A service control policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceControlPolicy {
    /// `p-…`; none for a policy that is only planned.
    pub id: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// What it says.
    pub document: PolicyDocument,
    /// What it is attached to.
    pub targets: BTreeSet<OrganizationTarget>,
}

impl Organization {
    /// The units of this name, or the one of this id; the root by its id or as `root`.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&OrganizationTarget> {
        if name == "root" || name == self.root.as_str() {
            return vec![&self.root];
        }
        let units = self.units.iter();
        units.filter(|(id, unit)| unit.name == name || id.as_str() == name).map(|(id, _)| id).collect()
    }

    /// The name by which people know a target.
    #[must_use]
    pub fn name_of(&self, target: &OrganizationTarget) -> Option<&str> {
        if *target == self.root {
            return Some("root");
        }
        let account = target.account().and_then(|id| self.accounts.get(&id));
        account.map(|account| account.name.as_str()).or_else(|| Some(&self.units.get(target)?.name))
    }
}

/// What a policy can be attached to: a root, an organizational unit or an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationTarget(Box<str>);

impl OrganizationTarget {
    /// The id: `r-…`, `ou-…` or an account's.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account, if it is one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.0.parse().ok()
    }
}

impl From<AccountId> for OrganizationTarget {
    fn from(account: AccountId) -> Self {
        Self(account.to_string().into())
    }
}

impl fmt::Display for OrganizationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OrganizationTarget {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let part = |part: &str, least: usize| {
            part.len() >= least && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let root = || text.strip_prefix("r-").is_some_and(|rest| part(rest, 4));
        let unit = || {
            let rest = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
            rest.is_some_and(|(root, rest)| part(root, 4) && part(rest, 8))
        };
        if text.parse::<AccountId>().is_ok() || root() || unit() {
            return Ok(Self(text.into()));
        }
        let problem = format!("`{}` is no id of a root, a unit or an account", text.escape_debug());
        Err(ParseError { what: "target of a policy", problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_roots_units_and_accounts() {
        for good in ["r-ab12", "ou-ab12-cdefgh34", "111111111111"] {
            assert_eq!(good.parse::<OrganizationTarget>().unwrap().as_str(), good);
        }
        for bad in ["", "root", "r-AB12", "ou-ab12", "11111111111", "p-abcdefgh"] {
            assert!(bad.parse::<OrganizationTarget>().is_err(), "{bad}");
        }
    }
}
