//! Colours. Nothing may be understood by colour alone.

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
