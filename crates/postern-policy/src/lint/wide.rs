//! Whether one pattern, list or statement is at least as wide as another. Yes is certain, no is not.

use crate::{Actions, Condition, ConditionValue, Principals, Resources, Statement};

use super::Budget;

/// Longer than any ARN or action; comparing two costs the product of their lengths.
const MAX_LENGTH: usize = 1_000;

/// Whether every text that matches `narrow` matches `wide`.
pub(super) fn glob(wide: &str, narrow: &str, ignore_case: bool) -> bool {
    if wide.len().max(narrow.len()) > MAX_LENGTH {
        return false;
    }
    let same = |a: u8, b: u8| if ignore_case { a.eq_ignore_ascii_case(&b) } else { a == b };
    let (wide, narrow) = (wide.as_bytes(), narrow.as_bytes());
    let (mut w, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (wide.get(w), narrow.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((w + 1, n));
                w += 1;
                continue;
            }
            // `?` takes one character: not a `*`, which may be none or many, nor a variable.
            (Some(b'?'), Some(other)) => !matches!(other, b'*' | b'$'),
            (Some(a), Some(b)) => same(*a, *b),
            _ => false,
        };
        if step {
            w += 1;
            n += 1;
            continue;
        }
        let Some((behind, start)) = star else { return false };
        if start >= narrow.len() {
            return false;
        }
        star = Some((behind, start + 1));
        w = behind;
        n = start + 1;
    }
}

/// Whether one action pattern is at least as wide as another.
pub(super) fn action(wide: &str, narrow: &str) -> bool {
    if wide == "*" {
        return true;
    }
    match (wide.split_once(':'), narrow.split_once(':')) {
        (Some((ws, wn)), Some((ns, nn))) => glob(ws, ns, true) && glob(wn, nn, true),
        _ => false,
    }
}

/// Whether one resource pattern is at least as wide as another; wildcards keep to their part.
pub(super) fn resource(wide: &str, narrow: &str) -> bool {
    if wide == "*" || wide == narrow {
        return true;
    }
    let mut parts = wide.splitn(6, ':').zip(narrow.splitn(6, ':'));
    let whole = |text: &str| text.split(':').count() >= 6;
    whole(wide) && whole(narrow) && parts.all(|(wide, narrow)| glob(wide, narrow, false))
}

/// Whether no action matches both patterns, as far as their services tell.
fn apart(a: &str, b: &str) -> bool {
    let service = |text: &str| text.split_once(':').map_or(String::new(), |(s, _)| s.to_ascii_lowercase());
    let (left, right) = (service(a), service(b));
    let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
    let exact = |text: &str| !text.contains(['*', '?']);
    (plain(&left) && plain(&right) && left != right) || (exact(a) && exact(b) && !a.eq_ignore_ascii_case(b))
}

/// Every one of `narrow` is covered by one of `wide`; none where the work would be too much.
fn all<A, B>(wide: &[A], narrow: &[B], covers: impl Fn(&A, &B) -> bool, budget: &Budget) -> bool {
    budget.spend(wide.len().saturating_mul(narrow.len()))
        && narrow.iter().all(|narrow| wide.iter().any(|wide| covers(wide, narrow)))
}

fn actions(wide: &Actions, narrow: &Actions, budget: &Budget) -> bool {
    let (w, n) = (wide.patterns(), narrow.patterns());
    match (wide.is_negated(), narrow.is_negated()) {
        (false, false) => all(w, n, |w, n| action(w.text(), n.text()), budget),
        (true, true) => all(n, w, |n, w| action(n.text(), w.text()), budget),
        (true, false) => {
            budget.spend(w.len().saturating_mul(n.len()))
                && n.iter().all(|n| w.iter().all(|w| apart(w.text(), n.text())))
        }
        (false, true) => w.iter().any(|w| w.text() == "*"),
    }
}

fn resources(wide: Option<&Resources>, narrow: Option<&Resources>, budget: &Budget) -> bool {
    let (wide, narrow) = match (wide, narrow) {
        (None, None) => return true,
        (Some(wide), Some(narrow)) => (wide, narrow),
        _ => return false,
    };
    let (w, n) = (wide.patterns(), narrow.patterns());
    match (wide.is_negated(), narrow.is_negated()) {
        (false, false) => all(w, n, |w, n| resource(w.text(), n.text()), budget),
        (true, true) => all(n, w, |n, w| resource(n.text(), w.text()), budget),
        (true, false) => false,
        (false, true) => is_everything(wide),
    }
}

/// Whether the element is `*`.
pub(super) fn is_everything(resources: &Resources) -> bool {
    !resources.is_negated() && resources.patterns().iter().any(|pattern| pattern.text() == "*")
}

fn principals(wide: Option<&Principals>, narrow: Option<&Principals>, budget: &Budget) -> bool {
    let (wide, narrow) = match (wide, narrow) {
        (None, None) => return true,
        (Some(wide), Some(narrow)) => (wide, narrow),
        _ => return false,
    };
    let (w, n) = (wide.patterns(), narrow.patterns());
    let same = |w: &crate::PrincipalPattern, n: &crate::PrincipalPattern| {
        w.kind() == n.kind() && w.text() == n.text()
    };
    match (wide.is_negated(), narrow.is_negated()) {
        (false, false) => w.iter().any(crate::PrincipalPattern::is_everyone) || all(w, n, same, budget),
        (true, true) => all(w, n, same, budget) && all(n, w, same, budget),
        _ => false,
    }
}

/// Whether two conditions say the same in the same words.
fn same_condition(a: &Condition, b: &Condition) -> bool {
    a.operator() == b.operator()
        && a.folded_key() == b.folded_key()
        && a.values().iter().map(ConditionValue::text).eq(b.values().iter().map(ConditionValue::text))
}

/// Whether `wide` holds wherever `narrow` does.
pub(super) fn statement(wide: &Statement, narrow: &Statement, budget: &Budget) -> bool {
    wide.conditions().len() <= narrow.conditions().len()
        && resources(wide.resources(), narrow.resources(), budget)
        && principals(wide.principals(), narrow.principals(), budget)
        && all(narrow.conditions(), wide.conditions(), same_condition, budget)
        && actions(wide.actions(), narrow.actions(), budget)
}
