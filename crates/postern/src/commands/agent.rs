//! `postern agent`, which `login` starts by itself where the kernel keeps no keys.

use std::path::PathBuf;

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern agent`.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The directory for its socket
    directory: PathBuf,
}

pub(crate) fn run(args: &AgentArgs, _: &mut Context) -> Result<ExitStatus, CliError> {
    postern_vault::serve_agent(&args.directory).map_err(|error| CliError::failed(error.to_string()))?;
    Ok(ExitStatus::Done)
}
