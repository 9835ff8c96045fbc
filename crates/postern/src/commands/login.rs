//! `postern login`

use clap::Args;
use postern_broker::{LoginMode, SessionCache};
use postern_types::{MfaCode, Timestamp, UserName};

use crate::{
    context::Context,
    daily::{Daily, Wish, time_left},
    errors::{CliError, ExitStatus},
    output::{GOOD, paint},
    personal::PersonalSettings,
};

/// Arguments of `postern login`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern login                           asks for a code on the terminal
  postern login --mfa-code 123456
  postern login my-profile                for a profile of ~/.aws/config
  POSTERN_MFA_PROCESS='pass otp aws' postern login

The session serves every role until it ends. Where the code comes from, unless
--mfa-code or --mfa-from says so, in this order: the command in
POSTERN_MFA_PROCESS or `mfa_process` of ~/.config/postern/config.toml (started
without a shell); ykman, op and pass if they are set up there; a stored seed
(`postern keys seed`); the terminal; a dialog, where there is a display.")]
pub(crate) struct LoginArgs {
    /// A profile of ~/.aws/config whose session is wanted [default: the estate's]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// The code that the MFA device shows
    #[arg(long, value_name = "CODE")]
    mfa_code: Option<MfaCode>,
    /// Whose key to use, where there are several [env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
    /// Take a new session even if one is live
    #[arg(long)]
    fresh: bool,
}

pub(crate) fn run(args: &LoginArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let destination = match &args.target {
        Some(target) => {
            daily.destination(target, &Wish { person: args.person.as_ref(), ..Wish::default() })?
        }
        None => daily.session_of(args.person.as_ref())?,
    };
    let Some(route) = destination.way.route() else {
        return Err(CliError::usage(format!("`{}` needs no MFA session", destination.name))
            .hint("`postern explain` says what it takes"));
    };
    // Who gives a code wants it used.
    let mode = if args.fresh || args.mfa_code.is_some() { LoginMode::Fresh } else { LoginMode::IfNeeded };
    let before = daily.cache.session(&route.session_key())?;
    let session = daily.login(&destination, mode, args.mfa_code)?;
    let now = Timestamp::now();
    daily.cache.sweep(now)?;
    let (person, left) = (&route.key.user, time_left(session.credentials.expires_at, now));
    if before.is_some_and(|before| before.credentials.id == session.credentials.id) {
        let text = format!("already logged in as {person}, for {left}; --fresh takes a new code");
        context.printer.status(&text);
        return Ok(ExitStatus::Done);
    }
    context.printer.status(&format!("{} logged in as {person}, for {left}", paint(GOOD, "✓")));
    let limit = PersonalSettings::load(&context.environment)?.key_max_age()?;
    if let Some(warning) = limit.warning(std::slice::from_ref(&route.key), now) {
        context.printer.warning(&warning);
    }
    Ok(ExitStatus::Done)
}
