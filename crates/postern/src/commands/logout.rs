//! `postern logout`

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    personal::session_cache,
};

/// Arguments of `postern logout`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  postern logout

Every session is forgotten here. AWS knows no way to end them there: what a
program was handed keeps working until it expires, an hour at most for a role.")]
pub(crate) struct LogoutArgs {}

pub(crate) fn run(_: &LogoutArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    session_cache(context)?.forget_all()?;
    context.printer.status("all sessions are forgotten");
    Ok(ExitStatus::Done)
}
