//! What one policy allows and another does not: for people, and as JSON.

mod json;

use std::{borrow::Cow, fmt::Write as _};

use postern_policy::{
    ContextValue, Element, Principal,
    catalogue::Catalogue,
    diff::{
        ActionGroup, Cause, Diff, Difference, KeyValue, KeyValues, ResourceGroup, Side, Stop, Verdict, Whom,
    },
    lint::PolicyKind,
};

pub(crate) use json::render as json;

use crate::{
    output::{BAD, BOLD, DIM, GOOD, WARN, brief, harmless, paint, prose},
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
    /// What it looks like.
    pub(crate) kind: PolicyKind,
}

/// More values, or actions, than these are counted instead of shown.
const MOST: usize = 8;
/// Of actions that only stand for a pattern.
const FEW: usize = 3;

/// What is wrong about comparing two policies of different kinds; none where they are of one.
pub(crate) fn mismatch(a: &Compared, b: &Compared) -> Option<String> {
    let nothing_said = a.statements.is_empty() || b.statements.is_empty();
    (a.kind != b.kind && !nothing_said).then(|| {
        let looks = |one: &Compared| format!("`{}` looks like {}", harmless(&one.name), article(one.kind));
        let taken = if a.names_principals || b.names_principals {
            "both are compared as policies of a resource or role, and a statement without a principal allows nothing there"
        } else {
            "both are compared as policies of the principal that asks"
        };
        format!("{}, {}; {taken}", looks(a), looks(b))
    })
}

