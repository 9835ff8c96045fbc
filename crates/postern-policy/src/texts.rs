//! What an explanation quotes.

use std::{fmt, ops::Deref, sync::Arc, sync::OnceLock};

use crate::Statement;

/// Texts of a policy or request, as an explanation quotes them: a list of strings to look at.
///
/// A policy may name thousands of actions, so what stands in a document is shared with it. It is copied when
/// it is first looked at as a slice; [`texts`](Self::texts) goes through it without.
///
/// ```
/// use postern_policy::Texts;
/// let texts = Texts::from(vec!["a".to_owned(), "b".to_owned()]);
/// assert_eq!(texts.join(", "), "a, b");
/// assert_eq!(texts, ["a", "b"]);
/// ```
#[derive(Clone, Default)]
pub struct Texts {
    source: Source,
    copied: OnceLock<Box<[String]>>,
}

#[derive(Clone, Default)]
enum Source {
    #[default]
    Nothing,
    One(Arc<str>),
    Several(Arc<[String]>),
    Element(Arc<[Statement]>, usize, Part),
}

/// The part of a statement that is quoted.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Principals,
    Actions,
    Resources,
    /// The values of the condition with this number.
    Condition(usize),
}

impl Texts {
    pub(crate) fn element(statements: &Arc<[Statement]>, number: usize, part: Part) -> Self {
        Source::Element(Arc::clone(statements), number, part).into()
    }

    /// The texts one by one.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        (0..).map_while(|number| self.get(number))
    }

    fn get(&self, number: usize) -> Option<&str> {
        match &self.source {
            Source::Nothing => None,
            Source::One(text) => (number == 0).then_some(text),
            Source::Several(texts) => texts.get(number).map(String::as_str),
            Source::Element(statements, statement, part) => {
                let statement = statements.get(*statement)?;
                match part {
                    Part::Principals => statement.principals()?.patterns().get(number).map(|p| p.text()),
                    Part::Actions => statement.actions().patterns().get(number).map(|p| p.text()),
                    Part::Resources => statement.resources()?.patterns().get(number).map(|p| p.text()),
                    Part::Condition(condition) => {
                        statement.conditions().get(*condition)?.values().get(number).map(|v| v.text())
                    }
                }
            }
        }
    }
}

impl From<Source> for Texts {
    fn from(source: Source) -> Self {
        Self { source, copied: OnceLock::new() }
    }
}

impl From<Arc<str>> for Texts {
    fn from(text: Arc<str>) -> Self {
        Source::One(text).into()
    }
}

impl From<Vec<String>> for Texts {
    fn from(texts: Vec<String>) -> Self {
        Source::Several(texts.into()).into()
    }
}

impl Deref for Texts {
    type Target = [String];

    fn deref(&self) -> &[String] {
        match &self.source {
            Source::Nothing => &[],
            Source::Several(texts) => texts,
            _ => self.copied.get_or_init(|| self.texts().map(str::to_owned).collect()),
        }
    }
}

impl<'a> IntoIterator for &'a Texts {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl Eq for Texts {}

impl<T: AsRef<str>, const N: usize> PartialEq<[T; N]> for Texts {
    fn eq(&self, other: &[T; N]) -> bool {
        self.texts().eq(other.iter().map(T::as_ref))
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}
