//! A list to choose a target from, by typing some of its letters.

mod fit;
mod view;

use postern_types::Timestamp;

use self::fit::{Fit, Query};
use crate::{
    errors::CliError,
    prompt::{Key, Screen},
};

/// Lines of the list, on a terminal that is high enough.
const MOST: usize = 12;

/// A line of the list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What is searched and chosen.
    pub(crate) name: String,
    /// What it is.
    pub(crate) note: String,
    /// Until when its credentials are there.
    pub(crate) until: Option<Timestamp>,
    /// Those that weigh more stand before the others.
    pub(crate) weight: f64,
}

/// A key that ends the choice, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Enter.
    Open,
    /// Ctrl-O.
    Console,
    /// Ctrl-E.
    Env,
}

/// What the person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Chose a row, by name.
    Taken(String, Action),
    /// Left it with Escape.
    Left,
    /// Broke it off with Ctrl-C, or a signal did.
    Cancelled,
}

/// How the list presents itself.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// What stands at the right of the first line.
    pub(crate) title: String,
    /// What Enter does, in one word.
    pub(crate) enter: &'static str,
    /// Whether Ctrl-O and Ctrl-E do something.
    pub(crate) actions: bool,
    pub(crate) coloured: bool,
}

/// Lets a person choose.
pub(crate) fn choose(rows: Vec<Row>, query: &str, look: &Look) -> Result<Choice, CliError> {
    let mut screen = Screen::open()?;
    let mut picker = Picker::new(rows, query);
    loop {
        let (width, height) = screen.size();
        let room = height.saturating_sub(3).clamp(1, MOST);
        let (lines, cursor) = view::lines(&mut picker, look, width, room, Timestamp::now());
        screen.draw(lines, cursor)?;
        if let Some(key) = screen.key()?
            && let Some(choice) = picker.press(key, room, look.actions)
        {
            return Ok(choice);
        }
    }
}

/// The list, what was typed, and what of the list that leaves.
struct Picker {
    rows: Vec<Row>,
    query: String,
    shown: Vec<Shown>,
    /// Which of the shown.
    selected: usize,
    /// The first that is on the screen.
    top: usize,
}

/// A row that fits what was typed.
struct Shown {
    row: usize,
    fit: Fit,
}

impl Picker {
    fn new(mut rows: Vec<Row>, query: &str) -> Self {
        rows.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let query = query.chars().filter(|c| !c.is_control()).collect();
        let mut picker = Self { rows, query, shown: Vec::new(), selected: 0, top: 0 };
        picker.search();
        picker
    }

    /// Of rows that fit alike, the order stays.
    fn search(&mut self) {
        let query = Query::new(&self.query);
        let fitting = self.rows.iter().enumerate();
        self.shown =
            fitting.filter_map(|(row, found)| Some(Shown { row, fit: query.fit(&found.name)? })).collect();
        self.shown.sort_by_key(|shown| std::cmp::Reverse(shown.fit.score));
        (self.selected, self.top) = (0, 0);
    }

    fn press(&mut self, key: Key, page: usize, actions: bool) -> Option<Choice> {
        let last = self.shown.len().saturating_sub(1);
        match key {
            Key::Escape => return Some(Choice::Left),
            Key::Control('d') if self.query.is_empty() => return Some(Choice::Left),
            Key::Cancel => return Some(Choice::Cancelled),
            Key::Enter => return self.take(Action::Open),
            Key::Control('o') if actions => return self.take(Action::Console),
            Key::Control('e') if actions => return self.take(Action::Env),
            Key::Up | Key::Control('p' | 'k') => self.selected = self.selected.saturating_sub(1),
            Key::Down | Key::Control('n') => self.selected = (self.selected + 1).min(last),
            Key::PageUp => self.selected = self.selected.saturating_sub(page),
            Key::PageDown => self.selected = (self.selected + page).min(last),
            Key::Home => self.selected = 0,
            Key::End => self.selected = last,
            Key::Backspace => {
                self.query.pop();
                self.search();
            }
            Key::Control('u') => {
                self.query.clear();
                self.search();
            }
            Key::Control('w') => {
                let between = [' ', '/', '-'];
                let last = self.query.trim_end_matches(between);
                self.query.truncate(last.rfind(between).map_or(0, |at| at + 1));
                self.search();
            }
            Key::Char(c) => {
                self.query.push(c);
                self.search();
            }
            Key::Control(_) | Key::Other => {}
        }
        None
    }

