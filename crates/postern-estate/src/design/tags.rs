//! Tables of tags.

use super::read::{self, Errors, Section};
use crate::{MANAGED_TAG, Tags};

/// The most tags that AWS takes on one object, less postern's own.
const MOST: usize = 49;

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
        } else if name.eq_ignore_ascii_case(MANAGED_TAG) {
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
        if value.value.chars().count() > 256 || !value.value.chars().all(is_tag_character) {
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
            "AWS takes 50, and one is postern's own",
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

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, the characters that IAM's model takes in tags.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || matches!(c, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
}
