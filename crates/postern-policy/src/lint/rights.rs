//! B10, B15, R01, R03, R04, R09 to R11, R13 to R15: policies that give far more than they seem to.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa},
    wide,
};
use crate::{Effect, Statement};

pub(super) static ASSUME_ALL: Rule = Rule::new("B10", Class::Security, Severity::Info)
    .says("sts:AssumeRole on every resource")
    .why("How far this reaches is then decided by trusts alone, in accounts that others own.")
    .fix("List the role ARNs, or use a fixed path or name.")
    .counts_as("B10");

pub(super) static FEDERATION: Rule = Rule::new("B15", Class::Security, Severity::Medium)
    .says("sts:GetFederationToken without MFA")
    .why("A session of up to 36 hours that survives the deactivation of the key.")
    .fix("Remove the action.")
    .counts_as("B15");

pub(super) static ADMINISTRATOR: Rule = Rule::new("R01", Class::Security, Severity::High)
    .says("Administrator access")
    .why("One stolen credential is the account.")
    .fix("Allow what is needed; `PowerUserAccess` at most.")
    .counts_as("R01");

pub(super) static ESCALATION: Rule = Rule::new("R03", Class::Security, Severity::High)
    .says("Can make itself an administrator")
    .why("One call from administrator access.")
    .fix("Limit the action to resources that are weaker, or demand a permissions boundary by condition.")
    .counts_as("R03");

pub(super) static PASS_ROLE: Rule = Rule::new("R04", Class::Security, Severity::High)
    .says("iam:PassRole on every role")
    .why("Any role can be given to any service, and used there.")
    .fix("Name roles, and services by `iam:PassedToService`.")
    .counts_as("R04");

pub(super) static NOT_ACTION: Rule = Rule::new("R09", Class::Security, Severity::High)
    .says("Allow with NotAction")
    .why("Everything new is allowed too.")
    .fix("List the actions.")
    .counts_as("R09");

pub(super) static NOT_RESOURCE: Rule = Rule::new("R10", Class::Security, Severity::Medium)
    .says("Allow with NotResource")
    .why("Every resource but the named, and every new one.")
    .fix("List the resources.")
    .counts_as("R10");

pub(super) static SERVICE_WILDCARD: Rule = Rule::new("R11", Class::Security, Severity::Medium)
    .says("Service wildcard on everything")
    .why("It contains the permission management of the service.")
    .fix("Narrow actions or resources.")
    .counts_as("R11");

pub(super) static EVIDENCE: Rule = Rule::new("R13", Class::Security, Severity::Medium)
    .says("Can switch off evidence")
    .why("A thief works in the dark.")
    .fix("Keep the trail in another account; deny these by service control policy or boundary.")
    .counts_as("R13");

pub(super) static LOOSE_BOUNDARY: Rule = Rule::new("R14", Class::Security, Severity::Medium)
    .says("Boundary that does not bound")
    .why("Whoever may write IAM, or take boundaries away, is not held by one.")
    .fix("Leave IAM writes out, or deny those that change boundaries.")
    .counts_as("R14");

pub(super) static CHAIN: Rule = Rule::new("R15", Class::Security, Severity::Medium)
    .says("sts:AssumeRole on every resource comes along")
    .why("Which role comes next is then decided by other roles' trusts.")
    .fix("Deny `sts:AssumeRole` but where it is meant.")
    .counts_as("R15");

/// Calls by which a principal gives itself, or something that it can be, all rights.
pub(super) const ESCALATIONS: [&str; 15] = [
    "iam:AttachUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:PutUserPolicy",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:AddUserToGroup",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
];

const EVIDENCE_CALLS: [&str; 7] = [
    "cloudtrail:StopLogging",
    "cloudtrail:DeleteTrail",
    "cloudtrail:UpdateTrail",
    "cloudtrail:PutEventSelectors",
    "guardduty:DeleteDetector",
    "config:StopConfigurationRecorder",
    "config:DeleteConfigurationRecorder",
];

