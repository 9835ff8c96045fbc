//! What is wrong with a policy: every rule fires where it should, at the place it should, and not
//! beside it.

mod catalogue;
#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
mod conditions;
mod forms;
mod managed;
#[cfg(test)]
mod mfa;
mod security;
mod whole;

use std::collections::BTreeSet;

use postern_policy::lint::{self, Finding, PolicyKind};

/// A rule's id, the kind of policy, its text, and what is underlined; nothing where the rule is silent.
///
/// A text that does not begin with `!` is the statements of a document in the current version.
pub(crate) type Case = (&'static str, PolicyKind, &'static str, &'static str);

pub(crate) fn whole(text: &str) -> String {
    text.strip_prefix('!')
        .map_or_else(|| format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#), str::to_owned)
}

pub(crate) fn findings(kind: PolicyKind, text: &str) -> Vec<Finding> {
    lint::check_text(&whole(text), kind)
}

fn all() -> Vec<Case> {
    [forms::CASES, catalogue::CASES, conditions::CASES, mfa::CASES, security::CASES].concat()
}

#[test]
fn rules_fire_where_they_should_and_nowhere_else() {
    let mut wrong = Vec::new();
    for (rule, kind, text, span) in all() {
        let findings = findings(kind, text);
        let text = whole(text);
        let spans: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.rule.id == rule)
            .map(|finding| finding.span.of(&text).unwrap_or("outside the text"))
            .collect();
        let right = if span.is_empty() { spans.is_empty() } else { spans == [span] };
        if !right {
            let found: Vec<String> =
                findings.iter().map(|f| format!("{} {}", f.rule.id, f.message)).collect();
            wrong.push(format!("{rule} in {text}\n  wanted {span:?}, found {spans:?}\n  all: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_that_fires_and_one_that_does_not() {
    let ids = |fires: bool| -> BTreeSet<&str> {
        all().iter().filter(|case| case.3.is_empty() != fires).map(|case| case.0).collect()
    };
    let (fires, silent) = (ids(true), ids(false));
    // These take documents too large to be written down: see `whole`.
    let large = ["P12", "P99"];
    for rule in lint::RULES.iter().filter(|rule| !large.contains(&rule.id)) {
        assert!(fires.contains(rule.id), "no case makes {} fire", rule.id);
        assert!(silent.contains(rule.id), "no case leaves {} silent", rule.id);
    }
    let known: BTreeSet<&str> = lint::RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(known.len(), lint::RULES.len(), "an id stands twice");
    assert!(fires.is_subset(&known) && silent.is_subset(&known));
}

#[test]
fn rules_say_what_why_and_how() {
    for rule in lint::RULES {
        assert!(rule.title.len() > 5 && !rule.title.ends_with('.'), "{}", rule.id);
        assert!(rule.why.len() > 10 && rule.why.ends_with('.'), "{}", rule.id);
        assert!(rule.fix.len() > 8 && rule.fix.ends_with('.'), "{}", rule.id);
        assert!(rule.audit.is_none_or(|id| id.len() == 3), "{}", rule.id);
    }
}

#[test]
fn pointers_lead_to_the_text_that_is_underlined() {
    for (_, kind, text, _) in all() {
        let text = whole(text);
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        for finding in lint::check_text(&text, kind) {
            let id = finding.rule.id;
            let there = value.pointer(&finding.pointer);
            assert!(there.is_some(), "{id}: {} is not in {text}", finding.pointer);
            let span = finding.span.of(&text).unwrap();
            // A span is the value, or its name, or its name with the value.
            let last = finding.pointer.rsplit('/').next().unwrap().replace("~1", "/").replace("~0", "~");
            let value = serde_json::from_str::<serde_json::Value>(span).ok();
            let same = value.as_ref() == there || value == Some(last.clone().into());
            assert!(
                same || span.starts_with(&format!("\"{last}\"")),
                "{id}: {span} is not {}",
                finding.pointer
            );
            if let Some(number) = finding.statement {
                assert!(finding.pointer.starts_with("/Statement"), "{id} {number}");
            }
        }
    }
}
