//! What the stages of single users share: shown, confirmed, and carried out one user after the other.

use std::path::PathBuf;

use postern_estate::{
    Action, User,
    contain::Measure,
    migrate::{Entry, recreation, virtual_devices},
};
use postern_types::{Timestamp, UserName};

use super::{
    Ground,
    stage::Common,
    work::{Task, Work},
};
use crate::{
    commands::contain::{Journal, Record, Records, confirm, default_log, settle},
    errors::CliError,
    report,
};

/// A user who is to be changed.
pub(crate) struct Change {
    pub(crate) name: UserName,
    pub(crate) entry: Entry,
    /// As found, with all that it holds; none where it is to be made again.
    pub(crate) found: Option<User>,
    pub(crate) task: Task,
    /// What is to be done, as far as it is known beforehand.
    pub(crate) measures: Vec<Measure>,
    /// What else to know before it is done, each under a word.
    pub(crate) notes: Vec<(&'static str, String)>,
}

/// A user at the end.
pub(crate) struct Ended {
    pub(crate) name: UserName,
    /// As read back; none where there is none.
    pub(crate) user: Option<User>,
    /// What is not as it should be, in words.
    pub(crate) left: Vec<String>,
}

/// How the changes are spoken of.
pub(super) struct Words<'w> {
    /// `migrate apply off`
    pub(super) command: &'w str,
    /// `migrate-off`
    pub(super) log: &'w str,
    /// `Switch off`
    pub(super) verb: &'w str,
}

/// Shows the changes and asks; whether they are to be made.
pub(super) fn agreed(
    ground: &Ground<'_>,
    changes: &[Change],
    common: &Common,
    words: &Words<'_>,
) -> Result<bool, CliError> {
    ground.scene.context.printer.data(&report::stages::situation(ground, changes))?;
    if common.dry_run || changes.is_empty() {
        return Ok(false);
    }
    if !common.yes {
        let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        confirm(&format!("{} {}?", words.verb, names.join(", ")), words.command)?;
    }
    Ok(true)
}

/// Makes the changes, one user after the other; where the log is.
pub(super) fn carry_out(
    ground: &mut Ground<'_>,
    changes: Vec<Change>,
    common: &Common,
    words: &Words<'_>,
    before: &mut dyn FnMut(&Ground<'_>, &Change) -> Result<(), CliError>,
) -> Result<(Vec<Ended>, PathBuf), CliError> {
    let settle = settle(common.settle)?;
    let context = ground.scene.context;
    let now = Timestamp::now();
    let log = match &common.log {
        Some(path) => path.clone(),
        None => default_log(context, &format!("{}-{}", words.log, ground.account()), now)?,
    };
    let mut journal = Journal::open(&context.printer, &ground.scene.names, &log)?;
    let interrupted = context.watch_interrupt();
    let mut all = Vec::with_capacity(changes.len());
    for change in changes {
        before(ground, &change)?;
        journal.say(Timestamp::now(), &format!("{} {}", words.command, change.name));
        let (name, account) = (change.name.clone(), ground.account());
        let work = Work {
            scene: &ground.scene,
            account,
            name: change.name,
            id: change.found.as_ref().and_then(|user| user.id.clone()),
            task: change.task,
            settle,
            journal: &mut journal,
            last: None,
        };
        let (left, user) = work.run(&interrupted)?;
        // What is evaluated and told from here on is what was read back.
        if let Some(found) = ground.scene.estate.accounts.get_mut(&account) {
            match &user {
                Some(user) => found.users.insert(name.clone(), user.clone()),
                None => found.users.remove(&name),
            };
        }
        all.push(Ended { name, user, left: left.into_iter().collect() });
    }
    Ok((all, log))
}

/// The error of users who are not as they should be.
pub(super) fn complete(all: &[Ended], words: &Words<'_>) -> Result<(), CliError> {
    let wrong: Vec<&Ended> = all.iter().filter(|ended| !ended.left.is_empty()).collect();
    let Some(first) = wrong.first() else { return Ok(()) };
    let error = match wrong.as_slice() {
        [_] => CliError::failed(format!("`{}` did not go through for {}", words.command, first.name)),
        several => {
            CliError::failed(format!("`{}` did not go through for {} users", words.command, several.len()))
        }
    };
    let lines =
        wrong.iter().flat_map(|ended| ended.left.iter().map(|line| format!("{}: {line}", ended.name)));
    let error = lines.fold(error, CliError::caused_by);
    Err(error.hint("what is done is safe to leave; mend the cause and run the same command again to go on"))
}

/// Notes what the switching off of a user will change. One that is off already goes on with its record.
pub(super) fn note_off(ground: &Ground<'_>, records: &Records, change: &Change) -> Result<(), CliError> {
    let (Some(user), Some(found)) = (&change.found, ground.found()) else { return Ok(()) };
    let target = ground.target(&change.name);
    let is_off = postern_estate::migrate::Standing::of(user).is_off();
    let known = records.read(&target)?.filter(|record| is_off && record.is_of(user));
    if known.is_some() {
        return Ok(());
    }
    let mut record = Record::new(&target, Timestamp::now());
    record.note_id(user);
    let mut found = found.clone();
    found.users.insert(change.name.clone(), user.clone());
    record.note_user(&change.measures, &found);
    records.write(&target, &record)
}

/// Notes what makes a user again who will be deleted. A deletion that goes on goes on with its record.
pub(super) fn note_deletion(ground: &Ground<'_>, records: &Records, change: &Change) -> Result<(), CliError> {
    let Some(user) = &change.found else { return Ok(()) };
    let target = ground.target(&change.name);
    if records.read(&target)?.is_some_and(|record| record.is_of(user)) {
        return Ok(());
    }
    let mut record = Record::new(&target, Timestamp::now());
    record.note_id(user);
    let again: Vec<Action> = recreation(&change.name, user);
    record.note_deletion(ground.account(), &again, &virtual_devices(user));
    records.write(&target, &record)
}
