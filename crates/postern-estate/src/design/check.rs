//! What one part of the file says of another.

use std::collections::BTreeMap;

use postern_types::{AccountId, PolicyArn, RoleName};

use super::{
    AccountName, BoundaryChoice, PolicySource, RoleAccounts, RoleDesign, RolePattern,
    parse::{Draft, Named},
    read::{self, Errors},
};
use crate::{
    ADMIN_ROLE, ADMINISTRATORS_GROUP, BREAK_GLASS_GROUP, BREAK_GLASS_ROLE, PERSON_GROUP_PREFIX,
    SELF_SERVICE_GROUP, Span, Spanned,
};

pub(super) fn references(draft: &Draft, errors: &mut Errors) {
    account_ids(draft, errors);
    same_but_for_case(&draft.roles, "role", |role| role.span, errors);
    same_but_for_case(&draft.groups, "group", |group| group.span, errors);
    same_but_for_case(&draft.people, "person", |person| person.span, errors);
    reserved_names(draft, errors);
    for (name, role) in &draft.roles.sound {
        role_accounts(draft, role, errors);
        role_policies(draft, name, role, errors);
        may_assume(draft, role, errors);
    }
    for group in draft.groups.sound.values() {
        patterns(draft, &group.roles, errors);
    }
    for person in draft.people.sound.values() {
        for group in &person.groups {
            known(group.value.as_str(), group.span, &draft.groups, "group", errors);
        }
        patterns(draft, &person.roles, errors);
    }
    demanded_source_identity(draft, errors);
    emergency(draft, errors);
    for person in &draft.administrators.people {
        known(person.value.as_str(), person.span, &draft.people, "person", errors);
    }
    for party in draft.third_parties.sound.values() {
        if ours(draft).any(|(_, id)| id == party.account.value) {
            let message =
                format!("account {} is part of this estate, so it is no third party", party.account.value);
            errors.say(party.account.span, message);
        }
        patterns(draft, &party.roles, errors);
    }
}

/// Every account of the estate, the bastion first.
fn ours(draft: &Draft) -> impl Iterator<Item = (&str, AccountId)> {
    let bastion = draft.bastion.iter().map(|bastion| ("bastion", bastion.account.value));
    bastion.chain(draft.accounts.sound.iter().map(|(name, account)| (name.as_str(), account.id.value)))
}

fn account_ids(draft: &Draft, errors: &mut Errors) {
    let mut seen: BTreeMap<AccountId, &str> = BTreeMap::new();
    if let Some(bastion) = &draft.bastion {
        seen.insert(bastion.account.value, "bastion");
    }
    let mut accounts: Vec<_> = draft.accounts.sound.iter().collect();
    accounts.sort_by_key(|(_, account)| account.id.span);
    for (name, account) in accounts {
        if name.as_str() == "bastion" {
            let help = "the account of `[bastion]` has this name already";
            errors.help(account.span, "an account cannot be named `bastion`", help);
        }
        match seen.get(&account.id.value) {
            Some(other) => {
                let message = format!("account {} is `{other}` already", account.id.value);
                let help = if *other == "bastion" {
                    "people sign in to the bastion and work elsewhere: give it an account of its own"
                } else {
                    "each account stands in the file once"
                };
                errors.help(account.id.span, message, help);
            }
            None => {
                seen.insert(account.id.value, name.as_str());
            }
        }
    }
}

/// IAM's names are unique in their account ignoring case.
fn same_but_for_case<K: Ord + AsRef<str>, V>(
    named: &Named<K, V>,
    what: &str,
    span: impl Fn(&V) -> Span,
    errors: &mut Errors,
) {
    let mut seen: BTreeMap<String, (&str, Span)> = BTreeMap::new();
    for (name, value) in &named.sound {
        let name = name.as_ref();
        let here = span(value);
        if let Some((other, there)) = seen.insert(name.to_ascii_lowercase(), (name, here)) {
            let message = format!("the {what} `{name}` and the {what} `{other}` differ only in case");
            errors.help(here.max(there), message, "to IAM they are the same name");
        }
    }
}

/// A source identity that people may not set cannot be demanded of them.
fn demanded_source_identity(draft: &Draft, errors: &mut Errors) {
    if draft.bastion.as_ref().is_none_or(|bastion| bastion.source_identity) {
        return;
    }
    for (name, role) in &draft.roles.sound {
        if let Some(span) = role.source_identity {
            let message = format!("the role `{name}` demands a source identity, and people may not set one");
            errors.help(span, message, "write `source_identity = true` in `[bastion]` too");
        }
    }
}

fn emergency(draft: &Draft, errors: &mut Errors) {
    let Some(emergency) = &draft.break_glass else { return };
    for person in &emergency.people {
        known(person.value.as_str(), person.span, &draft.people, "person", errors);
    }
    if let RoleAccounts::Named(names) = &emergency.accounts {
        for name in names.iter().filter(|name| name.value.as_str() != "bastion") {
            known(name.value.as_str(), name.span, &draft.accounts, "account", errors);
        }
    }
}

fn reserved_names(draft: &Draft, errors: &mut Errors) {
    for (name, role) in &draft.roles.sound {
        for (ours, section) in [(ADMIN_ROLE, "administrators"), (BREAK_GLASS_ROLE, "break_glass")] {
            if name.as_str().eq_ignore_ascii_case(ours) {
                let help = format!("postern makes this role itself, for those in `[{section}]`");
                errors.help(role.span, format!("a role cannot be named `{name}`"), help);
            }
        }
    }
    for (name, group) in &draft.groups.sound {
        let lower = name.as_str().to_ascii_lowercase();
        let ours = [ADMINISTRATORS_GROUP, BREAK_GLASS_GROUP, SELF_SERVICE_GROUP];
        if ours.contains(&lower.as_str()) || lower.starts_with(PERSON_GROUP_PREFIX) {
            let help = "postern makes `administrators`, `break-glass`, `self-service`, and `person-NAME` for \
                        people with roles of their own";
            errors.help(group.span, format!("a group cannot be named `{name}`"), help);
        }
    }
}

