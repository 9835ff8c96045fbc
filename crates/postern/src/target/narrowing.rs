//! Narrowing: session policies, which take away from what a role may do and never add to it.

use std::str::FromStr;

use clap::Args;
use postern_broker::AssumeRole;
use postern_policy::{
    Document, Layout, line_column,
    lint::{self, Class, Finding, PolicyKind},
};
use postern_types::{PolicyArn, RoleArn};

use super::no_role_assumed;
use crate::{daily::Destination, errors::CliError};

/// What the session is to be narrowed to.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct NarrowingArgs {
    /// Let nothing but reading through, by AWS's policy ReadOnlyAccess
    #[arg(long, conflicts_with_all = ["only", "policy"], help_heading = "Narrowing")]
    read_only: bool,
    /// Let only this through, on every resource or on one: s3:GetObject,
    /// s3:GetObject:arn:aws:s3:::b/*; may be repeated, each lets more through
    #[arg(long, value_name = "ACTION[:RESOURCE]", help_heading = "Narrowing")]
    only: Vec<Only>,
    /// Let through what a policy allows: a FILE, or a managed policy's ARN; may
    /// be repeated, each lets more through
    #[arg(long, value_name = "FILE|ARN", help_heading = "Narrowing")]
    policy: Vec<String>,
    /// Show on standard error what is left of the role: typical actions, decided
    /// by the estate file's policies without condition keys
    #[arg(long, help_heading = "Narrowing")]
    pub(super) show_effective: bool,
}

/// What AWS takes of an inline session policy.
const MOST_CHARACTERS: usize = 2_048;
/// What AWS takes of managed session policies.
const MOST_ARNS: usize = 10;

/// An action, and what it may be done to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Only {
    action: String,
    resource: String,
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            || format!("`{text}` is not ACTION or ACTION:RESOURCE, as in s3:GetObject:arn:aws:s3:::bucket/*");
        // Both halves hold colons: the first one is the action's, unless that is `*`.
        let (action, resource) = match text.strip_prefix('*') {
            Some(rest) => ("*", rest.strip_prefix(':').or(rest.is_empty().then_some("*"))),
            None => {
                let (service, rest) = text.split_once(':').ok_or_else(form)?;
                let name = rest.split(':').next().unwrap_or_default();
                if service.is_empty() || name.is_empty() {
                    return Err(form());
                }
                let (action, rest) = text.split_at(service.len() + 1 + name.len());
                (action, rest.strip_prefix(':').or(Some("*")))
            }
        };
        match resource {
            Some(resource) if resource == "*" || resource.starts_with("arn:") => {
                Ok(Self { action: action.to_owned(), resource: resource.to_owned() })
            }
            _ => Err(form()),
        }
    }
}

impl NarrowingArgs {
    /// Whether nothing is taken away.
    pub(super) fn is_empty(&self) -> bool {
        !self.read_only && self.only.is_empty() && self.policy.is_empty()
    }

    /// Writes it into the request for the last role.
    pub(super) fn narrow(&self, destination: &mut Destination, warn: &dyn Fn(&str)) -> Result<(), CliError> {
        if self.is_empty() {
            return Ok(());
        }
        let Some(request) = destination.way.hops.last_mut() else {
            return Err(no_role_assumed(&destination.name, "--read-only, --only and --policy"));
        };
        if self.read_only {
            request.policy_arns.push(read_only(&request.role)?);
        }
        let (arns, files): (Vec<&String>, Vec<&String>) =
            self.policy.iter().partition(|policy| policy.starts_with("arn:"));
        for arn in arns {
            add_arn(request, arn)?;
        }
        let inline = match (files.as_slice(), self.only.is_empty()) {
            ([], true) => None,
            ([], false) => Some(checked("--only", &policy_of(&self.only), warn)?),
            ([file], true) => Some(checked(file, &read(file)?, warn)?),
            _ => {
                return Err(CliError::usage("AWS takes one inline policy for a session")
                    .hint("give either one --policy FILE, or --only; managed policies by ARN may be added"));
            }
        };
        request.policy = inline.map(Into::into);
        Ok(())
    }
}

/// AWS's own policy in the role's partition.
fn read_only(role: &RoleArn) -> Result<PolicyArn, CliError> {
    let arn = format!("arn:{}:iam::aws:policy/ReadOnlyAccess", role.as_arn().partition());
    arn.parse().map_err(|error| CliError::failed(format!("`{arn}` is no policy")).caused_by(error))
}

fn add_arn(request: &mut AssumeRole, text: &str) -> Result<(), CliError> {
    let arn: PolicyArn = text
        .parse()
        .map_err(|error| CliError::usage(format!("`--policy {text}` names no policy")).caused_by(error))?;
    if let Some(account) = arn.account()
        && account != request.role.account()
    {
        return Err(CliError::usage(format!(
            "the policy {arn} is in account {account}, and AWS looks for it in the role's, {}",
            request.role.account()
        )));
    }
    if !request.policy_arns.contains(&arn) {
        request.policy_arns.push(arn);
    }
    match request.policy_arns.len() {
        ..=MOST_ARNS => Ok(()),
        count => {
            Err(CliError::usage(format!("AWS takes {MOST_ARNS} managed policies for a session, not {count}")))
        }
    }
}

fn read(file: &str) -> Result<String, CliError> {
    std::fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("cannot read the policy `{file}`")).caused_by(error))
}

