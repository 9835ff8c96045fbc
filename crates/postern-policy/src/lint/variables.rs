//! P13 to P15: policy variables (*IAM User Guide*, Variables and tags).

use super::{About, Class, Rule, Severity, finding::Sink, place::Place};
use crate::Version;

pub(super) static MALFORMED: Rule = Rule::new("P13", Class::Error, Severity::High)
    .says("Malformed policy variable")
    .why("It is no variable then: its text is compared as it stands.")
    .fix("Write `${key}` or `${key, 'default'}`, without blanks around the key.")
    .counts_as("R19");

pub(super) static OLD_VERSION: Rule = Rule::new("P14", Class::Error, Severity::High)
    .says("Policy variable in the older language")
    .why("Version 2008-10-17, which holds without a Version, knows no variables: `${aws:username}` is compared as it stands.")
    .fix("Write `\"Version\": \"2012-10-17\"`.")
    .counts_as("R19");

pub(super) static PLACE: Rule = Rule::new("P15", Class::Error, Severity::High)
    .says("Policy variable where there are none")
    .why("Variables stand in Resource and in string and ARN conditions; elsewhere they are plain text.")
    .fix("Write the value.")
    .counts_as("R19");

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    let document = about.document;
    let mut nowhere = |place: Place, text: &str, what: &str| {
        if let Some(variable) = first(text) {
            sink.add(document, &PLACE, place, format!("`{variable}` is plain text in {what}"), None);
        }
    };
    for (number, statement) in about.statements() {
        for (at, pattern) in statement.actions().patterns().iter().enumerate() {
            nowhere(Place::Action(number, at), pattern.text(), "an action");
        }
        for (at, pattern) in statement.principals().iter().flat_map(|p| p.patterns()).enumerate() {
            nowhere(Place::Principal(number, at), pattern.text(), "a principal");
        }
        for (at, condition) in statement.conditions().iter().enumerate() {
            if condition.operator().comparison.takes_variables() {
                continue;
            }
            for (value, text) in condition.values().iter().map(crate::ConditionValue::text).enumerate() {
                let what = format!("a value of `{}`", condition.operator());
                nowhere(Place::Value(number, at, value), text, &what);
            }
        }
    }
    for (number, statement) in about.statements() {
        for (at, pattern) in statement.resources().iter().flat_map(|r| r.patterns()).enumerate() {
            expanded(about, Place::Resource(number, at), pattern.text(), sink);
        }
        for (at, condition) in statement.conditions().iter().enumerate() {
            if !condition.operator().comparison.takes_variables() {
                continue;
            }
            for (value, text) in condition.values().iter().map(crate::ConditionValue::text).enumerate() {
                expanded(about, Place::Value(number, at, value), text, sink);
            }
        }
    }
}

fn expanded(about: &About<'_>, place: Place, text: &str, sink: &mut Sink) {
    let Some(variable) = first(text) else { return };
    if about.document.version() == Version::V2008 {
        let message = format!("`{variable}` is plain text in Version 2008-10-17");
        let help = "`\"Version\": \"2012-10-17\"`".to_owned();
        sink.add(about.document, &OLD_VERSION, place, message, help);
        return;
    }
    if let Some((variable, fault, mended)) = variables(text).find_map(fault) {
        let message = format!("`{variable}` {fault}");
        sink.add(about.document, &MALFORMED, place, message, mended.map(|mended| format!("`{mended}`")));
    }
}

/// The first text that looks like a variable; escapes such as `${*}` count, too.
fn first(text: &str) -> Option<&str> {
    variables(text).next()
}

/// Every `${…}`, up to its brace or the end.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find("${")?;
        let from = rest.get(start..)?;
        let length = from.find('}').map_or(from.len(), |end| end + 1);
        rest = from.get(length..)?;
        from.get(..length)
    })
}

/// The key of a variable that is well formed.
pub(super) fn key(variable: &str) -> Option<&str> {
    let inner = variable.strip_prefix("${")?.strip_suffix('}')?;
    let key = inner.split_once(',').map_or(inner, |(key, _)| key).trim();
    (!matches!(key, "" | "*" | "?" | "$")).then_some(key)
}

fn fault(variable: &str) -> Option<(&str, &'static str, Option<String>)> {
    let Some(inner) = variable.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return Some((variable, "has no closing brace", None));
    };
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => (key, Some(default.trim())),
        None => (inner, None),
    };
    if key.trim().is_empty() {
        return Some((variable, "names no key", None));
    }
    let quoted = |text: &str| text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    if let Some(default) = default.filter(|default| !quoted(default)) {
        let bare = default.trim_matches(['\'', '"']);
        return Some((
            variable,
            "has a default without single quotes",
            Some(format!("${{{}, '{bare}'}}", key.trim())),
        ));
    }
    if key.contains(char::is_whitespace) {
        let tight: String = key.split_whitespace().collect();
        let default = default.map(|default| format!(", {default}")).unwrap_or_default();
        return Some((variable, "has a blank in the key", Some(format!("${{{tight}{default}}}"))));
    }
    None
}
