//! `postern logout`

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    personal::forget_sessions,
};

/// Arguments of `postern logout`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern logout
  postern logout --on-lock     in a unit of systemd's: see docs/sessions.md

Every session is forgotten here. AWS knows no way to end them there: what a
program was handed keeps working until it expires, an hour at most for a role.
After a time without use they are forgotten by `forget_after` in the settings.")]
pub(crate) struct LogoutArgs {
    /// Go on running, and forget whenever the screen is locked or the machine
    /// goes to sleep, as systemd's login manager says it
    #[arg(long)]
    on_lock: bool,
}

pub(crate) fn run(args: &LogoutArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if args.on_lock {
        return on_lock(context);
    }
    forget_sessions(context)?;
    context.printer.status("all sessions are forgotten");
    Ok(ExitStatus::Done)
}

#[cfg(all(target_os = "linux", feature = "secret-service"))]
fn on_lock(context: &Context) -> Result<ExitStatus, CliError> {
    use postern_vault::{LeaveReason, LoginManager};

    let failed = |error| {
        CliError::failed("the login manager cannot be listened to")
            .caused_by(error)
            .hint("without it, let the program that locks the screen run `postern logout` (docs/sessions.md)")
    };
    let manager = LoginManager::connect().map_err(|error| failed(error.to_string()))?;
    context.printer.status("sessions are forgotten when the screen is locked or the machine sleeps");
    let watched = manager.watch(|reason| {
        forget_sessions(context).map_err(|error| error.message)?;
        context.printer.status(match reason {
            LeaveReason::Locked => "the screen is locked: all sessions are forgotten",
            LeaveReason::Sleeps => "the machine goes to sleep: all sessions are forgotten",
        });
        Ok(())
    });
    match watched {
        Ok(()) => Ok(ExitStatus::Done),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(not(all(target_os = "linux", feature = "secret-service")))]
fn on_lock(_: &Context) -> Result<ExitStatus, CliError> {
    Err(CliError::usage("there is no login manager here that could say when the screen is locked")
        .hint("let the program that locks the screen run `postern logout`"))
}
