//! Policies decided and printed.

use postern_policy::{
    Context, Deciding, Decision, Document, Effect, Layout, Level, PolicyRef, PolicyStack, Principal, Request,
    evaluate, explain, format,
};
use serde_json::Value;

/// The policies of a case, by the place that they hold: `[{"name", "policy"}]`, one document, or a list.
fn documents(value: &Value) -> Option<Vec<(String, Document)>> {
    let one = std::slice::from_ref(value);
    let items = match value {
        Value::Null => &[],
        Value::Array(items) => items.as_slice(),
        _ => one,
    };
    let read = |item: &Value| {
        let document = Document::parse(&item.get("policy").unwrap_or(item).to_string()).ok()?;
        Some((item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(), document))
    };
    items.iter().map(read).collect()
}

fn references(documents: &[(String, Document)]) -> Vec<PolicyRef<'_>> {
    documents.iter().map(|(name, document)| PolicyRef { name, arn: None, document }).collect()
}

fn levels(value: Option<&Value>) -> Option<Vec<Vec<(String, Document)>>> {
    let levels = value.and_then(Value::as_array).into_iter().flatten();
    levels.map(|level| documents(level.get("policies")?)).collect()
}

fn context(value: Option<&Value>) -> Context {
    let mut context = Context::new();
    for (key, value) in value.and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::String(one) => context.set(key, one.as_str()),
            Value::Array(many) => {
                context.set(
                    key,
                    many.iter()
                        .map(|value| value.as_str().unwrap_or_default().to_owned())
                        .collect::<Vec<_>>(),
                );
            }
            other => context.set(key, other.to_string()),
        }
    }
    context
}

/// A case in the format of `postern policy eval`: decided without a panic, the same with and without an
/// explanation, by a statement that exists and has the effect of the decision.
pub fn policy_eval_case(data: &[u8]) {
    let Ok(case) = serde_json::from_slice::<Value>(data) else { return };
    let _ = decide(&case);
}

fn decide(case: &Value) -> Option<Decision> {
    let null = Value::Null;
    let member = |name: &str| case.get(name).unwrap_or(&null);
    let asked = case.get("request")?;
    let principal = Principal::from_name(asked.get("principal")?.as_str()?)?;
    let resource = asked.get("resource")?;
    let context = context(asked.get("context"));
    let request = Request {
        principal: &principal,
        action: asked.get("action")?.as_str()?,
        resource: resource.get("arn")?.as_str()?,
        resource_account: resource.get("accountId").and_then(Value::as_str).and_then(|id| id.parse().ok()),
        context: &context,
    };
    let identity = documents(member("identityPolicies"))?;
    let boundary = documents(member("permissionBoundaryPolicies"))?;
    let session = documents(member("sessionPolicy"))?;
    let policy = documents(member("resourcePolicy"))?;
    let (scps, rcps) =
        (levels(case.get("serviceControlPolicies"))?, levels(case.get("resourceControlPolicies"))?);
    let (identity, boundary, session, policy) =
        (references(&identity), references(&boundary), references(&session), references(&policy));
    let scps: Vec<_> = scps.iter().map(|level| references(level)).collect();
    let rcps: Vec<_> = rcps.iter().map(|level| references(level)).collect();
    let scps: Vec<Level<'_>> = scps.iter().map(|policies| Level { id: "ou", policies }).collect();
    let rcps: Vec<Level<'_>> = rcps.iter().map(|policies| Level { id: "ou", policies }).collect();
    let stack = PolicyStack {
        identity: &identity,
        groups: &[],
        boundary: &boundary,
        session: Some(&*session).filter(|policies| !policies.is_empty()),
        resource: policy.first().copied(),
        scps: &scps,
        rcps: &rcps,
    };

    let evaluation = evaluate(&request, &stack);
    let explanation = explain(&request, &stack);
    assert_eq!(explanation.evaluation, evaluation, "decided one way and explained another");
    if let Some(reason) = evaluation.reason(&request, &stack) {
        assert!(!evaluation.is_allowed() && !reason.to_string().is_empty());
    }
    match evaluation.deciding {
        Deciding::Statement(place) => {
            let policy = place.policy(&stack).expect("the deciding policy exists");
            let statement = policy.document.statements().get(place.statement).expect("its statement exists");
            assert_eq!(statement.effect() == Effect::Allow, evaluation.is_allowed());
            let counts = explanation.matching().any(|(layer, _, statement)| {
                layer.layer == place.layer && statement.number == place.statement
            });
            assert!(counts, "what decides does not count by the explanation");
        }
        Deciding::RootUser | Deciding::NeedsNoPermission => assert!(evaluation.is_allowed()),
        Deciding::Silent { .. } | Deciding::CredentialLimit(_) => {
            assert_eq!(evaluation.decision, Decision::ImplicitlyDenied);
        }
    }
    Some(evaluation.decision)
}

/// A policy printed: it reads back as the same policy, in both layouts, and `fmt` is done after one go.
pub fn policy_print(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(document) = Document::parse(text) else {
        assert!(format(text).is_err(), "laid out what is no policy");
        return;
    };
    for layout in [Layout::Compact, Layout::Pretty] {
        let printed = document.to_json(layout);
        let again = Document::parse(&printed).expect("what is printed is read");
        assert!(again.same_meaning(&document), "printed as another policy: {printed}");
        assert_eq!(again.to_json(layout), printed);
    }
    let formatted = format(text).expect("what is read is laid out");
    assert!(Document::parse(&formatted).expect("laid out, and read").same_meaning(&document), "{formatted}");
    assert_eq!(format(&formatted).expect("laid out twice"), formatted);
}
