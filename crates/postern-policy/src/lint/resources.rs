//! P25, P26: resources that the actions of a statement do not take, or that no service has.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    About, Budget, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    known::{Covered, Known},
    place::Place,
};
use crate::{
    ResourcePattern, Statement,
    catalogue::{Action, Catalogue, ResourceType, Service},
};

pub(super) static NOT_TAKEN: Rule = Rule::new("P25", Class::Warning, Severity::Medium)
    .says("Action that does not take the resource")
    .why("The two never meet in a request: nothing is allowed or denied by them together.")
    .fix("Name resources of the action's type, `*` for an action that has none.")
    .counts_as("R19");

pub(super) static NO_TYPE: Rule = Rule::new("P26", Class::Warning, Severity::Low)
    .says("Resource of no known type")
    .why("No ARN of the service looks like this.")
    .fix("Write the ARN as the *Service Authorization Reference* has it.")
    .counts_as("R19");

/// Longer than any ARN: left alone.
const MAX_LENGTH: usize = 500;

/// The types of resources by what stands for the service in their ARNs.
pub(super) struct Types(HashMap<&'static str, Vec<&'static ResourceType>>);

impl Types {
    pub(super) fn embedded() -> &'static Self {
        static TYPES: LazyLock<Types> = LazyLock::new(|| Types::new(Catalogue::embedded()));
        &TYPES
    }

    fn new(catalogue: &'static Catalogue) -> Self {
        let mut types: HashMap<&'static str, Vec<&'static ResourceType>> = HashMap::new();
        for kind in catalogue.services().iter().flat_map(|service| service.resource_types()) {
            types.entry(kind.arn().split(':').nth(2).unwrap_or_default()).or_default().push(kind);
        }
        Self(types)
    }
}

pub(super) fn statement(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    (covered, types): (&[Covered], &Types),
    sink: &mut Sink,
) {
    let Some(resources) = statement.resources() else { return };
    if about.kind == PolicyKind::Trust {
        return;
    }
    let patterns = resources.patterns();
    for (at, pattern) in patterns.iter().enumerate() {
        no_type(about, Place::Resource(number, at), pattern, types, sink);
    }
    let open = |p: &ResourcePattern| p.text() == "*" || !p.text().starts_with("arn:");
    if resources.is_negated() || statement.actions().is_negated() || patterns.iter().any(open) {
        return;
    }
    // By action: what no resource suits.
    let mut dead = 0;
    for (at, covered) in covered.iter().enumerate() {
        let Covered::Actions(actions) = covered else { return };
        if actions.is_empty()
            || actions
                .iter()
                .any(|(_, action)| patterns.iter().any(|p| takes(action, p.text(), &about.budget)))
        {
            continue;
        }
        dead += 1;
        let wild = statement.actions().patterns().get(at).is_some_and(|p| p.text().contains(['*', '?']));
        let severity = if wild { Severity::Low } else { NOT_TAKEN.severity };
        untaken(about, (severity, Place::Action(number, at)), actions, sink);
    }
    // By resource: what suits no action, where another one does.
    if dead > 0
        || patterns.len() < 2
        || covered.iter().any(|c| matches!(c, Covered::Actions(a) if a.is_empty()))
    {
        return;
    }
    for (at, pattern) in patterns.iter().enumerate() {
        let mut actions = covered.iter().filter_map(|c| match c {
            Covered::Actions(actions) => Some(actions),
            Covered::Everything => None,
        });
        if !actions
            .any(|actions| actions.iter().any(|(_, action)| takes(action, pattern.text(), &about.budget)))
        {
            let message = format!("none of the actions here works on `{}`", pattern.text());
            // Buckets for objects are the common mistake; elsewhere the data may lag behind.
            let severity = if pattern.text().contains(":s3:::") { NOT_TAKEN.severity } else { Severity::Low };
            sink.graded(about.document, &NOT_TAKEN, severity, Place::Resource(number, at), message, None);
        }
    }
}

