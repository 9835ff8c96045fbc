//! `postern policy`

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

mod actions;
mod check;
mod diff;
mod eval;
pub(crate) mod files;
mod fmt;
mod located;
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
    /// Find what is wrong with policies
    Check(check::CheckArgs),
    /// Lay policies out well
    Fmt(fmt::FmtArgs),
    /// Show what one policy allows and another does not
    Diff(diff::DiffArgs),
    /// List the actions that patterns cover
    Expand(actions::ExpandArgs),
    /// Find the patterns that cover actions
    Shrink(actions::ShrinkArgs),
}

pub(crate) fn run(args: &PolicyArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        PolicyCommand::Simulate(args) => simulate::run(args, context),
        PolicyCommand::Eval(args) => eval::run(args, context),
        PolicyCommand::Check(args) => check::run(args, context),
        PolicyCommand::Fmt(args) => fmt::run(args, context),
        PolicyCommand::Diff(args) => diff::run(args, context),
        PolicyCommand::Expand(args) => actions::expand(args, context),
        PolicyCommand::Shrink(args) => actions::shrink(args, context),
    }
}
