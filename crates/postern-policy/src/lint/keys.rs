//! P16, P17, P23, P24, R18: condition keys that the catalogue does not know, or that no action of the
//! statement carries.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    known::{self, Covered, Known},
    never::DEAD_DENY,
    place::Place,
    variables,
};
use crate::{Comparison as C, Condition, Effect, Qualifier, Statement};

pub(super) static FORM: Rule = Rule::new("P16", Class::Error, Severity::High)
    .says("Condition key of an unknown form")
    .why("No request carries such a key.")
    .fix("Write `service:Name`, or `aws:Name` for a global key.")
    .counts_as("R19");

pub(super) static TAG_KEY: Rule = Rule::new("P17", Class::Error, Severity::High)
    .says("Condition on a tag without the tag's name")
    .why("No request carries the key without what stands behind the slash.")
    .fix("Write `aws:RequestTag/NAME`.")
    .counts_as("R19");

pub(super) static UNKNOWN: Rule = Rule::new("P23", Class::Warning, Severity::Medium)
    .says("Unknown condition key")
    .why("A misspelt key is always missing: the condition never holds, or with `IfExists` and negated operators always.")
    .fix("Write the key as the *Service Authorization Reference* has it.")
    .counts_as("R19");

pub(super) static NOT_OFFERED: Rule = Rule::new("P24", Class::Warning, Severity::Medium)
    .says("Condition key that none of the actions offers")
    .why("It is missing in the requests that the statement is about.")
    .fix("Use a key of the actions, or a global one.")
    .counts_as("R19");

pub(super) fn statement(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    covered: &[Covered],
    sink: &mut Sink,
) {
    let mut actions: Option<Option<Vec<Known>>> = None;
    for (at, condition) in statement.conditions().iter().enumerate() {
        let place = Place::Key(number, at);
        let text = condition.key();
        if text.trim() != text || text.len() > 300 {
            continue;
        }
        if !text.contains(':') {
            let help = Some(format!("aws:{text}")).filter(|key| about.catalogue.condition_key(key).is_some());
            let help = help.map(|key| format!("did you mean `{key}`?"));
            sink.add(about.document, &FORM, place, format!("`{text}` is no condition key"), help);
            continue;
        }
        if !is_known(about, text) {
            unknown(about, place, statement.effect(), condition, sink);
        } else if is_of_service(text) && !statement.actions().is_negated() && about.kind != PolicyKind::Trust
        {
            let actions = actions.get_or_insert_with(|| known::all(covered));
            if let Some(actions) = actions.as_ref().filter(|actions| !offered(about, actions, text)) {
                let of =
                    actions.first().map_or_else(String::new, |(s, a)| format!("{}:{}", s.prefix(), a.name()));
                let what = if actions.len() == 1 {
                    format!("`{of}` does not carry it")
                } else {
                    format!("neither `{of}` nor the other actions carry it")
                };
                sink.add(about.document, &NOT_OFFERED, place, format!("`{text}`: {what}"), None);
            }
        }
    }
    for (place, text) in variable_texts(number, statement) {
        for variable in variables::variables(text) {
            let Some(key) = variables::key(variable).filter(|key| key.len() < 200) else { continue };
            if !is_known(about, key) && sink.wants(&UNKNOWN) {
                let help = about
                    .catalogue
                    .nearest_condition_key(key)
                    .map(|key| format!("did you mean `${{{key}}}`?"));
                let message = format!("`{key}` is no known key: the variable has no value");
                sink.add(about.document, &UNKNOWN, place, message, help);
            }
        }
    }
}

fn variable_texts(number: usize, statement: &Statement) -> impl Iterator<Item = (Place, &str)> {
    let resources = statement.resources().map(crate::Resources::patterns).unwrap_or_default();
    let resources = resources.iter().enumerate().map(move |(at, p)| (Place::Resource(number, at), p.text()));
    let conditions = statement.conditions().iter().enumerate();
    let values = conditions.flat_map(move |(at, c)| {
        c.values().iter().enumerate().map(move |(value, v)| (Place::Value(number, at, value), v.text()))
    });
    resources.chain(values).filter(|(_, text)| text.contains("${"))
}

/// Whether the catalogue knows the key; some keys on tags stand there with a sample for the tag's name.
fn is_known(about: &About<'_>, key: &str) -> bool {
    let sample = || {
        let (head, _) = key.split_once('/')?;
        about.catalogue.condition_key(&format!("{head}/tag-key"))
    };
    about.catalogue.condition_key(key).or_else(sample).is_some()
}

/// Whether the key belongs to one service, and not to every request or to an identity provider.
fn is_of_service(key: &str) -> bool {
    let prefix = key.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !matches!(prefix.as_str(), "aws" | "sts" | "saml") && !prefix.contains('.')
}

fn offered(about: &About<'_>, actions: &[Known], key: &str) -> bool {
    // Each action has some twenty keys.
    if !about.budget.spend(actions.len().saturating_mul(20)) {
        return true;
    }
    // Keys of the place that a call comes from hold for all services.
    let global = about.catalogue.global_condition_keys();
    if global.iter().any(|known| known.matches(key)) {
        return true;
    }
    actions.iter().any(|(_, action)| {
        let on_types = action.resource_types().iter();
        action.condition_keys().iter().any(|known| known.matches(key))
            || on_types.clone().any(|used| used.condition_keys().iter().any(|known| known.matches(key)))
            || on_types
                .clone()
                .any(|used| used.resource_type().condition_keys().iter().any(|k| k.matches(key)))
    })
}

/// What it costs to find the known key that is nearest to an unknown one, in pairs of patterns.
const NEAREST: usize = 10_000;

fn unknown(about: &About<'_>, place: Place, effect: Effect, condition: &Condition, sink: &mut Sink) {
    let text = condition.key();
    let with_name = format!("{}/NAME", text.trim_end_matches('/'));
    if about.catalogue.condition_key(&with_name).is_some_and(crate::catalogue::ConditionKey::is_template) {
        let message = format!("`{text}` names no tag");
        sink.add(about.document, &TAG_KEY, place, message, format!("`\"{with_name}\"`"));
        return;
    }
    // Providers have claims of their own.
    let prefix = text.split(':').next().unwrap_or_default();
    if prefix.contains('.') || text.contains("${") {
        return;
    }
    let operator = condition.operator();
    let holds_without = operator.if_exists
        || operator.comparison.is_negated()
        || operator.qualifier == Some(Qualifier::ForAllValues)
        || (operator.comparison == C::Null
            && condition.values().iter().any(|v| v.text().eq_ignore_ascii_case("true")));
    // Each is compared with all known keys of its service; where the budget is spent it is named without another.
    let nearest =
        if about.budget.spend(NEAREST) { about.catalogue.nearest_condition_key(text) } else { None };
    let help = nearest.as_ref().map(|key| format!("did you mean `{key}`?"));
    let known_service = prefix.eq_ignore_ascii_case("aws") || about.catalogue.service(prefix).is_some();
    match (effect, holds_without, nearest) {
        (Effect::Deny, false, Some(_)) if known_service => {
            let message = format!("`{text}` is no known key, so that the statement never denies anything");
            sink.add(about.document, &DEAD_DENY, place, message, help);
        }
        (Effect::Allow, true, Some(_)) if known_service => {
            let message = format!("`{text}` is no known key, and `{operator}` holds without it");
            sink.graded(about.document, &UNKNOWN, Severity::High, place, message, help);
        }
        _ => sink.add(about.document, &UNKNOWN, place, format!("`{text}` is no known key"), help),
    }
}
