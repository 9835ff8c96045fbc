//! A person taken out of an estate file, everything else left as it is written.

use postern_types::UserName;
use toml_edit::{Array, DocumentMut, Item, RawString, TableLike, TomlError, Value};

/// The text without this person: without `[people.NAME]`, and without the name in every list called `people`. None
/// where the person does not stand in it. A comment that stands right before the name goes with it.
///
/// Whether an estate of that kind can be is not looked at: parse it.
///
/// # Errors
/// When the text is not TOML.
pub fn without_person(text: &str, name: &UserName) -> Result<Option<String>, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let mut gone = false;
    if let Some(people) = document.get_mut("people").and_then(Item::as_table_like_mut) {
        gone |= people.remove(name.as_str()).is_some();
    }
    in_members(document.as_table_mut(), name, &mut gone);
    Ok(gone.then(|| document.to_string()))
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

/// Takes a name out of a list, and what is remarked on it: the lines before it and the rest of its own.
fn out_of(list: &mut Array, name: &UserName) -> bool {
    let before = list.len();
    let place = |list: &Array| list.iter().position(|value| value.as_str() == Some(name.as_str()));
    while let Some(at) = place(list) {
        let own = list.remove(at).decor().prefix().and_then(RawString::as_str).unwrap_or_default().to_owned();
        // The rest of a line stands in what comes before the next value, or behind the last one.
        match list.get_mut(at) {
            Some(next) => {
                let behind = next.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
                let joined = joined(&own, behind).unwrap_or(own);
                next.decor_mut().set_prefix(joined);
            }
            None => {
                if let Some(joined) = joined(&own, list.trailing().as_str().unwrap_or_default()) {
                    list.set_trailing(joined);
                }
            }
        }
    }
    list.len() < before
}

/// What stands between two values when the one between them has gone: the rest of the former's line, and what comes
/// behind that of the one that went. None where that one ended no line.
fn joined(before: &str, behind: &str) -> Option<String> {
    let rest = behind.find('\n').and_then(|at| behind.get(at..))?;
    let line = before.split('\n').next().unwrap_or_default();
    Some(format!("{line}{rest}"))
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
    fn inline_tables_and_long_lists_count_too() {
        let text = "people = { alice = { groups = [] }, bob = { groups = [] } }\n\
                    [break_glass]\npeople = [\n  \"bob\",\n  \"alice\", # second\n]\n";
        let without = without_person(text, &"alice".parse().unwrap()).unwrap().unwrap();
        assert!(!without.contains("alice"), "{without}");
        assert!(without.contains("bob = { groups = [] }") && without.contains("  \"bob\",\n"), "{without}");
    }
}
