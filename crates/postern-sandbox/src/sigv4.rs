//! Signature Version 4: what a request claims, what was signed, whether the signature is right.
//!
//! Written here rather than taken from `scratchstack-aws-signature`, which is asynchronous and builds on
//! tower, where this crate has no runtime; a test signs thousands of requests with AWS's own signer.
//! The order of the checks is AWS's, because the first thing wrong is what is told.

use hmac::{Hmac, KeyInit as _, Mac as _};
use postern_types::{SecretAccessKey, SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::RawRequest;

mod canonical;
mod claim;
mod fault;
mod sign;

use claim::Form;
pub(crate) use claim::{Claim, Scope, service_of};
pub(crate) use fault::{Dialect, Fault};
pub(crate) use sign::sign;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// How far a signature's time may be off, to either side.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// A time as signatures write it: `20260101T000000Z`.
fn basic(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads `20260101T000000Z`, nothing looser.
fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 16
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15))
        .parse()
        .ok()
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The key that signs for one day, region and service.
pub(crate) fn signing_key(secret: &SecretAccessKey, scope: &Scope) -> [u8; 32] {
    let mut first = zeroize::Zeroizing::new(Vec::with_capacity(44));
    first.extend_from_slice(b"AWS4");
    first.extend_from_slice(secret.expose_secret().as_bytes());
    let date = hmac(&first, scope.date.as_bytes());
    let region = hmac(&date, scope.region.as_bytes());
    let service = hmac(&region, scope.service.as_bytes());
    hmac(&service, TERMINATOR.as_bytes())
}

/// What was signed, as far as no secret is needed for it: computed before anybody looks at the state.
pub(crate) struct Signed {
    string_to_sign: String,
    signature: String,
}

impl Signed {
    /// # Errors
    /// When the body is not the one that `x-amz-content-sha256` speaks of.
    pub(crate) fn of(raw: &RawRequest, claim: &Claim) -> Result<Self, Fault> {
        let payload = canonical::payload_hash(raw, claim)?;
        let canonical = canonical::request(raw, claim, &payload);
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
        let string_to_sign = format!("{ALGORITHM}\n{}\n{}\n{hash}", claim.date, claim.scope);
        Ok(Self { string_to_sign, signature: claim.signature.clone() })
    }

    /// Whether the holder of this key signed it; takes as long whether right or wrong.
    pub(crate) fn is_by(&self, signing_key: &[u8; 32]) -> bool {
        let right = data_encoding::HEXLOWER.encode(&hmac(signing_key, self.string_to_sign.as_bytes()));
        right.as_bytes().ct_eq(self.signature.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_keys_is_awss() {
        // AWS documentation, "Examples of how to derive a signing key for Signature Version 4".
        let secret = SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
        let scope = Scope {
            date: "20150830".into(),
            region: "us-east-1".into(),
            service: "iam".into(),
            end: TERMINATOR.into(),
        };
        assert_eq!(
            data_encoding::HEXLOWER.encode(&signing_key(&secret, &scope)),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn dates_are_in_basic_format_only() {
        let time = parse_basic("20260217T094526Z").unwrap();
        assert_eq!(basic(time), "20260217T094526Z");
        for bad in [
            "",
            "20260217",
            "2026-02-17T09:45:26Z",
            "20261317T094526Z",
            "20260217T094526z",
            "+0260217T094526Z",
        ] {
            assert!(parse_basic(bad).is_none(), "{bad}");
        }
    }
}
