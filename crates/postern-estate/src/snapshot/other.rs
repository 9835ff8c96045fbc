//! The smaller files, each as its `aws` command prints it.

use std::collections::BTreeMap;

use postern_types::{AccessKeyId, MfaSerial, Timestamp};
use serde::Deserialize;

use super::{SnapshotError, json, whole};
use crate::{AccessKey, PasswordPolicy};

/// A list, and whether it is all of it.
macro_rules! list {
    ($name:ident, $shown:literal: $item:ty) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $name {
            #[serde(rename = $shown)]
            items: Vec<$item>,
            #[serde(default)]
            is_truncated: bool,
            next_token: Option<String>,
        }

        impl $name {
            fn read(file: &str, text: &str) -> Result<Vec<$item>, SnapshotError> {
                let list: Self = json(file, text)?;
                whole(file, list.is_truncated, list.next_token.as_deref())?;
                Ok(list.items)
            }
        }
    };
}

list!(Roles, "Roles": RoleDto);
list!(Aliases, "AccountAliases": String);
list!(AccessKeys, "AccessKeyMetadata": AccessKeyDto);
list!(MfaDevices, "MFADevices": MfaDeviceDto);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDto {
    role_name: String,
    max_session_duration: Option<u32>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyDto {
    access_key_id: String,
    status: String,
    create_date: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MfaDeviceDto {
    serial_number: String,
    enable_date: Option<Timestamp>,
}

/// The longest session in seconds, and the description.
type RoleFacts = (Option<u32>, Option<String>);

/// By role, what the details leave out.
pub(super) fn roles(file: &str, text: &str) -> Result<BTreeMap<String, RoleFacts>, SnapshotError> {
    let roles = Roles::read(file, text)?.into_iter();
    Ok(roles.map(|role| (role.role_name, (role.max_session_duration, role.description))).collect())
}

pub(super) fn aliases(file: &str, text: &str) -> Result<Vec<String>, SnapshotError> {
    Aliases::read(file, text)
}

pub(super) fn access_keys(file: &str, text: &str) -> Result<Vec<(AccessKeyId, AccessKey)>, SnapshotError> {
    let keys = AccessKeys::read(file, text)?.into_iter();
    keys.map(|key| {
        let id = key.access_key_id.parse().map_err(|error| SnapshotError::new(file, format!("{error}")))?;
        Ok((id, AccessKey { active: key.status == "Active", created_at: key.create_date }))
    })
    .collect()
}

pub(super) fn mfa_devices(
    file: &str,
    text: &str,
) -> Result<BTreeMap<MfaSerial, Option<Timestamp>>, SnapshotError> {
    let devices = MfaDevices::read(file, text)?.into_iter();
    devices
        .map(|device| {
            let serial = device.serial_number.parse();
            Ok((serial.map_err(|error| SnapshotError::new(file, format!("{error}")))?, device.enable_date))
        })
        .collect()
}

pub(super) fn summary(file: &str, text: &str) -> Result<BTreeMap<String, i64>, SnapshotError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Summary {
        summary_map: BTreeMap<String, i64>,
    }
    let summary: Summary = json(file, text)?;
    Ok(summary.summary_map)
}

/// None where the account has no policy of its own, which the CLI answers as an error: the file is then `{}`.
pub(super) fn password_policy(file: &str, text: &str) -> Result<Option<PasswordPolicy>, SnapshotError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Whole {
        password_policy: Option<PasswordPolicyDto>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct PasswordPolicyDto {
        minimum_password_length: u8,
        require_symbols: bool,
        require_numbers: bool,
        require_uppercase_characters: bool,
        require_lowercase_characters: bool,
        allow_users_to_change_password: bool,
        max_password_age: Option<u16>,
        password_reuse_prevention: Option<u8>,
        hard_expiry: bool,
    }
    impl Default for PasswordPolicyDto {
        /// What AWS takes where nothing is said.
        fn default() -> Self {
            Self {
                minimum_password_length: 6,
                require_symbols: false,
                require_numbers: false,
                require_uppercase_characters: false,
                require_lowercase_characters: false,
                allow_users_to_change_password: false,
                max_password_age: None,
                password_reuse_prevention: None,
                hard_expiry: false,
            }
        }
    }
    let read: Whole = json(file, text)?;
    Ok(read.password_policy.map(|policy| PasswordPolicy {
        minimum_length: policy.minimum_password_length,
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase: policy.require_uppercase_characters,
        require_lowercase: policy.require_lowercase_characters,
        allow_users_to_change: policy.allow_users_to_change_password,
        max_age_days: policy.max_password_age.filter(|days| *days > 0),
        reuse_prevention: policy.password_reuse_prevention.filter(|count| *count > 0),
        hard_expiry: policy.hard_expiry,
    }))
}
