//! Changes of the settings file, byte-exact outside the changed value.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use super::settings_path;
use crate::{
    env::Environment,
    errors::CliError,
    whole_file::{self, Mode, PRIVATE},
};

/// The settings file with another choice of key store: worked out before anything is done, written at the end.
pub(crate) struct StoreChoice {
    path: PathBuf,
    text: String,
}

impl StoreChoice {
    /// Works the change out.
    pub(crate) fn prepare(environment: &Environment, store: &str) -> Result<Self, CliError> {
        let path = settings_path(environment)
            .ok_or_else(|| CliError::failed("there is no place for the settings").hint("set HOME"))?;
        let path = whole_file::target_of(&path);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error));
            }
        };
        let text = with_store(&text, store).map_err(|error| {
            CliError::usage(format!("`{}` is not a settings file", path.display()))
                .caused_by(error.to_string().trim_end())
        })?;
        Ok(Self { path, text })
    }

    /// Where it is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self) -> Result<(), CliError> {
        let directory = fs::create_dir_all(whole_file::directory_of(&self.path));
        directory.and_then(|()| whole_file::replace(&self.path, &self.text, Mode::Kept(PRIVATE))).map_err(
            |error| CliError::failed(format!("cannot write `{}`", self.path.display())).caused_by(error),
        )
    }
}

/// The text with `store = "…"`: the value in place of the one that is there, else a line at
/// the end, or at the beginning of a file with tables.
fn with_store(text: &str, store: &str) -> Result<String, toml::de::Error> {
    #[derive(Deserialize)]
    struct Settings {
        store: Option<Spanned<String>>,
    }
    let settings: Settings = toml::from_str(text)?;
    let span = settings.store.map(|value| value.span());
    if let Some((before, after)) =
        span.and_then(|span| Some((text.get(..span.start)?, text.get(span.end..)?)))
    {
        return Ok(format!("{before}\"{store}\"{after}"));
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    let line = format!("store = \"{store}\"{newline}");
    let at_end = format!("{text}{gap}{line}");
    // Behind a table's head it would be the table's.
    let is_set =
        toml::from_str::<Settings>(&at_end).is_ok_and(|s| s.store.is_some_and(|s| s.get_ref() == store));
    if is_set {
        return Ok(at_end);
    }
    let (mark, rest) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
    Ok(format!("{mark}{line}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_value_changes() {
        for (before, after) in [
            ("", "store = \"pass\"\n"),
            ("mfa_process = 'pass otp aws'", "mfa_process = 'pass otp aws'\nstore = \"pass\"\n"),
            ("# mine\r\nmfa_process = 'x'\r\n", "# mine\r\nmfa_process = 'x'\r\nstore = \"pass\"\r\n"),
            (
                "# store = \"x\"\n  store   =   'file'   # because\nmfa_process = '''store'''\n",
                "# store = \"x\"\n  store   =   \"pass\"   # because\nmfa_process = '''store'''\n",
            ),
            (
                "# mine\n[mfa]\nfrom = [\n  'terminal',\n]\n",
                "store = \"pass\"\n# mine\n[mfa]\nfrom = [\n  'terminal',\n]\n",
            ),
            ("[mfa]\nstore = 'x'", "store = \"pass\"\n[mfa]\nstore = 'x'"),
            ("\"store\" = \"\\u0066ile\"", "\"store\" = \"pass\""),
            ("\u{feff}store = \"file\"\n", "\u{feff}store = \"pass\"\n"),
        ] {
            assert_eq!(with_store(before, "pass").unwrap(), after, "{before:?}");
        }
        assert!(with_store("store = ", "pass").is_err());
    }
}
