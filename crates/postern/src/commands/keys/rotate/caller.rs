//! Who calls IAM for a rotation: the person by an MFA session, or an administrator.

use std::cell::Cell;

use postern_aws::{AwsError, Connection, Credentials, Kind};
use postern_broker::{
    Credentials as LongOrShort, KeyEntry, LoginMode, SecretStore, SessionCache, Sts, StsError,
};
use postern_types::{AccessKeyId, MfaCode, Timestamp, UserName};

use crate::{
    access::{self, WayIn},
    context::Context,
    daily::{Daily, Destination},
    errors::CliError,
};

/// A connection into the bastion, and what to do when AWS does not take it any more: a session may end
/// with the key that it was taken with.
pub(super) struct Caller<'a> {
    context: &'a Context,
    daily: &'a Daily<'a>,
    user: &'a UserName,
    code: Cell<Option<MfaCode>>,
    /// The key whose session is used; none for an administrator.
    key: Option<KeyEntry>,
    refused: Vec<AccessKeyId>,
    connection: Connection,
}

impl<'a> Caller<'a> {
    pub(super) fn new(
        context: &'a Context,
        daily: &'a Daily<'a>,
        user: &'a UserName,
        code: Option<MfaCode>,
        way: Option<&WayIn>,
    ) -> Result<Self, CliError> {
        let code = Cell::new(code);
        let (connection, key) = if let Some(way) = way {
            (administrators(context, daily, way)?, None)
        } else {
            let (connection, key) = own(context, daily, user, &code, &[])?;
            (connection, Some(key))
        };
        Ok(Self { context, daily, user, code, key, refused: Vec::new(), connection })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes of an error of AWS what can be done about it: another session, after which the call is to be made
    /// again, or words.
    pub(super) fn recover(&mut self, error: AwsError) -> Result<(), CliError> {
        match (&error.kind, &self.key) {
            (Kind::InvalidToken, Some(key)) if !self.refused.contains(&key.id) => {
                let mut route = self.daily.route(Some(self.user))?;
                route.key = key.clone();
                self.daily.cache.forget_session(&route.session_key())?;
                self.refused.push(key.id.clone());
                let (connection, key) = own(self.context, self.daily, self.user, &self.code, &self.refused)?;
                (self.connection, self.key) = (connection, Some(key));
                Ok(())
            }
            (Kind::Denied, Some(_)) => Err(denied(self.user, error)),
            _ => Err(error.into()),
        }
    }
}

fn administrators(context: &Context, daily: &Daily<'_>, way: &WayIn) -> Result<Connection, CliError> {
    let design = daily.design()?;
    let account = design.bastion.account.value;
    let mut access = access::open(context, design, &[account], way)?;
    access
        .connections
        .remove(&account)
        .ok_or_else(|| CliError::failed("no connection to the bastion account"))
}

/// By the person's own MFA session: one that is live, else a new one by a key that AWS takes.
fn own(
    context: &Context,
    daily: &Daily<'_>,
    user: &UserName,
    code: &Cell<Option<MfaCode>>,
    refused: &[AccessKeyId],
) -> Result<(Connection, KeyEntry), CliError> {
    let design = daily.design()?;
    let account = design.bastion.account.value;
    let mut route = daily.route(Some(user))?;
    let mut keys: Vec<KeyEntry> = daily.store.list()?;
    keys.retain(|key| key.user == *user && key.account == account && !refused.contains(&key.id));
    // The old one before the new one: its session is there already, as a rule.
    keys.sort_by_key(|key| key.added_at);
    let mut chosen = None;
    for key in &keys {
        route.key = key.clone();
        let live = daily.cache.session(&route.session_key())?;
        if live.is_some_and(|live| live.credentials.expires_at > Timestamp::now()) {
            chosen = Some(key);
            break;
        }
    }
    // Before a code is spent on a key that is switched off.
    for key in &keys {
        if chosen.is_none() && is_taken(daily, key)? {
            chosen = Some(key);
        }
    }
    let key = chosen.cloned().ok_or_else(|| {
        CliError::failed(format!("AWS takes none of {user}'s keys in the key store"))
            .hint("an administrator can make a new one: `postern people enrol NAME`")
    })?;
    route.key = key.clone();
    let session = daily.login(&Destination::of_session(route), LoginMode::IfNeeded, code.take())?;
    let endpoint = access::endpoint_of(&context.environment.texts(), None, design, account);
    let connection =
        access::client(&context.environment)?.connect(endpoint, Credentials::from(&session), Some(account));
    Ok((connection, key))
}

fn is_taken(daily: &Daily<'_>, key: &KeyEntry) -> Result<bool, CliError> {
    let Some(key) = daily.store.get(&key.id)? else { return Ok(false) };
    match daily.sts()?.get_caller_identity(LongOrShort::LongTerm(&key)) {
        Ok(_) => Ok(true),
        Err(StsError::UnknownKey { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// People of the bastion have no rights in IAM unless somebody gave them some.
fn denied(user: &UserName, error: AwsError) -> CliError {
    let mut worded = CliError::failed(format!("AWS does not let {user} change access keys"));
    worded.causes = CliError::from(error).causes;
    worded
        .hint("people of the bastion have no rights in IAM by default, not even over their own keys")
        .hint(format!(
            "an administrator does it on this machine, where the new key is to be: `postern keys rotate {user} --administrator NAME`"
        ))
        .hint(format!(
            "or deletes the key at AWS and makes a new one: `postern people enrol {user}`, on the machine of whoever is to hold it"
        ))
}
