//! A person's credentials: virtual MFA devices and access keys, made, listed and taken away.
//!
//! The calls that hand out a secret hand it out once. They are sent once each; where the answer is lost, what
//! the call may have left behind is removed before it is made again, so that no key or device stays whose
//! secret nobody holds.

use aws_sdk_iam::{
    config::retry::RetryConfig,
    types::{AssignmentStatusType, StatusType, Tag},
};
use postern_types::{
    AccessKeyId, IamPath, LongTermKey, MfaCode, MfaDeviceName, MfaSerial, SecretAccessKey, Timestamp,
    TotpSeed, UserName,
};
use tokio::sync::Semaphore;

use crate::{AwsError, Connection, Kind, Unreachable, together};

/// Why enrolment did not go through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// AWS refused, or gave no answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A device of this name is in use.
    #[error("the MFA device {serial} is in use by {}", .user.as_ref().map_or("somebody", UserName::as_str))]
    DeviceInUse {
        /// The device.
        serial: MfaSerial,
        /// By whom; none for the account's root or where it cannot be told.
        user: Option<UserName>,
    },
    /// AWS did not take the two codes.
    #[error("AWS did not take the two codes")]
    WrongCodes,
    /// The user has as many access keys as AWS allows.
    #[error("the user {user} has {} access keys already", .keys.len())]
    KeyLimit {
        /// The user.
        user: UserName,
        /// The keys.
        keys: Vec<AccessKey>,
    },
}

/// A virtual MFA device that was just made, not yet anyone's.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its serial number.
    pub serial: MfaSerial,
    /// Its seed, which AWS shows this once.
    pub seed: TotpSeed,
}

/// An MFA device of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its serial number.
    pub serial: MfaSerial,
    /// Since when it is the user's.
    pub enabled_at: Timestamp,
}

/// An access key of a user, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// Whether it is taken.
    pub active: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// What a user signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCredentials {
    /// Access keys.
    pub keys: Vec<AccessKey>,
    /// MFA devices.
    pub devices: Vec<Device>,
}

/// Users asked about at once.
const AT_ONCE: usize = 8;

/// Tries at a call whose answers get lost.
const TRIES: usize = 3;

/// Sends once; see the module.
macro_rules! once {
    ($connection:expr, $operation:literal, $call:expr) => {
        $call
            .customize()
            .config_override(aws_sdk_iam::Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| $connection.error(&error, concat!("iam:", $operation)))
    };
}

impl Connection {
    /// Makes a virtual MFA device. One of the same name that nobody uses is what an earlier attempt left
    /// behind; its seed is lost, so it is replaced.
    ///
    /// # Errors
    /// When a device of the name is in use, or AWS refuses.
    pub fn create_virtual_mfa_device(
        &self,
        path: &IamPath,
        name: &MfaDeviceName,
        tags: &[(&str, &str)],
    ) -> Result<NewDevice, EnrolError> {
        self.aws.block_on(self.create_device(path, name, tags))
    }

