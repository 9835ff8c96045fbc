//! Users and groups.

use std::collections::BTreeSet;

use postern_types::{GroupName, PolicyName, UserName};

use super::{At, Phase, Surplus, missing_tags};
use crate::{
    ADMINISTRATORS_GROUP, Action, ConflictKind, Credentials, Group, INVITATION_POLICY, Kind, MANAGED_TAG,
    NoticeKind, PATH, PolicyDocument, User, contain, design::tags, invited_until, narrow,
};

impl At<'_, '_> {
    pub(super) fn groups(&mut self) {
        for (name, wanted) in &self.wanted.groups {
            match self.found.groups.get(name) {
                None => {
                    if self.other_case(Kind::Group, name.as_str(), self.found.groups.keys()) {
                        continue;
                    }
                    let action = Action::CreateGroup { group: name.clone(), path: wanted.path.clone() };
                    self.push(Phase::Prepare, action);
                    for (policy, document) in &wanted.inline {
                        self.put_group_policy(Phase::Grant, name, policy, document);
                    }
                }
                Some(found) if found.path.as_str() != PATH => {
                    self.conflict(Kind::Group, name.as_str(), ConflictKind::NotOurs { owner: None });
                }
                Some(found) => self.group(name, found, wanted),
            }
        }
        for (name, found) in &self.found.groups {
            if found.path.as_str() != PATH || self.wanted.groups.contains_key(name) {
                continue;
            }
            if self.keeps_administrators(name) {
                self.notice(Kind::Group, name.as_str(), NoticeKind::LastWayInKept);
                continue;
            }
            self.group_goes(name, found);
        }
    }

    /// Without administrators in the design, those that there are stay: someone must be able to get in.
    fn keeps_administrators(&self, group: &GroupName) -> bool {
        group.as_str() == ADMINISTRATORS_GROUP
            && self.found.groups.contains_key(group)
            && !self.wanted.groups.contains_key(group)
    }

    fn put_group_policy(
        &mut self,
        phase: Phase,
        group: &GroupName,
        policy: &PolicyName,
        document: &PolicyDocument,
    ) {
        let (group, policy, document) = (group.clone(), policy.clone(), document.clone());
        self.push(phase, Action::PutGroupPolicy { group, policy, document });
    }

    fn group(&mut self, name: &GroupName, found: &Group, wanted: &Group) {
        for (policy, document) in &wanted.inline {
            match found.inline.get(policy) {
                None => self.put_group_policy(Phase::Grant, name, policy, document),
                Some(old) if old.means_the_same(document) => {}
                Some(old) => {
                    let between = narrow::group(old, document);
                    if !between.means_the_same(old) {
                        self.put_group_policy(Phase::Narrow, name, policy, &between);
                    }
                    if !between.means_the_same(document) {
                        self.put_group_policy(Phase::Grant, name, policy, document);
                    }
                }
            }
        }
        let surplus = Surplus::<()>::inline(&found.inline, |policy| !wanted.inline.contains_key(policy));
        for (phase, policies) in [(Phase::Narrow, surplus.grants), (Phase::Grant, surplus.mixed)] {
            for policy in policies {
                self.push(phase, Action::DeleteGroupPolicy { group: name.clone(), policy });
            }
        }
        for policy in surplus.denials {
            self.notice(Kind::Group, name.as_str(), NoticeKind::DenyKept { policy: policy.to_string() });
        }
        let unwanted = found.attached.difference(&wanted.attached).cloned();
        let surplus = Surplus::sort(unwanted, |arn| self.only_denies(arn), |arn| self.may_deny(arn));
        for (phase, policies) in [(Phase::Narrow, surplus.grants), (Phase::Grant, surplus.mixed)] {
            for policy in policies {
                self.push(phase, Action::DetachGroupPolicy { group: name.clone(), policy });
            }
        }
        for policy in surplus.denials {
            self.notice(Kind::Group, name.as_str(), NoticeKind::DenyKept { policy: policy.to_string() });
        }
    }

