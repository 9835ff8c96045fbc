//! The report of a run that changes accounts: a JSON line for each thing that happens to a call, written before the
//! run goes on.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use postern_aws::execute::{Effect, Event, StepError, What};
use serde_json::json;

use crate::errors::CliError;

/// Where the lines go; nowhere if nobody asked for them.
pub(crate) struct RunReport(Option<(PathBuf, File)>);

impl RunReport {
    /// Opens the file. Lines of earlier runs stay: a run that goes on belongs to the one that stopped.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| {
            CliError::usage(format!("cannot write the report `{}`", path.display())).caused_by(error)
        })?;
        Ok(Self(Some((path.to_owned(), file))))
    }

    /// Notes an event.
    ///
    /// # Errors
    /// When the line cannot be written: then nothing more is to be called.
    pub(crate) fn note(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Some((path, file)) = &mut self.0 else { return Ok(()) };
        writeln!(file, "{}", line(event)).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn line(event: &Event<'_>) -> serde_json::Value {
    let key = event.step.key();
    let (outcome, why) = match &event.what {
        What::Intent => ("begun", None),
        What::Waiting { why } => ("waiting", Some(why.clone())),
        What::Done(Effect::Changed) => ("changed", None),
        What::Done(Effect::AlreadySo) => ("already so", None),
        What::Failed(StepError::Changed { found }) => {
            ("refused", Some(format!("changed meanwhile: {found}")))
        }
        What::Failed(error) => ("failed", Some(error.to_string())),
    };
    let mut line = json!({
        "time": event.at.to_string(),
        "account": key.account.to_string(),
        "call": event.step.action.operation(),
        "object": format!("{}/{}", key.kind, key.name),
        "parameters": event.step.action.parameters(),
        "outcome": outcome,
        "attempts": event.attempts,
    });
    if let (Some(why), Some(members)) = (why, line.as_object_mut()) {
        members.insert("why".to_owned(), why.into());
    }
    line
}
