//! A plan as Terraform's users know it: `+` appears, `~` changes, `-` goes, and a summary line.

use std::collections::BTreeMap;

use postern_estate::{
    Action, BREAK_GLASS_ROLE, Change, Conflict, ConflictKind, Notice, NoticeKind, Plan, PlanJson,
    PolicyDocument, Step, StepKey,
};
use postern_types::{AccountId, UserName};

use super::policy;
use crate::{
    access::{AccountNames, account_label},
    errors::CliError,
    output::{BAD, BOLD, DIM, GOOD, WARN, clauses, paint, prose, shown_width},
};

/// The whole plan: accounts, objects, what happens to each, what is in the way, what is left alone, the sum.
/// No line is wider than `width` columns, unless a single name is.
pub(crate) fn render(plan: &Plan, names: &AccountNames, width: usize) -> String {
    let mut text = String::new();
    let mut accounts: Vec<AccountId> = Vec::new();
    for step in &plan.steps {
        if !accounts.contains(&step.account) {
            accounts.push(step.account);
        }
    }
    for account in accounts {
        text.push_str(&paint(BOLD, &account_label(names, account)));
        text.push('\n');
        for (key, steps) in objects(plan, account) {
            text.push_str(&object(&key, &steps, width));
        }
        text.push('\n');
    }
    for conflict in &plan.conflicts {
        let line = format!("{} {}", paint(BAD, "in the way:"), conflict_words(conflict, names));
        text.push_str(&prose(&line, "", "  ", width));
        text.push('\n');
    }
    for notice in &plan.notices {
        let line = format!("{} {}", paint(WARN, "note:"), notice_words(notice, names));
        text.push_str(&prose(&line, "", "  ", width));
        text.push('\n');
    }
    if !(plan.conflicts.is_empty() && plan.notices.is_empty()) {
        text.push('\n');
    }
    text.push_str(&summary(plan));
    text.push('\n');
    text
}

/// The plan as versioned JSON.
pub(crate) fn json(plan: &Plan) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(&PlanJson::from(plan))
        .map_err(|error| CliError::failed("cannot write the plan as JSON").caused_by(error))?;
    text.push('\n');
    Ok(text)
}

/// `Plan: 12 to add, 1 to change, 0 to remove (40 calls in 3 accounts).`
pub(crate) fn summary(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return if plan.conflicts.is_empty() {
            "No changes: the accounts are what the file says.".to_owned()
        } else {
            "No plan: something is in the way.".to_owned()
        };
    }
    let mut by_object: BTreeMap<StepKey, Change> = BTreeMap::new();
    let mut accounts: Vec<AccountId> = Vec::new();
    for step in &plan.steps {
        let change = by_object.entry(step.key()).or_insert(Change::Update);
        if step.change() != Change::Update {
            *change = step.change();
        }
        if !accounts.contains(&step.account) {
            accounts.push(step.account);
        }
    }
    let count = |wanted| by_object.values().filter(|c| **c == wanted).count();
    format!(
        "Plan: {} to add, {} to change, {} to remove ({} in {}).",
        count(Change::Create),
        count(Change::Update),
        count(Change::Delete),
        counted(plan.steps.len(), "call"),
        counted(accounts.len(), "account"),
    )
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// One call in a line, for logs: `CreateRole developer`.
pub(crate) fn call(action: &Action) -> String {
    let name = format!("{action:?}");
    name.split([' ', '{']).next().unwrap_or_default().to_owned()
}

fn objects(plan: &Plan, account: AccountId) -> Vec<(StepKey, Vec<&Step>)> {
    let mut objects: Vec<(StepKey, Vec<&Step>)> = Vec::new();
    for step in plan.steps.iter().filter(|step| step.account == account) {
        let key = step.key();
        match objects.iter_mut().find(|(known, _)| *known == key) {
            Some((_, steps)) => steps.push(step),
            None => objects.push((key, vec![step])),
        }
    }
    objects
}

fn object(key: &StepKey, steps: &[&Step], width: usize) -> String {
    let change =
        steps.iter().map(|step| step.change()).find(|c| *c != Change::Update).unwrap_or(Change::Update);
    let symbol = match change {
        Change::Create => paint(GOOD, "+"),
        Change::Update => paint(WARN, "~"),
        Change::Delete => paint(BAD, "-"),
    };
    let mut text = format!("  {symbol} {} {}\n", key.kind, paint(BOLD, &key.name));
    let mut written: Vec<&str> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut after = step.after();
        if let Some(document) = document_of(&step.action) {
            // A document may change twice, narrower first and wider later: what counts is where it ends.
            if written.contains(&document) {
                continue;
            }
            written.push(document);
            let later = steps.iter().skip(index).rev();
            after = later.filter(|s| document_of(&s.action) == Some(document)).find_map(|s| s.after());
        }
        for line in details(step, after) {
            text.push_str(&folded(&line, width));
        }
    }
    text
}

