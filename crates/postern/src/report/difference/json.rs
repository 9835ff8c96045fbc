//! The differences of two policies as versioned JSON. Each request has the shape that `policy eval` takes.

use std::{borrow::Cow, collections::BTreeMap};

use postern_policy::{
    ContextValue, Element,
    diff::{Diff, Difference, KeyValue, KeyValues, Side, Stop, Verdict, Whom},
};
use serde::Serialize;

use super::{Compared, name, present, undecided};
use crate::{errors::CliError, report::findings::json::pretty};

#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    a: &'a str,
    b: &'a str,
    /// What each looks like.
    kinds: [&'static str; 2],
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
    resources: Vec<Group<'a>>,
    principals: Vec<WhomJson<'a>>,
    when: Vec<BTreeMap<&'a str, Values<'a>>>,
    all_contexts: bool,
    request: Request<'a>,
}

#[derive(Serialize)]
struct Group<'a> {
    pattern: &'a str,
    except: &'a [String],
    whole: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WhomJson<'a> {
    Anyone { without_credentials: bool, except_some: bool },
    Account { account: String, except_some: bool },
    AllBut { names: &'a [String] },
    Principal { name: &'a str, such_as: bool },
}

/// Values that make the difference, and those that do not.
#[derive(Serialize)]
struct Values<'a> {
    values: Vec<OneValue<'a>>,
    others: Vec<OneValue<'a>>,
}

#[derive(Serialize)]
struct OneValue<'a> {
    value: Value<'a>,
    stands_for_more: bool,
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
    context: BTreeMap<Cow<'a, str>, Value<'a>>,
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
        kinds: [a.kind.as_str(), b.kind.as_str()],
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
    One {
        allowed_by: match difference.allowed_by {
            Side::A => "a",
            Side::B => "b",
        },
        statement: difference.statement,
        stop: stop(&difference.stop),
        actions: difference
            .actions
            .iter()
            .map(|group| Group { pattern: &group.pattern, except: &group.except, whole: group.whole })
            .collect(),
        resources: difference
            .resources
            .iter()
            .map(|group| Group { pattern: &group.pattern, except: &group.except, whole: group.whole })
            .collect(),
        principals: difference.principals.iter().map(whom).collect(),
        when: difference.when.iter().map(|keys| keys.iter().map(key).collect()).collect(),
        all_contexts: difference.all_contexts,
        request: Request {
            principal: name(&example.principal),
            action: &example.action,
            resource: Resource { arn: &example.resource },
            context: present(difference).map(|(key, given)| (key, value(given))).collect(),
        },
    }
}

fn whom(whom: &Whom) -> WhomJson<'_> {
    match whom {
        Whom::Anyone { without_credentials, except_some } => {
            WhomJson::Anyone { without_credentials: *without_credentials, except_some: *except_some }
        }
        Whom::Account { account, except_some } => {
            WhomJson::Account { account: account.to_string(), except_some: *except_some }
        }
        Whom::AllBut { names } => WhomJson::AllBut { names },
        Whom::Named { name, such_as } => WhomJson::Principal { name, such_as: *such_as },
    }
}

fn key(key: &KeyValues) -> (&str, Values<'_>) {
    fn all(list: &[KeyValue]) -> Vec<OneValue<'_>> {
        list.iter()
            .map(|one| OneValue { value: value(&one.value), stands_for_more: one.stands_for_more })
            .collect()
    }
    (&key.key, Values { values: all(&key.values), others: all(&key.others) })
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
