//! Laws that hold for every policy, tried on generated ones.

#[cfg(test)]
mod common;

#[cfg(test)]
mod laws {
    use postern_policy::{Context, Deciding, Decision, Document, Effect, Truth, cap};
    use proptest::{
        collection::vec,
        option,
        prelude::*,
        sample::{select, subsequence},
    };

    use super::common::{ALICE, SESSION, Scene, raw, scene};

    const ACTIONS: [&str; 8] = [
        "*",
        "s3:*",
        "s3:Get*",
        "s3:GetObject",
        "sqs:SendMessage",
        "sqs:?endMessage",
        "iam:*",
        "S3:getobject",
    ];
    const RESOURCES: [&str; 5] = [
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/${aws:username}",
        "arn:aws:sqs:*:111111111111:q",
        "arn:aws:s3:::b/${aws:nothing}",
    ];
    const PRINCIPALS: [&str; 6] = [
        r#""*""#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:user/alice"}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:role/work"}"#,
        r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/work/s"}"#,
        r#"{"AWS":"999999999999"}"#,
    ];
    const CONDITIONS: [&str; 9] = [
        r#"{}"#,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#,
        r#"{"StringNotEquals":{"aws:username":"alice"}}"#,
        r#"{"StringLike":{"aws:username":["a*","b?b"]}}"#,
        r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["x","y"]}}"#,
        r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"x"}}"#,
        r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"ten"}}"#,
        r#"{"Null":{"aws:username":"true"}}"#,
    ];

    #[derive(Clone, Debug)]
    struct Parts {
        deny: bool,
        not_action: bool,
        actions: Vec<&'static str>,
        not_resource: bool,
        resources: Vec<&'static str>,
        condition: &'static str,
        principal: Option<&'static str>,
    }

    impl Parts {
        fn text(&self) -> String {
            let not = |not: bool| if not { "Not" } else { "" };
            let effect = if self.deny { "Deny" } else { "Allow" };
            let principal = self.principal.map(|p| format!(r#""Principal":{p},"#)).unwrap_or_default();
            format!(
                r#"{{"Effect":"{effect}",{principal}"{}Action":{:?},"{}Resource":{:?},"Condition":{}}}"#,
                not(self.not_action),
                self.actions,
                not(self.not_resource),
                self.resources,
                self.condition
            )
        }
    }

    fn document(parts: &[Parts]) -> Document {
        let statements: Vec<String> = parts.iter().map(Parts::text).collect();
        raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
    }

    fn parts(principals: bool) -> impl Strategy<Value = Parts> {
        let actions = subsequence(ACTIONS.to_vec(), 1..4);
        let resources = subsequence(RESOURCES.to_vec(), 1..3);
        let principal =
            select(PRINCIPALS.to_vec()).prop_map(move |principal| principals.then_some(principal));
        (
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.2),
            actions,
            prop::bool::weighted(0.1),
            resources,
            select(CONDITIONS.to_vec()),
            principal,
        )
            .prop_map(
                |(deny, not_action, actions, not_resource, resources, condition, principal)| Parts {
                    deny,
                    not_action,
                    actions,
                    not_resource,
                    resources,
                    condition,
                    principal,
                },
            )
    }

    fn statements() -> impl Strategy<Value = Vec<Parts>> {
        vec(parts(false), 1..4)
    }

    fn requests() -> impl Strategy<Value = Scene> {
        let action = select(vec![
            "s3:GetObject",
            "sqs:SendMessage",
            "iam:CreateUser",
            "sts:AssumeRole",
            "kms:Decrypt",
        ]);
        let resource = select(vec![
            "*",
            "arn:aws:s3:::b/alice",
            "arn:aws:sqs:eu-west-1:111111111111:q",
            "arn:aws:sqs:eu-west-1:222222222222:q",
            "arn:aws:iam::111111111111:role/target",
        ]);
        let mfa = option::of(any::<bool>());
        let tags = option::of(subsequence(vec!["x", "y", "z"], 0..3));
        (select(vec![ALICE, SESSION]), action, resource, any::<bool>(), mfa, tags).prop_map(
            |(principal, action, resource, named, mfa, tags)| {
                let mut scene = scene(principal, action, resource);
                if named {
                    scene.context.set("aws:username", "alice");
                }
                if let Some(mfa) = mfa {
                    scene.context.set("aws:MultiFactorAuthPresent", mfa);
                }
                if let Some(tags) = tags {
                    scene.context.set("aws:TagKeys", &tags[..]);
                }
                scene
            },
        )
    }

    /// A request with policies of every layer.
    fn scenes() -> impl Strategy<Value = Scene> {
        let maybe = || option::weighted(0.3, statements());
        (
            requests(),
            statements(),
            statements(),
            maybe(),
            maybe(),
            option::of(vec(parts(true), 1..4)),
            maybe(),
        )
            .prop_map(|(mut scene, identity, groups, boundary, session, policy, scp)| {
                scene.identity = vec![document(&identity)];
                scene.groups = vec![document(&groups)];
                scene.boundary = boundary.as_deref().map(document);
                scene.session = session.as_deref().map(|session| vec![document(session)]);
                scene.policy = policy.as_deref().map(document);
                scene.scps = scp.iter().map(|scp| vec![document(scp)]).collect();
                scene
            })
    }

    /// Glob matching as one would define it, exponential and plain.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(('*', rest)), _) => {
                naive(rest, text) || text.split_first().is_some_and(|(_, tail)| naive(pattern, tail))
            }
            (Some(_), None) => false,
            (Some((p, rest)), Some((t, tail))) => (*p == '?' || p == t) && naive(rest, tail),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn a_deny_never_widens(scene in scenes(), extra in parts(false)) {
            let deny = document(&[Parts { deny: true, ..extra }]);
            let before = scene.decision();
            for after in [scene.clone().identity(deny.clone()), scene.clone().groups(deny.clone())] {
                let after = after.decision();
                prop_assert!(after == before || after == Decision::ExplicitlyDenied);
            }
            if scene.boundary.is_none() {
                prop_assert!(scene.boundary(deny).decision() != Decision::Allowed
                    || before == Decision::Allowed);
            }
        }

        #[test]
        fn an_allow_never_narrows(scene in scenes(), extra in parts(false)) {
            let allow = document(&[Parts { deny: false, ..extra }]);
            let after = scene.clone().identity(allow).decision();
            prop_assert!(after == scene.decision() || after == Decision::Allowed);
        }

        #[test]
        fn a_boundary_never_widens(scene in scenes(), extra in statements()) {
            let mut free = scene.clone();
            free.boundary = None;
            if scene.boundary(document(&extra)).decision() == Decision::Allowed {
                prop_assert_eq!(free.decision(), Decision::Allowed);
            }
        }

        #[test]
        fn order_never_matters(request in requests(), mut list in vec(parts(false), 2..5), trust in vec(parts(true), 2..5)) {
            let forward = request.clone().identity(document(&list)).policy(document(&trust)).decision();
            list.reverse();
            let mut trust = trust;
            trust.reverse();
            let backward = request.clone().identity(document(&list)).policy(document(&trust)).decision();
            prop_assert_eq!(forward, backward);
            let mut apart = request.policy(document(&trust));
            apart.identity = list.iter().map(|parts| document(std::slice::from_ref(parts))).collect();
            prop_assert_eq!(forward, apart.decision());
        }

        #[test]
        fn splitting_a_statement_by_action_changes_nothing(request in requests(), list in statements()) {
            let split: Vec<Parts> = list.iter().flat_map(|parts| {
                let one = |action: &&'static str| Parts { actions: vec![action], ..parts.clone() };
                if parts.not_action { vec![parts.clone()] } else { parts.actions.iter().map(one).collect() }
            }).collect();
            let whole = request.clone().identity(document(&list)).decision();
            prop_assert_eq!(whole, request.identity(document(&split)).decision());
        }

        #[test]
        fn what_decides_is_among_what_matches(scene in scenes()) {
            let evaluation = scene.evaluate();
            let explanation = scene.explain();
            prop_assert_eq!(explanation.evaluation, evaluation);
            let denies = explanation.matching().any(|(_, _, statement)| statement.effect == Effect::Deny);
            let limited = matches!(evaluation.deciding, Deciding::CredentialLimit(_));
            prop_assert!(limited || denies == (evaluation.decision == Decision::ExplicitlyDenied));
            if let Deciding::Statement(place) = evaluation.deciding {
                let found = explanation.matching().any(|(layer, _, statement)| {
                    layer.layer == place.layer && statement.number == place.statement
                        && (statement.effect == Effect::Allow) == (evaluation.decision == Decision::Allowed)
                });
                prop_assert!(found);
            }
        }

        #[test]
        fn globs_match_as_defined(pattern in "[ab*?]{0,9}", text in "[abc]{0,9}") {
            let condition = format!(
                r#"{{"Statement":{{"Effect":"Allow","Action":"*","Condition":{{"StringLike":{{"k":"{pattern}"}}}}}}}}"#
            );
            let document = raw(&condition);
            let context = Context::new().with("k", text.as_str());
            let found = document.statements()[0].conditions()[0].test(&context);
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(found, Truth::from(naive(&chars(&pattern), &chars(&text))));
        }

        #[test]
        fn caps_are_judged_as_by_trying_every_action(
            role in vec("[ab*?]{1,4}", 1..3), role_not in any::<bool>(), denied in option::of("[ab*?]{1,3}"),
            cap in vec("[ab*?]{1,4}", 1..4), cap_not in any::<bool>(), taken in option::of("[ab*?]{1,3}"),
        ) {
            let statement = |effect: &str, not: bool, patterns: &[String]| {
                let list: Vec<String> = patterns.iter().map(|p| format!("\"s:{p}\"")).collect();
                let not = if not { "Not" } else { "" };
                format!(r#"{{"Effect":"{effect}","{not}Action":[{}],"Resource":"*"}}"#, list.join(","))
            };
            let build = |not, patterns: &[String], deny: &Option<String>| {
                let mut list = vec![statement("Allow", not, patterns)];
                list.extend(deny.iter().map(|deny| statement("Deny", false, std::slice::from_ref(deny))));
                raw(&format!(r#"{{"Statement":[{}]}}"#, list.join(",")))
            };
            let role = build(role_not, &role, &denied);
            let cap = build(cap_not, &cap, &taken);
            let allows = |document: &Document, action: &str| {
                let matching = |effect| document.statements().iter()
                    .any(|s| s.effect() == effect && s.actions().matches(action));
                matching(Effect::Allow) && !matching(Effect::Deny)
            };
            let exceeding = cap::exceeding(&role, &cap);
            if let [found] = &exceeding[..] {
                prop_assert!(found.certain);
                prop_assert!(allows(&role, &found.action_example) && !allows(&cap, &found.action_example),
                    "{}", found.action_example);
            }
            let mut names = vec![String::new()];
            for start in 0.. {
                let Some(name) = names.get(start).cloned() else { break };
                if name.len() < 5 {
                    names.extend(["a", "b", "c"].map(|letter| format!("{name}{letter}")));
                }
            }
            let tried = names.iter().filter(|name| !name.is_empty()).any(|name| {
                let action = format!("s:{name}");
                allows(&role, &action) && !allows(&cap, &action)
            });
            prop_assert!(!tried || !exceeding.is_empty());
        }

        #[test]
        fn reading_agrees_with_another_reader_on_what_is_json(text in "[\\[\\]{}\":,0-9a-u \\\\.eE+-]{0,24}") {
            // Only what is no JSON can be compared: what is JSON is hardly ever a policy.
            if serde_json::from_str::<serde_json::Value>(&text).is_err() {
                prop_assert!(Document::parse(&text).is_err());
            }
        }

        #[test]
        fn strings_are_read_as_written(sid in any::<String>()) {
            let plain = serde_json::to_string(&sid).unwrap();
            let escaped: String = sid.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            for text in [plain, format!("\"{escaped}\"")] {
                let document = raw(&format!(r#"{{"Statement":{{"Sid":{text},"Effect":"Allow","Action":"*"}}}}"#));
                prop_assert_eq!(document.statements()[0].sid(), Some(sid.as_str()));
            }
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,60}", cut in 0_usize..400, list in statements(), scene in requests()) {
            for deep in [format!("{}{text}", "[".repeat(33)), text.clone()] {
                for problem in Document::parse(&deep).err().unwrap_or_default() {
                    prop_assert!(problem.span.of(&deep).is_some());
                }
            }
            let whole = format!(r#"{{"Version":"2012-10-17","Id":"{text:?}","Statement":[{}]}}"#,
                list.iter().map(Parts::text).collect::<Vec<_>>().join(","));
            if let Some(part) = whole.get(..cut.min(whole.len())) {
                for problem in Document::parse(part).err().unwrap_or_default() {
                    prop_assert!(problem.span.of(part).is_some());
                }
            }
            let scene = Scene { action: text.clone(), resource: text.clone(), ..scene };
            let _ = scene.with("aws:username", text.as_str()).identity(document(&list)).explain();
        }

        #[test]
        fn spans_point_at_what_they_say(list in vec(parts(true), 1..4)) {
            let statements: Vec<String> = list.iter().map(Parts::text).collect();
            let text = format!(r#"{{"Statement":[{}]}}"#, statements.join(", "));
            let document = raw(&text);
            for (number, principal) in document.principals() {
                prop_assert!(number < list.len());
                prop_assert_eq!(principal.span().of(&text), Some(principal.text()));
            }
            for (statement, written) in document.statements().iter().zip(&statements) {
                prop_assert_eq!(statement.span().of(&text), Some(written.as_str()));
                for pattern in statement.actions().patterns() {
                    prop_assert_eq!(pattern.span().of(&text), Some(&*format!("\"{}\"", pattern.text())));
                }
            }
        }
    }
}