/// The document of its object that a call writes, as far as an object has several.
fn document_of(action: &Action) -> Option<&str> {
    match action {
        Action::CreateRole { .. } | Action::UpdateAssumeRolePolicy { .. } => Some("trust policy"),
        Action::CreatePolicy { .. } | Action::CreatePolicyVersion { .. } => Some("default version"),
        Action::PutUserPolicy { policy, .. }
        | Action::PutGroupPolicy { policy, .. }
        | Action::PutRolePolicy { policy, .. } => Some(policy.as_str()),
        _ => None,
    }
}

/// A detail under its object, what is too long continued two columns inside its own text.
fn folded(line: &str, width: usize) -> String {
    const INDENT: &str = "      ";
    let words = line.trim_start_matches(' ');
    let first = format!("{INDENT}{}", &line[..line.len() - words.len()]);
    let shown = anstream::adapter::strip_str(words).to_string();
    let mark = if shown.starts_with(['+', '-']) { 2 } else { 0 };
    let rest = " ".repeat(shown_width(&first) + mark + 2);
    let mut text = clauses(words, &first, &rest, width);
    text.push('\n');
    text
}

/// What a step does to its object, a line each; a document that it writes ends as `after`.
fn details(step: &Step, after: Option<&PolicyDocument>) -> Vec<String> {
    let added = |line: String| format!("{} {line}", paint(GOOD, "+"));
    let removed = |line: String| format!("{} {line}", paint(BAD, "-"));
    let compared = || after.map(|after| compare(step.before(), after)).unwrap_or_default();
    let document = |title: &str| {
        let mut lines = vec![title.to_owned()];
        lines.extend(compared().into_iter().map(|line| format!("  {line}")));
        lines
    };
    match &step.action {
        Action::CreateUser { .. }
        | Action::CreateGroup { .. }
        | Action::DeleteUser { .. }
        | Action::DeleteGroup { .. }
        | Action::DeleteRole { .. }
        | Action::DeletePolicy { .. } => Vec::new(),
        Action::CreateAccountAlias { alias } => vec![added(format!("alias {alias}"))],
        Action::DeleteAccountAlias { alias } => vec![removed(format!("alias {alias}"))],
        Action::UpdateAccountPasswordPolicy { policy } => {
            vec![added(format!("at least {} characters of every kind", policy.minimum_length))]
        }
        Action::TagUser { tags, .. } | Action::TagRole { tags, .. } | Action::TagPolicy { tags, .. } => {
            tags.iter().map(|(key, value)| added(format!("tag {key} = {value}"))).collect()
        }
        Action::UntagUser { keys, .. }
        | Action::UntagRole { keys, .. }
        | Action::UntagPolicy { keys, .. } => keys.iter().map(|key| removed(format!("tag {key}"))).collect(),
        Action::PutUserPolicy { policy, .. }
        | Action::PutGroupPolicy { policy, .. }
        | Action::PutRolePolicy { policy, .. } => document(&format!("policy {policy}")),
        Action::DeleteUserPolicy { policy, .. }
        | Action::DeleteGroupPolicy { policy, .. }
        | Action::DeleteRolePolicy { policy, .. } => vec![removed(format!("policy {policy}"))],
        Action::AttachUserPolicy { policy, .. }
        | Action::AttachGroupPolicy { policy, .. }
        | Action::AttachRolePolicy { policy, .. } => vec![added(format!("policy {policy}"))],
        Action::DetachUserPolicy { policy, .. }
        | Action::DetachGroupPolicy { policy, .. }
        | Action::DetachRolePolicy { policy, .. } => vec![removed(format!("policy {policy}"))],
        Action::AddUserToGroup { group, .. } => vec![added(format!("member of {group}"))],
        Action::RemoveUserFromGroup { group, .. } => vec![removed(format!("member of {group}"))],
        Action::CreatePolicy { .. } => compared(),
        Action::CreatePolicyVersion { .. } => document("new default version"),
        Action::DeletePolicyVersion { version, .. } => {
            vec![paint(DIM, &format!("old version {version} goes"))]
        }
        Action::CreateRole { max_session, boundary, .. } => {
            let mut lines = vec![format!("sessions of up to {max_session}")];
            lines.extend(boundary.iter().map(|arn| format!("boundary {arn}")));
            lines.extend(document("trust"));
            lines
        }
        Action::UpdateAssumeRolePolicy { .. } => document("trust"),
        Action::UpdateRole { max_session, .. } => vec![format!("sessions of up to {max_session}")],
        Action::PutRolePermissionsBoundary { boundary, .. } => vec![added(format!("boundary {boundary}"))],
        Action::DeleteRolePermissionsBoundary { .. } => vec![removed("boundary".to_owned())],
        Action::RemoveRoleFromInstanceProfile { instance_profile, .. } => {
            vec![removed(format!("instance profile {instance_profile}"))]
        }
    }
}

