//! Texts with wildcards and policy variables, compiled once and matched without allocation.

use crate::{Context, ContextValue, context::Key};

/// What is special in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// `${…}` is a policy variable: from Version 2012-10-17 on.
    pub(crate) variables: bool,
    /// Letters match whatever their case.
    pub(crate) ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Many,
    /// `${key}` or `${key, 'default'}`
    Variable {
        key: Key,
        default: Option<Box<str>>,
    },
}

/// A compiled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Box<[Piece]>,
    ignore_case: bool,
}

impl Pattern {
    pub(crate) fn compile(text: &str, syntax: Syntax) -> Self {
        Self::from_pieces(pieces(text, syntax), syntax.ignore_case)
    }

    pub(crate) fn from_pieces(pieces: Vec<Piece>, ignore_case: bool) -> Self {
        Self { pieces: pieces.into(), ignore_case }
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
    }

    /// The first variable without a value in this request.
    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Variable { key, .. } if value(piece, context).is_none() => Some(key.folded()),
            _ => None,
        })
    }

    /// Whether the text matches; never where a variable has neither value nor default, because then
    /// "there is no equal or like value" (*IAM User Guide*, Policy variables with no value).
    pub(crate) fn matches(&self, text: &str, context: &Context) -> bool {
        match &*self.pieces {
            [] => text.is_empty(),
            [Piece::Many] => true,
            [Piece::Text(literal)] => {
                literal.len() == text.len() && self.prefixes(literal, text.as_bytes()).is_some()
            }
            [Piece::Text(literal), Piece::Many] => self.prefixes(literal, text.as_bytes()).is_some(),
            pieces => self.valueless(context).is_none() && self.walk(pieces, text, context),
        }
    }

    /// Left to right; behind the last `*` seen, every start is tried once. An earlier `*` never
    /// needs a second look, so the work is bounded by the lengths of pattern and text multiplied.
    fn walk(&self, pieces: &[Piece], text: &str, context: &Context) -> bool {
        let bytes = text.as_bytes();
        let (mut piece, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let step = match pieces.get(piece) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Piece::Many) => {
                    if piece + 1 == pieces.len() {
                        return true;
                    }
                    star = Some((piece + 1, at));
                    Some(0)
                }
                Some(Piece::One) => text.get(at..).and_then(|t| t.chars().next()).map(char::len_utf8),
                Some(Piece::Text(literal)) => self.prefixes(literal, rest),
                Some(variable) => value(variable, context).and_then(|v| self.prefixes(v, rest)),
            };
            if let Some(step) = step {
                at += step;
                piece += 1;
                continue;
            }
            let Some((behind, start)) = star else { return false };
            let Some(skipped) = text.get(start..).and_then(|t| t.chars().next()) else { return false };
            let next = start + skipped.len_utf8();
            star = Some((behind, next));
            piece = behind;
            at = next;
        }
    }

    /// How many bytes of `text` the literal takes, if it stands at its beginning.
    fn prefixes(&self, literal: &str, text: &[u8]) -> Option<usize> {
        let literal = literal.as_bytes();
        let head = text.get(..literal.len())?;
        let same = if self.ignore_case { head.eq_ignore_ascii_case(literal) } else { head == literal };
        same.then_some(literal.len())
    }
}

/// What a variable stands for in this request.
///
/// A multivalued key has none, however many values it has ("You can't use multivalued keys as variables").
fn value<'a>(piece: &'a Piece, context: &'a Context) -> Option<&'a str> {
    match piece {
        Piece::Variable { key, default } => match context.of(key) {
            ContextValue::One(value) => Some(value),
            _ => default.as_deref(),
        },
        _ => None,
    }
}

/// Cuts a text into pieces.
pub(crate) fn pieces(text: &str, syntax: Syntax) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    let is_special = |byte: &u8| match byte {
        b'*' | b'?' => syntax.wildcards,
        byte => *byte == b'$' && syntax.variables,
    };
    while let Some(at) = rest.as_bytes().iter().position(is_special) {
        let Some((plain, special)) = rest.split_at_checked(at) else { break };
        literal.push_str(plain);
        let (piece, length) = match special.as_bytes().first() {
            Some(b'*') => (Piece::Many, 1),
            Some(b'?') => (Piece::One, 1),
            _ => match variable(special) {
                Some((Variable::Key(piece), length)) => (piece, length),
                Some((Variable::Escape(escaped), length)) => {
                    literal.push(escaped);
                    rest = special.get(length..).unwrap_or_default();
                    continue;
                }
                None => {
                    literal.push('$');
                    rest = special.get(1..).unwrap_or_default();
                    continue;
                }
            },
        };
        if !literal.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut literal).into()));
        }
        // `**` is `*`.
        if piece != Piece::Many || out.last() != Some(&Piece::Many) {
            out.push(piece);
        }
        rest = special.get(length..).unwrap_or_default();
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        out.push(Piece::Text(literal.into()));
    }
    out
}

/// Where a policy variable may begin. Few texts have a `$`, and one byte is found sooner than two.
pub(crate) fn first_variable(text: &str) -> Option<usize> {
    if text.as_bytes().contains(&b'$') { text.find("${") } else { None }
}

enum Variable {
    /// `${*}`, `${?}`, `${$}`: the character itself.
    Escape(char),
    Key(Piece),
}

/// The variable at the beginning of `text`, and its length. Text that only looks like one stays text.
fn variable(text: &str) -> Option<(Variable, usize)> {
    let inner = text.strip_prefix("${")?;
    let (name, default, length) = match inner.find(['}', ',']) {
        Some(end) if inner.get(end..)?.starts_with('}') => (inner.get(..end)?, None, end + 1),
        Some(comma) => {
            // `${key, 'default'}`: a comma, a space, single quotes.
            let behind = inner.get(comma + 1..)?;
            let quoted = behind.trim_start().strip_prefix('\'')?;
            let close = quoted.find('\'')?;
            let tail = quoted.get(close + 1..)?.trim_start().strip_prefix('}')?;
            (inner.get(..comma)?, quoted.get(..close), inner.len() - tail.len())
        }
        None => return None,
    };
    let name = name.trim();
    let variable = match name {
        "" => return None,
        "*" | "?" | "$" => Variable::Escape(name.chars().next()?),
        _ => Variable::Key(Piece::Variable { key: Key::new(name), default: default.map(Box::from) }),
    };
    Some((variable, length + 2))
}
