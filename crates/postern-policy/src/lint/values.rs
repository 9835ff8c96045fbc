//! P31, P36, P38, P39, P41: values that the operator cannot use as they are meant.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{About, Class, Rule, Severity, finding::Sink, place::Place};
use crate::{Comparison as C, Condition, ConditionValue, Effect, Operator, stored};

pub(super) static UNREADABLE: Rule = Rule::new("P31", Class::Error, Severity::High)
    .says("Value that the operator cannot compare")
    .why("It is no number, date, address, boolean or ARN, so that the condition does not hold.")
    .fix("Write a value of the operator's type, or use the operator of the value's type.")
    .counts_as("R19");

pub(super) static WILDCARD: Rule = Rule::new("P36", Class::Warning, Severity::Medium)
    .says("Wildcard under an operator without wildcards")
    .why("`StringEquals` compares `*` like any other character.")
    .fix("Use `StringLike`.")
    .counts_as("R19");

pub(super) static ADDRESS: Rule = Rule::new("P38", Class::Warning, Severity::Medium)
    .says("Address block that is not what it looks like")
    .why("`aws:SourceIp` is a public address; requests from within a VPC by an endpoint carry `aws:VpcSourceIp` instead.")
    .fix("Use public blocks, or `aws:VpcSourceIp` with `aws:SourceVpc`.")
    .counts_as("R19");

pub(super) static BOTH: Rule = Rule::new("P39", Class::Error, Severity::High)
    .says("Both true and false")
    .why("The condition asks nothing but that the key be there, and `Null` not even that.")
    .fix("Keep the one that is meant.")
    .counts_as("R19");

pub(super) static EMPTY: Rule = Rule::new("P41", Class::Warning, Severity::Medium)
    .says("Condition without values")
    .why("No value matches an empty list.")
    .fix("Name the values, or take the condition out.")
    .counts_as("R19");

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    for (number, statement) in about.statements() {
        for (at, condition) in statement.conditions().iter().enumerate() {
            let comparison = condition.operator().comparison;
            if condition.values().is_empty() {
                empty(about, statement.effect(), (number, at), condition, sink);
            }
            for (value, wanted) in condition.values().iter().enumerate() {
                let place = Place::Value(number, at, value);
                if !wanted.is_comparable() {
                    unreadable(about, place, condition, wanted, sink);
                } else if comparison == C::DateEquals || comparison == C::DateNotEquals {
                    // Nothing to say: dates have no wildcards.
                } else if takes_no_wildcards(comparison) {
                    wildcard(about, place, condition, wanted, sink);
                } else if let Some(network) = wanted.network() {
                    address(about, place, condition, wanted.text(), network, sink);
                }
            }
            if matches!(comparison, C::Bool | C::Null) {
                let has = |text: &str| condition.values().iter().any(|v| v.text().eq_ignore_ascii_case(text));
                if has("true") && has("false") {
                    let message = format!("`{}` asks for true and for false", condition.operator());
                    sink.add(about.document, &BOTH, Place::Condition(number, at), message, None);
                }
            }
        }
    }
}

const fn takes_no_wildcards(comparison: C) -> bool {
    matches!(
        comparison,
        C::StringEquals | C::StringNotEquals | C::StringEqualsIgnoreCase | C::StringNotEqualsIgnoreCase
    )
}

fn empty(
    about: &About<'_>,
    effect: Effect,
    (number, at): (usize, usize),
    condition: &Condition,
    sink: &mut Sink,
) {
    let outcome = if condition.operator().comparison.is_negated() {
        "always holds"
    } else if effect == Effect::Allow {
        "never holds: the statement allows nothing"
    } else {
        "never holds: the statement denies nothing"
    };
    let message = format!("`{}` names no value and {outcome}", condition.key());
    sink.add(about.document, &EMPTY, Place::Condition(number, at), message, None);
}

