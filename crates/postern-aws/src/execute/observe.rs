//! What stands at AWS where an action is to change something.

use std::fmt::Display;

use aws_sdk_iam::types::{Policy, Role, User};
use percent_encoding::percent_decode_str;
use postern_estate::{Action, PolicyDocument, Tags};
use postern_types::{PolicyArn, PolicyName, RoleName, UserName};

use super::{Place, organization};
use crate::{AwsError, Kind, collect};

/// What was found.
#[derive(Debug)]
pub(super) enum Seen {
    /// What the action would bring about.
    Wanted,
    /// Not yet that, in a way that no precondition could object to.
    Pending,
    /// The object is not there.
    Absent,
    /// Another document than the action's, or the one that it deletes.
    Document(PolicyDocument),
    /// The object is there and is not what the action would make of it.
    Differs(String),
}

/// Whether two documents say the same.
pub(super) fn same(one: &PolicyDocument, other: &PolicyDocument) -> bool {
    one.means_the_same(other)
}

/// Reads one object. A call that finds nothing is `None`.
macro_rules! read {
    ($place:ident, $operation:literal, $call:expr) => {
        match Box::pin($call.send()).await {
            Ok(output) => Some(output),
            Err(error) => {
                let error = $place.connection.error(&error, concat!("iam:", $operation));
                if error.kind != Kind::NotFound {
                    return Err(error);
                }
                None
            }
        }
    };
}

/// Whether a list holds what is asked for. A list of something that is not there is empty.
macro_rules! listed {
    ($place:ident, $operation:literal, $call:expr, $found:expr) => {{
        let mut items = $call.into_paginator().items().send();
        let is_it = $found;
        loop {
            match Box::pin(items.next()).await {
                None => break false,
                Some(Ok(item)) if is_it(&item) => break true,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    let error = $place.connection.error(&error, concat!("iam:", $operation));
                    if error.kind == Kind::NotFound {
                        break false;
                    }
                    return Err(error);
                }
            }
        }
    }};
}

