//! A policy document: the text as AWS keeps it.

use std::{fmt, sync::Arc};

/// A policy document as text. `==` compares the text; [`PolicyDocument::means_the_same`] its meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    text: Arc<str>,
}

impl PolicyDocument {
    /// A document with this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The size that AWS's quotas count: characters other than white space.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.chars().filter(|c| !c.is_whitespace()).count()
    }
}

impl fmt::Debug for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
