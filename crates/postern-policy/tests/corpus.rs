//! Cases from AWS's documentation, with the decision that it gives and what decides.
//!
//! `tests/corpus/*.json` are lists of cases in the project's format (one a line), each with the document
//! it comes from, the expected decision and, where it matters, what decides (`because`).

#[cfg(test)]
mod cases;
#[cfg(test)]
mod model;

#[cfg(test)]
mod documented {
    use std::collections::HashSet;

    use postern_policy::{
        Deciding, Decision, Effect, Element, Evaluation, Explanation, Failure, Layer, Place, Principal,
    };
    use serde_json::{Value, json};

    use super::{
        cases::{Case, name},
        model,
    };

    const CORPUS: [&str; 9] = [
        include_str!("corpus/operators.json"),
        include_str!("corpus/sets.json"),
        include_str!("corpus/variables.json"),
        include_str!("corpus/elements.json"),
        include_str!("corpus/accounts.json"),
        include_str!("corpus/limits.json"),
        include_str!("corpus/trust.json"),
        include_str!("corpus/keys.json"),
        include_str!("corpus/organizations.json"),
    ];

    fn corpus() -> Vec<Case> {
        let read = |text: &&str| -> Vec<Value> { serde_json::from_str(text).unwrap() };
        CORPUS.iter().flat_map(read).map(Case).collect()
    }

