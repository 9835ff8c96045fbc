//! Statements in an order of their own, so that a comparison does not depend on the one they are written in.

use std::collections::BTreeMap;

use super::{Diff, Side, Stop};
use crate::{Document, Layout, Statement};

/// A policy with its statements sorted by what they say.
pub(super) struct Ordered {
    pub(super) document: Document,
    /// The number of each statement as it is written.
    written: Vec<usize>,
}

impl Ordered {
    pub(super) fn new(document: &Document) -> Self {
        let mut statements: Vec<(String, usize, &Statement)> = document
            .statements()
            .iter()
            .enumerate()
            .map(|(number, statement)| {
                let alone = document.with_statements(vec![statement.clone()]);
                (alone.to_json(Layout::Compact), number, statement)
            })
            .collect();
        statements.sort_by(|(text, number, _), (other, place, _)| (text, number).cmp(&(other, place)));
        let written = statements.iter().map(|(_, number, _)| *number).collect();
        let sorted = statements.into_iter().map(|(_, _, statement)| statement.clone()).collect();
        Self { document: document.with_statements(sorted), written }
    }

    fn restore(&self, number: &mut usize) {
        *number = self.written.get(*number).copied().unwrap_or(*number);
    }
}

/// Names the statements by their places in the documents as written.
pub(super) fn restore(diff: &mut Diff, a: &Ordered, b: &Ordered) {
    let of = |side: Side| match side {
        Side::A => a,
        Side::B => b,
    };
    for difference in &mut diff.differences {
        of(difference.allowed_by).restore(&mut difference.statement);
        let other = of(difference.allowed_by.other());
        match &mut difference.stop {
            Stop::Denied { statement } => other.restore(statement),
            Stop::NothingAllows { nearest: Some(nearest) } => other.restore(&mut nearest.statement),
            Stop::NothingAllows { nearest: None } => {}
        }
    }
    // What is denied comes behind what nothing allows; what else there is to sort by says the same whatever
    // the order of statements.
    let stop = |stop: &Stop| match stop {
        Stop::NothingAllows { nearest: None } => (0, 0),
        Stop::NothingAllows { nearest: Some(nearest) } => (1, nearest.statement),
        Stop::Denied { statement } => (2, *statement),
    };
    let mut numbers: BTreeMap<(Side, usize, (u8, usize)), Vec<_>> = BTreeMap::new();
    for difference in std::mem::take(&mut diff.differences) {
        let key = (difference.allowed_by, difference.statement, stop(&difference.stop));
        numbers.entry(key).or_default().push(difference);
    }
    diff.differences = numbers.into_values().flatten().collect();
}
