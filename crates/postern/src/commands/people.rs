//! `postern people`

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

mod enrol;
mod list;

/// Arguments of `postern people`.
#[derive(Debug, Args)]
pub(crate) struct PeopleArgs {
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// Give a person an MFA device and an access key
    Enrol(enrol::EnrolArgs),
    /// Show who is in the estate file, and who has device and key
    List(list::ListArgs),
}

pub(crate) fn run(args: &PeopleArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        PeopleCommand::Enrol(args) => enrol::run(args, context),
        PeopleCommand::List(args) => list::run(args, context),
    }
}
