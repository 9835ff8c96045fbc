//! Why a request was decided as it was, for machines. The contract is docs/policy-eval.md.

use postern_policy::{
    Deciding, Decision, Effect, Element, Explanation, Failure, Layer, LayerExplanation, Limit,
    PolicyExplanation, PolicyStack, Request, StatementExplanation, Truth,
};
use serde::Serialize;

/// The forms that a principal may have where one is wanted and something else stands.
pub(crate) const PRINCIPAL_FORMS: &str = "the forms are the ARN of a user, a role, an assumed-role or \
    federated-user session, a root user, a SAML or OIDC provider; a service such as `ec2.amazonaws.com`; \
    a provider's domain such as `accounts.google.com`; `*`";

/// A decision as policy cases name it.
pub(crate) const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "Allowed",
        Decision::ImplicitlyDenied => "ImplicitlyDenied",
        Decision::ExplicitlyDenied => "ExplicitlyDenied",
    }
}

/// A layer's name in JSON.
pub(crate) const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Identity => "identity",
        Layer::Group => "group",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
        Layer::Resource => "resource",
        Layer::Trust => "trust",
        Layer::Scp => "scp",
        Layer::Rcp => "rcp",
    }
}

/// What stands beside a decision: the place that decided, AWS's words for it, and every layer.
#[derive(Debug, Serialize)]
pub(crate) struct Explained<'a> {
    deciding: DecidingJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    because: Vec<LayerJson<'a>>,
}

#[derive(Debug, Serialize)]
struct DecidingJson<'a> {
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct LayerJson<'a> {
    layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "is_true")]
    applies: bool,
    policies: Vec<PolicyJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PolicyJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    statements: Vec<StatementJson<'a>>,
}

#[derive(Debug, Serialize)]
struct StatementJson<'a> {
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    effect: &'static str,
    matched: bool,
    #[serde(skip_serializing_if = "is_false")]
    unsettled: bool,
    #[serde(flatten)]
    failure: Option<FailureJson<'a>>,
}

#[derive(Debug, Serialize)]
struct FailureJson<'a> {
    element: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    wanted: &'a [String],
    present: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    valueless: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The explanation as JSON has it.
pub(crate) fn json<'a>(
    explanation: &'a Explanation,
    request: &Request<'a>,
    stack: &PolicyStack<'a>,
) -> Explained<'a> {
    Explained {
        deciding: deciding(explanation.evaluation.deciding, stack),
        reason: explanation.evaluation.reason(request, stack).map(|reason| reason.to_string()),
        because: explanation.layers.iter().map(layer_json).collect(),
    }
}

fn deciding<'a>(deciding: Deciding, stack: &PolicyStack<'a>) -> DecidingJson<'a> {
    let none = DecidingJson { by: "", layer: None, level: None, policy: None, statement: None, limit: None };
    match deciding {
        Deciding::Statement(place) => DecidingJson {
            by: "statement",
            layer: Some(layer(place.layer)),
            level: level(place.layer, place.level, stack),
            policy: place.policy(stack).map(|policy| policy.name),
            statement: Some(place.statement),
            ..none
        },
        Deciding::Silent { layer: silent, level: number } => DecidingJson {
            by: "silence",
            layer: Some(layer(silent)),
            level: level(silent, number, stack),
            ..none
        },
        Deciding::RootUser => DecidingJson { by: "rootUser", ..none },
        Deciding::NeedsNoPermission => DecidingJson { by: "needsNoPermission", ..none },
        Deciding::CredentialLimit(limit) => DecidingJson {
            by: "credentialLimit",
            limit: Some(match limit {
                Limit::RootAssumesNoRole => "rootAssumesNoRole",
                Limit::FederatedUser => "federatedUser",
                Limit::RoleSession => "roleSession",
            }),
            ..none
        },
    }
}

fn level<'a>(layer: Layer, number: usize, stack: &PolicyStack<'a>) -> Option<&'a str> {
    let levels = match layer {
        Layer::Scp => stack.scps,
        Layer::Rcp => stack.rcps,
        _ => return None,
    };
    levels.get(number).map(|level| level.id)
}

fn layer_json(found: &LayerExplanation) -> LayerJson<'_> {
    LayerJson {
        layer: layer(found.layer),
        level: found.level.as_deref(),
        applies: found.applies,
        policies: found.policies.iter().map(policy_json).collect(),
    }
}

fn policy_json(policy: &PolicyExplanation) -> PolicyJson<'_> {
    PolicyJson {
        name: &policy.name,
        arn: policy.arn.as_deref(),
        statements: policy.statements.iter().map(statement_json).collect(),
    }
}

fn statement_json(statement: &StatementExplanation) -> StatementJson<'_> {
    let failure = statement.failure.as_ref();
    StatementJson {
        statement: statement.number,
        sid: statement.sid.as_deref(),
        effect: effect(statement.effect),
        matched: failure.is_none(),
        unsettled: statement.unsettled || failure.is_some_and(|failure| failure.truth == Truth::Unsettled),
        failure: failure.map(failure_json),
    }
}

/// An effect as policies write it.
pub(crate) const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

fn failure_json(failure: &Failure) -> FailureJson<'_> {
    let (element, operator, key) = match &failure.element {
        Element::Principal => ("Principal", None, None),
        Element::Action => ("Action", None, None),
        Element::Resource => ("Resource", None, None),
        Element::Condition { operator, key } => ("Condition", Some(operator.to_string()), Some(&**key)),
    };
    FailureJson {
        element,
        operator,
        key,
        wanted: &failure.wanted,
        present: &failure.present,
        valueless: failure.valueless.as_deref(),
    }
}
