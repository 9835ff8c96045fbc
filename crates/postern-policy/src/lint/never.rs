//! P18, P40, R18: conditions on one key that exclude each other.
//!
//! The test is by trial: among values at, beside and between those that the conditions name, and the
//! absent key, one must satisfy all of them. Where such a list would not be complete (two patterns with
//! wildcards, a variable) nothing is said.

use std::collections::BTreeMap;

use super::{About, Class, Rule, Severity, finding::Sink, place::Place, sample};
use crate::{Comparison as C, Condition, Context, ContextValue, Effect, Qualifier, Statement, Truth};

pub(super) static TWICE: Rule = Rule::new("P18", Class::Error, Severity::High)
    .says("Condition key twice in different case")
    .why("Keys ignore case, and one operator takes each key once.")
    .fix("Merge the two.")
    .counts_as("R19");

pub(super) static CONTRADICTION: Rule = Rule::new("P40", Class::Error, Severity::High)
    .says("Conditions that exclude each other")
    .why("All conditions of a statement must hold at once, so that it never applies.")
    .fix("Name the alternatives in one list, or write two statements.")
    .counts_as("R19");

pub(super) static DEAD_DENY: Rule = Rule::new("R18", Class::Error, Severity::High)
    .says("Deny that never applies")
    .why("False comfort: what it should deny is not denied.")
    .fix("Mend the condition; alternatives are written as several statements.")
    .counts_as("R18");

/// More conditions on one key than anybody writes.
const MAX_CONDITIONS: usize = 16;
/// More values than are tried.
const MAX_VALUES: usize = 200;

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    for (number, statement) in about.statements() {
        if statement.conditions().len() < 2 {
            continue;
        }
        let mut keys: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, condition) in statement.conditions().iter().enumerate() {
            keys.entry(condition.folded_key()).or_default().push(at);
        }
        for places in keys.values().filter(|places| places.len() > 1) {
            twice(about, number, statement, places, sink);
            if let Some(at) = contradiction(statement, places) {
                report(about, number, statement, at, sink);
            }
        }
    }
}

fn twice(about: &About<'_>, number: usize, statement: &Statement, places: &[usize], sink: &mut Sink) {
    let conditions = || places.iter().filter_map(|at| Some((*at, statement.conditions().get(*at)?)));
    for ((_, first), (at, second)) in conditions().zip(conditions().skip(1)) {
        // Equal names are duplicates already; operators have one span for all their keys.
        if first.operator_span() == second.operator_span() && first.key() != second.key() {
            let message = format!("`{}` and `{}` are the same key", first.key(), second.key());
            sink.add(about.document, &TWICE, Place::Key(number, at), message, None);
        }
    }
}

fn report(about: &About<'_>, number: usize, statement: &Statement, at: usize, sink: &mut Sink) {
    let Some(condition) = statement.conditions().get(at) else { return };
    let (rule, outcome) = match statement.effect() {
        Effect::Allow => (&CONTRADICTION, "allows"),
        Effect::Deny => (&DEAD_DENY, "denies"),
    };
    let message = format!(
        "no value of `{}` satisfies all conditions on it: the statement never {outcome} anything",
        condition.key()
    );
    sink.add(about.document, rule, Place::Condition(number, at), message, None);
}

