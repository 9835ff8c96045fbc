//! What inviting a person takes, and what the invited person may do: see [`postern_estate::invitation()`].

use aws_sdk_iam::{config::retry::RetryConfig, types::Tag};
use postern_estate::PolicyDocument;
use postern_types::{MfaDeviceName, MfaSerial, PolicyName, UserName};

use crate::{
    AwsError, Connection, Kind,
    enrol::{EnrolError, NewDevice, gone, new_device},
};

/// Tries at a call whose answers get lost.
const TRIES: usize = 3;

impl Connection {
    /// Makes a virtual MFA device for the one who calls, without a look at those of others. One of this serial
    /// number that nobody uses is replaced, as its seed is lost.
    ///
    /// # Errors
    /// When the device is in use, or AWS refuses.
    pub fn create_own_mfa_device(
        &self,
        name: &MfaDeviceName,
        serial: &MfaSerial,
    ) -> Result<NewDevice, EnrolError> {
        const OPERATION: &str = "iam:CreateVirtualMFADevice";
        self.aws.block_on(async {
            let mut tries = 0;
            loop {
                tries += 1;
                let call = self.iam.create_virtual_mfa_device().virtual_mfa_device_name(name.as_str());
                let once = aws_sdk_iam::Config::builder().retry_config(RetryConfig::disabled());
                match call.customize().config_override(once).send().await {
                    Ok(output) => {
                        let device = output.virtual_mfa_device().and_then(new_device);
                        return device.ok_or_else(|| self.malformed(OPERATION).into());
                    }
                    Err(error) => {
                        let error = self.error(&error, OPERATION);
                        if tries == TRIES || error.kind != Kind::Conflict && !error.is_ambiguous() {
                            return Err(error.into());
                        }
                    }
                }
                let call = self.iam.delete_virtual_mfa_device().serial_number(serial.as_str()).send();
                let deleted = call.await.map_err(|e| self.error(&e, "iam:DeleteVirtualMFADevice"));
                gone(deleted).map_err(|error| match error.kind {
                    Kind::Conflict => EnrolError::DeviceInUse { serial: serial.clone(), user: None },
                    _ => error.into(),
                })?;
            }
        })
    }

    /// The value of a user's tag.
    ///
    /// # Errors
    /// When there is no such user, or AWS refuses or does not answer.
    pub fn user_tag(&self, user: &UserName, key: &str) -> Result<Option<String>, AwsError> {
        self.aws.block_on(async {
            let mut tags = self.iam.list_user_tags().user_name(user.as_str()).into_paginator().items().send();
            while let Some(tag) = tags.next().await {
                let tag = tag.map_err(|e| self.error(&e, "iam:ListUserTags"))?;
                // IAM does not tell keys apart by their case.
                if tag.key().eq_ignore_ascii_case(key) {
                    return Ok(Some(tag.value().to_owned()));
                }
            }
            Ok(None)
        })
    }

    /// Sets a user's tag.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn tag_user(&self, user: &UserName, key: &str, value: &str) -> Result<(), AwsError> {
        const OPERATION: &str = "iam:TagUser";
        let tag = Tag::builder().key(key).value(value).build().map_err(|_| self.malformed(OPERATION))?;
        let call = self.iam.tag_user().user_name(user.as_str()).tags(tag);
        let answer = self.aws.block_on(call.send());
        answer.map(|_| ()).map_err(|e| self.error(&e, OPERATION))
    }

    /// Takes a tag from a user. That it is not there is fine.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn untag_user(&self, user: &UserName, key: &str) -> Result<(), AwsError> {
        let call = self.iam.untag_user().user_name(user.as_str()).tag_keys(key);
        gone(self.aws.block_on(call.send()).map_err(|e| self.error(&e, "iam:UntagUser")))
    }

    /// Writes an inline policy of a user.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn put_user_policy(
        &self,
        user: &UserName,
        name: &PolicyName,
        document: &PolicyDocument,
    ) -> Result<(), AwsError> {
        let call = self.iam.put_user_policy().user_name(user.as_str()).policy_name(name.as_str());
        let call = call.policy_document(document.text());
        let answer = self.aws.block_on(call.send());
        answer.map(|_| ()).map_err(|e| self.error(&e, "iam:PutUserPolicy"))
    }

    /// Deletes an inline policy of a user. That it is not there is fine.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn delete_user_policy(&self, user: &UserName, name: &PolicyName) -> Result<(), AwsError> {
        let call = self.iam.delete_user_policy().user_name(user.as_str()).policy_name(name.as_str());
        gone(self.aws.block_on(call.send()).map_err(|e| self.error(&e, "iam:DeleteUserPolicy")))
    }
}
