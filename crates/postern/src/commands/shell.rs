//! `postern shell`

use std::{ffi::OsString, process::Command};

use clap::Args;
use postern_types::Timestamp;

use super::exec::{become_command, look_up};
use crate::{
    context::Context,
    daily::{Daily, time_left},
    errors::{CliError, ExitStatus},
    target::TargetArgs,
};

/// Arguments of `postern shell`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern shell prod/developer              a shell of yours; `exit` leaves it
  postern shell prod/developer --read-only  one to look round in

The shell is $SHELL. POSTERN_TARGET names the role, as a prompt may show it;
in ~/.bashrc:
  PS1='${POSTERN_TARGET:+($POSTERN_TARGET) }'\"$PS1\"
A shell inside a shell switches to the other role until it ends. The
credentials end within the hour and a shell cannot renew them: programs that
run longer want `postern credential-process`.")]
pub(crate) struct ShellArgs {
    #[command(flatten)]
    target: TargetArgs,
}

pub(crate) fn run(args: &ShellArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let target = args.target.name(context)?;
    let daily = Daily::open(context)?;
    let destination = args.target.options.destination(context, &daily, &target)?;
    let shell: OsString = context.environment.path("SHELL").map_or_else(|| "/bin/sh".into(), Into::into);
    look_up(&shell, &context.environment)
        .map_err(|error| error.hint("SHELL names the shell that is started"))?;
    let handover = args.target.options.obtain(&daily, destination)?;
    let left = handover.issued.expires_at().map(|at| time_left(at, Timestamp::now()));
    let left = left.map(|left| format!(" for {left}")).unwrap_or_default();
    let around = context.environment.text(crate::env::POSTERN_TARGET);
    let back = around.map(|around| format!(", back to {around}")).unwrap_or_default();
    context.printer.status(&format!("{}{left}; `exit` leaves{back}", handover.destination.name));
    let mut command = Command::new(shell);
    handover.variables(&context.environment).give(&mut command);
    Err(become_command(command))
}
