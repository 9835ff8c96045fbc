//! The text format of `~/.aws/config` and `~/.aws/credentials`, exactly as botocore reads it.
//!
//! botocore hands both files to Python's `configparser.RawConfigParser`: values go on in deeper indented lines, blank
//! lines among them; whatever follows a header's last `]` is dropped; `[DEFAULT]` in capitals reaches every section;
//! a section or key given twice, a byte order mark and a line of neither kind fail the whole file. Other SDKs differ
//! in most of this: [`super::oddity`] names the places.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
};

use zeroize::Zeroizing;

/// The section whose keys reach all others.
pub(super) const CAPITAL_DEFAULT: &str = "DEFAULT";

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
    /// A line before the first section.
    #[error("this stands before the first section")]
    NoSection,
    /// A line that is neither section, key, comment nor blank.
    #[error("neither a section, nor `key = value`, nor a comment")]
    NotAKey,
    /// An indented line under a key without value that is not `key = value` itself.
    #[error("an indented line under a key without a value is `key = value`")]
    NotNested,
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
}

/// A part of the file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A file. Its text is kept whole, for it may hold secrets and is wiped at the end.
#[derive(Clone, Default)]
pub(super) struct Ini {
    text: Zeroizing<String>,
    pub(super) sections: Vec<Section>,
    /// What stands under `[DEFAULT]`, however often that is written.
    pub(super) defaults: Vec<Entry>,
    /// Where `[DEFAULT]` stands first.
    pub(super) defaults_line: Option<usize>,
}

/// A section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// What stands between the brackets, blanks and all.
    pub(super) header: Span,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) key: Span,
    /// From the value's first character to the last of its lines.
    pub(super) value: Span,
    /// Whether it goes on behind its first line.
    pub(super) continued: bool,
    /// How far the key is indented.
    pub(super) indent: usize,
}

impl fmt::Debug for Ini {
    /// The text may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ini").field("sections", &self.sections.len()).finish_non_exhaustive()
    }
}

impl Ini {
    pub(super) fn parse(text: Zeroizing<String>) -> Result<Self, IniError> {
        let read = Self::read(&text)?;
        let ini = Self { text, ..read };
        ini.check_second_level()?;
        Ok(ini)
    }

    /// All but the text itself.
    fn read(text: &str) -> Result<Self, IniError> {
        if text.starts_with('\u{feff}') {
            return Err(IniError { line: 1, problem: IniProblem::ByteOrderMark });
        }
        let mut reader = Reader::default();
        for (index, (start, line)) in lines(text).enumerate() {
            let wrong = |problem| IniError { line: index + 1, problem };
            reader.line(index + 1, start, line).map_err(wrong)?;
        }
        let Reader { sections, defaults, defaults_line, .. } = reader;
        Ok(Self { text: Zeroizing::default(), sections, defaults, defaults_line })
    }

    fn check_second_level(&self) -> Result<(), IniError> {
        // What stands under `[DEFAULT]` is looked at only where it reaches a section.
        let reaches = |entry: &&Entry| {
            let has = |section: &Section| {
                section.entries.iter().any(|e| self.is(e, &self.at(entry.key).to_lowercase()))
            };
            !self.sections.iter().all(has)
        };
        for entry in self.sections.iter().flat_map(|section| &section.entries) {
            self.check_nested(entry)?;
        }
        self.defaults
            .iter()
            .filter(|entry| self.is_nested(entry))
            .filter(reaches)
            .try_for_each(|entry| self.check_nested(entry))
    }

    /// The text of a part.
    pub(super) fn at(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The text right behind a part, to the end of its line.
    pub(super) fn behind(&self, span: Span) -> &str {
        let rest = self.text.get(span.end..).unwrap_or_default();
        lines(rest).next().map_or("", |(_, line)| line)
    }

    /// Whether the entry's key is this one, which is in lower case.
    pub(super) fn is(&self, entry: &Entry, key: &str) -> bool {
        let written = self.at(entry.key);
        written.eq_ignore_ascii_case(key) || (!written.is_ascii() && written.to_lowercase() == key)
    }

    /// The value as one text: its lines without their indentation, comments left out.
    pub(super) fn value(&self, entry: &Entry) -> Cow<'_, str> {
        let raw = self.at(entry.value);
        if entry.continued { Cow::Owned(joined(raw)) } else { Cow::Borrowed(raw) }
    }

