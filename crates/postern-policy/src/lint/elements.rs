//! P03 to P07: elements that a kind of policy must have and must not have.

use std::collections::HashMap;

use super::{About, Class, PolicyKind, Rule, Severity, a_policy, finding::Sink, place::Place};
use crate::{Effect, Statement, Version, stored};

pub(super) static VERSION: Rule = Rule::new("P03", Class::Error, Severity::High)
    .says("Old or missing Version")
    .why("IAM no longer stores identity policies in the older language; everywhere else policy variables are plain text in it.")
    .fix("Write `\"Version\": \"2012-10-17\"`.")
    .counts_as("R19");

pub(super) static SID: Rule = Rule::new("P04", Class::Error, Severity::High)
    .says("Sid with other characters than letters and digits")
    .why("IAM refuses the document.")
    .fix("Use letters and digits only.")
    .counts_as("R19");

pub(super) static SAME_SID: Rule = Rule::new("P05", Class::Error, Severity::High)
    .says("Sid stands twice")
    .why("IAM refuses the document; elsewhere reports cannot tell the statements apart.")
    .fix("Give each statement a Sid of its own, or none.")
    .counts_as("R19");

pub(super) static FORBIDDEN: Rule = Rule::new("P06", Class::Error, Severity::High)
    .says("Element that this kind of policy does not have")
    .why("AWS refuses the document.")
    .fix("Take the element out, or check the document as the kind that it is.")
    .counts_as("R19");

pub(super) static MISSING: Rule = Rule::new("P07", Class::Error, Severity::High)
    .says("Element that this kind of policy needs")
    .why("AWS refuses the document.")
    .fix("Add the element.")
    .counts_as("R19");

pub(super) static ASSUMPTION: Rule = Rule::new("P11", Class::Error, Severity::High)
    .says("Trust policy on other actions than assuming the role")
    .why("IAM refuses the document.")
    .fix("Name `sts:AssumeRole`, its sisters for SAML and web identities, `sts:TagSession` and `sts:SetSourceIdentity`.")
    .counts_as("R19");

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    version(about, sink);
    let mut sids: HashMap<&str, usize> = HashMap::new();
    for (number, statement) in about.statements() {
        if let Some(text) = statement.sid() {
            sid(about, number, text, sink);
            if !text.is_empty()
                && let Some(first) = sids.insert(text, number)
            {
                same_sid(about, (first, number), text, sink);
            }
        }
        forbidden(about, number, statement, sink);
        missing(about, number, statement, sink);
        if about.kind == PolicyKind::Trust {
            assumption(about, number, statement, sink);
        }
    }
}

fn version(about: &About<'_>, sink: &mut Sink) {
    if about.document.version() == Version::V2012 {
        return;
    }
    let named = about.document.version_element().is_some();
    let what = if named { "is the older one" } else { "is missing, which means the older one" };
    let help = "`\"Version\": \"2012-10-17\"`".to_owned();
    let (severity, message) = match about.kind {
        PolicyKind::Identity | PolicyKind::Boundary => (
            Severity::High,
            format!("`Version` {what}: IAM stores {} only in `2012-10-17`", a_policy(about.kind)),
        ),
        _ => (Severity::Low, format!("`Version` {what}: policy variables are plain text")),
    };
    sink.graded(about.document, &VERSION, severity, Place::Version, message, help);
}

fn sid(about: &About<'_>, number: usize, text: &str, sink: &mut Sink) {
    // Services that store resource policies take more.
    if about.kind == PolicyKind::Resource || text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return;
    }
    let mended: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let help = (!mended.is_empty()).then(|| format!("`\"Sid\": \"{mended}\"`"));
    let message = format!("the Sid `{text}` holds other characters than letters and digits");
    sink.add(about.document, &SID, Place::Sid(number), message, help);
}

fn same_sid(about: &About<'_>, (first, second): (usize, usize), text: &str, sink: &mut Sink) {
    let severity = if about.kind == PolicyKind::Resource { Severity::Low } else { SAME_SID.severity };
    let message = format!("statement {} has the Sid `{text}` too", first + 1);
    let help = format!("`\"Sid\": \"{text}{}\"`", second + 1);
    sink.graded(about.document, &SAME_SID, severity, Place::Sid(second), message, help);
}

