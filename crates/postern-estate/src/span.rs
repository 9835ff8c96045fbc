//! Where in the estate file something stands.

use std::ops::Range;

use postern_policy::Span;

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    pub(crate) fn new(value: T, at: impl At) -> Self {
        Self { value, span: at.span() }
    }
}

/// A place in a text, however it is told.
pub(crate) trait At {
    fn span(self) -> Span;
}

impl At for Span {
    fn span(self) -> Span {
        self
    }
}

impl At for Range<usize> {
    fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }
}
