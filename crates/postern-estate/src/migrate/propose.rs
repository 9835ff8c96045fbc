//! A first migration file: what becomes of every user, as far as AWS's data tell.

use std::collections::BTreeMap;

use postern_types::{AccountId, PolicyArn, UserName};

use super::{AccountUsage, Entry, Guess, Judgement, Kind, Migration, Window, Witness, judge};
use crate::{Account, AccountName, Design, Draft, ExistingAccount, RolePattern, User};

/// An account and where its people go.
pub struct Proposer<'a> {
    /// The estate that they go to.
    pub design: &'a Design,
    /// The account's name in it.
    pub account: &'a AccountName,
    /// Its id.
    pub id: AccountId,
    /// What stands in it.
    pub found: &'a Account,
    /// What its users used.
    pub usage: &'a AccountUsage,
    /// The documents of AWS's own policies.
    pub documents: &'a dyn Fn(&PolicyArn) -> Option<String>,
    /// How long a user may rest before it counts as unused.
    pub window: Window,
}

/// A migration file and why it says what it says.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The file, with the reasons as remarks.
    pub migration: Migration,
    /// What each user was taken for.
    pub judgements: BTreeMap<UserName, Judgement>,
}

impl Proposer<'_> {
    /// Proposes something for every user of the account.
    #[must_use]
    pub fn propose(&self) -> Proposal {
        let judgements: BTreeMap<UserName, Judgement> = self
            .found
            .users
            .iter()
            .map(|(name, user)| (name.clone(), judge(&self.witness(name, user), &self.window)))
            .collect();
        let draft = self.draft(&judgements);
        let users =
            judgements.iter().map(|(name, judgement)| (name.clone(), self.entry(name, judgement, &draft)));
        let migration = Migration {
            account: self.id,
            read_at: self.window.now,
            watch: Migration::WATCH,
            users: users.collect(),
        };
        Proposal { migration, judgements }
    }

    fn witness<'w>(&'w self, name: &'w UserName, user: &'w User) -> Witness<'w> {
        Witness { name, user, usage: self.usage.users.get(name), is_declared: self.declared(name).is_some() }
    }

    /// The person of the estate file whose name this is: the same name, or what stands before the `@`.
    fn declared(&self, name: &UserName) -> Option<&UserName> {
        let people = || self.design.people.keys();
        let is = |wanted: &str, person: &UserName| person.as_str().eq_ignore_ascii_case(wanted);
        let before_at = name.as_str().split('@').next().unwrap_or_default();
        people()
            .find(|person| is(name.as_str(), person))
            .or_else(|| people().find(|person| is(before_at, person)))
    }

    /// What `init --from-account` would draft for those who are taken for people: one opinion on who gets what.
    fn draft(&self, judgements: &BTreeMap<UserName, Judgement>) -> Draft {
        let bastion = self.design.bastion.account.value;
        let mut draft = Draft::starting(
            self.design.name.value.clone(),
            self.design.region.value.clone(),
            (bastion, None),
        );
        draft.partition = self.design.partition;
        let existing = ExistingAccount {
            name: self.account.clone(),
            id: self.id,
            profile: None,
            found: self.found,
            documents: self.documents,
            who: &|name, user| {
                judgements
                    .get(name)
                    .cloned()
                    .unwrap_or_else(|| judge(&self.witness(name, user), &self.window))
            },
        };
        existing.draft_into(draft)
    }

    fn entry(&self, name: &UserName, judgement: &Judgement, draft: &Draft) -> Entry {
        let reasons = judgement.reasons.join("; ");
        let doubt = if judgement.is_sure { "" } else { " A guess: look, and correct it where it is wrong." };
        let mut remarks = vec![format!("{}.{doubt}", capital(&reasons))];
        let kind = match judgement.guess {
            Guess::Person => self.person(name, draft, &mut remarks),
            Guess::Machine(better) => Kind::Machine { better },
            Guess::Unused => Kind::Unused,
            Guess::Keep => Kind::Keep,
        };
        Entry { kind, remarks }
    }

    fn person(&self, name: &UserName, draft: &Draft, remarks: &mut Vec<String>) -> Kind {
        if let Some(person) = self.declared(name) {
            let roles = self.design.roles_of(person);
            let here = roles.into_iter().filter(|(account, _)| *account == self.account);
            let roles: Vec<RolePattern> = here
                .map(|(account, role)| RolePattern {
                    account: Some(account.clone()),
                    role: Some(role.clone()),
                })
                .collect();
            let administrator = self.design.is_administrator(person);
            if roles.is_empty() && !administrator {
                remarks.push(format!("The estate file gives {person} no role in this account."));
            }
            return Kind::Person { person: person.clone(), administrator, roles };
        }
        let (roles, missing) = self.drafted_roles(name, draft);
        let administrator = draft.administrators.contains(name);
        if !missing.is_empty() {
            remarks
                .push(format!("The estate file has no role {}, which would be theirs.", missing.join(", ")));
        }
        if roles.is_empty() {
            remarks.push("Gets no role to work with: name one of the estate file's.".to_owned());
        }
        Kind::Person { person: name.clone(), administrator, roles }
    }

    /// The roles that the draft gives someone: those that the estate file has, and those that it has not.
    fn drafted_roles(&self, name: &UserName, draft: &Draft) -> (Vec<RolePattern>, Vec<String>) {
        let Some(person) = draft.people.iter().find(|person| person.name == *name) else {
            return (Vec::new(), Vec::new());
        };
        let of_groups = draft
            .groups
            .iter()
            .filter(|group| person.groups.contains(&group.name))
            .flat_map(|group| &group.roles);
        let mut roles: Vec<RolePattern> = Vec::new();
        let mut missing: Vec<String> = Vec::new();
        for text in person.roles.iter().chain(of_groups) {
            match text.parse::<RolePattern>() {
                Ok(pattern) if self.is_declared_role(&pattern) => {
                    if !roles.contains(&pattern) {
                        roles.push(pattern);
                    }
                }
                _ if missing.contains(text) => {}
                _ => missing.push(text.clone()),
            }
        }
        (roles, missing)
    }

    fn is_declared_role(&self, pattern: &RolePattern) -> bool {
        self.design
            .roles
            .iter()
            .any(|(name, role)| role.is_made_in(self.account) && pattern.matches(self.account, name))
    }
}

/// A sentence's first letter.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
