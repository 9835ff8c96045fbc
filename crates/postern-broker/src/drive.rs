//! The driver: carries out what [`plan`] says, over the ports.

use postern_types::{LongTermKey, MfaSession, RoleCredentials, SignedDuration, Timestamp};

use crate::{
    AssumeRole, CacheError, CachedRole, CachedSession, Entered, Flight, MfaPrompt, MfaQuestion, MfaRefusal,
    PlanError, PromptError, Route, SESSION_USED_AT_LEAST, SecretStore, SessionCache, Step, StoreError, Sts,
    StsError, View, plan,
};

/// How many codes are asked for before giving up.
pub const CODE_ATTEMPTS: u8 = 3;

/// How long AWS may still take a code: its own half minute and the one before and after.
const CODE_REMEMBERED: SignedDuration = SignedDuration::from_secs(90);

/// Why no credentials came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// AWS is known to refuse the request.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The long-term key is not in the store any more.
    #[error("the key store holds no key `{id}`")]
    NoKey {
        /// The key looked for.
        id: postern_types::AccessKeyId,
    },
    /// Every code was refused.
    #[error("no MFA code was taken in {attempts} attempts")]
    CodesRefused {
        /// How many were tried.
        attempts: u8,
        /// Why the last one was refused.
        last: MfaRefusal,
    },
    /// No code could be had.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Another process asked on behalf of all and got no code.
    #[error("another process asked and gave up: {reason}")]
    GivenUp {
        /// Why it gave up.
        reason: String,
    },
    /// STS refused.
    #[error(transparent)]
    Sts(#[from] StsError),
    /// The key store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl BrokerError {
    /// What is left for those who waited. A failure that was itself handed on is not wrapped again.
    fn reason(&self) -> String {
        match self {
            Self::GivenUp { reason } => reason.clone(),
            error => error.to_string(),
        }
    }
}

/// Where role credentials came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The cache.
    Cache,
    /// The cache, because STS could not be reached to renew them.
    CacheForWantOfSts,
    /// A call made with a session that was there.
    Renewed,
    /// A call made with a session taken just now.
    LoggedIn,
}

/// Role credentials and where they came from.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// The credentials.
    pub credentials: RoleCredentials,
    /// Where they came from.
    pub origin: Origin,
}

/// Whether a login may make do with a session that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMode {
    /// A live session will do.
    IfNeeded,
    /// A new code, whatever is there.
    Fresh,
}

/// The driver over its ports.
pub struct Broker<'a> {
    /// Where the long-term key rests.
    pub store: &'a dyn SecretStore,
    /// Who gives credentials.
    pub sts: &'a dyn Sts,
    /// Where codes come from.
    pub prompt: &'a dyn MfaPrompt,
    /// Where sessions rest.
    pub cache: &'a dyn SessionCache,
    /// The time. A person may take minutes over a prompt, so it is asked anew for each decision.
    pub clock: &'a dyn Fn() -> Timestamp,
}

