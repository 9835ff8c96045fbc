//! Instance profiles. The sandbox has no instances that would use them: it shows and guards them.

use postern_types::PrincipalKind;

use super::{
    common::{ANY_PATH, TagKeys, check_path, find_role, find_role_mut, tagging, write_tags},
    roles::{self, write_role},
};
use crate::{
    ServiceError,
    model::{Account, InstanceProfile, State, Tag, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateInstanceProfile>(),
    entry::<GetInstanceProfile>(),
    entry::<ListInstanceProfiles>(),
    entry::<ListInstanceProfilesForRole>(),
    entry::<DeleteInstanceProfile>(),
    entry::<AddRoleToInstanceProfile>(),
    entry::<RemoveRoleFromInstanceProfile>(),
];

/// As for users, groups and roles; no text was observed.
pub(super) fn profile_missing(name: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("Instance Profile {name} cannot be found."))
}

pub(super) fn find_profile<'a>(
    account: &'a Account,
    name: &str,
) -> Result<&'a InstanceProfile, ServiceError> {
    account.instance_profiles.get(name).ok_or_else(|| profile_missing(name))
}

/// The own action on an instance profile, which may not exist.
pub(super) fn needs_on_profile(account: &Account, name: &str) -> Needs {
    match account.instance_profiles.get(name) {
        Some(profile) => Needs::on(account.instance_profile_arn(profile)).resource_tags(&profile.tags),
        None => Needs::on(account.arn(&format!("instance-profile/{name}"))),
    }
}

pub(super) fn write_profile(xml: &mut Xml, state: &State, account: &Account, profile: &InstanceProfile) {
    xml.text("Path", &profile.path);
    xml.text("InstanceProfileName", &profile.name);
    xml.text("InstanceProfileId", &profile.id);
    xml.text("Arn", account.instance_profile_arn(profile));
    xml.time("CreateDate", profile.created);
    let role = profile.role.as_ref().and_then(|id| account.roles.by_id(id));
    xml.list("Roles", role, |xml, role| write_role(xml, state, account, role, roles::Detail::Brief));
    write_tags(xml, &profile.tags);
}

fn exists_already(name: &str) -> ServiceError {
    ServiceError::already_exists(format!("Instance Profile {name} already exists."))
}

/// `CreateInstanceProfile`
struct CreateInstanceProfile {
    name: String,
    path: String,
    tags: Vec<Tag>,
}

impl Operation for CreateInstanceProfile {
    const NAME: &'static str = "CreateInstanceProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            name: d.required("InstanceProfileName", &rules::INSTANCE_PROFILE_NAME),
            path: d.optional("Path", &ANY_PATH).unwrap_or_else(|| "/".to_owned()),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_path(&self.path)?;
        let arn = call.account().arn(&format!("instance-profile{}{}", self.path, self.name));
        let needs = Needs::on(arn.as_str()).request_tags(&self.tags);
        Ok(tagging(needs, "iam:TagInstanceProfile", &arn, &self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        TagKeys::Exact.check(&op.tags)?;
        if call.account().instance_profiles.contains(&op.name) {
            return Err(exists_already(&op.name));
        }
        if call.account().instance_profiles.len() >= 1_000 {
            return Err(ServiceError::limit_exceeded(
                "Cannot exceed quota for InstanceProfilesPerAccount: 1000",
            ));
        }
        let profile = InstanceProfile {
            name: op.name.clone(),
            path: op.path.clone(),
            id: fresh_id(PrincipalKind::InstanceProfile, call.rng),
            created: call.now,
            role: None,
            tags: op.tags.clone(),
        };
        call.account_mut().instance_profiles.insert(profile).map_err(|p| exists_already(&p.name))?;
        reply_with(call, &op.name)
    }
}

fn reply_with(call: &Call<'_>, name: &str) -> Result<Reply, ServiceError> {
    let account = call.account();
    let profile = find_profile(account, name)?;
    Ok(Reply::result(|xml| {
        xml.element("InstanceProfile", |xml| write_profile(xml, call.state, account, profile));
    }))
}

/// `GetInstanceProfile`
struct GetInstanceProfile {
    name: String,
}

impl Operation for GetInstanceProfile {
    const NAME: &'static str = "GetInstanceProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { name: d.required("InstanceProfileName", &rules::INSTANCE_PROFILE_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(needs_on_profile(call.account(), &self.name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        reply_with(call, &op.name)
    }
}

