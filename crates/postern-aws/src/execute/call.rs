//! The one call that each action is.

use aws_sdk_iam::{
    config::retry::RetryConfig,
    types::{StatusType, Tag},
};
use postern_estate::{Action, PasswordPolicy, Tags};
use postern_types::SessionDuration;

use super::{Place, organization};
use crate::{AwsError, Kind, Unreachable};

/// Calls once. Whether to call again is decided after looking, not by the SDK: a second `CreatePolicyVersion`
/// after a lost answer would leave a version too many.
macro_rules! once {
    ($place:ident, $operation:literal, $call:expr) => {{
        let call = $call
            .customize()
            .config_override(aws_sdk_iam::Config::builder().retry_config(RetryConfig::disabled()))
            .send();
        // Boxed one by one: the futures of all the calls together would be large.
        match Box::pin(call).await {
            Ok(_) => Ok(()),
            Err(error) => Err($place.connection.error(&error, concat!("iam:", $operation))),
        }
    }};
}

pub(super) async fn call(place: &Place<'_>, action: &Action) -> Result<(), AwsError> {
    let iam = &place.connection.iam;
    match action {
        Action::CreateAccountAlias { alias } => {
            once!(place, "CreateAccountAlias", iam.create_account_alias().account_alias(alias.as_str()))
        }
        Action::DeleteAccountAlias { alias } => {
            once!(place, "DeleteAccountAlias", iam.delete_account_alias().account_alias(alias.as_str()))
        }
        Action::UpdateAccountPasswordPolicy { policy } => password_policy(place, policy).await,

        Action::CreateUser { user, path, tags } => {
            let call = iam.create_user().user_name(user.as_str()).path(path.as_str());
            once!(place, "CreateUser", call.set_tags(sdk_tags(place, "iam:CreateUser", tags)?))
        }
        Action::TagUser { user, tags } => {
            let call = iam.tag_user().user_name(user.as_str());
            once!(place, "TagUser", call.set_tags(sdk_tags(place, "iam:TagUser", tags)?))
        }
        Action::UntagUser { user, keys } => {
            let call = iam.untag_user().user_name(user.as_str());
            once!(place, "UntagUser", call.set_tag_keys(Some(keys.clone())))
        }
        Action::PutUserPolicy { user, policy, document } => {
            let call = iam.put_user_policy().user_name(user.as_str()).policy_name(policy.as_str());
            once!(place, "PutUserPolicy", call.policy_document(document.text()))
        }
        Action::DeleteUserPolicy { user, policy } => {
            let call = iam.delete_user_policy().user_name(user.as_str());
            once!(place, "DeleteUserPolicy", call.policy_name(policy.as_str()))
        }
        Action::AttachUserPolicy { user, policy } => {
            let call = iam.attach_user_policy().user_name(user.as_str());
            once!(place, "AttachUserPolicy", call.policy_arn(policy.as_str()))
        }
        Action::DetachUserPolicy { user, policy } => {
            let call = iam.detach_user_policy().user_name(user.as_str());
            once!(place, "DetachUserPolicy", call.policy_arn(policy.as_str()))
        }
        Action::DeleteUser { user } => {
            once!(place, "DeleteUser", iam.delete_user().user_name(user.as_str()))
        }

        Action::PutUserPermissionsBoundary { user, boundary } => {
            let call = iam.put_user_permissions_boundary().user_name(user.as_str());
            once!(place, "PutUserPermissionsBoundary", call.permissions_boundary(boundary.as_str()))
        }
        Action::DeleteUserPermissionsBoundary { user } => {
            let call = iam.delete_user_permissions_boundary().user_name(user.as_str());
            once!(place, "DeleteUserPermissionsBoundary", call)
        }
        Action::UpdateAccessKey { user, key, active } => {
            let call = iam.update_access_key().user_name(user.as_str()).access_key_id(key.as_str());
            once!(place, "UpdateAccessKey", call.status(status(*active)))
        }
        Action::DeleteAccessKey { user, key } => {
            let call = iam.delete_access_key().user_name(user.as_str());
            once!(place, "DeleteAccessKey", call.access_key_id(key.as_str()))
        }
        Action::DeleteLoginProfile { user } => {
            once!(place, "DeleteLoginProfile", iam.delete_login_profile().user_name(user.as_str()))
        }
        Action::DeactivateMfaDevice { user, device } => {
            let call = iam.deactivate_mfa_device().user_name(user.as_str());
            once!(place, "DeactivateMFADevice", call.serial_number(device.as_str()))
        }
        Action::DeleteVirtualMfaDevice { device, .. } => {
            let call = iam.delete_virtual_mfa_device().serial_number(device.as_str());
            once!(place, "DeleteVirtualMFADevice", call)
        }
        Action::UpdateSshPublicKey { user, key, active } => {
            let call = iam.update_ssh_public_key().user_name(user.as_str()).ssh_public_key_id(key);
            once!(place, "UpdateSSHPublicKey", call.status(status(*active)))
        }
        Action::DeleteSshPublicKey { user, key } => {
            let call = iam.delete_ssh_public_key().user_name(user.as_str());
            once!(place, "DeleteSSHPublicKey", call.ssh_public_key_id(key))
        }
        Action::UpdateServiceSpecificCredential { user, credential, active } => {
            let call = iam.update_service_specific_credential().user_name(user.as_str());
            let call = call.service_specific_credential_id(credential).status(status(*active));
            once!(place, "UpdateServiceSpecificCredential", call)
        }
        Action::DeleteServiceSpecificCredential { user, credential } => {
            let call = iam.delete_service_specific_credential().user_name(user.as_str());
            let call = call.service_specific_credential_id(credential);
            once!(place, "DeleteServiceSpecificCredential", call)
        }
        Action::UpdateSigningCertificate { user, certificate, active } => {
            let call = iam.update_signing_certificate().user_name(user.as_str());
            let call = call.certificate_id(certificate).status(status(*active));
            once!(place, "UpdateSigningCertificate", call)
        }
        Action::DeleteSigningCertificate { user, certificate } => {
            let call = iam.delete_signing_certificate().user_name(user.as_str());
            once!(place, "DeleteSigningCertificate", call.certificate_id(certificate))
        }

        Action::CreateGroup { group, path } => {
            once!(place, "CreateGroup", iam.create_group().group_name(group.as_str()).path(path.as_str()))
        }
        Action::PutGroupPolicy { group, policy, document } => {
            let call = iam.put_group_policy().group_name(group.as_str()).policy_name(policy.as_str());
            once!(place, "PutGroupPolicy", call.policy_document(document.text()))
        }
        Action::DeleteGroupPolicy { group, policy } => {
            let call = iam.delete_group_policy().group_name(group.as_str());
            once!(place, "DeleteGroupPolicy", call.policy_name(policy.as_str()))
        }
        Action::AttachGroupPolicy { group, policy } => {
            let call = iam.attach_group_policy().group_name(group.as_str());
            once!(place, "AttachGroupPolicy", call.policy_arn(policy.as_str()))
        }
        Action::DetachGroupPolicy { group, policy } => {
            let call = iam.detach_group_policy().group_name(group.as_str());
            once!(place, "DetachGroupPolicy", call.policy_arn(policy.as_str()))
        }
        Action::AddUserToGroup { group, user } => {
            let call = iam.add_user_to_group().group_name(group.as_str());
            once!(place, "AddUserToGroup", call.user_name(user.as_str()))
        }
        Action::RemoveUserFromGroup { group, user } => {
            let call = iam.remove_user_from_group().group_name(group.as_str());
            once!(place, "RemoveUserFromGroup", call.user_name(user.as_str()))
        }
        Action::DeleteGroup { group } => {
            once!(place, "DeleteGroup", iam.delete_group().group_name(group.as_str()))
        }

        Action::CreatePolicy { policy, path, document, tags } => {
            let call = iam.create_policy().policy_name(policy.as_str()).path(path.as_str());
            let call = call.set_tags(sdk_tags(place, "iam:CreatePolicy", tags)?);
            once!(place, "CreatePolicy", call.policy_document(document.text()))
        }
        Action::CreatePolicyVersion { policy, document } => {
            let call = iam.create_policy_version().policy_arn(policy.as_str());
            once!(place, "CreatePolicyVersion", call.policy_document(document.text()).set_as_default(true))
        }
        Action::DeletePolicyVersion { policy, version } => {
            let call = iam.delete_policy_version().policy_arn(policy.as_str());
            once!(place, "DeletePolicyVersion", call.version_id(version))
        }
        Action::TagPolicy { policy, tags } => {
            let call = iam.tag_policy().policy_arn(policy.as_str());
            once!(place, "TagPolicy", call.set_tags(sdk_tags(place, "iam:TagPolicy", tags)?))
        }
        Action::UntagPolicy { policy, keys } => {
            let call = iam.untag_policy().policy_arn(policy.as_str());
            once!(place, "UntagPolicy", call.set_tag_keys(Some(keys.clone())))
        }
        Action::DeletePolicy { policy } => {
            once!(place, "DeletePolicy", iam.delete_policy().policy_arn(policy.as_str()))
        }

        Action::CreateRole { role, path, trust, max_session, boundary, tags } => {
            let call = iam.create_role().role_name(role.as_str()).path(path.as_str());
            let call = call.assume_role_policy_document(trust.text());
            let call = call.max_session_duration(seconds(*max_session));
            let call = call.set_permissions_boundary(boundary.as_ref().map(ToString::to_string));
            once!(place, "CreateRole", call.set_tags(sdk_tags(place, "iam:CreateRole", tags)?))
        }
        Action::UpdateAssumeRolePolicy { role, trust } => {
            let call = iam.update_assume_role_policy().role_name(role.as_str());
            once!(place, "UpdateAssumeRolePolicy", call.policy_document(trust.text()))
        }
        Action::UpdateRole { role, max_session, description } => {
            let call = iam.update_role().role_name(role.as_str());
            let call = call.max_session_duration(seconds(*max_session));
            once!(place, "UpdateRole", call.set_description(description.clone()))
        }
        Action::PutRolePermissionsBoundary { role, boundary } => {
            let call = iam.put_role_permissions_boundary().role_name(role.as_str());
            once!(place, "PutRolePermissionsBoundary", call.permissions_boundary(boundary.as_str()))
        }
        Action::DeleteRolePermissionsBoundary { role } => {
            let call = iam.delete_role_permissions_boundary().role_name(role.as_str());
            once!(place, "DeleteRolePermissionsBoundary", call)
        }
        Action::AttachRolePolicy { role, policy } => {
            let call = iam.attach_role_policy().role_name(role.as_str());
            once!(place, "AttachRolePolicy", call.policy_arn(policy.as_str()))
        }
        Action::DetachRolePolicy { role, policy } => {
            let call = iam.detach_role_policy().role_name(role.as_str());
            once!(place, "DetachRolePolicy", call.policy_arn(policy.as_str()))
        }
        Action::PutRolePolicy { role, policy, document } => {
            let call = iam.put_role_policy().role_name(role.as_str()).policy_name(policy.as_str());
            once!(place, "PutRolePolicy", call.policy_document(document.text()))
        }
        Action::DeleteRolePolicy { role, policy } => {
            let call = iam.delete_role_policy().role_name(role.as_str());
            once!(place, "DeleteRolePolicy", call.policy_name(policy.as_str()))
        }
        Action::TagRole { role, tags } => {
            let call = iam.tag_role().role_name(role.as_str());
            once!(place, "TagRole", call.set_tags(sdk_tags(place, "iam:TagRole", tags)?))
        }
        Action::UntagRole { role, keys } => {
            let call = iam.untag_role().role_name(role.as_str());
            once!(place, "UntagRole", call.set_tag_keys(Some(keys.clone())))
        }
        Action::RemoveRoleFromInstanceProfile { role, instance_profile } => {
            let call = iam.remove_role_from_instance_profile().role_name(role.as_str());
            once!(place, "RemoveRoleFromInstanceProfile", call.instance_profile_name(instance_profile))
        }
        Action::DeleteRole { role } => {
            once!(place, "DeleteRole", iam.delete_role().role_name(role.as_str()))
        }
        Action::Organization(action) => Box::pin(organization::call(place, action)).await,
    }
}

