//! Where nothing allowed: the statements that came nearest, and what kept each from it.

use postern_policy::{Effect, Element, Failure, Layer, Statement, StatementExplanation, Truth};
use strsim::jaro_winkler;

use super::{Given, Notice, Picture, statement_words};
use crate::output::{Remark, prose, render_remark};

/// More pictures than this are no help.
const SHOWN: usize = 3;
/// Values of a policy that are named; the rest is counted.
const VALUES: usize = 3;
/// How alike two action names are where one may be meant for the other.
const ALIKE: f64 = 0.93;

struct Candidate<'a> {
    given: &'a Given,
    statement: &'a Statement,
    number: usize,
    failure: &'a Failure,
}

/// The statements that would allow and got furthest in the layer that decided by its silence, underlined where they
/// failed; then the nearest one of each other layer that would have to allow, too.
pub(super) fn pictures(picture: &Picture<'_>, silent: Layer, level: usize) -> Vec<String> {
    let mut pictures = of_layer(picture, silent, level, SHOWN);
    let cross_account = picture.outcome.request.is_cross_account();
    let mut others: Vec<(Layer, usize)> = Vec::new();
    for (at, found) in picture.outcome.layers() {
        let layer = if found.layer == Layer::Group { Layer::Identity } else { found.layer };
        let needed = match layer {
            Layer::Scp | Layer::Boundary | Layer::Session => true,
            Layer::Identity => cross_account,
            _ => false,
        };
        if needed && found.applies && (layer, at) != (silent, level) && !others.contains(&(layer, at)) {
            others.push((layer, at));
        }
    }
    for (layer, at) in others {
        if !picture.allows(layer, at) {
            pictures.extend(of_layer(picture, layer, at, 1));
        }
    }
    pictures
}

fn of_layer(picture: &Picture<'_>, layer: Layer, level: usize, shown: usize) -> Vec<String> {
    let candidates = candidates(picture, layer, level);
    let ids = picture.outcome.layers().filter(|(at, found)| found.layer == layer && *at == level);
    let what = match ids.filter_map(|(_, found)| found.level.as_deref()).next() {
        Some(id) => format!("{}, {id}", layer.as_str()),
        None => layer.as_str().to_owned(),
    };
    // A hint says better what is missing.
    let is_hinted = |notice: &Notice| notice.kind.lacks() == Some(layer);
    if candidates.is_empty() && picture.outcome.notices.iter().any(is_hinted) {
        return Vec::new();
    }
    let Some(furthest) = candidates.iter().map(|candidate| rank(&candidate.failure.element)).max() else {
        return vec![line(picture, &format!("note: {what}: no statement that allows is given"))];
    };
    if furthest == rank(&Element::Action) {
        return about_other_actions(picture, &candidates, &what);
    }
    let nearest: Vec<&Candidate<'_>> =
        candidates.iter().filter(|candidate| rank(&candidate.failure.element) == furthest).collect();
    let mut pictures: Vec<String> =
        nearest.iter().take(shown).map(|candidate| candidate.picture(picture)).collect();
    if let Some(more) = nearest.len().checked_sub(shown).filter(|more| *more > 0) {
        pictures.push(line(picture, &format!("note: and {more} more that fail at the same element")));
    }
    pictures
}

fn line(picture: &Picture<'_>, text: &str) -> String {
    prose(text, "", "      ", picture.width)
}

fn candidates<'a>(picture: &'a Picture<'_>, layer: Layer, level: usize) -> Vec<Candidate<'a>> {
    // What a user may is in the user's own policies and in those of the groups.
    let is_silent = |found: Layer| found == layer || (layer == Layer::Identity && found == Layer::Group);
    let mut candidates = Vec::new();
    for (at, found) in picture.outcome.layers().filter(|(at, found)| is_silent(found.layer) && *at == level) {
        let given = picture.simulation.policies.of(found.layer, at);
        for (policy, given) in found.policies.iter().zip(given) {
            candidates.extend(policy.statements.iter().filter_map(|explained| candidate(given, explained)));
        }
    }
    candidates
}

