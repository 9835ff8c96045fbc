//! The words of AWS IAM as types: parsed once at the edge, valid ever after.
//!
//! Nothing here does I/O, reads a clock or draws randomness on its own; time is passed as
//! [`Timestamp`] and randomness as `&mut dyn Rng`. Secrets print as `…` and wipe themselves.
//!
//! Limits and formats are those of the *IAM User Guide*, "IAM identifiers" and "IAM and AWS STS
//! quotas", and of the IAM and STS service models.

mod account;
mod arn;
mod credentials;
mod duration;
mod id;
mod mfa;
mod name;
mod secret;

pub use account::{AccountId, Partition, Region};
pub use arn::{Arn, GroupArn, PolicyArn, RoleArn, UserArn};
pub use credentials::{Credentials, LongTermKey, MfaSession, RoleCredentials, TemporaryCredentials};
pub use duration::SessionDuration;
pub use id::{AccessKeyId, KeyKind, PrincipalId, PrincipalKind};
pub use jiff::{SignedDuration, Timestamp};
pub use mfa::{MfaCode, MfaSerial, TotpSeed};
pub use name::{
    ExternalId, GroupName, IamPath, MfaDeviceName, PolicyName, RoleName, RoleSessionName, SourceIdentity,
    UserName,
};
pub use rand_core::{CryptoRng, Rng};
pub use secret::{SecretAccessKey, SessionToken};

/// A text that is not what it should be: what was wanted, and what was wrong with it.
///
/// The offending text itself is kept out when it could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct ParseError {
    /// What was to be read, in AWS's words: `account id`, `role ARN`.
    pub what: &'static str,
    /// What is wrong with the text, in lower case and without a full stop.
    pub problem: String,
}

impl ParseError {
    pub(crate) fn new(what: &'static str, problem: impl Into<String>) -> Self {
        Self { what, problem: problem.into() }
    }
}
