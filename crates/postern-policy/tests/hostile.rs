//! What was made to take long does not: time and memory grow with the size of what is given.
//!
//! The sizes are those at which anything quadratic would take minutes; the limit is generous, because a busy
//! machine is no failure.

#[cfg(test)]
mod common;

#[cfg(test)]
mod bounded {
    use std::time::{Duration, Instant};

    use postern_policy::{Context, Decision, Document, Truth};

    use super::common::{ALICE, Scene, doc, raw, scene};

    const LIMIT: Duration = Duration::from_secs(20);

    #[expect(
        clippy::disallowed_methods,
        reason = "the product is given its time, a test of duration looks at the clock"
    )]
    fn timely<T>(work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
        done
    }

    fn like(pattern: &str, text: &str) -> Truth {
        let document = doc(&format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringLike":{{"k":"{pattern}"}}}}}}"#
        ));
        document.statements()[0].conditions()[0].test(&Context::new().with("k", text))
    }

    #[test]
    fn globs_that_backtrack() {
        let text = format!("{}b", "a".repeat(100_000));
        timely(|| {
            for (pattern, expected) in [
                ("*a".repeat(30) + "*c", Truth::No),
                ("*a".repeat(50_000) + "*", Truth::Yes),
                ("a*".repeat(50_000) + "c", Truth::No),
                ("*?".repeat(20_000) + "c", Truth::No),
                (format!("*{}b*c", "a".repeat(50_000)), Truth::No),
                (format!("*{}c*", "a".repeat(50_000)), Truth::No),
                (format!("*{}?*c*", "a".repeat(100)), Truth::No),
            ] {
                assert_eq!(like(&pattern, &text), expected, "{}", &pattern[..20]);
            }
            let resource = format!("arn:aws:s3:::{text}");
            for pattern in
                ["arn:aws:s3:::".to_owned() + &"*a".repeat(20_000) + "*c", "arn:*:".repeat(5_000) + "c"]
            {
                let document = doc(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"{pattern}"}}"#));
                let decision = scene(ALICE, "s3:GetObject", &resource).identity(document).decision();
                assert_eq!(decision, Decision::ImplicitlyDenied);
            }
            let pattern = format!("s3:{}c", "*A".repeat(5_000));
            let document = doc(&format!(r#"{{"Effect":"Allow","Action":"{pattern}","Resource":"*"}}"#));
            assert!(!document.statements()[0].actions().matches(&format!("s3:{}", &text[..20_000])));
        });
    }

    /// A document of so many statements, and a request that one made for the last would match.
    fn many(statement: &str, count: usize) -> Scene {
        let statements = vec![statement; count].join(",");
        let document: Document = raw(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#));
        scene(ALICE, "s3:GetObject", "arn:aws:s3:::b/x").identity(document)
    }

    #[test]
    fn many_statements() {
        timely(|| {
            for (statement, expected) in [
                (
                    r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::c"}"#,
                    Decision::ImplicitlyDenied,
                ),
                (
                    r#"{"Effect":"Allow","Action":["s3:Get*","s3:*","*"],"Resource":"arn:aws:s3:::c"}"#,
                    Decision::ImplicitlyDenied,
                ),
                (
                    r#"{"Effect":"Allow","NotAction":["iam:*","*:Delete*"],"Resource":"arn:aws:s3:*:*:c"}"#,
                    Decision::ImplicitlyDenied,
                ),
                (
                    r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"b":"true"}}}"#,
                    Decision::ImplicitlyDenied,
                ),
            ] {
                let scene = many(statement, 100_000);
                assert_eq!(scene.decision(), expected);
                let explanation = scene.explain();
                assert_eq!(explanation.layers[0].policies[0].statements.len(), 100_000);
            }
        });
    }

    #[test]
    fn long_lists_in_one_element() {
        timely(|| {
            let names: Vec<String> = (0..200_000).map(|number| format!("s3:Action{number}")).collect();
            for element in ["Action", "NotAction"] {
                let document = doc(&format!(r#"{{"Effect":"Allow","{element}":{names:?},"Resource":"*"}}"#));
                let scene = scene(ALICE, "s3:action199999", "*").identity(document);
                let decisions: Vec<Decision> = (0..1_000).map(|_| scene.decision()).collect();
                let expected =
                    if element == "Action" { Decision::Allowed } else { Decision::ImplicitlyDenied };
                assert!(decisions.iter().all(|decision| *decision == expected), "{element}");
            }
        });
    }

    #[test]
    fn many_values_against_many() {
        timely(|| {
            let values: Vec<String> = (0..200_000).map(|number| format!("value{number}")).collect();
            let document = doc(&format!(
                r#"{{"Effect":"Allow","Action":"*","Resource":"*",
                     "Condition":{{"ForAllValues:StringEquals":{{"k":{values:?}}}}}}}"#
            ));
            let context = |values: Vec<String>| Context::new().with("k", values);
            let condition = &document.statements()[0].conditions()[0];
            assert_eq!(condition.test(&context(values.clone())), Truth::Yes);
            let mut one_more = values;
            one_more.push("other".to_owned());
            assert_eq!(condition.test(&context(one_more)), Truth::No);
        });
    }
}
