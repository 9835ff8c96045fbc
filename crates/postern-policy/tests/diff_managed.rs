//! The policies that AWS manages, compared with themselves in other words.

#[cfg(test)]
mod common;

#[cfg(test)]
mod managed_policies {
    use postern_policy::{
        Document, Layout,
        classes::Budget,
        diff::{self, Verdict},
    };

    use super::common::{managed, raw};

    /// The document with its statements reversed, and those with several values of an element split.
    fn in_other_words(document: &Document, element: &str) -> Document {
        let mut value: serde_json::Value = serde_json::from_str(&document.to_json(Layout::Compact)).unwrap();
        let mut statements = Vec::new();
        for statement in value["Statement"].as_array().unwrap().iter().rev() {
            match statement[element].as_array() {
                Some(values) if values.len() > 1 => {
                    let (front, back) = values.split_at(values.len() / 2);
                    for part in [back, front] {
                        let mut statement = statement.clone();
                        statement[element] = part.to_vec().into();
                        statements.push(statement);
                    }
                }
                _ => statements.push(statement.clone()),
            }
        }
        value["Statement"] = statements.into();
        raw(&value.to_string())
    }

    #[test]
    fn all_are_equal_to_themselves_with_actions_split() {
        for (name, text) in managed::policies() {
            let document = raw(&text);
            let found = diff::compare(&document, &in_other_words(&document, "Action"));
            assert_eq!(found.verdict(), Verdict::Equal, "{name}: {found:?}");
        }
    }

    #[test]
    fn all_are_equal_to_themselves_with_resources_split() {
        // What is the same in the same words is seen to be so; here all classes have to be gone through.
        let mut undecided = Vec::new();
        let policies = managed::policies();
        for (name, text) in policies.iter().step_by(3) {
            let document = raw(text);
            let found = diff::compare_within(
                &document,
                &in_other_words(&document, "Resource"),
                &mut Budget::new(5_000_000),
            );
            match found.verdict() {
                Verdict::Equal => {}
                Verdict::Undecided => undecided.push(name),
                Verdict::Different => panic!("{name}: {:?}", found.differences),
            }
        }
        assert!(undecided.len() * 100 <= policies.len(), "{undecided:?}");
    }
}
