//! The differences found, one of each sort.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    ActionGroup, Difference, Example, KeyValues, ResourceGroup, Side, Stop, actions::ActionClasses,
    callers::Caller, pair::Pair, scope, space::Space, whom,
};
use crate::classes::{Budget, GaveUp};

/// What one statement allows and one thing stops.
pub(super) struct Finding {
    pub(super) side: Side,
    pub(super) statement: usize,
    pub(super) stop: Stop,
    pub(super) when: Vec<Vec<KeyValues>>,
    /// Whether `when` tells all contexts.
    pub(super) all_contexts: bool,
    pub(super) callers: BTreeSet<usize>,
    pub(super) example: Example,
}

/// Of each class of actions: elements, and the numbers of their classes of resources.
pub(super) type Cells = BTreeMap<usize, (Vec<usize>, BTreeSet<usize>)>;

#[derive(Default)]
pub(super) struct Found {
    /// Those of the present values of the variables, by what makes them one.
    numbers: HashMap<String, usize>,
    list: Vec<(Finding, Cells)>,
    /// Those of the values before, with their resources in words.
    done: Vec<(Finding, Vec<ResourceGroup>, BTreeSet<usize>)>,
    /// Callers who can do nothing here whatever policies say.
    pub(super) neutral: BTreeSet<usize>,
    pub(super) unconfirmed: Option<Example>,
    /// Whether a policy for which no difference was found may allow something alone for some values of
    /// the variables.
    pub(super) thinkable: bool,
}

impl Found {
    /// Whether a difference was found already that this policy makes.
    pub(super) fn has(&self, side: Side) -> bool {
        self.list
            .iter()
            .map(|(finding, _)| finding)
            .chain(self.done.iter().map(|(finding, ..)| finding))
            .any(|finding| finding.side == side)
    }

    /// Adds what was found, with the actions and resources that it is about.
    pub(super) fn add(&mut self, finding: Finding, cells: &Cells) {
        let reason = format!("{} {:?}", finding.reason(), finding.callers);
        let next = self.list.len();
        let number = *self.numbers.entry(reason).or_insert(next);
        if number == next {
            self.list.push((finding, Cells::new()));
        }
        let Some((_, known)) = self.list.get_mut(number) else { return };
        for (action, (elements, resources)) in cells {
            known.entry(*action).or_insert_with(|| (elements.clone(), BTreeSet::new())).1.extend(resources);
        }
    }

    /// Puts the resources of what was found with these values of the variables in words. What other values
    /// have shown before is not shown again.
    pub(super) fn end_world(&mut self, space: &mut Space<'_, '_>, budget: &mut Budget) {
        let before = self.done.len();
        let mut words = HashMap::new();
        self.numbers.clear();
        for (finding, cells) in std::mem::take(&mut self.list) {
            let mut by_scope: BTreeMap<Vec<ResourceGroup>, Cells> = BTreeMap::new();
            for (action, (elements, resources)) in cells {
                let is_known = self
                    .done
                    .iter()
                    .take(before)
                    .any(|(known, _, actions)| known.is_like(&finding) && actions.contains(&action));
                if !is_known {
                    let key = (elements.clone(), resources.clone());
                    let scope = words.entry(key).or_insert_with_key(|(elements, resources)| {
                        scope::describe(space, elements, resources, budget)
                    });
                    by_scope.entry(scope.clone()).or_default().insert(action, (elements, resources));
                }
            }
            let is_split = by_scope.len() > 1;
            for (scope, cells) in by_scope {
                let mut finding = finding.again();
                if is_split && let Some(example) = space.example(&finding, &cells, budget) {
                    finding.example = example;
                }
                self.done.push((finding, scope, cells.into_keys().collect()));
            }
        }
    }

    pub(super) fn finish(
        self,
        pair: &Pair<'_>,
        actions: &ActionClasses,
        everyone: &[Caller],
    ) -> (Vec<Difference>, Option<GaveUp>) {
        let mut budget = Budget::default();
        let mut gave_up = None;
        let mut out: Vec<Difference> = Vec::with_capacity(self.done.len());
        let reached = self.done.iter().flat_map(|(finding, ..)| &finding.callers).copied().collect();
        let neutral: BTreeSet<usize> = self.neutral.difference(&reached).copied().collect();
        for (finding, resources, classes) in merged(self.done) {
            let named = actions.groups(pair, finding.side, finding.statement, &classes, &mut budget);
            let named = named.unwrap_or_else(|error| {
                gave_up = Some(error);
                // One of them, at least.
                let pattern = finding.example.action.clone();
                vec![ActionGroup { pattern, except: Vec::new(), whole: true, known: Vec::new() }]
            });
            out.push(Difference {
                allowed_by: finding.side,
                statement: finding.statement,
                actions: named,
                stop: finding.stop,
                resources,
                principals: whom::describe(pair, everyone, &finding.callers, &neutral),
                when: finding.when,
                all_contexts: finding.all_contexts,
                example: finding.example,
            });
        }
        (out, gave_up)
    }
}

impl Finding {
    fn reason(&self) -> String {
        format!("{:?} {} {:?} {:?}", self.side, self.statement, self.stop, self.when)
    }

    /// Whether the same is found, of whomever, and whichever statement comes nearest to allowing it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.is_like(other) && self.when == other.when
    }

    /// Whether the same statements make the difference.
    fn is_like(&self, other: &Self) -> bool {
        let denied = |stop: &Stop| match stop {
            Stop::Denied { statement } => Some(*statement),
            Stop::NothingAllows { .. } => None,
        };
        (self.side, self.statement, denied(&self.stop)) == (other.side, other.statement, denied(&other.stop))
    }

    fn again(&self) -> Self {
        Self {
            side: self.side,
            statement: self.statement,
            stop: self.stop.clone(),
            when: self.when.clone(),
            all_contexts: self.all_contexts,
            callers: self.callers.clone(),
            example: self.example.clone(),
        }
    }
}

type Described = (Finding, Vec<ResourceGroup>, BTreeSet<usize>);

/// The same about several callers is said once.
fn merged(list: Vec<Described>) -> Vec<Described> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<Described> = Vec::new();
    for (finding, resources, actions) in list {
        let next = out.len();
        let number =
            *numbers.entry(format!("{} {resources:?} {actions:?}", finding.reason())).or_insert(next);
        match out.get_mut(number) {
            Some((known, ..)) => known.callers.extend(finding.callers),
            None => out.push((finding, resources, actions)),
        }
    }
    out
}
