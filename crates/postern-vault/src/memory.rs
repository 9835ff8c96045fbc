//! A store in memory, for tests.

use std::cell::RefCell;

use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, MfaSerial, TotpSeed};

/// Keys in memory. They are gone with the value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    keys: RefCell<Vec<(KeyEntry, LongTermKey)>>,
    seeds: RefCell<Vec<(MfaSerial, TotpSeed)>>,
}

impl SecretStore for MemoryStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        Ok(self.keys.borrow().iter().map(|(entry, _)| entry.clone()).collect())
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        Ok(self.keys.borrow().iter().find(|(entry, _)| entry.id == *id).map(|(_, key)| key.clone()))
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let mut keys = self.keys.borrow_mut();
        keys.retain(|(kept, _)| kept.id != entry.id);
        keys.push((entry.clone(), key.clone()));
        Ok(())
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        let mut keys = self.keys.borrow_mut();
        let before = keys.len();
        keys.retain(|(entry, _)| entry.id != *id);
        Ok(keys.len() < before)
    }
    fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
        Ok(self.seeds.borrow().iter().find(|(kept, _)| kept == device).map(|(_, seed)| seed.clone()))
    }

    fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
        let mut seeds = self.seeds.borrow_mut();
        seeds.retain(|(kept, _)| kept != device);
        seeds.push((device.clone(), seed.clone()));
        Ok(())
    }

    fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
        let mut seeds = self.seeds.borrow_mut();
        let before = seeds.len();
        seeds.retain(|(kept, _)| kept != device);
        Ok(seeds.len() < before)
    }
}
