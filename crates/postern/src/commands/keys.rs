//! `postern keys`

mod device;
mod migrate;
mod rotate;
mod seed;

use std::str::FromStr;

use clap::{Args, Subcommand};
use postern_broker::{Credentials, KeyEntry, SecretStore, SessionCache, StoreError, Sts};
use postern_types::{
    AccessKeyId, IamPath, LongTermKey, MfaSerial, ParseError, Partition, SecretAccessKey, Timestamp, UserArn,
    UserName,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    context::Context,
    daily::Daily,
    errors::{CliError, ExitStatus},
    key_age, keystore,
    output::{GOOD, WARN, paint},
    personal::{PersonalSettings, session_cache},
    prompt::{Echo, Terminal},
    report::table,
};

/// Arguments of `postern keys`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Show which access keys are stored, without their secrets
    List(ListArgs),
    /// Store an access key that exists already
    Add(AddArgs),
    /// Remove an access key and its sessions here; at AWS it stays
    Remove(RemoveArgs),
    /// Store an MFA device's seed: codes without a device, one factor of two
    Seed(seed::SeedArgs),
    /// Replace an access key by a new one, at AWS and here
    Rotate(rotate::RotateArgs),
    /// Take a key's codes from another of the person's MFA devices
    Device(device::DeviceArgs),
    /// Move every access key into another key store
    Migrate(migrate::MigrateArgs),
}

/// Arguments of `postern keys list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys list
  postern keys list --json | jq -r '.keys[].access_key_id'")]
struct ListArgs {
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

/// Arguments of `postern keys add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys add                      asks for id and secret on the terminal
  postern keys add --from-environment   takes AWS_ACCESS_KEY_ID and its secret

AWS is asked whose key it is before it is stored.")]
struct AddArgs {
    /// Take the key from the AWS variables of the environment
    #[arg(long)]
    from_environment: bool,
    /// The MFA device [default: the virtual device that has the user's name]
    #[arg(long, value_name = "SERIAL")]
    mfa_serial: Option<MfaSerial>,
}

/// Arguments of `postern keys remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys remove alice                 where she has one key here
  postern keys remove AKIAIOSFODNN7EXAMPLE")]
struct RemoveArgs {
    /// The key's id, `AKIA…`, or the person whose only key it is
    #[arg(value_name = "KEY|NAME")]
    key: KeyOrPerson,
}

/// How a stored key is named. What looks like a key's id is one.
#[derive(Clone, Debug)]
enum KeyOrPerson {
    Key(AccessKeyId),
    Person(UserName),
}

impl FromStr for KeyOrPerson {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(Self::Key).or_else(|_| text.parse().map(Self::Person))
    }
}

/// A stored key as `--json` shows it.
#[derive(Serialize)]
pub(super) struct KeyRecord {
    person: String,
    account: String,
    access_key_id: String,
    mfa_serial: String,
    added_at: String,
    stored_days_ago: i64,
}

impl KeyRecord {
    pub(super) fn of(key: &KeyEntry, now: Timestamp) -> Self {
        Self {
            person: key.user.to_string(),
            account: key.account.to_string(),
            access_key_id: key.id.to_string(),
            mfa_serial: key.serial.to_string(),
            added_at: key.added_at.to_string(),
            stored_days_ago: key_age::days(key, now),
        }
    }
}

