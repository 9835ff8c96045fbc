//! Comparisons against brute force: no request contradicts them.

#[cfg(test)]
mod common;

#[cfg(test)]
mod laws {
    use std::fmt;

    use postern_policy::{
        Context, ContextValue, Document,
        classes::Budget,
        diff::{self, ActionGroup, Diff, Difference, Side, Stop, Verdict},
    };
    use proptest::{
        collection::vec,
        option,
        prelude::*,
        sample::{select, subsequence},
    };

    use super::common::{ALICE, Scene, allow, doc, grants, raw, scene};

    const ACTIONS: [&str; 9] = [
        "*",
        "s3:*",
        "s3:Get*",
        "s3:GetObject",
        "S3:getobject",
        "s3:*Object",
        "sqs:SendMessage",
        "sqs:?endMessage",
        "sqs:S*e",
    ];
    const RESOURCES: [&str; 11] = [
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/home/?",
        "arn:aws:s3:::b/home/${aws:username}",
        "arn:aws:s3:::b/${aws:username, 'home/a'}",
        "arn:aws:s3:::b/home/${*}",
        "arn:aws:sqs:*:111111111111:q",
        "arn:aws:sqs:eu-*:1111*:*",
        "arn:aws:*:*:*:q",
        "arn:aws:s3*",
        "arn:aws:s3:::b/a:*:c",
    ];
    const CONDITIONS: [&str; 28] = [
        r#""Bool":{"mfa":"true"}"#,
        r#""BoolIfExists":{"mfa":"true"}"#,
        r#""Bool":{"mfa":"false"}"#,
        r#""BoolIfExists":{"mfa":["false"]}"#,
        r#""Null":{"mfa":"false"}"#,
        r#""Null":{"name":"true"}"#,
        r#""StringEquals":{"name":["ann","bob"]}"#,
        r#""StringNotEquals":{"name":"ann"}"#,
        r#""StringLike":{"name":["a*","?ob"]}"#,
        r#""StringNotLikeIfExists":{"name":"*n*"}"#,
        r#""StringEqualsIgnoreCase":{"name":"ANN"}"#,
        r#""StringEquals":{"name":"${aws:username}"}"#,
        r#""StringEquals":{"aws:username":"ann"}"#,
        r#""NumericLessThan":{"n":"10"}"#,
        r#""NumericGreaterThanEquals":{"n":["10","12.5"]}"#,
        r#""NumericNotEqualsIfExists":{"n":"11"}"#,
        r#""DateLessThan":{"t":"2026-01-01T00:00:00Z"}"#,
        r#""DateGreaterThanEqualsIfExists":{"t":"1767225600"}"#,
        r#""IpAddress":{"ip":["10.0.0.0/8","2001:db8::/32"]}"#,
        r#""NotIpAddress":{"ip":"10.1.0.0/16"}"#,
        r#""ArnLike":{"arn":"arn:aws:iam::*:role/*"}"#,
        r#""ArnNotEqualsIfExists":{"arn":"arn:aws:iam::111111111111:role/r"}"#,
        r#""ForAllValues:StringEquals":{"tags":["x","y"]}"#,
        r#""ForAnyValue:StringEquals":{"tags":"x"}"#,
        r#""ForAnyValue:StringLike":{"tags":["y","z*"]}"#,
        r#""ForAllValues:StringNotEquals":{"tags":"z"}"#,
        r#""BinaryEquals":{"bin":["QQ==","Qg=="]}"#,
        r#""Null":{"tags":"true"}"#,
    ];
    /// Conditions on what AWS fills in from the caller.
    const TOLD: [&str; 16] = [
        r#""StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/alice"}"#,
        r#""ArnLike":{"aws:PrincipalArn":["arn:aws:iam::111111111111:role/*","arn:aws:iam::*:user/eve"]}"#,
        r#""ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/work"}"#,
        r#""StringNotLikeIfExists":{"aws:PrincipalArn":"*:user/*"}"#,
        r#""StringLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/team/*"}"#,
        r#""Null":{"aws:PrincipalArn":"true"}"#,
        r#""StringEquals":{"aws:PrincipalAccount":"111111111111"}"#,
        r#""StringNotEquals":{"aws:PrincipalAccount":["111111111111","222222222222"]}"#,
        r#""StringLike":{"aws:PrincipalAccount":["1*","?2*"]}"#,
        r#""StringEquals":{"aws:PrincipalType":["User","Account"]}"#,
        r#""StringNotEquals":{"aws:PrincipalType":"AssumedRole"}"#,
        r#""Bool":{"aws:PrincipalIsAWSService":"true"}"#,
        r#""BoolIfExists":{"aws:PrincipalIsAWSService":"false"}"#,
        r#""StringEquals":{"aws:username":"alice"}"#,
        r#""StringNotEqualsIfExists":{"aws:username":["bob","eve"]}"#,
        r#""StringEquals":{"aws:userid":["111111111111","AIDAIOSFODNN7EXAMPLE1"]}"#,
    ];
    const PRINCIPALS: [&str; 12] = [
        r#""*""#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":["arn:aws:iam::111111111111:user/alice","arn:aws:iam::222222222222:root"]}"#,
        r#"{"AWS":["arn:aws:iam::111111111111:user/alice","111111111111"]}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:role/work"}"#,
        r#"{"AWS":["arn:aws:sts::111111111111:assumed-role/work/s","arn:aws:iam::111111111111:role/work","111111111111"]}"#,
        r#"{"AWS":"arn:aws:sts::111111111111:federated-user/fed"}"#,
        r#"{"Service":["ec2.amazonaws.com","s3.amazonaws.com"]}"#,
        r#"{"Federated":"accounts.google.com"}"#,
        r#"{"Service":"*"}"#,
        r#"{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#,
        r#"{"AWS":"AIDAIOSFODNN7EXAMPLE1"}"#,
    ];
    const CALLERS: [&str; 13] = [
        ALICE,
        "arn:aws:iam::111111111111:user/bob",
        "arn:aws:iam::111111111111:root",
        "arn:aws:sts::111111111111:assumed-role/work/s",
        "arn:aws:sts::111111111111:assumed-role/work/t",
        "arn:aws:sts::111111111111:assumed-role/other/s",
        "arn:aws:sts::111111111111:federated-user/fed",
        "arn:aws:iam::222222222222:user/eve",
        "arn:aws:iam::333333333333:user/eve",
        "arn:aws:iam::111111111111:role/team/work",
        "*",
        "ec2.amazonaws.com",
        "accounts.google.com",
    ];

