//! `postern policy simulate`

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern policy simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Write JSON, with the members of AWS's own answer
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SimulateArgs, _: &mut Context) -> Result<ExitStatus, CliError> {
    Err(CliError::failed(format!("nothing is simulated yet (json: {})", args.json)))
}
