//! The rules: a table, and each in full.

use std::fmt::Write as _;

use postern_policy::lint::{Rule, Severity};
use serde::Serialize;

use crate::{
    errors::CliError,
    output::{BAD, BOLD, DIM, HINT, WARN, paint, prose},
    report::table,
};

/// The rules as a table.
pub(crate) fn table(rules: &[&'static Rule]) -> String {
    let rows: Vec<Vec<String>> = rules
        .iter()
        .map(|rule| {
            let class = rule.class.as_str().to_owned();
            vec![rule.id.to_owned(), severity(rule.severity), class, rule.title.to_owned()]
        })
        .collect();
    table::plain(&["RULE", "SEVERITY", "CLASS", "TITLE"], &rows)
}

/// One rule in full.
pub(crate) fn explain(rule: &Rule, width: usize) -> String {
    let mut text = format!("{} ({}): {}\n", paint(BOLD, rule.id), severity(rule.severity), rule.title);
    for (heading, words) in [("Why", rule.why), ("Fix", rule.fix)] {
        let _ = write!(text, "\n{}\n{}\n", paint(BOLD, heading), prose(words, "  ", "  ", width));
    }
    text
}

/// The rules as JSON.
pub(crate) fn json(rules: &[&'static Rule]) -> Result<String, CliError> {
    #[derive(Serialize)]
    struct Rules {
        format: u32,
        rules: Vec<One>,
    }
    #[derive(Serialize)]
    struct One {
        id: &'static str,
        severity: &'static str,
        class: &'static str,
        title: &'static str,
        why: &'static str,
        fix: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        audit: Option<&'static str>,
    }
    let one = |rule: &&'static Rule| One {
        id: rule.id,
        severity: rule.severity.as_str(),
        class: rule.class.as_str(),
        title: rule.title,
        why: rule.why,
        fix: rule.fix,
        audit: rule.audit,
    };
    super::json::pretty(&Rules { format: 1, rules: rules.iter().map(one).collect() })
}

/// The word in its colour.
pub(crate) fn severity(severity: Severity) -> String {
    let style = match severity {
        Severity::Critical | Severity::High => BAD,
        Severity::Medium => WARN,
        Severity::Low => HINT,
        Severity::Info => DIM,
    };
    paint(style, severity.as_str())
}
