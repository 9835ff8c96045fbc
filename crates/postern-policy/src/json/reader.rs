//! From text to entries.

use super::{Entry, Kind, MAX_PROBLEMS, Read};
use crate::{Problem, Span, line_column, words::plain_length};

/// Deeper than any policy: `Statement` → `Condition` → operator → key → values is six.
const MAX_DEPTH: usize = 32;

pub(super) struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    entries: Vec<Entry>,
    unescaped: Vec<String>,
    duplicates: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Problem> {
        if u32::try_from(text.len()).is_err() {
            return Err(Problem::new(Span::default(), "the text is longer than 4 GiB"));
        }
        // Enough for most policies, and as much as allocators hand out quickly.
        let entries = Vec::with_capacity(40);
        let (unescaped, duplicates) = Default::default();
        Ok(Self { text, bytes: text.as_bytes(), at: 0, entries, unescaped, duplicates })
    }

    pub(super) fn done(self) -> Read<'a> {
        let Self { text, entries, unescaped, duplicates, .. } = self;
        Read { text, entries, unescaped, duplicates }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
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

    /// Nothing but blanks stands behind what was read.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        self.blanks();
        if self.at < self.text.len() { Err(self.unexpected("the end of the document")) } else { Ok(()) }
    }

    /// Reads a value, and tells where it ends.
    pub(super) fn value(&mut self, depth: usize) -> Result<usize, Problem> {
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
        }?;
        Ok(self.at)
    }

    /// Notes a value that began at `start` and holds no others.
    fn leaf(&mut self, start: usize, kind: Kind) {
        // The text is no longer than these can tell.
        let (start, end) = (start as u32, self.at as u32);
        self.entries.push(Entry { start, end, kind, inside: 0, items: 0 });
    }

    /// Notes a value and what `read`, which tells the number of its items, finds behind its opening bracket.
    fn container(
        &mut self,
        kind: Kind,
        read: impl FnOnce(&mut Self) -> Result<u32, Problem>,
    ) -> Result<(), Problem> {
        let number = self.entries.len();
        self.leaf(self.at, kind);
        self.at += 1;
        let items = read(self)?;
        let inside = (self.entries.len() - number - 1) as u32;
        if let Some(entry) = self.entries.get_mut(number) {
            *entry = Entry { end: self.at as u32, inside, items, ..*entry };
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

    fn array(&mut self, depth: usize) -> Result<u32, Problem> {
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

    fn object(&mut self, depth: usize) -> Result<u32, Problem> {
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
    fn report_duplicates(&mut self, first: usize, count: u32) {
        let names = || {
            let mut rest = self.entries.get(first..).unwrap_or_default();
            std::iter::from_fn(move || {
                let (name, behind) = rest.split_first()?;
                let value = behind.first()?;
                rest = behind.get(1 + value.inside as usize..)?;
                Some(name)
            })
        };
        // Objects of policies are small: comparing all pairs is quicker than sorting.
        let mut twice = Vec::new();
        if count <= 16 {
            for (number, second) in names().enumerate() {
                let same = |name: &&Entry| self.name(name) == self.name(second);
                if let Some(found) = names().take(number).filter(same).last() {
                    twice.push((found.span(), *second));
                }
            }
        } else {
            let mut sorted: Vec<&Entry> = names().collect();
            sorted.sort_by(|a, b| self.name(a).cmp(self.name(b)).then(a.start.cmp(&b.start)));
            let pairs = sorted.iter().zip(sorted.iter().skip(1));
            let same = pairs.filter(|(a, b)| self.name(a) == self.name(b));
            twice.extend(same.map(|(found, second)| (found.span(), **second)).take(MAX_PROBLEMS));
        }
        for (found, second) in twice {
            self.report_duplicate(found, &second);
        }
    }

    /// One bit for a name, told by its length and first letter; all of them where it has escapes.
    fn bit(&self, name: &Entry) -> u64 {
        let Span { start, end } = name.span();
        let first = self.bytes.get(start + 1).map_or(0, |byte| usize::from(*byte));
        match name.kind {
            Kind::Plain => 1 << ((7 * first + end - start) % 64),
            _ => u64::MAX,
        }
    }

    fn name(&self, entry: &Entry) -> &str {
        match entry.kind {
            Kind::Unescaped(number) => self.unescaped.get(number as usize).map_or("", String::as_str),
            _ => self.text.get(entry.start as usize + 1..entry.end as usize - 1).unwrap_or_default(),
        }
    }

    fn report_duplicate(&mut self, first: Span, second: &Entry) {
        if self.duplicates.len() < MAX_PROBLEMS {
            let (line, column) = line_column(self.text, first.start);
            let message = format!("`{}` stands here a second time", self.name(second));
            self.duplicates.push(
                Problem::new(second.span(), message)
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
        self.leaf(start, Kind::Unescaped(self.unescaped.len() as u32));
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
