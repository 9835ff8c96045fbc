//! `postern policy eval`

use std::path::PathBuf;

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern policy eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The cases, one JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// Say for every layer which statements matched, and what kept the others from it
    #[arg(long)]
    explain: bool,
}

pub(crate) fn run(args: &EvalArgs, _: &mut Context) -> Result<ExitStatus, CliError> {
    Err(CliError::failed(format!("`{}` (explain: {}) is not read yet", args.cases.display(), args.explain)))
}