/// `ListInstanceProfiles`
struct ListInstanceProfiles {
    path_prefix: String,
    paging: Paging,
}

impl Operation for ListInstanceProfiles {
    const NAME: &'static str = "ListInstanceProfiles";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            path_prefix: d.optional("PathPrefix", &rules::PATH_PREFIX).unwrap_or_else(|| "/".to_owned()),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn(&format!("instance-profile{}", self.path_prefix))))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let profiles = account
            .instance_profiles
            .iter()
            .filter(|profile| profile.path.starts_with(&op.path_prefix))
            .map(|profile| (profile.name.to_ascii_lowercase(), profile));
        let page = op.paging.cut(call, Self::NAME, profiles)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "InstanceProfiles", |xml, profile| {
                write_profile(xml, call.state, account, profile);
            });
        }))
    }
}

/// `ListInstanceProfilesForRole`
struct ListInstanceProfilesForRole {
    role_name: String,
    paging: Paging,
}

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { role_name: d.required("RoleName", &rules::ROLE_NAME), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let role = find_role(account, &op.role_name)?;
        let profiles = account
            .instance_profiles
            .iter()
            .filter(|profile| profile.role.as_ref() == Some(&role.id))
            .map(|profile| (profile.name.to_ascii_lowercase(), profile));
        let page = op.paging.cut(call, Self::NAME, profiles)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "InstanceProfiles", |xml, profile| {
                write_profile(xml, call.state, account, profile);
            });
        }))
    }
}

/// `DeleteInstanceProfile`: only of one without a role.
struct DeleteInstanceProfile {
    name: String,
}

impl Operation for DeleteInstanceProfile {
    const NAME: &'static str = "DeleteInstanceProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { name: d.required("InstanceProfileName", &rules::INSTANCE_PROFILE_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(needs_on_profile(call.account(), &self.name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        if find_profile(account, &op.name)?.role.is_some() {
            return Err(ServiceError::delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first.",
            ));
        }
        account.instance_profiles.remove(&op.name);
        Ok(Reply::nothing())
    }
}

/// `AddRoleToInstanceProfile`: whoever does it hands the role to a service, so it takes `iam:PassRole`, too.
struct AddRoleToInstanceProfile {
    name: String,
    role_name: String,
}

impl Operation for AddRoleToInstanceProfile {
    const NAME: &'static str = "AddRoleToInstanceProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            name: d.required("InstanceProfileName", &rules::INSTANCE_PROFILE_NAME),
            role_name: d.required("RoleName", &rules::ROLE_NAME),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let account = call.account();
        let needs = needs_on_profile(account, &self.name);
        Ok(match account.roles.get(&self.role_name) {
            Some(role) => needs
                .also("iam:PassRole", account.role_arn(role))
                .resource_tags(&role.tags)
                .key("iam:PassedToService", "ec2.amazonaws.com"),
            None => needs,
        })
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_profile(account, &op.name)?;
        let role = find_role_mut(account, &op.role_name)?.id.clone();
        let profile = account.instance_profiles.get_mut(&op.name).ok_or_else(|| profile_missing(&op.name))?;
        if profile.role.is_some() {
            return Err(ServiceError::limit_exceeded(
                "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            ));
        }
        profile.role = Some(role);
        Ok(Reply::nothing())
    }
}

/// `RemoveRoleFromInstanceProfile`
struct RemoveRoleFromInstanceProfile {
    name: String,
    role_name: String,
}

impl Operation for RemoveRoleFromInstanceProfile {
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            name: d.required("InstanceProfileName", &rules::INSTANCE_PROFILE_NAME),
            role_name: d.required("RoleName", &rules::ROLE_NAME),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(needs_on_profile(call.account(), &self.name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_profile(account, &op.name)?;
        let role = find_role_mut(account, &op.role_name)?;
        let (id, name) = (role.id.clone(), role.name.clone());
        let profile = account.instance_profiles.get_mut(&op.name).ok_or_else(|| profile_missing(&op.name))?;
        // Our words: no text was observed.
        if profile.role.as_ref() != Some(&id) {
            return Err(ServiceError::no_such_entity(format!(
                "The role with name {name} cannot be found in instance profile {}.",
                profile.name
            )));
        }
        profile.role = None;
        Ok(Reply::nothing())
    }
}
