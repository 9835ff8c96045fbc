//! Users.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::PrincipalKind;

use crate::{
    ServiceError,
    model::{Account, Tag, User, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry, find_user},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[entry::<CreateUser>(), entry::<GetUser>(), entry::<ListUsers>()];

/// How much of a user an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// `ListUsers`: neither tags nor boundary.
    Brief,
    /// `CreateUser` and `GetUser`.
    Full,
}

fn write_user(xml: &mut Xml, account: &Account, user: &User, detail: Detail) {
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

fn write_boundary(xml: &mut Xml, boundary: Option<&str>) {
    if let Some(arn) = boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy");
            xml.text("PermissionsBoundaryArn", arn);
        });
    }
}

/// `Tags`, left out when there are none.
fn write_tags(xml: &mut Xml, tags: &[Tag]) {
    if !tags.is_empty() {
        xml.list("Tags", tags, |xml, tag| {
            xml.text("Key", &tag.key);
            xml.text("Value", &tag.value);
        });
    }
}

/// Refuses the same key twice; users and roles compare ignoring case.
fn check_tag_keys(tags: &[Tag]) -> Result<(), ServiceError> {
    let mut seen = BTreeSet::new();
    if tags.iter().all(|tag| seen.insert(tag.key.to_lowercase())) {
        Ok(())
    } else {
        Err(ServiceError::invalid_input(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ))
    }
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
            path: d.optional("Path", &rules::PATH).unwrap_or_else(|| "/".to_owned()),
            boundary: d.optional("PermissionsBoundary", &rules::ARN),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn(&format!("user{}{}", self.path, self.user_name)))
            .request_tags(&self.tags)
            .maybe_key("iam:PermissionsBoundary", self.boundary.as_deref()))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        check_tag_keys(&op.tags)?;
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
            password_last_used: None,
        };
        if call.account().users.len() >= 5_000 {
            return Err(ServiceError::limit_exceeded("Cannot exceed quota for UsersPerAccount: 5000"));
        }
        if call.account_mut().users.insert(user).is_err() {
            return Err(ServiceError::already_exists(format!(
                "User with name {} already exists.",
                op.user_name
            )));
        }
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
        let crate::operation::Subject::User(name) = call.owner_or_caller(op.user_name.as_deref())? else {
            // Root asks for itself: it has neither a name nor a path.
            return Ok(Reply::result(|xml| {
                xml.element("User", |xml| {
                    xml.text("UserId", account.id);
                    xml.text("Arn", account.root_arn());
                    xml.time("CreateDate", account.created);
                });
            }));
        };
        let user = find_user(account, &name)?;
        Ok(Reply::result(|xml| xml.element("User", |xml| write_user(xml, account, user, Detail::Full))))
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
