//! The classes of actions, and the patterns by which a person knows them.

use std::collections::BTreeSet;

use super::{ActionGroup, Difference, pair::Pair};
use crate::{
    Actions,
    classes::{
        self, Budget, Dimension, GaveUp, Spent, automaton::Automaton, automaton::Shape, automaton::Visit,
        glob,
    },
};

/// Operations that no policy controls (*STS API Reference*: "No permissions are required").
const FREE: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// Patterns that are tried as names of a difference's actions.
const MOST_PATTERNS: usize = 4_000;

pub(super) struct ActionClasses {
    /// Samples and the numbers of the elements whose patterns take it, without the free operations.
    classes: Vec<(String, Vec<u32>)>,
}

impl ActionClasses {
    pub(super) fn new(pair: &Pair<'_>, budget: &mut Budget) -> Result<Self, GaveUp> {
        let automaton = automaton(pair);
        let free = u32::try_from(pair.actions.len()).unwrap_or(u32::MAX);
        let mut classes = classes::held(&automaton, budget).map_err(|Spent| GaveUp(Dimension::Action))?;
        classes.retain(|(_, held)| held.last() != Some(&free));
        Ok(Self { classes })
    }

    pub(super) fn sample(&self, class: usize) -> String {
        self.classes.get(class).map(|(sample, _)| sample.clone()).unwrap_or_default()
    }

    /// Each class with the statements that cover its actions.
    pub(super) fn statements(&self, pair: &Pair<'_>) -> Vec<(usize, Vec<usize>)> {
        let of = |held: &[u32]| {
            let covers = |element: usize| {
                let taken = u32::try_from(element).is_ok_and(|element| held.binary_search(&element).is_ok());
                pair.actions.get(element).is_some_and(|actions| taken != actions.is_negated())
            };
            let statements = pair.entries.iter().enumerate().filter(|(_, entry)| covers(entry.actions));
            statements.map(|(number, _)| number).collect()
        };
        self.classes.iter().enumerate().map(|(number, (_, held))| (number, of(held))).collect()
    }

    /// The patterns whose actions are concerned: those that are so as a whole, and others for the rest.
    pub(super) fn groups(
        &self,
        pair: &Pair<'_>,
        difference: &Difference,
        concerned: &BTreeSet<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<ActionGroup>, GaveUp> {
        let wanted: BTreeSet<&[u32]> =
            concerned.iter().filter_map(|class| self.classes.get(*class)).map(|(_, held)| &**held).collect();
        let own = pair.document(difference.allowed_by).statements().get(difference.statement);
        let own: Vec<&str> = own.map(|statement| patterns(statement.actions())).unwrap_or_default();
        let mut candidates = own.clone();
        candidates.extend(pair.actions.iter().flat_map(|actions| patterns(actions)));
        let mut met = BTreeSet::new();
        candidates.retain(|text| met.insert(text.to_ascii_lowercase()));
        candidates.truncate(MOST_PATTERNS.max(own.len()));
        if !candidates.contains(&"*") {
            candidates.push("*");
        }

        let base = automaton(pair);
        let is_wanted = |action: &str| {
            let takes = |element: &&Actions| element.matches(action) != element.is_negated();
            let held = pair.actions.iter().enumerate().filter(|(_, element)| takes(element));
            let held: Vec<u32> = held.filter_map(|(number, _)| u32::try_from(number).ok()).collect();
            wanted.contains(&*held)
        };
        let mut groups: Vec<ActionGroup> = Vec::new();
        let mut partly = Vec::new();
        for text in candidates {
            let found = if text.contains(['*', '?']) {
                reach(&base, text, None, &wanted, budget).map_err(|Spent| GaveUp(Dimension::Action))?
            } else {
                let inside = !FREE.iter().any(|free| free.eq_ignore_ascii_case(text)) && is_wanted(text);
                Reach { inside, outside: !inside }
            };
            match found {
                Reach { inside: false, .. } => {}
                Reach { outside: false, .. } => {
                    if !groups.iter().any(|group| within(text, &group.pattern)) {
                        groups.retain(|group| !within(&group.pattern, text));
                        groups.push(ActionGroup { pattern: text.to_owned(), whole: true });
                    }
                }
                Reach { .. } => partly.push(text),
            }
        }
        // The narrowest patterns that have actions besides.
        partly.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
        for text in partly {
            let rest = reach(&base, text, Some(&groups), &wanted, budget)
                .map_err(|Spent| GaveUp(Dimension::Action))?;
            if rest.inside {
                groups.push(ActionGroup { pattern: text.to_owned(), whole: false });
            }
        }
        Ok(groups)
    }
}

fn patterns(actions: &Actions) -> Vec<&str> {
    actions.patterns().iter().map(|pattern| pattern.text()).collect()
}

fn automaton(pair: &Pair<'_>) -> Automaton {
    let mut automaton = Automaton::new(Shape::Action);
    for element in &pair.actions {
        automaton.add(element.patterns().iter().map(|pattern| glob::action(pattern.text())));
    }
    automaton.add(FREE.map(glob::action));
    automaton
}

/// Whether a pattern has actions inside and outside some classes.
struct Reach {
    inside: bool,
    outside: bool,
}

/// Looks at the actions of a pattern, without those of some others.
fn reach(
    base: &Automaton,
    pattern: &str,
    without: Option<&[ActionGroup]>,
    wanted: &BTreeSet<&[u32]>,
    budget: &mut Budget,
) -> Result<Reach, Spent> {
    let elements = base.count() - 1;
    let wanted_glob = glob::action(pattern);
    let mut automaton = base.narrowed(&wanted_glob);
    let own = automaton.add([wanted_glob]);
    let others = automaton.add(without.unwrap_or_default().iter().map(|group| glob::action(&group.pattern)));
    let mut reach = Reach { inside: false, outside: false };
    automaton.explore(budget, |view| {
        if !view.is_alive(own) || view.for_ever(others) {
            return Visit::Skip;
        }
        if view.is_whole && view.holds(own) && !view.holds(others) && !view.holds(elements) {
            let mut held = view.held();
            held.retain(|set| (*set as usize) < elements);
            if wanted.contains(&*held) {
                reach.inside = true;
            } else {
                reach.outside = true;
            }
            // Nothing more is asked of the rest.
            if reach.inside && (reach.outside || without.is_some()) {
                return Visit::Stop;
            }
        }
        Visit::Go
    })?;
    Ok(reach)
}

/// Whether a pattern's text is one that another pattern takes, which makes it the narrower one.
fn within(narrow: &str, wide: &str) -> bool {
    let mut automaton = Automaton::new(Shape::Text);
    automaton.add([glob::action(wide)]);
    !automaton.held(narrow).is_empty()
}
