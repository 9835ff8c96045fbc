//! What is wrong with a policy: what AWS refuses, what cannot work, what lets too many in.
//!
//! [`check_text`] reads a policy and says everything about it; [`check`] does the same for a document
//! that was read already, and leaves out what only the text tells: its size, and the refusals that
//! [`stored`](crate::stored) knows. [`RULES`] lists what is looked for.
//!
//! A finding of [`Class::Error`] is one that AWS refuses, or that surely is a mistake. New actions, keys
//! and services appear weekly, so that one which is not known makes a [`Class::Warning`] only. What a
//! policy lets in is decided by evaluating it, never by the look of its text.
//!
//! The work is bounded by the size of the document: what compares statements with each other, or
//! patterns with all known actions, stops at a limit, and `P99` says so.
//!
//! ```
//! use postern_policy::lint::{self, Class, PolicyKind};
//! let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject"}}"#;
//! let findings = lint::check_text(text, PolicyKind::Identity);
//! assert_eq!((findings[0].rule.id, findings[0].rule.class), ("P07", Class::Error));
//! assert_eq!(findings[0].message, "an identity policy needs a `Resource` in every statement");
//! assert_eq!(findings[0].pointer, "/Statement");
//! ```

mod elements;
mod finding;
mod grammar;
mod kind;
mod place;
mod size;

use self::{finding::Sink, place::Place};
pub use self::{
    finding::{Class, Finding, Rule, Severity},
    kind::PolicyKind,
};
use crate::Document;

/// Every rule, in the order of ids within each family.
pub static RULES: &[&Rule] = &[
    &grammar::GRAMMAR,
    &grammar::REFUSED,
    &elements::VERSION,
    &elements::SID,
    &elements::SAME_SID,
    &elements::FORBIDDEN,
    &elements::MISSING,
    &size::SIZE,
    &CUT,
];

static CUT: Rule = Rule::new("P99", Class::Suggestion, Severity::Info)
    .says("Looked at in part")
    .why("A document far beyond what AWS stores is not compared with itself to the end.")
    .fix("Split it, or mend what was found and check again.");

/// Checks a document that was read already.
///
/// The findings stand in the order of the text.
#[must_use]
pub fn check(document: &Document, kind: PolicyKind) -> Vec<Finding> {
    let mut sink = Sink::default();
    look(document, kind, &mut sink);
    finish(document, sink)
}

/// Reads a policy and checks it, with its size and what AWS refuses.
///
/// Where the text cannot be read, the findings are what is wrong with its grammar, and nothing else.
#[must_use]
pub fn check_text(text: &str, kind: PolicyKind) -> Vec<Finding> {
    let mut sink = Sink::default();
    match Document::parse(text) {
        Ok(document) => {
            look(&document, kind, &mut sink);
            size::check(&document, text, kind, &mut sink);
            grammar::refused(&document, text, kind, &mut sink);
            finish(&document, sink)
        }
        Err(problems) => {
            grammar::problems(text, problems, &mut sink);
            sink.finish().0
        }
    }
}

fn look(document: &Document, kind: PolicyKind, sink: &mut Sink) {
    let about = About { document, kind };
    elements::check(&about, sink);
}

fn finish(document: &Document, sink: Sink) -> Vec<Finding> {
    let (mut findings, cut) = sink.finish();
    if !cut.is_empty() {
        let mut sink = Sink::default();
        for what in cut {
            sink.add(document, &CUT, Place::Document, what, None);
        }
        findings.extend(sink.finish().0);
    }
    findings
}

/// What rules look at.
struct About<'a> {
    document: &'a Document,
    kind: PolicyKind,
}

impl<'a> About<'a> {
    fn statements(&self) -> impl Iterator<Item = (usize, &'a crate::Statement)> + use<'a> {
        self.document.statements().iter().enumerate()
    }
}

/// An indefinite article and the kind's name in full.
const fn a_policy(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "an identity policy",
        PolicyKind::Trust => "a trust policy",
        PolicyKind::Resource => "a resource policy",
        PolicyKind::Boundary => "a permissions boundary",
        PolicyKind::Session => "a session policy",
        PolicyKind::Scp => "a service control policy",
        PolicyKind::Rcp => "a resource control policy",
    }
}
