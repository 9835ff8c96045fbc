//! `postern keys seed`

use std::io::{self, Read};

use clap::{Args, Subcommand};
use postern_broker::PromptError;
use postern_types::TotpSeed;
use zeroize::Zeroizing;

use super::{KeyOrPerson, the_one};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    keystore,
    output::{GOOD, paint},
    prompt::{Echo, Terminal},
};

/// More than any seed, as a link too.
const LONGEST: u64 = 4_096;

/// Arguments of `postern keys seed`.
#[derive(Debug, Args)]
pub(super) struct SeedArgs {
    #[command(subcommand)]
    command: SeedCommand,
}

#[derive(Debug, Subcommand)]
enum SeedCommand {
    /// Store the seed of an MFA device beside its key
    Add(AddArgs),
    /// Remove a stored seed; the device stays as it is
    Remove(RemoveArgs),
}

/// Arguments of `postern keys seed add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys seed add alice                  asks for the seed, hidden
  postern keys seed add alice --from-stdin < seed.txt

The seed is what the QR code holds: Base32 text, or the whole otpauth:// link.
AWS shows it once, when the device is made. With it, postern makes the codes
itself and asks nobody.

Think twice: key and seed in one place are one factor. Whoever gets at this
key store, or runs programs as you while it is open, needs nothing else.")]
struct AddArgs {
    /// The person whose device it is, or her key's id, `AKIA…`
    #[arg(value_name = "KEY|NAME")]
    key: KeyOrPerson,
    /// Read the seed from standard input
    #[arg(long)]
    from_stdin: bool,
}

/// Arguments of `postern keys seed remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  postern keys seed remove alice")]
struct RemoveArgs {
    /// The person whose device it is, or her key's id, `AKIA…`
    #[arg(value_name = "KEY|NAME")]
    key: KeyOrPerson,
}

pub(super) fn run(args: &SeedArgs, context: &Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        SeedCommand::Add(args) => add(args, context),
        SeedCommand::Remove(args) => remove(args, context),
    }
}

fn add(args: &AddArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let place = keystore::kind_words(store.kind());
    let entry = the_one(store.list()?, &args.key, place)?;
    let warning = format!(
        "with the seed of {} in {place}, key and codes are one factor: who gets at this store needs nothing else",
        entry.serial
    );
    context.printer.warning(&warning);
    let text = if args.from_stdin { of_stdin()? } else { of_person()? };
    let seed = TotpSeed::from_base32(seed_text(&text)).map_err(|error| {
        CliError::usage("that is no MFA seed")
            .caused_by(error)
            .hint("it is Base32 text, or the otpauth:// link that the QR code holds")
    })?;
    store.put_seed(&entry.serial, &seed)?;
    context.printer.status(&format!(
        "{} the seed of {} is in {place}; `postern login` makes the codes of {} itself",
        paint(GOOD, "✓"),
        entry.serial,
        entry.user
    ));
    Ok(ExitStatus::Done)
}

fn of_person() -> Result<Zeroizing<String>, CliError> {
    let mut terminal = Terminal::open()
        .map_err(|error: PromptError| CliError::from(error).hint("or pipe the seed in: `--from-stdin`"))?;
    Ok(terminal.ask("MFA seed (hidden): ", Echo::Hidden)?)
}

fn of_stdin() -> Result<Zeroizing<String>, CliError> {
    // As large as it can become, so that no half-grown copy is left behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LONGEST).unwrap_or(0) + 1));
    io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| CliError::failed("cannot read the seed from standard input").caused_by(error))?;
    Ok(text)
}

/// The seed itself: `otpauth://totp/NAME?secret=SEED&issuer=…` names it among others.
fn seed_text(text: &str) -> &str {
    let text = text.trim();
    let Some((_, parameters)) = text.strip_prefix("otpauth://").and_then(|link| link.split_once('?')) else {
        return text;
    };
    parameters.split('&').find_map(|parameter| parameter.strip_prefix("secret=")).unwrap_or(text)
}

fn remove(args: &RemoveArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let place = keystore::kind_words(store.kind());
    let entry = the_one(store.list()?, &args.key, place)?;
    if !store.remove_seed(&entry.serial)? {
        return Err(CliError::failed(format!("there is no seed of {} in {place}", entry.serial)));
    }
    context.printer.status(&format!(
        "the seed of {} is removed here; from now on the code comes from {}'s device",
        entry.serial, entry.user
    ));
    Ok(ExitStatus::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_taken_bare_or_out_of_its_link() {
        for (text, seed) in [
            (" GEZD GNBV\n", "GEZD GNBV"),
            ("otpauth://totp/Amazon%20Web%20Services:al@acme?secret=GEZDGNBV&issuer=x", "GEZDGNBV"),
            ("otpauth://totp/al?issuer=x&secret=GEZDGNBV", "GEZDGNBV"),
            ("otpauth://totp/al", "otpauth://totp/al"),
        ] {
            assert_eq!(seed_text(text), seed);
        }
        assert!(TotpSeed::from_base32(seed_text("otpauth://totp/al")).is_err());
    }
}
