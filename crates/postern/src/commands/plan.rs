//! `postern plan`

use std::path::PathBuf;

use clap::Args;

use crate::{
    commands::planning::{Prepared, Scope, Wanted},
    context::Context,
    errors::{CliError, ExitStatus},
    report::{self, plan::counted},
    saved_plan,
};

/// Arguments of `postern plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern plan                       what apply would change, in every account
  postern plan --account prod        only one account
  postern plan --role developer      only one role, and the policies it needs
  postern plan --out acme.plan       to be carried out by `apply acme.plan`
  postern plan --detailed-exitcode   for CI: 0 no changes, 1 error, 2 changes
  postern plan --json | jq .steps    for machines

Nothing is changed. Policies are compared by what they mean: the order of
statements and lists, or a single value instead of a list, is no change. An
estate that would break its own cap is refused with exit code 4.")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    scope: Scope,
    /// Write the plan as JSON
    #[arg(long)]
    json: bool,
    /// Save the plan, for `apply FILE` to carry out exactly this
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// End with 0 when there is nothing to change, 1 on an error, 2 when there is something to change
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) fn run(args: &PlanArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::load(context)?;
    let prepared = Prepared::read(context, wanted, &args.scope)?;
    let (plan, names) = (&prepared.plan, &prepared.wanted.names);
    let outlook = prepared.outlook();
    let text = if args.json {
        report::plan::json(plan, outlook.as_ref())?
    } else {
        report::plan::render(plan, names, outlook.as_ref(), context.printer.width())
    };
    context.printer.data(&text)?;
    left_out(context, prepared.left_out);
    if let Some(path) = args.out.as_deref().filter(|_| plan.conflicts.is_empty()) {
        saved_plan::write(path, &prepared.wanted.file, &args.scope.part, plan)?;
        let path = path.display();
        context.printer.status(&format!("saved to {path}; `postern apply {path}` carries out exactly this"));
    }
    Ok(match (args.detailed_exitcode, plan.is_empty()) {
        _ if !plan.conflicts.is_empty() => ExitStatus::Failed,
        (true, false) => ExitStatus::CHANGES,
        _ => ExitStatus::Done,
    })
}

/// Says that a part is not the whole.
pub(crate) fn left_out(context: &Context, calls: usize) {
    if calls > 0 {
        let calls = counted(calls, "call");
        context.printer.status(&format!("left out by --role: {calls}, groups and their members among them"));
    }
}
