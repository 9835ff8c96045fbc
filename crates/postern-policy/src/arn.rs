//! ARNs as policies match them: part by part.

use std::cell::OnceCell;

use crate::{
    Context, Truth,
    glob::{Case, Glob},
    pattern::{Pattern, Piece, Syntax, pieces},
    words::five_colons,
};

/// A request's ARN, cut at its first five colons; anything else is kept whole.
#[derive(Clone, Debug)]
pub(crate) struct ArnText<'a> {
    pub(crate) whole: &'a str,
    /// Where they stand, once somebody has asked: most patterns are compared with the whole.
    colons: OnceCell<Option<[usize; 5]>>,
}

impl<'a> ArnText<'a> {
    pub(crate) fn new(whole: &'a str) -> Self {
        Self { whole, colons: OnceCell::new() }
    }

    fn colons(&self) -> Option<[usize; 5]> {
        let find = || if self.whole.starts_with("arn:") { five_colons(self.whole) } else { None };
        *self.colons.get_or_init(find)
    }

    pub(crate) fn is_arn(&self) -> bool {
        self.colons().is_some()
    }

    /// The six parts.
    pub(crate) fn parts(&self) -> Option<[&'a str; 6]> {
        let text = self.whole;
        let [a, b, c, d, e] = self.colons()?;
        Some([
            text.get(..a)?,
            text.get(a + 1..b)?,
            text.get(b + 1..c)?,
            text.get(c + 1..d)?,
            text.get(d + 1..e)?,
            text.get(e + 1..)?,
        ])
    }

    /// The part that names the account; empty where the text is no ARN.
    pub(crate) fn account(&self) -> &'a str {
        let field = self.colons().and_then(|[.., d, e]| self.whole.get(d + 1..e));
        field.unwrap_or_default()
    }

    /// The part behind the fifth colon; empty where the text is no ARN.
    pub(crate) fn resource(&self) -> &'a str {
        self.colons().and_then(|[.., e]| self.whole.get(e + 1..)).unwrap_or_default()
    }
}

/// An ARN with wildcards and variables.
///
/// "You can use wildcard characters within any ARN segment (the parts separated by colons)": none of
/// them crosses a colon, except in the last part, which may hold colons of its own, and the `*` that
/// ends a segment of a `Resource` ([`Segments`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`
    Any,
    /// Neither variables nor, before the fifth colon, wildcards: the text matches as a whole.
    Plain(Glob),
    /// Neither before the fifth colon, which ends this many bytes: they stand for themselves.
    Headed(usize, Pattern),
    Parts(Box<[Pattern; 6]>),
    /// Fewer parts than six. IAM's own messages show the missing ones as `*`.
    Short(Box<[Pattern; 6]>),
    /// One of the former two, with a `*` at the end of a segment before the last.
    Running(Box<Self>, Segments),
    /// Something else: a text without six parts, or a variable that stands for all of them.
    Whole(Pattern),
}

