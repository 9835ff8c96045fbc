//! `[[exceptions]]`: findings of the audit that are known, for a reason and until a day.

use postern_types::{Arn, Timestamp};
use toml::de::DeValue;

use super::{
    Exception, keys,
    read::{self, Errors, Section},
};
use crate::{Spanned, span::At as _};

const DAY: &str = "write a day: `until = 2027-01-31`";

/// Reads every one of them.
pub(super) fn exceptions(top: &Section<'_, '_>, errors: &mut Errors) -> Vec<Exception> {
    let items = top.list("exceptions", errors).unwrap_or_default();
    let mut read: Vec<Exception> = Vec::with_capacity(items.len());
    for item in items {
        let Some(exception) = exception(item, errors) else { continue };
        let same = |other: &&Exception| {
            other.rule.value == exception.rule.value && other.principal.value == exception.principal.value
        };
        if read.iter().any(|other| same(&other)) {
            let message =
                format!("`{}` is excepted from {} twice", exception.principal.value, exception.rule.value);
            errors.help(exception.rule.span, message, "remove one of the two");
        }
        read.push(exception);
    }
    read
}

fn exception(item: &toml::Spanned<DeValue<'_>>, errors: &mut Errors) -> Option<Exception> {
    let span = item.span().span();
    let DeValue::Table(table) = item.get_ref() else {
        let message = format!("each of `exceptions` must be a table, not {}", read::kind(item.get_ref()));
        errors.help(span, message, "write `[[exceptions]]` and its keys below it");
        return None;
    };
    let section = Section::open(table, span, ("exceptions", ""), &keys::EXCEPTION, errors);
    for (key, help) in [
        ("rule", "name the audit's rule: `rule = \"G10\"`"),
        ("principal", "say whom the finding is about: `principal = \"arn:aws:iam::…\"`"),
        ("reason", "say why it is borne: `reason = \"…\"`"),
        ("until", DAY),
    ] {
        if section.get(key).is_none() {
            section.missing(key, help, errors);
        }
    }
    let rule = rule(&section, errors);
    let principal: Option<Spanned<Arn>> = section.parse("principal", errors);
    let reason = section.sentence("reason", errors);
    let until = until(&section, errors);
    Some(Exception { span, rule: rule?, principal: principal?, reason: reason?.value, until: until? })
}

/// A capital letter and two digits. Whether the audit has such a rule is the audit's to say.
fn rule(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Spanned<String>> {
    let text = section.sentence("rule", errors)?;
    if !matches!(text.value.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9']) {
        let message = format!("`{}` is not a rule's id", text.value.escape_debug());
        errors.help(text.span, message, "ids are a letter and two digits, as in `G10`");
        return None;
    }
    Some(text)
}

/// The last second of the day, in UTC.
fn until(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Spanned<Timestamp>> {
    let value = section.get("until")?;
    let day = match value.get_ref() {
        DeValue::Datetime(day) if day.time.is_none() && day.offset.is_none() => day.to_string(),
        DeValue::String(text) => text.to_string(),
        other => {
            errors.help(value.span(), format!("`until` must be a day, not {}", read::kind(other)), DAY);
            return None;
        }
    };
    let parts: Vec<usize> = day.split('-').map(str::len).collect();
    match format!("{day}T23:59:59Z").parse::<Timestamp>() {
        Ok(end) if parts == [4, 2, 2] => Some(Spanned::new(end, value.span())),
        _ => {
            errors.help(value.span(), format!("`{}` is not a day of the calendar", day.escape_debug()), DAY);
            None
        }
    }
}
