//! What one policy allows and another does not.

#[cfg(test)]
mod common;

#[cfg(test)]
mod comparing {
    use std::fmt::Write as _;

    use postern_policy::{
        ContextValue, Element,
        classes::Budget,
        diff::{self, Diff, Side, Stop, Verdict},
    };

    use super::common::{doc, managed, raw};

    /// A comparison in lines.
    fn lines(diff: &Diff) -> String {
        let mut out = format!("{:?}\n", diff.verdict());
        for difference in &diff.differences {
            let list: Vec<String> = difference
                .actions
                .iter()
                .map(|group| format!("{}{}", group.pattern, if group.whole { "" } else { " in part" }))
                .collect();
            let stop = match &difference.stop {
                Stop::Denied { statement } => format!("statement {statement} denies"),
                Stop::NothingAllows { nearest: None } => "nothing allows".to_owned(),
                Stop::NothingAllows { nearest: Some(nearest) } => {
                    let element = match &nearest.element {
                        Element::Condition { operator, key } => format!("{operator} {key}"),
                        other => format!("{other:?}"),
                    };
                    format!("statement {} does not: {element}", nearest.statement)
                }
            };
            let value = |value: &ContextValue| match value {
                ContextValue::Absent => "absent".to_owned(),
                ContextValue::One(text) => text.to_string(),
                ContextValue::Many(texts) => format!("{texts:?}"),
            };
            let context: Vec<String> =
                difference.example.context.iter().map(|(key, v)| format!("{key}={}", value(v))).collect();
            writeln!(
                out,
                "{:?} {} | {} | {stop}\n  {} {} {} [{}]",
                difference.allowed_by,
                difference.statement,
                list.join(", "),
                difference.example.principal.names().first().map_or("-", |name| name),
                difference.example.action,
                difference.example.resource,
                context.join(" "),
            )
            .unwrap();
            for key in &difference.keys {
                let values: Vec<String> = key.values.iter().map(value).collect();
                writeln!(out, "  {}: {}", key.key, values.join(" | ")).unwrap();
            }
        }
        for cause in &diff.undecided {
            writeln!(out, "undecided: {cause:?}").unwrap();
        }
        out
    }

    fn compared(a: &str, b: &str) -> String {
        let (a, b) = (doc(a), doc(b));
        let diff = diff::compare(&a, &b);
        let back = diff::compare(&b, &a);
        assert_eq!(diff.verdict(), back.verdict());
        assert_eq!(diff.is_within(Side::A), back.is_within(Side::B));
        assert_eq!(diff.is_within(Side::B), back.is_within(Side::A));
        lines(&diff)
    }

    const MFA: &str = r#""Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;

