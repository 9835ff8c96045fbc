//! The desktop's keyring, over the Secret Service interface: gnome-keyring, `KWallet`, `KeePassXC`.
//!
//! What a key is about stands in the item's attributes, which can be read while the keyring is locked;
//! only the secret itself asks for unlocking.

use std::collections::HashMap;

use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, MfaSerial, SecretAccessKey, TotpSeed};
use secret_service::{
    EncryptionType, Error,
    blocking::{Collection, Item, SecretService as Service},
};
use zeroize::Zeroizing;

use crate::{codec::KeyRecord, name::latest};

const APPLICATION: (&str, &str) = ("application", "postern");
/// Says that an item is a long-term key in this format.
const KIND: (&str, &str) = ("postern-kind", "long-term-key 1");
/// Says that an item is the seed of an MFA device.
const SEED: (&str, &str) = ("postern-kind", "mfa-seed 1");

/// The store in the desktop's keyring.
pub struct SecretService(Service<'static>);

impl std::fmt::Debug for SecretService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretService").finish_non_exhaustive()
    }
}

fn words(error: Error) -> StoreError {
    match error {
        Error::Locked | Error::Prompt => StoreError::Locked,
        error => StoreError::Unreachable { problem: error.to_string() },
    }
}

/// Whether the item went after it was found: another process replaced or removed it. These names are the
/// protocol's own, whichever service answers.
fn is_gone(error: &Error) -> bool {
    let text = error.to_string();
    ["Error.UnknownMethod", "Error.UnknownObject", "Secret.Error.NoSuchObject"]
        .iter()
        .any(|name| text.contains(name))
}

fn damaged(problem: &str) -> StoreError {
    StoreError::Damaged { problem: format!("the keyring holds {problem}") }
}

impl SecretService {
    /// The keyring of this session, if one answers.
    ///
    /// # Errors
    /// When there is no session bus, or no keyring on it with a default collection.
    pub fn connect() -> Result<Self, StoreError> {
        // Secrets cross the bus encrypted, so that a bus monitor sees none.
        let service = Service::connect(EncryptionType::Dh).map_err(words)?;
        service.get_default_collection().map_err(words)?;
        Ok(Self(service))
    }

    /// Whether opening it would ask somebody for a password.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn is_locked(&self) -> Result<bool, StoreError> {
        self.0.get_default_collection().and_then(|default| default.is_locked()).map_err(words)
    }

    fn unlocked(&self) -> Result<Collection<'_>, StoreError> {
        let collection = self.0.get_default_collection().map_err(words)?;
        if collection.is_locked().map_err(words)? {
            collection.unlock().map_err(words)?;
        }
        Ok(collection)
    }

    fn items(&self, id: Option<&AccessKeyId>) -> Result<Vec<Item<'_>>, StoreError> {
        let mut wanted = HashMap::from([APPLICATION, KIND]);
        if let Some(id) = id {
            wanted.insert("access_key_id", id.as_str());
        }
        self.found(wanted)
    }

    fn seed_items(&self, device: &MfaSerial) -> Result<Vec<Item<'_>>, StoreError> {
        self.found(HashMap::from([APPLICATION, SEED, ("mfa_serial", device.as_str())]))
    }

    fn found(&self, wanted: HashMap<&str, &str>) -> Result<Vec<Item<'_>>, StoreError> {
        let found = self.0.search_items(wanted).map_err(words)?;
        Ok(found.unlocked.into_iter().chain(found.locked).collect())
    }
}

/// What an item is about; none if it went meanwhile.
fn entry(item: &Item<'_>) -> Result<Option<KeyEntry>, StoreError> {
    let attributes = match item.get_attributes() {
        Err(error) if is_gone(&error) => return Ok(None),
        attributes => attributes.map_err(words)?,
    };
    let field = |name: &str| {
        let value = attributes.get(name).cloned().map(std::borrow::Cow::Owned);
        value.ok_or_else(|| damaged(&format!("a key without `{name}`")))
    };
    let record = KeyRecord {
        access_key_id: field("access_key_id")?,
        user: field("user")?,
        account: field("account")?,
        mfa_serial: field("mfa_serial")?,
        added_at: field("added_at")?,
    };
    record.entry().map(Some).map_err(|error| damaged(&format!("an unreadable key: {error}")))
}

