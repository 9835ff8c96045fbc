//! Simulated requests with the members of AWS's `SimulateCustomPolicy` answer. Ours are in lower case.

use postern_policy::{Decision, Effect, Layer, Span, StatementExplanation, line_column};
use serde::Serialize;

use super::{Given, Notice, Outcome, Simulation};
use crate::{
    errors::CliError,
    report::explanation::{self, Explained},
};

/// The answer. Like AWS's since 2026: one result for each action, with the results for each resource in it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    evaluation_results: Vec<ActionResult<'a>>,
    is_truncated: bool,
    #[serde(rename = "implied")]
    implied: Vec<Implied<'a>>,
    #[serde(rename = "warnings")]
    warnings: &'a [Notice],
}

#[derive(Serialize)]
struct Implied<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ActionResult<'a> {
    eval_action_name: &'a str,
    eval_resource_name: &'a str,
    eval_decision: &'static str,
    matched_statements: Vec<Matched<'a>>,
    missing_context_values: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations_decision_detail: Option<Organizations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<Boundary>,
    resource_specific_results: Vec<ResourceResult<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceResult<'a> {
    eval_resource_name: &'a str,
    eval_resource_decision: &'static str,
    matched_statements: Vec<Matched<'a>>,
    missing_context_values: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<Boundary>,
    #[serde(flatten)]
    explained: Explained<'a>,
    #[serde(rename = "notices", skip_serializing_if = "<[Notice]>::is_empty")]
    notices: &'a [Notice],
}

#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Matched<'a> {
    source_policy_id: &'a str,
    start_position: Position,
    end_position: Position,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line: usize,
    column: usize,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Organizations {
    allowed_by_organizations: bool,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    allowed_by_permissions_boundary: bool,
}

/// The run as JSON.
pub(crate) fn render(simulation: &Simulation<'_>) -> Result<String, CliError> {
    let mut actions: Vec<Vec<&Outcome<'_>>> = Vec::new();
    for outcome in &simulation.outcomes {
        match actions.last_mut() {
            Some(of) if of.last().is_some_and(|last| last.request.action == outcome.request.action) => {
                of.push(outcome);
            }
            _ => actions.push(vec![outcome]),
        }
    }
    let results = actions.iter().filter_map(|outcomes| action_result(simulation, outcomes));
    let implied = simulation.implied.iter().map(|(key, value)| Implied { key, value });
    let answer = Answer {
        evaluation_results: results.collect(),
        is_truncated: false,
        implied: implied.collect(),
        warnings: &simulation.warnings,
    };
    serde_json::to_string_pretty(&answer)
        .map(|text| format!("{text}\n"))
        .map_err(|error| CliError::failed("cannot write JSON").caused_by(error))
}

fn action_result<'a>(
    simulation: &'a Simulation<'_>,
    outcomes: &[&'a Outcome<'a>],
) -> Option<ActionResult<'a>> {
    let results: Vec<ResourceResult<'a>> =
        outcomes.iter().map(|outcome| resource_result(simulation, outcome)).collect();
    let strictest =
        outcomes.iter().map(|outcome| outcome.decision()).max_by_key(|decision| strictness(*decision))?;
    let mut matched: Vec<Matched<'a>> = Vec::new();
    let mut missing: Vec<&'a str> = Vec::new();
    for (result, outcome) in results.iter().zip(outcomes) {
        if outcome.decision() == strictest {
            let new = result.matched_statements.iter().filter(|one| !matched.contains(one));
            let new: Vec<_> = new.cloned().collect();
            matched.extend(new);
        }
        missing.extend(&outcome.missing);
    }
    missing.sort_unstable();
    missing.dedup();
    let first = outcomes.first()?;
    Some(ActionResult {
        eval_action_name: first.request.action,
        eval_resource_name: if let [one] = outcomes { one.request.resource } else { "*" },
        eval_decision: decision(strictest),
        matched_statements: matched,
        missing_context_values: missing,
        organizations_decision_detail: organizations(outcomes),
        permissions_boundary_decision_detail: outcomes
            .iter()
            .map(|outcome| boundary(outcome))
            .fold(None, both),
        resource_specific_results: results,
    })
}

