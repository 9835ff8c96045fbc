//! The stages of a migration in words: who, what will be done, what came of it.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use postern_estate::{
    User,
    migrate::{Entry, Kind, Standing},
};
use postern_types::UserName;

use crate::{
    commands::{
        contain::good,
        migrate::{Change, Ended, Ground},
    },
    output::{BOLD, WARN, harmless, paint, prose},
    report::{contain::words, plan::counted},
};

/// Columns that a row's name takes.
const ROW: usize = 12;

/// Who it is about, and what will be done with each.
pub(crate) fn situation(ground: &Ground<'_>, changes: &[Change]) -> String {
    let width = ground.scene.context.printer.width();
    let mut text = String::new();
    for change in changes {
        let head = format!("{}  {}", paint(BOLD, change.name.as_str()), who(&change.entry));
        let _ = writeln!(text, "{head} in {}", ground.scene.label(ground.account()));
        let mut row = |name: &str, words: &str| {
            let first = format!("  {name:<ROW$}");
            let _ = writeln!(text, "{}", prose(words, &first, &" ".repeat(ROW + 2), width));
        };
        if let Some(user) = &change.found {
            row("holds", &holds(user));
        }
        for (word, note) in &change.notes {
            row(word, note);
        }
        if change.measures.is_empty() {
            row("to be done", "nothing but to look whether it holds");
        }
        for measure in &change.measures {
            row(measure.stage.as_str(), &harmless(&words(&measure.action)));
        }
        text.push('\n');
    }
    text
}

fn who(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Person { person, .. } => format!("{person}'s old user"),
        Kind::Machine { better } => format!("a machine ({better} in place of its keys)"),
        Kind::Unused => "unused".to_owned(),
        Kind::Keep => "kept".to_owned(),
    }
}

fn holds(user: &User) -> String {
    let mut parts = Vec::new();
    if let Some(held) = &user.credentials {
        let active = held.access_keys.values().filter(|key| key.active).count();
        let inactive = held.access_keys.len() - active;
        parts.push(counted(active, "active key"));
        if inactive > 0 {
            parts.push(counted(inactive, "inactive key"));
        }
        if held.login_profile {
            parts.push("a password".to_owned());
        }
        if !held.mfa_devices.is_empty() {
            parts.push(counted(held.mfa_devices.len(), "MFA device"));
        }
        let rare = held.rare.as_ref().map_or(0, |rare| {
            rare.ssh_public_keys.len() + rare.service_specific.len() + rare.signing_certificates.len()
        });
        if rare > 0 {
            parts.push(counted(rare, "other credential"));
        }
    }
    parts.push(counted(user.groups.len(), "group"));
    let own = user.inline.len() + user.attached.len();
    parts.push(if own == 1 {
        "1 policy of its own".to_owned()
    } else {
        format!("{own} policies of its own")
    });
    parts.join(", ")
}

/// Lines that wrap.
struct Lines<'a> {
    text: String,
    ground: &'a Ground<'a>,
}

impl<'a> Lines<'a> {
    fn of(ground: &'a Ground<'a>) -> Self {
        Self { text: String::from("\n"), ground }
    }

    fn line(&mut self, words: &str) {
        let width = self.ground.scene.context.printer.width();
        let _ = writeln!(self.text, "{}", prose(words, "", "  ", width));
    }

    fn note(&mut self, words: &str) {
        self.line(&format!("{} {words}", paint(WARN, "note:")));
    }

    fn log(mut self, log: &Path) -> String {
        let _ = writeln!(self.text, "log: {}", log.display());
        self.text
    }
}

fn well(all: &[Ended]) -> impl Iterator<Item = &Ended> {
    all.iter().filter(|ended| ended.left.is_empty())
}

/// Users who were switched off.
pub(crate) fn off(
    ground: &Ground<'_>,
    all: &[Ended],
    record: &dyn Fn(&UserName) -> PathBuf,
    log: &Path,
) -> String {
    let mut lines = Lines::of(ground);
    for Ended { name, user, .. } in well(all) {
        let Some(Standing::Off { since }) = user.as_ref().map(Standing::of) else { continue };
        lines.line(&format!(
            "{} {name} may do nothing and gets in nowhere in N1, N2 and M, as evaluated on the state read back.",
            good("Off.")
        ));
        if let Some(until) = since.and_then(|since| since.checked_add(ground.migration.watch).ok()) {
            let until = until.strftime("%Y-%m-%d %H:%M UTC");
            lines.line(&format!("from {until} on: `postern migrate apply delete {name}`"));
        }
        let record = record(name);
        lines.line(&format!(
            "undo: `postern migrate undo off {name}` (what stood before: {})",
            record.display()
        ));
    }
    lines.line("`postern migrate status` shows whether somebody misses them.");
    lines.log(log)
}

/// Users who work again.
pub(crate) fn on(ground: &Ground<'_>, all: &[Ended], log: &Path) -> String {
    let mut lines = Lines::of(ground);
    for Ended { name, .. } in well(all) {
        lines.line(&format!("{} {name} has back what they had.", good("On again.")));
    }
    lines.log(log)
}

/// Users who are deleted.
pub(crate) fn deleted(ground: &Ground<'_>, all: &[Ended], log: &Path) -> String {
    let mut lines = Lines::of(ground);
    for Ended { name, .. } in well(all) {
        lines.line(&format!("{} {name} is gone.", good("Deleted.")));
        lines.note(&format!(
            "`postern migrate undo delete {name}` makes the user again, off, with its groups and policies and without a credential"
        ));
    }
    lines.log(log)
}

/// Users who were made again.
pub(crate) fn again(ground: &Ground<'_>, all: &[Ended], log: &Path) -> String {
    let mut lines = Lines::of(ground);
    for Ended { name, .. } in well(all) {
        lines
            .line(&format!("{} {name} has groups and policies as before the deletion.", good("Made again.")));
        lines.note(&format!(
            "{name} is still off and holds no credential; `postern migrate undo off {name}` lets it work"
        ));
    }
    lines.log(log)
}

/// What people who are in the bastion do next.
pub(crate) fn moved(people: &[(&UserName, &UserName, &Entry)], holds: &[bool], width: usize) -> String {
    let mut text = String::new();
    for ((old, person, _), holds) in people.iter().zip(holds) {
        let next = if *holds {
            format!(
                "{person} holds key and device: `postern login`, work a day, then `postern migrate apply off {old}`"
            )
        } else {
            format!(
                "next: `postern people enrol {person}`, or `postern people invite {person}` for {person} to do it alone"
            )
        };
        let _ = writeln!(text, "{}", prose(&next, "", "  ", width));
    }
    text
}
