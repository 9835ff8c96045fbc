//! The text format of `~/.aws/config` and `~/.aws/credentials`, in what botocore and the SDKs agree on.
//!
//! Where botocore and the SDK for Rust read the same file differently (a section or key given twice, a byte
//! order mark, `[DEFAULT]` in capitals, a value that goes on in the next line), the file is refused with its
//! line: guessing would give one of the two a surprise.

use std::collections::BTreeMap;

/// A place in a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct IniError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: IniProblem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IniProblem {
    /// The file begins with a byte order mark, which the aws CLI refuses.
    #[error("a byte order mark begins the file")]
    ByteOrderMark,
    /// A header without its `]`, or without a name.
    #[error("a section header is `[name]`")]
    Header,
    /// `[DEFAULT]` reaches every profile in botocore and none elsewhere.
    #[error("`[DEFAULT]` is not `[default]`")]
    CapitalDefault,
    /// A key before the first section.
    #[error("a key stands before the first section")]
    NoSection,
    /// A line that is neither section, key, comment nor blank.
    #[error("neither a section, nor `key = value`, nor a comment")]
    NotAKey,
    /// The section stands in the file already.
    #[error("the section `{name}` stands in line {first} already")]
    DuplicateSection {
        /// Its name.
        name: String,
        /// Where it stands first.
        first: usize,
    },
    /// The key stands in the section already.
    #[error("the key `{key}` stands in line {first} already")]
    DuplicateKey {
        /// The key in lower case.
        key: String,
        /// Where it stands first.
        first: usize,
    },
    /// An indented line behind a value.
    #[error("an indented line continues the value above, which not every tool reads alike")]
    Continued,
}

/// A file: its sections by the text between the brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    pub(crate) sections: BTreeMap<String, Section>,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) line: usize,
    pub(crate) keys: BTreeMap<String, Entry>,
}

/// A key's value, or the keys indented under it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) line: usize,
    pub(crate) value: String,
    pub(crate) nested: BTreeMap<String, Self>,
}

impl std::fmt::Debug for Entry {
    /// Values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("line", &self.line)
            .field("nested", &self.nested)
            .finish_non_exhaustive()
    }
}

impl Section {
    /// The key's value, if it is there and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(|entry| entry.value.as_str()).filter(|value| !value.is_empty())
    }
}

impl Ini {
    pub(crate) fn parse(text: &str) -> Result<Self, IniError> {
        let mut ini = Self::default();
        let mut section: Option<String> = None;
        let mut key: Option<String> = None;
        if text.starts_with('\u{feff}') {
            return Err(IniError { line: 1, problem: IniProblem::ByteOrderMark });
        }
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let wrong = |problem| IniError { line, problem };
            let indented = raw.starts_with([' ', '\t']);
            let content = raw.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if !indented && content.starts_with('[') {
                let name = header(content).ok_or_else(|| wrong(IniProblem::Header))?;
                if name == "DEFAULT" {
                    return Err(wrong(IniProblem::CapitalDefault));
                }
                if let Some(first) = ini.sections.get(name) {
                    let problem = IniProblem::DuplicateSection { name: name.to_owned(), first: first.line };
                    return Err(wrong(problem));
                }
                ini.sections.insert(name.to_owned(), Section { line, ..Section::default() });
                section = Some(name.to_owned());
                key = None;
                continue;
            }
            let current = section
                .as_ref()
                .and_then(|name| ini.sections.get_mut(name))
                .ok_or_else(|| wrong(IniProblem::NoSection))?;
            let parent = key.as_ref().filter(|_| indented).and_then(|key| current.keys.get_mut(key));
            match parent {
                Some(parent) if !parent.value.is_empty() => return Err(wrong(IniProblem::Continued)),
                Some(parent) => {
                    add(&mut parent.nested, content, line)?;
                }
                None => key = Some(add(&mut current.keys, content, line)?),
            }
        }
        Ok(ini)
    }
}

/// The name in `[name]`.
fn header(content: &str) -> Option<&str> {
    let name = content.strip_prefix('[')?.strip_suffix(']')?.trim();
    (!name.is_empty() && !name.contains([']', '['])).then_some(name)
}

