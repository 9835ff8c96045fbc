//! A person put into an estate file, everything else left as it is written.

use postern_types::{GroupName, UserName};
use toml_edit::{Array, DocumentMut, InlineTable, Item, RawString, Table, TomlError, Value};

use super::leave::as_edited;

/// Whom to put into an estate file.
#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    /// The name.
    pub name: &'a UserName,
    /// Groups to be a member of.
    pub groups: &'a [GroupName],
    /// Roles of the person's own, as the file writes them: `ACCOUNT/ROLE`.
    pub roles: &'a [String],
    /// Whether the person is to be one of the administrators.
    pub administrator: bool,
}

/// The text with this person. None where the file writes its people in a way that nothing can be added to.
///
/// Whether an estate of that kind can be is not looked at: parse it.
///
/// # Errors
/// When the text is not TOML.
pub fn with_person(text: &str, person: &NewPerson<'_>) -> Result<Option<String>, TomlError> {
    let Some((plain, ending)) = as_edited(text) else { return with(text, person) };
    Ok(with(&plain, person)?.map(|new| ending.restore(&new)))
}

fn with(text: &str, person: &NewPerson<'_>) -> Result<Option<String>, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let done = into_people(&mut document, person)
        && (!person.administrator || into_administrators(&mut document, person));
    Ok(done.then(|| document.to_string()))
}

fn into_people(document: &mut DocumentMut, person: &NewPerson<'_>) -> bool {
    let people = document.entry("people").or_insert_with(|| {
        let mut people = Table::new();
        people.set_implicit(true);
        Item::Table(people)
    });
    let keys = || {
        let groups = ("groups", list(person.groups.iter().map(GroupName::as_str)));
        let roles = ("roles", list(person.roles.iter().map(String::as_str)));
        [groups, roles].into_iter().filter(|(_, list)| !list.is_empty())
    };
    match people {
        // `[people]` with a person on each line, or `people = { … }`.
        Item::Table(table) if table.iter().any(|(_, item)| item.is_value()) => {
            table.insert(person.name.as_str(), Item::Value(Value::InlineTable(keys().collect())));
        }
        Item::Value(Value::InlineTable(table)) => {
            table.insert(person.name.as_str(), Value::InlineTable(keys().collect::<InlineTable>()));
        }
        Item::Table(table) => {
            let mut section = Table::new();
            for (key, list) in keys() {
                section.insert(key, Item::Value(Value::Array(list)));
            }
            // Sections stand apart by an empty line where the others do.
            section.decor_mut().set_prefix(if is_spaced(table) { "\n" } else { "" });
            table.insert(person.name.as_str(), Item::Table(section));
        }
        _ => return false,
    }
    true
}

/// Whether the people that are there have empty lines between them; alone, a section has one before it.
fn is_spaced(people: &Table) -> bool {
    let before = |item: &Item| {
        let prefix = item.as_table()?.decor().prefix().and_then(RawString::as_str)?;
        Some(prefix.starts_with('\n'))
    };
    people.iter().filter_map(|(_, item)| before(item)).last().unwrap_or(true)
}

fn into_administrators(document: &mut DocumentMut, person: &NewPerson<'_>) -> bool {
    let administrators = document.entry("administrators").or_insert_with(|| Item::Table(Table::new()));
    let Some(section) = administrators.as_table_like_mut() else { return false };
    let people = section.entry("people").or_insert_with(|| Item::Value(Value::Array(Array::new())));
    let Some(people) = people.as_array_mut() else { return false };
    let name = person.name.as_str();
    if people.iter().any(|one| one.as_str() == Some(name)) {
        return true;
    }
    // One name to a line where that is how the last one stands.
    let last = people.iter().last().and_then(|last| last.decor().prefix().and_then(RawString::as_str));
    match last.filter(|prefix| prefix.contains('\n')).map(str::to_owned) {
        Some(prefix) => {
            let indent = prefix.rsplit('\n').next().unwrap_or_default();
            people.push_formatted(Value::from(name).decorated(format!("\n{indent}"), ""));
        }
        None => people.push(name),
    }
    true
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> Array {
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str, name: &str, groups: &[&str], roles: &[&str], administrator: bool) -> String {
        let groups: Vec<GroupName> = groups.iter().map(|group| group.parse().unwrap()).collect();
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let name = name.parse().unwrap();
        let person = NewPerson { name: &name, groups: &groups, roles: &roles, administrator };
        with_person(text, &person).unwrap().unwrap()
    }

    #[test]
    fn a_person_comes_after_the_others_and_the_rest_stays_as_written() {
        let before = "# ours\nname =  'acme'   # the tag\n\n[administrators]\npeople = [\"carol\"] # one\n\n\
                      [people.bob]\ngroups=[\"a\"]\n";
        let after = "\n# the end\n[third_parties.x]\naccount = \"1\"\n# really\n";
        let new = add(&format!("{before}{after}"), "zoe", &["a", "b"], &["dev/x"], false);
        let zoe = "\n[people.zoe]\ngroups = [\"a\", \"b\"]\nroles = [\"dev/x\"]\n";
        assert_eq!(new, format!("{before}{zoe}{after}"));

        let dense = add("[people.a]\n[people.b]\ngroups = []\n", "c", &[], &[], false);
        assert_eq!(dense, "[people.a]\n[people.b]\ngroups = []\n[people.c]\n");
        assert_eq!(add("name = 1", "a", &["g"], &[], false), "name = 1\n\n[people.a]\ngroups = [\"g\"]\n");
    }

    #[test]
    fn other_ways_of_writing_are_kept_up() {
        for (before, after) in [
            (
                "[people]\nbob = { groups = [] }\n",
                "[people]\nbob = { groups = [] }\nzoe = { groups = [\"g\"] }\n",
            ),
            ("people = { bob = {} }\n", "people = { bob = {} , zoe = { groups = [\"g\"] } }\n"),
            (
                "a = 1\r\n\r\n[people.bob]\r\n",
                "a = 1\r\n\r\n[people.bob]\r\n\r\n[people.zoe]\r\ngroups = [\"g\"]\r\n",
            ),
            ("\u{feff}a = 1 # x\n", "\u{feff}a = 1 # x\n\n[people.zoe]\ngroups = [\"g\"]\n"),
        ] {
            let new = add(before, "zoe", &["g"], &[], false);
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&new), squeezed(after), "{before}");
        }
        let name = "zoe".parse().unwrap();
        let person = NewPerson { name: &name, groups: &[], roles: &[], administrator: false };
        assert_eq!(with_person("people = 1\n", &person).unwrap(), None);
        assert!(with_person("= x", &person).is_err());
    }

    #[test]
    fn administrators_are_added_as_they_are_listed() {
        for (before, after) in [
            ("people = [\"carol\"] # one\n", "people = [\"carol\", \"zoe\"] # one\n"),
            (
                "people = [\n  \"bob\", # b\n  \"carol\",\n]\n",
                "people = [\n  \"bob\", # b\n  \"carol\",\n  \"zoe\",\n]\n",
            ),
            ("people = [\"zoe\"]\n", "people = [\"zoe\"]\n"),
            ("", "people = [\"zoe\"]\n"),
        ] {
            let new = add(&format!("[administrators]\n{before}"), "zoe", &[], &[], true);
            assert_eq!(new, format!("[administrators]\n{after}\n[people.zoe]\n"));
        }
        let new = add("name = 1\n", "zoe", &[], &[], true);
        assert_eq!(new, "name = 1\n\n[people.zoe]\n\n[administrators]\npeople = [\"zoe\"]\n");
    }
}