/// Says so when a name stands nowhere.
fn known<K: Ord, V>(name: &str, span: Span, named: &Named<K, V>, what: &str, errors: &mut Errors) -> bool {
    if named.all.contains(name) {
        return true;
    }
    let section = match what {
        "person" => "people",
        "account" => "accounts",
        "group" => "groups",
        _ => "roles",
    };
    let help = match read::nearest(name, named.all.iter().map(String::as_str)) {
        Some(other) => format!("did you mean `{other}`?"),
        None if named.all.is_empty() => format!("the file has no `[{section}.…]`; add `[{section}.{name}]`"),
        None => {
            let all: Vec<&str> = named.all.iter().map(String::as_str).take(12).collect();
            format!("add `[{section}.{name}]`, or name one of {}", read::list(&all))
        }
    };
    errors.help(span, format!("unknown {what} `{name}`"), help);
    false
}

fn role_accounts(draft: &Draft, role: &RoleDesign, errors: &mut Errors) {
    if let RoleAccounts::Named(names) = &role.accounts {
        for name in names {
            known(name.value.as_str(), name.span, &draft.accounts, "account", errors);
        }
    }
}

/// The accounts of a role that could be read.
fn accounts_of<'a>(draft: &'a Draft, role: &'a RoleDesign) -> Vec<(&'a AccountName, AccountId)> {
    draft
        .accounts
        .sound
        .iter()
        .filter(|(name, _)| role.is_made_in(name))
        .map(|(name, account)| (name, account.id.value))
        .collect()
}

fn role_policies(draft: &Draft, name: &RoleName, role: &RoleDesign, errors: &mut Errors) {
    let mut files: BTreeMap<String, &str> = BTreeMap::new();
    for policy in &role.policies {
        match &policy.value {
            PolicySource::Managed(arn) => customer_policy(draft, name, role, arn, policy.span, errors),
            PolicySource::File { path, name } => {
                if let Some(other) = files.insert(name.as_str().to_ascii_lowercase(), path) {
                    let message = format!("`{other}` and `{path}` would both be the inline policy `{name}`");
                    errors.help(policy.span, message, "rename one of the files");
                }
            }
        }
    }
}

/// A customer's policy can be attached in its own account only.
fn customer_policy(
    draft: &Draft,
    name: &RoleName,
    role: &RoleDesign,
    arn: &PolicyArn,
    span: Span,
    errors: &mut Errors,
) {
    let Some(owner) = arn.account() else { return };
    for (account, id) in accounts_of(draft, role) {
        if id != owner {
            let message = format!(
                "the policy is one of account {owner}, and the role `{name}` is made in `{account}` ({id}) too"
            );
            errors.help(
                span,
                message,
                "IAM attaches a customer's policy in its own account only; use `{ file = \"…\" }`",
            );
        }
    }
}

fn may_assume(draft: &Draft, role: &RoleDesign, errors: &mut Errors) {
    for target in &role.may_assume {
        let arn = &target.value.0;
        if arn.path().as_str().starts_with(crate::PATH) && ours(draft).any(|(_, id)| id == arn.account()) {
            let message = format!("`{arn}` is a role of this estate");
            let help =
                "it cannot be assumed from a role: its trust demands MFA, and role sessions carry none";
            errors.help(target.span, message, help);
        }
        if matches!(role.boundary, BoundaryChoice::None { .. }) {
            let help =
                "without a boundary there is nothing that `may_assume` would open; remove one of the two";
            errors.help(target.span, "`may_assume` and `boundary = \"none\"` together", help);
        }
    }
}

fn patterns(draft: &Draft, patterns: &[Spanned<RolePattern>], errors: &mut Errors) {
    for pattern in patterns {
        let RolePattern { account, role } = &pattern.value;
        let account_known = account
            .as_ref()
            .is_none_or(|name| known(name.as_str(), pattern.span, &draft.accounts, "account", errors));
        let role_known =
            role.as_ref().is_none_or(|name| known(name.as_str(), pattern.span, &draft.roles, "role", errors));
        if !account_known || !role_known || unsound(draft, &pattern.value) {
            continue;
        }
        let takes = |(name, design): (&RoleName, &RoleDesign)| {
            draft
                .accounts
                .sound
                .keys()
                .any(|account| design.is_made_in(account) && pattern.value.matches(account, name))
        };
        if !draft.roles.sound.iter().any(takes) {
            let help = match (account, role) {
                (Some(account), Some(role)) => format!("add `{account}` to the accounts of `[roles.{role}]`"),
                _ => "no role is made there".to_owned(),
            };
            errors.help(pattern.span, format!("`{}` matches no role", pattern.value), help);
        }
    }
}

/// Whether something that the pattern may mean has errors of its own: then what it matches is not known.
fn unsound(draft: &Draft, pattern: &RolePattern) -> bool {
    let account = draft.accounts.all.len() != draft.accounts.sound.len();
    let role = draft.roles.all.len() != draft.roles.sound.len();
    let accounts_of_role = draft.roles.sound.iter().any(|(name, role)| {
        pattern.role.as_ref().is_none_or(|wanted| wanted == name)
            && match &role.accounts {
                RoleAccounts::All => false,
                RoleAccounts::Named(names) => {
                    names.is_empty() || names.iter().any(|n| !draft.accounts.sound.contains_key(&n.value))
                }
            }
    });
    account || role || accounts_of_role
}
