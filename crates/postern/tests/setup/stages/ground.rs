//! An account in which people and programs work as IAM users, and a bastion that is still empty.

use std::{collections::BTreeSet, path::Path, process::Output};

use postern_aws::{Aws, Credentials, Endpoint, Patience, survey};
use postern_estate::Estate;
use postern_prove::{Answer, Caller, Held, Reach, SessionFacts, World as Proved};
use postern_serve::{NewAccount, SandboxConfig};
use postern_testkit::{live::LiveSandbox, query::Keys};
use postern_types::{Partition, PolicyArn, SecretAccessKey, Timestamp};

use crate::{
    cloud::{BASTION, Cloud, EVERYTHING, PROD},
    world::{World, said},
};

const ESTATE: &str = r#"version = 1
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

[roles.developer]
accounts = ["prod"]
policies = ["PowerUserAccess"]

[people.carol]
roles = ["prod/developer"]
"#;

pub(crate) const MIGRATION: &str = r#"version = 1
account = "222222222222"
read_at = "2020-01-01T00:00:00Z"
watch = "14d"

[users.alice]
kind = "person"
person = "alice"
roles = ["prod/developer"]

[users.ci]
kind = "machine"
better = "github-oidc"

[users.forgotten]
kind = "unused"

[users.root-like]
kind = "keep"
"#;

/// The sandbox, the files, and the keys that alice worked with so far.
pub(crate) struct Ground {
    pub(crate) cloud: Cloud,
    pub(crate) old: Keys,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let account =
            |name: &str, id: &str| NewAccount { name: Some(name.into()), id: Some(id.parse().unwrap()) };
        let sandbox = LiveSandbox::with(SandboxConfig {
            accounts: vec![account("bastion", BASTION), account("prod", PROD)],
            ..SandboxConfig::default()
        });
        let world = World::on(sandbox);
        world.write_estate(ESTATE);
        std::fs::write(world.path("migration.toml"), MIGRATION).unwrap();
        let cloud = Cloud { world };
        let old = people_of(&cloud);
        Self { cloud, old }
    }

    /// With bastion and roles, and alice who moved there, holds key and device, and has used them.
    pub(crate) fn moved() -> Self {
        let ground = Self::new();
        ground.good(&["migrate", "apply", "move", "alice", "--yes"]);
        ground.cloud.enrol("alice");
        ground
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut arguments = arguments.to_vec();
        if arguments.first() == Some(&"migrate") {
            arguments.extend(["--settle", "0.05"]);
        }
        self.cloud.world.run(&arguments)
    }

    #[track_caller]
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    /// What is said where it ends with this code, and changes nothing.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let before = self.cloud.world.calls();
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        let events = self.cloud.world.sandbox.server.world().events();
        // A report that AWS writes for the asker changes nothing.
        let report = |event: &serde_json::Value| event["eventName"].as_str().unwrap().starts_with("Generate");
        let mut events = events.iter().skip(before);
        let written = events.find(|event| event["readOnly"] == false && !report(event));
        assert!(written.is_none(), "{arguments:?} wrote: {written:?}");
        said(&output)
    }

    /// Whether a key works as an administrator's.
    pub(crate) fn works(&self, keys: &Keys) -> bool {
        self.cloud.call(keys, "iam", "ListUsers", &[]).status == 200
    }

    pub(crate) fn user(&self, name: &str) -> serde_json::Value {
        self.cloud.entity(PROD, "users", name)
    }

    /// A user's keys: how many are active, and how many are there.
    pub(crate) fn keys(&self, name: &str) -> (usize, usize) {
        let account = self.cloud.exported(PROD);
        let name = &self.user(name)["id"];
        let keys: Vec<&serde_json::Value> =
            account["access_keys"].as_array().unwrap().iter().filter(|key| key["owner"] == *name).collect();
        (keys.iter().filter(|key| key["active"] == true).count(), keys.len())
    }

    /// As if a user had been off for so long.
    pub(crate) fn off_since(&self, name: &str, since: &str) {
        self.cloud.iam_in(
            PROD,
            "TagUser",
            &[("UserName", name), ("Tags.member.1.Key", "postern:off-since"), ("Tags.member.1.Value", since)],
        );
    }

    /// Everything that somebody can do with what they hold, as the evaluator has it: of some calls, and of roles.
    pub(crate) fn access(&self) -> BTreeSet<String> {
        let aws = Aws::new(Patience::default()).unwrap();
        let accounts = self.cloud.world.sandbox.server.world().accounts();
        let mut estate = Estate::default();
        for account in &accounts {
            let region = "eu-central-1".parse().unwrap();
            let endpoint = Endpoint::with_url(region, self.cloud.world.sandbox.server.endpoint());
            let credentials = Credentials {
                id: account.root_key.clone(),
                secret: SecretAccessKey::new(account.root_secret.expose_secret().to_owned()).unwrap(),
                token: None,
            };
            let connection = aws.connect(endpoint, credentials, Some(account.id));
            let read = survey(account.id, &connection, &Timestamp::now).complete().unwrap();
            estate.accounts.extend(read.accounts);
        }
        let managed =
            |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
        let world = Proved::new(&estate, Partition::Aws, &managed);
        let mut can = BTreeSet::new();
        let mut probe = |who: &str, caller: &Caller| {
            for action in ["s3:ListAllMyBuckets", "ec2:RunInstances", "iam:CreateUser", "sts:AssumeRole"] {
                if !matches!(caller.may(action, "*"), Answer::Never) {
                    can.insert(format!("{who}: {action}"));
                }
            }
        };
        let mut holders = Vec::new();
        for (arn, user) in world.users() {
            let held = user.credentials.as_ref().unwrap();
            let key = held.access_keys.values().any(|key| key.active);
            let signs_in = key || held.login_profile;
            for (with, has) in [
                (Held::LongTermKey, key),
                (Held::SessionWithoutMfa, signs_in),
                (Held::SessionWithMfa, signs_in && !held.mfa_devices.is_empty()),
            ] {
                if has {
                    probe(&format!("{arn} in {}", with.as_str()), &Caller::user(&world, &arn, with).unwrap());
                    holders.push((arn.clone(), with));
                }
            }
        }
        for (arn, _) in world.roles() {
            let caller = Caller::role_session(&world, &arn, &SessionFacts::default()).unwrap();
            probe(arn.as_str(), &caller);
        }
        for grant in Reach::of(&world).grants() {
            if holders.contains(&(grant.user.clone(), grant.held)) {
                can.insert(format!("{} in {} gets into {}", grant.user, grant.held.as_str(), grant.role));
            }
        }
        can
    }
}

