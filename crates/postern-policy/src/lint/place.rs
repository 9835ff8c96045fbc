//! From an element to its span and JSON pointer.

use crate::{Document, Span, Statement};

/// An element of a document. The first number is the statement's, the second that of the pattern or
/// condition in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Document,
    Version,
    Statement(usize),
    Sid(usize),
    Effect(usize),
    Actions(usize),
    Action(usize, usize),
    Resources(usize),
    Resource(usize, usize),
    Principals(usize),
    Principal(usize, usize),
    /// An operator's name.
    Operator(usize, usize),
    /// A key's name.
    Key(usize, usize),
    /// A key with its values.
    Condition(usize, usize),
    /// One of the values.
    Value(usize, usize, usize),
}

impl Place {
    const fn statement(self) -> Option<usize> {
        match self {
            Self::Document | Self::Version => None,
            Self::Statement(s)
            | Self::Sid(s)
            | Self::Effect(s)
            | Self::Actions(s)
            | Self::Action(s, _)
            | Self::Resources(s)
            | Self::Resource(s, _)
            | Self::Principals(s)
            | Self::Principal(s, _)
            | Self::Operator(s, _)
            | Self::Key(s, _)
            | Self::Condition(s, _)
            | Self::Value(s, _, _) => Some(s),
        }
    }
}

/// The span, the pointer and the statement of an element.
pub(super) fn resolve(document: &Document, place: Place) -> (Span, String, Option<usize>) {
    let Some(number) = place.statement() else {
        return match (place, document.version_span) {
            (Place::Version, Some(span)) => (span, "/Version".to_owned(), None),
            _ => (document.span(), String::new(), None),
        };
    };
    let base = if document.listed { format!("/Statement/{number}") } else { "/Statement".to_owned() };
    let Some(statement) = document.statements().get(number) else {
        return (document.span(), String::new(), None);
    };
    // An element that is not there is shown by its statement.
    let (span, below) = within(statement, place).unwrap_or((statement.span(), String::new()));
    (span, base + &below, Some(number))
}

fn within(statement: &Statement, place: Place) -> Option<(Span, String)> {
    let actions = statement.actions();
    let actions_name = if actions.is_negated() { "/NotAction" } else { "/Action" };
    Some(match place {
        Place::Document | Place::Version | Place::Statement(_) => return None,
        Place::Sid(_) => (statement.sid_span?, "/Sid".to_owned()),
        Place::Effect(_) => (statement.effect_span, "/Effect".to_owned()),
        Place::Actions(_) => (actions.span(), actions_name.to_owned()),
        Place::Action(_, number) => {
            let span = actions.patterns().get(number)?.span();
            (span, item(actions_name, number, span != actions.span()))
        }
        Place::Resources(_) | Place::Resource(..) => {
            let resources = statement.resources()?;
            let name = if resources.is_negated() { "/NotResource" } else { "/Resource" };
            let Place::Resource(_, number) = place else { return Some((resources.span(), name.to_owned())) };
            let span = resources.patterns().get(number)?.span();
            (span, item(name, number, span != resources.span()))
        }
        Place::Principals(_) => {
            let principals = statement.principals()?;
            (principals.span(), principals_name(principals.is_negated()).to_owned())
        }
        Place::Principal(_, number) => principal(statement, number)?,
        Place::Operator(_, number) => {
            let condition = statement.conditions().get(number)?;
            (condition.operator_span(), format!("/Condition/{}", escape(&condition.spelling())))
        }
        Place::Key(_, number) | Place::Condition(_, number) | Place::Value(_, number, _) => {
            let condition = statement.conditions().get(number)?;
            let name = format!("/Condition/{}/{}", escape(&condition.spelling()), escape(condition.key()));
            match place {
                Place::Key(..) => (condition.key_span(), name),
                Place::Value(_, _, value) => {
                    let values = condition.values();
                    let span = values.get(value)?.span();
                    let alone = values.len() == 1 && span.end == condition.span().end;
                    (span, item(&name, value, !alone))
                }
                _ => (condition.span(), name),
            }
        }
    })
}

const fn principals_name(negated: bool) -> &'static str {
    if negated { "/NotPrincipal" } else { "/Principal" }
}

fn principal(statement: &Statement, number: usize) -> Option<(Span, String)> {
    let principals = statement.principals()?;
    let pattern = principals.patterns().get(number)?;
    let span = Span::new(pattern.span().start.saturating_sub(1), pattern.span().end + 1);
    let name = principals_name(principals.is_negated());
    if span == principals.span() {
        return Some((span, name.to_owned()));
    }
    let before = principals.patterns().iter().take(number).filter(|p| p.kind() == pattern.kind()).count();
    let name = format!("{name}/{}", pattern.kind().as_str());
    Some((span, item(&name, before, pattern.listed)))
}

fn item(name: &str, number: usize, listed: bool) -> String {
    if listed { format!("{name}/{number}") } else { name.to_owned() }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
