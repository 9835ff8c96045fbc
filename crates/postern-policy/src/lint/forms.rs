//! P08 to P10 and P37: principals, actions and resources of a form that AWS does not know.

use super::{About, Class, PolicyKind, Rule, Severity, finding::Sink, place::Place};
use crate::{PrincipalPattern, PrincipalType, stored};

pub(super) static PRINCIPAL: Rule = Rule::new("P08", Class::Error, Severity::High)
    .says("Principal of an unknown form")
    .why("AWS refuses the document, or nobody is meant.")
    .fix("Name an account, a user, a role, a session, a service or a provider.")
    .counts_as("R19");

pub(super) static ACTION: Rule = Rule::new("P09", Class::Error, Severity::High)
    .says("Action of an unknown form")
    .why("AWS refuses the document.")
    .fix("Write `service:Name`, or `*`.")
    .counts_as("R19");

pub(super) static RESOURCE: Rule = Rule::new("P10", Class::Error, Severity::High)
    .says("Resource of an unknown form")
    .why("AWS refuses the document.")
    .fix("Write an ARN, or `*`.")
    .counts_as("R19");

pub(super) static BLANK: Rule = Rule::new("P37", Class::Error, Severity::High)
    .says("Blank at the beginning or end")
    .why("It is compared like any other character, so that nothing matches.")
    .fix("Take it out.")
    .counts_as("R19");

/// Partitions beside `aws`; each has an IAM of its own.
const PARTITIONS: [&str; 7] =
    ["aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    for (number, statement) in about.statements() {
        for (at, pattern) in statement.actions().patterns().iter().enumerate() {
            let place = Place::Action(number, at);
            if blank(about, place, pattern.text(), sink) {
                continue;
            }
            if let Err(error) = stored::vendor(pattern.text()) {
                let message = format!("AWS refuses `{}`: `{}`", pattern.text(), error.message);
                sink.add(about.document, &ACTION, place, message, None);
            }
        }
        let resources = statement.resources().map(crate::Resources::patterns).unwrap_or_default();
        for (at, pattern) in resources.iter().enumerate() {
            let place = Place::Resource(number, at);
            if !blank(about, place, pattern.text(), sink) {
                resource(about, place, pattern.text(), sink);
            }
        }
        let principals = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
        for (at, pattern) in principals.iter().enumerate() {
            let place = Place::Principal(number, at);
            if !blank(about, place, pattern.text(), sink) {
                principal(about, place, pattern, sink);
            }
        }
        for (at, condition) in statement.conditions().iter().enumerate() {
            if !blank(about, Place::Key(number, at), condition.key(), sink) {
                for (value, text) in condition.values().iter().map(crate::ConditionValue::text).enumerate() {
                    blank_value(about, Place::Value(number, at, value), text, sink);
                }
            }
        }
    }
}

fn blank(about: &About<'_>, place: Place, text: &str, sink: &mut Sink) -> bool {
    let trimmed = text.trim();
    if trimmed.len() == text.len() {
        return false;
    }
    let message = format!("`{}` begins or ends with a blank", text.escape_debug());
    sink.add(about.document, &BLANK, place, message, format!("`\"{trimmed}\"`"));
    true
}

/// A value may be meant to have it.
fn blank_value(about: &About<'_>, place: Place, text: &str, sink: &mut Sink) {
    let trimmed = text.trim();
    if trimmed.len() < text.len() && !trimmed.is_empty() {
        let message = format!("`{}` begins or ends with a blank, which is compared too", text.escape_debug());
        sink.graded(about.document, &BLANK, Severity::Medium, place, message, format!("`\"{trimmed}\"`"));
    }
}

fn resource(about: &About<'_>, place: Place, text: &str, sink: &mut Sink) {
    // API Gateway takes these in its resource policies.
    if about.kind == PolicyKind::Trust || text.starts_with("execute-api:/") {
        return;
    }
    let foreign = text.split(':').nth(1).filter(|partition| PARTITIONS.contains(partition));
    let native = foreign.map(|partition| text.replacen(partition, "aws", 1));
    if let Err(error) = stored::is_taken(native.as_deref().unwrap_or(text)) {
        let message = format!("AWS refuses `{text}`: `{}`", error.message);
        let help = text.strip_prefix("arn:aws:s3::").filter(|rest| !rest.contains(':'));
        let help = help.map(|bucket| format!("`\"arn:aws:s3:::{bucket}\"`"));
        sink.add(about.document, &RESOURCE, place, message, help);
    }
}

