//! The daily flow: long-term key → MFA session → role credentials.
//!
//! Nothing here does I/O. [`plan`] is a pure function from what is wanted, the time and what the
//! cache holds to the next [`Step`]; [`Broker`] drives it over four ports, which are plain
//! synchronous traits: [`SecretStore`], [`Sts`], [`MfaPrompt`], [`SessionCache`]. The long-term key
//! is read only when a code is about to be spent, and never on a cached call.
//!
//! Many processes may want the same thing at once. [`SessionCache::enter`] lets one of them through
//! per thing wanted; the others find its result in the cache, or share its failure.

mod drive;
pub mod files;
mod plan;
mod port;
mod request;

pub use drive::{Broker, BrokerError, CODE_ATTEMPTS, LoginMode, Obtained, Origin};
pub use plan::{
    CHAINING_CAP, PlanError, ROLE_SERVED_AT_LEAST, SESSION_USED_AT_LEAST, Step, View, plan, renew_margin,
};
pub use port::{
    CacheError, CachedRole, CachedSession, CallerIdentity, Credentials, Entered, Flight, FlightGuard,
    MfaPrompt, MfaQuestion, MfaRefusal, PromptError, SecretStore, SessionCache, StoreError, StoreKind, Sts,
    StsError,
};
pub use request::{
    AssumeRole, KeyEntry, MfaSessionKey, RoleKey, Route, SessionTag, StsEndpoint, Target, session_name_of,
};
