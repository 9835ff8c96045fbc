//! A password policy as a plan shows it.

use postern_estate::{Action, PasswordPolicy, Step};

use super::counted;

/// The password policy that a step replaces, where there was one.
pub(super) fn replaced(step: &Step) -> Option<&PasswordPolicy> {
    match &step.inverse {
        Some(Action::UpdateAccountPasswordPolicy { policy }) => Some(policy),
        _ => None,
    }
}

/// What a password policy demands, as far as it is new.
pub(super) fn demands(old: Option<&PasswordPolicy>, new: &PasswordPolicy) -> Vec<String> {
    let list = |policy: &PasswordPolicy| {
        let kinds: Vec<&str> = [
            (policy.require_uppercase, "upper case"),
            (policy.require_lowercase, "lower case"),
            (policy.require_numbers, "numbers"),
            (policy.require_symbols, "symbols"),
        ]
        .into_iter()
        .filter_map(|(wanted, kind)| wanted.then_some(kind))
        .collect();
        let or_none =
            |kinds: Vec<&str>| if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
        [
            ("length", format!("{} or more", policy.minimum_length)),
            ("must hold", or_none(kinds)),
            ("expires", policy.max_age_days.map_or("never".to_owned(), |days| counted(days.into(), "day"))),
            ("not among the last", policy.reuse_prevention.map_or("-".to_owned(), |n| n.to_string())),
            ("people change their own", if policy.allow_users_to_change { "yes" } else { "no" }.to_owned()),
            (
                "once expired",
                if policy.hard_expiry { "only an administrator resets it" } else { "-" }.to_owned(),
            ),
        ]
    };
    let before = old.map(list);
    let unset = "-";
    list(new)
        .into_iter()
        .enumerate()
        .filter_map(|(index, (what, now))| {
            let was = before.as_ref().and_then(|list| list.get(index)).map(|(_, text)| text.as_str());
            match was {
                Some(was) if was == now => None,
                Some(was) => Some(format!("{what}: {was} -> {now}")),
                None if now == unset => None,
                None => Some(format!("{what}: {now}")),
            }
        })
        .collect()
}
