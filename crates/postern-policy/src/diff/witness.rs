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

/// What the evaluator says of a witness.
pub(super) enum Judgement {
    Confirmed {
        /// The statement that allows.
        statement: usize,
        stop: Stop,
    },
    /// No policy is asked about such a request, or the kind of credential rules it out.
    Outside,
    Refuted,
}

/// Asks the evaluator about both policies.
pub(super) fn judge(pair: &Pair<'_>, side: Side, example: &Example) -> Judgement {
    let outside = |deciding: Deciding| {
        matches!(deciding, Deciding::NeedsNoPermission | Deciding::CredentialLimit(_) | Deciding::RootUser)
    };
    with(pair, side, example, |request, stack| {
        let evaluation = evaluate(request, stack);
        if outside(evaluation.deciding) && !pair.named {
            return Judgement::Outside;
        }
        if !evaluation.is_allowed() {
            return if outside(evaluation.deciding) { Judgement::Outside } else { Judgement::Refuted };
        }
        let Some(statement) = allowing(pair, request, stack) else {
            return if outside(evaluation.deciding) { Judgement::Outside } else { Judgement::Refuted };
        };
        match stop(pair, side.other(), example) {
            Some(stop) => Judgement::Confirmed { statement, stop },
            None => Judgement::Refuted,
        }
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
    if pair.named {
        let owner =
            OWNERS.into_iter().filter_map(|owner| owner.parse().ok()).find(|owner| account != Some(*owner));
        let session = [all];
        let federated = matches!(example.principal, Principal::FederatedUser { .. });
        let stack = PolicyStack {
            identity: &[all],
            session: federated.then_some(session.as_slice()),
            resource: Some(policy),
            ..PolicyStack::default()
        };
        return Some(then(&request(owner), &stack));
    }
    let delegates = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{}"}}, "Action": "*"}}}}"#,
        account.map_or_else(|| ACCOUNT.to_owned(), |account| account.to_string())
    );
    let delegates = Document::parse(&delegates).ok()?;
    let resource = PolicyRef { name: "resource", arn: None, document: &delegates };
    let stack = PolicyStack { identity: &[policy], resource: Some(resource), ..PolicyStack::default() };
    Some(then(&request(None), &stack))
}

/// The first statement of the policy that allows.
fn allowing(pair: &Pair<'_>, request: &Request<'_>, stack: &PolicyStack<'_>) -> Option<usize> {
    let explanation = explain(request, stack);
    let mut matching = explanation
        .matching()
        .filter(|(layer, _, statement)| is_compared(pair, layer.layer) && statement.effect == Effect::Allow);
    matching.next().map(|(_, _, statement)| statement.number)
}

const fn is_compared(pair: &Pair<'_>, layer: Layer) -> bool {
    match layer {
        Layer::Resource | Layer::Trust => pair.named,
        Layer::Identity => !pair.named,
        _ => false,
    }
}

/// Why the policy does not allow the request; none if it does.
fn stop(pair: &Pair<'_>, side: Side, example: &Example) -> Option<Stop> {
    with(pair, side, example, |request, stack| {
        let evaluation = evaluate(request, stack);
        match (evaluation.decision, evaluation.deciding) {
            (Decision::Allowed, _) => None,
            (Decision::ExplicitlyDenied, Deciding::Statement(place)) => {
                Some(Stop::Denied { statement: place.statement })
            }
            _ => Some(Stop::NothingAllows { nearest: nearest(pair, request, stack) }),
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
