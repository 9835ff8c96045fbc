//! The stages of an old user: switched off, on again, deleted, made again.
//!
//! Off means a deny of everything and no active key; password, groups, policies and devices stay, so that the way back
//! is whole. The deny goes first on the way off and last on the way back: in between the user may do nothing, whatever
//! else is done or left. Where a user stands is written at AWS and nowhere else.

use std::collections::BTreeSet;

use postern_types::{AccountId, Partition, PolicyArn, PolicyName, Timestamp, UserName};

use crate::{
    Account, Action, Change, Kind, Plan, PolicyDocument, RareCredentials, Reach, Step, StepKey, Tags, User,
    contain::{Measure, Stage, active_keys, deny_with, is_denied_by, rare},
};

/// The inline policy that denies everything to a user who is off.
pub const OFF_POLICY: &str = "postern-migrate";
/// The tag that says since when a user is off.
pub const OFF_SINCE: &str = "postern:off-since";

/// Where an old user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As ever.
    On,
    /// Switched off.
    Off {
        /// Since when; none where that was not written down, or not to the end.
        since: Option<Timestamp>,
    },
}

impl Standing {
    /// Where this user stands.
    #[must_use]
    pub fn of(found: &User) -> Self {
        if is_denied_by(OFF_POLICY, found) { Self::Off { since: off_since(found) } } else { Self::On }
    }

    /// Whether the user is off.
    #[must_use]
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Off { .. })
    }
}

fn off_since(found: &User) -> Option<Timestamp> {
    found.tags.get(OFF_SINCE)?.parse().ok()
}

/// How to switch a user off.
#[derive(Clone, Copy, Debug)]
pub struct SwitchOff {
    /// The user's account.
    pub account: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// What is written down as the time.
    pub now: Timestamp,
}

impl SwitchOff {
    /// What the user, as found, still needs to be off. Nothing once they are.
    ///
    /// # Errors
    /// Never, as long as the fixed names are names.
    pub fn measures(&self, name: &UserName, found: &User) -> Result<Vec<Measure>, postern_types::ParseError> {
        let place = (self.account, self.partition);
        let mut measures = Vec::new();
        let mut add = |stage, action| measures.push(Measure::new(stage, self.account, action));
        let is_off = Standing::of(found).is_off();
        // Left of an earlier time, it would end the watch too early.
        if !is_off && found.tags.contains_key(OFF_SINCE) {
            add(Stage::Mark, untag(name));
        }
        measures.extend(deny_with(OFF_POLICY, place, name, found)?);
        let mut add = |stage, action| measures.push(Measure::new(stage, self.account, action));
        if let Some(held) = &found.credentials {
            active_keys(name, held).for_each(|action| add(Stage::AccessKeys, action));
            rare(name, held).into_iter().for_each(|action| add(Stage::RareCredentials, action));
        }
        if !is_off || off_since(found).is_none() {
            let whole = Timestamp::new(self.now.as_second(), 0).unwrap_or(self.now);
            let tags = Tags::from([(OFF_SINCE.to_owned(), whole.to_string())]);
            add(Stage::Mark, Action::TagUser { user: name.clone(), tags });
        }
        Ok(measures)
    }
}

fn untag(name: &UserName) -> Action {
    Action::UntagUser { user: name.clone(), keys: vec![OFF_SINCE.to_owned()] }
}

/// What switches a user on again. `before` are the calls that put back what stood before the user was switched off;
/// those that are done already, or whose credential is deleted, are left out.
#[must_use]
pub fn switch_on(account: AccountId, name: &UserName, found: &User, before: &[Action]) -> Vec<Measure> {
    let mut measures = Vec::new();
    if found.tags.contains_key(OFF_SINCE) {
        measures.push(Measure::new(Stage::Mark, account, untag(name)));
    }
    let wanted = before.iter().filter(|action| is_to_be_done(action, found));
    measures.extend(wanted.map(|action| Measure::new(place_of(action), account, action.clone())));
    // The deny is ours, whether anybody noted it or not.
    let ours = |policy: &&PolicyName| policy.as_str() == OFF_POLICY;
    if let Some(policy) = found.inline.keys().find(ours)
        && !before.iter().any(|action| matches!(action, Action::PutUserPolicy { policy: known, .. } | Action::DeleteUserPolicy { policy: known, .. } if known == policy))
    {
        let action = Action::DeleteUserPolicy { user: name.clone(), policy: policy.clone() };
        measures.push(Measure::new(Stage::Deny, account, action));
    }
    // What denies goes last.
    measures.sort_by_key(|measure| match (measure.stage, &measure.action) {
        (Stage::Mark, _) => 0,
        (Stage::Deny, Action::PutUserPolicy { .. } | Action::DeleteUserPolicy { .. }) => 3,
        (Stage::Deny, _) => 2,
        _ => 1,
    });
    measures
}

const fn place_of(action: &Action) -> Stage {
    match action {
        Action::UpdateAccessKey { .. } => Stage::AccessKeys,
        Action::UpdateSshPublicKey { .. }
        | Action::UpdateServiceSpecificCredential { .. }
        | Action::UpdateSigningCertificate { .. } => Stage::RareCredentials,
        _ => Stage::Deny,
    }
}

