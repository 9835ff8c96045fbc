//! The session cache: sealed files, a lock per thing fetched, and a shelf of ready answers.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use data_encoding::HEXLOWER;
use postern_broker::{
    CacheError, CachedRole, CachedSession, Entered, Flight, FlightGuard, MfaSessionKey, RoleKey, SessionCache,
};
use postern_types::{
    AccessKeyId, MfaCode, MfaSerial, MfaSession, RoleCredentials, SignedDuration, Timestamp,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Keyholder, PrivateDir, codec, private::cache_io};

const SESSION: &str = "session-";
const ROLE: &str = "role-";
const CODE: &str = "code-";
const HOT: &str = "hot-";
const LOCK: &str = "lock-";

/// Format of every sealed file; part of what the seal is about.
const VERSION: &str = "postern-sealed 1";

/// Roles taken at the end of an MFA session live up to an hour longer than it.
const AFTER_THE_SESSION: SignedDuration = SignedDuration::from_hours(1);

/// The cache of one directory.
///
/// The name of each file is a digest of what was asked, and the seal is about the name: an answer
/// moved under another question's name does not open.
#[derive(Clone, Debug)]
pub struct SealedCache {
    dir: PrivateDir,
    holder: Keyholder,
}

/// The name of a ready answer: everything that it depends on, as one text.
#[derive(Clone, Debug)]
pub struct HotKey(String);

impl HotKey {
    /// The name that this text has. Whatever can change the answer belongs into it.
    #[must_use]
    pub fn of(everything: &[u8]) -> Self {
        Self(name(HOT, everything))
    }
}

fn name(kind: &str, text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    format!("{kind}{}", HEXLOWER.encode(&digest))
}

impl SealedCache {
    /// The cache in this directory, with its key at this holder.
    #[must_use]
    pub fn new(dir: PrivateDir, holder: Keyholder) -> Self {
        Self { dir, holder }
    }

    /// Who holds the key.
    #[must_use]
    pub fn holder(&self) -> &Keyholder {
        &self.holder
    }

    fn about(name: &str) -> String {
        format!("{VERSION} {name}")
    }

    fn seal(&self, name: &str, plain: &[u8]) -> Result<(), CacheError> {
        let key = self.holder.get_or_create()?;
        let sealed = key
            .seal(Self::about(name).as_bytes(), plain)
            .map_err(|e| CacheError::Io { problem: e.to_string() })?;
        self.dir.write(name, &sealed)
    }

    /// What stands under a name, if the seal opens: a file from before the last logout is none.
    fn open(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CacheError> {
        let Some(sealed) = self.dir.read(name)? else { return Ok(None) };
        let Some((key, _)) = self.holder.get() else { return Ok(None) };
        Ok(key.open(Self::about(name).as_bytes(), &sealed))
    }

    fn each<T>(
        &self,
        kind: &str,
        read: impl Fn(&[u8]) -> Result<T, codec::RecordError>,
    ) -> Result<Vec<T>, CacheError> {
        let mut found = Vec::new();
        for name in self.dir.names(kind)? {
            if let Some(record) = self.open(&name)?.and_then(|plain| read(&plain).ok()) {
                found.push(record);
            }
        }
        Ok(found)
    }

    /// Every MFA session that opens, expired or not.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn sessions(&self) -> Result<Vec<CachedSession>, CacheError> {
        self.each(SESSION, codec::read_session)
    }

