//! Places in a text, and what is wrong there.

/// A range of bytes in the text that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The part of the text that the span covers; none where it does not fit the text.
    ///
    /// ```
    /// use postern_policy::Span;
    /// assert_eq!(Span { start: 4, end: 7 }.of("the cat"), Some("cat"));
    /// ```
    #[must_use]
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }
}

/// Something wrong in a document, in lower case and without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that can be told.
    pub help: Option<String>,
    /// Where.
    pub span: Span,
}

impl Problem {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, span }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Line and column of a byte offset, both counted from 1, the column in characters.
///
/// An offset behind the text is the place just behind its last character.
///
/// ```
/// assert_eq!(postern_policy::line_column("a\nbç d", 5), (2, 3));
/// ```
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    // Counted by bytes, because reports ask this for places in documents of many megabytes.
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let begins_character = |byte: &&u8| **byte & 0xc0 != 0x80;
    let characters = before.iter().skip(start).filter(begins_character).count();
    (line, 1 + characters)
}
