//! ARNs as policies match them: part by part.

use crate::{
    Context, Truth,
    pattern::{Pattern, Piece, Syntax, pieces},
};

/// A request's ARN, cut at its first five colons; anything else is kept whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArnText<'a> {
    pub(crate) whole: &'a str,
    pub(crate) parts: Option<[&'a str; 6]>,
}

impl<'a> ArnText<'a> {
    pub(crate) fn new(whole: &'a str) -> Self {
        Self { whole, parts: cut(whole).filter(|[arn, ..]| *arn == "arn") }
    }

    /// The part with this number; empty where the text is no ARN.
    pub(crate) fn account(&self) -> &'a str {
        self.parts.map_or("", |[_, _, _, _, account, _]| account)
    }
}

fn cut(text: &str) -> Option<[&str; 6]> {
    let mut fields = text.splitn(6, ':');
    let mut next = || fields.next();
    Some([next()?, next()?, next()?, next()?, next()?, next()?])
}

/// An ARN with wildcards and variables.
///
/// "You can use wildcard characters within any ARN segment (the parts separated by colons)": none of
/// them crosses a colon, except in the last part, which may hold colons of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`
    Any,
    Parts(Box<[Pattern; 6]>),
    /// Fewer parts than six. IAM's own messages show the missing ones as `*`.
    Short(Box<[Pattern; 6]>),
    /// Something else: a text without six parts, or a variable that stands for all of them.
    Whole(Pattern),
}

impl ArnPattern {
    pub(crate) fn compile(text: &str, variables: bool) -> Self {
        let syntax = Syntax { wildcards: true, variables, ignore_case: false };
        let pieces = pieces(text, syntax);
        if matches!(&*pieces, [Piece::Many]) {
            return Self::Any;
        }
        let mut parts = split(&pieces);
        let is_arn = parts.len() > 1
            && matches!(parts.first().map(Vec::as_slice), Some([Piece::Text(arn)]) if &**arn == "arn");
        let missing = 6_usize.saturating_sub(parts.len());
        let variable = pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }));
        if !is_arn || (missing > 0 && variable) {
            return Self::Whole(Pattern::from_pieces(pieces, false));
        }
        parts.resize(6, vec![Piece::Many]);
        match <[_; 6]>::try_from(parts) {
            Ok(parts) => {
                let parts = Box::new(parts.map(|part| Pattern::from_pieces(part, false)));
                if missing == 0 { Self::Parts(parts) } else { Self::Short(parts) }
            }
            Err(_) => Self::Whole(Pattern::from_pieces(pieces, false)),
        }
    }

    pub(crate) fn matches(&self, text: &ArnText<'_>, context: &Context) -> bool {
        match (self, &text.parts) {
            (Self::Any, _) => true,
            (Self::Whole(pattern), _) => pattern.matches(text.whole, context),
            (Self::Parts(_) | Self::Short(_), None) => false,
            (Self::Parts(patterns) | Self::Short(patterns), Some(parts)) => {
                // From behind, where ARNs differ.
                patterns.iter().zip(parts).rev().all(|(pattern, part)| pattern.matches(part, context))
            }
        }
    }

    /// `ArnLike` and `ArnEquals`, which are the same. Texts that are no ARNs cannot be compared.
    pub(crate) fn compares(&self, text: &str, context: &Context) -> Truth {
        let text = ArnText::new(text);
        match self {
            Self::Any => Truth::Yes,
            Self::Short(_) => Truth::Unsettled,
            Self::Whole(pattern) if !pattern.has_variables() => Truth::Unsettled,
            _ if text.parts.is_none() => Truth::Unsettled,
            _ => self.matches(&text, context).into(),
        }
    }

    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Whole(pattern) => pattern.valueless(context),
            Self::Parts(patterns) | Self::Short(patterns) => {
                patterns.iter().find_map(|pattern| pattern.valueless(context))
            }
        }
    }
}

/// Cuts the pieces at the first five colons of their literal text.
fn split(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut parts: Vec<Vec<Piece>> = Vec::new();
    let mut part = Vec::new();
    for piece in pieces {
        let Piece::Text(text) = piece else {
            part.push(piece.clone());
            continue;
        };
        let room = 6 - parts.len();
        for (number, field) in text.splitn(room, ':').enumerate() {
            if number > 0 {
                parts.push(std::mem::take(&mut part));
            }
            if !field.is_empty() {
                part.push(Piece::Text(field.into()));
            }
        }
    }
    parts.push(part);
    parts
}
