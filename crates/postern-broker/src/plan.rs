//! What to do next, as a pure function.

use postern_types::{MfaSession, RoleCredentials, SessionDuration, SignedDuration, Timestamp};

use crate::AssumeRole;

/// AWS's bound on a role assumed with temporary credentials, an MFA session's included.
pub const CHAINING_CAP: SessionDuration = SessionDuration::HOUR;

/// Role credentials with less than this left are served to nobody.
pub const ROLE_SERVED_AT_LEAST: SignedDuration = SignedDuration::from_secs(5 * 60);

/// An MFA session with less than this left is not worth a call.
pub const SESSION_USED_AT_LEAST: SignedDuration = SignedDuration::from_secs(30);

/// How much must be left of role credentials before they are renewed.
///
/// SDKs ask again when 15 minutes are left, on every call; twenty minutes stay ahead of that. Short
/// sessions would be renewed on each call by such a margin, so it is never above a third of them.
#[must_use]
pub fn renew_margin(duration: SessionDuration) -> SignedDuration {
    let third = SignedDuration::from_secs(i64::from(duration.seconds() / 3));
    third.min(SignedDuration::from_mins(20))
}

/// What the cache holds for one request, expired or not.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The request's own credentials.
    pub role: Option<RoleCredentials>,
    /// The MFA session behind it.
    pub session: Option<MfaSession>,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Hand these over.
    Serve(RoleCredentials),
    /// Assume the role with this session.
    AssumeRole {
        /// The session.
        session: MfaSession,
        /// Credentials that still do when STS cannot be reached.
        fallback: Option<RoleCredentials>,
    },
    /// Take a new MFA session: a code is needed.
    GetSessionToken,
}

/// What is known to fail before any call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More than an hour was asked of a role that is reached through an MFA session.
    #[error("a role assumed from an MFA session lasts {cap} at most, not {asked}")]
    ChainingCap {
        /// What was asked.
        asked: SessionDuration,
        /// What AWS gives.
        cap: SessionDuration,
    },
}

/// The next step towards the credentials of a request.
///
/// # Errors
/// When AWS is known to refuse the request.
pub fn plan(request: &AssumeRole, now: Timestamp, view: View) -> Result<Step, PlanError> {
    if request.duration > CHAINING_CAP {
        return Err(PlanError::ChainingCap { asked: request.duration, cap: CHAINING_CAP });
    }
    let View { role, session } = view;
    let margin = renew_margin(request.duration);
    let role = match role {
        Some(role) if role.credentials.is_fresh(now, margin) => return Ok(Step::Serve(role)),
        // A session of the shortest kind must still be servable at the end of its margin.
        Some(role) if role.credentials.is_fresh(now, ROLE_SERVED_AT_LEAST.min(margin)) => Some(role),
        _ => None,
    };
    match (session, role) {
        (Some(session), fallback) if session.credentials.is_fresh(now, SESSION_USED_AT_LEAST) => {
            Ok(Step::AssumeRole { session, fallback })
        }
        // Nobody is asked for a code while what is there will do.
        (_, Some(role)) => Ok(Step::Serve(role)),
        (_, None) => Ok(Step::GetSessionToken),
    }
}
