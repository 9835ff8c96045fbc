//! `postern status`

use clap::Args;
use postern_broker::{CachedSession, KeyEntry, SecretStore};
use postern_types::{AccessKeyId, RoleCredentials, SignedDuration, Timestamp};
use postern_vault::HolderKind;
use serde::Serialize;

use super::keys::KeyRecord;
use crate::{
    context::Context,
    daily::{targets, time_left},
    env::{self, Environment},
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    keystore,
    output::{BOLD, harmless, paint},
    personal::{PersonalSettings, session_cache},
};

/// A role whose credentials are in the cache.
struct InUse {
    role: RoleCredentials,
    source: Option<AccessKeyId>,
    /// What the estate calls it, if there is one here.
    target: Option<String>,
}

/// Arguments of `postern status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern status
  postern status --json | jq -r '.sessions[].expires_at'")]
pub(crate) struct StatusArgs {
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct StatusRecord {
    format: u8,
    sealed_by: Option<&'static str>,
    shell: Option<ShellRecord>,
    sessions: Vec<SessionRecord>,
    roles: Vec<RoleRecord>,
    key_store: &'static str,
    key_store_error: Option<String>,
    keys: Vec<KeyRecord>,
}

/// What this shell works as: see `postern shell` and `assume`.
#[derive(Serialize)]
struct ShellRecord {
    target: String,
    expires_at: Option<String>,
    seconds_left: Option<i64>,
}

#[derive(Serialize)]
struct SessionRecord {
    person: String,
    account: String,
    access_key_id: String,
    mfa_serial: String,
    endpoint_url: Option<String>,
    expires_at: String,
    seconds_left: i64,
}

#[derive(Serialize)]
struct RoleRecord {
    role: String,
    target: Option<String>,
    access_key_id: String,
    source_access_key_id: Option<String>,
    expires_at: String,
    seconds_left: i64,
}

pub(crate) fn run(args: &StatusArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let now = Timestamp::now();
    let cache = session_cache(context)?;
    let mut sessions = cache.sessions()?;
    sessions.retain(|session| session.session.credentials.expires_at > now);
    let mut roles = cache.roles()?;
    roles.retain(|(role, _)| role.credentials.expires_at > now);
    roles.sort_by(|a, b| a.0.role.cmp(&b.0.role));
    let roles = in_use(roles, context);
    // A store that cannot be reached is told of, and no reason to hide the sessions.
    let (store, keys) = match keystore::open(context) {
        Ok(store) => (keystore::kind_words(store.kind()), SecretStore::list(&*store).map_err(CliError::from)),
        Err(error) => ("the key store", Err(error)),
    };
    let limit = PersonalSettings::load(&context.environment)?.key_max_age()?;
    let warning = keys.as_ref().ok().and_then(|keys| limit.warning(keys, now));
    let shell = shell_record(&context.environment, now);
    let text = if args.json {
        json(shell, &sessions, &roles, store, keys, cache.holder().kind(), now)?
    } else {
        let shell = shell.map(|shell| of_shell(&shell, now)).unwrap_or_default();
        shell + &people(&sessions, &roles, store, keys, now)
    };
    context.printer.data(&text)?;
    if let Some(warning) = warning {
        context.printer.warning(&warning);
    }
    Ok(ExitStatus::Done)
}

fn in_use(cached: Vec<(RoleCredentials, Option<AccessKeyId>)>, context: &Context) -> Vec<InUse> {
    let file = EstateFile::find(context).ok().flatten();
    let targets = file.map(|file| targets(&file.design)).unwrap_or_default();
    let named = |role: &RoleCredentials| targets.iter().find(|target| target.arn == role.role);
    let cached = cached.into_iter();
    cached
        .map(|(role, source)| {
            let target = named(&role).map(|target| format!("{}/{}", target.account, target.role));
            InUse { role, source, target }
        })
        .collect()
}

/// What another postern set in this environment.
fn shell_record(environment: &Environment, now: Timestamp) -> Option<ShellRecord> {
    let target = environment.text(env::POSTERN_TARGET)?.to_owned();
    // Somebody else's text: what cannot be read as a time is left out.
    let until: Option<Timestamp> =
        environment.text("AWS_CREDENTIAL_EXPIRATION").and_then(|text| text.parse().ok());
    Some(ShellRecord {
        target,
        expires_at: until.map(|until| until.to_string()),
        seconds_left: until.map(|until| until.duration_since(now).as_secs().max(0)),
    })
}

fn of_shell(shell: &ShellRecord, now: Timestamp) -> String {
    let left = shell.seconds_left.map(|seconds| match seconds {
        0 => "  expired".to_owned(),
        seconds => format!("  {} left", time_left(now + SignedDuration::from_secs(seconds), now)),
    });
    let target = harmless(&shell.target);
    format!("{}\n  {target}{}\n\n", paint(BOLD, "This shell"), left.unwrap_or_default())
}

fn people(
    sessions: &[CachedSession],
    roles: &[InUse],
    store: &str,
    keys: Result<Vec<KeyEntry>, CliError>,
    now: Timestamp,
) -> String {
    let mut text = format!("{}\n", paint(BOLD, "Sessions"));
    if sessions.is_empty() {
        text.push_str("  none; `postern login` takes one\n");
    }
    for CachedSession { entry, session, key } in sessions {
        let place = key.url.as_deref().map(|url| format!("  at {url}")).unwrap_or_default();
        let left = time_left(session.credentials.expires_at, now);
        text.push_str(&format!("  {} in {}  {left} left{place}\n", entry.user, entry.account));
    }
    if !roles.is_empty() {
        text.push_str(&format!("\n{}\n", paint(BOLD, "Roles in use")));
    }
    for InUse { role, target, .. } in roles {
        let left = time_left(role.credentials.expires_at, now);
        let name = target.clone().unwrap_or_else(|| role.role.to_string());
        text.push_str(&format!("  {name}  {left} left\n"));
    }
    text.push_str(&format!("\n{}\n", paint(BOLD, "Access keys")));
    match keys {
        Ok(keys) if keys.is_empty() => text.push_str(&format!("  none in {store}\n")),
        Ok(keys) => {
            for key in keys {
                let since = match now.duration_since(key.added_at).as_hours() / 24 {
                    ..=0 => "since today".to_owned(),
                    1 => "for a day".to_owned(),
                    days => format!("for {days} days"),
                };
                text.push_str(&format!(
                    "  {} of {} in {}, in {store} {since}\n",
                    key.id, key.user, key.account
                ));
            }
        }
        Err(error) => {
            text.push_str(&format!("  {}", error.message));
            for cause in &error.causes {
                text.push_str(&format!(": {cause}"));
            }
            text.push('\n');
        }
    }
    text
}

fn json(
    shell: Option<ShellRecord>,
    sessions: &[CachedSession],
    roles: &[InUse],
    store: &'static str,
    keys: Result<Vec<KeyEntry>, CliError>,
    holder: Option<HolderKind>,
    now: Timestamp,
) -> Result<String, CliError> {
    let left = |until: Timestamp| until.duration_since(now).as_secs();
    let (keys, key_store_error) = match keys {
        Ok(keys) => (keys, None),
        Err(error) => (Vec::new(), Some(error.message)),
    };
    let record = StatusRecord {
        format: 1,
        sealed_by: holder.map(|holder| match holder {
            HolderKind::Kernel => "kernel",
            HolderKind::Agent => "agent",
        }),
        shell,
        sessions: sessions
            .iter()
            .map(|CachedSession { entry, session, key }| SessionRecord {
                person: entry.user.to_string(),
                account: entry.account.to_string(),
                access_key_id: entry.id.to_string(),
                mfa_serial: entry.serial.to_string(),
                endpoint_url: key.url.as_deref().map(str::to_owned),
                expires_at: session.credentials.expires_at.to_string(),
                seconds_left: left(session.credentials.expires_at),
            })
            .collect(),
        roles: roles
            .iter()
            .map(|InUse { role, source, target }| RoleRecord {
                role: role.role.to_string(),
                target: target.clone(),
                access_key_id: role.credentials.id.to_string(),
                source_access_key_id: source.as_ref().map(ToString::to_string),
                expires_at: role.credentials.expires_at.to_string(),
                seconds_left: left(role.credentials.expires_at),
            })
            .collect(),
        key_store: store,
        key_store_error,
        keys: keys.iter().map(|key| KeyRecord::of(key, now)).collect(),
    };
    let mut text = serde_json::to_string_pretty(&record)
        .map_err(|error| CliError::failed("cannot write the status").caused_by(error))?;
    text.push('\n');
    Ok(text)
}
