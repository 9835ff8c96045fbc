//! Findings for people: each with its line underlined, and a line that sums up.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use postern_policy::lint::{PolicyKind, Severity};

use super::{Finding, Policy, Report, Source, TypeFrom, rules};
use crate::{
    output::{BAD, GOOD, harmless, paint, prose},
    report::plan::counted,
};

/// All findings in the order of the files, then the sum.
pub(crate) fn render(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for (source, policy, finding) in report.findings() {
        text.push_str(&picture(source, policy, finding, width));
        text.push_str("\n\n");
    }
    for line in summary(report).lines() {
        text.push_str(&prose(line, "", "  ", width));
        text.push('\n');
    }
    text
}

/// `3 findings in 2 policies: 1 high, 2 low.`, and what they were checked as.
fn summary(report: &Report) -> String {
    let checked = report.policies().filter(|(_, policy)| policy.is_policy).count();
    let broken = report.policies().filter(|(_, policy)| !policy.is_policy).count();
    let mut text = String::new();
    let findings = report.findings().filter(|(_, policy, _)| policy.is_policy).count();
    let policies = if checked == 1 { "1 policy".to_owned() } else { format!("{checked} policies") };
    if checked > 0 && findings == 0 {
        let _ = write!(text, "{} in {policies}", paint(GOOD, "No findings"));
    } else if checked > 0 {
        let by_severity = Severity::ALL.into_iter().rev().filter_map(|severity| {
            let of = report.findings().filter(|(_, policy, f)| policy.is_policy && f.severity == severity);
            Some(of.count())
                .filter(|count| *count > 0)
                .map(|count| format!("{count} {}", rules::severity(severity)))
        });
        let by_severity: Vec<String> = by_severity.collect();
        let _ = write!(text, "{} in {policies}: {}", counted(findings, "finding"), by_severity.join(", "));
    }
    if checked > 0 {
        text.push('.');
    }
    if broken > 0 {
        let (verb, noun) = if broken == 1 { ("is", "no policy") } else { ("are", "no policies") };
        let what = counted(broken, "document");
        let separator = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{separator}{}.", paint(BAD, &format!("{what} {verb} {noun}")));
    }
    if text.is_empty() {
        text.push_str("Nothing was checked.");
    }
    if report.passed_over > 0 {
        let _ = write!(text, " {} without a policy passed over.", counted(report.passed_over, "file"));
    }
    if checked > 0 {
        let _ = write!(text, "\n{}", kinds(report));
    }
    text
}

/// The types that were checked: `Checked as identity policy (inferred); give --type if it is something else.`
fn kinds(report: &Report) -> String {
    let mut counts: BTreeMap<(PolicyKind, bool), usize> = BTreeMap::new();
    for (_, policy) in report.policies().filter(|(_, policy)| policy.is_policy) {
        let inferred = policy.typed.from == TypeFrom::Inferred;
        *counts.entry((policy.typed.kind, inferred)).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let words: Vec<String> = counts
        .iter()
        .map(|((kind, inferred), count)| {
            let count = if total == 1 { String::new() } else { format!("{count} ") };
            format!("{count}{kind}{}", if *inferred { " (inferred)" } else { "" })
        })
        .collect();
    let inferred = counts.keys().any(|(_, inferred)| *inferred);
    let hint = if inferred { "; give --type if it is something else" } else { "" };
    format!("Checked as {}{hint}.", words.join(", "))
}

/// One finding with its line underlined.
fn picture(source: &Source, policy: &Policy, finding: &Finding, width: usize) -> String {
    let level = if policy.is_policy { level(finding.severity) } else { Level::ERROR };
    // The renderer breaks no lines; what it puts in front of each is known.
    let name = if policy.is_policy { finding.severity.as_str() } else { "error" };
    let broken =
        |text: &str, in_front: usize| prose(&harmless(text), "", "", width.saturating_sub(in_front).max(20));
    let message = broken(&finding.message, name.len() + finding.rule.id.len() + 4);
    let gutter = finding.placed.end.line.to_string().len() + "  = help: ".len();
    let title = level.primary_title(message).id(finding.rule.id);
    let origin = Origin::path(source.name.as_str());
    let view = View::of(&source.text, &finding.span);
    let mut group = Group::with_title(title)
        .element(origin.line(finding.placed.start.line).char_column(finding.placed.start.column))
        .element(
            Snippet::source(view.text.as_str())
                .line_start(finding.placed.start.line)
                .annotation(AnnotationKind::Primary.span(view.span)),
        );
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(broken(help, gutter)));
    }
    if !policy.within.is_empty() {
        group = group
            .element(Level::NOTE.message(broken(&format!("in the policy at {}", policy.within), gutter)));
    }
    let picture = Renderer::styled().term_width(width).render(&[group]);
    // The renderer takes a snippet without a path for one of another file.
    let lines: Vec<&str> = picture.lines().filter(|line| !is_other_file(line)).collect();
    lines.join("\n")
}

fn is_other_file(line: &str) -> bool {
    anstream::adapter::strip_str(line).to_string().trim() == ":::"
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Critical | Severity::High => Level::ERROR.with_name(severity.as_str()),
        Severity::Medium => Level::WARNING.with_name(severity.as_str()),
        Severity::Low => Level::NOTE.with_name(severity.as_str()),
        Severity::Info => Level::INFO.with_name(severity.as_str()),
    }
}

/// The lines to show, as far as anybody wants to see them.
struct View {
    text: String,
    span: Range<usize>,
}

impl View {
    /// What is shown around a finding on a line without end: a document on one line may have millions of
    /// characters, and the renderer goes through all that it is given.
    const AROUND: usize = 1 << 10;
    /// How much of a finding on many lines.
    const MOST: usize = 1 << 16;

    fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let line = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let from = line.max(floor(text, start.saturating_sub(Self::AROUND)));
        let line_end = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at);
        let to = line_end.min(floor(text, end.min(start + Self::MOST) + Self::AROUND));
        let shift = |at: usize| at.min(to) - from;
        Self { text: text.get(from..to).unwrap_or_default().to_owned(), span: shift(start)..shift(end) }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_lines_and_many_lines_a_part_is_shown() {
        let long = format!("{}XYZ{}\nnext", "ä".repeat(500_000), "b".repeat(500_000));
        let at = long.find("XYZ").unwrap();
        let view = View::of(&long, &(at..at + 3));
        assert_eq!(view.text.get(view.span.clone()), Some("XYZ"));
        assert!(view.text.len() <= 2 * View::AROUND + 3);
        let many = "{\n".repeat(100_000);
        let view = View::of(&many, &(2..200_000));
        assert_eq!((view.span.start, view.span.end), (0, View::MOST + View::AROUND));
        for (text, span) in [("", 0..0), ("a\n", 2..2), ("a", 7..9), ("ä", 1..2), ("a\r\nb", 1..2)] {
            let view = View::of(text, &span);
            assert!(view.text.get(view.span.clone()).is_some(), "{text:?} {span:?}");
        }
        let view = View::of("1\n2ab\n3", &(3..4));
        assert_eq!((view.text.as_str(), view.span), ("2ab", 1..2));
    }
}
