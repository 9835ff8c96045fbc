//! P30, P32 to P35: operators that do not fit the type of the key.

use super::{About, Class, Rule, Severity, finding::Sink, place::Place, values};
use crate::{
    Comparison as C, Condition, Effect, Qualifier, Statement,
    catalogue::{ConditionKey, KeyKind},
};

pub(super) static TYPE: Rule = Rule::new("P30", Class::Warning, Severity::Medium)
    .says("Operator that does not fit the key's type")
    .why("Values are compared as something that they are not.")
    .fix("Use the operator of the key's type.")
    .counts_as("R19");

pub(super) static SET_ON_SINGLE: Rule = Rule::new("P32", Class::Security, Severity::Medium)
    .says("Set operator on a key with one value")
    .why("`ForAllValues` holds when the key is missing.")
    .fix("Take the set operator out.")
    .counts_as("R19");

pub(super) static NO_SET: Rule = Rule::new("P33", Class::Warning, Severity::Medium)
    .says("Key with several values without a set operator")
    .why("AWS does not document what holds when a request carries more than one.")
    .fix("Write `ForAnyValue:` or `ForAllValues:` before the operator.")
    .counts_as("R19");

pub(super) static FOR_ALL: Rule = Rule::new("P34", Class::Security, Severity::Low)
    .says("ForAllValues in an Allow without Null")
    .why("It holds when the key is missing.")
    .fix("Add `\"Null\": {\"KEY\": \"false\"}`.")
    .counts_as("R19");

pub(super) static ANY_IF_EXISTS: Rule = Rule::new("P35", Class::Warning, Severity::Low)
    .says("ForAnyValue with IfExists")
    .why("`ForAnyValue` does not hold when the key is missing, and `IfExists` does not change that.")
    .fix("Drop `IfExists`, or write two statements.")
    .counts_as("R19");

pub(super) fn statement(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    for (at, condition) in statement.conditions().iter().enumerate() {
        let operator = condition.operator();
        if operator.qualifier == Some(Qualifier::ForAnyValue) && operator.if_exists {
            let message =
                format!("`{operator}` does not hold when the key is missing, whatever `IfExists` says");
            let help = format!("`\"ForAnyValue:{}\"`", operator.comparison.as_str());
            sink.add(about.document, &ANY_IF_EXISTS, Place::Operator(number, at), message, help);
        }
        let Some(key) = about.catalogue.condition_key(condition.key()) else { continue };
        if operator.comparison == C::Null {
            continue;
        }
        sets(about, (number, at), statement, condition, key, sink);
        if let Some((severity, message, help)) = mismatch(condition, key) {
            let help = help.map(|comparison| format!("`\"{}\"`", values::with(operator, comparison)));
            sink.graded(about.document, &TYPE, severity, Place::Operator(number, at), message, help);
        }
    }
}

