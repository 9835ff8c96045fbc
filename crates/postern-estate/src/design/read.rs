//! Reading tables without stopping at the first mistake.

use std::str::FromStr;

use postern_types::{ParseError, SessionDuration};
use toml::de::{DeTable, DeValue};

use super::{DesignError, keys::Table};
use crate::{Span, Spanned, span::At};

type Key<'i> = toml::Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = toml::Spanned<DeValue<'i>>;

/// The tables of a text; none where what it means would be guesswork. Whatever is wrong with its form is noted.
pub(crate) fn syntax<'i>(text: &'i str, errors: &mut Errors) -> Option<toml::Spanned<DeTable<'i>>> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    let mut broken = false;
    let mut repeated: Vec<Span> = Vec::new();
    for error in syntax {
        let span = error.span().unwrap_or_default().span();
        if error.message() != "duplicate key" {
            broken = true;
            errors.say(span, format!("not TOML: {}", error.message()));
        } else if !in_repeated_table(text, span, &repeated) {
            let key = text.get(span.start..span.end).unwrap_or_default();
            let message = format!("`{key}` stands here a second time");
            errors.help(span, message, "keep one of the two; the file would not say which one counts");
            repeated.push(span);
        }
    }
    // After a break in its form more messages about the rest of the file would mislead.
    (!broken).then_some(root)
}

/// Whether a key repeats another one only because its whole table repeats another one.
fn in_repeated_table(text: &str, key: Span, repeated: &[Span]) -> bool {
    let before = text.get(..key.start).unwrap_or_default();
    let header = before.rfind("\n[").map_or(0, |at| at + 1);
    let header_end =
        before.get(header..).and_then(|rest| rest.find('\n')).map_or(key.start, |len| header + len);
    repeated.iter().any(|other| other.start >= header && other.end <= header_end)
}

/// Whether a file is of the version that this code reads. Of another one nothing else can be said.
pub(crate) fn is_version_one(top: &DeTable<'_>, of: &str, errors: &mut Errors) -> bool {
    const HELP: &str = "write `version = 1`";
    let Some(value) = top.get("version") else {
        errors.help(0..0, "missing key `version`", HELP);
        return true;
    };
    match value.get_ref() {
        DeValue::Integer(i) if i.as_str() == "1" => true,
        DeValue::Integer(i) => {
            let message = format!("version {} of the {of} is not known", i.as_str());
            errors.help(value.span(), message, "this postern reads version 1");
            false
        }
        other => {
            errors.help(value.span(), format!("`version` must be an integer, not {}", kind(other)), HELP);
            true
        }
    }
}

/// A file's text; bytes that are not UTF-8 are an error at the first of them.
pub(crate) fn utf8<'b>(bytes: &'b [u8], of: &str) -> Result<&'b str, Vec<DesignError>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let end = at + error.error_len().unwrap_or(bytes.len().saturating_sub(at));
        vec![DesignError {
            message: format!("the {of} is not UTF-8"),
            help: Some("save it as UTF-8".to_owned()),
            span: (at..end).span(),
        }]
    })
}

/// Collects what is wrong.
#[derive(Default)]
pub(crate) struct Errors(Vec<DesignError>);

impl Errors {
    pub(crate) fn add(&mut self, span: impl At, message: impl Into<String>, help: Option<String>) {
        self.0.push(DesignError { message: message.into(), help, span: span.span() });
    }

    pub(crate) fn say(&mut self, span: impl At, message: impl Into<String>) {
        self.add(span, message, None);
    }

    pub(crate) fn help(&mut self, span: impl At, message: impl Into<String>, help: impl Into<String>) {
        self.add(span, message, Some(help.into()));
    }

    /// All of them, in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<DesignError> {
        self.0.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        self.0.dedup();
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A table of the file and how to speak of it.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    /// Where its name stands.
    pub(crate) span: Span,
    /// Its heading without brackets, such as `roles.developer`; empty for the top of the file.
    heading: (&'static str, &'a str),
}

impl<'a, 'i> Section<'a, 'i> {
    /// A table whose keys have been checked.
    pub(crate) fn open(
        table: &'a DeTable<'i>,
        span: Span,
        heading: (&'static str, &'a str),
        keys: &Table,
        errors: &mut Errors,
    ) -> Self {
        let section = Self { table, span, heading };
        for (key, _) in table {
            let name: &str = key.get_ref();
            if keys.key(name).is_some() {
                continue;
            }
            let place = section.place();
            if keys.later.contains(&name) {
                errors.help(
                    key.span(),
                    format!("`{name}` is not supported yet{place}"),
                    "this version of postern would ignore it, so it refuses it; remove the key",
                );
                continue;
            }
            let help = nearest(name, keys.names())
                .map(|known| format!("did you mean `{known}`?"))
                .unwrap_or_else(|| format!("known keys: {}", list(&keys.names().collect::<Vec<_>>())));
            errors.help(key.span(), format!("unknown key `{}`{place}", name.escape_debug()), help);
        }
        section
    }

    /// ` in [roles.developer]`, or nothing at the top.
    pub(crate) fn place(&self) -> String {
        match self.heading {
            ("", "") => String::new(),
            (kind, "") => format!(" in `[{kind}]`"),
            (kind, name) => format!(" in `[{kind}.{}]`", name.escape_debug()),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value<'i>> {
        self.table.get(key)
    }

    pub(crate) fn missing(&self, key: &str, help: impl Into<String>, errors: &mut Errors) {
        errors.help(self.span, format!("missing key `{key}`{}", self.place()), help);
    }

    /// A string.
    pub(crate) fn text(&self, key: &str, errors: &mut Errors) -> Option<Spanned<&'a str>> {
        let value = self.get(key)?;
        string(value, &format!("`{key}`"), errors)
    }

