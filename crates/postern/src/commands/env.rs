//! `postern env`

mod format;

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::{
    context::Context,
    directory,
    env::Environment,
    errors::{CliError, ExitStatus},
    target::{HANDED, TargetOptions},
};

/// Arguments of `postern env`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(postern env prod/developer)\"       into this bash, zsh or sh
  postern env prod/developer | source        into this fish
  postern env prod/developer --format powershell | Out-String | iex
  postern env dev/readonly --format json | from json | load-env   into this nu
  docker run --env-file <(postern env dev/readonly --format dotenv) image
  eval \"$(postern env --unset)\"              out of it again

What is printed are secrets in clear, good until they expire: for a pipe, not
for a file that stays. Variables that would lead SDKs elsewhere, such as
AWS_PROFILE, are unset.")]
pub(crate) struct EnvArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    /// [default: as this directory's .postern-target says, if it is trusted]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// How they are written [default: as your shell, $SHELL, reads them]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Print what takes the variables away again
    #[arg(long, conflicts_with = "target")]
    unset: bool,
    #[command(flatten)]
    options: TargetOptions,
}

/// Who is to read the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// bash, dash, ksh and every other POSIX shell
    #[value(alias = "sh", alias = "dash", alias = "ksh")]
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    #[value(alias = "pwsh")]
    Powershell,
    /// One JSON object, by name
    Json,
    /// NAME=value, as for docker's --env-file
    Dotenv,
}

impl Format {
    /// What the person's shell reads.
    fn of(environment: &Environment) -> Self {
        let shell = environment.path("SHELL");
        let name = shell.as_deref().and_then(|path| path.file_stem()).and_then(|name| name.to_str());
        match name {
            Some("fish") => Self::Fish,
            Some("zsh") => Self::Zsh,
            Some("pwsh" | "powershell") => Self::Powershell,
            _ => Self::Bash,
        }
    }
}

pub(crate) fn run(args: &EnvArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let format = args.format.unwrap_or_else(|| Format::of(&context.environment));
    let text = if args.unset {
        unset(format, &context.environment)?
    } else {
        let target = directory::target(args.target.as_deref(), context)?;
        let variables = args.options.take(context, &target)?.variables(&context.environment);
        format::write(format, &variables.set, &variables.removed)?
    };
    context.printer.data(&text)?;
    Ok(ExitStatus::Done)
}

/// What takes away all that postern set, and leaves what the person has set.
fn unset(format: Format, environment: &Environment) -> Result<Zeroizing<String>, CliError> {
    if matches!(format, Format::Json | Format::Dotenv) {
        return Err(CliError::usage("neither JSON nor dotenv can say that a variable is to be unset")
            .hint("name a shell: --format bash, zsh, fish or powershell"));
    }
    let filled_in = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"];
    let filled_in = filled_in.into_iter().filter(|name| environment.handed(name).is_some());
    format::write(format, &[], &HANDED.into_iter().chain(filled_in).collect::<Vec<_>>())
}
