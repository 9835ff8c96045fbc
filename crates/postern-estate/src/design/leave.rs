//! A person taken out of an estate file, everything else left as it is written.

use postern_types::UserName;
use toml_edit::{Array, Decor, Document, DocumentMut, Item, RawString, TableLike, TomlError, Value};

/// The text without this person: without `[people.NAME]`, and without the name in every list called `people`. None
/// where the person does not stand in it. A comment that stands right before the name goes with it.
///
/// Whether an estate of that kind can be is not looked at: parse it.
///
/// # Errors
/// When the text is not TOML.
pub fn without_person(text: &str, name: &UserName) -> Result<Option<String>, TomlError> {
    let Some((plain, ending)) = as_edited(text) else { return without(text, name) };
    Ok(without(&plain, name)?.map(|new| ending.restore(&new)))
}

fn without(text: &str, name: &UserName) -> Result<Option<String>, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let mut gone = false;
    in_members(document.as_table_mut(), name, &mut gone);
    let text = document.to_string();
    let Some(people) = document.get_mut("people").and_then(Item::as_table_like_mut) else {
        return Ok(gone.then_some(text));
    };
    let Some(removed) = people.remove(name.as_str()) else { return Ok(gone.then_some(text)) };
    let mut new = document.to_string();
    // A comment that an empty line parts from the section is about more than this person.
    let before = removed.as_table().and_then(|table| prefix(table.decor())).unwrap_or_default();
    let kept = before.rfind("\n\n").and_then(|end| before.get(..=end)).filter(|kept| kept.contains('#'));
    if let (Some(kept), Some(header)) = (kept, header_of(&text, name)) {
        let at = header.saturating_sub(before.len());
        if new.is_char_boundary(at) {
            new.insert_str(at, kept);
        }
    }
    Ok(Some(new))
}

/// Where the person's section begins.
fn header_of(text: &str, name: &UserName) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    Some(document.get("people")?.get(name.as_str())?.span()?.start)
}

fn in_members(table: &mut dyn TableLike, name: &UserName, gone: &mut bool) {
    for (key, item) in table.iter_mut() {
        match item {
            Item::Value(Value::Array(list)) if key == "people" => *gone |= out_of(list, name),
            Item::ArrayOfTables(tables) => {
                for table in tables.iter_mut() {
                    in_members(table, name, gone);
                }
            }
            item => {
                if let Some(inner) = item.as_table_like_mut() {
                    in_members(inner, name, gone);
                }
            }
        }
    }
}

/// Takes a name out of a list, with what stands on its line and above it.
fn out_of(list: &mut Array, name: &UserName) -> bool {
    let before = list.len();
    let position = |list: &Array| list.iter().position(|value| value.as_str() == Some(name.as_str()));
    while let Some(at) = position(list) {
        take(list, at);
    }
    list.len() < before
}

/// What is written before a value begins with the rest of the line before, a comment perhaps, which stays.
fn take(list: &mut Array, at: usize) {
    let removed = list.remove(at);
    let before = prefix(removed.decor()).unwrap_or_default();
    let instead = |after: &str| match (before.split_once('\n'), after.split_once('\n')) {
        (Some((line, _)), Some((_, next))) => format!("{line}\n{next}"),
        (Some(_), None) => before.to_owned(),
        (None, _) if at == 0 => before.to_owned(),
        (None, _) => after.to_owned(),
    };
    let suffix = removed.decor().suffix().and_then(RawString::as_str).unwrap_or_default();
    if let Some(next) = list.get_mut(at) {
        let new = instead(prefix(next.decor()).unwrap_or_default());
        next.decor_mut().set_prefix(new);
    } else if list.trailing_comma() {
        let trailing = list.trailing().as_str().unwrap_or_default();
        if trailing.contains('\n') {
            list.set_trailing(instead(trailing));
        }
    } else if let Some(last) = at.checked_sub(1).and_then(|at| list.get_mut(at)) {
        last.decor_mut().set_suffix(if suffix.contains('\n') { instead(suffix) } else { suffix.to_owned() });
    }
}

fn prefix(decor: &Decor) -> Option<&str> {
    decor.prefix().and_then(RawString::as_str)
}

/// How a file marks its encoding and ends its lines, which the writer does not keep.
pub(super) struct Ending {
    bom: bool,
    windows: bool,
}

const BOM: char = '\u{feff}';

/// The text in the form that is edited; none where that is how it is written.
pub(super) fn as_edited(text: &str) -> Option<(String, Ending)> {
    let ending = Ending { bom: text.starts_with(BOM), windows: text.contains("\r\n") };
    (ending.bom || ending.windows).then(|| (text.trim_start_matches(BOM).replace("\r\n", "\n"), ending))
}

