//! What one policy allows and another does not.

#[cfg(test)]
mod common;

#[cfg(test)]
mod comparing {
    use std::fmt::Write as _;

    use postern_policy::{
        ContextValue, Element,
        classes::Budget,
        diff::{self, Diff, KeyValue, ResourceGroup, Side, Stop, Verdict, Whom},
    };

    use super::common::{doc, managed, raw};

    /// A comparison in lines.
    fn lines(diff: &Diff) -> String {
        let mut out = format!("{:?}\n", diff.verdict());
        for difference in &diff.differences {
            let list: Vec<String> = difference
                .actions
                .iter()
                .map(|group| {
                    let except: String = group.except.iter().map(|text| format!(" but {text}")).collect();
                    let known = group.known.first().map(|known| format!(" ({known})")).unwrap_or_default();
                    format!("{}{}{known}{except}", group.pattern, if group.whole { "" } else { " in part" })
                })
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
            let resources: Vec<String> = difference.resources.iter().map(resource).collect();
            if resources != ["*"] && !resources.is_empty() {
                writeln!(out, "  on {}", resources.join(", ")).unwrap();
            }
            let principals: Vec<String> = difference.principals.iter().map(whom).collect();
            if !principals.is_empty() {
                writeln!(out, "  by {}", principals.join(", ")).unwrap();
            }
            for (number, keys) in difference.when.iter().enumerate() {
                if number > 0 {
                    writeln!(out, "  or").unwrap();
                }
                for key in keys {
                    let value = |one: &KeyValue| {
                        format!("{}{}", value(&one.value), if one.stands_for_more { ".." } else { "" })
                    };
                    let join = |list: &[KeyValue]| list.iter().map(value).collect::<Vec<_>>().join(" | ");
                    writeln!(out, "  {}: {} (not {})", key.key, join(&key.values), join(&key.others))
                        .unwrap();
                }
            }
            assert!(difference.all_contexts);
        }
        for cause in &diff.undecided {
            writeln!(out, "undecided: {cause:?}").unwrap();
        }
        out
    }

    fn resource(group: &ResourceGroup) -> String {
        let except: String = group.except.iter().map(|text| format!(" but {text}")).collect();
        format!("{}{}{except}", if group.whole { "" } else { "some of " }, group.pattern)
    }

