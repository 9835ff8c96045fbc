//! A key's public part as a name, for stores whose names are listed without opening anything.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use postern_broker::KeyEntry;

use crate::codec::KeyRecord;

/// What stands as it is: nothing that divides fields, directories, or means something to a shell.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b':');

/// `alice,AKIA…,111111111111,2026-11-22T10:00:00Z,arn:aws:iam::111111111111:mfa%2Falice`
pub(crate) fn name_of(entry: &KeyEntry) -> String {
    let KeyRecord { access_key_id, user, account, mfa_serial, added_at } = KeyRecord::of(entry);
    let fields = [&user, &access_key_id, &account, &added_at, &mfa_serial];
    fields.map(|field| utf8_percent_encode(field, ENCODED).to_string()).join(",")
}

/// The key that a name speaks of; none if it is not one of ours.
pub(crate) fn entry_of(name: &str) -> Option<KeyEntry> {
    let fields: Option<Vec<_>> =
        name.split(',').map(|field| percent_decode_str(field).decode_utf8().ok()).collect();
    let [user, access_key_id, account, added_at, mfa_serial] = <[_; 5]>::try_from(fields?).ok()?;
    KeyRecord { access_key_id, user, account, mfa_serial, added_at }.entry().ok()
}

/// The entries behind these names, each key once: of two with the same id, as a replacement that was cut off
/// leaves them, the one that was added later.
pub(crate) fn latest(mut entries: Vec<KeyEntry>) -> Vec<KeyEntry> {
    entries.sort_by(|a, b| a.id.cmp(&b.id).then(b.added_at.cmp(&a.added_at)));
    entries.dedup_by(|older, kept| older.id == kept.id);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str, serial: &str) -> KeyEntry {
        KeyEntry {
            id: "AKIAY34FZKBOKMUTVV7A".parse().unwrap(),
            user: user.parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: serial.parse().unwrap(),
            added_at: "2026-11-22T10:00:00.25Z".parse().unwrap(),
        }
    }

    #[test]
    fn names_give_back_what_they_were_made_of() {
        for (user, serial) in [
            ("alice", "arn:aws:iam::111111111111:mfa/alice"),
            ("a+b=c,d.e@f-g_h1", "GAHT12345678"),
            ("..", "arn:aws:iam::111111111111:mfa/a/../b,c"),
            (".gpg-id", "arn:aws-us-gov:iam::111111111111:mfa/x"),
        ] {
            let entry = entry(user, serial);
            let name = name_of(&entry);
            assert!(!name.contains('/') && name.split(',').count() == 5, "{name}");
            assert_eq!(entry_of(&name), Some(entry));
        }
        let alice = name_of(&entry("alice", "arn:aws:iam::111111111111:mfa/alice"));
        assert_eq!(
            alice,
            "alice,AKIAY34FZKBOKMUTVV7A,111111111111,2026-11-22T10:00:00.25Z,arn:aws:iam::111111111111:mfa%2Falice"
        );
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in ["", "otp", "a,b,c,d,e", "alice,AKIAY34FZKBOKMUTVV7A,1,2,3", "%ff,,,,"] {
            assert_eq!(entry_of(name), None, "{name}");
        }
    }
}
