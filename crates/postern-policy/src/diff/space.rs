//! The walk through all classes of requests: actions, then the resources that the statements left can
//! tell apart, then principals, then contexts. Requests that leave the same statements are tried once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use super::{
    Cause, Diff, Difference, Example, KeyValues, Side, Stop,
    actions::ActionClasses,
    familiar::familiar,
    found::Found,
    pair::{Entry, Pair},
    principals::principals,
    search::{Axis, Search},
    witness::{self, Judgement},
};
use crate::{
    Context, ContextValue, Document, Effect, PolicyStack, Principal, Request, Truth, Version,
    classes::{self, Budget, Class, Dimension, GaveUp, Spent, automaton::Automaton, automaton::Shape, glob},
    evaluate::Question,
};

/// Assignments of the policy variables that are tried.
const WORLDS: usize = 64;
/// Requests kept for statements that they all leave, in case that the first is ruled out.
const SAMPLES: usize = 8;
/// Policy variables in one resource class that are taken to match or not.
const FREE: usize = 6;

pub(super) fn compare(a: &Document, b: &Document, budget: &mut Budget) -> Diff {
    let pair = Pair::new(a, b);
    let mut diff = Diff::default();
    if let Err(gave_up) = fill(&pair, budget, &mut diff) {
        diff.undecided.push(Cause::GaveUp(gave_up));
    }
    diff.undecided.dedup();
    diff
}

