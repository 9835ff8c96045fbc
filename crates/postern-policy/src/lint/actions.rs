//! P20 to P22, P28: actions that the catalogue does not know. New ones appear weekly: warnings.

use super::{About, Class, Rule, Severity, finding::Sink, known::Covered, place::Place};
use crate::Statement;

pub(super) static SERVICE: Rule = Rule::new("P20", Class::Warning, Severity::Medium)
    .says("Unknown service")
    .why("A misspelt service is one that no request names.")
    .fix("Write the prefix as the *Service Authorization Reference* has it.")
    .counts_as("R19");

pub(super) static ACTION: Rule = Rule::new("P21", Class::Warning, Severity::Medium)
    .says("Unknown action")
    .why("A misspelt action is one that no request names; some API operations are permitted by an action of another name.")
    .fix("Write the action as the *Service Authorization Reference* has it.")
    .counts_as("R19");

pub(super) static PATTERN: Rule = Rule::new("P22", Class::Warning, Severity::Medium)
    .says("Pattern that covers no known action")
    .why("It permits or denies nothing today.")
    .fix("Write it so that it covers what is meant; `postern policy expand` shows what it covers.")
    .counts_as("R19");

pub(super) static WILD_SERVICE: Rule = Rule::new("P28", Class::Suggestion, Severity::Info)
    .says("Wildcard in the service")
    .why("It reaches services that nobody thought of, and those to come.")
    .fix("Name the services.");

pub(super) fn statement(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    covered: &[Covered],
    sink: &mut Sink,
) {
    let catalogue = about.catalogue;
    for (at, (pattern, covered)) in statement.actions().patterns().iter().zip(covered).enumerate() {
        let text = pattern.text();
        let place = Place::Action(number, at);
        let Some((prefix, name)) = text.split_once(':') else { continue };
        // What has no right form is told by other rules.
        if text.trim() != text || name.contains(':') || text.contains("${") || text.len() > 200 {
            continue;
        }
        if prefix.contains(['*', '?']) {
            if prefix != "*" || name != "*" {
                let message = format!("`{text}` reaches every service");
                sink.add(about.document, &WILD_SERVICE, place, message, None);
            }
            continue;
        }
        if !matches!(covered, Covered::Actions(actions) if actions.is_empty()) {
            continue;
        }
        let quoted = |name: String| Some(format!("did you mean `{name}`?"));
        if catalogue.service(prefix).is_none() {
            if sink.wants(&SERVICE) {
                let whole = catalogue.nearest_action(text).filter(|_| !text.contains(['*', '?']));
                let help = whole.or_else(|| Some(format!("{}:{name}", catalogue.nearest_service(prefix)?)));
                let message = format!("`{prefix}` is no known service");
                sink.add(about.document, &SERVICE, place, message, help.and_then(quoted));
            }
        } else if text.contains(['*', '?']) {
            let message = format!("`{text}` covers no known action");
            sink.add(about.document, &PATTERN, place, message, None);
        } else if sink.wants(&ACTION) {
            let message = format!("`{text}` is no known action");
            sink.add(
                about.document,
                &ACTION,
                place,
                message,
                catalogue.nearest_action(text).and_then(quoted),
            );
        }
    }
}