/// The policy that allows these, those with the same resource in one statement.
fn policy_of(only: &[Only]) -> String {
    let mut resources: Vec<&str> = Vec::new();
    for Only { resource, .. } in only {
        if !resources.contains(&resource.as_str()) {
            resources.push(resource);
        }
    }
    let statements: Vec<serde_json::Value> = resources
        .into_iter()
        .map(|resource| {
            let mut actions: Vec<&str> =
                only.iter().filter(|o| o.resource == resource).map(|o| o.action.as_str()).collect();
            actions.sort_unstable();
            actions.dedup();
            serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
        })
        .collect();
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The policy without white space, once it is known that AWS will take it.
fn checked(name: &str, text: &str, warn: &dyn Fn(&str)) -> Result<String, CliError> {
    // Its size counts without the white space, which is left out below.
    let findings = lint::check_text(text, PolicyKind::Session);
    let (errors, others): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .filter(|finding| finding.rule.id != "P12")
        .partition(|finding| finding.rule.class == Class::Error);
    let document = Document::parse(text);
    let (Ok(document), true) = (&document, errors.is_empty()) else {
        let mut error = CliError::usage(format!("`{name}` is no session policy that AWS would take"));
        for finding in &errors {
            error = error.caused_by(worded(text, finding));
        }
        return Err(error);
    };
    for finding in others.iter().filter(|finding| finding.rule.class == Class::Warning) {
        warn(&format!("{name}: {}", worded(text, finding)));
    }
    let squeezed = document.to_json(Layout::Compact);
    match squeezed.chars().count() {
        ..=MOST_CHARACTERS => Ok(squeezed),
        count => Err(CliError::usage(format!(
            "`{name}` has {count} characters without white space, and AWS takes {MOST_CHARACTERS} for a session"
        ))
        .hint("join actions by wildcards, or make a managed policy of it and give its ARN")),
    }
}

fn worded(text: &str, finding: &Finding) -> String {
    let (line, _) = line_column(text, finding.span.start);
    let place = if line > 1 { format!("line {line}: ") } else { String::new() };
    let help = finding.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{place}{}{help}", finding.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Option<(String, String)> {
        text.parse::<Only>().ok().map(|Only { action, resource }| (action, resource))
    }

    #[test]
    fn action_and_resource_are_told_apart_though_both_hold_colons() {
        let some = |action: &str, resource: &str| Some((action.to_owned(), resource.to_owned()));
        for (text, wanted) in [
            ("s3:GetObject", some("s3:GetObject", "*")),
            ("s3:*", some("s3:*", "*")),
            ("*", some("*", "*")),
            ("s3:GetObject:*", some("s3:GetObject", "*")),
            ("s3:GetObject:arn:aws:s3:::b/*", some("s3:GetObject", "arn:aws:s3:::b/*")),
            ("*:arn:aws:s3:::b/*", some("*", "arn:aws:s3:::b/*")),
            (
                "logs:Get*:arn:aws:logs:eu-central-1:222222222222:log-group:a:*",
                some("logs:Get*", "arn:aws:logs:eu-central-1:222222222222:log-group:a:*"),
            ),
            ("s3", None),
            ("s3:", None),
            (":GetObject", None),
            ("s3:GetObject:bucket", None),
            ("s3:GetObject:", None),
            ("*s3", None),
            ("", None),
        ] {
            assert_eq!(only(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_policy_is_as_short_as_it_can_be() {
        let only: Vec<Only> =
            ["s3:PutObject:arn:aws:s3:::b/*", "sqs:*", "s3:GetObject:arn:aws:s3:::b/*", "sqs:*"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        assert_eq!(
            checked("--only", &policy_of(&only), &|_| {}).unwrap(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/*"},{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#
        );
    }

    #[test]
    fn what_aws_would_refuse_is_refused_here() {
        let said = |text: &str| {
            let error = checked("f.json", text, &|_| {}).unwrap_err();
            format!("{}; {}", error.message, error.causes.join("; "))
        };
        let statement = |more: &str| {
            format!(
                "{{\"Version\": \"2012-10-17\",\n \"Statement\": {{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\"{more}}}}}"
            )
        };
        assert!(said("{").contains("no session policy"), "{}", said("{"));
        let principal = said(&statement(r#", "Resource": "*", "Principal": "*""#));
        assert!(principal.contains("line 2") && principal.contains("Principal"), "{principal}");
        assert!(said(&statement("")).contains("Resource"), "{}", said(&statement("")));
        let many: Vec<String> =
            (0..60).map(|n| format!("\"arn:aws:s3:::a-bucket-with-a-name-{n}/*\"")).collect();
        let long = said(&statement(&format!(", \"Resource\": [{}]", many.join(", "))));
        assert!(long.contains("and AWS takes 2048"), "{long}");
        // White space is not what makes a policy too long.
        let blank = statement(&format!(", \"Resource\":{}\"*\"", " ".repeat(3_000)));
        assert!(checked("f.json", &blank, &|_| {}).unwrap().len() < 200);
    }

    #[test]
    fn a_misspelt_action_is_warned_of() {
        let warnings = std::cell::RefCell::new(Vec::new());
        let warn = |text: &str| warnings.borrow_mut().push(text.to_owned());
        checked("--only", &policy_of(&["s3:GetObjekt".parse().unwrap()]), &warn).unwrap();
        let warnings = warnings.into_inner();
        assert!(warnings.iter().any(|text| text.contains("s3:GetObjekt")), "{warnings:?}");
    }
}
