//! A search for an action inside one language of globs and outside others.
//!
//! The first text in which the formula holds, as [the walk](crate::classes) over all globs comes to them,
//! is the shortest witness. Where it holds nowhere, there is no such action.

use crate::{
    Actions, Span,
    classes::{
        Budget, Spent,
        automaton::{Automaton, Shape, View, Visit},
        glob,
    },
};

/// Steps after which the search is given up. Ordinary policies need some thousand.
const STEPS: u64 = 1_000_000;

/// Actions that a reader knows, preferred as examples over a spelled-out one.
const FAMILIAR: [&str; 25] = [
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:GetUser",
    "iam:ListUsers",
    "iam:GenerateOrganizationsAccessReport",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetFederationToken",
    "organizations:LeaveOrganization",
    "account:CloseAccount",
    "sso:CreatePermissionSet",
    "identitystore:CreateUser",
    "identitystore:DescribeUser",
    "sso-directory:DescribeUsers",
    "cloudtrail:StopLogging",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "s3:GetObject",
    "ec2:RunInstances",
];

/// What a set of actions means for the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// The witness is in none of these.
    Minus,
    /// The witness is in one of these, if there is a boundary.
    BoundaryAllow,
    /// The witness is in none of these, except where the cap denies again.
    CapAllow,
    /// What the cap takes back.
    CapDeny,
}

/// What was found.
pub(super) enum Found {
    Action(String),
    GivenUp,
}

impl Found {
    pub(super) fn named(self, pattern: &str, span: Span) -> (String, Span, bool) {
        match self {
            Self::Action(action) => (action, span, true),
            Self::GivenUp => (pattern.to_owned(), span, false),
        }
    }
}

/// A union of globs, or everything outside it.
#[derive(Clone, Debug)]
struct Set {
    term: Term,
    number: usize,
    negated: bool,
}

/// The formula, without the pattern that the witness must match.
#[derive(Clone, Debug)]
pub(super) struct Search {
    automaton: Automaton,
    sets: Vec<Set>,
    bounded: bool,
}

impl Search {
    pub(super) const fn new() -> Self {
        Self { automaton: Automaton::new(Shape::Action), sets: Vec::new(), bounded: false }
    }

    pub(super) fn add(&mut self, term: Term, actions: &Actions) {
        self.add_set(term, actions, actions.is_negated());
    }

    /// Leaves out what a `NotAction` names.
    pub(super) fn exclude(&mut self, actions: &Actions) {
        self.add_set(Term::Minus, actions, false);
    }

    pub(super) const fn bounded(&mut self) {
        self.bounded = true;
    }

    fn add_set(&mut self, term: Term, actions: &Actions, negated: bool) {
        let globs = actions.patterns().iter().map(|pattern| glob::action(pattern.text()));
        let number = self.automaton.add(globs);
        self.sets.push(Set { term, number, negated });
    }

    /// An action that matches the pattern and fulfils the formula.
    pub(super) fn run(&self, pattern: &str) -> Option<Found> {
        let wanted_glob = glob::action(pattern);
        // Globs whose fixed beginning differs from the wanted pattern's never matter.
        let mut automaton = self.automaton.narrowed(&wanted_glob);
        let wanted = automaton.add([wanted_glob]);
        let mut spelled = None;
        let walk = automaton.explore(&mut Budget::new(STEPS), |view| {
            if view.is_whole && self.holds(wanted, |set| view.holds(set)) {
                spelled = Some(view.text());
                Visit::Stop
            } else if self.is_hopeless(wanted, view) {
                Visit::Skip
            } else {
                Visit::Go
            }
        });
        if walk == Err(Spent) {
            return Some(Found::GivenUp);
        }
        let spelled = spelled?;
        let is_witness = |action: &&str| {
            let held = automaton.held(action);
            let is = |set: usize| u32::try_from(set).is_ok_and(|set| held.binary_search(&set).is_ok());
            self.holds(wanted, is)
        };
        let familiar = FAMILIAR.into_iter().find(is_witness);
        Some(Found::Action(familiar.map_or_else(|| in_the_case_of(pattern, spelled), str::to_owned)))
    }

    fn holds(&self, wanted: usize, holds: impl Fn(usize) -> bool) -> bool {
        let any = |term: Term| {
            self.sets.iter().filter(|set| set.term == term).any(|set| holds(set.number) != set.negated)
        };
        holds(wanted)
            && !any(Term::Minus)
            && (!self.bounded || any(Term::BoundaryAllow))
            && (!any(Term::CapAllow) || any(Term::CapDeny))
    }

    /// Whether no text that goes on from here can be a witness.
    fn is_hopeless(&self, wanted: usize, view: &View<'_>) -> bool {
        if !view.is_alive(wanted) {
            return true;
        }
        let for_ever = |term: Term| {
            let mut sets = self.sets.iter().filter(|set| set.term == term && !set.negated);
            sets.any(|set| view.for_ever(set.number))
        };
        let taken_back = || {
            let mut sets = self.sets.iter().filter(|set| set.term == Term::CapDeny);
            sets.any(|set| set.negated || view.is_alive(set.number))
        };
        for_ever(Term::Minus) || (for_ever(Term::CapAllow) && !taken_back())
    }
}

/// The action with the letters of the pattern's fixed beginning in the pattern's case.
fn in_the_case_of(pattern: &str, action: String) -> String {
    let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
    match action.get(..fixed.len()) {
        Some(head) if head.eq_ignore_ascii_case(fixed) => {
            format!("{fixed}{}", action.get(fixed.len()..).unwrap_or_default())
        }
        _ => action,
    }
}
