//! The guards of the organization: after all else, since they are to find the administrators' role in place.
//!
//! Guards that shut others out (`no_root`, `protect_postern`) are attached only when an administrator can enter
//! by that role: one who holds a key and an MFA device. Until then a notice says what is missing.

use std::collections::BTreeSet;

use postern_types::AccountId;

use super::Planner;
use crate::{
    Action, Conflict, ConflictKind, Estate, Kind, MANAGED_TAG, NoticeKind, Organization, OrganizationAction,
    OrganizationProblem, OrganizationTarget, Reach, StepKey, Tags,
    organization::{Attachment, DesiredOrganization, guards},
};

impl Planner<'_> {
    /// The steps of the organization, in their order.
    pub(super) fn organization(&mut self, actual: &Estate) -> Vec<(Reach, AccountId, Action)> {
        let Some(wanted) = &self.desired.organization else { return Vec::new() };
        let Some(found) = &actual.organization else {
            if !wanted.policies.is_empty() {
                self.problem(wanted.management, OrganizationProblem::None);
            }
            return Vec::new();
        };
        if found.management != wanted.management {
            let management = found.management;
            self.problem(wanted.management, OrganizationProblem::NotManagement { management });
            return Vec::new();
        }
        if !found.all_features && !wanted.policies.is_empty() {
            self.problem(wanted.management, OrganizationProblem::NoPolicies);
            return Vec::new();
        }
        let targets = if wanted.policies.is_empty() { BTreeSet::new() } else { self.targets(found, wanted) };
        let bastion = self.desired.bastion;
        if !wanted.policies.is_empty() && bastion == found.management {
            self.notice(bastion, Kind::Organization, "guards", NoticeKind::Unbound);
        }
        let way_in = !wanted.locks || self.way_in_is_open(actual);
        let opened = way_in && !(wanted.locks && wanted.held_back);
        let mut steps = Steps { management: found.management, steps: Vec::new() };
        if !wanted.policies.is_empty() && !found.scps_enabled {
            steps.push(Reach::Keeps, OrganizationAction::EnablePolicyType);
        }
        let mut waits = self.wanted_policies(found, wanted, opened, &mut steps);
        for name in wanted.policies.keys() {
            let attached = found.policies.get(name).map(|policy| &policy.targets);
            let missing = targets.iter().filter(|target| attached.is_none_or(|has| !has.contains(*target)));
            for target in missing {
                waits |= !opened;
                if opened {
                    steps.push(Reach::Narrows, attach(found, name, target));
                }
            }
        }
        if waits {
            let why = if way_in { NoticeKind::GuardsShutOut } else { NoticeKind::GuardsWait };
            self.notice(found.management, Kind::Organization, "guards", why);
        }
        self.surplus(found, wanted, &targets, &mut steps);
        steps.steps
    }

    fn problem(&mut self, account: AccountId, problem: OrganizationProblem) {
        let key = StepKey { account, kind: Kind::Organization, name: "guards".to_owned() };
        self.conflicts.push(Conflict { key, kind: ConflictKind::Organization(problem) });
    }

    /// Makes and changes the policies. True when a change has to wait: what is attached already would lock out at
    /// once.
    fn wanted_policies(
        &mut self,
        found: &Organization,
        wanted: &DesiredOrganization,
        opened: bool,
        steps: &mut Steps,
    ) -> bool {
        let mut waits = false;
        for (name, document) in &wanted.policies {
            let (policy, document) = (name.clone(), document.clone());
            match found.policies.get(name) {
                None => {
                    let tags = Tags::from([(MANAGED_TAG.to_owned(), self.desired.name.to_string())]);
                    steps.push(Reach::Keeps, OrganizationAction::CreatePolicy { policy, document, tags });
                }
                Some(there) if !self.owns(&there.tags) => {
                    let owner = there.tags.get(MANAGED_TAG).cloned();
                    let why = ConflictKind::NotOurs { owner };
                    self.conflict(found.management, Kind::ServiceControlPolicy, name, why);
                }
                Some(there) if there.document.means_the_same(&document) => {}
                Some(there) if there.targets.is_empty() => {
                    steps.push(Reach::Keeps, OrganizationAction::UpdatePolicy { policy, document });
                }
                Some(_) if !opened => waits = true,
                Some(_) => {
                    // It may leave more to someone and less to another.
                    steps.push(Reach::Widens, OrganizationAction::UpdatePolicy { policy, document });
                }
            }
        }
        waits
    }

    /// What is ours and not wanted: attachments elsewhere, policies of guards that are gone.
    fn surplus(
        &mut self,
        found: &Organization,
        wanted: &DesiredOrganization,
        targets: &BTreeSet<OrganizationTarget>,
        steps: &mut Steps,
    ) {
        let prefix = guards::prefix(&self.desired.name);
        for (name, policy) in &found.policies {
            if !name.starts_with(&prefix) || !self.owns(&policy.tags) {
                continue;
            }
            let stays = wanted.policies.contains_key(name);
            for target in policy.targets.iter().filter(|target| !stays || !targets.contains(*target)) {
                steps.push(Reach::Widens, detach(found, name, target));
            }
            if !stays {
                steps.push(Reach::Keeps, OrganizationAction::DeletePolicy { policy: name.clone() });
            }
        }
    }

    /// What the guards are to be attached to.
    fn targets(
        &mut self,
        found: &Organization,
        wanted: &DesiredOrganization,
    ) -> BTreeSet<OrganizationTarget> {
        let mut targets = BTreeSet::new();
        match &wanted.attach_to {
            Attachment::Accounts(accounts) => {
                for account in accounts.iter().filter(|account| **account != found.management) {
                    if found.accounts.contains_key(account) {
                        targets.insert(OrganizationTarget::from(*account));
                    } else {
                        self.problem(*account, OrganizationProblem::NotMember);
                    }
                }
            }
            Attachment::Named(names) => {
                for name in names {
                    match found.named(name).as_slice() {
                        [one] => {
                            targets.insert((*one).clone());
                        }
                        [] => self.problem(
                            found.management,
                            OrganizationProblem::NoSuchUnit { name: name.clone() },
                        ),
                        _ => self.problem(
                            found.management,
                            OrganizationProblem::SeveralUnits { name: name.clone() },
                        ),
                    }
                }
            }
        }
        targets
    }

    /// Whether an administrator could enter by the administrators' role.
    fn way_in_is_open(&self, actual: &Estate) -> bool {
        let Some(bastion) = actual.accounts.get(&self.desired.bastion) else { return false };
        let wanted = self.desired.organization.as_ref();
        wanted.is_some_and(|organization| {
            organization.administrators.iter().any(|person| {
                let credentials = bastion.users.get(person).and_then(|user| user.credentials.as_ref());
                credentials.is_some_and(|has| {
                    has.access_keys.values().any(|key| key.active) && !has.mfa_devices.is_empty()
                })
            })
        })
    }
}

struct Steps {
    management: AccountId,
    steps: Vec<(Reach, AccountId, Action)>,
}

impl Steps {
    fn push(&mut self, reach: Reach, action: OrganizationAction) {
        self.steps.push((reach, self.management, Action::Organization(action)));
    }
}

fn name_of(found: &Organization, target: &OrganizationTarget) -> String {
    found.name_of(target).unwrap_or(target.as_str()).to_owned()
}

fn attach(found: &Organization, policy: &str, target: &OrganizationTarget) -> OrganizationAction {
    let name = name_of(found, target);
    OrganizationAction::AttachPolicy { policy: policy.to_owned(), target: target.clone(), name }
}

fn detach(found: &Organization, policy: &str, target: &OrganizationTarget) -> OrganizationAction {
    let name = name_of(found, target);
    OrganizationAction::DetachPolicy { policy: policy.to_owned(), target: target.clone(), name }
}