    fn group_goes(&mut self, name: &GroupName, found: &Group) {
        // Users of ours leave by what the design says of them; all the others, and users who go, here.
        let strangers: Vec<UserName> = self
            .found
            .users
            .iter()
            .filter(|(_, user)| user.groups.contains(name) && !self.planner.owns_at(&user.tags, &user.path))
            .map(|(user, _)| user.clone())
            .collect();
        for user in strangers {
            self.push(Phase::Narrow, Action::RemoveUserFromGroup { group: name.clone(), user });
        }
        let attached = found.attached.iter().cloned();
        let attached = Surplus::sort(attached, |arn| self.only_denies(arn), |arn| self.may_deny(arn));
        for policy in attached.all() {
            self.push(Phase::CleanUp, Action::DetachGroupPolicy { group: name.clone(), policy });
        }
        for policy in Surplus::<()>::inline(&found.inline, |_| true).all() {
            self.push(Phase::CleanUp, Action::DeleteGroupPolicy { group: name.clone(), policy });
        }
        self.push(Phase::CleanUp, Action::DeleteGroup { group: name.clone() });
    }

    pub(super) fn users(&mut self) {
        for (name, wanted) in &self.wanted.users {
            match self.found.users.get(name) {
                None => {
                    if self.other_case(Kind::User, name.as_str(), self.found.users.keys()) {
                        continue;
                    }
                    let action = Action::CreateUser {
                        user: name.clone(),
                        path: wanted.path.clone(),
                        tags: wanted.tags.clone(),
                    };
                    self.push(Phase::Prepare, action);
                    for group in &wanted.groups {
                        self.push(
                            Phase::Grant,
                            Action::AddUserToGroup { group: group.clone(), user: name.clone() },
                        );
                    }
                }
                Some(found) if !self.planner.owns_at(&found.tags, &found.path) => {
                    let owner = found.tags.get(MANAGED_TAG).cloned();
                    self.not_ours(Kind::User, name.as_str(), owner, &found.path, Some(&found.tags));
                }
                Some(found) => self.user(name, found, wanted),
            }
        }
        for (name, found) in &self.found.users {
            if self.wanted.users.contains_key(name) {
                continue;
            }
            if self.planner.owns_at(&found.tags, &found.path) {
                self.user_goes(name, found);
            } else {
                self.stranger(name, found);
            }
        }
    }

    fn user(&mut self, name: &UserName, found: &User, wanted: &User) {
        let keys = tags::surplus(&found.tags, &wanted.tags);
        if !keys.is_empty() {
            self.push(Phase::Prepare, Action::UntagUser { user: name.clone(), keys });
        }
        if let Some(tags) = missing_tags(&found.tags, &wanted.tags) {
            self.push(Phase::Prepare, Action::TagUser { user: name.clone(), tags });
        }
        let kept: BTreeSet<&GroupName> =
            found.groups.iter().filter(|group| self.keeps_administrators(group)).collect();
        let invitation = self.open_invitation(name, found);
        self.user_policies(name, found, invitation.is_some());
        if let Some(until) = invitation {
            self.notice(Kind::User, name.as_str(), NoticeKind::InvitationOpen { until });
        }
        let leaves = found.groups.difference(&wanted.groups).filter(|group| !kept.contains(group));
        for group in self.denials_last(leaves) {
            // Where every administrator changes, the old ones go when the new ones are in.
            let phase = if self.last_administrators_leave(&group) { Phase::CleanUp } else { Phase::Narrow };
            let action = Action::RemoveUserFromGroup { group, user: name.clone() };
            self.planner.steps.push((phase, crate::Reach::Narrows, self.id, action));
        }
        // Whom a containment took out of their groups gets back by its undo, not by the way.
        let contained = contain::is_locked_out(found);
        for group in wanted.groups.difference(&found.groups).filter(|_| !contained) {
            self.push(Phase::Grant, Action::AddUserToGroup { group: group.clone(), user: name.clone() });
        }
        if let Some(boundary) = found.boundary.clone() {
            self.notice(Kind::User, name.as_str(), NoticeKind::BoundaryKept { boundary });
        }
    }

    /// Whether none of the group's present members is to be one any longer, though it has others to come.
    fn last_administrators_leave(&self, group: &GroupName) -> bool {
        let in_group = |user: &User| user.groups.contains(group);
        group.as_str() == ADMINISTRATORS_GROUP
            && self.wanted.users.values().any(in_group)
            && !self
                .wanted
                .users
                .iter()
                .any(|(name, user)| in_group(user) && self.found.users.get(name).is_some_and(in_group))
    }

