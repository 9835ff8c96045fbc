//! Documents print back as they were meant; texts are laid out without losing anything.

#[cfg(test)]
mod common;

#[cfg(test)]
mod printing {
    use postern_policy::{Layout, format};
    use proptest::{
        collection::vec,
        option,
        prelude::*,
        sample::{select, subsequence},
    };

    use super::common::{managed, raw};

    fn compact(text: &str) -> String {
        raw(text).to_json(Layout::Compact)
    }

    #[test]
    fn elements_stand_in_the_order_of_the_grammar() {
        let text = r#"{"Statement": {"Condition": {"Bool": {"b": [true, "False"]}, "NumericEquals": {"n": [10]}},
            "NotResource": ["r"], "NotAction": ["a", "b"], "Effect": "Deny",
            "NotPrincipal": {"Service": "s", "AWS": ["1", "*"], "CanonicalUser": "c", "Federated": ["f"]},
            "Sid": ""}, "Id": "i", "Version": "2008-10-17"}"#;
        assert_eq!(
            compact(text),
            concat!(
                r#"{"Version":"2008-10-17","Id":"i","Statement":[{"Sid":"","Effect":"Deny","#,
                r#""NotPrincipal":{"AWS":["1","*"],"Service":"s","Federated":"f","CanonicalUser":"c"},"#,
                r#""NotAction":["a","b"],"NotResource":"r","#,
                r#""Condition":{"Bool":{"b":["true","False"]},"NumericEquals":{"n":"10"}}}]}"#
            )
        );
    }

    #[test]
    fn what_may_be_left_out_stays_out() {
        let text = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a"}]}"#;
        assert_eq!(compact(text), text);
        assert_eq!(compact(&text.replace(r#""*""#, r#"{"AWS":["*"]}"#)), text);
        let service = text.replace(r#""*""#, r#"{"Service":"*"}"#);
        assert_eq!(compact(&service), service);
        let no_value = text.replace(r#""a"}"#, r#""a","Condition":{"StringEquals":{"k":[]}}}"#);
        assert_eq!(compact(&no_value), no_value);
    }

    #[test]
    fn conditions_of_one_operator_and_key_are_kept_apart() {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"a","Condition":{
            "StringEquals":{"k":"1","j":"1","K":"1"},"Bool":{"k":"true"},
            "stringequals":{"k":"2"},"STRINGEQUALS":{"j":"2","k":"3"},"StringEqualsIfExists":{"k":"4"}}}]}"#;
        let printed = compact(text);
        assert!(
            printed.contains(concat!(
                r#""Condition":{"StringEquals":{"k":"1","j":"1","K":"1"},"Bool":{"k":"true"},"#,
                r#""stringEquals":{"k":"2","j":"2"},"STringEquals":{"k":"3"},"StringEqualsIfExists":{"k":"4"}}"#
            )),
            "{printed}"
        );
        assert!(raw(&printed).same_meaning(&raw(text)));
    }

    #[test]
    fn every_spelling_of_an_operator_can_be_taken() {
        let spellings: Vec<String> = (0..16_u32)
            .map(|bits| {
                let turn =
                    |(at, c): (usize, char)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c };
                let name: String = "null".chars().enumerate().map(turn).collect();
                format!(r#""{name}":{{"k":"true"}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"a","Condition":{{{}}}}}]}}"#,
            spellings.join(",")
        );
        assert!(raw(&compact(&text)).same_meaning(&raw(&text)));
    }

    #[test]
    fn meaning_is_all_but_places_and_what_has_no_order() {
        let base = r#"{"Version":"2012-10-17","Id":"i","Statement":[{"Sid":"s","Effect":"Allow",
            "Principal":{"AWS":["1","2"],"Service":"x"},"Action":["a","b"],"Resource":["r","t"],
            "Condition":{"StringEquals":{"k":["1","2"],"j":"3"},"Bool":{"k":"true"}}}]}"#;
        let same = [
            (
                r#""Principal":{"AWS":["1","2"],"Service":"x"}"#,
                r#""Principal":{"Service":["x"],"AWS":["1","2"]}"#,
            ),
            (r#""StringEquals":{"k":["1","2"],"j":"3"}"#, r#""stringequals":{"J":["3"],"K":["1","2"]}"#),
            (r#"{"k":"true"}"#, r#"{"k":true}"#),
        ];
        for (from, to) in same {
            assert!(base.contains(from));
            assert!(raw(base).same_meaning(&raw(&base.replace(from, to))), "{to}");
        }
        let other = [
            (r#""Version":"2012-10-17""#, r#""Version":"2008-10-17""#),
            (r#""Id":"i","#, ""),
            (r#""Sid":"s""#, r#""Sid":"t""#),
            (r#""Allow""#, r#""Deny""#),
            (r#""Principal":"#, r#""NotPrincipal":"#),
            (r#""Action":"#, r#""NotAction":"#),
            (r#""Resource":"#, r#""NotResource":"#),
            (r#"["1","2"],"Service":"x""#, r#"["1","2"],"Service":"y""#),
            (r#"["1","2"],"Service":"x""#, r#"["1","2"],"Federated":"x""#),
            (r#"["a","b"]"#, r#"["b","a"]"#),
            (r#"["r","t"]"#, r#"["r"]"#),
            (r#""Resource":["r","t"],"#, ""),
            (r#""k":["1","2"]"#, r#""k":["2","1"]"#),
            (r#""Bool""#, r#""BoolIfExists""#),
            (r#""j":"3""#, r#""l":"3""#),
        ];
        for (from, to) in other {
            assert!(base.contains(from), "{from}");
            assert!(!raw(base).same_meaning(&raw(&base.replace(from, to))), "{to}");
        }
    }

    #[test]
    fn every_managed_policy_prints_back() {
        let policies = managed::policies();
        assert!(policies.len() > 1_400, "{}", policies.len());
        for (name, text) in policies {
            let document = raw(&text);
            let printed = document.to_json(Layout::Compact);
            assert!(raw(&printed).same_meaning(&document), "{name}");
            assert!(raw(&document.to_json(Layout::Pretty)).same_meaning(&document), "{name}");
            let formatted = format(&text).unwrap();
            assert!(raw(&formatted).same_meaning(&document), "{name}");
            assert_eq!(format(&formatted).unwrap(), formatted, "{name}");
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&formatted), value(&text), "{name}");
        }
    }

    #[test]
    fn formatting_keeps_values_as_they_are_written() {
        let text = r#"{"Statement":{"Condition":{"StringEqual":{},"NumericLessThan":{"n":[1.50,"2"]},
            "Bool":{"b":true},"ArnLike":{"a":[]}},"Resource":["r\u0041\/\t\u001f\u00e9"],"Action":["s3:GetObject"],
            "Effect":"Allow"},"Version":"2012-10-17"}"#;
        insta::assert_snapshot!(format(text).unwrap(), @r#"
        {
          "Version": "2012-10-17",
          "Statement": {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": ["rA/\t\u001fé"],
            "Condition": {
              "StringEqual": {},
              "NumericLessThan": {
                "n": [1.50, "2"]
              },
              "Bool": {
                "b": true
              },
              "ArnLike": {
                "a": []
              }
            }
          }
        }
        "#);
    }

    #[test]
    fn a_list_stands_on_one_line_up_to_column_100() {
        let text = |length: usize, comma: bool| {
            let resource = if comma { r#","Resource":"*""# } else { "" };
            let long = "é".repeat(length);
            format!(r#"{{"Statement":[{{"Effect":"Allow","Action":["a","{long}"]{resource}}}]}}"#)
        };
        let longest = |text: &str| format(text).unwrap().lines().map(|line| line.chars().count()).max();
        // `      "Action": ["a", "…"],`
        assert_eq!(longest(&text(74, true)), Some(100));
        assert_eq!(longest(&text(75, true)), Some(85));
        // Whether a comma follows makes no difference.
        assert_eq!(longest(&text(74, false)), Some(99));
        assert_eq!(longest(&text(75, false)), Some(85));
    }

    #[test]
    fn what_has_errors_is_not_touched() {
        let twice = r#"{"Statement":{"Effect":"Allow","Action":"a","Action":"b"}}"#;
        assert_eq!(format(twice).unwrap_err()[0].message, "`Action` stands here a second time");
        assert!(format("{").is_err());
    }

    #[test]
    fn large_documents_are_printed_in_linear_time() {
        let statement = r#"{"Effect":"Allow","Action":"a","Resource":["b","c"]}"#;
        let many = format!(r#"{{"Statement":[{}]}}"#, vec![statement; 50_000].join(","));
        let values = format!("[{}]", vec![r#""abcdefgh""#; 200_000].join(","));
        let long = format!(r#"{{"Statement":[{{"Effect":"Allow","Action":{values}}}]}}"#);
        let keys: Vec<String> = (0..50_000).map(|n| format!(r#""k{n}":"v""#)).collect();
        let conditions = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"a","Condition":{{"StringEquals":{{{}}}}}}}]}}"#,
            keys.join(",")
        );
        for text in [many, long, conditions] {
            let document = raw(&text);
            assert!(raw(&document.to_json(Layout::Pretty)).same_meaning(&document));
            assert!(raw(&format(&text).unwrap()).same_meaning(&document));
        }
    }

    /// JSON of a list of texts, single ones with or without brackets.
    fn json(texts: &[String], bare: bool) -> String {
        match texts {
            [only] if bare => serde_json::to_string(only).unwrap(),
            list => serde_json::to_string(list).unwrap(),
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        (vec("[a-c*:?]{0,3}|\\PC{0,3}|[\"\\\\\u{0}-\u{20}\u{7f}\u{2028}😀]{0,3}", 1..4), any::<bool>())
            .prop_map(|(texts, bare)| json(&texts, bare))
    }

    fn principals() -> impl Strategy<Value = String> {
        let kinds = subsequence(vec!["Federated", "AWS", "CanonicalUser", "Service"], 1..4);
        let map = (kinds, vec(texts(), 4)).prop_map(|(kinds, texts)| {
            let members: Vec<String> =
                kinds.iter().zip(texts).map(|(kind, texts)| format!(r#""{kind}":{texts}"#)).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![Just(r#""*""#.to_owned()), map]
    }

    fn conditions() -> impl Strategy<Value = String> {
        let operators = vec![
            "StringEquals",
            "stringequals",
            "STRINGEQUALS",
            "StringLikeIfExists",
            "Null",
            "null",
            "nULL",
            "ForAnyValue:StringLike",
            "foranyvalue:stringlike",
            "NumericLessThan",
            "Bool",
            "bool",
        ];
        let keys = subsequence(vec!["k", "K", "aws:username", "aws:UserName", "j\""], 0..5);
        let value = prop_oneof![
            texts(),
            Just("[]".to_owned()),
            Just("true".to_owned()),
            Just("[-1.50e3,false,\"x\"]".to_owned())
        ];
        let block = (keys, vec(value, 5)).prop_map(|(keys, values)| {
            let members: Vec<String> =
                keys.iter().zip(values).map(|(key, value)| format!("{key:?}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        (subsequence(operators, 0..12).prop_shuffle(), vec(block, 12)).prop_map(|(operators, blocks)| {
            let members: Vec<String> =
                operators.iter().zip(blocks).map(|(name, block)| format!("{name:?}:{block}")).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn statements() -> impl Strategy<Value = String> {
        let sid =
            option::of("\\PC{0,5}").prop_map(|sid| sid.map(|s| format!(r#""Sid":{}"#, json(&[s], true))));
        let named = |name: &'static str, not: &'static str, value: BoxedStrategy<String>| {
            (any::<bool>(), value).prop_map(move |(negated, value)| {
                format!(r#""{}":{value}"#, if negated { not } else { name })
            })
        };
        (
            sid,
            select(vec!["Allow", "Deny"]),
            option::of(named("Principal", "NotPrincipal", principals().boxed())),
            named("Action", "NotAction", texts().boxed()),
            option::of(named("Resource", "NotResource", texts().boxed())),
            option::of(conditions()),
        )
            .prop_flat_map(|(sid, effect, principal, action, resource, condition)| {
                let mut members = vec![format!(r#""Effect":"{effect}""#), action];
                members.extend(sid.into_iter().chain(principal).chain(resource));
                members.extend(condition.map(|condition| format!(r#""Condition":{condition}"#)));
                Just(members).prop_shuffle()
            })
            .prop_map(|members| format!("{{{}}}", members.join(" , ")))
    }

    fn policies() -> impl Strategy<Value = String> {
        (
            option::of(select(vec!["2012-10-17", "2008-10-17"])),
            option::of("\\PC{0,4}"),
            vec(statements(), 1..4),
            any::<bool>(),
        )
            .prop_map(|(version, id, statements, bare)| {
                let list = match &statements[..] {
                    [only] if bare => only.clone(),
                    list => format!("[{}]", list.join(",\n")),
                };
                let mut members = vec![format!(r#""Statement": {list}"#)];
                members.extend(version.map(|version| format!(r#""Version":"{version}""#)));
                members.extend(id.map(|id| format!(r#""Id":{}"#, json(&[id], true))));
                format!("{{{}}}", members.join(","))
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(250))]

        #[test]
        fn printing_and_reading_come_back(text in policies()) {
            let document = raw(&text);
            for layout in [Layout::Compact, Layout::Pretty] {
                let printed = document.to_json(layout);
                let again = raw(&printed);
                prop_assert!(again.same_meaning(&document), "{}", printed);
                prop_assert_eq!(again.to_json(layout), printed);
            }
            // Another reader takes it for JSON, and the compact one for the same JSON.
            let value = |layout| serde_json::from_str::<serde_json::Value>(&document.to_json(layout)).unwrap();
            prop_assert_eq!(value(Layout::Compact), value(Layout::Pretty));
        }

        #[test]
        fn formatting_is_idempotent_and_loses_nothing(text in policies()) {
            let formatted = format(&text).unwrap();
            prop_assert_eq!(&format(&formatted).unwrap(), &formatted);
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(value(&formatted), value(&text));
            prop_assert!(raw(&formatted).same_meaning(&raw(&text)));
        }
    }
}
