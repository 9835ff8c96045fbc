//! The other side of a signature: for requests that begin in the sandbox itself.

use postern_types::{AccessKeyId, SecretAccessKey, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::http::RawRequest;

use super::{ALGORITHM, Claim, Fault, Form, Scope, TERMINATOR, basic, canonical, hmac, signing_key};

/// Puts the date and the signature of this key into a request, and every header it has under it.
///
/// # Errors
/// When the request has a hash of another body.
pub(crate) fn sign(
    raw: &mut RawRequest,
    key: &AccessKeyId,
    secret: &SecretAccessKey,
    (service, region): (&str, &str),
    now: Timestamp,
) -> Result<(), Fault> {
    let date = basic(now);
    raw.headers.push(("x-amz-date".to_owned(), date.clone().into_bytes()));
    let mut signed_headers: Vec<String> =
        raw.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    signed_headers.sort();
    let scope = Scope {
        date: date.chars().take(8).collect(),
        region: region.to_owned(),
        service: service.to_owned(),
        end: TERMINATOR.to_owned(),
    };
    let claim = Claim {
        form: Form::Header,
        key_id: key.to_string(),
        scope,
        signed_headers,
        signature: String::new(),
        date,
        token: None,
    };
    let payload = canonical::payload_hash(raw, &claim)?.into_owned();
    let canonical = canonical::request(raw, &claim, &payload);
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
    let string_to_sign = format!("{ALGORITHM}\n{}\n{}\n{hash}", claim.date, claim.scope);
    let signature = hmac(&signing_key(secret, &claim.scope), string_to_sign.as_bytes());
    let header = format!(
        "{ALGORITHM} Credential={key}/{}, SignedHeaders={}, Signature={}",
        claim.scope,
        claim.signed_headers.join(";"),
        data_encoding::HEXLOWER.encode(&signature)
    );
    raw.headers.push(("authorization".to_owned(), header.into_bytes()));
    Ok(())
}
