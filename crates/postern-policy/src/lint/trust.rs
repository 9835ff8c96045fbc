//! T10, T11, T13, T19 to T21, T25, T29, T30: who is named by a policy, and how they are guarded.

use super::{About, Class, PolicyKind, Rule, Severity, finding::Sink, place::Place, scene::is_mfa};
use crate::{Condition, Effect, PrincipalPattern, PrincipalType, Qualifier, Statement};

pub(super) static NO_EXTERNAL_ID: Rule = Rule::new("T10", Class::Security, Severity::Info)
    .says("Third party without external id")
    .why("If the account is foreign, another customer of that party can have it act on this role.")
    .fix("Require the third party's external id.")
    .counts_as("T10");

pub(super) static ACCOUNT_ROOT: Rule = Rule::new("T11", Class::Security, Severity::Medium)
    .says("Trusts an account as a whole")
    .why("Every principal of that account with `sts:AssumeRole` gets in.")
    .fix("Name principals, or add conditions.")
    .counts_as("T11");

pub(super) static DELETED: Rule = Rule::new("T13", Class::Warning, Severity::Low)
    .says("Names a deleted principal")
    .why("The entry is dead, and IAM does not store the document again with it.")
    .fix("Take it out.")
    .counts_as("T13");

pub(super) static TAGS: Rule = Rule::new("T19", Class::Security, Severity::Info)
    .says("Session tags may be set freely")
    .why("Where policies decide on `aws:PrincipalTag`, the caller names its own attributes.")
    .fix("Pin the tags by `aws:RequestTag` and `aws:TagKeys`.")
    .counts_as("T19");

pub(super) static WILD_ACTION: Rule = Rule::new("T20", Class::Security, Severity::Medium)
    .says("Trust allows actions by wildcard")
    .why("It adds tagging, source identity and other ways in.")
    .fix("Name `sts:AssumeRole`.")
    .counts_as("T20");

pub(super) static NOT_PRINCIPAL: Rule = Rule::new("T21", Class::Security, Severity::Critical)
    .says("Allow with NotPrincipal")
    .why("Everyone but the named, anonymous requests included.")
    .fix("Use `Principal`.")
    .counts_as("T21");

pub(super) static SOURCE_ONLY: Rule = Rule::new("T25", Class::Security, Severity::Medium)
    .says("Guarded by source address only")
    .why("Addresses are not people.")
    .fix("Ask for MFA too.")
    .counts_as("T25");

pub(super) static EXTERNAL_ID_FOR_PEOPLE: Rule = Rule::new("T29", Class::Security, Severity::Medium)
    .says("External id in place of MFA for people")
    .why("An external id is no secret.")
    .fix("Ask for MFA too.")
    .counts_as("T29");

pub(super) static IF_EXISTS_ONLY: Rule = Rule::new("T30", Class::Security, Severity::Medium)
    .says("Guarded by IfExists only")
    .why("All conditions hold when the keys are missing.")
    .fix("Drop `IfExists` and `ForAllValues`.")
    .counts_as("T30");

const ADDRESSES: [&str; 5] =
    ["aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:sourcevpcarn"];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if about.kind.is_attached() || about.kind == PolicyKind::Rcp {
        return;
    }
    for (number, statement) in about.statements() {
        let Some(principals) = statement.principals() else { continue };
        for (at, pattern) in principals.patterns().iter().enumerate() {
            if pattern.is_unique_id() {
                let message = format!("`{}` is the id of a user or role that was deleted", pattern.text());
                sink.add(about.document, &DELETED, Place::Principal(number, at), message, None);
            }
        }
        if statement.effect() == Effect::Deny {
            continue;
        }
        if principals.is_negated() {
            let message = "everyone but those named here is let in";
            let help = "`\"Principal\": {…}` with those who are meant".to_owned();
            sink.add(about.document, &NOT_PRINCIPAL, Place::Principals(number), message, help);
            continue;
        }
        if about.kind == PolicyKind::Trust {
            actions(about, number, statement, sink);
            guards(about, number, statement, sink);
            for (at, pattern) in principals.patterns().iter().enumerate() {
                principal(about, (number, at), statement, pattern, sink);
            }
        }
    }
}

