//! `apply` and `destroy` killed wherever a call leaves the accounts in another state: nothing is wider then than both
//! before and after, and a second run ends where one run would have.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, collect};
use postern_estate::Estate;
use postern_prove::{Effect, World as Evaluated};
use postern_serve::{NewAccount, SandboxConfig};
use postern_testkit::live::LiveSandbox;
use postern_types::{AccountId, LongTermKey, Partition, PolicyArn, Timestamp, TotpSeed};

use crate::world::{World, said};

const BEFORE: &str = r#"
version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
profile = "acme-bastion"
[accounts.prod]
id = "222222222222"
profile = "acme-prod"
[administrators]
people = ["carol"]
[roles.work]
accounts = "*"
policies = ["PowerUserAccess"]
[groups.workers]
roles = ["prod/work"]
[people.alice]
groups = ["workers"]
[people.carol]
"#;

/// alice out, bob in, another role.
fn after() -> String {
    BEFORE.replace("people.alice", "people.bob").replace("PowerUserAccess", "ReadOnlyAccess")
        + "[roles.look]\naccounts = \"*\"\npolicies = [\"ReadOnlyAccess\"]\n[groups.lookers]\nroles = [\"prod/look\"]\n"
}

/// A world of its own with the states between which runs go.
struct Bench {
    world: World,
    connections: BTreeMap<AccountId, Connection>,
    ways: Vec<Way>,
}

/// A run from one state to another.
struct Way {
    arguments: &'static [&'static str],
    file: String,
    start: String,
    before: Estate,
    after: Estate,
    calls: u64,
}

impl Bench {
    fn new() -> Self {
        let account =
            |name: &str, id: &str| NewAccount { name: Some(name.into()), id: Some(id.parse().unwrap()) };
        let world = World::on(LiveSandbox::with(SandboxConfig {
            accounts: vec![account("bastion", "111111111111"), account("prod", "222222222222")],
            ..SandboxConfig::default()
        }));
        let aws = Aws::new(Patience::default()).unwrap();
        let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.server.endpoint());
        let accounts = world.sandbox.server.world().accounts();
        let connections = accounts.iter().map(|account| {
            let key = LongTermKey { id: account.root_key.clone(), secret: account.root_secret.clone() };
            (account.id, aws.connect(endpoint.clone(), Credentials::from(&key), Some(account.id)))
        });
        let mut bench = Self { connections: connections.collect(), ways: Vec::new(), world };
        let (apply, destroy): (&[&str], &[&str]) =
            (&["apply", "--yes"], &["destroy", "--yes", "acme", "--with-credentials"]);
        bench.go(apply, BEFORE.to_owned());
        bench.enrol("alice");
        bench.go(apply, after());
        bench.enrol("bob");
        bench.go(destroy, after());
        bench
    }

    /// A run to its end.
    fn go(&mut self, arguments: &'static [&'static str], file: String) {
        self.world.write_estate(&file);
        let (start, before) = (self.world.sandbox.server.world().export(), self.read());
        let faults = self.world.sandbox.server.faults();
        faults.mend();
        let output = self.world.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        let calls = faults.calls();
        self.ways.push(Way { arguments, file, start, before, after: self.read(), calls });
    }

    /// A key, a device and a password.
    fn enrol(&self, name: &str) {
        let bastion = &self.connections[&"111111111111".parse().unwrap()];
        let user = name.parse().unwrap();
        bastion.create_access_key(&user).unwrap();
        let made =
            bastion.create_virtual_mfa_device(&"/".parse().unwrap(), &name.parse().unwrap(), &[]).unwrap();
        let step = TotpSeed::step_at(Timestamp::now());
        let codes = [made.seed.code_of_step(step - 1), made.seed.code_of_step(step)];
        bastion.enable_mfa_device(&user, &made.serial, codes).unwrap();
    }

    /// The accounts as they are, without what is another one each time.
    fn read(&self) -> Estate {
        let snapshot = collect(&self.connections, &Timestamp::now);
        assert!(snapshot.gaps.is_empty(), "{:?}", snapshot.gaps);
        let mut estate = snapshot.estate;
        for account in estate.accounts.values_mut() {
            for user in account.users.values_mut() {
                user.id = None;
                let held = user.credentials.as_mut().unwrap();
                // Which key it is does not count, only whether there is one.
                held.access_keys = held.access_keys.values().take(1).fold(BTreeMap::new(), |mut one, key| {
                    one.insert("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), *key);
                    one
                });
                held.access_keys.values_mut().for_each(|key| key.created_at = None);
                held.mfa_devices.values_mut().for_each(|since| *since = None);
            }
            account.roles.values_mut().for_each(|role| role.id = None);
        }
        estate
    }

    /// Kills a run at a call, looks, runs it again and looks.
    fn kill(&self, way: &Way, call: u64, seen: &Mutex<BTreeSet<String>>) {
        let whereabouts = format!("{:?} after call {call} of {}", way.arguments, way.calls);
        self.world.sandbox.server.world().import(&way.start).unwrap();
        self.world.write_estate(&way.file);
        self.world.kill_at(way.arguments, call);
        let now = self.read();
        let devices = self.devices();
        // There is no other state than the accounts': a run that starts where another did ends where it did.
        if !seen.lock().unwrap().insert(format!("{:?}{now:?}{devices}", way.arguments)) {
            return;
        }
        not_wider(&now, way, &whereabouts);
        let output = self.world.run(way.arguments);
        assert!(output.status.success(), "{whereabouts}: {}", said(&output));
        let end = self.read();
        assert!(end == way.after, "{whereabouts}: {end:#?}\nis not {:#?}", way.after);
        if way.arguments[0] == "destroy" {
            assert_eq!(self.devices(), 0, "{whereabouts}");
        }
    }

    fn devices(&self) -> usize {
        let state: serde_json::Value =
            serde_json::from_str(&self.world.sandbox.server.world().export()).unwrap();
        let accounts = state["accounts"].as_array().unwrap().iter();
        accounts.map(|account| account["mfa_devices"].as_array().unwrap().len()).sum()
    }
}

/// Nobody gets in where they could neither before nor after, and nobody may change IAM who could neither.
fn not_wider(now: &Estate, way: &Way, whereabouts: &str) {
    let managed = |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
    let world = |estate| Evaluated::new(estate, Partition::Aws, &managed);
    let [before, after] = [&way.before, &way.after].map(|other| Effect::between(&world(other), &world(now)));
    assert!(before.unknown.is_empty() && after.unknown.is_empty(), "{whereabouts}: {before:?} {after:?}");
    let wider: Vec<_> = before.gained.intersection(&after.gained).collect();
    assert!(wider.is_empty(), "{whereabouts}: {wider:?}");
    for (who, actions) in &before.writes_gained {
        let beyond =
            after.writes_gained.get(who).map(|other| actions.intersection(other).collect::<Vec<_>>());
        assert!(beyond.is_none_or(|beyond| beyond.is_empty()), "{whereabouts}: {who} may {actions:?}");
    }
}

#[test]
fn killed_anywhere_and_run_again_it_ends_the_same_and_is_never_wider() {
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let bench = Bench::new();
                // A step looks, calls and looks again: a state lasts for two calls at least.
                let calls = |way: &Way| (1..=way.calls).step_by(2);
                let all: Vec<(&Way, u64)> =
                    bench.ways.iter().flat_map(|way| calls(way).map(move |call| (way, call))).collect();
                assert!(all.len() > 50, "{} calls", all.len());
                while let Some((way, call)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bench.kill(way, *call, &seen);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap().len();
    assert!(seen > 40, "{seen} states");
}
