//! Fake ports and a fake clock, and the few values that all cases start from.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use postern_broker::*;
use postern_types::{
    AccessKeyId, LongTermKey, MfaCode, MfaSerial, MfaSession, RoleCredentials, SecretAccessKey,
    SessionDuration, SessionToken, SignedDuration, TemporaryCredentials, Timestamp,
};

pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const ROLE: &str = "arn:aws:iam::222222222222:role/postern/developer";

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(START + minutes * 60).unwrap()
}

pub(crate) fn credentials(until: i64) -> TemporaryCredentials {
    TemporaryCredentials {
        id: "ASIAY34FZKBOKMUTVV7A".parse().unwrap(),
        secret: SecretAccessKey::new("secret").unwrap(),
        token: SessionToken::new("token").unwrap(),
        expires_at: at(until),
    }
}

pub(crate) fn session(until: i64) -> MfaSession {
    let key = route().key;
    MfaSession { credentials: credentials(until), source_key: key.id, serial: key.serial }
}

pub(crate) fn role(until: i64) -> RoleCredentials {
    RoleCredentials { credentials: credentials(until), role: ROLE.parse().unwrap() }
}

pub(crate) fn route() -> Route {
    Route {
        key: KeyEntry {
            id: "AKIAY34FZKBOKMUTVV7A".parse().unwrap(),
            user: "alice".parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
            added_at: at(0),
        },
        endpoint: StsEndpoint { region: "eu-central-1".parse().unwrap(), url: None },
        session: SessionDuration::from_seconds(43_200),
    }
}

pub(crate) fn request() -> AssumeRole {
    AssumeRole::plain(ROLE.parse().unwrap(), &route().key)
}

pub(crate) fn way() -> Way {
    Way::of_role(route(), request())
}

/// The way's role key, by what is asked of it.
pub(crate) fn role_key(request: &AssumeRole) -> RoleKey {
    Way::of_role(route(), request.clone()).role_key(0).unwrap()
}

/// Two roles, one assumed with the other.
pub(crate) fn chain(start: Start) -> Way {
    let jump: AssumeRole =
        AssumeRole { role: "arn:aws:iam::333333333333:role/jump".parse().unwrap(), ..request() };
    Way { start, hops: vec![jump, request()], at_least: SignedDuration::ZERO }
}

pub(crate) fn foreign_start() -> Start {
    Start::Foreign { source: ForeignSource::InstanceMetadata, endpoint: route().endpoint }
}

pub(crate) fn foreign() -> ForeignCredentials {
    ForeignCredentials { credentials: (&credentials(60)).into(), expires_at: None }
}

/// All four ports. What happens is written down, in order.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) minutes: Cell<i64>,
    pub(crate) sessions: RefCell<BTreeMap<MfaSessionKey, MfaSession>>,
    pub(crate) roles: RefCell<BTreeMap<RoleKey, RoleCredentials>>,
    pub(crate) used: RefCell<Option<(MfaCode, Timestamp)>>,
    /// What the person types, in order; then the prompt is spent.
    pub(crate) codes: RefCell<Vec<Result<&'static str, PromptError>>>,
    /// What `AssumeRole` answers before it begins to succeed.
    pub(crate) refusals: RefCell<Vec<StsError>>,
    /// What another process left behind while this one waited.
    pub(crate) given_up: RefCell<Option<String>>,
    pub(crate) no_key: Cell<bool>,
}

impl World {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.log.borrow_mut().push(what.into());
    }

    pub(crate) fn with<T>(&self, run: impl FnOnce(&Broker<'_>) -> T) -> T {
        let clock = || at(self.minutes.get());
        run(&Broker { store: self, sts: self, prompt: self, cache: self, foreign: self, clock: &clock })
    }

    pub(crate) fn role(&self) -> Result<Origin, BrokerError> {
        self.go(&way())
    }

    pub(crate) fn go(&self, way: &Way) -> Result<Origin, BrokerError> {
        self.with(|broker| broker.obtain(way)).map(|obtained| obtained.origin)
    }

    pub(crate) fn took(&self) -> Vec<String> {
        self.log.borrow_mut().drain(..).collect()
    }
}

pub(crate) struct Guard<'a>(&'a World);

impl FlightGuard for Guard<'_> {
    fn give_up(&mut self, reason: &str) {
        self.0.say(format!("give up: {reason}"));
    }
}

impl SecretStore for World {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }
    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        Ok(vec![route().key])
    }
    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        self.say("key");
        let key = LongTermKey { id: id.clone(), secret: SecretAccessKey::new("long").unwrap() };
        Ok((!self.no_key.get()).then_some(key))
    }
    fn put(&self, _: &KeyEntry, _: &LongTermKey) -> Result<(), StoreError> {
        unreachable!("the broker stores no keys")
    }
    fn remove(&self, _: &AccessKeyId) -> Result<bool, StoreError> {
        unreachable!("the broker removes no keys")
    }
}

