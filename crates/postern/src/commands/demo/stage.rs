//! The demo's stage: a sandbox in this process, reached over loopback only.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::atomic::AtomicBool,
};

use postern_aws::{
    Aws, Connection, Credentials, Endpoint, StsClient, collect,
    enrol::{self, Device},
    raw::{RawAnswer, RawCall},
};
use postern_broker::KeyEntry;
use postern_estate::{CAP_POLICY, Design, Desired, Plan, diff};
use postern_serve::BlockingSandbox;
use postern_types::{
    AccountId, IamPath, LongTermKey, MfaCode, MfaSerial, PolicyArn, PolicyName, RoleArn, RoleName,
    SecretAccessKey, SessionToken, TemporaryCredentials, Timestamp, TotpSeed,
};

use super::Weakness;
use crate::{
    access::{self, Access},
    commands::apply,
    errors::CliError,
};

/// The estate that the demo builds.
pub(super) const ESTATE: &str = include_str!("estate.toml");
/// The single account that the story begins with.
const OLD_COMPANY: &str = "444455556666";
const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Somebody with credentials.
#[derive(Clone)]
pub(super) struct Actor {
    credentials: Credentials,
}

impl Actor {
    pub(super) fn of_key(key: &LongTermKey) -> Self {
        Self { credentials: Credentials::from(key) }
    }

    pub(super) fn temporary(credentials: &TemporaryCredentials) -> Self {
        Self { credentials: Credentials::from(credentials) }
    }

    /// Whoever holds the credentials that this answer issues.
    pub(super) fn issued(answer: &RawAnswer) -> Result<Self, CliError> {
        let element = |name: &str| {
            answer.element(name).ok_or_else(|| CliError::failed(format!("the answer holds no {name}")))
        };
        let wrong = |error| CliError::failed("the answer holds no credentials").caused_by(error);
        Ok(Self {
            credentials: Credentials {
                id: element("AccessKeyId")?.parse().map_err(wrong)?,
                secret: SecretAccessKey::new(element("SecretAccessKey")?).map_err(wrong)?,
                token: answer.element("SessionToken").map(SessionToken::new).transpose().map_err(wrong)?,
            },
        })
    }
}

/// A device's codes, each handed out once: the sandbox takes the step before this one, this one, and the next.
pub(super) struct Codes {
    seed: TotpSeed,
    next: Cell<i64>,
}

impl Codes {
    /// A code that was not given out before.
    pub(super) fn next(&self) -> MfaCode {
        let step = self.next.get();
        self.next.set(step + 1);
        self.seed.code_of_step(step)
    }

    /// Six digits that are no code of the device now.
    pub(super) fn wrong(&self) -> String {
        let now = TotpSeed::step_at(Timestamp::now());
        let good: Vec<String> =
            (now - 3..=now + 3).map(|step| self.seed.code_of_step(step).as_str().to_owned()).collect();
        (0..).map(|n| format!("{n:06}")).find(|guess| !good.contains(guess)).unwrap_or_default()
    }
}

/// A person with key and device.
pub(super) struct Enrolled {
    pub(super) key: LongTermKey,
    pub(super) entry: KeyEntry,
    pub(super) codes: Codes,
}

/// What `apply` did.
pub(super) struct Built {
    pub(super) plan: Plan,
    pub(super) calls: usize,
}

/// The sandbox and the way to each of its accounts.
pub(super) struct Stage {
    sandbox: BlockingSandbox,
    aws: Aws,
    design: Design,
    desired: Desired,
    roots: BTreeMap<AccountId, Connection>,
    old: AccountId,
}
