//! The statements of a document that an action may concern.

use crate::{
    Effect, Statement,
    action::{ActionIndex, ActionText},
};

/// A document's action patterns by what an action must have in common with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementIndex {
    patterns: ActionIndex<Entry>,
    /// The statements with `NotAction`.
    negated: Box<[u32]>,
}

/// A pattern of a statement, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    statement: u32,
    pattern: u32,
}

impl StatementIndex {
    /// None for a document so small that its statements are gone through as quickly.
    pub(crate) fn new(statements: &[Statement]) -> Option<Self> {
        let total: usize = statements.iter().map(|statement| statement.actions().patterns().len()).sum();
        if total <= ActionIndex::<Entry>::WORTHWHILE {
            return None;
        }
        u32::try_from(total.max(statements.len())).ok()?;
        let (negated, plain): (Vec<_>, Vec<_>) =
            (0_u32..).zip(statements).partition(|(_, statement)| statement.actions().is_negated());
        let patterns = plain.iter().flat_map(|(statement, found)| {
            let numbered = found.actions().patterns().iter().zip(0_u32..);
            numbered.map(|(text, pattern)| (text, Entry { statement: *statement, pattern }))
        });
        let negated = negated.iter().map(|(number, _)| *number).collect();
        Some(Self { patterns: ActionIndex::new(patterns)?, negated })
    }
}

/// The statements whose `Action` or `NotAction` covers an action, in their order.
pub(crate) struct Candidates<'a> {
    statements: &'a [Statement],
    action: &'a ActionText<'a>,
    /// Whether only the statements that deny are still of interest.
    denies_only: bool,
    way: Way<'a>,
}

/// How they are found.
enum Way<'a> {
    /// One by one, from this statement on.
    Through(usize),
    /// In the index: three lists of patterns, and the negated statements.
    Looked { lists: [Ahead<&'a [(u64, Entry)]>; 3], negated: Ahead<&'a [u32]> },
}

/// The next statement of a list, and what stands behind it.
#[derive(Clone, Copy)]
struct Ahead<T> {
    statement: Option<u32>,
    rest: T,
}

impl<'a> Candidates<'a> {
    pub(crate) fn new(
        statements: &'a [Statement],
        index: Option<&'a StatementIndex>,
        action: &'a ActionText<'a>,
    ) -> Self {
        let mut found = Self { statements, action, denies_only: false, way: Way::Through(0) };
        if let Some(index) = index {
            let lists = index.patterns.sources(action).map(|list| found.next_listed(list, 0));
            let negated = found.next_negated(&index.negated, 0);
            found.way = Way::Looked { lists, negated };
        }
        found
    }

    /// Leaves out the statements that allow from now on.
    pub(crate) fn denies_only(&mut self) {
        self.denies_only = true;
    }

    fn is_wanted(&self, statement: &Statement) -> bool {
        !self.denies_only || statement.effect() == Effect::Deny
    }

    /// The first statement from `least` on with a pattern in the list that covers the action.
    fn next_listed(&self, list: &'a [(u64, Entry)], least: u32) -> Ahead<&'a [(u64, Entry)]> {
        let covers = |entry: &Entry| {
            let statement = self.statements.get(entry.statement as usize)?;
            let pattern = statement.actions().patterns().get(entry.pattern as usize)?;
            (self.is_wanted(statement) && pattern.covers(self.action)).then_some(entry.statement)
        };
        let mut rest = list.iter();
        let found = rest.find_map(|(_, entry)| if entry.statement < least { None } else { covers(entry) });
        Ahead { statement: found, rest: rest.as_slice() }
    }

    /// The first of these statements from `least` on whose `NotAction` covers the action.
    fn next_negated(&self, list: &'a [u32], least: u32) -> Ahead<&'a [u32]> {
        let covers = |number: &u32| {
            let statement = self.statements.get(*number as usize);
            statement.is_some_and(|s| self.is_wanted(s) && s.actions().covers(self.action))
        };
        let mut rest = list.iter();
        let found = rest.find(|number| **number >= least && covers(number));
        Ahead { statement: found.copied(), rest: rest.as_slice() }
    }
}

impl<'a> Iterator for Candidates<'a> {
    type Item = (usize, &'a Statement);

    fn next(&mut self) -> Option<Self::Item> {
        let number = match self.way {
            Way::Through(from) => {
                let wanted = |s: &&Statement| self.is_wanted(s) && s.actions().covers(self.action);
                let offset = self.statements.get(from..)?.iter().position(|s| wanted(&s))?;
                self.way = Way::Through(from + offset + 1);
                from + offset
            }
            Way::Looked { mut lists, mut negated } => {
                let heads = lists.iter().map(|list| list.statement).chain([negated.statement]);
                let number = heads.flatten().min()?;
                for list in &mut lists {
                    if list.statement == Some(number) {
                        *list = self.next_listed(list.rest, number + 1);
                    }
                }
                if negated.statement == Some(number) {
                    negated = self.next_negated(negated.rest, number + 1);
                }
                self.way = Way::Looked { lists, negated };
                number as usize
            }
        };
        Some((number, self.statements.get(number)?))
    }
}
