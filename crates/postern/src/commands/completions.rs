//! `postern completions`

use clap::Args;
use clap_complete::Shell;

use crate::{
    args,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  postern completions bash \\
    > ~/.local/share/bash-completion/completions/postern")]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::tree(), "postern", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
