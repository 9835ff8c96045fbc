//! Sealed texts: what the sandbox hands out and must recognize when it comes back.
//!
//! XChaCha20-Poly1305 would allow random nonces without a second thought; with the 96 bits of
//! ChaCha20-Poly1305 a key seals four thousand million texts before a repeat is likelier than 2^-32.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use data_encoding::BASE64;
use postern_types::Rng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const NONCE: usize = 12;

/// The key under which session tokens and page markers are sealed.
pub(crate) struct Sealer {
    key: Zeroizing<[u8; 32]>,
    cipher: ChaCha20Poly1305,
}

impl Sealer {
    pub(crate) fn generate(rng: &mut dyn Rng) -> Self {
        let mut key = [0_u8; 32];
        rng.fill_bytes(&mut key);
        Self::from_key(key)
    }

    pub(crate) fn from_key(key: [u8; 32]) -> Self {
        let cipher = ChaCha20Poly1305::new(&key.into());
        Self { key: Zeroizing::new(key), cipher }
    }

    /// The key itself, to be stored with the state it belongs to.
    pub(crate) fn expose_secret(&self) -> &[u8; 32] {
        &self.key
    }

    /// Seals a text for this purpose; it opens for no other.
    pub(crate) fn seal(&self, purpose: &str, text: &[u8], rng: &mut dyn Rng) -> String {
        let mut nonce = [0_u8; NONCE];
        rng.fill_bytes(&mut nonce);
        self.seal_with(nonce, purpose, text)
    }

    /// As [`Self::seal`] without randomness: the same text for the same purpose is sealed to the same.
    pub(crate) fn seal_same(&self, purpose: &str, text: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.key.as_slice());
        hash.update(purpose.len().to_be_bytes());
        hash.update(purpose.as_bytes());
        hash.update(text);
        let mut nonce = [0_u8; NONCE];
        for (to, from) in nonce.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        self.seal_with(nonce, purpose, text)
    }

    fn seal_with(&self, nonce: [u8; NONCE], purpose: &str, text: &[u8]) -> String {
        let payload = Payload { msg: text, aad: purpose.as_bytes() };
        let Ok(mut sealed) = self.cipher.encrypt(&nonce.into(), payload) else {
            unreachable!("texts of a few kilobytes are far below the cipher's limit")
        };
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        BASE64.encode(&bytes)
    }

    /// Opens what [`Self::seal`] made for this purpose; none for anything else.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        self.cipher.decrypt(&nonce.into(), payload).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn only_the_very_text_for_the_very_purpose_opens() {
        let mut rng = StdRng::seed_from_u64(1);
        let sealer = Sealer::generate(&mut rng);
        let sealed = sealer.seal("a", b"text", &mut rng);
        assert_eq!(sealer.open("a", &sealed).unwrap().as_slice(), b"text");
        assert!(sealer.open("b", &sealed).is_none());
        assert!(Sealer::generate(&mut rng).open("a", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut edited = sealed.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            assert!(sealer.open("a", &edited).is_none(), "{at}");
        }
        for bad in ["", "A", "AAAA", "é", &sealed[..sealed.len() - 4]] {
            assert!(sealer.open("a", bad).is_none(), "{bad}");
        }
    }
}
