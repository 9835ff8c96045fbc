//! What one policy allows and another does not: for people, and as JSON.

mod json;

use std::fmt::Write as _;

use postern_policy::{
    ContextValue, Element, Principal,
    diff::{Cause, Diff, Difference, Side, Stop, Verdict},
};

pub(crate) use json::render as json;

use crate::{
    output::{BAD, BOLD, DIM, GOOD, WARN, harmless, paint, prose},
    report::plan::counted,
};

/// One of the two policies, as far as a reader has to find things in it.
#[derive(Debug)]
pub(crate) struct Compared {
    /// The path as given, or `<stdin>`.
    pub(crate) name: String,
    /// Of each statement, its line and its `Sid`.
    pub(crate) statements: Vec<(usize, Option<String>)>,
    /// Whether a statement names a principal.
    pub(crate) names_principals: bool,
}

/// More values, or actions, than these are counted instead of shown.
const MOST: usize = 8;

/// The differences as `diff` shows them, `-` for what only the first allows and `+` for what only the second one
/// does, and the verdict.
pub(crate) fn render(a: &Compared, b: &Compared, diff: &Diff, width: usize) -> String {
    let view = View { a, b, width };
    let mut text = String::new();
    if !diff.differences.is_empty() {
        let head = |mark: &str, compared: &Compared| paint(BOLD, &format!("{mark} {}", compared.name));
        let _ = write!(text, "{}\n{}\n\n", head("---", a), head("+++", b));
    }
    for difference in &diff.differences {
        text.push_str(&view.difference(difference));
        text.push('\n');
    }
    for cause in &diff.undecided {
        let line = format!("{} {}", paint(WARN, "undecided:"), undecided(cause));
        let _ = writeln!(text, "{}", prose(&line, "", "  ", width));
    }
    if !diff.undecided.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", prose(&view.verdict(diff), "", "  ", width));
    text
}

struct View<'a> {
    a: &'a Compared,
    b: &'a Compared,
    width: usize,
}

impl View<'_> {
    const fn of(&self, side: Side) -> &Compared {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    fn difference(&self, difference: &Difference) -> String {
        let (style, mark) = match difference.allowed_by {
            Side::A => (BAD, "-"),
            Side::B => (GOOD, "+"),
        };
        let actions = difference.actions.iter().map(|group| {
            if group.whole {
                harmless(&group.pattern).into_owned()
            } else {
                format!("some of {}", harmless(&group.pattern))
            }
        });
        let actions = list(actions, ", ", "others");
        let mut lines = vec![prose(&paint(style, &format!("{mark} {actions}")), "", "    ", self.width)];
        let mut line = |text: &str| lines.push(prose(text, "    ", "      ", self.width));
        let by = difference.allowed_by;
        line(&format!("{} allows it", self.statement(by, difference.statement)));
        line(&self.stop(by.other(), &difference.stop));
        for (number, key) in difference.keys.iter().enumerate() {
            let values = key.values.iter().map(value);
            let word = if number == 0 { "when" } else { "and" };
            line(&format!("{word} {} is {}", harmless(&key.key), list(values, " or ", "other values")));
        }
        line(&paint(DIM, &format!("for example {}", self.example(difference))));
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }

    /// `statement 2 (Sid) of after.json, line 4,`
    fn statement(&self, side: Side, number: usize) -> String {
        let compared = self.of(side);
        let (line, sid) =
            compared.statements.get(number).map_or((0, None), |(line, sid)| (*line, sid.as_ref()));
        let sid = sid.map(|sid| format!(" `{}`", harmless(sid))).unwrap_or_default();
        format!("statement {}{sid} ({}:{line})", number + 1, compared.name)
    }

    fn stop(&self, side: Side, stop: &Stop) -> String {
        match stop {
            Stop::Denied { statement } => format!("{} denies it", self.statement(side, *statement)),
            Stop::NothingAllows { nearest: None } => {
                format!("no statement of {} allows it", self.of(side).name)
            }
            Stop::NothingAllows { nearest: Some(nearest) } => {
                let statement = self.statement(side, nearest.statement);
                match &nearest.element {
                    Element::Condition { operator, key } => {
                        format!("{statement} would allow it, but for `{operator}` on {}", harmless(key))
                    }
                    Element::Principal => format!("{statement} allows it to others"),
                    Element::Resource => format!("{statement} allows it on other resources"),
                    Element::Action => format!("{statement} allows other actions"),
                }
            }
        }
    }

    fn example(&self, difference: &Difference) -> String {
        let example = &difference.example;
        let mut text = format!("{} on {}", harmless(&example.action), harmless(&example.resource));
        if self.a.names_principals || self.b.names_principals {
            let _ = write!(text, " by {}", harmless(&name(&example.principal)));
        }
        let keys: Vec<String> =
            present(difference).map(|(key, given)| format!("{} = {}", harmless(key), value(given))).collect();
        if !keys.is_empty() {
            let _ = write!(text, " with {}", keys.join(" and "));
        }
        text
    }

    /// The last line: which of the two allows more.
    fn verdict(&self, diff: &Diff) -> String {
        let (a, b) = (&self.a.name, &self.b.name);
        let count = |side| diff.differences.iter().filter(|one| one.allowed_by == side).count();
        match (diff.verdict(), diff.is_within(Side::A), diff.is_within(Side::B)) {
            (Verdict::Equal, ..) => {
                format!("{} both allow the same requests.", paint(GOOD, "Equal:"))
            }
            (Verdict::Undecided, ..) => {
                format!("{} no difference was found, but there may be one.", paint(WARN, "Undecided:"))
            }
            (Verdict::Different, Some(true), _) => {
                format!("{} {b} allows more, in {}.", paint(BOLD, "Wider:"), ways(count(Side::B)))
            }
            (Verdict::Different, _, Some(true)) => {
                format!("{} {b} allows less, in {}.", paint(BOLD, "Narrower:"), ways(count(Side::A)))
            }
            (Verdict::Different, Some(false), Some(false)) => format!(
                "{} {a} allows more in {}, {b} in {}.",
                paint(BOLD, "Different:"),
                ways(count(Side::A)),
                ways(count(Side::B))
            ),
            (Verdict::Different, ..) => format!(
                "{} {} found, and there may be more.",
                paint(BOLD, "Different:"),
                counted(diff.differences.len(), "difference")
            ),
        }
    }
}

