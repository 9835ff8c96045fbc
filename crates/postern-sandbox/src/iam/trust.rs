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
        // What is stored as it was named keeps its bytes, escapes included.
        if stored != principal.text() {
            edits.push((principal, stored));
        }
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
        out.push_str(&new);
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use postern_types::{PrincipalKind, Timestamp};
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::model::{User, fresh_id, new_account};

    /// One account with the user `/p/alice` and the role every account is born with.
    fn state() -> State {
        let mut rng = StdRng::seed_from_u64(1);
        let id = "111111111111".parse().unwrap();
        let mut account = new_account(id, None, Timestamp::UNIX_EPOCH, &mut rng);
        let user = User {
            name: "alice".to_owned(),
            path: "/p/".to_owned(),
            id: fresh_id(PrincipalKind::User, &mut rng),
            created: Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            boundary: None,
            inline: std::collections::BTreeMap::new(),
            attached: std::collections::BTreeSet::new(),
            groups: std::collections::BTreeSet::new(),
            login_profile: None,
            rare: Default::default(),
            password_last_used: None,
            accessed: Default::default(),
        };
        assert!(account.users.insert(user).is_ok());
        let mut state = State::new();
        state.accounts.insert(id, account);
        state
    }

    const ALICE: &str = "arn:aws:iam::111111111111:user/p/alice";
    const ROLE: &str =
        "arn:aws:iam::111111111111:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport";

    fn shown_text(state: &State, trust: &PolicyText) -> String {
        let account = state.accounts.values().next().unwrap();
        let mut role = None;
        for known in account.roles.iter() {
            role = Some(Role {
                name: "r".to_owned(),
                path: "/".to_owned(),
                id: known.id.clone(),
                created: known.created,
                description: None,
                max_session_duration: 3_600,
                trust: trust.clone(),
                tags: Vec::new(),
                boundary: None,
                inline: std::collections::BTreeMap::new(),
                attached: std::collections::BTreeSet::new(),
                last_used: None,
                accessed: Default::default(),
            });
        }
        shown(state, &role.unwrap())
    }

    proptest! {
        /// Whatever the white space and the mix of principals: nothing but ids goes in, and out comes the text.
        #[test]
        fn a_trust_policy_comes_back_byte_for_byte(
            principals in prop::collection::vec(prop::sample::select(vec![
                ALICE, ROLE, "*", "arn:aws:iam::111111111111:root",
                "arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForSupport/session",
            ]), 1..6),
            blanks in prop::collection::vec("[ \n\t]{0,3}", 12),
        ) {
            let state = state();
            let list = principals.iter().map(|p| format!("\"{p}\"")).collect::<Vec<_>>().join(&format!(",{}", blanks[0]));
            let text = format!(
                "{}{{\"Version\"{}:\"2012-10-17\",{}\"Statement\":[{{\"Effect\":\"Allow\",{}\"Principal\":{{\"AWS\":{}[{}{list}{}]}},\"Action\":\"sts:AssumeRole\"}}{}]}}{}",
                blanks[1], blanks[2], blanks[3], blanks[4], blanks[5], blanks[6], blanks[7], blanks[8], blanks[9],
            );
            let trust = stored(&state, &text).unwrap();
            prop_assert!(!trust.text.contains(":user/") && !trust.text.contains(":role/"), "{}", trust.text);
            prop_assert_eq!(shown_text(&state, &trust), text);
        }
    }

    #[test]
    fn escapes_stay_where_nothing_is_replaced() {
        let state = state();
        let text = |principal: &str| {
            format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}}}"#
            )
        };
        let root = text(r"\u0061rn:aws:iam::111111111111:root");
        assert_eq!(*stored(&state, &root).unwrap().text, *root);
        let alice = stored(&state, &text(r"\u0061rn:aws:iam::111111111111:user\/p\/alice")).unwrap();
        assert_eq!(shown_text(&state, &alice), text(ALICE));
    }
}
