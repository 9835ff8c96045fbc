//! The classes of actions, and the patterns by which a person knows them.

use std::collections::BTreeSet;

use super::{ActionGroup, Side, familiar::FAMILIAR, pair::Pair};
use crate::{
    Actions,
    catalogue::Catalogue,
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
    automaton: Automaton,
    /// The patterns of all elements, each once, with the element where it stands first.
    patterns: Vec<(String, u32)>,
}

impl ActionClasses {
    pub(super) fn new(pair: &Pair<'_>, budget: &mut Budget) -> Result<Self, GaveUp> {
        let automaton = automaton(pair);
        let free = u32::try_from(pair.actions.len()).unwrap_or(u32::MAX);
        let mut classes = classes::held(&automaton, budget).map_err(|Spent| GaveUp(Dimension::Action))?;
        classes.retain(|(_, held)| held.last() != Some(&free));
        let mut met = BTreeSet::new();
        let texts = pair.actions.iter().zip(0_u32..);
        let texts =
            texts.flat_map(|(actions, number)| patterns(actions).into_iter().zip(std::iter::repeat(number)));
        let patterns = texts.filter(|(text, _)| met.insert(text.to_ascii_lowercase()));
        let patterns = patterns.map(|(text, number)| (text.to_owned(), number)).collect();
        Ok(Self { classes, automaton, patterns })
    }

    pub(super) fn sample(&self, class: usize) -> String {
        self.classes.get(class).map(|(sample, _)| sample.clone()).unwrap_or_default()
    }

