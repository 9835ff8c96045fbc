//! The walk through all classes of requests: actions, then the resources that the statements left can
//! tell apart, then principals, then contexts. Requests that leave the same statements are tried once.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    Cause, Diff, Side,
    actions::ActionClasses,
    axes::Values,
    callers::{Caller, callers},
    found::Found,
    group::Group,
    order::{Ordered, restore},
    pair::{Entry, Pair},
};
use crate::{
    Context, ContextValue, Document, Effect, Truth, Version,
    classes::{self, Budget, Class, Dimension, GaveUp, Spent, automaton::Automaton, automaton::Shape, glob},
};

/// Assignments of the policy variables that are tried.
const WORLDS: usize = 64;
/// Requests kept for statements that they all leave, in case that the first is ruled out.
const SAMPLES: usize = 8;
/// Policy variables in one resource class that are taken to match or not.
const FREE: usize = 6;

pub(super) fn compare(a: &Document, b: &Document, budget: &mut Budget) -> Diff {
    let (a, b) = (Ordered::new(a), Ordered::new(b));
    let pair = Pair::new(&a.document, &b.document);
    let mut diff = Diff::default();
    if let Err(gave_up) = fill(&pair, budget, &mut diff) {
        diff.undecided.push(Cause::GaveUp(gave_up));
    }
    diff.undecided.dedup();
    restore(&mut diff, &a, &b);
    diff
}

fn fill(pair: &Pair<'_>, budget: &mut Budget, diff: &mut Diff) -> Result<(), GaveUp> {
    let actions = ActionClasses::new(pair, budget)?;
    let everyone = callers(pair, budget)?;
    let mut found = Found::default();
    let mut classes = 0;
    // What was found before the work became too much is shown.
    let mut gave_up = None;
    for variables in worlds(pair, budget)? {
        let mut space = Space::new(pair, &actions, &everyone, Some(&variables));
        gave_up = space.walk(budget, &mut found).err();
        found.end_world(&mut space, budget);
        classes += space.classes;
        diff.undecided.extend(space.mixed.iter().map(|key| Cause::Mixed(pair.key_as_written(key))));
        if gave_up.is_some() {
            break;
        }
    }
    if !pair.variables.is_empty() && gave_up.is_none() {
        let mut space = Space::new(pair, &actions, &everyone, None);
        gave_up = space.walk(budget, &mut found).err();
        if found.thinkable {
            let names = pair.variables.iter().map(|key| pair.key_as_written(key)).collect();
            diff.undecided.push(Cause::Variables(names));
        }
    }
    diff.undecided.extend(gave_up.map(Cause::GaveUp));
    diff.undecided.extend(found.unconfirmed.take().map(|example| Cause::Unconfirmed(Box::new(example))));
    diff.classes = classes;
    let (differences, gave_up) = found.finish(pair, &actions, &everyone);
    diff.differences = differences;
    diff.undecided.extend(gave_up.map(Cause::GaveUp));
    Ok(())
}

/// What the variables may stand for: each with one that occurs nowhere, without a value, with those that
/// the conditions about it tell apart, and those that make a pattern what another one is.
fn worlds(pair: &Pair<'_>, budget: &mut Budget) -> Result<Vec<Context>, GaveUp> {
    let mut worlds = vec![Context::new()];
    for key in &pair.variables {
        let mut values =
            vec![ContextValue::from(if **key == *"aws:username" { "alice" } else { "example-1f9c" })];
        let own =
            pair.conditions.iter().filter(|c| c.element.folded_key() == &**key && c.variables.is_empty());
        let conditions: Vec<_> = own.map(|c| (c.version, c.element)).collect();
        if conditions.is_empty() {
            values.push(ContextValue::Absent);
        } else {
            let found = classes::values(&conditions, &Context::new(), budget)?;
            values.extend(found.classes.into_iter().map(|class| class.sample));
        }
        values.extend(pair.neighbours(key).into_iter().map(ContextValue::from));
        // What is left out makes no verdict wrong: equal is said only of what is so for all values.
        values.truncate((WORLDS / worlds.len()).max(1));
        worlds = worlds
            .iter()
            .flat_map(|world| values.iter().map(|value| world.clone().with(key, value.clone())))
            .collect();
    }
    Ok(worlds)
}

