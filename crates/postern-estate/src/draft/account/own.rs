//! Roles for those who had policies of their own, and for those who have nothing else to work with.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{PolicyArn, RoleName, UserName};

use super::{Candidate, Draft, DraftRole, ExistingAccount, Made};

/// The role that administrators get for their daily work, which is not to be done above the cap.
const DAILY: (&str, &str) = ("developer", "PowerUserAccess");

impl ExistingAccount<'_> {
    /// Managed policies that people had attached become a role, one for all who had the same. What writes to IAM does
    /// not: it makes administrators.
    pub(super) fn roles_of_own_policies(&self, people: &[Candidate<'_>], draft: &mut Draft, made: &mut Made) {
        let mut by_policies: BTreeMap<&BTreeSet<PolicyArn>, Vec<&UserName>> = BTreeMap::new();
        for person in people.iter().filter(|person| !person.user.attached.is_empty()) {
            by_policies.entry(&person.user.attached).or_default().push(person.name);
        }
        for (attached, names) in by_policies {
            let documents = self.documents_of(&BTreeMap::new(), attached);
            if documents.is_empty() || self.writes_to_iam(&documents) {
                continue;
            }
            let Some(role) = self.free_name(&name_for(attached), made) else { continue };
            let people = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let mut remarks = vec![format!("What {people} had attached directly.")];
            let policies = self.policies(attached, &mut remarks);
            self.give(names.into_iter().cloned(), &role, made);
            draft.roles.push(DraftRole {
                name: role,
                account: Some(self.name.clone()),
                policies,
                session: None,
                remarks,
            });
        }
    }

    /// Administrators whom nothing else gives a role get one to work with from day to day.
    pub(super) fn daily_role(&self, people: &[Candidate<'_>], draft: &mut Draft, made: &mut Made) {
        let has_role = |person: &Candidate<'_>| {
            made.roles.contains_key(person.name) || person.user.groups.iter().any(|g| made.groups.contains(g))
        };
        let without: Vec<UserName> = people
            .iter()
            .filter(|person| made.administrators.contains(person.name) || self.administers(person))
            .filter(|person| !has_role(person))
            .map(|person| person.name.clone())
            .collect();
        let (name, policy) = DAILY;
        let Some(role) = self.free_name(name, made).filter(|_| !without.is_empty()) else { return };
        made.taken.insert(role.as_str().to_ascii_lowercase());
        for person in without {
            made.roles.entry(person).or_default().push(format!("{}/{role}", self.name));
        }
        let remark = "For the daily work of administrators, who enter `postern-admin` only to change IAM.";
        draft.roles.push(DraftRole {
            name: role,
            account: Some(self.name.clone()),
            policies: vec![policy.to_owned()],
            session: None,
            remarks: vec![remark.to_owned()],
        });
    }

    fn give(&self, people: impl Iterator<Item = UserName>, role: &RoleName, made: &mut Made) {
        made.taken.insert(role.as_str().to_ascii_lowercase());
        for person in people {
            made.roles.entry(person.clone()).or_default().push(format!("{}/{role}", self.name));
            made.own.insert(person);
        }
    }
}

/// `power-user` for PowerUserAccess, `power-user-and-1` with one more.
fn name_for(attached: &BTreeSet<PolicyArn>) -> String {
    let first = attached.first().map(|arn| arn.name().to_string()).unwrap_or_default();
    let bare = first.strip_suffix("Access").filter(|rest| !rest.is_empty()).unwrap_or(&first);
    let mut name = String::new();
    let mut last_was_lower = false;
    for c in bare.chars() {
        if c.is_ascii_uppercase() && last_was_lower {
            name.push('-');
        }
        last_was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(c.to_ascii_lowercase());
    }
    // Room for what makes a name free.
    name.truncate(40);
    match attached.len() {
        0 | 1 => name,
        more => format!("{name}-and-{}", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_after_their_policies() {
        for (policies, name) in [
            (&["PowerUserAccess"][..], "power-user"),
            (&["AmazonS3FullAccess"], "amazon-s3-full"),
            (&["Access"], "access"),
            (&["job-function/ViewOnlyAccess", "AmazonEC2FullAccess"], "amazon-ec2-full-and-1"),
        ] {
            let attached = policies
                .iter()
                .map(|name| format!("arn:aws:iam::aws:policy/{name}").parse().unwrap())
                .collect();
            assert_eq!(name_for(&attached), name);
        }
    }
}