fn fill(pair: &Pair<'_>, budget: &mut Budget, diff: &mut Diff) -> Result<(), GaveUp> {
    let actions = ActionClasses::new(pair, budget)?;
    let everyone = if pair.named {
        principals([pair.a, pair.b]).ok_or(GaveUp(Dimension::Principal))?
    } else {
        Vec::new()
    };
    let mut found = Found::default();
    let mut classes = 0;
    for variables in worlds(pair, budget)? {
        let mut space = Space::new(pair, &actions, &everyone, Some(&variables));
        let result = space.walk(budget, &mut found);
        classes += space.classes;
        diff.undecided.extend(space.mixed.iter().map(|key| Cause::Mixed(pair.key_as_written(key))));
        result?;
    }
    if !pair.variables.is_empty() {
        let mut space = Space::new(pair, &actions, &everyone, None);
        space.walk(budget, &mut found)?;
        if found.thinkable {
            let names = pair.variables.iter().map(|key| pair.key_as_written(key)).collect();
            diff.undecided.push(Cause::Variables(names));
        }
    }
    diff.undecided.extend(found.unconfirmed.take().map(|example| Cause::Unconfirmed(Box::new(example))));
    diff.classes = classes;
    diff.differences = found.finish(pair, &actions, budget)?;
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
struct ResourceClass {
    sample: String,
    covers: Vec<bool>,
}

/// Statements by their numbers, with what is known of them before any condition.
type Left = Vec<(usize, Truth)>;

/// Requests that leave the same statements.
#[derive(Default)]
struct Group {
    actions: BTreeSet<usize>,
    /// Action class and resource.
    samples: Vec<(usize, String)>,
}

struct Space<'a, 'p> {
    pair: &'a Pair<'p>,
    actions: &'a ActionClasses,
    everyone: &'a [Principal],
    /// What the variables stand for; none where whatever they may stand for is thought of.
    variables: Option<&'a Context>,
    resources: HashMap<Vec<usize>, Rc<Vec<ResourceClass>>>,
    values: HashMap<Vec<usize>, Rc<Vec<Class<ContextValue>>>>,
    mixed: BTreeSet<Box<str>>,
    classes: usize,
}

impl<'a, 'p> Space<'a, 'p> {
    fn new(
        pair: &'a Pair<'p>,
        actions: &'a ActionClasses,
        everyone: &'a [Principal],
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
        }
    }

    fn entry(&self, number: usize) -> Option<&'a Entry<'p>> {
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
        for (class, own) in self.actions.statements(self.pair) {
            if !self.may_differ(&own) || self.is_same(&own) {
                self.classes += 1;
                continue;
            }
            let elements: BTreeSet<usize> =
                own.iter().filter_map(|number| self.entry(*number)?.resources).collect();
            let elements: Vec<usize> = elements.into_iter().collect();
            let resources = self.resource_classes(&elements, budget)?;
            for resource in &*resources {
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
                let next = groups.len();
                let number = *numbers.entry(left.clone()).or_insert(next);
                if number == next {
                    groups.push((left, Group::default()));
                }
                if let Some((_, group)) = groups.get_mut(number) {
                    group.actions.insert(class);
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

    fn resource_classes(
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

    /// Everyone, once for each way in which the statements take them.
    fn takers(&self, statements: &[usize]) -> Vec<(Option<&'a Principal>, Left)> {
        let known = |number: usize, truth: Truth| {
            let entry = self.entry(number)?;
            let counts = match entry.statement.effect() {
                Effect::Allow => truth == Truth::Yes,
                Effect::Deny => truth != Truth::No,
            };
            counts.then_some((number, truth))
        };
        if !self.pair.named {
            // What a statement without a resource means where it is attached to its principal is unsettled.
            let truth =
                |entry: &Entry<'_>| if entry.resources.is_some() { Truth::Yes } else { Truth::Unsettled };
            let all = statements.iter().filter_map(|number| known(*number, truth(self.entry(*number)?)));
            return vec![(None, all.collect())];
        }
        let context = Context::new();
        let mut met = HashSet::new();
        let mut takers = Vec::new();
        for principal in self.everyone {
            let request = Request {
                principal,
                action: "service:Action",
                resource: "*",
                resource_account: None,
                context: &context,
            };
            let question = Question::new(&request, &PolicyStack::default());
            let truth = |number: usize| Some(question.principal_element(self.entry(number)?.statement).0);
            let all: Vec<_> =
                statements.iter().filter_map(|number| known(*number, truth(*number)?)).collect();
            // What one kind of credential may never do, another may: all of them are tried.
            if met.insert((std::mem::discriminant(principal), all.clone())) {
                takers.push((Some(principal), all));
            }
        }
        takers
    }

    fn group(
        &mut self,
        statements: &[usize],
        group: &Group,
        budget: &mut Budget,
        found: &mut Found,
    ) -> Result<(), GaveUp> {
        for (principal, left) in self.takers(statements) {
            self.classes += 1;
            let sides = [Side::A, Side::B].map(|side| {
                left.iter()
                    .any(|(number, _)| self.entry(*number).is_some_and(|entry| entry.is(side, Effect::Allow)))
            });
            if sides == [false, false] {
                continue;
            }
            let axes = self.axes(&left, budget)?;
            for (place, (number, _)) in left.iter().enumerate() {
                let Some(entry) = self.entry(*number) else { continue };
                let known = self.variables.is_none() && found.has(entry.side);
                if entry.statement.effect() != Effect::Allow || known {
                    continue;
                }
                let search = Search::new(self.pair, &left, &axes, entry.side, place);
                let key = || axes.first().and_then(|axis| axis.key.clone()).unwrap_or_default();
                let chosen = search.run(budget).map_err(|Spent| GaveUp(Dimension::Key(key())))?;
                let Some(chosen) = chosen else { continue };
                if self.variables.is_none() {
                    found.thinkable = true;
                    return Ok(());
                }
                self.witness(entry.side, principal, group, &axes, &chosen, found);
            }
        }
        Ok(())
    }

    /// The keys that these statements ask about.
    fn axes(&mut self, statements: &[(usize, Truth)], budget: &mut Budget) -> Result<Vec<Axis>, GaveUp> {
        let mut keys: BTreeMap<Box<str>, BTreeSet<usize>> = BTreeMap::new();
        let mut axes = Vec::new();
        let mut free = BTreeSet::new();
        for (number, _) in statements {
            for condition in self.entry(*number).map(|entry| &*entry.conditions).unwrap_or_default() {
                let Some(element) = self.pair.conditions.get(*condition) else { continue };
                if self.variables.is_none() && !element.variables.is_empty() {
                    free.insert(*condition);
                } else {
                    keys.entry(element.element.folded_key().into()).or_default().insert(*condition);
                }
            }
        }
        for (key, conditions) in keys {
            let conditions: Vec<usize> = conditions.into_iter().collect();
            let classes = self.value_classes(&key, &conditions, budget)?;
            axes.push(Axis { key: Some(key), conditions, classes });
        }
        for condition in free {
            let class = |truth| Class { sample: ContextValue::Absent, truths: [truth].into() };
            let classes = Rc::new([Truth::Yes, Truth::No, Truth::Unsettled].map(class).to_vec());
            axes.push(Axis { key: None, conditions: vec![condition], classes });
        }
        Ok(axes)
    }

    fn value_classes(
        &mut self,
        key: &str,
        conditions: &[usize],
        budget: &mut Budget,
    ) -> Result<Rc<Vec<Class<ContextValue>>>, GaveUp> {
        if let Some(known) = self.values.get(conditions) {
            return Ok(Rc::clone(known));
        }
        let list = conditions.iter().filter_map(|number| self.pair.conditions.get(*number));
        let list: Vec<_> = list.map(|condition| (condition.version, condition.element)).collect();
        let classes = match self.variables {
            // What the variable stands for was chosen before.
            Some(variables) if self.pair.variables.contains(key) => {
                let truths = list.iter().map(|(_, condition)| condition.test(variables)).collect();
                vec![Class { sample: variables.get(key).clone(), truths }]
            }
            variables => {
                let values = classes::values(&list, variables.unwrap_or(&Context::new()), budget)?;
                if !values.complete {
                    self.mixed.insert(key.into());
                }
                values.classes
            }
        };
        let classes = Rc::new(classes);
        self.values.insert(conditions.to_vec(), Rc::clone(&classes));
        Ok(classes)
    }

    fn witness(
        &self,
        side: Side,
        principal: Option<&Principal>,
        group: &Group,
        axes: &[Axis],
        chosen: &[(&Axis, usize)],
        found: &mut Found,
    ) {
        let mut context = self.variables.cloned().unwrap_or_default();
        for (axis, number) in chosen {
            if let (Some(key), Some(class)) = (&axis.key, axis.classes.get(*number)) {
                context.set(key, class.sample.clone());
            }
        }
        let Some(principal) = principal.cloned().or_else(|| witness::anyone(&context)) else { return };
        for (class, resource) in &group.samples {
            let example = Example {
                principal: principal.clone(),
                action: self.actions.sample(*class),
                resource: resource.clone(),
                context: context.clone(),
            };
            match witness::judge(self.pair, side, &example) {
                Judgement::Confirmed { statement, stop } => {
                    let example = familiar(self.pair, side, statement, &stop, example);
                    let keys = self.keys(side, &stop, axes, &example);
                    let difference =
                        Difference { allowed_by: side, statement, stop, actions: Vec::new(), example, keys };
                    found.add(difference, &group.actions);
                    return;
                }
                // An operation that no policy controls, or that this kind of credential cannot call.
                Judgement::Outside => {}
                Judgement::Refuted => {
                    found.unconfirmed.get_or_insert(example);
                }
            }
        }
    }

    /// The keys that matter, with the values that make the same difference.
    fn keys(&self, side: Side, stop: &Stop, axes: &[Axis], example: &Example) -> Vec<KeyValues> {
        let mut keys = Vec::new();
        for axis in axes {
            let Some(key) = &axis.key else { continue };
            let mut values = Vec::new();
            let mut other = false;
            // Values of which nobody knows what the policies say are no help.
            let settled = axis.classes.iter().filter(|class| {
                !class.truths.contains(&Truth::Unsettled) || class.sample == *example.context.get(key)
            });
            for class in settled {
                let mut changed = example.clone();
                changed.context.set(key, class.sample.clone());
                match witness::judge(self.pair, side, &changed) {
                    Judgement::Confirmed { stop: new, .. } if new == *stop => {
                        values.push(class.sample.clone());
                    }
                    _ => other = true,
                }
            }
            if other {
                keys.push(KeyValues { key: self.pair.key_as_written(key), values });
            }
        }
        keys
    }
}