    /// Until when a person may enrol by an invitation that was not used. Where the user's devices were read, one of
    /// them ends it too; for most plans they are not.
    fn open_invitation(&self, name: &UserName, found: &User) -> Option<String> {
        let has_no_device =
            found.credentials.as_ref().is_none_or(|credentials| credentials.mfa_devices.is_empty());
        invited_until(self.planner.desired.partition, self.id, name, found).filter(|_| has_no_device)
    }

    /// A user of ours has no policies of its own, an open invitation apart: what allows goes, what only denies stays.
    fn user_policies(&mut self, name: &UserName, found: &User, is_invited: bool) {
        let goes = |policy: &PolicyName| !is_invited || policy.as_str() != INVITATION_POLICY;
        let inline = Surplus::<()>::inline(&found.inline, goes);
        let attached = found.attached.iter().cloned();
        let attached = Surplus::sort(attached, |arn| self.only_denies(arn), |arn| self.may_deny(arn));
        for (phase, inline, attached) in
            [(Phase::Narrow, inline.grants, attached.grants), (Phase::Grant, inline.mixed, attached.mixed)]
        {
            for policy in attached {
                self.push(phase, Action::DetachUserPolicy { user: name.clone(), policy });
            }
            for policy in inline {
                self.push(phase, Action::DeleteUserPolicy { user: name.clone(), policy });
            }
        }
        let denials = inline.denials.iter().map(ToString::to_string);
        let denials: Vec<String> = denials.chain(attached.denials.iter().map(ToString::to_string)).collect();
        for policy in denials {
            self.notice(Kind::User, name.as_str(), NoticeKind::DenyKept { policy });
        }
    }

    /// A person who is no longer in the file is locked out at once. The user itself goes only if it
    /// holds no credential: keys and devices are for `off-board` to look at first.
    fn user_goes(&mut self, name: &UserName, found: &User) {
        let empty = found.credentials.as_ref().is_some_and(Credentials::is_empty);
        if !empty {
            self.user_policies(name, found, false);
        }
        for policy in found.attached.iter().filter(|_| empty).cloned() {
            self.push(Phase::Narrow, Action::DetachUserPolicy { user: name.clone(), policy });
        }
        for policy in found.inline.keys().filter(|_| empty).cloned() {
            self.push(Phase::Narrow, Action::DeleteUserPolicy { user: name.clone(), policy });
        }
        for group in self.denials_last(found.groups.iter()) {
            self.push(Phase::Narrow, Action::RemoveUserFromGroup { group, user: name.clone() });
        }
        if empty {
            self.push(Phase::Narrow, Action::DeleteUser { user: name.clone() });
        } else if found.credentials.is_some() {
            self.notice(Kind::User, name.as_str(), NoticeKind::OffBoard);
        } else {
            self.notice(Kind::User, name.as_str(), NoticeKind::OffBoardUnread);
        }
    }

    /// Groups in the order in which to leave them: those that someone let deny something at the end.
    pub(super) fn denials_last<'g>(&self, groups: impl Iterator<Item = &'g GroupName>) -> Vec<GroupName> {
        let mut groups: Vec<GroupName> = groups.cloned().collect();
        groups.sort_by_key(|name| self.group_may_deny(name));
        groups
    }

    /// Whether someone let the group deny something.
    pub(super) fn group_may_deny(&self, name: &GroupName) -> bool {
        self.found.groups.get(name).is_some_and(|group| {
            group.inline.values().any(PolicyDocument::may_deny)
                || group.attached.iter().any(|arn| self.may_deny(arn) || self.only_denies(arn))
        })
    }

    /// A user that is not ours has no business in a group of ours.
    fn stranger(&mut self, name: &UserName, found: &User) {
        let ours: Vec<GroupName> = found
            .groups
            .iter()
            .filter(|group| {
                let is_ours = self.found.groups.get(*group).is_some_and(|found| found.path.as_str() == PATH);
                is_ours && self.wanted.groups.contains_key(*group)
            })
            .cloned()
            .collect();
        for group in ours {
            self.push(Phase::Narrow, Action::RemoveUserFromGroup { group, user: name.clone() });
        }
        if found.path.as_str() == PATH {
            self.notice(Kind::User, name.as_str(), NoticeKind::Stranger);
        }
    }
}
