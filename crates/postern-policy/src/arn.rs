//! ARNs as policies match them: part by part.

use std::cell::OnceCell;

use crate::{
    Context, Truth,
    glob::{Case, Glob, glob},
    pattern::{Pattern, Piece, Syntax, first_variable, pieces},
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
    /// Wildcards before the fifth colon and no variables: the text matches part by part as it is written.
    Written(Written),
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
        let variable = if variables { first_variable(text) } else { None };
        if text.starts_with("arn:")
            && let Some(colons @ [.., colon]) = five_colons(text)
        {
            let head = text.split_at_checked(colon + 1).filter(|_| glob.head() > colon);
            match (head, variable) {
                (Some(_), None) => return Self::Plain(glob),
                (Some((head, rest)), Some(at)) if at > colon => {
                    return Self::Headed(head.len(), Pattern::compile(rest, syntax));
                }
                (None, None) => {
                    if let Some(written) = Written::new(text, colons) {
                        return Self::Written(written);
                    }
                }
                _ => {}
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
            Self::Written(written) => written.covers(pattern, text) || written.runs_on(pattern, text),
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
            Self::Written(written) if text.is_arn() => written.covers(pattern, &text).into(),
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
            Self::Any | Self::Plain(_) | Self::Written(_) | Self::Headed(..) | Self::Parts(_) => true,
            Self::Running(parts, _) => parts.is_arn(),
            Self::Short(_) | Self::Whole(_) => self.has_variables(),
        }
    }

    pub(crate) fn has_variables(&self) -> bool {
        match self {
            Self::Any | Self::Plain(_) | Self::Written(_) => false,
            Self::Headed(_, pattern) | Self::Whole(pattern) => pattern.has_variables(),
            Self::Parts(patterns) | Self::Short(patterns) => patterns.iter().any(Pattern::has_variables),
            Self::Running(parts, _) => parts.has_variables(),
        }
    }

    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        match self {
            Self::Any | Self::Plain(_) | Self::Written(_) => None,
            Self::Headed(_, pattern) | Self::Whole(pattern) => pattern.valueless(context),
            Self::Parts(patterns) | Self::Short(patterns) => {
                patterns.iter().find_map(|pattern| pattern.valueless(context))
            }
            Self::Running(parts, _) => parts.valueless(context),
        }
    }
}

/// What is known beforehand of an ARN without variables: nothing of it is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Where its first five colons stand.
    colons: [u32; 5],
    /// Whether a `*` ends a segment before the last.
    runs: bool,
}

impl Written {
    /// None where the places cannot be told in 32 bits.
    fn new(text: &str, colons: [usize; 5]) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        Some(Self { colons: colons.map(|colon| colon as u32), runs: text.contains("*:") })
    }

    /// Whether each of the six parts covers the one of the text. The last ones first, where ARNs differ.
    fn covers(self, pattern: &str, text: &ArnText<'_>) -> bool {
        let Some(parts) = text.parts() else { return false };
        let mut end = pattern.len();
        let places = self.colons.iter().rev().map(|colon| *colon as usize);
        // What stands before the first colon is `arn` in both.
        places.zip(parts.into_iter().rev()).all(|(colon, part)| {
            let own = pattern.get(colon + 1..end);
            end = colon;
            own.is_some_and(|own| glob(own, part, Case::Counts))
        })
    }

    /// As [`Segments::matches`].
    fn runs_on(self, pattern: &str, text: &ArnText<'_>) -> bool {
        let colons = |text: &str| text.bytes().filter(|byte| *byte == b':').count();
        self.runs
            && text.is_arn()
            && colons(text.whole) > colons(pattern)
            && run_on(pattern, text.whole, |left, segment| {
                let (own, behind) = first_segment(left);
                (glob(own, segment, Case::Counts), own.ends_with('*'), behind)
            })
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

    /// Whether the text matches with at least one `*` that runs on.
    fn matches(&self, text: &ArnText<'_>, context: &Context) -> bool {
        let colons = text.whole.bytes().filter(|byte| *byte == b':').count();
        text.is_arn()
            && colons >= self.0.len()
            && run_on(0, text.whole, |number, segment| {
                let next = Some(number + 1).filter(|next| *next < self.0.len());
                self.0.get(number).map_or((false, false, None), |(pattern, runs)| {
                    (pattern.matches(segment, context), *runs, next)
                })
            })
    }
}

/// Goes through the segments as [`Pattern::matches`] goes through characters: behind the last `*` that runs on,
/// every start is tried once. Of the segment at a place of the pattern and of one of the text, `take` tells whether
/// it covers that, whether it runs on, and the place of the next one.
fn run_on<P: Copy>(first: P, text: &str, take: impl Fn(P, &str) -> (bool, bool, Option<P>)) -> bool {
    let (mut wanted, mut rest) = (Some(first), Some(text));
    let mut star: Option<(Option<P>, &str)> = None;
    loop {
        match (wanted, rest) {
            (None, None) => return true,
            (Some(place), Some(left)) => {
                let (segment, behind) = first_segment(left);
                let (covers, runs, next) = take(place, segment);
                if covers {
                    (wanted, rest) = (next, behind);
                    if runs {
                        let Some(behind) = behind else { return next.is_none() };
                        star = Some((next, behind));
                    }
                    continue;
                }
            }
            _ => {}
        }
        let Some((after, start)) = star else { return false };
        let (_, behind) = first_segment(start);
        let Some(behind) = behind else { return after.is_none() };
        star = Some((after, behind));
        (wanted, rest) = (after, Some(behind));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of a few characters out of these, up to a length.
    fn all(characters: &[char], length: usize) -> Vec<String> {
        let mut list = vec![String::new()];
        let mut last = list.clone();
        for _ in 0..length {
            last =
                last.iter().flat_map(|text| characters.iter().map(move |c| format!("{text}{c}"))).collect();
            list.extend(last.iter().cloned());
        }
        list
    }

    /// The pattern in the general form, as it is compiled where a variable stands in it.
    fn in_pieces(text: &str) -> ArnPattern {
        let pieces = pieces(text, Syntax { wildcards: true, variables: false, ignore_case: false });
        let parts = <[_; 6]>::try_from(split(&pieces, 6)).unwrap();
        let parts = ArnPattern::Parts(Box::new(parts.map(|part| Pattern::from_pieces(part, false))));
        match Segments::compile(&pieces) {
            Some(segments) => ArnPattern::Running(Box::new(parts), segments),
            None => parts,
        }
    }

    #[test]
    fn what_is_matched_as_written_matches_as_in_pieces() {
        let context = Context::new();
        let texts: Vec<String> =
            all(&['a', ':'], 5).into_iter().map(|rest| format!("arn:aws:s:{rest}::a")).collect();
        let mut written = 0;
        for middle in all(&['a', '*', '?', ':'], 4) {
            let pattern = format!("arn:*:s:{middle}:*a");
            let compiled = ArnPattern::compile(&pattern, true);
            if !matches!(compiled, ArnPattern::Written(_)) {
                continue;
            }
            written += 1;
            let general = in_pieces(&pattern);
            for text in &texts {
                let arn = ArnText::new(text);
                let (one, other) =
                    (compiled.matches(&pattern, &arn, &context), general.matches(&pattern, &arn, &context));
                assert_eq!(one, other, "{pattern} {text}");
                let (one, other) =
                    (compiled.compares(&pattern, text, &context), general.compares(&pattern, text, &context));
                assert_eq!(one, other, "{pattern} {text}");
            }
        }
        assert!(written > 100, "{written}");
    }
}