    /// A string that says something.
    pub(crate) fn sentence(&self, key: &str, errors: &mut Errors) -> Option<Spanned<String>> {
        let text = self.text(key, errors)?;
        if text.value.trim().is_empty() {
            errors.say(text.span, format!("`{key}` is empty"));
            return None;
        }
        Some(Spanned::new(text.value.to_owned(), text.span))
    }

    /// A string that is a `T`.
    pub(crate) fn parse<T: FromStr<Err = ParseError>>(
        &self,
        key: &str,
        errors: &mut Errors,
    ) -> Option<Spanned<T>> {
        parse(self.text(key, errors)?, None, errors)
    }

    /// `true` or `false`, or the default.
    pub(crate) fn flag(&self, key: &str, default: bool, errors: &mut Errors) -> bool {
        match self.get(key).map(|value| (value, value.get_ref())) {
            None => default,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((value, other)) => {
                errors.say(value.span(), format!("`{key}` must be true or false, not {}", kind(other)));
                default
            }
        }
    }

    /// An integer between two bounds, both included.
    pub(crate) fn number(&self, key: &str, min: u16, max: u16, errors: &mut Errors) -> Option<u16> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(i) => u16::from_str_radix(i.as_str(), i.radix()).ok(),
            other => {
                errors.say(value.span(), format!("`{key}` must be an integer, not {}", kind(other)));
                return None;
            }
        };
        let number = number.filter(|n| (min..=max).contains(n));
        if number.is_none() {
            errors.say(value.span(), format!("`{key}` must be {min} to {max}"));
        }
        number
    }

    /// A duration between two bounds, both included.
    pub(crate) fn duration(
        &self,
        key: &str,
        min: SessionDuration,
        max: SessionDuration,
        errors: &mut Errors,
    ) -> Option<SessionDuration> {
        let text = self.text(key, errors)?;
        let duration: Spanned<SessionDuration> =
            parse(text, Some("write a number and a unit: `15m`, `1h`, `12h`"), errors)?;
        if duration.value < min || duration.value > max {
            errors.help(
                duration.span,
                format!("`{key}` is {}, which is outside {min} to {max}", duration.value),
                format!("write a duration from \"{min}\" to \"{max}\""),
            );
            return None;
        }
        Some(duration.value)
    }

    /// A list of anything; none where the key is absent.
    pub(crate) fn list(&self, key: &str, errors: &mut Errors) -> Option<&'a [Value<'i>]> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items.as_ref()),
            other => {
                errors.help(
                    value.span(),
                    format!("`{key}` must be a list, not {}", kind(other)),
                    format!("write `{key} = [\"…\"]`"),
                );
                None
            }
        }
    }

    /// A list of strings, each of which is a `T`; empty where the key is absent.
    pub(crate) fn parse_list<T: FromStr<Err = ParseError>>(
        &self,
        key: &str,
        errors: &mut Errors,
    ) -> Vec<Spanned<T>> {
        let items = self.list(key, errors).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| parse(string(item, &format!("each of `{key}`"), errors)?, None, errors))
            .collect()
    }

    /// A table under this key.
    pub(crate) fn table(&self, key: &'static str, errors: &mut Errors) -> Option<(&'a DeTable<'i>, Span)> {
        let (key, value) = self.table.get_key_value(key)?;
        table(key, value, errors)
    }

    /// The tables of `[key.NAME]`, by name.
    pub(crate) fn tables(
        &self,
        key: &'static str,
        errors: &mut Errors,
    ) -> Vec<(Spanned<&'a str>, &'a DeTable<'i>)> {
        let Some((entries, _)) = self.table(key, errors) else { return Vec::new() };
        entries
            .iter()
            .filter_map(|(name, value)| {
                let (inner, _) = table(name, value, errors)?;
                Some((Spanned::new(&**name.get_ref(), name.span()), inner))
            })
            .collect()
    }
}

fn table<'a, 'i>(
    key: &'a Key<'i>,
    value: &'a Value<'i>,
    errors: &mut Errors,
) -> Option<(&'a DeTable<'i>, Span)> {
    match value.get_ref() {
        DeValue::Table(table) => Some((table, key.span().span())),
        other => {
            let name = key.get_ref().escape_debug();
            errors.say(value.span(), format!("`{name}` must be a table, not {}", kind(other)));
            None
        }
    }
}

/// The string that a value must be.
pub(crate) fn string<'a>(value: &'a Value<'_>, what: &str, errors: &mut Errors) -> Option<Spanned<&'a str>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Spanned::new(&**text, value.span())),
        DeValue::Integer(_) => {
            errors.help(
                value.span(),
                format!("{what} must be a string, not an integer"),
                "put it in quotation marks: leading zeros count",
            );
            None
        }
        other => {
            errors.say(value.span(), format!("{what} must be a string, not {}", kind(other)));
            None
        }
    }
}

/// The `T` that a string must be.
pub(crate) fn parse<T: FromStr<Err = ParseError>>(
    text: Spanned<&str>,
    help: Option<&str>,
    errors: &mut Errors,
) -> Option<Spanned<T>> {
    match text.value.parse() {
        Ok(value) => Some(Spanned::new(value, text.span)),
        Err(error) => {
            errors.add(text.span, error.to_string(), help.map(str::to_owned));
            None
        }
    }
}

/// A value's kind with its article.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The candidate that looks most like a misspelt word.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// `a`, `b`, `c`
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