    /// Every role's credentials that open, expired or not, with the long-term key that they go back to, if it is
    /// one of the person's.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn roles(&self) -> Result<Vec<(RoleCredentials, Option<AccessKeyId>)>, CacheError> {
        self.each(ROLE, codec::read_role)
    }

    /// Forgets everything: the key first, so that nothing opens even if a file cannot be removed.
    ///
    /// # Errors
    /// When the key or a file cannot be removed.
    pub fn forget_all(&self) -> Result<(), CacheError> {
        let key = self.holder.forget();
        for kind in [SESSION, ROLE, HOT] {
            for name in self.dir.names(kind)? {
                self.dir.remove(&name)?;
            }
        }
        key
    }

    /// Removes what has expired or does not open any more.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn sweep(&self, now: Timestamp) -> Result<(), CacheError> {
        for name in self.dir.names(SESSION)? {
            let read = |plain: Zeroizing<Vec<u8>>| codec::read_session(&plain).ok();
            let kept = self.open(&name)?.and_then(read);
            if kept.is_none_or(|kept| kept.session.credentials.expires_at <= now) {
                self.dir.remove(&name)?;
            }
        }
        for name in self.dir.names(ROLE)? {
            let kept = self.open(&name)?.and_then(|plain| codec::read_role(&plain).ok());
            if kept.is_none_or(|(kept, _)| kept.credentials.expires_at <= now) {
                self.dir.remove(&name)?;
            }
        }
        // What a writer left that was killed half-way; one that lives is done within the hour.
        self.dir.remove_stale(".new-", Duration::from_secs(3_600))?;
        self.forget_hot()
    }

    /// The ready answer under a name, if it need not be renewed yet.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn hot(&self, key: &HotKey, now: Timestamp) -> Result<Option<Zeroizing<Vec<u8>>>, CacheError> {
        let Some(sealed) = self.dir.read(&key.0)? else { return Ok(None) };
        let Some((time, sealed)) = sealed.split_first_chunk::<8>() else { return Ok(None) };
        let renew_at = i64::from_be_bytes(*time);
        if renew_at <= now.as_second() {
            return Ok(None);
        }
        let Some((seal, _)) = self.holder.get() else { return Ok(None) };
        Ok(seal.open(Self::hot_about(key, renew_at).as_bytes(), sealed))
    }

    /// Keeps a ready answer until it is to be renewed.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn put_hot(&self, key: &HotKey, renew_at: Timestamp, answer: &[u8]) -> Result<(), CacheError> {
        let renew_at = renew_at.as_second();
        let sealed = self
            .holder
            .get_or_create()?
            .seal(Self::hot_about(key, renew_at).as_bytes(), answer)
            .map_err(|e| CacheError::Io { problem: e.to_string() })?;
        self.dir.write(&key.0, &[renew_at.to_be_bytes().as_slice(), &sealed].concat())
    }

    /// Forgets every ready answer; they are made again from what the cache holds. Called when
    /// something changes that no name contains, such as which keys there are.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget_hot(&self) -> Result<(), CacheError> {
        self.dir.names(HOT)?.iter().try_for_each(|name| self.dir.remove(name).map(|_| ()))
    }

    fn hot_about(key: &HotKey, renew_at: i64) -> String {
        format!("{VERSION} {} {renew_at}", key.0)
    }
}

/// The second in which a code was used, and a digest of both.
fn used_code_note(serial: &MfaSerial, code: &MfaCode, at: Timestamp) -> Vec<u8> {
    let second = at.as_second().to_be_bytes();
    let digest = Sha256::new()
        .chain_update(b"postern used code 1\0")
        .chain_update(second)
        .chain_update(code.as_str())
        .chain_update(serial.as_str())
        .finalize();
    [second.as_slice(), &digest].concat()
}

fn unwritable(error: &codec::RecordError) -> CacheError {
    CacheError::Io { problem: error.to_string() }
}

impl SessionCache for SealedCache {
    fn session(&self, key: &MfaSessionKey) -> Result<Option<MfaSession>, CacheError> {
        let plain = self.open(&name(SESSION, key.canonical().as_bytes()))?;
        Ok(plain.and_then(|plain| codec::read_session(&plain).ok()).map(|cached| cached.session))
    }

