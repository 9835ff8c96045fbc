//! Groups and who is in them.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::PrincipalKind;

use super::{
    common::{ANY_PATH, check_path, find_group, find_group_mut, find_user_mut},
    users::{Detail, write_user},
};
use crate::{
    ServiceError,
    model::{Account, Group, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry, find_user},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateGroup>(),
    entry::<GetGroup>(),
    entry::<ListGroups>(),
    entry::<UpdateGroup>(),
    entry::<DeleteGroup>(),
    entry::<AddUserToGroup>(),
    entry::<RemoveUserFromGroup>(),
    entry::<ListGroupsForUser>(),
];

/// Groups that one user may be in.
const GROUPS_PER_USER: usize = 10;

fn write_group(xml: &mut Xml, account: &Account, group: &Group) {
    xml.text("Path", &group.path);
    xml.text("GroupName", &group.name);
    xml.text("GroupId", &group.id);
    xml.text("Arn", account.group_arn(group));
    xml.time("CreateDate", group.created);
}

fn exists_already(name: &str) -> ServiceError {
    ServiceError::already_exists(format!("Group with name {name} already exists."))
}

/// `CreateGroup`
struct CreateGroup {
    group_name: String,
    path: String,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            group_name: d.required("GroupName", &rules::GROUP_NAME),
            path: d.optional("Path", &ANY_PATH).unwrap_or_else(|| "/".to_owned()),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_path(&self.path)?;
        Ok(Needs::on(call.account().arn(&format!("group{}{}", self.path, self.group_name))))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        if call.account().groups.contains(&op.group_name) {
            return Err(exists_already(&op.group_name));
        }
        if call.account().groups.len() >= 300 {
            return Err(ServiceError::limit_exceeded("Cannot exceed quota for GroupsPerAccount: 300"));
        }
        let group = Group {
            name: op.group_name.clone(),
            path: op.path.clone(),
            id: fresh_id(PrincipalKind::Group, call.rng),
            created: call.now,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
        };
        call.account_mut().groups.insert(group).map_err(|group| exists_already(&group.name))?;
        let account = call.account();
        let group = find_group(account, &op.group_name)?;
        Ok(Reply::result(|xml| xml.element("Group", |xml| write_group(xml, account, group))))
    }
}

/// `GetGroup`: the group and a page of its members.
struct GetGroup {
    group_name: String,
    paging: Paging,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { group_name: d.required("GroupName", &rules::GROUP_NAME), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_group(call.account(), &self.group_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let group = find_group(account, &op.group_name)?;
        let members = account.members(&group.id).map(|user| (user.name.to_ascii_lowercase(), user));
        let page = op.paging.cut(call, Self::NAME, members)?;
        Ok(Reply::result(|xml| {
            xml.element("Group", |xml| write_group(xml, account, group));
            page.write(xml, "Users", |xml, user| write_user(xml, account, user, Detail::Brief));
        }))
    }
}

/// `ListGroups`
struct ListGroups {
    path_prefix: String,
    paging: Paging,
}

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            path_prefix: d.optional("PathPrefix", &rules::PATH_PREFIX).unwrap_or_else(|| "/".to_owned()),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn(&format!("group{}", self.path_prefix))))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let groups = account
            .groups
            .iter()
            .filter(|group| group.path.starts_with(&op.path_prefix))
            .map(|group| (group.name.to_ascii_lowercase(), group));
        let page = op.paging.cut(call, Self::NAME, groups)?;
        Ok(Reply::result(|xml| page.write(xml, "Groups", |xml, group| write_group(xml, account, group))))
    }
}

/// `UpdateGroup`: another name, another path.
struct UpdateGroup {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            group_name: d.required("GroupName", &rules::GROUP_NAME),
            new_path: d.optional("NewPath", &ANY_PATH),
            new_group_name: d.optional("NewGroupName", &rules::GROUP_NAME),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        if let Some(path) = &self.new_path {
            check_path(path)?;
        }
        let account = call.account();
        let needs = Needs::on_group(account, &self.group_name);
        let Some(group) = account.groups.get(&self.group_name) else { return Ok(needs) };
        let path = self.new_path.as_ref().unwrap_or(&group.path);
        let name = self.new_group_name.as_ref().unwrap_or(&group.name);
        let target = account.arn(&format!("group{path}{name}"));
        Ok(if target == account.group_arn(group) { needs } else { needs.also("iam:UpdateGroup", target) })
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_group(account, &op.group_name)?;
        if let Some(new) = &op.new_group_name
            && !account.groups.rename(&op.group_name, new)
        {
            return Err(exists_already(new));
        }
        if let Some(path) = &op.new_path {
            let name = op.new_group_name.as_ref().unwrap_or(&op.group_name);
            find_group_mut(account, name)?.path.clone_from(path);
        }
        Ok(Reply::nothing())
    }
}

/// `DeleteGroup`: only of a group that is empty and has no policy.
struct DeleteGroup {
    group_name: String,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { group_name: d.required("GroupName", &rules::GROUP_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_group(call.account(), &self.group_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        let group = find_group(account, &op.group_name)?;
        let in_the_way = [
            (account.members(&group.id).next().is_some(), "must remove users from group first."),
            (!group.attached.is_empty(), "must detach all policies first."),
            (!group.inline.is_empty(), "must delete policies first."),
        ];
        if let Some((_, first)) = in_the_way.iter().find(|(there, _)| *there) {
            return Err(ServiceError::delete_conflict(format!("Cannot delete entity, {first}")));
        }
        account.groups.remove(&op.group_name);
        Ok(Reply::nothing())
    }
}

/// `AddUserToGroup`: of user and group both unknown, the user is reported.
struct AddUserToGroup {
    group_name: String,
    user_name: String,
}

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            group_name: d.required("GroupName", &rules::GROUP_NAME),
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_group(call.account(), &self.group_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_user(account, &op.user_name)?;
        let group = find_group(account, &op.group_name)?.id.clone();
        let user = find_user_mut(account, &op.user_name)?;
        if !user.groups.contains(&group) && user.groups.len() >= GROUPS_PER_USER {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}"
            )));
        }
        user.groups.insert(group);
        Ok(Reply::nothing())
    }
}

/// `RemoveUserFromGroup`: of user and group both unknown, the user is reported.
struct RemoveUserFromGroup {
    group_name: String,
    user_name: String,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            group_name: d.required("GroupName", &rules::GROUP_NAME),
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_group(call.account(), &self.group_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_user(account, &op.user_name)?;
        let group = find_group(account, &op.group_name)?.id.clone();
        // One who is no member is as removed as can be.
        find_user_mut(account, &op.user_name)?.groups.remove(&group);
        Ok(Reply::nothing())
    }
}

/// `ListGroupsForUser`
struct ListGroupsForUser {
    user_name: String,
    paging: Paging,
}

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.required("UserName", &rules::EXISTING_USER_NAME), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let user = find_user(account, &op.user_name)?;
        let groups =
            account.groups_of(user).into_iter().map(|group| (group.name.to_ascii_lowercase(), group));
        let page = op.paging.cut(call, Self::NAME, groups)?;
        Ok(Reply::result(|xml| page.write(xml, "Groups", |xml, group| write_group(xml, account, group))))
    }
}
