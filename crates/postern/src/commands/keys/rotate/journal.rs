//! What a rotation writes down, so that a later run can finish it. No secret is in it.

use postern_broker::rotate::Rotation;
use postern_types::{AccountId, ParseError, Timestamp, UserName};
use postern_vault::PrivateDir;
use serde::{Deserialize, Serialize};

use crate::{context::Context, errors::CliError, keystore};

const PREFIX: &str = "rotate-";
const ENDING: &str = ".json";
const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    format: u8,
    user: String,
    account: String,
    old: String,
    before: Vec<String>,
    asked_at: Option<String>,
}

/// The rotations that were begun and not ended.
pub(super) struct Journals {
    dir: PrivateDir,
}

fn name(user: &UserName, account: AccountId) -> String {
    format!("{PREFIX}{account}-{user}{ENDING}")
}

impl Journals {
    pub(super) fn open(context: &Context) -> Result<Self, CliError> {
        Ok(Self { dir: PrivateDir::create(&keystore::data_dir(&context.environment)?)? })
    }

    /// Waits for nobody: two rotations at once are one too many.
    pub(super) fn lock(&self) -> Result<std::fs::File, CliError> {
        let file = self.dir.lock_file("rotate.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(error) => Err(CliError::failed("another postern process replaces a key").caused_by(error)),
        }
    }

    pub(super) fn all(&self) -> Result<Vec<Rotation>, CliError> {
        let names = self.dir.names(PREFIX)?;
        names.iter().filter(|name| name.ends_with(ENDING)).map(|name| self.read(name)).collect()
    }

    fn read(&self, name: &str) -> Result<Rotation, CliError> {
        let path = self.dir.path().join(name);
        let bad = |cause: &dyn std::fmt::Display| {
            CliError::failed(format!("`{}` does not say what was begun", path.display()))
                .caused_by(cause)
                .hint("look at the person's keys at AWS, then remove the file")
        };
        let bytes = self.dir.read(name)?.unwrap_or_default();
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        if record.format != FORMAT {
            return Err(bad(&format!("format {}", record.format)));
        }
        rotation(&record).map_err(|error| bad(&error))
    }

    /// Written whole or not at all, and on the disk when this returns.
    pub(super) fn write(&self, rotation: &Rotation) -> Result<(), CliError> {
        let record = Record {
            format: FORMAT,
            user: rotation.user.to_string(),
            account: rotation.account.to_string(),
            old: rotation.old.to_string(),
            before: rotation.before.iter().map(ToString::to_string).collect(),
            asked_at: rotation.asked_at.map(|at| at.to_string()),
        };
        let text = serde_json::to_string_pretty(&record)
            .map_err(|error| CliError::failed("cannot write the journal").caused_by(error))?;
        Ok(self.dir.write(&name(&rotation.user, rotation.account), text.as_bytes())?)
    }

    pub(super) fn remove(&self, rotation: &Rotation) -> Result<(), CliError> {
        self.dir.remove(&name(&rotation.user, rotation.account))?;
        Ok(())
    }
}

fn rotation(record: &Record) -> Result<Rotation, String> {
    let text = |error: ParseError| error.to_string();
    let before: Result<_, _> = record.before.iter().map(|id| id.parse()).collect();
    let asked_at = record.asked_at.as_deref().map(str::parse::<Timestamp>).transpose();
    Ok(Rotation {
        user: record.user.parse().map_err(text)?,
        account: record.account.parse().map_err(text)?,
        old: record.old.parse().map_err(text)?,
        before: before.map_err(text)?,
        asked_at: asked_at.map_err(|error| error.to_string())?,
    })
}
