//! A plan as Terraform's users know it: `+` appears, `~` changes, `-` goes, and a summary line.
//!
//! Policies are compared by what they mean and shown statement by statement. An object that is the same in several
//! accounts is shown once.

mod passwords;

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    Action, BREAK_GLASS_ROLE, Change, Conflict, ConflictKind, Notice, NoticeKind, OrganizationAction,
    OrganizationProblem, OrganizationTarget, Plan, PlanJson, PolicyDocument, Step, StepKey,
};
use postern_types::{AccountId, UserName};

use super::{
    effect::{self, Outlook},
    policy,
};
use crate::{
    access::{AccountNames, account_label},
    errors::CliError,
    output::{BAD, BOLD, DIM, GOOD, WARN, clauses, paint, prose, shown_width},
};

/// One-sided roles that are named one by one.
const ONE_BY_ONE: usize = 4;

/// The whole plan: accounts, objects, what happens to each, what is in the way, what is left alone, what it comes to,
/// the sum. No line is wider than `width` columns, unless a single name is.
pub(crate) fn render(plan: &Plan, names: &AccountNames, outlook: Option<&Outlook>, width: usize) -> String {
    let effect = outlook.map(|outlook| effect::render(outlook, names, width)).unwrap_or_default();
    format!("{}{}{effect}{}\n", changes(plan, names, width), remarks(plan, names, width), summary(plan))
}

/// Accounts, objects, and what happens to each.
pub(crate) fn changes(plan: &Plan, names: &AccountNames, width: usize) -> String {
    let mut text = String::new();
    let mut accounts: Vec<AccountId> = Vec::new();
    for step in &plan.steps {
        if !accounts.contains(&step.account) {
            accounts.push(step.account);
        }
    }
    // The details shown so far, and the account in which they were.
    let mut shown: BTreeMap<String, AccountId> = BTreeMap::new();
    for account in accounts {
        text.push_str(&paint(BOLD, &account_label(names, account)));
        text.push('\n');
        for (key, steps) in objects(plan, account) {
            let (heading, details) = object(&key, &steps, width);
            text.push_str(&heading);
            let anywhere = format!("{}\n{}", heading, details.replace(&account.to_string(), "ACCOUNT"));
            match shown.get(&anywhere) {
                Some(first) if details.lines().count() > 2 => {
                    let first = names.get(first).cloned().unwrap_or_else(|| first.to_string());
                    text.push_str(&format!("      {}\n", paint(DIM, &format!("the same as in {first}"))));
                }
                _ => {
                    shown.insert(anywhere, account);
                    text.push_str(&details);
                }
            }
        }
        text.push('\n');
    }
    text
}

