//! `postern destroy`

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use postern_aws::identities;
use postern_estate::{
    ADMIN_ROLE, ADMINISTRATORS_GROUP, Desired, Estate, Kind, PATH, Plan, StepKey, teardown,
    teardown_with_credentials,
};
use postern_types::AccountId;

use crate::{
    access::{Access, WayIn, account_names},
    commands::{
        apply::{Follow, Told, carry_out, review, until_settled},
        planning::{self, Credentials, Wanted},
    },
    context::Context,
    errors::{CliError, ExitStatus},
    output::{GOOD, paint},
    prompt::{Echo, Terminal},
    report::{self, plan::counted},
    run_report::RunReport,
};

/// Arguments of `postern destroy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern destroy --dry-run      show what would be removed
  postern destroy                show it, ask for the estate's name, remove it
  postern destroy --yes acme     for scripts: the name instead of the question
  postern destroy --with-credentials   people who still hold keys go too

Removes what carries the estate's tag, and groups and policies under
/postern/; nothing else. First nobody reaches anything any more, then roles
and policies go, and the administrators' way in at the very end. People who
still hold keys, devices or a password stand in the way, unless those are to
be deleted with them: nobody gets them back. Run through postern-admin, that
way in stays; --by-profile removes it too. Safe to interrupt and to run again.")]
pub(crate) struct DestroyArgs {
    /// The estate's name, instead of the question
    #[arg(long, short, value_name = "NAME", conflicts_with = "dry_run")]
    yes: Option<String>,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Delete what people still hold, too: access keys, MFA devices, passwords
    #[arg(long)]
    with_credentials: bool,
    /// Add to this file a line of JSON for everything that happens to a call
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    way: WayIn,
}

impl DestroyArgs {
    /// The same as typed, for another command that ends in it.
    pub(crate) fn of(yes: Option<String>, dry_run: bool, way: WayIn) -> Self {
        Self { yes, dry_run, with_credentials: false, report: None, way }
    }
}

pub(crate) fn run(args: &DestroyArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::unjudged(context)?;
    let estate = wanted.file.design.name.value.as_str().to_owned();
    if args.yes.as_ref().is_some_and(|name| *name != estate) {
        return Err(CliError::usage(format!("the estate is called `{estate}`; nothing was changed"))
            .hint(format!("`postern destroy --yes {estate}` removes it")));
    }
    let mut report = RunReport::open(args.report.as_deref())?;
    let accounts: Vec<AccountId> = account_names(&wanted.file.design).into_keys().collect();
    context.printer.status(&format!("reading {} …", counted(accounts.len(), "account")));
    let access = planning::enter(context, &wanted, &accounts, &args.way)?;
    let credentials = if args.with_credentials { Credentials::InFull } else { Credentials::OfAll };
    let actual = planning::read(context, &access, &wanted, &credentials)?;
    let keep = way_in(&access, &actual, &wanted.desired)?;
    let plan = down(args, &access, &actual, &wanted.desired, &keep)?;
    let names = &wanted.names;
    let width = context.printer.width();
    context.printer.data(&picture(&plan, &estate, names, width))?;
    if !plan.conflicts.is_empty() {
        return Err(CliError::failed("something is in the way, so nothing was changed"));
    }
    if plan.steps.is_empty() || args.dry_run {
        return Ok(ExitStatus::Done);
    }
    if args.yes.is_none() {
        confirm(&estate)?;
    }
    let interrupted = context.watch_interrupt();
    let reviewed = review(plan)?;
    let mut follow = Follow::new(context, names, reviewed.steps().len());
    let outcome = carry_out(&reviewed, &access, &interrupted, &mut |event| {
        report.note(event)?;
        follow.note(event);
        Ok(())
    })?;
    let told = Told { verb: "destroy", names, took: follow.took() };
    told.stopped(&reviewed, &outcome)?;
    let again = || {
        let actual = planning::read(context, &access, &wanted, &credentials)?;
        down(args, &access, &actual, &wanted.desired, &keep)
    };
    let rest = until_settled(&again, &interrupted)?;
    if !rest.is_empty() {
        context.printer.data(&picture(&rest, &estate, names, width))?;
        return Err(CliError::failed(
            "every call was carried out, but something of the estate is still there",
        )
        .hint("someone else may be changing the accounts; run `postern destroy` again"));
    }
    let text = match keep.is_empty() {
        true => format!("{} Nothing of `{estate}` is left.", paint(GOOD, "Destroyed.")),
        false => format!(
            "{} Only the way in is left of `{estate}`; `postern destroy --by-profile` removes it too.",
            paint(GOOD, "Destroyed.")
        ),
    };
    context.printer.data(&format!("{text} {}\n", told.sum(&outcome)))?;
    Ok(ExitStatus::Done)
}

