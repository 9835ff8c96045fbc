//! Conditions, variables and patterns, one row per sentence of AWS's documentation.
//!
//! UG = *IAM User Guide*; E1 to E6 are the places where the best evaluator known errs.

#[cfg(test)]
mod common;

use common::{ALICE, Scene, doc, raw, scene};
use postern_policy::{
    Context, ContextValue,
    Decision::{Allowed, ExplicitlyDenied, ImplicitlyDenied},
};

#[derive(Clone, Copy, Debug)]
enum Has<'a> {
    Nothing,
    One(&'a str),
    Many(&'a [&'a str]),
}
use Has::{Many, Nothing, One};

impl From<Has<'_>> for ContextValue {
    fn from(has: Has<'_>) -> Self {
        match has {
            Nothing => Self::Absent,
            One(value) => value.into(),
            Many(values) => values.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Yes,
    No,
    /// Not documented: denies where it denies, and grants nothing.
    Unsettled,
    /// Grants without denying: never right.
    Absurd,
}
use Holds::{Absurd, No, Unsettled, Yes};

/// Whether a condition on the key `k` holds, seen through an allowing and a denying statement.
fn holds(version: &str, operator: &str, values: &str, context: &Context) -> Holds {
    let statement = |effect: &str| {
        raw(&format!(
            r#"{{"Version":"{version}","Statement":{{"Effect":"{effect}","Action":"*","Resource":"*","Condition":{{"{operator}":{{"K":{values}}}}}}}}}"#
        ))
    };
    let ask = |scene: Scene| Scene { context: context.clone(), ..scene }.decision();
    let base = || scene(ALICE, "ec2:RunInstances", "*");
    let allowed = ask(base().identity(statement("Allow"))) == Allowed;
    let denied = ask(base().identity(common::allow("*")).identity(statement("Deny"))) == ExplicitlyDenied;
    match (allowed, denied) {
        (true, true) => Yes,
        (false, false) => No,
        (false, true) => Unsettled,
        (true, false) => Absurd,
    }
}

#[test]
fn operators() {
    // UG, Condition operators.
    let rows: &[(&str, &str, Has<'_>, Holds)] = &[
        ("StringEquals", r#""a""#, One("a"), Yes),
        ("StringEquals", r#""a""#, One("A"), No),
        ("StringEquals", r#"["a","b"]"#, One("b"), Yes),
        ("StringEquals", r#""a*""#, One("ab"), No),
        ("StringEquals", r#""a*""#, One("a*"), Yes),
        ("StringEquals", r#""a""#, Nothing, No),
        ("StringNotEquals", r#""a""#, One("b"), Yes),
        ("StringNotEquals", r#"["a","b"]"#, One("b"), No),
        ("StringNotEquals", r#""a""#, Nothing, Yes),
        ("StringEqualsIgnoreCase", r#""aBc""#, One("AbC"), Yes),
        ("StringNotEqualsIgnoreCase", r#""aBc""#, One("AbC"), No),
        ("StringLike", r#""a*c?""#, One("abbcd"), Yes),
        ("StringLike", r#""a*c?""#, One("abbc"), No),
        ("StringLike", r#""A*""#, One("ab"), No),
        ("StringLike", r#""""#, One(""), Yes),
        ("StringLike", r#""?""#, One("é"), Yes),
        ("StringNotLike", r#""a*""#, One("b"), Yes),
        ("StringNotLike", r#""a*""#, Nothing, Yes),
        ("stringlike", r#""a*""#, One("ab"), Yes),
        ("NumericEquals", r#""10""#, One("10.0"), Yes),
        ("NumericEquals", r#"10"#, One("10"), Yes),
        ("NumericNotEquals", r#""10""#, One("11"), Yes),
        ("NumericLessThan", r#""3600""#, One("3599"), Yes),
        ("NumericLessThan", r#""3600""#, One("3600"), No),
        ("NumericLessThan", r#""3600""#, Nothing, No),
        ("NumericLessThanEquals", r#""3600""#, One("3600"), Yes),
        ("NumericGreaterThan", r#"["5","100"]"#, One("10"), Yes),
        ("NumericGreaterThanEquals", r#""-1""#, One("-1"), Yes),
        ("NumericLessThan", r#""ten""#, One("1"), Unsettled),
        ("NumericNotEquals", r#""1""#, One("one"), Unsettled),
        // E5: "or in epoch (UNIX) time"
        ("DateLessThan", r#""2026-02-17T12:00:00Z""#, One("1771329599"), Yes),
        ("DateLessThan", r#""1771329600""#, One("2026-02-17T12:00:00Z"), No),
        ("DateEquals", r#"1771329600"#, One("2026-02-17T13:00:00+01:00"), Yes),
        ("DateGreaterThan", r#""2026-02-17T12:00:00Z""#, One("2026-02-17T12:00:01Z"), Yes),
        ("DateGreaterThanEquals", r#""2026-02-17T12:00:00Z""#, One("2026-02-17T12:00:00Z"), Yes),
        ("DateLessThanEquals", r#""2026-02-17T12:00:00Z""#, One("2026-02-17T12:00:00Z"), Yes),
        ("DateNotEquals", r#""2026-02-17T12:00:00Z""#, Nothing, Yes),
        ("Bool", r#""true""#, One("true"), Yes),
        ("Bool", "true", One("true"), Yes),
        ("Bool", r#""true""#, One("false"), No),
        ("Bool", r#""false""#, One("false"), Yes),
        ("Bool", r#""false""#, Nothing, No),
        ("Bool", r#"["true","false"]"#, One("false"), Yes),
        ("Bool", r#""true""#, One("yes"), Unsettled),
        ("BoolIfExists", r#""true""#, Nothing, Yes),
        ("BoolIfExists", r#""true""#, One("false"), No),
        ("BoolIfExists", r#""false""#, One("false"), Yes),
        ("Null", r#""true""#, Nothing, Yes),
        ("Null", r#""true""#, One("x"), No),
        ("Null", r#""false""#, One("x"), Yes),
        ("Null", "false", Nothing, No),
        ("Null", "false", Many(&["x", "y"]), Yes),
        ("Null", r#""true""#, Many(&[]), Yes),
        ("BinaryEquals", r#""QmluYXJ5""#, One("QmluYXJ5"), Yes),
        ("BinaryEquals", r#""QmluYXJ5""#, One("QmluYXJ4"), No),
        ("BinaryEquals", r#""?""#, One("QmluYXJ4"), Unsettled),
        ("IpAddress", r#""203.0.113.0/24""#, One("203.0.113.77"), Yes),
        ("IpAddress", r#""203.0.113.0/24""#, One("203.0.114.1"), No),
        ("IpAddress", r#""203.0.113.5""#, One("203.0.113.5"), Yes),
        ("IpAddress", r#""203.0.113.5""#, One("203.0.113.6"), No),
        ("IpAddress", r#""2001:DB8:1234:5678::/64""#, One("2001:db8:1234:5678::1"), Yes),
        ("IpAddress", r#""2001:db8::/64""#, One("203.0.113.5"), No),
        ("NotIpAddress", r#"["203.0.113.0/24","10.0.0.0/8"]"#, One("10.1.2.3"), No),
        // E3: a /0 prefix is every IPv4 address.
        ("IpAddress", r#""0.0.0.0/0""#, One("203.0.113.5"), Yes),
        ("NotIpAddress", r#""0.0.0.0/0""#, One("203.0.113.5"), No),
        ("IpAddress", r#""::/0""#, One("2001:db8::1"), Yes),
        // E4: a bare address has the default prefix /32, and an IPv6 address lies outside.
        ("NotIpAddress", r#""203.0.113.5""#, One("2001:db8::1"), Yes),
        ("NotIpAddress", r#""203.0.113.5/32""#, One("2001:db8::1"), Yes),
        ("IpAddress", r#""everywhere""#, One("10.0.0.1"), Unsettled),
        (
            "ArnEquals",
            r#""arn:aws:iam::111111111111:user/*""#,
            One("arn:aws:iam::111111111111:user/a/b"),
            Yes,
        ),
        ("ArnLike", r#""arn:aws:sns:*:111111111111:t""#, One("arn:aws:sns:eu-west-1:111111111111:t"), Yes),
        // By component: no wildcard crosses a colon, except in the last one.
        ("ArnLike", r#""arn:aws:sns:*:t""#, One("arn:aws:sns:eu-west-1:111111111111:t"), Unsettled),
        ("ArnLike", r#""arn:aws:s*:::b""#, One("arn:aws:sns:eu-west-1:1:b"), No),
        ("ArnLike", r#""arn:aws:logs:*:*:log-group:*""#, One("arn:aws:logs:eu-west-1:1:log-group:a:b"), Yes),
        ("ArnLike", r#""arn:aws:iam::*:USER/a""#, One("arn:aws:iam::1:user/a"), No),
        ("ArnNotEquals", r#""arn:aws:iam::1:user/a""#, One("arn:aws:iam::1:user/b"), Yes),
        ("ArnNotLike", r#""arn:aws:iam::1:user/*""#, One("arn:aws:iam::1:user/b"), No),
        ("ArnNotLike", r#""arn:aws:iam::1:user/*""#, Nothing, Yes),
        // A value that is no ARN: a Deny is not lost, an Allow not won.
        ("ArnNotLike", r#""arn:aws:iam::1:user/*""#, One("nonsense"), Unsettled),
        ("ArnLike", r#""arn:aws:iam::1:user/*""#, One("nonsense"), Unsettled),
    ];
    for (operator, values, has, wanted) in rows {
        let context = Context::new().with("k", *has);
        assert_eq!(
            holds("2012-10-17", operator, values, &context),
            *wanted,
            "{operator} {values} on {has:?}"
        );
    }
}

#[test]
fn sets() {
    // UG, Set operators for multivalued context keys; IfExists.
    let rows: &[(&str, &str, Has<'_>, Holds)] = &[
        ("ForAllValues:StringEquals", r#"["a","b"]"#, Many(&["a", "b", "a"]), Yes),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, Many(&["a", "c"]), No),
        ("ForAllValues:StringEquals", r#""a""#, Nothing, Yes),
        ("ForAllValues:StringEquals", r#""a""#, Many(&[]), Yes),
        ("ForAllValues:StringEquals", r#""a""#, One(""), Yes),
        ("ForAllValues:StringNotEquals", r#""a""#, Many(&["b", "c"]), Yes),
        ("ForAllValues:StringNotEquals", r#""a""#, Many(&["a", "c"]), No),
        ("ForAnyValue:StringEquals", r#""a""#, Many(&["b", "a"]), Yes),
        ("ForAnyValue:StringEquals", r#""a""#, Many(&["b"]), No),
        ("ForAnyValue:StringEquals", r#""a""#, Nothing, No),
        ("ForAnyValue:StringNotEquals", r#""a""#, Nothing, No),
        ("ForAnyValue:StringNotEquals", r#""a""#, Many(&["a", "b"]), Yes),
        ("ForAnyValue:StringNotEquals", r#""a""#, Many(&["a", "a"]), No),
        ("ForAnyValue:StringLike", r#""a*""#, One("ab"), Yes),
        ("forallvalues:stringlikeifexists", r#""a*""#, Nothing, Yes),
        ("ForAnyValue:StringEqualsIfExists", r#""a""#, Nothing, No),
        ("ForAnyValue:StringNotEqualsIfExists", r#""a""#, Many(&[]), No),
        ("StringEqualsIfExists", r#""a""#, Nothing, Yes),
        ("StringEqualsIfExists", r#""a""#, Many(&[]), Yes),
        ("StringEqualsIfExists", r#""a""#, One("b"), No),
        ("StringEquals", r#""a""#, Many(&["a"]), Yes),
        // Without a set operator AWS does not say what several values mean.
        ("StringEquals", r#""a""#, Many(&["a", "b"]), Unsettled),
        ("StringEquals", r#""c""#, Many(&["a", "b"]), No),
        ("StringEquals", r#""a""#, Many(&[]), No),
        ("StringNotEquals", r#""a""#, Many(&[]), Yes),
    ];
    for (operator, values, has, wanted) in rows {
        let context = Context::new().with("k", *has);
        assert_eq!(
            holds("2012-10-17", operator, values, &context),
            *wanted,
            "{operator} {values} on {has:?}"
        );
    }
}

#[test]
fn variables() {
    // UG, Policy variables.
    let context = |k: &str| {
        let context =
            Context::new().with("k", k).with("aws:username", "alice").with("aws:PrincipalTag/Team", "red");
        context.with("aws:TagKeys", &["x", "y"][..])
    };
    let rows: &[(&str, &str, &str, &str, Holds)] = &[
        ("2012-10-17", "StringEquals", r#""${aws:username}""#, "alice", Yes),
        ("2012-10-17", "StringEquals", r#""x-${AWS:UserName}-y""#, "x-alice-y", Yes),
        ("2012-10-17", "StringLike", r#""${aws:username}/*""#, "alice/x", Yes),
        ("2012-10-17", "StringEqualsIgnoreCase", r#""${aws:username}""#, "ALICE", Yes),
        ("2012-10-17", "StringEquals", r#""${aws:PrincipalTag/team}""#, "red", Yes),
        (
            "2012-10-17",
            "ArnLike",
            r#""arn:aws:iam::*:user/${aws:username}""#,
            "arn:aws:iam::1:user/alice",
            Yes,
        ),
        // E1: in the older version they are "literal strings in the policy".
        ("2008-10-17", "StringEquals", r#""${aws:username}""#, "alice", No),
        ("2008-10-17", "StringEquals", r#""${aws:username}""#, "${aws:username}", Yes),
        // Variables without a value: nothing is like it, and everything is unlike it (E2).
        ("2012-10-17", "StringEquals", r#""${aws:nothing}""#, "", No),
        ("2012-10-17", "StringLike", r#""*${aws:nothing}*""#, "x", No),
        ("2012-10-17", "StringNotEquals", r#""${aws:nothing}""#, "x", Yes),
        ("2012-10-17", "StringNotLike", r#""${aws:nothing}*""#, "x", Yes),
        ("2012-10-17", "ArnNotLike", r#""arn:aws:iam::1:user/${aws:nothing}""#, "arn:aws:iam::1:user/x", Yes),
        ("2012-10-17", "StringEquals", r#"["${aws:nothing}","x"]"#, "x", Yes),
        ("2012-10-17", "StringEquals", r#""${aws:TagKeys}""#, "x", No),
        // Defaults.
        ("2012-10-17", "StringEquals", r#""${aws:PrincipalTag/none, 'blue'}""#, "blue", Yes),
        ("2012-10-17", "StringEquals", r#""${aws:PrincipalTag/team, 'blue'}""#, "red", Yes),
        ("2012-10-17", "StringLike", r#""a-${aws:none, 'b'}-*""#, "a-b-c", Yes),
        // E6: `${*}`, `${?}`, `${$}` "in any string where you can use regular policy variables".
        ("2012-10-17", "StringEquals", r#""${*}${?}${$}""#, "*?$", Yes),
        ("2012-10-17", "StringLike", r#""a${*}""#, "a*", Yes),
        ("2012-10-17", "StringLike", r#""a${*}""#, "ab", No),
        ("2012-10-17", "StringNotEquals", r#""${*}""#, "*", No),
        // What only looks like a variable stays as it is.
        ("2012-10-17", "StringEquals", r#""${aws:username""#, "${aws:username", Yes),
        ("2012-10-17", "StringEquals", r#""$100 {x}""#, "$100 {x}", Yes),
    ];
    for (version, operator, values, k, wanted) in rows {
        assert_eq!(
            holds(version, operator, values, &context(k)),
            *wanted,
            "{version} {operator} {values} on {k}"
        );
    }
    // A wildcard in the value of a variable is no wildcard.
    let starry = Context::new().with("k", "anything").with("aws:username", "*");
    assert_eq!(holds("2012-10-17", "StringLike", r#""${aws:username}""#, &starry), No);
}

#[test]
fn resources() {
    let rows = [
        (r#""*""#, "*", true),
        (r#""*""#, "arn:aws:s3:::b", true),
        (r#""arn:aws:s3:::b/*""#, "arn:aws:s3:::b/k/l", true),
        (r#""arn:aws:s3:::b/*""#, "arn:aws:s3:::b", false),
        (r#""arn:aws:s3:::b?""#, "arn:aws:s3:::bc", true),
        (r#""arn:aws:s3:::B""#, "arn:aws:s3:::b", false),
        (r#""arn:aws:iam::*:role/x""#, "arn:aws:iam::111111111111:role/x", true),
        // "If the * wildcard is the last character of a resource ARN segment, it can expand to match
        // beyond the colon boundaries" (UG, Resource); others stay within their segment.
        (r#""arn:aws:sqs:*:q""#, "arn:aws:sqs:eu-west-1:111111111111:q", true),
        (r#""arn:aws:sqs:*-1:q""#, "arn:aws:sqs:eu-west-1:111111111111:q", false),
        (r#""arn:aws:sqs:eu-*:q""#, "arn:aws:sqs:eu-west-1:111111111111:q", true),
        (r#""arn:aws:sqs:us-*:q""#, "arn:aws:sqs:eu-west-1:111111111111:q", false),
        (r#""arn:aws:sqs:*:r""#, "arn:aws:sqs:eu-west-1:111111111111:q", false),
        (r#""arn:*:table/t""#, "arn:aws:dynamodb:eu-west-1:111111111111:table/t", true),
        (r#""arn:*:*:table/?""#, "arn:aws:dynamodb:eu-west-1:111111111111:table/t", true),
        (r#""arn:aws:logs:*:x:y""#, "arn:aws:logs:eu-west-1:1:log-group:x:y", true),
        (r#""arn:aws:logs:*:x:z""#, "arn:aws:logs:eu-west-1:1:log-group:x:y:z", false),
        // IAM shows missing parts as `*` (the observed `Partition "b" is not valid for resource
        // "arn:b:cadfsdf:*:*:*"`).
        (r#""arn:aws:sqs:*""#, "arn:aws:sqs:eu-west-1:111111111111:q", true),
        (r#""arn:aws:sqs""#, "arn:aws:sqs:eu-west-1:111111111111:q", true),
        (r#""arn:aws:logs:*:*:log-group:/x:*""#, "arn:aws:logs:eu-west-1:1:log-group:/x:log-stream:y", true),
        (r#""arn:aws:s3:::*""#, "*", false),
        (r#""arn:aws:s3:::home/${aws:username}/*""#, "arn:aws:s3:::home/alice/x", true),
        (r#""arn:aws:s3:::home/${aws:username}/*""#, "arn:aws:s3:::home/bob/x", false),
        (r#""arn:aws:s3:::home/${aws:nothing}/*""#, "arn:aws:s3:::home//x", false),
        (r#"["arn:aws:s3:::a","arn:aws:s3:::b"]"#, "arn:aws:s3:::b", true),
    ];
    for (patterns, resource, covered) in rows {
        for (element, wanted) in [("Resource", covered), ("NotResource", !covered)] {
            let document = doc(&format!(r#"{{"Effect":"Allow","Action":"*","{element}":{patterns}}}"#));
            let scene =
                scene(ALICE, "s3:GetObject", resource).owner("111111111111").with("aws:username", "alice");
            let decision = scene.identity(document).decision();
            assert_eq!(decision == Allowed, wanted, "{element} {patterns} on {resource}");
        }
    }
}

#[test]
fn actions() {
    let rows = [
        (r#""*""#, "s3:GetObject", true),
        (r#""s3:*""#, "s3:GetObject", true),
        (r#""S3:getobject""#, "s3:GetObject", true),
        (r#""s3:Get*""#, "s3:PutObject", false),
        (r#""s3:?etObject""#, "s3:GetObject", true),
        (r#""s3:Get*Acl""#, "s3:GetObjectAcl", true),
        (r#""*:GetObject""#, "s3:GetObject", true),
        (r#""s3:GetObject""#, "s3express:GetObject", false),
        (r#"["ec2:*","s3:GetObject"]"#, "s3:GetObject", true),
        (r#""s3:GetObject""#, "s3:GetObjectAcl", false),
    ];
    for (patterns, action, covered) in rows {
        for (element, wanted) in [("Action", covered), ("NotAction", !covered)] {
            let document = doc(&format!(r#"{{"Effect":"Allow","{element}":{patterns},"Resource":"*"}}"#));
            let decision = scene(ALICE, action, "*").identity(document).decision();
            assert_eq!(decision == Allowed, wanted, "{element} {patterns} on {action}");
        }
    }
}

#[test]
fn all_conditions_must_hold() {
    let document = doc(r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":
            {"StringEquals":{"a":"1","b":"2"},"Bool":{"c":"true"}}}"#);
    let full = || {
        scene(ALICE, "s3:GetObject", "*")
            .identity(document.clone())
            .with("A", "1")
            .with("B", "2")
            .with("C", true)
    };
    assert_eq!(full().decision(), Allowed);
    for key in ["a", "b", "c"] {
        assert_eq!(full().with(key, ContextValue::Absent).decision(), ImplicitlyDenied, "{key}");
    }
}

#[test]
fn the_three_states_of_mfa() {
    // Facts of the project, setup-audit §0.2: absent (long-term key), false (session without MFA), true.
    let states = [Nothing, One("false"), One("true")];
    for (condition, wanted) in [
        (r#"{"Bool":{"K":"true"}}"#, [No, No, Yes]),
        (r#"{"BoolIfExists":{"K":"true"}}"#, [Yes, No, Yes]),
        (r#"{"Bool":{"K":"false"}}"#, [No, Yes, No]),
        (r#"{"BoolIfExists":{"K":"false"}}"#, [Yes, Yes, No]),
        (r#"{"Null":{"K":"false"}}"#, [No, Yes, Yes]),
        (r#"{"StringNotEquals":{"K":"false"}}"#, [Yes, No, Yes]),
        (r#"{"ForAllValues:Bool":{"K":"true"}}"#, [Yes, No, Yes]),
        (r#"{"Bool":{"K":["true","false"]}}"#, [No, Yes, Yes]),
    ] {
        for (state, wanted) in states.into_iter().zip(wanted) {
            let (operator, rest) = condition[2..].split_once('"').unwrap();
            let values = rest.trim_start_matches(r#":{"K":"#).trim_end_matches('}');
            let context = Context::new().with("k", state);
            assert_eq!(holds("2012-10-17", operator, values, &context), wanted, "{condition} on {state:?}");
        }
    }
}