/// Calls that free a principal from its boundary.
const UNBOUND: [&str; 8] = [
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:CreateUser",
    "iam:AttachUserPolicy",
];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    match about.kind {
        PolicyKind::Identity => {
            let allows = about.statements().filter(|(_, s)| s.effect() == Effect::Allow);
            for (number, statement) in allows.take(about.evaluated) {
                identity(about, number, statement, sink);
            }
        }
        PolicyKind::Boundary => boundary(about, sink),
        _ => {}
    }
}

/// Whether every resource is covered: `*`, or a pattern that leaves all but the type open.
pub(super) fn everywhere(statement: &Statement) -> bool {
    let open = |text: &str| {
        let mut parts = text.splitn(6, ':').skip(3);
        let (region, account, rest) = (parts.next(), parts.next(), parts.next());
        text == "*"
            || (region.is_some_and(|r| r.is_empty() || r == "*")
                && account.is_some_and(|a| a.is_empty() || a == "*")
                && rest.is_some_and(|rest| {
                    rest == "*" || rest.ends_with("/*") && rest.matches('/').count() == 1
                }))
    };
    statement.resources().is_some_and(|r| !r.is_negated() && r.patterns().iter().any(|p| open(p.text())))
}

fn identity(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let actions = statement.actions();
    let every_action = actions
        .patterns()
        .iter()
        .position(|p| matches!(p.text(), "*" | "*:*"))
        .filter(|_| !actions.is_negated());
    let all = statement.resources().is_some_and(wide::is_everything);
    if let (Some(at), true) = (every_action, all) {
        let severity =
            if statement.conditions().is_empty() { ADMINISTRATOR.severity } else { Severity::Medium };
        let message = "everything is allowed on everything";
        sink.graded(about.document, &ADMINISTRATOR, severity, Place::Action(number, at), message, None);
        return;
    }
    if actions.is_negated() && (all || everywhere(statement)) {
        let message = "everything but these is allowed, new actions included";
        sink.add(about.document, &NOT_ACTION, Place::Actions(number), message, None);
    }
    if let Some(resources) = statement.resources().filter(|r| r.is_negated()) {
        let text = resources.patterns().first().map_or("", crate::ResourcePattern::text);
        let message = format!("every resource but `{text}` is covered");
        sink.add(about.document, &NOT_RESOURCE, Place::Resources(number), message, None);
    }
    if all && !actions.is_negated() && statement.conditions().is_empty() {
        for (at, pattern) in actions.patterns().iter().enumerate() {
            if let Some(service) = pattern.text().strip_suffix(":*").filter(|service| *service != "*") {
                let message = format!("all of `{service}` is allowed on every resource");
                sink.add(about.document, &SERVICE_WILDCARD, Place::Action(number, at), message, None);
            }
        }
    }
    if everywhere(statement) {
        powers(about, number, statement, sink);
    }
}

