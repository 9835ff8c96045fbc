//! P43 to P45: what another part of the document makes pointless.

use std::collections::HashMap;

use super::{About, Budget, Class, Rule, Severity, finding::Sink, place::Place, wide};
use crate::{Effect, Statement};

pub(super) static DENIED: Rule = Rule::new("P43", Class::Warning, Severity::Medium)
    .says("Allow that a Deny takes away as a whole")
    .why("An explicit deny always wins: the statement allows nothing.")
    .fix("Take out the one of the two that is not meant.")
    .counts_as("R19");

pub(super) static SHADOWED: Rule = Rule::new("P44", Class::Suggestion, Severity::Low)
    .says("Statement that another one covers")
    .why("It changes nothing, and whoever narrows it believes that it does.")
    .fix("Take it out.");

pub(super) static REPEATED: Rule = Rule::new("P45", Class::Suggestion, Severity::Info)
    .says("Pattern that another one covers")
    .why("It changes nothing and counts towards the size.")
    .fix("Take it out.");

/// Statements that are compared with each other.
const MAX_STATEMENTS: usize = 200;

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    for (number, statement) in about.statements() {
        repeated_actions(about, number, statement, sink);
        repeated_resources(about, number, statement, sink);
    }
    let compared: Vec<(usize, &Statement)> = about.statements().take(MAX_STATEMENTS).collect();
    if about.document.statements().len() > MAX_STATEMENTS {
        sink.cut.push(format!("only the first {MAX_STATEMENTS} statements were compared with each other"));
    }
    for (number, statement) in &compared {
        shadowed(about, &compared, (*number, statement), sink);
    }
    if about.pairs.is_spent() {
        sink.cut.push("the lists are so long that not all patterns were compared with each other".to_owned());
    }
}

fn shadowed(
    about: &About<'_>,
    all: &[(usize, &Statement)],
    (number, statement): (usize, &Statement),
    sink: &mut Sink,
) {
    let covers = |(other, wide): &(usize, &Statement)| {
        *other != number && wide::statement(wide, statement, &about.pairs)
    };
    if statement.effect() == Effect::Allow {
        let mut denies = all.iter().filter(|(_, other)| other.effect() == Effect::Deny);
        if let Some((deny, _)) = denies.find(|pair| covers(pair)) {
            let message = format!("statement {} denies all that this one allows", deny + 1);
            sink.add(about.document, &DENIED, Place::Statement(number), message, None);
            return;
        }
    }
    let mut same = all.iter().filter(|(_, other)| other.effect() == statement.effect());
    // Of two equal ones the second is too much.
    let wider = same.find(|(other, wide)| {
        covers(&(*other, *wide)) && (*other < number || !wide::statement(statement, wide, &about.pairs))
    });
    if let Some((other, _)) = wider {
        let message = format!("statement {} says all of this already", other + 1);
        sink.add(about.document, &SHADOWED, Place::Statement(number), message, None);
    }
}

fn repeated_actions(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let texts: Vec<&str> = statement.actions().patterns().iter().map(crate::ActionPattern::text).collect();
    repeated(&texts, true, wide::action, &about.pairs, |at, by| {
        let message = format!("`{by}` covers this already");
        sink.add(about.document, &REPEATED, Place::Action(number, at), message, None);
    });
}

fn repeated_resources(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let Some(resources) = statement.resources() else { return };
    let texts: Vec<&str> = resources.patterns().iter().map(crate::ResourcePattern::text).collect();
    repeated(&texts, false, wide::resource, &about.pairs, |at, by| {
        let message = format!("`{by}` covers this already");
        sink.add(about.document, &REPEATED, Place::Resource(number, at), message, None);
    });
}

/// Calls back for each text that another one covers: an equal one before it, or a wider one anywhere.
fn repeated(
    texts: &[&str],
    ignore_case: bool,
    covers: impl Fn(&str, &str) -> bool,
    budget: &Budget,
    mut found: impl FnMut(usize, &str),
) {
    if texts.len() < 2 {
        return;
    }
    let fold = |text: &str| if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let mut first: HashMap<String, usize> = HashMap::new();
    // Patterns of one service meet those of the same service, and those that span services.
    let mut globs: HashMap<String, Vec<(usize, &str)>> = HashMap::new();
    for (at, text) in texts.iter().enumerate().filter(|(_, text)| text.contains(['*', '?'])) {
        globs.entry(service(text)).or_default().push((at, text));
    }
    let none = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        if let Some(before) = first.get(&fold(text)) {
            found(at, texts.get(*before).copied().unwrap_or_default());
            continue;
        }
        first.insert(fold(text), at);
        let service = service(text);
        let near = if service.is_empty() { &none } else { globs.get(&service).unwrap_or(&none) };
        let wide = globs.get("").unwrap_or(&none);
        if !budget.spend(near.len() + wide.len()) {
            return;
        }
        let by = near
            .iter()
            .chain(wide)
            .find(|(other, wide)| *other != at && covers(wide, text) && !(covers(text, wide) && *other > at));
        if let Some((_, by)) = by {
            found(at, by);
        }
    }
}

/// The service that an action or ARN names; empty where it names several.
fn service(text: &str) -> String {
    let part = if text.starts_with("arn:") { text.split(':').nth(2) } else { text.split(':').next() };
    part.filter(|part| !part.contains(['*', '?'])).unwrap_or_default().to_ascii_lowercase()
}
