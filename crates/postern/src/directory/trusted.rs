//! Which files were trusted, and as what.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::TargetFile;
use crate::{
    env::Environment,
    errors::CliError,
    state::{Read, State},
};

const FILE: &str = "trusted.json";
const LOCK: &str = "trusted.lock";
const FORMAT: u8 = 1;

/// Whether a file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It does.
    Given,
    /// It was never trusted.
    None,
    /// It is not what was trusted.
    Changed,
}

/// Every file that was trusted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trusted {
    format: u8,
    files: BTreeMap<PathBuf, Entry>,
}

/// A file as it was when it was trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    sha256: String,
    /// For people who look at the list.
    target: String,
}

impl Trusted {
    pub(crate) fn load(environment: &Environment) -> Result<Self, CliError> {
        match State::open(environment)?.read::<Self>(FILE)? {
            Read::Good(None) => Ok(Self::default()),
            Read::Good(Some(trusted)) if trusted.format == FORMAT => Ok(trusted),
            Read::Good(Some(_)) => {
                Err(CliError::failed("the list of trusted directories is a later postern's")
                    .hint("update postern, or name the target"))
            }
            Read::Corrupt { shown, problem } => {
                Err(CliError::failed(format!("the list of trusted directories, `{shown}`, cannot be read"))
                    .caused_by(problem)
                    .hint("remove it, and trust the directories again"))
            }
        }
    }

    /// Changes the list, and nobody else does meanwhile.
    pub(crate) fn change<T>(
        environment: &Environment,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, CliError> {
        let state = State::open(environment)?;
        let _lock = state.lock(LOCK)?;
        let mut trusted = Self::load(environment)?;
        let changed = change(&mut trusted);
        trusted.format = FORMAT;
        state.write(FILE, &trusted)?;
        Ok(changed)
    }

    pub(crate) fn trust(&self, file: &TargetFile) -> Trust {
        match self.files.get(&file.path) {
            Some(entry) if entry.sha256 == file.digest => Trust::Given,
            Some(_) => Trust::Changed,
            None => Trust::None,
        }
    }

    pub(crate) fn add(&mut self, file: &TargetFile) {
        let entry = Entry { sha256: file.digest.clone(), target: file.target.clone() };
        self.files.insert(file.path.clone(), entry);
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, path: &Path) -> bool {
        self.files.remove(path).is_some()
    }

    /// Every path with the target that was trusted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, entry)| (path.as_path(), entry.target.as_str()))
    }
}
