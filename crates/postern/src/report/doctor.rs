//! What `postern doctor` found, for people and for programs.

use serde_json::json;

use crate::{
    doctor::{Check, Finding, Severity},
    errors::CliError,
    output::{BAD, BOLD, DIM, GOOD, HINT, WARN, harmless, paint, prose, shown_width},
};

/// How many findings are this bad.
pub(crate) fn count(checks: &[Check], severity: Severity) -> usize {
    checks.iter().flat_map(|check| &check.findings).filter(|finding| finding.severity == severity).count()
}

/// Aligned columns: the subject, a mark, and what was found.
pub(crate) fn text(checks: &[Check], width: usize) -> String {
    let titles = checks.iter().map(|check| shown_width(check.title)).max().unwrap_or_default();
    let indent = " ".repeat(titles + 4);
    let mut text = String::new();
    for check in checks {
        let title =
            format!("{}{}", paint(BOLD, check.title), " ".repeat(titles - shown_width(check.title) + 2));
        if check.findings.is_empty() {
            let mark = if check.checked { paint(GOOD, "✓") } else { paint(DIM, "–") };
            let first = format!("{title}{mark} ");
            text.push_str(&format!("{}\n", prose(&harmless(&check.state), &first, &indent, width)));
        }
        for (index, finding) in check.findings.iter().enumerate() {
            let title = if index == 0 { title.clone() } else { " ".repeat(titles + 2) };
            let mark = match finding.severity {
                Severity::Problem => paint(BAD, "✗"),
                Severity::Warning => paint(WARN, "!"),
            };
            let words = format!("{}{}", place(finding), finding.message);
            let words = prose(&harmless(&words), &format!("{title}{mark} "), &indent, width);
            text.push_str(&format!("{words}\n"));
            if let Some(hint) = &finding.hint {
                let first = format!("{indent}{} ", paint(HINT, "hint:"));
                text.push_str(&format!("{}\n", prose(&harmless(hint), &first, &indent, width)));
            }
        }
    }
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (problems, warnings) = (count(checks, Severity::Problem), count(checks, Severity::Warning));
    let summary = match (problems, warnings) {
        (0, 0) => "nothing found".to_owned(),
        (n, 0) => counted(n, "problem"),
        (0, n) => counted(n, "warning"),
        (p, w) => format!("{}, {}", counted(p, "problem"), counted(w, "warning")),
    };
    text.push_str(&format!("\n{summary}\n"));
    text
}

fn place(finding: &Finding) -> String {
    match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        (Some(file), None) => format!("{file}: "),
        (None, _) => String::new(),
    }
}

/// Format 1.
pub(crate) fn json(checks: &[Check]) -> Result<String, CliError> {
    let record = json!({
        "format": 1,
        "summary": {
            "problems": count(checks, Severity::Problem),
            "warnings": count(checks, Severity::Warning),
        },
        "checks": serde_json::to_value(checks)
            .map_err(|error| CliError::failed("cannot write what was found").caused_by(error))?,
    });
    Ok(format!("{record:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_in_columns() {
        let wrong = vec![
            Finding::problem("a long-term key in `[work]`")
                .at("~/.aws/credentials", Some(3))
                .hint("import it"),
            Finding::warning("odd"),
        ];
        let checks = [
            Check::new("clock", "Clock", "right", Vec::new()),
            Check::new("keys-in-clear", "Keys in clear", "", wrong),
            Check::skipped("x", "X", "not compared"),
        ];
        let shown = anstream::adapter::strip_str(&text(&checks, 60)).to_string();
        let expected = "\
Clock          ✓ right
Keys in clear  ✗ ~/.aws/credentials:3: a long-term key in
                 `[work]`
                 hint: import it
               ! odd
X              – not compared

1 problem, 1 warning
";
        assert_eq!(shown, expected);
        let json: serde_json::Value = serde_json::from_str(&json(&checks).unwrap()).unwrap();
        assert_eq!(json["checks"][1]["findings"][0]["line"], 3);
        assert_eq!(json["summary"]["problems"], 1);
    }
}
