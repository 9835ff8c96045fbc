//! `postern keys`

use clap::{Args, Subcommand};
use postern_broker::{Credentials, KeyEntry, SecretStore};
use postern_types::{
    AccessKeyId, IamPath, LongTermKey, MfaSerial, Partition, SecretAccessKey, Timestamp, UserArn,
};

use crate::{
    context::Context,
    daily::Daily,
    errors::{CliError, ExitStatus},
    keystore,
    output::{GOOD, paint},
    personal::session_cache,
    prompt::{Echo, Terminal},
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
    /// Remove an access key from the store; at AWS it stays
    Remove(RemoveArgs),
}

/// Arguments of `postern keys list`.
#[derive(Debug, Args)]
struct ListArgs {}

/// Arguments of `postern keys add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys add                      asks for id and secret on the terminal
  postern keys add --from-environment   takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

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
struct RemoveArgs {
    /// The key's id, `AKIA…`
    #[arg(value_name = "KEY")]
    id: AccessKeyId,
}

pub(crate) fn run(args: &KeysArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        KeysCommand::List(_) => list(context),
        KeysCommand::Add(args) => add(args, context),
        KeysCommand::Remove(args) => remove(args, context),
    }
}

fn list(context: &Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let mut keys = store.list()?;
    keys.sort_by(|a, b| (&a.user, &a.id).cmp(&(&b.user, &b.id)));
    let mut text = String::new();
    for key in &keys {
        text.push_str(&format!("{}  {}  {}  {}\n", key.id, key.user, key.account, key.serial));
    }
    context.printer.data(&text)?;
    if keys.is_empty() {
        context.printer.status(&format!("there are no keys in {}", keystore::kind_words(store.kind())));
    }
    Ok(ExitStatus::Done)
}

fn add(args: &AddArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let key = if args.from_environment { key_of_environment(context)? } else { key_of_person()? };
    let identity = daily.sts().get_caller_identity(Credentials::LongTerm(&key))?;
    let wrong = |what: &str| CliError::failed(format!("the key belongs to {what}: {}", identity.arn));
    let user: UserArn =
        identity.arn.as_str().parse().map_err(|_| wrong("something else than an IAM user"))?;
    let account = daily.design.bastion.account.value;
    if user.account() != account {
        return Err(wrong(&format!("another account than the estate's bastion {account}")));
    }
    let entry = KeyEntry {
        id: key.id.clone(),
        user: user.name().clone(),
        account,
        serial: match &args.mfa_serial {
            Some(serial) => serial.clone(),
            None => virtual_device(daily.design.partition, &user)?,
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
    let mut terminal = Terminal::open()?;
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
    if !store.remove(&args.id)? {
        return Err(CliError::failed(format!(
            "there is no key `{}` in {}",
            args.id,
            keystore::kind_words(store.kind())
        ))
        .hint("`postern keys list` shows what there is"));
    }
    session_cache(context)?.forget_hot()?;
    context.printer.status(&format!("key {} is removed here; AWS still takes it", args.id));
    Ok(ExitStatus::Done)
}
