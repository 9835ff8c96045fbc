//! The whole of it: a request in, a response out, and the doors for whoever runs the sandbox.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postern_types::{AccessKeyId, AccountId, Rng, SecretAccessKey, SignedDuration, Timestamp};

use crate::{
    ServiceError,
    caller::{Caller, CallerKind, SessionFacts},
    http::{RawRequest, RawResponse},
    iam,
    model::{Owner, State, new_account},
    operation::{Call, RequestFacts, Service},
    protocol::{Asked, Protocol, query_answer},
    seal::Sealer,
    services,
    session::{self, Principal, Session},
    sigv4::{Claim, Fault, Scope, Signed, signing_key},
    sts,
    trail::{self, Trail, TrailEvent},
};

mod organization;
mod scene;
mod stale;
mod transfer;

pub use organization::{OrganizationError, OrganizationInfo};
pub use scene::{Scene, SceneError, UserKey};
pub use transfer::ImportError;

/// All accounts of a sandbox, and everything that happened in it.
///
/// One lock guards the state. It is taken twice in each request, to look up a key and to run the operation;
/// parsing, hashing and sealing happen outside of it where they can.
pub struct World {
    inner: Mutex<Inner>,
    /// Signing keys of the day, so that four HMACs in five are saved for those who come back.
    signing_keys: Mutex<HashMap<(String, String), CachedKey>>,
}

struct Inner {
    state: State,
    sealer: Arc<Sealer>,
    /// How far the sandbox's clock is ahead of the real one.
    ahead: SignedDuration,
    trail: Trail,
    /// What accounts were, for reads that are behind; none as long as every read is up to date.
    past: Option<stale::Past>,
    /// Counts changes, so that whoever keeps the state knows when to write it.
    revision: u64,
}

/// A signing key, and the secret that it was made from.
struct CachedKey {
    secret: SecretAccessKey,
    key: zeroize::Zeroizing<[u8; 32]>,
}

const CACHED_KEYS: usize = 4_096;

/// An account as its owner sees it.
#[derive(Clone, Debug)]
pub struct AccountInfo {
    /// The account's id.
    pub id: AccountId,
    /// What it was called when it was made.
    pub name: Option<String>,
    /// The key id of its root user.
    pub root_key: AccessKeyId,
    /// The secret of that key.
    pub root_secret: SecretAccessKey,
}

/// Why an account cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The account exists, and its root user has no key any more.
    #[error("account {0} has no root access key")]
    NoRootKey(AccountId),
    /// No id could be found that is not taken.
    #[error("every account id that was drawn is taken")]
    Full,
}

/// What a reset took away, to be dropped wherever there is time for it.
pub struct Forgotten {
    _state: State,
    _trail: Trail,
}

/// The sandbox's clock beside the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// What signatures and one-time codes are judged by.
    pub real: Timestamp,
    /// What everything else reads.
    pub sandbox: Timestamp,
}

/// Who signed a request, as far as key and token tell.
enum Credential {
    LongTerm,
    Session(Principal, Arc<SessionFacts>),
}

struct Verified {
    key: AccessKeyId,
    scope: Scope,
    credential: Credential,
}

