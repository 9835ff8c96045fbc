//! What stands inside a seal: versioned JSON records, apart from the domain's types.

use std::borrow::Cow;

use postern_broker::{CachedSession, KeyEntry, MfaSessionKey};
use postern_types::{
    AccessKeyId, MfaSession, ParseError, RoleCredentials, SecretAccessKey, SessionToken,
    TemporaryCredentials, Timestamp,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Why a record is not one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Value(#[from] ParseError),
    #[error("time `{0}`")]
    Time(String),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct KeyRecord<'a> {
    pub(crate) access_key_id: Cow<'a, str>,
    pub(crate) user: Cow<'a, str>,
    pub(crate) account: Cow<'a, str>,
    pub(crate) mfa_serial: Cow<'a, str>,
    pub(crate) added_at: Cow<'a, str>,
}

impl<'a> KeyRecord<'a> {
    pub(crate) fn of(entry: &'a KeyEntry) -> Self {
        Self {
            access_key_id: entry.id.as_str().into(),
            user: entry.user.as_str().into(),
            account: entry.account.to_string().into(),
            mfa_serial: entry.serial.as_str().into(),
            added_at: entry.added_at.to_string().into(),
        }
    }

    pub(crate) fn entry(&self) -> Result<KeyEntry, RecordError> {
        Ok(KeyEntry {
            id: self.access_key_id.parse()?,
            user: self.user.parse()?,
            account: self.account.parse()?,
            serial: self.mfa_serial.parse()?,
            added_at: time(&self.added_at)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct CredentialsRecord<'a> {
    access_key_id: Cow<'a, str>,
    // Borrowed: no copy of a secret is made that does not wipe itself.
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Cow<'a, str>,
    expires_at: Cow<'a, str>,
}

impl<'a> CredentialsRecord<'a> {
    fn of(credentials: &'a TemporaryCredentials) -> Self {
        Self {
            access_key_id: credentials.id.as_str().into(),
            secret_access_key: credentials.secret.expose_secret().into(),
            session_token: credentials.token.expose_secret().into(),
            expires_at: credentials.expires_at.to_string().into(),
        }
    }

    fn credentials(&self) -> Result<TemporaryCredentials, RecordError> {
        Ok(TemporaryCredentials {
            id: self.access_key_id.parse()?,
            secret: SecretAccessKey::new(self.secret_access_key.as_ref())?,
            token: SessionToken::new(self.session_token.as_ref())?,
            expires_at: time(&self.expires_at)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct SessionRecord<'a> {
    key: KeyRecord<'a>,
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    credentials: CredentialsRecord<'a>,
}

#[derive(Serialize, Deserialize)]
struct RoleRecord<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    source_key: Option<Cow<'a, str>>,
    credentials: CredentialsRecord<'a>,
}

fn time(text: &str) -> Result<Timestamp, RecordError> {
    text.parse().map_err(|_| RecordError::Time(text.to_owned()))
}

/// The text of a record, in one allocation that wipes itself.
pub(crate) fn to_json(record: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    // Larger than any record, so that no half-grown copy is left behind in freed memory.
    let mut text = Zeroizing::new(Vec::with_capacity(64 * 1024));
    serde_json::to_writer(&mut *text, record)?;
    Ok(text)
}

pub(crate) fn write_session(cached: &CachedSession) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    Ok(to_json(&SessionRecord {
        key: KeyRecord::of(&cached.entry),
        url: cached.key.url.as_deref().map(Cow::Borrowed),
        credentials: CredentialsRecord::of(&cached.session.credentials),
    })?)
}

pub(crate) fn read_session(text: &[u8]) -> Result<CachedSession, RecordError> {
    let record: SessionRecord<'_> = serde_json::from_slice(text)?;
    let entry = record.key.entry()?;
    let url = record.url.map(|url| url.as_ref().into());
    Ok(CachedSession {
        key: MfaSessionKey { key: entry.id.clone(), serial: entry.serial.clone(), url },
        session: MfaSession {
            credentials: record.credentials.credentials()?,
            source_key: entry.id.clone(),
            serial: entry.serial.clone(),
        },
        entry,
    })
}

/// Role credentials and the long-term key that they go back to, if it is one of the person's.
pub(crate) fn write_role(
    credentials: &RoleCredentials,
    source_key: Option<&AccessKeyId>,
) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    Ok(to_json(&RoleRecord {
        role: credentials.role.as_str().into(),
        source_key: source_key.map(|key| key.as_str().into()),
        credentials: CredentialsRecord::of(&credentials.credentials),
    })?)
}

pub(crate) fn read_role(text: &[u8]) -> Result<(RoleCredentials, Option<AccessKeyId>), RecordError> {
    let record: RoleRecord<'_> = serde_json::from_slice(text)?;
    let credentials =
        RoleCredentials { credentials: record.credentials.credentials()?, role: record.role.parse()? };
    Ok((credentials, record.source_key.map(|key| key.parse()).transpose()?))
}
