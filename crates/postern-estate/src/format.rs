//! The estate file in one order and one spacing, with every comment kept.
//!
//! Sections and their keys come in the order of the table of keys; what the author named (`[roles.developer]`)
//! keeps the order in which it was written. Meaning and comments stay: a text whose formatted form would say
//! something else is left alone.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table as TomlTable, Value};

use crate::design::keys::{Shape, TOP, Table};

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
}

/// The text of an estate file in its canonical form. The file need not be sound, but must be TOML.
///
/// # Errors
/// A text that is not TOML.
pub fn format_estate(text: &str) -> Result<String, FormatError> {
    let wrong = |message: String| FormatError { message };
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| wrong(format!("not TOML: {}", error.message())))?;
    let header = take_header(document.as_table_mut());
    let mut walk = Walk { tails: Tails::take(&mut document), ..Walk::default() };
    values(document.as_table_mut(), Some(&TOP), &mut true);
    give_header(document.as_table_mut(), &header);
    walk.begun = !document.as_table().get_values().is_empty();
    walk.children(document.as_table_mut(), Some(&TOP), true);
    let end = document.trailing().as_str().unwrap_or_default().trim();
    let end = if end.is_empty() { String::new() } else { format!("\n{}", comments(&format!("{end}\n"))) };
    document.set_trailing(format!("{}{end}", walk.tails.of(walk.last)));
    let formatted = document.to_string().trim_start_matches('\n').to_owned();
    // What this module does not foresee must not cost anyone a word.
    let same = |a: &str, b: &str| meaning(a).is_some() && meaning(a) == meaning(b);
    if !same(text, &formatted) || said(text) != said(&formatted) {
        return Err(wrong("this file cannot be laid out anew without changing what it says".to_owned()));
    }
    Ok(formatted)
}

fn meaning(text: &str) -> Option<toml::Table> {
    toml::from_str(text).ok()
}

/// The lines' words in any order: whatever is moved, none may go.
fn said(text: &str) -> Vec<char> {
    let mut characters: Vec<char> = text
        .trim_start_matches('\u{feff}')
        .chars()
        // Blanks, and the comma behind the last of a list, come and go with the layout.
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect();
    characters.sort_unstable();
    characters
}

/// Where a key stands among its siblings; unknown ones come last, as written.
fn rank(table: Option<&Table>, key: &str) -> usize {
    table.and_then(|table| table.names().position(|name| name == key)).unwrap_or(usize::MAX)
}

/// What stands above the file: the comments before the first blank line above the first key.
fn take_header(root: &mut TomlTable) -> String {
    let Some(above) = first_key_decor(root) else { return String::new() };
    match above.rsplit_once("\n\n") {
        Some((header, rest)) if !header.trim().is_empty() => {
            set_first_key_prefix(root, rest);
            comments(&format!("{}\n", header.trim()))
        }
        _ => String::new(),
    }
}

fn give_header(root: &mut TomlTable, header: &str) {
    if let (false, Some(prefix)) = (header.is_empty(), first_key_decor(root)) {
        set_first_key_prefix(root, &format!("{header}\n{prefix}"));
    }
}

/// The text above the first key that has a value, blank lines without blanks in them.
fn first_key_decor(root: &TomlTable) -> Option<String> {
    let values = root.get_values();
    let (path, _) = values.first()?;
    let prefix = path.last()?.leaf_decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
    Some(prefix.lines().map(str::trim).collect::<Vec<_>>().join("\n") + line_end(prefix))
}

fn line_end(text: &str) -> &'static str {
    if text.ends_with('\n') { "\n" } else { "" }
}

fn set_first_key_prefix(table: &mut TomlTable, prefix: &str) -> bool {
    table.iter_mut().any(|(mut key, item)| match item {
        Item::Value(_) => {
            key.leaf_decor_mut().set_prefix(prefix);
            true
        }
        Item::Table(inner) => inner.is_dotted() && set_first_key_prefix(inner, prefix),
        _ => false,
    })
}

/// Comments, one a line, with one blank line where there were some. What follows the last line end is
/// indentation and goes.
fn comments(text: &str) -> String {
    let Some((text, _)) = text.rsplit_once('\n') else { return String::new() };
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) || lines.is_empty() {
            lines.push(line);
        }
    }
    if lines.iter().all(|line| line.is_empty()) {
        return "\n".to_owned();
    }
    lines.join("\n") + "\n"
}

/// A comment behind something on its line.
fn behind(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        comment => format!(" {comment}"),
    }
}

/// The keys of one table that have values, and those of dotted tables among them.
fn values(table: &mut TomlTable, known: Option<&'static Table>, first: &mut bool) {
    // `sort_values_by` sorts stably, and sub-tables too, whose places are given later.
    table.sort_values_by(|a, _, b, _| rank(known, a.get()).cmp(&rank(known, b.get())));
    lay_out(table, first);
}

