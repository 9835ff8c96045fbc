//! All contexts that make a difference, as alternatives: in each, every key has certain classes of values,
//! whatever the other keys have.

use super::{
    pair::Pair,
    search::{Axis, Role},
};
use crate::{Effect, Truth};

/// More alternatives are not told apart.
const MOST: usize = 24;

/// For each axis, which of its classes.
pub(super) type Alternative = Vec<Vec<bool>>;

/// The alternatives that together are all contexts in which the statements play their roles, and whether
/// these are all of them.
pub(super) fn region(
    pair: &Pair<'_>,
    statements: &[(usize, Truth, Role)],
    axes: &[Axis],
) -> (Vec<Alternative>, bool) {
    // For each axis: in which of its classes the statement still counts.
    let counts = |entry: usize| -> Vec<Option<Vec<bool>>> {
        let Some(entry) = pair.entries.get(entry) else { return Vec::new() };
        let enough = |truth: Truth| match entry.statement.effect() {
            Effect::Allow => truth == Truth::Yes,
            Effect::Deny => truth != Truth::No,
        };
        let of = |axis: &Axis| {
            let own: Vec<usize> = (0..axis.conditions.len())
                .filter(|at| axis.conditions.get(*at).is_some_and(|c| entry.conditions.contains(c)))
                .collect();
            let holds = |truths: &[Truth]| {
                let all = own.iter().map(|at| truths.get(*at).copied().unwrap_or(Truth::No));
                enough(Truth::all(all))
            };
            (!own.is_empty()).then(|| axis.classes.iter().map(|class| holds(&class.truths)).collect())
        };
        axes.iter().map(of).collect()
    };
    let mut whole: Alternative = axes.iter().map(|axis| vec![true; axis.classes.len()]).collect();
    for (entry, ..) in statements.iter().filter(|(.., role)| *role == Role::Wanted) {
        for (classes, own) in whole.iter_mut().zip(counts(*entry)) {
            narrow(classes, own.as_deref(), true);
        }
    }
    let mut list = vec![whole];
    let mut complete = true;
    for (entry, ..) in statements.iter().filter(|(.., role)| *role == Role::Unwanted) {
        let counts = counts(*entry);
        let mut next: Vec<Alternative> = Vec::new();
        for alternative in list {
            // It is enough that the statement does not count by one of its keys.
            for (axis, own) in counts.iter().enumerate() {
                let Some(own) = own else { continue };
                let mut narrowed = alternative.clone();
                if let Some(classes) = narrowed.get_mut(axis) {
                    narrow(classes, Some(own), false);
                }
                add(&mut next, narrowed);
            }
        }
        complete &= next.len() <= MOST;
        next.truncate(MOST);
        list = next;
    }
    list.retain(|alternative| !is_empty(alternative));
    (list, complete)
}

fn narrow(classes: &mut [bool], own: Option<&[bool]>, wanted: bool) {
    for (class, counts) in classes.iter_mut().zip(own.unwrap_or_default()) {
        *class &= *counts == wanted;
    }
}

fn is_empty(alternative: &Alternative) -> bool {
    alternative.iter().any(|classes| !classes.contains(&true))
}

/// Adds what is neither empty nor part of another.
fn add(list: &mut Vec<Alternative>, new: Alternative) {
    let within = |small: &Alternative, great: &Alternative| {
        small.iter().flatten().zip(great.iter().flatten()).all(|(small, great)| !small || *great)
    };
    if !is_empty(&new) && !list.iter().any(|known| within(&new, known)) {
        list.retain(|known| !within(known, &new));
        list.push(new);
    }
}
