//! `postern migrate apply delete`

use std::collections::BTreeMap;

use postern_estate::{
    User,
    migrate::{Entry, Migration, Standing, virtual_devices},
};
use postern_types::{Timestamp, UserName};

use super::{
    Ground, guard,
    stage::ApplyArgs,
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

const WORDS: Words<'static> =
    Words { command: "migrate apply delete", log: "migrate-delete", verb: "Delete" };

pub(super) fn run(
    args: &ApplyArgs,
    context: &Context,
    file: EstateFile,
    migration: Migration,
    entries: &guard::Entries<'_>,
) -> Result<ExitStatus, CliError> {
    guard::kept(entries)?;
    let mut ground = Ground::read(context, file, migration, &args.common.way)?;
    let records = Records::open(context, Purpose::Delete)?;
    let _alone = records.lock()?;
    let changes = changes(args, &ground, &records, entries)?;
    if !users::agreed(&ground, &changes, &args.common, &WORDS)? {
        return Ok(ExitStatus::Done);
    }
    let (all, log) = users::carry_out(&mut ground, changes, &args.common, &WORDS, &mut |ground, change| {
        users::note_deletion(ground, &records, change)
    })?;
    let switched_off = Records::open(context, Purpose::SwitchOff)?;
    for ended in all.iter().filter(|ended| ended.left.is_empty()) {
        switched_off.remove(&ground.target(&ended.name))?;
    }
    context.printer.data(&report::stages::deleted(&ground, &all, &log))?;
    users::complete(&all, &WORDS)?;
    Ok(ExitStatus::Done)
}

fn changes(
    args: &ApplyArgs,
    ground: &Ground<'_>,
    records: &Records,
    entries: &guard::Entries<'_>,
) -> Result<Vec<Change>, CliError> {
    let mut there = Vec::new();
    for (name, entry) in entries {
        ground.scene.refuse_oneself(&ground.target(name))?;
        let Some(user) = ground.in_full(name)? else {
            ground.scene.context.printer.status(&format!("{name} is deleted already"));
            continue;
        };
        let record = records.read(&ground.target(name))?.filter(|record| record.is_of(&user));
        if !goes_on(&user, record.as_ref()) {
            is_off_for_long(ground, args, name, &user)?;
        }
        there.push((*name, *entry, user, record));
    }
    if !args.anyway {
        let watched = there.iter().filter(|(_, _, user, record)| !goes_on(user, record.as_ref()));
        let watched: Vec<(&UserName, &User)> = watched.map(|(name, _, user, _)| (*name, user)).collect();
        is_missed(&watched, &guard::last_signs(ground, &watched))?;
    }
    let change = |(name, entry, user, record): (&UserName, &Entry, User, Option<Record>)| {
        let mut devices = virtual_devices(&user);
        devices.extend(record.iter().flat_map(Record::devices));
        let task = Task::Delete(devices);
        let measures = task.measures(&ground.scene, ground.account(), name, Some(&user))?;
        Ok(Change {
            name: name.clone(),
            entry: entry.clone(),
            notes: lost(&user),
            found: Some(user),
            task,
            measures,
        })
    };
    there.into_iter().map(change).collect()
}

/// Whether a deletion was begun that took away what the user signs in with: then the deny may be gone already.
fn goes_on(user: &User, record: Option<&Record>) -> bool {
    record.is_some() && user.credentials.as_ref().is_some_and(postern_estate::Credentials::is_empty)
}

/// Refuses whoever was seen since they are off.
fn is_missed(users: &[(&UserName, &User)], signs: &BTreeMap<UserName, Timestamp>) -> Result<(), CliError> {
    for (name, user) in users {
        if let Standing::Off { since: Some(since) } = Standing::of(user)
            && let Some(used) = signs.get(*name).filter(|used| **used > since)
        {
            return Err(CliError::refused(format!("{name} was used since it is off"))
                .caused_by(format!("the last time at {used}; off since {since}"))
                .hint("find out by whom; --anyway goes on all the same"));
        }
    }
    Ok(())
}

/// Refuses whoever is not off, or not yet long enough.
fn is_off_for_long(
    ground: &Ground<'_>,
    args: &ApplyArgs,
    name: &UserName,
    user: &User,
) -> Result<(), CliError> {
    let Standing::Off { since } = Standing::of(user) else {
        return Err(CliError::refused(format!("{name} is not off")).hint(format!(
            "`postern migrate apply off {name}` first, and watch whether somebody misses it"
        )));
    };
    if args.now {
        return Ok(());
    }
    let Some(since) = since else {
        return Err(CliError::refused(format!("nobody noted since when {name} is off")).hint(format!(
            "`postern migrate apply off {name}` notes it and begins the watch; --now does not wait"
        )));
    };
    let until = since.checked_add(ground.migration.watch).unwrap_or(Timestamp::MAX);
    if until <= Timestamp::now() {
        return Ok(());
    }
    let days = ground.migration.watch.as_hours() / 24;
    let watch =
        if days > 0 { format!("{days} d") } else { format!("{} h", ground.migration.watch.as_hours()) };
    Err(CliError::refused(format!("{name} is still watched, until {}", until.strftime("%Y-%m-%d %H:%M UTC")))
        .caused_by(format!(
            "off since {}; the migration file wants {watch}",
            since.strftime("%Y-%m-%d %H:%M UTC")
        ))
        .hint("`postern migrate status` shows what was used since; --now does not wait"))
}

/// What no undo brings back.
fn lost(user: &User) -> Vec<(&'static str, String)> {
    let Some(held) = &user.credentials else { return Vec::new() };
    let mut lost: Vec<String> = Vec::new();
    if held.login_profile {
        lost.push("the password".to_owned());
    }
    lost.extend(held.access_keys.keys().map(ToString::to_string));
    lost.extend(held.mfa_devices.keys().map(|device| device.as_str().to_owned()));
    if let Some(rare) = &held.rare {
        let all = rare.ssh_public_keys.keys().chain(rare.service_specific.keys());
        lost.extend(all.chain(rare.signing_certificates.keys()).cloned());
    }
    lost.push("the unique id".to_owned());
    vec![("no way back", lost.join(", "))]
}