fn resource_result<'a>(simulation: &'a Simulation<'_>, outcome: &'a Outcome<'a>) -> ResourceResult<'a> {
    ResourceResult {
        eval_resource_name: outcome.request.resource,
        eval_resource_decision: decision(outcome.decision()),
        matched_statements: matched(simulation, outcome),
        missing_context_values: &outcome.missing,
        permissions_boundary_decision_detail: boundary(outcome),
        explained: explanation::json(&outcome.explanation, &outcome.request, &outcome.stack),
        notices: &outcome.notices,
    }
}

const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::ImplicitlyDenied => "implicitDeny",
        Decision::ExplicitlyDenied => "explicitDeny",
    }
}

const fn strictness(decision: Decision) -> u8 {
    match decision {
        Decision::Allowed => 0,
        Decision::ImplicitlyDenied => 1,
        Decision::ExplicitlyDenied => 2,
    }
}

/// The statements that made the decision: those that deny, else those that allow. AWS leaves SCPs out.
fn matched<'a>(simulation: &'a Simulation<'_>, outcome: &'a Outcome<'_>) -> Vec<Matched<'a>> {
    let effect = match outcome.decision() {
        Decision::Allowed => Effect::Allow,
        Decision::ExplicitlyDenied => Effect::Deny,
        Decision::ImplicitlyDenied => return Vec::new(),
    };
    let mut found = Vec::new();
    for (level, layer) in outcome.layers().filter(|(_, layer)| layer.applies && counts(layer.layer, effect)) {
        let given = simulation.policies.of(layer.layer, level);
        for (policy, given) in layer.policies.iter().zip(given) {
            let matching = policy
                .statements
                .iter()
                .filter(|s: &&StatementExplanation| s.failure.is_none() && s.effect == effect);
            found.extend(matching.map(|statement| position(given, statement.span)));
        }
    }
    found
}

/// Boundaries and session policies grant nothing, but their denials count.
fn counts(layer: Layer, effect: Effect) -> bool {
    match layer {
        Layer::Scp | Layer::Rcp => false,
        Layer::Boundary | Layer::Session => effect == Effect::Deny,
        _ => true,
    }
}

/// AWS counts the columns behind the braces: those of the examples in its CLI's manual.
fn position(given: &Given, span: Span) -> Matched<'_> {
    let at = |offset| {
        let (line, column) = line_column(&given.text, offset);
        Position { line, column }
    };
    Matched { source_policy_id: &given.id, start_position: at(span.start + 1), end_position: at(span.end) }
}

fn boundary(outcome: &Outcome<'_>) -> Option<Boundary> {
    let (_, layer) = outcome.layers().find(|(_, layer)| layer.layer == Layer::Boundary)?;
    let has = |effect| {
        let mut statements = layer.policies.iter().flat_map(|policy| &policy.statements);
        statements.any(|statement| statement.effect == effect && statement.failure.is_none())
    };
    Some(Boundary { allowed_by_permissions_boundary: has(Effect::Allow) && !has(Effect::Deny) })
}

fn both(one: Option<Boundary>, other: Option<Boundary>) -> Option<Boundary> {
    let Some(one) = one else { return other };
    let allowed = other.is_none_or(|other| other.allowed_by_permissions_boundary);
    Some(Boundary { allowed_by_permissions_boundary: one.allowed_by_permissions_boundary && allowed })
}

fn organizations(outcomes: &[&Outcome<'_>]) -> Option<Organizations> {
    let mut scps = outcomes
        .iter()
        .flat_map(|outcome| outcome.layers())
        .filter(|(_, layer)| layer.layer == Layer::Scp)
        .peekable();
    scps.peek()?;
    let allowed = scps.all(|(_, layer)| {
        let has = |effect| {
            let mut statements = layer.policies.iter().flat_map(|policy| &policy.statements);
            statements.any(|statement| statement.effect == effect && statement.failure.is_none())
        };
        !layer.applies || (has(Effect::Allow) && !has(Effect::Deny))
    });
    Some(Organizations { allowed_by_organizations: allowed })
}
