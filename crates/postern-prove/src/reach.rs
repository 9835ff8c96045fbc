//! Which roles everybody gets into, at once or from role to role.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    rc::Rc,
};

use postern_policy::{Document, Effect};
use postern_types::{RoleArn, UserArn};

use crate::{
    caller::{Caller, Held, SessionFacts},
    search::{Answer, Question, has_open_variable},
    world::World,
};

const ASSUME: &str = "sts:AssumeRole";

/// That a user gets into a role with a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The user.
    pub user: UserArn,
    /// With what.
    pub held: Held,
    /// The role.
    pub role: RoleArn,
}

/// How a role is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// At once.
    Direct,
    /// From a session of this role.
    From(RoleArn),
}

/// Who gets into which role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    grants: BTreeMap<Grant, Way>,
    unknown: BTreeMap<Grant, String>,
    chains: BTreeMap<RoleArn, BTreeMap<RoleArn, Answer>>,
}

impl Reach {
    /// Who gets into which role of an estate, with each kind of credential, over any number of roles.
    #[must_use]
    pub fn of(world: &World<'_>) -> Self {
        let users: Vec<UserArn> = world.users().map(|(arn, _)| arn).collect();
        Self::of_users(world, &users)
    }

    /// The same for some users.
    #[must_use]
    pub fn of_users(world: &World<'_>, users: &[UserArn]) -> Self {
        let doors = Doors::of(world);
        let mut reach = Self::default();
        for arn in users {
            for held in Held::ALL {
                let Some(caller) = Caller::user(world, arn, held) else { continue };
                reach.walk(world, &doors, arn, held, &caller);
            }
        }
        reach
    }

    /// The roles that a session of this one may get into, over any number of roles: those that are certain and those
    /// of which it cannot be told.
    #[must_use]
    pub fn from_role(world: &World<'_>, role: &RoleArn) -> BTreeSet<RoleArn> {
        let doors = Doors::of(world);
        let mut found = BTreeSet::new();
        let mut queue = VecDeque::from([role.clone()]);
        while let Some(from) = queue.pop_front() {
            let Some(caller) = Caller::role_session(world, &from, &SessionFacts::default()) else { continue };
            for (next, _) in doors.open_to(&caller, |next| *next != from) {
                if next != *role && found.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        found
    }

    fn walk(&mut self, world: &World<'_>, doors: &Doors, user: &UserArn, held: Held, caller: &Caller) {
        let grant = |role: &RoleArn| Grant { user: user.clone(), held, role: role.clone() };
        let mut queue = VecDeque::new();
        for (role, answer) in doors.open_to(caller, |_| true) {
            self.note(grant(&role), answer, Way::Direct, &mut queue);
        }
        while let Some(from) = queue.pop_front() {
            if !self.chains.contains_key(&from) {
                let next = Caller::role_session(world, &from, &SessionFacts::default());
                let open =
                    next.map(|caller| doors.open_to(&caller, |role| *role != from)).unwrap_or_default();
                self.chains.insert(from.clone(), open.into_iter().collect());
            }
            for (role, answer) in self.chains.get(&from).cloned().unwrap_or_default() {
                self.note(grant(&role), answer, Way::From(from.clone()), &mut queue);
            }
        }
    }

    fn note(&mut self, grant: Grant, answer: Answer, way: Way, queue: &mut VecDeque<RoleArn>) {
        match answer {
            Answer::Never => {}
            Answer::Unknown(reason) => {
                self.unknown.entry(grant).or_insert(reason);
            }
            Answer::Allowed(_) => {
                if let Entry::Vacant(new) = self.grants.entry(grant) {
                    queue.push_back(new.key().role.clone());
                    new.insert(way);
                }
            }
        }
    }

    /// Everybody's roles, in order.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.keys()
    }

    /// What could not be told, and why; what is granted for sure by another way is not among it.
    pub fn unknown(&self) -> impl Iterator<Item = (&Grant, &str)> {
        let open = self.unknown.iter().filter(|(grant, _)| !self.grants.contains_key(grant));
        open.map(|(grant, reason)| (grant, reason.as_str()))
    }

    /// Whether a user gets into a role with a credential, for all that is known.
    #[must_use]
    pub fn has(&self, grant: &Grant) -> bool {
        self.grants.contains_key(grant)
    }

    /// The roles on the way to a granted one, the granted one last.
    #[must_use]
    pub fn path(&self, grant: &Grant) -> Vec<RoleArn> {
        let mut path = Vec::new();
        let mut at = grant.clone();
        while let Some(way) = self.grants.get(&at) {
            path.push(at.role.clone());
            match way {
                Way::From(role) if !path.contains(role) => at.role = role.clone(),
                _ => break,
            }
        }
        path.reverse();
        path
    }

    /// What this one grants and another does not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> BTreeSet<Grant> {
        self.grants.keys().filter(|grant| !other.grants.contains_key(grant)).cloned().collect()
    }
}

/// The roles of an estate with their trust policies.
struct Doors {
    all: Vec<(RoleArn, Option<Rc<Document>>)>,
}

impl Doors {
    fn of(world: &World<'_>) -> Self {
        let all = world.roles().map(|(arn, role)| {
            let trust = world.trust(&arn, role);
            (arn, trust)
        });
        Self { all: all.collect() }
    }

    /// The roles that may be open to a caller.
    fn open_to(&self, caller: &Caller, among: impl Fn(&RoleArn) -> bool) -> Vec<(RoleArn, Answer)> {
        let account = caller.principal.account();
        let fixed = caller.fixed();
        // Across accounts a statement of the caller's own must allow it: most doors are shut by that alone.
        let allowing: Vec<_> = caller
            .policies()
            .flat_map(|policy| policy.document.statements())
            .filter(|statement| statement.effect() == Effect::Allow && statement.actions().matches(ASSUME))
            .collect();
        let named = |role: &RoleArn| {
            caller.incomplete
                || account == Some(role.account())
                || allowing.iter().any(|statement| {
                    let resources = statement.resources();
                    resources.is_none_or(|resources| {
                        let open = |text| has_open_variable(text, caller, &fixed);
                        resources.matches(role.as_str(), &fixed)
                            || resources.patterns().iter().any(|pattern| open(pattern.text()))
                    })
                })
        };
        let candidates = self.all.iter().filter(|(role, _)| among(role) && named(role));
        candidates
            .map(|(role, trust)| {
                let answer = match trust {
                    None => Answer::Unknown("its trust policy does not parse".to_owned()),
                    Some(trust) => {
                        let resource = role.as_str();
                        Question { caller, action: ASSUME, resource, trust: Some(trust) }.answer()
                    }
                };
                (role.clone(), answer)
            })
            .filter(|(_, answer)| !answer.is_never())
            .collect()
    }
}
