//! Keys that stand in the files in clear, and what is to stand there instead.

use std::fmt;

use postern_types::{AccessKeyId, KeyKind, LongTermKey, ParseError, SecretAccessKey};
use zeroize::Zeroizing;

use super::{
    edit::EditError,
    ini::{CAPITAL_DEFAULT, Entry},
    profile::{File, Header, Place, Placed, Profiles},
    section::{Found, Layer},
};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKENS: [&str; 2] = ["aws_session_token", "aws_security_token"];

/// A secret access key in a section of a file.
#[derive(Clone)]
pub struct KeyInClear {
    /// The section's header, as it is written.
    pub section: String,
    /// The profile that it is of; none where no tool takes the section for one.
    pub profile: Option<String>,
    /// Where the secret stands.
    pub at: Place,
    /// The key's id, where the section has one.
    pub id: Option<Placed<String>>,
    /// Whether a session token makes it temporary.
    pub has_token: bool,
    secret: Zeroizing<String>,
    lines: Vec<Line>,
}

/// A line that would be replaced.
#[derive(Clone, Debug)]
struct Line {
    number: usize,
    /// What stands before the key.
    indent: usize,
    continued: bool,
    is_secret: bool,
}

impl fmt::Debug for KeyInClear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, at, id, .. } = self;
        f.debug_struct("KeyInClear")
            .field("section", section)
            .field("at", at)
            .field("id", id)
            .finish_non_exhaustive()
    }
}

impl KeyInClear {
    /// The key, if it is a long-term key with both of its halves.
    ///
    /// # Errors
    /// When one of the halves is none.
    pub fn long_term(&self) -> Result<Option<LongTermKey>, ParseError> {
        let Some(id) = &self.id else { return Ok(None) };
        let id: AccessKeyId = id.value.parse()?;
        if self.has_token || id.kind() == Some(KeyKind::Temporary) {
            return Ok(None);
        }
        Ok(Some(LongTermKey { id, secret: SecretAccessKey::new(self.secret.as_str())? }))
    }

    /// Whether it is this key.
    #[must_use]
    pub fn is(&self, key: &LongTermKey) -> bool {
        self.long_term().ok().flatten().is_some_and(|own| own.id == key.id && own.secret.ct_eq(&key.secret))
    }

    /// What replaces its lines when the key rests in the key store, and `command` gives credentials to other tools.
    ///
    /// # Errors
    /// When a value goes on in the next line.
    pub fn stored_instead(&self, command: &str) -> Result<Vec<(usize, String)>, EditError> {
        let id = self.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        let replaced = |line: &Line| {
            if line.continued {
                return Err(EditError::Continued { line: line.number });
            }
            let indent = " ".repeat(line.indent);
            let new = match line.is_secret {
                true => format!("{indent}credential_process = {command}"),
                false => format!("{indent}postern_key = {id}"),
            };
            Ok((line.number, new))
        };
        self.lines.iter().map(replaced).collect()
    }

    /// Whether a line of the file is one of those that are replaced.
    #[must_use]
    pub fn has_line(number: usize, text: &str, changes: &[(usize, String)]) -> bool {
        let key = text.split(['=', ':']).next().unwrap_or_default().trim();
        let is_key = [ID, SECRET].iter().any(|name| key.eq_ignore_ascii_case(name));
        is_key && changes.iter().any(|(line, _)| *line == number)
    }
}

impl Profiles {
    /// Every secret access key that stands in the files, whoever reads it there.
    #[must_use]
    pub fn keys_in_clear(&self) -> Vec<KeyInClear> {
        let mut found = Vec::new();
        for file in [File::Config, File::Credentials] {
            let ini = self.ini(file);
            let layer = |entries| Layer { file, ini, entries };
            found.extend(of_section(CAPITAL_DEFAULT, None, layer(&ini.defaults)));
            for section in &ini.sections {
                let header = ini.at(section.header);
                let profile = match file {
                    File::Credentials => Some(header.to_owned()),
                    File::Config => match Header::of_config(header) {
                        Header::Profile(name) => Some(name),
                        _ => None,
                    },
                };
                found.extend(of_section(header, profile, layer(&section.entries)));
            }
        }
        found
    }

    /// What already says, in the same section, where the credentials of a profile come from: beside it, nothing can
    /// take the keys' place.
    #[must_use]
    pub fn in_the_way(&self, key: &KeyInClear) -> Option<(&'static str, Place)> {
        let own = self.ini(key.at.file).sections.iter().map(|section| &section.entries);
        let entries =
            own.into_iter().find(|entries| entries.iter().any(|entry| entry.line == key.at.line))?;
        let layer = Layer { file: key.at.file, ini: self.ini(key.at.file), entries };
        ["postern_key", "credential_process"].into_iter().find_map(|name| Some((name, layer.get(name)?.at())))
    }
}

