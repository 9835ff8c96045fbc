//! `postern apply`

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use postern_aws::execute::{
    Effect, Event, Execution, Fate, Outcome, Refusal, Settle, StepError, What, execute,
};
use postern_estate::{Plan, ReviewedPlan};
use postern_types::Timestamp;

use crate::{
    access::{Access, AccountNames, account_label},
    commands::{
        plan::left_out,
        planning::{Prepared, Scope, Wanted},
    },
    context::Context,
    errors::{CliError, ExitStatus},
    output::{BAD, DIM, GOOD, Printer, paint},
    prompt::{Echo, Terminal},
    report::{self, plan::counted},
    run_report::RunReport,
    saved_plan::SavedPlan,
};

/// Arguments of `postern apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern apply                     show the plan, ask, carry it out
  postern apply acme.plan           carry out what `plan --out` saved
  postern apply --yes               for scripts: do not ask
  postern apply --report run.jsonl  note every call as a line of JSON

A saved plan is carried out without a question, and only it: the accounts are
read again, and if they or the estate file have changed since, nothing is
done. One that was carried out in part goes on where it stopped.

Safe to interrupt and to run again: every prefix of a plan is at least as
locked as what was before, and what is done already is not done twice. There
is no state file; the accounts are the state.")]
pub(crate) struct ApplyArgs {
    /// A plan saved by `plan --out`
    #[arg(value_name = "PLAN", conflicts_with_all = ["accounts", "roles"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    scope: Scope,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
    /// Add to this file a line of JSON for everything that happens to a call
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &ApplyArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let saved = args.plan.as_deref().map(SavedPlan::read).transpose()?;
    let wanted = Wanted::load(context)?;
    let mut scope = args.scope.clone();
    if let Some(saved) = &saved {
        saved.check_file(&wanted.file)?;
        scope.part = saved.part().clone();
    }
    let mut report = RunReport::open(args.report.as_deref())?;
    let prepared = Prepared::read(context, wanted, &scope)?;
    let names = &prepared.wanted.names;
    if let Some(saved) = &saved {
        saved.check(&prepared.plan)?;
    }
    let outlook = prepared.outlook();
    let width = context.printer.width();
    context.printer.data(&report::plan::render(&prepared.plan, names, outlook.as_ref(), width))?;
    left_out(context, prepared.left_out);
    if !prepared.plan.conflicts.is_empty() {
        return Err(CliError::failed("something is in the way, so nothing was changed"));
    }
    if prepared.plan.steps.is_empty() {
        return Ok(ExitStatus::Done);
    }
    if !args.yes && saved.is_none() {
        confirm()?;
    }
    carry_through(context, &prepared, &mut report, "apply")?;
    Ok(ExitStatus::Done)
}