fn candidate<'a>(given: &'a Given, explained: &'a StatementExplanation) -> Option<Candidate<'a>> {
    let statement = given.document.statements().get(explained.number)?;
    let failure = explained.failure.as_ref().filter(|_| explained.effect == Effect::Allow)?;
    Some(Candidate { given, statement, number: explained.number, failure })
}

/// How far a statement got whose first failing element this is.
const fn rank(element: &Element) -> u8 {
    match element {
        Element::Principal => 0,
        Element::Action => 1,
        Element::Resource => 2,
        Element::Condition { .. } => 3,
    }
}

/// One line for all; a picture only for what may be misspelt.
fn about_other_actions(picture: &Picture<'_>, candidates: &[Candidate<'_>], what: &str) -> Vec<String> {
    let action = picture.outcome.request.action;
    let likeness = |candidate: &Candidate<'_>| {
        let patterns = candidate.statement.actions().patterns().iter();
        let alike =
            patterns.map(|pattern| jaro_winkler(&pattern.text().to_lowercase(), &action.to_lowercase()));
        alike.fold(0.0, f64::max)
    };
    let text = match candidates.len() {
        1 => format!("note: {what}: the one statement that allows is not about {action}"),
        n => format!("note: {what}: none of the {n} statements that allow is about {action}"),
    };
    let mut lines = vec![line(picture, &text)];
    let nearest = candidates
        .iter()
        .filter(|candidate| rank(&candidate.failure.element) == rank(&Element::Action))
        .map(|candidate| (likeness(candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, candidate)) = nearest.filter(|(likeness, _)| *likeness > ALIKE) {
        lines.push(candidate.picture(picture));
    }
    lines
}

impl Candidate<'_> {
    fn picture(&self, picture: &Picture<'_>) -> String {
        let Failure { element, truth, span, .. } = self.failure;
        let but = match element {
            Element::Principal => "does not name the caller",
            Element::Action => "is about other actions",
            Element::Resource => "is about other resources",
            Element::Condition { .. } => "would allow it, but for this condition",
        };
        let unsettled = *truth == Truth::Unsettled;
        let remark = Remark {
            message: format!("{} {but}", statement_words(self.number, self.statement.sid(), self.given)),
            span: span.start..span.end,
            label: Some(self.label()),
            help: unsettled.then(|| {
                "AWS does not document whether this matches; what is in doubt allows nothing".to_owned()
            }),
        };
        render_remark(&self.given.name, &self.given.text, &remark, picture.width)
    }

    fn label(&self) -> String {
        let Failure { element, wanted, present, valueless, .. } = self.failure;
        if let Some(key) = valueless {
            return format!("`${{{key}}}` has no value in the request");
        }
        let has = present.first().map_or("", String::as_str);
        match element {
            Element::Principal
                if self.statement.principals().is_some_and(postern_policy::Principals::is_negated) =>
            {
                format!("the caller, {has}, is named here")
            }
            Element::Principal if has.is_empty() => "the caller has no name".to_owned(),
            Element::Principal => format!("the caller is {has}"),
            Element::Action if self.statement.actions().is_negated() => format!("{has} is excepted"),
            Element::Action => format!("{has} is not among these"),
            Element::Resource if wanted.is_empty() => "there is no `Resource`".to_owned(),
            Element::Resource
                if self.statement.resources().is_some_and(postern_policy::Resources::is_negated) =>
            {
                format!("{has} is excepted")
            }
            Element::Resource => format!("{has} does not match"),
            Element::Condition { operator, key } => {
                let has = if present.is_empty() {
                    format!("the request has no {key}")
                } else {
                    format!("the request has {}", values(present))
                };
                format!("{operator} wants {}; {has}", values(wanted))
            }
        }
    }
}

fn values(values: &[String]) -> String {
    let named: Vec<String> = values.iter().take(VALUES).map(|value| format!("`{value}`")).collect();
    let more = values.len().saturating_sub(VALUES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}
