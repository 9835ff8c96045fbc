//! The differences found, one of each sort.

use std::collections::{BTreeSet, HashMap};

use super::{Difference, Example, Side, Stop, actions::ActionClasses, pair::Pair};
use crate::{
    Element,
    classes::{Budget, GaveUp},
};

/// A difference by what makes it one.
#[derive(PartialEq, Eq, Hash)]
struct Reason {
    side: Side,
    statement: usize,
    denied: Option<usize>,
    nearest: Option<(usize, String)>,
}

#[derive(Default)]
pub(super) struct Found {
    numbers: HashMap<Reason, usize>,
    list: Vec<(Difference, BTreeSet<usize>)>,
    pub(super) unconfirmed: Option<Example>,
    /// Whether a policy for which no difference was found may allow something alone for some values of
    /// the variables.
    pub(super) thinkable: bool,
}

impl Found {
    /// Whether a difference was found already that this policy makes.
    pub(super) fn has(&self, side: Side) -> bool {
        self.list.iter().any(|(difference, _)| difference.allowed_by == side)
    }

    pub(super) fn add(&mut self, difference: Difference, actions: &BTreeSet<usize>) {
        let (denied, nearest) = match &difference.stop {
            Stop::Denied { statement } => (Some(*statement), None),
            Stop::NothingAllows { nearest: None } => (None, None),
            Stop::NothingAllows { nearest: Some(nearest) } => {
                let element = match &nearest.element {
                    Element::Condition { operator, key } => format!("{operator} {key}"),
                    other => format!("{other:?}"),
                };
                (None, Some((nearest.statement, element)))
            }
        };
        let reason = Reason { side: difference.allowed_by, statement: difference.statement, denied, nearest };
        let next = self.list.len();
        let number = *self.numbers.entry(reason).or_insert(next);
        match self.list.get_mut(number) {
            Some((_, known)) => known.extend(actions),
            None => self.list.push((difference, actions.clone())),
        }
    }

    pub(super) fn finish(
        self,
        pair: &Pair<'_>,
        actions: &ActionClasses,
        budget: &mut Budget,
    ) -> Result<Vec<Difference>, GaveUp> {
        let mut out = Vec::with_capacity(self.list.len());
        for (mut difference, classes) in self.list {
            difference.actions = actions.groups(pair, &difference, &classes, budget)?;
            out.push(difference);
        }
        out.sort_by_key(|difference| (difference.allowed_by, difference.statement));
        Ok(out)
    }
}
