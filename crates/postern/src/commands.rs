//! One file per command: its arguments, and one function that runs it.

pub(crate) mod completions;
pub(crate) mod man;
pub(crate) mod people;

use crate::{
    args::Command,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Runs the command that was asked for.
pub(crate) fn run(command: &Command, context: &mut Context) -> Result<ExitStatus, CliError> {
    match command {
        Command::People(args) => people::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
    }
}
