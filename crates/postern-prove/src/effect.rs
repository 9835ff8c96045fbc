//! What a change does: who gets in where they did not before, and who may change IAM.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{Account, Role, User};
use postern_types::{PolicyArn, UserArn};

use crate::{
    caller::{Caller, Held, SessionFacts},
    reach::{Grant, Reach},
    search::{Answer, Question},
    world::World,
};

/// Calls that change who may do what: with any of them rights grow.
const IAM_WRITES: [&str; 20] = [
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:DeactivateMFADevice",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
];

/// Principals by ARN, and the calls to IAM that they may make.
pub type Writers = BTreeMap<String, BTreeSet<&'static str>>;

/// The difference between two states of an estate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Who gets in where they did not.
    pub gained: BTreeSet<Grant>,
    /// Who no longer does.
    pub lost: BTreeSet<Grant>,
    /// What cannot be told of the state after, and could before.
    pub unknown: BTreeMap<Grant, String>,
    /// Who may write to IAM, and could not.
    pub writes_gained: Writers,
    /// Who could, and may no longer.
    pub writes_lost: Writers,
}

impl Effect {
    /// What changes from one state to the other. Looked at are the users who can be concerned, and the roles and users
    /// whose policies change.
    #[must_use]
    pub fn between(before: &World<'_>, after: &World<'_>) -> Self {
        let roles_change = !same_roles(before, after);
        let concerned = |arn: &UserArn, here: &World<'_>, there: &World<'_>| {
            roles_change || user_changes(arn, here, there)
        };
        let mut users: BTreeSet<UserArn> = BTreeSet::new();
        users.extend(after.users().map(|(arn, _)| arn).filter(|arn| concerned(arn, after, before)));
        users.extend(before.users().map(|(arn, _)| arn).filter(|arn| concerned(arn, before, after)));
        let users: Vec<UserArn> = users.into_iter().collect();
        let (old, new) = (Reach::of_users(before, &users), Reach::of_users(after, &users));
        let known: BTreeSet<&Grant> = old.unknown().map(|(grant, _)| grant).collect();
        let unknown = new.unknown().filter(|(grant, _)| !known.contains(grant));
        let unknown = unknown.map(|(grant, reason)| (grant.clone(), reason.to_owned())).collect();
        let (had, has) = (writers(before, after), writers(after, before));
        Self {
            gained: new.beyond(&old),
            lost: old.beyond(&new),
            unknown,
            writes_gained: beyond(&has, &had),
            writes_lost: beyond(&had, &has),
        }
    }
}

fn beyond(one: &Writers, other: &Writers) -> Writers {
    let left = one.iter().filter_map(|(arn, actions)| {
        let left: BTreeSet<&'static str> = match other.get(arn) {
            Some(known) => actions.difference(known).copied().collect(),
            None => actions.clone(),
        };
        (!left.is_empty()).then(|| (arn.clone(), left))
    });
    left.collect()
}

/// The users and roles of one state whose policies are others in the other state, and what they may write.
fn writers(here: &World<'_>, there: &World<'_>) -> Writers {
    let mut found = Writers::new();
    let mut note = |arn: String, caller: Option<Caller>| {
        let actions = caller.map(|caller| writes(&caller)).unwrap_or_default();
        if !actions.is_empty() {
            found.entry(arn).or_default().extend(actions);
        }
    };
    for (arn, _) in here.users().filter(|(arn, _)| user_changes(arn, here, there)) {
        for held in Held::ALL {
            // Without MFA such a session calls no operation of IAM at all.
            if held != Held::SessionWithoutMfa {
                note(arn.to_string(), Caller::user(here, &arn, held));
            }
        }
    }
    for (arn, role) in here.roles() {
        let other = there.account(arn.account()).and_then(|account| account.roles.get(arn.name()));
        let accounts = (here.account(arn.account()), there.account(arn.account()));
        if other.is_none_or(|other| role_changes(role, other, accounts)) {
            note(arn.to_string(), Caller::role_session(here, &arn, &SessionFacts::default()));
        }
    }
    found
}

/// The calls to IAM that a caller may make on something.
fn writes(caller: &Caller) -> BTreeSet<&'static str> {
    let Some(resources) = caller.resources() else { return BTreeSet::new() };
    let may = |action: &&'static str| {
        resources.iter().any(|resource| {
            let question = Question { caller, action, resource, trust: None };
            matches!(question.answer(), Answer::Allowed(_))
        })
    };
    IAM_WRITES.into_iter().filter(may).collect()
}

impl Caller {
    /// The calls by which rights in IAM grow that the caller may make on something. Nothing, where that cannot be told.
    #[must_use]
    pub fn iam_writes(&self) -> BTreeSet<&'static str> {
        writes(self)
    }
}

fn same_roles(before: &World<'_>, after: &World<'_>) -> bool {
    let (old, new) = (before.estate(), after.estate());
    old.accounts.len() == new.accounts.len()
        && old.accounts.iter().all(|(id, account)| {
            new.accounts.get(id).is_some_and(|other| {
                account.roles == other.roles
                    && account.roles.values().all(|role| same_policies(policies(role), account, other))
            })
        })
}

fn role_changes(role: &Role, other: &Role, accounts: (Option<&Account>, Option<&Account>)) -> bool {
    let (Some(here), Some(there)) = accounts else { return true };
    role.inline != other.inline
        || role.attached != other.attached
        || role.boundary != other.boundary
        || !same_policies(policies(role), here, there)
}

fn policies(role: &Role) -> impl Iterator<Item = &PolicyArn> {
    role.attached.iter().chain(&role.boundary)
}

fn user_changes(arn: &UserArn, here: &World<'_>, there: &World<'_>) -> bool {
    let (Some(account), Some(other)) = (here.account(arn.account()), there.account(arn.account())) else {
        return true;
    };
    let (Some(user), Some(then)) = (account.users.get(arn.name()), other.users.get(arn.name())) else {
        return true;
    };
    let own = |user: &User| {
        (user.groups.clone(), user.inline.clone(), user.attached.clone(), user.boundary.clone())
    };
    own(user) != own(then)
        || !same_policies(user.attached.iter().chain(&user.boundary), account, other)
        || user.groups.iter().any(|group| {
            let (one, two) = (account.groups.get(group), other.groups.get(group));
            one != two || one.is_some_and(|group| !same_policies(group.attached.iter(), account, other))
        })
}

fn same_policies<'a>(arns: impl Iterator<Item = &'a PolicyArn>, here: &Account, there: &Account) -> bool {
    let document = |account: &Account, arn: &PolicyArn| {
        account.policies.get(arn.name()).map(|policy| policy.document.clone())
    };
    let mut own = arns.filter(|arn| arn.account().is_some());
    own.all(|arn| document(here, arn) == document(there, arn))
}
