//! What a rule is and what it finds.

use std::{collections::BTreeMap, fmt};

use super::place::{Place, resolve};
use crate::{Document, Span};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Costs nothing today.
    Low,
    /// To be mended.
    Medium,
    /// Does not do what it should, or gives far more than it should.
    High,
    /// Open to a thief.
    Critical,
}

impl Severity {
    /// All of them, the mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of fault a rule looks for; the four of AWS's own policy validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// AWS refuses the document, or a part of it can do nothing.
    Error,
    /// It works, and lets in or gives away too much.
    Security,
    /// It probably does not mean what it says.
    Warning,
    /// It could be said in a better way.
    Suggestion,
}

impl Class {
    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Security => "security",
            Self::Warning => "warning",
            Self::Suggestion => "suggestion",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that a policy can have wrong.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// A letter and two digits. Ids other than `P…` are those of the audit's rules.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// The kind of fault.
    pub class: Class,
    /// How bad it is in general; a finding may be milder or worse.
    pub severity: Severity,
    /// Why it matters.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// The audit's rule that this one counts under.
    pub audit: Option<&'static str>,
}

impl Rule {
    pub(super) const fn new(id: &'static str, class: Class, severity: Severity) -> Self {
        Self { id, title: "", class, severity, why: "", fix: "", audit: None }
    }

    pub(super) const fn says(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    pub(super) const fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub(super) const fn fix(mut self, fix: &'static str) -> Self {
        self.fix = fix;
        self
    }

    pub(super) const fn counts_as(mut self, audit: &'static str) -> Self {
        self.audit = Some(audit);
        self
    }
}

/// What a rule found at one place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// The element in the text, quotes included.
    pub span: Span,
    /// The same element as a JSON pointer (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// The statement's number, counted from 0.
    pub statement: Option<usize>,
    /// What is wrong, in lower case, without a full stop, with the policy's own text in backticks.
    pub message: String,
    /// How it would be right, where that can be told.
    pub help: Option<String>,
}

/// More findings than anybody reads; a hostile document could have millions.
const MAX_PER_RULE: usize = 100;

/// Where rules put what they find.
#[derive(Default)]
pub(super) struct Sink {
    findings: Vec<Finding>,
    counts: BTreeMap<&'static str, usize>,
    /// What was not looked at, for the reader.
    pub(super) cut: Vec<String>,
}

impl Sink {
    /// Reports at the rule's own severity.
    pub(super) fn add(
        &mut self,
        document: &Document,
        rule: &'static Rule,
        place: Place,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.graded(document, rule, rule.severity, place, message, help);
    }

    /// Reports at a severity of its own.
    pub(super) fn graded(
        &mut self,
        document: &Document,
        rule: &'static Rule,
        severity: Severity,
        place: Place,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        if self.is_full(rule) {
            return;
        }
        let (span, pointer, statement) = resolve(document, place);
        let (message, help) = (message.into(), help.into());
        self.findings.push(Finding { rule, severity, span, pointer, statement, message, help });
    }

    /// Reports something that is no part of a document that could be read.
    pub(super) fn push(&mut self, finding: Finding) {
        if !self.is_full(finding.rule) {
            self.findings.push(finding);
        }
    }

    /// Whether one more of this rule would be kept.
    pub(super) fn wants(&self, rule: &'static Rule) -> bool {
        self.counts.get(rule.id).is_none_or(|count| *count < MAX_PER_RULE)
    }

    fn is_full(&mut self, rule: &'static Rule) -> bool {
        let count = self.counts.entry(rule.id).or_default();
        *count += 1;
        *count > MAX_PER_RULE
    }

    /// Whether anything of this class was found.
    pub(super) fn has(&self, class: Class) -> bool {
        self.findings.iter().any(|finding| finding.rule.class == class)
    }

    /// All findings in the order of the text, and what was left out.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<String>) {
        self.findings.sort_by(|a, b| {
            (a.span.start, a.span.end, a.rule.id).cmp(&(b.span.start, b.span.end, b.rule.id))
        });
        for (id, count) in &self.counts {
            if *count > MAX_PER_RULE {
                self.cut.push(format!("`{id}` fires {count} times; the first {MAX_PER_RULE} are shown"));
            }
        }
        (self.findings, self.cut)
    }
}
