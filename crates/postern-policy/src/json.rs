//! A JSON reader (RFC 8259) that keeps every position and every duplicate.
//!
//! `serde_json` keeps the last of two equal keys and forgets where they stood; in a policy the first
//! one may be the `Condition` that a reader sees and AWS does not.

mod reader;

use self::reader::Reader;
use crate::{Problem, Span};

/// Enough to mend a file by; a hostile one could hold millions.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// A text read, and the duplicate keys found on the way.
///
/// The values stand one behind another, each followed by all that it holds: one list is made and dropped
/// quicker than a tree of them.
pub(crate) struct Read<'a> {
    text: &'a str,
    entries: Vec<Entry>,
    /// The strings with escapes, without them.
    unescaped: Vec<String>,
    pub(crate) duplicates: Vec<Problem>,
}

/// A value, or the name of a member: its value comes next. Small, because a policy's list of them should be.
#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    end: u32,
    kind: Kind,
    /// How many entries there are in it.
    inside: u32,
    /// How many of these are its own items, or names and values of its members.
    items: u32,
}

impl Entry {
    const fn span(&self) -> Span {
        Span::new(self.start as usize, self.end as usize)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Null,
    Bool(bool),
    Number,
    /// As it stands between its quotes.
    Plain,
    /// The string with this number among the unescaped ones.
    Unescaped(u32),
    Array,
    Object,
}

/// A JSON value and its place.
#[derive(Clone, Copy)]
pub(crate) struct Node<'r> {
    read: &'r Read<'r>,
    entry: &'r Entry,
    /// The entry and what is in it.
    whole: &'r [Entry],
}

/// What a value is.
pub(crate) enum Value<'r> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'r str),
    String(&'r str),
    Array(Items<'r>),
    Object(Members<'r>),
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(crate) struct Member<'r> {
    pub(crate) key: &'r str,
    pub(crate) key_span: Span,
    pub(crate) node: Node<'r>,
}

impl<'r> Node<'r> {
    pub(crate) const fn span(self) -> Span {
        self.entry.span()
    }

    pub(crate) fn value(self) -> Value<'r> {
        match self.entry.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Number => Value::Number(self.span().of(self.read.text).unwrap_or_default()),
            Kind::Plain | Kind::Unescaped(_) => Value::String(self.text().unwrap_or_default()),
            Kind::Array => Value::Array(self.items()),
            Kind::Object => Value::Object(Members(self.items())),
        }
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<&'r str> {
        let Span { start, end } = self.span();
        match self.entry.kind {
            Kind::Plain => self.read.text.get(start + 1..end - 1),
            Kind::Unescaped(number) => self.read.unescaped.get(number as usize).map(String::as_str),
            _ => None,
        }
    }

    pub(crate) const fn is_list(self) -> bool {
        matches!(self.entry.kind, Kind::Array)
    }

    /// The values of a list; what is none counts as its only one.
    pub(crate) fn listed(self) -> Items<'r> {
        match self.is_list() {
            true => self.items(),
            false => Items { read: self.read, entries: self.whole, left: 1 },
        }
    }

    fn items(self) -> Items<'r> {
        let entries = self.whole.get(1..).unwrap_or_default();
        Items { read: self.read, entries, left: self.entry.items as usize }
    }

    /// The value's kind as a person would say it.
    pub(crate) const fn kind(self) -> &'static str {
        match self.entry.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number => "a number",
            Kind::Plain | Kind::Unescaped(_) => "a string",
            Kind::Array => "a list",
            Kind::Object => "an object",
        }
    }
}

/// The values of a list.
#[derive(Clone, Copy)]
pub(crate) struct Items<'r> {
    read: &'r Read<'r>,
    entries: &'r [Entry],
    left: usize,
}

impl<'r> Iterator for Items<'r> {
    type Item = Node<'r>;

    fn next(&mut self) -> Option<Node<'r>> {
        let entry = self.entries.first()?;
        let (whole, rest) = self.entries.split_at_checked(1 + entry.inside as usize)?;
        self.entries = rest;
        self.left -= 1;
        Some(Node { read: self.read, entry, whole })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The members of an object.
#[derive(Clone, Copy)]
pub(crate) struct Members<'r>(Items<'r>);

impl<'r> Iterator for Members<'r> {
    type Item = Member<'r>;

    fn next(&mut self) -> Option<Member<'r>> {
        let key = self.0.next()?;
        Some(Member { key: key.text()?, key_span: key.span(), node: self.0.next()? })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let members = self.0.len() / 2;
        (members, Some(members))
    }
}

impl ExactSizeIterator for Members<'_> {}

impl Read<'_> {
    /// The value that fills the text.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        Items { read: self, entries: &self.entries, left: 1 }.next()
    }
}

/// Reads one JSON value that fills the whole text.
///
/// Where the text is no JSON there is one problem, the first: what follows it cannot be told.
pub(crate) fn read(text: &str) -> Result<Read<'_>, Problem> {
    if text.starts_with('\u{feff}') {
        return Err(Problem::new(Span::new(0, 3), "the text begins with a byte order mark")
            .help("save the file as UTF-8 without a byte order mark"));
    }
    let mut reader = Reader::new(text)?;
    reader.blanks();
    reader.value(0)?;
    reader.end()?;
    Ok(reader.done())
}

/// Reads the JSON value at the beginning of a text, and tells where it ends.
pub(crate) fn read_front(text: &str) -> Result<(Read<'_>, usize), Problem> {
    let mut reader = Reader::new(text)?;
    let end = reader.value(0)?;
    Ok((reader.done(), end))
}
