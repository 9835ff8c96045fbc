//! For stores that keep the seeds of MFA devices.

use postern_broker::SecretStore;
use postern_types::{MfaSerial, TotpSeed};

use crate::contract::{entry, key, listed, secret_in};

/// The same for the seeds of MFA devices, which are no keys, where a store keeps them.
pub(crate) fn contract_of_seeds(reopen: &dyn Fn() -> Box<dyn SecretStore>) {
    let store = reopen();
    let (alice, bob) = (entry("alice", 0), entry("bob", 1));
    let seed_in = |device: &MfaSerial| {
        reopen().get_seed(device).unwrap().map(|seed| seed.expose_secret_base32().to_string())
    };
    let seed = |text: &str| TotpSeed::from_base32(text).unwrap();
    assert_eq!(seed_in(&alice.serial), None);
    assert!(!store.remove_seed(&alice.serial).unwrap());

    store.put(&alice, &key(&alice, "secret")).unwrap();
    store.put_seed(&alice.serial, &seed("GEZDGNBV")).unwrap();
    store.put_seed(&bob.serial, &seed("MFRGGZDF")).unwrap();
    store.put_seed(&alice.serial, &seed("GY3TQOJQ")).unwrap();
    assert_eq!(seed_in(&alice.serial).as_deref(), Some("GY3TQOJQ"));
    assert_eq!(listed(&*reopen()), std::slice::from_ref(&alice), "a seed is no key");

    assert!(store.remove_seed(&alice.serial).unwrap());
    assert!(!store.remove_seed(&alice.serial).unwrap());
    assert_eq!(seed_in(&alice.serial), None);
    assert_eq!(seed_in(&bob.serial).as_deref(), Some("MFRGGZDF"), "others stay");
    assert_eq!(secret_in(&*reopen(), &alice.id).as_deref(), Some("secret"));
    assert!(store.remove(&alice.id).unwrap());
    assert!(store.remove_seed(&bob.serial).unwrap());
}
