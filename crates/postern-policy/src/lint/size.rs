//! P12: how large a policy may be (*IAM User Guide*, IAM and AWS STS quotas; *AWS Organizations User
//! Guide*, Quotas).

use super::{Class, PolicyKind, Rule, Severity, finding::Sink, place::Place};
use crate::{Document, stored};

pub(super) static SIZE: Rule = Rule::new("P12", Class::Error, Severity::High)
    .says("Larger than the quota")
    .why("AWS refuses the document, or stores it in fewer places than expected.")
    .fix("Join actions by wildcards, join statements, take Sids out, or split the document.");

/// A limit, the place that it holds for, and how bad it is to be beyond.
type Limit = (usize, &'static str, Severity);

const IDENTITY: [Limit; 4] = [
    (
        10_240,
        "what all inline policies of a role may have together, the largest of all quotas",
        Severity::High,
    ),
    (6_144, "what a managed policy may have; it fits an inline policy of a role only", Severity::Medium),
    (5_120, "what all inline policies of a group may have together", Severity::Info),
    (2_048, "what all inline policies of a user may have together", Severity::Info),
];
const BOUNDARY: [Limit; 1] = [(6_144, "what a managed policy may have", Severity::High)];
const TRUST: [Limit; 2] = [
    (4_096, "what a trust policy may have after the quota was raised as far as it goes", Severity::High),
    (2_048, "what a trust policy may have unless the quota is raised", Severity::Medium),
];
const SESSION: [Limit; 1] = [(2_048, "what a session policy may have, white space included", Severity::High)];
const SCP: [Limit; 2] = [
    (10_240, "what a service control policy may have where AWS has raised the quota", Severity::High),
    (5_120, "what a service control policy may have by default", Severity::Medium),
];
const RCP: [Limit; 1] = [(5_120, "what a resource control policy may have", Severity::High)];

pub(super) fn check(document: &Document, text: &str, kind: PolicyKind, sink: &mut Sink) {
    let (size, limits): (usize, &[Limit]) = match kind {
        PolicyKind::Identity => (stored::size(text), &IDENTITY),
        PolicyKind::Boundary => (stored::size(text), &BOUNDARY),
        PolicyKind::Trust => (stored::size(text), &TRUST),
        PolicyKind::Session => (text.chars().count(), &SESSION),
        PolicyKind::Scp => (stored::size(text), &SCP),
        PolicyKind::Rcp => (stored::size(text), &RCP),
        // Every service has a quota of its own.
        PolicyKind::Resource => return,
    };
    if let Some((limit, place, severity)) = limits.iter().find(|(limit, ..)| size > *limit) {
        let counted = if kind == PolicyKind::Session { "" } else { " without white space" };
        let message = format!("{size} characters{counted}: more than {limit}, {place}");
        sink.graded(document, &SIZE, *severity, Place::Document, message, None);
    }
}
