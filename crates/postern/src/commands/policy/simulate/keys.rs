//! The context of a simulated request: what was given, and what the caller implies.

use postern_policy::{Context, ContextValue, Principal};
use postern_types::AccountId;
use serde::Deserialize;

use super::{given, shorthand};
use crate::errors::CliError;

/// A context key as AWS's `ContextEntries` has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    context_key_name: String,
    context_key_values: Vec<String>,
    context_key_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entries {
    Several(Vec<Entry>),
    One(Entry),
}

const NAME: &str = "ContextKeyName";
const VALUES: &str = "ContextKeyValues";
const TYPE: &str = "ContextKeyType";
/// The types of AWS's model, each also as a list.
const TYPES: [&str; 6] = ["string", "numeric", "boolean", "ip", "binary", "date"];

/// The context that was given.
pub(super) struct Given {
    pub(super) context: Context,
    /// Its keys as they were written.
    pub(super) names: Vec<String>,
}

/// The keys of `--context-entries` and of `--context KEY=VALUE`, where a key that comes again has several values.
pub(super) fn given(entries: &[String], pairs: &[String]) -> Result<Given, CliError> {
    let mut context = Context::new();
    let mut names = Vec::new();
    for text in entries {
        for entry in read(text)? {
            check_type(&entry)?;
            if *context.get(&entry.context_key_name) != ContextValue::Absent {
                return Err(CliError::usage(format!("`{}` is given twice", entry.context_key_name)));
            }
            let value = match <[String; 1]>::try_from(entry.context_key_values) {
                Ok([one]) => ContextValue::from(one),
                Err(several) => several.into(),
            };
            context.set(&entry.context_key_name, value);
            names.push(entry.context_key_name);
        }
    }
    let mut plain = Context::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            CliError::usage(format!("`{pair}` is no context key with its value"))
                .hint("write --context aws:MultiFactorAuthPresent=true")
        })?;
        if *context.get(key) != ContextValue::Absent {
            return Err(CliError::usage(format!("`{key}` is given twice")));
        }
        let mut values: Vec<String> = plain.get(key).values().iter().map(ToString::to_string).collect();
        values.push(value.to_owned());
        let value = match <[String; 1]>::try_from(values) {
            Ok([one]) => ContextValue::from(one),
            Err(several) => several.into(),
        };
        plain.set(key, value);
        names.push(key.to_owned());
    }
    for (key, value) in plain.iter() {
        context.set(key, value.clone());
    }
    Ok(Given { context, names })
}

fn read(text: &str) -> Result<Vec<Entry>, CliError> {
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("cannot read the context entry `{text}`")).caused_by(error).hint(format!(
            "write {NAME}=aws:MultiFactorAuthPresent,{VALUES}=true,{TYPE}=boolean, or --context KEY=VALUE"
        ))
    };
    if text.starts_with("file://") || text.trim_start().starts_with(['{', '[']) {
        let (_, json) = given::text(text)?;
        return Ok(match serde_json::from_str(&json).map_err(|error| wrong(&error))? {
            Entries::Several(entries) => entries,
            Entries::One(entry) => vec![entry],
        });
    }
    let members = shorthand::parse(text, &[NAME, VALUES, TYPE]).map_err(|error| wrong(&error))?;
    let mut entry =
        Entry { context_key_name: String::new(), context_key_values: Vec::new(), context_key_type: None };
    for (name, values) in members {
        match name {
            VALUES => entry.context_key_values = values,
            NAME => entry.context_key_name = values.join(","),
            _ => entry.context_key_type = Some(values.join(",")),
        }
    }
    if entry.context_key_name.is_empty() {
        return Err(wrong(&format!("`{NAME}` is missing")));
    }
    Ok(vec![entry])
}

fn check_type(entry: &Entry) -> Result<(), CliError> {
    let Some(kind) = &entry.context_key_type else { return Ok(()) };
    if TYPES.contains(&kind.strip_suffix("List").unwrap_or(kind)) {
        return Ok(());
    }
    let key = &entry.context_key_name;
    Err(CliError::usage(format!("`{kind}` of `{key}` is no type of a context key"))
        .hint(format!("there are {}, and each with `List` behind", TYPES.join(", "))))
}

/// What a caller and a resource imply, in the order of AWS's documentation, where it can be told from their names.
/// (*IAM User Guide*, AWS global condition context keys)
pub(super) fn implied(
    caller: &Principal,
    text: &str,
    owner: Option<AccountId>,
) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    let mut add = |key, value: String| keys.push((key, value));
    match caller {
        Principal::Root { account } => {
            add("aws:PrincipalArn", text.to_owned());
            add("aws:PrincipalType", "Account".into());
            add("aws:userid", account.to_string());
        }
        Principal::User { arn, .. } => {
            add("aws:PrincipalArn", arn.to_string());
            add("aws:PrincipalType", "User".into());
            add("aws:username", arn.name().to_string());
        }
        Principal::RoleSession { role, .. } => {
            add("aws:PrincipalArn", role.to_string());
            add("aws:PrincipalType", "AssumedRole".into());
        }
        Principal::FederatedUser { arn, account, .. } => {
            add("aws:PrincipalArn", arn.to_string());
            add("aws:PrincipalType", "FederatedUser".into());
            let name = arn.resource().strip_prefix("federated-user/").unwrap_or_default();
            add("aws:userid", format!("{account}:{name}"));
        }
        Principal::Service { name } => add("aws:PrincipalServiceName", name.to_string()),
        Principal::Anonymous => add("aws:PrincipalType", "Anonymous".into()),
        _ => {}
    }
    if let Some(account) = caller.account() {
        add("aws:PrincipalAccount", account.to_string());
    }
    let is_service = matches!(caller, Principal::Service { .. });
    if is_service || caller.account().is_some() {
        add("aws:PrincipalIsAWSService", is_service.to_string());
    }
    if let Some(owner) = owner {
        add("aws:ResourceAccount", owner.to_string());
    }
    keys
}