fn forbidden(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let mut say = |place: Place, message: String, help: Option<&str>| {
        sink.add(about.document, &FORBIDDEN, place, message, help.map(str::to_owned));
    };
    let kind = a_policy(about.kind);
    if let Some(principals) = statement.principals() {
        let name = if principals.is_negated() { "NotPrincipal" } else { "Principal" };
        let place = Place::Principals(number);
        if about.kind.is_attached() {
            let help = "what it is attached to is the principal; to limit whom, use a condition on \
                        `aws:PrincipalArn`";
            say(place, format!("{kind} has no `{name}`"), Some(help));
        } else if about.kind == PolicyKind::Rcp
            && (principals.is_negated() || !principals.patterns().iter().any(|p| p.is_everyone()))
        {
            let help = "`\"Principal\": \"*\"`, narrowed by a condition on `aws:PrincipalArn`";
            say(place, format!("the `Principal` of {kind} is always `\"*\"`"), Some(help));
        }
    }
    if let Some(resources) = statement.resources()
        && about.kind == PolicyKind::Trust
    {
        let name = if resources.is_negated() { "NotResource" } else { "Resource" };
        let help = Some("the resource is the role itself: take the element out");
        say(Place::Resources(number), format!("{kind} has no `{name}`"), help);
    }
    if about.kind == PolicyKind::Rcp && !is_full_access(statement) {
        if statement.effect() == Effect::Allow {
            let help = Some("AWS attaches `RCPFullAWSAccess` everywhere; yours can only deny");
            say(Place::Effect(number), format!("{kind} only denies"), help);
        }
        if statement.actions().is_negated() {
            say(Place::Actions(number), format!("{kind} has no `NotAction`"), None);
        } else if let Some(at) = statement.actions().patterns().iter().position(|p| p.text() == "*") {
            let message = format!("{kind} names services, not `*` alone");
            say(Place::Action(number, at), message, Some("`\"Action\": [\"s3:*\", \"sts:*\"]`"));
        }
    }
}

/// AWS's own `RCPFullAWSAccess`.
fn is_full_access(statement: &Statement) -> bool {
    statement.effect() == Effect::Allow
        && statement.conditions().is_empty()
        && !statement.actions().is_negated()
        && statement.actions().patterns().iter().any(|pattern| pattern.text() == "*")
}

fn assumption(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    if statement.actions().is_negated() {
        let message = "a trust policy has no `NotAction`";
        sink.add(about.document, &ASSUMPTION, Place::Actions(number), message, None);
        return;
    }
    for (at, pattern) in statement.actions().patterns().iter().enumerate() {
        if !stored::is_assumption(pattern.text()) {
            let message = format!("a trust policy does not decide about `{}`", pattern.text());
            sink.add(about.document, &ASSUMPTION, Place::Action(number, at), message, None);
        }
    }
}

fn missing(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let kind = a_policy(about.kind);
    let place = Place::Statement(number);
    if statement.principals().is_none() && !about.kind.is_attached() {
        let help = match about.kind {
            PolicyKind::Rcp => "`\"Principal\": \"*\"`",
            PolicyKind::Trust => "`\"Principal\": {\"AWS\": \"arn:aws:iam::111122223333:role/NAME\"}`",
            _ => "`\"Principal\": {\"AWS\": \"111122223333\"}`",
        };
        let message = format!("{kind} needs a `Principal` in every statement");
        sink.add(about.document, &MISSING, place, message, help.to_owned());
    }
    // Some services take resource policies without it: the resource is what they are attached to.
    let needs = about.kind.is_attached() || about.kind == PolicyKind::Rcp;
    if statement.resources().is_none() && needs {
        let message = format!("{kind} needs a `Resource` in every statement");
        sink.add(
            about.document,
            &MISSING,
            place,
            message,
            "`\"Resource\": \"*\"`, or better the ARNs".to_owned(),
        );
    }
}
