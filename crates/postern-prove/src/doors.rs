//! Which roles are open to a caller, of many.
//!
//! An estate has thousands of roles and hundreds of people, and most doors are shut for plain reasons: no policy of
//! the caller's names the role, or its trust policy names somebody else. What is left is put to the evaluator, once
//! for all roles between which the caller's policies do not tell and that trust alike.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    rc::Rc,
};

use postern_policy::{Context, Document, Effect, Statement};
use postern_types::RoleArn;

use crate::{
    caller::Caller,
    search::{Answer, Question, SESSION_TAGS, SOURCE_IDENTITY, has_open_variable},
    world::{Policy, World},
};

pub(crate) const ASSUME: &str = "sts:AssumeRole";

/// Keys about the resource, by which roles could differ.
const ABOUT_RESOURCE: &str = "aws:resource";

/// That a door is not shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// There is a request that gets in.
    Surely,
    /// It cannot be told, and why.
    Perhaps(Rc<str>),
}

struct Door {
    role: RoleArn,
    /// None where it does not parse.
    trust: Option<Rc<Document>>,
}

/// The roles of an estate with their trust policies.
pub(crate) struct Doors {
    all: Vec<Door>,
    /// The doors that statements' resources name, where no policy variable is among them.
    named: RefCell<BTreeMap<Place, Named>>,
}

/// A statement: its document's address, and which of its statements.
type Place = (*const Document, usize);

struct Named {
    /// Kept, so that the address stays its own.
    _document: Rc<Document>,
    doors: Rc<Marks>,
}

/// A set of doors.
#[derive(Clone, PartialEq, Eq)]
struct Marks(Vec<u64>);

impl Marks {
    fn none(doors: usize) -> Self {
        Self(vec![0; doors.div_ceil(64)])
    }

    fn all(doors: usize) -> Self {
        Self(vec![u64::MAX; doors.div_ceil(64)])
    }

    fn set(&mut self, door: usize) {
        if let Some(word) = self.0.get_mut(door / 64) {
            *word |= 1 << (door % 64);
        }
    }

    fn has(&self, door: usize) -> bool {
        self.0.get(door / 64).is_some_and(|word| word >> (door % 64) & 1 == 1)
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }
}

/// Where a policy of the caller's stands: all of these must allow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Identity,
    Boundary,
    Rail(usize),
}

/// A statement of the caller's about getting into roles.
struct View {
    layer: Layer,
    /// Whether it allows `sts:AssumeRole` on the doors that it names.
    allows: bool,
    names: Rc<Marks>,
    /// Whether a policy variable in its resources stands for something that the request chooses.
    is_open: bool,
    asks_for_resource: bool,
}

/// What tells roles apart for a caller: the trust policy, whether the account is the caller's, which statements name it.
type Kind = (*const Document, bool, Vec<bool>);

impl Doors {
    pub(crate) fn of(world: &World<'_>) -> Self {
        let all = world.roles().map(|(role, found)| {
            let trust = world.trust(&role, found);
            Door { role, trust }
        });
        Self { all: all.collect(), named: RefCell::default() }
    }