/// The plan.
fn down(
    args: &DestroyArgs,
    access: &Access,
    actual: &Estate,
    desired: &Desired,
    keep: &BTreeSet<StepKey>,
) -> Result<Plan, CliError> {
    if !args.with_credentials {
        return Ok(teardown(actual, desired, keep));
    }
    let mut unassigned = BTreeSet::new();
    for (account, found) in &actual.accounts {
        if let Some(connection) = access.connections.get(account)
            && found.users.values().any(|user| user.path.as_str() == PATH)
        {
            unassigned.extend(connection.unassigned_devices()?);
        }
    }
    Ok(teardown_with_credentials(actual, desired, keep, &unassigned))
}

/// What would be removed.
fn picture(plan: &Plan, estate: &str, names: &crate::access::AccountNames, width: usize) -> String {
    let rest = if plan.steps.is_empty() && plan.conflicts.is_empty() {
        format!("Nothing to destroy: nothing of `{estate}` is there.")
    } else {
        report::plan::summary(plan)
    };
    format!(
        "{}{}{rest}\n",
        report::plan::changes(plan, names, width),
        report::plan::remarks(plan, names, width)
    )
}

/// What this run gets in by, and must therefore leave: a role cannot delete itself.
fn way_in(access: &Access, actual: &Estate, desired: &Desired) -> Result<BTreeSet<StepKey>, CliError> {
    let mut keep = BTreeSet::new();
    let key = |account, kind, name: &str| StepKey { account, kind, name: name.to_owned() };
    let mut as_administrator = false;
    for (account, identity) in identities(&access.connections) {
        let arn = identity?.arn.to_string();
        // `…:user/postern/carol` or `…:assumed-role/postern-admin/carol`
        let Some((_, whom)) = arn.split_once(":user/").or_else(|| arn.split_once(":assumed-role/")) else {
            continue;
        };
        if arn.contains(":assumed-role/") {
            as_administrator |= whom.split('/').next() == Some(ADMIN_ROLE);
        } else if let Some(name) = whom.strip_prefix(PATH.trim_start_matches('/')) {
            keep.insert(key(account, Kind::User, name));
            let user = actual.accounts.get(&account).and_then(|found| found.users.get(&name.parse().ok()?));
            let groups = user.into_iter().flat_map(|user| &user.groups);
            keep.extend(groups.map(|group| key(account, Kind::Group, group.as_str())));
            as_administrator = true;
        }
    }
    if !as_administrator {
        return Ok(keep);
    }
    keep.extend(actual.accounts.keys().map(|account| key(*account, Kind::Role, ADMIN_ROLE)));
    keep.insert(key(desired.bastion, Kind::Group, ADMINISTRATORS_GROUP));
    let users = actual.accounts.get(&desired.bastion).into_iter().flat_map(|bastion| &bastion.users);
    let administrators =
        users.filter(|(_, user)| user.groups.iter().any(|group| group.as_str() == ADMINISTRATORS_GROUP));
    keep.extend(administrators.map(|(name, _)| key(desired.bastion, Kind::User, name.as_str())));
    Ok(keep)
}

fn confirm(estate: &str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "destroy asks before it removes anything, and there is no terminal to ask on",
        )
        .hint(format!("look with `postern destroy --dry-run`, then `postern destroy --yes {estate}`")));
    }
    let question = format!("Remove all of this? Type the estate's name, {estate}, to go on: ");
    let answer = Terminal::open()?.ask(&question, Echo::Shown)?;
    if answer.trim() == estate {
        Ok(())
    } else {
        Err(CliError::failed("not confirmed, so nothing was changed"))
    }
}
