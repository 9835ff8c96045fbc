//! A change to the estate file: worked out and parsed before anything is called.

use std::{fs, io, path::PathBuf};

use postern_estate::{Design, without_person};
use postern_types::UserName;

use crate::{
    errors::CliError,
    estate_file::EstateFile,
    report::file_change,
    whole_file::{self, Mode, PUBLIC},
};

/// A change to the estate file that is yet to be written.
pub(crate) struct FileChange {
    path: PathBuf,
    before: String,
    after: String,
}

impl FileChange {
    /// None where the file does not name the person. A file that would be none without them is refused.
    pub(crate) fn without(file: &EstateFile, person: &UserName) -> Result<Option<Self>, CliError> {
        let path = &file.path;
        let after = without_person(&file.text, person).map_err(|error| {
            CliError::usage(format!("`{}` is no TOML", path.display()))
                .caused_by(error.to_string().trim_end())
        })?;
        let Some(after) = after else { return Ok(None) };
        let administrators = &file.design.administrators.people;
        if administrators.iter().all(|one| one.value == *person) && !administrators.is_empty() {
            return Err(CliError::refused(format!("{person} is the only administrator of the estate file"))
                .hint("name another one in [administrators] and run `postern apply` first"));
        }
        if let Err(errors) = Design::parse(&after) {
            let error = CliError::refused(format!("without {person}, `{}` does not hold", path.display()));
            let error = errors.iter().fold(error, |error, wrong| error.caused_by(&wrong.message));
            return Err(error.hint("mend the file first"));
        }
        Ok(Some(Self::to(file, after)))
    }

    /// The change to this text, of which it is known that it holds.
    pub(crate) fn to(file: &EstateFile, after: String) -> Self {
        // Where the file is a link, what it leads to changes and the link stays.
        let path = whole_file::target_of(&file.path);
        Self { path, before: file.text.clone(), after }
    }

    /// The text as it will be.
    pub(crate) fn after(&self) -> &str {
        &self.after
    }

    pub(crate) fn diff(&self) -> String {
        let name = self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        file_change::unified(&name, Some(&self.before), &self.after)
    }

    /// Writes it, whole or not at all. A file that was changed meanwhile is left.
    pub(crate) fn write(&self) -> Result<(), CliError> {
        let failed = |error: io::Error| {
            CliError::failed(format!("cannot write `{}`", self.path.display()))
                .caused_by(error)
                .hint("make the change that was shown by hand")
        };
        if fs::read_to_string(&self.path).map_err(failed)? != self.before {
            return Err(CliError::failed(format!("`{}` was changed meanwhile", self.path.display()))
                .hint("make the change that was shown by hand"));
        }
        whole_file::replace(&self.path, &self.after, Mode::Kept(PUBLIC)).map_err(failed)
    }
}
