//! Changes to the files of `~/.aws` that leave every other byte as it is.

use std::ops::Range;

/// Why a file is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A block begins and never ends, or ends without a beginning.
    #[error("line {line}: a block of postern's that is not whole; mend or remove its marks by hand")]
    BrokenBlock {
        /// The line of the mark, from 1.
        line: usize,
    },
    /// There is no such line, or it is not what it was when the file was read.
    #[error("line {line}: the file has changed")]
    Changed {
        /// The line, from 1.
        line: usize,
    },
    /// The value goes on in the next line.
    #[error("line {line}: the value goes on in the next line; write it in one")]
    Continued {
        /// The line, from 1.
        line: usize,
    },
}

/// The mark above a block.
fn begin(name: &str) -> String {
    format!(
        "# >>> postern: profiles of the estate `{name}`, written by `postern profiles sync`: changes are lost >>>"
    )
}

/// The mark below a block.
fn end(name: &str) -> String {
    format!("# <<< postern: profiles of the estate `{name}` <<<")
}

/// Every line with its end, and where it stands.
fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let range = start..start + line.len();
        start = range.end;
        (range, line)
    })
}

/// Where the block of this name stands, its marks included.
///
/// # Errors
/// When there is only one of its marks, or the block stands there twice.
pub fn find_block(text: &str, name: &str) -> Result<Option<Range<usize>>, EditError> {
    let (begin, end) = (begin(name), end(name));
    let (mut open, mut found) = (None, None);
    for (index, (range, line)) in lines(text).enumerate() {
        let broken = EditError::BrokenBlock { line: index + 1 };
        match (line.trim_end() == begin, line.trim_end() == end, open) {
            (true, _, None) if found.is_none() => open = Some((range.start, index + 1)),
            (true, ..) | (_, true, None) => return Err(broken),
            (_, true, Some((start, _))) => (open, found) = (None, Some(start..range.end)),
            _ => {}
        }
    }
    match open {
        Some((_, line)) => Err(EditError::BrokenBlock { line }),
        None => Ok(found),
    }
}

/// The text without the block of this name: what stands outside is the person's own.
///
/// # Errors
/// As [`find_block`].
pub fn without_block(text: &str, name: &str) -> Result<String, EditError> {
    Ok(match find_block(text, name)? {
        Some(block) => [text.get(..block.start), text.get(block.end..)].into_iter().flatten().collect(),
        None => text.to_owned(),
    })
}

