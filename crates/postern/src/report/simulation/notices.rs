//! What stands beside a decision: which policies it lacks, and what else a reader could take it wrongly for.

use postern_policy::{Deciding, Evaluation, Layer, PolicyStack, Principal, Request};
use serde::Serialize;

/// Something to know about a run or a decision, with a name for scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    /// The catalogue does not know the action.
    UnknownAction,
    /// The catalogue does not know the context key.
    UnknownContextKey,
    /// The resource is no ARN.
    NoArn,
    /// Callers of this kind call another action than the one that was asked.
    OtherAction,
    /// A trust policy is needed and not given.
    NoTrustPolicy,
    /// A resource's policy is needed and not given.
    NoResourcePolicy,
    /// The caller's own policies are needed, and none is given.
    NoPolicy,
    /// The answer is about the caller's side alone.
    CallersSideAlone,
}

impl Kind {
    /// Whether there is something to add to the command.
    pub(crate) const fn is_hint(self) -> bool {
        self.lacks().is_some()
    }

    /// The layer that is not given.
    pub(super) const fn lacks(self) -> Option<Layer> {
        match self {
            Self::NoTrustPolicy => Some(Layer::Trust),
            Self::NoResourcePolicy => Some(Layer::Resource),
            Self::NoPolicy => Some(Layer::Identity),
            _ => None,
        }
    }
}

/// Whether the request is about a KMS key, whose key policy always has a say.
pub(super) fn is_about_key(request: &Request<'_>) -> bool {
    let resource = request.resource.splitn(6, ':').nth(5);
    request.action.to_ascii_lowercase().starts_with("kms:")
        && resource.is_some_and(|resource| resource.starts_with("key/"))
}

/// Which of the policies that bear on the request were not given, where one of them could have changed the decision.
pub(super) fn of(request: &Request<'_>, stack: &PolicyStack<'_>, evaluation: &Evaluation) -> Vec<Notice> {
    let has_own = !stack.identity.is_empty() || !stack.groups.is_empty();
    let notice = |kind, message| Notice { kind, message };
    let mut notices = Vec::new();
    match evaluation.deciding {
        Deciding::Silent { layer: Layer::Trust | Layer::Resource, .. } => {
            if stack.resource.is_none() {
                notices.push(about_resource(request));
            }
            if request.is_cross_account() && !has_own && !request.principal.has_all_of_root() {
                notices.push(notice(Kind::NoPolicy, about_caller(request)));
            }
        }
        Deciding::Silent { layer: Layer::Identity, .. } if !has_own => {
            notices.push(notice(Kind::NoPolicy, about_caller(request)));
        }
        _ => {}
    }
    let by_caller = match evaluation.deciding {
        Deciding::Statement(_) => evaluation.is_allowed(),
        Deciding::Silent { layer, .. } => layer == Layer::Identity,
        _ => false,
    };
    let is_role = request.resource == "*" || request.resource.contains(":role/");
    if by_caller && is_role && stack.resource.is_none() && request.is_assumption() {
        let message = if evaluation.is_allowed() {
            "no trust policy is given, so this is about the caller's side alone: the role must trust the \
             caller, too (--trust-policy FILE)"
        } else {
            "no trust policy is given, so this is about the caller's side alone: a trust policy that names the \
             caller itself would be enough (--trust-policy FILE)"
        };
        notices.push(notice(Kind::CallersSideAlone, message.to_owned()));
    }
    notices
}

/// The resource's side, which is not given.
fn about_resource(request: &Request<'_>) -> Notice {
    let (kind, flag) = if request.is_assumption() {
        (Kind::NoTrustPolicy, "--trust-policy")
    } else {
        (Kind::NoResourcePolicy, "--resource-policy")
    };
    let (what, policy) = match kind {
        Kind::NoTrustPolicy => ("role", "trust policy"),
        _ if is_about_key(request) => ("key", "key policy"),
        _ => ("resource", "resource policy"),
    };
    let owner = request.owner().filter(|_| request.is_cross_account());
    let why = match owner {
        Some(owner) => format!("the {what} is in another account, {owner}, and must allow this, too"),
        None if request.principal.account().is_none() => {
            format!("the {what} alone decides about a caller that is in no account")
        }
        None => format!("a KMS {what} is used as its {policy} allows, or leaves to IAM policies"),
    };
    Notice { kind, message: format!("{why}; no {policy} is given: add {flag} FILE") }
}

/// The caller's side, which is not given.
fn about_caller(request: &Request<'_>) -> String {
    let why = match (request.is_cross_account(), request.principal) {
        (true, principal) => {
            let account = principal.account().map(|account| format!(", {account}")).unwrap_or_default();
            format!("the caller is in another account{account}, and its own policies must allow this, too")
        }
        (false, Principal::RoleSession { .. }) => "the policies of the caller's role decide".to_owned(),
        (false, _) => "the caller's own policies decide".to_owned(),
    };
    format!("{why}; none is given: add --policy FILE")
}
