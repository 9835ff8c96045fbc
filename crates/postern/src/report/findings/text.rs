//! Findings for people: each with its line underlined, and a line that sums up.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use postern_policy::lint::{PolicyKind, Severity};

use super::{Finding, Policy, Report, Source, TypeFrom, rules};
use crate::{
    output::{BAD, GOOD, harmless, paint, prose},
    report::plan::counted,
};

/// All findings in the order of the files, then, unless only they are wanted, the sum.
pub(crate) fn render(report: &Report, width: usize, only_findings: bool) -> String {
    let mut text = String::new();
    for (source, policy, finding) in report.findings() {
        text.push_str(&picture(source, policy, finding, width));
        text.push_str("\n\n");
    }
    if only_findings {
        return text;
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
    let last = finding.placed.end.line.to_string().len();
    let view = View::of(&source.text, &finding.span).clipped(width.saturating_sub(last + " | ".len()));
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
    // Everything was broken or clipped to the width already.
    let picture = Renderer::styled().term_width(ANY_WIDTH).render(&[group]);
    // The renderer takes a snippet without a path for one of another file.
    let lines: Vec<&str> = picture.lines().filter(|line| !is_other_file(line)).collect();
    lines.join("\n")
}

const ANY_WIDTH: usize = 1 << 20;

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

    /// The same with every line cut to the room that there is, around what is underlined.
    fn clipped(self, room: usize) -> Self {
        /// What the renderer draws beside the lines of a finding on several.
        const BRACKET: usize = 2;
        let several = self.text.contains('\n');
        let room = room.saturating_sub(if several { BRACKET } else { 0 }).max(20);
        let (mut text, mut span) = (String::new(), 0..0);
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            let body = line.trim_end_matches(['\n', '\r']);
            let inside = |offset: usize| offset.saturating_sub(at).min(body.len());
            let cut = Cut::of(body, &(inside(self.span.start)..inside(self.span.end)), room);
            let is_in = |offset: usize| offset >= at && offset <= at + line.len();
            if is_in(self.span.start) {
                span.start = text.len() + cut.span.start;
            }
            if is_in(self.span.end) {
                span.end = text.len() + cut.span.end;
            }
            text.push_str(&cut.text);
            text.push_str(line.get(body.len()..).unwrap_or_default());
            at += line.len();
        }
        span.end = span.end.max(span.start);
        Self { text, span }
    }
}

/// A line of which a part is shown.
struct Cut {
    text: String,
    span: Range<usize>,
}

impl Cut {
    /// `…` stands for what is left out. A part that is too long by itself is shown from its beginning.
    fn of(line: &str, part: &Range<usize>, room: usize) -> Self {
        /// The renderer shows a tab as four blanks.
        const TAB: &str = "    ";
        let shown = |range: Range<usize>| line.get(range).unwrap_or_default().replace('\t', TAB);
        let pieces = [shown(0..part.start), shown(part.clone()), shown(part.end..line.len())];
        let [before, inside, after] = pieces.each_ref().map(|piece| piece.chars().count());
        if before + inside + after <= room {
            return Self { text: line.to_owned(), span: part.clone() };
        }
        let room = room.saturating_sub(2);
        let kept = inside.min(room);
        let rest = room - kept;
        // What is in front says more: the key of a value.
        let front = before.min((rest * 2 / 3).max(rest.saturating_sub(after)));
        let behind = if kept < inside { 0 } else { after.min(rest - front) };
        let [head, inner, tail] = &pieces;
        let mut text = if front < before { "…".to_owned() } else { String::new() };
        text.extend(head.chars().skip(before - front));
        let start = text.len();
        text.extend(inner.chars().take(kept));
        let end = text.len();
        text.extend(tail.chars().take(behind));
        if kept < inside || behind < after {
            text.push('…');
        }
        Self { text, span: start..end }
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
    fn lines_are_cut_around_what_is_underlined() {
        let line = format!("{}KEY: {}{}", "a".repeat(100), "VALUE", "z".repeat(100));
        let at = line.find("VALUE").unwrap();
        for room in [20, 40, 80, 209, 210, 300] {
            let view = View::of(&line, &(at..at + 5)).clipped(room);
            assert_eq!(view.text.get(view.span.clone()), Some("VALUE"), "{room}");
            assert!(view.text.chars().count() <= room, "{room}: {}", view.text);
            assert_eq!(view.text == line, room >= line.len(), "{room}");
            let cut = (view.text.starts_with('…'), view.text.ends_with('…'));
            // Where little is missing, one side gives all of it.
            let wanted = if room < 200 { (true, true) } else { (false, room < line.len()) };
            assert_eq!(cut, wanted, "{room}");
        }
        // Longer than the room by itself, at the beginning, the end, and with other characters and tabs.
        let long = "ä\t".repeat(100);
        let view = View::of(&long, &(0..long.len())).clipped(40);
        assert!(view.text.chars().count() <= 40 && view.text.ends_with('…'), "{}", view.text);
        assert_eq!((view.span.start, view.span.end), (0, view.text.len() - '…'.len_utf8()));
        let view = View::of(&line, &(line.len() - 1..line.len())).clipped(40);
        assert!(view.text.starts_with('…') && view.text.ends_with('z'), "{}", view.text);
        // On several lines each is cut.
        let lines = format!("{{\n{}\n  \"x\": [{}]\n}}", line, "1,".repeat(100));
        let view = View::of(&lines, &(0..lines.len())).clipped(50);
        assert!(view.text.lines().all(|line| line.chars().count() <= 48), "{}", view.text);
        assert_eq!((view.span.start, view.span.end), (0, view.text.len()));
        assert_eq!(view.text.lines().count(), 4);
    }

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
