//! Secrets: they print as `…`, wipe themselves, and show their text only to `expose_secret`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{ParseError, Rng};

macro_rules! secret_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// The secret itself. Each place that calls this is held in a list by a test.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }

            /// Whether both are the same, in time that does not depend on where they differ.
            #[must_use]
            pub fn ct_eq(&self, other: &Self) -> bool {
                self.expose_secret().as_bytes().ct_eq(other.expose_secret().as_bytes()).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("…")
            }
        }
    };
}

secret_type!(
    /// The secret half of an access key: 40 characters that sign requests.
    SecretAccessKey
);
secret_type!(
    /// What a temporary credential sends beside its key id. Opaque, never of a fixed size.
    SessionToken
);

impl SecretAccessKey {
    /// Takes a secret of printable ASCII, as AWS issues them (40 characters of `A-Za-z0-9/+`).
    ///
    /// # Errors
    /// On an empty text, one over 256 characters, or blanks inside; the text is never quoted.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, ParseError> {
        check("secret access key", text.into(), 256).map(Self)
    }

    /// A fresh secret, as AWS makes them.
    #[must_use]
    pub fn generate(rng: &mut dyn Rng) -> Self {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+";
        let mut raw = Zeroizing::new([0_u8; 40]);
        rng.fill_bytes(raw.as_mut_slice());
        let text: String =
            raw.iter().filter_map(|b| ALPHABET.get(usize::from(b & 63))).map(|b| char::from(*b)).collect();
        Self(SecretString::from(text))
    }
}

impl SessionToken {
    /// The longest token taken. AWS names 4,096 as today's bound; room is left above it.
    pub const MAX_LEN: usize = 16_384;

    /// Takes a token as it came.
    ///
    /// # Errors
    /// On an empty text, one beyond [`Self::MAX_LEN`], or blanks inside; the text is never quoted.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, ParseError> {
        check("session token", text.into(), Self::MAX_LEN).map(Self)
    }
}

fn check(what: &'static str, text: Box<str>, max: usize) -> Result<SecretString, ParseError> {
    let secret = SecretString::from(text);
    let shown = secret.expose_secret();
    if shown.is_empty() {
        Err(ParseError::new(what, "empty"))
    } else if shown.len() > max {
        Err(ParseError::new(what, format!("longer than {max} characters")))
    } else if !shown.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        Err(ParseError::new(what, "holds a blank, a control character or one outside ASCII"))
    } else {
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        let key = SecretAccessKey::new("wJalrXUtnFEMI").unwrap();
        assert_eq!(format!("{key:?}"), "…");
        let error = SecretAccessKey::new("with blank").unwrap_err();
        assert!(!error.to_string().contains("with"), "{error}");
    }

    #[test]
    fn comparing_looks_at_the_whole_text() {
        let new = |t: &str| SessionToken::new(t).unwrap();
        assert!(new("abc").ct_eq(&new("abc")));
        assert!(!new("abc").ct_eq(&new("abd")));
        assert!(!new("abc").ct_eq(&new("abcd")));
    }
}
