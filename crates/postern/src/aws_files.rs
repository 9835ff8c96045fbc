//! Where the files of `~/.aws` are, and reading them.

use std::{
    io,
    path::{Path, PathBuf},
};

use postern_broker::files::profile::Profiles;

use crate::{
    env::{self, Environment},
    errors::CliError,
};

/// `~/.aws/config`, or what `AWS_CONFIG_FILE` names instead.
pub(crate) fn config_file(environment: &Environment) -> Option<PathBuf> {
    named(environment, env::AWS_CONFIG_FILE, "config")
}

/// `~/.aws/credentials`, or what `AWS_SHARED_CREDENTIALS_FILE` names instead.
pub(crate) fn credentials_file(environment: &Environment) -> Option<PathBuf> {
    named(environment, env::AWS_SHARED_CREDENTIALS_FILE, "credentials")
}

fn named(environment: &Environment, variable: &str, name: &str) -> Option<PathBuf> {
    let home = environment.home();
    match environment.path(variable) {
        // As botocore does: a variable that no shell has expanded.
        Some(path) => match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(path),
        },
        None => home.map(|home| home.join(".aws").join(name)),
    }
}

/// Both files, read; an absent one is an empty one.
pub(crate) fn read(environment: &Environment) -> Result<Profiles, CliError> {
    let config = read_text(config_file(environment).as_deref())?;
    let credentials = read_text(credentials_file(environment).as_deref())?;
    Ok(Profiles::parse(&config, &credentials)?)
}

fn read_text(path: Option<&Path>) -> Result<String, CliError> {
    let Some(path) = path else { return Ok(String::new()) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)),
    }
}
