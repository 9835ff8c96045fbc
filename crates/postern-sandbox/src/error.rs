//! Refusals in AWS's words.

use std::borrow::Cow;

/// What a service answers when it does not do what was asked.
///
/// The same value is rendered by each protocol in its own shape (`crate::protocol`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ServiceError {
    /// AWS's code: `NoSuchEntity`, `AccessDenied`.
    pub code: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// AWS's text.
    pub message: String,
    /// The `Reason` of those errors of JSON services that have one.
    pub reason: Option<&'static str>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal;)*) => {
        impl ServiceError {
            $(
                $(#[$doc])*
                pub(crate) fn $name(message: impl Into<String>) -> Self {
                    Self::new($status, $code, message)
                }
            )*
        }
    };
}

impl ServiceError {
    /// A refusal with this status, code and text.
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), status, message: message.into(), reason: None }
    }

    /// The same with a `Reason`.
    pub(crate) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }
}

kinds! {
    validation = 400 "ValidationError";
    invalid_input = 400 "InvalidInput";
    invalid_parameter_value = 400 "InvalidParameterValue";
    malformed_policy = 400 "MalformedPolicyDocument";
    packed_policy_too_large = 400 "PackedPolicyTooLarge";
    password_policy_violation = 400 "PasswordPolicyViolation";
    access_denied = 403 "AccessDenied";
    invalid_authentication_code = 403 "InvalidAuthenticationCode";
    invalid_client_token = 403 "InvalidClientTokenId";
    no_such_entity = 404 "NoSuchEntity";
    already_exists = 409 "EntityAlreadyExists";
    delete_conflict = 409 "DeleteConflict";
    limit_exceeded = 409 "LimitExceeded";
    unmodifiable = 400 "UnmodifiableEntity";
    not_implemented = 501 "NotImplemented";
    service_failure = 500 "ServiceFailure";
}
