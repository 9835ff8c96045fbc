//! Which roles everybody gets into, at once or from role to role.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use postern_types::{RoleArn, UserArn};

use crate::{
    caller::{Caller, Held, SessionFacts},
    doors::{Doors, Open},
    world::World,
};

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
        let mut chains = Chains::default();
        for arn in users {
            for held in Held::ALL {
                let Some(caller) = Caller::user(world, arn, held) else { continue };
                let mut queue = VecDeque::new();
                for (role, open) in doors.open_to(&caller) {
                    reach.note((arn, held, role), &open, Way::Direct, &mut queue);
                }
                while let Some(from) = queue.pop_front() {
                    for (role, open) in chains.from(world, &doors, from) {
                        reach.note((arn, held, role), open, Way::From(from.clone()), &mut queue);
                    }
                }
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
            for (next, _) in doors.open_to(&caller) {
                if next != role && *next != from && found.insert(next.clone()) {
                    queue.push_back(next.clone());
                }
            }
        }
        found
    }

    fn note<'d>(
        &mut self,
        (user, held, role): (&UserArn, Held, &'d RoleArn),
        open: &Open,
        way: Way,
        queue: &mut VecDeque<&'d RoleArn>,
    ) {
        let grant = Grant { user: user.clone(), held, role: role.clone() };
        match open {
            Open::Perhaps(reason) => {
                self.unknown.entry(grant).or_insert_with(|| reason.to_string());
            }
            Open::Surely => {
                if let Entry::Vacant(new) = self.grants.entry(grant) {
                    queue.push_back(role);
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

/// The doors that open to a role's sessions, asked once for each role.
#[derive(Default)]
struct Chains<'d> {
    known: BTreeMap<&'d RoleArn, Vec<(&'d RoleArn, Open)>>,
}

impl<'d> Chains<'d> {
    fn from(&mut self, world: &World<'_>, doors: &'d Doors, from: &'d RoleArn) -> &[(&'d RoleArn, Open)] {
        self.known.entry(from).or_insert_with(|| {
            let caller = Caller::role_session(world, from, &SessionFacts::default());
            let mut open = caller.map(|caller| doors.open_to(&caller)).unwrap_or_default();
            open.retain(|(role, _)| *role != from);
            open
        })
    }
}