fn lay_out(table: &mut TomlTable, first: &mut bool) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Value(value) => {
                let above =
                    comments(key.leaf_decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default());
                let above = if *first { above.trim_start_matches('\n') } else { &above };
                let decor = key.leaf_decor_mut();
                decor.set_prefix(above);
                decor.set_suffix(" ");
                *first = false;
                let end = behind(value.decor().suffix().and_then(|raw| raw.as_str()).unwrap_or_default());
                self::value(value);
                value.decor_mut().set_prefix(" ");
                value.decor_mut().set_suffix(end);
            }
            Item::Table(inner) if inner.is_dotted() => {
                key.dotted_decor_mut().clear();
                lay_out(inner, first);
            }
            _ => {}
        }
    }
}

fn value(value: &mut Value) {
    match value {
        Value::Array(array) => self::array(array),
        Value::InlineTable(table) => inline(table),
        _ => {}
    }
}

/// `{ file = "x" }`; one over several lines stays as it is.
fn inline(table: &mut InlineTable) {
    if table.to_string().contains('\n') {
        return;
    }
    for (_, inner) in table.iter_mut() {
        value(inner);
    }
    table.fmt();
    table.set_trailing("");
    table.set_trailing_comma(false);
}

/// A list on one line stays there; one over several lines has a line for each item.
fn array(array: &mut Array) {
    if !array.to_string().contains('\n') {
        for item in array.iter_mut() {
            value(item);
        }
        array.fmt();
        array.set_trailing("");
        array.set_trailing_comma(false);
        return;
    }
    if array.iter().any(|item| bare(item).contains('\n')) {
        return;
    }
    let last = array.len().saturating_sub(1);
    let comma = array.trailing_comma();
    let mut below = array.trailing().as_str().unwrap_or_default().to_owned();
    for (n, item) in array.iter_mut().enumerate() {
        let above = lines_of_list(item.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default());
        let end = item.decor().suffix().and_then(|raw| raw.as_str()).unwrap_or_default();
        // A comment before the comma ends its line, so that the comma must follow on the next.
        let end = if end.trim().is_empty() {
            String::new()
        } else if n == last && !comma {
            below = format!("{end}\n{below}");
            String::new()
        } else {
            format!("{}\n    ", behind(end))
        };
        value(item);
        item.decor_mut().set_prefix(format!("{above}\n    "));
        item.decor_mut().set_suffix(end);
    }
    array.set_trailing_comma(!array.is_empty());
    array.set_trailing(format!("{}\n", lines_of_list(&below)));
}

/// A value without what stands around it.
fn bare(value: &Value) -> String {
    let mut value = value.clone();
    value.decor_mut().clear();
    value.to_string()
}

/// Comments inside of a list: the one on the line of the item before, then those that have lines of their own.
fn lines_of_list(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let mut found = lines.next().map(behind).unwrap_or_default();
    for line in lines.filter(|line| !line.is_empty()) {
        found.push_str("\n    ");
        found.push_str(line);
    }
    found
}

/// Takes the blanks out of a heading's brackets.
fn bare_heading(parent: &mut TomlTable, name: &str) {
    let heads = match parent.get(name) {
        Some(Item::Table(table)) => !table.is_dotted(),
        Some(Item::ArrayOfTables(_)) => true,
        _ => false,
    };
    if let (true, Some(mut key)) = (heads, parent.key_mut(name)) {
        key.leaf_decor_mut().clear();
        key.dotted_decor_mut().clear();
    }
}

/// Comments behind the last key of a table, with a blank line between them and the next heading: they belong
/// to what stands above, and the parser gives them to what comes below.
#[derive(Default)]
struct Tails(BTreeMap<isize, String>);

/// Where the keys stand that have no heading.
const ROOT: isize = -1;

impl Tails {
    /// Takes them from where the parser put them, each by the place of the table that it belongs to.
    fn take(document: &mut DocumentMut) -> Self {
        let mut headings: Vec<(isize, String)> = Vec::new();
        headings_of(document.as_table_mut(), &mut |table, position| {
            headings.push((position, prefix_of(table)));
        });
        headings.sort();
        let mut tails = Self::default();
        let mut rests: BTreeMap<isize, String> = BTreeMap::new();
        let mut above = ROOT;
        for (position, prefix) in headings {
            if let Some((tail, rest)) = split_tail(&prefix) {
                tails.0.insert(above, tail);
                rests.insert(position, rest);
            }
            above = position;
        }
        let end = format!("{}\n\n", document.trailing().as_str().unwrap_or_default());
        if let Some((tail, rest)) = split_tail(&end) {
            tails.0.insert(above, tail);
            document.set_trailing(rest);
        }
        headings_of(document.as_table_mut(), &mut |table, position| {
            if let Some(rest) = rests.remove(&position) {
                table.decor_mut().set_prefix(rest);
            }
        });
        tails
    }

