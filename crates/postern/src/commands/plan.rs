//! `postern plan`

use clap::Args;

use crate::{
    commands::planning::{Prepared, Scope, Wanted},
    context::Context,
    errors::{CliError, ExitStatus},
    report,
};

/// Arguments of `postern plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern plan                       what apply would change, in every account
  postern plan --account prod        only one account
  postern plan --detailed-exitcode   for CI: 0 no changes, 1 error, 2 changes
  postern plan --json | jq .steps    for machines

Nothing is changed. An estate that would break its own cap is refused with
exit code 4.")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    scope: Scope,
    /// Write the plan as JSON
    #[arg(long)]
    json: bool,
    /// End with 0 when there is nothing to change, 1 on an error, 2 when there is something to change
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) fn run(args: &PlanArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::load(context)?;
    let prepared = Prepared::read(context, wanted, &args.scope)?;
    let text = if args.json {
        report::plan::json(&prepared.plan)?
    } else {
        report::plan::render(&prepared.plan, &prepared.wanted.names, context.printer.width())
    };
    context.printer.data(&text)?;
    Ok(match (args.detailed_exitcode, prepared.plan.is_empty()) {
        _ if !prepared.plan.conflicts.is_empty() => ExitStatus::Failed,
        (true, false) => ExitStatus::CHANGES,
        _ => ExitStatus::Done,
    })
}
