//! A person taken out of an estate file, everything else left as it is written.

use postern_types::UserName;
use toml_edit::{Array, DocumentMut, Item, TableLike, TomlError, Value};

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

/// Takes a name out of a list. Whatever comes first keeps the place of what came first.
fn out_of(list: &mut Array, name: &UserName) -> bool {
    let before = list.len();
    let first = list.get(0).map(|value| value.decor().clone());
    list.retain(|value| value.as_str() != Some(name.as_str()));
    if let (Some(value), Some(decor)) = (list.get_mut(0), first) {
        *value.decor_mut() = decor;
    }
    list.len() < before
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
    fn inline_tables_and_long_lists_count_too() {
        let text = "people = { alice = { groups = [] }, bob = { groups = [] } }\n\
                    [break_glass]\npeople = [\n  \"bob\",\n  \"alice\", # second\n]\n";
        let without = without_person(text, &"alice".parse().unwrap()).unwrap().unwrap();
        assert!(!without.contains("alice"), "{without}");
        assert!(without.contains("bob = { groups = [] }") && without.contains("  \"bob\",\n"), "{without}");
    }
}
