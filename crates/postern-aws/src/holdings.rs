//! One user with everything they hold, and who holds what.

use std::collections::BTreeSet;

use aws_sdk_iam::types::{AssignmentStatusType, StatusType};
use postern_estate::{
    AccessKey, Credentials, RareCredentials, User,
    observed::{AccountDetails, UserDetail},
};
use postern_types::{AccessKeyId, MfaSerial, PrincipalId, UserName};

use crate::{AwsError, Connection, Kind, Unreachable, collect::pairs, enrol::AccessKey as KeyAtAws};

/// Pages of a list, joined.
macro_rules! listed {
    ($connection:ident, $operation:literal, $call:expr) => {{
        let mut found = Vec::new();
        let mut items = $call.into_paginator().items().send();
        while let Some(item) = Box::pin(items.next()).await {
            found.push(item.map_err(|error| $connection.error(&error, concat!("iam:", $operation)))?);
        }
        found
    }};
}

impl Connection {
    /// A user with groups, policies, boundary and every kind of credential; none where there is no such user.
    ///
    /// # Errors
    /// When AWS refuses any of it or does not answer: half a user is none.
    pub fn user_in_full(&self, name: &UserName) -> Result<Option<User>, AwsError> {
        self.aws.block_on(self.full_user(name))
    }

    async fn full_user(&self, name: &UserName) -> Result<Option<User>, AwsError> {
        const OPERATION: &str = "iam:GetUser";
        let found = match self.iam.get_user().user_name(name.as_str()).send().await {
            Ok(output) => output.user,
            Err(error) => {
                let error = self.error(&error, OPERATION);
                return if error.kind == Kind::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let malformed = || AwsError::new(Kind::Unreachable(Unreachable::Malformed), OPERATION, self.account);
        let found = found.ok_or_else(malformed)?;
        let (groups, inline, attached, credentials) = tokio::join!(
            Box::pin(self.groups_of(name)),
            Box::pin(self.inline_of(name)),
            Box::pin(self.attached_to(name)),
            Box::pin(self.credentials_in_full(name)),
        );
        let boundary = found.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
        let user = UserDetail {
            user_name: found.user_name().to_owned(),
            user_id: found.user_id().to_owned(),
            path: found.path().to_owned(),
            groups: groups?,
            inline: inline?,
            attached: attached?,
            boundary: boundary.map(str::to_owned),
            tags: pairs(found.tags()),
            credentials: Some(credentials?),
        };
        let details = AccountDetails { users: vec![user], ..AccountDetails::default() };
        let account = details.into_account().map_err(|_| malformed())?;
        Ok(account.users.into_values().next())
    }

    /// The name that a user of this id has now: a user may be renamed, and keeps the id.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn name_of_user(&self, id: &PrincipalId) -> Result<Option<UserName>, AwsError> {
        self.aws.block_on(async {
            let users = listed!(self, "ListUsers", self.iam.list_users().max_items(1_000));
            let found = users.iter().find(|user| user.user_id() == id.as_str());
            Ok(found.and_then(|user| user.user_name().parse().ok()))
        })
    }

    /// The virtual MFA devices of the account that are nobody's.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn unassigned_devices(&self) -> Result<BTreeSet<MfaSerial>, AwsError> {
        self.aws.block_on(async {
            let call =
                self.iam.list_virtual_mfa_devices().assignment_status(AssignmentStatusType::Unassigned);
            let devices = listed!(self, "ListVirtualMFADevices", call);
            Ok(devices.iter().filter_map(|device| device.serial_number().parse().ok()).collect())
        })
    }

    /// Whose an access key is; none where the account has no such key, or it is the root user's.
    ///
    /// # Errors
    /// When AWS does not answer, or does not let these credentials ask.
    pub fn owner_of_key(&self, key: &AccessKeyId) -> Result<Option<UserName>, AwsError> {
        self.aws.block_on(async {
            match self.iam.get_access_key_last_used().access_key_id(key.as_str()).send().await {
                Ok(output) => Ok(output.user_name().and_then(|name| name.parse().ok())),
                Err(error) => {
                    let error = self.error(&error, "iam:GetAccessKeyLastUsed");
                    // AWS words an unknown key as a denial that names the key.
                    let unknown = error.kind == Kind::NotFound
                        || error.kind == Kind::Denied
                            && error.answer.as_ref().is_some_and(|said| said.message.contains("access key"));
                    if unknown { Ok(None) } else { Err(error) }
                }
            }
        })
    }