fn article(kind: PolicyKind) -> String {
    match kind {
        PolicyKind::Identity => "an identity policy".to_owned(),
        PolicyKind::Resource => "a policy of a resource".to_owned(),
        other => format!("a {other} policy"),
    }
}

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
        let actions = list(difference.actions.iter().map(actions), ", ", "others");
        let mut lines = vec![prose(&paint(style, &format!("{mark} {actions}")), "", "    ", self.width)];
        let mut line = |text: &str| lines.push(prose(text, "    ", "      ", self.width));
        let by = difference.allowed_by;
        line(&format!("{} allows it", self.statement(by, difference.statement)));
        line(&self.stop(by.other(), difference));
        if let Some(resources) = resources(difference) {
            line(&format!("on {resources}"));
        }
        if !difference.principals.is_empty() {
            line(&format!("by {}", list(difference.principals.iter().map(whom), ", ", "others")));
        }
        for text in contexts(difference) {
            line(&text);
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
        let sid = sid.map(|sid| format!(" `{}`", brief(sid))).unwrap_or_default();
        format!("statement {}{sid} ({}:{line})", number + 1, compared.name)
    }

    fn stop(&self, side: Side, difference: &Difference) -> String {
        match &difference.stop {
            Stop::Denied { statement } => format!("{} denies it", self.statement(side, *statement)),
            Stop::NothingAllows { nearest: None } => {
                format!("no statement of {} allows it", self.of(side).name)
            }
            Stop::NothingAllows { nearest: Some(nearest) } => {
                let statement = self.statement(side, nearest.statement);
                match &nearest.element {
                    Element::Condition { .. } if difference.when.len() > 1 => {
                        format!("{statement} would allow it, but for its conditions")
                    }
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
            let _ = write!(text, " by {}", by(&example.principal));
        }
        let keys: Vec<String> = present(difference)
            .map(|(key, given)| format!("{} = {}", harmless(&key), value(given)))
            .collect();
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

/// `s3:*`, `s3:* but s3:PutObject`, `some of iam:* (iam:CreateUser and 120 others)`.
fn actions(group: &ActionGroup) -> String {
    let pattern = harmless(&group.pattern);
    if group.whole {
        return format!("{pattern}{}", except(&group.except));
    }
    let mut known: Vec<&str> = group.known.iter().take(FEW).map(String::as_str).collect();
    let others = match group.known.len() - known.len() {
        0 => String::new(),
        number => format!(" and {number} others"),
    };
    if known.is_empty() {
        known.push("none that the catalogue knows");
    }
    format!("some of {pattern} ({}{others})", known.join(", "))
}

fn except(patterns: &[String]) -> String {
    if patterns.is_empty() {
        return String::new();
    }
    format!(" but {}", list(patterns.iter().map(|text| harmless(text).into_owned()), ", ", "others"))
}

/// Which resources; none where it is all.
fn resources(difference: &Difference) -> Option<String> {
    let one = |group: &ResourceGroup| {
        let pattern = match (group.pattern.as_str(), group.whole) {
            ("*", true) => "all resources".to_owned(),
            ("*", false) => "resources".to_owned(),
            (pattern, _) => harmless(pattern).into_owned(),
        };
        if group.whole {
            format!("{pattern}{}", except(&group.except))
        } else {
            format!("some {} (such as {})", pattern, harmless(&difference.example.resource))
        }
    };
    let all = |group: &ResourceGroup| group.pattern == "*" && group.whole && group.except.is_empty();
    let says = !difference.resources.is_empty() && !difference.resources.iter().any(all);
    says.then(|| list(difference.resources.iter().map(one), ", ", "others"))
}

fn whom(whom: &Whom) -> String {
    let anyone = |except_some: bool| if except_some { "anyone else" } else { "anyone" };
    match whom {
        Whom::Anyone { without_credentials, except_some } => {
            let how = if *without_credentials {
                ", also without credentials"
            } else {
                " with credentials of any account"
            };
            format!("{}{how}", anyone(*except_some))
        }
        Whom::Account { account, except_some } => format!("{} of account {account}", anyone(*except_some)),
        Whom::AllBut { names } => {
            let names = list(names.iter().map(|name| harmless(name).into_owned()), ", ", "others");
            format!("all but principals such as {names}")
        }
        Whom::Named { name, such_as: false } => harmless(name).into_owned(),
        Whom::Named { name, such_as: true } => format!("principals such as {}", harmless(name)),
    }
}

/// In which contexts: one line for each key, and alternatives apart.
fn contexts(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    let all = difference.when.iter().any(Vec::is_empty);
    let alternatives = difference.when.iter().filter(|_| !all);
    for (number, keys) in alternatives.enumerate() {
        for (at, key) in keys.iter().enumerate() {
            let word = match (number, at) {
                (0, 0) => "when",
                (_, 0) => "or when",
                _ => "and",
            };
            lines.push(format!("{word} {} {}", harmless(&key.key), values(key)));
        }
    }
    if !difference.all_contexts {
        lines.push("or in other contexts, of which there are too many to show".to_owned());
    }
    lines
}

/// `is absent or `false``, `is anything but `eu-west-1``.
fn values(key: &KeyValues) -> String {
    let is_absent = |one: &&KeyValue| one.value == ContextValue::Absent;
    let absent = key.values.iter().any(|one| is_absent(&one));
    let (here, there): (Vec<&KeyValue>, Vec<&KeyValue>) = (
        key.values.iter().filter(|one| !is_absent(one)).collect(),
        key.others.iter().filter(|one| !is_absent(one)).collect(),
    );
    let join = |list_of: &[&KeyValue], word: &str| {
        list(list_of.iter().map(|one| value(&one.value)), word, "other values")
    };
    let or_absent = if absent { "absent or " } else { "" };
    if here.is_empty() {
        return "is absent".to_owned();
    }
    if !here.iter().any(|one| one.stands_for_more) {
        return format!("is {or_absent}{}", join(&here, " or "));
    }
    if there.is_empty() {
        return if absent {
            "is anything or absent".to_owned()
        } else {
            "is there, whatever its value".to_owned()
        };
    }
    if !there.iter().any(|one| one.stands_for_more) {
        return format!("is {or_absent}anything but {}", join(&there, " and "));
    }
    format!("is {or_absent}such as {} (not such as {})", join(&here, " or "), join(&there, " or "))
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

/// The keys that the example carries, as a policy writes them, or else as AWS does.
fn present(difference: &Difference) -> impl Iterator<Item = (Cow<'_, str>, &ContextValue)> {
    let keys = difference.example.context.iter().filter(|(_, value)| !value.values().is_empty());
    keys.map(|(folded, value)| {
        let mut keys = difference.when.iter().flatten();
        let written = keys.find(|known| known.key.eq_ignore_ascii_case(folded));
        let spelt = || Catalogue::embedded().condition_key(folded)?.spelling_of(folded);
        let key = written.map(|known| Cow::Borrowed(known.key.as_str())).or_else(|| spelt().map(Cow::Owned));
        (key.unwrap_or(Cow::Borrowed(folded)), value)
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

/// As a sentence has it.
fn by(principal: &Principal) -> String {
    match principal {
        Principal::Anonymous => "someone without credentials".to_owned(),
        named => harmless(&name(named)).into_owned(),
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