fn unreadable(
    about: &About<'_>,
    place: Place,
    condition: &Condition,
    value: &ConditionValue,
    sink: &mut Sink,
) {
    let text = value.text();
    // What stands there is a variable: another rule says so.
    if text.contains("${") {
        return;
    }
    let comparison = condition.operator().comparison;
    let name = comparison.as_str();
    let mut severity = UNREADABLE.severity;
    let (what, help) = match comparison {
        C::Bool | C::Null => ("neither `true` nor `false`", truth(text)),
        C::IpAddress | C::NotIpAddress => ("no address and no block of addresses", block(text)),
        C::BinaryEquals => ("no Base64", None),
        _ if name.starts_with("Numeric") => ("no number", None),
        _ if name.starts_with("Date") => {
            if stored::is_date(text) {
                severity = Severity::Medium;
            }
            ("no date of ISO 8601 and no seconds since 1970", Some("`\"2027-01-31T00:00:00Z\"`".to_owned()))
        }
        _ if text.starts_with("arn:") => ("no whole ARN, which has six parts", Some(whole(text))),
        _ => {
            let swapped = match comparison {
                C::ArnEquals | C::ArnLike => "StringLike",
                _ => "StringNotLike",
            };
            ("no ARN", Some(format!("`\"{}\"` compares texts", with(condition.operator(), swapped))))
        }
    };
    let message = format!("`{text}` is {what}, which `{}` compares", condition.operator());
    sink.graded(about.document, &UNREADABLE, severity, place, message, help);
}

fn truth(text: &str) -> Option<String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "1" | "on" | "t" | "y" | "true" => Some("`\"true\"`".to_owned()),
        "no" | "0" | "off" | "f" | "n" | "false" => Some("`\"false\"`".to_owned()),
        _ => None,
    }
}

fn block(text: &str) -> Option<String> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    prefix.bytes().all(|b| b.is_ascii_digit()).then(|| format!("a prefix goes from /0 to /{most}"))
}

fn whole(text: &str) -> String {
    let missing = 6_usize.saturating_sub(text.split(':').count());
    format!("`\"{text}{}\"`", ":*".repeat(missing))
}

/// The operator with another comparison.
pub(super) fn with(operator: Operator, comparison: &str) -> String {
    let text = operator.to_string();
    text.replace(operator.comparison.as_str(), comparison)
}

fn wildcard(about: &About<'_>, place: Place, condition: &Condition, value: &ConditionValue, sink: &mut Sink) {
    let text = value.text();
    let plain = text.replace("${*}", "").replace("${?}", "").replace("${$}", "");
    if !plain.contains('*') {
        return;
    }
    let like = match condition.operator().comparison {
        C::StringNotEquals | C::StringNotEqualsIgnoreCase => "StringNotLike",
        _ => "StringLike",
    };
    let message = format!("`*` in `{text}` is no wildcard under `{}`", condition.operator());
    let help = format!("`\"{}\"`", with(condition.operator(), like));
    sink.add(about.document, &WILDCARD, place, message, help);
}

fn address(
    about: &About<'_>,
    place: Place,
    condition: &Condition,
    text: &str,
    network: IpNet,
    sink: &mut Sink,
) {
    if network.addr() != network.network() {
        let message = format!("`{text}` stands for the whole block `{}`", network.trunc());
        let help = format!("`\"{}\"` or `\"{}\"`", network.trunc(), network.addr());
        sink.graded(about.document, &ADDRESS, Severity::Low, place, message, help);
    }
    if condition.folded_key() == "aws:sourceip" && is_private(network) {
        let message = format!("`{text}` is no public address: `aws:SourceIp` is never in it");
        sink.add(about.document, &ADDRESS, place, message, "`\"aws:VpcSourceIp\"`".to_owned());
    }
}

/// The blocks of RFC 1918 and RFC 4193, and those of RFC 1122 and RFC 3927.
fn is_private(network: IpNet) -> bool {
    const BLOCKS: [&str; 7] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    ];
    BLOCKS.iter().filter_map(|block| block.parse::<IpNet>().ok()).any(|block| block.contains(&network))
}