    async fn groups_of(&self, name: &UserName) -> Result<Vec<String>, AwsError> {
        let call = self.iam.list_groups_for_user().user_name(name.as_str());
        let groups = listed!(self, "ListGroupsForUser", call);
        Ok(groups.iter().map(|group| group.group_name().to_owned()).collect())
    }

    async fn inline_of(&self, name: &UserName) -> Result<Vec<(String, String)>, AwsError> {
        let call = self.iam.list_user_policies().user_name(name.as_str());
        let names = listed!(self, "ListUserPolicies", call);
        let mut policies = Vec::with_capacity(names.len());
        for policy in names {
            let call = self.iam.get_user_policy().user_name(name.as_str()).policy_name(&policy).send();
            let found = call.await.map_err(|error| self.error(&error, "iam:GetUserPolicy"))?;
            policies.push((policy, found.policy_document().to_owned()));
        }
        Ok(policies)
    }

    async fn attached_to(&self, name: &UserName) -> Result<Vec<String>, AwsError> {
        let call = self.iam.list_attached_user_policies().user_name(name.as_str());
        let attached = listed!(self, "ListAttachedUserPolicies", call);
        Ok(attached.iter().filter_map(|policy| policy.policy_arn()).map(str::to_owned).collect())
    }

    pub(crate) async fn credentials_in_full(&self, name: &UserName) -> Result<Credentials, AwsError> {
        let (held, rare) = tokio::join!(self.credentials_held(name), Box::pin(self.rare_of(name)));
        Ok(Credentials { rare: Some(rare?), ..held? })
    }

    /// Keys, devices and password; what hardly anybody has is not looked for.
    pub(crate) async fn credentials_held(&self, name: &UserName) -> Result<Credentials, AwsError> {
        let password = self.iam.get_login_profile().user_name(name.as_str()).send();
        let (keys, devices, password) = tokio::join!(self.keys_of(name), self.devices_of(name), password);
        let login_profile = match password.map_err(|error| self.error(&error, "iam:GetLoginProfile")) {
            Ok(_) => true,
            Err(error) if error.kind == Kind::NotFound => false,
            Err(error) => return Err(error),
        };
        let key = |key: KeyAtAws| (key.id, AccessKey { active: key.active, created_at: key.created_at });
        Ok(Credentials {
            access_keys: keys?.into_iter().map(key).collect(),
            mfa_devices: devices?
                .into_iter()
                .map(|device| {
                    let known = device.enabled_at != postern_types::Timestamp::MIN;
                    (device.serial, known.then_some(device.enabled_at))
                })
                .collect(),
            login_profile,
            rare: None,
        })
    }

    pub(crate) async fn rare_of(&self, name: &UserName) -> Result<RareCredentials, AwsError> {
        let active = |status: Option<&StatusType>| status == Some(&StatusType::Active);
        let keys =
            listed!(self, "ListSSHPublicKeys", self.iam.list_ssh_public_keys().user_name(name.as_str()));
        let certificates = listed!(
            self,
            "ListSigningCertificates",
            self.iam.list_signing_certificates().user_name(name.as_str())
        );
        let call = self.iam.list_service_specific_credentials().user_name(name.as_str()).send();
        let services =
            call.await.map_err(|error| self.error(&error, "iam:ListServiceSpecificCredentials"))?;
        let services = services.service_specific_credentials().iter();
        Ok(RareCredentials {
            ssh_public_keys: keys
                .iter()
                .map(|key| (key.ssh_public_key_id().to_owned(), active(Some(key.status()))))
                .collect(),
            service_specific: services
                .map(|one| (one.service_specific_credential_id().to_owned(), active(Some(one.status()))))
                .collect(),
            signing_certificates: certificates
                .iter()
                .map(|one| (one.certificate_id().to_owned(), active(Some(one.status()))))
                .collect(),
        })
    }
}