    #[test]
    fn a_condition_more() {
        let b = format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*",{MFA}}}"#);
        insta::assert_snapshot!(compared(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#, &b), @r"
        Different
        A 0 | s3:* | statement 0 does not: Bool aws:MultiFactorAuthPresent
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::amzn-s3-demo-bucket/example []
          aws:MultiFactorAuthPresent: absent | false
        ");
    }

    #[test]
    fn a_resource_widened() {
        insta::assert_snapshot!(compared(
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/home/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#,
        ), @r"
        Different
        B 0 | s3:GetObject | statement 0 does not: Resource
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::b/example []
        ");
    }

    #[test]
    fn if_exists_lets_long_term_keys_in() {
        let trust = |condition: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"111111111111"}},{condition}}}"#
            )
        };
        insta::assert_snapshot!(compared(&trust(MFA), &trust(&MFA.replace("Bool", "BoolIfExists"))), @r"
        Different
        B 0 | sts:AssumeRole | statement 0 does not: Bool aws:MultiFactorAuthPresent
          arn:aws:iam::111111111111:user/alice sts:AssumeRole arn:aws:iam::222222222222:role/example []
          aws:MultiFactorAuthPresent: absent
        ");
    }

    /// Its root user is the first that an account's ARN names, and may assume no role; all others may.
    #[test]
    fn an_account_is_more_than_its_root_user() {
        let trust = |operator: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"sts:AssumeRole",
                    "Principal":{{"AWS":"arn:aws:iam::111111111111:root"}},
                    "Condition":{{"{operator}":{{"aws:MultiFactorAuthPresent":"true"}}}}}}"#
            )
        };
        let diff = diff::compare(&doc(&trust("Bool")), &doc(&trust("BoolIfExists")));
        assert_eq!((diff.is_within(Side::A), diff.is_within(Side::B)), (Some(true), Some(false)));
    }

    #[test]
    fn a_principal_more() {
        insta::assert_snapshot!(compared(
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111111111111:role/ci"}}"#,
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["111111111111"],"Service":"ec2.amazonaws.com"}}"#,
        ), @r"
        Different
        B 0 | sts:AssumeRole | statement 0 does not: Principal
          ec2.amazonaws.com sts:AssumeRole arn:aws:iam::111111111111:role/example []
        ");
    }

    #[test]
    fn a_deny_more() {
        insta::assert_snapshot!(compared(
            r#"[{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"}]"#,
            r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":["s3:Delete*"],"Resource":"*"}]"#,
        ), @r"
        Different
        A 0 | sqs:* | nothing allows
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:eu-central-1:111111111111:example []
        A 0 | s3:Delete* | statement 1 denies
          arn:aws:iam::111111111111:user/alice s3:DeleteObject arn:aws:s3:::amzn-s3-demo-bucket/example []
        ");
    }

    #[test]
    fn what_power_users_may_not() {
        let [admin, power] =
            ["AdministratorAccess", "PowerUserAccess"].map(|name| raw(&managed::policy(name)));
        insta::assert_snapshot!(lines(&diff::compare(&admin, &power)), @r"
        Different
        A 0 | organizations:* in part, account:* in part, iam:* in part | nothing allows
          arn:aws:iam::111111111111:user/alice iam:CreateUser arn:aws:iam::111111111111:user/example []
        ");
    }

    #[test]
    fn numbers_dates_and_addresses() {
        let statement = |condition: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Condition":{{{condition}}}}}"#
            )
        };
        let both = |a: &str, b: &str| compared(&statement(a), &statement(b));
        insta::assert_snapshot!(both(
            r#""NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}"#,
            r#""NumericLessThan":{"aws:MultiFactorAuthAge":"7200"}"#,
        ), @r"
        Different
        B 0 | sqs:SendMessage | statement 0 does not: NumericLessThan aws:MultiFactorAuthAge
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:eu-central-1:111111111111:example [aws:multifactorauthage=3601 aws:multifactorauthpresent=true]
          aws:MultiFactorAuthAge: 3601
        ");
        insta::assert_snapshot!(both(
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/9"]}"#,
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8"]}"#,
        ), @"Equal");
        insta::assert_snapshot!(both(
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/10"]}"#,
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8"]}"#,
        ), @r"
        Different
        B 0 | sqs:SendMessage | statement 0 does not: IpAddress aws:SourceIp
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:eu-central-1:111111111111:example [aws:sourceip=10.192.0.0]
          aws:SourceIp: 10.192.0.0
        ");
        insta::assert_snapshot!(both(
            r#""DateLessThan":{"aws:CurrentTime":"2026-07-01T00:00:00Z"}"#,
            r#""DateLessThan":{"aws:CurrentTime":"1782864000"}"#,
        ), @"Equal");
        insta::assert_snapshot!(both(
            r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}"#,
            r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"Null":{"aws:TagKeys":"false"}"#,
        ), @r"
        Different
        A 0 | sqs:SendMessage | statement 0 does not: Null aws:TagKeys
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:eu-central-1:111111111111:example []
          aws:TagKeys: absent
        ");
    }

    #[test]
    fn the_same_in_other_words() {
        for (a, b) in [
            (
                r#"[{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"}]"#,
                r#"[{"Effect":"Allow","Action":"sqs:*","Resource":"*"},{"Effect":"Allow","Action":"S3:*","Resource":"*"}]"#,
            ),
            (
                r#"[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]"#,
                r#"[{"Effect":"Deny","Action":"IAM:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]"#,
            ),
            (
                r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]"#,
                r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},
                    {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}},
                    {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringNotLike":{"aws:SecureTransport":["true","false"]}}}]"#,
            ),
            (
                r#"[{"Effect":"Allow","Action":"*","Resource":"*"},
                    {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-west-2"]}}}]"#,
                r#"[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-2"]}}},
                    {"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}]"#,
            ),
            // No policy controls it.
            (
                r#"[{"Effect":"Allow","Action":["s3:*","sts:GetCallerIdentity"],"Resource":"*"}]"#,
                r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"sts:GetSessionToken","Resource":"*"}]"#,
            ),
            // Variables match what they match, whatever it is.
            (
                r#"[{"Effect":"Allow","Action":"iam:*","Resource":["arn:aws:iam::*:user/${aws:username}","arn:aws:iam::*:mfa/${aws:username}"]}]"#,
                r#"[{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:mfa/${aws:username}"},
                    {"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}]"#,
            ),
        ] {
            assert_eq!(compared(a, b), "Equal\n", "{a}");
        }
    }

    #[test]
    fn what_hangs_on_a_variable_is_tried_or_said() {
        let statement = |effect: &str, resource: &str| {
            format!(r#"{{"Effect":"{effect}","Action":"sqs:*","Resource":"arn:aws:sqs:::{resource}"}}"#)
        };
        let own = statement("Allow", "${aws:username}");
        insta::assert_snapshot!(compared(&own, &statement("Allow", "*")), @r"
        Different
        B 0 | sqs:* | statement 0 does not: Resource
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:::example [aws:username=alice]
        ");
        // A value that another pattern names is tried.
        let tagged = statement("Allow", "${aws:PrincipalTag/q}");
        let without = format!("[{tagged},{}]", statement("Deny", "b"));
        insta::assert_snapshot!(compared(&tagged, &without), @r"
        Different
        A 0 | sqs:* | statement 1 denies
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:::b [aws:principaltag/q=b]
        ");
        // Which value it would take to match `x-?-y` is not found out.
        let without = format!("[{tagged},{}]", statement("Deny", "x-?-y"));
        insta::assert_snapshot!(compared(&tagged, &without), @r#"
        Undecided
        undecided: Variables(["aws:principaltag/q"])
        "#);
    }

    #[test]
    fn keys_that_come_together_are_shown_together() {
        let statement = |condition: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{{{condition}}}}}"#
            )
        };
        let tag = r#""StringEquals":{"aws:RequestTag/team":"a"}"#;
        insta::assert_snapshot!(compared(
            &statement(tag),
            &statement(&format!(r#"{tag},"ForAllValues:StringEquals":{{"aws:TagKeys":["team"]}}"#)),
        ), @r#"
        Different
        A 0 | ec2:CreateTags | statement 0 does not: ForAllValues:StringEquals aws:TagKeys
          arn:aws:iam::111111111111:user/alice ec2:CreateTags arn:aws:ec2::111111111111:ipam/example [aws:requesttag/team=a aws:tagkeys=["example", "team"]]
          aws:RequestTag/team: a
          aws:TagKeys: example
        "#);
    }

    #[test]
    fn what_is_granted_is_found() {
        let power = raw(&managed::policy("PowerUserAccess"));
        let granted = |actions: &[&str]| {
            let found = diff::grants(&power, actions, &["*"]);
            (found.verdict(), found.differences.first().map(|first| first.example.action.clone()))
        };
        assert_eq!(granted(&["iam:Put*", "iam:Attach*", "account:Close*"]), (Verdict::Equal, None));
        assert_eq!(granted(&["iam:*Role"]).0, Verdict::Different);
        assert_eq!(granted(&["sts:*"]), (Verdict::Different, Some("sts:AssumeRole".to_owned())));
        let trust = doc(r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111111111111"},
                "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#);
        assert_eq!(diff::grants(&trust, &["sts:AssumeRole"], &["*"]).verdict(), Verdict::Different);
        assert_eq!(diff::grants(&trust, &["sts:TagSession"], &["*"]).verdict(), Verdict::Equal);
        assert_eq!(diff::grants(&trust, &[], &["*"]).verdict(), Verdict::Equal);
    }

    #[test]
    fn documents_made_to_hurt_end_soon() {
        let many: Vec<String> = (0..3_000)
            .map(|n| {
                format!(r#"{{"Effect":"Allow","Action":"s{n}:*a*b*c{n}*","Resource":"arn:aws:s3:::*{n}*"}}"#)
            })
            .collect();
        let many = format!("[{}]", many.join(","));
        let globs: Vec<String> = ('a'..='z').map(|c| format!(r#""*{c}*""#)).collect();
        let each = |name: &str| -> String {
            let statement = |glob: &String| {
                format!(
                    r#"{{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{{"{name}":{{"k":{glob}}}}}}}"#
                )
            };
            format!("[{}]", globs.iter().map(statement).collect::<Vec<_>>().join(","))
        };
        for (a, b) in [(many, allow_all()), (each("StringLike"), each("StringNotLike"))] {
            let found = diff::compare_within(&doc(&a), &doc(&b), &mut Budget::new(2_000_000));
            assert!(!found.undecided.is_empty(), "{}", lines(&found));
        }
    }

    fn allow_all() -> String {
        r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#.to_owned()
    }
}