pub(super) async fn observe(place: &Place<'_>, action: &Action) -> Result<Seen, AwsError> {
    let iam = &place.connection.iam;
    Ok(match action {
        Action::CreateAccountAlias { alias } => {
            let aliases = collect::aliases(place.connection).await?;
            match aliases.first() {
                Some(found) if found == alias.as_str() => Seen::Wanted,
                Some(found) => Seen::Differs(format!("the alias is now {found}")),
                None => Seen::Absent,
            }
        }
        Action::DeleteAccountAlias { alias } => {
            let aliases = collect::aliases(place.connection).await?;
            gone(aliases.iter().any(|found| found == alias.as_str()))
        }
        Action::UpdateAccountPasswordPolicy { policy } => {
            there(collect::password_policy(place.connection).await? == Some(*policy))
        }

        Action::CreateUser { user, path, tags } => match self::user(place, user).await? {
            None => Seen::Absent,
            Some(found) if found.path() == path.as_str() && has(found.tags(), tags) => Seen::Wanted,
            Some(found) => differs("user", found.arn()),
        },
        Action::TagUser { user, tags } => match self::user(place, user).await? {
            None => Seen::Absent,
            Some(found) => there(has(found.tags(), tags)),
        },
        Action::UntagUser { user, keys } => match self::user(place, user).await? {
            None => Seen::Absent,
            Some(found) => gone(found.tags().iter().any(|tag| keys.iter().any(|key| key == tag.key()))),
        },
        Action::PutUserPolicy { user, policy, document } => {
            put(user_policy(place, user, policy).await?, document)
        }
        Action::DeleteUserPolicy { user, policy } => deleted(user_policy(place, user, policy).await?),
        Action::AttachUserPolicy { user, policy } => there(attached_to_user(place, user, policy).await?),
        Action::DetachUserPolicy { user, policy } => gone(attached_to_user(place, user, policy).await?),
        Action::DeleteUser { user } => gone(self::user(place, user).await?.is_some()),

        Action::PutUserPermissionsBoundary { user, boundary } => match self::user(place, user).await? {
            None => Seen::Absent,
            Some(found) => there(bounding_user(&found) == Some(boundary.as_str())),
        },
        Action::DeleteUserPermissionsBoundary { user } => match self::user(place, user).await? {
            None => Seen::Absent,
            Some(found) => gone(bounding_user(&found).is_some()),
        },
        Action::UpdateAccessKey { .. }
        | Action::DeleteAccessKey { .. }
        | Action::DeleteLoginProfile { .. }
        | Action::DeactivateMfaDevice { .. }
        | Action::DeleteVirtualMfaDevice { .. }
        | Action::UpdateSshPublicKey { .. }
        | Action::DeleteSshPublicKey { .. }
        | Action::UpdateServiceSpecificCredential { .. }
        | Action::DeleteServiceSpecificCredential { .. }
        | Action::UpdateSigningCertificate { .. }
        | Action::DeleteSigningCertificate { .. } => credential(place, action).await?,

        Action::CreateGroup { group, path } => {
            let call = iam.get_group().group_name(group.as_str()).max_items(1);
            match read!(place, "GetGroup", call).and_then(|output| output.group) {
                None => Seen::Absent,
                Some(found) if found.path() == path.as_str() => Seen::Wanted,
                Some(found) => differs("group", found.arn()),
            }
        }
        Action::PutGroupPolicy { group, policy, document } => {
            let call = iam.get_group_policy().group_name(group.as_str()).policy_name(policy.as_str());
            let found = read!(place, "GetGroupPolicy", call);
            put(found.map(|found| clear(found.policy_document())), document)
        }
        Action::DeleteGroupPolicy { group, policy } => {
            let call = iam.get_group_policy().group_name(group.as_str()).policy_name(policy.as_str());
            let found = read!(place, "GetGroupPolicy", call);
            deleted(found.map(|found| clear(found.policy_document())))
        }
        Action::AttachGroupPolicy { group, policy } => {
            there(attached_to_group(place, group.as_str(), policy).await?)
        }
        Action::DetachGroupPolicy { group, policy } => {
            gone(attached_to_group(place, group.as_str(), policy).await?)
        }
        Action::AddUserToGroup { group, user } => there(is_member(place, user, group.as_str()).await?),
        Action::RemoveUserFromGroup { group, user } => gone(is_member(place, user, group.as_str()).await?),
        Action::DeleteGroup { group } => {
            let call = iam.get_group().group_name(group.as_str()).max_items(1);
            gone(read!(place, "GetGroup", call).is_some())
        }

        Action::CreatePolicy { policy, path, document, tags } => {
            let arn = PolicyArn::new(place.partition, place.account, path, policy);
            match default_version(place, &arn).await? {
                None => Seen::Absent,
                Some((_, found)) if !same(&found, document) => {
                    Seen::Differs(format!("the policy {arn} is there, with the document {found}"))
                }
                Some((found, _)) if has(found.tags(), tags) => Seen::Wanted,
                Some(_) => differs("policy", &arn),
            }
        }
        Action::CreatePolicyVersion { policy, document } => {
            put(default_version(place, policy).await?.map(|(_, found)| found), document)
        }
        Action::DeletePolicyVersion { policy, version } => {
            let call = iam.get_policy_version().policy_arn(policy.as_str()).version_id(version);
            gone(read!(place, "GetPolicyVersion", call).is_some())
        }
        Action::TagPolicy { policy, tags } => match self::policy(place, policy).await? {
            None => Seen::Absent,
            Some(found) => there(has(found.tags(), tags)),
        },
        Action::UntagPolicy { policy, keys } => match self::policy(place, policy).await? {
            None => Seen::Absent,
            Some(found) => gone(found.tags().iter().any(|tag| keys.iter().any(|key| key == tag.key()))),
        },
        Action::DeletePolicy { policy } => gone(self::policy(place, policy).await?.is_some()),

        Action::CreateRole { role, path, trust, max_session, boundary, tags } => {
            match self::role(place, role).await? {
                None => Seen::Absent,
                Some(found) => {
                    let as_wanted = found.path() == path.as_str()
                        && same(&trust_of(&found), trust)
                        && found.max_session_duration() == i32::try_from(max_session.seconds()).ok()
                        && boundary_of(&found) == boundary.as_ref().map(PolicyArn::as_str)
                        && has(found.tags(), tags);
                    if as_wanted { Seen::Wanted } else { differs("role", found.arn()) }
                }
            }
        }
        Action::UpdateAssumeRolePolicy { role, trust } => {
            put(self::role(place, role).await?.as_ref().map(trust_of), trust)
        }
        Action::UpdateRole { role, max_session, description } => match self::role(place, role).await? {
            None => Seen::Absent,
            Some(found) => there(
                found.max_session_duration() == i32::try_from(max_session.seconds()).ok()
                    && description.as_deref().unwrap_or_default() == found.description().unwrap_or_default(),
            ),
        },
        Action::PutRolePermissionsBoundary { role, boundary } => match self::role(place, role).await? {
            None => Seen::Absent,
            Some(found) => there(boundary_of(&found) == Some(boundary.as_str())),
        },
        Action::DeleteRolePermissionsBoundary { role } => match self::role(place, role).await? {
            None => Seen::Absent,
            Some(found) => gone(boundary_of(&found).is_some()),
        },
        Action::AttachRolePolicy { role, policy } => there(attached_to_role(place, role, policy).await?),
        Action::DetachRolePolicy { role, policy } => gone(attached_to_role(place, role, policy).await?),
        Action::PutRolePolicy { role, policy, document } => {
            put(role_policy(place, role, policy).await?, document)
        }
        Action::DeleteRolePolicy { role, policy } => deleted(role_policy(place, role, policy).await?),
        Action::TagRole { role, tags } => match self::role(place, role).await? {
            None => Seen::Absent,
            Some(found) => there(has(found.tags(), tags)),
        },
        Action::UntagRole { role, keys } => match self::role(place, role).await? {
            None => Seen::Absent,
            Some(found) => gone(found.tags().iter().any(|tag| keys.iter().any(|key| key == tag.key()))),
        },
        Action::RemoveRoleFromInstanceProfile { role, instance_profile } => {
            let call = iam.list_instance_profiles_for_role().role_name(role.as_str());
            gone(listed!(
                place,
                "ListInstanceProfilesForRole",
                call,
                |profile: &aws_sdk_iam::types::InstanceProfile| profile.instance_profile_name()
                    == instance_profile
            ))
        }
        Action::DeleteRole { role } => gone(self::role(place, role).await?.is_some()),
        Action::Organization(action) => Box::pin(organization::observe(place, action)).await?,
    })
}