/// The last of the conditions on one key, if nothing satisfies all of them.
fn contradiction(statement: &Statement, places: &[usize]) -> Option<usize> {
    if places.len() > MAX_CONDITIONS {
        return None;
    }
    let conditions: Vec<&Condition> =
        places.iter().filter_map(|at| statement.conditions().get(*at)).collect();
    let all = || conditions.iter().copied();
    let values = all().map(|condition| condition.values().len()).sum::<usize>();
    let variables = || all().flat_map(|c| c.values()).any(crate::ConditionValue::has_variables);
    let unreadable = || all().flat_map(|c| c.values()).any(|value| !value.is_comparable());
    if values > MAX_VALUES || variables() || unreadable() {
        return None;
    }
    let context = Context::new();
    // A set operator looks at one value at a time: only what it says of the absent key is certain.
    let single: Vec<&Condition> = all().filter(|c| c.operator().qualifier.is_none()).collect();
    if all().all(|condition| condition.test(&context) != Truth::No) {
        return None;
    }
    if single.iter().all(|c| c.operator().comparison == C::Null) && single.len() < conditions.len() {
        // Present, then, and some set operator has its say: undecided unless `Null` wants it absent.
        let absent_only = single.iter().all(|c| c.test(&context.clone().with(c.key(), "x")) == Truth::No);
        let needs = all().any(|c| c.operator().qualifier == Some(Qualifier::ForAnyValue));
        return if absent_only && needs && !single.is_empty() { places.last().copied() } else { None };
    }
    let tried = complete(&single)?;
    let key = conditions.first()?.key();
    let holds = tried.into_iter().any(|text| {
        let context = Context::new().with(key, ContextValue::from(text));
        single.iter().all(|condition| condition.test(&context) != Truth::No)
    });
    if holds { None } else { places.last().copied() }
}

/// Values of which one satisfies all conditions if any value does.
fn complete(conditions: &[&Condition]) -> Option<Vec<String>> {
    let context = Context::new();
    let kind = |comparison: C| match comparison.as_str() {
        name if name.starts_with("Numeric") => 1,
        name if name.starts_with("Date") => 2,
        name if name.contains("IpAddress") => 3,
        _ => 0,
    };
    let mut kinds: Vec<u8> =
        conditions.iter().map(|c| c.operator().comparison).filter(|c| *c != C::Null).map(kind).collect();
    kinds.dedup();
    let ordered = matches!(kinds.as_slice(), [1] | [2]);
    let addresses = matches!(kinds.as_slice(), [3]);
    let finite = |condition: &&&Condition| {
        let comparison = condition.operator().comparison;
        let literal = condition.values().iter().all(|value| !value.text().contains(['*', '?']));
        match comparison {
            C::StringEquals | C::NumericEquals | C::DateEquals | C::Bool | C::BinaryEquals => true,
            C::StringLike | C::ArnLike | C::ArnEquals => literal,
            _ => false,
        }
    };
    let mut out: Vec<String> = Vec::new();
    if let Some(condition) = conditions.iter().find(finite) {
        out.extend(condition.values().iter().map(|value| value.text().to_owned()));
        return Some(out);
    }
    let positive =
        |c: &&&Condition| !c.operator().comparison.is_negated() && c.operator().comparison != C::Null;
    if !ordered && !addresses && conditions.iter().any(|c| positive(&c)) {
        return None;
    }
    for condition in conditions {
        for value in condition.values() {
            out.extend(sample::near(value, condition.operator().comparison, &context));
            if let Some(network) = value.network() {
                out.extend(beside(network));
            }
        }
    }
    if ordered {
        out.extend(between(conditions));
    }
    // A text of another type would leave the comparison unsettled.
    if addresses {
        out.extend(["198.51.100.7".to_owned(), "2001:db8::7".to_owned()]);
    } else if !ordered {
        out.push("another".to_owned());
    }
    Some(out)
}

/// Numbers between those that the conditions name.
fn between(conditions: &[&Condition]) -> Vec<String> {
    let values = conditions.iter().flat_map(|condition| condition.values());
    let mut numbers: Vec<f64> = values.filter_map(|value| value.text().parse().ok()).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .map(|(low, high)| format!("{:.9}", f64::midpoint(*low, *high)))
        .collect()
}

/// The address behind a block.
fn beside(network: ipnet::IpNet) -> Option<String> {
    match network {
        ipnet::IpNet::V4(block) => {
            let next = u32::from(block.broadcast()).checked_add(1)?;
            Some(std::net::Ipv4Addr::from(next).to_string())
        }
        ipnet::IpNet::V6(block) => {
            let next = u128::from(block.broadcast()).checked_add(1)?;
            Some(std::net::Ipv6Addr::from(next).to_string())
        }
    }
}
