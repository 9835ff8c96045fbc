//! Tables of tags.

use super::read::{self, Errors, Section};
use crate::{MANAGED_TAG, TAGS_TAG, Tags};

/// The most tags that AWS takes on one object, less postern's own two.
const MOST: usize = 48;

/// The longest value of a tag.
const LONGEST: usize = 256;

/// What stands before the names of tags that are no estate's: postern's own.
const OWN: &str = "postern:";

/// Reads the key `tags` of a section.
pub(super) fn tags(section: &Section<'_, '_>, errors: &mut Errors) -> Tags {
    let mut tags = Tags::new();
    let Some((table, _)) = section.table("tags", errors) else { return tags };
    for (key, value) in table {
        let name: &str = key.get_ref();
        let wrong = if name.is_empty() || name.chars().count() > 128 {
            Some("a tag's key has 1 to 128 characters")
        } else if name.to_ascii_lowercase().starts_with("aws:") {
            Some("keys that begin with `aws:` are AWS's own")
        } else if [MANAGED_TAG, TAGS_TAG].iter().any(|own| name.eq_ignore_ascii_case(own)) {
            Some("postern sets this tag itself")
        } else if !name.chars().all(is_tag_character) {
            Some("a tag's key holds letters, digits, blanks and `_.:/=+-@`")
        } else if tags.keys().any(|other: &String| other.eq_ignore_ascii_case(name)) {
            Some("IAM does not tell tag keys apart by case")
        } else {
            None
        };
        if let Some(help) = wrong {
            errors.help(key.span(), format!("the tag `{}` cannot be set", name.escape_debug()), help);
            continue;
        }
        let Some(value) = read::string(value, &format!("the tag `{name}`"), errors) else { continue };
        if value.value.chars().count() > LONGEST || !value.value.chars().all(is_tag_character) {
            let help = "a tag's value has at most 256 letters, digits, blanks and `_.:/=+-@`";
            errors.help(value.span, format!("the tag `{name}` cannot have this value"), help);
            continue;
        }
        tags.insert(name.to_owned(), value.value.to_owned());
    }
    if tags.len() > MOST {
        errors.help(
            section.span,
            format!("too many tags{}", section.place()),
            "AWS takes 50, and two are postern's own",
        );
    }
    tags
}

/// An object's own tags beside those of the estate: of two keys that are the same to IAM, its own counts.
pub(crate) fn merged(own: &Tags, of_estate: &Tags) -> Tags {
    let mut all = own.clone();
    for (key, value) in of_estate {
        if !own.keys().any(|other| other.eq_ignore_ascii_case(key)) {
            all.insert(key.clone(), value.clone());
        }
    }
    all
}

/// Whether an object can carry these tags and postern's own.
pub(crate) fn fit(tags: &Tags) -> bool {
    tags.len() <= MOST
}

/// The value of [`TAGS_TAG`]: the keys of an object's tags from the file, as many as a value holds; none where there
/// are none. A key that does not fit stays on the object when it leaves the file.
pub(crate) fn list(tags: &Tags) -> Option<String> {
    let mut list = String::new();
    for key in tags.keys() {
        // Keys and values take the same characters, blanks among them.
        let key = key.replace('=', "==").replace(' ', "=_");
        if list.chars().count() + 1 + key.chars().count() > LONGEST {
            continue;
        }
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(&key);
    }
    (!list.is_empty()).then_some(list)
}

/// The tags of an object that came from the file and are not in it any more.
pub(crate) fn surplus(found: &Tags, wanted: &Tags) -> Vec<String> {
    let Some(list) = found.get(TAGS_TAG) else { return Vec::new() };
    let is_wanted = |key: &String| wanted.keys().any(|other| other.eq_ignore_ascii_case(key));
    let listed = list.split(' ').map(unlisted).filter(|key| found.contains_key(key) && !key.starts_with(OWN));
    let mut keys: Vec<String> = listed.filter(|key| !is_wanted(key)).collect();
    if !wanted.contains_key(TAGS_TAG) {
        keys.push(TAGS_TAG.to_owned());
    }
    keys
}

/// A key as it was before it came into a list.
fn unlisted(listed: &str) -> String {
    let mut key = String::with_capacity(listed.len());
    let mut rest = listed.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('=', Some('_')) => key.push(' '),
            ('=', Some('=')) => key.push('='),
            _ => {
                key.push(c);
                continue;
            }
        }
        rest.next();
    }
    key
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, the characters that IAM's model takes in tags.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || matches!(c, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(keys: &[&str]) -> Tags {
        keys.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect()
    }

    #[test]
    fn a_list_names_each_key_and_is_read_back() {
        for keys in [&["team"][..], &["a b", "a=b", "a=_b", "= ="], &["a_b", "Team", "ä@/.:+-"]] {
            let wanted = tags(keys);
            let mut found = wanted.clone();
            let listed = list(&wanted).unwrap();
            assert!(listed.chars().all(is_tag_character), "{listed}");
            found.insert(TAGS_TAG.to_owned(), listed);
            found.insert("by hand".to_owned(), "stays".to_owned());
            let mut all: Vec<String> = wanted.keys().cloned().collect();
            all.push(TAGS_TAG.to_owned());
            let mut gone = surplus(&found, &Tags::new());
            gone.sort();
            all.sort();
            assert_eq!(gone, all);
            let mut still = wanted.clone();
            still.insert(TAGS_TAG.to_owned(), list(&wanted).unwrap());
            assert!(surplus(&found, &still).is_empty());
        }
        assert_eq!(list(&Tags::new()), None);
    }

    #[test]
    fn what_is_not_known_to_come_from_the_file_stays() {
        assert!(surplus(&tags(&["team", MANAGED_TAG]), &Tags::new()).is_empty(), "no list");
        let mut found = tags(&["team", MANAGED_TAG]);
        found.insert(TAGS_TAG.to_owned(), "postern:managed gone TEAM".to_owned());
        let mut wanted = tags(&[MANAGED_TAG]);
        assert_eq!(surplus(&found, &wanted), [TAGS_TAG], "neither postern's own nor what is not there");
        found.insert(TAGS_TAG.to_owned(), "team".to_owned());
        wanted.extend([("Team".to_owned(), "y".to_owned()), (TAGS_TAG.to_owned(), "Team".to_owned())]);
        assert!(surplus(&found, &wanted).is_empty(), "IAM does not tell keys apart by case");
        // Where not all fit, those that do are known.
        let many: Tags = (0..48).map(|n| (format!("a-rather-long-key-{n:02}"), String::new())).collect();
        let listed = list(&many).unwrap();
        assert!(listed.len() <= LONGEST && listed.split(' ').count() == 12, "{listed}");
    }
}
