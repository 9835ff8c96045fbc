//! `postern doctor`

use clap::{Args, ValueEnum};

use crate::{
    context::Context,
    doctor::{self, Severity},
    errors::{CliError, ExitStatus},
    report::doctor::{count, json, text},
};

/// Arguments of `postern doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern doctor
  postern doctor --offline    makes no call; else one, unsigned, for the time
  postern doctor --json | jq -r '.checks[].findings[].message'

A problem (✗) is why something fails, or a secret that lies open; a warning
(!) deserves a look. Nothing is changed, and no secret is shown.

Exit codes: 0 nothing found at or above --fail-on, 1 findings, 2 wrong usage.")]
pub(crate) struct DoctorArgs {
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    /// Do not ask AWS for the time
    #[arg(long)]
    offline: bool,
    /// Fail if a finding is as bad as this
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOn {
    /// Any finding
    Warning,
    /// Problems
    #[default]
    Problem,
}

pub(crate) fn run(args: &DoctorArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let checks = doctor::examine(context, args.offline);
    let shown = if args.json { json(&checks)? } else { text(&checks, context.printer.width()) };
    context.printer.data(&shown)?;
    let problems = count(&checks, Severity::Problem);
    let failing = match args.fail_on {
        FailOn::Problem => problems,
        FailOn::Warning => problems + count(&checks, Severity::Warning),
    };
    Ok(if failing == 0 { ExitStatus::Done } else { ExitStatus::Failed })
}
