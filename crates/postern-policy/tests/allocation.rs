//! Deciding a request allocates nothing.

#[cfg(test)]
mod common;

#[cfg(test)]
mod counted {
    use allocation_counter::measure;
    use postern_policy::{
        Context, Decision, Document, Level, PolicyRef, PolicyStack, Principal, Request, evaluate, explain,
    };

    use super::common::{ALICE, SESSION, doc, raw};

    fn refer(document: &Document) -> PolicyRef<'_> {
        PolicyRef { name: "p", arn: None, document }
    }

    /// The decisions, with what was allocated for them.
    fn decide(
        principals: &[Principal],
        asked: &[(&str, &str)],
        context: &Context,
        stack: &PolicyStack<'_>,
    ) -> Vec<Decision> {
        let mut decisions = Vec::with_capacity(principals.len() * asked.len());
        let allocated = measure(|| {
            for principal in principals {
                for (action, resource) in asked {
                    let request = Request { principal, action, resource, resource_account: None, context };
                    decisions.push(evaluate(&request, stack).decision);
                }
            }
        });
        assert_eq!(allocated.count_total, 0, "{decisions:?}");
        decisions
    }

    /// One statement with every operator on a key that is present, so that all are compared.
    fn every_operator() -> Document {
        let conditions = [
            ("StringEquals", "s", r#""text""#),
            ("StringNotEquals", "s", r#""${aws:username}""#),
            ("StringEqualsIgnoreCase", "s", r#""TEXT""#),
            ("StringNotEqualsIgnoreCase", "s", r#""${no, 'x'}""#),
            ("StringLike", "s", r#"["*zzz*", "t?x*"]"#),
            ("StringNotLike", "s", r#""*${aws:username}*""#),
            ("NumericEquals", "n", "5"),
            ("NumericLessThan", "n", r#""5.5""#),
            ("DateEquals", "d", r#""2026-11-22T12:00:00Z""#),
            ("DateGreaterThan", "d", r#""2026-11""#),
            ("DateLessThan", "d", r#""1999999999""#),
            ("Bool", "b", "true"),
            ("BinaryEquals", "bin", r#""AAAA""#),
            ("IpAddress", "ip", r#"["10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"]"#),
            ("NotIpAddress", "ip6", r#""203.0.113.9""#),
            ("ArnEquals", "arn", r#""arn:aws:iam::*:user/${aws:username}""#),
            ("ArnNotLike", "arn", r#""arn:aws:iam:*:2*:user/alice""#),
            ("Null", "missing", "true"),
            ("ForAllValues:StringLike", "tags", r#"["a*", "b"]"#),
            ("ForAnyValue:StringEquals", "tags", r#""b""#),
            ("StringEqualsIfExists", "missing", r#""x""#),
        ];
        let conditions =
            conditions.map(|(operator, key, values)| format!(r#""{operator}":{{"{key}":{values}}}"#));
        doc(&format!(
            r#"[{{"Effect":"Allow","Action":"s3:Get*","Resource":["arn:aws:s3:::other/*","arn:aws:s3:*:*:b/${{aws:username}}/*"],
                "Condition":{{{}}}}}]"#,
            conditions.join(",")
        ))
    }

    fn context() -> Context {
        Context::new()
            .with("aws:username", "alice")
            .with("s", "text")
            .with("n", "5.0")
            .with("d", "2026-11-22T13:00:00+01:00")
            .with("b", true)
            .with("bin", "AAAA")
            .with("ip", "203.0.113.7")
            .with("ip6", "2001:db8::1")
            .with("arn", "arn:aws:iam::111111111111:user/alice")
            .with("tags", &["ab", "b"][..])
    }

    #[test]
    fn no_operator_allocates() {
        let document = every_operator();
        let identity = [refer(&document)];
        let stack = PolicyStack { identity: &identity, ..PolicyStack::default() };
        let alice = [Principal::from_arn(ALICE).unwrap()];
        let asked = [("s3:GetObject", "arn:aws:s3:::b/alice/x"), ("S3:GETOBJECT", "arn:aws:s3:::b/bob/x")];
        let decisions = decide(&alice, &asked, &context(), &stack);
        // The first one goes through only if every operator was found to hold.
        assert_eq!(decisions, [Decision::Allowed, Decision::ImplicitlyDenied]);
    }

    #[test]
    fn no_layer_allocates() {
        let everything = doc(r#"[{"Effect":"Allow","Action":"*","Resource":"*"}]"#);
        let guard = doc(r#"[{"Effect":"Allow","NotAction":["iam:*","kms:*"],"Resource":"*"},
            {"Effect":"Deny","Action":"s3:Delete*","NotResource":"arn:aws:s3:::b/*"}]"#);
        let named = doc(&format!(
            r#"[{{"Effect":"Allow","Principal":{{"AWS":["999999999999","arn:aws:iam::111111111111:role/a/work","{ALICE}"],
                  "Service":"ec2.amazonaws.com","Federated":"accounts.google.com"}},"Action":"*"}},
                {{"Effect":"Deny","NotPrincipal":{{"AWS":["111111111111","{ALICE}"]}},"Action":"sqs:*"}}]"#
        ));
        let (one, two) = ([refer(&everything)], [refer(&everything), refer(&guard)]);
        let levels = [Level { id: "r-1", policies: &one }, Level { id: "ou-1", policies: &two }];
        let stack = PolicyStack {
            identity: &two,
            groups: &one,
            boundary: &[refer(&guard)],
            session: Some(&two),
            resource: Some(refer(&named)),
            scps: &levels,
            rcps: &levels,
        };
        let principals: Vec<Principal> = [
            ALICE,
            SESSION,
            "arn:aws:iam::111111111111:root",
            "arn:aws:sts::111111111111:federated-user/f",
            "ec2.amazonaws.com",
            "accounts.google.com",
            "*",
        ]
        .map(|name| Principal::from_name(name).unwrap())
        .into();
        let asked = [
            ("s3:GetObject", "arn:aws:s3:::b/x"),
            ("s3:DeleteObject", "arn:aws:s3:::c/x"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:222222222222:q"),
            ("sts:AssumeRole", "arn:aws:iam::111111111111:role/target"),
            ("sts:GetCallerIdentity", "*"),
            ("iam:CreateUser", "*"),
            ("nonsense", "no arn"),
        ];
        let decisions = decide(&principals, &asked, &Context::new(), &stack);
        for decision in [Decision::Allowed, Decision::ImplicitlyDenied, Decision::ExplicitlyDenied] {
            assert!(decisions.contains(&decision), "{decision:?}");
        }
    }

    #[test]
    fn no_index_allocates_and_explaining_does() {
        let texts: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(include_str!("../benches/managed-policies.json")).unwrap();
        let documents: Vec<Document> = texts.values().map(|text| raw(&text.to_string())).collect();
        let identity: Vec<PolicyRef<'_>> = documents.iter().map(refer).collect();
        let stack = PolicyStack { identity: &identity, ..PolicyStack::default() };
        let alice = [Principal::from_arn(ALICE).unwrap()];
        let statements = documents.iter().flat_map(Document::statements);
        let asked: Vec<(&str, &str)> =
            statements.flat_map(|s| s.actions().patterns()).map(|pattern| (pattern.text(), "*")).collect();
        let decisions = decide(&alice, &asked, &context(), &stack);
        assert!(decisions.contains(&Decision::Allowed) && decisions.contains(&Decision::ImplicitlyDenied));

        let (principal, context) = (&alice[0], Context::new());
        let request =
            Request { principal, action: "a:b", resource: "*", resource_account: None, context: &context };
        assert!(measure(|| drop(explain(&request, &stack))).count_total > 0, "the counter counts");
    }
}
