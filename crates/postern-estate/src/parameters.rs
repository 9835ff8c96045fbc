//! A call's parameters by the names that AWS gives them.

use std::{collections::BTreeMap, fmt::Display};

use crate::{Action, PasswordPolicy, Tags};

/// Parameters by name; several values of one are joined by commas.
pub type Parameters = BTreeMap<&'static str, String>;

impl Action {
    /// The parameters of the call but for documents, which [`Step::after`](crate::Step::after) tells.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let mut list = Parameters::new();
        let mut put = |name: &'static str, value: &dyn Display| {
            list.insert(name, value.to_string());
        };
        match self {
            Self::CreateAccountAlias { alias } | Self::DeleteAccountAlias { alias } => {
                put("AccountAlias", alias);
            }
            Self::UpdateAccountPasswordPolicy { policy } => return password_policy(policy),
            Self::Organization(action) => return action.parameters(),
            Self::CreateUser { user, path, tags } => {
                put("UserName", user);
                put("Path", path);
                put("Tags", &joined(tags));
            }
            Self::TagUser { user, tags } => {
                put("UserName", user);
                put("Tags", &joined(tags));
            }
            Self::UntagUser { user, keys } => {
                put("UserName", user);
                put("TagKeys", &keys.join(","));
            }
            Self::DeleteUserPolicy { user, policy } | Self::PutUserPolicy { user, policy, .. } => {
                put("UserName", user);
                put("PolicyName", policy);
            }
            Self::DetachUserPolicy { user, policy } | Self::AttachUserPolicy { user, policy } => {
                put("UserName", user);
                put("PolicyArn", policy);
            }
            Self::PutUserPermissionsBoundary { user, boundary } => {
                put("UserName", user);
                put("PermissionsBoundary", boundary);
            }
            Self::DeleteUserPermissionsBoundary { user }
            | Self::DeleteUser { user }
            | Self::DeleteLoginProfile { user } => put("UserName", user),
            Self::UpdateAccessKey { user, key, active } => {
                put("UserName", user);
                put("AccessKeyId", key);
                put("Status", &status(*active));
            }
            Self::DeleteAccessKey { user, key } => {
                put("UserName", user);
                put("AccessKeyId", key);
            }
            Self::DeactivateMfaDevice { user, device } => {
                put("UserName", user);
                put("SerialNumber", &device.as_str());
            }
            Self::DeleteVirtualMfaDevice { user: _, device } => put("SerialNumber", &device.as_str()),
            Self::UpdateSshPublicKey { user, key, active } => {
                put("UserName", user);
                put("SSHPublicKeyId", key);
                put("Status", &status(*active));
            }
            Self::DeleteSshPublicKey { user, key } => {
                put("UserName", user);
                put("SSHPublicKeyId", key);
            }
            Self::UpdateServiceSpecificCredential { user, credential, active } => {
                put("UserName", user);
                put("ServiceSpecificCredentialId", credential);
                put("Status", &status(*active));
            }
            Self::DeleteServiceSpecificCredential { user, credential } => {
                put("UserName", user);
                put("ServiceSpecificCredentialId", credential);
            }
            Self::UpdateSigningCertificate { user, certificate, active } => {
                put("UserName", user);
                put("CertificateId", certificate);
                put("Status", &status(*active));
            }
            Self::DeleteSigningCertificate { user, certificate } => {
                put("UserName", user);
                put("CertificateId", certificate);
            }
            Self::CreateGroup { group, path } => {
                put("GroupName", group);
                put("Path", path);
            }
            Self::PutGroupPolicy { group, policy, .. } | Self::DeleteGroupPolicy { group, policy } => {
                put("GroupName", group);
                put("PolicyName", policy);
            }
            Self::DetachGroupPolicy { group, policy } | Self::AttachGroupPolicy { group, policy } => {
                put("GroupName", group);
                put("PolicyArn", policy);
            }
            Self::AddUserToGroup { group, user } | Self::RemoveUserFromGroup { group, user } => {
                put("GroupName", group);
                put("UserName", user);
            }
            Self::DeleteGroup { group } => put("GroupName", group),
            Self::CreatePolicy { policy, path, tags, .. } => {
                put("PolicyName", policy);
                put("Path", path);
                put("Tags", &joined(tags));
            }
            Self::CreatePolicyVersion { policy, .. } | Self::DeletePolicy { policy } => {
                put("PolicyArn", policy);
            }
            Self::DeletePolicyVersion { policy, version } => {
                put("PolicyArn", policy);
                put("VersionId", version);
            }
            Self::TagPolicy { policy, tags } => {
                put("PolicyArn", policy);
                put("Tags", &joined(tags));
            }
            Self::UntagPolicy { policy, keys } => {
                put("PolicyArn", policy);
                put("TagKeys", &keys.join(","));
            }
            Self::CreateRole { role, path, trust: _, max_session, boundary, tags } => {
                put("RoleName", role);
                put("Path", path);
                put("MaxSessionDuration", &max_session.seconds());
                boundary.iter().for_each(|boundary| put("PermissionsBoundary", boundary));
                put("Tags", &joined(tags));
            }
            Self::UpdateAssumeRolePolicy { role, .. }
            | Self::DeleteRolePermissionsBoundary { role }
            | Self::DeleteRole { role } => put("RoleName", role),
            Self::UpdateRole { role, max_session, description } => {
                put("RoleName", role);
                put("MaxSessionDuration", &max_session.seconds());
                description.iter().for_each(|text| put("Description", text));
            }
            Self::PutRolePermissionsBoundary { role, boundary } => {
                put("RoleName", role);
                put("PermissionsBoundary", boundary);
            }
            Self::AttachRolePolicy { role, policy } | Self::DetachRolePolicy { role, policy } => {
                put("RoleName", role);
                put("PolicyArn", policy);
            }
            Self::PutRolePolicy { role, policy, .. } | Self::DeleteRolePolicy { role, policy } => {
                put("RoleName", role);
                put("PolicyName", policy);
            }
            Self::TagRole { role, tags } => {
                put("RoleName", role);
                put("Tags", &joined(tags));
            }
            Self::UntagRole { role, keys } => {
                put("RoleName", role);
                put("TagKeys", &keys.join(","));
            }
            Self::RemoveRoleFromInstanceProfile { role, instance_profile } => {
                put("RoleName", role);
                put("InstanceProfileName", instance_profile);
            }
        }
        list
    }
}

/// *IAM API Reference*, `UpdateAccessKey` and the calls like it, `Status`.
const fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

pub(crate) fn joined(tags: &Tags) -> String {
    let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    tags.join(",")
}

fn password_policy(policy: &PasswordPolicy) -> Parameters {
    let mut list = Parameters::from([
        ("MinimumPasswordLength", policy.minimum_length.to_string()),
        ("RequireSymbols", policy.require_symbols.to_string()),
        ("RequireNumbers", policy.require_numbers.to_string()),
        ("RequireUppercaseCharacters", policy.require_uppercase.to_string()),
        ("RequireLowercaseCharacters", policy.require_lowercase.to_string()),
        ("AllowUsersToChangePassword", policy.allow_users_to_change.to_string()),
        ("HardExpiry", policy.hard_expiry.to_string()),
    ]);
    list.extend(policy.max_age_days.map(|days| ("MaxPasswordAge", days.to_string())));
    list.extend(policy.reuse_prevention.map(|number| ("PasswordReusePrevention", number.to_string())));
    list
}
