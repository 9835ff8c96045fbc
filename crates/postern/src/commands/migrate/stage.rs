//! `postern migrate apply`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use postern_estate::migrate::{Entry, Migration};
use postern_types::UserName;

use super::{MigrationFile, bring, delete, estate_file, off};
use crate::{
    access::WayIn,
    commands::people::nearest,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// A stage of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    /// Bastion and roles, beside the users that are there
    Beside,
    /// People into the estate file and the bastion
    Move,
    /// Old users denied everything, their keys inactive
    Off,
    /// Old users deleted
    Delete,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Beside => "beside",
            Self::Move => "move",
            Self::Off => "off",
            Self::Delete => "delete",
        }
    }
}

/// Arguments of `postern migrate apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern migrate apply beside         bastion and roles beside the old users
  postern migrate apply move alice     alice into the estate file and bastion
  postern migrate apply off alice      alice's old user may do nothing
  postern migrate apply delete alice   after the watch time: the user goes
  postern migrate apply off ci --replaced   a machine that needs no key now

Shows what it will do, asks, and does it. `undo` takes each stage back; what
a deletion destroys it names before. Refused (exit code 4) is what would shut
somebody out: a person who was not seen in the bastion yet, whoever runs it,
the last administrator. Safe to interrupt and to run again.")]
pub(super) struct ApplyArgs {
    /// The stage
    #[arg(value_enum)]
    stage: Stage,
    /// Users of the account, as the migration file names them
    #[arg(value_name = "NAME")]
    names: Vec<UserName>,
    /// Go on although a person was not seen in the bastion, or a user was used that is not to be in use
    #[arg(long)]
    pub(super) anyway: bool,
    /// With `delete`: do not wait for the end of the watch time
    #[arg(long)]
    pub(super) now: bool,
    /// With `off`: what these machines get in place of their keys is at work
    #[arg(long)]
    pub(super) replaced: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What both ways of a stage take.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Do not ask before changing anything
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    file: MigrationFile,
    /// Where to log each call, as JSON Lines [default: a new file beside the key store]
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// How many seconds apart the two readings of a user are that must agree
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub(super) settle: f64,
    #[command(flatten)]
    pub(super) way: WayIn,
}

impl Common {
    pub(super) fn migration(&self) -> Result<Migration, CliError> {
        self.file.load()
    }
}

pub(super) fn run(args: &ApplyArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let context = &*context;
    fits(args)?;
    let file = estate_file(context)?;
    let migration = args.common.migration()?;
    if args.stage == Stage::Beside {
        return bring::beside(args, context, file, &migration);
    }
    let entries = named(&migration, &args.names, args.stage)?;
    match args.stage {
        Stage::Beside | Stage::Move => bring::people(args, context, &file, &migration, &entries),
        Stage::Off => off::run(args, context, file, migration.clone(), &entries),
        Stage::Delete => delete::run(args, context, file, migration.clone(), &entries),
    }
}

/// Refuses flags and names that mean nothing at a stage.
fn fits(args: &ApplyArgs) -> Result<(), CliError> {
    let stage = args.stage;
    if stage == Stage::Beside && !args.names.is_empty() {
        return Err(CliError::usage("`beside` is one stage for all").hint("leave the names out"));
    }
    for (given, flag, of) in [
        (args.now, "--now", &[Stage::Delete][..]),
        (args.replaced, "--replaced", &[Stage::Off]),
        (args.anyway, "--anyway", &[Stage::Off, Stage::Delete]),
    ] {
        if given && !of.contains(&stage) {
            return Err(CliError::usage(format!("{flag} means nothing with `{}`", stage.as_str())));
        }
    }
    Ok(())
}

/// The entries of the users that are named, in order, each once.
pub(super) fn named<'m>(
    migration: &'m Migration,
    names: &[UserName],
    stage: Stage,
) -> Result<Vec<(&'m UserName, &'m Entry)>, CliError> {
    let mut entries: Vec<(&UserName, &Entry)> = Vec::new();
    for name in names {
        let Some(found) = migration.users.get_key_value(name) else {
            let error = CliError::usage(format!("the migration file has no user `{name}`"));
            return Err(match nearest(name.as_str(), migration.users.keys()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`postern migrate plan` adds users that came later"),
            });
        };
        if !entries.contains(&found) {
            entries.push(found);
        }
    }
    if entries.is_empty() {
        let known: Vec<&str> = migration.users.keys().map(UserName::as_str).collect();
        return Err(CliError::usage(format!("say whom: `{} NAME…`", stage.as_str()))
            .hint(format!("the migration file has {}", known.join(", "))));
    }
    Ok(entries)
}
