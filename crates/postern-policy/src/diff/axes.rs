//! The keys that some statements ask about, with the classes of their values.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    callers::{Caller, Tie},
    search::Axis,
    space::Space,
};
use crate::{
    Condition, Context, ContextValue, Effect, PolicyStack, Request, Truth, Version,
    classes::{self, Budget, Class, GaveUp},
    evaluate::Question,
};

/// The classes of each set of conditions.
pub(super) type Values = HashMap<Vec<usize>, Rc<Vec<Class<ContextValue>>>>;

/// Statements by their numbers, with what is known of them before any condition.
pub(super) type Left = Vec<(usize, Truth)>;

/// Callers whom some statements do not tell apart, by their numbers; none where it makes no difference.
pub(super) struct Takers {
    pub(super) callers: BTreeSet<usize>,
    pub(super) left: Left,
}

impl Space<'_, '_> {
    /// Everyone, once for each way in which the statements take them.
    pub(super) fn takers(&self, statements: &[usize]) -> Vec<Takers> {
        let known = |number: usize, truth: Truth| {
            let entry = self.entry(number)?;
            let counts = match entry.statement.effect() {
                Effect::Allow => truth == Truth::Yes,
                Effect::Deny => truth != Truth::No,
            };
            counts.then_some((number, truth))
        };
        // What a statement without a resource means where it is attached to its principal is unsettled.
        let attached = |number: usize| {
            let settled = self.entry(number)?.statement.resources().is_some();
            known(number, if settled { Truth::Yes } else { Truth::Unsettled })
        };
        if self.everyone.is_empty() {
            let left = statements.iter().filter_map(|number| attached(*number)).collect();
            return vec![Takers { callers: BTreeSet::new(), left }];
        }
        let mut met = HashMap::new();
        let mut takers: Vec<Takers> = Vec::new();
        let context = Context::new();
        for (at, caller) in self.everyone.iter().enumerate() {
            let request = Request {
                principal: &caller.principal,
                action: "service:Action",
                resource: "*",
                resource_account: None,
                context: &context,
            };
            let question = Question::new(&request, &PolicyStack::default());
            let left: Left = if self.pair.named {
                let truth = |number: usize| Some(question.principal_element(self.entry(number)?.statement).0);
                statements.iter().filter_map(|number| known(*number, truth(*number)?)).collect()
            } else {
                statements.iter().filter_map(|number| attached(*number)).collect()
            };
            // What one kind of credential may never do, another may: all of them are tried.
            let kind = std::mem::discriminant(&caller.principal);
            let key = (kind, left.clone(), self.told(caller, &left));
            let next = takers.len();
            let number = *met.entry(key).or_insert(next);
            if number == next {
                takers.push(Takers { callers: BTreeSet::new(), left });
            }
            if let Some(takers) = takers.get_mut(number) {
                takers.callers.insert(at);
            }
        }
        takers
    }

    /// What the conditions of these statements say of what AWS fills in for a caller.
    fn told(&self, caller: &Caller, left: &Left) -> Vec<(usize, Vec<Truth>)> {
        let numbers: BTreeSet<usize> = left
            .iter()
            .filter_map(|(number, _)| self.entry(*number))
            .flat_map(|e| &e.conditions)
            .copied()
            .collect();
        let mut told = Vec::new();
        for number in numbers {
            let Some(condition) = self.pair.conditions.get(number) else { continue };
            let key = condition.element.folded_key();
            if let Some(tie) = caller.tie(key) {
                let truths = match tie {
                    Tie::Values(values) => {
                        values.iter().map(|value| holds(condition.element, key, value)).collect()
                    }
                    Tie::Present => Vec::new(),
                };
                told.push((number, truths));
            }
        }
        told
    }

    /// The keys that these statements ask about.
    pub(super) fn axes(
        &mut self,
        statements: &[(usize, Truth)],
        caller: Option<&Caller>,
        budget: &mut Budget,
    ) -> Result<Vec<Axis>, GaveUp> {
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
            let tie = caller.and_then(|caller| caller.tie(&key));
            let classes = match tie {
                Some(Tie::Values(values)) => Rc::new(self.tied_classes(&key, &conditions, values)),
                Some(Tie::Present) => {
                    let all = self.value_classes(&key, &conditions, budget)?;
                    Rc::new(
                        all.iter().filter(|class| class.sample != ContextValue::Absent).cloned().collect(),
                    )
                }
                None => self.value_classes(&key, &conditions, budget)?,
            };
            let tied = matches!(tie, Some(Tie::Values(_)));
            axes.push(Axis { key: Some(key), conditions, classes, tied });
        }
        for condition in free {
            let class = |truth| Class { sample: ContextValue::Absent, truths: [truth].into() };
            let classes = Rc::new([Truth::Yes, Truth::No, Truth::Unsettled].map(class).to_vec());
            axes.push(Axis { key: None, conditions: vec![condition], classes, tied: false });
        }
        Ok(axes)
    }

    /// The few values that a caller can have, one class each.
    fn tied_classes(
        &self,
        key: &str,
        conditions: &[usize],
        values: &[ContextValue],
    ) -> Vec<Class<ContextValue>> {
        let context = |value: &ContextValue| {
            let mut context = self.variables.cloned().unwrap_or_default();
            context.set(key, value.clone());
            context
        };
        let list: Vec<&Condition> = conditions
            .iter()
            .filter_map(|number| self.pair.conditions.get(*number))
            .map(|c| c.element)
            .collect();
        let class = |value: &ContextValue| {
            let context = context(value);
            let truths = list.iter().map(|condition| condition.test(&context)).collect();
            Class { sample: value.clone(), truths }
        };
        values.iter().map(class).collect()
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
        let list: Vec<(Version, &Condition)> =
            list.map(|condition| (condition.version, condition.element)).collect();
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
}

fn holds(condition: &Condition, key: &str, value: &ContextValue) -> Truth {
    let mut context = Context::new();
    context.set(key, value.clone());
    condition.test(&context)
}
