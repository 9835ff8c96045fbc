//! `postern man`

use std::path::PathBuf;

use clap::Args;

use crate::{
    args,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern man`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The directory that receives `postern.1` and a page for each command
    directory: PathBuf,
}

pub(crate) fn run(args: &ManArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let shown = args.directory.display();
    std::fs::create_dir_all(&args.directory)
        .and_then(|()| clap_mangen::generate_to(args::tree(), &args.directory))
        .map_err(|error| CliError::failed(format!("cannot write man pages to `{shown}`")).caused_by(error))?;
    context.printer.status(&format!("man pages written to {shown}"));
    Ok(ExitStatus::Done)
}
