//! All contexts that make a difference, as alternatives: in each, every key has certain classes of values,
//! whatever the other keys have.

use super::{
    pair::Pair,
    search::{Axis, Role},
};
use crate::{
    Effect, Truth,
    classes::{Budget, Spent},
};

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
    chosen: &[(&Axis, usize)],
    budget: &mut Budget,
) -> (Vec<Alternative>, bool) {
    alternatives(pair, statements, axes, budget).unwrap_or_else(|Spent| {
        // That of the example alone.
        let class =
            |axis: &Axis| chosen.iter().find(|(own, _)| std::ptr::eq(*own, axis)).map(|(_, class)| *class);
        let only = |axis: &Axis| {
            let class = class(axis);
            (0..axis.classes.len()).map(|at| class == Some(at)).collect()
        };
        let small = axes.len() <= MOST_AXES;
        (if small { vec![axes.iter().map(only).collect()] } else { Vec::new() }, false)
    })
}

/// The contexts of so many keys are not told one by one.
const MOST_AXES: usize = 200;

fn alternatives(
    pair: &Pair<'_>,
    statements: &[(usize, Truth, Role)],
    axes: &[Axis],
    budget: &mut Budget,
) -> Result<(Vec<Alternative>, bool), Spent> {
    let size = axes.iter().map(|axis| axis.classes.len() + 1).sum::<usize>();
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
        budget.spend(size)?;
        for (classes, own) in whole.iter_mut().zip(counts(*entry)) {
            narrow(classes, own.as_deref(), true);
        }
    }
    let mut list = vec![whole];
    let mut complete = true;
    for (entry, ..) in statements.iter().filter(|(.., role)| *role == Role::Unwanted) {
        budget.spend(size)?;
        let counts = counts(*entry);
        let mut next: Vec<Alternative> = Vec::new();
        for alternative in list {
            // It is enough that the statement does not count by one of its keys.
            for (axis, own) in counts.iter().enumerate() {
                let Some(own) = own else { continue };
                // One more is compared with all that there are.
                budget.spend(size.saturating_mul(next.len() + 1) / 8)?;
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
    Ok((list, complete))
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