/// The statements of both documents: `-` for those that go, `+` for those that come, plain for those that stay.
fn compare(before: Option<&PolicyDocument>, after: &PolicyDocument) -> Vec<String> {
    let old = before.map(|d| policy::statements(d.text())).unwrap_or_default();
    let new = policy::statements(after.text());
    let gone =
        old.iter().filter(|line| !new.contains(line)).map(|line| format!("{} {line}", paint(BAD, "-")));
    let here = new.iter().map(|line| {
        if old.contains(line) { format!("  {line}") } else { format!("{} {line}", paint(GOOD, "+")) }
    });
    gone.chain(here).collect()
}

fn key_words(key: &StepKey, names: &AccountNames) -> String {
    format!("{} `{}` in {}", key.kind, key.name, account_label(names, key.account))
}

fn conflict_words(conflict: &Conflict, names: &AccountNames) -> String {
    let key = key_words(&conflict.key, names);
    match &conflict.kind {
        ConflictKind::NotOurs { owner: Some(owner) } => {
            format!("{key} belongs to the estate `{owner}`; rename one of the two")
        }
        ConflictKind::NotOurs { owner: None } => format!(
            "{key} exists and was not made by postern; rename or delete it, or tag it as this estate's to hand it over"
        ),
        ConflictKind::OtherPath { path } => {
            format!(
                "{key} exists under the path {path}, and a path cannot be changed in place; delete or rename it"
            )
        }
        ConflictKind::OtherCase { existing } => {
            format!("{key} exists as `{existing}`, and IAM takes both for the same name; use that spelling")
        }
        ConflictKind::NotRead => format!("{} was not read", account_label(names, conflict.key.account)),
    }
}

fn notice_words(notice: &Notice, names: &AccountNames) -> String {
    let key = key_words(&notice.key, names);
    match &notice.kind {
        NoticeKind::OffBoard => {
            format!(
                "{key} is no longer in the file: locked out here, but still holds credentials; delete its key and device"
            )
        }
        NoticeKind::OffBoardUnread => {
            format!(
                "{key} is no longer in the file: locked out here; whether it still holds credentials could not be read"
            )
        }
        NoticeKind::DenyKept { policy } => {
            format!("{key} carries `{policy}`, added by hand; it only denies, so it is left")
        }
        NoticeKind::BoundaryKept { boundary } => {
            format!("{key} carries the boundary `{boundary}`, added by hand; it only narrows, so it is left")
        }
        NoticeKind::LastWayInKept => {
            format!("{key} is left although the file names no administrators: it is the last way in")
        }
        NoticeKind::Stranger => format!("{key} lies under /postern/ without this estate's tag; it is left"),
        NoticeKind::StillInUse { by } => {
            format!("{key} is no longer needed but still used by {by}; it is left")
        }
        NoticeKind::BreakGlass { people, accounts } => {
            let people: Vec<&str> = people.iter().map(UserName::as_str).collect();
            let accounts: Vec<String> = accounts.iter().map(|id| account_label(names, *id)).collect();
            format!(
                "break-glass is declared: {} may assume `{BREAK_GLASS_ROLE}`, above the cap, in {}",
                people.join(", "),
                accounts.join(", ")
            )
        }
        NoticeKind::OneSided => format!(
            "{key} is one-sided: too many people for its trust policy, so the group policies alone say who"
        ),
    }
}

#[cfg(test)]
mod tests {
    use postern_estate::{Precondition, Reach};

    use super::*;

    fn trust(person: &str) -> PolicyDocument {
        PolicyDocument::new(format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{person}"}}}}}}"#
        ))
    }

    fn change(before: &str, after: &str, risk: Reach) -> Step {
        Step {
            account: "111111111111".parse().unwrap(),
            action: Action::UpdateAssumeRolePolicy { role: "r".parse().unwrap(), trust: trust(after) },
            precondition: Precondition::Document(trust(before)),
            inverse: None,
            risk,
        }
    }

    #[test]
    fn a_document_that_changes_twice_is_shown_once_from_first_to_last() {
        let steps = vec![change("old", "nobody", Reach::Narrows), change("nobody", "new", Reach::Widens)];
        let plan = Plan { steps, ..Plan::default() };
        let text = anstream::adapter::strip_str(&render(&plan, &AccountNames::default(), 100)).to_string();
        assert!(!text.contains("nobody"), "{text}");
        assert_eq!(text.matches("trust").count(), 1, "{text}");
        let (gone, come) = ("- Allow sts:AssumeRole to old\n", "+ Allow sts:AssumeRole to new\n");
        assert!(text.contains(gone) && text.contains(come), "{text}");
        assert!(text.contains("(2 calls in 1 account)"), "{text}");
    }
}
