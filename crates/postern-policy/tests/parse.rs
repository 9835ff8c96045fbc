//! What is wrong with a text, where, and what to do about it; and texts made to hurt.

use postern_policy::{Context, Document, Effect, Truth, Version, line_column};

#[test]
fn problems_say_what_where_and_what_to_do() {
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("", "", "expected a value, found the end of the document", None),
        ("{", "", "expected a name in double quotes, found the end of the document", None),
        (r#"{"a" 1}"#, "1", "expected `:`, found `1`", None),
        (r#"{"a": 1,}"#, "}", "expected a name in double quotes, found `}`", None),
        (r#"[1 2]"#, "2", "expected `,` or `]`, found `2`", None),
        ("tru", "t", "expected a value, found `t`", None),
        ("01", "1", "expected the end of the document, found `1`", None),
        ("-", "", "expected a digit, found the end of the document", None),
        (r#""abc"#, r#""abc"#, "the string never ends", None),
        (r#""a\x""#, r"\x", "no such escape in JSON", None),
        (r#""\ud800""#, r"\ud800", "half of a surrogate pair", None),
        (
            "\"a\tb\"",
            "\t",
            "a control character stands in a string",
            Some("write it as an escape, such as `\\n`"),
        ),
        ("{} x", "x", "expected the end of the document, found `x`", None),
        ("[]", "[]", "a policy is an object, not a list", None),
        ("{}", "{}", "a policy needs a `Statement`", None),
        (r#"{"Statement": []}"#, "[]", "`Statement` is empty", None),
        (r#"{"Statement": ["x"]}"#, r#""x""#, "a statement is an object, not a string", None),
        (
            r#"{"Version": "2012-10-18", "Statement": {"Effect": "Allow", "Action": "*"}}"#,
            r#""2012-10-18""#,
            "there is no version `2012-10-18` of the policy language",
            Some("use `2012-10-17`"),
        ),
        (
            r#"{"Statements": {"Effect": "Allow", "Action": "*"}}"#,
            r#""Statements""#,
            "`Statements` is no element of a policy",
            Some("did you mean `Statement`?"),
        ),
        (
            r#"{"Statement": {"Effect": "Allow"}}"#,
            r#"{"Effect": "Allow"}"#,
            "a statement needs `Action` or `NotAction`",
            None,
        ),
        (
            r#"{"Statement": {"Effect": "allow", "Action": "*"}}"#,
            r#""allow""#,
            "`Effect` must be either `Allow` or `Deny`",
            None,
        ),
        (r#"{"Statement": {"Effect": "Deny", "Action": []}}"#, "[]", "`Action` is empty", None),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": ["*", 1]}}"#,
            "1",
            "`Action` lists strings, not a number",
            None,
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "NotAction": "*"}}"#,
            r#""NotAction""#,
            "`Action` and `NotAction` exclude each other",
            None,
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Action": "s3:*"}}"#,
            r#""Action""#,
            "`Action` stands here a second time",
            Some("the first one is in line 1, column 34; merge the two"),
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Principal": {"Aws": "*"}}}"#,
            r#""Aws""#,
            "`Aws` is not a kind of principal",
            Some("did you mean `AWS`?"),
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Condition": {"StringEqual": {"a": "b"}}}}"#,
            r#""StringEqual""#,
            "there is no condition operator `StringEqual`",
            Some("did you mean `StringEquals`?"),
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Condition": {"ForAllValue:BolIfExists": {"a": "b"}}}}"#,
            r#""ForAllValue:BolIfExists""#,
            "there is no condition operator `ForAllValue:BolIfExists`",
            Some("did you mean `ForAllValues:BoolIfExists`?"),
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Condition": {"NullIfExists": {"a": "true"}}}}"#,
            r#""NullIfExists""#,
            "there is no condition operator `NullIfExists`",
            None,
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "Condition": {"Bool": {"a": null}}}}"#,
            "null",
            "a value of `a` is a string, number or boolean, not null",
            None,
        ),
    ];
    for (text, at, message, help) in cases {
        let problems = Document::parse(text).expect_err(text);
        let [problem] = &problems[..] else { panic!("{text}: {problems:?}") };
        assert_eq!(problem.message, *message, "{text}");
        assert_eq!(problem.span.of(text), Some(*at), "{text}");
        if let Some(help) = help {
            assert_eq!(problem.help.as_deref(), Some(*help), "{text}");
        }
    }
}

#[test]
fn all_problems_come_at_once_in_their_order() {
    let text = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Efect": "Allow", "Action": "s3:*", "Resource": "*"},
    {"Effect": "Allow", "Action": [], "Resource": "*", "Condition": {"Boool": {"a": "true"}}}
  ]
}"#;
    let places: Vec<(usize, usize)> = Document::parse(text)
        .unwrap_err()
        .iter()
        .map(|problem| line_column(text, problem.span.start))
        .collect();
    assert_eq!(places, [(4, 6), (5, 35), (5, 70)]);
}

#[test]
fn a_document_keeps_what_it_says() {
    let text = r#"{"Version":"2012-10-17","Id":"x","Statement":{"Sid":"S","Effect":"Deny","NotAction":["s3:*","iam:Get*"],
        "NotResource":"*","Condition":{"NumericLessThan":{"a":[1,"2"]},"Bool":{"b":true}}}}"#;
    let document = Document::parse(text).unwrap();
    assert_eq!((document.version(), document.id()), (Version::V2012, Some("x")));
    let [statement] = document.statements() else { panic!("one statement") };
    assert_eq!((statement.sid(), statement.effect()), (Some("S"), Effect::Deny));
    assert!(statement.actions().is_negated());
    assert!(statement.resources().is_some_and(|resources| resources.is_negated()));
    let shown: Vec<String> = statement
        .conditions()
        .iter()
        .map(|c| {
            format!(
                "{} {} {:?}",
                c.operator(),
                c.key(),
                c.values().iter().map(|v| v.text()).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(shown, [r#"NumericLessThan a ["1", "2"]"#, r#"Bool b ["true"]"#]);
    // Without a version it is the older language.
    let old = Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#).unwrap();
    assert_eq!((old.version(), old.version_element()), (Version::V2008, None));
}

#[test]
fn a_name_that_stands_twice_is_found_among_its_likes() {
    let twice = |names: &[&str]| {
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":\"x\"")).collect();
        let condition = members.join(",");
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"*","Condition":{{"StringEquals":{{{condition}}}}}}}}}"#
        );
        Document::parse(&text).err().unwrap_or_default().len()
    };
    // Of one length and one beginning, in the same number.
    assert_eq!(twice(&["a:x", "a:y", "a:z"]), 0);
    assert_eq!(twice(&["a:x", "a:y", "a:x"]), 1);
    assert_eq!(twice(&["a:x", "b", "a:x", "a:x"]), 2);
    // The one with an escape, the other without.
    assert_eq!(twice(&["a:x", "a:\\u0078"]), 1);
    assert_eq!(twice(&["a:\\u0078", "a:x"]), 1);
    assert_eq!(twice(&["a:\\u0078", "a:\\u0079"]), 0);
    let many: Vec<String> = (0..40).map(|n| format!("a:{n}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(twice(&many), 0);
    many.extend(["a:7", "a:39"]);
    assert_eq!(twice(&many), 2);
}

#[test]
fn what_follows_a_document_does_not_change_it() {
    let text = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:\u002a",
        "Resource": ["arn:aws:s3:::b/${aws:username}/*", "*"], "Condition": {"Bool": {"a:b": true}}}]}"#;
    let alone = Document::parse(text).unwrap();
    for behind in ["", " ", "}", ",\"", "]\u{feff}", "{", "7"] {
        let (document, end) = Document::parse_front(&format!("{text}{behind}")).unwrap();
        assert_eq!((&document, end), (&alone, text.len()), "{behind}");
    }
    for (at, _) in text.char_indices() {
        assert!(Document::parse_front(&text[..at]).is_err(), "{at}");
    }
}

