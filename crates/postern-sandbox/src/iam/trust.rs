//! Trust policies as AWS keeps them.
//!
//! When a trust policy is saved, each principal in it must exist. Users and roles are then stored under
//! their unique ids and shown as ARNs for as long as they exist: a user who is deleted leaves a dead id
//! behind, and a new user of the same name is not trusted (*IAM User Guide*, "AWS JSON policy elements:
//! Principal"). All other bytes of the text stay as they were written.

use postern_policy::{Document, PrincipalPattern, PrincipalType};
use postern_types::{Arn, PrincipalId, PrincipalKind};

use super::common::size;
use crate::{
    ServiceError,
    model::{PolicyText, Role, State},
};

/// Characters that a trust policy may have, white space not counted.
const QUOTA: usize = 2_048;

/// Checks a trust policy and gives it the form in which it is stored.
///
/// # Errors
/// AWS's refusals: of the document, of a principal that does not exist, of too long a text.
pub(super) fn stored(state: &State, text: &str) -> Result<PolicyText, ServiceError> {
    let document = postern_policy::stored::check_trust_policy(text)
        .map_err(|error| ServiceError::new(400, error.code, error.message))?;
    if size(text) > QUOTA {
        return Err(ServiceError::limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {QUOTA}")));
    }
    let mut edits = Vec::new();
    for (_, principal) in document.principals() {
        let stored = stored_principal(state, principal).ok_or_else(|| {
            ServiceError::malformed_policy(format!(
                "Invalid principal in policy: \"{}\":\"{}\"",
                match principal.kind() {
                    PrincipalType::Service => "SERVICE",
                    kind => shown_kind(kind),
                },
                principal.text()
            ))
        })?;
        edits.push((principal, stored));
    }
    let text = rewritten(text, edits);
    let document = Document::parse(&text)
        .map_err(|_| ServiceError::malformed_policy("This policy contains invalid Json"))?;
    Ok(PolicyText::new(&text, document))
}

/// A role's trust policy as it is shown: ARNs for those principals that exist.
pub(super) fn shown(state: &State, role: &Role) -> String {
    let edits = role.trust.document.principals().filter_map(|(_, principal)| {
        let id = principal.text().parse().ok().filter(|_| principal.is_unique_id())?;
        Some((principal, arn_of(state, &id)?))
    });
    rewritten(&role.trust.text, edits)
}

const fn shown_kind(kind: PrincipalType) -> &'static str {
    match kind {
        PrincipalType::Aws => "AWS",
        PrincipalType::Service => "Service",
        PrincipalType::Federated => "Federated",
        PrincipalType::CanonicalUser => "CanonicalUser",
    }
}

/// What is stored for a principal; none if there is no such principal.
fn stored_principal(state: &State, principal: &PrincipalPattern) -> Option<String> {
    let text = principal.text();
    let as_it_is = |good: bool| good.then(|| text.to_owned());
    match principal.kind() {
        PrincipalType::Aws if text == "*" => as_it_is(true),
        PrincipalType::Aws => match principal.account() {
            Some(id) => {
                let account = state.account(id)?;
                Some(if text.starts_with("arn:") { text.to_owned() } else { account.root_arn() })
            }
            None => stored_arn(state, text),
        },
        PrincipalType::Service => as_it_is(
            [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"]
                .iter()
                .any(|domain| text.strip_suffix(domain).is_some_and(|service| !service.is_empty())),
        ),
        // The providers that every account knows. The sandbox has no others, so their ARNs name nothing.
        PrincipalType::Federated => as_it_is(matches!(
            text,
            "cognito-identity.amazonaws.com"
                | "www.amazon.com"
                | "accounts.google.com"
                | "graph.facebook.com"
        )),
        // Trust policies know no canonical users.
        PrincipalType::CanonicalUser => None,
    }
}

/// The unique id behind the ARN of a user or role; the ARN itself for sessions of a role that exists.
fn stored_arn(state: &State, text: &str) -> Option<String> {
    let arn: Arn = text.parse().ok()?;
    let account = state.account(arn.account()?)?;
    let (kind, rest) = arn.resource().split_once('/')?;
    let name = rest.rsplit('/').next()?;
    match (arn.service(), kind) {
        ("iam", "user") => {
            let user = account.users.get(name).filter(|user| account.user_arn(user) == text)?;
            Some(user.id.to_string())
        }
        ("iam", "role") => {
            let role = account.roles.get(name).filter(|role| account.role_arn(role) == text)?;
            Some(role.id.to_string())
        }
        ("sts", "assumed-role") => {
            let (role, session) = rest.split_once('/')?;
            let known = account.roles.get(role).is_some_and(|known| known.name == role);
            (known && !session.is_empty() && !session.contains(['/', '*', '?'])).then(|| text.to_owned())
        }
        ("sts", "federated-user") => {
            (!rest.is_empty() && !rest.contains(['/', '*', '?'])).then(|| text.to_owned())
        }
        _ => None,
    }
}

/// The ARN of the user or role with this id, in whatever account it is.
fn arn_of(state: &State, id: &PrincipalId) -> Option<String> {
    state.accounts.values().find_map(|account| match id.kind() {
        PrincipalKind::User => account.users.by_id(id).map(|user| account.user_arn(user)),
        PrincipalKind::Role => account.roles.by_id(id).map(|role| account.role_arn(role)),
        _ => None,
    })
}

/// The text with principals replaced. What replaces them needs no escapes in JSON.
fn rewritten<'a>(text: &str, edits: impl IntoIterator<Item = (&'a PrincipalPattern, String)>) -> String {
    let mut edits: Vec<_> = edits.into_iter().map(|(principal, new)| (principal.span(), new)).collect();
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in edits {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        // A principal that is stored as it was written keeps its escapes.
        out.push_str(if needs_edit(text.get(span.start..span.end), &new) {
            &new
        } else {
            text.get(span.start..span.end).unwrap_or_default()
        });
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

fn needs_edit(old: Option<&str>, new: &str) -> bool {
    old != Some(new)
}
