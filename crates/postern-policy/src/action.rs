//! Actions and their patterns. Case never counts.

use std::cell::OnceCell;

use crate::{
    Span,
    glob::{Case, Glob, glob},
    hash::{Table, hash_folded},
    words::same_folded,
};

/// A request's action, cut at its first colon.
#[derive(Clone, Debug)]
pub(crate) struct ActionText<'a> {
    pub(crate) whole: &'a str,
    pub(crate) parts: Option<(&'a str, &'a str)>,
    /// The hashes of the whole and of the service, once a long list has asked for them.
    hashes: OnceCell<(u64, u64)>,
}

impl<'a> ActionText<'a> {
    pub(crate) fn new(whole: &'a str) -> Self {
        let colon = whole.bytes().position(|byte| byte == b':');
        let parts = colon.and_then(|at| Some((whole.get(..at)?, whole.get(at + 1..)?)));
        Self { whole, parts, hashes: OnceCell::new() }
    }

    fn hashes(&self) -> (u64, u64) {
        let service = || self.parts.map_or(0, |(service, _)| hash_folded(service));
        *self.hashes.get_or_init(|| (hash_folded(self.whole), service()))
    }
}

/// A statement's `Action` or `NotAction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    negated: bool,
    list: Box<[ActionPattern]>,
    span: Span,
    /// For a long `NotAction` only: the other long lists are in the index of their document.
    index: Option<Box<ActionIndex<u32>>>,
}

impl Actions {
    pub(crate) fn new(negated: bool, list: Box<[ActionPattern]>, span: Span) -> Self {
        let numbered = || list.iter().zip(0_u32..);
        let index = (negated && list.len() > ActionIndex::<u32>::WORTHWHILE)
            .then(|| ActionIndex::new(numbered()).map(Box::new))
            .flatten();
        Self { negated, list, span, index }
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
        self.covers(&ActionText::new(action))
    }

    pub(crate) fn covers(&self, action: &ActionText<'_>) -> bool {
        let named = match &self.index {
            None => self.list.iter().any(|pattern| pattern.covers(action)),
            Some(index) => {
                let pattern = |number: u32| self.list.get(number as usize);
                let mut sources = index.sources(action).into_iter();
                sources.any(|source| {
                    source.iter().any(|(_, number)| pattern(*number).is_some_and(|p| p.covers(action)))
                })
            }
        };
        named != self.negated
    }
}

/// Patterns by what an action must have in common with them, so that it meets only a few of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionIndex<T> {
    /// Names without wildcards by the hash of the whole, and patterns within a service by the service's.
    table: Table<T>,
    /// Patterns that span services.
    wide: Box<[(u64, T)]>,
}

impl<T: Copy + Default> ActionIndex<T> {
    /// Going through fewer patterns costs less than looking them up.
    pub(crate) const WORTHWHILE: usize = 16;

    pub(crate) fn new<'a>(patterns: impl Iterator<Item = (&'a ActionPattern, T)>) -> Option<Self> {
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for (pattern, thing) in patterns {
            match pattern.key() {
                Some(key) => narrow.push((key, thing)),
                None => wide.push((0, thing)),
            }
        }
        Some(Self { table: Table::new(&narrow)?, wide: wide.into() })
    }

    /// What may cover the action: by its name, by its service, and the rest, each in the order in which it
    /// was given.
    pub(crate) fn sources(&self, action: &ActionText<'_>) -> [&[(u64, T)]; 3] {
        let (name, service) = action.hashes();
        [self.table.bucket(name), self.table.bucket(service), &self.wide]
    }
}

/// One action pattern: `*`, `s3:Get*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern {
    text: Box<str>,
    span: Span,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `*`
    Any,
    /// Without wildcards.
    Name,
    /// The service stands for itself, and so does the colon behind it at this place; or there is no colon,
    /// which AWS does not store.
    Flat(Glob, Option<usize>),
    /// Wildcards in the service, which ends here: they do not cross the colon.
    Wide(usize),
}

impl ActionPattern {
    pub(crate) fn new(text: &str, span: Span) -> Self {
        let head = Glob::new(text);
        let colon = text.bytes().position(|byte| byte == b':');
        let form = match colon {
            _ if head.head() == text.len() => Form::Name,
            Some(colon) if head.head() < colon => Form::Wide(colon),
            None if text.bytes().all(|byte| byte == b'*') => Form::Any,
            colon => Form::Flat(head, colon),
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
        self.covers(&ActionText::new(action))
    }

    pub(crate) fn covers(&self, action: &ActionText<'_>) -> bool {
        match self.form {
            Form::Any => true,
            Form::Name => same_folded(self.text.as_bytes(), action.whole.as_bytes()),
            Form::Flat(pattern, _) => pattern.matches(&self.text, action.whole, Case::Ignored),
            Form::Wide(colon) => {
                let parts = self.text.get(..colon).zip(self.text.get(colon + 1..)).zip(action.parts);
                parts.is_some_and(|((service, name), (s, n))| {
                    glob(service, s, Case::Ignored) && glob(name, n, Case::Ignored)
                })
            }
        }
    }

    /// The hash of the action's name or service, if there is one that every action covered must have.
    fn key(&self) -> Option<u64> {
        match self.form {
            Form::Name => Some(hash_folded(&self.text)),
            Form::Flat(_, Some(colon)) => self.text.get(..colon).map(hash_folded),
            Form::Any | Form::Flat(_, None) | Form::Wide(_) => None,
        }
    }
}
