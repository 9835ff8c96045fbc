//! The stages that go through the estate file: bastion and roles beside the old users, people moved in and out again.

use std::collections::BTreeSet;

use postern_estate::{
    NewPerson, User,
    migrate::{Entry, Kind, Migration, Standing, takes_from},
    with_person,
};
use postern_types::UserName;

use super::{Ground, ground::check_account, guard, stage::ApplyArgs, stage::Common, undo::UndoArgs};
use crate::{
    commands::{
        apply::carry_through,
        contain::confirm,
        destroy::{self, DestroyArgs},
        planning::{Prepared, Scope, Wanted},
    },
    context::Context,
    errors::{CliError, ExitStatus},
    estate_change::FileChange,
    estate_file::EstateFile,
    report,
    run_report::RunReport,
};

/// Makes bastion and roles, everybody of the estate file included.
pub(super) fn beside(
    args: &ApplyArgs,
    context: &Context,
    file: EstateFile,
    migration: &Migration,
) -> Result<ExitStatus, CliError> {
    check_account(&file, migration)?;
    let prepared = prepare(context, file, &args.common)?;
    takes_nothing(&prepared, migration)?;
    if agreed(context, &prepared, None, &args.common, "migrate apply beside")? {
        carry_through(
            context,
            &prepared,
            &mut RunReport::open(args.common.log.as_deref())?,
            "migrate apply beside",
        )?;
    }
    if !args.common.dry_run {
        context.printer.status("next: `postern migrate apply move NAME`, one person after the other");
    }
    Ok(ExitStatus::Done)
}

/// Brings people into the estate file, and what it says into the accounts.
pub(super) fn people(
    args: &ApplyArgs,
    context: &Context,
    file: &EstateFile,
    migration: &Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    const COMMAND: &str = "migrate apply move";
    check_account(file, migration)?;
    let people = people_of(entries)?;
    let change = joined(context, file, &people)?;
    let wanted = match &change {
        Some(change) => file.with_text(change.after().to_owned())?,
        None => file.with_text(file.text.clone())?,
    };
    let prepared = prepare(context, wanted, &args.common)?;
    takes_nothing(&prepared, migration)?;
    if agreed(context, &prepared, change.as_ref(), &args.common, COMMAND)? {
        let mut report = RunReport::open(args.common.log.as_deref())?;
        change.iter().try_for_each(FileChange::write)?;
        carry_through(context, &prepared, &mut report, COMMAND)?;
    }
    if !args.common.dry_run {
        let (holds, width) = (holders(&prepared, &people), context.printer.width());
        context.printer.data(&report::stages::moved(&people, &holds, width))?;
    }
    Ok(ExitStatus::Done)
}

/// Takes people out of the estate file, and with that out of every role.
pub(super) fn out(
    args: &UndoArgs,
    context: &Context,
    file: &EstateFile,
    migration: &Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    const COMMAND: &str = "migrate undo move";
    check_account(file, migration)?;
    let people = people_of(entries)?;
    let mut text = file.text.clone();
    for (_, person, _) in &people {
        if let Some(change) = FileChange::without(&file.with_text(text.clone())?, person)? {
            text = change.after().to_owned();
        }
    }
    let change = (text != file.text).then(|| FileChange::to(file, text.clone()));
    let prepared = prepare(context, file.with_text(text)?, &args.common)?;
    if !args.anyway {
        let found = prepared.actual.accounts.get(&migration.account).map(|found| &found.users);
        let old = people.iter().map(|(old, ..)| (*old, found.and_then(|users| users.get(*old))));
        are_on(old)?;
    }
    if agreed(context, &prepared, change.as_ref(), &args.common, COMMAND)? {
        let mut report = RunReport::open(args.common.log.as_deref())?;
        change.iter().try_for_each(FileChange::write)?;
        carry_through(context, &prepared, &mut report, COMMAND)?;
    }
    Ok(ExitStatus::Done)
}

/// Removes bastion and roles, as `destroy`.
pub(super) fn away(
    args: &UndoArgs,
    context: &Context,
    file: EstateFile,
    migration: Migration,
) -> Result<ExitStatus, CliError> {
    let name = file.design.name.value.as_str().to_owned();
    let ground = Ground::read(context, file, migration, &args.common.way)?;
    let people = ground.migration.users.iter().filter(|(_, entry)| entry.person().is_some());
    are_on(people.map(|(name, _)| (name, ground.user(name))))?;
    let yes = args.common.yes.then_some(name);
    destroy::run(&DestroyArgs::of(yes, args.common.dry_run, args.common.way.clone()), context)
}

/// The estate file compared with every account.
fn prepare(context: &Context, file: EstateFile, common: &Common) -> Result<Prepared, CliError> {
    let wanted = Wanted::judged(context, file)?;
    Prepared::read(context, wanted, &Scope { way: common.way.clone(), ..Scope::default() })
}