fn add(keys: &mut BTreeMap<String, Entry>, content: &str, line: usize) -> Result<String, IniError> {
    let wrong = |problem| IniError { line, problem };
    let (key, value) = content.split_once(['=', ':']).ok_or_else(|| wrong(IniProblem::NotAKey))?;
    let key = key.trim().to_ascii_lowercase();
    if key.is_empty() || key.starts_with('[') {
        return Err(wrong(IniProblem::NotAKey));
    }
    if let Some(first) = keys.get(&key) {
        return Err(wrong(IniProblem::DuplicateKey { key, first: first.line }));
    }
    keys.insert(key.clone(), Entry { line, value: value.trim().to_owned(), nested: BTreeMap::new() });
    Ok(key)
}

/// Splits a header such as `profile "my team"` as a shell would; none for more or fewer than two words.
pub(crate) fn kind_and_name(header: &str) -> Option<(&str, String)> {
    let (kind, rest) = header.split_once([' ', '\t'])?;
    let rest = rest.trim();
    let name = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            rest.strip_prefix(quote)?.strip_suffix(quote).filter(|n| !n.contains(quote))?
        }
        _ if rest.contains([' ', '\t', '"', '\'', '\\']) => return None,
        _ => rest,
    };
    (!name.is_empty()).then(|| (kind, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_common_subset_is_read() {
        let text = "# c\r\n[default]\r\nRegion = eu-central-1 \r\n; c\r\nkey: v = w # kept\r\n\n\
                    [services x]\nsts =\n  endpoint_url = http://h:1\n\tother = y\niam=\n";
        let ini = Ini::parse(text).unwrap();
        let default = &ini.sections["default"];
        assert_eq!((default.get("region"), default.get("key")), (Some("eu-central-1"), Some("v = w # kept")));
        assert_eq!(ini.sections["services x"].keys["sts"].nested["endpoint_url"].value, "http://h:1");
        assert_eq!(ini.sections["services x"].get("iam"), None);
    }

    #[test]
    fn what_tools_read_differently_is_refused_with_its_line() {
        let cases = [
            ("\u{feff}[a]\n", 1, IniProblem::ByteOrderMark),
            ("\n[a\n", 2, IniProblem::Header),
            ("[]\n", 1, IniProblem::Header),
            ("[a] # note\n", 1, IniProblem::Header),
            ("[DEFAULT]\n", 1, IniProblem::CapitalDefault),
            ("k = v\n", 1, IniProblem::NoSection),
            ("[a]\nbogus\n", 2, IniProblem::NotAKey),
            ("[a]\n= v\n", 2, IniProblem::NotAKey),
            ("[a]\n[b]\n[a]\n", 3, IniProblem::DuplicateSection { name: "a".into(), first: 1 }),
            ("[a]\nk=1\nK=2\n", 3, IniProblem::DuplicateKey { key: "k".into(), first: 2 }),
            ("[a]\ns=\n k=1\n k=2\n", 4, IniProblem::DuplicateKey { key: "k".into(), first: 3 }),
            ("[a]\nk=1\n  more\n", 3, IniProblem::Continued),
        ];
        for (text, line, problem) in cases {
            assert_eq!(Ini::parse(text), Err(IniError { line, problem }), "{text:?}");
        }
    }

    #[test]
    fn names_are_split_as_a_shell_would() {
        for (header, expected) in [
            ("profile a", Some(("profile", "a"))),
            ("profile \"a b\"", Some(("profile", "a b"))),
            ("profile 'a b'", Some(("profile", "a b"))),
            ("profile c d", None),
            ("profile \"a", None),
            ("profile", None),
            ("services x", Some(("services", "x"))),
        ] {
            assert_eq!(kind_and_name(header).as_ref().map(|(k, n)| (*k, n.as_str())), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "(\\PC|[\\[\\]=:#; \t\n\r])*") {
            if let Err(error) = Ini::parse(&text) {
                prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1));
            }
        }
    }
}
