//! Roles.

use postern_types::{PolicyArn, PolicyName, RoleName, SessionDuration};

use super::{At, Hanging, Hung, Phase, Surplus, is_admin_role, missing_tags, teardown::CLOSED_POLICY};
use crate::{Action, Kind, MANAGED_TAG, NoticeKind, PATH, PolicyDocument, Role, design::tags, narrow};

impl At<'_, '_> {
    pub(super) fn roles(&mut self) {
        for (name, wanted) in &self.wanted.roles {
            match self.found.roles.get(name) {
                None => {
                    if !self.other_case(Kind::Role, name.as_str(), self.found.roles.keys()) {
                        self.new_role(name, wanted);
                    }
                }
                Some(found) if !self.planner.owns_at(&found.tags, &found.path) => {
                    let owner = found.tags.get(MANAGED_TAG).cloned();
                    self.not_ours(Kind::Role, name.as_str(), owner, &found.path, Some(&found.tags));
                }
                Some(found) => self.role(name, found, wanted),
            }
        }
        for (name, found) in &self.found.roles {
            if self.wanted.roles.contains_key(name) || found.path.as_str() != PATH {
                continue;
            }
            if !self.planner.owns(&found.tags) {
                self.notice(Kind::Role, name.as_str(), NoticeKind::Stranger);
            } else if is_admin_role(name.as_str()) {
                self.notice(Kind::Role, name.as_str(), NoticeKind::LastWayInKept);
            } else {
                self.role_goes(name, found);
            }
        }
    }

    /// A role comes with its boundary and its trust, and only then with what it may do.
    fn new_role(&mut self, name: &RoleName, wanted: &Role) {
        let action = Action::CreateRole {
            role: name.clone(),
            path: wanted.path.clone(),
            trust: wanted.trust.clone(),
            max_session: wanted.max_session.unwrap_or(SessionDuration::HOUR),
            boundary: wanted.boundary.clone(),
            tags: wanted.tags.clone(),
        };
        self.push(Phase::Prepare, action);
        let gifts =
            Gifts { inline: wanted.inline.iter().collect(), attached: wanted.attached.iter().collect() };
        self.give(name, &gifts, true);
        self.give(name, &gifts, false);
    }

    /// Gives a role what of its new policies denies something, or else the rest.
    fn give(&mut self, role: &RoleName, gifts: &Gifts<'_>, denials: bool) {
        for (policy, document) in gifts.inline.iter().filter(|(_, document)| document.may_deny() == denials) {
            let phase = if document.only_denies() { Phase::Narrow } else { Phase::Widen };
            self.put_role_policy(phase, role, policy, document);
        }
        for policy in &gifts.attached {
            if (self.may_deny(policy) || self.only_denies(policy)) == denials {
                let (role, policy) = (role.clone(), (*policy).clone());
                self.push(Phase::Widen, Action::AttachRolePolicy { role, policy });
            }
        }
    }

    fn put_role_policy(
        &mut self,
        phase: Phase,
        role: &RoleName,
        policy: &PolicyName,
        document: &PolicyDocument,
    ) {
        let (role, policy, document) = (role.clone(), policy.clone(), document.clone());
        self.push(phase, Action::PutRolePolicy { role, policy, document });
    }

    fn role(&mut self, name: &RoleName, found: &Role, wanted: &Role) {
        let keys = tags::surplus(&found.tags, &wanted.tags);
        if !keys.is_empty() {
            self.push(Phase::Prepare, Action::UntagRole { role: name.clone(), keys });
        }
        if let Some(tags) = missing_tags(&found.tags, &wanted.tags) {
            self.push(Phase::Prepare, Action::TagRole { role: name.clone(), tags });
        }
        if found.trust.means_the_same(&wanted.trust) {
            self.max_session(name, found, wanted);
            self.role_policies(name, found, wanted);
            return;
        }
        let trust_between = narrow::trust(&found.trust, &wanted.trust);
        // For an administrators' role, nobody in between would be nobody at all: it changes in one step.
        let nobody_between = is_admin_role(name.as_str()) && trust_between.only_denies();
        if !nobody_between && !trust_between.means_the_same(&found.trust) {
            self.update_trust(Phase::Narrow, name, &trust_between);
        }
        self.max_session(name, found, wanted);
        self.role_policies(name, found, wanted);
        if nobody_between || !trust_between.means_the_same(&wanted.trust) {
            self.update_trust(Phase::Widen, name, &wanted.trust);
        }
    }

    fn update_trust(&mut self, phase: Phase, role: &RoleName, trust: &PolicyDocument) {
        self.push(phase, Action::UpdateAssumeRolePolicy { role: role.clone(), trust: trust.clone() });
    }

