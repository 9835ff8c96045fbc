//! From `[organization]` to the policies that should stand in the organization.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{AccountId, UserName};

use super::guards::GuardSet;
use crate::{Design, DesignError, PolicyDocument};

/// Policies of guards on one account, which takes five: one is `FullAWSAccess`, one is
/// [`OrganizationDeny`](super::OrganizationDeny)'s.
const MOST: usize = 3;

/// What an estate asks of its organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredOrganization {
    /// The account that manages it.
    pub management: AccountId,
    /// The service control policies by name; empty where no guard is wanted, so that those that are there go.
    pub policies: BTreeMap<String, PolicyDocument>,
    /// What they are attached to.
    pub attach_to: Attachment,
    /// Whether the guards shut out whoever enters by other ways than the administrators' role.
    pub locks: bool,
    /// Whether they shut out root.
    pub bars_root: bool,
    /// Whether such guards are not to be attached this time: whoever carries the plan out would shut itself out. A
    /// design never says so.
    pub held_back: bool,
    /// The people who enter by it.
    pub administrators: BTreeSet<UserName>,
}

/// What guards are attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// To these accounts, one by one.
    Accounts(BTreeSet<AccountId>),
    /// To units of these names or ids, or to the root.
    Named(Vec<String>),
}

/// What a design asks of its organization; nothing where it does not speak of one.
pub(crate) fn desired(design: &Design) -> Result<Option<DesiredOrganization>, DesignError> {
    let Some(organization) = &design.organization else { return Ok(None) };
    let bastion = design.bastion.account.value;
    let set = GuardSet {
        guards: &organization.guards,
        partition: design.partition,
        bastion,
        also: design.administrators.also.iter().map(|also| also.arn.value.to_string()).collect(),
    };
    let policies = set.policies(&design.name.value).map_err(|size| DesignError {
        message: format!("a guard would have {size} characters, and AWS takes {}", super::SCP_SIZE),
        help: Some("declare fewer principals in `[administrators] also`".to_owned()),
        span: organization.span,
    })?;
    if policies.len() > MOST {
        return Err(DesignError {
            message: format!(
                "the guards would fill {} service control policies, and {MOST} have room",
                policies.len()
            ),
            help: Some(
                "an account takes 5, one of which is AWS's own and one is kept free for an emergency; \
                 declare fewer principals in `[administrators] also`"
                    .to_owned(),
            ),
            span: organization.span,
        });
    }
    let attach_to = if organization.attach_to.is_empty() {
        let others = design.accounts.values().map(|account| account.id.value);
        Attachment::Accounts(others.chain([bastion]).collect())
    } else {
        Attachment::Named(organization.attach_to.iter().map(|name| name.value.clone()).collect())
    };
    Ok(Some(DesiredOrganization {
        management: organization.management.value,
        policies,
        attach_to,
        locks: organization.guards.lock(),
        bars_root: organization.guards.no_root,
        held_back: false,
        administrators: design.administrators.people.iter().map(|person| person.value.clone()).collect(),
    }))
}