impl SecretStore for SecretService {
    fn kind(&self) -> StoreKind {
        StoreKind::SecretService
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        let mut entries = Vec::new();
        for item in self.items(None)? {
            entries.extend(entry(&item)?);
        }
        Ok(latest(entries))
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        loop {
            // Of two at once, as two writers may leave them, the one that `list` shows.
            let mut newest = None;
            for item in self.items(Some(id))? {
                let at = entry(&item)?.map(|entry| entry.added_at);
                if at.is_some() && at >= newest.as_ref().map(|(at, _)| *at) {
                    newest = at.map(|at| (at, item));
                }
            }
            let Some((_, item)) = newest else { return Ok(None) };
            let bytes = match secret_of(&item) {
                // Replaced since it was found: the new one is there now.
                Err(error) if is_gone(&error) => continue,
                bytes => bytes.map_err(words)?,
            };
            let secret = std::str::from_utf8(&bytes).map_err(|_| damaged("a key that is not text"))?;
            let secret = SecretAccessKey::new(secret).map_err(|error| damaged(&error.to_string()))?;
            return Ok(Some(LongTermKey { id: id.clone(), secret }));
        }
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let collection = self.unlocked()?;
        // The service replaces an item only if all attributes are equal, and the time is not.
        let before = self.items(Some(&entry.id))?;
        let record = KeyRecord::of(entry);
        let attributes = HashMap::from([
            APPLICATION,
            KIND,
            ("access_key_id", &record.access_key_id),
            ("user", &record.user),
            ("account", &record.account),
            ("mfa_serial", &record.mfa_serial),
            ("added_at", &record.added_at),
        ]);
        let label = format!("postern: access key of {} in {}", entry.user, entry.account);
        let made = collection
            .create_item(&label, attributes, key.secret.expose_secret().as_bytes(), true, "text/plain")
            .map_err(words)?;
        for item in before.iter().filter(|item| item.item_path != made.item_path) {
            delete(item)?;
        }
        Ok(())
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        delete_all(&self.items(Some(id))?)
    }

    fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
        let items = self.seed_items(device)?;
        let Some(item) = items.first() else { return Ok(None) };
        Ok(Some(TotpSeed::from_bytes(secret_of(item).map_err(words)?.to_vec())))
    }

    fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
        let attributes = HashMap::from([APPLICATION, SEED, ("mfa_serial", device.as_str())]);
        // The attributes are the same each time, so that the item is replaced.
        self.unlocked()?
            .create_item(
                &format!("postern: MFA seed of {device}"),
                attributes,
                seed.expose_secret(),
                true,
                "application/octet-stream",
            )
            .map_err(words)?;
        Ok(())
    }

    fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
        delete_all(&self.seed_items(device)?)
    }
}

fn unlock(item: &Item<'_>) -> Result<(), Error> {
    if item.is_locked()? { item.unlock() } else { Ok(()) }
}

fn secret_of(item: &Item<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
    unlock(item)?;
    item.get_secret().map(Zeroizing::new)
}

/// Deletes an item. That it is not there any more is fine.
fn delete(item: &Item<'_>) -> Result<(), StoreError> {
    match unlock(item).and_then(|()| item.delete()) {
        Err(error) if is_gone(&error) => Ok(()),
        result => result.map_err(words),
    }
}

/// Answers whether there was anything.
fn delete_all(items: &[Item<'_>]) -> Result<bool, StoreError> {
    items.iter().try_for_each(delete)?;
    Ok(!items.is_empty())
}