impl Ending {
    pub(super) fn restore(&self, text: &str) -> String {
        let text = if self.windows { text.replace('\n', "\r\n") } else { text.to_owned() };
        if self.bom { format!("{BOM}{text}") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_goes_and_the_rest_stays_as_written() {
        let text = "# ours\nname = \"acme\"  # the tag\n\n[administrators]\npeople = [\"alice\", \"carol\"] # both\n\n\
                    [people.alice]\ngroups = [\"a\"]\n\n# bob does the books\n[people.bob]\ngroups = [\"b\"]\n";
        let expected = "# ours\nname = \"acme\"  # the tag\n\n[administrators]\npeople = [\"carol\"] # both\n\n\
                        # bob does the books\n[people.bob]\ngroups = [\"b\"]\n";
        let alice = "alice".parse().unwrap();
        let without = without_person(text, &alice).unwrap().unwrap();
        assert_eq!(without.replace("\n\n\n", "\n\n"), expected);
        assert_eq!(without_person(&without, &alice).unwrap(), None);
        assert!(without_person("= nonsense", &alice).is_err());
    }

    #[test]
    fn what_is_remarked_on_the_others_stays_with_them() {
        let list = |text: &str| format!("[administrators]\npeople = {text}\n");
        for (text, expected) in [
            ("[\"alice\", \"bob\", \"carol\"]", "[\"bob\", \"carol\"]"),
            ("[\"bob\", \"alice\"]", "[\"bob\"]"),
            (
                "[\n  # one\n  \"bob\", # first\n  # two\n  \"alice\", # second\n  # three\n  \"carol\", # third\n]",
                "[\n  # one\n  \"bob\", # first\n  # three\n  \"carol\", # third\n]",
            ),
            ("[\n  \"alice\", # first\n  \"bob\", # second\n]", "[\n  \"bob\", # second\n]"),
            ("[\n  \"bob\", # first\n  \"alice\", # second\n]", "[\n  \"bob\", # first\n]"),
        ] {
            let without = without_person(&list(text), &"alice".parse().unwrap()).unwrap();
            assert_eq!(without, Some(list(expected)), "{text}");
        }
    }

    #[test]
    fn a_list_keeps_what_stands_beside_the_others() {
        for (before, after) in [
            ("[\n  \"bob\", # b\n  \"alice\", # a\n]", "[\n  \"bob\", # b\n]"),
            ("[\n  \"alice\", # a\n  \"bob\", # b\n]", "[\n  \"bob\", # b\n]"),
            (
                "[ # all\n  \"x\", # x\n  # of alice\n  \"alice\", # a\n  # of bob\n  \"bob\" # b\n]",
                "[ # all\n  \"x\", # x\n  # of bob\n  \"bob\" # b\n]",
            ),
            ("[\n  \"bob\", # b\n  \"alice\"\n]", "[\n  \"bob\" # b\n]"),
            ("[ \"alice\", \"bob\" ]", "[ \"bob\" ]"),
            ("[ \"bob\", \"alice\" ]", "[ \"bob\" ]"),
            ("[\"a\", \"alice\", \"b\"]", "[\"a\", \"b\"]"),
        ] {
            let text = |list: &str| format!("[administrators]\npeople = {list} # end\n");
            let without = without_person(&text(before), &"alice".parse().unwrap()).unwrap().unwrap();
            assert_eq!(without, text(after));
        }
    }

    #[test]
    fn comments_of_a_whole_part_stay() {
        let alice = "alice".parse().unwrap();
        let text = "a = 1\n\n# The people\n\n# alice\n[people.alice]\ngroups = []\n\n[people.bob]\n";
        let without = without_person(text, &alice).unwrap().unwrap();
        assert_eq!(without, "a = 1\n\n# The people\n\n[people.bob]\n");
        let windows = format!("{BOM}{}", text.replace('\n', "\r\n"));
        let without = without_person(&windows, &alice).unwrap().unwrap();
        assert_eq!(without, format!("{BOM}a = 1\r\n\r\n# The people\r\n\r\n[people.bob]\r\n"));
    }

    #[test]
    fn inline_tables_count_too() {
        let text = "people = { alice = { groups = [] }, bob = { groups = [] } }\n";
        let without = without_person(text, &"alice".parse().unwrap()).unwrap().unwrap();
        assert!(!without.contains("alice") && without.contains("bob = { groups = [] }"), "{without}");
    }
}
