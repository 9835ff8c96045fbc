//! A policy document: the text as AWS keeps it, and what it means.

use std::{fmt, sync::Arc};

use postern_policy::{Document, cap};

use crate::json::Json;

/// A policy document as text. `==` compares the text; [`PolicyDocument::means_the_same`] its meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    text: Arc<str>,
}

impl PolicyDocument {
    /// A document with this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The size that AWS's quotas count: characters other than white space.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The text without white space outside of its strings: what is sent where every character counts.
    #[must_use]
    pub fn compact(&self) -> String {
        let (mut quoted, mut escaped) = (false, false);
        let keep = |c: &char| {
            if quoted {
                quoted = escaped || *c != '"';
                escaped = !escaped && *c == '\\';
                return true;
            }
            quoted = *c == '"';
            !c.is_whitespace()
        };
        self.text.chars().filter(keep).collect()
    }

    /// Whether two documents allow and deny the same, as far as their form tells.
    ///
    /// Left aside are white space, the order of members, statements and lists, a single value against
    /// a list of one, repetitions, `Sid` and `Id`, the case of actions, operators and condition keys, an
    /// account id against its root's ARN, and `true` against `"true"`. Documents that are not JSON, or
    /// have a member twice, are the same only as texts.
    #[must_use]
    pub fn means_the_same(&self, other: &Self) -> bool {
        if self.text == other.text {
            return true;
        }
        match (self.meaning(), other.meaning()) {
            (Some(one), Some(two)) => one == two,
            _ => false,
        }
    }

    /// Whether no statement allows anything: to take such a policy away can only widen access.
    #[must_use]
    pub fn only_denies(&self) -> bool {
        self.effects().is_some_and(|effects| effects.iter().all(|effect| effect == "Deny"))
    }

    /// Whether a statement denies something, or the document cannot be told apart from one that does.
    #[must_use]
    pub fn may_deny(&self) -> bool {
        self.effects().is_none_or(|effects| effects.iter().any(|effect| effect != "Allow"))
    }

    fn effects(&self) -> Option<Vec<String>> {
        let Json::Object(members) = Json::parse(&self.text)? else { return None };
        let (_, statements) = members.into_iter().find(|(key, _)| key == "Statement")?;
        list(statements)
            .into_iter()
            .map(|statement| match statement {
                Json::Object(members) => members.into_iter().find_map(|(key, value)| match value {
                    Json::String(effect) if key == "Effect" => Some(effect),
                    _ => None,
                }),
                _ => None,
            })
            .collect()
    }

    /// Whether every action that this document allows is one that the other allows too.
    ///
    /// False where that cannot be told.
    #[must_use]
    pub fn stays_within(&self, other: &Self) -> bool {
        match (Document::parse(&self.text), Document::parse(&other.text)) {
            (Ok(document), Ok(cap)) => cap::exceeding(&document, &cap).is_empty(),
            _ => false,
        }
    }

    /// The document in one form for all documents that mean the same.
    fn meaning(&self) -> Option<Json> {
        let Json::Object(members) = Json::parse(&self.text)? else { return None };
        let members = members.into_iter().filter(|(key, _)| key != "Id").map(|(key, value)| {
            let value = if key == "Statement" {
                set(list(value).into_iter().map(statement).collect::<Option<_>>()?)
            } else {
                value
            };
            Some((key, value))
        });
        object(members.collect::<Option<_>>()?)
    }
}

/// A statement in one form for all statements that mean the same.
pub(crate) fn statement(statement: Json) -> Option<Json> {
    let Json::Object(members) = statement else { return None };
    let mut normal = Vec::new();
    for (key, value) in members {
        let value = match key.as_str() {
            "Sid" => continue,
            "Action" | "NotAction" => set(list(value).into_iter().map(lower).collect()),
            "Resource" | "NotResource" => set(list(value)),
            "Principal" | "NotPrincipal" => principals(value)?,
            "Condition" => match conditions(value)? {
                Json::Object(operators) if operators.is_empty() => continue,
                operators => operators,
            },
            _ => value,
        };
        normal.push((key, value));
    }
    object(normal)
}

/// `"*"` means `{"AWS": "*"}`, and an account's id its root.
fn principals(value: Json) -> Option<Json> {
    let Json::Object(members) = value else {
        return Some(Json::object([("AWS", set(vec![value]))]));
    };
    let members = members.into_iter().map(|(key, value)| {
        let values = list(value).into_iter().map(|value| match value {
            Json::String(text) if key == "AWS" => {
                Json::String(account_of_root(&text).unwrap_or(&text).to_owned())
            }
            other => other,
        });
        (key.clone(), set(values.collect()))
    });
    object(members.collect())
}

pub(crate) fn account_of_root(text: &str) -> Option<&str> {
    let account = text.strip_prefix("arn:")?.split_once(":iam::")?.1.strip_suffix(":root")?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}