/// Whether a call that gives something back to a user is still to be made.
fn is_to_be_done(action: &Action, found: &User) -> bool {
    let held = found.credentials.as_ref();
    let rare = |is_active: &dyn Fn(&RareCredentials) -> Option<bool>| {
        held.and_then(|held| held.rare.as_ref()).and_then(is_active)
    };
    let differs = |is: Option<bool>, wanted: &bool| is.is_some_and(|is| is != *wanted);
    match action {
        Action::UpdateAccessKey { key, active, .. } => {
            differs(held.and_then(|held| Some(held.access_keys.get(key)?.active)), active)
        }
        Action::UpdateSshPublicKey { key, active, .. } => {
            differs(rare(&|rare| rare.ssh_public_keys.get(key).copied()), active)
        }
        Action::UpdateServiceSpecificCredential { credential, active, .. } => {
            differs(rare(&|rare| rare.service_specific.get(credential).copied()), active)
        }
        Action::UpdateSigningCertificate { certificate, active, .. } => {
            differs(rare(&|rare| rare.signing_certificates.get(certificate).copied()), active)
        }
        Action::PutUserPolicy { policy, document, .. } => {
            !found.inline.get(policy).is_some_and(|there| there.means_the_same(document))
        }
        Action::DeleteUserPolicy { policy, .. } => found.inline.contains_key(policy),
        Action::PutUserPermissionsBoundary { boundary, .. } => found.boundary.as_ref() != Some(boundary),
        Action::DeleteUserPermissionsBoundary { .. } => found.boundary.is_some(),
        Action::AddUserToGroup { group, .. } => !found.groups.contains(group),
        Action::AttachUserPolicy { policy, .. } => !found.attached.contains(policy),
        Action::CreateUser { .. } => false,
        _ => true,
    }
}

/// Whether a user holds a credential that is inactive: which of them were active before is then to be known from
/// elsewhere.
#[must_use]
pub fn holds_inactive(found: &User) -> bool {
    let Some(held) = &found.credentials else { return false };
    held.access_keys.values().any(|key| !key.active)
        || held.rare.as_ref().is_some_and(|rare| {
            let all = rare.ssh_public_keys.values().chain(rare.service_specific.values());
            all.chain(rare.signing_certificates.values()).any(|active| !active)
        })
}

/// The calls that make a user again as it was, with what denies first, and without a credential: nobody can make the
/// same secret again, and AWS gives the user another unique id.
#[must_use]
pub fn recreation(name: &UserName, was: &User) -> Vec<Action> {
    let user = || name.clone();
    let mut actions =
        vec![Action::CreateUser { user: user(), path: was.path.clone(), tags: was.tags.clone() }];
    if let Some(boundary) = &was.boundary {
        actions.push(Action::PutUserPermissionsBoundary { user: user(), boundary: boundary.clone() });
    }
    let put = |(policy, document): (&PolicyName, &PolicyDocument)| Action::PutUserPolicy {
        user: user(),
        policy: policy.clone(),
        document: document.clone(),
    };
    let (denials, grants): (Vec<_>, Vec<_>) =
        was.inline.iter().partition(|(_, document)| document.only_denies());
    actions.extend(denials.into_iter().chain(grants).map(put));
    let attach = |policy: &PolicyArn| Action::AttachUserPolicy { user: user(), policy: policy.clone() };
    actions.extend(was.attached.iter().map(attach));
    actions
        .extend(was.groups.iter().map(|group| Action::AddUserToGroup { user: user(), group: group.clone() }));
    actions
}

/// Those of the calls of a [`recreation`] that are still to be made.
#[must_use]
pub fn still_to_make(account: AccountId, found: Option<&User>, wanted: &[Action]) -> Vec<Measure> {
    let missing = wanted.iter().filter(|action| found.is_none_or(|found| is_to_be_done(action, found)));
    missing.map(|action| Measure::new(Stage::Restoration, account, action.clone())).collect()
}

/// The steps of a plan that take something from an account as it was found: bringing roles beside the users that are
/// there takes nothing.
#[must_use]
pub fn takes_from<'p>(plan: &'p Plan, account: AccountId, found: &Account) -> Vec<&'p Step> {
    let there = |key: &StepKey| match key.kind {
        Kind::User => found.users.keys().any(|name| name.as_str() == key.name),
        Kind::Group => found.groups.keys().any(|name| name.as_str() == key.name),
        Kind::Role => found.roles.keys().any(|name| name.as_str() == key.name),
        Kind::Policy => found.policies.keys().any(|name| name.as_str() == key.name),
        Kind::Account | Kind::Organization | Kind::ServiceControlPolicy => true,
    };
    let takes = |step: &&Step| {
        let key = step.key();
        key.account == account
            && there(&key)
            && (step.risk == Reach::Narrows || step.change() == Change::Delete)
    };
    plan.steps.iter().filter(takes).collect()
}

/// The virtual MFA devices that a user holds: they are deleted with it.
#[must_use]
pub fn virtual_devices(found: &User) -> BTreeSet<postern_types::MfaSerial> {
    let held = found.credentials.iter().flat_map(|held| held.mfa_devices.keys());
    held.filter(|serial| {
        serial.arn().is_some_and(|arn| arn.service() == "iam" && arn.resource().starts_with("mfa/"))
    })
    .cloned()
    .collect()
}

#[cfg(test)]
mod tests;