/// What is in the way, and what is left alone.
pub(crate) fn remarks(plan: &Plan, names: &AccountNames, width: usize) -> String {
    let mut text = String::new();
    for conflict in &plan.conflicts {
        let line = format!("{} {}", paint(BAD, "in the way:"), conflict_words(conflict, names));
        text.push_str(&prose(&line, "", "  ", width));
        text.push('\n');
    }
    let one_sided = plan.notices.iter().filter(|notice| notice.kind == NoticeKind::OneSided).count();
    let many = one_sided > ONE_BY_ONE;
    let single = plan.notices.iter().filter(|notice| !(many && notice.kind == NoticeKind::OneSided));
    let mut notes: Vec<String> = single.map(|notice| notice_words(notice, names)).collect();
    if many {
        notes.push(format!(
            "{one_sided} roles are one-sided: too many people for their trust policies, so the group policies \
             alone say who"
        ));
    }
    for note in notes {
        let line = format!("{} {note}", paint(WARN, "note:"));
        text.push_str(&prose(&line, "", "  ", width));
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The plan as versioned JSON.
pub(crate) fn json(plan: &Plan, outlook: Option<&Outlook>) -> Result<String, CliError> {
    let failed = |error| CliError::failed("cannot write the plan as JSON").caused_by(error);
    let mut value = serde_json::to_value(PlanJson::from(plan)).map_err(failed)?;
    if let (Some(outlook), Some(members)) = (outlook, value.as_object_mut()) {
        members.insert("effect".to_owned(), effect::json(outlook));
    }
    let mut text = serde_json::to_string_pretty(&value).map_err(failed)?;
    text.push('\n');
    Ok(text)
}

/// `Plan: 12 to add, 1 to change, 0 to destroy. 40 calls in 3 accounts.`
pub(crate) fn summary(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return if plan.conflicts.is_empty() {
            "No changes: the accounts are what the file says.".to_owned()
        } else {
            "No plan: something is in the way.".to_owned()
        };
    }
    let Sum { create, update, delete, accounts } = sum(plan);
    format!(
        "Plan: {create} to add, {update} to change, {delete} to destroy. {} in {}.",
        counted(plan.steps.len(), "call"),
        counted(accounts, "account"),
    )
}

/// Objects by what happens to them.
pub(crate) struct Sum {
    pub(crate) create: usize,
    pub(crate) update: usize,
    pub(crate) delete: usize,
    pub(crate) accounts: usize,
}

pub(crate) fn sum(plan: &Plan) -> Sum {
    let mut by_object: BTreeMap<StepKey, Change> = BTreeMap::new();
    for step in &plan.steps {
        let change = by_object.entry(step.key()).or_insert(Change::Update);
        if step.change() != Change::Update {
            *change = step.change();
        }
    }
    let count = |wanted| by_object.values().filter(|c| **c == wanted).count();
    let accounts: BTreeSet<AccountId> = by_object.keys().map(|key| key.account).collect();
    Sum {
        create: count(Change::Create),
        update: count(Change::Update),
        delete: count(Change::Delete),
        accounts: accounts.len(),
    }
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
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

/// An object's own line, and what happens to it in lines of their own.
fn object(key: &StepKey, steps: &[&Step], width: usize) -> (String, String) {
    let change =
        steps.iter().map(|step| step.change()).find(|c| *c != Change::Update).unwrap_or(Change::Update);
    let symbol = match change {
        Change::Create => paint(GOOD, "+"),
        Change::Update => paint(WARN, "~"),
        Change::Delete => paint(BAD, "-"),
    };
    let heading = format!("  {symbol} {} {}\n", key.kind, paint(BOLD, &key.name));
    let mut text = String::new();
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
    (heading, text)
}

/// The document of its object that a call writes, as far as an object has several.
fn document_of(action: &Action) -> Option<&str> {
    match action {
        Action::CreateRole { .. } | Action::UpdateAssumeRolePolicy { .. } => Some("trust policy"),
        Action::CreatePolicy { .. } | Action::CreatePolicyVersion { .. } => Some("default version"),
        Action::Organization(OrganizationAction::UpdatePolicy { .. }) => Some("service control policy"),
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
    let mark = if shown.starts_with(['+', '-', '~']) { 2 } else { 0 };
    let rest = " ".repeat(shown_width(&first) + mark + 2);
    let mut text = clauses(words, &first, &rest, width);
    text.push('\n');
    text
}

/// What a step does to its object, a line each; a document that it writes ends as `after`.
fn details(step: &Step, after: Option<&PolicyDocument>) -> Vec<String> {
    let added = |line: String| format!("{} {line}", paint(GOOD, "+"));
    let removed = |line: String| format!("{} {line}", paint(BAD, "-"));
    let document = |title: &str| {
        let mark = if step.before().is_some() { paint(WARN, "~") } else { paint(GOOD, "+") };
        let mut lines = vec![format!("{mark} {title}")];
        lines.extend(compare(step.before(), after).into_iter().map(|line| format!("    {line}")));
        lines
    };
    let was = |text: Option<String>| text.map(|text| format!("{text} -> ")).unwrap_or_default();
    let changed = |line: String| format!("{} {line}", paint(WARN, "~"));
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
            let old = passwords::replaced(step);
            let mark = |line| if old.is_some() { changed(line) } else { added(line) };
            passwords::demands(old, policy).into_iter().map(mark).collect()
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
        Action::PutUserPermissionsBoundary { boundary, .. } => vec![added(format!("boundary {boundary}"))],
        Action::DeleteUserPermissionsBoundary { .. } => vec![removed("boundary".to_owned())],
        Action::UpdateAccessKey { key, active, .. } => vec![switched("access key", key.as_str(), *active)],
        Action::UpdateSshPublicKey { key, active, .. } => vec![switched("SSH public key", key, *active)],
        Action::UpdateServiceSpecificCredential { credential, active, .. } => {
            vec![switched("service-specific credential", credential, *active)]
        }
        Action::UpdateSigningCertificate { certificate, active, .. } => {
            vec![switched("signing certificate", certificate, *active)]
        }
        Action::DeleteAccessKey { key, .. } => vec![removed(format!("access key {key}"))],
        Action::DeleteLoginProfile { .. } => vec![removed("password".to_owned())],
        Action::DeactivateMfaDevice { device, .. } => {
            vec![removed(format!("MFA device {}", device.as_str()))]
        }
        Action::DeleteVirtualMfaDevice { device, .. } => {
            vec![removed(format!("virtual MFA device {}", device.as_str()))]
        }
        Action::DeleteSshPublicKey { key, .. } => vec![removed(format!("SSH public key {key}"))],
        Action::DeleteServiceSpecificCredential { credential, .. } => {
            vec![removed(format!("service-specific credential {credential}"))]
        }
        Action::DeleteSigningCertificate { certificate, .. } => {
            vec![removed(format!("signing certificate {certificate}"))]
        }
        Action::AddUserToGroup { group, .. } => vec![added(format!("member of {group}"))],
        Action::RemoveUserFromGroup { group, .. } => vec![removed(format!("member of {group}"))],
        Action::CreatePolicy { .. } => compare(None, after),
        Action::CreatePolicyVersion { .. } => compare(step.before(), after),
        Action::DeletePolicyVersion { version, .. } => {
            vec![paint(DIM, &format!("old version {version} goes"))]
        }
        Action::CreateRole { max_session, boundary, .. } => {
            let mut lines = vec![added(format!("sessions of up to {max_session}"))];
            lines.extend(boundary.iter().map(|arn| added(format!("boundary {arn}"))));
            lines.extend(document("trust policy"));
            lines
        }
        Action::UpdateAssumeRolePolicy { .. } => document("trust policy"),
        Action::UpdateRole { max_session, .. } => {
            let before = match &step.inverse {
                Some(Action::UpdateRole { max_session, .. }) => Some(max_session.to_string()),
                _ => None,
            };
            vec![changed(format!("sessions of up to {}{max_session}", was(before)))]
        }
        Action::PutRolePermissionsBoundary { boundary, .. } => match &step.inverse {
            Some(Action::PutRolePermissionsBoundary { boundary: old, .. }) => {
                vec![changed(format!("boundary {old} -> {boundary}"))]
            }
            _ => vec![added(format!("boundary {boundary}"))],
        },
        Action::DeleteRolePermissionsBoundary { .. } => vec![removed("boundary".to_owned())],
        Action::RemoveRoleFromInstanceProfile { instance_profile, .. } => {
            vec![removed(format!("instance profile {instance_profile}"))]
        }
        Action::Organization(action) => match action {
            OrganizationAction::EnablePolicyType => vec![added("service control policies".to_owned())],
            OrganizationAction::CreatePolicy { .. } => compare(None, after),
            OrganizationAction::UpdatePolicy { .. } => document("new text"),
            OrganizationAction::AttachPolicy { target, name, .. } => {
                vec![added(format!("attached to {}", target_words(target, name)))]
            }
            OrganizationAction::DetachPolicy { target, name, .. } => {
                vec![removed(format!("attached to {}", target_words(target, name)))]
            }
            OrganizationAction::DeletePolicy { .. } => Vec::new(),
        },
    }
}

/// `Work (ou-…)`, and a root or an account by what it is called.
fn target_words(target: &OrganizationTarget, name: &str) -> String {
    if name == target.as_str() { name.to_owned() } else { format!("{name} ({target})") }
}

/// What changes in a document, statement by statement; all of a document that is new.
fn compare(before: Option<&PolicyDocument>, after: Option<&PolicyDocument>) -> Vec<String> {
    match (before, after) {
        (_, None) => Vec::new(),
        (Some(before), Some(after)) => policy::changes(before, after),
        (None, Some(after)) => {
            let statements = policy::statements(after).into_iter();
            statements.map(|line| format!("{} {line}", paint(GOOD, "+"))).collect()
        }
    }
}

fn counted_policies(number: usize) -> String {
    match number {
        0 => "no policy".to_owned(),
        1 => "1 policy".to_owned(),
        several => format!("{several} policies"),
    }
}

fn switched(what: &str, id: &str, active: bool) -> String {
    let (mark, state) = if active { (paint(GOOD, "+"), "active") } else { (paint(BAD, "-"), "inactive") };
    format!("{mark} {what} {id} {state}")
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
        ConflictKind::HoldsCredentials => {
            format!(
                "{key} still holds credentials; off-board the person first: `postern off-board {}`; or delete all that people hold: `postern destroy --with-credentials`",
                conflict.key.name
            )
        }
        ConflictKind::Organization(problem) => organization_words(problem, conflict.key.account, names),
        ConflictKind::NotRead => format!("{} was not read", account_label(names, conflict.key.account)),
    }
}

fn organization_words(problem: &OrganizationProblem, account: AccountId, names: &AccountNames) -> String {
    let account = account_label(names, account);
    match problem {
        OrganizationProblem::None => format!(
            "{account} is in no organization; correct `management` in [organization], or remove the section"
        ),
        OrganizationProblem::NotManagement { management } => {
            format!(
                "the organization is managed by account {management}, not by {account}; correct `management`"
            )
        }
        OrganizationProblem::NoPolicies => format!(
            "the organization of {account} has consolidated billing only; enable all features of it, or remove the guards"
        ),
        OrganizationProblem::NotMember => format!(
            "{account} is not in the organization, so its guards cannot be attached there; invite it, or say `attach_to`"
        ),
        OrganizationProblem::NoSuchUnit { name } => {
            format!("the organization has no unit `{name}`; correct `attach_to`")
        }
        OrganizationProblem::SeveralUnits { name } => {
            format!(
                "the organization has several units `{name}`; name the one that is meant by its id in `attach_to`"
            )
        }
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
        NoticeKind::DenyKept { policy } if policy.starts_with(postern_estate::contain::DENY_POLICY) => {
            format!("{key} is contained by `{policy}`, which is left; `postern contain … --undo` ends that")
        }
        NoticeKind::DenyKept { policy } if policy == postern_estate::contain::REVOKE_POLICY => {
            format!(
                "{key} carries `{policy}`, which ends older sessions; it is left, and may go after 12 hours"
            )
        }
        NoticeKind::DenyKept { policy } => {
            format!("{key} carries `{policy}`, added by hand; it only denies, so it is left")
        }
        NoticeKind::BoundaryKept { boundary } => {
            format!("{key} carries the boundary `{boundary}`, added by hand; it only narrows, so it is left")
        }
        NoticeKind::InvitationOpen { until } => {
            format!("{key} is invited to enrol until {until}; `postern people invite … --cancel` ends that")
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
        NoticeKind::ForeignKept { what } => format!("{key} goes; {what}, is not ours and stays"),
        NoticeKind::WayInKept => {
            format!("{key} stays: this run gets in by it. To remove it too, run again with --by-profile")
        }
        NoticeKind::SettingsKept => format!(
            "alias and password policy of {} carry no mark of the estate and stay",
            account_label(names, notice.key.account)
        ),
        NoticeKind::ForeignUser { policies, groups } => format!(
            "{key} is not in the file; it has {} of its own and is in {}. Nobody but people of the file should be \
             in the bastion",
            counted_policies(*policies),
            counted(*groups, "group")
        ),
        NoticeKind::ForeignGroup { policies, members } => format!(
            "{key} is not in the file; it has {} and {}",
            counted_policies(*policies),
            counted(*members, "member")
        ),
        NoticeKind::ForeignRole => format!("{key} is not in the file: the bastion is no place to work in"),
        NoticeKind::GuardsWait => "the guards of the organization are not attached yet: no administrator holds a key \
             and an MFA device, so they would shut out everyone; run `postern people enrol NAME`, then apply again"
            .to_owned(),
        NoticeKind::GuardsShutOut => "the guards of the organization are not attached yet: this run enters as root, \
             whom they would shut out; log in as an administrator (`postern login --fresh`), then apply again"
            .to_owned(),
        NoticeKind::Unbound => format!(
            "{} manages the organization, so no guard binds it; AWS advises against a bastion there",
            account_label(names, notice.key.account)
        ),
        NoticeKind::OneSided => format!(
            "{key} is one-sided: too many people for its trust policy, so the group policies alone say who"
        ),
    }
}

#[cfg(test)]
mod tests {
    use postern_estate::{Precondition, Reach};

    use super::*;

    fn user(name: &str) -> String {
        format!("arn:aws:iam::111111111111:user/{name}")
    }

    fn trust(person: &str) -> PolicyDocument {
        let person = user(person);
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
        let text =
            anstream::adapter::strip_str(&render(&plan, &AccountNames::default(), None, 100)).to_string();
        assert!(!text.contains("nobody"), "{text}");
        assert_eq!(text.matches("trust policy").count(), 1, "{text}");
        let (gone, come) = ("old", "new");
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            words.join(" ").contains(&format!("~ principals (AWS) {} -> {}", user(gone), user(come))),
            "{text}"
        );
        assert!(
            text.ends_with("Plan: 0 to add, 1 to change, 0 to destroy. 2 calls in 1 account.\n"),
            "{text}"
        );
    }
}
