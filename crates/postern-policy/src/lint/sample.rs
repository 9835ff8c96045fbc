//! Contexts that make conditions hold, so that the evaluation can be asked what else it takes.

use crate::{
    Comparison as C, Condition, ConditionValue, Context, ContextValue, Operator, Qualifier, Truth,
    lint::variables,
};

/// Values that are tried for one condition.
const MAX_TRIES: usize = 64;

/// Sets the condition's key so that it holds; false where no value was found.
pub(super) fn satisfy(condition: &Condition, context: &mut Context) -> bool {
    if condition.test(context) == Truth::Yes {
        return true;
    }
    candidates(condition, context).into_iter().take(MAX_TRIES).any(|candidate| {
        let mut tried = context.clone();
        tried.set(condition.key(), candidate);
        let holds = condition.test(&tried) == Truth::Yes;
        if holds {
            *context = tried;
        }
        holds
    })
}

/// Whether the condition holds for every value that its key can have: at most the key itself is asked for.
pub(super) fn takes_any_value(condition: &Condition) -> bool {
    let every = |text: &str| !text.is_empty() && text.bytes().all(|b| b == b'*');
    let mut values = condition.values().iter();
    match condition.operator().comparison {
        C::StringLike => values.any(|value| every(value.text())),
        // The partition narrows nothing: each has accounts that anyone can open.
        C::ArnLike | C::ArnEquals => values.any(|value| {
            let mut parts = value.text().split(':');
            every(value.text()) || (parts.next() == Some("arn") && parts.skip(1).all(every))
        }),
        C::IpAddress => values.any(|value| value.network().is_some_and(|network| network.prefix_len() == 0)),
        C::Null => values.all(|value| value.text().eq_ignore_ascii_case("false")),
        _ => false,
    }
}

fn candidates(condition: &Condition, context: &Context) -> Vec<ContextValue> {
    let Operator { qualifier, comparison, .. } = condition.operator();
    let mut texts: Vec<String> = Vec::new();
    for value in condition.values().iter().take(MAX_TRIES) {
        texts.extend(near(value, comparison, context));
    }
    texts.extend(["another".to_owned(), "1".to_owned(), "198.51.100.7".to_owned(), "true".to_owned()]);
    let value = |text: String| match qualifier {
        Some(Qualifier::ForAllValues | Qualifier::ForAnyValue) => ContextValue::from(vec![text]),
        None => ContextValue::from(text),
    };
    let mut out: Vec<ContextValue> = texts.into_iter().map(value).collect();
    out.push(ContextValue::Absent);
    out
}

/// Texts at, below and above a value.
pub(super) fn near(value: &ConditionValue, comparison: C, context: &Context) -> Vec<String> {
    let name = comparison.as_str();
    if name.starts_with("Numeric") {
        let number: f64 = value.text().parse().unwrap_or_default();
        return vec![value.text().to_owned(), format!("{:.6}", number - 0.5), format!("{:.6}", number + 0.5)];
    }
    if let Some(date) = value.date() {
        let second = date.as_second();
        return [second, second.saturating_sub(1), second.saturating_add(1)].map(|s| s.to_string()).into();
    }
    if let Some(network) = value.network() {
        return vec![network.network().to_string(), network.broadcast().to_string()];
    }
    let text = filled(value.text(), context);
    if matches!(comparison, C::StringLike | C::ArnLike | C::ArnEquals) {
        return vec![instantiate(&text, "x"), instantiate(&text, "")];
    }
    vec![text]
}

/// A text of the request with its variables replaced by what the context says.
pub(super) fn filled(text: &str, context: &Context) -> String {
    let mut out = text.to_owned();
    for variable in variables::variables(text) {
        let escaped = match variable {
            "${*}" => Some("*"),
            "${?}" => Some("?"),
            "${$}" => Some("$"),
            _ => None,
        };
        let by = match (escaped, variables::key(variable)) {
            (Some(character), _) => character.to_owned(),
            (None, Some(key)) => context.get(key).single().unwrap_or("x").to_owned(),
            (None, None) => continue,
        };
        out = out.replacen(variable, &by, 1);
    }
    out
}

/// The account that samples belong to where a pattern does not name one.
pub(super) const ACCOUNT: &str = "918273645546";

/// A text that a pattern matches, as like a real one as can be: accounts have twelve digits.
pub(super) fn instantiate(pattern: &str, by: &str) -> String {
    let fill = |text: &str| text.replace('*', by).replace('?', "x");
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [arn @ "arn", partition, service, region, account, rest] = parts.as_slice() else {
        return fill(pattern);
    };
    let partition = if partition.contains('*') { "aws" } else { partition };
    let account = if account.contains(['*', '?']) { account_like(account) } else { (*account).to_owned() };
    [arn, partition, &fill(service), &fill(region), &account, &fill(rest)].join(":")
}

fn account_like(pattern: &str) -> String {
    if pattern == "*" {
        return ACCOUNT.to_owned();
    }
    let digits = pattern.replace('?', "9");
    let fixed = digits.bytes().filter(u8::is_ascii_digit).count();
    digits.replacen('*', &"9".repeat(12_usize.saturating_sub(fixed)), 1).replace('*', "")
}
