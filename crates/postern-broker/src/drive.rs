//! The driver: carries out what [`plan`] says, over the ports.

use postern_types::{
    AccessKeyId, Credentials, LongTermKey, MfaCode, MfaSession, RoleArn, RoleCredentials, SignedDuration,
    Timestamp,
};

use crate::{
    CacheError, CachedSession, Entered, Flight, ForeignCredentials, ForeignError, ForeignSources, MfaPrompt,
    MfaQuestion, MfaRefusal, Plan, PlanError, PromptError, Route, SESSION_USED_AT_LEAST, SecretStore,
    SessionCache, StoreError, Sts, StsError, Way,
    run::{Run, issued},
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
        id: AccessKeyId,
    },
    /// What AWS has just issued counts as expired here.
    #[error("what AWS issued just now has expired by this machine's clock")]
    ExpiredOnArrival,
    /// Somebody else's credentials did not come.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
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

/// What a way leads to.
#[derive(Clone, Debug)]
pub enum Issued {
    /// The MFA session itself.
    Session(MfaSession),
    /// A role.
    Role(RoleCredentials),
    /// What somebody else gave.
    Foreign(ForeignCredentials),
}

impl Issued {
    /// What a request is signed with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        match self {
            Self::Session(session) => session.into(),
            Self::Role(role) => role.into(),
            Self::Foreign(foreign) => foreign.credentials.clone(),
        }
    }

    /// When they end, where that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Session(session) => Some(session.credentials.expires_at),
            Self::Role(role) => Some(role.credentials.expires_at),
            Self::Foreign(foreign) => foreign.expires_at,
        }
    }

    /// The role, if it is one.
    #[must_use]
    pub fn role(&self) -> Option<&RoleArn> {
        match self {
            Self::Role(role) => Some(&role.role),
            Self::Session(_) | Self::Foreign(_) => None,
        }
    }
}

/// Credentials and where they came from.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// The credentials.
    pub issued: Issued,
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
    /// Who gives credentials that are no keys of the person's.
    pub foreign: &'a dyn ForeignSources,
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

    /// What is there of a way, and what is left to do: reads the cache and calls nobody.
    ///
    /// # Errors
    /// When AWS is known to refuse, or the cache cannot be read.
    pub fn look(&self, way: &Way) -> Result<Plan, BrokerError> {
        Run::new(self, way).look()
    }

    /// The credentials that a way leads to.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub fn obtain(&self, way: &Way) -> Result<Obtained, BrokerError> {
        let run = Run::new(self, way);
        let plan = run.look()?;
        if let (Some(issued), []) = (issued(&plan), plan.steps.as_slice()) {
            return Ok(Obtained { issued, origin: Origin::Cache });
        }
        let Some(key) = way.hops.len().checked_sub(1).and_then(|last| way.role_key(last)) else {
            return run.finish();
        };
        // Flights are entered in one order, a role before what it is assumed with, so that no two processes
        // wait for each other.
        let Entered { mut guard, given_up } = self.cache.enter(Flight::Role(&key))?;
        let plan = run.look()?;
        if let Some(reason) = given_up
            && plan.fallback.is_none()
            && !plan.steps.is_empty()
        {
            return Err(BrokerError::GivenUp { reason });
        }
        let result = run.finish();
        if let Err(error) = &result {
            guard.give_up(&error.reason());
        }
        result
    }

    fn take_session(&self, route: &Route) -> Result<MfaSession, BrokerError> {
        self.with_code(route, |key, code| {
            self.sts.get_session_token(key, &route.key.serial, code, route.session)
        })
    }

    /// Makes a call that spends an MFA code, with up to three codes.
    pub(crate) fn with_code<T>(
        &self,
        route: &Route,
        call: impl Fn(&LongTermKey, &MfaCode) -> Result<T, StsError>,
    ) -> Result<T, BrokerError> {
        // The key first: opening the store may take a passphrase, and codes age while one types it.
        let key = self.key(&route.key.id)?;
        let mut refused = None;
        for attempt in 1..=CODE_ATTEMPTS {
            let question = MfaQuestion { key: &route.key, attempt, refused };
            match self.try_code(&question, |code| call(&key, code)) {
                Ok(Ok(answer)) => return Ok(answer),
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

    fn try_code<T>(
        &self,
        question: &MfaQuestion<'_>,
        call: impl FnOnce(&MfaCode) -> Result<T, StsError>,
    ) -> Result<Result<T, MfaRefusal>, BrokerError> {
        let serial = &question.key.serial;
        let code = self.prompt.ask(question)?;
        let now = (self.clock)();
        // AWS answers a used code like a wrong one; only who remembers can tell them apart.
        let used_at = self.cache.code_used_at(serial, &code)?;
        let used = used_at.is_some_and(|at| now.duration_since(at).abs() < CODE_REMEMBERED);
        if used {
            return Ok(Err(MfaRefusal::AlreadyUsed));
        }
        match call(&code) {
            Ok(answer) => {
                self.cache.put_used_code(serial, &code, now)?;
                Ok(Ok(answer))
            }
            Err(StsError::WrongCode) => Ok(Err(MfaRefusal::Wrong)),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn key(&self, id: &AccessKeyId) -> Result<LongTermKey, BrokerError> {
        self.store.get(id)?.ok_or_else(|| BrokerError::NoKey { id: id.clone() })
    }
}
