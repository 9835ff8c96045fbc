//! The list as lines of a terminal of any width.

use std::borrow::Cow;

use postern_types::Timestamp;

use super::{Fit, Look, Picker, Row};
use crate::{
    daily::time_left,
    output::{BOLD, DIM, GOOD, HINT, harmless, paint},
};

/// From this width on, what a row is stands beside its name.
const WITH_NOTES: usize = 56;
/// And from this on the time that is left.
const WITH_TIMES: usize = 24;

/// All lines, none wider than the terminal, and where the cursor stands in the first.
pub(super) fn lines(
    picker: &mut Picker,
    look: &Look,
    width: usize,
    room: usize,
    now: Timestamp,
) -> (Vec<String>, usize) {
    // The last column stays free: some terminals wrap as soon as it is written.
    let width = width.saturating_sub(1);
    let styled = |style, text: &str| if look.coloured { paint(style, text) } else { text.to_owned() };
    let (first, cursor) = query_line(&picker.query, &look.title, width, &styled);
    let footer = footer(picker.shown.len(), picker.rows.len(), look, width);
    let columns = Columns::of(&picker.rows, width, now);
    let mut lines = vec![first];
    for (selected, row, fit) in picker.window(room) {
        lines.push(row_line(selected, row, fit, &columns, now, &styled));
    }
    if lines.len() == 1 {
        lines.push(cut("  nothing fits", width));
    }
    lines.push(styled(DIM, &footer));
    (lines, cursor)
}

fn query_line(
    query: &str,
    title: &str,
    width: usize,
    styled: &dyn Fn(anstyle::Style, &str) -> String,
) -> (String, usize) {
    // Of what is longer than the line, the end is seen.
    let length = query.chars().count();
    let typed: String = query.chars().skip(length.saturating_sub(width.saturating_sub(3))).collect();
    let cursor = 2 + typed.chars().count();
    let title = cut(title, width);
    let gap = width.saturating_sub(cursor + title.chars().count());
    let mark = styled(HINT, ">");
    if gap < 3 || title.is_empty() {
        return (format!("{mark} {typed}"), cursor);
    }
    (format!("{mark} {typed}{}{}", " ".repeat(gap), styled(DIM, &title)), cursor)
}

/// How wide each column is; the same for all rows, so that nothing jumps while one types.
struct Columns {
    name: usize,
    note: usize,
    left: usize,
}

impl Columns {
    fn of(rows: &[Row], width: usize, now: Timestamp) -> Self {
        let widest = |measure: &dyn Fn(&Row) -> usize| rows.iter().map(measure).max().unwrap_or(0);
        let left = widest(&|row| left(row, now).chars().count());
        let left = if left == 0 || width < WITH_TIMES { 0 } else { left + 2 };
        let note = if width < WITH_NOTES { 0 } else { widest(&|row| row.note.chars().count()) };
        let note = if note == 0 { 0 } else { note + 2 };
        let name = widest(&|row| harmless(&row.name).chars().count());
        Self { name: name.min(width.saturating_sub(2 + note + left)), note, left }
    }
}

/// What is left of a row's credentials, to the minute: the list is looked at, not watched.
fn left(row: &Row, now: Timestamp) -> String {
    match row.until {
        Some(until) if until > now => match time_left(until, now).split_once("m ") {
            Some((minutes, _)) => format!("{minutes}m"),
            None => time_left(until, now),
        },
        _ => String::new(),
    }
}

fn row_line(
    selected: bool,
    row: &Row,
    fit: &Fit,
    columns: &Columns,
    now: Timestamp,
    styled: &dyn Fn(anstyle::Style, &str) -> String,
) -> String {
    let (shown, name) = name(selected, row, fit, columns.name, styled);
    let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.chars().count()));
    let mut line = if selected { format!("{} {name}", styled(HINT, ">")) } else { format!("  {name}") };
    let left = if columns.left == 0 { String::new() } else { left(row, now) };
    if columns.note > 0 && !(row.note.is_empty() && left.is_empty()) {
        let padding = pad(&shown, columns.name);
        line.push_str(&format!("{padding}  {}{}", styled(DIM, &row.note), pad(&row.note, columns.note - 2)));
    } else if !left.is_empty() {
        line.push_str(&pad(&shown, columns.name));
    }
    if !left.is_empty() {
        line.push_str(&format!("{}{}", pad(&left, columns.left), styled(GOOD, &left)));
    }
    line
}