/// `{"Bool": {"aws:MultiFactorAuthPresent": true}}` with everything that does not count made equal.
fn conditions(value: Json) -> Option<Json> {
    let Json::Object(operators) = value else { return None };
    let operators = operators.into_iter().map(|(operator, keys)| {
        let Json::Object(keys) = keys else { return None };
        let operator = operator.to_ascii_lowercase();
        let boolean = matches!(operator.rsplit(':').next(), Some("bool" | "boolifexists" | "null"));
        let keys = keys.into_iter().map(|(key, values)| {
            let values = list(values).into_iter().map(|value| match value {
                Json::Bool(value) => Json::String(value.to_string()),
                Json::Number(number) => Json::String(number),
                Json::String(text) if boolean => Json::String(text.to_ascii_lowercase()),
                other => other,
            });
            (key.to_ascii_lowercase(), set(values.collect()))
        });
        Some((operator, object(keys.collect())?))
    });
    object(operators.collect::<Option<_>>()?)
}

fn lower(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(text.to_ascii_lowercase()),
        other => other,
    }
}

fn list(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        single => vec![single],
    }
}

fn set(mut items: Vec<Json>) -> Json {
    items.sort();
    items.dedup();
    Json::Array(items)
}

/// Members in alphabetical order; none when making names equal has made two of them the same.
fn object(mut members: Vec<(String, Json)>) -> Option<Json> {
    members.sort();
    let repeated = members.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
    (!repeated).then_some(Json::Object(members))
}

impl fmt::Debug for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(inner: &str) -> PolicyDocument {
        PolicyDocument::new(format!(r#"{{"Version":"2012-10-17","Statement":[{{{inner}}}]}}"#))
    }

    #[test]
    fn form_does_not_count_and_meaning_does() {
        let a = r#""Effect":"Allow","Action":["sts:AssumeRole","s3:*"],"Resource":"*""#;
        let same = [
            r#""Sid":"X","Resource":["*"],"Action":["S3:*","sts:assumerole","s3:*"],"Effect":"Allow","Condition":{}"#,
        ];
        let other = [
            r#""Effect":"Deny","Action":["sts:AssumeRole","s3:*"],"Resource":"*""#,
            r#""Effect":"Allow","Action":["sts:AssumeRole"],"Resource":"*""#,
            r#""Effect":"Allow","NotAction":["sts:AssumeRole","s3:*"],"Resource":"*""#,
            r#""Effect":"Allow","Action":["sts:AssumeRole","s3:*"],"Resource":"*","Condition":{"Bool":{"a":"true"}}"#,
        ];
        for text in same {
            assert!(statement(a).means_the_same(&statement(text)), "{text}");
        }
        for text in other {
            assert!(!statement(a).means_the_same(&statement(text)), "{text}");
        }
    }

    #[test]
    fn conditions_and_principals_are_compared_by_meaning() {
        let trust = |principal: &str, condition: &str| {
            statement(&format!(
                r#""Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole","Condition":{condition}"#
            ))
        };
        let a = trust(
            r#"{"AWS":"arn:aws:iam::111111111111:root"}"#,
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}"#,
        );
        let b = trust(
            r#"{"AWS":["111111111111"]}"#,
            r#"{"numericlessthan":{"AWS:MultifactorauthAge":[3600]},"bool":{"aws:multifactorauthpresent":true}}"#,
        );
        assert!(a.means_the_same(&b));
        let exists = r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#;
        let strict = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
        assert!(!trust("\"*\"", exists).means_the_same(&trust("\"*\"", strict)));
        assert!(trust("\"*\"", strict).means_the_same(&trust(r#"{"AWS":"*"}"#, strict)));
        assert!(!trust(r#"{"Service":"*"}"#, strict).means_the_same(&trust(r#"{"AWS":"*"}"#, strict)));
    }

    #[test]
    fn a_document_that_cannot_be_read_is_only_itself() {
        let twice = r#"{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}"#;
        let spaced = twice.replace(',', ", ");
        assert!(PolicyDocument::new(twice).means_the_same(&PolicyDocument::new(twice)));
        assert!(!PolicyDocument::new(twice).means_the_same(&PolicyDocument::new(spaced)));
        assert!(!PolicyDocument::new(twice).only_denies());
        assert!(PolicyDocument::new("nonsense").may_deny());
    }

    #[test]
    fn denials_are_told_apart() {
        let allow = statement(r#""Effect":"Allow","Action":"*","Resource":"*""#);
        let deny = statement(r#""Effect":"Deny","Action":"*","Resource":"*""#);
        assert_eq!((allow.only_denies(), allow.may_deny()), (false, false));
        assert_eq!((deny.only_denies(), deny.may_deny()), (true, true));
    }

    #[test]
    fn sizes_leave_white_space_out() {
        assert_eq!(PolicyDocument::new("{ \"a\":\n \"b c\" }").size(), 10);
    }
}
