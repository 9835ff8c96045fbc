//! Two policies laid side by side, with what they share told once.

use std::collections::{BTreeSet, HashMap};

use super::Side;
use crate::{
    Actions, Condition, Document, Effect, Resources, Statement, Version,
    pattern::{Piece, Syntax, pieces},
};

/// A statement of one of the policies, its elements by their numbers.
pub(super) struct Entry<'a> {
    pub(super) side: Side,
    /// The statement's number in its document.
    pub(super) number: usize,
    pub(super) statement: &'a Statement,
    pub(super) actions: usize,
    pub(super) resources: Option<usize>,
    pub(super) conditions: Vec<usize>,
    /// What it says but for its actions.
    pub(super) rest: usize,
}

impl Entry<'_> {
    pub(super) fn is(&self, side: Side, effect: Effect) -> bool {
        self.side == side && self.statement.effect() == effect
    }
}

/// An element and whether `${…}` is a variable in it.
pub(super) struct Versioned<'a, T> {
    pub(super) version: Version,
    pub(super) element: &'a T,
    /// The variables in it, in lower case.
    pub(super) variables: Vec<Box<str>>,
}

pub(super) struct Pair<'a> {
    pub(super) a: &'a Document,
    pub(super) b: &'a Document,
    pub(super) entries: Vec<Entry<'a>>,
    /// Elements that say the same have one number.
    pub(super) actions: Vec<&'a Actions>,
    pub(super) resources: Vec<Versioned<'a, Resources>>,
    pub(super) conditions: Vec<Versioned<'a, Condition>>,
    /// Whether a statement names principals: policies of resources.
    pub(super) named: bool,
    pub(super) variables: BTreeSet<Box<str>>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(a: &'a Document, b: &'a Document) -> Self {
        let mut pair = Self {
            a,
            b,
            entries: Vec::new(),
            actions: Vec::new(),
            resources: Vec::new(),
            conditions: Vec::new(),
            named: [a, b]
                .iter()
                .any(|document| document.statements().iter().any(|s| s.principals().is_some())),
            variables: BTreeSet::new(),
        };
        let (mut actions, mut resources, mut conditions) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut rests = HashMap::new();
        for (side, document) in [(Side::A, a), (Side::B, b)] {
            let version = document.version();
            for (number, statement) in document.statements().iter().enumerate() {
                let element = statement.actions();
                let texts = element.patterns().iter().map(|pattern| pattern.text().to_ascii_lowercase());
                let key = (element.is_negated(), texts.collect::<BTreeSet<_>>());
                let own_actions = *actions.entry(key).or_insert_with(|| push(&mut pair.actions, element));
                let own_resources = statement.resources().map(|element| {
                    let texts: BTreeSet<&str> =
                        element.patterns().iter().map(|pattern| pattern.text()).collect();
                    let variables = variables(version, texts.iter().copied());
                    let version =
                        if texts.iter().any(|text| text.contains("${")) { version } else { Version::V2012 };
                    *resources.entry((version, element.is_negated(), texts)).or_insert_with(|| {
                        push(&mut pair.resources, Versioned { version, element, variables })
                    })
                });
                let own_conditions = statement.conditions().iter().map(|element| {
                    let texts: BTreeSet<&str> = element.values().iter().map(|value| value.text()).collect();
                    let variables = if element.operator().comparison.takes_variables() {
                        variables(version, texts.iter().copied())
                    } else {
                        Vec::new()
                    };
                    let version =
                        if texts.iter().any(|text| text.contains("${")) { version } else { Version::V2012 };
                    let key = (version, element.operator(), element.folded_key(), texts);
                    *conditions.entry(key).or_insert_with(|| {
                        push(&mut pair.conditions, Versioned { version, element, variables })
                    })
                });
                let conditions: Vec<usize> = own_conditions.collect();
                let principals = statement.principals().map(|element| {
                    let names =
                        element.patterns().iter().map(|pattern| (pattern.kind().as_str(), pattern.text()));
                    (element.is_negated(), names.collect::<BTreeSet<_>>())
                });
                let set: BTreeSet<usize> = conditions.iter().copied().collect();
                let next = rests.len();
                let rest = *rests.entry((statement.effect(), principals, own_resources, set)).or_insert(next);
                pair.entries.push(Entry {
                    side,
                    number,
                    statement,
                    actions: own_actions,
                    resources: own_resources,
                    conditions,
                    rest,
                });
            }
        }
        let resources = pair.resources.iter().flat_map(|element| &element.variables);
        let conditions = pair.conditions.iter().flat_map(|element| &element.variables);
        pair.variables = resources.chain(conditions).cloned().collect();
        pair
    }

    pub(super) const fn document(&self, side: Side) -> &'a Document {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    /// Values of a variable with which a text becomes like another one about the same: its wildcards
    /// taken for nothing.
    pub(super) fn neighbours(&self, variable: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let resources: Vec<&str> = self.resources.iter().flat_map(|element| texts(element.element)).collect();
        align(variable, &resources, &mut found);
        for condition in &self.conditions {
            if condition.variables.iter().any(|name| **name == *variable) {
                let key = condition.element.folded_key();
                let same = self.conditions.iter().filter(|other| other.element.folded_key() == key);
                let values = same.flat_map(|other| other.element.values().iter().map(|value| value.text()));
                align(variable, &values.collect::<Vec<_>>(), &mut found);
            }
        }
        found
    }

    /// A key as the policies write it.
    pub(super) fn key_as_written(&self, folded: &str) -> String {
        let conditions = self.conditions.iter().map(|condition| condition.element);
        let mut found = conditions.filter(|condition| condition.folded_key() == folded);
        found.next().map_or(folded, Condition::key).to_owned()
    }
}

fn texts(resources: &Resources) -> impl Iterator<Item = &str> {
    resources.patterns().iter().map(|pattern| pattern.text())
}

/// Most texts that are compared with each other to find values of variables.
const MOST_TEXTS: usize = 100;

fn align(variable: &str, texts: &[&str], found: &mut BTreeSet<String>) {
    let is_own =
        |text: &&&str| variables(Version::V2012, std::iter::once(**text)).iter().any(|v| **v == *variable);
    let plain = |text: &str| text.replace(['*', '?'], "");
    for own in texts.iter().filter(is_own).take(MOST_TEXTS) {
        let (Some(start), Some(end)) = (own.find("${"), own.rfind('}')) else { continue };
        let front = plain(own.get(..start).unwrap_or_default());
        let back = plain(own.get(end + 1..).unwrap_or_default());
        for other in texts.iter().take(MOST_TEXTS).filter(|other| !other.contains("${")) {
            let other = plain(other);
            let middle = other.strip_prefix(&*front).and_then(|rest| rest.strip_suffix(&*back));
            found.extend(middle.filter(|middle| !middle.is_empty()).map(str::to_owned));
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}

/// The variables in some texts.
fn variables<'t>(version: Version, texts: impl Iterator<Item = &'t str>) -> Vec<Box<str>> {
    if version != Version::V2012 {
        return Vec::new();
    }
    let syntax = Syntax { wildcards: true, variables: true, ignore_case: false };
    texts
        .filter(|text| text.contains("${"))
        .flat_map(|text| pieces(text, syntax))
        .filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.folded().into()),
            _ => None,
        })
        .collect()
}