    /// Whether keys of a second level stand where the value would.
    pub(super) fn is_nested(&self, entry: &Entry) -> bool {
        entry.continued && lines(self.at(entry.value)).next().is_none_or(|(_, first)| strip(first).is_empty())
    }

    /// The keys of the second level: in whatever case they are written, and the last of a name counts.
    pub(super) fn nested(&self, entry: &Entry, key: &str) -> Option<(usize, &str)> {
        if !self.is_nested(entry) {
            return None;
        }
        let pairs = nested_lines(self.at(entry.value));
        pairs
            .filter_map(|(line, pair)| Some((line, pair.split_once('=')?)))
            .filter(|(_, (name, _))| strip(name) == key)
            .last()
            .map(|(line, (_, value))| (entry.line + line, strip(value)))
    }

    fn check_nested(&self, entry: &Entry) -> Result<(), IniError> {
        if !self.is_nested(entry) {
            return Ok(());
        }
        match nested_lines(self.at(entry.value)).find(|(_, pair)| !pair.contains('=')) {
            Some((line, _)) => Err(IniError { line: entry.line + line, problem: IniProblem::NotNested }),
            None => Ok(()),
        }
    }
}

/// The file as far as it was read.
#[derive(Default)]
struct Reader<'a> {
    sections: Vec<Section>,
    defaults: Vec<Entry>,
    defaults_line: Option<usize>,
    place: Where,
    /// How far the last header or key was indented: what stands deeper goes on with the key's value.
    indent: usize,
    /// Whether there is a key to go on with.
    open: bool,
    headers: HashMap<&'a str, usize>,
    keys: Lines<'a>,
    default_keys: Lines<'a>,
}

/// The keys of a section, in lower case, and where each stands: few, so that comparing costs less than hashing.
type Lines<'a> = BTreeMap<Cow<'a, str>, usize>;

/// What the next key belongs to.
#[derive(Clone, Copy, Default)]
enum Where {
    #[default]
    Nowhere,
    Section,
    Defaults,
}

impl<'a> Reader<'a> {
    /// Reads the line that begins at `start`.
    fn line(&mut self, number: usize, start: usize, line: &'a str) -> Result<(), IniProblem> {
        let content = strip(line);
        if content.is_empty() || is_comment(content) {
            return Ok(());
        }
        // In bytes for the span, in characters for what Python compares.
        let blanks = match line.bytes().next() {
            Some(b'!'..=b'~') => "",
            _ => line.get(..line.len() - line.trim_start_matches(is_blank).len()).unwrap_or_default(),
        };
        let (start, indent) = (start + blanks.len(), blanks.chars().count());
        if self.open && indent > self.indent {
            if let Some(entry) = self.entries().and_then(|(entries, _)| entries.last_mut()) {
                entry.continued = true;
                entry.value.end = start + content.len();
            }
            return Ok(());
        }
        self.indent = indent;
        match header(content) {
            Some(name) => self.section(number, start, name),
            None => self.key(number, start, content),
        }
    }

    fn section(&mut self, line: usize, start: usize, name: &'a str) -> Result<(), IniProblem> {
        self.open = false;
        if name == CAPITAL_DEFAULT {
            self.defaults_line.get_or_insert(line);
            self.place = Where::Defaults;
            return Ok(());
        }
        if let Some(first) = self.headers.insert(name, line) {
            return Err(IniProblem::DuplicateSection { name: name.to_owned(), first });
        }
        let header = Span { start: start + 1, end: start + 1 + name.len() };
        self.sections.push(Section { header, line, entries: Vec::new() });
        self.keys.clear();
        self.place = Where::Section;
        Ok(())
    }

