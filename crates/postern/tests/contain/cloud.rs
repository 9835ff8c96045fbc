//! The applied estate with people in it who hold credentials, and what each credential can still do.

use std::{process::Output, time::SystemTime};

use postern_aws::{Aws, Credentials, Endpoint, Patience, raw::RawCall};
use postern_testkit::{
    live::Answer,
    query::{Keys, element},
};
use postern_types::{LongTermKey, SecretAccessKey, Timestamp, TotpSeed};

use crate::world::{ESTATE, World, said};

pub(crate) const BASTION: &str = "111111111111";
pub(crate) const PROD: &str = "222222222222";
pub(crate) const DEV: &str = "333333333333";
pub(crate) const MANAGEMENT: &str = "999999999999";
pub(crate) const SECTION: &str =
    "\n[organization]\nmanagement = \"999999999999\"\nprofile = \"acme-management\"\n";
pub(crate) const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

pub(crate) struct Cloud {
    pub(crate) world: World,
}

/// A person's credentials, as they or a thief hold them.
pub(crate) struct Held {
    pub(crate) key: Keys,
    pub(crate) with_mfa: Keys,
    pub(crate) without_mfa: Keys,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let applied = world.run(&["apply", "--yes", "-q"]);
        assert!(applied.status.success(), "{}", said(&applied));
        Self { world }
    }

    /// The same in an organization that the estate file names.
    pub(crate) fn organized() -> Self {
        let world = World::in_organization();
        world.write_estate(format!("{ESTATE}{SECTION}"));
        let applied = world.run(&["apply", "--yes", "-q"]);
        assert!(applied.status.success(), "{}", said(&applied));
        Self { world }
    }

    /// A service control policy of somebody else's on an account.
    pub(crate) fn attach_a_policy(&self, root: &Keys, name: &str, account: &str) {
        let content =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"braket:*","Resource":"*"}]}"#;
        let key = LongTermKey {
            id: root.id.parse().unwrap(),
            secret: SecretAccessKey::new(root.secret.clone()).unwrap(),
        };
        let endpoint =
            Endpoint::with_url("eu-central-1".parse().unwrap(), self.world.sandbox.server.endpoint());
        let management =
            Aws::new(Patience::default()).unwrap().connect(endpoint, Credentials::from(&key), None);
        let organizations = |operation: &str, parameters: serde_json::Value| -> serde_json::Value {
            let target = format!("AWSOrganizationsV20161128.{operation}");
            let answer =
                management.raw(&RawCall::json("organizations", &target, parameters.to_string())).unwrap();
            assert!(answer.is_success(), "{operation}: {}", answer.body);
            serde_json::from_str(&answer.body).unwrap_or_default()
        };
        let policy = serde_json::json!({
            "Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content,
        });
        let made = organizations("CreatePolicy", policy);
        let id = &made["Policy"]["PolicySummary"]["Id"];
        organizations("AttachPolicy", serde_json::json!({ "PolicyId": id, "TargetId": account }));
    }

    pub(crate) fn root(&self, account: &str) -> Keys {
        self.world.sandbox.account("", Some(account)).1
    }

    pub(crate) fn call(&self, keys: &Keys, service: &str, action: &str, more: &[(&str, &str)]) -> Answer {
        self.world.sandbox.call(keys, service, action, more).unwrap()
    }

    /// A call of an account's root user that must go well.
    #[track_caller]
    pub(crate) fn iam_in(&self, account: &str, action: &str, more: &[(&str, &str)]) -> String {
        let answer = self.call(&self.root(account), "iam", action, more);
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }

    #[track_caller]
    pub(crate) fn iam(&self, action: &str, more: &[(&str, &str)]) -> String {
        self.iam_in(BASTION, action, more)
    }

    /// A key, a device, a session with MFA and one without.
    pub(crate) fn enrol(&self, name: &str) -> Held {
        let user = ("UserName", name);
        let key = Keys::of(&self.iam("CreateAccessKey", &[user]));
        let (serial, seed) = self.device(name, name, -1);
        let code = seed.code_of_step(step());
        let duration = ("DurationSeconds", "3600");
        let mfa = [("SerialNumber", serial.as_str()), ("TokenCode", code.as_str()), duration];
        let with_mfa = self.call(&key, "sts", "GetSessionToken", &mfa);
        let without_mfa = self.call(&key, "sts", "GetSessionToken", &[duration]);
        Held { with_mfa: Keys::of(&with_mfa.body), without_mfa: Keys::of(&without_mfa.body), key }
    }

    /// A device for a user, enabled with the codes up to this many steps from now.
    pub(crate) fn device(&self, device: &str, user: &str, last: i64) -> (String, TotpSeed) {
        self.device_in(BASTION, device, user, last)
    }

    pub(crate) fn device_in(&self, account: &str, device: &str, user: &str, last: i64) -> (String, TotpSeed) {
        let made = self.iam_in(account, "CreateVirtualMFADevice", &[("VirtualMFADeviceName", device)]);
        let base32 = data_encoding::BASE64.decode(element(&made, "Base32StringSeed").as_bytes()).unwrap();
        let seed = TotpSeed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap();
        let serial = element(&made, "SerialNumber");
        let now = step();
        let codes = [now + last - 1, now + last].map(|step| seed.code_of_step(step));
        self.iam_in(
            account,
            "EnableMFADevice",
            &[
                ("UserName", user),
                ("SerialNumber", &serial),
                ("AuthenticationCode1", codes[0].as_str()),
                ("AuthenticationCode2", codes[1].as_str()),
            ],
        );
        (serial, seed)
    }

    /// A session of a role, if the credential gets into it.
    pub(crate) fn assume(&self, keys: &Keys, account: &str, role: &str) -> Option<Keys> {
        let arn = format!("arn:aws:iam::{account}:role/postern/{role}");
        let session = [("RoleArn", arn.as_str()), ("RoleSessionName", "alice")];
        let answer = self.call(keys, "sts", "AssumeRole", &session);
        (answer.status == 200).then(|| Keys::of(&answer.body))
    }

    /// What works of a few calls of each kind.
    pub(crate) fn can(&self, keys: &Keys) -> Vec<&'static str> {
        let mut can = Vec::new();
        for (service, action) in [
            ("ec2", "DescribeInstances"),
            ("iam", "ListUsers"),
            ("iam", "CreateAccessKey"),
            ("iam", "GetUser"),
        ] {
            if self.call(keys, service, action, &[]).status == 200 {
                can.push(action);
            }
        }
        let roles = [(PROD, "developer"), (DEV, "developer"), (PROD, "readonly"), (BASTION, "postern-admin")];
        if roles.iter().any(|(account, role)| self.assume(keys, account, role).is_some()) {
            can.push("AssumeRole");
        }
        can
    }

    /// `postern contain` with short waits, nobody asked.
    pub(crate) fn contain(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["contain", "--yes"];
        if !more.contains(&"--settle") {
            arguments.extend(["--settle", "0.1"]);
        }
        arguments.extend_from_slice(more);
        self.world.run(&arguments)
    }

    #[track_caller]
    pub(crate) fn contained(&self, more: &[&str]) -> String {
        let output = self.contain(more);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything as the sandbox exports it.
    pub(crate) fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.world.sandbox.server.world().export()).unwrap()
    }

    /// An account as the sandbox exports it.
    pub(crate) fn exported(&self, account: &str) -> serde_json::Value {
        let state = self.state();
        let accounts = state["accounts"].as_array().unwrap();
        accounts.iter().find(|one| one["id"] == account).unwrap().clone()
    }

    /// A user or role in an export, without what it tried.
    pub(crate) fn entity(&self, account: &str, kind: &str, name: &str) -> serde_json::Value {
        let account = self.exported(account);
        let found = account[kind].as_array().unwrap().iter().find(|one| one["name"] == name);
        let mut found = found.cloned().unwrap_or_default();
        // What was tried when is no part of what may be done.
        found.as_object_mut().map(|members| members.remove("accessed"));
        found
    }
}

pub(crate) fn step() -> i64 {
    TotpSeed::step_at(Timestamp::try_from(SystemTime::now()).unwrap())
}
