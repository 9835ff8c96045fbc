//! The key store, and where sessions rest.

use postern_broker::{KeyEntry, StoreKind};
use postern_types::Timestamp;
use postern_vault::{HolderKind, Keyholder, PrivateDir};

use super::{Check, Finding, Severity};
use crate::{
    context::Context,
    env::Environment,
    errors::CliError,
    key_age::{self, MaxAge},
    keystore,
    personal::{PersonalSettings, holder_choice, session_dir},
};

pub(super) fn store(context: &Context) -> Check {
    const ID: &str = "key-store";
    const TITLE: &str = "Key store";
    let listed = || {
        let store = keystore::open(context)?;
        let limit = PersonalSettings::load(&context.environment)?.key_max_age()?;
        Ok((store.kind(), store.list()?, limit))
    };
    match listed() {
        Ok((kind, keys, limit)) => {
            let n = keys.len();
            let state = format!("{n} key{} in {}", if n == 1 { "" } else { "s" }, keystore::kind_words(kind));
            Check::new(ID, TITLE, state, of_keys(&keys, kind, limit, Timestamp::now()))
        }
        Err(error) => {
            Check::new(ID, TITLE, "not reached", vec![Finding::of_error(Severity::Problem, &error)])
        }
    }
}

fn of_keys(keys: &[KeyEntry], kind: StoreKind, limit: MaxAge, now: Timestamp) -> Vec<Finding> {
    if keys.is_empty() {
        let finding = Finding::warning(format!("there is no key in {}", keystore::kind_words(kind)));
        return vec![finding.hint(
            "`postern keys add` takes one, `postern profiles import` those in ~/.aws, `postern people enrol` makes one",
        )];
    }
    let old = keys.iter().filter(|key| limit.is_over(key, now));
    old.map(|key| {
        let stored = key_age::words(key_age::days(key, now));
        Finding::warning(format!("key {} of {} was stored {stored}", key.id, key.user))
            .hint(format!("`postern keys rotate {}` replaces it", key.user))
    })
    .collect()
}

/// The directory, and who holds the key that seals what is in it.
pub(super) fn sessions(environment: &Environment) -> Check {
    const ID: &str = "sessions";
    const TITLE: &str = "Sessions";
    let findings = |error: CliError| vec![Finding::of_error(Severity::Problem, &error)];
    let Some(place) = session_dir(environment) else {
        return Check::new(
            ID,
            TITLE,
            "nowhere",
            findings(CliError::failed("there is no place for sessions")),
        );
    };
    let choice = match holder_choice(environment) {
        Ok(choice) => choice,
        Err(error) => return Check::new(ID, TITLE, "not sealed", findings(error)),
    };
    let shown = crate::aws_files::shown(&place, environment);
    match PrivateDir::existing(&place) {
        Err(error) => Check::new(ID, TITLE, "not private", findings(error.into())),
        Ok(None) => Check::new(ID, TITLE, "none yet", Vec::new()),
        Ok(Some(dir)) => {
            let holder = match Keyholder::new(dir, choice, None).kind() {
                Some(HolderKind::Kernel) => "the kernel holds the key that seals them",
                Some(HolderKind::Agent) => "an agent holds the key that seals them",
                None => "nobody holds a key, so none can be read",
            };
            Check::new(ID, TITLE, format!("{shown} is private; {holder}"), Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_grow_old() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let key = |days: i64| KeyEntry {
            id: "AKIAY34FZKBOKMUTV007".parse().unwrap(),
            user: "alice".parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
            added_at: Timestamp::from_second(1_800_000_000 - days * 86_400).unwrap(),
        };
        let found = of_keys(&[key(89), key(91), key(0)], StoreKind::File, MaxAge::default(), now);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("was stored 91 days ago"), "{found:?}");
        assert!(
            of_keys(&[], StoreKind::File, MaxAge::default(), now)[0]
                .message
                .contains("no key in the encrypted key file")
        );
    }
}
