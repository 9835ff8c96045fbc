//! Authenticated encryption under one key: XChaCha20-Poly1305, whose nonces are long enough to draw.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::{TryRng, rngs::SysRng};
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// A key that seals. It prints as `…` and wipes itself.
#[derive(Clone)]
pub(crate) struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    pub(crate) const LEN: usize = 32;

    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; Self::LEN]);
        if bytes.len() != Self::LEN {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn generate() -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0; Self::LEN]);
        random(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// The key itself, on its way to its holder.
    pub(crate) fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// Nonce and ciphertext. `about` is not kept, but the seal opens only under the same.
    pub(crate) fn seal(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: about })
            .map_err(|_| SealError::TooLong)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed, if it was by this key, about the same, and nothing was changed since.
    pub(crate) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let opened =
            self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: about }).ok()?;
        Some(Zeroizing::new(opened))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.0).into())
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// Beyond what the cipher takes.
    #[error("too long to seal")]
    TooLong,
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<(), SealError> {
    SysRng.try_fill_bytes(bytes).map_err(|_| SealError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_whole_under_its_key_and_about_the_same() {
        let key = SealKey::generate().unwrap();
        let sealed = key.seal(b"about", b"plain").unwrap();
        assert_eq!(key.open(b"about", &sealed).unwrap().as_slice(), b"plain");
        assert!(key.open(b"other", &sealed).is_none());
        assert!(SealKey::generate().unwrap().open(b"about", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(b"about", &changed).is_none(), "byte {at}");
            assert!(key.open(b"about", &sealed[..at]).is_none(), "cut at {at}");
        }
        assert_ne!(sealed, key.seal(b"about", b"plain").unwrap());
        assert_eq!(format!("{key:?}"), "…");
    }
}
