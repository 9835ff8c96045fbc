//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::PrincipalKind;

use super::{
    common::{
        ANY_PATH, TagKeys, check_boundary, check_path, find_role, find_role_mut, tagging, write_all_tags,
        write_boundary, write_tags,
    },
    trust,
};
use crate::{
    ServiceError,
    model::{Accessed, Account, Role, State, Tag, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateRole>(),
    entry::<GetRole>(),
    entry::<ListRoles>(),
    entry::<UpdateRole>(),
    entry::<UpdateRoleDescription>(),
    entry::<UpdateAssumeRolePolicy>(),
    entry::<DeleteRole>(),
];

/// How much of a role an answer shows. No two calls agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// `CreateRole`: neither description nor maximum session, tags and boundary if given.
    Created,
    /// `GetRole`: everything.
    Full,
    /// `ListRoles`: description and maximum session, but neither last use, nor tags, nor boundary.
    Listed,
    /// In instance profiles: what every answer has.
    Brief,
}

pub(super) fn write_role(xml: &mut Xml, state: &State, account: &Account, role: &Role, detail: Detail) {
    xml.text("Path", &role.path);
    xml.text("RoleName", &role.name);
    xml.text("RoleId", &role.id);
    xml.text("Arn", account.role_arn(role));
    xml.time("CreateDate", role.created);
    xml.document("AssumeRolePolicyDocument", &trust::shown(state, role));
    if matches!(detail, Detail::Full | Detail::Listed) {
        xml.maybe("Description", role.description.as_ref());
        xml.text("MaxSessionDuration", role.max_session_duration);
    }
    match detail {
        Detail::Created => {
            write_boundary(xml, role.boundary.as_deref());
            write_tags(xml, &role.tags);
        }
        Detail::Full => {
            write_boundary(xml, role.boundary.as_deref());
            write_all_tags(xml, &role.tags);
            write_last_used(xml, role);
        }
        Detail::Listed | Detail::Brief => {}
    }
}

/// `RoleLastUsed`, empty while the role is unused.
pub(super) fn write_last_used(xml: &mut Xml, role: &Role) {
    xml.element("RoleLastUsed", |xml| {
        if let Some(used) = &role.last_used {
            xml.time("LastUsedDate", used.at);
            xml.text("Region", &used.region);
        }
    });
}

fn exists_already(name: &str) -> ServiceError {
    ServiceError::already_exists(format!("Role with name {name} already exists."))
}

/// `CreateRole`
struct CreateRole {
    role_name: String,
    path: String,
    trust: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    boundary: Option<String>,
    tags: Vec<Tag>,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_name: d.required("RoleName", &rules::ROLE_NAME),
            path: d.optional("Path", &ANY_PATH).unwrap_or_else(|| "/".to_owned()),
            trust: d.required("AssumeRolePolicyDocument", &rules::POLICY_DOCUMENT),
            description: d.optional("Description", &rules::ROLE_DESCRIPTION),
            max_session_duration: d.optional_number("MaxSessionDuration", 3_600, 43_200),
            boundary: d.optional("PermissionsBoundary", &rules::ARN),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_path(&self.path)?;
        let arn = call.account().arn(&format!("role{}{}", self.path, self.role_name));
        let needs = Needs::on(arn.as_str())
            .request_tags(&self.tags)
            .maybe_key("iam:PermissionsBoundary", self.boundary.as_deref());
        Ok(tagging(needs, "iam:TagRole", &arn, &self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        // Our words: AWS keeps the path to itself, its text was not observed.
        if op.path.starts_with("/aws-service-role/") {
            return Err(ServiceError::validation(
                "Path /aws-service-role/ is reserved for service-linked roles.",
            ));
        }
        TagKeys::IgnoreCase.check(&op.tags)?;
        let trust = trust::stored(call.state, &op.trust)?;
        if let Some(arn) = &op.boundary {
            check_boundary(call.account(), arn)?;
        }
        if call.account().roles.contains(&op.role_name) {
            return Err(exists_already(&op.role_name));
        }
        if call.account().roles.len() >= 1_000 {
            return Err(ServiceError::limit_exceeded("Cannot exceed quota for RolesPerAccount: 1000"));
        }
        let role = Role {
            name: op.role_name.clone(),
            path: op.path.clone(),
            id: fresh_id(PrincipalKind::Role, call.rng),
            created: call.now,
            description: op.description.clone(),
            max_session_duration: op.max_session_duration.unwrap_or(3_600),
            trust,
            tags: op.tags.clone(),
            boundary: op.boundary.clone(),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            last_used: None,
            accessed: Accessed::default(),
        };
        call.account_mut().roles.insert(role).map_err(|role| exists_already(&role.name))?;
        let account = call.account();
        let role = find_role(account, &op.role_name)?;
        Ok(Reply::result(|xml| {
            xml.element("Role", |xml| write_role(xml, call.state, account, role, Detail::Created));
        }))
    }
}

/// `GetRole`
struct GetRole {
    role_name: String,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { role_name: d.required("RoleName", &rules::ROLE_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let role = find_role(account, &op.role_name)?;
        Ok(Reply::result(|xml| {
            xml.element("Role", |xml| write_role(xml, call.state, account, role, Detail::Full));
        }))
    }
}

/// `ListRoles`
struct ListRoles {
    path_prefix: String,
    paging: Paging,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            path_prefix: d.optional("PathPrefix", &rules::PATH_PREFIX).unwrap_or_else(|| "/".to_owned()),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn(&format!("role{}", self.path_prefix))))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let roles = account
            .roles
            .iter()
            .filter(|role| role.path.starts_with(&op.path_prefix))
            .map(|role| (role.name.to_ascii_lowercase(), role));
        let page = op.paging.cut(call, Self::NAME, roles)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "Roles", |xml, role| write_role(xml, call.state, account, role, Detail::Listed));
        }))
    }
}

