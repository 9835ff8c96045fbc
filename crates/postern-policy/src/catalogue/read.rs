//! Reading the data file, whose layout is told in `xtask/src/service_catalogue.rs`.
//!
//! The text is inflated once and lives as long as the program: every name is a part of it.

use std::{str::Lines, sync::OnceLock};

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::{
    AccessLevel, Action, ActionResource, Catalogue, ConditionKey, KeyKind, ResourceType, Service, Source,
    key::Keys,
};

/// Several times what it is today.
const LIMIT: usize = 16 << 20;

type KeyList = &'static [&'static ConditionKey];

/// The catalogue in a data file; nothing if the file is damaged.
pub(super) fn catalogue(data: &'static [u8]) -> Option<Catalogue> {
    let end = data.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = data.split_at_checked(end)?;
    let (source, counts) = header(std::str::from_utf8(head).ok()?)?;
    // The checksum of the zlib format guards the text.
    let body = decompress_to_vec_zlib_with_limit(body.get(2..)?, LIMIT).ok()?;
    let body: &'static str = String::from_utf8(body).ok()?.leak();

    let mut lines = body.lines();
    let keys = section(&mut lines, "keys", |line| {
        let (name, kind) = line.split_once('\t')?;
        Some(ConditionKey::new(name, kind_of(kind)?))
    })?;
    let keys: &'static [ConditionKey] = keys.leak();
    let lists = section(&mut lines, "lists", |line| {
        let list: Option<Vec<_>> =
            line.split(',').map(|number| keys.get(number.parse::<usize>().ok()?)).collect();
        Some(list?.leak() as KeyList)
    })?;

    let mut services = Vec::with_capacity(*counts.first()?);
    while let Some(line) = lines.next() {
        services.push(service(line, &mut lines, &lists)?);
    }
    let found = [
        services.len(),
        services.iter().map(|service| service.actions.len()).sum(),
        services.iter().map(|service| service.resource_types.len()).sum(),
        services.iter().map(|service| service.keys.len()).sum(),
    ];
    if counts != found {
        return None;
    }
    let (services, keys) = (services.into(), Keys::new(keys));
    Some(Catalogue { source, services, keys, index: OnceLock::new() })
}

/// The source, and how many services, actions, resource types and condition keys there are.
fn header(head: &'static str) -> Option<(Source, [usize; 4])> {
    let mut lines = head.lines();
    if lines.next()? != "postern-service-catalogue 1" {
        return None;
    }
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
    let name = field("Source")?;
    let version = field("Version")?;
    let (license, _) = field("License")?.split_once(';')?;
    let taken = field("Taken")?;
    let counts: Option<Vec<usize>> = field("Counts")?.split(' ').map(|count| count.parse().ok()).collect();
    Some((Source { name, version, license, taken }, counts?.try_into().ok()?))
}

/// A line with a title and a number, and as many lines as it says.
fn section<T>(
    lines: &mut Lines<'static>,
    title: &str,
    entry: impl Fn(&'static str) -> Option<T>,
) -> Option<Vec<T>> {
    let count = lines.next()?.strip_prefix(title)?.strip_prefix('\t')?.parse().ok()?;
    some(lines, count, entry)
}

fn some<T>(
    lines: &mut Lines<'static>,
    count: usize,
    entry: impl Fn(&'static str) -> Option<T>,
) -> Option<Vec<T>> {
    let entries: Vec<T> = lines.take(count).map(entry).collect::<Option<_>>()?;
    (entries.len() == count).then_some(entries)
}

fn service(line: &'static str, lines: &mut Lines<'static>, lists: &[KeyList]) -> Option<Service> {
    let list = |number: &str| list_of(number, lists);
    let mut fields = line.strip_prefix("service\t")?.split('\t');
    let (prefix, name, keys) = (fields.next()?, fields.next()?, list(fields.next()?)?);
    let mut count = || fields.next()?.parse::<usize>().ok();
    let (resources, sets, actions) = (count()?, count()?, count()?);
    let controlled = fields.next()? == "r";

    let resources = some(lines, resources, |line| {
        let mut fields = line.split('\t');
        Some(ResourceType { name: fields.next()?, arn: fields.next()?, keys: list(fields.next()?)? })
    })?;
    let resource_types: &'static [ResourceType] = resources.leak();
    let sets = some(lines, sets, |line| {
        let set: Option<Vec<_>> = line.split(',').map(|text| used(text, resource_types, lists)).collect();
        Some(set?.leak() as &'static [ActionResource])
    })?;
    let actions = some(lines, actions, |line| {
        let mut fields = line.split('\t');
        let (name, access, keys) = (fields.next()?, level_of(fields.next()?)?, list(fields.next()?)?);
        let resources = match fields.next()? {
            "" => &[][..],
            number => sets.get(number.parse::<usize>().ok()?)?,
        };
        Some(Action { name, access, keys, resources })
    })?;
    Some(Service { prefix, name, controlled, actions: actions.into(), resource_types, keys })
}

/// `12`, `12!`, `12:7`: a resource type's number, whether it is required, its list of keys.
fn used(text: &str, types: &'static [ResourceType], lists: &[KeyList]) -> Option<ActionResource> {
    let (text, keys) = text.split_once(':').unwrap_or((text, ""));
    let bare = text.strip_suffix('!');
    let resource_type = types.get(bare.unwrap_or(text).parse::<usize>().ok()?)?;
    Some(ActionResource { resource_type, required: bare.is_some(), keys: list_of(keys, lists)? })
}

fn list_of(number: &str, lists: &[KeyList]) -> Option<KeyList> {
    match number {
        "" => Some(&[]),
        number => lists.get(number.parse::<usize>().ok()?).copied(),
    }
}

fn level_of(letter: &str) -> Option<AccessLevel> {
    Some(match letter {
        "L" => AccessLevel::List,
        "R" => AccessLevel::Read,
        "W" => AccessLevel::Write,
        "T" => AccessLevel::Tagging,
        "P" => AccessLevel::PermissionsManagement,
        _ => return None,
    })
}

fn kind_of(letter: &str) -> Option<KeyKind> {
    Some(match letter {
        "s" => KeyKind::String,
        "S" => KeyKind::ArrayOfString,
        "b" => KeyKind::Bool,
        "B" => KeyKind::ArrayOfBool,
        "n" => KeyKind::Numeric,
        "N" => KeyKind::ArrayOfNumeric,
        "d" => KeyKind::Date,
        "i" => KeyKind::Ip,
        "a" => KeyKind::Arn,
        "A" => KeyKind::ArrayOfArn,
        "y" => KeyKind::Binary,
        _ => return None,
    })
}
