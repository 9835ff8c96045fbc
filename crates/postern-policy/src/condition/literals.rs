//! Long lists of values: a request's value is looked up among those that stand for themselves.

use super::{ConditionValue, Test};
use crate::{
    glob::Case,
    hash::{Table, hash, hash_folded},
};

/// The literals among a condition's values by their hashes.
///
/// A request's key may have many values, too: comparing all with all would be as much work as the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literals {
    case: Case,
    table: Table<u32>,
    /// The values that must be tried one by one.
    others: Box<[u32]>,
}

impl Literals {
    /// Fewer values are compared as quickly.
    const WORTHWHILE: usize = 16;

    pub(super) fn new(values: &[ConditionValue]) -> Option<Self> {
        if values.len() <= Self::WORTHWHILE {
            return None;
        }
        // One operator, one case.
        let case = values.iter().find_map(|value| match value.test {
            Test::Literal(case) => Some(case),
            _ => None,
        })?;
        u32::try_from(values.len()).ok()?;
        let (literals, others): (Vec<_>, Vec<_>) =
            (0_u32..).zip(values).partition(|(_, value)| matches!(value.test, Test::Literal(_)));
        let literals: Vec<(u64, u32)> =
            literals.iter().map(|(number, value)| (digest(&value.text, case), *number)).collect();
        let others = others.iter().map(|(number, _)| *number).collect();
        Some(Self { case, table: Table::new(&literals)?, others })
    }

    /// Whether one of the literals is this text.
    pub(super) fn contain(&self, values: &[ConditionValue], text: &str) -> bool {
        self.table.find(digest(text, self.case)).any(|number| {
            values.get(number as usize).is_some_and(|value| match self.case {
                Case::Counts => *value.text == *text,
                Case::Ignored => value.text.eq_ignore_ascii_case(text),
            })
        })
    }

    /// The values that are no literals.
    pub(super) fn others<'v>(
        &self,
        values: &'v [ConditionValue],
    ) -> impl Iterator<Item = &'v ConditionValue> {
        self.others.iter().filter_map(|number| values.get(*number as usize))
    }
}

fn digest(text: &str, case: Case) -> u64 {
    match case {
        Case::Counts => hash(text),
        Case::Ignored => hash_folded(text),
    }
}
