//! Findings as SARIF 2.1.0, for code-scanning services: a model of the parts in use, each type with its clause of
//! the standard (OASIS, Static Analysis Results Interchange Format 2.1.0).

use std::path::{Component, Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use postern_policy::lint::{Class, Rule, Severity};
use serde::Serialize;

use super::{Finding, Policy, Report, Source, json::pretty};
use crate::errors::CliError;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// § 3.13
#[derive(Serialize)]
struct Sarif<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

/// § 3.14
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    invocations: [Invocation<'a>; 1],
    /// § 3.14.17
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

/// § 3.18
#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// § 3.19
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

/// § 3.49
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
    properties: Properties,
}

/// § 3.11
#[derive(Serialize)]
struct Message {
    text: String,
}

/// § 3.50
#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

/// § 3.8: what GitHub reads to sort by severity.
#[derive(Serialize)]
struct Properties {
    tags: Vec<&'static str>,
    precision: &'static str,
    /// Of what is no matter of security, the level says enough.
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

/// § 3.20
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification<'a>>,
}

/// § 3.58
#[derive(Serialize)]
struct Notification<'a> {
    level: &'static str,
    message: Message,
    locations: [Location<'a>; 1],
}

/// § 3.27
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location<'a>; 1],
    partial_fingerprints: Fingerprints<'a>,
    properties: ResultProperties,
}

#[derive(Serialize)]
struct Fingerprints<'a> {
    #[serde(rename = "postern/v1")]
    postern: &'a str,
}

#[derive(Serialize)]
struct ResultProperties {
    severity: &'static str,
}

/// § 3.28
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation<'a>>,
}

/// § 3.29
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

/// § 3.4
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// § 3.30
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// § 3.33: where in the JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'a> {
    fully_qualified_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// The report as SARIF, with a line feed behind it. `rules` holds every rule that a finding may have.
pub(crate) fn render(report: &Report, rules: &[&'static Rule]) -> Result<String, CliError> {
    let notifications = report.unread.iter().map(|unread| Notification {
        level: "error",
        message: Message { text: format!("`{}` was not checked: {}", unread.name, unread.reason) },
        locations: [location(&unread.name, None, Vec::new())],
    });
    let results =
        report.findings().map(|(source, policy, finding)| result(rules, source, policy, finding)).collect();
    pretty(&Sarif {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "postern",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: rules.iter().map(|rule| descriptor(rule)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: report.unread.is_empty(),
                tool_execution_notifications: notifications.collect(),
            }],
            column_kind: "utf16CodeUnits",
            results,
        }],
    })
}

fn descriptor(rule: &Rule) -> Descriptor {
    Descriptor {
        id: rule.id,
        short_description: Message { text: rule.title.to_owned() },
        full_description: Message { text: rule.why.to_owned() },
        help: Message { text: format!("{}\n\n{}", rule.why, rule.fix) },
        default_configuration: Configuration { level: level(rule.severity) },
        properties: Properties {
            tags: [rule.class.as_str()].into_iter().chain(rule.audit).collect(),
            precision: match rule.class {
                Class::Error | Class::Security => "very-high",
                Class::Warning | Class::Suggestion => "high",
            },
            security_severity: (rule.class == Class::Security).then(|| security_severity(rule.severity)),
        },
    }
}

fn result<'a>(
    rules: &[&'static Rule],
    source: &'a Source,
    policy: &'a Policy,
    finding: &'a Finding,
) -> SarifResult<'a> {
    let text = match &finding.help {
        Some(help) => format!("{}; {help}", finding.message),
        None => finding.message.clone(),
    };
    let region = Region {
        start_line: finding.placed.start.line,
        start_column: finding.placed.start.utf16,
        end_line: finding.placed.end.line,
        end_column: finding.placed.end.utf16,
    };
    let pointer = format!("{}{}", policy.within, finding.pointer);
    let logical = LogicalLocation {
        // The pointer of a whole document is the empty text, which is no name.
        fully_qualified_name: if pointer.is_empty() { "/".to_owned() } else { pointer },
        name: finding.sid.as_deref(),
    };
    SarifResult {
        rule_id: finding.rule.id,
        rule_index: rules.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default(),
        level: level(finding.severity),
        message: Message { text },
        locations: [location(&source.name, Some(region), vec![logical])],
        partial_fingerprints: Fingerprints { postern: &finding.placed.fingerprint },
        properties: ResultProperties { severity: finding.severity.as_str() },
    }
}

fn location<'a>(name: &str, region: Option<Region>, logical: Vec<LogicalLocation<'a>>) -> Location<'a> {
    Location {
        physical_location: PhysicalLocation { artifact_location: artifact(name), region },
        logical_locations: logical,
    }
}

/// A relative path is one of the checkout, as services want it.
fn artifact(name: &str) -> ArtifactLocation {
    /// What may stand in a path of a URI as it is (RFC 3986, `pchar`, and the slash), without the colon, which would
    /// end a scheme.
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'@')
        .remove(b'+')
        .remove(b'=')
        .remove(b',');
    if name == super::STDIN {
        return ArtifactLocation { uri: "stdin".to_owned(), uri_base_id: None };
    }
    let parts = Path::new(name).components().filter_map(|component| match component {
        Component::Normal(part) => Some(utf8_percent_encode(&part.to_string_lossy(), PLAIN).to_string()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    if Path::new(name).is_absolute() {
        ArtifactLocation { uri: format!("file:///{path}"), uri_base_id: None }
    } else {
        ArtifactLocation { uri: path, uri_base_id: Some("%SRCROOT%") }
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub's scale: critical above 9.0, high from 7.0, medium from 4.0.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (name, uri, base) in [
            ("a/b.json", "a/b.json", Some("%SRCROOT%")),
            ("./a b/ü%.json", "a%20b/%C3%BC%25.json", Some("%SRCROOT%")),
            ("../x:y.json", "../x%3Ay.json", Some("%SRCROOT%")),
            ("/tmp/a.json", "file:///tmp/a.json", None),
            ("<stdin>", "stdin", None),
        ] {
            let made = artifact(name);
            assert_eq!((made.uri.as_str(), made.uri_base_id), (uri, base), "{name}");
        }
    }
}