const fn status(active: bool) -> StatusType {
    if active { StatusType::Active } else { StatusType::Inactive }
}

async fn password_policy(place: &Place<'_>, policy: &PasswordPolicy) -> Result<(), AwsError> {
    let call = place
        .connection
        .iam
        .update_account_password_policy()
        .minimum_password_length(i32::from(policy.minimum_length))
        .require_symbols(policy.require_symbols)
        .require_numbers(policy.require_numbers)
        .require_uppercase_characters(policy.require_uppercase)
        .require_lowercase_characters(policy.require_lowercase)
        .allow_users_to_change_password(policy.allow_users_to_change)
        .set_max_password_age(policy.max_age_days.map(i32::from))
        .set_password_reuse_prevention(policy.reuse_prevention.map(i32::from));
    // What is left out takes AWS's default, so that only `true` needs to be said.
    let call = if policy.hard_expiry { call.hard_expiry(true) } else { call };
    once!(place, "UpdateAccountPasswordPolicy", call)
}

/// Whether the action attaches a policy that AWS manages: one that is not found will not appear by waiting.
pub(super) fn attaches_awss_own(action: &Action) -> bool {
    match action {
        Action::AttachRolePolicy { policy, .. }
        | Action::AttachUserPolicy { policy, .. }
        | Action::AttachGroupPolicy { policy, .. } => policy.account().is_none(),
        _ => false,
    }
}

fn sdk_tags(place: &Place<'_>, operation: &str, tags: &Tags) -> Result<Option<Vec<Tag>>, AwsError> {
    if tags.is_empty() {
        return Ok(None);
    }
    let built = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let malformed =
        |_| AwsError::new(Kind::Unreachable(Unreachable::Malformed), operation, Some(place.account));
    built.collect::<Result<_, _>>().map(Some).map_err(malformed)
}

fn seconds(duration: SessionDuration) -> i32 {
    i32::try_from(duration.seconds()).unwrap_or(i32::MAX)
}
