//! The operations of STS.

use postern_types::{SignedDuration, Timestamp};

use crate::{
    ServiceError,
    caller::CallerKind,
    model::Owner,
    operation::{Call, Entry, entry},
    session::Issued,
    wire::Xml,
};

mod assume_role;
mod federation;
mod identity;
mod session_token;

const OPERATIONS: &[Entry] = &[
    entry::<identity::GetCallerIdentity>(),
    entry::<identity::GetAccessKeyInfo>(),
    entry::<identity::DecodeAuthorizationMessage>(),
    entry::<session_token::GetSessionToken>(),
    entry::<assume_role::AssumeRole>(),
    entry::<federation::GetFederationToken>(),
];

/// Operations that AWS has and the sandbox does not.
const ELSEWHERE: &[&str] = &[
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "GetDelegatedAccessToken",
    "GetWebIdentityToken",
];

/// The operation of this name, if the sandbox has it.
pub(crate) fn operation(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|entry| entry.name == name)
}

/// Whether this operation is called without a signature: somebody else's token vouches for the caller.
pub(crate) fn is_unsigned(name: &str) -> bool {
    matches!(name, "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity")
}

/// Whether AWS has an operation of this name that the sandbox lacks.
pub(crate) fn is_elsewhere(name: &str) -> bool {
    ELSEWHERE.contains(&name)
}

/// The end of a session that begins now.
fn end(now: Timestamp, seconds: u32) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

/// The element `Credentials`: the only place that shows a session's secrets.
fn write_credentials(xml: &mut Xml, issued: &Issued, expires: Timestamp) {
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &issued.id);
        xml.text("SecretAccessKey", issued.secret.expose_secret());
        xml.text("SessionToken", issued.token.expose_secret());
        xml.time("Expiration", expires);
    });
}

/// Checks the one-time code that came with a request: true if one was given and was right.
///
/// The device must be the caller's own and enabled. Codes of the step before, of this one and of the next are
/// taken (real clock), and none of a step at or before one that was taken already.
fn check_code(call: &mut Call<'_>, serial: Option<&str>, code: Option<&str>) -> Result<bool, ServiceError> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return Err(ServiceError::access_denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. ",
            ));
        }
    };
    let owner = match &call.caller.kind {
        CallerKind::Root => Some(Owner::Root),
        CallerKind::User { id, .. } => Some(Owner::User(id.clone())),
        CallerKind::Role { .. } | CallerKind::Federated { .. } => None,
    };
    let step_now = postern_types::TotpSeed::step_at(call.real_now);
    let device = call.account_mut().mfa_devices.get_mut(serial).filter(|device| {
        device.enabled.as_ref().is_some_and(|enabled| Some(&enabled.owner) == owner.as_ref())
    });
    let Some(device) = device else {
        return Err(ServiceError::access_denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user. ",
        ));
    };
    let wrong = || {
        ServiceError::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    };
    let code: postern_types::MfaCode = code.parse().map_err(|_| wrong())?;
    let step = (step_now - 1..=step_now + 1)
        .filter(|step| device.last_step.is_none_or(|last| *step > last))
        .find(|step| device.seed.code_of_step(*step).ct_eq(&code))
        .ok_or_else(wrong)?;
    device.last_step = Some(step);
    Ok(true)
}