    fn max_session(&mut self, name: &RoleName, found: &Role, wanted: &Role) {
        let Some(max_session) = wanted.max_session.filter(|_| found.max_session != wanted.max_session) else {
            return;
        };
        let longer = found.max_session.is_none_or(|before| before < max_session);
        let phase = if longer { Phase::Widen } else { Phase::Narrow };
        let description = found.description.clone();
        self.push(phase, Action::UpdateRole { role: name.clone(), max_session, description });
    }

    fn role_policies(&mut self, name: &RoleName, found: &Role, wanted: &Role) {
        let unwanted = found.attached.difference(&wanted.attached).cloned();
        let attached = Surplus::sort(unwanted, |arn| self.only_denies(arn), |arn| self.may_deny(arn));
        for policy in attached.grants {
            self.push(Phase::Narrow, Action::DetachRolePolicy { role: name.clone(), policy });
        }
        let inline = Surplus::<()>::inline(&found.inline, |policy| !wanted.inline.contains_key(policy));
        for policy in inline.grants {
            self.push(Phase::Narrow, Action::DeleteRolePolicy { role: name.clone(), policy });
        }
        let boundary = self.boundary(name, found, wanted);
        if let Some((Phase::Narrow, action)) = &boundary {
            self.push(Phase::Narrow, action.clone());
        }
        let mut to_put = Vec::new();
        for (policy, document) in &wanted.inline {
            match found.inline.get(policy) {
                Some(old) if old.means_the_same(document) => {}
                Some(old) if document.stays_within(old) => {
                    self.put_role_policy(Phase::Narrow, name, policy, document);
                }
                Some(old) => {
                    // It takes and gives. What both documents have in common is not ours to write, so the
                    // old one goes first, unless it denies something.
                    if !old.may_deny() && !old.stays_within(document) {
                        let (role, policy) = (name.clone(), policy.clone());
                        self.push(Phase::Narrow, Action::DeleteRolePolicy { role, policy });
                    }
                    to_put.push((policy, document));
                }
                None => to_put.push((policy, document)),
            }
        }
        let gifts = Gifts { inline: to_put, attached: wanted.attached.difference(&found.attached).collect() };
        // New denials, then what denied and goes, then what opens.
        self.give(name, &gifts, true);
        for policy in attached.mixed {
            self.push(Phase::Widen, Action::DetachRolePolicy { role: name.clone(), policy });
        }
        for policy in inline.mixed {
            self.push(Phase::Widen, Action::DeleteRolePolicy { role: name.clone(), policy });
        }
        // Ours, of a teardown that did not get to its end.
        let (closed, denials): (Vec<_>, Vec<_>) =
            inline.denials.into_iter().partition(|policy| policy.as_str() == CLOSED_POLICY);
        for policy in closed {
            self.push(Phase::Widen, Action::DeleteRolePolicy { role: name.clone(), policy });
        }
        if let Some((Phase::Widen, action)) = boundary {
            self.push(Phase::Widen, action);
        }
        self.give(name, &gifts, false);
        let denials = denials.iter().map(ToString::to_string);
        let denials: Vec<String> = denials.chain(attached.denials.iter().map(ToString::to_string)).collect();
        for policy in denials {
            self.notice(Kind::Role, name.as_str(), NoticeKind::DenyKept { policy });
        }
    }

    /// The step that changes the boundary, and when it is due.
    fn boundary(&self, name: &RoleName, found: &Role, wanted: &Role) -> Option<(Phase, Action)> {
        if wanted.boundary == found.boundary {
            return None;
        }
        let role = name.clone();
        let Some(boundary) = wanted.boundary.clone() else {
            return Some((Phase::Widen, Action::DeleteRolePermissionsBoundary { role }));
        };
        let old = found.boundary.as_ref().and_then(|arn| self.customer_document(arn));
        let new = self.wanted.policies.get(boundary.name()).map(|policy| &policy.document);
        // Ours comes early, to close what someone opened by hand, unless it is seen to be the wider one.
        let widens = matches!((old, new), (Some(old), Some(new)) if old.stays_within(new));
        let phase = if widens { Phase::Widen } else { Phase::Narrow };
        Some((phase, Action::PutRolePermissionsBoundary { role, boundary }))
    }

    fn role_goes(&mut self, name: &RoleName, found: &Role) {
        for hung in Hanging::on(self, &found.inline, &found.attached).all() {
            let role = name.clone();
            let action = match hung {
                Hung::Attached(policy) => Action::DetachRolePolicy { role, policy },
                Hung::Inline(policy) => Action::DeleteRolePolicy { role, policy },
            };
            self.push(Phase::Narrow, action);
        }
        for instance_profile in found.instance_profiles.iter().cloned() {
            let role = name.clone();
            self.push(Phase::Narrow, Action::RemoveRoleFromInstanceProfile { role, instance_profile });
        }
        self.push(Phase::Narrow, Action::DeleteRole { role: name.clone() });
    }
}

/// Policies that a role is to be given.
struct Gifts<'g> {
    inline: Vec<(&'g PolicyName, &'g PolicyDocument)>,
    attached: Vec<&'g PolicyArn>,
}
