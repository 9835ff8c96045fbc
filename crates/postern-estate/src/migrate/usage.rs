//! What the users of an account used, and when: keys, passwords, services.

use std::collections::BTreeMap;

use postern_types::{AccessKeyId, Timestamp, UserName};

/// What the users of one account used until it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUsage {
    /// When it was read; reports that AWS keeps can be some hours older.
    pub read_at: Timestamp,
    /// The users, by name.
    pub users: BTreeMap<UserName, Usage>,
    /// What could not be read, one line each: never to be taken for "not used".
    pub gaps: Vec<String>,
}

/// What one user used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When the user was made.
    pub created: Option<Timestamp>,
    /// The password for the console; none where there is none, or where nobody looked.
    pub password: Option<PasswordUse>,
    /// Access keys.
    pub keys: BTreeMap<AccessKeyId, KeyUse>,
    /// Access keys known from a credential report alone, which does not tell their ids. See [`Usage::access_keys`].
    pub unnamed_keys: Vec<KeyUse>,
    /// The services that the user's policies let it reach, and when it last tried; none where that was not read.
    pub services: Option<Vec<ServiceUse>>,
    /// Whether an MFA device is enabled.
    pub mfa: bool,
}

/// A password for the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordUse {
    /// Whether it opens the console.
    pub enabled: bool,
    /// The last sign-in; none where there is none, or none since AWS keeps record.
    pub last_used: Option<Timestamp>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Whether AWS takes it.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The last call that it signed; none where AWS knows of none.
    pub last_used: Option<LastUse>,
}

/// A last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// The service's namespace: `s3`. None where AWS does not say (`N/A`).
    pub service: Option<String>,
    /// The region. None where AWS does not say (`N/A`), as with services that have none.
    pub region: Option<String>,
}

/// A service, and when it was last tried. Attempts that were refused count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUse {
    /// `s3`
    pub namespace: String,
    /// `Amazon S3`
    pub name: String,
    /// The last attempt; none where there was none in the time that AWS keeps record of.
    pub last: Option<Timestamp>,
    /// Where that was.
    pub region: Option<String>,
    /// The actions that AWS tracks one by one; empty where it tracks none of this service, or was not asked.
    pub actions: Vec<ActionUse>,
}

/// An action, and when it was last tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionUse {
    /// Without the service: `CreateBucket`.
    pub action: String,
    /// The last attempt.
    pub last: Option<Timestamp>,
}

impl Usage {
    /// The last sign of life by password, key or service, as far as it was read.
    #[must_use]
    pub fn last_used(&self) -> Option<Timestamp> {
        let password = self.password.and_then(|password| password.last_used);
        let keys = self.access_keys().filter_map(|key| key.last_used.as_ref()).map(|used| used.at);
        let services = self.services.iter().flatten().filter_map(|service| service.last);
        keys.chain(services).chain(password).max()
    }

    /// All access keys, whether their ids are known or not.
    pub fn access_keys(&self) -> impl Iterator<Item = &KeyUse> {
        self.keys.values().chain(&self.unnamed_keys)
    }

    /// The services that were tried at all.
    pub fn used_services(&self) -> impl Iterator<Item = &ServiceUse> {
        self.services.iter().flatten().filter(|service| service.last.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_sign_of_life_is_the_latest_of_all_kinds() {
        let mut usage = Usage { created: Some(at("2026-01-01T00:00:00Z")), ..Usage::default() };
        assert_eq!(usage.last_used(), None, "being made is no use");

        let service = |name: &str, last| ServiceUse {
            namespace: name.to_owned(),
            name: name.to_owned(),
            last,
            region: None,
            actions: Vec::new(),
        };
        usage.services = Some(vec![service("s3", Some(at("2026-03-01T00:00:00Z"))), service("ec2", None)]);
        assert_eq!(usage.last_used(), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!(usage.used_services().map(|s| s.namespace.as_str()).collect::<Vec<_>>(), ["s3"]);

        usage.password = Some(PasswordUse { enabled: false, last_used: Some(at("2026-04-01T00:00:00Z")) });
        assert_eq!(usage.last_used(), Some(at("2026-04-01T00:00:00Z")));

        let key = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
        let used = LastUse { at: at("2026-05-01T00:00:00Z"), service: None, region: None };
        usage.keys.insert(key, KeyUse { active: false, created: None, last_used: Some(used) });
        assert_eq!(usage.last_used(), Some(at("2026-05-01T00:00:00Z")));

        let used = LastUse { at: at("2026-06-01T00:00:00Z"), service: None, region: None };
        usage.unnamed_keys.push(KeyUse { active: true, created: None, last_used: Some(used) });
        assert_eq!(usage.last_used(), Some(at("2026-06-01T00:00:00Z")), "a key without an id counts, too");
        assert_eq!(usage.access_keys().count(), 2);
    }
}
