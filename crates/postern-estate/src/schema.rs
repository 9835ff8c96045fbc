//! The estate file's JSON Schema, made from the table of keys that the parser reads by.

use serde_json::{Map, Value, json};

use crate::design::keys::{Key, Shape, TOP, Table};

/// The JSON Schema (draft 2020-12) of an estate file, for editors.
///
/// It knows keys and forms, not how one part of the file must fit the other: a file that it takes may still
/// be refused, and one that it refuses always is.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = table(&TOP);
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("postern.toml"));
        members.insert("description".to_owned(), json!("The estate that should be: version 1 of its file."));
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Value::Object(members), false) = (&mut schema, required.is_empty()) {
        members.insert("required".to_owned(), json!(required));
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), json!(key.about));
        // A default is written as in the file; all those that there are read the same in JSON.
        if let Some(default) = key.default.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            members.insert("default".to_owned(), default);
        }
    }
    schema
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Exactly(number) => json!({ "const": number }),
        Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Day => json!({ "type": "string", "format": "date" }),
        Shape::List(item, 0) => json!({ "type": "array", "items": shape(item) }),
        Shape::List(item, least) => json!({ "type": "array", "items": shape(item), "minItems": least }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
        Shape::Table(inner) => table(inner),
        Shape::Named(names, inner) => json!({
            "type": "object",
            "propertyNames": { "pattern": names },
            "additionalProperties": table(inner),
        }),
        Shape::Repeated(inner) => json!({ "type": "array", "items": table(inner) }),
        Shape::Tags => json!({
            "type": "object",
            "propertyNames": { "minLength": 1, "maxLength": 128 },
            "additionalProperties": { "type": "string", "maxLength": 256 },
            "maxProperties": 49,
        }),
    }
}

/// A key of the estate file, as its documentation must have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// What stands in brackets above its table, with `NAME` for what the author names; empty at the top.
    pub table: &'static str,
    /// The key.
    pub name: &'static str,
    /// Whether the file is refused without it.
    pub required: bool,
    /// What holds without it, as written in the file.
    pub default: Option<&'static str>,
    /// What it means, in a sentence.
    pub about: &'static str,
}

/// Every key that the parser reads, in the order in which `estate fmt` writes them.
#[must_use]
pub fn known_keys() -> Vec<KnownKey> {
    let mut keys: Vec<KnownKey> = Vec::new();
    collect(&TOP, &mut keys);
    keys
}

fn collect(table: &'static Table, keys: &mut Vec<KnownKey>) {
    // The password policy has two places and one description.
    if keys.iter().any(|key| key.table == table.heading) {
        return;
    }
    keys.extend(table.keys.iter().map(|key| KnownKey {
        table: table.heading,
        name: key.name,
        required: key.required,
        default: key.default,
        about: key.about,
    }));
    for key in table.keys {
        inner(&key.shape, keys);
    }
}

fn inner(shape: &'static Shape, keys: &mut Vec<KnownKey>) {
    match shape {
        Shape::Table(table) | Shape::Named(_, table) | Shape::Repeated(table) => collect(table, keys),
        Shape::List(item, _) => inner(item, keys),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| inner(shape, keys)),
        _ => {}
    }
}