fn ways(number: usize) -> String {
    counted(number, "way")
}

/// Some texts, and how many more there are.
fn list(texts: impl ExactSizeIterator<Item = String>, separator: &str, more: &str) -> String {
    let length = texts.len();
    let shown = if length > MOST { MOST - 1 } else { MOST };
    let mut words: Vec<String> = texts.take(shown).collect();
    if length > words.len() {
        words.push(format!("{} {more}", length - words.len()));
    }
    words.join(separator)
}

fn value(value: &ContextValue) -> String {
    match value {
        ContextValue::One(one) => format!("`{}`", harmless(one)),
        many if many.values().is_empty() => "absent".to_owned(),
        many => {
            let values = many.values().iter().map(|one| format!("`{}`", harmless(one)));
            format!("[{}]", list(values, ", ", "more"))
        }
    }
}

/// The keys that the example carries, as a policy writes them.
fn present(difference: &Difference) -> impl Iterator<Item = (&str, &ContextValue)> {
    let keys = difference.example.context.iter().filter(|(_, value)| !value.values().is_empty());
    keys.map(|(folded, value)| {
        let written = difference.keys.iter().find(|known| known.key.eq_ignore_ascii_case(folded));
        (written.map_or(folded, |known| known.key.as_str()), value)
    })
}

/// The name that a policy could know it by.
fn name(principal: &Principal) -> String {
    match principal {
        Principal::Root { account } => format!("arn:aws:iam::{account}:root"),
        Principal::Anonymous => "*".to_owned(),
        named => named.names().into_iter().next().unwrap_or_default(),
    }
}

fn undecided(cause: &Cause) -> String {
    match cause {
        Cause::GaveUp(gave_up) => format!("{}; there may be more", harmless(&gave_up.to_string())),
        Cause::Variables(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`${{{}}}`", harmless(name))).collect();
            format!("it depends on what {} stands for", names.join(" and "))
        }
        Cause::Mixed(key) => {
            let key = harmless(key);
            format!("{key} is compared as a text in one place and as a number, date or address in another")
        }
        Cause::Unconfirmed(example) => format!(
            "{} on {} should make a difference and does not: this is a fault of postern's, please report it with \
             both policies",
            harmless(&example.action),
            harmless(&example.resource)
        ),
    }
}