fn untaken(about: &About<'_>, (severity, place): (Severity, Place), actions: &[Known], sink: &mut Sink) {
    let Some((service, action)) = actions.first() else { return };
    let name = format!("{}:{}", service.prefix(), action.name());
    let Some(kind) = usual_type(service, action) else {
        let message = format!("`{name}` knows no resources");
        sink.graded(about.document, &NOT_TAKEN, severity, place, message, "`\"Resource\": \"*\"`".to_owned());
        return;
    };
    let message =
        format!("`{name}` works on resources of the type {}, of which none is named here", kind.name());
    sink.graded(about.document, &NOT_TAKEN, severity, place, message, format!("`\"{}\"`", kind.arn()));
}

/// The type that the action is mostly used with: one that it cannot do without, and that more actions of the
/// service take than the others; access points to buckets are for few.
fn usual_type(service: &Service, action: &Action) -> Option<&'static ResourceType> {
    let takers = |kind: &ResourceType| {
        let takes = |other: &&Action| {
            other.resource_types().iter().any(|used| std::ptr::eq(used.resource_type(), kind))
        };
        service.actions().iter().filter(takes).count()
    };
    let mut usual: Option<((bool, usize), &'static ResourceType)> = None;
    for used in action.resource_types() {
        let rank = (used.required(), takers(used.resource_type()));
        // Of equals the first.
        if usual.is_none_or(|(best, _)| rank > best) {
            usual = Some((rank, used.resource_type()));
        }
    }
    usual.map(|(_, kind)| kind)
}

/// Whether a request for the action can name something that the pattern covers. If in doubt, yes.
fn takes(action: &Action, pattern: &str, budget: &Budget) -> bool {
    if action.resource_types().is_empty() {
        // The guide writes `arn:aws:s3:::*` for an action without resource types on one of its pages.
        return pattern.rsplit(':').next() == Some("*");
    }
    action.resource_types().iter().any(|used| meets(used.resource_type().arn(), pattern, budget))
}

fn no_type(about: &About<'_>, place: Place, pattern: &ResourcePattern, types: &Types, sink: &mut Sink) {
    let text = pattern.text();
    let Some(service) = text.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(1)) else { return };
    // Without known types there is nothing to compare with.
    let Some(known) = types.0.get(service) else { return };
    if known.iter().any(|kind| meets(kind.arn(), text, &about.budget)) || !sink.wants(&NO_TYPE) {
        return;
    }
    let name = |arn: &str| arn.splitn(6, ':').nth(5).unwrap_or_default().to_owned();
    let wanted = name(text);
    let likeness = |kind: &&&ResourceType| {
        let score = strsim::normalized_levenshtein(&name(kind.arn()), &wanted);
        (score * 1_000.0) as i32
    };
    let help = known.iter().max_by_key(likeness).filter(|_| wanted.len() < 100);
    let help = help.map(|kind| format!("the nearest type is {}: `\"{}\"`", kind.name(), kind.arn()));
    sink.add(about.document, &NO_TYPE, place, format!("`{service}` has no resource of this form"), help);
}

/// A part of a pattern or template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(u8),
    One,
    /// Any run of characters, or any without a slash.
    Many {
        slash: bool,
    },
}

/// Whether some ARN of this type matches the pattern. If in doubt, yes.
fn meets(template: &str, pattern: &str, budget: &Budget) -> bool {
    let parts = |text: &str| text.splitn(6, ':').count();
    if parts(pattern) < 6 || parts(template) < 6 || pattern.len() > MAX_LENGTH {
        return true;
    }
    let pairs = || template.splitn(6, ':').zip(pattern.splitn(6, ':')).skip(1);
    // What differs at its fixed beginning needs no further look.
    if pairs().any(|(template, pattern)| clash(template, pattern)) {
        return false;
    }
    pairs().all(|(template, pattern)| {
        template.is_empty() && pattern.is_empty() || pattern == "*" || {
            let (template, pattern) = (tokens(template), tokens(pattern));
            !budget.spend(1 + template.len() * pattern.len() / 16) || intersect(&template, &pattern)
        }
    })
}

/// Whether two texts differ before anything in them stands for something else.
fn clash(a: &str, b: &str) -> bool {
    let fixed = |byte: &u8| !matches!(byte, b'*' | b'?' | b'$');
    let mut pairs = a.bytes().zip(b.bytes()).take_while(|(a, b)| fixed(a) && fixed(b));
    pairs.any(|(a, b)| a != b)
}

