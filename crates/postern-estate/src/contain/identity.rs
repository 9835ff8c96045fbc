//! Whether a role's trust policy makes everyone say who they are.

use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request, evaluate};
use postern_types::{RoleArn, UserArn};

use crate::{Role, User};

/// Without MFA in both ways, and with it.
fn contexts() -> [Context; 3] {
    let mfa = |present: &str| Context::new().with("aws:MultiFactorAuthPresent", present);
    [Context::new(), mfa("false"), mfa("true").with("aws:MultiFactorAuthAge", "60")]
}

/// Whether nobody gets into the role who does not say, as source identity, that they are this user.
///
/// Asked as a user who may assume every role: with no source identity or another one, the trust policy must refuse.
#[must_use]
pub fn enforces_source_identity(arn: &RoleArn, role: &Role, user: &UserArn, id: &User) -> bool {
    let Ok(trust) = Document::parse(role.trust.text()) else { return false };
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let Ok(everything) = Document::parse(everything) else { return false };
    let principal = Principal::User { arn: user.clone(), id: id.id.clone() };
    let admits = |context: Context, identity: Option<&str>| {
        let mut context = context
            .with("aws:PrincipalArn", user.as_str())
            .with("aws:username", user.name().as_str())
            .with("aws:PrincipalAccount", user.account().to_string());
        if let Some(identity) = identity {
            context.set("sts:SourceIdentity", identity);
        }
        let request = Request {
            principal: &principal,
            action: "sts:AssumeRole",
            resource: arn.as_str(),
            resource_account: None,
            context: &context,
        };
        let stack = PolicyStack {
            identity: &[PolicyRef { name: "everything", arn: None, document: &everything }],
            resource: Some(PolicyRef { name: "trust", arn: None, document: &trust }),
            ..PolicyStack::default()
        };
        evaluate(&request, &stack).is_allowed()
    };
    let own = user.name().as_str();
    let another = if own == "somebody-else" { "nobody-else" } else { "somebody-else" };
    contexts().into_iter().any(|context| admits(context, Some(own)))
        && contexts().into_iter().all(|c| !admits(c.clone(), None) && !admits(c, Some(another)))
}
