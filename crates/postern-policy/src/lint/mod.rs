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

mod actions;
mod arns;
mod cover;
mod deputy;
mod elements;
mod federated;
mod finding;
mod forms;
mod grammar;
mod grants;
mod keys;
mod kind;
mod kinds;
mod known;
mod mfa;
mod never;
mod outsider;
mod place;
mod possible;
mod resources;
mod rights;
mod sample;
mod scene;
mod self_service;
mod size;
mod trust;
mod values;
mod variables;
mod wide;

use std::cell::Cell;

use self::{finding::Sink, place::Place};
pub use self::{
    finding::{Class, Finding, Rule, Severity},
    kind::PolicyKind,
};
use crate::{Document, catalogue::Catalogue};

/// Every rule, in the order of ids within each family.
pub static RULES: &[&Rule] = &[
    &grammar::GRAMMAR,
    &grammar::REFUSED,
    &elements::VERSION,
    &elements::SID,
    &elements::SAME_SID,
    &elements::FORBIDDEN,
    &elements::MISSING,
    &forms::PRINCIPAL,
    &forms::ACTION,
    &forms::RESOURCE,
    &elements::ASSUMPTION,
    &size::SIZE,
    &variables::MALFORMED,
    &variables::OLD_VERSION,
    &variables::PLACE,
    &keys::FORM,
    &keys::TAG_KEY,
    &never::TWICE,
    &actions::SERVICE,
    &actions::ACTION,
    &actions::PATTERN,
    &keys::UNKNOWN,
    &keys::NOT_OFFERED,
    &resources::NOT_TAKEN,
    &resources::NO_TYPE,
    &actions::WILD_SERVICE,
    &kinds::TYPE,
    &values::UNREADABLE,
    &kinds::SET_ON_SINGLE,
    &kinds::NO_SET,
    &kinds::FOR_ALL,
    &kinds::ANY_IF_EXISTS,
    &values::WILDCARD,
    &forms::BLANK,
    &values::ADDRESS,
    &values::BOTH,
    &never::CONTRADICTION,
    &values::EMPTY,
    &arns::UNMATCHABLE,
    &cover::DENIED,
    &cover::SHADOWED,
    &cover::REPEATED,
    &possible::ALWAYS,
    &possible::NEVER,
    &possible::WRONG_CALL,
    &mfa::GROUP_WITHOUT,
    &mfa::GROUP_NO_EFFECT,
    &rights::ASSUME_ALL,
    &rights::FEDERATION,
    &self_service::ENROL,
    &self_service::REMOVE,
    &self_service::KEYS,
    &self_service::PASSWORD,
    &self_service::OTHERS,
    &self_service::PATHS,
    &self_service::ADD,
    &mfa::NOT_ASKED,
    &mfa::IF_EXISTS,
    &mfa::NO_EFFECT,
    &mfa::AGE_ADMITS,
    &mfa::DENY_MISSES,
    &mfa::OTHER_DOOR,
    &outsider::OPEN,
    &outsider::WEAK,
    &trust::NO_EXTERNAL_ID,
    &trust::ACCOUNT_ROOT,
    &trust::DELETED,
    &federated::OIDC,
    &federated::SAML,
    &federated::COGNITO,
    &deputy::SERVICE,
    &trust::TAGS,
    &trust::WILD_ACTION,
    &trust::NOT_PRINCIPAL,
    &mfa::UNMET,
    &outsider::ANY_MFA,
    &trust::SOURCE_ONLY,
    &trust::EXTERNAL_ID_FOR_PEOPLE,
    &trust::IF_EXISTS_ONLY,
    &rights::ADMINISTRATOR,
    &grants::IAM_WRITE,
    &rights::ESCALATION,
    &rights::PASS_ROLE,
    &rights::NOT_ACTION,
    &rights::NOT_RESOURCE,
    &rights::SERVICE_WILDCARD,
    &rights::EVIDENCE,
    &rights::LOOSE_BOUNDARY,
    &rights::CHAIN,
    &never::DEAD_DENY,
    &grants::OPENS,
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
    let catalogue = Catalogue::embedded();
    let evaluated = evaluated(document, sink);
    let (budget, pairs) = (Budget::default(), Budget::default());
    let about = About { document, kind, catalogue, evaluated, budget, pairs };
    elements::check(&about, sink);
    forms::check(&about, sink);
    variables::check(&about, sink);
    values::check(&about, sink);
    never::check(&about, sink);
    arns::check(&about, sink);
    possible::check(&about, sink);
    catalogued(&about, sink);
    cover::check(&about, sink);
    mfa::check(&about, sink);
    outsider::check(&about, sink);
    federated::check(&about, sink);
    trust::check(&about, sink);
    deputy::check(&about, sink);
    rights::check(&about, sink);
    grants::check(&about, sink);
    self_service::check(&about, sink);
}

