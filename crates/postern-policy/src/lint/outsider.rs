//! T07, T08, T24: whether a stranger comes in, decided by letting one try.

use super::{
    About, Class, PolicyKind, Rule, Severity, deputy,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa, is_mfa},
};
use crate::{Condition, Context, ContextValue, Document, Effect, PrincipalType, Statement, Truth};

pub(super) static OPEN: Rule = Rule::new("T07", Class::Security, Severity::Critical)
    .says("Open to everyone")
    .why("Anyone with an AWS account gets in, whoever they are; and without one where the service takes unsigned requests, as S3 does.")
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

const ORGANIZATION: &str = "o-outsider00";

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
        let Some(document) = scene::alone(about.document, number) else { continue };
        if let Some(way) = way_in(about.kind, &document, statement) {
            report(about, (number, way), statement, sink);
        }
    }
}

/// How a stranger gets in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Without any credentials.
    Unsigned,
    /// As a principal of an account of their own.
    OwnAccount,
    /// Through an AWS service that acts for a resource of their own.
    Service,
}

fn way_in(kind: PolicyKind, document: &Document, statement: &Statement) -> Option<Way> {
    let anonymous = || takes_unsigned(statement) && lets_in(kind, document, statement, Caller::anonymous());
    let through_service = || {
        // Any service will do: `*` names them all.
        statement.conditions().iter().any(deputy::is_source)
            && deputy::acts_for_strangers(document, kind, statement, "sns.amazonaws.com")
    };
    if lets_in(kind, document, statement, Caller::user(sample::ACCOUNT, "outsider")) {
        let unsigned = kind == PolicyKind::Resource && anonymous();
        return Some(if unsigned { Way::Unsigned } else { Way::OwnAccount });
    }
    through_service().then_some(Way::Service)
}

/// Whether the statement is about a service that takes requests without a signature (their guides: public
/// buckets, queues, topics, APIs, domains and function URLs).
///
/// A wildcard in an Allow means anonymous users, too (*IAM User Guide*, Principal); most services refuse them
/// before any policy is asked.
fn takes_unsigned(statement: &Statement) -> bool {
    const SERVICES: [&str; 5] = ["s3", "sqs", "sns", "execute-api", "es"];
    let actions = statement.actions();
    let unsigned = |text: &str| {
        let service = text.split(':').next().unwrap_or_default();
        text == "*" || SERVICES.iter().any(|known| known.eq_ignore_ascii_case(service))
    };
    let named = !actions.is_negated() && actions.patterns().iter().any(|pattern| unsigned(pattern.text()));
    named || actions.matches("lambda:InvokeFunctionUrl")
}

fn lets_in(kind: PolicyKind, document: &Document, statement: &Statement, caller: Option<Caller>) -> bool {
    let Some(action) = scene::action_of(statement, "sts:AssumeRole") else { return false };
    let Some(mut caller) = caller else { return false };
    if caller.principal.account().is_some() {
        caller.context.set("aws:PrincipalOrgID", ORGANIZATION);
        caller.context.set("kms:CallerAccount", sample::ACCOUNT);
    }
    let nobody = caller.principal.account().is_none();
    let fixed = |condition: &Condition| {
        FIXED.contains(&condition.folded_key())
            || is_own_id(condition)
            || (nobody && condition.folded_key().starts_with("aws:principal"))
    };
    if !caller.meets(statement, fixed) {
        return false;
    }
    for condition in statement.conditions() {
        try_own(condition, &mut caller.context);
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
    scene::allows(document, kind, &caller, ask, Mfa::Session)
}

/// Sets the key to what a stranger can have there where that makes the condition hold: a network, an
/// organization or an access point of their own.
fn try_own(condition: &Condition, context: &mut Context) {
    const VPC: &str = "vpc-0f1e2d3c4b5a69788";
    if condition.test(context) == Truth::Yes {
        return;
    }
    let account = sample::ACCOUNT;
    let own: ContextValue = match condition.folded_key() {
        "aws:principalorgpaths" if context.get("aws:PrincipalOrgID").single().is_some() => {
            vec![format!("{ORGANIZATION}/r-outs/")].into()
        }
        "aws:sourcevpc" => VPC.into(),
        "aws:sourcevpce" => "vpce-0f1e2d3c4b5a69788".into(),
        "aws:sourcevpcarn" => format!("arn:aws:ec2:us-east-1:{account}:vpc/{VPC}").into(),
        "s3:dataaccesspointaccount" => account.into(),
        _ => return,
    };
    let mut tried = context.clone();
    tried.set(condition.key(), own);
    if condition.test(&tried) == Truth::Yes {
        *context = tried;
    }
}

/// Unique ids are given by AWS, and to one principal only.
fn is_own_id(condition: &Condition) -> bool {
    condition.folded_key() == "aws:userid" && condition.values().iter().all(|v| v.text().starts_with('A'))
}

fn report(about: &About<'_>, (number, way): (usize, Way), statement: &Statement, sink: &mut Sink) {
    let patterns = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
    let Some(at) = patterns.iter().position(|pattern| pattern.text() == "*") else { return };
    let place = Place::Principal(number, at);
    let service = patterns.get(at).is_some_and(|pattern| pattern.kind() != PrincipalType::Aws);
    let trust = about.kind == PolicyKind::Trust;
    let guards = |c: &&Condition| GUARDS.contains(&c.folded_key()) && !sample::takes_any_value(c);
    let guard = statement.conditions().iter().find(guards);
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
            let message = match way {
                _ if service => "every service or provider gets in",
                Way::Unsigned => "everyone gets in, also without an AWS account",
                Way::OwnAccount => "everyone with an AWS account gets in",
                Way::Service => "everyone gets in through a service: for whom it acts may be anyone",
            };
            sink.graded(about.document, &OPEN, severity, place, message, help);
        }
    }
}
