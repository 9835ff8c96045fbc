//! P46 to P48: values that a key never has or always has, principals that cannot call the action.

use super::{About, Class, PolicyKind, Rule, Severity, finding::Sink, place::Place};
use crate::{Comparison as C, Condition, Effect, PrincipalPattern, PrincipalType, Statement};

pub(super) static ALWAYS: Rule = Rule::new("P46", Class::Warning, Severity::Medium)
    .says("Block of all addresses")
    .why("It narrows nothing: every address is in it.")
    .fix("Name the blocks that are meant, or take the condition out.")
    .counts_as("R19");

pub(super) static NEVER: Rule = Rule::new("P47", Class::Warning, Severity::Medium)
    .says("Value that the key never has")
    .why("The condition never holds, or if it is negated, always.")
    .fix("Write a value of the key's own form.")
    .counts_as("R19");

pub(super) static WRONG_CALL: Rule = Rule::new("P48", Class::Warning, Severity::Medium)
    .says("Principal that cannot call the action")
    .why("Users, roles and services call `sts:AssumeRole`, SAML providers `sts:AssumeRoleWithSAML`, OIDC providers `sts:AssumeRoleWithWebIdentity`.")
    .fix("Name the action of the principal's kind.")
    .counts_as("R19");

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    for (number, statement) in about.statements() {
        for (at, condition) in statement.conditions().iter().enumerate() {
            for (value, wanted) in condition.values().iter().enumerate() {
                let place = Place::Value(number, at, value);
                if wanted.network().is_some_and(|network| network.prefix_len() == 0) {
                    let message = format!("`{}` is every address of its kind", wanted.text());
                    sink.add(about.document, &ALWAYS, place, message, None);
                } else if !wanted.has_variables()
                    && let Some((form, help)) = fault(condition, wanted.text())
                {
                    let message = format!("`{}` is never `{}`: it is {form}", condition.key(), wanted.text());
                    sink.add(about.document, &NEVER, place, message, help);
                }
            }
        }
        if about.kind == PolicyKind::Trust && statement.effect() == Effect::Allow {
            calls(about, number, statement, sink);
        }
    }
}

/// What the key's values look like, where this is none.
fn fault(condition: &Condition, text: &str) -> Option<(&'static str, Option<String>)> {
    const TYPES: [&str; 5] = ["Account", "User", "FederatedUser", "AssumedRole", "Anonymous"];
    let name = condition.operator().comparison.as_str();
    let of_text = name.starts_with("String");
    let open = text.contains(['*', '?', '$']) || text.is_empty();
    let prefix = |prefix: &str| of_text && !open && !text.starts_with(prefix);
    match condition.folded_key() {
        "aws:principalarn" if (of_text || name.starts_with("Arn")) && text.starts_with("arn:") => {
            let session = text.split_once(":assumed-role/").filter(|(head, _)| head.contains(":sts:"))?;
            let (head, rest) = session;
            let role = rest.split('/').next().unwrap_or_default();
            let mended = format!("`\"{}:role/{role}\"`", head.replace(":sts:", ":iam:"));
            Some(("the role's ARN for a session of a role", Some(mended)))
        }
        "aws:principalaccount" | "aws:sourceaccount" | "aws:resourceaccount" => {
            let account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
            // Services that AWS owns stand there by name in its own policies.
            (of_text && !open && !account && text.bytes().all(|b| b.is_ascii_digit()))
                .then_some(("an account id of 12 digits", None))
        }
        "aws:principalorgid" | "aws:sourceorgid" | "aws:resourceorgid" => {
            prefix("o-").then_some(("an organization's id, `o-…`", None))
        }
        "aws:sourcevpc" => prefix("vpc-").then_some(("the id of a VPC, `vpc-…`", None)),
        "aws:sourcevpce" => prefix("vpce-").then_some(("the id of a VPC endpoint, `vpce-…`", None)),
        "aws:principaltype" => {
            let exact = matches!(condition.operator().comparison, C::StringEquals | C::StringNotEquals);
            (exact && !open && !TYPES.contains(&text))
                .then_some(("`Account`, `User`, `FederatedUser`, `AssumedRole` or `Anonymous`", None))
        }
        _ => None,
    }
}

fn calls(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    const CALLS: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
    let covers = |call: &str| statement.actions().matches(call);
    // Tags and source identities alone are for another statement's principals.
    if !CALLS.iter().any(|call| covers(call)) {
        return;
    }
    let Some(principals) = statement.principals().filter(|p| !p.is_negated()) else { return };
    for (at, pattern) in principals.patterns().iter().enumerate() {
        let Some(call) = call_of(pattern).filter(|call| !covers(call)) else { continue };
        let message = format!("`{}` cannot call what is allowed here", pattern.text());
        sink.add(about.document, &WRONG_CALL, Place::Principal(number, at), message, format!("`\"{call}\"`"));
    }
}

/// The call by which this principal assumes a role; none where anybody is meant.
fn call_of(pattern: &PrincipalPattern) -> Option<&'static str> {
    match pattern.kind() {
        _ if pattern.text() == "*" => None,
        PrincipalType::Aws | PrincipalType::Service => Some("sts:AssumeRole"),
        PrincipalType::Federated if pattern.text().contains(":saml-provider/") => {
            Some("sts:AssumeRoleWithSAML")
        }
        PrincipalType::Federated => Some("sts:AssumeRoleWithWebIdentity"),
        PrincipalType::CanonicalUser => None,
    }
}
