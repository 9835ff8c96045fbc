//! Texts with wildcards, matched as they are written.

use crate::words::same_folded;

/// What is known beforehand of a text with wildcards: how much of it stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// The bytes before the first wildcard.
    head: usize,
}

/// Whether letters match in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Counts,
    /// ASCII letters match in both.
    Ignored,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let wildcard = |byte: u8| byte == b'*' || byte == b'?';
        Self { head: pattern.bytes().position(wildcard).unwrap_or(pattern.len()) }
    }

    /// The bytes before the first wildcard.
    pub(crate) const fn head(self) -> usize {
        self.head
    }

    /// Whether the pattern, which must be the one this was made from, covers the text.
    pub(crate) fn matches(self, pattern: &str, text: &str, case: Case) -> bool {
        let (Some((literal, wild)), Some((start, rest))) =
            (pattern.split_at_checked(self.head), text.as_bytes().split_at_checked(self.head))
        else {
            return false;
        };
        same(literal.as_bytes(), start, case)
            && match wild {
                "" => rest.is_empty(),
                "*" => true,
                // The literal ends on a boundary of characters, and so does its equal.
                _ => text.get(self.head..).is_some_and(|rest| wildcards(wild, rest, case)),
            }
    }
}

/// Whether a whole pattern covers a whole text.
pub(crate) fn glob(pattern: &str, text: &str, case: Case) -> bool {
    Glob::new(pattern).matches(pattern, text, case)
}

/// Between two `*` lies a run of characters and `?`. The first run stands at the beginning, the last at
/// the end, and each of the others at the first place where it fits: taking a later one never helps. So
/// the work is bounded by the lengths of pattern and text multiplied.
fn wildcards(pattern: &str, text: &str, case: Case) -> bool {
    let Some((first, others)) = pattern.split_once('*') else {
        return strip_start(pattern, text, case).is_some_and(str::is_empty);
    };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    let between = strip_start(first, text, case).and_then(|rest| strip_end(last, rest, case));
    let Some(mut rest) = between else { return false };
    middle.split('*').all(|run| match find(run, rest, case) {
        Some(behind) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// The text behind the first place where the run fits.
fn find<'t>(run: &str, text: &'t str, case: Case) -> Option<&'t str> {
    // Trying every place is quickest for short runs; a long one is searched in linear time.
    if run.len() > 32 && case == Case::Counts && !run.contains('?') {
        return text.find(run).and_then(|at| text.get(at + run.len()..));
    }
    if run.is_empty() {
        return Some(text);
    }
    text.char_indices().find_map(|(at, _)| text.get(at..).and_then(|rest| strip_start(run, rest, case)))
}

/// The text without a run at its beginning.
fn strip_start<'t>(run: &str, text: &'t str, case: Case) -> Option<&'t str> {
    let mut rest = text.chars();
    for wanted in run.chars() {
        let found = rest.next()?;
        if wanted != '?' && !same_char(wanted, found, case) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// The text without a run at its end.
fn strip_end<'t>(run: &str, text: &'t str, case: Case) -> Option<&'t str> {
    let mut rest = text.chars();
    for wanted in run.chars().rev() {
        let found = rest.next_back()?;
        if wanted != '?' && !same_char(wanted, found, case) {
            return None;
        }
    }
    Some(rest.as_str())
}

fn same(a: &[u8], b: &[u8], case: Case) -> bool {
    match case {
        Case::Counts => a == b,
        Case::Ignored => same_folded(a, b),
    }
}

fn same_char(a: char, b: char, case: Case) -> bool {
    match case {
        Case::Counts => a == b,
        Case::Ignored => a.eq_ignore_ascii_case(&b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_where_they_must_stand() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "ß", true),
            ("a*b", "ab", true),
            ("a*b", "aXbX", false),
            ("a*a", "a", false),
            ("a**c", "abc", true),
            ("*ab*ab*", "xabxab", true),
            ("*ab*ab*", "xabxa", false),
            ("*a?c*", "aabc", true),
            ("*?", "", false),
            ("??*?", "äöü", true),
            ("*é", "café", true),
            ("a*bb*a", "abba", true),
            ("a*bb*a", "aba", false),
        ] {
            assert_eq!(glob(pattern, text, Case::Counts), expected, "{pattern} {text}");
        }
        assert!(glob("S3:Get*ACL", "s3:getObjectAcl", Case::Ignored));
        assert!(!glob("S3:Get*ACL", "s3:getObjectAcl", Case::Counts));
        let long = "x".repeat(40);
        assert!(glob(&format!("a*{long}*z"), &format!("a-{long}-z"), Case::Counts));
        assert!(!glob(&format!("a*{long}*z"), &format!("a-{}-z", &long[1..]), Case::Counts));
    }
}