    fn put_session(&self, session: &CachedSession) -> Result<(), CacheError> {
        let plain = codec::write_session(session).map_err(|e| unwritable(&e))?;
        self.seal(&name(SESSION, session.key.canonical().as_bytes()), &plain)?;
        // The key outlives the last of the sessions that it seals.
        let last = self.sessions()?.iter().map(|s| s.session.credentials.expires_at).max();
        let until = last.unwrap_or(session.session.credentials.expires_at);
        self.holder.keep_until(until.saturating_add(AFTER_THE_SESSION).unwrap_or(until))
    }

    fn forget_session(&self, key: &MfaSessionKey) -> Result<(), CacheError> {
        self.dir.remove(&name(SESSION, key.canonical().as_bytes())).map(|_| ())
    }

    fn role(&self, key: &RoleKey) -> Result<Option<RoleCredentials>, CacheError> {
        let plain = self.open(&name(ROLE, key.canonical().as_bytes()))?;
        Ok(plain.and_then(|plain| codec::read_role(&plain).ok()).map(|(role, _)| role))
    }

    fn put_role(&self, role: &CachedRole) -> Result<(), CacheError> {
        let plain =
            codec::write_role(&role.credentials, role.key.long_term_key()).map_err(|e| unwritable(&e))?;
        self.seal(&name(ROLE, role.key.canonical().as_bytes()), &plain)
    }

    fn forget_role(&self, key: &RoleKey) -> Result<(), CacheError> {
        self.dir.remove(&name(ROLE, key.canonical().as_bytes())).map(|_| ())
    }

    fn code_used_at(&self, serial: &MfaSerial, code: &MfaCode) -> Result<Option<Timestamp>, CacheError> {
        let Some(note) = self.dir.read(&name(CODE, serial.as_str().as_bytes()))? else { return Ok(None) };
        let at = note.first_chunk::<8>().map(|second| i64::from_be_bytes(*second));
        let at = at.and_then(|second| Timestamp::from_second(second).ok());
        Ok(at.filter(|at| used_code_note(serial, code, *at) == **note))
    }

    /// The note outlives the sealing key, so it is not sealed. A code that AWS has taken opens nothing; for
    /// good measure it is not written down either, but a digest of it.
    fn put_used_code(&self, serial: &MfaSerial, code: &MfaCode, at: Timestamp) -> Result<(), CacheError> {
        self.dir.write(&name(CODE, serial.as_str().as_bytes()), &used_code_note(serial, code, at))
    }

    fn enter(&self, flight: Flight<'_>) -> Result<Entered<'_>, CacheError> {
        let about = match flight {
            Flight::Session(key) => key.canonical(),
            Flight::Role(key) => key.canonical(),
        };
        let lock_name = name(LOCK, about.as_bytes());
        let file = self.dir.lock_file(&lock_name)?;
        let words = |e: std::io::Error| cache_io(self.dir.path(), &e);
        let arrived = nanoseconds();
        let waited = match file.try_lock() {
            Ok(()) => false,
            Err(std::fs::TryLockError::WouldBlock) => {
                file.lock().map_err(words)?;
                true
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(words(error)),
        };
        let mut guard = LockGuard(file);
        let given_up = if waited { guard.note().filter(|(at, _)| *at >= arrived) } else { None };
        Ok(Entered { guard: Box::new(guard), given_up: given_up.map(|(_, reason)| reason) })
    }
}

/// The clock of notes in lock files. Only ever compared between processes of one machine.
fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// The lock goes with the file, also when its process is killed.
struct LockGuard(File);

impl LockGuard {
    fn note(&mut self) -> Option<(u128, String)> {
        let mut text = String::new();
        self.0.rewind().ok()?;
        (&self.0).take(4_096).read_to_string(&mut text).ok()?;
        let (at, reason) = text.split_once(' ')?;
        Some((at.parse().ok()?, reason.to_owned()))
    }
}

impl FlightGuard for LockGuard {
    fn give_up(&mut self, reason: &str) {
        // A note that cannot be left means that the next in line asks again, which is no harm.
        let _ = self
            .0
            .set_len(0)
            .and_then(|()| self.0.rewind())
            .and_then(|()| write!(self.0, "{} {reason}", nanoseconds()));
    }
}
