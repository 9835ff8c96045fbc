//! What a person may reach: the estate's roles that are theirs, and the profiles of `~/.aws/config`.

use std::collections::BTreeSet;

use postern_broker::{Has, Target, files::shell_words};
use postern_estate::{ADMIN_ROLE, Design};
use postern_types::{RoleArn, Timestamp, UserName};

use super::{Daily, Destination, Wish, profile::PREFIX, targets};
use crate::{errors::CliError, frecency};

/// A target that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reachable {
    /// As commands take it.
    pub(crate) name: String,
    /// The role that it ends in, where its name or its file tells.
    pub(crate) role: Option<RoleArn>,
    /// The profile's own name, if it is one.
    pub(crate) profile: Option<String>,
}

/// What a person may assume.
pub(crate) fn of_person(design: &Design, person: &UserName) -> Result<Vec<Target>, CliError> {
    let administers = design.is_administrator(person);
    if !design.people.contains_key(person) && !administers {
        let people: Vec<&str> = design.people.keys().map(UserName::as_str).collect();
        return Err(CliError::usage(format!("the estate file knows no `{person}`"))
            .hint(format!("it has: {}; or take every role with --all", people.join(", "))));
    }
    let roles = design.roles_of(person);
    let may = |target: &Target| match target.role.as_str() {
        ADMIN_ROLE => administers,
        _ => {
            roles.iter().any(|(account, role)| account.as_str() == &*target.account && **role == target.role)
        }
    };
    Ok(targets(design).into_iter().filter(may).collect())
}

impl Daily<'_> {
    /// Every target that this person may reach, roles of the estate first. Where it cannot be told who they are,
    /// every role of the estate. Beside it, why there are no profiles, if they cannot be read.
    pub(crate) fn reachable(&self, person: Option<&UserName>) -> (Vec<Reachable>, Option<CliError>) {
        let roles = match &self.estate {
            Some(file) => match person {
                Some(person) => of_person(&file.design, person).unwrap_or_else(|_| targets(&file.design)),
                None => targets(&file.design),
            },
            None => Vec::new(),
        };
        let mut found: Vec<Reachable> = roles
            .into_iter()
            .map(|target| Reachable {
                name: format!("{}/{}", target.account, target.role),
                role: Some(target.arn),
                profile: None,
            })
            .collect();
        let taken: BTreeSet<String> = found.iter().map(|target| target.name.clone()).collect();
        let profiles = match self.profiles() {
            Ok(profiles) => profiles,
            Err(error) => return (found, Some(error)),
        };
        for name in self.profile_names() {
            let text = |key| profiles.text_of(&name, key).map(|placed| placed.value);
            // What `profiles sync` wrote is the same role once more.
            if text("credential_process").is_some_and(|command| asks_postern_for(&command, &taken)) {
                continue;
            }
            found.push(Reachable {
                name: if taken.contains(&name) { format!("{PREFIX}{name}") } else { name.clone() },
                role: text("role_arn").and_then(|arn| arn.parse().ok()),
                profile: Some(name),
            });
        }
        (found, None)
    }

    /// Counts a use of a target, for the order of lists.
    pub(crate) fn count_use(&self, destination: &Destination) {
        frecency::count(self.context, destination);
    }

    /// Who this person is in the estate, as far as it can be told without asking.
    pub(crate) fn person(&self) -> Option<UserName> {
        self.person_of_environment().ok().flatten().or_else(|| Some(self.route(None).ok()?.key.user))
    }

    /// Until when the cache holds credentials for each target, in the same order. Calls nobody.
    pub(crate) fn live(
        &self,
        targets: &[Reachable],
        now: Timestamp,
    ) -> Result<Vec<Option<Timestamp>>, CliError> {
        let cached: BTreeSet<String> = self
            .cache
            .roles()?
            .into_iter()
            .filter(|(role, _)| role.credentials.expires_at > now)
            .map(|(role, _)| role.role.to_string())
            .collect();
        // Of a role that is not there in any form nothing needs to be looked up.
        let may_be_there =
            |target: &Reachable| target.role.as_ref().is_some_and(|role| cached.contains(&role.to_string()));
        Ok(targets.iter().map(|target| may_be_there(target).then(|| self.until(&target.name))?).collect())
    }

    /// Until when a target's own credentials are good: those of a narrowed session are another's.
    fn until(&self, name: &str) -> Option<Timestamp> {
        let destination = self.destination(name, &Wish::default()).ok()?;
        match self.look(&destination).ok()?.has {
            Has::Role { hop, credentials } if hop + 1 == destination.way.hops.len() => {
                Some(credentials.credentials.expires_at)
            }
            _ => None,
        }
    }
}

/// Whether a `credential_process` asks postern for one of these targets.
fn asks_postern_for(command: &str, targets: &BTreeSet<String>) -> bool {
    let words = shell_words(command).unwrap_or_default();
    words.windows(2).any(|pair| {
        pair.first().is_some_and(|word| word == "credential-process")
            && pair.last().is_some_and(|target| targets.contains(target))
    })
}
