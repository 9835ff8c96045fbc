//! What a step tells of itself: its object, its call, its documents.

use crate::{Action, Change, Kind, OrganizationAction, PolicyDocument, Precondition, Step, StepKey};

impl Step {
    /// The object that the step works on.
    #[must_use]
    pub fn key(&self) -> StepKey {
        let (kind, name) = self.action.object();
        StepKey { account: self.account, kind, name }
    }

    /// Whether the object appears, changes or goes.
    #[must_use]
    pub fn change(&self) -> Change {
        match &self.action {
            Action::CreateUser { .. }
            | Action::CreateGroup { .. }
            | Action::CreatePolicy { .. }
            | Action::CreateRole { .. }
            | Action::CreateAccountAlias { .. }
            | Action::Organization(OrganizationAction::CreatePolicy { .. }) => Change::Create,
            Action::DeleteUser { .. }
            | Action::DeleteGroup { .. }
            | Action::DeletePolicy { .. }
            | Action::DeleteRole { .. }
            | Action::DeleteAccountAlias { .. }
            | Action::Organization(OrganizationAction::DeletePolicy { .. }) => Change::Delete,
            _ => Change::Update,
        }
    }

    /// The document that the step replaces or deletes.
    #[must_use]
    pub fn before(&self) -> Option<&PolicyDocument> {
        match &self.precondition {
            Precondition::Document(document) => Some(document),
            Precondition::Absent | Precondition::Present => None,
        }
    }

    /// The document that the step writes.
    #[must_use]
    pub fn after(&self) -> Option<&PolicyDocument> {
        match &self.action {
            Action::PutUserPolicy { document, .. }
            | Action::PutGroupPolicy { document, .. }
            | Action::PutRolePolicy { document, .. }
            | Action::CreatePolicy { document, .. }
            | Action::CreatePolicyVersion { document, .. }
            | Action::CreateRole { trust: document, .. }
            | Action::UpdateAssumeRolePolicy { trust: document, .. } => Some(document),
            Action::Organization(action) => action.document(),
            _ => None,
        }
    }
}