fn has(statement: &Statement, keys: &[&str]) -> bool {
    statement.conditions().iter().any(|c| keys.contains(&c.folded_key()))
}

fn actions(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    for (at, pattern) in statement.actions().patterns().iter().enumerate() {
        if pattern.text().contains(['*', '?']) && !statement.actions().is_negated() {
            let message = format!("`{}` stands for more than one way in", pattern.text());
            sink.add(
                about.document,
                &WILD_ACTION,
                Place::Action(number, at),
                message,
                "`\"sts:AssumeRole\"`".to_owned(),
            );
        }
    }
    let tags =
        |c: &Condition| c.folded_key() == "aws:tagkeys" || c.folded_key().starts_with("aws:requesttag/");
    let named = |p: &crate::ActionPattern| p.text().eq_ignore_ascii_case("sts:TagSession");
    if let Some(at) = statement.actions().patterns().iter().position(named)
        && !statement.conditions().iter().any(tags)
    {
        let message = "session tags of any name and value are taken";
        let help = "`\"ForAllValues:StringEquals\": {\"aws:TagKeys\": [\"…\"]}`".to_owned();
        sink.add(about.document, &TAGS, Place::Action(number, at), message, help);
    }
}

fn guards(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let conditions = statement.conditions();
    if conditions.is_empty() {
        return;
    }
    let loose =
        |c: &Condition| c.operator().if_exists || c.operator().qualifier == Some(Qualifier::ForAllValues);
    // Of MFA there is more to say: other rules do.
    if conditions.iter().all(loose) && !conditions.iter().any(is_mfa) {
        let message = "every condition here holds when its key is missing";
        sink.add(about.document, &IF_EXISTS_ONLY, Place::Condition(number, 0), message, None);
    }
    let people =
        statement.principals().is_some_and(|p| p.patterns().iter().any(|p| p.kind() == PrincipalType::Aws));
    if people && conditions.iter().all(|c| ADDRESSES.contains(&c.folded_key())) {
        let all = conditions
            .iter()
            .flat_map(Condition::values)
            .any(|v| v.network().is_some_and(|n| n.prefix_len() == 0));
        let message = if all {
            "the addresses are those of the whole internet"
        } else {
            "where a request comes from is all that is asked"
        };
        sink.add(about.document, &SOURCE_ONLY, Place::Condition(number, 0), message, None);
    }
}

fn principal(
    about: &About<'_>,
    (number, at): (usize, usize),
    statement: &Statement,
    pattern: &PrincipalPattern,
    sink: &mut Sink,
) {
    let place = Place::Principal(number, at);
    let mfa = statement.conditions().iter().any(is_mfa);
    match pattern.kind() {
        PrincipalType::Aws if !pattern.is_everyone() => {
            let external_id = has(statement, &["sts:externalid"]);
            if let Some(account) = pattern.account() {
                if statement.conditions().is_empty() {
                    let message = format!(
                        "every principal of account {account} that may call `sts:AssumeRole` gets in"
                    );
                    let help = format!(
                        "`\"arn:aws:iam::{account}:role/NAME\"`, or a condition on `aws:PrincipalArn`"
                    );
                    sink.add(about.document, &ACCOUNT_ROOT, place, message, help);
                }
                if !external_id
                    && !mfa
                    && !has(statement, &["aws:principalorgid", "aws:principalarn", "aws:principalorgpaths"])
                {
                    let message = format!("no external id is asked for, if account {account} is foreign");
                    let help = "`\"StringEquals\": {\"sts:ExternalId\": \"…\"}`".to_owned();
                    sink.add(about.document, &NO_EXTERNAL_ID, place, message, help);
                }
            }
            if external_id && !mfa && pattern.user().is_some() {
                let message = format!("`{}` is asked for an external id and not for MFA", pattern.text());
                let help = "`\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}`".to_owned();
                sink.add(about.document, &EXTERNAL_ID_FOR_PEOPLE, place, message, help);
            }
        }
        _ => {}
    }
}