impl World {
    /// A sandbox without accounts.
    #[must_use]
    pub fn new(rng: &mut dyn Rng) -> Self {
        let inner = Inner {
            state: State::new(),
            sealer: Arc::new(Sealer::generate(rng)),
            ahead: SignedDuration::ZERO,
            trail: Trail::default(),
            past: None,
            revision: 0,
        };
        Self { inner: Mutex::new(inner), signing_keys: Mutex::new(HashMap::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Handlers check before they change, so a state left by a panic is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request. `now` is the real clock.
    #[must_use]
    pub fn handle(&self, raw: &RawRequest, now: Timestamp, rng: &mut dyn Rng) -> RawResponse {
        let request_id = uuid(rng);
        let Ok(asked) = Asked::of(raw) else {
            let error =
                ServiceError::new(400, "MalformedQueryString", "The query string contains a syntax error");
            return Protocol::OtherQuery.error(&error, &request_id);
        };
        match self.verify(raw, &asked, now) {
            Ok(verified) => self.run(raw, &asked, &verified, now, rng, &request_id),
            Err(fault) => {
                let error = match asked.operation.as_deref() {
                    Some(name)
                        if fault == Fault::Missing && asked.service == "sts" && sts::is_unsigned(name) =>
                    {
                        services::unsigned(name)
                    }
                    _ => fault.refusal(asked.protocol.dialect()),
                };
                let response = asked.protocol.error(&error, &request_id);
                let event = TrailEvent {
                    time: now,
                    request_id,
                    service: asked.service.clone(),
                    operation: operation_name(&asked, raw),
                    region: String::new(),
                    source_ip: raw.source_ip,
                    user_agent: raw.header("user-agent").map(str::to_owned),
                    caller: None,
                    parameters: trail::parameters(&asked.params),
                    decided: Vec::new(),
                    error: Some(error),
                };
                self.lock().record(event);
                response
            }
        }
    }

    /// Everything about a signature, in AWS's order.
    fn verify(&self, raw: &RawRequest, asked: &Asked, now: Timestamp) -> Result<Verified, Fault> {
        let claim = Claim::read(raw, &asked.query, asked.expected, now)?;
        let signed = Signed::of(raw, &claim);
        let key: AccessKeyId = claim.key_id.parse().map_err(|_| Fault::UnknownKey)?;
        let (credential, secret) = match &claim.token {
            Some(token) => {
                let (sealer, sandbox_now) = {
                    let inner = self.lock();
                    (Arc::clone(&inner.sealer), inner.clock(now))
                };
                let (session, secret) = Session::open(key.as_str(), token, &sealer).ok_or(Fault::BadToken)?;
                if session.facts.expires <= sandbox_now {
                    return Err(Fault::ExpiredToken);
                }
                (Credential::Session(session.principal, Arc::new(session.facts)), secret)
            }
            None => {
                let inner = self.lock();
                let account = key.account().and_then(|id| inner.state.account(id));
                let found = account.and_then(|account| account.key(&key)).filter(|key| key.active);
                (Credential::LongTerm, found.ok_or(Fault::UnknownKey)?.secret.clone())
            }
        };
        let signed = signed?;
        if !signed.is_by(&self.signing_key(&key, &secret, &claim.scope)) {
            return Err(Fault::Mismatch);
        }
        Ok(Verified { key, scope: claim.scope, credential })
    }

    /// The key of key id, day, region and service; kept, because clients come back.
    fn signing_key(
        &self,
        id: &AccessKeyId,
        secret: &SecretAccessKey,
        scope: &Scope,
    ) -> zeroize::Zeroizing<[u8; 32]> {
        let name = (id.to_string(), scope.to_string());
        let mut cache = self.signing_keys.lock().unwrap_or_else(PoisonError::into_inner);
        // A key id whose secret has changed, by an import, is another key.
        if let Some(cached) = cache.get(&name).filter(|cached| cached.secret.ct_eq(secret)) {
            return cached.key.clone();
        }
        drop(cache);
        let key = zeroize::Zeroizing::new(signing_key(secret, scope));
        cache = self.signing_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED_KEYS {
            cache.clear();
        }
        cache.insert(name, CachedKey { secret: secret.clone(), key: key.clone() });
        key
    }

    fn run(
        &self,
        raw: &RawRequest,
        asked: &Asked,
        verified: &Verified,
        real_now: Timestamp,
        rng: &mut dyn Rng,
        request_id: &str,
    ) -> RawResponse {
        let facts = RequestFacts {
            source_ip: raw.source_ip,
            user_agent: raw.header("user-agent").map(str::to_owned),
            region: verified.scope.region.clone(),
        };
        let parameters = match asked.service.as_str() {
            "organizations" => trail::json_parameters(&raw.body),
            _ => trail::parameters(&asked.params),
        };
        let mut guard = self.lock();
        let inner = &mut *guard;
        let now = inner.clock(real_now);
        let mut decided = Vec::new();
        let caller = resolve(&inner.state, verified).map(Arc::new);
        let outcome = match &caller {
            None => Err(Fault::UnknownKey.refusal(asked.protocol.dialect())),
            Some(caller) => {
                inner.note_use(verified, caller, now);
                if !asked.operation.as_deref().is_none_or(trail::is_read) {
                    inner.revision += 1;
                }
                let present = match &mut inner.past {
                    Some(past) => past.before(asked, caller.account, &mut inner.state, real_now),
                    None => None,
                };
                let mut call = Call {
                    state: &mut inner.state,
                    caller,
                    facts: &facts,
                    now,
                    real_now,
                    rng,
                    sealer: &inner.sealer,
                    mfa_now: false,
                    decided: &mut decided,
                };
                let outcome = dispatch(raw, asked, &mut call, request_id);
                if let Some(present) = present {
                    inner.state.accounts.insert(caller.account, present);
                }
                inner.note_attempt(raw, asked, caller, &facts.region, now, &outcome);
                outcome
            }
        };
        let (response, error) = match outcome {
            Ok(response) => (response, None),
            Err(error) => (asked.protocol.error(&error, request_id), Some(error)),
        };
        inner.record(TrailEvent {
            time: now,
            request_id: request_id.to_owned(),
            service: asked.service.clone(),
            operation: operation_name(asked, raw),
            region: facts.region,
            source_ip: raw.source_ip,
            user_agent: facts.user_agent,
            caller,
            parameters,
            decided,
            error,
        });
        response
    }

    // The doors of whoever runs the sandbox.

    /// Makes an account, or finds it if the id exists. Without an id, one is drawn.
    ///
    /// # Errors
    /// When the account exists without a root key.
    pub fn create_account(
        &self,
        id: Option<AccountId>,
        name: Option<&str>,
        now: Timestamp,
        rng: &mut dyn Rng,
    ) -> Result<AccountInfo, AccountError> {
        let mut inner = self.lock();
        let id = match id {
            Some(id) => id,
            None => draw_id(&inner.state, rng).ok_or(AccountError::Full)?,
        };
        if inner.state.account(id).is_none() {
            let created = inner.clock(now);
            let account = new_account(id, name.map(str::to_owned), created, rng);
            inner.state.accounts.insert(id, account);
            inner.revision += 1;
        }
        inner.info(id).ok_or(AccountError::NoRootKey(id))
    }

    /// All accounts that have a root key, by id.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountInfo> {
        let inner = self.lock();
        inner.state.accounts.keys().filter_map(|id| inner.info(*id)).collect()
    }

    /// Forgets everything: accounts, sessions, events, and how far the clock was moved.
    ///
    /// What was forgotten comes back, because freeing it can take longer than the reset itself.
    pub fn reset(&self, rng: &mut dyn Rng) -> Forgotten {
        let mut inner = self.lock();
        inner.sealer = Arc::new(Sealer::generate(rng));
        inner.ahead = SignedDuration::ZERO;
        inner.past.iter_mut().for_each(stale::Past::forget);
        inner.revision += 1;
        Forgotten {
            _state: std::mem::replace(&mut inner.state, State::new()),
            _trail: std::mem::take(&mut inner.trail),
        }
    }

    /// Moves the sandbox's clock forward, and tells both clocks.
    pub fn advance(&self, seconds: u32, now: Timestamp) -> Clocks {
        let mut inner = self.lock();
        inner.ahead = inner.ahead.saturating_add(SignedDuration::from_secs(i64::from(seconds)));
        inner.revision += 1;
        Clocks { real: now, sandbox: inner.clock(now) }
    }

    /// From now on reads of IAM are this many seconds behind, as AWS's are for a while; 0 makes them up to date.
    pub fn stale_reads(&self, seconds: u32) {
        let mut inner = self.lock();
        inner.past = (seconds > 0).then(|| stale::Past::new(seconds));
    }

    /// Both clocks.
    #[must_use]
    pub fn clocks(&self, now: Timestamp) -> Clocks {
        Clocks { real: now, sandbox: self.lock().clock(now) }
    }

    /// The last ten thousand calls as CloudTrail records, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<serde_json::Value> {
        let events = self.lock().trail.events();
        events.iter().map(|event| event.record()).collect()
    }

    /// A number that changes whenever the state may have changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }
}

impl Inner {
    fn clock(&self, real: Timestamp) -> Timestamp {
        real.checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    fn record(&mut self, event: TrailEvent) {
        self.trail.push(event);
    }

    fn info(&self, id: AccountId) -> Option<AccountInfo> {
        let account = self.state.account(id)?;
        let key = account.keys_of(&Owner::Root).next()?;
        Some(AccountInfo {
            id,
            name: account.name.clone(),
            root_key: key.id.clone(),
            root_secret: key.secret.clone(),
        })
    }

    /// What `GetAccessKeyLastUsed` and `RoleLastUsed` tell afterwards.
    fn note_use(&mut self, verified: &Verified, caller: &Caller, now: Timestamp) {
        let Some(account) = self.state.accounts.get_mut(&caller.account) else { return };
        let Scope { region, service, .. } = &verified.scope;
        match (&verified.credential, &caller.kind) {
            (Credential::LongTerm, _) => {
                if let Some(key) = account.key_mut(&verified.key) {
                    key.last_used = Some(crate::model::KeyUse {
                        at: now,
                        service: service.clone(),
                        region: region.clone(),
                    });
                }
            }
            (Credential::Session(..), CallerKind::Role { id, .. }) => {
                if let Some(role) = account.roles.by_id_mut(id) {
                    role.last_used = Some(crate::model::RoleUse { at: now, region: region.clone() });
                }
            }
            (Credential::Session(..), _) => {}
        }
    }

    /// What `GetServiceLastAccessedDetails` tells afterwards: attempts that are refused count, as long as the
    /// credential itself is good.
    fn note_attempt(
        &mut self,
        raw: &RawRequest,
        asked: &Asked,
        caller: &Caller,
        region: &str,
        now: Timestamp,
        outcome: &Result<RawResponse, ServiceError>,
    ) {
        if outcome.as_ref().is_err_and(|error| error.code == "InvalidClientTokenId") {
            return;
        }
        let Some(account) = self.state.accounts.get_mut(&caller.account) else { return };
        let accessed = match &caller.kind {
            CallerKind::User { id, .. } => account.users.by_id_mut(id).map(|user| &mut user.accessed),
            CallerKind::Role { id, .. } => account.roles.by_id_mut(id).map(|role| &mut role.accessed),
            // Of root and of federated users nobody asks: reports are on users, groups, roles and policies.
            CallerKind::Root | CallerKind::Federated { .. } => None,
        };
        let Some(accessed) = accessed else { return };
        let (service, action) = services::tried(raw, asked);
        accessed.note(service, action.as_deref(), now, region);
    }
}

/// The principal behind a verified credential, if it still exists.
fn resolve(state: &State, verified: &Verified) -> Option<Caller> {
    let account = state.account(verified.key.account()?)?;
    let partition = account.partition;
    let user = |id: postern_types::PrincipalId| {
        let user = account.users.by_id(&id)?;
        Some((CallerKind::User { id, name: user.name.clone() }, account.user_arn(user)))
    };
    let (kind, arn) = match &verified.credential {
        Credential::LongTerm => {
            let key = account.key(&verified.key).filter(|key| key.active)?;
            match &key.owner {
                Owner::Root => (CallerKind::Root, account.root_arn()),
                Owner::User(id) => user(id.clone())?,
            }
        }
        Credential::Session(principal, _) => match principal {
            Principal::Root => (CallerKind::Root, account.root_arn()),
            Principal::User(id) => user(session::id(id)?)?,
            Principal::Role(id, session_name) => {
                let role = account.roles.by_id(&session::id(id)?)?;
                let arn =
                    format!("arn:{partition}:sts::{}:assumed-role/{}/{session_name}", account.id, role.name);
                let kind = CallerKind::Role {
                    id: role.id.clone(),
                    role_arn: account.role_arn(role),
                    session_name: session_name.clone(),
                };
                (kind, arn)
            }
            Principal::Federated(name, user) => {
                let user = match user {
                    None => None,
                    Some(id) => Some(account.users.by_id(&session::id(id)?)?.id.clone()),
                };
                let arn = format!("arn:{partition}:sts::{}:federated-user/{name}", account.id);
                (CallerKind::Federated { name: name.clone(), user }, arn)
            }
        },
    };
    let session = match &verified.credential {
        Credential::LongTerm => None,
        Credential::Session(_, facts) => Some(Arc::clone(facts)),
    };
    Some(Caller { account: account.id, kind, arn, key: verified.key.clone(), session })
}

/// Routes an authenticated request to its operation.
fn dispatch(
    raw: &RawRequest,
    asked: &Asked,
    call: &mut Call<'_>,
    request_id: &str,
) -> Result<RawResponse, ServiceError> {
    let Protocol::Query(service) = asked.protocol else {
        return services::perform(raw, asked, call, request_id);
    };
    restrict(service, asked.operation.as_deref(), call.caller)?;
    let name = asked.operation.as_deref().unwrap_or_default();
    let version = asked.params.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let unknown = || {
        ServiceError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {name} for version {version}"),
        )
    };
    if name.is_empty() {
        return Err(ServiceError::new(400, "MissingAction", "The request must contain the parameter Action"));
    }
    if version != service.version() {
        return Err(unknown());
    }
    let (entry, elsewhere) = match service {
        Service::Iam => (iam::operation(name), iam::is_elsewhere(name)),
        Service::Sts => (sts::operation(name), sts::is_elsewhere(name)),
    };
    match entry {
        Some(entry) => {
            let reply = entry.perform(&asked.params, service, call)?;
            Ok(query_answer(service, entry.name, &reply, request_id))
        }
        None if elsewhere && sts::is_unsigned(name) => Err(services::unsigned(name)),
        None if elsewhere => Err(services::lacking(asked, call, name)),
        None => Err(unknown()),
    }
}

/// What a kind of session may not call whatever its policies say.
fn restrict(service: Service, operation: Option<&str>, caller: &Caller) -> Result<(), ServiceError> {
    let Some(session) = &caller.session else { return Ok(()) };
    let operation = operation.unwrap_or_default();
    match (service, &caller.kind) {
        (Service::Iam, CallerKind::Root | CallerKind::User { .. }) if session.mfa.is_some() => Ok(()),
        (_, CallerKind::Role { .. }) => Ok(()),
        // Without a code a session of GetSessionToken is no credential at IAM, and a federated one never is.
        (Service::Iam, _) => Err(Fault::BadToken.refusal(crate::sigv4::Dialect::Iam)),
        // These say themselves how they refuse sessions.
        (Service::Sts, _)
            if matches!(
                operation,
                "GetCallerIdentity" | "AssumeRole" | "GetSessionToken" | "GetFederationToken"
            ) =>
        {
            Ok(())
        }
        (Service::Sts, _) => {
            Err(ServiceError::access_denied(format!("Cannot call {operation} with session credentials")))
        }
    }
}

fn operation_name(asked: &Asked, raw: &RawRequest) -> String {
    match (&asked.operation, asked.protocol) {
        (Some(name), _) => name.chars().take(128).collect(),
        (None, Protocol::S3) => services::s3_operation(raw),
        (None, _) => format!("{} {}", raw.method, raw.path()).chars().take(128).collect(),
    }
}

/// An account id that is not taken and has no leading zero.
fn draw_id(state: &State, rng: &mut dyn Rng) -> Option<AccountId> {
    (0..64)
        .filter_map(|_| AccountId::from_number(100_000_000_000 + rng.next_u64() % 900_000_000_000))
        .find(|id| state.account(*id).is_none())
}

/// A random UUID, as request ids are.
pub(crate) fn uuid(rng: &mut dyn Rng) -> String {
    let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
    let versioned = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{versioned:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