fn of_section(header: &str, profile: Option<String>, layer: Layer<'_>) -> Option<KeyInClear> {
    let filled = |name| layer.get(name).filter(|found: &Found<'_>| !found.text().is_empty());
    let (id, secret) = (filled(ID), filled(SECRET)?);
    let line = |entry: &Entry, is_secret| Line {
        number: entry.line,
        indent: entry.indent,
        continued: entry.continued,
        is_secret,
    };
    let lines = id.map(|id| line(id.entry, false)).into_iter().chain([line(secret.entry, true)]).collect();
    Some(KeyInClear {
        section: header.to_owned(),
        profile,
        at: secret.at(),
        id: id.map(|id| id.placed(id.text().into_owned())),
        has_token: TOKENS.into_iter().any(|name| filled(name).is_some()),
        secret: Zeroizing::new(secret.text().into_owned()),
        lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{edit, profile::Source};

    const KEY: &str = "AKIAY34FZKBOKMUTV007";

    fn replaced(text: &str) -> Result<String, EditError> {
        let profiles = Profiles::parse("", text).unwrap();
        let mut changes = Vec::new();
        for key in profiles.keys_in_clear() {
            changes.extend(key.stored_instead("/p credential-process a")?);
        }
        let lines: Vec<(usize, Option<&str>)> =
            changes.iter().map(|(line, new)| (*line, Some(new.as_str()))).collect();
        edit::replace_lines(text, &lines, |line, text| KeyInClear::has_line(line, text, &changes))
    }

    #[test]
    fn two_lines_change_and_the_profile_is_the_stores() {
        let text = format!(
            "# mine\r\n[a]\r\nAWS_ACCESS_KEY_ID: {KEY}\r\nregion = eu-west-1\r\naws_secret_access_key=s\r\n"
        );
        let new = replaced(&text).unwrap();
        assert_eq!(
            new,
            format!(
                "# mine\r\n[a]\r\npostern_key = {KEY}\r\nregion = eu-west-1\r\ncredential_process = /p credential-process a\r\n"
            )
        );
        let profile = Profiles::parse("", &new).unwrap().profile("a").unwrap();
        assert!(matches!(profile.source, Source::Stored(key) if key.key.value.as_str() == KEY));
        // Indented keys stay in line with those that follow them.
        let indented =
            format!("[a]\n  aws_access_key_id = {KEY}\n  aws_secret_access_key = s\n  region = eu-west-1\n");
        let new = replaced(&indented).unwrap();
        assert!(Profiles::parse("", &new).unwrap().profile("a").unwrap().region.is_some(), "{new}");
        let continued = format!("[a]\naws_access_key_id = {KEY}\naws_secret_access_key = s\n  t\n");
        assert_eq!(replaced(&continued), Err(EditError::Continued { line: 3 }));
    }

    #[test]
    fn every_secret_is_found_and_none_is_shown() {
        let config = format!(
            "[DEFAULT]\naws_secret_access_key = hunter1\n[b]\naws_access_key_id = {KEY}\naws_secret_access_key = hunter2\n[profile c]\naws_access_key_id = ASIAY34FZKBOKMUTV007\naws_secret_access_key = hunter3\n"
        );
        let credentials = format!(
            "[d]\naws_access_key_id = {KEY}\naws_secret_access_key = hunter2\naws_session_token = t\n[e]\naws_access_key_id = {KEY}\naws_secret_access_key =\n[f]\naws_access_key_id = {KEY}\naws_secret_access_key = hunter2\ncredential_process = x\n"
        );
        let profiles = Profiles::parse(&config, &credentials).unwrap();
        let found = profiles.keys_in_clear();
        let sections: Vec<_> =
            found.iter().map(|key| (key.section.as_str(), key.profile.as_deref(), key.at.line)).collect();
        assert_eq!(
            sections,
            [
                ("DEFAULT", None, 2),
                ("b", None, 5),
                ("profile c", Some("c"), 8),
                ("d", Some("d"), 3),
                ("f", Some("f"), 10)
            ]
        );
        let long_term: Vec<bool> = found.iter().map(|key| key.long_term().unwrap().is_some()).collect();
        assert_eq!(long_term, [false, true, false, false, true]);
        let key = found[1].long_term().unwrap().unwrap();
        assert!(found[4].is(&key) && !found[3].is(&key) && !found[2].is(&key));
        assert_eq!(
            profiles.in_the_way(&found[4]).map(|(name, at)| (name, at.line)),
            Some(("credential_process", 11))
        );
        assert_eq!(profiles.in_the_way(&found[3]), None);
        assert!(!format!("{found:?}").contains("hunter"));
    }
}
