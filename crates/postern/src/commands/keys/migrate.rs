//! `postern keys migrate`

use clap::Args;
use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, MfaSerial, TotpSeed};

use crate::{
    context::Context,
    env,
    errors::{CliError, ExitStatus},
    keystore::{self, StoreName, kind_words},
    output::{GOOD, paint},
    personal::{PersonalSettings, edit::StoreChoice, session_cache},
};

/// Arguments of `postern keys migrate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys migrate --to pass            from the store that is in use
  postern keys migrate --to keyring --keep  the old store keeps its keys

Every key is copied, read back and compared before the settings file is
changed, and only then removed from the old store. Safe to interrupt: run it
again, and it goes on.")]
pub(super) struct MigrateArgs {
    /// The store that is to hold the keys
    #[arg(long, value_enum, value_name = "STORE")]
    to: StoreName,
    /// Leave the keys in the old store too
    #[arg(long)]
    keep: bool,
}

pub(super) fn migrate(args: &MigrateArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let environment = &context.environment;
    let choice = StoreChoice::prepare(environment, args.to.as_str())?;
    let current = keystore::open(context)?;
    let target = args.to.open(environment)?;
    // Known before anything is copied.
    target.list()?;
    keystore::check_passphrase(environment, target.as_ref())?;
    if args.to == StoreName::Kernel {
        context.printer.warning("the kernel's keyring forgets every key at the machine's next start");
    }

    let sources = if StoreName::of(current.kind()) == Some(args.to) {
        interrupted(context, args.to, target.as_ref())?
    } else {
        vec![current]
    };
    let mut moved = Vec::new();
    for source in &sources {
        for entry in source.list()? {
            copy(source.as_ref(), target.as_ref(), &entry)?;
            copy_seed(source.as_ref(), target.as_ref(), &entry.serial)?;
            moved.push((source, entry));
        }
    }
    choose(context, &choice, args.to)?;
    for (source, entry) in &moved {
        let (from, to) = (kind_words(source.kind()), kind_words(target.kind()));
        if args.keep {
            context.printer.status(&format!(
                "{} key {} of {} is in {to}, and stays in {from}",
                paint(GOOD, "✓"),
                entry.id,
                entry.user
            ));
        } else {
            source.remove(&entry.id)?;
            match source.remove_seed(&entry.serial) {
                Ok(_) | Err(StoreError::Unsupported { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            context.printer.status(&format!(
                "{} key {} of {} went from {from} to {to}",
                paint(GOOD, "✓"),
                entry.id,
                entry.user
            ));
        }
    }
    if moved.is_empty() {
        context
            .printer
            .status(&format!("there was nothing to move; keys rest in {}", kind_words(target.kind())));
    }
    // Answers that lie ready name the store in no way, but their key may be asked for again.
    session_cache(context)?.forget_hot()?;
    Ok(ExitStatus::Done)
}

/// What an interrupted migration left behind: other stores that hold keys which the target holds too.
fn interrupted(
    context: &Context,
    to: StoreName,
    target: &dyn SecretStore,
) -> Result<Vec<Box<dyn SecretStore>>, CliError> {
    let there = target.list()?;
    let mut found: Vec<Box<dyn SecretStore>> = Vec::new();
    for name in StoreName::ALL.into_iter().filter(|name| *name != to) {
        // One that cannot be reached holds nothing that could be moved.
        let Ok(store) = name.open(&context.environment) else { continue };
        let Ok(entries) = store.list() else { continue };
        if entries.iter().any(|entry| there.iter().any(|kept| kept.id == entry.id)) {
            found.push(Box::new(Common { store, there: there.clone() }));
        }
    }
    Ok(found)
}

/// Of a store, the keys that the target holds too; a key that only this store holds was never meant to go.
struct Common {
    store: Box<dyn SecretStore>,
    there: Vec<KeyEntry>,
}

impl SecretStore for Common {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        let mut entries = self.store.list()?;
        entries.retain(|entry| self.there.iter().any(|kept| kept.id == entry.id));
        Ok(entries)
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        self.store.get(id)
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        self.store.put(entry, key)
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        self.store.remove(id)
    }

    fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
        self.store.get_seed(device)
    }

    fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
        self.store.put_seed(device, seed)
    }

    fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
        self.store.remove_seed(device)
    }
}

/// Copies a key, unless it is there already, and reads it back.
fn copy(source: &dyn SecretStore, target: &dyn SecretStore, entry: &KeyEntry) -> Result<(), CliError> {
    let vanished = || CliError::failed(format!("key {} went while it was to be moved", entry.id));
    let key = source.get(&entry.id)?.ok_or_else(vanished)?;
    let before = target.list()?.into_iter().find(|kept| kept.id == entry.id);
    if before.is_some() {
        match target.get(&entry.id) {
            Ok(Some(kept)) if kept.secret.ct_eq(&key.secret) => {}
            // A copy that was cut off.
            Err(StoreError::Damaged { .. }) => target.put(entry, &key)?,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Err(CliError::failed(format!(
                    "{} and {} hold different secrets of key {}",
                    kind_words(source.kind()),
                    kind_words(target.kind()),
                    entry.id
                ))
                .hint("only one can be right: remove the wrong one with POSTERN_STORE=STORE `postern keys remove KEY`")
                .hint("nothing was removed, and the settings are as before"));
            }
        }
    }
    if before.as_ref() != Some(entry) {
        target.put(entry, &key)?;
    }
    match target.get(&entry.id)? {
        Some(kept) if kept.secret.ct_eq(&key.secret) => Ok(()),
        _ => Err(CliError::failed(format!(
            "{} does not give key {} back as it was stored",
            kind_words(target.kind()),
            entry.id
        ))
        .hint("nothing was removed, and the settings are as before")),
    }
}

/// Copies the seed of the key's device, if it is kept beside the key.
fn copy_seed(source: &dyn SecretStore, target: &dyn SecretStore, device: &MfaSerial) -> Result<(), CliError> {
    let seed = match source.get_seed(device) {
        Ok(Some(seed)) => seed,
        Ok(None) | Err(StoreError::Unsupported { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match target.put_seed(device, &seed) {
        Ok(()) => {}
        Err(StoreError::Unsupported { .. }) => {
            return Err(CliError::failed(format!(
                "{} keeps no MFA seeds, and {} holds that of {device}",
                kind_words(target.kind()),
                kind_words(source.kind())
            ))
            .hint("`postern keys seed remove NAME` removes it; have its codes elsewhere first")
            .hint("nothing was removed, and the settings are as before"));
        }
        Err(error) => return Err(error.into()),
    }
    match target.get_seed(device)? {
        Some(kept) if kept.ct_eq(&seed) => Ok(()),
        _ => Err(CliError::failed(format!(
            "{} does not give the seed of {device} back as it was stored",
            kind_words(target.kind())
        ))
        .hint("nothing was removed, and the settings are as before")),
    }
}

/// Writes the choice down, unless it holds already.
fn choose(context: &Context, choice: &StoreChoice, to: StoreName) -> Result<(), CliError> {
    let given = context.environment.text(env::POSTERN_STORE);
    if PersonalSettings::store_of_file(&context.environment)?.as_deref() != Some(to.as_str()) {
        choice.write()?;
        context.printer.status(&format!("`store = \"{}\"` is in {}", to.as_str(), choice.path().display()));
    }
    if let Some(given) = given.filter(|given| *given != to.as_str()) {
        context.printer.warning(&format!(
            "{}={given} is set and goes before the settings: unset it, or keys are looked for there",
            env::POSTERN_STORE
        ));
    }
    Ok(())
}
