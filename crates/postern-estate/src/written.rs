//! TOML as postern writes it for people: comments that wrap, and values that cannot break out of their place.

use std::fmt::Write as _;

/// The columns that comments take.
const WIDTH: usize = 110;

/// The file as it is written.
#[derive(Default)]
pub(crate) struct File(String);

impl File {
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A comment, on as many lines as it takes. What AWS told may stand in it, and must not end it.
    pub(crate) fn remark(&mut self, text: &str) {
        let indent = if text.starts_with("- ") { "  " } else { "" };
        let mut line = "#".to_owned();
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty())
        {
            if line.chars().count() + word.chars().count() >= WIDTH && line.len() > indent.len() + 1 {
                self.line(&line);
                line = format!("#{indent}");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    pub(crate) fn remarks(&mut self, texts: &[String]) {
        texts.iter().for_each(|text| self.remark(text));
    }

    /// What a section is for, apart from what is said of its first entry.
    pub(crate) fn section(&mut self, text: &str, of_first: &[String]) {
        self.line("");
        self.remark(text);
        if !of_first.is_empty() {
            self.line("");
        }
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.0, "{key} = {}", string(text));
    }

    pub(crate) fn list<'t>(&mut self, key: &str, items: impl IntoIterator<Item = &'t str>) {
        let items: Vec<String> = items.into_iter().map(string).collect();
        let _ = writeln!(self.0, "{key} = [{}]", items.join(", "));
    }
}

/// A TOML string.
fn string(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A TOML key: bare where it can be.
pub(crate) fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { string(name) }
}