impl Action {
    /// The IAM operation, such as `CreateRole`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::CreateAccountAlias { .. } => "CreateAccountAlias",
            Self::DeleteAccountAlias { .. } => "DeleteAccountAlias",
            Self::UpdateAccountPasswordPolicy { .. } => "UpdateAccountPasswordPolicy",
            Self::CreateUser { .. } => "CreateUser",
            Self::TagUser { .. } => "TagUser",
            Self::UntagUser { .. } => "UntagUser",
            Self::DeleteUserPolicy { .. } => "DeleteUserPolicy",
            Self::DetachUserPolicy { .. } => "DetachUserPolicy",
            Self::PutUserPolicy { .. } => "PutUserPolicy",
            Self::AttachUserPolicy { .. } => "AttachUserPolicy",
            Self::DeleteUser { .. } => "DeleteUser",
            Self::PutUserPermissionsBoundary { .. } => "PutUserPermissionsBoundary",
            Self::DeleteUserPermissionsBoundary { .. } => "DeleteUserPermissionsBoundary",
            Self::UpdateAccessKey { .. } => "UpdateAccessKey",
            Self::DeleteAccessKey { .. } => "DeleteAccessKey",
            Self::DeleteLoginProfile { .. } => "DeleteLoginProfile",
            Self::DeactivateMfaDevice { .. } => "DeactivateMFADevice",
            Self::DeleteVirtualMfaDevice { .. } => "DeleteVirtualMFADevice",
            Self::UpdateSshPublicKey { .. } => "UpdateSSHPublicKey",
            Self::DeleteSshPublicKey { .. } => "DeleteSSHPublicKey",
            Self::UpdateServiceSpecificCredential { .. } => "UpdateServiceSpecificCredential",
            Self::DeleteServiceSpecificCredential { .. } => "DeleteServiceSpecificCredential",
            Self::UpdateSigningCertificate { .. } => "UpdateSigningCertificate",
            Self::DeleteSigningCertificate { .. } => "DeleteSigningCertificate",
            Self::CreateGroup { .. } => "CreateGroup",
            Self::PutGroupPolicy { .. } => "PutGroupPolicy",
            Self::DeleteGroupPolicy { .. } => "DeleteGroupPolicy",
            Self::DetachGroupPolicy { .. } => "DetachGroupPolicy",
            Self::AttachGroupPolicy { .. } => "AttachGroupPolicy",
            Self::AddUserToGroup { .. } => "AddUserToGroup",
            Self::RemoveUserFromGroup { .. } => "RemoveUserFromGroup",
            Self::DeleteGroup { .. } => "DeleteGroup",
            Self::CreatePolicy { .. } => "CreatePolicy",
            Self::CreatePolicyVersion { .. } => "CreatePolicyVersion",
            Self::DeletePolicyVersion { .. } => "DeletePolicyVersion",
            Self::TagPolicy { .. } => "TagPolicy",
            Self::UntagPolicy { .. } => "UntagPolicy",
            Self::DeletePolicy { .. } => "DeletePolicy",
            Self::CreateRole { .. } => "CreateRole",
            Self::UpdateAssumeRolePolicy { .. } => "UpdateAssumeRolePolicy",
            Self::UpdateRole { .. } => "UpdateRole",
            Self::PutRolePermissionsBoundary { .. } => "PutRolePermissionsBoundary",
            Self::DeleteRolePermissionsBoundary { .. } => "DeleteRolePermissionsBoundary",
            Self::AttachRolePolicy { .. } => "AttachRolePolicy",
            Self::DetachRolePolicy { .. } => "DetachRolePolicy",
            Self::PutRolePolicy { .. } => "PutRolePolicy",
            Self::DeleteRolePolicy { .. } => "DeleteRolePolicy",
            Self::TagRole { .. } => "TagRole",
            Self::UntagRole { .. } => "UntagRole",
            Self::RemoveRoleFromInstanceProfile { .. } => "RemoveRoleFromInstanceProfile",
            Self::DeleteRole { .. } => "DeleteRole",
            Self::Organization(action) => action.operation(),
        }
    }

    /// The kind and the name of the object. For a membership that is the user.
    pub(crate) fn object(&self) -> (Kind, String) {
        match self {
            Self::CreateAccountAlias { .. } | Self::DeleteAccountAlias { .. } => {
                (Kind::Account, "alias".to_owned())
            }
            Self::UpdateAccountPasswordPolicy { .. } => (Kind::Account, "password-policy".to_owned()),
            Self::CreateUser { user, .. }
            | Self::TagUser { user, .. }
            | Self::UntagUser { user, .. }
            | Self::DeleteUserPolicy { user, .. }
            | Self::DetachUserPolicy { user, .. }
            | Self::PutUserPolicy { user, .. }
            | Self::AttachUserPolicy { user, .. }
            | Self::AddUserToGroup { user, .. }
            | Self::RemoveUserFromGroup { user, .. }
            | Self::PutUserPermissionsBoundary { user, .. }
            | Self::DeleteUserPermissionsBoundary { user }
            | Self::UpdateAccessKey { user, .. }
            | Self::DeleteAccessKey { user, .. }
            | Self::DeleteLoginProfile { user }
            | Self::DeactivateMfaDevice { user, .. }
            | Self::DeleteVirtualMfaDevice { user, .. }
            | Self::UpdateSshPublicKey { user, .. }
            | Self::DeleteSshPublicKey { user, .. }
            | Self::UpdateServiceSpecificCredential { user, .. }
            | Self::DeleteServiceSpecificCredential { user, .. }
            | Self::UpdateSigningCertificate { user, .. }
            | Self::DeleteSigningCertificate { user, .. }
            | Self::DeleteUser { user } => (Kind::User, user.to_string()),
            Self::CreateGroup { group, .. }
            | Self::PutGroupPolicy { group, .. }
            | Self::DeleteGroupPolicy { group, .. }
            | Self::DetachGroupPolicy { group, .. }
            | Self::AttachGroupPolicy { group, .. }
            | Self::DeleteGroup { group } => (Kind::Group, group.to_string()),
            Self::CreatePolicy { policy, .. } => (Kind::Policy, policy.to_string()),
            Self::CreatePolicyVersion { policy, .. }
            | Self::DeletePolicyVersion { policy, .. }
            | Self::TagPolicy { policy, .. }
            | Self::UntagPolicy { policy, .. }
            | Self::DeletePolicy { policy } => (Kind::Policy, policy.name().to_string()),
            Self::CreateRole { role, .. }
            | Self::UpdateAssumeRolePolicy { role, .. }
            | Self::UpdateRole { role, .. }
            | Self::PutRolePermissionsBoundary { role, .. }
            | Self::DeleteRolePermissionsBoundary { role }
            | Self::AttachRolePolicy { role, .. }
            | Self::DetachRolePolicy { role, .. }
            | Self::PutRolePolicy { role, .. }
            | Self::DeleteRolePolicy { role, .. }
            | Self::TagRole { role, .. }
            | Self::UntagRole { role, .. }
            | Self::RemoveRoleFromInstanceProfile { role, .. }
            | Self::DeleteRole { role } => (Kind::Role, role.to_string()),
            Self::Organization(action) => action.object(),
        }
    }
}