    fn of(&self, position: isize) -> &str {
        self.0.get(&position).map_or("", String::as_str)
    }
}

fn prefix_of(table: &TomlTable) -> String {
    table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
}

/// Calls for every table that has a heading.
fn headings_of(parent: &mut TomlTable, call: &mut impl FnMut(&mut TomlTable, isize)) {
    for (_, item) in parent.iter_mut() {
        match item {
            Item::Table(table) => {
                if let (false, Some(position)) = (table.is_implicit() || table.is_dotted(), table.position())
                {
                    call(table, position);
                }
                headings_of(table, call);
            }
            Item::ArrayOfTables(tables) => {
                for table in tables.iter_mut() {
                    if let Some(position) = table.position() {
                        call(table, position);
                    }
                    headings_of(table, call);
                }
            }
            _ => {}
        }
    }
}

/// What stands before the first blank line, if the text does not begin with one; and the rest.
fn split_tail(text: &str) -> Option<(String, String)> {
    let text = text.lines().map(str::trim).collect::<Vec<_>>().join("\n") + line_end(text);
    let (tail, rest) = text.split_once("\n\n")?;
    let tail = tail.trim_end();
    (!tail.is_empty() && !tail.starts_with('\n')).then(|| (format!("{tail}\n"), format!("\n{rest}")))
}

/// The tables with headings, in the order in which they are to be written.
struct Walk {
    position: isize,
    /// Whether something stands above.
    begun: bool,
    /// The section that the last heading belonged to.
    section: Option<String>,
    /// Where the last table stood before.
    last: isize,
    tails: Tails,
}

impl Default for Walk {
    fn default() -> Self {
        Self { position: 0, begun: false, section: None, last: ROOT, tails: Tails::default() }
    }
}

impl Walk {
    fn children(&mut self, parent: &mut TomlTable, known: Option<&'static Table>, top: bool) {
        let mut names: Vec<(usize, String)> =
            parent.iter().map(|(name, _)| (rank(known, name), name.to_owned())).collect();
        names.sort_by_key(|(rank, _)| *rank);
        for (_, name) in names {
            let shape = known.and_then(|table| table.key(&name)).map(|key| &key.shape);
            bare_heading(parent, &name);
            let section = top.then_some(&*name);
            match parent.get_mut(&name) {
                Some(Item::Table(table)) => match shape {
                    Some(Shape::Named(_, inner)) => self.named(table, inner, section),
                    Some(Shape::Table(inner)) => self.table(table, Some(inner), section),
                    _ => self.table(table, None, section),
                },
                Some(Item::ArrayOfTables(tables)) => {
                    let inner = match shape {
                        Some(Shape::Repeated(inner)) => Some(*inner),
                        _ => None,
                    };
                    for table in tables.iter_mut() {
                        self.table(table, inner, section);
                    }
                }
                _ => {}
            }
        }
    }

    /// `[roles]` itself, if it is written, and `[roles.NAME]` for each name.
    fn named(&mut self, table: &mut TomlTable, inner: &'static Table, section: Option<&str>) {
        self.heading(table, section);
        let mut first = true;
        lay_out(table, &mut first);
        let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            bare_heading(table, &name);
            if let Some(Item::Table(entry)) = table.get_mut(&name) {
                self.table(entry, Some(inner), section);
            }
        }
    }

    fn table(&mut self, table: &mut TomlTable, known: Option<&'static Table>, section: Option<&str>) {
        if table.is_dotted() {
            return;
        }
        self.heading(table, section);
        values(table, known, &mut true);
        self.children(table, known, false);
    }

    /// Gives a heading its place, its comments, and a blank line above where its section begins.
    fn heading(&mut self, table: &mut TomlTable, section: Option<&str>) {
        if table.is_implicit() || table.is_dotted() {
            return;
        }
        let tail = self.tails.of(self.last).to_owned();
        self.last = table.position().unwrap_or(ROOT);
        self.position += 1;
        table.set_position(Some(self.position));
        let above = comments(table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default());
        let begins = section.is_some() && section != self.section.as_deref();
        if section.is_some() {
            self.section = section.map(str::to_owned);
        }
        self.begun |= !tail.is_empty();
        let above = match (self.begun, begins) {
            (false, _) => above.trim_start_matches('\n').to_owned(),
            (true, true) => format!("\n{}", above.trim_start_matches('\n')),
            (true, false) => above,
        };
        self.begun = true;
        let end = behind(table.decor().suffix().and_then(|raw| raw.as_str()).unwrap_or_default());
        table.decor_mut().set_prefix(tail + &above);
        table.decor_mut().set_suffix(end);
    }
}
