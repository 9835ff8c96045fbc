//! Where the files of `~/.aws` are, reading them, and changing them.

mod change;

use std::{
    io,
    path::{Path, PathBuf},
};

use postern_broker::files::profile::Profiles;
use zeroize::Zeroizing;

pub(crate) use self::change::{AwsFile, Backup, backup_of};
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
    Ok(Profiles::of_files(config, credentials)?)
}

/// The text of the credentials file.
pub(crate) fn read_credentials(environment: &Environment) -> Result<Zeroizing<String>, CliError> {
    read_text(credentials_file(environment).as_deref())
}

/// A file's text, which may hold secrets; an absent file is an empty one.
fn read_text(path: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
    let Some(path) = path else { return Ok(Zeroizing::default()) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Zeroizing::default()),
        Err(error) => Err(CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)),
    }
}

/// A path as people write it.
pub(crate) fn shown(path: &Path, environment: &Environment) -> String {
    match environment.home().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
