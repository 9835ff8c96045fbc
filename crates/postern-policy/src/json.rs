//! A JSON reader (RFC 8259) that keeps every position and every duplicate.
//!
//! `serde_json` keeps the last of two equal keys and forgets where they stood; in a policy the first
//! one may be the `Condition` that a reader sees and AWS does not.

use crate::{Problem, Span, line_column, words::plain_length};

/// Deeper than any policy: `Statement` → `Condition` → operator → key → values is six.
const MAX_DEPTH: usize = 32;
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

/// A value, or the name of a member: its value comes next.
#[derive(Clone, Copy)]
struct Entry {
    span: Span,
    kind: Kind,
    /// How many entries there are in it.
    inside: usize,
    /// How many of these are its own items, or names and values of its members.
    items: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Null,
    Bool(bool),
    Number,
    /// As it stands between its quotes.
    Plain,
    /// The string with this number among the unescaped ones.
    Unescaped(usize),
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
        self.entry.span
    }

    pub(crate) fn value(self) -> Value<'r> {
        match self.entry.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Number => Value::Number(self.entry.span.of(self.read.text).unwrap_or_default()),
            Kind::Plain | Kind::Unescaped(_) => Value::String(self.text().unwrap_or_default()),
            Kind::Array => Value::Array(self.items()),
            Kind::Object => Value::Object(Members(self.items())),
        }
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<&'r str> {
        let Span { start, end } = self.entry.span;
        match self.entry.kind {
            Kind::Plain => self.read.text.get(start + 1..end - 1),
            Kind::Unescaped(number) => self.read.unescaped.get(number).map(String::as_str),
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
        Items { read: self.read, entries, left: self.entry.items }
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
        let (whole, rest) = self.entries.split_at_checked(1 + entry.inside)?;
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
    let mut reader = Reader::new(text);
    reader.blanks();
    reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.unexpected("the end of the document"));
    }
    Ok(reader.done())
}

