//! The three kinds of credential of the daily flow, as three types that cannot be mistaken.

use crate::{AccessKeyId, MfaSerial, RoleArn, SecretAccessKey, SessionToken, Timestamp};

/// The access key of an IAM user: good until somebody deletes it.
#[derive(Clone, Debug)]
pub struct LongTermKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretAccessKey,
}

/// Key, secret and token as STS issues them.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretAccessKey,
    /// What must be sent along.
    pub token: SessionToken,
    /// When AWS stops taking them.
    pub expires_at: Timestamp,
}

impl TemporaryCredentials {
    /// Whether they are good for at least `margin` more.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, margin: crate::SignedDuration) -> bool {
        self.expires_at.duration_since(now) > margin
    }
}

/// What `GetSessionToken` gave for a long-term key and an MFA code. Only this can assume the estate's roles.
#[derive(Clone, Debug)]
pub struct MfaSession {
    /// The session's credentials.
    pub credentials: TemporaryCredentials,
    /// The long-term key that the session was taken with.
    pub source_key: AccessKeyId,
    /// The device whose code was given.
    pub serial: MfaSerial,
}

/// What `AssumeRole` gave.
#[derive(Clone, Debug)]
pub struct RoleCredentials {
    /// The role session's credentials.
    pub credentials: TemporaryCredentials,
    /// The role that was assumed.
    pub role: RoleArn,
}
