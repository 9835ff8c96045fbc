//! Actions and their patterns. Case never counts.

use std::cmp::Ordering;

use crate::{
    Context, Span,
    pattern::{Pattern, Syntax},
};

/// A request's action, cut at its first colon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionText<'a> {
    pub(crate) whole: &'a str,
    pub(crate) parts: Option<(&'a str, &'a str)>,
}

impl<'a> ActionText<'a> {
    pub(crate) fn new(whole: &'a str) -> Self {
        Self { whole, parts: whole.split_once(':') }
    }
}

/// A statement's `Action` or `NotAction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    negated: bool,
    list: Box<[ActionPattern]>,
    span: Span,
    index: Index,
}

impl Actions {
    pub(crate) fn new(negated: bool, list: Vec<ActionPattern>, span: Span) -> Self {
        Self { negated, index: Index::new(&list), list: list.into(), span }
    }

    /// Whether this is `NotAction`.
    #[must_use]
    pub const fn is_negated(&self) -> bool {
        self.negated
    }

    /// The patterns.
    #[must_use]
    pub fn patterns(&self) -> &[ActionPattern] {
        &self.list
    }

    /// The element's value in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether the element covers this action.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        self.covers(ActionText::new(action))
    }

    pub(crate) fn covers(&self, action: ActionText<'_>) -> bool {
        let pattern = |number: &usize| self.list.get(*number).is_some_and(|pattern| pattern.covers(action));
        self.index.finds(action, pattern) != self.negated
    }
}

/// The patterns by service, so that an action meets only those that can match it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    /// Sorted by name.
    services: Box<[Service]>,
    /// Patterns that span services, by their numbers.
    wide: Box<[usize]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    /// In lower case.
    name: Box<str>,
    /// Names of actions in lower case, sorted.
    exact: Box<[Box<str>]>,
    /// Patterns with wildcards, by their numbers.
    globs: Box<[usize]>,
}

impl Index {
    fn new(list: &[ActionPattern]) -> Self {
        let mut wide = Vec::new();
        let mut narrow: Vec<(String, &str, usize)> = Vec::new();
        for (number, pattern) in list.iter().enumerate() {
            match pattern.text.split_once(':') {
                Some((service, name)) if !service.contains(['*', '?']) => {
                    narrow.push((service.to_ascii_lowercase(), name, number));
                }
                _ => wide.push(number),
            }
        }
        narrow.sort();
        let services = narrow.chunk_by(|(a, ..), (b, ..)| a == b).filter_map(|chunk| {
            let (name, ..) = chunk.first()?;
            let is_glob = |name: &str| name.contains(['*', '?']);
            let exact = chunk.iter().filter(|(_, name, _)| !is_glob(name));
            let mut exact: Vec<Box<str>> =
                exact.map(|(_, name, _)| name.to_ascii_lowercase().into()).collect();
            exact.sort_unstable();
            let globs =
                chunk.iter().filter(|(_, name, _)| is_glob(name)).map(|(.., number)| *number).collect();
            Some(Service { name: name.as_str().into(), exact: exact.into(), globs })
        });
        Self { services: services.collect(), wide: wide.into() }
    }

    fn finds(&self, action: ActionText<'_>, pattern: impl Fn(&usize) -> bool) -> bool {
        if self.wide.iter().any(&pattern) {
            return true;
        }
        let Some((service, name)) = action.parts else { return false };
        let found = self.services.binary_search_by(|known| compare(&known.name, service));
        let Some(service) = found.ok().and_then(|at| self.services.get(at)) else { return false };
        service.exact.binary_search_by(|known| compare(known, name)).is_ok()
            || service.globs.iter().any(pattern)
    }
}

/// Orders a text in lower case and one in any case.
fn compare(lower: &str, any: &str) -> Ordering {
    lower.bytes().cmp(any.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// One action pattern: `*`, `s3:Get*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern {
    text: Box<str>,
    span: Span,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Any,
    Parts(Pattern, Pattern),
    /// Without a colon; AWS stores no such thing.
    Whole(Pattern),
}

impl ActionPattern {
    pub(crate) fn new(text: &str, span: Span) -> Self {
        let compile = |text: &str| {
            Pattern::compile(text, Syntax { wildcards: true, variables: false, ignore_case: true })
        };
        let form = match text.split_once(':') {
            Some((service, name)) => Form::Parts(compile(service), compile(name)),
            None => match compile(text) {
                any if any.is_any() => Form::Any,
                whole => Form::Whole(whole),
            },
        };
        Self { text: text.into(), span, form }
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands, with its quotes.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether the pattern covers this action.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        self.covers(ActionText::new(action))
    }

    fn covers(&self, action: ActionText<'_>) -> bool {
        const NOTHING: &Context = &Context::new();
        match (&self.form, action.parts) {
            (Form::Any, _) => true,
            (Form::Whole(pattern), _) => pattern.matches(action.whole, NOTHING),
            (Form::Parts(..), None) => false,
            (Form::Parts(service, name), Some((s, n))) => {
                service.matches(s, NOTHING) && name.matches(n, NOTHING)
            }
        }
    }
}
