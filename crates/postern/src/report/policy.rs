//! A policy document in lines that a person can compare.

use serde_json::Value;

/// Each statement as one line: effect, actions, resources or principals, conditions.
///
/// For reading only: decisions come from `postern_policy`. A text that is not JSON is shown as it is.
pub(crate) fn statements(document: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(document) else {
        return vec![document.to_owned()];
    };
    match value.get("Statement") {
        Some(Value::Array(list)) => list.iter().map(statement).collect(),
        Some(one) => vec![statement(one)],
        None => vec![document.to_owned()],
    }
}

fn statement(value: &Value) -> String {
    let mut line = value.get("Effect").map(words).unwrap_or_default();
    for (member, word) in [
        ("Action", ""),
        ("NotAction", "everything but "),
        ("Principal", "to "),
        ("NotPrincipal", "to all but "),
    ] {
        if let Some(found) = value.get(member) {
            line.push_str(&format!(" {word}{}", principals_or_list(found)));
        }
    }
    for (member, word) in [("Resource", "on"), ("NotResource", "on everything but")] {
        match value.get(member) {
            Some(Value::String(star)) if star == "*" && member == "Resource" => {}
            Some(found) => line.push_str(&format!(" {word} {}", words(found))),
            None => {}
        }
    }
    if let Some(Value::Object(operators)) = value.get("Condition") {
        let conditions: Vec<String> = operators
            .iter()
            .flat_map(|(operator, keys)| {
                keys.as_object()
                    .into_iter()
                    .flatten()
                    .map(move |(key, values)| condition(operator, key, values))
            })
            .collect();
        line.push_str(&format!(" if {}", conditions.join(" and ")));
    }
    line
}

fn condition(operator: &str, key: &str, values: &Value) -> String {
    match operator {
        "Bool" => format!("{key} is {}", words(values)),
        "ArnEquals" | "StringEquals" => format!("{key} is {}", words(values)),
        "NumericLessThan" => format!("{key} < {}", words(values)),
        _ => format!("{operator} {key} {}", words(values)),
    }
}

fn principals_or_list(value: &Value) -> String {
    match value {
        Value::Object(kinds) => kinds.values().map(words).collect::<Vec<_>>().join(", "),
        other => words(other),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_read_as_sentences() {
        let lines = statements(
            r#"{"Version":"2012-10-17","Statement":[
                {"Effect":"Allow","Action":"sts:AssumeRole","Resource":["a","b"],
                 "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}},
                {"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"},
                {"Effect":"Allow","Principal":{"AWS":"root"},"Action":"sts:AssumeRole"}]}"#,
        );
        assert_eq!(
            lines,
            [
                "Allow sts:AssumeRole on a, b if aws:MultiFactorAuthPresent is true and aws:MultiFactorAuthAge < 3600",
                "Allow everything but iam:*",
                "Allow sts:AssumeRole to root",
            ]
        );
        assert_eq!(statements("no json"), ["no json"]);
    }
}
