//! `postern migrate undo`

use clap::Args;
use postern_estate::{
    Action, User,
    migrate::{Migration, Standing, holds_inactive},
};
use postern_types::UserName;

use super::{
    Ground, bring, estate_file, guard,
    stage::{Common, Stage, named},
    users::{self, Change, Words},
    work::Task,
};
use crate::{
    commands::contain::{Purpose, Record, Records},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    report,
};

/// Arguments of `postern migrate undo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern migrate undo off alice      alice's old user works as before
  postern migrate undo delete alice   the user again, off, without credentials
  postern migrate undo move alice     alice out of the estate file and roles
  postern migrate undo beside         bastion and roles away: as `destroy`

What stood before a user was switched off or deleted is in a file beside the
key store of the machine that did it. No undo brings back a deleted secret:
passwords, keys and devices are made anew.")]
pub(super) struct UndoArgs {
    /// The stage
    #[arg(value_enum)]
    stage: Stage,
    /// Users of the account, as the migration file names them
    #[arg(value_name = "NAME")]
    names: Vec<UserName>,
    /// With `move`: also where the old user is off
    #[arg(long)]
    pub(super) anyway: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

const ON: Words<'static> =
    Words { command: "migrate undo off", log: "migrate-undo-off", verb: "Switch on again" };
const AGAIN: Words<'static> =
    Words { command: "migrate undo delete", log: "migrate-undo-delete", verb: "Make again" };

pub(super) fn run(args: &UndoArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if args.stage == Stage::Beside && !args.names.is_empty() {
        return Err(CliError::usage("`beside` is one stage for all").hint("leave the names out"));
    }
    if args.anyway && args.stage != Stage::Move {
        return Err(CliError::usage(format!("--anyway means nothing with `{}`", args.stage.as_str())));
    }
    let file = estate_file(context)?;
    let migration = args.common.migration()?;
    if args.stage == Stage::Beside {
        return bring::away(args, context, file, migration);
    }
    let entries = named(&migration, &args.names, args.stage)?;
    match args.stage {
        Stage::Beside | Stage::Move => bring::out(args, context, &file, &migration, &entries),
        Stage::Off => on(args, context, file, migration.clone(), &entries),
        Stage::Delete => again(args, context, file, migration.clone(), &entries),
    }
}

fn on(
    args: &UndoArgs,
    context: &Context,
    file: EstateFile,
    migration: Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    let mut ground = Ground::read(context, file, migration, &args.common.way)?;
    let records = Records::open(context, Purpose::SwitchOff)?;
    let _alone = records.lock()?;
    let mut changes = Vec::new();
    for (name, entry) in entries {
        let target = ground.target(name);
        let Some(user) = ground.in_full(name)? else {
            return Err(CliError::usage(format!(
                "{} has no user `{name}`",
                ground.scene.label(ground.account())
            ))
            .hint(format!(
                "`postern migrate undo delete {name}` makes one again that was deleted by `apply delete`"
            )));
        };
        let record = records.read(&target)?.filter(|record| record.is_of(&user));
        let before = match &record {
            Some(record) => actions(record.undo()?),
            None if Standing::of(&user).is_off() && needs_record(&user) => {
                return Err(nothing_recorded(&ground, &records, name));
            }
            None => Vec::new(),
        };
        let task = Task::On(before);
        let measures = task.measures(&ground.scene, ground.account(), name, Some(&user))?;
        if measures.is_empty() {
            context.printer.status(&format!("{name} is not off"));
            records.remove(&target)?;
            continue;
        }
        changes.push(Change {
            name: (*name).clone(),
            entry: (*entry).clone(),
            notes: Vec::new(),
            found: Some(user),
            task,
            measures,
        });
    }
    if !users::agreed(&ground, &changes, &args.common, &ON)? {
        return Ok(ExitStatus::Done);
    }
    let (all, log) = users::carry_out(&mut ground, changes, &args.common, &ON, &mut |_, _| Ok(()))?;
    for ended in all.iter().filter(|ended| ended.left.is_empty()) {
        records.remove(&ground.target(&ended.name))?;
    }
    context.printer.data(&report::stages::on(&ground, &all, &log))?;
    users::complete(&all, &ON)?;
    Ok(ExitStatus::Done)
}

fn actions(calls: Vec<(postern_types::AccountId, Action)>) -> Vec<Action> {
    calls.into_iter().map(|(_, action)| action).collect()
}

/// Whether the state at AWS alone does not tell what stood before.
fn needs_record(user: &User) -> bool {
    holds_inactive(user)
        || user.boundary.as_ref().is_some_and(|boundary| boundary.name().as_str() == "AWSDenyAll")
}

fn nothing_recorded(ground: &Ground<'_>, records: &Records, name: &UserName) -> CliError {
    CliError::usage(format!("this machine has no record of what {name} had"))
        .hint(format!(
            "if it was switched off elsewhere, bring `{}` from there",
            records.path(&ground.target(name)).display()
        ))
        .hint(format!(
            "or by hand: switch on the keys that are to work, then remove the policy `{}` from the user",
            postern_estate::migrate::OFF_POLICY
        ))
}

fn again(
    args: &UndoArgs,
    context: &Context,
    file: EstateFile,
    migration: Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    let mut ground = Ground::read(context, file, migration, &args.common.way)?;
    let records = Records::open(context, Purpose::Delete)?;
    let _alone = records.lock()?;
    let mut changes = Vec::new();
    for (name, entry) in entries {
        let target = ground.target(name);
        let found = ground.in_full(name)?;
        let Some(record) = records.read(&target)? else {
            let error = CliError::usage(format!("this machine has no record of a deletion of {name}"));
            return Err(match found {
                Some(_) => error.hint(format!("{name} is there; `undo off` switches it on again")),
                None => error.hint(format!(
                    "if it was deleted elsewhere, bring `{}` from there",
                    records.path(&target).display()
                )),
            });
        };
        if let Some(user) = &found {
            is_the_one(name, user, &record)?;
        }
        let task = Task::Recreate(actions(record.calls()?));
        let measures = task.measures(&ground.scene, ground.account(), name, found.as_ref())?;
        let note = "without password, keys and devices; with another unique id, which policies elsewhere do not know";
        changes.push(Change {
            name: (*name).clone(),
            entry: (*entry).clone(),
            notes: vec![("note", note.to_owned())],
            found,
            task,
            measures,
        });
    }
    if !users::agreed(&ground, &changes, &args.common, &AGAIN)? {
        return Ok(ExitStatus::Done);
    }
    let (all, log) = users::carry_out(&mut ground, changes, &args.common, &AGAIN, &mut |_, _| Ok(()))?;
    for ended in all.iter().filter(|ended| ended.left.is_empty()) {
        records.remove(&ground.target(&ended.name))?;
    }
    context.printer.data(&report::stages::again(&ground, &all, &log))?;
    users::complete(&all, &AGAIN)?;
    Ok(ExitStatus::Done)
}

/// Refuses to give the rights of a deleted user to another one that has its name now.
fn is_the_one(name: &UserName, user: &User, record: &Record) -> Result<(), CliError> {
    let holds_nothing = user.credentials.as_ref().is_some_and(postern_estate::Credentials::is_empty);
    if record.is_of(user) || holds_nothing {
        return Ok(());
    }
    Err(CliError::refused(format!("there is another user {name} now, who holds credentials"))
        .hint("what the deleted one was allowed is not given to somebody else"))
}
