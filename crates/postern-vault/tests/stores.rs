//! One suite for every key store: whatever keeps keys keeps them so.

#[cfg(test)]
mod suite {
    use std::{
        cell::Cell,
        path::{Path, PathBuf},
        process::Command,
        rc::Rc,
        thread,
    };

    use postern_broker::{KeyEntry, PromptError, SecretStore, StoreError};
    use postern_types::{AccessKeyId, LongTermKey, MfaSerial, SecretAccessKey, TotpSeed};
    use postern_vault::{FileStore, KdfCost, MemoryStore, Passphrase};
    use zeroize::Zeroizing;

    fn entry(user: &str, number: u8) -> KeyEntry {
        KeyEntry {
            id: format!("AKIAY34FZKBOKMUTVV7{}", char::from(b'A' + number)).parse().unwrap(),
            user: user.parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: format!("arn:aws:iam::111111111111:mfa/{user}").parse().unwrap(),
            added_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    fn key(entry: &KeyEntry, secret: &str) -> LongTermKey {
        LongTermKey { id: entry.id.clone(), secret: SecretAccessKey::new(secret).unwrap() }
    }

    fn secret_in(store: &dyn SecretStore, id: &AccessKeyId) -> Option<String> {
        store.get(id).unwrap().map(|key| key.secret.expose_secret().to_owned())
    }

    fn listed(store: &dyn SecretStore) -> Vec<KeyEntry> {
        let mut entries = store.list().unwrap();
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        entries
    }

    /// The contract. `reopen` gives the same store as another process would see it.
    fn contract(reopen: &dyn Fn() -> Box<dyn SecretStore>) {
        let store = reopen();
        let (alice, bob) = (entry("alice", 0), entry("bob", 1));
        assert!(listed(&*store).is_empty());
        assert!(store.get(&alice.id).unwrap().is_none());
        assert!(!store.remove(&alice.id).unwrap());

        store.put(&alice, &key(&alice, "first/secret+of=alice")).unwrap();
        store.put(&bob, &key(&bob, "secret-of-bob")).unwrap();
        assert_eq!(listed(&*reopen()), [alice.clone(), bob.clone()]);
        assert_eq!(secret_in(&*reopen(), &alice.id).as_deref(), Some("first/secret+of=alice"));

        // The same id replaces, with everything that is kept beside it.
        let later = KeyEntry { added_at: "2026-11-23T10:00:00.5Z".parse().unwrap(), ..alice.clone() };
        store.put(&later, &key(&later, "second")).unwrap();
        assert_eq!(listed(&*reopen()), [later, bob.clone()]);
        assert_eq!(secret_in(&*reopen(), &alice.id).as_deref(), Some("second"));

        assert!(store.remove(&alice.id).unwrap());
        assert!(!store.remove(&alice.id).unwrap());
        assert_eq!(secret_in(&*reopen(), &alice.id), None);
        assert_eq!(secret_in(&*reopen(), &bob.id).as_deref(), Some("secret-of-bob"), "others stay");
        assert!(store.remove(&bob.id).unwrap());
        assert!(listed(&*reopen()).is_empty());
        contract_of_seeds(reopen);
    }

    /// The same for the seeds of MFA devices, which are no keys.
    fn contract_of_seeds(reopen: &dyn Fn() -> Box<dyn SecretStore>) {
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

    #[test]
    fn memory() {
        struct Shared(Rc<MemoryStore>);
        impl SecretStore for Shared {
            fn kind(&self) -> postern_broker::StoreKind {
                self.0.kind()
            }
            fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
                self.0.list()
            }
            fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
                self.0.get(id)
            }
            fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
                self.0.put(entry, key)
            }
            fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
                self.0.remove(id)
            }
            fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
                self.0.get_seed(device)
            }
            fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
                self.0.put_seed(device, seed)
            }
            fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
                self.0.remove_seed(device)
            }
        }
        let shared = Rc::new(MemoryStore::default());
        contract(&|| Box::new(Shared(Rc::clone(&shared))));
    }

    /// Says one passphrase as often as it is asked, or a list of them once each.
    struct Says(&'static [&'static str], Rc<Cell<u8>>);

    impl Passphrase for Says {
        fn current(&self, _: &Path, attempt: u8) -> Result<Zeroizing<String>, PromptError> {
            self.1.set(self.1.get() + 1);
            let said = self.0.get(usize::from(attempt) - 1).ok_or(PromptError::Spent)?;
            Ok(Zeroizing::new((*said).to_owned()))
        }

        fn choose(&self, _: &Path) -> Result<Zeroizing<String>, PromptError> {
            Ok(Zeroizing::new(self.0[0].to_owned()))
        }
    }

    fn file(path: &Path, says: &'static [&'static str]) -> (FileStore, Rc<Cell<u8>>) {
        let asked = Rc::new(Cell::new(0));
        let says = Box::new(Says(says, Rc::clone(&asked)));
        (FileStore::new(path.to_owned(), says, KdfCost::DANGEROUS_FOR_TESTS), asked)
    }

    fn temporary() -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("postern/keys.json");
        (temp, path)
    }

    #[test]
    fn encrypted_file() {
        let (_temp, path) = temporary();
        contract(&|| Box::new(file(&path, &["pass word"]).0));
    }

    #[test]
    fn a_file_asks_for_its_passphrase_once_and_only_for_secrets() {
        let (_temp, path) = temporary();
        let alice = entry("alice", 0);
        file(&path, &["right"]).0.put(&alice, &key(&alice, "the-secret-itself")).unwrap();

        let (store, asked) = file(&path, &["right"]);
        assert_eq!(store.list().unwrap().len(), 1);
        assert_eq!(asked.get(), 0, "listing asks for nothing");
        for _ in 0..3 {
            assert!(store.get(&alice.id).unwrap().is_some());
        }
        assert_eq!(asked.get(), 1);
        assert!(store.get(&entry("bob", 1).id).unwrap().is_none());

        let (store, asked) = file(&path, &["wrong", "Right", "right"]);
        assert!(store.get(&alice.id).unwrap().is_some(), "the third attempt");
        assert_eq!(asked.get(), 3);
        let (store, asked) = file(&path, &["a", "b", "c", "right"]);
        assert_eq!(store.get(&alice.id).unwrap_err(), StoreError::WrongPassphrase);
        assert_eq!(asked.get(), 3);
        let bob = entry("bob", 1);
        assert_eq!(
            file(&path, &["wrong"]).0.put(&bob, &key(&bob, "x")).unwrap_err(),
            StoreError::WrongPassphrase,
            "one file, one passphrase"
        );

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("alice") && !text.contains("the-secret-itself"));
        use std::os::unix::fs::MetadataExt;
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_told_from_a_wrong_passphrase() {
        let (_temp, path) = temporary();
        let alice = entry("alice", 0);
        file(&path, &["right"]).0.put(&alice, &key(&alice, "secret-of-alice")).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let get = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            file(&path, &["right"]).0.get(&alice.id)
        };
        assert!(get(whole.as_bytes()).unwrap().is_some());

        // No byte can be lost or changed unseen, and none of it looks like a wrong passphrase.
        let mut damaged = 0;
        for at in 0..whole.len() {
            let mut changed = whole.clone().into_bytes();
            changed[at] ^= 4;
            match get(&changed) {
                Err(StoreError::Damaged { .. } | StoreError::UnknownFormat { .. }) => damaged += 1,
                Err(other) => panic!("byte {at}: {other:?}"),
                // A blank made a dollar sign is found by the reader; a letter's case in `\u` escapes never occurs.
                Ok(found) => assert_eq!(
                    found.map(|key| key.secret.expose_secret().to_owned()).as_deref(),
                    Some("secret-of-alice"),
                    "byte {at}"
                ),
            }
            if at < whole.trim_end().len() {
                assert!(
                    matches!(get(&whole.as_bytes()[..at]), Err(StoreError::Damaged { .. })),
                    "cut at {at}"
                );
            }
        }
        assert!(damaged > whole.len() * 9 / 10, "{damaged} of {}", whole.len());

        // A change by someone who also mends the checksum: the clear part no longer fits the sealed one.
        let forged = whole.replace(":mfa/alice", ":mfa/mallo");
        let checksum = {
            use sha2::{Digest, Sha256};
            let value: serde_json::Value = serde_json::from_str(&forged).unwrap();
            let (kdf, key) = (&value["kdf"], &value["keys"][0]);
            let t = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            let text = format!(
                "postern-keys 1 argon2id {} {} {} {}\npostern-keys 1 {} {} {} {} {}{}",
                kdf["memory_kib"],
                kdf["passes"],
                t(&kdf["salt"]),
                t(&value["verifier"]),
                t(&key["access_key_id"]),
                t(&key["user"]),
                t(&key["account"]),
                t(&key["mfa_serial"]),
                t(&key["added_at"]),
                t(&key["sealed_secret"]),
            );
            data_encoding::HEXLOWER.encode(&Sha256::digest(text))
        };
        let old = serde_json::from_str::<serde_json::Value>(&whole).unwrap()["checksum"]
            .as_str()
            .unwrap()
            .to_owned();
        let error = get(forged.replace(&old, &checksum).as_bytes()).unwrap_err();
        assert!(
            matches!(&error, StoreError::Damaged { problem } if problem.contains("was changed at key")),
            "{error}"
        );

        let error = get(whole.replace("\"version\": 1", "\"version\": 2").as_bytes()).unwrap_err();
        assert_eq!(error, StoreError::UnknownFormat { found: 2, known: 1 });
        // A file that would eat the machine's memory is refused before it does.
        let error =
            get(whole.replace("\"memory_kib\": 8", "\"memory_kib\": 4000000000").as_bytes()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn writers_wait_for_each_other() {
        let (_temp, path) = temporary();
        let writers: Vec<_> = (0..8_u8)
            .map(|number| {
                let path = path.clone();
                thread::spawn(move || {
                    let entry = entry("alice", number);
                    file(&path, &["right"]).0.put(&entry, &key(&entry, "secret")).unwrap();
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(file(&path, &[]).0.list().unwrap().len(), 8);
    }

    #[cfg(feature = "secret-service")]
    const INSIDE: &str = "POSTERN_TEST_INSIDE_A_SESSION";

    /// Runs itself once more inside a session bus with an unlocked keyring of its own.
    #[cfg(feature = "secret-service")]
    #[test]
    fn secret_service() {
        let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        for program in ["dbus-run-session", "gnome-keyring-daemon"] {
            if !there(program) {
                println!("SKIP: {program} is not installed (Debian: dbus, gnome-keyring)");
                return;
            }
        }
        let temp = tempfile::tempdir().unwrap();
        let script = "printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 && \
                  exec \"$0\" --exact suite::inside_a_session --nocapture";
        let output = Command::new("dbus-run-session")
            .args(["--", "sh", "-c", script])
            .arg(std::env::current_exe().unwrap())
            .env(INSIDE, "1")
            .env("HOME", temp.path())
            .env("XDG_RUNTIME_DIR", temp.path())
            .env("XDG_DATA_HOME", temp.path().join("share"))
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[cfg(feature = "secret-service")]
    #[test]
    fn inside_a_session() {
        use postern_vault::SecretService;
        // Only as `secret_service` runs it: nobody's own keyring is touched.
        if std::env::var_os(INSIDE).is_none() {
            return;
        }
        assert!(!SecretService::connect().unwrap().is_locked().unwrap());
        contract(&|| Box::new(SecretService::connect().unwrap()));
    }
}