pub(crate) fn run(args: &KeysArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if !matches!(args.command, KeysCommand::Rotate(_)) {
        rotate::warn_of_begun(context);
    }
    match &args.command {
        KeysCommand::List(args) => list(args, context),
        KeysCommand::Add(args) => add(args, context),
        KeysCommand::Remove(args) => remove(args, context),
        KeysCommand::Seed(args) => seed::run(args, context),
        KeysCommand::Rotate(args) => rotate::rotate(args, context),
        KeysCommand::Device(args) => device::run(args, context),
        KeysCommand::Migrate(args) => migrate::migrate(args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let (store, now) = (keystore::open(context)?, Timestamp::now());
    let limit = PersonalSettings::load(&context.environment)?.key_max_age()?;
    let mut keys = store.list()?;
    keys.sort_by(|a, b| (&a.user, &a.id).cmp(&(&b.user, &b.id)));
    let place = keystore::kind_words(store.kind());
    if args.json {
        let records: Vec<KeyRecord> = keys.iter().map(|key| KeyRecord::of(key, now)).collect();
        let record = json!({ "format": 1, "key_store": place, "keys": records });
        context.printer.data(&format!("{record:#}\n"))?;
    } else if keys.is_empty() {
        context.printer.status(&format!("there are no keys in {place}"));
    } else {
        let row = |key: &KeyEntry| {
            let age = key_age::words(key_age::days(key, now));
            vec![
                key.id.to_string(),
                key.user.to_string(),
                key.account.to_string(),
                if limit.is_over(key, now) { paint(WARN, &age) } else { age },
                key.serial.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
        context.printer.data(&table::plain(&["KEY", "PERSON", "ACCOUNT", "STORED", "MFA DEVICE"], &rows))?;
    }
    if let Some(warning) = limit.warning(&keys, now) {
        context.printer.warning(&warning);
    }
    Ok(ExitStatus::Done)
}

fn add(args: &AddArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let key = if args.from_environment { key_of_environment(context)? } else { key_of_person()? };
    let identity = daily.sts()?.get_caller_identity(Credentials::LongTerm(&key))?;
    let wrong = |what: &str| CliError::failed(format!("the key belongs to {what}: {}", identity.arn));
    let user: UserArn =
        identity.arn.as_str().parse().map_err(|_| wrong("something else than an IAM user"))?;
    let account = daily.design()?.bastion.account.value;
    if user.account() != account {
        return Err(wrong(&format!("another account than the estate's bastion {account}")));
    }
    let entry = KeyEntry {
        id: key.id.clone(),
        user: user.name().clone(),
        account,
        serial: match &args.mfa_serial {
            Some(serial) => serial.clone(),
            None => virtual_device(daily.design()?.partition, &user)?,
        },
        added_at: Timestamp::now(),
    };
    daily.store.put(&entry, &key)?;
    daily.cache.forget_hot()?;
    context.printer.status(&format!(
        "{} key {} of {} is in {}; its MFA device is {}",
        paint(GOOD, "✓"),
        entry.id,
        entry.user,
        keystore::kind_words(daily.store.kind()),
        entry.serial
    ));
    Ok(ExitStatus::Done)
}

fn virtual_device(partition: Partition, user: &UserArn) -> Result<MfaSerial, CliError> {
    let name = user
        .name()
        .as_str()
        .parse()
        .map_err(|error| CliError::usage("name the MFA device with --mfa-serial").caused_by(error))?;
    Ok(MfaSerial::virtual_device(partition, user.account(), &IamPath::root(), &name))
}

fn key_of_environment(context: &Context) -> Result<LongTermKey, CliError> {
    let value = |name: &str| {
        let text = context.environment.text(name);
        text.ok_or_else(|| CliError::usage(format!("{name} is not set")))
    };
    if context.environment.text("AWS_SESSION_TOKEN").is_some() {
        return Err(CliError::usage("AWS_SESSION_TOKEN is set: that is a session, not a long-term key"));
    }
    long_term_key(value("AWS_ACCESS_KEY_ID")?, value("AWS_SECRET_ACCESS_KEY")?)
}

fn key_of_person() -> Result<LongTermKey, CliError> {
    let mut terminal = Terminal::open().map_err(|error| {
        CliError::from(error)
            .hint("or give the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: `--from-environment`")
    })?;
    let id = terminal.ask("Access key id: ", Echo::Shown)?;
    let secret = terminal.ask("Secret access key (hidden): ", Echo::Hidden)?;
    long_term_key(id.trim(), secret.trim())
}

fn long_term_key(id: &str, secret: &str) -> Result<LongTermKey, CliError> {
    let wrong = |error| CliError::usage("that is no access key").caused_by(error);
    Ok(LongTermKey { id: id.parse().map_err(wrong)?, secret: SecretAccessKey::new(secret).map_err(wrong)? })
}

fn remove(args: &RemoveArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let keys = store.list()?;
    let of_device = |serial: &MfaSerial| keys.iter().filter(|key| key.serial == *serial).count();
    let key = the_one(keys.clone(), &args.key, keystore::kind_words(store.kind()))?;
    store.remove(&key.id)?;
    if of_device(&key.serial) == 1 {
        forget_seed(&*store, &key.serial)?;
    }
    // What is left of it here would go on being served, and its person be counted as one who is logged in.
    let cache = session_cache(context)?;
    for session in cache.sessions()? {
        if session.entry.id == key.id {
            cache.forget_session(&session.key)?;
        }
    }
    cache.forget_hot()?;
    context.printer.status(&format!("key {} of {} is removed here; AWS still takes it", key.id, key.user));
    Ok(ExitStatus::Done)
}

/// A seed is of no use without a key of its person.
fn forget_seed(store: &dyn SecretStore, device: &MfaSerial) -> Result<(), CliError> {
    match store.remove_seed(device) {
        Ok(_) | Err(StoreError::Unsupported { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The one key that is meant.
fn the_one(keys: Vec<KeyEntry>, wanted: &KeyOrPerson, place: &str) -> Result<KeyEntry, CliError> {
    let is_meant = |key: &KeyEntry| match wanted {
        KeyOrPerson::Key(id) => key.id == *id,
        KeyOrPerson::Person(user) => key.user == *user,
    };
    let mut found: Vec<KeyEntry> = keys.into_iter().filter(is_meant).collect();
    if let Some(key) = found.pop() {
        if found.is_empty() {
            return Ok(key);
        }
        let ids: Vec<&str> = found.iter().chain([&key]).map(|key| key.id.as_str()).collect();
        return Err(CliError::usage(format!("there are several keys of {}: {}", key.user, ids.join(", ")))
            .hint("say which by its id"));
    }
    let missing = match wanted {
        KeyOrPerson::Key(id) => format!("there is no key `{id}` in {place}"),
        KeyOrPerson::Person(user) => format!("there is no key of `{user}` in {place}"),
    };
    Err(CliError::failed(missing).hint("`postern keys list` shows what there is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_id_or_by_its_person() {
        let key = |number: u8, user: &str| KeyEntry {
            id: format!("AKIAY34FZKBOKMUTV00{number}").parse().unwrap(),
            user: user.parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/x".parse().unwrap(),
            added_at: Timestamp::UNIX_EPOCH,
        };
        let keys = || vec![key(2, "alice"), key(3, "bob"), key(4, "bob")];
        for (text, wanted) in [
            ("AKIAY34FZKBOKMUTV003", Ok("AKIAY34FZKBOKMUTV003")),
            ("alice", Ok("AKIAY34FZKBOKMUTV002")),
            ("bob", Err("there are several keys of bob: AKIAY34FZKBOKMUTV003, AKIAY34FZKBOKMUTV004")),
            ("carol", Err("there is no key of `carol` in memory")),
            ("AKIAY34FZKBOKMUTV007", Err("there is no key `AKIAY34FZKBOKMUTV007` in memory")),
        ] {
            let found = the_one(keys(), &text.parse().unwrap(), "memory");
            let found = found.map(|key| key.id.to_string()).map_err(|error| error.message);
            assert_eq!(found, wanted.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