/// Carries out a plan that was looked at, and goes on until the accounts are what the file says. `verb` is the command
/// as it is typed.
pub(crate) fn carry_through(
    context: &Context,
    prepared: &Prepared,
    report: &mut RunReport,
    verb: &str,
) -> Result<(), CliError> {
    let names = &prepared.wanted.names;
    let interrupted = context.watch_interrupt();
    let reviewed = review(prepared.plan.clone())?;
    let mut follow = Follow::new(context, names, reviewed.steps().len());
    let outcome = carry_out(&reviewed, &prepared.access, &interrupted, &mut |event| {
        report.note(event)?;
        follow.note(event);
        Ok(())
    })?;
    let told = Told { verb, names, took: follow.took() };
    told.stopped(&reviewed, &outcome)?;
    let rest = until_settled(&|| prepared.again(context), &interrupted)?;
    if !rest.is_empty() {
        context.printer.data(&report::plan::render(&rest, names, None, context.printer.width()))?;
        return Err(CliError::failed(
            "every call was carried out, but the accounts are still not what the file says",
        )
        .hint(format!("someone else may be changing them; run `postern {verb}` again")));
    }
    let text = format!("{} The accounts are what the file says.", paint(GOOD, "Applied."));
    context.printer.data(&format!("{text} {}\n", told.sum(&outcome)))?;
    Ok(())
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
        connections: &access.everywhere(),
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

/// Reads again until nothing is left to do, or it is clear that something is: what was written last may not be in a
/// list yet, though it was read back by itself.
pub(crate) fn until_settled(
    again: &dyn Fn() -> Result<Plan, CliError>,
    interrupted: &AtomicBool,
) -> Result<Plan, CliError> {
    for pause in [500, 1_000, 2_000, 4_000, 8_000] {
        let rest = again()?;
        if rest.is_empty() || interrupted.load(Ordering::Relaxed) {
            return Ok(rest);
        }
        thread::sleep(Duration::from_millis(pause));
    }
    again()
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

/// Tells how a run goes, call by call.
pub(crate) struct Follow<'a> {
    printer: &'a Printer,
    names: &'a AccountNames,
    total: usize,
    done: usize,
    since: Instant,
}

impl<'a> Follow<'a> {
    pub(crate) fn new(context: &'a Context, names: &'a AccountNames, total: usize) -> Self {
        Self { printer: &context.printer, names, total, done: 0, since: Instant::now() }
    }

    pub(crate) fn took(&self) -> Duration {
        self.since.elapsed()
    }

    pub(crate) fn note(&mut self, event: &Event<'_>) {
        let key = event.step.key();
        let account = self.names.get(&key.account).cloned().unwrap_or_else(|| key.account.to_string());
        let call = event.step.action.operation();
        if matches!(event.what, What::Done(_) | What::Failed(_)) {
            self.done += 1;
        }
        let width = self.total.to_string().len();
        let place = paint(DIM, &format!("{:>width$}/{}", self.done, self.total));
        let line = |mark: String, rest: &str| {
            self.printer.status(&format!("  {mark} {place} {account}: {call} {}{rest}", key.name));
        };
        match &event.what {
            What::Intent => self.printer.progress(&format!("    {account}: {call} {} …", key.name)),
            What::Waiting { why } => line(paint(DIM, "…"), &format!(" (waiting: {why})")),
            What::Done(Effect::Changed) => line(paint(GOOD, "✓"), &attempts(event.attempts)),
            What::Done(Effect::AlreadySo) => line(paint(DIM, "="), " (already so)"),
            What::Failed(_) => line(paint(BAD, "✗"), &attempts(event.attempts)),
        }
    }
}

fn attempts(number: u32) -> String {
    if number > 1 { format!(" (attempt {number})") } else { String::new() }
}

/// What is said when a run has ended.
pub(crate) struct Told<'a> {
    /// The command, as it is typed.
    pub(crate) verb: &'a str,
    pub(crate) names: &'a AccountNames,
    pub(crate) took: Duration,
}

impl Told<'_> {
    /// `30 calls in 3 accounts, 2 already so, 4 s.`
    pub(crate) fn sum(&self, outcome: &Outcome) -> String {
        let count = |wanted| outcome.fates.iter().filter(|fate| **fate == Fate::Done(wanted)).count();
        let (changed, so) = (count(Effect::Changed), count(Effect::AlreadySo));
        let so = if so > 0 { format!(", {so} already so") } else { String::new() };
        format!("{}{so}, {} s.", counted(changed, "call"), self.took.as_secs())
    }

    /// The error of a run that did not get to its end.
    pub(crate) fn stopped(&self, reviewed: &ReviewedPlan, outcome: &Outcome) -> Result<(), CliError> {
        if outcome.is_complete() {
            return Ok(());
        }
        let verb = self.verb;
        let done = outcome.fates.iter().filter(|fate| matches!(fate, Fate::Done(_))).count();
        let left = outcome.fates.iter().filter(|fate| matches!(fate, Fate::Left)).count();
        let so_far = format!("{} carried out, {left} not begun", counted(done, "call"));
        if outcome.cancelled && outcome.failures().next().is_none() {
            return Err(CliError::interrupted(format!("interrupted: {so_far}"))
                .hint(format!("nothing is half done; run `postern {verb}` again to go on")));
        }
        let mut error = CliError::failed(format!("{verb} stopped: {so_far}"));
        for (index, failure) in outcome.failures() {
            let Some(step) = reviewed.steps().get(index) else { continue };
            let key = step.key();
            let whereabouts = account_label(self.names, key.account);
            let call = step.action.operation();
            error = error.caused_by(format!("{call} {} in {whereabouts}: {failure}", key.name));
            error = with_hint(error, failure);
        }
        Err(error.hint(format!(
            "what was done is safe to leave; mend the cause and run `postern {verb}` again to go on"
        )))
    }
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
