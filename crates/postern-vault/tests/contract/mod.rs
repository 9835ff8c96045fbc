//! What every key store promises, whatever it is made of.

use std::{sync::Barrier, thread};

use postern_broker::{KeyEntry, SecretStore, StoreError};
use postern_types::{AccessKeyId, LongTermKey, SecretAccessKey};

/// The key of this number, of this user.
pub(crate) fn entry(user: &str, number: usize) -> KeyEntry {
    let digit = |n: usize| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[n % 32]);
    KeyEntry {
        id: format!("AKIAY34FZKBOKMUTVV{}{}", digit(number / 32), digit(number)).parse().unwrap(),
        user: user.parse().unwrap(),
        account: "111111111111".parse().unwrap(),
        serial: format!("arn:aws:iam::111111111111:mfa/{user}").parse().unwrap(),
        added_at: "2026-11-22T10:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn key(entry: &KeyEntry, secret: &str) -> LongTermKey {
    LongTermKey { id: entry.id.clone(), secret: SecretAccessKey::new(secret).unwrap() }
}

pub(crate) fn secret_in(store: &dyn SecretStore, id: &AccessKeyId) -> Option<String> {
    store.get(id).unwrap().map(|key| key.secret.expose_secret().to_owned())
}

pub(crate) fn listed(store: &dyn SecretStore) -> Vec<KeyEntry> {
    let mut entries = store.list().unwrap();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

/// The contract. `reopen` gives the same store, empty at the start, as another process would see it.
pub(crate) fn contract(reopen: &(dyn Fn() -> Box<dyn SecretStore> + Sync)) {
    put_get_replace_remove(reopen);
    names_and_secrets_of_every_kind(reopen);
    writers_at_once(reopen);
}

fn put_get_replace_remove(reopen: &dyn Fn() -> Box<dyn SecretStore>) {
    let store = reopen();
    let (alice, bob) = (entry("alice", 0), entry("bob", 1));
    assert!(listed(&*store).is_empty());
    assert!(store.get(&alice.id).unwrap().is_none());
    assert!(!store.remove(&alice.id).unwrap());

    store.put(&alice, &key(&alice, "first/secret+of=alice")).unwrap();
    store.put(&bob, &key(&bob, "secret-of-bob")).unwrap();
    assert_eq!(listed(&*reopen()), [alice.clone(), bob.clone()]);
    assert_eq!(secret_in(&*reopen(), &alice.id).as_deref(), Some("first/secret+of=alice"));

    // The same id replaces, with everything that is kept beside it, and also when nothing beside it changes.
    let later = KeyEntry { added_at: "2026-11-23T10:00:00.5Z".parse().unwrap(), ..alice.clone() };
    for secret in ["second", "third"] {
        store.put(&later, &key(&later, secret)).unwrap();
        assert_eq!(listed(&*reopen()), [later.clone(), bob.clone()]);
        assert_eq!(secret_in(&*reopen(), &alice.id).as_deref(), Some(secret));
    }

    assert!(store.remove(&alice.id).unwrap());
    assert!(!store.remove(&alice.id).unwrap());
    assert_eq!(secret_in(&*reopen(), &alice.id), None);
    assert_eq!(secret_in(&*reopen(), &bob.id).as_deref(), Some("secret-of-bob"), "others stay");
    assert!(store.remove(&bob.id).unwrap());
    assert!(listed(&*reopen()).is_empty());
}

/// IAM's names are ASCII, but of the kind that file names, separators and options stumble over.
fn names_and_secrets_of_every_kind(reopen: &dyn Fn() -> Box<dyn SecretStore>) {
    let users = ["..", "-rf", "a+b=c,d.e@f-g_h1", "x", ".gpg-id", "=,+", "Alice", "alice"];
    let long = "n".repeat(64);
    let users = users.into_iter().chain([long.as_str()]);
    // Every character that a secret may hold.
    let secret: String = (0x21..=0x7e_u8).map(char::from).collect();
    let mut expected = Vec::new();
    for (number, user) in users.enumerate() {
        let mut entry = entry("device", number);
        entry.user = user.parse().unwrap();
        reopen().put(&entry, &key(&entry, &format!("{secret}{number}"))).unwrap();
        expected.push(entry);
    }
    // A device that is no ARN; and several keys of one user.
    for number in 20..36 {
        let mut entry = entry("many", number);
        entry.serial = format!("GAHT{number:08}").parse().unwrap();
        reopen().put(&entry, &key(&entry, &format!("{secret}{number}"))).unwrap();
        expected.push(entry);
    }
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    let store = reopen();
    assert_eq!(listed(&*store), expected);
    for entry in &expected {
        assert!(secret_in(&*store, &entry.id).unwrap().starts_with(&secret), "{}", entry.user);
        assert!(store.remove(&entry.id).unwrap());
    }
    assert!(listed(&*reopen()).is_empty());
}

/// What one writer adds is not lost to another; one key that all of them write is there once, and whole.
fn writers_at_once(reopen: &(dyn Fn() -> Box<dyn SecretStore> + Sync)) {
    const WRITERS: usize = 6;
    let shared = entry("shared", 99);
    let start = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let (start, shared) = (&start, &shared);
            scope.spawn(move || {
                let store = reopen();
                let own = entry("alice", number);
                start.wait();
                store.put(&own, &key(&own, &format!("secret-{number}"))).unwrap();
                let at = format!("2026-11-22T10:00:{:02}Z", number + 1).parse().unwrap();
                let shared = KeyEntry { added_at: at, ..shared.clone() };
                store.put(&shared, &key(&shared, &format!("shared-{number}"))).unwrap();
            });
        }
    });
    let store = reopen();
    let entries = listed(&*store);
    assert_eq!(entries.len(), WRITERS + 1, "{entries:?}");
    for number in 0..WRITERS {
        assert_eq!(secret_in(&*store, &entry("alice", number).id), Some(format!("secret-{number}")));
    }
    let last = entries.iter().find(|entry| entry.id == shared.id).unwrap();
    let second: usize = last.added_at.to_string()[17..19].parse().unwrap();
    assert_eq!(secret_in(&*store, &shared.id), Some(format!("shared-{}", second - 1)), "one writer's, whole");
    for entry in entries {
        assert!(store.remove(&entry.id).unwrap());
    }
}

type Put<'a> = dyn Fn(&dyn SecretStore) -> Result<(), StoreError> + 'a;

/// A write that fails leaves everything as it was. `fail` runs a write where it cannot go through.
pub(crate) fn failed_write(store: &dyn SecretStore, fail: &dyn Fn(&Put<'_>) -> Result<(), StoreError>) {
    let (alice, bob) = (entry("alice", 0), entry("bob", 1));
    store.put(&alice, &key(&alice, "before")).unwrap();
    let later = KeyEntry { added_at: "2026-11-23T10:00:00Z".parse().unwrap(), ..alice.clone() };
    for (entry, secret) in [(&alice, "after"), (&later, "after"), (&bob, "new")] {
        let error = fail(&|store| store.put(entry, &key(entry, secret))).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
        assert_eq!(listed(store), std::slice::from_ref(&alice));
        assert_eq!(secret_in(store, &alice.id).as_deref(), Some("before"));
        assert_eq!(secret_in(store, &bob.id), None);
    }
    assert!(store.remove(&alice.id).unwrap());
}
