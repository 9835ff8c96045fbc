//! `postern migrate`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use postern_estate::{AccountName, Design, migrate::Migration};
use postern_types::AccountId;

use crate::{
    access::BASTION,
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::{EstateFile, design_errors},
};

mod bring;
mod delete;
mod ground;
mod guard;
mod off;
mod outlook;
mod plan;
mod source;
mod stage;
mod status;
mod undo;
mod users;
mod work;

pub(crate) use ground::Ground;
pub(crate) use outlook::{Power, UserOutlook, of as outlooks};
pub(crate) use source::{Source, used};
pub(crate) use status::{Place, Row};
pub(crate) use users::{Change, Ended};

/// What the migration file is called where nobody says otherwise.
pub(crate) const DEFAULT_FILE: &str = "migration.toml";

/// Arguments of `postern migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// Say who is who among an account's users, and what each will keep of what they use
    Plan(plan::PlanArgs),
    /// Say where each user stands, what was used since, and what comes next
    Status(status::StatusArgs),
    /// Carry out a stage, for the users that are named
    Apply(stage::ApplyArgs),
    /// Take a stage back
    Undo(undo::UndoArgs),
}

pub(crate) fn run(args: &MigrateArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        MigrateCommand::Plan(args) => plan::run(args, context),
        MigrateCommand::Status(args) => status::run(args, context),
        MigrateCommand::Apply(args) => stage::run(args, context),
        MigrateCommand::Undo(args) => undo::run(args, context),
    }
}

/// The migration file of a command.
#[derive(Clone, Debug, Args)]
pub(crate) struct MigrationFile {
    /// The migration file
    #[arg(long = "file", value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(crate) path: PathBuf,
}

impl MigrationFile {
    /// Reads it. All its errors come at once, underlined.
    pub(crate) fn load(&self) -> Result<Migration, CliError> {
        load(&self.path)
    }
}

fn load(path: &Path) -> Result<Migration, CliError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        CliError::usage(format!("cannot read the migration file `{shown}`"))
            .caused_by(&error)
            .hint("`postern migrate plan` writes it; `--file FILE` names another one")
    })?;
    Migration::parse_bytes(&bytes)
        .map_err(|errors| design_errors(path, &String::from_utf8_lossy(&bytes), &errors))
}

/// The estate file, which there must be: it says where people go.
pub(crate) fn estate_file(context: &Context) -> Result<EstateFile, CliError> {
    EstateFile::find(context)?.ok_or_else(|| {
        EstateFile::missing()
            .hint("it says where people go; draft it from the account that they are in now, PROFILE being its administrator's in ~/.aws:")
            .hint("`postern init --from-account PROFILE --bastion ID=PROFILE-OF-THE-BASTION`")
    })
}

/// The account that is meant: by its name, or the only one.
pub(crate) fn account(design: &Design, wanted: Option<&str>) -> Result<(AccountName, AccountId), CliError> {
    let known = || design.accounts.keys().map(AccountName::as_str).collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(BASTION) => {
            return Err(CliError::usage("people move to the bastion, not out of it")
                .hint(format!("name the account that they are in now: {}", known())));
        }
        Some(wanted) => {
            design.accounts.iter().find(|(name, _)| name.as_str() == wanted).ok_or_else(|| {
                CliError::usage(format!("the estate file has no account `{wanted}`"))
                    .hint(format!("there are: {}", known()))
            })?
        }
        None => match design.accounts.iter().collect::<Vec<_>>().as_slice() {
            [only] => *only,
            [] => {
                return Err(CliError::usage("the estate file has no account beside the bastion")
                    .hint("add the one that people are in now: [accounts.NAME]"));
            }
            _ => {
                return Err(CliError::usage("the estate file has several accounts; name the one to migrate")
                    .hint(format!("there are: {}", known())));
            }
        },
    };
    Ok((found.0.clone(), found.1.id.value))
}
