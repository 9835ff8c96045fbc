//! The store over a keychain in memory, and the contract of all stores.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex},
};

use keyring_core::{
    CredentialPersistence, Entry, Error, Result,
    api::{Credential, CredentialApi, CredentialStoreApi},
};
use postern_broker::StoreKind;

use super::NativeStore;

#[path = "../../tests/contract/mod.rs"]
mod contract;

/// Items by service and account, and whether writing fails.
#[derive(Default)]
struct Keychain {
    items: BTreeMap<(String, String), Vec<u8>>,
    full: bool,
}

#[derive(Clone)]
struct Item(Arc<Mutex<Keychain>>, (String, String));

struct InMemory(Arc<Mutex<Keychain>>);

impl CredentialApi for Item {
    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        let mut keychain = self.0.lock().unwrap();
        if keychain.full {
            return Err(Error::PlatformFailure("full".into()));
        }
        keychain.items.insert(self.1.clone(), secret.to_vec());
        Ok(())
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        self.0.lock().unwrap().items.get(&self.1).cloned().ok_or(Error::NoEntry)
    }

    fn delete_credential(&self) -> Result<()> {
        self.0.lock().unwrap().items.remove(&self.1).map(drop).ok_or(Error::NoEntry)
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        self.get_secret().map(|_| None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        Some(self.1.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Item")
    }
}

impl CredentialStoreApi for InMemory {
    fn vendor(&self) -> String {
        "test".to_owned()
    }

    fn id(&self) -> String {
        "memory".to_owned()
    }

    fn build(&self, service: &str, user: &str, _: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        let item = Item(Arc::clone(&self.0), (service.to_owned(), user.to_owned()));
        Ok(Entry::new_with_credential(Arc::new(item)))
    }

    /// As Windows does, which finds everybody's.
    fn search(&self, _: &HashMap<&str, &str>) -> Result<Vec<Entry>> {
        let keychain = self.0.lock().unwrap();
        let item = |name: &(String, String)| -> Arc<Credential> {
            Arc::new(Item(Arc::clone(&self.0), name.clone()))
        };
        Ok(keychain.items.keys().map(|name| Entry::new_with_credential(item(name))).collect())
    }

    fn persistence(&self) -> CredentialPersistence {
        CredentialPersistence::ProcessOnly
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemory")
    }
}

#[test]
fn native_keychain() {
    let keychain = Arc::new(Mutex::new(Keychain::default()));
    // Of other programs; one of them names its items as we do.
    for (service, account) in [("mail", "alice"), ("postern access key", "not a key")] {
        keychain.lock().unwrap().items.insert((service.to_owned(), account.to_owned()), b"x".to_vec());
    }
    let open = || -> Box<dyn postern_broker::SecretStore> {
        Box::new(NativeStore {
            store: Arc::new(InMemory(Arc::clone(&keychain))),
            kind: StoreKind::Keychain,
            search: HashMap::new(),
        })
    };
    contract::contract(&open);
    contract::failed_write(&*open(), &|put| {
        keychain.lock().unwrap().full = true;
        let result = put(&*open());
        keychain.lock().unwrap().full = false;
        result
    });
    assert_eq!(keychain.lock().unwrap().items.len(), 2, "what is not ours stays");
}