/// Statements that are compared with the catalogue: far more than any document of AWS's holds.
const MAX_CATALOGUED: usize = 10_000;

/// What the catalogue of services has to say.
fn catalogued(about: &About<'_>, sink: &mut Sink) {
    let mut actions = known::Actions::new(about.catalogue, &about.budget);
    let types = resources::Types::embedded();
    for (number, statement) in about.statements().take(MAX_CATALOGUED) {
        let covered = actions.of(statement);
        actions::statement(about, number, statement, &covered, sink);
        resources::statement(about, number, statement, (&covered, types), sink);
        keys::statement(about, number, statement, &covered, sink);
        kinds::statement(about, number, statement, sink);
    }
    if about.document.statements().len() > MAX_CATALOGUED {
        sink.cut.push(format!("only the first {MAX_CATALOGUED} statements were compared with the catalogue"));
    }
    if about.budget.is_spent() {
        sink.cut.push(
            "there are so many patterns and keys that not all were compared with the known ones".to_owned(),
        );
    }
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

/// Statements that are put to the evaluation by one rule, each with all that the document denies.
const MAX_EVALUATED: usize = 500;
/// Patterns and values of denies that are copied for that by one rule.
const MAX_COPIED: usize = 1_000_000;

/// How many statements are put to the evaluation: fewer where the denies are long.
fn evaluated(document: &Document, sink: &mut Sink) -> usize {
    let weight = |s: &crate::Statement| {
        let resources = s.resources().map_or(0, |r| r.patterns().len());
        let principals = s.principals().map_or(0, |p| p.patterns().len());
        let values = s.conditions().iter().map(|c| c.values().len() + 1).sum::<usize>();
        s.actions().patterns().len() + resources + principals + values
    };
    let (denies, allows): (Vec<_>, Vec<_>) =
        document.statements().iter().partition(|s| s.effect() == crate::Effect::Deny);
    let cost = denies.iter().take(scene::MAX_DENIES).map(|s| weight(s)).sum::<usize>();
    let most = (MAX_COPIED / (cost + 1)).clamp(5, MAX_EVALUATED);
    if allows.len() > most {
        sink.cut.push(format!("no more than {most} of {} allowing statements were evaluated", allows.len()));
    }
    if document.statements().iter().any(|s| s.conditions().len() > scene::MAX_CONDITIONS) {
        let most = scene::MAX_CONDITIONS;
        sink.cut.push(format!("statements with more than {most} conditions were not evaluated"));
    }
    most
}

/// What rules look at.
struct About<'a> {
    document: &'a Document,
    kind: PolicyKind,
    catalogue: &'static Catalogue,
    /// How many statements a rule puts to the evaluation.
    evaluated: usize,
    /// For what is compared with the catalogue.
    budget: Budget,
    /// For what is compared with other parts of the document.
    pairs: Budget,
}

/// How many pairs of patterns are still compared.
struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(16_000_000))
    }
}

impl Budget {
    /// Whether this many more may be compared.
    fn spend(&self, pairs: usize) -> bool {
        let left = self.0.get().checked_sub(pairs);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
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
