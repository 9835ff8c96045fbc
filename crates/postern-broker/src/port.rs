//! The ports: what the broker needs of the world, as synchronous traits.

use postern_types::{
    AccessKeyId, Arn, LongTermKey, MfaCode, MfaSerial, MfaSession, RoleCredentials, SessionDuration,
    TemporaryCredentials, Timestamp, TotpSeed,
};

use crate::{AssumeRole, ForeignCredentials, ForeignSource, KeyEntry, MfaSessionKey, RoleKey};

/// Where a key store keeps what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreKind {
    /// Nowhere: memory, for tests.
    Memory,
    /// A file under a passphrase.
    File,
    /// The desktop's keyring, over D-Bus.
    SecretService,
    /// The Linux kernel's keyring: memory, gone with the machine's next start.
    KernelKeyring,
    /// The program `pass`: files encrypted by GnuPG.
    Pass,
    /// The Keychain of macOS.
    Keychain,
    /// The Credential Manager of Windows.
    CredentialManager,
}

/// What goes wrong with a key store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The passphrase does not open the store.
    #[error("the passphrase does not open the key store")]
    WrongPassphrase,
    /// The store cannot be read: damaged, cut short, or changed by someone else.
    #[error("the key store is damaged: {problem}")]
    Damaged {
        /// What is wrong with it.
        problem: String,
    },
    /// The store was written by a later version.
    #[error("the key store has format {found}, this version reads {known}")]
    UnknownFormat {
        /// The store's format.
        found: u64,
        /// The latest that is known here.
        known: u64,
    },
    /// The store belongs to somebody else or is open to others.
    #[error("the key store is not ours alone: {problem}")]
    NotPrivate {
        /// What is wrong with owner or mode.
        problem: String,
    },
    /// The keyring is locked and nobody unlocked it.
    #[error("the keyring is locked")]
    Locked,
    /// The passphrase is needed, and there is no way to ask for it.
    #[error("no passphrase: {0}")]
    NoPassphrase(PromptError),
    /// The store cannot do this at all.
    #[error("this key store keeps no {what}")]
    Unsupported {
        /// What it does not keep.
        what: &'static str,
    },
    /// The store cannot be reached at all.
    #[error("the key store cannot be reached: {problem}")]
    Unreachable {
        /// What the system said.
        problem: String,
    },
}

/// Where long-term keys rest.
pub trait SecretStore {
    /// What kind of store it is.
    fn kind(&self) -> StoreKind;

    /// Every key's public part, in no particular order. Asks for no passphrase.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self) -> Result<Vec<KeyEntry>, StoreError>;

    /// The key with this id, if there is one.
    ///
    /// # Errors
    /// When the store cannot be opened.
    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError>;

    /// Keeps a key; one with the same id is replaced.
    ///
    /// # Errors
    /// When the store cannot be written; it is then as before.
    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError>;

    /// Forgets the key with this id. Answers whether there was one.
    ///
    /// # Errors
    /// When the store cannot be written; it is then as before.
    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError>;

    /// The seed of an MFA device, if it is kept here. Beside the key it makes one factor of two.
    ///
    /// # Errors
    /// When the store cannot be opened, or keeps no seeds.
    fn get_seed(&self, _device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
        Err(NO_SEEDS)
    }

    /// Keeps the seed of an MFA device; another of the same device is replaced.
    ///
    /// # Errors
    /// When the store cannot be written, or keeps no seeds; it is then as before.
    fn put_seed(&self, _device: &MfaSerial, _seed: &TotpSeed) -> Result<(), StoreError> {
        Err(NO_SEEDS)
    }

    /// Forgets the seed of an MFA device. Answers whether there was one.
    ///
    /// # Errors
    /// When the store cannot be written, or keeps no seeds; it is then as before.
    fn remove_seed(&self, _device: &MfaSerial) -> Result<bool, StoreError> {
        Err(NO_SEEDS)
    }
}

const NO_SEEDS: StoreError = StoreError::Unsupported { what: "MFA seeds" };

