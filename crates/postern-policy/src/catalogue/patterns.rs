//! Patterns of actions, written out as the actions that are known.

use std::collections::HashSet;

use super::{Catalogue, Service, compare};
use crate::{Span, action::ActionPattern};

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
    pub(super) fn marks<S: AsRef<str>>(&self, patterns: &[S]) -> (Marks, Vec<String>) {
        let mut marks =
            Marks(self.services.iter().map(|service| vec![false; service.actions.len()]).collect());
        let mut unknown = Vec::new();
        let mut seen = HashSet::new();
        for text in patterns.iter().map(AsRef::as_ref) {
            if !seen.insert(text.to_ascii_lowercase()) {
                continue;
            }
            if !text.contains(['*', '?']) {
                match self.position(text).and_then(|(service, at)| marks.0.get_mut(service)?.get_mut(at)) {
                    Some(mark) => *mark = true,
                    None => unknown.push(text.to_owned()),
                }
                continue;
            }
            let pattern = ActionPattern::new(text, Span::default());
            let (first, last) = self.reach(text);
            let mut found = false;
            let services = self.services.iter().zip(&mut marks.0).skip(first).take(last - first);
            for (service, marks) in services {
                for at in covered(service, &pattern) {
                    if let Some(mark) = marks.get_mut(at) {
                        *mark = true;
                        found = true;
                    }
                }
            }
            if !found {
                unknown.push(text.to_owned());
            }
        }
        (marks, unknown)
    }

    /// The numbers of an action's service and of the action.
    fn position(&self, action: &str) -> Option<(usize, usize)> {
        let (prefix, name) = action.split_once(':')?;
        let number = self.services.binary_search_by(|known| compare(known.prefix, prefix)).ok()?;
        let actions = &self.services.get(number)?.actions;
        Some((number, actions.binary_search_by(|known| compare(known.name, name)).ok()?))
    }

    /// The numbers of the services that a pattern can reach, from the first to the one behind the last.
    pub(super) fn reach(&self, pattern: &str) -> (usize, usize) {
        match pattern.split_once(':') {
            Some((prefix, _)) if !prefix.contains(['*', '?']) => {
                match self.services.binary_search_by(|known| compare(known.prefix, prefix)) {
                    Ok(at) => (at, at + 1),
                    Err(_) => (0, 0),
                }
            }
            _ => (0, self.services.len()),
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

/// The numbers of a service's actions that a pattern covers.
pub(super) fn covered(service: &Service, pattern: &ActionPattern) -> impl Iterator<Item = usize> {
    let mut name = format!("{}:", service.prefix);
    let behind = name.len();
    service.actions.iter().enumerate().filter_map(move |(at, action)| {
        name.truncate(behind);
        name.push_str(action.name);
        pattern.matches(&name).then_some(at)
    })
}
