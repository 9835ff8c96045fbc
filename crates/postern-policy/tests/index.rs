//! The index of a document finds the statement that going through all of them finds.

#[cfg(test)]
mod common;

#[cfg(test)]
mod laws {
    use postern_policy::{
        Context, Deciding, Decision, Document, Effect, Evaluation, Layer, Place, Statement, Truth,
    };
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::common::{ALICE, raw, scene};

    /// A glob as one would define it, exponential and plain.
    fn glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', rest)), _) => {
                glob(rest, text) || text.split_first().is_some_and(|(_, tail)| glob(pattern, tail))
            }
            (Some((p, rest)), Some((t, tail))) => {
                (*p == b'?' || p.eq_ignore_ascii_case(t)) && glob(rest, tail)
            }
            (Some(_), None) => false,
        }
    }

    /// Wildcards of the service do not reach into the name.
    fn covers(pattern: &str, action: &str) -> bool {
        let glob = |pattern: &str, text: &str| glob(pattern.as_bytes(), text.as_bytes());
        match (pattern.split_once(':'), action.split_once(':')) {
            (None, _) => glob(pattern, action),
            (Some((service, name)), Some((s, n))) => glob(service, s) && glob(name, n),
            (Some(_), None) => false,
        }
    }

    fn matches(statement: &Statement, action: &str, resource: &str, context: &Context) -> Truth {
        let actions = statement.actions();
        let named = actions.patterns().iter().any(|pattern| covers(pattern.text(), action));
        if named == actions.is_negated() || !statement.resources().unwrap().matches(resource, context) {
            return Truth::No;
        }
        statement.conditions().iter().map(|condition| condition.test(context)).min().unwrap_or(Truth::Yes)
    }

    /// What the documents decide as identity policies, by going through all statements.
    fn plain(documents: &[Document], action: &str, resource: &str, context: &Context) -> Evaluation {
        let first = |effect: Effect, least: Truth| {
            documents.iter().enumerate().find_map(|(policy, document)| {
                let found = document.statements().iter().position(|statement| {
                    statement.effect() == effect && matches(statement, action, resource, context) >= least
                });
                let place = |statement| Place { layer: Layer::Identity, level: 0, policy, statement };
                found.map(|statement| Deciding::Statement(place(statement)))
            })
        };
        let silent = Deciding::Silent { layer: Layer::Identity, level: 0 };
        let (decision, deciding) =
            match (first(Effect::Deny, Truth::Unsettled), first(Effect::Allow, Truth::Yes)) {
                (Some(deny), _) => (Decision::ExplicitlyDenied, deny),
                (None, Some(allow)) => (Decision::Allowed, allow),
                (None, None) => (Decision::ImplicitlyDenied, silent),
            };
        Evaluation { decision, deciding }
    }

    fn pattern() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => (select(vec!["s3", "S3", "ec2", "a"]), "[abAB]{1,3}").prop_map(|(s, n)| format!("{s}:{n}")),
            4 => (select(vec!["s3", "ec2", "EC2"]), "[abA*?]{0,3}").prop_map(|(s, n)| format!("{s}:{n}")),
            1 => (select(vec!["*", "s?", "e*2", "?*"]), "[abA*?]{0,3}").prop_map(|(s, n)| format!("{s}:{n}")),
            1 => select(vec!["*", "**", "s3*", "s3", "?", ""]).prop_map(str::to_owned),
        ]
    }

    /// A statement whose list is short or, now and then, long enough to have an index of its own.
    fn statement() -> impl Strategy<Value = String> {
        let patterns = prop_oneof![4 => vec(pattern(), 1..6), 1 => vec(pattern(), 17..40)];
        let conditions = select(vec![
            "{}",
            "{}",
            r#"{"StringEquals":{"k":"v"}}"#,
            r#"{"StringEquals":{"k":"w"}}"#,
            r#"{"NumericEquals":{"k":"1"}}"#,
        ]);
        let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
        let not = prop_oneof![6 => Just(""), 1 => Just("Not")];
        (effect, not, patterns, select(vec!["*", "arn:aws:s3:::b/*", "arn:aws:s3:::c"]), conditions).prop_map(
            |(effect, not, patterns, resource, condition)| {
                format!(
                    r#"{{"Effect":"{effect}","{not}Action":{patterns:?},"Resource":"{resource}","Condition":{condition}}}"#
                )
            },
        )
    }

    fn document() -> impl Strategy<Value = Document> {
        vec(statement(), 1..14).prop_map(|statements| {
            raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
        })
    }

    fn action() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => (select(vec!["s3", "S3", "ec2", "a", "b"]), "[abAB]{1,3}").prop_map(|(s, n)| format!("{s}:{n}")),
            1 => select(vec!["s3", "", ":", "s3:", "s3:a:b", "s3::"]).prop_map(str::to_owned),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn decisions_are_those_of_a_plain_scan(
            documents in vec(document(), 1..3), actions in vec(action(), 8..9), known in any::<bool>(),
            resource in select(vec!["arn:aws:s3:::b/x", "arn:aws:s3:::c", "*"]),
        ) {
            for action in actions {
                let mut asked = scene(ALICE, &action, resource);
                if known {
                    asked.context.set("k", "v");
                }
                let expected = plain(&documents, &action, resource, &asked.context);
                asked.identity.clone_from(&documents);
                prop_assert_eq!(asked.evaluate(), expected, "{}", action);
            }
        }

        #[test]
        fn an_element_matches_what_one_of_its_patterns_matches(document in document(), action in action()) {
            for statement in document.statements() {
                let actions = statement.actions();
                let named = actions.patterns().iter().any(|pattern| covers(pattern.text(), &action));
                prop_assert_eq!(actions.matches(&action), named != actions.is_negated());
            }
        }

        #[test]
        fn long_lists_of_values_hold_what_their_values_hold(
            values in vec("[abA*]{0,3}", 15..40), operator in select(vec![
                "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike",
            ]),
            present in vec("[abA]{0,3}", 0..3),
        ) {
            let statement = |values: &[String]| {
                raw(&format!(
                    r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
                         "Condition":{{"ForAnyValue:{operator}":{{"k":{values:?}}}}}}}}}"#
                ))
            };
            let test = |values: &[String], context: &Context| statement(values).statements()[0].conditions()[0].test(context);
            let negated = operator.contains("Not");
            let mut whole = Truth::No;
            for value in &present {
                let context = Context::new().with("k", value.as_str());
                let each = values.iter().map(|value| test(std::slice::from_ref(value), &context));
                whole = whole.max(if negated { each.min() } else { each.max() }.unwrap());
            }
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let context = Context::new().with("k", &present[..]);
            prop_assert_eq!(test(&values, &context), whole);
        }
    }
}
