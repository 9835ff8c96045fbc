//! One suite for every key store: whatever keeps keys keeps them so.

#[cfg(test)]
mod contract;
#[cfg(test)]
#[path = "contract/seeds.rs"]
mod contract_of_seeds;

#[cfg(test)]
mod suite {
    use std::{
        cell::Cell,
        path::{Path, PathBuf},
        process::Command,
        rc::Rc,
        sync::{Arc, Mutex},
    };

    use postern_broker::{KeyEntry, PromptError, SecretStore, StoreError, StoreKind};
    use postern_types::{AccessKeyId, LongTermKey, MfaSerial, TotpSeed};
    use postern_vault::{FileStore, KdfCost, MemoryStore, PassStore, Passphrase};
    use zeroize::Zeroizing;

    use crate::{
        contract::{contract, entry, failed_write, key},
        contract_of_seeds::contract_of_seeds,
    };

    #[test]
    fn memory() {
        struct Shared(Arc<Mutex<MemoryStore>>);
        impl SecretStore for Shared {
            fn kind(&self) -> StoreKind {
                StoreKind::Memory
            }
            fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
                self.0.lock().unwrap().list()
            }
            fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
                self.0.lock().unwrap().get(id)
            }
            fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
                self.0.lock().unwrap().put(entry, key)
            }
            fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
                self.0.lock().unwrap().remove(id)
            }
            fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
                self.0.lock().unwrap().get_seed(device)
            }
            fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
                self.0.lock().unwrap().put_seed(device, seed)
            }
            fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
                self.0.lock().unwrap().remove_seed(device)
            }
        }
        let shared = Arc::new(Mutex::new(MemoryStore::default()));
        contract(&|| Box::new(Shared(Arc::clone(&shared))));
        contract_of_seeds(&|| Box::new(Shared(Arc::clone(&shared))));
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
        contract_of_seeds(&|| Box::new(file(&path, &["pass word"]).0));
        failed_write(&file(&path, &["pass word"]).0, &|put| put(&file(&path, &["another"]).0));
        // The file cannot be replaced: in its place stands a directory.
        failed_write(&file(&path, &["pass word"]).0, &|put| {
            let aside = path.with_extension("aside");
            std::fs::rename(&path, &aside).unwrap();
            std::fs::create_dir(&path).unwrap();
            let result = put(&file(&path, &["pass word"]).0);
            std::fs::remove_dir(&path).unwrap();
            std::fs::rename(&aside, &path).unwrap();
            result
        });
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

    fn there(program: &str) -> bool {
        Command::new(program).arg("--version").output().is_ok()
    }

    /// A directory that is removed together with the agent that GnuPG starts in it.
    struct GnupgHome(tempfile::TempDir);

    impl Drop for GnupgHome {
        fn drop(&mut self) {
            let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.0.path()).output();
        }
    }

    /// `pass` with a GnuPG key of its own, without a passphrase.
    fn pass() -> Option<(GnupgHome, PathBuf)> {
        for program in ["pass", "gpg"] {
            if !there(program) {
                println!("SKIP: {program} is not installed (Debian: pass, gnupg)");
                return None;
            }
        }
        // Short, for the sockets that GnuPG puts there.
        let home = GnupgHome(tempfile::Builder::new().prefix("gpg").tempdir().unwrap());
        let run = |program: &str, arguments: &[&str]| {
            let output = Command::new(program)
                .args(arguments)
                .env("GNUPGHOME", home.0.path())
                .env("PASSWORD_STORE_DIR", home.0.path().join("store"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let user = "Test <test@example.com>";
        run(
            "gpg",
            &["--batch", "--passphrase", "", "--quick-generate-key", user, "default", "default", "never"],
        );
        run("pass", &["init", "test@example.com"]);
        // The program with this key ring, whatever the environment of the test says.
        let program = home.0.path().join("pass");
        script(&program, &format!("export GNUPGHOME='{}'\nexec pass \"$@\"", home.0.path().display()));
        Some((home, program))
    }

    fn script(path: &Path, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn pass_with_gnupg() {
        let Some((home, program)) = pass() else { return };
        let dir = home.0.path().join("store");
        let lock = home.0.path().join("lock/pass.lock");
        let open = |program: &Path| PassStore::new(program.into(), dir.clone(), lock.clone(), &["POSTERN_X"]);
        contract(&|| Box::new(open(&program)));
        // No trace, and no folder, is left of what was removed.
        assert!(!dir.join("postern").exists());

        // Killed while it writes, half of the entry written.
        let dies = home.0.path().join("dies");
        script(
            &dies,
            "[ \"$1\" = insert ] || exec \"${0%/*}/pass\" \"$@\"\n\
             for last; do :; done\nmkdir -p \"$PASSWORD_STORE_DIR/postern\"\n\
             printf half > \"$PASSWORD_STORE_DIR/$last.gpg\"\nkill -KILL $$",
        );
        failed_write(&open(&program), &|put| put(&open(&dies)));
        // Encrypted for somebody who is not known here.
        failed_write(&open(&program), &|put| {
            let recipient = dir.join(".gpg-id");
            let before = std::fs::read(&recipient).unwrap();
            std::fs::write(&recipient, "nobody@example.com\n").unwrap();
            let result = put(&open(&program));
            std::fs::write(&recipient, before).unwrap();
            result
        });
        let error = failed(&open(Path::new("/nowhere/pass")));
        assert!(error.contains("`/nowhere/pass` is not installed"), "{error}");

        // Nothing is decrypted to list, and what is somebody else's stays unread.
        let alice = entry("alice", 0);
        open(&program).put(&alice, &key(&alice, "secret-of-alice")).unwrap();
        std::fs::write(dir.join("postern/otp.gpg"), "not ours").unwrap();
        let only_lists = home.0.path().join("only-lists");
        script(&only_lists, "echo 'gpg: decryption failed: No secret key' >&2; exit 2");
        assert_eq!(open(&only_lists).list().unwrap(), std::slice::from_ref(&alice));
        let error = open(&only_lists).get(&alice.id).unwrap_err().to_string();
        assert!(error.contains("`pass show` failed: gpg: decryption failed: No secret key"), "{error}");

        // An entry under another key's name is not taken for that key.
        let file = |entry: &KeyEntry| {
            let names = std::fs::read_dir(dir.join("postern")).unwrap();
            let mut names = names.map(|file| file.unwrap().path());
            names.find(|path| path.to_string_lossy().contains(entry.id.as_str())).unwrap()
        };
        let (path, bob) = (file(&alice), entry("bob", 1));
        let name = path.to_string_lossy().replace(alice.id.as_str(), bob.id.as_str()).replace("alice", "bob");
        std::fs::rename(&path, name).unwrap();
        let error = open(&program).get(&bob.id).unwrap_err();
        assert!(
            matches!(&error, StoreError::Damaged { problem } if problem.contains("about another")),
            "{error}"
        );
    }

    fn failed(store: &dyn SecretStore) -> String {
        let alice = entry("alice", 0);
        store.put(&alice, &key(&alice, "secret")).unwrap_err().to_string()
    }

    /// What reaches the program: secrets through its standard input only, and nothing that is to be hidden from it.
    #[test]
    fn pass_is_handed_secrets_through_pipes() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        script(
            &at("pass"),
            &format!(
                "{{ echo \"$0 $*\"; env; }} >> '{}'; cat > '{}'",
                at("seen").display(),
                at("stdin").display()
            ),
        );
        let hidden = "PATH_OF_NOBODY";
        let store = PassStore::new(at("pass"), at("store"), at("lock/pass.lock"), &[hidden, "HOME"]);
        let alice = entry("alice", 0);
        store.put(&alice, &key(&alice, "the-secret-itself")).unwrap();
        let seen = std::fs::read_to_string(at("seen")).unwrap();
        assert!(seen.contains("insert --multiline --force postern/alice,AKIA"), "{seen}");
        assert!(seen.contains(&format!("PASSWORD_STORE_DIR={}", at("store").display())), "{seen}");
        assert!(!seen.contains("the-secret") && !seen.contains("\nHOME="), "{seen}");
        assert!(
            std::fs::read_to_string(at("stdin"))
                .unwrap()
                .starts_with("the-secret-itself\naccess_key_id: AKIA")
        );
    }

    #[cfg(target_os = "linux")]
    fn kernel(name: &str) -> postern_vault::KernelStore {
        postern_vault::KernelStore::new(&format!("postern-test-{name}-{}", std::process::id()))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn kernel_keyring() {
        if let Err(problem) = kernel("contract").list() {
            println!("SKIP: {problem}");
            return;
        }
        // A write is one call of the kernel: none is half done.
        contract(&|| Box::new(kernel("contract")));
    }

    #[cfg(target_os = "linux")]
    const REFUSED: &str = "POSTERN_TEST_KEYCTL_REFUSED_WITH";

    /// As a container's filter does it: the kernel's key calls are answered with an error, in a process that
    /// installed such a filter on itself.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_kernel_keyring_that_is_refused_is_said() {
        if !there("perl") {
            println!("SKIP: perl is not installed (Debian: perl-base)");
            return;
        }
        let first = if cfg!(target_arch = "aarch64") { 217 } else { 248 };
        // seccomp: load the call's number; the three key calls end in an error, every other goes on.
        let filter = "my ($errno, $first, @run) = @ARGV;
            my @code = ([0x20, 0, 0, 0], (map { [0x15, 3 - $_, 0, $first + $_] } 0 .. 2), [0x06, 0, 0, 0x7fff0000],
                        [0x06, 0, 0, 0x00050000 | $errno]);
            my $code = join '', map { pack 'SCCL', @$_ } @code;
            my $program = pack 'Sx6P', scalar @code, $code;
            my ($prctl, $number) = $first == 248 ? (157, 317) : (167, 277);
            syscall($prctl, 38, 1, 0, 0, 0) == 0 && syscall($number, 1, 0, $program) == 0 or die \"no filter: $!\";
            exec @run;";
        for errno in ["1", "38"] {
            let output = Command::new("perl")
                .args(["-e", filter, errno, &first.to_string()])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", "suite::inside_a_filter", "--nocapture"])
                .env(REFUSED, errno)
                .output()
                .unwrap();
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(output.status.success() && said.contains("refused as it should"), "{errno}: {said}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn inside_a_filter() {
        if std::env::var_os(REFUSED).is_none() {
            return;
        }
        let (store, alice) = (kernel("refused"), entry("alice", 0));
        let errors = [
            store.list().unwrap_err(),
            store.get(&alice.id).unwrap_err(),
            store.remove(&alice.id).unwrap_err(),
            store.put(&alice, &key(&alice, "secret")).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("the kernel keyring is not allowed here"), "{error}");
        }
        println!("refused as it should");
    }

    #[cfg(feature = "secret-service")]
    const INSIDE: &str = "POSTERN_TEST_INSIDE_A_SESSION";

    /// Runs itself once more inside a session bus with an unlocked keyring of its own.
    #[cfg(feature = "secret-service")]
    #[test]
    fn secret_service() {
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
        contract_of_seeds(&|| Box::new(SecretService::connect().unwrap()));
    }
}
