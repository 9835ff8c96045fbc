//! Whether a document could allow more than a cap.

use crate::{Document, Span};

/// A statement that goes beyond a cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeding {
    /// The statement's number in its document, counted from 0.
    pub statement: usize,
    /// An action that the statement allows and the cap does not.
    pub action_example: String,
    /// The statement's `Action` or `NotAction` in the text.
    pub span: Span,
}