    /// What decided, in the corpus's words: `identity 0.1` is the second statement of the first policy.
    fn because(evaluation: Evaluation) -> String {
        let layer = |layer: Layer| format!("{layer:?}").to_lowercase();
        match evaluation.deciding {
            Deciding::Statement(place) => {
                format!("{} {}.{}", layer(place.layer), place.policy, place.statement)
            }
            Deciding::Silent { layer: silent, .. } => format!("silent {}", layer(silent)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_case_is_decided_as_documented() {
        let mut ids = HashSet::new();
        let mut wrong = Vec::new();
        let corpus = corpus();
        for case in &corpus {
            assert!(ids.insert(case.id().to_owned()), "{} stands twice", case.id());
            assert!(case.0["source"].is_string() && case.0["why"].is_string(), "{} has no source", case.id());
            let evaluation = case.evaluate();
            assert_eq!(case.explain().evaluation, evaluation, "{}", case.id());
            assert_eq!(model::decide(&case.0), name(evaluation.decision), "{}: the plain model", case.id());
            let found = (name(evaluation.decision), because(evaluation));
            let expected = case.0["decision"].as_str().unwrap();
            let reason = case.0["because"].as_str();
            if found.0 != expected || reason.is_some_and(|reason| reason != found.1) {
                wrong.push(format!(
                    "{} ({}): {expected} {reason:?}, found {found:?}",
                    case.id(),
                    case.0["why"]
                ));
            }
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
        assert!(corpus.len() > 300, "only {}", corpus.len());
    }

    /// A statement's place in the JSON of a case.
    fn pointer(case: &Value, place: Place) -> String {
        let member = match place.layer {
            Layer::Identity | Layer::Group => format!("/identityPolicies/{}/policy", place.policy),
            Layer::Boundary => format!("/permissionBoundaryPolicies/{}/policy", place.policy),
            Layer::Session if case["sessionPolicy"].is_array() => format!("/sessionPolicy/{}", place.policy),
            Layer::Session => "/sessionPolicy".to_owned(),
            Layer::Resource | Layer::Trust => "/resourcePolicy".to_owned(),
            Layer::Scp => format!("/serviceControlPolicies/{}/policies/{}/policy", place.level, place.policy),
            Layer::Rcp => {
                format!("/resourceControlPolicies/{}/policies/{}/policy", place.level, place.policy)
            }
        };
        let member = match case.pointer(&format!("{member}/policy")) {
            Some(_) => format!("{member}/policy"),
            None => member,
        };
        if case.pointer(&format!("{member}/Statement")).is_some_and(Value::is_array) {
            format!("{member}/Statement/{}", place.statement)
        } else {
            format!("{member}/Statement")
        }
    }

    /// All statements with their places and what keeps them from counting.
    fn statements(explanation: &Explanation) -> Vec<(Place, Effect, bool, Option<Failure>)> {
        let mut out = Vec::new();
        let mut levels = [0, 0];
        for layer in &explanation.layers {
            let level = match layer.layer {
                Layer::Scp => &mut levels[0],
                Layer::Rcp => &mut levels[1],
                _ => &mut 0,
            };
            for (policy, found) in layer.policies.iter().enumerate() {
                for statement in &found.statements {
                    let place =
                        Place { layer: layer.layer, level: *level, policy, statement: statement.number };
                    out.push((place, statement.effect, layer.applies, statement.failure.clone()));
                }
            }
            *level += 1;
        }
        out
    }

    fn failure_at(case: &Case, place: Place) -> Option<Failure> {
        statements(&case.explain()).into_iter().find(|(found, ..)| *found == place).unwrap().3
    }

    /// Elements in the order in which they are looked at; conditions by their place in the text.
    fn rank(failure: &Failure) -> (usize, usize) {
        match failure.element {
            Element::Principal => (0, 0),
            Element::Action => (1, 0),
            Element::Resource => (2, 0),
            Element::Condition { .. } => (3, failure.span.start),
        }
    }

    /// The same case with the named element changed so that it matches, and nothing else.
    fn mend(case: &Case, place: Place, failure: &Failure) -> Case {
        let mut mended = case.clone();
        let asked = case.0["request"].clone();
        let at = pointer(&case.0, place);
        let statement = mended.0.pointer_mut(&at).unwrap().as_object_mut().unwrap();
        match &failure.element {
            Element::Action => {
                statement.remove("NotAction");
                statement.insert("Action".to_owned(), asked["action"].clone());
            }
            Element::Resource => {
                statement.remove("NotResource");
                statement.insert("Resource".to_owned(), json!("*"));
            }
            Element::Principal => {
                statement.remove("NotPrincipal");
                statement.remove("Principal");
                let named = asked["principal"].as_str().unwrap();
                let kind = match Principal::from_name(named).unwrap() {
                    Principal::Service { .. } => "Service",
                    Principal::WebIdentity { .. } => "Federated",
                    _ => "AWS",
                };
                if matches!(place.layer, Layer::Resource | Layer::Trust) {
                    statement.insert("Principal".to_owned(), json!({ kind: named }));
                }
            }
            Element::Condition { operator, key } => {
                let operator = operator.to_string();
                let conditions = statement["Condition"].as_object_mut().unwrap();
                let written =
                    conditions.keys().find(|name| name.eq_ignore_ascii_case(&operator)).unwrap().clone();
                conditions[&written].as_object_mut().unwrap().remove(key).unwrap();
            }
        }
        mended
    }

    /// Mends what fails, one element after the other, until the statement counts.
    fn mend_all(case: &Case, place: Place) -> Case {
        let mut mended = case.clone();
        while let Some(failure) = failure_at(&mended, place) {
            let before = statements(&mended.explain());
            let next = mend(&mended, place, &failure);
            let moved = failure_at(&next, place);
            assert!(
                moved.as_ref().is_none_or(|moved| rank(moved).0 > rank(&failure).0 || rank(&failure).0 == 3),
                "{}: mending {:?} of {place:?} leads to {moved:?}",
                case.id(),
                failure.element
            );
            assert_ne!(moved.as_ref().map(|f| &f.element), Some(&failure.element), "{}", case.id());
            let others = |list: Vec<(Place, Effect, bool, Option<Failure>)>| -> Vec<_> {
                let element = |failure: Failure| (failure.element, failure.truth);
                let others = list.into_iter().filter(|(found, ..)| *found != place);
                others.map(|(found, _, _, failure)| (found, failure.map(element))).collect()
            };
            assert_eq!(others(before), others(statements(&next.explain())), "{}", case.id());
            mended = next;
        }
        mended
    }

    #[test]
    fn mending_only_what_is_named_moves_the_failure_on() {
        let (mut mended, mut flipped) = (0, 0);
        for case in corpus() {
            let evaluation = case.evaluate();
            if evaluation.decision == Decision::Allowed {
                continue;
            }
            for (place, effect, applies, failure) in statements(&case.explain()) {
                if effect != Effect::Allow || !applies || failure.is_none() || place.layer == Layer::Rcp {
                    continue;
                }
                let after = mend_all(&case, place).evaluate();
                mended += 1;
                // Where the layer's silence decided, it does not any more.
                if let Deciding::Silent { layer, level } = evaluation.deciding
                    && layer == place.layer
                    && level == place.level
                {
                    assert_ne!(after, evaluation, "{}: {place:?} mended", case.id());
                    flipped += usize::from(after.is_allowed());
                }
            }
        }
        assert!(mended > 100 && flipped > 40, "{mended} statements mended, {flipped} decisions flipped");
    }

    #[test]
    fn without_the_statement_that_denies_something_else_decides() {
        let mut tried = 0;
        for case in corpus() {
            let Deciding::Statement(place) = case.evaluate().deciding else { continue };
            let mut without = case.clone();
            let statement = without.0.pointer_mut(&pointer(&case.0, place)).unwrap().as_object_mut().unwrap();
            for not in ["NotAction", "NotResource"] {
                statement.remove(not);
            }
            // It stays in its place, and covers what nobody asks for.
            statement.insert("Action".to_owned(), json!("nobody:Asks"));
            assert_ne!(without.evaluate(), case.evaluate(), "{}", case.id());
            tried += 1;
        }
        assert!(tried > 100, "only {tried}");
    }
}
