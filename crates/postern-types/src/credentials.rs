//! The three kinds of credential of the daily flow, as three types that cannot be mistaken, and what all of
//! them come to where a request is signed.

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

/// What a request is signed with, of whatever kind.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretAccessKey,
    /// What temporary credentials send along.
    pub token: Option<SessionToken>,
}

impl From<&LongTermKey> for Credentials {
    fn from(key: &LongTermKey) -> Self {
        Self { id: key.id.clone(), secret: key.secret.clone(), token: None }
    }
}

impl From<&TemporaryCredentials> for Credentials {
    fn from(credentials: &TemporaryCredentials) -> Self {
        Self {
            id: credentials.id.clone(),
            secret: credentials.secret.clone(),
            token: Some(credentials.token.clone()),
        }
    }
}

impl From<&MfaSession> for Credentials {
    fn from(session: &MfaSession) -> Self {
        Self::from(&session.credentials)
    }
}

impl From<&RoleCredentials> for Credentials {
    fn from(role: &RoleCredentials) -> Self {
        Self::from(&role.credentials)
    }
}
