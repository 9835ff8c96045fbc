//! Finitely many requests for all there are: each dimension of a request, cut into classes.
//!
//! A policy asks about the action, the resource, the principal and each condition key apart from the
//! others. Within one of these dimensions two values on which every question has the same answer need
//! not both be tried: they are of one class, for which a sample stands. [`actions`], [`resources`] and
//! [`values`] find all classes that are not empty, each with a sample and the answers, so that whoever
//! tries every combination of samples has tried every request.
//!
//! The classes of texts come from walking all globs at once over a growing text, those of numbers,
//! dates and addresses from the bounds that occur. Nothing here matches a sample with the evaluator's own
//! code to find its class among actions and resources: the two can check each other.
//!
//! There can be exponentially many classes, so that all work is drawn from a [`Budget`]; what it does not
//! suffice for ends in [`GaveUp`], which names the dimension.
//!
//! ```
//! use postern_policy::{Document, Truth, classes::{self, Budget}};
//! let document = Document::parse(r#"{"Statement": [
//!     {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
//!     {"Effect": "Deny", "Action": ["s3:Put*", "sqs:*"], "Resource": "*"}]}"#).unwrap();
//! let elements: Vec<_> = document.statements().iter().map(|s| s.actions()).collect();
//! let classes = classes::actions(&elements, &mut Budget::default()).unwrap();
//! let answers: Vec<_> = classes.iter().map(|class| (&*class.sample, &*class.truths)).collect();
//! use Truth::{No, Yes};
//! assert_eq!(answers, [
//!     ("a:a", &[No, No][..]), ("s3:a", &[Yes, No]), ("sqs:a", &[No, Yes]), ("s3:Put", &[Yes, Yes]),
//! ]);
//! ```

pub(crate) mod automaton;
mod caller;
pub(crate) mod glob;
pub(crate) mod values;

use std::collections::HashSet;

use self::automaton::{Automaton, Shape, Visit};
pub use self::values::{Values, values};
use crate::{Actions, Context, Resources, Truth, Version};

/// Values of one dimension that no question tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class<T> {
    /// One of them.
    pub sample: T,
    /// The answers to the questions, in their order.
    pub truths: Box<[Truth]>,
}

/// How much work may be done, in steps of roughly equal cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// So many steps: ten million of them take about a second.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// What is left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Spent> {
        let left = self.left.checked_sub(steps as u64);
        self.left = left.unwrap_or_default();
        left.map(|_| ()).ok_or(Spent)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(20_000_000)
    }
}

/// The budget did not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent;

/// One of the things that a request consists of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The action.
    Action,
    /// The resource.
    Resource,
    /// The principal.
    Principal,
    /// A condition key, in lower case.
    Key(Box<str>),
}

/// There are too many classes in a dimension, or finding them takes too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many classes of {}", .0.as_str())]
pub struct GaveUp(pub Dimension);

impl Dimension {
    /// The dimension as a person would say it: `actions`, `resources`, `principals`, or the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Action => "actions",
            Self::Resource => "resources",
            Self::Principal => "principals",
            Self::Key(key) => key,
        }
    }
}

/// The classes of actions, the shortest samples first: whether each element covers the action.
///
/// An action is `service:Name`, both parts without a colon.
///
/// # Errors
/// When the budget is spent.
pub fn actions(elements: &[&Actions], budget: &mut Budget) -> Result<Vec<Class<String>>, GaveUp> {
    let mut automaton = Automaton::new(Shape::Action);
    for element in elements {
        automaton.add(element.patterns().iter().map(|pattern| glob::action(pattern.text())));
    }
    let negated = |number: usize| elements.get(number).is_some_and(|element| element.is_negated());
    texts(&automaton, &negated, budget).map_err(|Spent| GaveUp(Dimension::Action))
}

/// The classes of resources: whether each element covers the resource. The first is that of `*`, which
/// stands for the resource of actions that have none; the other samples are well-formed ARNs.
///
/// The version of its document tells whether an element has policy variables; they stand for what the
/// context holds.
///
/// # Errors
/// When the budget is spent.
pub fn resources(
    elements: &[(Version, &Resources)],
    variables: &Context,
    budget: &mut Budget,
) -> Result<Vec<Class<String>>, GaveUp> {
    let mut automaton = Automaton::new(Shape::Arn);
    for (version, element) in elements {
        let variables = (*version == Version::V2012).then_some(variables);
        automaton
            .add(element.patterns().iter().flat_map(|pattern| glob::resource(pattern.text(), variables)));
    }
    let negated = |number: usize| elements.get(number).is_some_and(|(_, element)| element.is_negated());
    let held = automaton.held("*");
    let mut classes = vec![class("*".to_owned(), &held, elements.len(), &negated)];
    let arns = texts(&automaton, &negated, budget).map_err(|Spent| GaveUp(Dimension::Resource))?;
    classes.extend(arns);
    Ok(classes)
}

fn texts(
    automaton: &Automaton,
    negated: &impl Fn(usize) -> bool,
    budget: &mut Budget,
) -> Result<Vec<Class<String>>, Spent> {
    let held = held(automaton, budget)?;
    if held.len().saturating_mul(automaton.count()) > MAX_ANSWERS {
        return Err(Spent);
    }
    Ok(held.into_iter().map(|(text, sets)| class(text, &sets, automaton.count(), negated)).collect())
}

/// The classes of whole texts: a sample, and the sets that take it.
pub(crate) fn held(automaton: &Automaton, budget: &mut Budget) -> Result<Vec<(String, Vec<u32>)>, Spent> {
    let mut seen = HashSet::new();
    let mut classes = Vec::new();
    automaton.explore(budget, |view| {
        if view.is_whole {
            let held = view.held();
            if !seen.contains(&held) {
                classes.push((view.text(), held.clone()));
                seen.insert(held);
            }
        }
        Visit::Go
    })?;
    Ok(classes)
}

/// All answers of all classes of a dimension together: a bound on memory.
const MAX_ANSWERS: usize = 20_000_000;

fn class(sample: String, held: &[u32], sets: usize, negated: &impl Fn(usize) -> bool) -> Class<String> {
    let mut truths: Box<[Truth]> = (0..sets).map(|number| Truth::from(negated(number))).collect();
    for set in held {
        if let Some(truth) = truths.get_mut(*set as usize) {
            *truth = truth.not();
        }
    }
    Class { sample, truths }
}