    fn take(&self, action: Action) -> Option<Choice> {
        let row = self.rows.get(self.shown.get(self.selected)?.row)?;
        Some(Choice::Taken(row.name.clone(), action))
    }

    /// The rows on the screen, with the selected one among them.
    fn window(&mut self, room: usize) -> impl Iterator<Item = (bool, &Row, &Fit)> {
        self.top = self.top.clamp((self.selected + 1).saturating_sub(room), self.selected);
        let (selected, rows) = (self.selected, &self.rows);
        let shown = self.shown.iter().enumerate().skip(self.top).take(room);
        shown.filter_map(move |(index, shown)| Some((index == selected, rows.get(shown.row)?, &shown.fit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, weight: f64) -> Row {
        Row { name: name.to_owned(), note: String::new(), until: None, weight }
    }

    fn picker(query: &str) -> Picker {
        let rows =
            [("dev/readonly", 0.0), ("prod/developer", 3.0), ("prod/readonly", 1.0), ("dev/developer", 0.0)];
        Picker::new(rows.iter().map(|(name, weight)| row(name, *weight)).collect(), query)
    }

    fn names(picker: &mut Picker) -> Vec<String> {
        picker.window(10).map(|(_, row, _)| row.name.clone()).collect()
    }

    #[test]
    fn the_most_used_stand_first_and_typing_narrows() {
        let mut list = picker("");
        assert_eq!(names(&mut list), ["prod/developer", "prod/readonly", "dev/readonly", "dev/developer"]);
        for c in "dev".chars() {
            assert_eq!(list.press(Key::Char(c), 5, true), None);
        }
        // The beginning of a name goes before the middle of one that is used more.
        assert_eq!(names(&mut list), ["dev/readonly", "dev/developer", "prod/developer"]);
        list.press(Key::Backspace, 5, true);
        list.press(Key::Control('u'), 5, true);
        assert_eq!(names(&mut list).len(), 4);
        assert_eq!(names(&mut picker("prod/red")), ["prod/readonly"]);
        assert!(names(&mut picker("nothing")).is_empty());
    }

    #[test]
    fn keys_move_and_choose() {
        let mut list = picker("");
        for (key, selected) in [
            (Key::Up, 0),
            (Key::Down, 1),
            (Key::Control('n'), 2),
            (Key::PageDown, 3),
            (Key::Down, 3),
            (Key::Home, 0),
            (Key::End, 3),
            (Key::PageUp, 1),
        ] {
            assert_eq!(list.press(key, 2, true), None);
            assert_eq!(list.selected, selected, "{key:?}");
        }
        let taken = |action| Some(Choice::Taken("prod/readonly".to_owned(), action));
        assert_eq!(list.press(Key::Enter, 2, true), taken(Action::Open));
        assert_eq!(list.press(Key::Control('o'), 2, true), taken(Action::Console));
        assert_eq!(list.press(Key::Control('e'), 2, true), taken(Action::Env));
        assert_eq!(list.press(Key::Control('e'), 2, false), None);
        assert_eq!(list.press(Key::Escape, 2, true), Some(Choice::Left));
        assert_eq!(list.press(Key::Cancel, 2, true), Some(Choice::Cancelled));
        assert_eq!(picker("nothing").press(Key::Enter, 2, true), None, "there is nothing to choose");
    }

    #[test]
    fn the_selected_row_is_always_on_the_screen() {
        let mut list = Picker::new((0..100).map(|n| row(&format!("role-{n:02}"), 0.0)).collect(), "");
        let seen = |list: &mut Picker| {
            let rows: Vec<_> =
                list.window(5).map(|(selected, row, _)| (selected, row.name.clone())).collect();
            assert_eq!(rows.len(), 5);
            rows.into_iter().find(|(selected, _)| *selected).unwrap().1
        };
        for n in 1..=20 {
            list.press(Key::Down, 5, true);
            assert_eq!(seen(&mut list), format!("role-{n:02}"));
        }
        list.press(Key::End, 5, true);
        assert_eq!(seen(&mut list), "role-99");
        list.press(Key::Home, 5, true);
        assert_eq!(seen(&mut list), "role-00");
    }

    #[test]
    fn words_are_erased_one_by_one() {
        let mut list = picker("prod/dev x");
        for left in ["prod/dev ", "prod/", "", ""] {
            list.press(Key::Control('w'), 5, true);
            assert_eq!(list.query, left);
        }
    }
}
