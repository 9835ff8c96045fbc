//! `postern migrate apply delete`

use postern_estate::{
    User,
    migrate::{Migration, Standing, virtual_devices},
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
    let mut changes = Vec::new();
    for (name, entry) in entries {
        let target = ground.target(name);
        ground.scene.refuse_oneself(&target)?;
        let Some(user) = ground.in_full(name)? else {
            context.printer.status(&format!("{name} is deleted already"));
            continue;
        };
        let record = records.read(&target)?.filter(|record| record.is_of(&user));
        if !goes_on(&user, record.as_ref()) {
            may_go(&ground, args, name, &user)?;
        }
        let mut devices = virtual_devices(&user);
        devices.extend(record.iter().flat_map(Record::devices));
        let task = Task::Delete(devices);
        let measures = task.measures(&ground.scene, ground.account(), name, Some(&user))?;
        changes.push(Change {
            name: (*name).clone(),
            entry: (*entry).clone(),
            notes: lost(&user),
            found: Some(user),
            task,
            measures,
        });
    }
    if !users::agreed(&ground, &changes, &args.common, &WORDS)? {
        return Ok(ExitStatus::Done);
    }
    let _alone = records.lock()?;
    let (all, log) = users::carry_out(&mut ground, changes, &args.common, &WORDS, &mut |ground, change| {
        users::note_deletion(ground, &records, change)
    })?;
    let switched_off = Records::open(context, Purpose::SwitchOff)?;
    for ended in all.iter().filter(|ended| ended.left.is_empty()) {
        switched_off.remove(&ground.target(&ended.name))?;
    }
    context.printer.data(&report::stages::deleted(&all, &log))?;
    users::complete(&all, &WORDS)?;
    Ok(ExitStatus::Done)
}

/// Whether a deletion was begun that took away what the user signs in with: then the deny may be gone already.
fn goes_on(user: &User, record: Option<&Record>) -> bool {
    record.is_some() && user.credentials.as_ref().is_some_and(postern_estate::Credentials::is_empty)
}

/// Refuses whoever is not off, or not yet long enough, or was seen since.
fn may_go(ground: &Ground<'_>, args: &ApplyArgs, name: &UserName, user: &User) -> Result<(), CliError> {
    let Standing::Off { since } = Standing::of(user) else {
        return Err(CliError::refused(format!("{name} is not off")).hint(format!(
            "`postern migrate apply off {name}` first, and watch whether somebody misses it"
        )));
    };
    if let Some(since) = since
        && !args.anyway
        && let Some(used) = guard::last_use(ground, user).filter(|used| *used > since)
    {
        return Err(CliError::refused(format!("{name} was used since it is off"))
            .caused_by(format!("a key signed a call at {used}; off since {since}"))
            .hint("find out by whom; --anyway goes on all the same"));
    }
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
fn lost(user: &User) -> Vec<String> {
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
    vec![format!("gone for good: {}", lost.join(", "))]
}