    fn whom(whom: &Whom) -> String {
        let but = |some: bool| if some { " else" } else { "" };
        match whom {
            Whom::Anyone { without_credentials: true, except_some } => format!("anyone{}", but(*except_some)),
            Whom::Anyone { except_some, .. } => format!("anyone{} with credentials", but(*except_some)),
            Whom::Account { account, except_some } => format!("anyone{} of {account}", but(*except_some)),
            Whom::AllBut { names } => format!("all but such as {}", names.join(", ")),
            Whom::Named { name, such_as } => format!("{}{name}", if *such_as { "such as " } else { "" }),
        }
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
          aws:MultiFactorAuthPresent: absent | false (not true)
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
          on arn:aws:s3:::b/* but arn:aws:s3:::b/home/*
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
          by anyone of 111111111111
          aws:MultiFactorAuthPresent: absent (not false | true)
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
          by anyone else of 111111111111, ec2.amazonaws.com
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
        A 0 | iam:* but iam:CreateServiceLinkedRole but iam:DeleteServiceLinkedRole but iam:ListRoles, account:* but account:GetAccountInformation but account:GetGovCloudAccountInformation but account:GetPrimaryEmail but account:ListRegions, organizations:* but organizations:DescribeEffectivePolicy but organizations:DescribeOrganization | nothing allows
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
          aws:MultiFactorAuthAge: 3601.. (not absent | 300.. | 7201..)
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
          aws:SourceIp: 10.192.0.0.. (not absent | 203.0.113.7.. | 10.0.0.1..)
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
          aws:TagKeys: absent (not example.. | a | b)
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
          on arn:aws:sqs:::* but arn:aws:sqs:::${aws:username}
        ");
        // A value that another pattern names is tried.
        let tagged = statement("Allow", "${aws:PrincipalTag/q}");
        let without = format!("[{tagged},{}]", statement("Deny", "b"));
        insta::assert_snapshot!(compared(&tagged, &without), @r"
        Different
        A 0 | sqs:* | statement 1 denies
          arn:aws:iam::111111111111:user/alice sqs:SendMessage arn:aws:sqs:::b [aws:principaltag/q=b]
          on arn:aws:sqs:::b
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
          aws:RequestTag/team: a (not absent | example..)
          aws:TagKeys: example.. (not absent | team)
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
    fn each_deny_is_shown_by_itself() {
        let all = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        let put = r#"{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}"#;
        let plain = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*",
            "Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
        insta::assert_snapshot!(compared(all, &format!("[{all},{put},{plain}]")), @r"
        Different
        A 0 | s3:PutObject | statement 1 denies
          arn:aws:iam::111111111111:user/alice s3:PutObject arn:aws:s3:::amzn-s3-demo-bucket/example []
        A 0 | s3:* | statement 2 denies
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::amzn-s3-demo-bucket/example [aws:securetransport=false]
          aws:SecureTransport: false (not absent | true)
        ");
        insta::assert_snapshot!(compared(all, &format!("[{all},{plain},{put}]")), @r"
        Different
        A 0 | s3:* | statement 1 denies
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::amzn-s3-demo-bucket/example [aws:securetransport=false]
          aws:SecureTransport: false (not absent | true)
        A 0 | s3:PutObject | statement 2 denies
          arn:aws:iam::111111111111:user/alice s3:PutObject arn:aws:s3:::amzn-s3-demo-bucket/example []
        ");
        let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let region = r#"{"Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*",
            "Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}}"#;
        let trail = r#"{"Effect":"Deny","Action":["cloudtrail:StopLogging","cloudtrail:DeleteTrail"],"Resource":"*",
            "Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/admin"}}}"#;
        insta::assert_snapshot!(compared(all, &format!("[{region},{trail},{all}]")), @r"
        Different
        A 0 | * but iam:* but sts:* | statement 0 denies
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::amzn-s3-demo-bucket/example []
          aws:RequestedRegion: absent | us-east-1.. (not eu-central-1 | eu-west-1)
        A 0 | cloudtrail:StopLogging, cloudtrail:DeleteTrail | statement 1 denies
          arn:aws:iam::111111111111:user/alice cloudtrail:StopLogging arn:aws:cloudtrail:eu-central-1:111111111111:trail/example [aws:principalarn=arn:aws:iam::111111111111:user/alice]
          by all but such as arn:aws:iam::111111111111:role/admin
        ");
    }

    #[test]
    fn conditions_of_which_one_is_enough_are_alternatives() {
        let b = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{
            "Bool":{"aws:MultiFactorAuthPresent":"true"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#;
        insta::assert_snapshot!(compared(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#, b), @r"
        Different
        A 0 | s3:* | statement 0 does not: Bool aws:MultiFactorAuthPresent
          arn:aws:iam::111111111111:user/alice s3:GetObject arn:aws:s3:::amzn-s3-demo-bucket/example []
          aws:MultiFactorAuthPresent: absent | false (not true)
          or
          aws:SourceIp: absent | 203.0.113.7.. (not 10.0.0.1..)
        ");
    }

    fn trust(principal: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal},"Condition":{{{condition}}}}}"#
        )
    }

    #[test]
    fn who_is_named_is_who_is_told_by_a_condition() {
        let root = r#"{"AWS":"arn:aws:iam::111111111111:root"}"#;
        let alice = "arn:aws:iam::111111111111:user/alice";
        let equal = [
            (
                trust(&format!(r#"{{"AWS":"{alice}"}}"#), ""),
                trust(root, &format!(r#""ArnEquals":{{"aws:PrincipalArn":"{alice}"}}"#)),
            ),
            (
                trust(&format!(r#"{{"AWS":"{alice}"}}"#), ""),
                trust(r#""*""#, &format!(r#""StringEquals":{{"aws:PrincipalArn":"{alice}"}}"#)),
            ),
            (
                trust(root, ""),
                trust(r#"{"AWS":"*"}"#, r#""StringEquals":{"aws:PrincipalAccount":"111111111111"}"#),
            ),
            (
                trust(root, ""),
                trust(r#"{"AWS":"*"}"#, r#""ArnLike":{"aws:PrincipalArn":"arn:aws:*::111111111111:*"}"#),
            ),
            (
                trust(
                    r#"{"AWS":"arn:aws:iam::111111111111:role/ci"}"#,
                    r#""StringEquals":{"aws:PrincipalType":"AssumedRole"}"#,
                ),
                trust(r#"{"AWS":"arn:aws:iam::111111111111:role/ci"}"#, r#""Null":{"aws:username":"true"}"#),
            ),
            (
                trust(r#"{"Service":"ec2.amazonaws.com"}"#, ""),
                trust(r#"{"AWS":"*"}"#, r#""StringEquals":{"aws:PrincipalServiceName":"ec2.amazonaws.com"}"#),
            ),
        ];
        for (a, b) in equal {
            assert_eq!(compared(&a, &b), "Equal\n", "{a}\n{b}");
        }
        let different = [
            // Others of the account.
            (trust(root, ""), trust(root, &format!(r#""ArnEquals":{{"aws:PrincipalArn":"{alice}"}}"#))),
            (
                trust(root, r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ci-*"}"#),
                trust(root, r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ci-a*"}"#),
            ),
            // The path of a session's role is not in its name.
            (
                trust(r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/work/s"}"#, ""),
                trust(
                    r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/work/s"}"#,
                    r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/work"}"#,
                ),
            ),
            // Whose account an id is of is not known.
            (
                trust(r#"{"AWS":"AIDAIOSFODNN7EXAMPLE1"}"#, ""),
                trust(
                    r#"{"AWS":"AIDAIOSFODNN7EXAMPLE1"}"#,
                    r#""StringEquals":{"aws:PrincipalAccount":"111111111111"}"#,
                ),
            ),
            (
                trust(r#""*""#, ""),
                trust(r#""*""#, r#""StringNotEquals":{"aws:PrincipalAccount":"anonymous"}"#),
            ),
            (trust(r#""*""#, ""), trust(r#""*""#, r#""Null":{"aws:PrincipalArn":"false"}"#)),
        ];
        for (a, b) in different {
            assert!(compared(&a, &b).starts_with("Different"), "{a}\n{b}");
        }
    }

    #[test]
    fn whom_it_is_about_is_named() {
        let role = r#"{"AWS":"arn:aws:iam::111111111111:role/ci"}"#;
        let by = |b: &str, condition: &str| {
            let diff = diff::compare(&doc(&trust(role, "")), &doc(&trust(b, condition)));
            let widened = diff.differences.iter().filter(|difference| difference.allowed_by == Side::B);
            widened
                .flat_map(|difference| difference.principals.iter().map(whom))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(by(r#""*""#, ""), "anyone else");
        assert_eq!(by(r#"{"AWS":"222222222222"}"#, ""), "anyone of 222222222222");
        assert_eq!(by(r#"{"AWS":"111111111111"}"#, ""), "anyone else of 111111111111");
        assert_eq!(
            by(r#"{"AWS":"arn:aws:iam::222222222222:role/x"}"#, ""),
            "arn:aws:iam::222222222222:role/x"
        );
        assert_eq!(by(r#""*""#, r#""Null":{"aws:PrincipalArn":"false"}"#), "anyone else with credentials");
        let some = by(r#""*""#, r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ci-*"}"#);
        assert!(some.starts_with("such as arn:aws:iam::") && some.contains(":role/ci-"), "{some}");
    }

    #[test]
    fn examples_have_a_resource_of_the_actions_own() {
        let statement =
            |resource: &str| format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":{resource}}}"#);
        let a = statement(r#""arn:aws:s3:::b/*""#);
        let b = statement(r#"["arn:aws:s3:::b","arn:aws:s3:::b/*"]"#);
        let diff = diff::compare(&doc(&a), &doc(&b));
        let [difference] = &diff.differences[..] else { panic!("{diff:?}") };
        assert_eq!(
            (&*difference.example.resource, resource(&difference.resources[0])),
            ("arn:aws:s3:::b", "arn:aws:s3:::b".to_owned())
        );
        let actions = postern_policy::catalogue::Catalogue::embedded();
        let (_, action) = actions.action(&difference.example.action).unwrap();
        assert!(
            action.resource_types().iter().any(|used| used.resource_type().name() == "bucket"),
            "{}",
            action.name()
        );
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
