//! S01 to S07: what users may do with their own credentials without MFA.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa},
};
use crate::{Document, Effect, Statement};

pub(super) static ENROL: Rule = Rule::new("S01", Class::Security, Severity::Medium)
    .says("First MFA device can be enrolled by whoever holds the key")
    .why("A thief who is first owns the second factor.")
    .fix("Enrol the first device for the user, or through a policy that ends by date.")
    .counts_as("S01");

pub(super) static REMOVE: Rule = Rule::new("S02", Class::Security, Severity::Critical)
    .says("Own MFA device can be removed without MFA")
    .why("Key alone becomes key plus MFA: remove, enrol, pass.")
    .fix("Require MFA on the statement.")
    .counts_as("S02");

pub(super) static KEYS: Rule = Rule::new("S03", Class::Security, Severity::High)
    .says("Own access keys can be made without MFA")
    .why("A thief makes a second key and survives the first one's deactivation.")
    .fix("Require MFA on the statement.")
    .counts_as("S03");

pub(super) static PASSWORD: Rule = Rule::new("S04", Class::Security, Severity::High)
    .says("Own password can be set without MFA")
    .why("A thief with a key makes a console sign-in.")
    .fix("Require MFA; leave `iam:ChangePassword` only.")
    .counts_as("S04");

pub(super) static OTHERS: Rule = Rule::new("S05", Class::Security, Severity::Critical)
    .says("Self-service reaches other users")
    .why("Any member becomes any other.")
    .fix("Use `user/${aws:username}`; keep the help desk apart and weaker than those it serves.")
    .counts_as("S05");

pub(super) static PATHS: Rule = Rule::new("S06", Class::Security, Severity::Low)
    .says("Self-service misses users with a path")
    .why("It silently does not work for them.")
    .fix("Also name `user/*/${aws:username}`, or drop paths.")
    .counts_as("S06");

pub(super) static ADD: Rule = Rule::new("S07", Class::Security, Severity::High)
    .says("Further MFA devices can be added without MFA")
    .why("A user may have eight: a thief adds one beside the real one, and nobody notices.")
    .fix("Require MFA on `iam:EnableMFADevice`; enrol first devices another way.")
    .counts_as("S07");

/// What is asked on the own user, or the own device, and which rule fires at what severity.
const OWN: [(&str, bool, &Rule, Severity); 8] = [
    ("iam:DeactivateMFADevice", false, &REMOVE, Severity::Critical),
    ("iam:DeleteVirtualMFADevice", true, &REMOVE, Severity::Low),
    ("iam:ResyncMFADevice", false, &REMOVE, Severity::Low),
    ("iam:CreateAccessKey", false, &KEYS, Severity::High),
    ("iam:CreateLoginProfile", false, &PASSWORD, Severity::High),
    ("iam:UpdateLoginProfile", false, &PASSWORD, Severity::High),
    ("iam:EnableMFADevice", false, &ADD, Severity::High),
    ("iam:CreateVirtualMFADevice", true, &ENROL, Severity::Medium),
];

const OF_OTHERS: [&str; 8] = [
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:DeactivateMFADevice",
    "iam:EnableMFADevice",
    "iam:UploadSSHPublicKey",
    "iam:CreateServiceSpecificCredential",
    "iam:UpdateAccessKey",
];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if about.kind != PolicyKind::Identity {
        return;
    }
    let own = about.statements().any(|(_, s)| is_own(s));
    let allows = about.statements().filter(|(_, s)| s.effect() == Effect::Allow && !s.actions().is_negated());
    for (number, statement) in allows.take(about.evaluated) {
        let Some(document) = named(statement).then(|| scene::alone(about.document, number)).flatten() else {
            continue;
        };
        if others(about, number, statement, &document, own, sink) {
            continue;
        }
        if is_own(statement) || own {
            own_user(about, number, statement, &document, sink);
            paths(about, number, statement, sink);
        }
    }
}

