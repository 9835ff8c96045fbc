//! Classes against the evaluator's own matching: the answers are the same, and none is missing.

#[cfg(test)]
mod common;

#[cfg(test)]
mod classes {
    use std::collections::BTreeSet;

    use postern_policy::{
        Context, ContextValue, Truth, Version,
        classes::{Budget, Class, Dimension, Values, actions, resources, values},
    };
    use postern_types::Arn;
    use proptest::{
        collection::vec,
        prelude::*,
        sample::{select, subsequence},
    };

    use super::common::raw;

    fn budget() -> Budget {
        Budget::default()
    }

    /// One statement for each list of actions, negated or not.
    fn by_actions(lists: &[(bool, Vec<String>)]) -> postern_policy::Document {
        let statement = |(not, list): &(bool, Vec<String>)| {
            format!(r#"{{"Effect":"Allow","{}Action":{list:?}}}"#, if *not { "Not" } else { "" })
        };
        raw(&format!(r#"{{"Statement":[{}]}}"#, lists.iter().map(statement).collect::<Vec<_>>().join(",")))
    }

    fn by_resources(lists: &[(bool, Vec<String>)]) -> postern_policy::Document {
        let statement = |(not, list): &(bool, Vec<String>)| {
            format!(
                r#"{{"Effect":"Allow","Action":"*","{}Resource":{list:?}}}"#,
                if *not { "Not" } else { "" }
            )
        };
        raw(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
            lists.iter().map(statement).collect::<Vec<_>>().join(",")
        ))
    }

    /// The classes of the key of some conditions, each `"Operator":values`.
    fn of_key(conditions: &[&str]) -> Values {
        let statement = |condition: &&str| {
            let (operator, list) = condition.split_once("=").unwrap();
            format!(r#"{{"Effect":"Allow","Action":"*","Condition":{{"{operator}":{{"k":{list}}}}}}}"#)
        };
        let statements: Vec<String> = conditions.iter().map(statement).collect();
        let document = raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")));
        let list: Vec<_> =
            document.statements().iter().map(|s| (Version::V2012, &s.conditions()[0])).collect();
        values(&list, &Context::new(), &mut budget()).unwrap()
    }

    fn samples(values: &Values) -> Vec<String> {
        let text = |value: &ContextValue| match value {
            ContextValue::Absent => "-".to_owned(),
            ContextValue::One(value) => value.to_string(),
            ContextValue::Many(list) => list.join("+"),
        };
        values.classes.iter().map(|class| text(&class.sample)).collect()
    }

    fn distinct<T>(classes: &[Class<T>]) -> usize {
        classes
            .iter()
            .map(|class| class.truths.clone())
            .map(|t| format!("{t:?}"))
            .collect::<BTreeSet<_>>()
            .len()
    }

    #[test]
    fn numbers_and_dates_are_cut_at_their_bounds() {
        assert_eq!(samples(&of_key(&[r#"NumericLessThan="10""#])), ["-", "0", "11", "text"]);
        let mut two = samples(&of_key(&[r#"NumericLessThan="10""#, r#"NumericLessThanEquals=["9","-1.5"]"#]));
        two.sort();
        // 9.5 is the only one between 9 and 10; 0 and 9 are on the same side of both.
        assert_eq!(two, ["-", "-3", "11", "9.5", "text"]);
        let dates = of_key(&[r#"DateLessThan="2026-01-01T00:00:00Z""#]);
        assert_eq!(samples(&dates), ["-", "2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z", "text"]);
        assert!(dates.complete);
    }

    #[test]
    fn booleans_are_true_false_and_other_texts() {
        let found = of_key(&[r#"Bool="true""#]);
        assert_eq!(samples(&found)[..3], ["-", "false", "true"]);
        assert_eq!(found.classes[3].truths[..], [Truth::Unsettled]);
        assert_eq!(found.classes.len(), 4);
        assert_eq!(samples(&of_key(&[r#"Null="true""#])), ["-", "example"]);
    }

    #[test]
    fn addresses_are_cut_into_blocks() {
        let found = of_key(&[r#"IpAddress=["10.0.0.0/8","2001:db8::/32"]"#, r#"IpAddress="10.1.2.0/24""#]);
        assert_eq!(samples(&found), ["-", "203.0.113.7", "10.0.0.1", "10.1.2.1", "text"]);
        let all = of_key(&[r#"IpAddress="0.0.0.0/0""#, r#"IpAddress="255.255.255.255""#]);
        assert_eq!(samples(&all), ["-", "203.0.113.7", "2001:db8::7", "255.255.255.255", "text"]);
    }

    #[test]
    fn sets_of_values_are_all_there_are() {
        let found = of_key(&[r#"ForAllValues:StringEquals=["x","y"]"#, r#"ForAnyValue:StringEquals="x""#]);
        // Absent or empty; x; y; other; x and y is like x; x and other; y and other is like other.
        let truths: BTreeSet<String> =
            found.classes.iter().map(|class| format!("{:?}", class.truths)).collect();
        assert_eq!(
            truths.into_iter().collect::<Vec<_>>(),
            ["[No, No]", "[No, Yes]", "[Yes, No]", "[Yes, Yes]"].map(str::to_owned)
        );
    }

    #[test]
    fn a_key_taken_for_two_kinds_is_not_complete() {
        assert!(!of_key(&[r#"NumericLessThan="10""#, r#"StringLike="1*""#]).complete);
        assert!(of_key(&[r#"NumericLessThan="10""#, r#"Null="true""#]).complete);
        assert!(of_key(&[r#"Bool="true""#, r#"StringLike="t*""#]).complete);
    }

    #[test]
    fn what_is_too_much_is_given_up() {
        let names: Vec<String> = ('a'..='z').map(|c| format!("*{c}*")).collect();
        let lists: Vec<_> = names.iter().map(|name| (false, vec![format!("s3:{name}")])).collect();
        let document = by_actions(&lists);
        let elements: Vec<_> = document.statements().iter().map(|s| s.actions()).collect();
        let gave_up = actions(&elements, &mut Budget::new(1_000_000)).unwrap_err();
        assert_eq!(
            (&gave_up.0, gave_up.to_string().as_str()),
            (&Dimension::Action, "too many classes of actions")
        );
        // The union of all of them is one question.
        let document = by_actions(&[(false, names.iter().map(|name| format!("s3:{name}")).collect())]);
        let elements = [document.statements()[0].actions()];
        assert_eq!(actions(&elements, &mut Budget::new(1_000_000)).unwrap().len(), 2);
    }

    #[test]
    fn the_segments_of_arns_count() {
        let lists: Vec<_> = [
            "arn:aws:s3:::b/*",
            "arn:aws:sqs:*:1111*:q",
            "arn:aws:sqs:eu-?:*:?",
            "arn:*:s3:::b/a",
            "arn:aws:s3*",
            "*",
            "arn:aws:iam::aws:policy/*",
        ]
        .iter()
        .map(|text| (false, vec![(*text).to_owned()]))
        .collect();
        let document = by_resources(&lists);
        let elements: Vec<_> =
            document.statements().iter().map(|s| (Version::V2012, s.resources().unwrap())).collect();
        let found = resources(&elements, &Context::new(), &mut budget()).unwrap();
        for class in &found {
            assert!(class.sample == "*" || class.sample.parse::<Arn>().is_ok(), "{}", class.sample);
        }
        assert!(found.iter().any(|class| class.sample.starts_with("arn:aws:iam::aws:policy/")));
        assert_eq!(distinct(&found[1..]), found.len() - 1);
    }

    fn lists(pattern: &'static str) -> impl Strategy<Value = Vec<(bool, Vec<String>)>> {
        vec((prop::bool::weighted(0.2), vec(pattern, 1..3)), 1..5)
    }

    fn segment() -> impl Strategy<Value = String> {
        prop_oneof![Just("*".to_owned()), Just(String::new()), "[ab*?]{0,3}", Just("${k}".to_owned())]
    }

    fn arns() -> impl Strategy<Value = String> {
        let account =
            prop_oneof![Just("*"), Just(""), Just("1111*"), Just("111111111111"), Just("?*2"), Just("aws")];
        prop_oneof![
            Just("*".to_owned()),
            Just("arn:aws:s3*".to_owned()),
            Just("*:b".to_owned()),
            Just("${k}".to_owned()),
            (segment(), segment(), segment(), account, "[ab:*?]{0,4}")
                .prop_map(|(a, b, c, d, e)| format!("arn:{a}:{b}:{c}:{d}:{e}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn actions_have_their_classes(
            lists in lists("[ab]{1,2}:[ab*?]{1,4}|\\*|[ab*]{1,2}:[AB*]{1,3}|a\\*"),
            tried in vec("[abcAB]{1,3}:[abcAB]{1,6}", 40),
        ) {
            let document = by_actions(&lists);
            let elements: Vec<_> = document.statements().iter().map(|s| s.actions()).collect();
            let found = actions(&elements, &mut budget()).unwrap();
            let answers = |action: &str| -> Box<[Truth]> {
                elements.iter().map(|element| Truth::from(element.matches(action))).collect()
            };
            for class in &found {
                prop_assert_eq!(&answers(&class.sample), &class.truths, "{}", class.sample);
            }
            prop_assert_eq!(distinct(&found), found.len());
            for action in tried {
                let truths = answers(&action);
                prop_assert!(found.iter().any(|class| class.truths == truths), "{}", action);
            }
        }

        #[test]
        fn resources_have_their_classes(
            lists in vec((prop::bool::weighted(0.2), vec(arns(), 1..3)), 1..5),
            value in select(vec![None, Some("a"), Some("*"), Some("a:b"), Some("")]),
            tried in vec(
                ("[abc]{1,2}", "[abc]{1,2}", "[abc]{0,2}", "|111111111111|121212121212|aws", "[abc:]{1,4}"), 40,
            ),
        ) {
            let document = by_resources(&lists);
            let elements: Vec<_> =
                document.statements().iter().map(|s| (Version::V2012, s.resources().unwrap())).collect();
            let mut context = Context::new();
            if let Some(value) = value {
                context.set("k", value);
            }
            let found = resources(&elements, &context, &mut budget()).unwrap();
            let answers = |arn: &str| -> Box<[Truth]> {
                elements.iter().map(|(_, element)| Truth::from(element.matches(arn, &context))).collect()
            };
            for class in &found {
                prop_assert_eq!(&answers(&class.sample), &class.truths, "{}", class.sample);
                prop_assert!(class.sample == "*" || class.sample.parse::<Arn>().is_ok(), "{}", class.sample);
            }
            for (a, b, c, d, e) in tried {
                let arn = format!("arn:{a}:{b}:{c}:{d}:{e}");
                let truths = answers(&arn);
                prop_assert!(found.iter().any(|class| class.truths == truths), "{}", arn);
            }
        }

        #[test]
        fn keys_have_their_classes(
            texts in subsequence(vec![
                r#"StringEquals=["a","b"]"#, r#"StringNotEquals="a""#, r#"StringLike=["a*","?b"]"#,
                r#"StringNotLikeIfExists="*b*""#, r#"StringEqualsIgnoreCase="AB""#, r#"Bool="true""#,
                r#"BoolIfExists="false""#, r#"Null="true""#, r#"ForAllValues:StringEquals=["a","b"]"#,
                r#"ForAnyValue:StringLike="a*""#, r#"ForAnyValue:StringNotEquals="b""#,
                r#"ForAllValues:StringNotLike="*a""#, r#"ArnLike="arn:aws:a:*:*:b*""#,
                r#"ArnNotEquals="arn:*:a::a:b""#, r#"StringLike="arn:*b""#,
            ], 1..5),
            tried in vec(vec("[abAB]{0,3}|true|FALSE|arn:aws:a:[ab]?::b[ab:]{0,2}|arn:b:a::a:b", 0..4), 60),
        ) {
            let sets = texts.iter().any(|text| text.starts_with("For"));
            let found = of_key(&texts);
            let statement = |condition: &&str| {
                let (operator, list) = condition.split_once("=").unwrap();
                format!(r#"{{"Effect":"Allow","Action":"*","Condition":{{"{operator}":{{"k":{list}}}}}}}"#)
            };
            let statements: Vec<String> = texts.iter().map(statement).collect();
            let document = raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")));
            for list in tried {
                let value = match &list[..] {
                    [one] => ContextValue::from(one.as_str()),
                    several if sets && !several.iter().any(String::is_empty) => ContextValue::from(list.clone()),
                    _ => continue,
                };
                let context = Context::new().with("k", value);
                let truths: Box<[Truth]> =
                    document.statements().iter().map(|s| s.conditions()[0].test(&context)).collect();
                prop_assert!(found.classes.iter().any(|class| class.truths == truths), "{:?} {:?}", list, truths);
            }
        }

        #[test]
        fn bounds_have_their_classes(
            texts in subsequence(vec![
                r#"NumericEquals=["5","7.25"]"#, r#"NumericLessThan="7""#, r#"NumericGreaterThanEqualsIfExists="-3""#,
                r#"NumericNotEquals="6""#, r#"NumericGreaterThan="1000000000000000000""#,
            ], 1..5),
            tried in vec("-?[0-9]{1,2}(\\.[0-9]{1,2})?|1000000000000000000|9999999999999999999|x", 60),
        ) {
            let found = of_key(&texts);
            let statement = |condition: &&str| {
                let (operator, list) = condition.split_once("=").unwrap();
                format!(r#"{{"Effect":"Allow","Action":"*","Condition":{{"{operator}":{{"k":{list}}}}}}}"#)
            };
            let statements: Vec<String> = texts.iter().map(statement).collect();
            let document = raw(&format!(r#"{{"Statement":[{}]}}"#, statements.join(",")));
            for value in tried {
                let context = Context::new().with("k", value.as_str());
                let truths: Box<[Truth]> =
                    document.statements().iter().map(|s| s.conditions()[0].test(&context)).collect();
                prop_assert!(found.classes.iter().any(|class| class.truths == truths), "{} {:?}", value, truths);
            }
        }
    }
}
