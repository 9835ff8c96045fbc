//! The evaluator against a second one that is slow and plain, on generated cases (the corpus meets it in
//! `corpus.rs`), and the laws that hold for all of them.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod model;

#[cfg(test)]
mod comparison {
    use proptest::{
        collection::vec,
        option,
        prelude::*,
        sample::{select, subsequence},
    };
    use serde_json::{Map, Value, json};

    use super::{
        cases::{Case, name},
        model,
    };

    const PRINCIPALS: [&str; 9] = [
        "arn:aws:iam::111111111111:user/a",
        "arn:aws:iam::111111111111:user/p/b",
        "arn:aws:iam::111111111111:role/r",
        "arn:aws:sts::111111111111:assumed-role/r/s",
        "arn:aws:sts::111111111111:federated-user/f",
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
        "sns.amazonaws.com",
        "*",
    ];
    const ACTIONS: [(&str, &str); 12] = [
        ("s3:Aab", "arn:aws:s3:::a"),
        ("s3:Aba", "arn:aws:s3:::a/b:c"),
        ("sqs:Aab", "arn:aws:sqs:e-1:111111111111:ab"),
        ("sqs:Bab", "arn:aws:sqs:e-1:222222222222:b"),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/a"),
        ("sts:AssumeRole", "arn:aws:iam::222222222222:role/a"),
        ("sts:TagSession", "arn:aws:iam::111111111111:role/a"),
        ("sts:GetSessionToken", "*"),
        ("kms:Aab", "arn:aws:kms:e-1:111111111111:key/a"),
        ("kms:RetireGrant", "arn:aws:kms:e-1:111111111111:key/a"),
        ("iam:Aab", "arn:aws:iam::111111111111:user/a"),
        ("ec2:Aab", "*"),
    ];
    const NAMED: [&str; 12] = [
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:root"}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:user/a"}"#,
        r#"{"AWS":["arn:aws:iam::111111111111:user/p/b","arn:aws:iam::111111111111:role/r"]}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:role/r"}"#,
        r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/r/s"}"#,
        r#"{"AWS":"arn:aws:sts::111111111111:federated-user/f"}"#,
        r#"{"AWS":"arn:aws:iam::333333333333:root"}"#,
        r#"{"Service":"sns.amazonaws.com"}"#,
        r#"{"Service":"s3.amazonaws.com","AWS":"222222222222"}"#,
    ];

    fn one_or_more(values: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
        prop_oneof![3 => values.clone(), 1 => vec(values, 1..4).prop_map(Value::from)].boxed()
    }

    fn strings(pattern: &'static str) -> BoxedStrategy<Value> {
        pattern.prop_map(Value::from).boxed()
    }

    fn picked(values: &'static [&'static str]) -> BoxedStrategy<Value> {
        select(values).prop_map(Value::from).boxed()
    }

    fn action_patterns() -> BoxedStrategy<Value> {
        one_or_more(
            prop_oneof![
                2 => strings(r"(s3|sqs|kms|S3|s\?s|\*):[ab*?AB]{1,4}"),
                2 => picked(&["*", "s3:*", "sqs:*", "sts:*", "kms:*", "STS:assumerole", "ec2:A*", "*:*", "iam:?ab"]),
            ]
            .boxed(),
        )
    }

    fn resource_patterns() -> BoxedStrategy<Value> {
        one_or_more(
            prop_oneof![
                4 => Just(json!("*")),
                2 => strings(r"arn:aws:s3:(\*|):(\*|):[ab*?/:]{1,4}"),
                2 => strings(r"arn:aws:(sqs|kms|\*):(e-1|e\*|\*|\?-1):(111111111111|1\*|\*|\?2\*):(key/|)[ab*?]{1,3}"),
                1 => strings(r"arn:aws:(sqs|s3|\*)(:e\*|:\*|:e-\*){0,2}:[ab*]{1,3}"),
                1 => picked(&[
                    "arn:aws:s3:::${k:one}", "arn:aws:s3:::${K:One}*", "arn:aws:s3:::${k:gone}", "arn:aws:s3:::${*}",
                    "arn:aws:s3:::${k:gone, 'a'}", "arn:aws:iam::*:role/*", "arn:aws:iam::*:user/${k:one}",
                ]),
            ]
            .boxed(),
        )
    }

    /// An operator, the key it is used on, and its values.
    fn conditions() -> BoxedStrategy<(String, &'static str, Value)> {
        let word = || {
            prop_oneof![
                strings("[abAB]{0,2}"),
                picked(&[
                    "${k:one}",
                    "x${k:one}",
                    "${k:gone}",
                    "${k:gone, 'a'}",
                    "${*}",
                    "${?}a",
                    "${$}",
                    "${k:set}",
                ])
            ]
            .boxed()
        };
        let text = (
            select(vec![
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
            ]),
            select(vec!["k:one", "K:ONE", "k:two"]),
            one_or_more(word()),
        );
        let like = (
            select(vec!["StringLike", "StringNotLike"]),
            select(vec!["k:one", "k:two"]),
            one_or_more(prop_oneof![strings("[ab*?]{0,3}"), word()].boxed()),
        );
        let arn = (
            select(vec!["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]),
            Just("aws:PrincipalArn"),
            one_or_more(
                prop_oneof![
                    strings(r"arn:aws:iam::(\*|111111111111|1\*):(role|user|\*)/[abr*?]{1,2}"),
                    picked(&[
                        "arn:aws:iam::111111111111:user/${k:one}",
                        "arn:aws:iam::111111111111:user/${k:gone}"
                    ]),
                ]
                .boxed(),
            ),
        );
        let number = (
            select(vec![
                "NumericEquals",
                "NumericNotEquals",
                "NumericLessThan",
                "NumericLessThanEquals",
                "NumericGreaterThan",
                "NumericGreaterThanEquals",
            ]),
            Just("k:number"),
            one_or_more(prop_oneof![picked(&["9", "10", "10.0", "-1", "9.5"]), Just(json!(10))].boxed()),
        );
        let date = (
            select(vec![
                "DateEquals",
                "DateNotEquals",
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ]),
            Just("k:date"),
            one_or_more(picked(&[
                "2026-02-17T12:00:00Z",
                "1771329600",
                "2026-02-17T13:00:00+01:00",
                "2026-02-17T12:00:01Z",
                "0",
            ])),
        );
        let ip = (
            select(vec!["IpAddress", "NotIpAddress"]),
            Just("k:ip"),
            one_or_more(picked(&[
                "10.0.0.0/8",
                "10.1.2.3",
                "0.0.0.0/0",
                "10.1.2.2/31",
                "::/0",
                "2001:db8::/32",
                "2001:db8::1",
                "128.0.0.0/1",
            ])),
        );
        let flag = (
            Just("Bool"),
            Just("k:flag"),
            one_or_more(prop_oneof![picked(&["true", "false"]), Just(json!(true))].boxed()),
        );
        let plain = prop_oneof![4 => text.boxed(), 2 => like.boxed(), 2 => arn.boxed(), 1 => number.boxed(), 1 => date.boxed(),
            1 => ip.boxed(), 2 => flag.boxed()];
        let plain = (plain, any::<bool>()).prop_map(|((operator, key, values), if_exists)| {
            (format!("{operator}{}", if if_exists { "IfExists" } else { "" }), key, values)
        });
        let set = (
            select(vec!["ForAllValues:", "ForAnyValue:", "forallvalues:"]),
            select(vec![
                "StringEquals",
                "StringNotEquals",
                "StringLike",
                "StringNotLike",
                "StringEqualsIgnoreCase",
            ]),
            select(vec!["k:set", "k:one"]),
            one_or_more(strings("[abAB*?]{1,2}")),
        )
            .prop_map(|(front, operator, key, values)| (format!("{front}{operator}"), key, values));
        let null = (select(vec!["k:one", "k:set", "k:gone"]), one_or_more(picked(&["true", "false"])))
            .prop_map(|(key, values)| ("Null".to_owned(), key, values));
        prop_oneof![5 => plain, 2 => set, 1 => null].boxed()
    }

    fn statements(principal: bool, deny: f64) -> BoxedStrategy<Value> {
        let named = prop_oneof![
            8 => select(&NAMED[..]).prop_map(|text| ("Principal", text)),
            1 => Just(("NotPrincipal", r#"{"AWS":["arn:aws:iam::111111111111:user/a","111111111111"]}"#)),
        ];
        (
            prop::bool::weighted(deny),
            prop::bool::weighted(0.1),
            action_patterns(),
            prop::bool::weighted(0.08),
            resource_patterns(),
            vec(conditions(), 0..3),
            named,
        )
            .prop_map(
                move |(deny, not_action, actions, not_resource, resources, conditions, (element, named))| {
                    let mut statement = Map::new();
                    let effect = if deny { "Deny" } else { "Allow" };
                    statement.insert("Effect".to_owned(), json!(effect));
                    statement.insert(if not_action { "NotAction" } else { "Action" }.to_owned(), actions);
                    let has_variables = resources.to_string().contains("${");
                    let element_of_resource =
                        if not_resource && !has_variables { "NotResource" } else { "Resource" };
                    statement.insert(element_of_resource.to_owned(), resources);
                    if principal {
                        let element = if deny { element } else { "Principal" };
                        statement.insert(element.to_owned(), serde_json::from_str(named).unwrap());
                    }
                    let mut block = Map::new();
                    for (operator, key, values) in conditions {
                        let keys = block.entry(operator).or_insert_with(|| json!({}));
                        keys.as_object_mut().unwrap().entry(key.to_ascii_lowercase()).or_insert(values);
                    }
                    if !block.is_empty() {
                        statement.insert("Condition".to_owned(), block.into());
                    }
                    statement.into()
                },
            )
            .boxed()
    }

    fn documents(principal: bool, deny: f64) -> BoxedStrategy<Value> {
        let version = prop_oneof![8 => Just(json!("2012-10-17")), 1 => Just(json!("2008-10-17")), 1 => Just(Value::Null)];
        (version, vec(statements(principal, deny), 1..4))
            .prop_map(|(version, statements)| {
                let mut document = json!({ "Statement": statements });
                if !version.is_null() {
                    document["Version"] = version;
                }
                document
            })
            .boxed()
    }

    fn contexts() -> BoxedStrategy<Value> {
        let key = |name: &'static str, values: BoxedStrategy<Value>| {
            option::weighted(0.7, values).prop_map(move |value| value.map(|value| (name, value)))
        };
        let set = subsequence(vec!["a", "b", "ab", "A"], 0..4).prop_map(Value::from).boxed();
        (
            key("k:one", strings("[abAB*]{1,2}")),
            key("K:Two", strings("[ab]{0,2}")),
            key("k:set", set),
            key("k:number", picked(&["9", "10", "-2", "100"])),
            key("k:date", picked(&["2026-02-17T12:00:00Z", "1771329600", "1771329601"])),
            key("k:ip", picked(&["10.1.2.3", "10.1.2.4", "2001:db8::1", "192.0.2.1"])),
            key("k:flag", picked(&["true", "false"])),
            key(
                "aws:PrincipalArn",
                picked(&["arn:aws:iam::111111111111:user/a", "arn:aws:iam::111111111111:role/r"]),
            ),
        )
            .prop_map(|(a, b, c, d, e, f, g, h)| {
                let keys = [a, b, c, d, e, f, g, h].into_iter().flatten();
                keys.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
            })
            .boxed()
    }

    fn named(documents: Vec<Value>) -> Value {
        documents.into_iter().map(|policy| json!({ "name": "p", "policy": policy })).collect()
    }

    fn levels(chance: f64, deny: f64) -> BoxedStrategy<Option<Value>> {
        let full = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let level =
            (any::<bool>(), vec(documents(false, deny), 1..3)).prop_map(move |(open, mut documents)| {
                if open {
                    documents.push(full.clone());
                }
                json!({ "orgIdentifier": "ou", "policies": named(documents) })
            });
        option::weighted(chance, vec(level, 1..3).prop_map(Value::from)).boxed()
    }

    fn generated() -> BoxedStrategy<Case> {
        let who = (select(&PRINCIPALS[..]), select(&ACTIONS[..]), contexts(), any::<bool>());
        (
            who,
            vec(documents(false, 0.25), 0..3),
            option::weighted(0.75, documents(true, 0.25)),
            option::weighted(0.25, documents(false, 0.15)),
            option::weighted(0.25, vec(documents(false, 0.15), 1..3)),
            levels(0.25, 0.4),
            levels(0.15, 1.0),
        )
            .prop_map(
                |(
                    (principal, (action, arn), context, home),
                    identity,
                    resource,
                    boundary,
                    session,
                    scps,
                    rcps,
                )| {
                    let field = arn.split(':').nth(4).filter(|field| field.len() == 12);
                    let account =
                        field.unwrap_or(if home || arn == "*" { "111111111111" } else { "222222222222" });
                    let mut case = json!({
                        "id": "generated",
                        "request": {"principal": principal, "action": action, "context": context,
                            "resource": {"arn": arn, "accountId": account}},
                        "identityPolicies": named(identity),
                    });
                    let mut set = |member: &str, value: Option<Value>| {
                        if let Some(value) = value {
                            case[member] = value;
                        }
                    };
                    set("resourcePolicy", resource);
                    set("permissionBoundaryPolicies", boundary.map(|document| named(vec![document])));
                    set("sessionPolicy", session.map(Value::from));
                    set("serviceControlPolicies", scps);
                    set("resourceControlPolicies", rcps);
                    Case(case)
                },
            )
            .boxed()
    }

    /// The same case with every statement of every policy replaced by what it is turned into.
    fn with_statements(value: &Value, turn: &dyn Fn(&Value, &Value) -> Vec<Value>) -> Value {
        match value {
            Value::Object(members) if members.contains_key("Statement") => {
                let mut document = value.clone();
                let statements = members["Statement"].as_array().into_iter().flatten();
                let one = std::iter::once(&members["Statement"]).filter(|statement| statement.is_object());
                document["Statement"] = statements.chain(one).flat_map(|s| turn(value, s)).collect();
                document
            }
            Value::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), with_statements(value, turn))).collect()
            }
            Value::Array(items) => items.iter().map(|item| with_statements(item, turn)).collect(),
            other => other.clone(),
        }
    }

    fn decision(case: &Value) -> &'static str {
        name(Case(case.clone()).evaluate().decision)
    }

    /// One statement for each value of an element that is a list.
    fn split(statement: &Value, element: &str) -> Vec<Value> {
        let Some(Value::Array(values)) = statement.get(element) else { return vec![statement.clone()] };
        let one = |value: &Value| {
            let mut statement = statement.clone();
            statement[element] = value.clone();
            statement
        };
        values.iter().map(one).collect()
    }

    /// One statement for each value of the first condition that is a list and whose values are an OR.
    fn split_values(statement: &Value) -> Vec<Value> {
        let blocks = statement["Condition"].as_object().into_iter().flatten();
        for (operator, keys) in blocks {
            if operator.contains("Not") || operator.contains(':') {
                continue;
            }
            for (key, values) in keys.as_object().unwrap() {
                if let Value::Array(values) = values {
                    let one = |value: &Value| {
                        let mut statement = statement.clone();
                        statement["Condition"][operator][key] = value.clone();
                        statement
                    };
                    return values.iter().map(one).collect();
                }
            }
        }
        vec![statement.clone()]
    }

    fn reversed(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().rev().map(reversed).collect(),
            Value::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), reversed(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Actions, operators and condition keys in another case.
    fn shouted(statement: &Value) -> Value {
        let upper = |value: &Value| match value {
            Value::String(text) => Value::from(text.to_ascii_uppercase()),
            list => {
                list.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_ascii_uppercase()).collect()
            }
        };
        let mut out = statement.clone();
        for element in ["Action", "NotAction"] {
            if let Some(value) = statement.get(element) {
                out[element] = upper(value);
            }
        }
        if let Some(blocks) = statement.get("Condition").and_then(Value::as_object) {
            let keys = |keys: &Value| -> Value {
                let keys = keys.as_object().unwrap().iter();
                keys.map(|(key, values)| (key.to_ascii_uppercase(), values.clone())).collect()
            };
            out["Condition"] =
                blocks.iter().map(|(op, under)| (op.to_ascii_lowercase(), keys(under))).collect();
        }
        out
    }

    /// Variables replaced by their values, in which what is special is escaped.
    fn substituted(document: &Value, statement: &Value, context: &Value) -> Value {
        if document["Version"] != "2012-10-17" {
            return statement.clone();
        }
        let Some(found) = context.get("k:one").and_then(Value::as_str) else { return statement.clone() };
        let escaped: String =
            found.chars().map(|c| if "*?$".contains(c) { format!("${{{c}}}") } else { c.into() }).collect();
        let text = statement.to_string().replace("${k:one}", &escaped).replace("${K:One}", &escaped);
        serde_json::from_str(&text).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn splitting_statements_changes_nothing(case in generated()) {
            for element in ["Action", "Resource"] {
                let apart = with_statements(&case.0, &|_, statement| split(statement, element));
                prop_assert_eq!(decision(&case.0), decision(&apart), "{} of {:#}", element, case.0);
            }
            let apart = with_statements(&case.0, &|_, statement| split_values(statement));
            prop_assert_eq!(decision(&case.0), decision(&apart), "{:#}", case.0);
        }

        #[test]
        fn order_changes_nothing(case in generated()) {
            prop_assert_eq!(decision(&case.0), decision(&reversed(&case.0)), "{:#}", case.0);
        }

        #[test]
        fn letters_of_actions_operators_and_keys_change_nothing(case in generated()) {
            let mut loud = with_statements(&case.0, &|_, statement| vec![shouted(statement)]);
            let action = case.0["request"]["action"].as_str().unwrap().to_ascii_lowercase();
            loud["request"]["action"] = action.into();
            prop_assert_eq!(decision(&case.0), decision(&loud), "{:#}", case.0);
        }

        #[test]
        fn without_variables_both_versions_say_the_same(case in generated()) {
            let plain = case.0.to_string().replace("${", "#{");
            let old = plain.replace("2012-10-17", "2008-10-17");
            prop_assert_eq!(decision(&serde_json::from_str(&plain).unwrap()),
                decision(&serde_json::from_str(&old).unwrap()), "{:#}", case.0);
        }

        #[test]
        fn a_variable_is_its_value_escaped(case in generated()) {
            let context = &case.0["request"]["context"];
            let filled = with_statements(&case.0, &|document, statement| vec![substituted(document, statement, context)]);
            prop_assert_eq!(decision(&case.0), decision(&filled), "{:#}", case.0);
        }

        #[test]
        fn denies_never_widen_and_allows_never_narrow(case in generated(), extra in statements(false, 0.5)) {
            let before = decision(&case.0);
            let denies = extra["Effect"] == "Deny";
            let mut after = case.0.clone();
            let added = json!({"name": "added", "policy": {"Version": "2012-10-17", "Statement": extra}});
            after["identityPolicies"].as_array_mut().unwrap().push(added);
            let after = decision(&after);
            let other = if denies { "ExplicitlyDenied" } else { "Allowed" };
            prop_assert!(after == before || after == other);
            // Into every policy of every layer at once, an Allow for everything can only help, a Deny only harm.
            let both = |effect: &str| with_statements(&case.0, &|document, statement| {
                let first = document["Statement"].get(0).unwrap_or(&document["Statement"]);
                let mut list = vec![statement.clone()];
                if std::ptr::eq(first, statement) {
                    let mut more = json!({"Effect": effect, "Action": "*", "Resource": "*"});
                    if statement.get("Principal").or(statement.get("NotPrincipal")).is_some() {
                        more["Principal"] = json!("*");
                    }
                    list.push(more);
                }
                list
            });
            let (open, shut) = (decision(&both("Allow")), decision(&both("Deny")));
            prop_assert!(open == before || before == "ImplicitlyDenied", "{} to {}: {:#}", before, open, case.0);
            prop_assert!(shut == before || shut == "ExplicitlyDenied", "{} to {}: {:#}", before, shut, case.0);
        }

        #[test]
        fn negation_and_if_exists_are_what_they_say(case in generated(), (operator, key, values) in conditions()) {
            let holds = |operator: &str, context: &Value| {
                let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
                    "Condition": {operator: {key: values.clone()}}});
                let asked = json!({"id": "c", "request": {"principal": PRINCIPALS[0], "action": "ec2:Aab",
                    "resource": {"arn": "*"}, "context": context},
                    "identityPolicies": named(vec![json!({"Version": "2012-10-17", "Statement": statement})])});
                decision(&asked) == "Allowed"
            };
            let context = &case.0["request"]["context"];
            let mut without = context.clone();
            without.as_object_mut().unwrap().retain(|known, _| !known.eq_ignore_ascii_case(key));
            let present = without != *context;
            let is_set = operator.contains(':') || operator == "Null";
            if !is_set && let Some(plain) = operator.strip_suffix("IfExists") {
                prop_assert_eq!(holds(&operator, context), !present || holds(plain, context));
            }
            let positive = operator.replace("Not", "");
            if !is_set && present && positive != operator {
                prop_assert_eq!(holds(&operator, context), !holds(&positive, context));
            }
            if operator.contains(':') && !present {
                prop_assert_eq!(holds(&operator, context), operator.to_ascii_lowercase().starts_with("forall"));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn both_decide_alike(case in generated()) {
            prop_assert_eq!(name(case.evaluate().decision), model::decide(&case.0), "{:#}", case.0);
        }
    }
}