/// What STS refuses, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StsError {
    /// The MFA code is wrong, stale, or used before: AWS does not say which.
    #[error("AWS did not take the MFA code")]
    WrongCode,
    /// The MFA device is unknown, not enabled, or another user's.
    #[error("AWS does not know the MFA device as this user's: {message}")]
    UnknownDevice {
        /// AWS's words.
        message: String,
    },
    /// The key or session is unknown: deleted, deactivated, or its user is gone.
    #[error("AWS does not know the key: {message}")]
    UnknownKey {
        /// AWS's words.
        message: String,
    },
    /// The session is over.
    #[error("the session has expired: {message}")]
    Expired {
        /// AWS's words.
        message: String,
    },
    /// Policies do not allow the call.
    #[error("{message}")]
    AccessDenied {
        /// AWS's words.
        message: String,
    },
    /// The clocks here and there differ by too much.
    #[error("the clock here and AWS's differ: {message}")]
    ClockSkew {
        /// AWS's words.
        message: String,
    },
    /// Any other refusal.
    #[error("{code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer came.
    #[error("no answer from {endpoint}: {problem}")]
    Unreachable {
        /// Where the call went.
        endpoint: String,
        /// What the network said.
        problem: String,
    },
    /// An answer came that makes no sense.
    #[error("unreadable answer from {endpoint}: {problem}")]
    Unreadable {
        /// Where the call went.
        endpoint: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

/// Either kind of credential, for the one call that takes both.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// A user's own key.
    LongTerm(&'a LongTermKey),
    /// A session's.
    Temporary(&'a TemporaryCredentials),
}

/// Whose credentials assume a role.
#[derive(Clone, Copy, Debug)]
pub enum Assumer<'a> {
    /// An MFA session.
    Session(&'a MfaSession),
    /// Another role.
    Role(&'a RoleCredentials),
    /// A long-term key, without a code.
    KeyWithoutMfa(&'a LongTermKey),
    /// Credentials that somebody else gave.
    Foreign(&'a ForeignCredentials),
}

/// What `GetCallerIdentity` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The caller's ARN; its account is inside.
    pub arn: Arn,
    /// The caller's unique id, for role sessions with the session's name behind a colon.
    pub user_id: String,
}

/// The calls of the daily flow.
pub trait Sts {
    /// `GetSessionToken` with MFA.
    ///
    /// # Errors
    /// When STS refuses or does not answer.
    fn get_session_token(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        duration: SessionDuration,
    ) -> Result<MfaSession, StsError>;

    /// `AssumeRole`.
    ///
    /// # Errors
    /// When STS refuses or does not answer.
    fn assume_role(&self, caller: Assumer<'_>, request: &AssumeRole) -> Result<RoleCredentials, StsError>;

    /// `AssumeRole` with a long-term key and an MFA code that is spent on this one role.
    ///
    /// # Errors
    /// When STS refuses or does not answer.
    fn assume_role_with_code(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        request: &AssumeRole,
    ) -> Result<RoleCredentials, StsError>;

    /// `GetCallerIdentity`.
    ///
    /// # Errors
    /// When STS refuses or does not answer.
    fn get_caller_identity(&self, credentials: Credentials<'_>) -> Result<CallerIdentity, StsError>;
}

/// Why somebody else gave no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ForeignError {
    /// What went wrong, with the source's own words; never a secret.
    pub problem: String,
}

/// Credentials that are no keys of the person's.
pub trait ForeignSources {
    /// Gets what a source gives.
    ///
    /// # Errors
    /// When it gives nothing.
    fn take(&self, source: &ForeignSource) -> Result<ForeignCredentials, ForeignError>;
}

/// Why the last code will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaRefusal {
    /// AWS did not take it.
    Wrong,
    /// It has opened a session before, and AWS takes each code once: the next one is needed.
    AlreadyUsed,
}

/// What a prompt shows.
#[derive(Clone, Debug)]
pub struct MfaQuestion<'a> {
    /// Whose code is wanted.
    pub key: &'a KeyEntry,
    /// Which attempt this is, from 1.
    pub attempt: u8,
    /// Why it is asked again.
    pub refused: Option<MfaRefusal>,
}

/// Why no answer came from a prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// There is nobody to ask: no terminal, no command.
    #[error("there is no way to ask: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
    },
    /// The one answer that was given beforehand is spent.
    #[error("the answer given beforehand was refused")]
    Spent,
    /// The person declined.
    #[error("cancelled")]
    Cancelled,
    /// The command that was to give the answer failed.
    #[error("{problem}")]
    Failed {
        /// What went wrong.
        problem: String,
    },
}

/// Where MFA codes come from.
pub trait MfaPrompt {
    /// Gets a code.
    ///
    /// # Errors
    /// When none can be had.
    fn ask(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError>;
}

/// What goes wrong with the session cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory belongs to somebody else or is open to others.
    #[error("the session directory is not ours alone: {problem}")]
    NotPrivate {
        /// What is wrong with owner or mode.
        problem: String,
    },
    /// The cache cannot be read or written.
    #[error("the session cache fails: {problem}")]
    Io {
        /// What the system said.
        problem: String,
    },
    /// There is no place to keep the sealing key in.
    #[error("there is no place for the key that seals sessions: {problem}")]
    NoKeyHolder {
        /// What was tried.
        problem: String,
    },
}

/// An MFA session at rest, with whose it is.
#[derive(Clone, Debug)]
pub struct CachedSession {
    /// Its name in the cache.
    pub key: MfaSessionKey,
    /// Whose it is.
    pub entry: KeyEntry,
    /// The session.
    pub session: MfaSession,
}

/// Role credentials at rest.
#[derive(Clone, Debug)]
pub struct CachedRole {
    /// Their name in the cache.
    pub key: RoleKey,
    /// The credentials.
    pub credentials: RoleCredentials,
}

/// What one process at a time fetches for all.
#[derive(Clone, Copy, Debug)]
pub enum Flight<'a> {
    /// An MFA session.
    Session(&'a MfaSessionKey),
    /// Role credentials.
    Role(&'a RoleKey),
}

/// The right to fetch, until it is dropped.
pub trait FlightGuard {
    /// Tells those who wait that this attempt was given up, so that they give up too instead of
    /// each asking the same person again.
    fn give_up(&mut self, reason: &str);
}

/// What [`SessionCache::enter`] answers.
pub struct Entered<'a> {
    /// Held while fetching.
    pub guard: Box<dyn FlightGuard + 'a>,
    /// Set when somebody gave up the same flight while this process was waiting for it.
    pub given_up: Option<String>,
}

/// Where sessions rest between calls: sealed, shared by all processes of one login.
pub trait SessionCache {
    /// The MFA session under this key, expired or not.
    ///
    /// # Errors
    /// When the cache cannot be used at all. A sealed entry that no longer opens is none.
    fn session(&self, key: &MfaSessionKey) -> Result<Option<MfaSession>, CacheError>;

    /// Keeps an MFA session.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn put_session(&self, session: &CachedSession) -> Result<(), CacheError>;

    /// Forgets an MFA session that AWS no longer takes.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn forget_session(&self, key: &MfaSessionKey) -> Result<(), CacheError>;

    /// The role credentials under this key, expired or not.
    ///
    /// # Errors
    /// As [`SessionCache::session`].
    fn role(&self, key: &RoleKey) -> Result<Option<RoleCredentials>, CacheError>;

    /// Keeps role credentials.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn put_role(&self, role: &CachedRole) -> Result<(), CacheError>;

    /// Forgets role credentials that AWS no longer takes.
    ///
    /// # Errors
    /// When they cannot be removed.
    fn forget_role(&self, key: &RoleKey) -> Result<(), CacheError>;

    /// When this code last opened a session with this device, if it was the last one to do so.
    ///
    /// # Errors
    /// As [`SessionCache::session`].
    fn code_used_at(&self, serial: &MfaSerial, code: &MfaCode) -> Result<Option<Timestamp>, CacheError>;

    /// Notes a code as used. Logging out does not forget it, because AWS does not either.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn put_used_code(&self, serial: &MfaSerial, code: &MfaCode, at: Timestamp) -> Result<(), CacheError>;

    /// Waits until this process alone may fetch.
    ///
    /// # Errors
    /// When the lock cannot be had.
    fn enter(&self, flight: Flight<'_>) -> Result<Entered<'_>, CacheError>;
}
