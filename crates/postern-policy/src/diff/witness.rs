//! Requests as witnesses: built from samples, confirmed by the evaluator, made familiar.

use std::sync::LazyLock;

use super::{Example, Nearest, Side, Stop, pair::Pair};
use crate::{
    Context, Deciding, Decision, Document, Effect, Element, Layer, PolicyRef, PolicyStack, Principal,
    Request, evaluate, explain,
};

/// Allows everything: the side of the policies that are not compared.
static ALL: LazyLock<Option<Document>> = LazyLock::new(|| {
    Document::parse(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#).ok()
});

/// The account of the principal that stands for everyone.
const ACCOUNT: &str = "111111111111";

/// Where a resource is that belongs to an account other than the principal's.
const OWNERS: [&str; 2] = ["999999999999", "888888888888"];

/// What makes a difference: that a statement of one policy allows, and what stops it in the other.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub(super) side: Side,
    /// The statement that allows.
    pub(super) statement: usize,
    /// The statement that denies; none where nothing allows.
    pub(super) denied: Option<usize>,
}

/// What the evaluator says of a witness.
pub(super) enum Judgement {
    Confirmed(Stop),
    /// No policy is asked about such a request, or the kind of credential rules it out.
    Outside,
    Refuted,
}

/// Asks the evaluator about both policies.
pub(super) fn judge(pair: &Pair<'_>, claim: Claim, example: &Example) -> Judgement {
    let outside = |deciding: Deciding| {
        matches!(deciding, Deciding::NeedsNoPermission | Deciding::CredentialLimit(_) | Deciding::RootUser)
    };
    with(pair, claim.side, example, |request, stack| {
        let evaluation = evaluate(request, stack);
        let is_outside = outside(evaluation.deciding);
        if is_outside && !pair.named {
            return Judgement::Outside;
        }
        if !evaluation.is_allowed() || !counts(pair, request, stack, claim.statement) {
            return if is_outside { Judgement::Outside } else { Judgement::Refuted };
        }
        stop(pair, claim, example).map_or(Judgement::Refuted, Judgement::Confirmed)
    })
    .unwrap_or(Judgement::Refuted)
}

/// Calls with the request and the policies around it.
fn with<T>(
    pair: &Pair<'_>,
    side: Side,
    example: &Example,
    then: impl FnOnce(&Request<'_>, &PolicyStack<'_>) -> T,
) -> Option<T> {
    let all = PolicyRef { name: "everything", arn: None, document: ALL.as_ref()? };
    let policy = PolicyRef { name: "policy", arn: None, document: pair.document(side) };
    let account = example.principal.account();
    let request = |resource_account| Request {
        principal: &example.principal,
        action: &example.action,
        resource: &example.resource,
        resource_account,
        context: &example.context,
    };
    // What a federated user's session policy leaves is not asked here.
    let session = [all];
    let session = matches!(example.principal, Principal::FederatedUser { .. }).then_some(session.as_slice());
    if pair.named {
        let owner =
            OWNERS.into_iter().filter_map(|owner| owner.parse().ok()).find(|owner| account != Some(*owner));
        let stack =
            PolicyStack { identity: &[all], session, resource: Some(policy), ..PolicyStack::default() };
        return Some(then(&request(owner), &stack));
    }
    let delegates = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{}"}}, "Action": "*"}}}}"#,
        account.map_or_else(|| ACCOUNT.to_owned(), |account| account.to_string())
    );
    let delegates = Document::parse(&delegates).ok()?;
    let resource = PolicyRef { name: "resource", arn: None, document: &delegates };
    let stack =
        PolicyStack { identity: &[policy], session, resource: Some(resource), ..PolicyStack::default() };
    Some(then(&request(None), &stack))
}

/// Whether a statement of the policy counts.
fn counts(pair: &Pair<'_>, request: &Request<'_>, stack: &PolicyStack<'_>, number: usize) -> bool {
    let explanation = explain(request, stack);
    let mut layers = explanation.layers.iter().filter(|layer| is_compared(pair, layer.layer));
    layers.any(|layer| {
        let mut statements = layer.policies.iter().flat_map(|policy| &policy.statements);
        statements.any(|statement| statement.number == number && statement.failure.is_none())
    })
}

const fn is_compared(pair: &Pair<'_>, layer: Layer) -> bool {
    match layer {
        Layer::Resource | Layer::Trust => pair.named,
        Layer::Identity => !pair.named,
        _ => false,
    }
}

/// What stops the request in the other policy; none if it is not what is claimed.
fn stop(pair: &Pair<'_>, claim: Claim, example: &Example) -> Option<Stop> {
    with(pair, claim.side.other(), example, |request, stack| {
        let evaluation = evaluate(request, stack);
        match (evaluation.decision, claim.denied) {
            (Decision::ExplicitlyDenied, Some(statement)) => {
                counts(pair, request, stack, statement).then_some(Stop::Denied { statement })
            }
            (Decision::ImplicitlyDenied, None) => {
                Some(Stop::NothingAllows { nearest: nearest(pair, request, stack) })
            }
            _ => None,
        }
    })
    .flatten()
}

/// The allowing statement that comes furthest.
fn nearest(pair: &Pair<'_>, request: &Request<'_>, stack: &PolicyStack<'_>) -> Option<Nearest> {
    let explanation = explain(request, stack);
    let layers = explanation.layers.iter().filter(|layer| is_compared(pair, layer.layer));
    let statements = layers.flat_map(|layer| &layer.policies).flat_map(|policy| &policy.statements);
    let mut best: Option<(u8, Nearest)> = None;
    for statement in statements.filter(|statement| statement.effect == Effect::Allow) {
        let Some(failure) = &statement.failure else { continue };
        let distance = match failure.element {
            Element::Action => continue,
            Element::Resource => 2,
            Element::Principal => 1,
            Element::Condition { .. } => 0,
        };
        if best.as_ref().is_none_or(|(other, _)| distance < *other) {
            best =
                Some((distance, Nearest { statement: statement.number, element: failure.element.clone() }));
        }
    }
    best.map(|(_, nearest)| nearest)
}

/// Whoever could send a request with this context, where the policies do not name principals.
pub(super) fn anyone(context: &Context) -> Option<Principal> {
    let named = context.get("aws:PrincipalArn").single().and_then(Principal::from_arn);
    let user = |name: &str| Principal::from_arn(&format!("arn:aws:iam::{ACCOUNT}:user/{name}"));
    let by_name = || context.get("aws:username").single().and_then(user);
    named.or_else(by_name).or_else(|| user("alice"))
}
