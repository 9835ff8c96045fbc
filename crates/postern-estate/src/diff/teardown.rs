//! Everything that is ours taken away again.
//!
//! The order is that of `diff` the other way round: first nobody reaches anything any more (memberships, then
//! groups and users in the bastion), then the roles go, then the policies that bounded them, and the
//! administrators' way in at the very end. Before all that the guards of the organization go, which protect what is
//! ours. No other step gives anything: what only denies goes last of all that hangs
//! on an object, and where two policies of a role both allow and deny, the role is closed before they go.
//! Credentials go, where they are to, before what denies something to their holder.

use std::collections::BTreeSet;

use postern_types::{AccountId, GroupName, MfaSerial, PolicyArn, PolicyName, RoleName, UserName};

use super::{At, Hanging, Hung, Phase, Planner, is_admin_role, step};
use crate::{
    ADMINISTRATORS_GROUP, Account, Action, ConflictKind, Credentials, Desired, Estate, Group, Kind,
    NoticeKind, PATH, Plan, Reach, Role, StepKey, User, contain::deleted_credentials, documents,
};

/// The inline policy that closes a role which is about to go.
pub(super) const CLOSED_POLICY: &str = "postern-closed";

/// The steps that take away what carries the estate's mark in the accounts of `desired`, and nothing else.
///
/// What is in `keep` stays with what hangs on it: the way in of whoever carries the plan out. Users who still hold
/// credentials are conflicts.
#[must_use]
pub fn teardown(actual: &Estate, desired: &Desired, keep: &BTreeSet<StepKey>) -> Plan {
    take_down(actual, desired, keep, None)
}

/// As [`teardown`], with the credentials of the users who go: nobody gets them back.
///
/// `unassigned` are virtual MFA devices that are nobody's. Those named after a user who goes, as `people enrol` names
/// them, go too: an earlier run may have stopped right before.
#[must_use]
pub fn teardown_with_credentials(
    actual: &Estate,
    desired: &Desired,
    keep: &BTreeSet<StepKey>,
    unassigned: &BTreeSet<MfaSerial>,
) -> Plan {
    take_down(actual, desired, keep, Some(unassigned))
}

fn take_down(
    actual: &Estate,
    desired: &Desired,
    keep: &BTreeSet<StepKey>,
    unassigned: Option<&BTreeSet<MfaSerial>>,
) -> Plan {
    let mut nothing = desired.clone();
    nothing.one_sided.clear();
    if let Some(organization) = &mut nothing.organization {
        organization.policies.clear();
    }
    for account in nothing.estate.accounts.values_mut() {
        *account = Account::default();
    }
    let mut planner =
        Planner { desired: &nothing, steps: Vec::new(), conflicts: Vec::new(), notices: Vec::new() };
    for (id, wanted) in &nothing.estate.accounts {
        match actual.accounts.get(id) {
            Some(found) => {
                let at = At { planner: &mut planner, id: *id, found, wanted };
                Ruin { at, keep, unassigned }.plan(desired);
            }
            None => planner.conflict(*id, Kind::Account, &id.to_string(), ConflictKind::NotRead),
        }
    }
    planner.finish_teardown(actual)
}

impl Planner<'_> {
    /// As `finish`, but the guards go first, since they protect the rest, and the policies before the way in.
    fn finish_teardown(mut self, actual: &Estate) -> Plan {
        let bastion = self.desired.bastion;
        let bastion_first = |account: AccountId| account != bastion;
        let (mut last, mut first): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.steps).into_iter().partition(|(phase, ..)| *phase == Phase::WayIn);
        first.sort_by_key(|(phase, _, account, _)| (*phase, bastion_first(*account), *account));
        last.sort_by_key(|(_, _, account, _)| (!bastion_first(*account), *account));
        let mut estate = actual.clone();
        let mut steps = Vec::new();
        for (risk, account, action) in self.organization(actual) {
            steps.push(step(&mut estate, account, action, risk));
        }
        for (_, risk, account, action) in first {
            steps.push(step(&mut estate, account, action, risk));
        }
        if self.conflicts.is_empty() {
            self.unused_policies(&mut estate, &mut steps);
        }
        for (_, risk, account, action) in last {
            steps.push(step(&mut estate, account, action, risk));
        }
        Plan { steps, conflicts: self.conflicts, notices: self.notices }
    }
}

/// One account of which everything of ours goes.
struct Ruin<'r, 'p, 'a> {
    at: At<'p, 'a>,
    keep: &'r BTreeSet<StepKey>,
    /// Virtual devices that are nobody's, where users go with their credentials.
    unassigned: Option<&'r BTreeSet<MfaSerial>>,
}

