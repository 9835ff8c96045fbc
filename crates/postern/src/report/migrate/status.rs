//! Where each user of a migration stands, and what comes next.

use std::fmt::Write as _;

use postern_estate::migrate::{Kind, Migration};
use postern_types::Timestamp;
use serde_json::{Value, json};

use super::section;
use crate::{
    commands::migrate::{Place, Row},
    output::{BOLD, DIM, GOOD, HINT, WARN, harmless, paint, prose},
};

/// Columns that a row's name takes.
const ROW: usize = 8;

/// Everything that is told of a migration.
pub(crate) struct Picture<'a> {
    /// The account.
    pub(crate) label: String,
    pub(crate) migration: &'a Migration,
    pub(crate) now: Timestamp,
    /// Whether the estate's roles stand in the account.
    pub(crate) has_roles: bool,
    pub(crate) rows: &'a [Row],
    /// What could not be read.
    pub(crate) gaps: &'a [String],
}

/// What comes next for a user.
enum Next {
    /// A command.
    Run(String),
    /// Something that is not one command.
    Do(String),
    /// Nothing, or waiting.
    Wait(String),
}

impl Picture<'_> {
    /// The picture in words.
    pub(crate) fn text(&self, width: usize) -> String {
        let mut text = format!("{}\n", paint(BOLD, &format!("Migration of {}", self.label)));
        let done = self.rows.iter().filter(|row| row.place == Place::Gone).count();
        let off = self.rows.iter().filter(|row| matches!(row.place, Place::Off { .. })).count();
        let on = self.rows.len() - done - off;
        let _ = writeln!(text, "{on} on, {off} off, {done} gone");
        if !self.has_roles {
            let line = format!(
                "The estate's roles are not there yet: {}",
                paint(HINT, "postern migrate apply beside")
            );
            let _ = writeln!(text, "{}", prose(&line, "", "  ", width));
        }
        for row in self.rows {
            let head = format!("{}  {}", paint(BOLD, row.name.as_str()), kind(row));
            let _ = writeln!(text, "\n{}", prose(&head, "", "    ", width));
            let mut line = |name: &str, words: &str| {
                let first = format!("  {name:<ROW$}");
                let _ = writeln!(text, "{}", prose(words, &first, &" ".repeat(ROW + 2), width));
            };
            line("stands", &self.stands(row));
            line("used", &self.used(row));
            let next = match self.next(row) {
                Next::Run(command) => paint(HINT, &command),
                Next::Do(words) => words,
                Next::Wait(words) => paint(DIM, &words),
            };
            line("next", &next);
        }
        if !self.gaps.is_empty() {
            let _ = writeln!(text, "\n{}", paint(BOLD, "Not known"));
            for gap in self.gaps {
                let line = format!("{} {}", paint(WARN, "?"), harmless(gap));
                let _ = writeln!(text, "{}", prose(&line, "  ", "    ", width));
            }
        }
        text
    }

    fn stands(&self, row: &Row) -> String {
        match row.place {
            Place::Gone => paint(GOOD, "deleted"),
            Place::Off { since: Some(since), is_watched: true } => {
                format!("off since {}, watched long enough", day(since))
            }
            Place::Off { since: Some(since), is_watched: false } => {
                let end = since.checked_add(self.migration.watch).map(day).unwrap_or_default();
                format!("off since {}, watched until {end}", day(since))
            }
            Place::Off { since: None, .. } => paint(WARN, "off, since when is not written down"),
            Place::On => match (&row.entry, &row.lacks) {
                (Some(entry), None) if entry.person().is_some() => {
                    "on; the person can work without it".to_owned()
                }
                _ => "on".to_owned(),
            },
        }
    }

    fn used(&self, row: &Row) -> String {
        let Some(last) = row.last_used else {
            return match row.place {
                Place::Gone => "–".to_owned(),
                _ => "never, as far as it is known".to_owned(),
            };
        };
        let mut words = format!("last {}", day(last));
        if row.used_since(self.migration.read_at) {
            let services = if row.since.is_empty() {
                String::new()
            } else {
                format!(": {}", harmless(&row.since.join(", ")))
            };
            let since = match row.place {
                Place::Off { .. } => "since it is off",
                _ => "since the file was written",
            };
            words = format!("{words}, {since}{services}");
        }
        words
    }

    fn next(&self, row: &Row) -> Next {
        let name = &row.name;
        let Some(entry) = &row.entry else {
            return Next::Do("came after the file was written: `postern migrate plan` adds it".to_owned());
        };
        match row.place {
            Place::Gone => Next::Wait("nothing".to_owned()),
            _ if entry.kind == Kind::Keep => Next::Wait("stays as it is".to_owned()),
            Place::Off { .. } if row.used_since(self.migration.read_at) => Next::Do(format!(
                "somebody tries to use it: find out who; `postern migrate undo off {name}` switches it on again"
            )),
            Place::Off { is_watched: true, .. } => Next::Run(format!("postern migrate apply delete {name}")),
            Place::Off { since: None, .. } => Next::Run(format!("postern migrate apply off {name}")),
            Place::Off { .. } => Next::Wait("wait".to_owned()),
            Place::On => self.next_of_on(row, &entry.kind),
        }
    }

    fn next_of_on(&self, row: &Row, kind: &Kind) -> Next {
        let off = format!("postern migrate apply off {}", row.name);
        match (kind, &row.lacks) {
            (Kind::Person { .. }, Some(lacks)) => Next::Do(lacks.clone()),
            (Kind::Unused, _) if row.used_since(self.migration.read_at) => Next::Do(
                "it is in use after all: find out by whom, and correct its kind in the file".to_owned(),
            ),
            (Kind::Machine { better }, _) => Next::Do(format!(
                "docs/migrate.md, \"{}\"; once that is at work: `{off} --replaced`",
                section(*better)
            )),
            _ => Next::Run(off),
        }
    }

    /// The picture as JSON, in format 1.
    pub(crate) fn json(&self) -> String {
        let value = json!({
            "format": 1,
            "account": self.migration.account.to_string(),
            "read_at": self.now.to_string(),
            "roles_there": self.has_roles,
            "file_read_at": self.migration.read_at.to_string(),
            "users": self.rows.iter().map(|row| self.row_json(row)).collect::<Vec<_>>(),
            "gaps": self.gaps,
        });
        format!("{value:#}\n")
    }

    fn row_json(&self, row: &Row) -> Value {
        let (stands, since) = match row.place {
            Place::On => ("on", None),
            Place::Off { since, .. } => ("off", since),
            Place::Gone => ("gone", None),
        };
        let next = match self.next(row) {
            Next::Run(words) | Next::Do(words) => Some(words),
            Next::Wait(_) => None,
        };
        json!({
            "name": row.name.as_str(),
            "kind": row.entry.as_ref().map(|entry| entry.kind.as_str()),
            "person": row.entry.as_ref().and_then(|entry| entry.person()).map(|person| person.as_str()),
            "stands": stands,
            "off_since": since.map(|at| at.to_string()),
            "watched": matches!(row.place, Place::Off { is_watched: true, .. }),
            "lacks": row.lacks,
            "last_used": row.last_used.map(|at| at.to_string()),
            "used_since": row.used_since(self.migration.read_at),
            "services_since": row.since,
            "next": next,
        })
    }
}

