//! Findings as versioned JSON: the shape of `postern audit --format json`, with line and column.

use postern_policy::lint::{Class, Severity};
use serde::Serialize;

use super::{Finding, Policy, Report, Source, TypeFrom};
use crate::errors::CliError;

/// The version of the shape.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    summary: Summary<'a>,
    policies: Vec<PolicyJson<'a>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
    info: usize,
    not_evaluated: Vec<NotEvaluated<'a>>,
}

#[derive(Serialize)]
struct NotEvaluated<'a> {
    document: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    within: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct PolicyJson<'a> {
    document: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    within: &'a str,
    r#type: &'static str,
    type_from: TypeFrom,
    findings: usize,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'static str,
    severity: &'static str,
    class: &'static str,
    confidence: &'static str,
    fingerprint: &'a str,
    title: &'static str,
    detail: &'a str,
    evidence: Evidence<'a>,
    fix: &'a str,
    references: Vec<&'static str>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    document: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    within: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    json_pointer: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// The report as JSON, with a line feed behind it.
pub(crate) fn render(report: &Report) -> Result<String, CliError> {
    let unread = report.unread.iter().map(|unread| NotEvaluated {
        document: &unread.name,
        within: "",
        reason: &unread.reason,
    });
    let broken = report.policies().filter(|(_, policy)| !policy.is_policy).map(|(source, policy)| {
        NotEvaluated { document: &source.name, within: &policy.within, reason: "it is no policy" }
    });
    let policies = report.policies().filter(|(_, policy)| policy.is_policy);
    pretty(&Json {
        format: FORMAT,
        summary: Summary {
            critical: report.count(Severity::Critical),
            high: report.count(Severity::High),
            medium: report.count(Severity::Medium),
            low: report.count(Severity::Low),
            info: report.count(Severity::Info),
            not_evaluated: unread.chain(broken).collect(),
        },
        policies: policies.map(|(source, policy)| policy_json(source, policy)).collect(),
        findings: report.findings().map(|(source, policy, finding)| one(source, policy, finding)).collect(),
    })
}

fn policy_json<'a>(source: &'a Source, policy: &'a Policy) -> PolicyJson<'a> {
    PolicyJson {
        document: &source.name,
        within: &policy.within,
        r#type: policy.typed.kind.as_str(),
        type_from: policy.typed.from,
        findings: policy.found.len(),
    }
}

fn one<'a>(source: &'a Source, policy: &'a Policy, finding: &'a Finding) -> FindingJson<'a> {
    FindingJson {
        rule: finding.rule.id,
        severity: finding.severity.as_str(),
        class: finding.rule.class.as_str(),
        confidence: confidence(finding.rule.class),
        fingerprint: &finding.placed.fingerprint,
        title: finding.rule.title,
        detail: &finding.message,
        evidence: Evidence {
            document: &source.name,
            within: &policy.within,
            statement: finding.statement,
            sid: finding.sid.as_deref(),
            json_pointer: &finding.pointer,
            line: finding.placed.start.line,
            column: finding.placed.start.column,
            end_line: finding.placed.end.line,
            end_column: finding.placed.end.column,
        },
        fix: finding.help.as_deref().unwrap_or(finding.rule.fix),
        references: finding.rule.audit.into_iter().collect(),
    }
}

/// Whether a finding is a fact, or what a document of this kind usually means.
const fn confidence(class: Class) -> &'static str {
    match class {
        Class::Error | Class::Security => "proven",
        Class::Warning | Class::Suggestion => "likely",
    }
}

/// Indented JSON with a line feed behind it.
pub(crate) fn pretty(value: &impl Serialize) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::failed("cannot write JSON").caused_by(error))?;
    text.push('\n');
    Ok(text)
}
