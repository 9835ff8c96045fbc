//! What to do next, as a pure function.

use postern_types::{MfaSession, RoleArn, RoleCredentials, SessionDuration, SignedDuration, Timestamp};

use crate::{AssumeRole, ForeignCredentials, Start, Way};

/// AWS's bound on a role assumed with temporary credentials, an MFA session's included.
pub const CHAINING_CAP: SessionDuration = SessionDuration::HOUR;

/// Role credentials with less than this left are served to nobody.
pub const ROLE_SERVED_AT_LEAST: SignedDuration = SignedDuration::from_secs(5 * 60);

/// Credentials with less than this left are not worth a call.
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

/// What is there already, in the cache or in hand, expired or not.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The MFA session at the way's start.
    pub session: Option<MfaSession>,
    /// What the foreign source gave.
    pub foreign: Option<ForeignCredentials>,
    /// The credentials of each hop, in the way's order.
    pub roles: Vec<Option<RoleCredentials>>,
}

/// What a plan begins with.
#[derive(Clone, Debug)]
pub enum Has {
    /// Nothing that can be used; or a long-term key, which is not looked at before it is needed.
    Nothing,
    /// The MFA session.
    Session(MfaSession),
    /// What the foreign source gave.
    Foreign(ForeignCredentials),
    /// The credentials of a hop.
    Role {
        /// Which hop.
        hop: usize,
        /// Its credentials.
        credentials: RoleCredentials,
    },
}

/// A thing to be done, with a call or by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take a new MFA session: a code is needed.
    GetSessionToken,
    /// Get what the foreign source gives.
    TakeForeign,
    /// Assume the role of a hop with what is there.
    AssumeRole {
        /// Which hop.
        hop: usize,
    },
    /// Assume the first role with the long-term key and a code of its own.
    AssumeRoleWithCode,
}

/// From what is there to what is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it begins with: the answer itself where nothing is left to do.
    pub has: Has,
    /// What is to be done, in order.
    pub steps: Vec<Step>,
    /// Credentials that still do when STS cannot be reached.
    pub fallback: Option<RoleCredentials>,
}

/// What is known to fail before any call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// More than an hour was asked of a role that is reached with temporary credentials.
    #[error("{role}, assumed from a session, lasts {cap} at most, not {asked}")]
    ChainingCap {
        /// The role.
        role: RoleArn,
        /// What was asked.
        asked: SessionDuration,
        /// What AWS gives.
        cap: SessionDuration,
        /// Whether it is the first role of the way, which may also be assumed with a code of its own.
        first: bool,
    },
    /// The target is a long-term key without MFA. Those are handed to nobody.
    #[error("{key} is a long-term key without an MFA device")]
    LongTermKey {
        /// The key.
        key: postern_types::AccessKeyId,
    },
    /// More is to be left than new credentials last.
    #[error("{asked} are to be left of {role}, whose credentials last {lasts}")]
    NeverSoMuchLeft {
        /// The role.
        role: RoleArn,
        /// How much is to be left.
        asked: SessionDuration,
        /// How long new ones last.
        lasts: SessionDuration,
    },
}

