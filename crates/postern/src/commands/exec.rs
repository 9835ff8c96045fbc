//! `postern exec`

mod served;

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
};

use clap::Args;

use crate::{
    context::Context,
    daily::Daily,
    env::Environment,
    errors::{CliError, ErrorKind, ExitStatus},
    target::TargetArgs,
};

/// Arguments of `postern exec`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern exec prod/developer -- aws ec2 describe-instances
  postern exec dev/readonly -- terraform plan
  postern exec prod/developer --read-only -- ./report.sh
  postern exec --serve prod/developer -- ./nightly-job

postern becomes the command: exit code, signals and terminal are the command's
own; 127 where there is no such command, 126 where it cannot be run. The
credentials stand in its environment, readable by this user's other programs,
and end within the hour. For whatever runs longer, --serve puts an endpoint
there instead, which gives fresh ones whenever an SDK asks and ends with the
command.")]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Give the command an endpoint that renews credentials, not credentials
    #[arg(long, conflicts_with = "direct")]
    serve: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &ExecArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let target = args.target.name(context)?;
    let daily = Daily::open(context)?;
    let destination = args.target.options.destination(context, &daily, &target)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(CliError::usage("there is no command to run"));
    };
    // A typing error shall cost neither a code nor a call.
    look_up(program, &context.environment)?;
    let handover = args.target.options.obtain(&daily, destination)?;
    let mut command = Command::new(program);
    command.args(arguments);
    let variables = handover.variables(&context.environment);
    if args.serve {
        variables.without_credentials().give(&mut command);
        served::give(&mut command, &handover.destination, &args.target.options.wish(), context)?;
    } else {
        variables.give(&mut command);
    }
    Err(become_command(command))
}

/// Turns this process into the command. Returns only if it could not.
pub(super) fn become_command(mut command: Command) -> CliError {
    // Answers only if it could not.
    let error = command.exec();
    match error.kind() {
        io::ErrorKind::NotFound => no_command(command.get_program()),
        _ => not_runnable(command.get_program()).caused_by(error),
    }
}

/// Looks for the command where the system will look for it.
pub(super) fn look_up(program: &OsStr, environment: &Environment) -> Result<(), CliError> {
    let path = environment.path("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut is_there = false;
    let mut runs = |file: &Path| {
        let Ok(found) = std::fs::metadata(file) else { return false };
        is_there = true;
        found.is_file() && found.permissions().mode() & 0o111 != 0
    };
    let found = if program.as_bytes().contains(&b'/') {
        runs(Path::new(program))
    } else {
        !program.is_empty() && std::env::split_paths(&path).any(|dir| runs(&dir.join(program)))
    };
    match (found, is_there) {
        (true, _) => Ok(()),
        (false, true) => Err(not_runnable(program).caused_by("it is not executable")),
        (false, false) => Err(no_command(program)),
    }
}

fn no_command(program: &OsStr) -> CliError {
    CliError::new(ErrorKind::NoCommand, format!("there is no command `{}`", program.to_string_lossy()))
}

fn not_runnable(program: &OsStr) -> CliError {
    CliError::new(ErrorKind::NotRunnable, format!("cannot run `{}`", program.to_string_lossy()))
}
