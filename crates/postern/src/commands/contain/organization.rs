//! The deny of the organization: the first thing that is done and the last that is undone.
//!
//! Whoever administers an account can take away what containment puts there, and a thief may be one of them. A
//! service control policy is out of their reach. Where the organization cannot deny, it is said, and containment
//! goes on without it.

use std::time::Duration;

use postern_aws::{Connection, OrganizationDenyError, execute::Settle};
use postern_estate::{DeniedPrincipal, OrganizationDeny};
use postern_types::{AccountId, Timestamp};

use super::{
    carry::{Carry, Case, Settings},
    journal::{Journal, Lift},
    scene::Scene,
    target::Target,
};
use crate::errors::CliError;

/// How long the organization may take: the measures in the account wait for it.
const SETTLE: Settle = Settle {
    first: Duration::from_millis(50),
    longest: Duration::from_secs(2),
    total: Duration::from_secs(10),
};

/// What the organization came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Above {
    /// The estate file names no organization, or a role's sessions end and no more.
    NotAsked,
    /// It denies them everything.
    Denied,
    /// It does not.
    Not {
        why: String,
        /// Whether another try may do it.
        passing: bool,
    },
}

/// Whom the organization is to deny everything.
pub(crate) enum Planned {
    NotAsked,
    Deny(AccountId, DeniedPrincipal),
    Cannot(String),
}

/// Whom it is to deny: a user, and a role only where it is closed to everyone, for it would deny whoever may go on
/// using it.
pub(crate) fn planned(scene: &Scene<'_>, case: &Case, settings: &Settings) -> Planned {
    let Some(organization) = &scene.file.design.organization else { return Planned::NotAsked };
    let account = case.target.account();
    let principal = match &case.target {
        Target::User(_, name) => {
            let is_read = scene.estate.accounts.contains_key(&account);
            let is_ours = account == scene.file.design.bastion.account.value
                && scene.file.design.people.contains_key(name);
            let Some(arn) = case.arn.as_ref().filter(|_| is_read || is_ours) else {
                return Planned::Cannot(format!("{} does not tell the user's path", scene.label(account)));
            };
            let id = case.user.as_ref().and_then(|user| user.id.clone());
            DeniedPrincipal { arn: arn.as_arn().clone(), id }
        }
        Target::Role(_, name) => {
            if !settings.close_trust {
                return Planned::NotAsked;
            }
            if scene.own_roles().get(&account) == Some(name) {
                return Planned::Cannot(format!("this run itself works through {name}"));
            }
            let found = scene.estate.accounts.get(&account).and_then(|found| found.roles.get(name));
            let (Some(found), Some(arn)) = (found, scene.role_arn(account, name)) else {
                return Planned::NotAsked;
            };
            DeniedPrincipal { arn: arn.as_arn().clone(), id: found.id.clone() }
        }
    };
    if account == organization.management.value {
        return Planned::Cannot(OrganizationDenyError::Unbound(account).to_string());
    }
    match scene.management() {
        Ok(_) => Planned::Deny(account, principal),
        Err(why) => Planned::Cannot(why),
    }
}

impl Scene<'_> {
    /// The way into the management account.
    fn management(&self) -> Result<&Connection, String> {
        let organization = self.file.design.organization.as_ref();
        // An account of the estate may have been entered anew.
        if let Some(own) = organization.and_then(|found| self.connections.get(&found.management.value)) {
            return Ok(own);
        }
        match &self.management {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) => Err("the estate file does not name its management account".to_owned()),
            Err(why) => Err(format!("no way into the management account: {why}")),
        }
    }

    /// Reads what the organization denies one by one, for the evaluation. Unread, it denies nobody.
    pub(super) fn read_denials(&mut self) {
        let scope = postern_aws::OrganizationScope { tree: false, policies: OrganizationDeny::POLICY };
        let found = self.management().ok().and_then(|connection| connection.organization(scope).ok());
        self.estate.organization = found.flatten();
    }
}

impl Carry<'_, '_> {
    /// Has the organization deny everything. Written down before the first call, so that an undo knows of it.
    pub(super) fn deny_above(&mut self) -> Result<Above, CliError> {
        let (account, principal) = match planned(self.scene, self.case, &self.settings) {
            Planned::NotAsked => return Ok(Above::NotAsked),
            Planned::Cannot(why) => {
                self.journal.say(Timestamp::now(), &format!("the organization does not deny it: {why}"));
                return Ok(Above::Not { why, passing: false });
            }
            Planned::Deny(account, principal) => (account, principal),
        };
        let Ok(management) = self.scene.management() else { return Ok(Above::NotAsked) };
        // A deny that stood before is not this containment's to lift.
        let mut known = Ok(true);
        if !self.record.is_denied_above(account, &principal) {
            known = management.is_denied_in_organization(account, &principal, SETTLE);
            if known == Ok(false) {
                self.record.note_denial_above(account, &principal);
                self.records.write(&self.case.target, self.record)?;
            }
        }
        let by = self.scene.management_account();
        let denied = known.and_then(|_| {
            self.journal.above(Timestamp::now(), by, Lift::No, &principal, None);
            management.deny_in_organization(account, &principal, SETTLE)
        });
        let result = denied.as_ref().map(|_| ()).map_err(ToString::to_string);
        self.journal.above(Timestamp::now(), by, Lift::No, &principal, Some(&result));
        Ok(match denied {
            Ok(_) => Above::Denied,
            Err(error) => Above::Not { why: error.to_string(), passing: is_passing(&error) },
        })
    }
}

const fn is_passing(error: &OrganizationDenyError) -> bool {
    matches!(
        error,
        OrganizationDenyError::NotSeen | OrganizationDenyError::TooLong(_) | OrganizationDenyError::Aws(_)
    )
}

/// Takes back what a containment had the organization deny; what stays, in words.
pub(crate) fn lift(
    scene: &Scene<'_>,
    denied: &[(AccountId, DeniedPrincipal)],
    journal: &mut Journal<'_>,
) -> Vec<String> {
    let by = scene.management_account();
    let mut left = Vec::new();
    for (account, principal) in denied {
        journal.above(Timestamp::now(), by, Lift::Yes, principal, None);
        let result = scene.management().and_then(|management| {
            let lifted = management.lift_in_organization(*account, principal, SETTLE);
            lifted.map(drop).map_err(|error| error.to_string())
        });
        journal.above(Timestamp::now(), by, Lift::Yes, principal, Some(&result));
        if let Err(why) = result {
            left.push(format!(
                "the organization still denies everything to {}, by the service control policy `{}`: {why}",
                principal.arn,
                OrganizationDeny::POLICY
            ));
        }
    }
    left
}
