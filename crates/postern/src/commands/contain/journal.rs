//! The log of a containment: lines on standard output for people, JSON Lines in a file for whoever asks later.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use postern_aws::execute::{Note, Taken};
use postern_estate::{DeniedPrincipal, contain::Stage};
use postern_types::{AccountId, Timestamp};
use serde_json::json;

use crate::{
    access::AccountNames,
    errors::CliError,
    output::{BAD, DIM, GOOD, Printer, WARN, paint},
    report,
};

/// Where the log goes.
pub(crate) struct Journal<'a> {
    printer: &'a Printer,
    names: AccountNames,
    file: File,
    path: PathBuf,
    /// Set once the file took no more: containment does not wait for a disk.
    broken: bool,
}

/// Whether a deny of the organization is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lift {
    Yes,
    No,
}

impl<'a> Journal<'a> {
    /// Opens the log, before anything is called. One that is there is gone on with.
    pub(crate) fn open(printer: &'a Printer, names: &AccountNames, path: &Path) -> Result<Self, CliError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| {
            CliError::usage(format!("cannot write the log `{}`", path.display()))
                .caused_by(error)
                .hint("name another file with --log; nothing was called")
        })?;
        Ok(Self { printer, names: names.clone(), file, path: path.to_owned(), broken: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Something that is no call.
    pub(crate) fn say(&mut self, at: Timestamp, text: &str) {
        self.line(&json!({"at": at.to_string(), "what": text}));
        self.show(&format!("{}  {text}\n", second(at)));
    }

    /// A call, before and after it.
    pub(crate) fn note(&mut self, note: &Note<'_>) {
        let account = note.measure.account;
        let (word, error) = match note.taken {
            None => ("intent", None),
            Some(Taken::Done) => ("done", None),
            Some(Taken::Instead) => ("done instead", None),
            Some(Taken::Gone) => ("gone", None),
            Some(Taken::Refused(error)) => ("refused", Some(error.to_string())),
            Some(Taken::Left) => ("left", None),
        };
        let what = report::contain::words(note.action);
        self.line(&json!({
            "at": note.at.to_string(),
            "stage": note.measure.stage.as_str(),
            "account": account.to_string(),
            "call": note.action.operation(),
            "what": what,
            "result": word,
            "error": error,
        }));
        let end = match note.taken {
            None => return,
            Some(Taken::Done | Taken::Instead) => paint(GOOD, "done"),
            Some(Taken::Gone) => paint(DIM, "not there any more"),
            Some(Taken::Refused(_)) => format!("{} {}", paint(BAD, "refused:"), error.unwrap_or_default()),
            Some(Taken::Left) => paint(WARN, "left"),
        };
        let name = self.names.get(&account).cloned().unwrap_or_else(|| account.to_string());
        let stage = note.measure.stage.as_str();
        self.show(&format!("{}  {stage:<17}  {name}: {what}  {end}\n", second(note.at)));
    }

    /// A deny of the organization or its end, before and after its calls.
    pub(crate) fn above(
        &mut self,
        at: Timestamp,
        management: Option<AccountId>,
        lift: Lift,
        principal: &DeniedPrincipal,
        result: Option<&Result<(), String>>,
    ) {
        let what = match lift {
            Lift::No => format!("deny everything to {}", principal.arn),
            Lift::Yes => format!("deny {} no more", principal.arn),
        };
        let (word, error) = match result {
            None => ("intent", None),
            Some(Ok(())) => ("done", None),
            Some(Err(error)) => ("refused", Some(error)),
        };
        let stage = Stage::Organization.as_str();
        self.line(&json!({
            "at": at.to_string(),
            "stage": stage,
            "account": management.map(|account| account.to_string()),
            "call": "service control policy",
            "what": what,
            "result": word,
            "error": error,
        }));
        let end = match result {
            None => return,
            Some(Ok(())) => paint(GOOD, "done"),
            Some(Err(error)) => format!("{} {error}", paint(BAD, "refused:")),
        };
        self.show(&format!("{}  {stage:<17}  {what}  {end}\n", second(at)));
    }

    fn show(&self, text: &str) {
        // Nobody may look at standard output any more; that ends no containment.
        let _ = self.printer.data(text);
    }

    fn line(&mut self, value: &serde_json::Value) {
        if self.broken {
            return;
        }
        if let Err(error) = writeln!(self.file, "{value}").and_then(|()| self.file.flush()) {
            self.broken = true;
            self.printer.warning(&format!("the log `{}` takes no more: {error}", self.path.display()));
        }
    }
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
