//! `postern estate`

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

mod check;
mod fmt;

/// Arguments of `postern estate`.
#[derive(Debug, Args)]
pub(crate) struct EstateArgs {
    #[command(subcommand)]
    command: EstateCommand,
}

#[derive(Debug, Subcommand)]
enum EstateCommand {
    /// Find what is wrong with the estate file, without a call
    Check(check::CheckArgs),
    /// Lay the estate file out well
    Fmt(fmt::FmtArgs),
}

pub(crate) fn run(args: &EstateArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        EstateCommand::Check(args) => check::run(args, context),
        EstateCommand::Fmt(args) => fmt::run(args, context),
    }
}
