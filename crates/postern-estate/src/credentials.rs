//! What a user can sign in with.

use std::collections::BTreeMap;

use postern_types::{AccessKeyId, MfaSerial, Timestamp};

/// A user's credentials, as far as IAM tells of them: never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Access keys.
    pub access_keys: BTreeMap<AccessKeyId, AccessKey>,
    /// Enabled MFA devices, and since when each is the user's; none where AWS did not say.
    pub mfa_devices: BTreeMap<MfaSerial, Option<Timestamp>>,
    /// Whether there is a password.
    pub login_profile: bool,
    /// What hardly anybody has; none where nobody looked.
    pub rare: Option<RareCredentials>,
}

/// An access key, active or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Whether AWS takes it.
    pub active: bool,
    /// When it was made; none where AWS did not say.
    pub created_at: Option<Timestamp>,
}

/// Credentials for single services: by id, and whether each is active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RareCredentials {
    /// SSH public keys (`APKA…`), for CodeCommit.
    pub ssh_public_keys: BTreeMap<String, bool>,
    /// Service-specific credentials (`ACCA…`): user names and passwords, or API keys.
    pub service_specific: BTreeMap<String, bool>,
    /// X.509 signing certificates.
    pub signing_certificates: BTreeMap<String, bool>,
}

impl Credentials {
    /// Whether the user could not sign a single call, as far as anybody looked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.access_keys.is_empty()
            && self.mfa_devices.is_empty()
            && !self.login_profile
            && self.rare.as_ref().is_none_or(RareCredentials::is_empty)
    }
}

impl RareCredentials {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ssh_public_keys.is_empty()
            && self.service_specific.is_empty()
            && self.signing_certificates.is_empty()
    }
}