impl Broker<'_> {
    /// Takes an MFA session along a route, or finds the one that is there.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub fn login(&self, route: &Route, mode: LoginMode) -> Result<MfaSession, BrokerError> {
        let key = route.session_key();
        let live = |session: &MfaSession| session.credentials.is_fresh((self.clock)(), SESSION_USED_AT_LEAST);
        if mode == LoginMode::IfNeeded
            && let Some(session) = self.cache.session(&key)?.filter(live)
        {
            return Ok(session);
        }
        let Entered { mut guard, given_up } = self.cache.enter(Flight::Session(&key))?;
        if mode == LoginMode::IfNeeded {
            // Whoever held the flight before may have brought what is wanted.
            if let Some(session) = self.cache.session(&key)?.filter(live) {
                return Ok(session);
            }
            if let Some(reason) = given_up {
                return Err(BrokerError::GivenUp { reason });
            }
        }
        let taken = self.take_session(route);
        match &taken {
            Ok(session) => self.cache.put_session(&CachedSession {
                key,
                entry: route.key.clone(),
                session: session.clone(),
            })?,
            Err(error) => guard.give_up(&error.reason()),
        }
        taken
    }

    /// The credentials of a request along a route.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub fn role(&self, route: &Route, request: &AssumeRole) -> Result<Obtained, BrokerError> {
        let role_key = route.role_key(request);
        let session_key = route.session_key();
        let look = || -> Result<Step, BrokerError> {
            let view = View { role: self.cache.role(&role_key)?, session: self.cache.session(&session_key)? };
            Ok(plan(request, (self.clock)(), view)?)
        };
        if let Step::Serve(credentials) = look()? {
            return Ok(Obtained { credentials, origin: Origin::Cache });
        }
        // Flights are entered in one order, role before session, so that no two processes wait for each other.
        let Entered { mut guard, given_up } = self.cache.enter(Flight::Role(&role_key))?;
        let mut step = look()?;
        if let (Some(reason), Step::GetSessionToken | Step::AssumeRole { fallback: None, .. }) =
            (given_up, &step)
        {
            return Err(BrokerError::GivenUp { reason });
        }
        let mut origin = Origin::Renewed;
        // At most: a session that AWS no longer takes, a new one, the role.
        let result = loop {
            match step {
                Step::Serve(credentials) => break Ok(Obtained { credentials, origin: Origin::Cache }),
                Step::GetSessionToken => match self.login(route, LoginMode::IfNeeded) {
                    Ok(session) => {
                        origin = Origin::LoggedIn;
                        step = Step::AssumeRole { session, fallback: None };
                    }
                    Err(error) => break Err(error),
                },
                Step::AssumeRole { session, fallback } => {
                    match (self.sts.assume_role(&session, request), fallback) {
                        (Ok(credentials), _) => break Ok(Obtained { credentials, origin }),
                        (Err(StsError::Unreachable { .. }), Some(credentials)) => {
                            break Ok(Obtained { credentials, origin: Origin::CacheForWantOfSts });
                        }
                        // The session was ended at AWS, or the clock here is slow: a new login may help.
                        (Err(StsError::Expired { .. } | StsError::UnknownKey { .. }), _)
                            if origin == Origin::Renewed =>
                        {
                            self.cache.forget_session(&session_key)?;
                            step = Step::GetSessionToken;
                        }
                        (Err(error), _) => break Err(error.into()),
                    }
                }
            }
        };
        match &result {
            Ok(Obtained { credentials, origin: Origin::Renewed | Origin::LoggedIn }) => {
                self.cache.put_role(&CachedRole { key: role_key, credentials: credentials.clone() })?;
            }
            Ok(_) => {}
            Err(error) => guard.give_up(&error.reason()),
        }
        result
    }

    fn take_session(&self, route: &Route) -> Result<MfaSession, BrokerError> {
        // The key first: opening the store may take a passphrase, and codes age while one types it.
        let id = &route.key.id;
        let key = self.store.get(id)?.ok_or_else(|| BrokerError::NoKey { id: id.clone() })?;
        let mut refused = None;
        for attempt in 1..=CODE_ATTEMPTS {
            match self.try_code(route, &key, &MfaQuestion { key: &route.key, attempt, refused }) {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(refusal)) => refused = Some(refusal),
                // A code given on the command line is there once: say what AWS said of it.
                Err(BrokerError::Prompt(PromptError::Spent)) => {
                    let last = refused.unwrap_or(MfaRefusal::Wrong);
                    return Err(BrokerError::CodesRefused { attempts: attempt - 1, last });
                }
                Err(error) => return Err(error),
            }
        }
        let last = refused.unwrap_or(MfaRefusal::Wrong);
        Err(BrokerError::CodesRefused { attempts: CODE_ATTEMPTS, last })
    }

    fn try_code(
        &self,
        route: &Route,
        key: &LongTermKey,
        question: &MfaQuestion<'_>,
    ) -> Result<Result<MfaSession, MfaRefusal>, BrokerError> {
        let serial = &route.key.serial;
        let code = self.prompt.ask(question)?;
        let now = (self.clock)();
        // AWS answers a used code like a wrong one; only who remembers can tell them apart.
        let used_at = self.cache.code_used_at(serial, &code)?;
        let used = used_at.is_some_and(|at| now.duration_since(at).abs() < CODE_REMEMBERED);
        if used {
            return Ok(Err(MfaRefusal::AlreadyUsed));
        }
        match self.sts.get_session_token(key, serial, &code, route.session) {
            Ok(session) => {
                self.cache.put_used_code(serial, &code, now)?;
                Ok(Ok(session))
            }
            Err(StsError::WrongCode) => Ok(Err(MfaRefusal::Wrong)),
            Err(error) => Err(error.into()),
        }
    }
}