/// What the statement really gives, with what the document denies taken away.
fn powers(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let Some(document) = scene::alone(about.document, number) else { return };
    let Some(mut caller) = Caller::user(sample::ACCOUNT, "somebody") else { return };
    if !caller.meets(statement, |_| false) {
        return;
    }
    let account = sample::ACCOUNT;
    let allowed = |action: &str, resource: &str, mfa: Mfa| {
        statement.actions().matches(action)
            && scene::allows(&document, about.kind, &caller, Ask { action, resource }, mfa)
    };
    let place = |action: &str| {
        let patterns = statement.actions().patterns();
        let at =
            patterns.iter().position(|p| p.matches(action)).filter(|_| !statement.actions().is_negated());
        at.map_or(Place::Actions(number), |at| Place::Action(number, at))
    };
    let free = statement.conditions().is_empty();
    let role = format!("arn:aws:iam::{account}:role/another");
    let service = statement.conditions().iter().any(|c| c.folded_key() == "iam:passedtoservice");
    if !service && allowed("iam:PassRole", &role, Mfa::Session) {
        let message = "any role can be passed to any service";
        let help =
            "`\"Condition\": {\"StringEquals\": {\"iam:PassedToService\": \"…\"}}`, and the roles' ARNs"
                .to_owned();
        sink.add(about.document, &PASS_ROLE, place("iam:PassRole"), message, help);
    }
    let escalation = |action: &&str| {
        let resource = if action.contains("Role") {
            role.clone()
        } else if action.contains("PolicyVersion") {
            format!("arn:aws:iam::{account}:policy/another")
        } else if action.contains("Group") {
            format!("arn:aws:iam::{account}:group/another")
        } else {
            format!("arn:aws:iam::{account}:user/another")
        };
        allowed(action, &resource, Mfa::Session)
    };
    let ways: Vec<&str> = ESCALATIONS.iter().copied().filter(|action| free && escalation(action)).collect();
    if let Some(first) = ways.first() {
        let more = if ways.len() > 1 { format!(" and {} more", ways.len() - 1) } else { String::new() };
        let message = format!("`{first}`{more}, each a way to all rights, on every resource");
        sink.add(about.document, &ESCALATION, place(first), message, None);
    }
    let dark: Vec<&str> =
        EVIDENCE_CALLS.iter().copied().filter(|a| free && allowed(a, "*", Mfa::Session)).collect();
    if let Some(first) = dark.first() {
        let message = format!("`{first}` is allowed on everything");
        sink.add(about.document, &EVIDENCE, place(first), message, None);
    }
    if allowed("sts:AssumeRole", "arn:aws:iam::827364554637:role/foreign", Mfa::Session) {
        let named =
            statement.actions().patterns().iter().any(|p| p.text().eq_ignore_ascii_case("sts:AssumeRole"));
        let place = place("sts:AssumeRole");
        if named {
            let message = "roles of every account can be assumed that trust this one";
            sink.add(about.document, &ASSUME_ALL, place, message, None);
        } else {
            let message = "`sts:AssumeRole` on every role comes with this";
            sink.add(about.document, &CHAIN, place, message, None);
        }
    }
    let named = |p: &crate::ActionPattern| p.text().eq_ignore_ascii_case("sts:GetFederationToken");
    if let Some(at) = statement.actions().patterns().iter().position(named) {
        let user = format!("arn:aws:sts::{account}:federated-user/x");
        let ask = |mfa| allowed("sts:GetFederationToken", &user, mfa);
        if ask(Mfa::LongTermKey) || ask(Mfa::SessionWithout) {
            let message = "a key alone makes a federated session";
            sink.add(about.document, &FEDERATION, Place::Action(number, at), message, None);
        }
    }
}

fn boundary(about: &About<'_>, sink: &mut Sink) {
    let Some(caller) = Caller::user(sample::ACCOUNT, "somebody") else { return };
    let own = format!("arn:aws:iam::{}:user/somebody", sample::ACCOUNT);
    let policy = format!("arn:aws:iam::{}:policy/boundary", sample::ACCOUNT);
    let allowed = |action: &&str| {
        let resource = if action.contains("PolicyVersion") { &policy } else { &own };
        let resource = if action.contains("Role") { &own.replace(":user/", ":role/") } else { resource };
        scene::allows(about.document, about.kind, &caller, Ask { action, resource }, Mfa::Session)
    };
    let Some(first) = UNBOUND.iter().find(|action| allowed(action)) else { return };
    let covers = |s: &Statement| s.effect() == Effect::Allow && s.actions().matches(first);
    if let Some((number, statement)) = about.statements().find(|(_, s)| covers(s)) {
        let patterns = statement.actions().patterns();
        let at = patterns.iter().position(|p| p.matches(first)).filter(|_| !statement.actions().is_negated());
        let place = at.map_or(Place::Actions(number), |at| Place::Action(number, at));
        let message = format!("`{first}` is within the boundary: it can be taken away or got round");
        sink.add(about.document, &LOOSE_BOUNDARY, place, message, None);
    }
}
