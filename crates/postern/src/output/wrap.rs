//! Lines broken where the terminal ends. Escape sequences count for nothing.

/// Columns where nobody says how many there are: a pipe, a file.
const DEFAULT: usize = 100;
/// Narrower than this nothing can be shown; wider than that nobody reads.
const RANGE: std::ops::RangeInclusive<usize> = 60..=120;

/// How wide text may be: the terminal's columns, else what `COLUMNS` says, else a width fit for files.
pub(crate) fn columns(terminal: Option<u16>, variable: Option<&str>) -> usize {
    let said = || variable.and_then(|text| text.trim().parse::<u16>().ok());
    let columns = terminal.filter(|columns| *columns > 0).or_else(said).filter(|columns| *columns > 0);
    columns.map_or(DEFAULT, usize::from).clamp(*RANGE.start(), *RANGE.end())
}

/// Characters that show.
pub(crate) fn shown_width(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

/// Prose, broken between words; a word that no line could hold is broken inside.
pub(crate) fn prose(text: &str, first: &str, rest: &str, width: usize) -> String {
    let room = width.saturating_sub(shown_width(rest)).max(1);
    let mut lines = Lines::new(first, rest, width);
    for word in text.split(' ') {
        // A painted word is one of ours, and short.
        if shown_width(word) <= room || word.contains('\u{1b}') {
            lines.push(" ", word);
            continue;
        }
        let characters: Vec<char> = word.chars().collect();
        for (index, piece) in characters.chunks(room).enumerate() {
            lines.push(if index == 0 { " " } else { "" }, &piece.iter().collect::<String>());
        }
    }
    lines.finish("")
}

/// A command as it is typed, continued with backslashes: what is copied from the screen can be run. An option
/// stays with its value where both fit, and no word is ever broken.
pub(crate) fn command(text: &str, first: &str, rest: &str, width: usize) -> String {
    const CONTINUED: &str = " \\";
    let whole = format!("{first}{text}");
    if shown_width(&whole) <= width {
        return whole;
    }
    let room = width.saturating_sub(CONTINUED.len());
    let mut units: Vec<String> = Vec::new();
    for word in typed_words(text) {
        match units.last_mut() {
            Some(unit) if !word.starts_with('-') => {
                unit.push(' ');
                unit.push_str(word);
            }
            _ => units.push(word.to_owned()),
        }
    }
    let mut lines = Lines::new(first, rest, room);
    for unit in units {
        if shown_width(rest) + shown_width(&unit) <= room {
            lines.push(" ", &unit);
        } else {
            typed_words(&unit).into_iter().for_each(|word| lines.push(" ", word));
        }
    }
    lines.finish(CONTINUED)
}

/// Words as a shell takes them: a space between single quotation marks separates nothing.
fn typed_words(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '\'';
        c == ' ' && !quoted
    })
    .collect()
}

/// A statement of a policy, broken behind commas and before `if`, `and`, `on` and `to`; between other words only
/// where nothing else helps.
pub(crate) fn clauses(text: &str, first: &str, rest: &str, width: usize) -> String {
    let mut units: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match units.last_mut() {
            Some(unit) if !(unit.ends_with(',') || matches!(word, "if" | "and" | "on" | "to")) => {
                unit.push(' ');
                unit.push_str(word);
            }
            _ => units.push(word.to_owned()),
        }
    }
    let mut lines = Lines::new(first, rest, width);
    for unit in units {
        if shown_width(rest) + shown_width(&unit) <= width {
            lines.push(" ", &unit);
        } else {
            unit.split(' ').for_each(|word| lines.push(" ", word));
        }
    }
    lines.finish("")
}

/// Lines that are being filled.
struct Lines<'a> {
    done: Vec<String>,
    line: String,
    empty: bool,
    rest: &'a str,
    width: usize,
}

impl<'a> Lines<'a> {
    fn new(first: &str, rest: &'a str, width: usize) -> Self {
        Self { done: Vec::new(), line: first.to_owned(), empty: true, rest, width }
    }