/// Placeholders and variables stand for any text; the name of a bucket has no slash.
fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        let hole = rest.starts_with("${").then(|| rest.find('}')).flatten();
        let length = if let Some(end) = hole {
            out.push(Token::Many { slash: rest.get(..end) != Some("${BucketName") });
            end + 1
        } else {
            out.push(match byte {
                b'*' => Token::Many { slash: true },
                b'?' => Token::One,
                byte => Token::Char(byte),
            });
            1
        };
        rest = match rest.get(length..) {
            Some(rest) => rest,
            // Within a character of several bytes.
            None => {
                let next = rest.chars().next().map_or(1, char::len_utf8);
                rest.get(next..).unwrap_or_default()
            }
        };
    }
    out
}

/// Whether some text matches both.
fn intersect(a: &[Token], b: &[Token]) -> bool {
    // Rows from behind: `next[j]` is whether `a[i + 1..]` and `b[j..]` meet.
    let at = |row: &[bool], j: usize| row.get(j).copied().unwrap_or_default();
    let empties = |token: Token| matches!(token, Token::Many { .. });
    let passes = |many: Token, other: Token| match (many, other) {
        (Token::Many { slash: false }, Token::Char(b'/')) => false,
        (Token::Many { .. }, _) => true,
        _ => false,
    };
    let mut next: Vec<bool> = vec![false; b.len() + 1];
    for (j, slot) in next.iter_mut().enumerate() {
        *slot = b.iter().skip(j).all(|token| empties(*token));
    }
    for token in a.iter().rev().copied() {
        let mut row = vec![false; b.len() + 1];
        let mut behind = empties(token) && at(&next, b.len());
        if let Some(last) = row.last_mut() {
            *last = behind;
        }
        for (j, other) in b.iter().copied().enumerate().rev() {
            let both = match (token, other) {
                (Token::Char(x), Token::Char(y)) => x == y && at(&next, j + 1),
                (Token::One, Token::Char(_) | Token::One) | (Token::Char(_), Token::One) => at(&next, j + 1),
                _ => false,
            };
            let holds = both
                || (empties(token) && (at(&next, j) || (passes(token, other) && behind)))
                || (empties(other) && (behind || (passes(other, token) && at(&next, j))));
            if let Some(slot) = row.get_mut(j) {
                *slot = holds;
            }
            behind = holds;
        }
        next = row;
    }
    at(&next, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_type_is_named() {
        for (name, kind) in [
            ("s3:ListBucket", "bucket"),
            ("s3:GetObject", "object"),
            ("s3:PutObject", "object"),
            ("s3:GetBucketPolicy", "bucket"),
            ("dynamodb:GetItem", "table"),
            ("iam:GetRole", "role"),
            ("sns:Publish", "topic"),
            ("kms:Decrypt", "key"),
            ("lambda:InvokeFunction", "function"),
            ("ec2:StartInstances", "instance"),
            ("logs:PutLogEvents", "log-stream"),
        ] {
            let (service, action) = Catalogue::embedded().action(name).unwrap();
            assert_eq!(usual_type(service, action).unwrap().name(), kind, "{name}");
        }
    }

    #[test]
    fn templates_meet_patterns() {
        let meets = |template, pattern| meets(template, pattern, &Budget::default());
        let (bucket, object) =
            ("arn:${Partition}:s3:::${BucketName}", "arn:${Partition}:s3:::${BucketName}/${ObjectName}");
        for (template, pattern) in [
            (bucket, "arn:aws:s3:::b"),
            (bucket, "arn:aws:s3:::b*"),
            (bucket, "arn:aws:s3:::*"),
            (object, "arn:aws:s3:::b/*"),
            (object, "arn:aws:s3:::b*"),
            (object, "arn:*:s3:::?/x/y"),
            (object, "arn:aws:s3:::${aws:username}"),
            ("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", "arn:aws:iam::*:role/a/b"),
        ] {
            assert!(meets(template, pattern), "{template} {pattern}");
        }
        for (template, pattern) in [
            (bucket, "arn:aws:s3:::b/*"),
            (bucket, "arn:aws:s3::111122223333:b"),
            (object, "arn:aws:s3:::b"),
            ("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", "arn:aws:iam::*:user/x"),
        ] {
            assert!(!meets(template, pattern), "{template} {pattern}");
        }
    }
}
