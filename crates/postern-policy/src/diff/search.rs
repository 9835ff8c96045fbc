//! A context in which one policy allows and the other does not, by trying classes key by key.

use std::rc::Rc;

use super::pair::Pair;
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
    /// Whether AWS fills it in from the caller.
    pub(super) tied: bool,
}

/// What a statement has to do in the contexts that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To count: the statement that allows, the one that denies.
    Wanted,
    /// Not to count.
    Unwanted,
}

/// The statements that matter among those that a request's action, resource and principal leave.
pub(super) struct Search<'a, 'p> {
    pair: &'a Pair<'p>,
    /// Each statement by its number in the pair, with what is known of it before any condition.
    statements: &'a [(usize, Truth, Role)],
    axes: Vec<&'a Axis>,
    /// For each axis and statement: the positions of the statement's conditions among the axis's.
    at: Vec<Vec<Vec<usize>>>,
    /// The last axis that each statement depends on, counted from 1.
    last: Vec<usize>,
}

/// What is sure about a request so far.
#[derive(PartialEq, Eq)]
enum Sure {
    Found,
    Never,
    Open,
}

impl<'a, 'p> Search<'a, 'p> {
    pub(super) fn new(pair: &'a Pair<'p>, statements: &'a [(usize, Truth, Role)], axes: &'a [Axis]) -> Self {
        let mut search = Self { pair, statements, axes: Vec::new(), at: Vec::new(), last: Vec::new() };
        // The keys of what has to count first: they leave the fewest classes.
        let mut axes: Vec<&Axis> = axes.iter().collect();
        axes.sort_by_key(|axis| search.rank(axis));
        for axis in &axes {
            let of = |entry: usize| {
                let own = pair.entries.get(entry).map(|entry| &*entry.conditions).unwrap_or_default();
                let position =
                    |condition: &usize| axis.conditions.iter().position(|other| other == condition);
                own.iter().filter_map(position).collect::<Vec<_>>()
            };
            search.at.push(statements.iter().map(|(entry, ..)| of(*entry)).collect());
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

    /// What no statement asks about comes last: any of its classes will do.
    fn rank(&self, axis: &Axis) -> u8 {
        let touches = |role: Role| {
            self.statements.iter().any(|(entry, _, own)| {
                *own == role
                    && self.pair.entries.get(*entry).is_some_and(|entry| {
                        entry.conditions.iter().any(|condition| axis.conditions.contains(condition))
                    })
            })
        };
        if touches(Role::Wanted) {
            0
        } else if touches(Role::Unwanted) {
            1
        } else {
            2
        }
    }

    /// The classes chosen, by axis: where the first is not good, the least far from it.
    pub(super) fn run(&self, budget: &mut Budget) -> Result<Option<Vec<(&'a Axis, usize)>>, Spent> {
        let truths: Vec<Truth> = self.statements.iter().map(|(_, truth, _)| *truth).collect();
        let mut chosen = Vec::new();
        let found = self.go(0, &truths, &mut chosen, budget)?;
        // What was not asked about any more stays as it is found first.
        chosen.resize(self.axes.len(), 0);
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
        let mut sure = true;
        for (place, ((entry, _, role), truth)) in self.statements.iter().zip(truths).enumerate() {
            let Some(entry) = self.pair.entries.get(*entry) else { continue };
            let deny = entry.statement.effect() == Effect::Deny;
            let counts = *truth == Truth::Yes || (deny && *truth == Truth::Unsettled);
            let decided = self.last.get(place).is_none_or(|last| *last <= depth);
            match (role, counts, decided) {
                (Role::Wanted, false, _) | (Role::Unwanted, true, true) => return Sure::Never,
                (Role::Wanted, true, true) | (Role::Unwanted, false, _) => {}
                (_, true, false) => sure = false,
            }
        }
        if sure { Sure::Found } else { Sure::Open }
    }
}
