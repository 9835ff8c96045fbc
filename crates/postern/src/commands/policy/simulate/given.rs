//! The policies of a simulation: JSON text, `file://` or a path, one or a list.

use std::borrow::Cow;

use postern_policy::Document;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::shorthand;
use crate::{
    errors::CliError,
    output::{SourceError, render_source_errors},
    report::simulation::{Given, GivenLevel},
};

/// All policies of these values, numbered through: each is a policy as JSON text, a file that holds one, or a JSON
/// list of policies.
pub(super) fn policies(id: &str, values: &[String]) -> Result<Vec<Given>, CliError> {
    let mut given = Vec::new();
    for value in values {
        let (path, text) = text(value)?;
        add(id, path, text, &mut given)?;
    }
    Ok(given)
}

/// Like [`policies`], where there is at most one.
pub(super) fn policy(id: &str, value: Option<&String>) -> Result<Option<Given>, CliError> {
    let Some(value) = value else { return Ok(None) };
    let (path, text) = text(value)?;
    read(id.to_owned(), path, text).map(Some)
}

fn add(id: &str, path: Option<&str>, text: String, given: &mut Vec<Given>) -> Result<(), CliError> {
    if text.trim_start().starts_with('[') {
        for policy in list(id, &text)? {
            given.push(read(format!("{id}.{}", given.len() + 1), None, policy)?);
        }
    } else {
        given.push(read(format!("{id}.{}", given.len() + 1), path, text)?);
    }
    Ok(())
}

/// The policies of a JSON list, whose elements are objects or strings that hold them.
fn list(id: &str, text: &str) -> Result<Vec<String>, CliError> {
    let elements: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| CliError::usage(format!("{id}: the list is no JSON")).caused_by(error))?;
    let element = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    Ok(elements.into_iter().map(element).collect())
}

fn read(id: String, path: Option<&str>, text: String) -> Result<Given, CliError> {
    let name = path.map_or_else(|| id.clone(), str::to_owned);
    let document = Document::parse(&text).map_err(|problems| {
        let errors: Vec<SourceError> = problems
            .into_iter()
            .map(|problem| SourceError {
                message: problem.message,
                span: problem.span.start..problem.span.end,
                help: problem.help,
            })
            .collect();
        CliError::usage(render_source_errors(&name, &text, &errors)).rendered()
    })?;
    Ok(Given { id, name, text, document })
}

/// What a value stands for: the JSON text that it is, or the file that it names, with its path.
pub(super) fn text(value: &str) -> Result<(Option<&str>, String), CliError> {
    if value.trim_start().starts_with(['{', '[']) {
        return Ok((None, value.to_owned()));
    }
    let path = value.strip_prefix("file://").unwrap_or(value);
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("cannot read `{path}`"))
            .caused_by(error)
            .hint("a policy is a file, or JSON text that begins with `{`")
    })?;
    Ok((Some(path), text))
}

/// Levels from `[LEVEL=]POLICY`: policies of one name share a level, those without have one each.
pub(super) fn levels(id: &str, values: &[String]) -> Result<Vec<GivenLevel>, CliError> {
    let mut levels: Vec<GivenLevel> = Vec::new();
    let mut count = 0;
    for value in values {
        let (level, policy) = match value.split_once('=') {
            Some((level, policy)) if is_level(level) => (Some(level), policy),
            _ => (None, value.as_str()),
        };
        let (path, text) = text(policy)?;
        let name = level.map_or_else(|| format!("level {}", levels.len() + 1), str::to_owned);
        let same = levels.iter().position(|known| known.id == name).filter(|_| level.is_some());
        let at = same.unwrap_or_else(|| {
            levels.push(GivenLevel { id: name, policies: Vec::new() });
            levels.len() - 1
        });
        if let Some(level) = levels.get_mut(at) {
            count += 1;
            level.policies.push(read(format!("{id}.{count}"), path, text)?);
        }
    }
    Ok(levels)
}

fn is_level(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A level as AWS's `OrderedOrganizationPolicyInputList` has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ordered<'a> {
    #[serde(borrow)]
    service_control_policy_input_list: Vec<&'a RawValue>,
}

/// Levels in AWS's own form, from the root down: JSON, or `ServiceControlPolicyInputList='…','…'`.
pub(super) fn ordered_levels(values: &[String]) -> Result<Vec<GivenLevel>, CliError> {
    const ID: &str = "OrderedOrganizationPolicyInputList";
    const MEMBER: &str = "ServiceControlPolicyInputList";
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage("cannot read --ordered-organization-policy-input-list").caused_by(error).hint(format!(
            "one level is {{\"{MEMBER}\": [\"POLICY\", …]}}, root first; --scp LEVEL=FILE says the same shorter"
        ))
    };
    let mut found: Vec<Vec<String>> = Vec::new();
    for value in values {
        if value.starts_with(MEMBER) {
            let members = shorthand::parse(value, &[MEMBER]).map_err(|error| wrong(&error))?;
            found.extend(members.into_iter().map(|(_, policies)| policies));
            continue;
        }
        let (_, text) = text(value)?;
        let text =
            if text.trim_start().starts_with('[') { Cow::Owned(text) } else { format!("[{text}]").into() };
        let levels: Vec<Ordered<'_>> = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        for level in levels {
            let policies = level.service_control_policy_input_list.into_iter();
            let string = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or(raw.get().to_owned());
            found.push(policies.map(string).collect());
        }
    }
    let mut levels = Vec::new();
    for (number, policies) in found.into_iter().enumerate() {
        let mut level = GivenLevel { id: format!("level {}", number + 1), policies: Vec::new() };
        for text in policies {
            add(&format!("{ID}.{}", number + 1), None, text, &mut level.policies)?;
        }
        levels.push(level);
    }
    Ok(levels)
}