    /// Adds a piece: on this line, behind the separator, or on the next one.
    fn push(&mut self, separator: &str, piece: &str) {
        if !self.empty && shown_width(&self.line) + separator.len() + shown_width(piece) > self.width {
            let line = std::mem::replace(&mut self.line, self.rest.to_owned());
            self.done.push(line.trim_end().to_owned());
            self.empty = true;
        }
        if !self.empty {
            self.line.push_str(separator);
        }
        self.line.push_str(piece);
        self.empty = false;
    }

    fn finish(mut self, continued: &str) -> String {
        self.done.push(self.line.trim_end().to_owned());
        self.done.join(&format!("{continued}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{BAD, paint};

    #[test]
    fn the_terminal_counts_before_the_variable_and_both_have_bounds() {
        for (terminal, variable, expected) in [
            (Some(80), Some("90"), 80),
            (Some(0), Some("90"), 90),
            (None, Some("90"), 90),
            (None, None, 100),
            (None, Some("wide"), 100),
            (None, Some("-1"), 100),
            (None, Some("0"), 100),
            (Some(20), None, 60),
            (Some(400), None, 120),
        ] {
            assert_eq!(columns(terminal, variable), expected, "{terminal:?} {variable:?}");
        }
    }

    #[test]
    fn prose_is_broken_between_words_and_inside_only_those_that_fit_nowhere() {
        let arn = "arn:aws:iam::222222222222:role/postern/a-name-that-no-line-of-sixty-columns-holds";
        for text in ["word ".repeat(60), format!("refused {arn} because"), format!("{arn} {arn}")] {
            let broken = prose(text.trim_end(), "> ", "  ", 60);
            assert!(broken.lines().all(|line| line.chars().count() <= 60), "{broken}");
            let letters = |text: &str| text.replace([' ', '\n', '>'], "");
            assert_eq!(letters(&broken), letters(&text));
        }
        assert_eq!(prose("aaaa bbbb", "> ", "  ", 8), "> aaaa\n  bbbb");
        let painted = paint(BAD, "aaaa");
        assert_eq!(prose(&format!("{painted} bbb"), "", "", 8), format!("{painted} bbb"));
    }

    #[test]
    fn a_continued_command_is_the_same_command() {
        let text = "aws sts assume-role --role-arn arn:aws:iam::222222222222:role/postern/developer \
                    --role-session-name thief";
        for width in 60..=120 {
            let shown = command(text, "  $ ", "      ", width);
            assert!(shown.lines().all(|line| line.chars().count() <= width), "{width}:\n{shown}");
            let joined = shown.trim_start_matches("  $ ").replace(" \\\n      ", " ");
            assert_eq!(joined, text);
        }
        assert!(command(text, "  $ ", "      ", 80).contains(" \\\n      --role-arn arn:"));
    }

    #[test]
    fn what_is_quoted_is_not_broken() {
        let header = format!("-H 'Authorization: Bearer {}'", "x".repeat(60));
        let shown = command(&format!("curl {header} -d '{{\"a\": 1}}' http://127.0.0.1"), "", "  ", 60);
        assert_eq!(shown, format!("curl -H \\\n  {} \\\n  -d '{{\"a\": 1}}' http://127.0.0.1", &header[3..]));
    }

    #[test]
    fn clauses_break_where_a_reader_breathes() {
        let text = "+ Allow sts:AssumeRole to arn:aws:iam::111111111111:root if aws:PrincipalArn is \
                    arn:aws:iam::111111111111:user/postern/carol and aws:MultiFactorAuthPresent is true";
        assert_eq!(
            clauses(text, "        ", "            ", 100),
            "        + Allow sts:AssumeRole to arn:aws:iam::111111111111:root\n            \
             if aws:PrincipalArn is arn:aws:iam::111111111111:user/postern/carol\n            \
             and aws:MultiFactorAuthPresent is true"
        );
        for width in [72, 80, 90, 120] {
            let broken = clauses(text, "        ", "          ", width);
            assert!(broken.lines().all(|line| line.chars().count() <= width), "{width}:\n{broken}");
        }
        assert_eq!(clauses("a to b", "", "  ", 60), "a to b");
    }
}