/// A class of resources, by the answers of the elements asked about.
pub(super) struct ResourceClass {
    pub(super) sample: String,
    pub(super) covers: Vec<bool>,
}

pub(super) struct Space<'a, 'p> {
    pub(super) pair: &'a Pair<'p>,
    pub(super) actions: &'a ActionClasses,
    pub(super) everyone: &'a [Caller],
    /// What the variables stand for; none where whatever they may stand for is thought of.
    pub(super) variables: Option<&'a Context>,
    resources: HashMap<Vec<usize>, Rc<Vec<ResourceClass>>>,
    pub(super) values: Values,
    pub(super) mixed: BTreeSet<Box<str>>,
    pub(super) classes: usize,
    /// In how many classes of actions and resources each statement is left: the farther reaching one
    /// speaks for another that allows the same.
    pub(super) reach: HashMap<usize, usize>,
    /// What is left of the work that is done only to show a difference well.
    pub(super) polish: Budget,
}

/// The work that is done to show differences well, in all.
const POLISH: u64 = 3_000_000;

impl<'a, 'p> Space<'a, 'p> {
    fn new(
        pair: &'a Pair<'p>,
        actions: &'a ActionClasses,
        everyone: &'a [Caller],
        variables: Option<&'a Context>,
    ) -> Self {
        Self {
            pair,
            actions,
            everyone,
            variables,
            resources: HashMap::new(),
            values: HashMap::new(),
            mixed: BTreeSet::new(),
            classes: 0,
            reach: HashMap::new(),
            polish: Budget::new(POLISH),
        }
    }

    pub(super) fn entry(&self, number: usize) -> Option<&'a Entry<'p>> {
        self.pair.entries.get(number)
    }

    /// Whether a policy among these statements could allow at all.
    fn may_differ(&self, statements: &[usize]) -> bool {
        statements
            .iter()
            .any(|number| self.entry(*number).is_some_and(|e| e.statement.effect() == Effect::Allow))
    }

    /// Whether both policies say the same in these statements, whatever else a request is.
    fn is_same(&self, statements: &[usize]) -> bool {
        let of = |side: Side| -> BTreeSet<usize> {
            let entries = statements.iter().filter_map(|number| self.entry(*number));
            entries.filter(|entry| entry.side == side).map(|entry| entry.rest).collect()
        };
        of(Side::A) == of(Side::B)
    }

    fn walk(&mut self, budget: &mut Budget, found: &mut Found) -> Result<(), GaveUp> {
        let spent = |dimension: Dimension| move |Spent| GaveUp(dimension);
        let mut numbers: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut groups: Vec<(Vec<usize>, Group)> = Vec::new();
        for (class, own) in self.actions.statements(self.pair, budget)? {
            budget.spend(own.len() + 1).map_err(spent(Dimension::Action))?;
            if !self.may_differ(&own) || self.is_same(&own) {
                self.classes += 1;
                continue;
            }
            let elements: BTreeSet<usize> =
                own.iter().filter_map(|number| self.entry(*number)?.resources).collect();
            let elements: Vec<usize> = elements.into_iter().collect();
            let resources = self.resource_classes(&elements, budget)?;
            for (place, resource) in resources.iter().enumerate() {
                budget.spend(own.len() + 1).map_err(spent(Dimension::Resource))?;
                let covers = |number: &usize| {
                    self.entry(*number).is_some_and(|entry| match entry.resources {
                        None => true,
                        Some(element) => {
                            let at = elements.binary_search(&element).ok();
                            at.and_then(|at| resource.covers.get(at).copied()).unwrap_or(false)
                        }
                    })
                };
                let left: Vec<usize> = own.iter().copied().filter(covers).collect();
                if !self.may_differ(&left) || self.is_same(&left) {
                    self.classes += 1;
                    continue;
                }
                for statement in &left {
                    *self.reach.entry(*statement).or_default() += 1;
                }
                let next = groups.len();
                let number = *numbers.entry(left.clone()).or_insert(next);
                if number == next {
                    groups.push((left, Group::default()));
                }
                if let Some((_, group)) = groups.get_mut(number) {
                    group
                        .resources
                        .entry(class)
                        .or_insert_with(|| (elements.clone(), BTreeSet::new()))
                        .1
                        .insert(place);
                    if group.samples.len() < SAMPLES {
                        group.samples.push((class, resource.sample.clone()));
                    }
                }
            }
        }
        for (statements, group) in &groups {
            self.group(statements, group, budget, found)?;
        }
        Ok(())
    }