impl Ruin<'_, '_, '_> {
    fn plan(&mut self, desired: &Desired) {
        let found = self.at.found;
        let had = desired.estate.accounts.get(&self.at.id);
        if had.is_some_and(|had| had.password_policy.is_some() || had.alias.is_some()) {
            self.at.notice(Kind::Account, "settings", NoticeKind::SettingsKept);
        }
        for (name, user) in &found.users {
            if self.at.planner.owns_at(&user.tags, &user.path) {
                if self.keeps(Kind::User, name.as_str()) {
                    self.leave(name, user, Phase::Narrow, false);
                    self.leave(name, user, Phase::Narrow, true);
                } else {
                    self.user(name, user);
                }
            } else {
                self.stranger(name, user);
            }
        }
        for (name, group) in found.groups.iter().filter(|(_, group)| group.path.as_str() == PATH) {
            if !self.keeps(Kind::Group, name.as_str()) {
                self.group(name, group);
            }
        }
        for (name, role) in found.roles.iter().filter(|(_, role)| role.path.as_str() == PATH) {
            if !self.at.planner.owns(&role.tags) {
                self.at.notice(Kind::Role, name.as_str(), NoticeKind::Stranger);
            } else if !self.keeps(Kind::Role, name.as_str()) {
                self.role(name, role);
            }
        }
    }

    fn keeps(&mut self, kind: Kind, name: &str) -> bool {
        let key = StepKey { account: self.at.id, kind, name: name.to_owned() };
        let kept = self.keep.contains(&key);
        if kept {
            self.at.notice(kind, name, NoticeKind::WayInKept);
        }
        kept
    }

    /// Policies that somebody else made stay, only no longer attached here.
    fn foreign(&mut self, kind: Kind, name: &str, attached: &BTreeSet<PolicyArn>) {
        for arn in attached.iter().filter(|arn| arn.account().is_some() && arn.path().as_str() != PATH) {
            let what = format!("the policy {arn}, which was attached to it");
            self.at.notice(kind, name, NoticeKind::ForeignKept { what });
        }
    }

    fn user(&mut self, name: &UserName, found: &User) {
        let held = found.credentials.as_ref().filter(|held| held.is_empty() || self.unassigned.is_some());
        let Some(held) = held else {
            self.at.conflict(Kind::User, name.as_str(), ConflictKind::HoldsCredentials);
            return;
        };
        let administers = found.groups.iter().any(|group| group.as_str() == ADMINISTRATORS_GROUP);
        let phase = if administers { Phase::WayIn } else { Phase::Narrow };
        self.foreign(Kind::User, name.as_str(), &found.attached);
        // What denies goes when nothing is left that it could deny.
        let surplus = Hanging::on(&self.at, &found.inline, &found.attached);
        self.leave(name, found, phase, false);
        self.let_go(Phase::Narrow, name, surplus.grants);
        for action in deleted_credentials(name, held.clone(), &self.devices(name, held)) {
            self.push(phase, action);
        }
        self.leave(name, found, phase, true);
        self.let_go(phase, name, surplus.mixed.into_iter().chain(surplus.denials));
        self.push(phase, Action::DeleteUser { user: name.clone() });
    }

    /// The virtual devices that go with a user.
    fn devices(&self, name: &UserName, held: &Credentials) -> BTreeSet<MfaSerial> {
        let Some(unassigned) = self.unassigned else { return BTreeSet::new() };
        // `alice-2` may be a second device of alice, or the first one of alice-2.
        let owner = |device: &str| {
            let names = self.at.found.users.keys().filter(|user| is_named_after(device, user.as_str()));
            names.max_by_key(|user| user.as_str().len())
        };
        let theirs = |serial: &&MfaSerial| virtual_name(serial).is_some_and(|it| owner(&it) == Some(name));
        let enabled = held.mfa_devices.keys().filter(|serial| virtual_name(serial).is_some());
        enabled.chain(unassigned.iter().filter(theirs)).cloned().collect()
    }

    fn let_go(&mut self, phase: Phase, name: &UserName, policies: impl IntoIterator<Item = Hung>) {
        for hung in policies {
            let user = name.clone();
            let action = match hung {
                Hung::Attached(policy) => Action::DetachUserPolicy { user, policy },
                Hung::Inline(policy) => Action::DeleteUserPolicy { user, policy },
            };
            self.push(phase, action);
        }
    }

    /// A user leaves its groups but those that stay: those that only allow something, or those that may deny it.
    /// The administrators' goes with the way in.
    fn leave(&mut self, name: &UserName, found: &User, phase: Phase, denying: bool) {
        for group in found
            .groups
            .iter()
            .filter(|group| self.at.group_may_deny(group) == denying)
            .cloned()
            .collect::<Vec<_>>()
        {
            let key = StepKey { account: self.at.id, kind: Kind::Group, name: group.to_string() };
            if self.keep.contains(&key) {
                continue;
            }
            let administers = group.as_str() == ADMINISTRATORS_GROUP;
            let phase = if administers { phase } else { Phase::Narrow };
            self.push(phase, Action::RemoveUserFromGroup { group, user: name.clone() });
        }
    }

    /// A user who is not ours leaves our groups, which go, and stays.
    fn stranger(&mut self, name: &UserName, found: &User) {
        for group in self.at.denials_last(found.groups.iter()) {
            let ours = self.at.found.groups.get(&group).is_some_and(|group| group.path.as_str() == PATH);
            let key = StepKey { account: self.at.id, kind: Kind::Group, name: group.to_string() };
            if !ours || self.keep.contains(&key) {
                continue;
            }
            let what = format!("the user {name}, who was a member");
            self.at.notice(Kind::Group, group.as_str(), NoticeKind::ForeignKept { what });
            self.push(Phase::Narrow, Action::RemoveUserFromGroup { group, user: name.clone() });
        }
        if found.path.as_str() == PATH {
            self.at.notice(Kind::User, name.as_str(), NoticeKind::Stranger);
        }
    }

    /// The members have left: the order in which a group's policies go gives nobody anything.
    fn group(&mut self, name: &GroupName, found: &Group) {
        let phase = if name.as_str() == ADMINISTRATORS_GROUP { Phase::WayIn } else { Phase::CleanUp };
        self.foreign(Kind::Group, name.as_str(), &found.attached);
        for hung in Hanging::on(&self.at, &found.inline, &found.attached).all() {
            let group = name.clone();
            let action = match hung {
                Hung::Attached(policy) => Action::DetachGroupPolicy { group, policy },
                Hung::Inline(policy) => Action::DeleteGroupPolicy { group, policy },
            };
            self.push(phase, action);
        }
        self.push(phase, Action::DeleteGroup { group: name.clone() });
    }

    fn role(&mut self, name: &RoleName, found: &Role) {
        let phase = if is_admin_role(name.as_str()) { Phase::WayIn } else { Phase::CleanUp };
        self.foreign(Kind::Role, name.as_str(), &found.attached);
        let mut hanging = Hanging::on(&self.at, &found.inline, &found.attached);
        if hanging.mixed.len() > 1
            && let Ok(policy) = CLOSED_POLICY.parse::<PolicyName>()
        {
            let (role, document) = (name.clone(), documents::nothing());
            hanging.denials.retain(|hung| !matches!(hung, Hung::Inline(known) if *known == policy));
            hanging.denials.push(Hung::Inline(policy.clone()));
            if !found.inline.contains_key(&policy) {
                self.push(phase, Action::PutRolePolicy { role, policy, document });
            }
        }
        for hung in hanging.all() {
            let role = name.clone();
            let action = match hung {
                Hung::Attached(policy) => Action::DetachRolePolicy { role, policy },
                Hung::Inline(policy) => Action::DeleteRolePolicy { role, policy },
            };
            self.push(phase, action);
        }
        for instance_profile in found.instance_profiles.iter().cloned() {
            let what = format!("the instance profile {instance_profile}, which held it");
            self.at.notice(Kind::Role, name.as_str(), NoticeKind::ForeignKept { what });
            let role = name.clone();
            self.push(phase, Action::RemoveRoleFromInstanceProfile { role, instance_profile });
        }
        self.push(phase, Action::DeleteRole { role: name.clone() });
    }

    fn push(&mut self, phase: Phase, action: Action) {
        self.at.planner.steps.push((phase, Reach::Narrows, self.at.id, action));
    }
}

/// The name of a virtual device; none for one of hardware.
fn virtual_name(serial: &MfaSerial) -> Option<String> {
    let arn = serial.arn().filter(|arn| arn.service() == "iam")?;
    let name = arn.resource().strip_prefix("mfa/")?.rsplit('/').next()?;
    Some(name.to_owned())
}

/// Whether a device is called as a person's are: by the name, or by the name and a label.
fn is_named_after(device: &str, user: &str) -> bool {
    let (device, user) = (device.to_ascii_lowercase(), user.to_ascii_lowercase());
    device.strip_prefix(&user).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
