//! Whether a document could allow more than a cap: a comparison of the languages of their actions.
//!
//! The answer errs on one side only. A statement is found to exceed the cap unless every action that
//! it could allow, on whatever resource and in whatever context, is one that the cap allows:
//! - Of the document, a `Deny` counts only where it holds always: on every resource, without condition.
//! - Of the cap, an `Allow` counts for a statement only where it covers the statement's resources
//!   (it says `*`, or names the same patterns) and demands no condition that the statement does not
//!   demand in the same words; a `Deny` counts wherever it may hold.

mod search;

use self::search::{Search, Term};
use crate::{Document, Effect, Resources, Span, Statement};

/// A statement that goes beyond a cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeding {
    /// The statement's number in its document, counted from 0.
    pub statement: usize,
    /// An action that the statement allows and the cap does not; for [uncertain](Self::certain) ones
    /// a pattern of the statement.
    pub action_example: String,
    /// The statement's `Action` or `NotAction` in the text; where one pattern of several goes too far,
    /// that one.
    pub span: Span,
    /// False where the patterns are so entangled that the search was given up: it may be within the cap.
    pub certain: bool,
}

/// The statements of a document that allow an action which the cap does not allow.
///
/// ```
/// use postern_policy::{Document, cap};
/// let cap = Document::parse(
///     r#"{"Version": "2012-10-17", "Statement": [
///         {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
///         {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}]}"#,
/// )
/// .unwrap();
/// let role = Document::parse(
///     r#"{"Version": "2012-10-17", "Statement": [
///         {"Effect": "Allow", "Action": ["s3:*", "iam:GetUser"], "Resource": "*"},
///         {"Effect": "Allow", "Action": ["ec2:*", "iam:*"], "Resource": "*"}]}"#,
/// )
/// .unwrap();
/// let exceeding = cap::exceeding(&role, &cap);
/// assert_eq!(exceeding.len(), 1);
/// assert_eq!((exceeding[0].statement, exceeding[0].action_example.as_str()), (1, "iam:CreateUser"));
/// ```
#[must_use]
pub fn exceeding(document: &Document, cap: &Document) -> Vec<Exceeding> {
    exceeding_within(document, None, cap)
}

/// The same for a document whose bearer has a permissions boundary: only what both allow counts.
#[must_use]
pub fn exceeding_within(document: &Document, boundary: Option<&Document>, cap: &Document) -> Vec<Exceeding> {
    let allows = document.statements().iter().enumerate().filter(|(_, s)| s.effect() == Effect::Allow);
    allows
        .filter_map(|(number, statement)| {
            let mut search = Search::new();
            for deny in of(document, Effect::Deny).filter(|s| always(s)) {
                search.add(Term::Minus, deny.actions());
            }
            if let Some(boundary) = boundary {
                search.bounded();
                for allow in of(boundary, Effect::Allow) {
                    search.add(Term::BoundaryAllow, allow.actions());
                }
                for deny in of(boundary, Effect::Deny).filter(|s| always(s)) {
                    search.add(Term::Minus, deny.actions());
                }
            }
            for allow in of(cap, Effect::Allow).filter(|c| covers(c, statement)) {
                search.add(Term::CapAllow, allow.actions());
            }
            for deny in of(cap, Effect::Deny) {
                search.add(Term::CapDeny, deny.actions());
            }
            beyond(statement, &search).map(|(action_example, span, certain)| Exceeding {
                statement: number,
                action_example,
                span,
                certain,
            })
        })
        .collect()
}

fn of(document: &Document, effect: Effect) -> impl Iterator<Item = &Statement> {
    document.statements().iter().filter(move |statement| statement.effect() == effect)
}

fn beyond(statement: &Statement, search: &Search) -> Option<(String, Span, bool)> {
    let actions = statement.actions();
    if actions.is_negated() {
        let mut search = search.clone();
        search.exclude(actions);
        let found = search.run("*")?;
        return Some(found.named("NotAction", actions.span()));
    }
    actions.patterns().iter().find_map(|pattern| {
        let found = search.run(pattern.text())?;
        Some(found.named(pattern.text(), pattern.span()))
    })
}

/// Whether the statement holds for every resource in every context.
fn always(statement: &Statement) -> bool {
    statement.conditions().is_empty() && statement.resources().is_some_and(is_everything)
}

fn is_everything(resources: &Resources) -> bool {
    !resources.is_negated() && resources.patterns().iter().any(|pattern| pattern.text() == "*")
}

/// Whether the cap's statement holds wherever this one does, actions apart.
fn covers(cap: &Statement, statement: &Statement) -> bool {
    let resources = cap.resources().is_some_and(|wide| {
        is_everything(wide)
            || statement.resources().is_some_and(|narrow| {
                let text = |resources: &Resources, text: &str| {
                    resources.patterns().iter().any(|pattern| pattern.text() == text)
                };
                !wide.is_negated()
                    && !narrow.is_negated()
                    && narrow.patterns().iter().all(|pattern| text(wide, pattern.text()))
            })
    });
    let same = |a: &crate::Condition, b: &crate::Condition| {
        a.operator() == b.operator()
            && a.folded_key() == b.folded_key()
            && a.values()
                .iter()
                .map(crate::ConditionValue::text)
                .eq(b.values().iter().map(crate::ConditionValue::text))
    };
    resources
        && cap.conditions().iter().all(|wanted| statement.conditions().iter().any(|has| same(has, wanted)))
}