/// The text with this block, in the place of the one that was there, else at the end. An empty body takes the block
/// away. Line ends are those that the file has.
///
/// # Errors
/// As [`find_block`].
pub fn with_block(text: &str, name: &str, body: &str) -> Result<String, EditError> {
    let found = find_block(text, name)?;
    if body.is_empty() {
        return without_block(text, name);
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block: String = [begin(name).as_str(), body.trim_end(), end(name).as_str()]
        .into_iter()
        .flat_map(str::lines)
        .flat_map(|line| [line, line_end])
        .collect();
    Ok(match found {
        Some(at) => {
            [text.get(..at.start).unwrap_or_default(), &block, text.get(at.end..).unwrap_or_default()]
                .concat()
        }
        None => {
            let gap = match text {
                "" => "",
                text if text.ends_with('\n') => line_end,
                _ => &line_end.repeat(2),
            };
            [text, gap, &block].concat()
        }
    })
}

/// The text with some of its lines replaced; a line that is replaced by nothing goes.
///
/// `is` is held against each line that is to go, so that a file that was changed meanwhile is left alone.
///
/// # Errors
/// When a line is not what it was, or its value goes on in the next.
pub fn replace_lines(
    text: &str,
    changes: &[(usize, Option<&str>)],
    is: impl Fn(usize, &str) -> bool,
) -> Result<String, EditError> {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    for (line, _) in changes {
        let at = line.checked_sub(1).and_then(|at| all.get(at));
        if at.is_none_or(|text| !is(*line, text)) {
            return Err(EditError::Changed { line: *line });
        }
        // What stands deeper than a key goes on with its value.
        let indent = |line: &str| line.chars().take_while(|c| matches!(c, ' ' | '\t')).count();
        let own = at.map_or(0, |at| indent(at));
        if all.get(*line).is_some_and(|next| indent(next) > own && !next.trim().is_empty()) {
            return Err(EditError::Continued { line: *line });
        }
    }
    let mut out = String::with_capacity(text.len());
    for (index, line) in all.iter().enumerate() {
        match changes.iter().find(|(number, _)| *number == index + 1) {
            None => out.push_str(line),
            Some((_, None)) => {}
            Some((_, Some(new))) => {
                out.push_str(new);
                let content = line.trim_end_matches(['\r', '\n']);
                out.push_str(line.get(content.len()..).unwrap_or_default());
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "[profile a]\nregion = eu-central-1\n";

    #[test]
    fn a_block_is_put_at_the_end_replaced_in_its_place_and_taken_away() {
        let mine = "# my notes\n[default]\nregion=eu-west-1";
        let first = with_block(mine, "acme", BODY).unwrap();
        assert!(first.starts_with(&format!("{mine}\n\n# >>> postern")), "{first}");
        let more = format!("{first}[profile later]\n");
        let second = with_block(&more, "acme", "[profile b]").unwrap();
        assert!(second.ends_with("<<<\n[profile later]\n") && !second.contains("[profile a]"), "{second}");
        assert_eq!(with_block(&more, "acme", BODY).unwrap(), more, "the same again changes nothing");
        assert_eq!(without_block(&second, "acme").unwrap(), format!("{mine}\n\n[profile later]\n"));
        assert_eq!(with_block(&second, "acme", "").unwrap(), without_block(&second, "acme").unwrap());
        // Estates do not touch each other's blocks.
        let both = with_block(&second, "other", BODY).unwrap();
        assert_eq!(without_block(&both, "other").unwrap(), format!("{second}\n"));
        assert!(with_block("a=b\r\n", "acme", BODY).unwrap().contains("[profile a]\r\nregion"));
    }

    #[test]
    fn a_broken_block_is_named_and_left_alone() {
        let whole = with_block("", "acme", BODY).unwrap();
        let cut = whole.replace("# <<<", "# cut");
        assert_eq!(with_block(&cut, "acme", BODY), Err(EditError::BrokenBlock { line: 1 }));
        let headless = whole.replace("# >>>", "# cut");
        assert_eq!(find_block(&headless, "acme"), Err(EditError::BrokenBlock { line: 4 }));
        assert_eq!(find_block(&whole.repeat(2), "acme"), Err(EditError::BrokenBlock { line: 5 }));
    }

    #[test]
    fn lines_are_replaced_only_while_they_are_what_they_were() {
        let text = "[a]\r\nid = 1\r\nsecret = 2\r\n# end";
        let is = |_: usize, line: &str| line.contains('=');
        assert_eq!(
            replace_lines(text, &[(2, Some("kept = 1")), (3, None)], is).unwrap(),
            "[a]\r\nkept = 1\r\n# end"
        );
        assert_eq!(replace_lines(text, &[(1, None)], is), Err(EditError::Changed { line: 1 }));
        assert_eq!(replace_lines(text, &[(9, None)], is), Err(EditError::Changed { line: 9 }));
        assert_eq!(
            replace_lines("[a]\nx = 1\n  more\n", &[(2, None)], is),
            Err(EditError::Continued { line: 2 })
        );
    }

    proptest! {
        /// Whatever the file is, all of it stays.
        #[test]
        fn nothing_else_is_touched(text in "([a-z\\[\\]= #;\u{e9}\r]{0,12}\n){0,6}[a-z]{0,3}", body in "(\\[profile [a-z]\\]\n){1,3}") {
            let with = with_block(&text, "acme", &body).unwrap();
            prop_assert!(with.starts_with(&text));
            prop_assert_eq!(&with_block(&with, "acme", &body).unwrap(), &with);
            let without = without_block(&with, "acme").unwrap();
            prop_assert_eq!(without.trim_end(), text.trim_end());
        }
    }
}