/// A row's name as it is shown, and the same with the letters marked that were typed.
fn name(
    selected: bool,
    row: &Row,
    fit: &Fit,
    width: usize,
    styled: &dyn Fn(anstyle::Style, &str) -> String,
) -> (String, String) {
    let harmless = harmless(&row.name);
    let shown = cut(&harmless, width);
    // A name with escapes in it is another than was searched, and nothing in it is marked.
    let is_marked = |index: usize| matches!(harmless, Cow::Borrowed(_)) && fit.letters.contains(&index);
    let characters: Vec<(usize, char)> = shown.chars().enumerate().collect();
    let runs = characters.chunk_by(|a, b| is_marked(a.0) == is_marked(b.0));
    let painted = runs.map(|run| {
        let text: String = run.iter().map(|(_, c)| c).collect();
        let marked = run.first().is_some_and(|(index, _)| is_marked(*index));
        match (marked, selected) {
            (true, true) => styled(HINT.bold(), &text),
            (true, false) => styled(HINT, &text),
            (false, true) => styled(BOLD, &text),
            (false, false) => text,
        }
    });
    let painted = painted.collect();
    (shown, painted)
}

/// The keys, as many words of them as the line holds.
fn footer(fitting: usize, all: usize, look: &Look, width: usize) -> String {
    let enter = look.enter;
    let (long, short) = if look.actions {
        (
            format!("enter {enter}   ^O console   ^E print env   esc leave"),
            format!("enter {enter} ^O console ^E env esc"),
        )
    } else {
        (format!("enter {enter}   esc leave"), format!("enter {enter} esc"))
    };
    let count = format!("{fitting}/{all}");
    let forms = [format!("  {count}   {long}"), format!("{count} {short}"), short];
    let fits = forms.iter().find(|form| form.chars().count() <= width);
    cut(fits.unwrap_or(&count), width)
}

/// A text's beginning, with a mark where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    match width.checked_sub(1) {
        None => String::new(),
        Some(room) => text.chars().take(room).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::shown_width;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn picker() -> Picker {
        let row = |name: &str, note: &str, left: Option<i64>| Row {
            name: name.to_owned(),
            note: note.to_owned(),
            until: left.map(|left| Timestamp::from_second(1_800_000_000 + left).unwrap()),
            weight: 0.0,
        };
        Picker::new(
            vec![
                row("prod/developer", "222222222222", Some(2_580)),
                row("prod/readonly", "222222222222", None),
                row("a-profile-with-a-name-that-is-longer-than-most", "profile", Some(200)),
                row("evil\u{1b}[31m", "profile", Some(-5)),
            ],
            "",
        )
    }

    fn look(actions: bool) -> Look {
        Look { title: "alice, 9h 12m left".to_owned(), enter: "shell", actions, coloured: false }
    }

    fn shown(width: usize, query: &str) -> String {
        let mut picker = picker();
        picker.query = query.to_owned();
        picker.search();
        let (lines, cursor) = lines(&mut picker, &look(true), width, 10, now());
        assert_eq!(cursor, 2 + query.len());
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    #[test]
    fn eighty_columns_show_everything() {
        insta::assert_snapshot!(shown(80, ""), @r"
        >                                                            alice, 9h 12m left
        > prod/developer                                  222222222222  43m
          prod/readonly                                   222222222222
          a-profile-with-a-name-that-is-longer-than-most  profile        3m
          evil\u{1b}[31m                                  profile
          4/4   enter shell   ^O console   ^E print env   esc leave
        ");
    }

    #[test]
    fn forty_columns_show_names_and_time() {
        insta::assert_snapshot!(shown(40, "ro"), @r"
        > ro                 alice, 9h 12m left
        > prod/developer                    43m
          prod/readonly
          a-profile-with-a-name-that-is-l…   3m
        3/4 enter shell ^O console ^E env esc
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 1..100 {
            for (query, coloured) in [("", true), ("rod", false), ("nothing at all that fits", true)] {
                let mut picker = picker();
                picker.query = query.to_owned();
                picker.search();
                let look = Look { coloured, ..look(width % 2 == 0) };
                let (lines, cursor) = lines(&mut picker, &look, width, 3, now());
                for line in &lines {
                    assert!(width < 5 || shown_width(line) < width, "{width}: {line}");
                    assert!(coloured || !line.contains('\u{1b}'));
                }
                assert!(width < 5 || cursor < width);
            }
        }
    }
}
