//! R02, R20: writes to IAM and to the policies of resources, by AWS's own access levels.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    known::{Actions, Covered, Known},
    place::Place,
    rights,
};
use crate::{Effect, Statement, catalogue::AccessLevel};

pub(super) static IAM_WRITE: Rule = Rule::new("R02", Class::Security, Severity::Medium)
    .says("Can write IAM")
    .why("Writes to IAM are the start of most escalations.")
    .fix("Move them to a pipeline's role, or name the resources.")
    .counts_as("R02");

pub(super) static OPENS: Rule = Rule::new("R20", Class::Security, Severity::Medium)
    .says("Can open resource policies")
    .why("Whoever writes a resource's policy gives its data away without IAM.")
    .fix("Name the resources.")
    .counts_as("R20");

/// Writes that are in PowerUserAccess, and what other rules judge.
const HARMLESS: [&str; 3] = ["CreateServiceLinkedRole", "DeleteServiceLinkedRole", "PassRole"];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if about.kind != PolicyKind::Identity {
        return;
    }
    let mut known = Actions::new(about.catalogue, &about.budget);
    let wide = |s: &Statement| {
        s.effect() == Effect::Allow
            && !s.actions().is_negated()
            && s.conditions().is_empty()
            && rights::everywhere(s)
            && !s.actions().patterns().iter().any(|p| matches!(p.text(), "*" | "*:*"))
    };
    for (number, statement) in about.statements().filter(|(_, s)| wide(s)).take(about.evaluated) {
        let covered = known.of(statement);
        // What is worse has been told.
        if !rights::ESCALATIONS.iter().any(|action| statement.actions().matches(action)) {
            let message = |name: &str| format!("`{name}` writes IAM, on every resource");
            report(about, number, (statement, &covered), &IAM_WRITE, writes_iam, message, sink);
        }
        let message = |name: &str| format!("`{name}` opens any resource of its kind to others");
        report(about, number, (statement, &covered), &OPENS, opens, message, sink);
    }
}

fn writes_iam((service, action): &Known) -> bool {
    service.prefix() == "iam"
        && matches!(action.access(), AccessLevel::Write | AccessLevel::PermissionsManagement)
        && !HARMLESS.contains(&action.name())
        && !action.name().contains("MFADevice")
}

/// Whether the action writes a policy of a resource that lets others in.
fn opens((service, action): &Known) -> bool {
    let name = action.name();
    let verb = ["Put", "Set", "Add", "Create", "Update"].iter().any(|verb| name.starts_with(verb));
    let what = ["Policy", "Permission", "Acl", "Grant"].iter().any(|what| name.ends_with(what));
    action.access() == AccessLevel::PermissionsManagement
        && !matches!(service.prefix(), "iam" | "sts" | "organizations" | "sso")
        && verb
        && what
}

/// The first pattern that covers such an action; a wildcard for the whole service is told as such.
fn report(
    about: &About<'_>,
    number: usize,
    (statement, covered): (&Statement, &[Covered]),
    rule: &'static Rule,
    wanted: impl Fn(&Known) -> bool,
    message: impl Fn(&str) -> String,
    sink: &mut Sink,
) {
    let patterns = statement.actions().patterns().iter().zip(covered).enumerate();
    let mut found = patterns.filter_map(|(at, (pattern, covered))| {
        let Covered::Actions(actions) = covered else { return None };
        if pattern.text().ends_with(":*") {
            return None;
        }
        let (service, action) = actions.iter().find(|known| wanted(known))?;
        Some((at, format!("{}:{}", service.prefix(), action.name())))
    });
    if let Some((at, name)) = found.next() {
        let more = found.count();
        let mut message = message(&name);
        if more > 0 {
            message = format!("{message}; {more} more like it");
        }
        sink.add(about.document, rule, Place::Action(number, at), message, None);
    }
}
