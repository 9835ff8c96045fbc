//! Cases as the project's formats write them: one JSON object with a request and its policies.

#![allow(dead_code, reason = "every test file uses its part")]

use postern_policy::{
    Context, Decision, Document, Evaluation, Explanation, Level, PolicyRef, PolicyStack, Principal, Request,
    evaluate, explain,
};
use serde_json::Value;

/// One case, kept as JSON so that tests can change it and ask again.
#[derive(Clone, Debug)]
pub(crate) struct Case(pub(crate) Value);

/// The decision by its name in the formats.
pub(crate) fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "Allowed",
        Decision::ImplicitlyDenied => "ImplicitlyDenied",
        Decision::ExplicitlyDenied => "ExplicitlyDenied",
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}

pub(crate) fn context(value: &Value) -> Context {
    let mut context = Context::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Array(_) => context.set(key, texts(value)),
            _ => context.set(key, texts(value).remove(0)),
        }
    }
    context
}

fn document(value: &Value) -> Document {
    let text = value.to_string();
    Document::parse(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

type Named = (String, Document);

/// `[{"name":…,"policy":…}]`, or policies alone.
fn policies(value: &Value) -> Vec<Named> {
    let one = std::slice::from_ref(value);
    let list = match value {
        Value::Null => &[],
        Value::Array(list) => list.as_slice(),
        _ => one,
    };
    list.iter()
        .map(|item| match item.get("policy") {
            Some(policy) => (texts(&item["name"]).remove(0), document(policy)),
            None => ("inline".to_owned(), document(item)),
        })
        .collect()
}

fn levels(value: &Value) -> Vec<(String, Vec<Named>)> {
    let levels = value.as_array().into_iter().flatten();
    levels.map(|level| (texts(&level["orgIdentifier"]).remove(0), policies(&level["policies"]))).collect()
}

fn refs(policies: &[Named]) -> Vec<PolicyRef<'_>> {
    policies.iter().map(|(name, document)| PolicyRef { name, arn: None, document }).collect()
}

fn by_level(levels: &[(String, Vec<Named>)]) -> Vec<(&str, Vec<PolicyRef<'_>>)> {
    levels.iter().map(|(id, policies)| (id.as_str(), refs(policies))).collect()
}

impl Case {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or("without an id")
    }

    pub(crate) fn on<T>(&self, then: impl FnOnce(&Request<'_>, &PolicyStack<'_>) -> T) -> T {
        let case = &self.0;
        let asked = &case["request"];
        let principal = Principal::from_name(asked["principal"].as_str().unwrap()).unwrap();
        let context = context(&asked["context"]);
        let request = Request {
            principal: &principal,
            action: asked["action"].as_str().unwrap(),
            resource: asked["resource"]["arn"].as_str().unwrap(),
            resource_account: asked["resource"]["accountId"].as_str().map(|account| account.parse().unwrap()),
            context: &context,
        };
        let identity = policies(&case["identityPolicies"]);
        let boundary = policies(&case["permissionBoundaryPolicies"]);
        let session = (!case["sessionPolicy"].is_null()).then(|| policies(&case["sessionPolicy"]));
        let resource = policies(&case["resourcePolicy"]);
        let scps = levels(&case["serviceControlPolicies"]);
        let rcps = levels(&case["resourceControlPolicies"]);
        let (identity, boundary, resource) = (refs(&identity), refs(&boundary), refs(&resource));
        let session = session.as_deref().map(refs);
        let (scps, rcps) = (by_level(&scps), by_level(&rcps));
        let scps: Vec<Level<'_>> = scps.iter().map(|(id, policies)| Level { id, policies }).collect();
        let rcps: Vec<Level<'_>> = rcps.iter().map(|(id, policies)| Level { id, policies }).collect();
        let stack = PolicyStack {
            identity: &identity,
            groups: &[],
            boundary: &boundary,
            session: session.as_deref(),
            resource: resource.first().copied(),
            scps: &scps,
            rcps: &rcps,
        };
        then(&request, &stack)
    }

    pub(crate) fn evaluate(&self) -> Evaluation {
        self.on(evaluate)
    }

    pub(crate) fn explain(&self) -> Explanation {
        self.on(explain)
    }
}