#[test]
fn where_others_follow_lists_may_be_empty_and_name_nothing() {
    for (text, matches) in [
        (r#"{"Statement": [{"Effect": "Allow", "Action": [], "Resource": "*"}]}"#, Some(false)),
        (r#"{"Statement": [{"Effect": "Allow", "NotAction": [], "Resource": "*"}]}"#, Some(true)),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": {}, "Action": "*", "NotResource": []}}"#,
            Some(true),
        ),
        (r#"{"Statement": []}"#, None),
    ] {
        assert!(Document::parse(text).is_err(), "{text}");
        let (document, _) = Document::parse_front(text).unwrap();
        let first =
            document.statements().first().map(|statement| statement.actions().matches("s3:GetObject"));
        assert_eq!(first, matches, "{text}");
        assert!(Document::parse_front(r#"{"Statement": [{"Effect": "Allow", "Action": [7]}]}"#).is_err());
    }
}

#[test]
fn texts_made_to_hurt_end_soon() {
    // Each of these would not end, or end in a crash, if the work were not bounded.
    let deep = "[".repeat(1_000_000);
    assert!(Document::parse(&deep).unwrap_err()[0].message.starts_with("nested deeper"));
    let deep = r#"{"Statement":"#.repeat(100_000);
    assert!(Document::parse(&deep).unwrap_err()[0].message.starts_with("nested deeper"));

    let keys: Vec<String> = (0..50_000).map(|n| format!(r#""k{}":1"#, n % 20_000)).collect();
    let problems = Document::parse(&format!("{{{}}}", keys.join(","))).unwrap_err();
    assert!((1..=100).contains(&problems.len()), "{}", problems.len());

    let statement = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
    let many = format!(r#"{{"Statement":[{}]}}"#, vec![statement; 20_000].join(","));
    assert_eq!(Document::parse(&many).unwrap().statements().len(), 20_000);

    let many = format!(r#"{{"Statement":[{}]}}"#, vec![r#"{"Efect":"Allow"}"#; 300_000].join(","));
    assert_eq!(Document::parse(&many).unwrap_err().len(), 100);

    let long = "x".repeat(1_000_000);
    assert!(Document::parse(&format!(r#"{{"{long}":1,"Statement":{{"{long}":2}}}}"#)).is_err());

    for stars in ["*a".repeat(500), "*?".repeat(500), format!("{}b", "a*".repeat(500))] {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"*","Condition":{{"StringLike":{{"k":"{stars}c"}}}}}}}}"#
        );
        let document = Document::parse(&text).unwrap();
        let context = Context::new().with("k", "a".repeat(4_000));
        assert_eq!(document.statements()[0].conditions()[0].test(&context), Truth::No);
    }
}