    async fn create_device(
        &self,
        path: &IamPath,
        name: &MfaDeviceName,
        tags: &[(&str, &str)],
    ) -> Result<NewDevice, EnrolError> {
        const OPERATION: &str = "iam:CreateVirtualMFADevice";
        let tags: Result<Vec<_>, _> =
            tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
        let tags = tags.map_err(|_| self.malformed(OPERATION))?;
        let mut tries = 0;
        loop {
            tries += 1;
            let call = self.iam.create_virtual_mfa_device().path(path.as_str());
            let call = call.virtual_mfa_device_name(name.as_str());
            let call = call.set_tags((!tags.is_empty()).then(|| tags.clone()));
            match once!(self, "CreateVirtualMFADevice", call) {
                Ok(output) => {
                    return output
                        .virtual_mfa_device()
                        .and_then(new_device)
                        .ok_or_else(|| self.malformed(OPERATION).into());
                }
                Err(error) if tries < TRIES && (error.kind == Kind::Conflict || error.is_ambiguous()) => {
                    self.remove_unused_device(path, name).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Removes the device of this name if it is nobody's. That there is none is fine.
    async fn remove_unused_device(&self, path: &IamPath, name: &MfaDeviceName) -> Result<(), EnrolError> {
        let ending = format!(":mfa{path}{name}");
        let mut devices = self
            .iam
            .list_virtual_mfa_devices()
            .assignment_status(AssignmentStatusType::Any)
            .into_paginator()
            .items()
            .send();
        while let Some(device) = devices.next().await {
            let device = device.map_err(|e| self.error(&e, "iam:ListVirtualMFADevices"))?;
            let serial = device.serial_number();
            // Names are unique whatever their case.
            if !serial.to_ascii_lowercase().ends_with(&ending.to_ascii_lowercase()) {
                continue;
            }
            if device.enable_date().is_some() || device.user().is_some() {
                let serial = serial.parse().map_err(|_| self.malformed("iam:ListVirtualMFADevices"))?;
                let user = device.user().and_then(|user| user.user_name().parse().ok());
                return Err(EnrolError::DeviceInUse { serial, user });
            }
            let call = self.iam.delete_virtual_mfa_device().serial_number(serial).send();
            return match call.await.map_err(|e| self.error(&e, "iam:DeleteVirtualMFADevice")) {
                Ok(_) => Ok(()),
                Err(error) if error.kind == Kind::NotFound => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        Ok(())
    }

    /// Makes a device the user's, given two codes in a row.
    ///
    /// # Errors
    /// When AWS does not take the codes, or the device is somebody else's.
    pub fn enable_mfa_device(
        &self,
        user: &UserName,
        serial: &MfaSerial,
        codes: [MfaCode; 2],
    ) -> Result<(), EnrolError> {
        self.aws.block_on(async {
            let [first, second] = codes;
            let call = self
                .iam
                .enable_mfa_device()
                .user_name(user.as_str())
                .serial_number(serial.as_str())
                .authentication_code1(first.as_str())
                .authentication_code2(second.as_str());
            let Err(error) = once!(self, "EnableMFADevice", call) else { return Ok(()) };
            // Taken, though the answer was lost?
            if (error.is_ambiguous() || error.kind == Kind::Conflict)
                && self.devices_of(user).await?.iter().any(|device| device.serial == *serial)
            {
                return Ok(());
            }
            Err(match error.code() {
                Some(code) if code.starts_with("InvalidAuthenticationCode") => EnrolError::WrongCodes,
                Some(code) if code.starts_with("EntityAlreadyExists") => {
                    EnrolError::DeviceInUse { serial: serial.clone(), user: None }
                }
                _ => error.into(),
            })
        })
    }

    /// The user's MFA devices.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn mfa_devices(&self, user: &UserName) -> Result<Vec<Device>, AwsError> {
        self.aws.block_on(self.devices_of(user))
    }

    pub(crate) async fn devices_of(&self, user: &UserName) -> Result<Vec<Device>, AwsError> {
        const OPERATION: &str = "iam:ListMFADevices";
        let mut found = Vec::new();
        let mut devices =
            self.iam.list_mfa_devices().user_name(user.as_str()).into_paginator().items().send();
        while let Some(device) = devices.next().await {
            let device = device.map_err(|e| self.error(&e, OPERATION))?;
            found.push(Device {
                serial: device.serial_number().parse().map_err(|_| self.malformed(OPERATION))?,
                enabled_at: timestamp(device.enable_date()).unwrap_or(Timestamp::MIN),
            });
        }
        Ok(found)
    }

    /// Takes a device from its user and, if it is a virtual one, deletes it. Neither being there is fine.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn remove_mfa_device(&self, user: &UserName, serial: &MfaSerial) -> Result<(), AwsError> {
        self.aws.block_on(async {
            let call = self.iam.deactivate_mfa_device();
            let call = call.user_name(user.as_str()).serial_number(serial.as_str()).send();
            gone(call.await.map_err(|e| self.error(&e, "iam:DeactivateMFADevice")))?;
            let is_virtual = serial.arn().is_some_and(|arn| arn.resource().starts_with("mfa/"));
            if is_virtual {
                let call = self.iam.delete_virtual_mfa_device().serial_number(serial.as_str()).send();
                gone(call.await.map_err(|e| self.error(&e, "iam:DeleteVirtualMFADevice")))?;
            }
            Ok(())
        })
    }

    /// Makes an access key for the user.
    ///
    /// # Errors
    /// When the user has two already, or AWS refuses.
    pub fn create_access_key(&self, user: &UserName) -> Result<LongTermKey, EnrolError> {
        self.aws.block_on(self.create_key(user))
    }

    async fn create_key(&self, user: &UserName) -> Result<LongTermKey, EnrolError> {
        const OPERATION: &str = "iam:CreateAccessKey";
        let before = self.keys_of(user).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            match once!(self, "CreateAccessKey", self.iam.create_access_key().user_name(user.as_str())) {
                Ok(output) => {
                    let key = output.access_key().ok_or_else(|| self.malformed(OPERATION))?;
                    let malformed = |_| self.malformed(OPERATION);
                    return Ok(LongTermKey {
                        id: key.access_key_id().parse().map_err(malformed)?,
                        secret: SecretAccessKey::new(key.secret_access_key()).map_err(malformed)?,
                    });
                }
                Err(error) if error.kind == Kind::Quota => {
                    let keys = self.keys_of(user).await?;
                    return Err(EnrolError::KeyLimit { user: user.clone(), keys });
                }
                Err(error) if error.is_ambiguous() => {
                    // A key that was made all the same has a secret that nobody has seen.
                    for key in self.keys_of(user).await? {
                        if !before.iter().any(|known| known.id == key.id) {
                            self.delete_key(user, &key.id).await?;
                        }
                    }
                    if tries == TRIES {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The user's access keys.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn access_keys(&self, user: &UserName) -> Result<Vec<AccessKey>, AwsError> {
        self.aws.block_on(self.keys_of(user))
    }

    pub(crate) async fn keys_of(&self, user: &UserName) -> Result<Vec<AccessKey>, AwsError> {
        const OPERATION: &str = "iam:ListAccessKeys";
        let mut found = Vec::new();
        let mut keys = self.iam.list_access_keys().user_name(user.as_str()).into_paginator().items().send();
        while let Some(key) = keys.next().await {
            let key = key.map_err(|e| self.error(&e, OPERATION))?;
            found.push(AccessKey {
                id: key
                    .access_key_id()
                    .and_then(|id| id.parse().ok())
                    .ok_or_else(|| self.malformed(OPERATION))?,
                active: key.status() == Some(&StatusType::Active),
                created_at: key.create_date().and_then(timestamp),
            });
        }
        Ok(found)
    }

    /// What each of these users signs in with, in their order.
    pub fn credentials_of(&self, users: &[UserName]) -> Vec<Result<UserCredentials, AwsError>> {
        let turns = &Semaphore::new(AT_ONCE);
        self.aws.block_on(together::all(users.iter().map(|user| async move {
            let _turn = turns.acquire().await;
            let (keys, devices) = tokio::join!(self.keys_of(user), self.devices_of(user));
            Ok(UserCredentials { keys: keys?, devices: devices? })
        })))
    }

    /// Deletes a user's access key. That it is not there is fine.
    ///
    /// # Errors
    /// When AWS refuses or does not answer.
    pub fn delete_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<(), AwsError> {
        self.aws.block_on(self.delete_key(user, key))
    }

    async fn delete_key(&self, user: &UserName, key: &AccessKeyId) -> Result<(), AwsError> {
        let call = self.iam.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str()).send();
        gone(call.await.map_err(|e| self.error(&e, "iam:DeleteAccessKey")))
    }

    pub(crate) fn malformed(&self, operation: &str) -> AwsError {
        AwsError::new(Kind::Unreachable(Unreachable::Malformed), operation, self.account)
    }
}

pub(crate) fn gone<T>(answer: Result<T, AwsError>) -> Result<(), AwsError> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) fn new_device(device: &aws_sdk_iam::types::VirtualMfaDevice) -> Option<NewDevice> {
    let seed = std::str::from_utf8(device.base32_string_seed()?.as_ref()).ok()?;
    Some(NewDevice { serial: device.serial_number().parse().ok()?, seed: TotpSeed::from_base32(seed).ok()? })
}

pub(crate) fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), 0).ok()
}