/// Whether an action on credentials is meant, and does not come along with all of IAM.
fn named(statement: &Statement) -> bool {
    let all = |text: &str| matches!(text, "*" | "*:*") || text.eq_ignore_ascii_case("iam:*");
    let patterns = statement.actions().patterns();
    !patterns.iter().any(|p| all(p.text()))
        && OWN.iter().map(|(action, ..)| action).chain(&OF_OTHERS).any(|a| statement.actions().matches(a))
}

/// Whether the statement is about the user who asks.
fn is_own(statement: &Statement) -> bool {
    statement.resources().is_some_and(|r| {
        r.patterns().iter().any(|p| p.text().to_ascii_lowercase().contains("${aws:username}"))
    })
}

/// The account that the statement's resources name, or any.
fn account(statement: &Statement) -> &str {
    let patterns = statement.resources().map(crate::Resources::patterns).unwrap_or_default();
    let literal = |text: &&str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    patterns.iter().filter_map(|p| p.text().split(':').nth(4)).find(literal).unwrap_or(sample::ACCOUNT)
}

fn place(number: usize, statement: &Statement, action: &str) -> Place {
    let at = statement.actions().patterns().iter().position(|p| p.matches(action));
    at.map_or(Place::Actions(number), |at| Place::Action(number, at))
}

fn own_user(about: &About<'_>, number: usize, statement: &Statement, document: &Document, sink: &mut Sink) {
    let account = account(statement);
    let Some(mut caller) = Caller::user(account, "somebody") else { return };
    if !caller.meets(statement, |_| false) {
        return;
    }
    let user = format!("arn:aws:iam::{account}:user/somebody");
    let device = format!("arn:aws:iam::{account}:mfa/somebody");
    let mut told: Vec<&str> = Vec::new();
    for (action, on_device, rule, severity) in OWN {
        let ask = Ask { action, resource: if on_device { &device } else { &user } };
        let passes = |mfa| scene::allows(document, about.kind, &caller, ask, mfa);
        if !passes(Mfa::LongTermKey) && !passes(Mfa::SessionWithout) {
            continue;
        }
        // The milder ones are of interest where the worse one is not there.
        if told.contains(&rule.id) {
            continue;
        }
        told.push(rule.id);
        let message = format!("`{action}` on the own user needs no MFA");
        let help = "`\"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}`".to_owned();
        sink.graded(about.document, rule, severity, place(number, statement, action), message, help);
    }
}

fn others(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    document: &Document,
    own: bool,
    sink: &mut Sink,
) -> bool {
    let account = account(statement);
    let Some(mut caller) = Caller::user(account, "somebody") else { return false };
    if !caller.meets(statement, |_| false) {
        return false;
    }
    let user = format!("arn:aws:iam::{account}:user/another");
    let reached = OF_OTHERS.iter().find(|action| {
        let ask = Ask { action, resource: &user };
        [Mfa::LongTermKey, Mfa::SessionWithout, Mfa::Session]
            .into_iter()
            .any(|mfa| scene::allows(document, about.kind, &caller, ask, mfa))
    });
    let Some(action) = reached else { return false };
    let (severity, message) = if own {
        (OTHERS.severity, format!("`{action}` reaches other users than the one who asks"))
    } else {
        (Severity::Medium, format!("`{action}` reaches every user, if this is attached to people"))
    };
    let help = "`\"Resource\": \"arn:aws:iam::*:user/${aws:username}\"`".to_owned();
    sink.graded(about.document, &OTHERS, severity, place(number, statement, action), message, help);
    true
}

fn paths(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let Some(resources) = statement.resources().filter(|r| !r.is_negated()) else { return };
    let ends = |text: &str, with: &str| text.to_ascii_lowercase().ends_with(with);
    let patterns = resources.patterns();
    if patterns
        .iter()
        .any(|p| ends(p.text(), ":user/*/${aws:username}") || ends(p.text(), ":user/*${aws:username}"))
    {
        return;
    }
    if let Some(at) = patterns.iter().position(|p| ends(p.text(), ":user/${aws:username}")) {
        let text = patterns.get(at).map_or("", crate::ResourcePattern::text);
        let help = format!("`\"{}\"` beside it", text.replace(":user/$", ":user/*/$"));
        let message = "users with a path are not covered";
        sink.add(about.document, &PATHS, Place::Resource(number, at), message, help);
    }
}
