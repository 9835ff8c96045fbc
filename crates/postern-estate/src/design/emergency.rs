//! `[break_glass]`: text to [`BreakGlass`].

use toml::de::DeValue;

use super::{
    AccountName, BreakGlass, RoleAccounts, keys,
    parse::without_repeats,
    read::{Errors, Section},
    role,
};

/// Reads the section, if there is one.
pub(super) fn break_glass(top: &Section<'_, '_>, errors: &mut Errors) -> Option<BreakGlass> {
    let (table, span) = top.table("break_glass", errors)?;
    let section = Section::open(table, span, ("break_glass", ""), &keys::BREAK_GLASS, errors);
    if section.get("people").is_none() {
        section.missing("people", TWO, errors);
    }
    let people = section.parse_list("people", errors);
    let listed = section.get("people").map(|value| (value.span(), value.get_ref()));
    if let Some((span, DeValue::Array(items))) = listed
        && items.len() < 2
    {
        let count = if items.is_empty() { "nobody" } else { "one person only" };
        errors.help(span, format!("{count}{}", section.place()), TWO);
    }
    Some(BreakGlass {
        span,
        people: without_repeats(people, |a, b| a == b, "person", errors),
        accounts: role::accounts(&section, errors),
    })
}

const TWO: &str = "name two or more of `[people]`: one alone may be the one who cannot be reached";

impl BreakGlass {
    /// Whether the role is made in this account; the bastion is called `bastion`.
    #[must_use]
    pub fn is_made_in(&self, account: &str) -> bool {
        match &self.accounts {
            RoleAccounts::All => true,
            RoleAccounts::Named(names) => {
                names.iter().map(|name| &name.value).any(|name: &AccountName| name.as_str() == account)
            }
        }
    }
}
