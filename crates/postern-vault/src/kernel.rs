//! The Linux kernel's own keyring: memory that no file system shows and that ends with the machine.

use postern_types::SignedDuration;
use zeroize::Zeroizing;

use crate::seal::SealKey;

/// A key by its description in the user's keyring. Errors are the system's words: what fails here is
/// not mended but gone around, with an agent.
#[derive(Clone, Debug)]
pub(crate) struct KernelKey {
    description: String,
}

impl KernelKey {
    pub(crate) fn new(description: String) -> Self {
        Self { description }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use super::{KernelKey, SealKey, SignedDuration, Zeroizing};

    fn words(error: KeyError) -> String {
        match error {
            // ENOSYS, where a container's filter denies the call.
            KeyError::Unknown(38) => "the kernel keyring is not allowed here".to_owned(),
            error => format!("kernel keyring: {error}"),
        }
    }

    impl KernelKey {
        fn find(&self) -> Result<Option<Key>, String> {
            let ring = KeyRing::from_special_id(KeyRingIdentifier::User, false).map_err(words)?;
            match ring.search(self.description.as_str()) {
                Ok(key) => Ok(Some(key)),
                Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
                Err(error) => Err(words(error)),
            }
        }

        pub(crate) fn get(&self) -> Result<Option<SealKey>, String> {
            let Some(key) = self.find()? else { return Ok(None) };
            let mut bytes = Zeroizing::new([0_u8; SealKey::LEN]);
            match key.read(&mut *bytes) {
                Ok(SealKey::LEN) => Ok(Some(SealKey::from_bytes(bytes))),
                Ok(other) => Err(format!("kernel keyring: a key of {other} bytes")),
                Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
                Err(error) => Err(words(error)),
            }
        }

        pub(crate) fn put(&self, secret: &SealKey) -> Result<(), String> {
            let ring = KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(words)?;
            // A login's session keyring does not always lead to the user's; without a way to it, this
            // process would not possess its own new key and could not open it to the user's others.
            KeyRing::from_special_id(KeyRingIdentifier::Process, true)
                .and_then(|process| process.link_keyring(ring))
                .map_err(words)?;
            let key = ring.add_key(self.description.as_str(), secret.expose_secret()).map_err(words)?;
            // All but linking it elsewhere.
            let ours = || Permission::ALL.difference(Permission::LINK);
            key.set_perms(KeyPermissionsBuilder::builder().posessor(ours()).user(ours()).build())
                .map_err(words)?;
            // Some sandboxes accept keys and never give them back.
            match self.get()? {
                Some(kept) if kept.expose_secret() == secret.expose_secret() => Ok(()),
                _ => Err("kernel keyring: the key is not given back".to_owned()),
            }
        }

        pub(crate) fn keep_for(&self, time: SignedDuration) -> Result<(), String> {
            let Some(key) = self.find()? else { return Ok(()) };
            key.set_timeout(usize::try_from(time.as_secs().max(1)).unwrap_or(usize::MAX)).map_err(words)
        }

        pub(crate) fn forget(&self) -> Result<bool, String> {
            let Some(key) = self.find()? else { return Ok(false) };
            key.revoke().map_err(words)?;
            // Out of the keyring at once rather than at the next collection; revoked it is dead already.
            if let Ok(ring) = KeyRing::from_special_id(KeyRingIdentifier::User, false) {
                let _ = ring.unlink_key(key);
            }
            Ok(true)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{KernelKey, SealKey, SignedDuration, Zeroizing};

    impl KernelKey {
        fn none<T>(&self) -> Result<T, String> {
            Err(format!("no kernel keyring on this system for `{}`", self.description))
        }

        pub(crate) fn get(&self) -> Result<Option<SealKey>, String> {
            let _: Option<Zeroizing<u8>> = None;
            Ok(None)
        }

        pub(crate) fn put(&self, _: &SealKey) -> Result<(), String> {
            self.none()
        }

        pub(crate) fn keep_for(&self, _: SignedDuration) -> Result<(), String> {
            Ok(())
        }

        pub(crate) fn forget(&self) -> Result<bool, String> {
            Ok(false)
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_until_it_is_forgotten() {
        let key = KernelKey::new(format!("postern:test:{}", std::process::id()));
        let secret = SealKey::generate().unwrap();
        if let Err(problem) = key.put(&secret) {
            println!("SKIP: {problem}");
            return;
        }
        assert_eq!(key.get().unwrap().unwrap().expose_secret(), secret.expose_secret());
        let other = SealKey::generate().unwrap();
        key.put(&other).unwrap();
        assert_eq!(key.get().unwrap().unwrap().expose_secret(), other.expose_secret());
        key.keep_for(SignedDuration::from_hours(1)).unwrap();
        assert!(key.forget().unwrap());
        assert!(key.get().unwrap().is_none());
        assert!(!key.forget().unwrap());
    }
}