impl Sts for World {
    fn get_session_token(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        duration: SessionDuration,
    ) -> Result<MfaSession, StsError> {
        self.say(format!("GetSessionToken {} {duration}", code.as_str()));
        match code.as_str() {
            "000000" => Err(StsError::WrongCode),
            "999999" => Err(StsError::UnknownDevice { message: "no such device".into() }),
            _ => Ok(MfaSession {
                credentials: credentials(self.minutes.get() + 720),
                source_key: key.id.clone(),
                serial: serial.clone(),
            }),
        }
    }
    fn assume_role(&self, caller: Assumer<'_>, request: &AssumeRole) -> Result<RoleCredentials, StsError> {
        let by = match caller {
            Assumer::Session(_) => String::new(),
            Assumer::Role(role) => format!(" by {}", role.role.name()),
            Assumer::KeyWithoutMfa(key) => format!(" by {}", key.id),
            Assumer::Foreign(_) => " by another".to_owned(),
        };
        self.say(format!("AssumeRole {} as {}{by}", request.role.name(), request.session_name));
        match self.refusals.borrow_mut().pop() {
            Some(refusal) => Err(refusal),
            None => Ok(RoleCredentials { role: request.role.clone(), ..role(self.minutes.get() + 60) }),
        }
    }
    fn assume_role_with_code(
        &self,
        _: &LongTermKey,
        _: &MfaSerial,
        code: &MfaCode,
        request: &AssumeRole,
    ) -> Result<RoleCredentials, StsError> {
        self.say(format!("AssumeRole {} with {}", request.role.name(), code.as_str()));
        match code.as_str() {
            "000000" => Err(StsError::WrongCode),
            _ => Ok(RoleCredentials { role: request.role.clone(), ..role(self.minutes.get() + 720) }),
        }
    }
    fn get_caller_identity(&self, _: Credentials<'_>) -> Result<CallerIdentity, StsError> {
        unreachable!("not part of the flow")
    }
}

impl ForeignSources for World {
    fn take(&self, _: &ForeignSource) -> Result<ForeignCredentials, ForeignError> {
        self.say("take");
        Ok(foreign())
    }
}

impl MfaPrompt for World {
    fn ask(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
        self.say(format!("ask {} {:?}", question.attempt, question.refused));
        let mut codes = self.codes.borrow_mut();
        if codes.is_empty() {
            return Err(PromptError::Spent);
        }
        codes.remove(0).map(|code| code.parse().unwrap())
    }
}

impl SessionCache for World {
    fn session(&self, key: &MfaSessionKey) -> Result<Option<MfaSession>, CacheError> {
        Ok(self.sessions.borrow().get(key).cloned())
    }
    fn put_session(&self, session: &CachedSession) -> Result<(), CacheError> {
        self.sessions.borrow_mut().insert(session.key.clone(), session.session.clone());
        Ok(())
    }
    fn forget_session(&self, key: &MfaSessionKey) -> Result<(), CacheError> {
        self.say("forget");
        self.sessions.borrow_mut().remove(key);
        Ok(())
    }
    fn role(&self, key: &RoleKey) -> Result<Option<RoleCredentials>, CacheError> {
        Ok(self.roles.borrow().get(key).cloned())
    }
    fn put_role(&self, role: &CachedRole) -> Result<(), CacheError> {
        self.roles.borrow_mut().insert(role.key.clone(), role.credentials.clone());
        Ok(())
    }
    fn forget_role(&self, key: &RoleKey) -> Result<(), CacheError> {
        self.say(format!("forget {}", key.request.role.name()));
        self.roles.borrow_mut().remove(key);
        Ok(())
    }
    fn code_used_at(&self, _: &MfaSerial, code: &MfaCode) -> Result<Option<Timestamp>, CacheError> {
        Ok(self.used.borrow().as_ref().filter(|(used, _)| used.ct_eq(code)).map(|(_, at)| *at))
    }
    fn put_used_code(&self, _: &MfaSerial, code: &MfaCode, at: Timestamp) -> Result<(), CacheError> {
        *self.used.borrow_mut() = Some((*code, at));
        Ok(())
    }
    fn enter(&self, flight: Flight<'_>) -> Result<Entered<'_>, CacheError> {
        self.say(match flight {
            Flight::Session(_) => "enter session",
            Flight::Role(_) => "enter role",
        });
        Ok(Entered { guard: Box::new(Guard(self)), given_up: self.given_up.borrow_mut().take() })
    }
}