/// `UpdateRole`: what is left out stays as it is.
struct UpdateRole {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_name: d.required("RoleName", &rules::ROLE_NAME),
            description: d.optional("Description", &rules::ROLE_DESCRIPTION),
            max_session_duration: d.optional_number("MaxSessionDuration", 3_600, 43_200),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let role = find_role_mut(call.account_mut(), &op.role_name)?;
        if let Some(description) = &op.description {
            role.description = Some(description.clone());
        }
        if let Some(seconds) = op.max_session_duration {
            role.max_session_duration = seconds;
        }
        // An empty result, not none: the model has an output without members here.
        Ok(Reply::result(|_| {}))
    }
}

/// `UpdateRoleDescription`: the elder brother of `UpdateRole`, which answers with the role.
struct UpdateRoleDescription {
    role_name: String,
    description: String,
}

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_name: d.required("RoleName", &rules::ROLE_NAME),
            description: d.required("Description", &rules::ROLE_DESCRIPTION),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        find_role_mut(call.account_mut(), &op.role_name)?.description = Some(op.description.clone());
        let account = call.account();
        let role = find_role(account, &op.role_name)?;
        Ok(Reply::result(|xml| {
            xml.element("Role", |xml| write_role(xml, call.state, account, role, Detail::Listed));
        }))
    }
}

/// `UpdateAssumeRolePolicy`: another trust policy.
struct UpdateAssumeRolePolicy {
    role_name: String,
    trust: String,
}

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_name: d.required("RoleName", &rules::ROLE_NAME),
            trust: d.required("PolicyDocument", &rules::POLICY_DOCUMENT),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        find_role_mut(call.account_mut(), &op.role_name)?;
        let trust = trust::stored(call.state, &op.trust)?;
        find_role_mut(call.account_mut(), &op.role_name)?.trust = trust;
        Ok(Reply::nothing())
    }
}

/// `DeleteRole`: only of a role that has nothing left but its boundary.
struct DeleteRole {
    role_name: String,
}

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { role_name: d.required("RoleName", &rules::ROLE_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        let role = find_role_mut(account, &op.role_name)?;
        let (id, attached, inline) = (role.id.clone(), !role.attached.is_empty(), !role.inline.is_empty());
        let in_profile = account.instance_profiles.iter().any(|profile| profile.role.as_ref() == Some(&id));
        let in_the_way = [
            (attached, "must detach all policies first."),
            (inline, "must delete policies first."),
            (in_profile, "must remove roles from instance profile first."),
        ];
        if let Some((_, first)) = in_the_way.iter().find(|(there, _)| *there) {
            return Err(ServiceError::delete_conflict(format!("Cannot delete entity, {first}")));
        }
        account.roles.remove(&op.role_name);
        Ok(Reply::nothing())
    }
}