    fn statement(principals: bool) -> impl Strategy<Value = String> {
        statement_with(principals, &CONDITIONS)
    }

    fn statement_with(
        principals: bool,
        conditions: &[&'static str],
    ) -> impl Strategy<Value = String> + use<> {
        let not = || prop::bool::weighted(0.15);
        let principal = (not(), select(PRINCIPALS.to_vec()));
        (
            prop::bool::weighted(0.3),
            (not(), subsequence(ACTIONS.to_vec(), 1..3)),
            option::weighted(0.9, (not(), subsequence(RESOURCES.to_vec(), 1..3))),
            subsequence(conditions.to_vec(), 0..3),
            principal,
        )
            .prop_map(move |(deny, action, resource, conditions, principal)| {
                let named = |(not, list): (bool, String), name: &str| {
                    format!(r#""{}{name}":{list}"#, if not { "Not" } else { "" })
                };
                let mut members = vec![
                    format!(r#""Effect":"{}""#, if deny { "Deny" } else { "Allow" }),
                    named((action.0, format!("{:?}", action.1)), "Action"),
                ];
                let resource = resource.or((!principals).then(|| (false, vec!["*"])));
                members.extend(resource.map(|(not, list)| named((not, format!("{list:?}")), "Resource")));
                if principals {
                    members.push(named((principal.0 && deny, principal.1.to_owned()), "Principal"));
                }
                let mut operators: Vec<&str> = Vec::new();
                let mut kept: Vec<&str> = Vec::new();
                for condition in conditions {
                    let operator = condition.split(':').take(2).collect::<Vec<_>>().join(":");
                    let operator = operator.split('{').next().map(str::len).unwrap();
                    if !operators.contains(&&condition[..operator]) {
                        operators.push(&condition[..operator]);
                        kept.push(condition);
                    }
                }
                members.push(format!(r#""Condition":{{{}}}"#, kept.join(",")));
                format!("{{{}}}", members.join(","))
            })
    }

    fn policy(principals: bool) -> impl Strategy<Value = Vec<String>> {
        vec(statement(principals), 1..4)
    }

    fn document(statements: &[String]) -> Document {
        raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
    }

    fn context() -> impl Strategy<Value = Context> {
        let one = |key: &'static str, values: &[&'static str]| {
            option::of(select(values.to_vec())).prop_map(move |value| (key, value))
        };
        let single = (
            one("mfa", &["true", "false", "x"]),
            one("name", &["ann", "Ann", "bob", "rob", "zoe", ""]),
            one("aws:username", &["ann", "alice", "a", "*", "home/a"]),
            one("n", &["9", "10", "11", "12.5", "13", "ten"]),
            one("t", &["2025-01-01", "2026-01-01T00:00:00Z", "1767225601", "soon"]),
            one("ip", &["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1", "::1", "x"]),
            one(
                "arn",
                &["arn:aws:iam::111111111111:role/r", "arn:aws:iam::2:role/s", "arn:aws:iam::2:user/s", "x"],
            ),
            one("bin", &["QQ==", "QQ", "Qg==", "AA==", "?"]),
        );
        let tags = option::of(subsequence(vec!["x", "y", "z", "zz", "w"], 0..4));
        (single, tags).prop_map(|((a, b, c, d, e, f, g, h), tags)| {
            let mut context = Context::new();
            for (key, value) in [a, b, c, d, e, f, g, h] {
                if let Some(value) = value {
                    context.set(key, value);
                }
            }
            if let Some(tags) = tags {
                context.set("tags", &tags[..]);
            }
            context
        })
    }

    /// What AWS says of a caller; an id that nobody names where there is one.
    fn tell(scene: &mut Scene) {
        use postern_policy::Principal as P;
        for key in
            ["aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:username", "aws:userid"]
        {
            scene.context.set(key, ContextValue::Absent);
        }
        let is_service = matches!(scene.principal, P::Service { .. });
        if is_service || scene.principal.account().is_some() {
            scene.context.set("aws:PrincipalIsAWSService", is_service);
        }
        let mut told: Vec<(&str, String)> = Vec::new();
        told.extend(scene.principal.account().map(|account| ("aws:PrincipalAccount", account.to_string())));
        match &scene.principal {
            P::Root { account } => told.extend([
                ("aws:PrincipalArn", format!("arn:aws:iam::{account}:root")),
                ("aws:PrincipalType", "Account".to_owned()),
                ("aws:userid", account.to_string()),
            ]),
            P::User { arn, .. } => told.extend([
                ("aws:PrincipalArn", arn.to_string()),
                ("aws:PrincipalType", "User".to_owned()),
                ("aws:username", arn.name().to_string()),
                ("aws:userid", "AIDAQXZEUSOMEBODY2223".to_owned()),
            ]),
            P::RoleSession { role, session, .. } => told.extend([
                ("aws:PrincipalArn", role.to_string()),
                ("aws:PrincipalType", "AssumedRole".to_owned()),
                (
                    "aws:userid",
                    format!("AROAQXZEUSOMEBODY2223:{}", session.resource().rsplit('/').next().unwrap()),
                ),
            ]),
            P::FederatedUser { arn, account, .. } => told.extend([
                ("aws:PrincipalArn", arn.to_string()),
                ("aws:PrincipalType", "FederatedUser".to_owned()),
                ("aws:userid", format!("{account}:fed")),
            ]),
            P::Anonymous => told.extend([
                ("aws:PrincipalType", "Anonymous".to_owned()),
                ("aws:PrincipalAccount", "anonymous".to_owned()),
            ]),
            _ => {}
        }
        for (key, value) in told {
            scene.context.set(key, value);
        }
    }

    /// Requests that do not fill the screen when a law fails: the assertion tells which one it was.
    struct Requests(Vec<Scene>);

    impl fmt::Debug for Requests {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} requests", self.0.len())
        }
    }

    fn requests() -> impl Strategy<Value = Requests> {
        let action = select(vec![
            "s3:GetObject",
            "s3:PutObject",
            "s3:GetBucket",
            "sqs:SendMessage",
            "sqs:List",
            "ec2:Run",
        ]);
        let resource = select(vec![
            "*",
            "arn:aws:s3:::b/x",
            "arn:aws:s3:::b/home/ann",
            "arn:aws:s3:::b/home/a",
            "arn:aws:s3:::b/home/*",
            "arn:aws:s3:::b/a:b:c",
            "arn:aws:sqs:eu-west-1:111111111111:q",
            "arn:aws:sqs:us-east-1:111111111111:q",
            "arn:aws:sqs:us-east-1:111111111111:r",
        ]);
        let one = (select(CALLERS.to_vec()), action, resource, context());
        let one = one.prop_map(|(caller, action, resource, context)| {
            let mut scene = scene(ALICE, action, resource);
            scene.principal = postern_policy::Principal::from_name(caller).unwrap();
            scene.context = context;
            scene
        });
        vec(one, 60).prop_map(Requests)
    }

    /// The same from callers of whom the context tells what AWS would.
    fn told_requests() -> impl Strategy<Value = Requests> {
        requests().prop_map(|mut requests| {
            requests.0.iter_mut().for_each(tell);
            requests
        })
    }

    /// A comparison with its statements by what they say.
    fn by_content(diff: &Diff, a: &[String], b: &[String]) -> Vec<String> {
        let text = |side: Side, number: usize| if side == Side::A { &a[number] } else { &b[number] };
        let mut lines: Vec<String> = diff
            .differences
            .iter()
            .map(|d| {
                let other = d.allowed_by.other();
                let stop = match &d.stop {
                    Stop::Denied { statement } => format!("denied by {}", text(other, *statement)),
                    Stop::NothingAllows { nearest } => {
                        let nearest = nearest.as_ref();
                        format!(
                            "{:?}",
                            nearest.map(|n| (text(other, n.statement), format!("{:?}", n.element)))
                        )
                    }
                };
                let rest = (&d.actions, &d.resources, &d.principals, &d.when, &d.example);
                format!("{:?} {} {stop} {rest:?}", d.allowed_by, text(d.allowed_by, d.statement))
            })
            .collect();
        lines.sort();
        lines
    }

    fn shuffled(principals: bool) -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
        policy(principals).prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle()))
    }

    /// Whether the policy allows the request, all other policies standing open.
    fn allowed(document: &Document, request: &Scene, named: bool) -> bool {
        let mut scene = request.clone();
        let account = scene.principal.account().map(|account| account.to_string());
        if matches!(scene.principal, postern_policy::Principal::FederatedUser { .. }) {
            scene = scene.session(allow("*"));
        }
        if named {
            scene = scene.identity(allow("*")).policy(document.clone()).owner("999999999999");
        } else {
            let account = account.unwrap_or_else(|| "111111111111".to_owned());
            scene = scene.identity(document.clone()).policy(grants(&format!(r#"{{"AWS":"{account}"}}"#)));
        }
        scene.evaluate().is_allowed()
    }

    fn agrees(
        diff: &Diff,
        a: &Document,
        b: &Document,
        requests: &Requests,
        named: bool,
    ) -> Result<(), TestCaseError> {
        for difference in &diff.differences {
            let example = &difference.example;
            let mut scene = scene(ALICE, &example.action, &example.resource);
            scene.principal = example.principal.clone();
            scene.context = example.context.clone();
            let both = (allowed(a, &scene, named), allowed(b, &scene, named));
            prop_assert_eq!(both, (difference.allowed_by == Side::A, difference.allowed_by == Side::B));
            prop_assert!(!difference.actions.is_empty());
            // All other values that are shown make the same difference, by themselves and together.
            for alternative in &difference.when {
                let longest = alternative.iter().map(|key| key.values.len()).max().unwrap_or(0);
                for number in 0..longest {
                    let mut scene = scene.clone();
                    for key in alternative {
                        scene.context.set(&key.key, key.values[number % key.values.len()].value.clone());
                    }
                    let again = (allowed(a, &scene, named), allowed(b, &scene, named));
                    prop_assert_eq!(again, both, "{:?} in {:?}", scene.context, difference);
                }
            }
        }
        for cause in &diff.undecided {
            prop_assert!(!matches!(cause, diff::Cause::Unconfirmed(_)), "{:?}", cause);
        }
        for request in &requests.0 {
            let known = named || matches!(request.principal, postern_policy::Principal::User { .. });
            if !known {
                continue;
            }
            let both = (allowed(a, request, named), allowed(b, request, named));
            if both.0 == both.1 {
                continue;
            }
            let side = if both.0 { Side::A } else { Side::B };
            let said = format!(
                "{:?} {} {} {:?}",
                request.principal, request.action, request.resource, request.context
            );
            prop_assert_ne!(diff.is_within(side), Some(true), "{}", said);
            // The action and the resource are among those shown, unless something was given up.
            let shown = diff.differences.iter().any(|difference| {
                difference.allowed_by == side
                    && covers(difference, &request.action, &request.resource, &request.context)
            });
            prop_assert!(
                shown || !diff.undecided.is_empty() || has_variables(a) || has_variables(b),
                "{}",
                said
            );
        }
        Ok(())
    }

    /// Whether a request is among the actions and resources that are shown.
    fn covers(difference: &Difference, action: &str, resource: &str, context: &Context) -> bool {
        let matches = |element: &str, pattern: &str| {
            let text = format!(
                r#"{{"Effect":"Allow","Action":"{}","Resource":"{}"}}"#,
                if element == "Action" { pattern } else { "*" },
                if element == "Resource" { pattern } else { "*" }
            );
            let document = doc(&text);
            let statement = &document.statements()[0];
            match element {
                "Action" => statement.actions().matches(action),
                _ => statement.resources().unwrap().matches(resource, context),
            }
        };
        let is_of = |group: &ActionGroup| {
            matches("Action", &group.pattern) && !group.except.iter().any(|except| matches("Action", except))
        };
        difference.actions.iter().any(is_of)
            && (difference.resources.is_empty()
                || difference.resources.iter().any(|group| {
                    matches("Resource", &group.pattern)
                        && !group.except.iter().any(|except| matches("Resource", except))
                }))
    }

    fn has_variables(document: &Document) -> bool {
        document.to_json(postern_policy::Layout::Compact).contains("${")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(250))]

        #[test]
        fn no_request_contradicts(a in policy(false), b in policy(false), requests in requests()) {
            let (a, b) = (document(&a), document(&b));
            agrees(&diff::compare(&a, &b), &a, &b, &requests, false)?;
        }

        #[test]
        fn no_request_contradicts_where_principals_are_named(
            a in policy(true), b in policy(true), requests in told_requests(),
        ) {
            let (a, b) = (document(&a), document(&b));
            agrees(&diff::compare(&a, &b), &a, &b, &requests, true)?;
        }

        /// Policies that differ in little: more of them are equal, or within each other.
        #[test]
        fn no_request_contradicts_small_changes(
            a in policy(false), extra in statement(false), cut in any::<prop::sample::Index>(), requests in requests(),
        ) {
            let mut b = a.clone();
            b.push(extra);
            b.remove(cut.index(a.len()));
            let (a, b) = (document(&a), document(&b));
            agrees(&diff::compare(&a, &b), &a, &b, &requests, false)?;
        }

        /// What AWS fills in is told of the callers as AWS would.
        #[test]
        fn no_request_contradicts_where_callers_are_told_from_others(
            a in vec(statement_with(true, &TOLD), 1..4),
            b in vec(statement_with(true, &TOLD), 1..4),
            requests in told_requests(),
        ) {
            let (a, b) = (document(&a), document(&b));
            agrees(&diff::compare(&a, &b), &a, &b, &requests, true)?;
        }

        #[test]
        fn no_request_contradicts_where_users_are_told_from_others(
            a in vec(statement_with(false, &TOLD), 1..4),
            b in vec(statement_with(false, &TOLD), 1..4),
            requests in told_requests(),
        ) {
            let (a, b) = (document(&a), document(&b));
            agrees(&diff::compare(&a, &b), &a, &b, &requests, false)?;
        }

        #[test]
        fn order_makes_no_difference(principals in any::<bool>(), a in policy(false), b in policy(true)) {
            let mut list = if principals { b } else { a };
            let forward = document(&list);
            list.reverse();
            list.push(list[0].clone());
            let diff = diff::compare(&forward, &document(&list));
            prop_assert_eq!(diff.verdict(), Verdict::Equal, "{:?}", diff);
        }

        #[test]
        fn any_budget_is_kept(a in policy(false), b in policy(false), steps in 0..20_000_u64) {
            let mut budget = Budget::new(steps);
            let little = diff::compare_within(&document(&a), &document(&b), &mut budget);
            let much = diff::compare(&document(&a), &document(&b));
            // Less work finds less, and never says more.
            if little.verdict() != Verdict::Undecided {
                prop_assert_eq!(little.verdict(), much.verdict());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn the_order_of_statements_is_not_seen((a, c) in shuffled(false), (b, d) in shuffled(false)) {
            let diff = diff::compare(&document(&a), &document(&b));
            let other = diff::compare(&document(&c), &document(&d));
            prop_assert_eq!(by_content(&diff, &a, &b), by_content(&other, &c, &d));
            prop_assert_eq!(diff.undecided, other.undecided);
        }

        #[test]
        fn the_order_of_statements_is_not_seen_where_principals_are_named(
            (a, c) in shuffled(true), (b, d) in shuffled(true),
        ) {
            let diff = diff::compare(&document(&a), &document(&b));
            let other = diff::compare(&document(&c), &document(&d));
            prop_assert_eq!(by_content(&diff, &a, &b), by_content(&other, &c, &d));
            prop_assert_eq!(diff.undecided, other.undecided);
        }
    }
}