fn principal(about: &About<'_>, place: Place, pattern: &PrincipalPattern, sink: &mut Sink) {
    let text = pattern.text();
    let found = match pattern.kind() {
        // The identities of CloudFront, which S3 knows.
        PrincipalType::Aws if text.starts_with("arn:aws:iam::cloudfront:user/") => None,
        PrincipalType::Aws if pattern.is_nobody() => Some(nobody(text)),
        PrincipalType::Aws => None,
        PrincipalType::Service => service(text),
        PrincipalType::Federated => federated(text),
        PrincipalType::CanonicalUser if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some((format!("`{text}` is no canonical user id, which has 64 hexadecimal digits"), None))
        }
        PrincipalType::CanonicalUser if about.kind == PolicyKind::Trust => {
            Some(("a trust policy knows no canonical users".to_owned(), None))
        }
        PrincipalType::CanonicalUser => None,
    };
    if let Some((message, help)) = found {
        sink.add(about.document, &PRINCIPAL, place, message, help);
    }
}

type Text = (String, Option<String>);

fn nobody(text: &str) -> Text {
    if text.contains(['*', '?']) {
        let help = if let Some(role) = role_of_session(text) {
            format!("name the role, which stands for its sessions: `\"{role}\"`")
        } else if text.starts_with("arn:") {
            format!(
                "`\"Principal\": {{\"AWS\": \"*\"}}` with `\"Condition\": {{\"ArnLike\": {{\"aws:PrincipalArn\": \"{text}\"}}}}`"
            )
        } else {
            "name the accounts".to_owned()
        };
        return (format!("`{text}` names nobody: a principal takes no wildcard but `*` alone"), Some(help));
    }
    if text.contains(":group/") {
        let help = "name the users, or the account with a condition".to_owned();
        return (format!("`{text}` names nobody: a group is no principal"), Some(help));
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == text.len() {
        return (format!("`{text}` is no account id: it has {digits} digits instead of 12"), None);
    }
    if text.contains("amazonaws.com") {
        let help = format!("`{{\"Service\": \"{text}\"}}`");
        return (format!("`{text}` is a service and stands under `AWS`"), Some(help));
    }
    (format!("`{text}` names no account, user, role or session"), None)
}

/// The ARN of the role of an assumed-role session with a wildcard in the session's name.
fn role_of_session(text: &str) -> Option<String> {
    let (head, rest) = text.split_once(":assumed-role/").filter(|(head, _)| head.contains(":sts:"))?;
    let (role, _) = rest.split_once('/')?;
    let exact = !head.contains(['*', '?']) && !role.contains(['*', '?']);
    exact.then(|| format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1)))
}

fn service(text: &str) -> Option<Text> {
    if text == "*" {
        return None;
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let domain =
        text.rsplit('.').next().is_some_and(|top| matches!(top, "com" | "cn" | "internal" | "gov" | "uk"));
    if text.bytes().all(good) && text.contains('.') && domain {
        return None;
    }
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let help = bare.then(|| format!("`{{\"Service\": \"{}.amazonaws.com\"}}`", text.to_ascii_lowercase()));
    Some((format!("`{text}` is no service principal, such as `ec2.amazonaws.com`"), help))
}

fn federated(text: &str) -> Option<Text> {
    let arn =
        text.starts_with("arn:") && (text.contains(":saml-provider/") || text.contains(":oidc-provider/"));
    if arn && text.contains(['*', '?']) {
        return Some((format!("`{text}` names nobody: a principal takes no wildcard"), None));
    }
    // Providers that AWS knows without being told stand by their domain.
    let domain = !text.starts_with("arn:") && text.contains('.') && !text.contains(['*', '/', ' ']);
    if arn || domain || text == "*" {
        return None;
    }
    let help = text.contains('/').then(|| {
        format!("`\"arn:aws:iam::111122223333:oidc-provider/{}\"`", text.trim_start_matches("https://"))
    });
    Some((format!("`{text}` is no identity provider"), help.filter(|_| !text.starts_with("arn:"))))
}
