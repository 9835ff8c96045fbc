//! How long a key has lain in the store, and when that is too long.
//!
//! When AWS made a key is told only to who has rights in IAM; a person of the bastion has none. So age counts from
//! when the key was stored here, and the words say so.

use std::fmt::Write as _;

use postern_broker::KeyEntry;
use postern_types::Timestamp;

/// Days after which a key is called old, where the settings say nothing.
const DEFAULT_DAYS: i64 = 90;

/// The age from which a warning is given; none for never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxAge(Option<i64>);

impl Default for MaxAge {
    fn default() -> Self {
        Self(Some(DEFAULT_DAYS))
    }
}

impl std::str::FromStr for MaxAge {
    type Err = String;

    /// `90d`, or `never`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
        days.map(|days| Self(Some(days)))
            .ok_or_else(|| format!("`key_max_age` is `{text}`; it may be days, as in `90d`, or `never`"))
    }
}

/// Whole days since the key was stored. A clock that went back makes no key younger than new.
pub(crate) fn days(key: &KeyEntry, now: Timestamp) -> i64 {
    (now.duration_since(key.added_at).as_hours() / 24).max(0)
}

/// `today`, `1 day ago`, `12 days ago`
pub(crate) fn words(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{days} days ago"),
    }
}

impl MaxAge {
    pub(crate) fn is_over(self, key: &KeyEntry, now: Timestamp) -> bool {
        self.0.is_some_and(|limit| days(key, now) >= limit)
    }

    /// One line about all keys that are too old; none where there are none.
    pub(crate) fn warning(self, keys: &[KeyEntry], now: Timestamp) -> Option<String> {
        let mut old: Vec<&KeyEntry> = keys.iter().filter(|key| self.is_over(key, now)).collect();
        old.sort_by_key(|key| key.added_at);
        let (oldest, others) = old.split_first()?;
        let mut text =
            format!("key {} of {} was stored {}", oldest.id, oldest.user, words(days(oldest, now)));
        match others {
            [] => {}
            [_] => text.push_str(", and another one is old too"),
            others => {
                let _ = write!(text, ", and {} others are old too", others.len());
            }
        }
        let _ = write!(text, "; `postern keys rotate {}` replaces it", oldest.user);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: &str, day: i64) -> KeyEntry {
        KeyEntry {
            id: format!("AKIAY34FZKBOKMUTV{day:03}").replace(['0', '1', '8', '9'], "A").parse().unwrap(),
            user: user.parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/x".parse().unwrap(),
            added_at: at(day),
        }
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    #[test]
    fn a_key_is_old_from_its_limit_on() {
        let limit: MaxAge = "90d".parse().unwrap();
        assert_eq!(limit, MaxAge::default());
        let keys = [key("alice", 2), key("bob", 4)];
        assert_eq!(limit.warning(&keys, at(91)), None);
        let one = limit.warning(&keys, at(92)).unwrap();
        assert!(one.contains("of alice was stored 90 days ago; `postern keys rotate alice`"), "{one}");
        let two = limit.warning(&keys, at(94)).unwrap();
        assert!(two.contains("of alice was stored 92 days ago, and another one is old too"), "{two}");
        assert_eq!("never".parse::<MaxAge>().unwrap().warning(&keys, at(9_000)), None);
        assert_eq!(words(days(&keys[0], at(-5))), "today", "a clock that went back");
    }

    #[test]
    fn an_age_is_days_or_never() {
        for bad in ["", "90", "d", "-1d", "0d", "90 d", "3m", "Never"] {
            assert!(bad.parse::<MaxAge>().unwrap_err().contains("`90d`"), "{bad}");
        }
    }
}