fn sets(
    about: &About<'_>,
    (number, at): (usize, usize),
    statement: &Statement,
    condition: &Condition,
    key: &ConditionKey,
    sink: &mut Sink,
) {
    let operator = condition.operator();
    let place = Place::Operator(number, at);
    let plain = operator.to_string();
    let plain = plain.split_once(':').map_or(plain.as_str(), |(_, plain)| plain);
    match (operator.qualifier, key.kind().is_multivalued()) {
        (Some(Qualifier::ForAllValues), false) => {
            let severity = match statement.effect() {
                Effect::Allow => SET_ON_SINGLE.severity,
                Effect::Deny => Severity::Low,
            };
            let message =
                format!("`{}` has one value, and `ForAllValues` holds without any", condition.key());
            sink.graded(about.document, &SET_ON_SINGLE, severity, place, message, format!("`\"{plain}\"`"));
        }
        (Some(Qualifier::ForAnyValue), false) => {
            let message = format!("`{}` has one value", condition.key());
            sink.graded(
                about.document,
                &SET_ON_SINGLE,
                Severity::Info,
                place,
                message,
                format!("`\"{plain}\"`"),
            );
        }
        (None, true) => {
            let message = format!("`{}` can have several values", condition.key());
            let help = format!("`\"ForAnyValue:{plain}\"` or `\"ForAllValues:{plain}\"`");
            sink.add(about.document, &NO_SET, place, message, help);
        }
        (Some(Qualifier::ForAllValues), true) if statement.effect() == Effect::Allow => {
            let demanded = |c: &Condition| {
                c.folded_key() == condition.folded_key()
                    && ((c.operator().comparison == C::Null
                        && c.values().iter().all(|v| v.text().eq_ignore_ascii_case("false")))
                        || (c.operator().qualifier == Some(Qualifier::ForAnyValue)
                            && !c.operator().if_exists))
            };
            if statement.conditions().iter().any(demanded) {
                return;
            }
            // No tags at all is what most mean to allow.
            let severity =
                if condition.folded_key() == "aws:tagkeys" { Severity::Info } else { FOR_ALL.severity };
            let message = format!("this holds in requests without `{}`", condition.key());
            let help = format!("`\"Null\": {{\"{}\": \"false\"}}`", condition.key());
            sink.graded(about.document, &FOR_ALL, severity, place, message, help);
        }
        _ => {}
    }
}

type Mismatch = (Severity, String, Option<&'static str>);

fn mismatch(condition: &Condition, key: &ConditionKey) -> Option<Mismatch> {
    let comparison = condition.operator().comparison;
    let name = comparison.as_str();
    let kind = key.kind().element();
    let text = name.starts_with("String");
    let negated = comparison.is_negated();
    let pick = |plain, negative| Some(if negated { negative } else { plain });
    let (fits, help) = match kind {
        KeyKind::Bool => (comparison == C::Bool, pick("Bool", "Bool")),
        KeyKind::Numeric => (name.starts_with("Numeric"), pick("NumericEquals", "NumericNotEquals")),
        KeyKind::Date => (name.starts_with("Date"), pick("DateEquals", "DateNotEquals")),
        KeyKind::DateOrNumeric => (name.starts_with("Date") || name.starts_with("Numeric"), None),
        KeyKind::Ip => (name.contains("IpAddress"), pick("IpAddress", "NotIpAddress")),
        KeyKind::Arn => (name.starts_with("Arn") || text, pick("ArnLike", "ArnNotLike")),
        KeyKind::Binary => (comparison == C::BinaryEquals, pick("BinaryEquals", "BinaryEquals")),
        // Some texts are ARNs, numbers, dates or booleans.
        KeyKind::String => (!name.contains("IpAddress"), pick("StringEquals", "StringNotEquals")),
        _ => return None,
    };
    let word = kind.name();
    if !fits {
        let severity = match kind {
            // `"true"` is compared as what it is.
            KeyKind::Bool if text => Severity::Low,
            KeyKind::Ip if text && condition.values().iter().any(|v| v.text().contains('/')) => {
                Severity::High
            }
            _ => TYPE.severity,
        };
        return Some((
            severity,
            format!("`{}` is of the type {word}, which `{name}` does not compare", condition.key()),
            help,
        ));
    }
    let odd = match comparison {
        C::Bool => kind == KeyKind::String,
        _ => {
            kind == KeyKind::String
                && (name.starts_with("Numeric") || name.starts_with("Date") || name.starts_with("Arn"))
        }
    };
    if odd {
        let message = format!("`{}` is a text, compared as what `{name}` makes of it", condition.key());
        return Some((Severity::Info, message, help));
    }
    if kind == KeyKind::Arn && text {
        let wild = condition.values().iter().any(|v| v.text().contains('*'));
        let message =
            format!("`{}` is an ARN: wildcards of the ARN operators keep to its parts", condition.key());
        return (wild && name.contains("Like")).then_some((Severity::Info, message, help));
    }
    None
}