    pub(super) fn resource_classes(
        &mut self,
        elements: &[usize],
        budget: &mut Budget,
    ) -> Result<Rc<Vec<ResourceClass>>, GaveUp> {
        if let Some(known) = self.resources.get(elements) {
            return Ok(Rc::clone(known));
        }
        let list = elements.iter().filter_map(|number| self.pair.resources.get(*number));
        let classes = match self.variables {
            Some(variables) => {
                let list: Vec<_> = list.map(|element| (element.version, element.element)).collect();
                let found = classes::resources(&list, variables, budget)?;
                let class = |class: Class<String>| ResourceClass {
                    sample: class.sample,
                    covers: class.truths.iter().map(|truth| *truth == Truth::Yes).collect(),
                };
                found.into_iter().map(class).collect()
            }
            None => self.thinkable_resources(elements, budget)?,
        };
        let classes = Rc::new(classes);
        self.resources.insert(elements.to_vec(), Rc::clone(&classes));
        Ok(classes)
    }

    /// Classes in which a pattern with variables matches or not, as one likes, wherever it could match for
    /// some values of theirs.
    fn thinkable_resources(
        &self,
        elements: &[usize],
        budget: &mut Budget,
    ) -> Result<Vec<ResourceClass>, GaveUp> {
        let mut automaton = Automaton::new(Shape::Arn);
        let mut open: Vec<&str> = Vec::new();
        let elements: Vec<_> =
            elements.iter().filter_map(|number| self.pair.resources.get(*number)).collect();
        let has_variables =
            |version: Version, text: &str| version == Version::V2012 && glob::variable_free(text).is_some();
        for element in &elements {
            let patterns = element.element.patterns().iter().map(|pattern| pattern.text());
            let fixed = patterns.clone().filter(|text| !has_variables(element.version, text));
            let context = Context::new();
            let variables = (element.version == Version::V2012).then_some(&context);
            automaton.add(fixed.flat_map(|text| glob::resource(text, variables)));
            for text in patterns.filter(|text| has_variables(element.version, text)) {
                if !open.contains(&text) {
                    open.push(text);
                }
            }
        }
        for text in &open {
            automaton.add(glob::resource(&glob::variable_free(text).unwrap_or_default(), None));
        }
        let mut held: Vec<(String, Vec<u32>)> = vec![("*".to_owned(), automaton.held("*"))];
        held.extend(classes::held(&automaton, budget).map_err(|Spent| GaveUp(Dimension::Resource))?);
        let mut out = Vec::new();
        for (sample, sets) in held {
            let is = |set: usize| u32::try_from(set).is_ok_and(|set| sets.binary_search(&set).is_ok());
            let free: Vec<&str> = open
                .iter()
                .enumerate()
                .filter(|(number, _)| is(elements.len() + number))
                .map(|(_, text)| *text)
                .collect();
            if free.len() > FREE {
                return Err(GaveUp(Dimension::Resource));
            }
            for choice in 0..1_u32 << free.len() {
                let chosen = |text: &str| {
                    free.iter().enumerate().any(|(bit, other)| *other == text && choice >> bit & 1 == 1)
                };
                let covers = elements.iter().enumerate().map(|(number, element)| {
                    let any = || {
                        element.version == Version::V2012
                            && element.element.patterns().iter().any(|pattern| chosen(pattern.text()))
                    };
                    (is(number) || any()) != element.element.is_negated()
                });
                out.push(ResourceClass { sample: sample.clone(), covers: covers.collect() });
            }
        }
        Ok(out)
    }
}