/// From what is there to the credentials of a way's last hop, or of its start where it has none.
///
/// # Errors
/// When AWS is known to refuse the request.
pub fn plan(way: &Way, now: Timestamp, view: &View) -> Result<Plan, PlanError> {
    check(way)?;
    let Some((last, request)) = way.hops.iter().enumerate().next_back() else {
        return plan_start(way, now, view);
    };
    let role = |hop: usize| view.roles.get(hop).and_then(Option::as_ref);
    let margin = renew_margin(request.duration).max(way.at_least);
    let ready = |credentials: &RoleCredentials| {
        let has = Has::Role { hop: last, credentials: credentials.clone() };
        Ok(Plan { has, steps: Vec::new(), fallback: None })
    };
    let fallback = match role(last) {
        Some(role) if role.credentials.is_fresh(now, margin) => return ready(role),
        // A session of the shortest kind must still be servable at the end of its margin.
        Some(role) if role.credentials.is_fresh(now, served_at_least(way, margin)) => Some(role),
        _ => None,
    };
    let usable =
        |hop: &usize| role(*hop).is_some_and(|role| role.credentials.is_fresh(now, SESSION_USED_AT_LEAST));
    let nearest = (0..last).rev().find(usable);
    let (has, mut steps) = match nearest.and_then(|hop| Some((hop, role(hop)?))) {
        Some((hop, credentials)) => (Has::Role { hop, credentials: credentials.clone() }, Vec::new()),
        None => from_start(way, now, view),
    };
    // Nobody is asked for a code while what is there will do.
    let asks = matches!(steps.first(), Some(Step::GetSessionToken | Step::AssumeRoleWithCode));
    if let Some(fallback) = fallback
        && asks
    {
        return ready(fallback);
    }
    let first = match has {
        Has::Role { hop, .. } => hop + 1,
        _ if steps.contains(&Step::AssumeRoleWithCode) => 1,
        _ => 0,
    };
    steps.extend((first..=last).map(|hop| Step::AssumeRole { hop }));
    Ok(Plan { has, steps, fallback: fallback.cloned() })
}

/// A way without roles: its start is what is wanted.
fn plan_start(way: &Way, now: Timestamp, view: &View) -> Result<Plan, PlanError> {
    let (has, steps) = match (&way.start, &view.session) {
        (Start::Key { key, .. }, _) => return Err(PlanError::LongTermKey { key: key.clone() }),
        (Start::Foreign { .. }, _) => from_start(way, now, view),
        (Start::Session(_) | Start::Code(_), Some(session))
            if session.credentials.is_fresh(now, ROLE_SERVED_AT_LEAST) =>
        {
            (Has::Session(session.clone()), Vec::new())
        }
        (Start::Session(_) | Start::Code(_), _) => (Has::Nothing, vec![Step::GetSessionToken]),
    };
    Ok(Plan { has, steps, fallback: None })
}

fn served_at_least(way: &Way, margin: SignedDuration) -> SignedDuration {
    ROLE_SERVED_AT_LEAST.min(margin).max(way.at_least)
}

/// What can be used of the start, and what it takes to have it.
fn from_start(way: &Way, now: Timestamp, view: &View) -> (Has, Vec<Step>) {
    match &way.start {
        Start::Session(_) => match &view.session {
            Some(session) if session.credentials.is_fresh(now, SESSION_USED_AT_LEAST) => {
                (Has::Session(session.clone()), Vec::new())
            }
            _ => (Has::Nothing, vec![Step::GetSessionToken]),
        },
        Start::Code(_) => (Has::Nothing, vec![Step::AssumeRoleWithCode]),
        Start::Key { .. } => (Has::Nothing, Vec::new()),
        Start::Foreign { .. } => match &view.foreign {
            Some(foreign) => (Has::Foreign(foreign.clone()), Vec::new()),
            None => (Has::Nothing, vec![Step::TakeForeign]),
        },
    }
}

/// AWS caps every role that is assumed with temporary credentials (*IAM User Guide*, "Roles terms and
/// concepts", role chaining).
fn check(way: &Way) -> Result<(), PlanError> {
    // What a foreign source gives may be a long-term key; AWS will say.
    let temporary = |hop: usize| hop > 0 || matches!(way.start, Start::Session(_));
    for (hop, AssumeRole { role, duration, .. }) in way.hops.iter().enumerate() {
        if temporary(hop) && *duration > CHAINING_CAP {
            let (role, asked, first) = (role.clone(), *duration, hop == 0);
            return Err(PlanError::ChainingCap { role, asked, cap: CHAINING_CAP, first });
        }
    }
    match way.hops.last() {
        Some(last) if way.at_least >= SignedDuration::from(last.duration) => {
            let asked = u32::try_from(way.at_least.as_secs()).unwrap_or(u32::MAX);
            let (role, asked) = (last.role.clone(), SessionDuration::from_seconds(asked));
            Err(PlanError::NeverSoMuchLeft { role, asked, lasts: last.duration })
        }
        _ => Ok(()),
    }
}
