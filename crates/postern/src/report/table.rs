//! Aligned columns without lines, as `kubectl` and `docker` print them.

use crate::output::{BOLD, paint, shown_width as width};

/// A table of plain columns under bold headings. Colours inside cells do not disturb the alignment.
pub(crate) fn plain(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![headings.iter().map(|h| paint(BOLD, h)).collect::<Vec<_>>()];
    lines.extend(rows.iter().cloned());
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| lines.iter().filter_map(|l| l.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (cell, column) in line.iter().zip(&widths) {
            shown.push_str(cell);
            shown.push_str(&" ".repeat(column.saturating_sub(width(cell)) + 2));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_shift_columns() {
        let rows = vec![
            vec![paint(BOLD, "ab"), "x".into()],
            vec!["abcd".into(), "y".into()],
            vec!["é".into(), "z".into()],
        ];
        let text = anstream::adapter::strip_str(&plain(&["NAME", "V"], &rows)).to_string();
        assert_eq!(text, "NAME  V\nab    x\nabcd  y\né     z\n");
    }
}
