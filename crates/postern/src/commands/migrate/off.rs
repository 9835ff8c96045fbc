//! `postern migrate apply off`

use postern_estate::migrate::{Kind, Migration};
use postern_prove::World;
use postern_types::UserName;

use super::{
    Ground, guard,
    stage::ApplyArgs,
    users::{self, Change, Words},
    work::Task,
};
use crate::{
    commands::contain::{Purpose, Records, managed, user_is_shut_out},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    prompt::{Echo, Terminal},
    report,
};

const WORDS: Words<'static> = Words { command: "migrate apply off", log: "migrate-off", verb: "Switch off" };

pub(super) fn run(
    args: &ApplyArgs,
    context: &Context,
    file: EstateFile,
    migration: Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    guard::kept(entries)?;
    let machines = machines(args, entries)?;
    let mut ground = Ground::read(context, file, migration, &args.common.way)?;
    let records = Records::open(context, Purpose::SwitchOff)?;
    let _alone = records.lock()?;
    let there = guard::those_there(&ground, entries)?;
    for (name, _) in entries.iter().filter(|(name, _)| !there.iter().any(|old| old.name == *name)) {
        context.printer.status(&format!("{name} is gone already"));
    }
    for old in &there {
        ground.scene.refuse_oneself(&ground.target(old.name))?;
    }
    guard::last_way_in(&ground, &there)?;
    if !args.anyway {
        guard::people(&ground, &there)?;
        guard::unused(&ground, &there)?;
    }
    let changes = changes(&ground, there)?;
    if !users::agreed(&ground, &changes, &args.common, &WORDS)? {
        return Ok(ExitStatus::Done);
    }
    machines.iter().try_for_each(|(name, better)| is_replaced(name, better))?;
    let (mut all, log) =
        users::carry_out(&mut ground, changes, &args.common, &WORDS, &mut |ground, change| {
            users::note_off(ground, &records, change)
        })?;
    {
        let managed = managed();
        let world = World::new(&ground.scene.estate, ground.scene.partition(), &managed);
        for ended in all.iter_mut().filter(|ended| ended.user.is_some()) {
            user_is_shut_out(&world, &ground.arn(&ended.name)?, &ground.scene, &mut ended.left);
        }
    }
    let recorded = |name: &UserName| records.path(&ground.target(name));
    context.printer.data(&report::stages::off(&ground, &all, &recorded, &log))?;
    users::complete(&all, &WORDS)?;
    Ok(ExitStatus::Done)
}

/// The machines for which a person is still to say that they can do without their keys.
fn machines<'m>(
    args: &ApplyArgs,
    entries: &guard::Entries<'m>,
) -> Result<Vec<(&'m UserName, &'static str)>, CliError> {
    if args.replaced || args.common.dry_run {
        return Ok(Vec::new());
    }
    let machines: Vec<(&UserName, &'static str)> = entries
        .iter()
        .filter_map(|(name, entry)| match entry.kind {
            Kind::Machine { better } => Some((*name, better.as_str())),
            _ => None,
        })
        .collect();
    match machines.first() {
        Some((name, better)) if args.common.yes => {
            Err(CliError::refused(format!("{name} is a machine, which fails without its key"))
                .hint(format!("give it its better way first ({better}; docs/migrate.md says how), see that it works, and add --replaced")))
        }
        _ => Ok(machines),
    }
}

/// Asks whether a machine can do without its key; the name is the answer.
fn is_replaced(name: &UserName, better: &str) -> Result<(), CliError> {
    let question = format!("{name} works by {better} already? Type its name, {name}, to say so: ");
    if Terminal::open()?.ask(&question, Echo::Shown)?.trim() == name.as_str() {
        Ok(())
    } else {
        Err(CliError::failed("not confirmed, so nothing was changed"))
    }
}

fn changes(ground: &Ground<'_>, there: Vec<guard::Old<'_>>) -> Result<Vec<Change>, CliError> {
    let change = |old: guard::Old<'_>| {
        let task = Task::Off;
        let measures = task.measures(&ground.scene, ground.account(), old.name, Some(&old.user))?;
        let used = old.used.map(|at| ("last used", at.strftime("%Y-%m-%d %H:%M UTC").to_string()));
        Ok(Change {
            name: old.name.clone(),
            entry: old.entry.clone(),
            notes: used.into_iter().collect(),
            found: Some(old.user),
            task,
            measures,
        })
    };
    there.into_iter().map(change).collect()
}
