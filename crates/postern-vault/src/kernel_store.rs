//! Long-term keys in the Linux kernel's keyring: in memory that no file system shows.
//!
//! They lie in the user's persistent keyring, which outlives a logout; where the kernel was built without it,
//! in the user's own, which ends with the user's last process. Neither survives the machine's next start,
//! and the kernel forgets a persistent keyring that nobody asked for in three days
//! (`/proc/sys/kernel/keys/persistent_keyring_expiry`).

use std::borrow::Cow;

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};
use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, SecretAccessKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codec::{KeyRecord, RecordError, to_json};

const VERSION: u64 = 1;
/// More than the kernel lets one key hold.
const LARGEST: usize = 32 * 1024;
/// More links than a user may have: the reading of a larger keyring would be cut.
const MOST_LINKS: usize = 64 * 1024;

/// The store in the kernel's keyring.
#[derive(Clone, Debug)]
pub struct KernelStore {
    prefix: String,
}

fn words(error: KeyError) -> StoreError {
    let problem = match error {
        // ENOSYS or EPERM, where a container's filter denies the calls.
        KeyError::Unknown(38) | KeyError::PermissionDenied => {
            "the kernel keyring is not allowed here; containers often deny it".to_owned()
        }
        KeyError::QuotaExceeded => {
            "the kernel keeps no more keys for this user (/proc/key-users, /proc/sys/kernel/keys)".to_owned()
        }
        error => format!("kernel keyring: {error}"),
    };
    StoreError::Unreachable { problem }
}

/// What one key of the kernel holds.
#[derive(Serialize, Deserialize)]
struct WholeRecord<'a> {
    version: u64,
    key: KeyRecord<'a>,
    // Borrowed: no copy of a secret is made that does not wipe itself.
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
}

fn to_bytes(entry: &KeyEntry, key: &LongTermKey) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let secret_access_key = key.secret.expose_secret().into();
    to_json(&WholeRecord { version: VERSION, key: KeyRecord::of(entry), secret_access_key })
        .map_err(|error| damaged(&error))
}

fn of_bytes(bytes: &[u8]) -> Result<(KeyEntry, SecretAccessKey), StoreError> {
    // The version first: a later format need not look like this one at all.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
    if head.version != VERSION {
        return Err(StoreError::UnknownFormat { found: head.version, known: VERSION });
    }
    let record: WholeRecord<'_> = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
    let entry = record.key.entry().map_err(|error: RecordError| damaged(&error))?;
    let secret = SecretAccessKey::new(record.secret_access_key.as_ref()).map_err(|error| damaged(&error))?;
    Ok((entry, secret))
}

fn damaged(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { problem: format!("the kernel keyring holds an unreadable key: {error}") }
}

/// That a key is not there, or no longer.
fn is_gone(error: KeyError) -> bool {
    matches!(
        error,
        KeyError::KeyDoesNotExist
            | KeyError::KeyExpired
            | KeyError::KeyRevoked
            | KeyError::MissingFileOrDirectory
    )
}

/// The keyring, linked to this process, which thereby possesses what is in it.
fn ring() -> Result<KeyRing, StoreError> {
    match KeyRing::get_persistent(KeyRingIdentifier::Process) {
        Err(KeyError::OperationNotSupported) => {
            let ring = KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(words)?;
            KeyRing::from_special_id(KeyRingIdentifier::Process, true)
                .and_then(|process| process.link_keyring(ring))
                .map_err(words)?;
            Ok(ring)
        }
        ring => ring.map_err(words),
    }
}

/// What a key holds; none if it went meanwhile.
fn read(key: Key) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let mut bytes = Zeroizing::new(vec![0_u8; LARGEST]);
    match key.read(&mut *bytes) {
        Ok(length) => {
            bytes.truncate(length);
            Ok(Some(bytes))
        }
        Err(error) if is_gone(error) => Ok(None),
        Err(error) => Err(words(error)),
    }
}

impl KernelStore {
    /// The keys under this name in the keyring of this user.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { prefix: format!("{name}:long-term-key:") }
    }

    fn description(&self, id: &AccessKeyId) -> String {
        format!("{}{id}", self.prefix)
    }

    fn find(&self, ring: KeyRing, id: &AccessKeyId) -> Result<Option<Key>, StoreError> {
        match ring.search(self.description(id).as_str()) {
            Ok(key) => Ok(Some(key)),
            Err(error) if is_gone(error) => Ok(None),
            Err(error) => Err(words(error)),
        }
    }
}

impl SecretStore for KernelStore {
    fn kind(&self) -> StoreKind {
        StoreKind::KernelKeyring
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        let mut entries = Vec::new();
        for key in ring()?.get_links(MOST_LINKS).map_err(words)?.iter().filter_map(|link| link.as_key()) {
            let ours = key.metadata().is_ok_and(|found| found.get_description().starts_with(&self.prefix));
            if ours && let Some(bytes) = read(key)? {
                entries.push(of_bytes(&bytes)?.0);
            }
        }
        Ok(entries)
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        let Some(key) = self.find(ring()?, id)? else { return Ok(None) };
        let Some(bytes) = read(key)? else { return Ok(None) };
        let (_, secret) = of_bytes(&bytes)?;
        Ok(Some(LongTermKey { id: id.clone(), secret }))
    }

    /// In one step: the kernel updates what has the same description.
    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let bytes = to_bytes(entry, key)?;
        ring()?.add_key(self.description(&entry.id).as_str(), bytes.as_slice()).map_err(words)?;
        // Some sandboxes accept keys and never give them back. What is given back may be another writer's already.
        match self.get(&entry.id)? {
            Some(_) => Ok(()),
            None => {
                Err(StoreError::Unreachable { problem: "the kernel keyring does not give keys back".into() })
            }
        }
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        let ring = ring()?;
        let Some(key) = self.find(ring, id)? else { return Ok(false) };
        // Dead at once, whoever else holds a link to it; then out of sight.
        match key.revoke() {
            Ok(()) => {}
            Err(error) if is_gone(error) => return Ok(false),
            Err(error) => return Err(words(error)),
        }
        let _ = ring.unlink_key(key);
        Ok(true)
    }
}