    fn key(&mut self, line: usize, start: usize, content: &'a str) -> Result<(), IniProblem> {
        let indent = self.indent;
        let Some((entries, keys)) = self.entries() else { return Err(IniProblem::NoSection) };
        let end = content.bytes().position(|byte| matches!(byte, b'=' | b':')).ok_or(IniProblem::NotAKey)?;
        let (key, value) = content.get(..end).zip(content.get(end + 1..)).ok_or(IniProblem::NotAKey)?;
        let (name, value_start) = (key.trim_end_matches(is_blank), start + key.len() + 1);
        if name.is_empty() {
            return Err(IniProblem::NotAKey);
        }
        if let Some(first) = keys.insert(lower(name), line) {
            return Err(IniProblem::DuplicateKey { key: name.to_lowercase(), first });
        }
        // The content ends without blanks, so what is cut off stands in front.
        let text = value.trim_start_matches(is_blank);
        let value_start = value_start + value.len() - text.len();
        let key = Span { start, end: start + name.len() };
        let value = Span { start: value_start, end: value_start + text.len() };
        entries.push(Entry { line, key, value, continued: false, indent });
        self.open = true;
        Ok(())
    }

    /// Where the next key goes, and the keys that stand there already.
    fn entries(&mut self) -> Option<(&mut Vec<Entry>, &mut Lines<'a>)> {
        match self.place {
            Where::Nowhere => None,
            Where::Section => Some((&mut self.sections.last_mut()?.entries, &mut self.keys)),
            Where::Defaults => Some((&mut self.defaults, &mut self.default_keys)),
        }
    }
}

/// The lines with where they begin, ended as Python's text files end them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next;
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes());
        let (line, ending) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        next = start + line.len() + if ending.starts_with("\r\n") { 2 } else { ending.len().min(1) };
        Some((start, line))
    })
}

/// The lines of a value that are not comments; `line` counts from the value's first.
fn joined(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for (index, (_, line)) in lines(raw).enumerate() {
        let line = strip(line);
        match index {
            0 => text.push_str(line),
            _ if is_comment(line) => {}
            _ => text.extend(["\n", line]),
        }
    }
    text
}

/// The lines of the second level, with how far they stand below the key. Python parts them at more characters than
/// it parts a file's lines.
fn nested_lines(raw: &str) -> impl Iterator<Item = (usize, &str)> {
    const ENDS: [char; 8] =
        ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    lines(raw)
        .enumerate()
        .map(|(index, (_, line))| (index, strip(line)))
        .filter(|(_, line)| !is_comment(line))
        .flat_map(|(index, line)| line.split(ENDS).map(move |part| (index, strip(part))))
        .filter(|(_, part)| !part.is_empty())
}

/// The name in `[name]`: up to the last bracket of the line, as Python reads it.
fn header(content: &str) -> Option<&str> {
    let rest = content.strip_prefix('[')?;
    rest.get(..rest.rfind(']')?).filter(|name| !name.is_empty())
}

fn is_comment(content: &str) -> bool {
    content.starts_with(['#', ';'])
}

/// A key in lower case.
fn lower(key: &str) -> Cow<'_, str> {
    let is_lower = key.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(key) } else { Cow::Owned(key.to_lowercase()) }
}

/// Blanks as Python's `str.strip` knows them.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

