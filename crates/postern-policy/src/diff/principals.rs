//! Everyone whom a policy can tell from others.

use std::collections::BTreeSet;

use postern_types::AccountId;

use crate::{Document, FederatedBy, Principal, PrincipalType};

/// More than these are not told apart.
const MOST: usize = 2_000;

/// Those whom the policies name, others of the same accounts, and strangers of every kind. None where
/// there are too many.
pub(super) fn principals(documents: [&Document; 2]) -> Option<Vec<Principal>> {
    let patterns = || documents.into_iter().flat_map(Document::principals).map(|(_, pattern)| pattern);
    let mut texts: BTreeSet<&str> = BTreeSet::new();
    let (mut list, mut related): (Vec<Principal>, Vec<Principal>) = (Vec::new(), Vec::new());
    let mut accounts: Vec<AccountId> = Vec::new();
    for pattern in patterns() {
        let text = pattern.text();
        if !texts.insert(text) || text == "*" {
            continue;
        }
        match pattern.kind() {
            PrincipalType::Aws => {
                accounts.extend(pattern.account());
                if pattern.is_unique_id() {
                    list.extend(by_id(text));
                } else if let Some(principal) = Principal::from_arn(text) {
                    accounts.extend(principal.account());
                    related.extend(relatives(&principal));
                    list.push(principal);
                }
            }
            PrincipalType::Service => list.push(Principal::Service { name: text.into() }),
            PrincipalType::Federated => list.push(Principal::WebIdentity { provider: text.into() }),
            // Whose a canonical user is cannot be told from a request.
            PrincipalType::CanonicalUser => {}
        }
        if list.len() > MOST {
            return None;
        }
    }
    list.append(&mut related);
    let unused = |name: &str| !texts.iter().any(|text| text.contains(name));
    let name =
        ["alice", "someone", "other-1f9c"].into_iter().find(|name| unused(name)).unwrap_or("nobody-1f9c");
    let mut met = BTreeSet::new();
    accounts.retain(|account| met.insert(*account));
    let stranger = ["123456789012", "210987654321", "345678901234"].iter().filter_map(|id| id.parse().ok());
    accounts.extend(stranger.filter(|id: &AccountId| !met.contains(id)).take(1));
    for account in accounts {
        for arn in [
            format!("arn:aws:iam::{account}:user/{name}"),
            format!("arn:aws:iam::{account}:role/{name}"),
            format!("arn:aws:iam::{account}:root"),
            format!("arn:aws:sts::{account}:federated-user/{name}"),
        ] {
            list.extend(Principal::from_arn(&arn));
        }
    }
    list.push(Principal::Service { name: "example.amazonaws.com".into() });
    list.push(Principal::WebIdentity { provider: "accounts.example.com".into() });
    list.push(Principal::Anonymous);
    // Root users and federated users make poor examples: much is closed to them, whatever policies say.
    list.sort_by_key(|principal| match principal {
        Principal::Root { .. } => 2,
        Principal::FederatedUser { .. } => 1,
        _ => 0,
    });
    (list.len() <= MOST).then_some(list)
}

/// The user or the session of the role with a unique id.
fn by_id(id: &str) -> Option<Principal> {
    let id = id.parse().ok()?;
    let account = "arn:aws:iam::123456789012:";
    let of = |resource: &str| Principal::from_arn(&format!("{account}{resource}"));
    match (of("user/by-id")?, of("role/by-id")?) {
        (Principal::User { arn, .. }, _) if id_is_user(&id) => Some(Principal::User { arn, id: Some(id) }),
        (_, Principal::RoleSession { role, session, .. }) => {
            Some(Principal::RoleSession { role, id: Some(id), session })
        }
        _ => None,
    }
}

fn id_is_user(id: &postern_types::PrincipalId) -> bool {
    id.as_str().starts_with("AIDA")
}

/// Who is named along with a principal: another session of its role, a federated user behind whom it is.
fn relatives(principal: &Principal) -> Option<Principal> {
    match principal {
        Principal::User { arn, .. } => {
            let session = format!("arn:aws:sts::{}:federated-user/{}", arn.account(), arn.name());
            let account = arn.account();
            let by = FederatedBy::User(arn.clone());
            Some(Principal::FederatedUser { arn: session.parse().ok()?, account, by })
        }
        Principal::RoleSession { role, .. } => Principal::from_arn(role.as_str()),
        _ => None,
    }
}
