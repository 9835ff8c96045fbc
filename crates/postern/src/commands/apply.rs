//! `postern apply`

use std::{
    io::{self, IsTerminal},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use postern_aws::execute::{
    Effect, Event, Execution, Fate, Outcome, Refusal, Settle, StepError, What, execute,
};
use postern_estate::{Plan, ReviewedPlan};
use postern_types::Timestamp;

use crate::{
    access::{Access, AccountNames, account_label},
    commands::planning::{Prepared, Scope, Wanted},
    context::Context,
    errors::{CliError, ExitStatus},
    output::{BAD, DIM, GOOD, Printer, paint},
    prompt::{Echo, Terminal},
    report::{self, plan::counted},
};

/// Arguments of `postern apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern apply                 show the plan, ask, carry it out
  postern apply --yes           for scripts: do not ask

Safe to interrupt and to run again: every prefix of a plan is at least as
locked as what was before, and what is done already is not done twice. There
is no state file; the accounts are the state.")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    scope: Scope,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

pub(crate) fn run(args: &ApplyArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::load(context)?;
    let prepared = Prepared::read(context, wanted, &args.scope)?;
    let names = &prepared.wanted.names;
    context.printer.data(&report::plan::render(&prepared.plan, names, context.printer.width()))?;
    if !prepared.plan.conflicts.is_empty() {
        return Err(CliError::failed("something is in the way, so nothing was changed"));
    }
    if prepared.plan.steps.is_empty() {
        return Ok(ExitStatus::Done);
    }
    if !args.yes {
        confirm()?;
    }
    let interrupted = context.watch_interrupt();
    let reviewed = review(prepared.plan.clone())?;
    let printer = &context.printer;
    let outcome = carry_out(&reviewed, &prepared.access, &interrupted, &mut |event| {
        progress(printer, event, names);
        Ok(())
    })?;
    conclude(&prepared, &reviewed, &outcome, context)
}

/// The plan as approved.
pub(crate) fn review(plan: Plan) -> Result<ReviewedPlan, CliError> {
    plan.confirm().map_err(|_| CliError::failed("something is in the way, so nothing was changed"))
}

/// Carries out a reviewed plan with real patience and the real clock.
pub(crate) fn carry_out(
    reviewed: &ReviewedPlan,
    access: &Access,
    interrupted: &AtomicBool,
    log: &mut dyn FnMut(&Event<'_>) -> Result<(), String>,
) -> Result<Outcome, CliError> {
    let execution = Execution {
        plan: reviewed,
        connections: &access.connections,
        settle: Settle::default(),
        now: &Timestamp::now,
        cancelled: &|| interrupted.load(Ordering::Relaxed),
        log,
    };
    execute(execution).map_err(|refusal| match refusal {
        Refusal::Aws(error) => CliError::from(error),
        other => CliError::failed("the plan was not begun; nothing was changed").caused_by(other),
    })
}

fn confirm() -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "apply asks before it changes anything, and there is no terminal to ask on",
        )
        .hint("run `postern plan` to look, then `postern apply --yes`"));
    }
    let answer = Terminal::open()?.ask("Change these accounts? Only `yes` is taken: ", Echo::Shown)?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(CliError::failed("not confirmed, so nothing was changed"))
    }
}

fn progress(printer: &Printer, event: &Event<'_>, names: &AccountNames) {
    let key = event.step.key();
    let account = names.get(&key.account).cloned().unwrap_or_else(|| key.account.to_string());
    let call = report::plan::call(&event.step.action);
    let line = |mark: String, rest: &str| format!("  {mark} {account}: {call} {}{rest}", key.name);
    match &event.what {
        What::Intent => {}
        What::Waiting { why } => printer.status(&line(paint(DIM, "…"), &format!(" (waiting: {why})"))),
        What::Done(Effect::Changed) => printer.status(&line(paint(GOOD, "✓"), "")),
        What::Done(Effect::AlreadySo) => printer.status(&line(paint(DIM, "="), " (already so)")),
        What::Failed(_) => printer.status(&line(paint(BAD, "✗"), "")),
    }
}

fn conclude(
    prepared: &Prepared,
    reviewed: &ReviewedPlan,
    outcome: &Outcome,
    context: &Context,
) -> Result<ExitStatus, CliError> {
    let names = &prepared.wanted.names;
    let done = outcome.fates.iter().filter(|fate| matches!(fate, Fate::Done(_))).count();
    let left = outcome.fates.iter().filter(|fate| matches!(fate, Fate::Left)).count();
    if outcome.is_complete() {
        let rest = prepared.again(context)?;
        if !rest.is_empty() {
            context.printer.data(&report::plan::render(&rest, names, context.printer.width()))?;
            return Err(CliError::failed(
                "every call was carried out, but the accounts are still not what the file says",
            )
            .hint("someone else may be changing them; run `postern apply` again"));
        }
        let text = format!("{} The accounts are what the file says.", paint(GOOD, "Applied."));
        context.printer.data(&format!("{text} {}.\n", counted(done, "call")))?;
        return Ok(ExitStatus::Done);
    }
    let so_far = format!("{} carried out, {left} not begun", counted(done, "call"));
    if outcome.cancelled && outcome.failures().next().is_none() {
        return Err(CliError::interrupted(format!("interrupted: {so_far}"))
            .hint("nothing is half done; run `postern apply` again to go on"));
    }
    let mut error = CliError::failed(format!("apply stopped: {so_far}"));
    for (index, failure) in outcome.failures() {
        let Some(step) = reviewed.steps().get(index) else { continue };
        let key = step.key();
        let whereabouts = account_label(names, key.account);
        let call = report::plan::call(&step.action);
        error = error.caused_by(format!("{call} {} in {whereabouts}: {failure}", key.name));
        error = with_hint(error, failure);
    }
    Err(error.hint("what was done is safe to leave; mend the cause and run `postern apply` again to go on"))
}

fn with_hint(error: CliError, failure: &StepError) -> CliError {
    match failure {
        StepError::Aws(aws) => {
            let mut error = error;
            error.hints.extend(CliError::from(aws.clone()).hints);
            error
        }
        StepError::Changed { .. } => error.hint("someone changed the account meanwhile; look at a new plan"),
        _ => error,
    }
}
