//! What stands in the bastion and is neither ours nor AWS's own: people's door should have nothing else in it.

use crate::{Account, Desired, Estate, Kind, MANAGED_TAG, Notice, NoticeKind, PATH, StepKey, Tags};

/// Users, groups and roles of the bastion that the design does not have. What lies under `/postern/` without being
/// ours is in the notices of [`diff`](crate::diff).
#[must_use]
pub fn foreign(actual: &Estate, desired: &Desired) -> Vec<Notice> {
    let Some(found) = actual.accounts.get(&desired.bastion) else { return Vec::new() };
    let mut notices = Vec::new();
    let mut add = |kind: Kind, name: &str, what: NoticeKind| {
        let key = StepKey { account: desired.bastion, kind, name: name.to_owned() };
        notices.push(Notice { key, kind: what });
    };
    let ours = |tags: &Tags| tags.get(MANAGED_TAG).is_some_and(|owner| owner == desired.name.as_str());
    for (name, user) in &found.users {
        if !(ours(&user.tags) || user.path.as_str() == PATH) {
            let policies = user.inline.len() + user.attached.len();
            let groups = user.groups.len();
            add(Kind::User, name.as_str(), NoticeKind::ForeignUser { policies, groups });
        }
    }
    for (name, group) in found.groups.iter().filter(|(_, group)| group.path.as_str() != PATH) {
        let policies = group.inline.len() + group.attached.len();
        let members = members(found, name);
        add(Kind::Group, name.as_str(), NoticeKind::ForeignGroup { policies, members });
    }
    for (name, role) in &found.roles {
        let path = role.path.as_str();
        let by_aws = path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/");
        if !(by_aws || ours(&role.tags) || path == PATH) {
            add(Kind::Role, name.as_str(), NoticeKind::ForeignRole);
        }
    }
    notices
}

fn members(found: &Account, group: &postern_types::GroupName) -> usize {
    found.users.values().filter(|user| user.groups.contains(group)).count()
}