    /// Each class with the statements that cover its actions.
    pub(super) fn statements(
        &self,
        pair: &Pair<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<(usize, Vec<usize>)>, GaveUp> {
        // The statements of each element: a class holds few of many, but for those that name what they do not cover.
        let mut of: Vec<Vec<usize>> = vec![Vec::new(); pair.actions.len()];
        for (number, entry) in pair.entries.iter().enumerate() {
            if let Some(own) = of.get_mut(entry.actions) {
                own.push(number);
            }
        }
        let (mut plain, mut negated) = (vec![false; of.len()], Vec::new());
        for (number, (actions, plain)) in pair.actions.iter().zip(&mut plain).enumerate() {
            *plain = !actions.is_negated();
            if !*plain {
                negated.push(number);
            }
        }
        let mut all = Vec::with_capacity(self.classes.len());
        for (number, (_, held)) in self.classes.iter().enumerate() {
            let taken = held
                .iter()
                .map(|element| *element as usize)
                .filter(|element| plain.get(*element) == Some(&true));
            let is_held =
                |element: &usize| u32::try_from(*element).is_ok_and(|e| held.binary_search(&e).is_ok());
            let elements = taken.chain(negated.iter().copied().filter(|element| !is_held(element)));
            let mut own: Vec<usize> =
                elements.filter_map(|element| of.get(element)).flatten().copied().collect();
            budget.spend(own.len() + negated.len() + 1).map_err(|Spent| GaveUp(Dimension::Action))?;
            own.sort_unstable();
            all.push((number, own));
        }
        Ok(all)
    }

    /// The patterns whose actions are concerned: those that are so as a whole, and others for the rest.
    pub(super) fn groups(
        &self,
        pair: &Pair<'_>,
        side: Side,
        statement: usize,
        concerned: &BTreeSet<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<ActionGroup>, GaveUp> {
        let wanted: BTreeSet<&[u32]> =
            concerned.iter().filter_map(|class| self.classes.get(*class)).map(|(_, held)| &**held).collect();
        let own = pair.document(side).statements().get(statement);
        let own: Vec<&str> = own.map(|statement| patterns(statement.actions())).unwrap_or_default();
        // What none of the classes is held by has no actions inside. Its own patterns come first.
        let near: BTreeSet<u32> = wanted.iter().flat_map(|held| held.iter().copied()).collect();
        let mut met = BTreeSet::new();
        let own = own.iter().filter(|text| met.insert(text.to_ascii_lowercase()));
        let mut candidates: Vec<(&str, bool)> = own.map(|text| (*text, true)).collect();
        let others = self.patterns.iter().filter(|(text, _)| !met.contains(&text.to_ascii_lowercase()));
        let others = others.map(|(text, element)| (text.as_str(), near.contains(element) || is_wild(text)));
        candidates.extend(others.take(MOST_PATTERNS));
        if !candidates.iter().any(|(text, _)| *text == "*") {
            candidates.push(("*", true));
        }
        let gave_up = |Spent| GaveUp(Dimension::Action);
        budget.spend(candidates.len()).map_err(gave_up)?;

        let base = &self.automaton;
        let is_wanted = |action: &str| {
            let takes = |element: &&Actions| element.matches(action) != element.is_negated();
            let held = pair.actions.iter().enumerate().filter(|(_, element)| takes(element));
            let held: Vec<u32> = held.filter_map(|(number, _)| u32::try_from(number).ok()).collect();
            wanted.contains(&*held)
        };
        let mut groups: Vec<ActionGroup> = Vec::new();
        let (mut partly, mut outside): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (text, is_near) in candidates {
            let found = if !is_near {
                Reach { inside: false, outside: true }
            } else if is_wild(text) {
                reach(base, text, &[], true, &wanted, budget).map_err(gave_up)?
            } else {
                budget.spend(pair.actions.len()).map_err(gave_up)?;
                let inside = !FREE.iter().any(|free| free.eq_ignore_ascii_case(text)) && is_wanted(text);
                Reach { inside, outside: !inside }
            };
            match found {
                Reach { inside: false, .. } => outside.push(text),
                Reach { outside: false, .. } => {
                    if !groups.iter().any(|group| within(text, &group.pattern)) {
                        groups.retain(|group| !within(&group.pattern, text));
                        groups.push(group(text, Vec::new(), true));
                    }
                }
                Reach { .. } => partly.push(text),
            }
        }
        // The widest patterns of which nothing but other patterns is left out.
        partly.sort_by_key(|text| (text.len(), *text));
        let mut vague = Vec::new();
        for text in partly {
            if groups.iter().any(|group| group.covers(text)) {
                continue;
            }
            let mut except: Vec<&str> = Vec::new();
            for other in outside.iter().filter(|other| within(other, text)).take(MOST_EXCEPTIONS) {
                if !except.iter().any(|known| within(other, known)) {
                    except.retain(|known| !within(known, other));
                    except.push(other);
                }
            }
            let rest = reach(base, text, &except, true, &wanted, budget).map_err(gave_up)?;
            if rest.outside || except.is_empty() {
                vague.push(text);
            } else {
                groups.retain(|group| !within(&group.pattern, text));
                groups.push(group(text, except, true));
            }
        }
        // The narrowest patterns that have actions besides.
        for text in vague.into_iter().rev() {
            let known: Vec<&str> = groups.iter().map(|group| &*group.pattern).collect();
            let rest = reach(base, text, &known, false, &wanted, budget).map_err(gave_up)?;
            if rest.inside && !groups.iter().any(|group| group.whole && within(text, &group.pattern)) {
                let is_new =
                    |action: &str| is_wanted(action) && !groups.iter().any(|group| group.covers(action));
                let known = known_actions(text, is_new, pair.actions.len(), budget);
                groups.push(ActionGroup { known, ..group(text, Vec::new(), false) });
            }
        }
        Ok(groups)
    }
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Exceptions that are looked for in one pattern.
const MOST_EXCEPTIONS: usize = 40;

fn group(text: &str, except: Vec<&str>, whole: bool) -> ActionGroup {
    let except = except.into_iter().map(str::to_owned).collect();
    ActionGroup { pattern: text.to_owned(), except, whole, known: Vec::new() }
}

impl ActionGroup {
    /// Whether it is said of this action, or of all actions of this pattern.
    fn covers(&self, text: &str) -> bool {
        let except = self.except.iter().any(|except| within(text, except) || within(except, text));
        within(text, &self.pattern) && !except
    }
}

/// Actions of the catalogue that a pattern takes, the best known first, as far as the budget goes.
fn known_actions(
    pattern: &str,
    is_wanted: impl Fn(&str) -> bool,
    cost: usize,
    budget: &mut Budget,
) -> Vec<String> {
    let mut automaton = Automaton::new(Shape::Text);
    automaton.add([glob::action(pattern)]);
    let mut found = Vec::new();
    for (service, action) in Catalogue::embedded().actions() {
        let text = format!("{}:{}", service.prefix(), action.name());
        if automaton.held(&text).is_empty() {
            continue;
        }
        if budget.spend(cost).is_err() {
            break;
        }
        if is_wanted(&text) {
            found.push(text);
        }
    }
    found.sort_by_key(|text| FAMILIAR.iter().position(|known| *known == &**text).unwrap_or(FAMILIAR.len()));
    found
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

/// Looks at the actions of a pattern, without those of some others; at both sides, or until some are inside.
fn reach(
    base: &Automaton,
    pattern: &str,
    without: &[&str],
    both: bool,
    wanted: &BTreeSet<&[u32]>,
    budget: &mut Budget,
) -> Result<Reach, Spent> {
    let elements = base.count() - 1;
    let wanted_glob = glob::action(pattern);
    let mut automaton = base.narrowed(&wanted_glob);
    let own = automaton.add([wanted_glob]);
    let others = automaton.add(without.iter().map(|text| glob::action(text)));
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
            if reach.inside && (reach.outside || !both) {
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
