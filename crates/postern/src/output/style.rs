//! Colours. Nothing may be understood by colour alone.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

/// What went well: green.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What went wrong, or is refused: red.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look: yellow.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What to do next, and paths: cyan.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// Headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// The text in this style, ended again.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A text from a file, fit for a terminal: control characters, with which it could paint or move, as escapes.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let one = |c: char| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(one).collect())
}

/// The name of something in a file, as [`harmless`], and no longer than anybody gives one.
pub(crate) fn brief(name: &str) -> Cow<'_, str> {
    const MOST: usize = 100;
    match name.char_indices().nth(MOST) {
        Some((cut, _)) => Cow::Owned(format!("{}…", harmless(name.get(..cut).unwrap_or_default()))),
        None => harmless(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_file_moves_the_cursor() {
        assert_eq!(harmless("s3:Get* ä"), "s3:Get* ä");
        assert_eq!(harmless("a\u{1b}[31m\r\n\u{9b}"), "a\\u{1b}[31m\\u{d}\\u{a}\\u{9b}");
        assert_eq!(brief("a\u{7}"), "a\\u{7}");
        assert_eq!(brief(&"ä".repeat(1_000)), "ä".repeat(100) + "…");
    }
}
