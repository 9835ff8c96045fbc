//! The differences of two policies as versioned JSON. Each request has the shape that `policy eval` takes.

use std::collections::BTreeMap;

use postern_policy::{
    ContextValue, Element,
    diff::{Diff, Difference, Side, Stop, Verdict},
};
use serde::Serialize;

use super::{Compared, name, present, undecided};
use crate::{errors::CliError, report::findings::json::pretty};

#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    a: &'a str,
    b: &'a str,
    verdict: &'static str,
    /// None where that is undecided.
    a_within_b: Option<bool>,
    b_within_a: Option<bool>,
    differences: Vec<One<'a>>,
    undecided: Vec<String>,
}

#[derive(Serialize)]
struct One<'a> {
    allowed_by: &'static str,
    statement: usize,
    stop: StopJson<'a>,
    actions: Vec<Group<'a>>,
    request: Request<'a>,
    keys: BTreeMap<&'a str, Vec<Value<'a>>>,
}

#[derive(Serialize)]
struct Group<'a> {
    pattern: &'a str,
    whole: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StopJson<'a> {
    Denied { statement: usize },
    NothingAllows { nearest: Option<Nearest<'a>> },
}

#[derive(Serialize)]
struct Nearest<'a> {
    statement: usize,
    element: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

#[derive(Serialize)]
struct Request<'a> {
    principal: String,
    action: &'a str,
    resource: Resource<'a>,
    context: BTreeMap<&'a str, Value<'a>>,
}

#[derive(Serialize)]
struct Resource<'a> {
    arn: &'a str,
}

/// `null` for an absent key.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Absent,
    One(&'a str),
    Many(Vec<&'a str>),
}

/// The comparison as JSON, with a line feed behind it.
pub(crate) fn render(a: &Compared, b: &Compared, diff: &Diff) -> Result<String, CliError> {
    pretty(&Json {
        format: 1,
        a: &a.name,
        b: &b.name,
        verdict: match diff.verdict() {
            Verdict::Equal => "equal",
            Verdict::Different => "different",
            Verdict::Undecided => "undecided",
        },
        a_within_b: diff.is_within(Side::A),
        b_within_a: diff.is_within(Side::B),
        differences: diff.differences.iter().map(one).collect(),
        undecided: diff.undecided.iter().map(undecided).collect(),
    })
}

fn one(difference: &Difference) -> One<'_> {
    let example = &difference.example;
    let groups = difference.actions.iter();
    One {
        allowed_by: match difference.allowed_by {
            Side::A => "a",
            Side::B => "b",
        },
        statement: difference.statement,
        stop: stop(&difference.stop),
        actions: groups.map(|group| Group { pattern: &group.pattern, whole: group.whole }).collect(),
        request: Request {
            principal: name(&example.principal),
            action: &example.action,
            resource: Resource { arn: &example.resource },
            context: present(difference).map(|(key, given)| (key, value(given))).collect(),
        },
        keys: difference
            .keys
            .iter()
            .map(|key| (key.key.as_str(), key.values.iter().map(value).collect()))
            .collect(),
    }
}

fn stop(stop: &Stop) -> StopJson<'_> {
    match stop {
        Stop::Denied { statement } => StopJson::Denied { statement: *statement },
        Stop::NothingAllows { nearest } => StopJson::NothingAllows {
            nearest: nearest.as_ref().map(|nearest| {
                let (element, operator, key) = match &nearest.element {
                    Element::Principal => ("Principal", None, None),
                    Element::Action => ("Action", None, None),
                    Element::Resource => ("Resource", None, None),
                    Element::Condition { operator, key } => {
                        ("Condition", Some(operator.to_string()), Some(key.as_str()))
                    }
                };
                Nearest { statement: nearest.statement, element, operator, key }
            }),
        },
    }
}

fn value(value: &ContextValue) -> Value<'_> {
    match value {
        ContextValue::One(one) => Value::One(one),
        many if many.values().is_empty() => Value::Absent,
        many => Value::Many(many.values().iter().map(|one| &**one).collect()),
    }
}