impl ArnPattern {
    pub(crate) fn compile(text: &str, variables: bool) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let syntax = Syntax { wildcards: true, variables, ignore_case: false };
        let glob = Glob::new(text);
        let variable = if variables { text.find("${") } else { None };
        if text.starts_with("arn:")
            && let Some([.., colon]) = five_colons(text)
            && glob.head() > colon
            && let Some((head, rest)) = text.split_at_checked(colon + 1)
        {
            match variable {
                None => return Self::Plain(glob),
                Some(at) if at > colon => return Self::Headed(head.len(), Pattern::compile(rest, syntax)),
                Some(_) => {}
            }
        }
        let pieces = pieces(text, syntax);
        if matches!(&*pieces, [Piece::Many]) {
            return Self::Any;
        }
        let mut parts = split(&pieces, 6);
        let is_arn = parts.len() > 1
            && matches!(parts.first().map(Vec::as_slice), Some([Piece::Text(arn)]) if &**arn == "arn");
        let missing = 6_usize.saturating_sub(parts.len());
        let variable = pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }));
        if !is_arn || (missing > 0 && variable) {
            return Self::Whole(Pattern::from_pieces(pieces, false));
        }
        parts.resize(6, vec![Piece::Many]);
        let Ok(parts) = <[_; 6]>::try_from(parts) else {
            return Self::Whole(Pattern::from_pieces(pieces, false));
        };
        let parts = Box::new(parts.map(|part| Pattern::from_pieces(part, false)));
        let whole = if missing == 0 { Self::Parts(parts) } else { Self::Short(parts) };
        match Segments::compile(&pieces) {
            Some(segments) => Self::Running(Box::new(whole), segments),
            None => whole,
        }
    }

    /// Whether this, compiled from `pattern`, covers the text.
    pub(crate) fn matches(&self, pattern: &str, text: &ArnText<'_>, context: &Context) -> bool {
        match self {
            Self::Any => true,
            Self::Plain(glob) => glob.matches(pattern, text.whole, Case::Counts),
            Self::Headed(head, rest) => {
                let parts = pattern.get(..*head).and_then(|head| text.whole.strip_prefix(head));
                parts.is_some_and(|resource| rest.matches(resource, context))
            }
            Self::Whole(pattern) => pattern.matches(text.whole, context),
            Self::Parts(patterns) | Self::Short(patterns) => text.parts().is_some_and(|parts| {
                // From behind, where ARNs differ.
                patterns.iter().zip(parts).rev().all(|(pattern, part)| pattern.matches(part, context))
            }),
            Self::Running(parts, segments) => {
                parts.matches(pattern, text, context) || segments.matches(text, context)
            }
        }
    }

    /// `ArnLike` and `ArnEquals`, which are the same. Texts that are no ARNs cannot be compared.
    pub(crate) fn compares(&self, pattern: &str, text: &str, context: &Context) -> Truth {
        let text = ArnText::new(text);
        match self {
            Self::Any => Truth::Yes,
            // "Each of the six colon-delimited components of the ARN is checked separately".
            Self::Running(parts, _) => parts.compared(pattern, &text, context),
            _ => self.compared(pattern, &text, context),
        }
    }

    fn compared(&self, pattern: &str, text: &ArnText<'_>, context: &Context) -> Truth {
        match self {
            Self::Short(_) => Truth::Unsettled,
            Self::Whole(whole) if !whole.has_variables() => Truth::Unsettled,
            _ if !text.is_arn() => Truth::Unsettled,
            _ => self.matches(pattern, text, context).into(),
        }
    }

    /// Whether an ARN can match: six parts, `*`, or a variable for what is missing.
    pub(crate) fn is_arn(&self) -> bool {
        match self {
            Self::Any | Self::Plain(_) | Self::Headed(..) | Self::Parts(_) => true,
            Self::Running(parts, _) => parts.is_arn(),
            Self::Short(_) | Self::Whole(_) => self.has_variables(),
        }
    }

    pub(crate) fn has_variables(&self) -> bool {
        match self {
            Self::Any | Self::Plain(_) => false,
            Self::Headed(_, pattern) | Self::Whole(pattern) => pattern.has_variables(),
            Self::Parts(patterns) | Self::Short(patterns) => patterns.iter().any(Pattern::has_variables),
            Self::Running(parts, _) => parts.has_variables(),
        }
    }

    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        match self {
            Self::Any | Self::Plain(_) => None,
            Self::Headed(_, pattern) | Self::Whole(pattern) => pattern.valueless(context),
            Self::Parts(patterns) | Self::Short(patterns) => {
                patterns.iter().find_map(|pattern| pattern.valueless(context))
            }
            Self::Running(parts, _) => parts.valueless(context),
        }
    }
}

/// All segments of an ARN, one of which ends in a `*` that runs on.
///
/// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond
/// the colon boundaries" (*IAM User Guide*, Resource): `arn:aws:sqs:*:q` covers every queue `q`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments(Box<[(Pattern, bool)]>);

impl Segments {
    fn compile(pieces: &[Piece]) -> Option<Self> {
        let segments = split(pieces, usize::MAX);
        let runs = |segment: &Vec<Piece>| segment.last() == Some(&Piece::Many);
        let (_, before) = segments.split_last()?;
        if !before.iter().any(runs) {
            return None;
        }
        let segments = segments.into_iter().map(|segment| {
            let runs = runs(&segment);
            (Pattern::from_pieces(segment, false), runs)
        });
        Some(Self(segments.collect()))
    }

    /// Whether the text matches with at least one `*` that runs on. The segments are gone through as
    /// characters are in [`Pattern::matches`]: behind the last `*` that runs on, every start is tried once.
    fn matches(&self, text: &ArnText<'_>, context: &Context) -> bool {
        let colons = text.whole.bytes().filter(|byte| *byte == b':').count();
        if !text.is_arn() || colons < self.0.len() {
            return false;
        }
        let (mut number, mut rest) = (0, Some(text.whole));
        let mut star: Option<(usize, &str)> = None;
        loop {
            match (self.0.get(number), rest) {
                (None, None) => return true,
                (Some((pattern, runs)), Some(left)) => {
                    let (segment, behind) = first_segment(left);
                    if pattern.matches(segment, context) {
                        number += 1;
                        rest = behind;
                        if *runs {
                            let Some(behind) = behind else { return number == self.0.len() };
                            star = Some((number, behind));
                        }
                        continue;
                    }
                }
                _ => {}
            }
            let Some((after, start)) = star else { return false };
            let (_, behind) = first_segment(start);
            let Some(behind) = behind else { return after == self.0.len() };
            star = Some((after, behind));
            (number, rest) = (after, Some(behind));
        }
    }
}

fn first_segment(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(segment, behind)| (segment, Some(behind)))
}

/// Cuts the pieces at the first colons of their literal text, into at most so many parts.
fn split(pieces: &[Piece], most: usize) -> Vec<Vec<Piece>> {
    let mut parts: Vec<Vec<Piece>> = Vec::new();
    let mut part = Vec::new();
    for piece in pieces {
        let Piece::Text(text) = piece else {
            part.push(piece.clone());
            continue;
        };
        let room = most - parts.len();
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