/// What a user signs in with.
async fn credential(place: &Place<'_>, action: &Action) -> Result<Seen, AwsError> {
    let (connection, iam) = (place.connection, &place.connection.iam);
    Ok(match action {
        Action::UpdateAccessKey { user, key, active } => {
            let keys = connection.keys_of(user).await?;
            switched(keys.iter().find(|found| found.id == *key).map(|found| found.active), *active)
        }
        Action::DeleteAccessKey { user, key } => {
            gone(connection.keys_of(user).await?.iter().any(|found| found.id == *key))
        }
        Action::DeleteLoginProfile { user } => {
            let call = iam.get_login_profile().user_name(user.as_str());
            gone(read!(place, "GetLoginProfile", call).is_some())
        }
        Action::DeactivateMfaDevice { user, device } => {
            gone(connection.devices_of(user).await?.iter().any(|found| found.serial == *device))
        }
        Action::DeleteVirtualMfaDevice { device, .. } => {
            let call = iam.list_virtual_mfa_devices();
            let is_it =
                |found: &aws_sdk_iam::types::VirtualMfaDevice| found.serial_number() == device.as_str();
            gone(listed!(place, "ListVirtualMFADevices", call, is_it))
        }
        Action::UpdateSshPublicKey { user, key, .. }
        | Action::DeleteSshPublicKey { user, key }
        | Action::UpdateServiceSpecificCredential { user, credential: key, .. }
        | Action::DeleteServiceSpecificCredential { user, credential: key }
        | Action::UpdateSigningCertificate { user, certificate: key, .. }
        | Action::DeleteSigningCertificate { user, certificate: key } => {
            let rare = connection.rare_of(user).await?;
            let all = match action {
                Action::UpdateSshPublicKey { .. } | Action::DeleteSshPublicKey { .. } => rare.ssh_public_keys,
                Action::UpdateSigningCertificate { .. } | Action::DeleteSigningCertificate { .. } => {
                    rare.signing_certificates
                }
                _ => rare.service_specific,
            };
            let found = all.get(key).copied();
            match action {
                Action::UpdateSshPublicKey { active, .. }
                | Action::UpdateServiceSpecificCredential { active, .. }
                | Action::UpdateSigningCertificate { active, .. } => switched(found, *active),
                _ => gone(found.is_some()),
            }
        }
        _ => Seen::Absent,
    })
}

fn switched(found: Option<bool>, wanted: bool) -> Seen {
    found.map_or(Seen::Absent, |active| there(active == wanted))
}

fn bounding_user(user: &User) -> Option<&str> {
    user.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn())
}

fn there(is_there: bool) -> Seen {
    if is_there { Seen::Wanted } else { Seen::Pending }
}

fn gone(is_there: bool) -> Seen {
    if is_there { Seen::Pending } else { Seen::Wanted }
}

fn put(found: Option<PolicyDocument>, wanted: &PolicyDocument) -> Seen {
    match found {
        None => Seen::Absent,
        Some(found) if same(&found, wanted) => Seen::Wanted,
        Some(found) => Seen::Document(found),
    }
}

fn deleted(found: Option<PolicyDocument>) -> Seen {
    found.map_or(Seen::Wanted, Seen::Document)
}

