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
use postern_broker::Issued;
use postern_types::{MfaCode, SessionDuration, UserName};

use crate::{
    context::Context,
    daily::{Daily, Wish},
    env::{self, Environment},
    errors::{CliError, ErrorKind, ExitStatus},
};

/// Arguments of `postern exec`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern exec prod/developer -- aws ec2 describe-instances
  postern exec dev/readonly -- terraform plan
  postern exec prod/developer -- $SHELL
  postern exec --serve prod/developer -- ./nightly-job

postern becomes the command: exit code, signals and terminal are the command's
own; 127 where there is no such command, 126 where it cannot be run. The
credentials stand in its environment, readable by this user's other programs,
and end within the hour. For whatever runs longer, --serve puts an endpoint
there instead, which gives fresh ones whenever an SDK asks and ends with the
command.")]
pub(crate) struct ExecArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    #[arg(value_name = "TARGET")]
    target: String,
    /// Whose key to use, where there are several [env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
    /// The code that the MFA device shows, if one is needed
    #[arg(long, value_name = "CODE")]
    mfa_code: Option<MfaCode>,
    /// How long the credentials are to last, 15m to 1h; with --direct up to the
    /// role's maximum [default: 1h, or that maximum]
    #[arg(long, value_name = "TIME")]
    duration: Option<SessionDuration>,
    /// Spend a code on this role alone, so that it may last longer than an hour
    #[arg(long)]
    direct: bool,
    /// Give the command an endpoint that renews credentials, not credentials
    #[arg(long, conflicts_with = "direct")]
    serve: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What would lead an SDK to other credentials than those in the variables, or to ones that are stale.
const REMOVED: &[&str] = &[
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCOUNT_ID",
    // Ours: no business of the command's.
    env::POSTERN_PASSPHRASE,
];

pub(crate) fn run(args: &ExecArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let wish = Wish { person: args.person.as_ref(), duration: args.duration, direct: args.direct };
    let destination = daily.destination(&args.target, &wish)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(CliError::usage("there is no command to run"));
    };
    // A typing error shall cost neither a code nor a call.
    look_up(program, &context.environment)?;
    let issued = daily.obtain(&destination, args.mfa_code)?.issued;

    let mut command = Command::new(program);
    command.args(arguments);
    for name in REMOVED {
        command.env_remove(name);
    }
    command.env("POSTERN_TARGET", &destination.name);
    if args.serve {
        served::give(&mut command, &destination, &wish, context)?;
    } else {
        give(&mut command, &issued);
    }
    // A region or endpoint that the caller has set is a choice; the estate's is a default.
    let chosen = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| context.environment.text(name));
    if let Some(region) = chosen.or(destination.region.as_ref().map(|region| region.as_str())) {
        command.env("AWS_REGION", region).env("AWS_DEFAULT_REGION", region);
    }
    if context.environment.text("AWS_ENDPOINT_URL").is_none()
        && let Some(url) = &destination.endpoint_url
    {
        command.env("AWS_ENDPOINT_URL", url);
    }
    // Answers only if it could not.
    let error = command.exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => no_command(program),
        _ => not_runnable(program).caused_by(error),
    })
}

/// The credentials themselves.
fn give(command: &mut Command, issued: &Issued) {
    let credentials = issued.credentials();
    command
        .env("AWS_ACCESS_KEY_ID", credentials.id.as_str())
        .env("AWS_SECRET_ACCESS_KEY", credentials.secret.expose_secret());
    match &credentials.token {
        Some(token) => command.env("AWS_SESSION_TOKEN", token.expose_secret()),
        None => command.env_remove("AWS_SESSION_TOKEN"),
    };
    match issued.expires_at() {
        Some(expires_at) => command.env("AWS_CREDENTIAL_EXPIRATION", expires_at.to_string()),
        None => command.env_remove("AWS_CREDENTIAL_EXPIRATION"),
    };
}

/// Looks for the command where the system will look for it.
fn look_up(program: &OsStr, environment: &Environment) -> Result<(), CliError> {
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
