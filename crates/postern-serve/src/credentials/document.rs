//! Credentials as SDKs read them.

use bytes::Bytes;
use postern_broker::Issued;
use postern_types::{SignedDuration, Timestamp};
use serde::Serialize;
use zeroize::Zeroizing;

use super::SourceError;

/// When SDKs are to ask again for credentials whose end is unknown.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// The fields of both dialects, in AWS's spelling.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    of_instance: Option<OfInstance>,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OfInstance {
    code: &'static str,
    last_updated: String,
    r#type: &'static str,
}

/// For a container.
pub(super) fn of_container(issued: &Issued, now: Timestamp) -> Result<Bytes, SourceError> {
    write(issued, now, None)
}

/// For an instance.
pub(super) fn of_instance(issued: &Issued, now: Timestamp) -> Result<Bytes, SourceError> {
    let last_updated = seconds(now);
    write(issued, now, Some(OfInstance { code: "Success", last_updated, r#type: "AWS-HMAC" }))
}

fn write(issued: &Issued, now: Timestamp, of_instance: Option<OfInstance>) -> Result<Bytes, SourceError> {
    let credentials = issued.credentials();
    let failed = |message: &str| SourceError { message: message.to_owned() };
    let token = credentials.token.as_ref();
    let token = token.ok_or_else(|| failed("the target's key is a long-term one, which is not served"))?;
    let role = if of_instance.is_none() { issued.role() } else { None };
    let document = Document {
        of_instance,
        access_key_id: credentials.id.as_str(),
        secret_access_key: credentials.secret.expose_secret(),
        token: token.expose_secret(),
        expiration: seconds(issued.expires_at().unwrap_or(now + ASK_AGAIN)),
        role_arn: role.map(ToString::to_string),
        account_id: role.map(|role| role.account().to_string()),
    };
    // Large enough never to be moved, which would leave a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(64 << 10));
    serde_json::to_writer(&mut *text, &document).map_err(|_| failed("the credentials cannot be written"))?;
    Ok(Bytes::from_owner(text))
}

/// Whole seconds: some SDKs read no fractions.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
