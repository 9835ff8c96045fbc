//! `postern policy`

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

mod eval;
mod simulate;

/// Arguments of `postern policy`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Decide one request, and say why
    Simulate(Box<simulate::SimulateArgs>),
    /// Decide a file of requests, each with its policies
    Eval(eval::EvalArgs),
}

pub(crate) fn run(args: &PolicyArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        PolicyCommand::Simulate(args) => simulate::run(args, context),
        PolicyCommand::Eval(args) => eval::run(args, context),
    }
}
