//! A JSON reader (RFC 8259) that keeps every position and every duplicate.
//!
//! `serde_json` keeps the last of two equal keys and forgets where they stood; in a policy the first
//! one may be the `Condition` that a reader sees and AWS does not.

use std::borrow::Cow;

use crate::{Problem, Span, line_column, words::plain_length};

/// Deeper than any policy: `Statement` → `Condition` → operator → key → values is six.
const MAX_DEPTH: usize = 32;
/// Enough to mend a file by; a hostile one could hold millions.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// A JSON value and its place.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) value: Value<'a>,
}

/// Strings are copied only where they hold escapes.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) key_span: Span,
    pub(crate) node: Node<'a>,
}

impl Node<'_> {
    /// The value's kind as a person would say it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// A text read: the tree, and the duplicate keys found on the way.
pub(crate) struct Read<'a> {
    pub(crate) root: Node<'a>,
    pub(crate) duplicates: Vec<Problem>,
}

/// Reads one JSON value that fills the whole text.
///
/// Where the text is no JSON there is one problem, the first: what follows it cannot be told.
pub(crate) fn read(text: &str) -> Result<Read<'_>, Problem> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, duplicates: Vec::new() };
    if text.starts_with('\u{feff}') {
        return Err(Problem::new(Span::new(0, 3), "the text begins with a byte order mark")
            .help("save the file as UTF-8 without a byte order mark"));
    }
    reader.blanks();
    let root = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.unexpected("the end of the document"));
    }
    Ok(Read { root, duplicates: reader.duplicates })
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    duplicates: Vec<Problem>,
}

impl<'a> Reader<'a> {
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

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Problem> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(Problem::new(self.here(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { span: Span::new(start, self.at), value })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Problem> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn number(&mut self) -> Result<Value<'a>, Problem> {
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
        Ok(Value::Number(self.text.get(start..self.at).unwrap_or_default()))
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Problem> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Problem> {
        self.at += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in double quotes"));
            }
            let key = self.string()?;
            let key_span = Span::new(start, self.at);
            self.blanks();
            if !self.eat(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.blanks();
            let node = self.value(depth + 1)?;
            members.push(Member { key, key_span, node });
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
        self.report_duplicates(&members);
        Ok(Value::Object(members))
    }

    fn report_duplicates(&mut self, members: &[Member<'_>]) {
        // Objects of policies are small: comparing all pairs is quicker than sorting.
        if members.len() <= 16 {
            for (number, second) in members.iter().enumerate() {
                let before = members.iter().take(number);
                if let Some(first) = before.rev().find(|first| first.key == second.key) {
                    self.report_duplicate(first, second);
                }
            }
            return;
        }
        let mut sorted: Vec<&Member<'_>> = members.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key).then(a.key_span.cmp(&b.key_span)));
        for (first, second) in sorted.iter().zip(sorted.iter().skip(1)) {
            if first.key == second.key {
                self.report_duplicate(first, second);
            }
        }
    }

    fn report_duplicate(&mut self, first: &Member<'_>, second: &Member<'_>) {
        if self.duplicates.len() < MAX_PROBLEMS {
            let (line, column) = line_column(self.text, first.key_span.start);
            self.duplicates.push(
                Problem::new(second.key_span, format!("`{}` stands here a second time", second.key))
                    .help(format!("the first one is in line {line}, column {column}; merge the two")),
            );
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        let open = self.at;
        self.at += 1;
        let mut unescaped = String::new();
        loop {
            let plain = self.plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(plain));
                    }
                    unescaped.push_str(plain);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(plain);
                    unescaped.push(self.escape()?);
                }
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
