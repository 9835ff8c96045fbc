//! The keychains of macOS and Windows, over `keyring-core`.
//!
//! Never run on those systems: what is tested, everywhere, is this file over a store in memory. The public part
//! of a key is the item's account name, so that listing reads no secret and nobody is asked to unlock anything;
//! the secret is the item's only content.

use std::{collections::HashMap, sync::Arc};

use keyring_core::{CredentialStore, Entry, Error};
use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, SecretAccessKey};
use zeroize::Zeroizing;

use crate::name::{entry_of, latest, name_of};

/// What our items are called. Without a full stop, which divides service and account on Windows.
const SERVICE: &str = "postern access key";

/// The store in the system's keychain.
pub struct NativeStore {
    store: Arc<CredentialStore>,
    kind: StoreKind,
    /// How the system's search is narrowed to our items, where it can be.
    search: HashMap<&'static str, &'static str>,
}

impl std::fmt::Debug for NativeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeStore").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn words(error: Error) -> StoreError {
    match error {
        Error::NoStorageAccess(_) => StoreError::Locked,
        // Its text names no content, but its data may hold one.
        error => StoreError::Unreachable { problem: error.to_string() },
    }
}

/// Deletes an item, or finds that another process has done it.
fn delete(item: &Entry) -> Result<(), StoreError> {
    match item.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(words(error)),
    }
}

impl NativeStore {
    /// The login keychain of macOS.
    ///
    /// # Errors
    /// When it cannot be reached.
    #[cfg(target_os = "macos")]
    pub fn connect() -> Result<Self, StoreError> {
        let store = apple_native_keyring_store::keychain::Store::new().map_err(words)?;
        Ok(Self { store, kind: StoreKind::Keychain, search: HashMap::from([("service", SERVICE)]) })
    }

    /// The Credential Manager of Windows.
    ///
    /// # Errors
    /// When it cannot be reached.
    #[cfg(windows)]
    pub fn connect() -> Result<Self, StoreError> {
        let store = windows_native_keyring_store::Store::new().map_err(words)?;
        Ok(Self { store, kind: StoreKind::CredentialManager, search: HashMap::new() })
    }

    /// Our items of one key, or of all, the latest last.
    fn items(&self, id: Option<&AccessKeyId>) -> Result<Vec<(Entry, KeyEntry)>, StoreError> {
        let found = self.store.search(&self.search).map_err(words)?;
        let mut items: Vec<_> = found
            .into_iter()
            .filter_map(|item| {
                let (service, account) = item.get_specifiers()?;
                let entry = entry_of(&account).filter(|_| service == SERVICE)?;
                id.is_none_or(|id| entry.id == *id).then_some((item, entry))
            })
            .collect();
        items.sort_by_key(|(_, entry)| entry.added_at);
        Ok(items)
    }
}

impl SecretStore for NativeStore {
    fn kind(&self) -> StoreKind {
        self.kind
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        Ok(latest(self.items(None)?.into_iter().map(|(_, entry)| entry).collect()))
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        let Some((item, _)) = self.items(Some(id))?.pop() else { return Ok(None) };
        let bytes = match item.get_secret() {
            Ok(bytes) => Zeroizing::new(bytes),
            // Removed since it was found.
            Err(Error::NoEntry) => return Ok(None),
            Err(error) => return Err(words(error)),
        };
        let damaged = || StoreError::Damaged { problem: format!("the keychain's item of `{id}` is no key") };
        let secret = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        Ok(Some(LongTermKey { id: id.clone(), secret: SecretAccessKey::new(secret).map_err(|_| damaged())? }))
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let before = self.items(Some(&entry.id))?;
        let item = self.store.build(SERVICE, &name_of(entry), None).map_err(words)?;
        item.set_secret(key.secret.expose_secret().as_bytes()).map_err(words)?;
        for (older, _) in before.iter().filter(|(_, old)| old != entry) {
            delete(older)?;
        }
        Ok(())
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        let items = self.items(Some(id))?;
        for (item, _) in &items {
            delete(item)?;
        }
        Ok(!items.is_empty())
    }
}

#[cfg(test)]
mod tests;
