//! The resources that a difference is about, by the patterns of the policies.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{ResourceGroup, space::Space};
use crate::{
    Context, Version,
    classes::{
        Budget, Spent,
        automaton::{Automaton, Shape, Visit},
        glob,
    },
};

/// Patterns that are tried as names.
const MOST_PATTERNS: usize = 60;
/// More work than this is not done to find words: the difference is shown without.
const EFFORT: u64 = 1_000_000;

/// Patterns for some classes of the resources that these elements tell apart. None where the statements name
/// no resources.
pub(super) fn describe(
    space: &mut Space<'_, '_>,
    elements: &[usize],
    wanted: &BTreeSet<usize>,
    budget: &mut Budget,
) -> Vec<ResourceGroup> {
    if elements.is_empty() {
        return Vec::new();
    }
    let vague = || vec![ResourceGroup { pattern: "*".to_owned(), except: Vec::new(), whole: false }];
    let mut own = Budget::new(EFFORT.min(budget.left()));
    let before = own.left();
    let found = words(space, elements, wanted, &mut own);
    let spent = usize::try_from(before - own.left()).unwrap_or(usize::MAX);
    if budget.spend(spent).is_err() {
        return vague();
    }
    found.unwrap_or_else(|Spent| vague())
}

fn words(
    space: &mut Space<'_, '_>,
    elements: &[usize],
    wanted: &BTreeSet<usize>,
    budget: &mut Budget,
) -> Result<Vec<ResourceGroup>, Spent> {
    let classes = space.resource_classes(elements, budget).map_err(|_| Spent)?;
    let wanted: BTreeSet<&[bool]> =
        wanted.iter().filter_map(|at| classes.get(*at)).map(|class| &*class.covers).collect();
    let list: Vec<_> = elements.iter().filter_map(|number| space.pair.resources.get(*number)).collect();
    let mut candidates: Vec<(Version, &str)> = Vec::new();
    let texts = list.iter().flat_map(|e| e.element.patterns().iter().map(|p| (e.version, p.text())));
    for (version, text) in texts {
        if text != "*" && !candidates.iter().any(|(_, known)| *known == text) {
            candidates.push((version, text));
        }
    }
    candidates.sort_by_key(|(_, text)| *text);
    candidates.truncate(MOST_PATTERNS);
    candidates.push((Version::V2012, "*"));

    let nothing = Context::new();
    let given = space.variables.unwrap_or(&nothing);
    let globs =
        |version: Version, text: &str| glob::resource(text, (version == Version::V2012).then_some(given));
    let mut automaton = Automaton::new(Shape::Arn);
    for element in &list {
        automaton.add(element.element.patterns().iter().flat_map(|p| globs(element.version, p.text())));
    }
    for (version, text) in &candidates {
        automaton.add(globs(*version, text));
    }
    // Each class: whether it is wanted, and the candidates that hold it.
    let mut found: BTreeSet<(bool, Vec<usize>)> = BTreeSet::new();
    let mut note = |held: &[u32]| {
        let is = |set: usize| u32::try_from(set).is_ok_and(|set| held.binary_search(&set).is_ok());
        let covers: Vec<bool> =
            list.iter().enumerate().map(|(at, element)| is(at) != element.element.is_negated()).collect();
        let own = (0..candidates.len()).filter(|at| is(list.len() + at)).collect();
        found.insert((wanted.contains(&*covers), own));
    };
    note(&automaton.held("*"));
    automaton.explore(budget, |view| {
        if view.is_whole {
            note(&view.held());
        }
        Visit::Go
    })?;
    Ok(choose(&candidates, &found))
}

/// How good a pattern is, in the order of what counts: whether others are inside that no exception takes away, how
/// many exceptions, its size, whether it has a variable; then its number and the exceptions.
type Rank = (bool, usize, Reverse<usize>, bool, usize, Vec<usize>);

/// The fewest patterns: those that are wanted as a whole, then those that are but for others, then the narrowest.
fn choose(candidates: &[(Version, &str)], found: &BTreeSet<(bool, Vec<usize>)>) -> Vec<ResourceGroup> {
    // For each candidate the classes it holds, by their numbers.
    let mut holds: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (number, (_, own)) in found.iter().enumerate() {
        for at in own {
            holds.entry(*at).or_default().insert(number);
        }
    }
    let wanted: BTreeSet<usize> =
        found.iter().enumerate().filter(|(_, (wanted, _))| *wanted).map(|(number, _)| number).collect();
    let mut rest = wanted.clone();
    let mut groups = Vec::new();
    // Those without an exception first, then the fewest exceptions; wide ones before narrow ones.
    let mut ranked: Vec<Rank> = Vec::new();
    for (at, own) in &holds {
        let mut outside: BTreeSet<usize> = own.difference(&wanted).copied().collect();
        let mut except: Vec<usize> = Vec::new();
        let mut inner: Vec<(&usize, &BTreeSet<usize>)> = holds
            .iter()
            .filter(|(other, inner)| *other != at && inner.is_subset(own) && inner.is_disjoint(&wanted))
            .collect();
        inner.sort_by_key(|(other, inner)| (Reverse(inner.len()), **other));
        for (other, inner) in inner {
            if !inner.is_disjoint(&outside) {
                outside.retain(|class| !inner.contains(class));
                except.push(*other);
            }
        }
        let exact = outside.is_empty();
        let has_variable = candidates.get(*at).is_some_and(|(_, text)| text.contains("${"));
        // A vague group is the better the narrower it is.
        let size = if exact { own.len() } else { usize::MAX - own.len() };
        ranked.push((!exact, except.len(), Reverse(size), has_variable, *at, except));
    }
    ranked.sort();
    for (vague, _, _, _, at, except) in ranked {
        let own = holds.get(&at).cloned().unwrap_or_default();
        if rest.is_disjoint(&own) {
            continue;
        }
        rest.retain(|class| !own.contains(class));
        let text = |at: &usize| candidates.get(*at).map(|(_, text)| (*text).to_owned());
        groups.push(ResourceGroup {
            pattern: text(&at).unwrap_or_default(),
            except: if vague { Vec::new() } else { except.iter().filter_map(text).collect() },
            whole: !vague,
        });
    }
    groups.sort();
    groups
}
