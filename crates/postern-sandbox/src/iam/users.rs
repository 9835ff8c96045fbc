//! Users.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::PrincipalKind;

use super::common::{
    ANY_PATH, TagKeys, check_boundary, check_path, find_user_mut, tagging, write_boundary, write_tags,
};
use crate::{
    ServiceError,
    model::{Accessed, Account, Owner, RareCredentials, Tag, User, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry, find_user},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateUser>(),
    entry::<GetUser>(),
    entry::<ListUsers>(),
    entry::<UpdateUser>(),
    entry::<DeleteUser>(),
];

/// How much of a user an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// `ListUsers`, `GetGroup`: neither tags nor boundary.
    Brief,
    /// `CreateUser` and `GetUser`.
    Full,
}

pub(super) fn write_user(xml: &mut Xml, account: &Account, user: &User, detail: Detail) {
    xml.text("Path", &user.path);
    xml.text("UserName", &user.name);
    xml.text("UserId", &user.id);
    xml.text("Arn", account.user_arn(user));
    xml.time("CreateDate", user.created);
    if let Some(used) = user.password_last_used {
        xml.time("PasswordLastUsed", used);
    }
    if detail == Detail::Full {
        write_boundary(xml, user.boundary.as_deref());
        write_tags(xml, &user.tags);
    }
}

/// The root user as `GetUser` and the lists of MFA devices show it: it has neither a name nor a path.
pub(super) fn write_root(xml: &mut Xml, account: &Account) {
    xml.text("UserId", account.id);
    xml.text("Arn", account.root_arn());
    xml.time("CreateDate", account.created);
}

fn exists_already(name: &str) -> ServiceError {
    ServiceError::already_exists(format!("User with name {name} already exists."))
}

/// `CreateUser`
struct CreateUser {
    user_name: String,
    path: String,
    boundary: Option<String>,
    tags: Vec<Tag>,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::USER_NAME),
            path: d.optional("Path", &ANY_PATH).unwrap_or_else(|| "/".to_owned()),
            boundary: d.optional("PermissionsBoundary", &rules::ARN),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_path(&self.path)?;
        let arn = call.account().arn(&format!("user{}{}", self.path, self.user_name));
        let needs = Needs::on(arn.as_str())
            .request_tags(&self.tags)
            .maybe_key("iam:PermissionsBoundary", self.boundary.as_deref());
        Ok(tagging(needs, "iam:TagUser", &arn, &self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        TagKeys::IgnoreCase.check(&op.tags)?;
        if let Some(arn) = &op.boundary {
            check_boundary(call.account(), arn)?;
        }
        if call.account().users.contains(&op.user_name) {
            return Err(exists_already(&op.user_name));
        }
        if call.account().users.len() >= 5_000 {
            return Err(ServiceError::limit_exceeded("Cannot exceed quota for UsersPerAccount: 5000"));
        }
        let user = User {
            name: op.user_name.clone(),
            path: op.path.clone(),
            id: fresh_id(PrincipalKind::User, call.rng),
            created: call.now,
            tags: op.tags.clone(),
            boundary: op.boundary.clone(),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            groups: BTreeSet::new(),
            login_profile: None,
            rare: RareCredentials::default(),
            password_last_used: None,
            accessed: Accessed::default(),
        };
        call.account_mut().users.insert(user).map_err(|user| exists_already(&user.name))?;
        let account = call.account();
        let user = find_user(account, &op.user_name)?;
        Ok(Reply::result(|xml| xml.element("User", |xml| write_user(xml, account, user, Detail::Full))))
    }
}

/// `GetUser`: the caller's own user when no name is given.
struct GetUser {
    user_name: Option<String>,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::EXISTING_USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        match call.owner_or_caller(op.user_name.as_deref())? {
            Subject::Root => Ok(Reply::result(|xml| xml.element("User", |xml| write_root(xml, account)))),
            Subject::User(name) => {
                let user = find_user(account, &name)?;
                Ok(Reply::result(|xml| {
                    xml.element("User", |xml| write_user(xml, account, user, Detail::Full));
                }))
            }
        }
    }
}

/// `ListUsers`
struct ListUsers {
    path_prefix: String,
    paging: Paging,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            path_prefix: d.optional("PathPrefix", &rules::PATH_PREFIX).unwrap_or_else(|| "/".to_owned()),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn(&format!("user{}", self.path_prefix))))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let users = account
            .users
            .iter()
            .filter(|user| user.path.starts_with(&op.path_prefix))
            .map(|user| (user.name.to_ascii_lowercase(), user));
        let page = op.paging.cut(call, Self::NAME, users)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "Users", |xml, user| write_user(xml, account, user, Detail::Brief));
        }))
    }
}

/// `UpdateUser`: another name, another path; id, keys, groups and policies stay.
struct UpdateUser {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
            new_path: d.optional("NewPath", &ANY_PATH),
            new_user_name: d.optional("NewUserName", &rules::USER_NAME),
        }
    }

    // "The requester must have permissions on both the source object and the target object" (UpdateUser).
    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        if let Some(path) = &self.new_path {
            check_path(path)?;
        }
        let account = call.account();
        let needs = Needs::on_user(account, &self.user_name);
        let Some(user) = account.users.get(&self.user_name) else { return Ok(needs) };
        let path = self.new_path.as_ref().unwrap_or(&user.path);
        let name = self.new_user_name.as_ref().unwrap_or(&user.name);
        let target = account.arn(&format!("user{path}{name}"));
        if target == account.user_arn(user) {
            return Ok(needs);
        }
        Ok(needs.also("iam:UpdateUser", target).resource_tags(&user.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_user(account, &op.user_name)?;
        if let Some(new) = &op.new_user_name
            && !account.users.rename(&op.user_name, new)
        {
            return Err(exists_already(new));
        }
        if let Some(path) = &op.new_path {
            let name = op.new_user_name.as_ref().unwrap_or(&op.user_name);
            find_user_mut(account, name)?.path.clone_from(path);
        }
        Ok(Reply::nothing())
    }
}

/// `DeleteUser`: only of a user who has nothing left.
struct DeleteUser {
    user_name: String,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.required("UserName", &rules::EXISTING_USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        let user = find_user(account, &op.user_name)?;
        let owner = Owner::User(user.id.clone());
        let in_the_way = [
            (!user.attached.is_empty(), "must detach all policies first."),
            (!user.inline.is_empty(), "must delete policies first."),
            (account.keys_of(&owner).next().is_some(), "must delete access keys first."),
            (user.login_profile.is_some(), "must delete login profile first."),
            (!user.groups.is_empty(), "must remove users from group first."),
            (account.mfa_devices_of(&owner).next().is_some(), "must delete MFA device first."),
            (!user.rare.is_empty(), "must remove referenced objects first."),
        ];
        if let Some((_, first)) = in_the_way.iter().find(|(there, _)| *there) {
            return Err(ServiceError::delete_conflict(format!("Cannot delete entity, {first}")));
        }
        account.users.remove(&op.user_name);
        Ok(Reply::nothing())
    }
}
