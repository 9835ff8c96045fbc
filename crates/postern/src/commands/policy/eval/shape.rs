//! What is wrong with the shape of a case, said with the names of its members.
//!
//! Cases are read in one pass that only knows right from wrong; this second look is for the wrong ones.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a value should be.
enum Shape {
    Any,
    Text,
    /// A string or a number.
    Id,
    List(&'static Self),
    Object(&'static [Member]),
}

struct Member {
    name: &'static str,
    compulsory: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member { name, compulsory: true, shape }
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member { name, compulsory: false, shape }
}

const POLICY: Shape = Shape::Object(&[may("name", Shape::Text), must("policy", Shape::Any)]);
const POLICIES: Shape = Shape::List(&POLICY);
const LEVELS: Shape =
    Shape::List(&Shape::Object(&[may("orgIdentifier", Shape::Text), must("policies", POLICIES)]));
const CASE: Shape = Shape::Object(&[
    must("id", Shape::Id),
    must(
        "request",
        Shape::Object(&[
            must("principal", Shape::Any),
            must("action", Shape::Text),
            must("resource", Shape::Any),
            may("context", Shape::Object(&[])),
        ]),
    ),
    must("identityPolicies", POLICIES),
    may("resourcePolicy", Shape::Any),
    may("permissionBoundaryPolicies", POLICIES),
    may("sessionPolicy", Shape::Any),
    may("serviceControlPolicies", LEVELS),
    may("resourceControlPolicies", LEVELS),
]);

const TARGET: Shape = Shape::Object(&[must("arn", Shape::Text), may("accountId", Shape::Text)]);

/// Why this is no resource of a request.
pub(super) fn resource_problem(raw: &str) -> String {
    const PLACE: &str = "request.resource";
    match check(raw, PLACE, &TARGET) {
        Err(found) if raw.starts_with('{') => found,
        _ => format!(
            "`{PLACE}` should be a string, or an object with `arn` and `accountId`, not {}",
            kind(raw)
        ),
    }
}

/// Why this line is no case.
pub(super) fn problem(line: &str) -> String {
    match serde_json::from_str::<&RawValue>(line) {
        Ok(raw) => check(raw.get(), "", &CASE).err().unwrap_or_else(|| {
            // An escape that is JSON in form and stands for nothing, such as half a surrogate pair.
            let error = serde_json::from_str::<serde_json::Value>(line).err();
            error.map_or_else(|| "no case".to_owned(), |error| no_json(&error))
        }),
        Err(_) if !line.trim_start().starts_with('{') => {
            let column = line.len() - line.trim_start().len() + 1;
            format!("no JSON: expected `{{` at column {column}; a case is one JSON object on one line")
        }
        Err(error) => no_json(&error),
    }
}

fn no_json(error: &serde_json::Error) -> String {
    // "expected value at line 1 column 5": the line is another one for the reader.
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(&*text, |(message, _)| message);
    let column = error.column();
    format!("no JSON: {message} at column {column}; a case is one JSON object on one line")
}

fn check(raw: &str, path: &str, shape: &Shape) -> Result<(), String> {
    let wrong = |wanted: &str| Err(format!("{} should be {wanted}, not {}", named(path), kind(raw)));
    match shape {
        Shape::Any => Ok(()),
        Shape::Text if raw.starts_with('"') => Ok(()),
        Shape::Text => wrong("a string"),
        Shape::Id if raw.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) => Ok(()),
        Shape::Id => wrong("a string or a number"),
        Shape::List(element) => {
            let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
                return wrong("a list");
            };
            elements
                .into_iter()
                .enumerate()
                .try_for_each(|(number, raw)| check(raw.get(), &format!("{path}[{number}]"), element))
        }
        Shape::Object(members) => {
            let Ok(Members(found)) = serde_json::from_str(raw) else { return wrong("an object") };
            members.iter().try_for_each(|member| check_member(&found, path, member))
        }
    }
}

fn check_member(found: &[(Cow<'_, str>, &RawValue)], path: &str, member: &Member) -> Result<(), String> {
    let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
    let mut named = found.iter().filter(|(name, _)| name == member.name);
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(format!("`{path}` stands twice")),
        (None, _) if member.compulsory => Err(format!("`{path}` is missing")),
        (Some((_, raw)), _) if raw.get() == "null" && !member.compulsory => Ok(()),
        (Some((_, raw)), _) => check(raw.get(), &path, &member.shape),
        (None, _) => Ok(()),
    }
}

fn named(path: &str) -> String {
    if path.is_empty() { "a case".to_owned() } else { format!("`{path}`") }
}

/// A value's kind as a person would say it.
pub(super) fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The members of an object, in their order, duplicates and all.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// The `id` of a line, even of one that is no JSON further on.
pub(super) fn id(line: &[u8]) -> Option<&RawValue> {
    struct Id<'a, 'de>(&'a mut Option<&'de RawValue>);

    impl<'de> DeserializeSeed<'de> for Id<'_, 'de> {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    impl<'de> Visitor<'de> for Id<'_, 'de> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(Name(name)) = map.next_key()? {
                if name == "id" {
                    *self.0 = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }

    let mut found = None;
    // Whatever is wrong behind the id is told elsewhere.
    let _ = Id(&mut found).deserialize(&mut serde_json::Deserializer::from_slice(line));
    found
}
