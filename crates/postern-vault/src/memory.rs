//! A store in memory, for tests.

use std::cell::RefCell;

use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey};

/// Keys in memory. They are gone with the value.
#[derive(Debug, Default)]
pub struct MemoryStore(RefCell<Vec<(KeyEntry, LongTermKey)>>);

impl SecretStore for MemoryStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        Ok(self.0.borrow().iter().map(|(entry, _)| entry.clone()).collect())
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        Ok(self.0.borrow().iter().find(|(entry, _)| entry.id == *id).map(|(_, key)| key.clone()))
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let mut keys = self.0.borrow_mut();
        keys.retain(|(kept, _)| kept.id != entry.id);
        keys.push((entry.clone(), key.clone()));
        Ok(())
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        let mut keys = self.0.borrow_mut();
        let before = keys.len();
        keys.retain(|(entry, _)| entry.id != *id);
        Ok(keys.len() < before)
    }
}
