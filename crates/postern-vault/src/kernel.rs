//! The Linux kernel's own keyring: memory that no file system shows and that ends with the machine.

use zeroize::Zeroizing;

use crate::{lease::Lease, seal::SealKey};

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

    use postern_types::{SignedDuration, Timestamp};

    use super::{KernelKey, Lease, SealKey, Zeroizing};

    /// The key with its lease behind it.
    const PAYLOAD: usize = SealKey::LEN + Lease::LEN;

    fn payload(secret: &SealKey, lease: Lease) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([secret.expose_secret().as_slice(), &lease.to_bytes()].concat())
    }

    fn seconds(left: SignedDuration) -> usize {
        usize::try_from(left.as_secs()).unwrap_or(usize::MAX)
    }

    /// Lets the kernel drop the key by itself, whether or not anybody asks.
    fn end_with(key: &Key, lease: Lease) -> Result<(), String> {
        let left = lease.left(Timestamp::now().as_second()).unwrap_or(SignedDuration::from_secs(1));
        key.set_timeout(seconds(left)).map_err(words)
    }

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

        /// The key, which counts as using it.
        pub(crate) fn get(&self) -> Result<Option<SealKey>, String> {
            let Some(key) = self.find()? else { return Ok(None) };
            let mut bytes = Zeroizing::new([0_u8; PAYLOAD]);
            match key.read(&mut *bytes) {
                Ok(PAYLOAD) => {}
                Ok(other) => return Err(format!("kernel keyring: a key of {other} bytes")),
                Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => {
                    return Ok(None);
                }
                Err(error) => return Err(words(error)),
            }
            let (secret, lease) = bytes.split_at(SealKey::LEN);
            let (Some(secret), Ok(lease)) = (SealKey::from_slice(secret), lease.try_into()) else {
                return Ok(None);
            };
            let lease = Lease::from_bytes(lease);
            let Some(left) = lease.left(Timestamp::now().as_second()) else { return Ok(None) };
            if lease.ends_when_idle() {
                // A key whose time is not set anew ends too early, which is the safe side.
                let _ = key.set_timeout(seconds(left));
            }
            Ok(Some(secret))
        }

        pub(crate) fn put(&self, secret: &SealKey, lease: Lease) -> Result<(), String> {
            let ring = KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(words)?;
            // A login's session keyring does not always lead to the user's; without a way to it, this
            // process would not possess its own new key and could not open it to the user's others.
            KeyRing::from_special_id(KeyRingIdentifier::Process, true)
                .and_then(|process| process.link_keyring(ring))
                .map_err(words)?;
            let key =
                ring.add_key(self.description.as_str(), payload(secret, lease).as_slice()).map_err(words)?;
            // All but linking it elsewhere.
            let ours = || Permission::ALL.difference(Permission::LINK);
            key.set_perms(KeyPermissionsBuilder::builder().posessor(ours()).user(ours()).build())
                .map_err(words)?;
            end_with(&key, lease)?;
            // Some sandboxes accept keys and never give them back.
            match self.get()? {
                Some(kept) if kept.expose_secret() == secret.expose_secret() => Ok(()),
                _ => Err("kernel keyring: the key is not given back".to_owned()),
            }
        }

        /// Gives the key another lease. One that was forgotten meanwhile stays forgotten.
        pub(crate) fn keep(&self, lease: Lease) -> Result<(), String> {
            let (Some(secret), Some(key)) = (self.get()?, self.find()?) else { return Ok(()) };
            match key.update(&*payload(&secret, lease)) {
                Ok(()) => end_with(&key, lease),
                Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(()),
                Err(error) => Err(words(error)),
            }
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
    use super::{KernelKey, Lease, SealKey, Zeroizing};

    impl KernelKey {
        fn none<T>(&self) -> Result<T, String> {
            Err(format!("no kernel keyring on this system for `{}`", self.description))
        }

        pub(crate) fn get(&self) -> Result<Option<SealKey>, String> {
            let _: Option<Zeroizing<u8>> = None;
            Ok(None)
        }

        pub(crate) fn put(&self, _: &SealKey, _: Lease) -> Result<(), String> {
            self.none()
        }

        pub(crate) fn keep(&self, _: Lease) -> Result<(), String> {
            Ok(())
        }

        pub(crate) fn forget(&self) -> Result<bool, String> {
            Ok(false)
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use postern_types::{SignedDuration, Timestamp};

    use super::*;

    #[test]
    fn a_key_is_kept_until_it_is_forgotten() {
        let key = KernelKey::new(format!("postern:test:{}", std::process::id()));
        let secret = SealKey::generate().unwrap();
        let hour = Timestamp::now() + SignedDuration::from_hours(1);
        let lease = Lease::new(hour, None);
        if let Err(problem) = key.put(&secret, lease) {
            println!("SKIP: {problem}");
            return;
        }
        assert_eq!(key.get().unwrap().unwrap().expose_secret(), secret.expose_secret());
        let other = SealKey::generate().unwrap();
        key.put(&other, lease).unwrap();
        assert_eq!(key.get().unwrap().unwrap().expose_secret(), other.expose_secret());
        key.keep(Lease::new(hour, Some(SignedDuration::from_secs(2)))).unwrap();
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(1_000));
            assert!(key.get().unwrap().is_some(), "whoever uses it keeps it");
        }
        assert!(key.forget().unwrap());
        key.keep(lease).unwrap();
        assert!(key.get().unwrap().is_none(), "what is forgotten is not kept longer");
        assert!(!key.forget().unwrap());
        key.put(&secret, Lease::new(hour, Some(SignedDuration::from_secs(1)))).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        assert!(key.get().unwrap().is_none(), "nobody used it");
        key.put(&other, lease).unwrap();
        assert_eq!(key.get().unwrap().unwrap().expose_secret(), other.expose_secret());
        assert!(key.forget().unwrap());
    }
}
