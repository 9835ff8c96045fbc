//! Finding and reading the estate file.

use std::{
    io,
    path::{Path, PathBuf},
};

use postern_estate::{Design, Desired, Quotas};
use postern_types::AccountId;

use crate::{
    context::Context,
    env::Environment,
    errors::CliError,
    output::{SourceError, render_source_errors},
    personal::PersonalSettings,
};

/// The name that is looked for where none is given.
pub(crate) const DEFAULT_NAME: &str = "postern.toml";

/// A design with where it came from.
pub(crate) struct EstateFile {
    /// The path as given.
    pub(crate) path: PathBuf,
    /// The text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) design: Design,
}

impl EstateFile {
    /// Where the estate file of this run is: as the flag or the variable says, else in this directory, else as
    /// the person's settings say.
    pub(crate) fn place(
        named: Option<&Path>,
        environment: &Environment,
    ) -> Result<Option<PathBuf>, CliError> {
        let here = Path::new(DEFAULT_NAME);
        match named {
            Some(path) => Ok(Some(path.to_owned())),
            None if here.exists() => Ok(Some(here.to_owned())),
            None => Ok(PersonalSettings::load(environment)?.estate().map(Path::to_owned)),
        }
    }

    /// Reads the estate file of this run, which there must be. All its errors come at once, underlined.
    pub(crate) fn load(context: &Context) -> Result<Self, CliError> {
        Self::find(context)?.ok_or_else(Self::missing)
    }

    /// What a command that needs an estate file says where there is none.
    pub(crate) fn missing() -> CliError {
        CliError::usage(format!("there is no estate file `{DEFAULT_NAME}` here"))
            .hint("run postern where it lies, or name it with --estate FILE")
    }

    /// Reads the estate file of this run, if there is one.
    pub(crate) fn find(context: &Context) -> Result<Option<Self>, CliError> {
        let place = Self::place(context.estate_path.as_deref(), &context.environment)?;
        place.map(Self::read).transpose()
    }

    fn read(path: PathBuf) -> Result<Self, CliError> {
        let text = read_text(&path)?;
        Self::of(path, text)
    }

    /// What the file will be once this is its text.
    pub(crate) fn with_text(&self, text: String) -> Result<Self, CliError> {
        Self::of(self.path.clone(), text)
    }

    fn of(path: PathBuf, text: String) -> Result<Self, CliError> {
        let design = Design::parse(&text).map_err(|errors| design_errors(&path, &text, &errors))?;
        Ok(Self { path, text, design })
    }

    /// What the file asks for, in accounts with these quotas.
    pub(crate) fn desired(&self, quotas: &dyn Fn(AccountId) -> Quotas) -> Result<Desired, CliError> {
        self.design
            .desired(&|path| self.read_beside(path), quotas)
            .map_err(|errors| design_errors(&self.path, &self.text, &errors))
    }

    /// Mistakes in this file that were found by looking further than the file.
    pub(crate) fn source_errors(&self, errors: &[SourceError]) -> CliError {
        source_errors(&self.path, &self.text, errors)
    }

    /// Reads a file that the estate file names, relative to it.
    fn read_beside(&self, relative: &str) -> Result<String, String> {
        let path = self.path.parent().unwrap_or(Path::new("")).join(relative);
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    }
}

/// The errors of an estate file, underlined in its text.
pub(crate) fn design_errors(path: &Path, text: &str, errors: &[postern_estate::DesignError]) -> CliError {
    let shown: Vec<SourceError> = errors
        .iter()
        .map(|error| SourceError {
            message: error.message.clone(),
            span: error.span.start..error.span.end,
            help: error.help.clone(),
        })
        .collect();
    source_errors(path, text, &shown)
}

fn source_errors(path: &Path, text: &str, errors: &[SourceError]) -> CliError {
    let picture = render_source_errors(&path.display().to_string(), text, errors);
    let count = match errors.len() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    };
    CliError::usage(format!("{picture}\n\n{count} in `{}`; nothing was called", path.display())).rendered()
}

fn read_text(path: &Path) -> Result<String, CliError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        let wrong = CliError::usage(format!("cannot read the estate file `{shown}`")).caused_by(&error);
        if error.kind() == io::ErrorKind::NotFound {
            wrong.hint("run postern where `postern.toml` lies, or name it with --estate FILE")
        } else {
            wrong
        }
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = valid - before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1) + 1;
        CliError::usage(format!("{shown}:{line}:{column}: the estate file is not UTF-8 text"))
            .hint("save it as UTF-8")
    })
}