/// Shows what will be done and asks; whether it is to be done.
fn agreed(
    context: &Context,
    prepared: &Prepared,
    change: Option<&FileChange>,
    common: &Common,
    command: &str,
) -> Result<bool, CliError> {
    if let Some(change) = change {
        context.printer.data(&format!("{}\n", change.diff()))?;
    }
    let outlook = prepared.outlook();
    let width = context.printer.width();
    let names = &prepared.wanted.names;
    context.printer.data(&report::plan::render(&prepared.plan, names, outlook.as_ref(), width))?;
    if !prepared.plan.conflicts.is_empty() {
        return Err(CliError::failed("something is in the way, so nothing was changed"));
    }
    if common.dry_run || (prepared.plan.steps.is_empty() && change.is_none()) {
        return Ok(false);
    }
    if !common.yes {
        confirm("Change this?", command)?;
    }
    Ok(true)
}

/// Refuses a plan that takes something from the account that people still work in.
fn takes_nothing(prepared: &Prepared, migration: &Migration) -> Result<(), CliError> {
    let Some(found) = prepared.actual.accounts.get(&migration.account) else { return Ok(()) };
    let taken = takes_from(&prepared.plan, migration.account, found);
    let Some(first) = taken.first() else { return Ok(()) };
    let key = first.key();
    Err(CliError::refused("this stage takes nothing from the account that people are in, and the plan would")
        .caused_by(format!("{} of {} {}", first.action.operation(), key.kind, key.name))
        .hint("if that is meant, look at `postern plan` and run `postern apply`; then go on here"))
}

/// A user of the account, the person behind it, and the entry.
pub(super) type Moved<'m> = (&'m UserName, &'m UserName, &'m Entry);

fn people_of<'m>(entries: &guard::Entries<'m>) -> Result<Vec<Moved<'m>>, CliError> {
    let moved = |(name, entry): &(&'m UserName, &'m Entry)| match entry.person() {
        Some(person) => Ok((*name, person, *entry)),
        None => Err(CliError::usage(format!(
            "the migration file says that {name} is no person ({})",
            entry.kind.as_str()
        ))
        .hint("only people move; correct its kind in the file, or go on with `off`")),
    };
    entries.iter().map(moved).collect()
}

/// The estate file with those who are not in it yet; none where all are.
fn joined(
    context: &Context,
    file: &EstateFile,
    people: &[Moved<'_>],
) -> Result<Option<FileChange>, CliError> {
    let mut text = file.text.clone();
    let mut new_ones = BTreeSet::new();
    for (old, person, entry) in people {
        let Kind::Person { administrator, roles, .. } = &entry.kind else { continue };
        // Somebody may have had several users: the first one says what they get.
        if !new_ones.insert(*person) {
            continue;
        }
        if file.design.people.contains_key(*person) {
            context
                .printer
                .status(&format!("{person} is in the estate file; their roles stay as it has them"));
            continue;
        }
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let new = NewPerson { name: person, groups: &[], roles: &roles, administrator: *administrator };
        let shown = file.path.display();
        let by_hand = format!("add [people.{person}] for {old} by hand");
        text = with_person(&text, &new)
            .map_err(|error| CliError::usage(format!("`{shown}` is no TOML")).caused_by(error))?
            .ok_or_else(|| {
                CliError::usage(format!("the people of `{shown}` are written in an unusual way"))
                    .hint(by_hand)
            })?;
    }
    Ok((text != file.text).then(|| FileChange::to(file, text)))
}

/// Whether each person holds a key and a device in the bastion.
fn holders(prepared: &Prepared, people: &[Moved<'_>]) -> Vec<bool> {
    let home = prepared.access.connections.get(&prepared.desired.bastion);
    let holds = |person: &UserName| {
        let connection = home?;
        let keys = connection.access_keys(person).ok()?;
        let devices = connection.mfa_devices(person).ok()?;
        Some(keys.iter().any(|key| key.active) && !devices.is_empty())
    };
    people.iter().map(|(_, person, _)| holds(person).unwrap_or(false)).collect()
}

/// Refuses where somebody's old user is off or gone: they would be left with nothing.
fn are_on<'u>(old: impl Iterator<Item = (&'u UserName, Option<&'u User>)>) -> Result<(), CliError> {
    let mut shut: Vec<&UserName> = Vec::new();
    let mut gone: Vec<&UserName> = Vec::new();
    for (name, user) in old {
        match user {
            None => gone.push(name),
            Some(user) if Standing::of(user).is_off() => shut.push(name),
            Some(_) => {}
        }
    }
    let listed = |names: &[&UserName]| names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
    if shut.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let mut error = CliError::refused("people would be left without any way to work");
    if !shut.is_empty() {
        let names = listed(&shut);
        error = error
            .caused_by(format!("off: {names}"))
            .hint(format!("`postern migrate undo off {}` first", names.replace(", ", " ")));
    }
    if !gone.is_empty() {
        let names = listed(&gone);
        error = error
            .caused_by(format!("deleted: {names}"))
            .hint("people whose old users are deleted have no other place");
    }
    Err(error)
}