fn strip(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim_matches(is_blank),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Ini, IniError> {
        Ini::parse(Zeroizing::new(text.to_owned()))
    }

    fn get(text: &str, section: usize, key: &str) -> Option<String> {
        let ini = parse(text).unwrap();
        let entry = ini.sections[section].entries.iter().find(|entry| ini.is(entry, key))?;
        Some(ini.value(entry).into_owned())
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        // the file, its first section's `k`
        let cases: &[(&str, &str)] = &[
            ("[a]\r\nK = v \r\n", "v"),
            ("[a]\rk = v\rj = w", "v"),
            ("[a]\r\n\rk = v\n\nj = w\r", "v"),
            ("[a] # note\nk:v", "v"),
            ("[a]\nk = v = w ; kept # too\n", "v = w ; kept # too"),
            ("[a]\nk = # kept\n", "# kept"),
            ("[a]\n  k = v\n  j = w\n", "v"),
            ("[a]\nk = v\n  more\n\n# gone\n \t; gone\n  end\n\n[b]\n", "v\nmore\n\nend"),
            ("[a]\n  k = v\n   [b]\n", "v\n[b]"),
            ("[a]\nk\u{a0}=\u{2003}v\u{1c}\n", "v"),
            ("[a]\nk =\n", ""),
        ];
        for (text, value) in cases {
            assert_eq!(get(text, 0, "k").as_deref(), Some(*value), "{text:?}");
        }
    }

    #[test]
    fn a_second_level_stands_under_keys_without_value() {
        let text = "[services x]\nSTS =\n  endpoint_url = http://h:1\n # c\n\n\tendpoint_url = http://h:2\n  Other=\niam=\n";
        let ini = parse(text).unwrap();
        let [sts, iam] = &*ini.sections[0].entries else { panic!() };
        assert_eq!(ini.nested(sts, "endpoint_url"), Some((6, "http://h:2")));
        assert_eq!((ini.nested(sts, "Other"), ini.nested(sts, "other")), (Some((7, "")), None));
        assert!(ini.is(sts, "sts") && !ini.is_nested(iam));
    }

    #[test]
    fn capital_defaults_fail_only_where_they_reach() {
        for text in ["[DEFAULT]\ns=\n k\n", "[DEFAULT]\ns=\n k\n[a]\nS=1\n"] {
            assert!(parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn headers_end_at_the_last_bracket() {
        let ini = parse("[ a ]\n[b]]\n[c] d]\n[DEFAULT]\nx=1\n[DEFAULT]\ny=1\n").unwrap();
        let headers: Vec<_> = ini.sections.iter().map(|section| ini.at(section.header)).collect();
        assert_eq!(headers, [" a ", "b]", "c] d"]);
        assert_eq!((ini.defaults.len(), ini.defaults_line), (2, Some(4)));
    }

    #[test]
    fn what_botocore_refuses_is_refused_with_its_line() {
        let cases = [
            ("\u{feff}[a]\n", 1, IniProblem::ByteOrderMark),
            ("\n[a\n", 2, IniProblem::NoSection),
            ("[a]\n[]\n", 2, IniProblem::NotAKey),
            ("# c\n\n  k = v\n", 3, IniProblem::NoSection),
            ("[a]\nbogus\n", 2, IniProblem::NotAKey),
            ("[a]\n  bogus\n", 2, IniProblem::NotAKey),
            ("[a]\n= v\n", 2, IniProblem::NotAKey),
            ("[a]\n[b]\n[a] # c\n", 3, IniProblem::DuplicateSection { name: "a".into(), first: 1 }),
            ("[a]\nk=1\nK=2\n", 3, IniProblem::DuplicateKey { key: "k".into(), first: 2 }),
            (
                "[DEFAULT]\nk=1\n[a]\nk=1\n[DEFAULT]\nk=2\n",
                6,
                IniProblem::DuplicateKey { key: "k".into(), first: 2 },
            ),
            ("[a]\ns=\n k=1\n k: 2\n", 4, IniProblem::NotNested),
            ("[a]\ns=\n k=1\u{c}2\n", 3, IniProblem::NotNested),
            ("[DEFAULT]\ns=\n k\n[a]\n", 3, IniProblem::NotNested),
        ];
        for (text, line, problem) in cases {
            assert_eq!(parse(text).unwrap_err(), IniError { line, problem }, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "(\\PC|[\\[\\]=:#; \t\n\r])*") {
            match parse(&text) {
                Err(error) => prop_assert!(error.line >= 1 && error.line <= lines(&text).count().max(1)),
                Ok(ini) => for entry in ini.sections.iter().flat_map(|section| &section.entries) {
                    prop_assert!(!ini.at(entry.key).is_empty());
                    let _ = (ini.value(entry), ini.nested(entry, "k"));
                },
            }
        }
    }
}
