//! P01 and P02: what is no policy, and what AWS does not store.

use super::{Class, Finding, PolicyKind, Rule, Severity, finding::Sink, place::Place};
use crate::{
    Document, Problem, Span,
    json::{self, Member, Node, Value},
    stored,
};

pub(super) static GRAMMAR: Rule = Rule::new("P01", Class::Error, Severity::High)
    .says("No policy")
    .why("AWS refuses the document as a whole.")
    .fix("Follow the grammar of the policy language.")
    .counts_as("R19");

pub(super) static REFUSED: Rule = Rule::new("P02", Class::Error, Severity::High)
    .says("AWS does not store the document")
    .why("The call that writes it fails with `MalformedPolicyDocument`.")
    .fix("Mend what AWS's message names.")
    .counts_as("R19");

/// Everything that reading the text found.
pub(super) fn problems(text: &str, problems: Vec<Problem>, sink: &mut Sink) {
    let read = json::read(text).ok();
    for Problem { message, help, span } in problems {
        let (pointer, statement) =
            read.as_ref().and_then(json::Read::root).map(|root| locate(root, span)).unwrap_or_default();
        let severity = GRAMMAR.severity;
        sink.push(Finding { rule: &GRAMMAR, severity, span, pointer, statement, message, help });
    }
}

/// What the rules missed and AWS says at the first sight of the document.
pub(super) fn refused(document: &Document, text: &str, kind: PolicyKind, sink: &mut Sink) {
    if sink.has(Class::Error) {
        return;
    }
    let result = match kind {
        PolicyKind::Identity | PolicyKind::Boundary => stored::check_identity_policy(text),
        PolicyKind::Trust => stored::check_trust_policy(text),
        PolicyKind::Session | PolicyKind::Resource | PolicyKind::Scp | PolicyKind::Rcp => return,
    };
    // Other partitions have an IAM of their own, and theirs are the ones that it takes.
    if let Err(error) = result
        && !error.message.starts_with("Partition \"aws-")
    {
        let message = format!("AWS refuses this: `{}`", error.message);
        sink.add(document, &REFUSED, Place::Document, message, None);
    }
}

/// The JSON pointer of the innermost value around a span, and the statement that it belongs to.
fn locate(root: Node<'_>, span: Span) -> (String, Option<usize>) {
    let mut pointer = String::new();
    let mut node = root;
    let mut statement = None;
    let inside = |outer: Span| outer.start <= span.start && span.end <= outer.end;
    loop {
        match node.value() {
            Value::Object(mut members) => {
                let around = |m: &Member<'_>| inside(Span::new(m.key_span.start, m.node.span().end));
                let Some(m) = members.find(around) else { break };
                if pointer.is_empty() && m.key == "Statement" && !m.node.is_list() {
                    statement = Some(0);
                }
                pointer = format!("{pointer}/{}", m.key.replace('~', "~0").replace('/', "~1"));
                node = m.node;
            }
            Value::Array(items) => {
                let found = items.enumerate().find(|(_, item)| inside(item.span()));
                let Some((at, item)) = found else { break };
                if pointer == "/Statement" {
                    statement = Some(at);
                }
                pointer = format!("{pointer}/{at}");
                node = item;
            }
            _ => break,
        }
    }
    (pointer, statement)
}