fn kind(row: &Row) -> String {
    let Some(entry) = &row.entry else { return paint(WARN, "not in the migration file") };
    match &entry.kind {
        Kind::Person { person, .. } if *person == row.name => "person".to_owned(),
        Kind::Person { person, .. } => format!("person {person}"),
        Kind::Machine { better } => format!("program; better: {better}"),
        Kind::Unused => "unused".to_owned(),
        Kind::Keep => "kept".to_owned(),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use postern_estate::migrate::{Better, Entry, Standing};

    use super::*;

    const START: &str = "2026-11-01T10:00:00Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::from_str(text).unwrap()
    }

    fn migration() -> Migration {
        Migration {
            account: "222222222222".parse().unwrap(),
            read_at: at(START),
            watch: Migration::WATCH,
            users: std::collections::BTreeMap::new(),
        }
    }

    fn row(name: &str, kind: Option<Kind>, standing: Option<Standing>, used: Option<&str>) -> Row {
        let now = at("2026-11-22T10:00:00Z");
        Row {
            name: name.parse().unwrap(),
            entry: kind.map(|kind| Entry { kind, remarks: Vec::new() }),
            place: Place::of(standing, &migration(), now),
            lacks: None,
            last_used: used.map(at),
            since: used.filter(|used| at(used) > at(START)).map(|_| "s3".to_owned()).into_iter().collect(),
        }
    }

    fn person(name: &str) -> Option<Kind> {
        Some(Kind::Person { person: name.parse().unwrap(), administrator: false, roles: Vec::new() })
    }

    fn off(since: &str) -> Option<Standing> {
        Some(Standing::Off { since: Some(at(since)) })
    }

    fn rows() -> Vec<Row> {
        let machine = Some(Kind::Machine { better: Better::GithubOidc });
        let on = Some(Standing::On);
        let lacking = "erin has no user in the bastion; `postern migrate apply move` makes it";
        vec![
            row("alice", person("alice"), on, Some("2026-11-21T08:00:00Z")),
            row("bob", person("robert"), off("2026-11-02T10:00:00Z"), Some("2026-11-01T09:00:00Z")),
            row("carol", person("carol"), off("2026-11-20T10:00:00Z"), Some("2026-11-01T09:00:00Z")),
            row("dave", person("dave"), off("2026-11-02T10:00:00Z"), Some("2026-11-19T09:00:00Z")),
            Row { lacks: Some(lacking.to_owned()), ..row("erin", person("erin"), on, None) },
            row("gone", Some(Kind::Unused), None, None),
            row("ci", machine, on, Some("2026-11-22T09:00:00Z")),
            row("intern", Some(Kind::Unused), on, Some("2026-05-01T09:00:00Z")),
            row("revived", Some(Kind::Unused), on, Some("2026-11-12T09:00:00Z")),
            row("vault", Some(Kind::Keep), on, None),
            row("new", None, on, None),
            row("half", Some(Kind::Unused), Some(Standing::Off { since: None }), None),
        ]
    }

    fn with_picture<T>(look: impl FnOnce(&Picture<'_>) -> T) -> T {
        let rows = rows();
        look(&Picture {
            label: "prod (222222222222)".to_owned(),
            migration: &migration(),
            now: at("2026-11-22T10:00:00Z"),
            has_roles: true,
            rows: &rows,
            gaps: &["iam:GenerateCredentialReport: AccessDenied (all users)".to_owned()],
        })
    }

    #[test]
    fn every_standing_on_80_columns() {
        let text = with_picture(|picture| picture.text(80));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_same_for_programs() {
        let value: Value = serde_json::from_str(&with_picture(|picture| picture.json())).unwrap();
        let of = |name: &str| value["users"].as_array().unwrap().iter().find(|u| u["name"] == name).unwrap();
        assert_eq!(of("bob")["next"], "postern migrate apply delete bob");
        assert_eq!(of("bob")["watched"], true);
        assert_eq!(of("dave")["used_since"], true);
        assert_eq!(of("carol")["next"], Value::Null);
        assert_eq!(of("new")["kind"], Value::Null);
        assert_eq!(of("gone")["stands"], "gone");
        assert_eq!(value["gaps"].as_array().unwrap().len(), 1);
    }
}
