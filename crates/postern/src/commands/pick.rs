//! `postern pick`, and `postern` alone on a terminal.

use std::io;

use clap::Args;
use postern_broker::SESSION_USED_AT_LEAST;
use postern_types::{Timestamp, UserName};
use rustix::termios::isatty;

use crate::{
    args::Cli,
    context::Context,
    daily::{Daily, reach::Reachable, time_left},
    directory,
    errors::{CliError, ExitStatus},
    frecency::{self, Uses},
    picker::{self, Action, Choice, Look, Row},
};

/// Arguments of `postern pick`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern pick                                  a list to choose from
  postern exec \"$(postern pick)\" -- aws s3 ls   with what is chosen
  postern pick dev                              the list as if `dev` was typed

The list is shown on the terminal itself, and standard output gets the name
that is chosen. Without a choice nothing is printed and the exit code is 130.")]
pub(crate) struct PickArgs {
    /// What to begin with, as if it had been typed
    #[arg(value_name = "QUERY")]
    query: Option<String>,
}

pub(crate) fn run(args: &PickArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let rows = rows(context, &daily)?.ok_or_else(nothing_to_choose)?;
    let look = look(context, &daily, "choose", false);
    match picker::choose(rows, args.query.as_deref().unwrap_or_default(), &look)? {
        Choice::Taken(name, _) => {
            context.printer.data(&format!("{name}\n"))?;
            Ok(ExitStatus::Done)
        }
        Choice::Left | Choice::Cancelled => Ok(ExitStatus::Interrupted),
    }
}

/// Whether `postern` alone can show its list here.
pub(crate) fn is_possible(context: &Context) -> bool {
    let terminal = context.environment.text("TERM").is_some_and(|terminal| terminal != "dumb");
    terminal && isatty(io::stdin()) && isatty(io::stderr())
}

/// `postern` alone: a choice, and what the person would have typed. None where there is nothing to choose.
pub(crate) fn run_alone(context: &mut Context) -> Result<Option<ExitStatus>, CliError> {
    let choice = {
        let daily = Daily::open(context)?;
        let Some(rows) = rows(context, &daily)? else { return Ok(None) };
        let look = look(context, &daily, "shell", true);
        picker::choose(rows, "", &look)?
    };
    let (name, action) = match choice {
        Choice::Taken(name, action) => (name, action),
        Choice::Left => return Ok(Some(ExitStatus::Done)),
        Choice::Cancelled => return Ok(Some(ExitStatus::Interrupted)),
    };
    let command = match action {
        Action::Open => "shell",
        Action::Console => "console",
        Action::Env => "env",
    };
    Cli::run_typed(&["postern", command, "--", &name], context).map(Some)
}

fn nothing_to_choose() -> CliError {
    CliError::usage("there is nothing to choose from: no estate file here, and no profile in ~/.aws/config")
        .hint("run postern where `postern.toml` lies, or name it with --estate FILE")
}

/// What one may reach, the directory's own target first, then by use. None where there is nothing.
fn rows(context: &Context, daily: &Daily<'_>) -> Result<Option<Vec<Row>>, CliError> {
    let (targets, problem) = daily.reachable(daily.person().as_ref());
    if let Some(problem) = problem {
        // Roles can be chosen all the same.
        context.printer.warning(&format!("the list is without profiles: {}", problem.message));
    }
    if targets.is_empty() {
        return Ok(None);
    }
    let now = Timestamp::now();
    let uses = Uses::load(context);
    let here = directory::trusted_target(&context.environment);
    let lives = daily.live(&targets, now)?;
    let rows = targets.into_iter().zip(lives).map(|(target, until)| {
        let is_here = here.as_deref() == Some(target.name.as_str());
        Row {
            weight: if is_here { f64::INFINITY } else { uses.weight(&key_of(&target), now) },
            note: if is_here { "this directory's".to_owned() } else { note(&target) },
            until,
            name: target.name,
        }
    });
    Ok(Some(rows.collect()))
}

fn key_of(target: &Reachable) -> String {
    match (&target.profile, &target.role) {
        (Some(profile), _) => frecency::key_of_profile(profile),
        (None, Some(role)) => frecency::key_of_role(role),
        (None, None) => target.name.clone(),
    }
}

fn note(target: &Reachable) -> String {
    match (&target.profile, &target.role) {
        (Some(_), None) => "profile".to_owned(),
        (Some(_), Some(role)) => format!("profile, {}", role.account()),
        (None, Some(role)) => role.account().to_string(),
        (None, None) => String::new(),
    }
}

fn look(context: &Context, daily: &Daily<'_>, enter: &'static str, actions: bool) -> Look {
    Look { title: title(daily), enter, actions, coloured: context.printer.colours_stderr() }
}

/// Who is logged in, and for how long.
fn title(daily: &Daily<'_>) -> String {
    let now = Timestamp::now();
    let sessions = daily.cache.sessions().unwrap_or_default();
    let mut live: Vec<(UserName, Timestamp)> = sessions
        .into_iter()
        .filter(|s| s.session.credentials.is_fresh(now, SESSION_USED_AT_LEAST))
        .map(|s| (s.entry.user, s.session.credentials.expires_at))
        .collect();
    live.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
    match live.first() {
        Some((user, until)) => format!("{user}, {} left", time_left(*until, now)),
        None => "not logged in".to_owned(),
    }
}
