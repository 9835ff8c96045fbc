//! The daily flow: long-term key → MFA session → role credentials.
//!
//! Nothing here does I/O. A target resolves to a [`Way`]: where credentials start, and the roles
//! assumed from there. [`plan`] is a pure function from a way, the time and what the cache holds to the
//! [`Step`]s that are left; [`Broker`] drives it over ports, which are plain synchronous traits:
//! [`SecretStore`], [`Sts`], [`MfaPrompt`], [`SessionCache`], [`ForeignSources`]. The long-term key
//! is read only when a call is about to be made with it, and never on a cached call.
//!
//! Many processes may want the same thing at once. [`SessionCache::enter`] lets one of them through
//! per thing wanted; the others find its result in the cache, or share its failure.

mod drive;
pub mod files;
mod plan;
mod port;
mod request;
pub mod rotate;
mod run;
mod way;

pub use drive::{Broker, BrokerError, CODE_ATTEMPTS, Issued, LoginMode, Obtained, Origin};
pub use plan::{
    CHAINING_CAP, Has, Plan, PlanError, ROLE_SERVED_AT_LEAST, SESSION_USED_AT_LEAST, Step, View, plan,
    renew_margin,
};
pub use port::{
    Assumer, CacheError, CachedRole, CachedSession, CallerIdentity, Credentials, Entered, Flight,
    FlightGuard, ForeignError, ForeignSources, MfaPrompt, MfaQuestion, MfaRefusal, PromptError, SecretStore,
    SessionCache, StoreError, StoreKind, Sts, StsError,
};
pub use request::{
    AssumeRole, KeyEntry, MfaSessionKey, RoleKey, Route, SessionTag, SourceKey, StsEndpoint, Target,
    session_name_of,
};
pub use way::{ForeignCredentials, ForeignSource, Start, Way};
