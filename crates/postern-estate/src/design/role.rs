//! `[roles.NAME]`: text to [`RoleDesign`].

use std::collections::BTreeSet;

use postern_types::{IamPath, Partition, PolicyArn, PolicyName, SessionDuration};
use toml::de::DeValue;

use super::{
    AddressBlock, BoundaryChoice, PolicySource, RoleAccounts, RoleDesign, keys,
    parse::{ROLE_SESSION_MAX, SESSION_MAX, without_repeats},
    read::{self, Errors, Section},
    tags::tags,
};
use crate::{Span, Spanned, span::At as _};

/// Reads one role; what is broken in it is an error and takes its default.
pub(super) fn role(section: &Section<'_, '_>, partition: Partition, errors: &mut Errors) -> RoleDesign {
    if section.get("policies").is_none() {
        section.missing("policies", "write what the role grants: `policies = [\"ReadOnlyAccess\"]`", errors);
    }
    let policies = section
        .list("policies", errors)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| policy(item, partition, errors))
        .collect::<Vec<_>>();
    RoleDesign {
        span: section.span,
        accounts: accounts(section, errors),
        policies: without_repeats(policies, |a, b| a == b, "policy", errors),
        session: section
            .duration("session", SessionDuration::HOUR, ROLE_SESSION_MAX, errors)
            .unwrap_or(SessionDuration::HOUR),
        mfa_max_age: section.duration("mfa_max_age", SessionDuration::from_seconds(60), SESSION_MAX, errors),
        source_ip: source_ip(section, errors),
        source_identity: flag(section, errors),
        allow_iam: section.sentence("allow_iam", errors),
        boundary: boundary(section, errors),
        may_assume: section.parse_list("may_assume", errors),
        tags: tags(section, errors),
    }
}

/// A switch that is on, with its place.
fn flag(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Span> {
    let value = section.get("source_identity")?;
    section.flag("source_identity", false, errors).then(|| value.span().span())
}

/// Where people may come from; none where the key is absent.
pub(super) fn source_ip(section: &Section<'_, '_>, errors: &mut Errors) -> Option<BTreeSet<AddressBlock>> {
    let value = section.get("source_ip")?;
    let blocks = section.parse_list::<AddressBlock>("source_ip", errors);
    if matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()) {
        let help = "name addresses, or leave the key out to let people come from anywhere";
        errors.help(value.span(), format!("no address{}", section.place()), help);
    }
    let blocks = without_repeats(blocks, |a, b| a == b, "address", errors);
    Some(blocks.into_iter().map(|block| block.value).collect())
}

/// Where something is made: `"*"`, or a list of accounts.
pub(super) fn accounts(section: &Section<'_, '_>, errors: &mut Errors) -> RoleAccounts {
    const HELP: &str = "write `accounts = \"*\"` for all, or a list of names of `[accounts]`";
    match section.get("accounts").map(|value| (value, value.get_ref())) {
        None => section.missing("accounts", HELP, errors),
        Some((_, DeValue::String(text))) if text == "*" => return RoleAccounts::All,
        Some((value, DeValue::Array(items))) if items.is_empty() => {
            errors.help(value.span(), format!("no account{}", section.place()), HELP);
        }
        Some((_, DeValue::Array(items))) if items.len() == 1 && items.iter().any(is_star) => {
            return RoleAccounts::All;
        }
        Some((_, DeValue::Array(_))) => {
            let names = section.parse_list("accounts", errors);
            return RoleAccounts::Named(without_repeats(names, |a, b| a == b, "account", errors));
        }
        Some((value, other)) => {
            errors.help(
                value.span(),
                format!("`accounts` cannot be {}{}", read::kind(other), section.place()),
                HELP,
            );
        }
    }
    RoleAccounts::Named(Vec::new())
}

fn is_star(value: &toml::Spanned<DeValue<'_>>) -> bool {
    value.get_ref().as_str() == Some("*")
}

/// `"ReadOnlyAccess"`, `"job-function/ViewOnlyAccess"`, an ARN, or `{ file = "…" }`.
fn policy(
    item: &toml::Spanned<DeValue<'_>>,
    partition: Partition,
    errors: &mut Errors,
) -> Option<Spanned<PolicySource>> {
    let span = item.span().span();
    if let DeValue::Table(table) = item.get_ref() {
        let section = Section::open(table, span, ("roles.*.policies", ""), &keys::FILE, errors);
        let Some(path) = section.sentence("file", errors) else {
            if section.get("file").is_none() {
                section.missing("file", "write `{ file = \"policies/x.json\" }`", errors);
            }
            return None;
        };
        let file = path.value.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let name = read::parse::<PolicyName>(
            Spanned::new(stem, path.span),
            Some("the inline policy is named after the file"),
            errors,
        )?;
        return Some(Spanned::new(PolicySource::File { path: path.value, name: name.value }, span));
    }
    let text = read::string(item, "each of `policies`", errors)?;
    if text.value.starts_with("arn:") {
        let arn = read::parse::<PolicyArn>(text, None, errors)?;
        if arn.value.as_arn().partition() != partition.as_str() {
            let message = format!("`{}` is not of the partition `{partition}`", arn.value);
            errors.help(
                arn.span,
                message,
                "set `partition` at the top of the file, or name the policy alone",
            );
            return None;
        }
        return Some(Spanned::new(PolicySource::Managed(arn.value), span));
    }
    let (path, name) = text.value.rsplit_once('/').map_or((None, text.value), |(p, n)| (Some(p), n));
    const HELP: &str = "name a policy of AWS's own, give an ARN, or `{ file = \"…\" }`";
    let name = read::parse::<PolicyName>(Spanned::new(name, text.span), Some(HELP), errors)?.value;
    let path = match path {
        Some(path) => {
            read::parse::<IamPath>(Spanned::new(&*format!("/{path}/"), text.span), Some(HELP), errors)?.value
        }
        None if JOB_FUNCTIONS.contains(&name.as_str()) => "/job-function/".parse().unwrap_or_default(),
        None => IamPath::root(),
    };
    Some(Spanned::new(PolicySource::Managed(PolicyArn::aws_managed(partition, &path, &name)), span))
}

/// AWS's own policies under `/job-function/`, which people name without their path.
const JOB_FUNCTIONS: [&str; 7] = [
    "Billing",
    "DatabaseAdministrator",
    "DataScientist",
    "NetworkAdministrator",
    "SupportUser",
    "SystemAdministrator",
    "ViewOnlyAccess",
];

fn boundary(section: &Section<'_, '_>, errors: &mut Errors) -> BoundaryChoice {
    let reason = section.sentence("reason", errors);
    let Some(value) = section.text("boundary", errors) else {
        if let (Some(value), None) = (section.get("reason"), section.get("boundary")) {
            let help =
                "`reason` belongs to `boundary = \"none\"`; a role above the cap has `allow_iam = \"…\"`";
            errors.help(value.span(), format!("`reason` without `boundary`{}", section.place()), help);
        }
        return BoundaryChoice::Cap;
    };
    if value.value != "none" {
        let message = format!("`boundary` cannot be `{}`", value.value.escape_debug());
        errors.help(
            value.span,
            message,
            "leave it out for `postern-cap`, or write `boundary = \"none\"` and a `reason`",
        );
        return BoundaryChoice::Cap;
    }
    match reason {
        Some(reason) => BoundaryChoice::None { reason },
        None => {
            if section.get("reason").is_none() {
                let message = format!("`boundary = \"none\"` without a reason{}", section.place());
                errors.help(value.span, message, "say why: `reason = \"…\"`; every report shows it");
            }
            BoundaryChoice::Cap
        }
    }
}
