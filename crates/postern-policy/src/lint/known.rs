//! What the catalogue knows of a statement's actions.

use std::{collections::HashMap, rc::Rc};

use super::Budget;
use crate::{
    Statement,
    catalogue::{Action, Catalogue, Service},
};

/// A known action.
pub(super) type Known = (&'static Service, &'static Action);

/// Longer than any action; a pattern costs its length for each action of its service.
const MAX_LENGTH: usize = 200;

/// What one pattern covers.
#[derive(Clone)]
pub(super) enum Covered {
    /// Every action of every service, or more than can be said.
    Everything,
    /// Known actions; there may be none.
    Actions(Rc<[Known]>),
}

/// The known actions behind patterns, each pattern looked up once.
pub(super) struct Actions<'a> {
    catalogue: &'static Catalogue,
    budget: &'a Budget,
    seen: HashMap<String, Covered>,
}

impl<'a> Actions<'a> {
    pub(super) fn new(catalogue: &'static Catalogue, budget: &'a Budget) -> Self {
        Self { catalogue, budget, seen: HashMap::new() }
    }

    /// What each pattern of the statement covers, in their order.
    pub(super) fn of(&mut self, statement: &Statement) -> Vec<Covered> {
        statement.actions().patterns().iter().map(|pattern| self.covered(pattern)).collect()
    }

    fn covered(&mut self, pattern: &crate::ActionPattern) -> Covered {
        /// A hostile document has millions of different patterns.
        const MAX_SEEN: usize = 20_000;
        let text = pattern.text().to_ascii_lowercase();
        if let Some(covered) = self.seen.get(&text) {
            return covered.clone();
        }
        let covered = self.look(pattern);
        if self.seen.len() < MAX_SEEN {
            self.seen.insert(text, covered.clone());
        }
        covered
    }

    fn look(&self, pattern: &crate::ActionPattern) -> Covered {
        let text = pattern.text();
        let Some((prefix, name)) = text.split_once(':') else { return Covered::Everything };
        if !text.contains(['*', '?']) {
            return Covered::Actions(self.catalogue.action(text).into_iter().collect());
        }
        if prefix.contains(['*', '?']) || text.len() > MAX_LENGTH {
            return Covered::Everything;
        }
        let Some(service) = self.catalogue.service(prefix) else { return Covered::Actions(Rc::from([])) };
        if name == "*" {
            return Covered::Actions(service.actions().iter().map(|action| (service, action)).collect());
        }
        if !self.budget.spend(service.actions().len()) {
            return Covered::Everything;
        }
        let covers = |action: &&Action| pattern.matches(&format!("{prefix}:{}", action.name()));
        Covered::Actions(service.actions().iter().filter(covers).map(|action| (service, action)).collect())
    }
}

/// All actions of a statement, if every pattern is known.
pub(super) fn all(covered: &[Covered]) -> Option<Vec<Known>> {
    let mut out = Vec::new();
    for pattern in covered {
        match pattern {
            Covered::Actions(actions) if !actions.is_empty() => out.extend(actions.iter().copied()),
            _ => return None,
        }
    }
    Some(out)
}