fn differs(kind: &str, arn: impl Display) -> Seen {
    Seen::Differs(format!("the {kind} {arn} is there, and not as planned"))
}

/// A document as IAM sends it: percent-encoded, or in clear from some emulators.
fn clear(text: &str) -> PolicyDocument {
    if text.trim_start().starts_with('{') {
        return PolicyDocument::new(text);
    }
    PolicyDocument::new(&*percent_decode_str(text).decode_utf8_lossy())
}

fn trust_of(role: &Role) -> PolicyDocument {
    clear(role.assume_role_policy_document().unwrap_or_default())
}

fn boundary_of(role: &Role) -> Option<&str> {
    role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn())
}

/// Whether all these tags are there; others may be too.
fn has(found: &[aws_sdk_iam::types::Tag], wanted: &Tags) -> bool {
    wanted.iter().all(|(key, value)| found.iter().any(|tag| tag.key() == key && tag.value() == value))
}

async fn user(place: &Place<'_>, user: &UserName) -> Result<Option<User>, AwsError> {
    let call = place.connection.iam.get_user().user_name(user.as_str());
    Ok(read!(place, "GetUser", call).and_then(|output| output.user))
}

async fn role(place: &Place<'_>, role: &RoleName) -> Result<Option<Role>, AwsError> {
    let call = place.connection.iam.get_role().role_name(role.as_str());
    Ok(read!(place, "GetRole", call).and_then(|output| output.role))
}

async fn policy(place: &Place<'_>, policy: &PolicyArn) -> Result<Option<Policy>, AwsError> {
    let call = place.connection.iam.get_policy().policy_arn(policy.as_str());
    Ok(read!(place, "GetPolicy", call).and_then(|output| output.policy))
}

/// A managed policy and the document in force.
async fn default_version(
    place: &Place<'_>,
    arn: &PolicyArn,
) -> Result<Option<(Policy, PolicyDocument)>, AwsError> {
    let Some(policy) = policy(place, arn).await? else { return Ok(None) };
    let version = policy.default_version_id().unwrap_or("v1").to_owned();
    let call = place.connection.iam.get_policy_version().policy_arn(arn.as_str()).version_id(version);
    let version = read!(place, "GetPolicyVersion", call).and_then(|output| output.policy_version);
    Ok(version.map(|version| (policy, clear(version.document().unwrap_or_default()))))
}

async fn user_policy(
    place: &Place<'_>,
    user: &UserName,
    policy: &PolicyName,
) -> Result<Option<PolicyDocument>, AwsError> {
    let call = place.connection.iam.get_user_policy().user_name(user.as_str()).policy_name(policy.as_str());
    Ok(read!(place, "GetUserPolicy", call).map(|found| clear(found.policy_document())))
}

async fn role_policy(
    place: &Place<'_>,
    role: &RoleName,
    policy: &PolicyName,
) -> Result<Option<PolicyDocument>, AwsError> {
    let call = place.connection.iam.get_role_policy().role_name(role.as_str()).policy_name(policy.as_str());
    Ok(read!(place, "GetRolePolicy", call).map(|found| clear(found.policy_document())))
}

async fn attached_to_user(place: &Place<'_>, user: &UserName, policy: &PolicyArn) -> Result<bool, AwsError> {
    let call = place.connection.iam.list_attached_user_policies().user_name(user.as_str());
    Ok(listed!(place, "ListAttachedUserPolicies", call, |found: &Attached| is(found, policy)))
}

async fn attached_to_group(place: &Place<'_>, group: &str, policy: &PolicyArn) -> Result<bool, AwsError> {
    let call = place.connection.iam.list_attached_group_policies().group_name(group);
    Ok(listed!(place, "ListAttachedGroupPolicies", call, |found: &Attached| is(found, policy)))
}

async fn attached_to_role(place: &Place<'_>, role: &RoleName, policy: &PolicyArn) -> Result<bool, AwsError> {
    let call = place.connection.iam.list_attached_role_policies().role_name(role.as_str());
    Ok(listed!(place, "ListAttachedRolePolicies", call, |found: &Attached| is(found, policy)))
}

type Attached = aws_sdk_iam::types::AttachedPolicy;

fn is(found: &Attached, policy: &PolicyArn) -> bool {
    found.policy_arn() == Some(policy.as_str())
}

async fn is_member(place: &Place<'_>, user: &UserName, group: &str) -> Result<bool, AwsError> {
    let call = place.connection.iam.list_groups_for_user().user_name(user.as_str());
    Ok(listed!(place, "ListGroupsForUser", call, |found: &aws_sdk_iam::types::Group| found.group_name()
        == group))
}
