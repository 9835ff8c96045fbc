//! What a document asks a request's context for.

use crate::{Document, Statement, Version};

impl Document {
    /// The context keys that a statement of this document asks for, by its conditions and its policy
    /// variables, in the order of the text and as often as it does.
    ///
    /// ```
    /// let document = postern_policy::Document::parse(
    ///     r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
    ///         "Resource": "arn:aws:s3:::home/${aws:username}/*",
    ///         "Condition": {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team, 'x'}"}}}]}"#,
    /// )
    /// .unwrap();
    /// let keys: Vec<&str> = document.context_keys(&document.statements()[0]).collect();
    /// assert_eq!(keys, ["aws:username", "aws:PrincipalTag/team", "aws:ResourceTag/team"]);
    /// ```
    pub fn context_keys<'a>(&self, statement: &'a Statement) -> impl Iterator<Item = &'a str> {
        let variables = self.version() >= Version::V2012;
        let resources = statement.resources().into_iter().flat_map(crate::Resources::patterns);
        let in_resources =
            resources.filter(move |_| variables).flat_map(|pattern| Variables { rest: pattern.text() });
        let in_conditions = statement.conditions().iter().flat_map(move |condition| {
            let expands = variables && condition.operator().comparison.takes_variables();
            let values = condition.values().iter().filter(move |_| expands);
            std::iter::once(condition.key()).chain(values.flat_map(|value| Variables { rest: value.text() }))
        });
        in_resources.chain(in_conditions)
    }
}

/// The keys of `${key}` and `${key, 'default'}` in a text.
struct Variables<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Variables<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let (_, behind) = self.rest.split_once("${")?;
            let (inside, rest) = behind.split_once('}')?;
            self.rest = rest;
            let key = inside.split_once(',').map_or(inside, |(key, _)| key).trim();
            // `${*}`, `${?}` and `${$}` are escapes.
            if !matches!(key, "" | "*" | "?" | "$") {
                return Some(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(version: &str, statement: &str) -> Vec<String> {
        let text = format!(
            r#"{{"Version": "{version}", "Statement": [{{"Effect": "Allow", "Action": "s3:*", {statement}}}]}}"#
        );
        let document = Document::parse(&text).unwrap();
        document.context_keys(&document.statements()[0]).map(str::to_owned).collect()
    }

    #[test]
    fn variables_count_where_they_are_expanded() {
        let resource = r#""Resource": "arn:aws:s3:::${a:b}/${*}${ c:d , '}'}${open""#;
        assert_eq!(keys("2012-10-17", resource), ["a:b", "c:d"]);
        assert!(keys("2008-10-17", resource).is_empty());
        let condition = |operator: &str| {
            format!(r#""Resource": "*", "Condition": {{"{operator}": {{"k:1": ["1", "${{v:1}}"]}}}}"#)
        };
        assert_eq!(keys("2012-10-17", &condition("ForAnyValue:StringLikeIfExists")), ["k:1", "v:1"]);
        assert_eq!(keys("2012-10-17", &condition("NumericEquals")), ["k:1"]);
        assert_eq!(keys("2008-10-17", &condition("StringLike")), ["k:1"]);
    }
}
