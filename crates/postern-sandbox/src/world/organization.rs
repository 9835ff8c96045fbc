//! Organizations as whoever runs the sandbox makes them: at once, without invitations.

use postern_types::{AccountId, Rng, Timestamp};

use super::World;
use crate::model::Organization;

/// An organization as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationInfo {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    /// The account that service control policies do not bind.
    pub management: AccountId,
    /// All accounts, the management account too.
    pub accounts: Vec<AccountId>,
}

/// Why accounts cannot be put into an organization. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// An account is in one organization at most.
    #[error("account {0} is in another organization")]
    Elsewhere(AccountId),
}

impl World {
    /// Makes an organization with this management account and these members, or adds the members to the one that
    /// the account manages. Service control policies are enabled in it, as the console does.
    ///
    /// # Errors
    /// When an account is not there, or in another organization.
    pub fn create_organization(
        &self,
        management: AccountId,
        members: &[AccountId],
        now: Timestamp,
        rng: &mut dyn Rng,
    ) -> Result<OrganizationInfo, OrganizationError> {
        let mut inner = self.lock();
        let now = inner.clock(now);
        let state = &mut inner.state;
        let partition = state.account(management).ok_or(OrganizationError::NoAccount(management))?.partition;
        for account in members {
            if state.account(*account).is_none() {
                return Err(OrganizationError::NoAccount(*account));
            }
        }
        let managed = |organization: &Organization| organization.management == management;
        let elsewhere = |account: &&AccountId| {
            state.organization_of(**account).is_some_and(|organization| !managed(organization))
        };
        if let Some(account) = std::iter::once(&management).chain(members).find(elsewhere) {
            return Err(OrganizationError::Elsewhere(*account));
        }
        if state.organization_of(management).is_none() {
            let mut organization = Organization::new(partition, management, now, rng);
            organization.enable_scps();
            state.organizations.push(organization);
        }
        let found = state.organization_of_mut(management);
        let organization = found.ok_or(OrganizationError::NoAccount(management))?;
        for account in members {
            if !organization.members.contains_key(account) {
                organization.join(*account, now);
            }
        }
        let info = OrganizationInfo {
            id: organization.id.clone(),
            root: organization.root.clone(),
            management,
            accounts: organization.members.keys().copied().collect(),
        };
        inner.revision += 1;
        Ok(info)
    }
}