    /// The roles that are open to a caller, or may be.
    pub(crate) fn open_to(&self, caller: &Caller) -> Vec<(&RoleArn, Open)> {
        let fixed = caller.fixed();
        let views = self.views(caller, &fixed);
        let candidates = self.candidates(caller, &views);
        let tells_apart = views.iter().any(|view| view.is_open || view.asks_for_resource);
        let mut known: BTreeMap<Kind, Option<Open>> = BTreeMap::new();
        let mut found = Vec::new();
        for (at, door) in self.all.iter().enumerate().filter(|(at, _)| candidates.has(*at)) {
            let Some(trust) = &door.trust else {
                found.push((&door.role, Open::Perhaps("its trust policy does not parse".into())));
                continue;
            };
            if !may_admit(trust, caller) {
                continue;
            }
            let ask = || ask(caller, &door.role, trust);
            let open = if tells_apart || trust.statements().iter().any(asks_for_resource) {
                ask()
            } else {
                let is_own = caller.principal.account() == Some(door.role.account());
                let named = views.iter().map(|view| view.names.has(at)).collect();
                match known.entry((Rc::as_ptr(trust), is_own, named)) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(new) => new.insert(ask()).clone(),
                }
            };
            found.extend(open.map(|open| (&door.role, open)));
        }
        found
    }

    /// The doors that the caller's own policies leave open. Across accounts a statement of each layer must allow it;
    /// within one, the trust policy alone may do.
    fn candidates(&self, caller: &Caller, views: &[View]) -> Marks {
        if caller.incomplete {
            return Marks::all(self.all.len());
        }
        let allowed_by = |layer: Layer| {
            let mut marks = Marks::none(self.all.len());
            for view in views.iter().filter(|view| view.layer == layer && view.allows) {
                marks.add(&view.names);
            }
            marks
        };
        let mut marks = allowed_by(Layer::Identity);
        if !caller.boundary.is_empty() {
            marks.keep(&allowed_by(Layer::Boundary));
        }
        for rail in 0..caller.rails.len() {
            marks.keep(&allowed_by(Layer::Rail(rail)));
        }
        let account = caller.principal.account();
        for (at, _) in self.all.iter().enumerate().filter(|(_, door)| account == Some(door.role.account())) {
            marks.set(at);
        }
        marks
    }

    fn views(&self, caller: &Caller, fixed: &Context) -> Vec<View> {
        let identity = caller.own.iter().chain(&caller.groups).map(|policy| (Layer::Identity, policy));
        let boundary = caller.boundary.iter().map(|policy| (Layer::Boundary, policy));
        let rails = caller.rails.iter().enumerate();
        let rails =
            rails.flat_map(|(at, rail)| rail.policies.iter().map(move |policy| (Layer::Rail(at), policy)));
        let mut views = Vec::new();
        for (layer, policy) in identity.chain(boundary).chain(rails) {
            for (at, statement) in policy.document.statements().iter().enumerate() {
                if !is_about_assuming(statement) {
                    continue;
                }
                let patterns = statement.resources().map_or(&[][..], |resources| resources.patterns());
                let is_open = patterns.iter().any(|pattern| has_open_variable(pattern.text(), caller, fixed));
                views.push(View {
                    layer,
                    allows: statement.effect() == Effect::Allow && statement.actions().matches(ASSUME),
                    names: if is_open {
                        Rc::new(Marks::all(self.all.len()))
                    } else {
                        self.named(policy, at, statement, fixed)
                    },
                    is_open,
                    asks_for_resource: asks_for_resource(statement),
                });
            }
        }
        views
    }

    /// The doors that a statement names.
    fn named(&self, policy: &Policy, at: usize, statement: &Statement, fixed: &Context) -> Rc<Marks> {
        let Some(resources) = statement.resources() else { return Rc::new(Marks::all(self.all.len())) };
        let look = || {
            let mut marks = Marks::none(self.all.len());
            for (at, door) in self.all.iter().enumerate() {
                if resources.matches(door.role.as_str(), fixed) {
                    marks.set(at);
                }
            }
            Rc::new(marks)
        };
        if resources.patterns().iter().any(|pattern| pattern.text().contains("${")) {
            return look();
        }
        let place = (Rc::as_ptr(&policy.document), at);
        let mut known = self.named.borrow_mut();
        let named = known
            .entry(place)
            .or_insert_with(|| Named { _document: Rc::clone(&policy.document), doors: look() });
        Rc::clone(&named.doors)
    }
}

fn is_about_assuming(statement: &Statement) -> bool {
    [ASSUME, SOURCE_IDENTITY.1, SESSION_TAGS.1].iter().any(|action| statement.actions().matches(action))
}

fn asks_for_resource(statement: &Statement) -> bool {
    statement.conditions().iter().any(|condition| condition.folded_key().starts_with(ABOUT_RESOURCE))
}

/// Whether a trust policy has a statement that could let a caller in: without one nobody gets in, in whatever account.
fn may_admit(trust: &Document, caller: &Caller) -> bool {
    trust.statements().iter().any(|statement| {
        statement.effect() == Effect::Allow
            && statement.actions().matches(ASSUME)
            && statement
                .principals()
                .is_none_or(|principals| principals.is_negated() || principals.names(&caller.principal))
    })
}

fn ask(caller: &Caller, role: &RoleArn, trust: &Document) -> Option<Open> {
    let question = Question { caller, action: ASSUME, resource: role.as_str(), trust: Some(trust) };
    match question.answer() {
        Answer::Never => None,
        Answer::Unknown(reason) => Some(Open::Perhaps(reason.into())),
        Answer::Allowed(_) => Some(Open::Surely),
    }
}

#[cfg(test)]
mod tests;