/// Reads the JSON value at the beginning of a text, and tells where it ends.
pub(crate) fn read_front(text: &str) -> Result<(Read<'_>, usize), Problem> {
    let mut reader = Reader::new(text);
    reader.value(0)?;
    let end = reader.at;
    Ok((reader.done(), end))
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    entries: Vec<Entry>,
    unescaped: Vec<String>,
    duplicates: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        // Values are rarely closer than every eight bytes.
        let entries = Vec::with_capacity(text.len().min(2_048) / 8);
        Self { text, bytes: text.as_bytes(), at: 0, entries, unescaped: Vec::new(), duplicates: Vec::new() }
    }

    fn done(self) -> Read<'a> {
        let Self { text, entries, unescaped, duplicates, .. } = self;
        Read { text, entries, unescaped, duplicates }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The next character, or the place behind the last one.
    fn here(&self) -> Span {
        let length = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Span::new(self.at, self.at + length)
    }

    /// The problem of meeting something other than `wanted` here.
    fn unexpected(&self, wanted: &str) -> Problem {
        let here = self.here();
        let found = match here.of(self.text).filter(|found| !found.is_empty()) {
            Some(found) => format!("`{}`", found.escape_debug()),
            None => "the end of the document".to_owned(),
        };
        Problem::new(here, format!("expected {wanted}, found {found}"))
    }

    fn value(&mut self, depth: usize) -> Result<(), Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::new(self.here(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.container(Kind::Object, |reader| reader.object(depth)),
            Some(b'[') => self.container(Kind::Array, |reader| reader.array(depth)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Kind::Bool(true)),
            Some(b'f') => self.word("false", Kind::Bool(false)),
            Some(b'n') => self.word("null", Kind::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Notes a value that began at `start` and holds no others.
    fn leaf(&mut self, start: usize, kind: Kind) {
        self.entries.push(Entry { span: Span::new(start, self.at), kind, inside: 0, items: 0 });
    }

    /// Notes a value and what `read`, which tells the number of its items, finds behind its opening bracket.
    fn container(
        &mut self,
        kind: Kind,
        read: impl FnOnce(&mut Self) -> Result<usize, Problem>,
    ) -> Result<(), Problem> {
        let number = self.entries.len();
        self.leaf(self.at, kind);
        self.at += 1;
        let items = read(self)?;
        let inside = self.entries.len() - number - 1;
        if let Some(entry) = self.entries.get_mut(number) {
            *entry = Entry { span: Span::new(entry.span.start, self.at), inside, items, ..*entry };
        }
        Ok(())
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Problem> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        self.leaf(self.at - word.len(), kind);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        self.leaf(start, Kind::Number);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn array(&mut self, depth: usize) -> Result<usize, Problem> {
        let mut items = 0;
        self.blanks();
        if self.eat(b']') {
            return Ok(items);
        }
        loop {
            self.blanks();
            self.value(depth + 1)?;
            items += 1;
            self.blanks();
            if self.eat(b']') {
                return Ok(items);
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<usize, Problem> {
        let first = self.entries.len();
        // A bit for each name so far: one that finds its bit free stands here for the first time.
        let (mut members, mut bits, mut suspicious) = (0, 0_u64, false);
        self.blanks();
        if self.eat(b'}') {
            return Ok(members);
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in double quotes"));
            }
            self.string()?;
            let bit = self.entries.last().map_or(u64::MAX, |name| self.bit(name));
            suspicious |= bits & bit != 0;
            bits |= bit;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.blanks();
            self.value(depth + 1)?;
            members += 1;
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
        if suspicious {
            self.report_duplicates(first, members);
        }
        Ok(2 * members)
    }

    /// Reports the names that stand twice among so many members, from this entry on.
    fn report_duplicates(&mut self, first: usize, count: usize) {
        let names = || {
            let mut rest = self.entries.get(first..).unwrap_or_default();
            std::iter::from_fn(move || {
                let (name, behind) = rest.split_first()?;
                let value = behind.first()?;
                rest = behind.get(1 + value.inside..)?;
                Some(name)
            })
        };
        // Objects of policies are small: comparing all pairs is quicker than sorting.
        let mut twice = Vec::new();
        if count <= 16 {
            for (number, second) in names().enumerate() {
                let same = |name: &&Entry| self.name(name) == self.name(second);
                if let Some(found) = names().take(number).filter(same).last() {
                    twice.push((found.span, *second));
                }
            }
        } else {
            let mut sorted: Vec<&Entry> = names().collect();
            sorted.sort_by(|a, b| self.name(a).cmp(self.name(b)).then(a.span.cmp(&b.span)));
            let pairs = sorted.iter().zip(sorted.iter().skip(1));
            let same = pairs.filter(|(a, b)| self.name(a) == self.name(b));
            twice.extend(same.map(|(found, second)| (found.span, **second)).take(MAX_PROBLEMS));
        }
        for (found, second) in twice {
            self.report_duplicate(found, &second);
        }
    }

    /// One bit for a name, told by its length and first letter; all of them where it has escapes.
    fn bit(&self, name: &Entry) -> u64 {
        let first = self.bytes.get(name.span.start + 1).map_or(0, |byte| usize::from(*byte));
        match name.kind {
            Kind::Plain => 1 << ((7 * first + name.span.end - name.span.start) % 64),
            _ => u64::MAX,
        }
    }

    fn name(&self, entry: &Entry) -> &str {
        match entry.kind {
            Kind::Unescaped(number) => self.unescaped.get(number).map_or("", String::as_str),
            _ => self.text.get(entry.span.start + 1..entry.span.end - 1).unwrap_or_default(),
        }
    }

    fn report_duplicate(&mut self, first: Span, second: &Entry) {
        if self.duplicates.len() < MAX_PROBLEMS {
            let (line, column) = line_column(self.text, first.start);
            let message = format!("`{}` stands here a second time", self.name(second));
            self.duplicates.push(
                Problem::new(second.span, message)
                    .help(format!("the first one is in line {line}, column {column}; merge the two")),
            );
        }
    }

    fn string(&mut self) -> Result<(), Problem> {
        let start = self.at;
        self.at += 1;
        let end = self.at + plain_length(self.bytes.get(self.at..).unwrap_or_default());
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            self.leaf(start, Kind::Plain);
            return Ok(());
        }
        let text = self.unescaped(start)?;
        self.leaf(start, Kind::Unescaped(self.unescaped.len()));
        self.unescaped.push(text);
        Ok(())
    }

    /// What a string that begins here, with a quote at `open`, stands for.
    fn unescaped(&mut self, open: usize) -> Result<String, Problem> {
        let mut unescaped = String::new();
        loop {
            unescaped.push_str(self.plain());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(unescaped);
                }
                Some(b'\\') => unescaped.push(self.escape()?),
                Some(_) => {
                    return Err(Problem::new(
                        Span::new(self.at, self.at + 1),
                        "a control character stands in a string",
                    )
                    .help("write it as an escape, such as `\\n`"));
                }
                None => {
                    return Err(Problem::new(Span::new(open, self.text.len()), "the string never ends"));
                }
            }
        }
    }

    /// The part of a string that stands for itself.
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        self.at = start + plain_length(self.bytes.get(start..).unwrap_or_default());
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek();
        self.at += 1;
        let character = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(self.bad_escape(start, "no such escape in JSON")),
        };
        Ok(character)
    }

    fn unicode(&mut self, start: usize) -> Result<char, Problem> {
        let first =
            self.hex4().ok_or_else(|| self.bad_escape(start, "`\\u` wants four hexadecimal digits"))?;
        let code = if (0xd800..0xdc00).contains(&first) {
            let paired = self.eat(b'\\') && self.eat(b'u');
            let second = if paired { self.hex4() } else { None };
            match second {
                Some(second @ 0xdc00..0xe000) => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => return Err(self.bad_escape(start, "half of a surrogate pair")),
            }
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.bad_escape(start, "half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let mut code = 0;
        for digit in digits {
            code = code * 16 + char::from(*digit).to_digit(16)?;
        }
        self.at += 4;
        Some(code)
    }

    fn bad_escape(&self, start: usize, message: &str) -> Problem {
        let mut end = self.at.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        Problem::new(Span::new(start, end), message)
    }
}
