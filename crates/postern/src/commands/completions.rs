//! `postern completions`

use clap::{Args, ValueEnum};

use super::init_shell::program_word;
use crate::{
    completing,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern completions bash \\
    > ~/.local/share/bash-completion/completions/postern
  postern completions fish > ~/.config/fish/completions/postern.fish

`postern init-shell` brings them too. Targets, people and profiles are read
from the estate file and ~/.aws/config while you type; nobody is called.")]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for
    #[arg(value_enum)]
    shell: CompletedShell,
}

/// A shell that can be completed for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompletedShell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl CompletedShell {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Elvish => "elvish",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Zsh => "zsh",
        }
    }
}

pub(crate) fn run(args: &CompletionsArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let program = program_word(&context.environment)?;
    let script = completing::registration(args.shell.as_str(), "postern", &program)?;
    context.printer.data(&script)?;
    Ok(ExitStatus::Done)
}
