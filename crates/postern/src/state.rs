//! Small files of the person's own that last beyond the login: how often what was used, and what is trusted.

use std::io::Write;

use postern_broker::CacheError;
use postern_vault::PrivateDir;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    env::{self, Environment},
    errors::CliError,
    personal::xdg,
};

/// What a file is, once it was read.
#[derive(Debug)]
pub(crate) enum Read<T> {
    /// What it says; none where there is no file.
    Good(Option<T>),
    /// It is there, and no file of ours.
    Corrupt {
        /// Where it lies.
        shown: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// `$XDG_STATE_HOME/postern`, made if it is not there.
pub(crate) struct State(PrivateDir);

impl State {
    pub(crate) fn open(environment: &Environment) -> Result<Self, CliError> {
        let dir = xdg(environment, env::XDG_STATE_HOME, ".local/state")
            .ok_or_else(|| CliError::failed("there is no place for postern's own files").hint("set HOME"))?;
        Ok(Self(PrivateDir::create(&dir.join("postern"))?))
    }

    /// Reads a file of JSON.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Read<T>, CacheError> {
        let Some(bytes) = self.0.read(name)? else { return Ok(Read::Good(None)) };
        Ok(match serde_json::from_slice(&bytes) {
            Ok(value) => Read::Good(Some(value)),
            Err(error) => Read::Corrupt {
                shown: self.0.path().join(name).display().to_string(),
                problem: error.to_string(),
            },
        })
    }

    /// Replaces a file, whole or not at all.
    pub(crate) fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), CliError> {
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| CliError::failed(format!("cannot write `{name}`")).caused_by(error))?;
        bytes.push(b'\n');
        Ok(self.0.write(name, &bytes)?)
    }

    /// The same without waiting for the disk: for what may be lost with the machine's power.
    pub(crate) fn write_soon<T: Serialize>(&self, name: &str, value: &T) -> Result<(), CliError> {
        let failed = |error: std::io::Error| {
            CliError::failed(format!("cannot write `{}`", self.0.path().join(name).display()))
                .caused_by(error)
        };
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(self.0.path()).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, value).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        file.persist(self.0.path().join(name)).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// One process at a time, until what is returned is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<std::fs::File, CliError> {
        let file = self.0.lock_file(name)?;
        // Where a file system knows no locks, what follows is merely less certain.
        let _ = file.lock();
        Ok(file)
    }
}
