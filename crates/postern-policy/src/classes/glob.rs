//! Globs of policies as the automaton walks them.

use super::automaton::{Glob, Token};
use crate::{
    Context, ContextValue,
    pattern::{Piece, Syntax, pieces},
};

/// A text cut into literals, wildcards and variables, each variable as what it stands for.
enum Item {
    Text(Box<str>),
    /// What a variable stands for: a text in which nothing is special, colons included.
    Value(Box<str>),
    One,
    Many,
}

/// None where a variable has no value: then nothing matches.
fn items(text: &str, wildcards: bool, variables: Option<&Context>) -> Option<Vec<Item>> {
    let syntax = Syntax { wildcards, variables: variables.is_some(), ignore_case: false };
    pieces(text, syntax)
        .into_iter()
        .map(|piece| {
            Some(match piece {
                Piece::Text(text) => Item::Text(text),
                Piece::One => Item::One,
                Piece::Many => Item::Many,
                Piece::Variable { key, default } => {
                    // A multivalued key has no value as a variable.
                    let value = match variables?.get(key.folded()) {
                        ContextValue::One(value) => Some(value.clone()),
                        _ => None,
                    };
                    Item::Value(value.or(default)?)
                }
            })
        })
        .collect()
}

/// An action pattern.
pub(crate) fn action(text: &str) -> Glob {
    text_glob(text, true, true, None).unwrap_or_default()
}

/// A pattern of the string operators.
pub(crate) fn text_glob(
    text: &str,
    wildcards: bool,
    fold: bool,
    variables: Option<&Context>,
) -> Option<Glob> {
    let mut glob = Glob::new();
    for item in items(text, wildcards, variables)? {
        match item {
            Item::Text(text) | Item::Value(text) => {
                glob.extend(text.chars().map(|c| if fold { Token::Fold(c) } else { Token::Char(c) }));
            }
            Item::One => glob.push(Token::One),
            Item::Many => push_many(&mut glob, Token::Many),
        }
    }
    Some(glob)
}

fn push_many(glob: &mut Glob, token: Token) {
    if glob.last() != Some(&token) {
        glob.push(token);
    }
}

/// A resource pattern: the texts that are ARNs and match it.
///
/// Two globs where a `*` at the end of a segment may run on behind its colon.
pub(crate) fn resource(text: &str, variables: Option<&Context>) -> Vec<Glob> {
    let Some(items) = items(text, true, variables) else { return Vec::new() };
    let Some(segments) = segments(&items, 6) else {
        return vec![flat(&items)];
    };
    let mut globs = Vec::new();
    globs.extend(parts(&segments));
    globs.extend(running(&items));
    globs
}

/// A pattern of the ARN operators: the texts that match it, where any can be compared with it.
pub(super) fn arn_operator(text: &str, variables: Option<&Context>) -> Option<Glob> {
    let items = items(text, true, variables)?;
    segments(&items, 6).map_or_else(|| Some(flat(&items)), |segments| parts(&segments))
}

/// What is an ARN to the ARN operators.
pub(super) fn any_arn() -> Glob {
    let mut glob: Glob = "arn:".chars().map(Token::Char).collect();
    for _ in 0..4 {
        glob.extend([Token::ManyPart, Token::Char(':')]);
    }
    glob.push(Token::Many);
    glob
}

/// A segment of an ARN pattern.
type Segment<'a> = Vec<Part<'a>>;

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Value(&'a str),
    One,
    Many,
}

/// The segments of an ARN pattern, at most so many; none where it is no ARN pattern: it does not begin
/// with `arn:`, or a variable may stand for several segments.
fn segments(items: &[Item], most: usize) -> Option<Vec<Segment<'_>>> {
    let mut segments: Vec<Segment<'_>> = vec![Vec::new()];
    let mut values = false;
    for item in items {
        let part = match item {
            Item::Text(text) => {
                let room = most - segments.len() + 1;
                for (number, field) in text.splitn(room, ':').enumerate() {
                    if number > 0 {
                        segments.push(Vec::new());
                    }
                    if let (false, Some(segment)) = (field.is_empty(), segments.last_mut()) {
                        segment.push(Part::Text(field));
                    }
                }
                continue;
            }
            Item::Value(text) => {
                values = true;
                Part::Value(text)
            }
            Item::One => Part::One,
            Item::Many => Part::Many,
        };
        if let Some(segment) = segments.last_mut() {
            segment.push(part);
        }
    }
    let is_arn = matches!(segments.first().map(Vec::as_slice), Some([Part::Text("arn")]));
    let long = segments.len() > 1 && (segments.len() >= 6 || !values);
    (is_arn && long).then_some(segments)
}

/// Segment by segment; the missing ones are `*`. None where a value with a colon stands in a segment.
fn parts(segments: &[Segment<'_>]) -> Option<Glob> {
    let mut glob = Glob::new();
    for number in 0..6 {
        if number > 0 {
            glob.push(Token::Char(':'));
        }
        let last = number == 5;
        match segments.get(number) {
            None => push_many(&mut glob, if last { Token::Many } else { Token::ManyPart }),
            Some(segment) => {
                for part in segment {
                    part.push(&mut glob, last, last)?;
                }
            }
        }
    }
    Some(glob)
}

/// With every `*` at the end of a segment running on: none where there is no such `*`.
fn running(items: &[Item]) -> Option<Glob> {
    let segments = segments(items, usize::MAX)?;
    let (_, before) = segments.split_last()?;
    before.iter().find(|segment| matches!(segment.last(), Some(Part::Many)))?;
    let mut glob = Glob::new();
    for (number, segment) in segments.iter().enumerate() {
        if number > 0 {
            glob.push(Token::Char(':'));
        }
        for (place, part) in segment.iter().enumerate() {
            part.push(&mut glob, false, place + 1 == segment.len())?;
        }
    }
    Some(glob)
}

impl Part<'_> {
    /// Whether its text may hold colons, and whether its `*` may.
    fn push(self, glob: &mut Glob, colons: bool, runs: bool) -> Option<()> {
        match self {
            Part::Value(text) if !colons && text.contains(':') => return None,
            Part::Text(text) | Part::Value(text) => glob.extend(text.chars().map(Token::Char)),
            Part::One => glob.push(if colons { Token::One } else { Token::OnePart }),
            Part::Many => push_many(glob, if runs { Token::Many } else { Token::ManyPart }),
        }
        Some(())
    }
}

/// The whole text at once.
fn flat(items: &[Item]) -> Glob {
    let mut glob = Glob::new();
    for item in items {
        match item {
            Item::Text(text) | Item::Value(text) => glob.extend(text.chars().map(Token::Char)),
            Item::One => glob.push(Token::One),
            Item::Many => push_many(&mut glob, Token::Many),
        }
    }
    glob
}

/// The pattern with `*` for each variable, which takes whatever the pattern takes for some value of them;
/// none where there is no variable.
pub(crate) fn variable_free(text: &str) -> Option<String> {
    let syntax = Syntax { wildcards: true, variables: true, ignore_case: false };
    let pieces = pieces(text, syntax);
    pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. })).then(|| {
        let plain = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => &**text,
            Piece::One => "?",
            Piece::Many | Piece::Variable { .. } => "*",
        });
        plain.collect()
    })
}
