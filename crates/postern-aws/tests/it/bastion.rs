//! A sandbox with the accounts of the worked example, and administrators' connections to it.

use std::{collections::BTreeMap, time::Duration};

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, execute::Settle};
use postern_testkit::serve::{BlockingSandbox, Cut, NewAccount, SandboxConfig, When};
use postern_types::{AccountId, Timestamp};

pub(crate) const BASTION: &str = "111111111111";
pub(crate) const PROD: &str = "222222222222";
pub(crate) const DEV: &str = "333333333333";

/// Short pauses: the sandbox sees its changes at once.
pub(crate) const SETTLE: Settle = Settle {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(1),
    total: Duration::from_millis(5),
};

pub(crate) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub(crate) struct Lab {
    pub(crate) sandbox: BlockingSandbox,
    pub(crate) aws: Aws,
    /// As each account's root.
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    start: String,
}

impl Lab {
    pub(crate) fn start() -> Self {
        Self::of(&[BASTION, PROD, DEV])
    }

    pub(crate) fn of(accounts: &[&str]) -> Self {
        let accounts = accounts.iter().map(|id| NewAccount { name: None, id: Some(account(id)) });
        let sandbox = BlockingSandbox::start(SandboxConfig {
            accounts: accounts.collect(),
            ..SandboxConfig::default()
        })
        .unwrap();
        let patience = Patience { first_pause: Duration::from_millis(1), ..Patience::default() };
        let aws = Aws::new(patience).unwrap();
        let mut connections = BTreeMap::new();
        for info in sandbox.world().accounts() {
            let root = Credentials { id: info.root_key, secret: info.root_secret, token: None };
            connections.insert(info.id, aws.connect(endpoint(&sandbox), root, Some(info.id)));
        }
        let start = sandbox.world().export();
        Self { sandbox, aws, connections, start }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(&self.sandbox)
    }

    pub(crate) fn bastion(&self) -> &Connection {
        &self.connections[&account(BASTION)]
    }

    pub(crate) fn as_someone(&self, credentials: impl Into<Credentials>, id: &str) -> Connection {
        self.aws.connect(self.endpoint(), credentials.into(), Some(account(id)))
    }

    /// What there is now is where every reset leads.
    pub(crate) fn begin_here(&mut self) {
        self.start = self.sandbox.world().export();
    }

    /// Everything as it was at the start, and no faults.
    pub(crate) fn reset(&self) {
        self.sandbox.faults().mend();
        self.sandbox.world().import(&self.start).unwrap();
    }

    /// Cuts the call of this number, from 1.
    pub(crate) fn cut(&self, call: u64, when: When, lasting: bool) {
        self.sandbox.faults().arm(Cut { call, when, lasting });
    }

    /// Counts the calls of something.
    pub(crate) fn calls_of(&self, what: impl FnOnce()) -> u64 {
        self.sandbox.faults().mend();
        what();
        self.sandbox.faults().calls()
    }

    /// The names of all calls so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.sandbox.world().events();
        events.iter().map(|event| event["eventName"].as_str().unwrap().to_owned()).collect()
    }

    /// The sandbox's state but for what differs from run to run: ids, times, and the order they bring.
    pub(crate) fn state(&self) -> serde_json::Value {
        let mut state = serde_json::from_str(&self.sandbox.world().export()).unwrap();
        forget(&mut state);
        state
    }
}

fn endpoint(sandbox: &BlockingSandbox) -> Endpoint {
    Endpoint::with_url("eu-central-1".parse().unwrap(), sandbox.endpoint())
}

fn forget(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if text.parse::<Timestamp>().is_ok() {
                *text = "TIME".to_owned();
            } else {
                *text = without_ids(text);
            }
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(forget);
            items.sort_by_key(ToString::to_string);
        }
        serde_json::Value::Object(members) => members.values_mut().for_each(forget),
        _ => {}
    }
}

/// `AIDA…`, `AROA…` and their like become `ID`.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = (20..=21).contains(&word.len())
            && ["AIDA", "AROA", "AGPA", "ANPA", "AKIA"].iter().any(|kind| word.starts_with(kind));
        out.push_str(if is_id { "ID" } else { word });
        out.push_str(&part[word.len()..]);
    }
    out
}
