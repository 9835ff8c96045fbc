//! A plan as Terraform's users know it: `+` appears, `~` changes, `-` goes, and a summary line.

use std::collections::BTreeMap;

use postern_estate::{
    Action, Change, Conflict, ConflictKind, Notice, NoticeKind, Plan, PlanJson, PolicyDocument, Precondition,
    Step, StepKey,
};
use postern_types::AccountId;

use super::policy;
use crate::{
    access::{AccountNames, account_label},
    errors::CliError,
    output::{BAD, BOLD, DIM, GOOD, WARN, paint},
};

/// The whole plan: accounts, objects, what happens to each, what is in the way, what is left alone, the sum.
pub(crate) fn render(plan: &Plan, names: &AccountNames) -> String {
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
            text.push_str(&object(&key, &steps));
        }
        text.push('\n');
    }
    for conflict in &plan.conflicts {
        text.push_str(&format!("{} {}\n", paint(BAD, "in the way:"), conflict_words(conflict, names)));
    }
    for notice in &plan.notices {
        text.push_str(&format!("{} {}\n", paint(WARN, "note:"), notice_words(notice, names)));
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

fn object(key: &StepKey, steps: &[&Step]) -> String {
    let change =
        steps.iter().map(|step| step.change()).find(|c| *c != Change::Update).unwrap_or(Change::Update);
    let symbol = match change {
        Change::Create => paint(GOOD, "+"),
        Change::Update => paint(WARN, "~"),
        Change::Delete => paint(BAD, "-"),
    };
    let mut text = format!("  {symbol} {} {}\n", key.kind, paint(BOLD, &key.name));
    for step in steps {
        for line in details(step) {
            text.push_str(&folded(&line));
        }
    }
    text
}

/// A detail under its object, long lists broken behind their commas.
fn folded(line: &str) -> String {
    const WIDTH: usize = 110;
    const INDENT: usize = 6;
    let width = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
    let depth = INDENT + line.len() - line.trim_start().len();
    let mut text = String::new();
    let mut shown = " ".repeat(INDENT);
    for (index, part) in line.split_inclusive(", ").enumerate() {
        if index > 0 && width(&shown) + width(part.trim_end()) > WIDTH {
            text.push_str(shown.trim_end());
            text.push('\n');
            shown = " ".repeat(depth + 4);
        }
        shown.push_str(part);
    }
    text.push_str(shown.trim_end());
    text.push('\n');
    text
}

fn details(step: &Step) -> Vec<String> {
    let added = |line: String| format!("{} {line}", paint(GOOD, "+"));
    let removed = |line: String| format!("{} {line}", paint(BAD, "-"));
    let before = match &step.precondition {
        Precondition::Document(document) => Some(document),
        Precondition::Absent | Precondition::Present => None,
    };
    let document = |title: &str, after: &PolicyDocument| {
        let mut lines = vec![title.to_owned()];
        lines.extend(compare(before, after).into_iter().map(|line| format!("  {line}")));
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
        Action::PutUserPolicy { policy, document: d, .. }
        | Action::PutGroupPolicy { policy, document: d, .. }
        | Action::PutRolePolicy { policy, document: d, .. } => document(&format!("policy {policy}"), d),
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
        Action::CreatePolicy { document: d, .. } => compare(None, d),
        Action::CreatePolicyVersion { document: d, .. } => document("new default version", d),
        Action::DeletePolicyVersion { version, .. } => {
            vec![paint(DIM, &format!("old version {version} goes"))]
        }
        Action::CreateRole { trust, max_session, boundary, .. } => {
            let mut lines = vec![format!("sessions of up to {max_session}")];
            lines.extend(boundary.iter().map(|arn| format!("boundary {arn}")));
            lines.push("trust".to_owned());
            lines.extend(compare(None, trust).into_iter().map(|line| format!("  {line}")));
            lines
        }
        Action::UpdateAssumeRolePolicy { trust, .. } => document("trust", trust),
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
        NoticeKind::OneSided => format!(
            "{key} is one-sided: too many people for its trust policy, so the group policies alone say who"
        ),
    }
}