/// Five years of an account.
fn people_of(cloud: &Cloud) -> Keys {
    let iam = |action: &str, more: &[(&str, &str)]| cloud.iam_in(PROD, action, more);
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    iam("CreateGroup", &[("GroupName", "admins")]);
    iam("AttachGroupPolicy", &[("GroupName", "admins"), ("PolicyArn", admin)]);
    let mut first = None;
    for name in ["alice", "ci", "forgotten", "root-like"] {
        let user = ("UserName", name);
        iam("CreateUser", &[user]);
        let key = Keys::of(&iam("CreateAccessKey", &[user]));
        first.get_or_insert(key);
    }
    let alice = ("UserName", "alice");
    iam("AddUserToGroup", &[("GroupName", "admins"), alice]);
    iam("CreateLoginProfile", &[alice, ("Password", "Correct-Horse-1!")]);
    let spare = Keys::of(&iam("CreateAccessKey", &[alice]));
    iam("UpdateAccessKey", &[alice, ("AccessKeyId", &spare.id), ("Status", "Inactive")]);
    iam("PutUserPolicy", &[alice, ("PolicyName", "own"), ("PolicyDocument", EVERYTHING)]);
    cloud.device_in(PROD, "old-phone", "alice", -1);
    let s3 = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    iam("PutUserPolicy", &[("UserName", "ci"), ("PolicyName", "s3"), ("PolicyDocument", s3)]);
    iam("AttachUserPolicy", &[("UserName", "root-like"), ("PolicyArn", admin)]);
    first.unwrap()
}

/// What counts of a state: all but times of making and use, and the ids of what was made.
pub(crate) fn essence(cloud: &Cloud) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value, is_key: bool) {
        match value {
            serde_json::Value::Object(members) => {
                let passing = ["created", "updated", "last_used", "accessed", "password_last_used"];
                for name in passing.iter().chain(&["credential_report"]) {
                    members.remove(*name);
                }
                if let Some(versions) = members.get_mut("versions").and_then(|all| all.as_object_mut()) {
                    versions.values_mut().for_each(|version| *version = version[1].take());
                }
                if !is_key {
                    members.remove("id");
                }
                for (name, inner) in members.iter_mut() {
                    strip(inner, name == "access_keys");
                }
            }
            serde_json::Value::Array(items) => {
                if items.first().is_some_and(|first| first == "postern:off-since") {
                    items.truncate(1);
                }
                items.iter_mut().for_each(|item| strip(item, is_key));
                if !items.iter().any(serde_json::Value::is_array) {
                    items.sort_by_key(ToString::to_string);
                }
            }
            _ => {}
        }
    }
    let text = cloud.world.sandbox.server.world().export();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Whatever refers to something by an id refers to it by its name.
    let mut named = text;
    for account in state["accounts"].as_array().unwrap() {
        for kind in ["users", "groups", "roles", "policies"] {
            for one in account[kind].as_array().unwrap() {
                named = named.replace(one["id"].as_str().unwrap(), one["name"].as_str().unwrap());
            }
        }
    }
    let mut state: serde_json::Value = serde_json::from_str(&named).unwrap();
    let mut accounts = state["accounts"].take();
    accounts.as_array_mut().unwrap().iter_mut().for_each(|account| strip(account, false));
    accounts
}

/// A copy of a directory of small files.
pub(crate) fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
