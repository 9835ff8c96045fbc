//! A context in which one policy allows and the other does not, by trying classes key by key.

use std::rc::Rc;

use super::{Side, pair::Pair};
use crate::{
    ContextValue, Effect, Truth,
    classes::{Budget, Class, Spent},
};

/// One key with its classes.
pub(super) struct Axis {
    /// The key in lower case; none where a condition is taken to be true or false as one likes.
    pub(super) key: Option<Box<str>>,
    /// The conditions about it.
    pub(super) conditions: Vec<usize>,
    pub(super) classes: Rc<Vec<Class<ContextValue>>>,
}

/// The statements that a request's action, resource and principal leave, and what they leave open.
pub(super) struct Search<'a, 'p> {
    pair: &'a Pair<'p>,
    /// Each statement by its number in the pair, with what is known of it before any condition.
    statements: &'a [(usize, Truth)],
    axes: Vec<&'a Axis>,
    /// For each axis and statement: the positions of the statement's conditions among the axis's.
    at: Vec<Vec<Vec<usize>>>,
    /// The last axis that each statement depends on, counted from 1.
    last: Vec<usize>,
    side: Side,
    /// The allowing statement, by its place in `statements`.
    allow: usize,
}

/// What is sure about a request so far.
#[derive(PartialEq, Eq)]
enum Sure {
    Found,
    Never,
    Open,
}

impl<'a, 'p> Search<'a, 'p> {
    pub(super) fn new(
        pair: &'a Pair<'p>,
        statements: &'a [(usize, Truth)],
        axes: &'a [Axis],
        side: Side,
        allow: usize,
    ) -> Self {
        let mut search =
            Self { pair, statements, axes: Vec::new(), at: Vec::new(), last: Vec::new(), side, allow };
        // The allowing statement's keys first: they leave the fewest classes; then what can deny it.
        let mut axes: Vec<&Axis> = axes.iter().collect();
        axes.sort_by_key(|axis| search.rank(axis));
        for axis in &axes {
            let of = |entry: usize| {
                let own = pair.entries.get(entry).map(|entry| &*entry.conditions).unwrap_or_default();
                let position =
                    |condition: &usize| axis.conditions.iter().position(|other| other == condition);
                own.iter().filter_map(position).collect::<Vec<_>>()
            };
            search.at.push(statements.iter().map(|(entry, _)| of(*entry)).collect());
        }
        search.last = (0..statements.len())
            .map(|place| {
                let depends = |at: &Vec<Vec<usize>>| at.get(place).is_some_and(|own| !own.is_empty());
                search.at.iter().rposition(depends).map_or(0, |axis| axis + 1)
            })
            .collect();
        search.axes = axes;
        search
    }

    fn rank(&self, axis: &Axis) -> u8 {
        let touches = |wanted: &dyn Fn(usize, usize) -> bool| {
            self.statements.iter().enumerate().any(|(place, (entry, _))| {
                wanted(place, *entry)
                    && self.pair.entries.get(*entry).is_some_and(|entry| {
                        entry.conditions.iter().any(|condition| axis.conditions.contains(condition))
                    })
            })
        };
        let denies = |_, entry: usize| {
            self.pair.entries.get(entry).is_some_and(|entry| entry.is(self.side, Effect::Deny))
        };
        if touches(&|place, _| place == self.allow) {
            0
        } else if touches(&denies) {
            1
        } else {
            2
        }
    }

    /// The classes chosen, by axis: where the first is not good, the least far from it.
    pub(super) fn run(&self, budget: &mut Budget) -> Result<Option<Vec<(&'a Axis, usize)>>, Spent> {
        let truths: Vec<Truth> = self.statements.iter().map(|(_, truth)| *truth).collect();
        let mut chosen = Vec::new();
        let found = self.go(0, &truths, &mut chosen, budget)?;
        Ok(found.then(|| self.axes.iter().copied().zip(chosen).collect()))
    }

    fn go(
        &self,
        depth: usize,
        truths: &[Truth],
        chosen: &mut Vec<usize>,
        budget: &mut Budget,
    ) -> Result<bool, Spent> {
        budget.spend(truths.len() + 1)?;
        match self.sure(depth, truths) {
            Sure::Found => return Ok(true),
            Sure::Never => return Ok(false),
            Sure::Open => {}
        }
        let (Some(axis), Some(at)) = (self.axes.get(depth), self.at.get(depth)) else { return Ok(false) };
        let mut met: Vec<Vec<Truth>> = Vec::new();
        for (number, class) in axis.classes.iter().enumerate() {
            budget.spend(truths.len() + 1)?;
            let all = |own: &Vec<usize>, truth: &Truth| {
                own.iter()
                    .fold(*truth, |truth, at| truth.and(class.truths.get(*at).copied().unwrap_or(Truth::No)))
            };
            let next: Vec<Truth> = at.iter().zip(truths).map(|(own, truth)| all(own, truth)).collect();
            // Classes that the statements here do not tell apart lead to the same end.
            if met.contains(&next) {
                continue;
            }
            chosen.push(number);
            if self.go(depth + 1, &next, chosen, budget)? {
                return Ok(true);
            }
            chosen.pop();
            budget.spend(met.len())?;
            met.push(next);
        }
        Ok(false)
    }

    fn sure(&self, depth: usize, truths: &[Truth]) -> Sure {
        let decided = |place: usize| self.last.get(place).is_none_or(|last| *last <= depth);
        if truths.get(self.allow) != Some(&Truth::Yes) {
            return Sure::Never;
        }
        let mut sure = decided(self.allow);
        // Of the other policy: whether it allows for sure or may, denies for sure or may.
        let (mut allows, mut may_allow, mut denies, mut may_deny) = (false, false, false, false);
        for (place, ((entry, _), truth)) in self.statements.iter().zip(truths).enumerate() {
            let Some(entry) = self.pair.entries.get(*entry) else { continue };
            let deny = entry.statement.effect() == Effect::Deny;
            let counts = *truth == Truth::Yes || (deny && *truth == Truth::Unsettled);
            if !counts {
                continue;
            }
            match (entry.side == self.side, deny, decided(place)) {
                (true, true, true) => return Sure::Never,
                (true, true, false) => sure = false,
                (true, false, _) => {}
                (false, true, done) => {
                    denies |= done;
                    may_deny = true;
                }
                (false, false, done) => {
                    allows |= done;
                    may_allow = true;
                }
            }
        }
        if allows && !may_deny {
            return Sure::Never;
        }
        if sure && (denies || !may_allow) { Sure::Found } else { Sure::Open }
    }
}
