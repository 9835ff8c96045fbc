//! Patterns of actions, written out as the actions that are known.

use std::collections::{HashMap, HashSet};

use super::{Catalogue, Service, compare};
use crate::{
    Span,
    action::{ActionPattern, ActionText},
};

/// What patterns cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The known actions, sorted by service and name, as AWS writes them, each once.
    pub actions: Vec<String>,
    /// The patterns and names that cover no known action, in the order given, each once. They may be
    /// misspelt, or newer than the catalogue.
    pub unknown: Vec<String>,
}

/// The known actions that an `Action` element with these patterns covers.
///
/// ```
/// use postern_policy::catalogue::expand;
/// let tagging = expand(&["s3:Get*VersionTagging", "s3:getbuckettagging", "s3:Frobnicate"]);
/// assert_eq!(tagging.actions, ["s3:GetBucketTagging", "s3:GetObjectVersionTagging"]);
/// assert_eq!(tagging.unknown, ["s3:Frobnicate"]);
/// ```
#[must_use]
pub fn expand<S: AsRef<str>>(patterns: &[S]) -> Expansion {
    Catalogue::embedded().expand(patterns)
}

/// The known actions that a `NotAction` element with these patterns covers: all others.
///
/// ```
/// use postern_policy::catalogue::expand_not;
/// let rest = expand_not(&["sts:*", "iam:*"]);
/// assert!(rest.actions.iter().all(|action| !action.starts_with("iam:")));
/// assert!(rest.actions.contains(&"s3:GetObject".to_owned()));
/// ```
#[must_use]
pub fn expand_not<S: AsRef<str>>(patterns: &[S]) -> Expansion {
    Catalogue::embedded().expand_not(patterns)
}

impl Catalogue {
    /// The known actions that an `Action` element with these patterns covers; see [`expand`].
    #[must_use]
    pub fn expand<S: AsRef<str>>(&self, patterns: &[S]) -> Expansion {
        let (marks, unknown) = self.marks(patterns);
        Expansion { actions: self.marked(&marks, true), unknown }
    }

    /// The known actions that a `NotAction` element with these patterns covers; see [`expand_not`].
    #[must_use]
    pub fn expand_not<S: AsRef<str>>(&self, patterns: &[S]) -> Expansion {
        let (marks, unknown) = self.marks(patterns);
        Expansion { actions: self.marked(&marks, false), unknown }
    }

    /// Per service and action, whether a pattern covers it; and the patterns that cover nothing.
    ///
    /// The work grows with the patterns that span services times all actions, and for the others with
    /// the actions of their service.
    pub(super) fn marks<S: AsRef<str>>(&self, patterns: &[S]) -> (Marks, Vec<String>) {
        let mut marks =
            Marks(self.services.iter().map(|service| vec![false; service.actions.len()]).collect());
        let texts = distinct(patterns);
        let mut found = vec![false; texts.len()];
        let mut narrow: HashMap<usize, Vec<(usize, ActionPattern)>> = HashMap::new();
        let mut wide = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            if !text.contains(['*', '?']) {
                let at = self.position(text);
                if let Some(mark) = at.and_then(|(service, at)| marks.0.get_mut(service)?.get_mut(at)) {
                    *mark = true;
                    set(&mut found, number);
                }
                continue;
            }
            let pattern = (number, ActionPattern::new(text, Span::default()));
            match self.reach(text) {
                Reach::All => wide.push(pattern),
                Reach::One(service) => narrow.entry(service).or_default().push(pattern),
                Reach::None => {}
            }
        }
        for (number, (service, marks)) in self.services.iter().zip(&mut marks.0).enumerate() {
            let narrow = narrow.get(&number).map_or(&[][..], Vec::as_slice);
            if narrow.is_empty() && wide.is_empty() {
                continue;
            }
            for_each_action(service, |at, action| {
                for (number, pattern) in narrow.iter().chain(&wide) {
                    if pattern.covers(action) {
                        set(marks, at);
                        set(&mut found, *number);
                    }
                }
            });
        }
        let unknown = texts.into_iter().zip(found).filter(|(_, found)| !found);
        (marks, unknown.map(|(text, _)| text.to_owned()).collect())
    }

    /// The numbers of an action's service and of the action.
    fn position(&self, action: &str) -> Option<(usize, usize)> {
        let (prefix, name) = action.split_once(':')?;
        let number = self.services.binary_search_by(|known| compare(known.prefix, prefix)).ok()?;
        let actions = &self.services.get(number)?.actions;
        Some((number, actions.binary_search_by(|known| compare(known.name, name)).ok()?))
    }

    /// The services that a pattern can reach.
    pub(super) fn reach(&self, pattern: &str) -> Reach {
        match pattern.split_once(':') {
            Some((prefix, _)) if !prefix.contains(['*', '?']) => {
                let found = self.services.binary_search_by(|known| compare(known.prefix, prefix));
                found.map_or(Reach::None, Reach::One)
            }
            _ => Reach::All,
        }
    }

    fn marked(&self, marks: &Marks, wanted: bool) -> Vec<String> {
        let mut actions = Vec::new();
        for (service, marks) in self.services.iter().zip(&marks.0) {
            let wanted = service.actions.iter().zip(marks).filter(|(_, mark)| **mark == wanted);
            actions.extend(wanted.map(|(action, _)| format!("{}:{}", service.prefix, action.name)));
        }
        actions
    }
}

/// Per service and action, whether it is meant.
pub(super) struct Marks(pub(super) Vec<Vec<bool>>);

/// The services that a pattern can reach.
pub(super) enum Reach {
    All,
    /// By its number.
    One(usize),
    None,
}

/// The numbers of a service's actions that a pattern covers.
pub(super) fn covered(service: &Service, pattern: &ActionPattern) -> Vec<usize> {
    let mut out = Vec::new();
    for_each_action(service, |at, action| {
        if pattern.covers(action) {
            out.push(at);
        }
    });
    out
}

fn for_each_action(service: &Service, mut visit: impl FnMut(usize, &ActionText<'_>)) {
    let mut name = format!("{}:", service.prefix);
    let behind = name.len();
    for (at, action) in service.actions.iter().enumerate() {
        name.truncate(behind);
        name.push_str(action.name);
        visit(at, &ActionText::new(&name));
    }
}

/// The texts without repetitions; case does not count.
pub(super) fn distinct<S: AsRef<str>>(texts: &[S]) -> Vec<&str> {
    let mut seen = HashSet::new();
    texts.iter().map(AsRef::as_ref).filter(|text| seen.insert(text.to_ascii_lowercase())).collect()
}

pub(super) fn set(marks: &mut [bool], at: usize) {
    if let Some(mark) = marks.get_mut(at) {
        *mark = true;
    }
}
