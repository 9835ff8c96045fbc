//! T07, T08, T24: whether a stranger comes in, decided by letting one try.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa, is_mfa},
};
use crate::{Condition, Effect, PrincipalType, Statement};

pub(super) static OPEN: Rule = Rule::new("T07", Class::Security, Severity::Critical)
    .says("Open to everyone")
    .why("Anyone with an AWS account gets in, whoever they are.")
    .fix("Name the principals.")
    .counts_as("T07");

pub(super) static WEAK: Rule = Rule::new("T08", Class::Security, Severity::High)
    .says("Open to everyone behind a weak condition")
    .why("What the condition asks for, an outsider can arrange.")
    .fix("Add `aws:PrincipalOrgID` or `aws:PrincipalAccount`, or better name the principals.")
    .counts_as("T08");

pub(super) static ANY_MFA: Rule = Rule::new("T24", Class::Security, Severity::Critical)
    .says("Open to everyone behind MFA")
    .why("The MFA of any account passes: an attacker uses a device of their own.")
    .fix("Name the principals.")
    .counts_as("T24");

/// What an outsider cannot arrange.
const FIXED: [&str; 17] = [
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourcevpcarn",
    "aws:viaawsservice",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
];

/// What an outsider can, and policies take for a guard.
const GUARDS: [&str; 8] = [
    "aws:principalarn",
    "aws:username",
    "aws:userid",
    "aws:sourceip",
    "sts:externalid",
    "sts:rolesessionname",
    "aws:useragent",
    "aws:referer",
];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if !matches!(about.kind, PolicyKind::Trust | PolicyKind::Resource) {
        return;
    }
    let open = |statement: &Statement| {
        statement.effect() == Effect::Allow
            && statement
                .principals()
                .is_some_and(|p| !p.is_negated() && p.patterns().iter().any(|pattern| pattern.text() == "*"))
    };
    for (number, statement) in about.statements().filter(|(_, s)| open(s)).take(about.evaluated) {
        if lets_in(about, number, statement) {
            report(about, number, statement, sink);
        }
    }
}

fn lets_in(about: &About<'_>, number: usize, statement: &Statement) -> bool {
    let Some(document) = scene::alone(about.document, number) else { return false };
    let Some(action) = scene::action_of(statement, "sts:AssumeRole") else { return false };
    let Some(mut caller) = Caller::user(sample::ACCOUNT, "outsider") else { return false };
    caller.context.set("aws:PrincipalOrgID", "o-outsider00");
    caller.context.set("kms:CallerAccount", sample::ACCOUNT);
    let fixed = |condition: &Condition| FIXED.contains(&condition.folded_key()) || is_own_id(condition);
    if !caller.meets(statement, fixed) {
        return false;
    }
    // A name of an account that is not the outsider's cannot be had.
    let arn = caller.context.get("aws:PrincipalArn").single().unwrap_or_default();
    if arn.split(':').nth(4).is_some_and(|account| account != sample::ACCOUNT) {
        return false;
    }
    let Some(resource) =
        scene::resource_of(statement, &caller.context, "arn:aws:iam::827364554637:role/somewhere")
    else {
        return false;
    };
    let ask = Ask { action: &action, resource: &resource };
    scene::allows(&document, about.kind, &caller, ask, Mfa::Session)
}

/// Unique ids are given by AWS, and to one principal only.
fn is_own_id(condition: &Condition) -> bool {
    condition.folded_key() == "aws:userid" && condition.values().iter().all(|v| v.text().starts_with('A'))
}

fn report(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let patterns = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
    let Some(at) = patterns.iter().position(|pattern| pattern.text() == "*") else { return };
    let place = Place::Principal(number, at);
    let service = patterns.get(at).is_some_and(|pattern| pattern.kind() != PrincipalType::Aws);
    let trust = about.kind == PolicyKind::Trust;
    let guard = statement.conditions().iter().find(|c| GUARDS.contains(&c.folded_key()));
    let asks = statement.conditions().iter().any(is_mfa);
    let help = "`\"StringEquals\": {\"aws:PrincipalOrgID\": \"o-…\"}`, or the principals' ARNs".to_owned();
    match guard {
        _ if asks => {
            let message = "everyone with an MFA device gets in, in any account";
            sink.add(about.document, &ANY_MFA, place, message, help);
        }
        Some(condition) => {
            let severity = if trust { WEAK.severity } else { Severity::Medium };
            let message =
                format!("`*` is narrowed only by `{}`, which an outsider can arrange", condition.key());
            sink.graded(about.document, &WEAK, severity, place, message, help);
        }
        None => {
            let severity = if trust { OPEN.severity } else { Severity::High };
            let who = if service { "every service or provider" } else { "everyone with an AWS account" };
            sink.graded(about.document, &OPEN, severity, place, format!("{who} gets in"), help);
        }
    }
}
