//! `postern migrate plan`: an account of IAM users, read from the sandbox.

use postern_estate::migrate::{Kind, Migration};
use postern_testkit::query::{Keys, element};
use serde_json::Value;

use crate::world::{World, said};

/// An account as they grow: administrators with keys, a program, and one whom nobody remembers.
struct Grown {
    world: World,
    root: Keys,
}

impl Grown {
    fn new() -> Self {
        let world = World::new();
        std::fs::remove_file(world.path("postern.toml")).unwrap();
        let accounts = world.sandbox.server.world().accounts();
        let prod = accounts.iter().find(|account| account.name.as_deref() == Some("prod")).unwrap();
        let root = Keys {
            id: prod.root_key.to_string(),
            secret: prod.root_secret.expose_secret().to_owned(),
            token: None,
        };
        let grown = Self { world, root };
        for (user, policy) in [
            ("alice", "AdministratorAccess"),
            ("bob", "AdministratorAccess"),
            ("erin", "ReadOnlyAccess"),
            ("ci-deploy", "AdministratorAccess"),
            ("ghost", "AdministratorAccess"),
        ] {
            grown.iam("CreateUser", &[("UserName", user)]);
            let policy = format!("arn:aws:iam::aws:policy/{policy}");
            grown.iam("AttachUserPolicy", &[("UserName", user), ("PolicyArn", &policy)]);
        }
        for user in ["alice", "erin"] {
            grown.iam("CreateLoginProfile", &[("UserName", user), ("Password", "Correct-Horse-Battery-9")]);
        }
        let alice = grown.key("alice");
        grown.use_as(&alice, &[("iam", "ListUsers"), ("ec2", "DescribeInstances"), ("iam", "ListRoles")]);
        grown.iam_as(&alice, "CreateGroup", &[("GroupName", "interns")]);
        let bob = grown.key("bob");
        grown.use_as(&bob, &[("ec2", "DescribeInstances")]);
        let ci = grown.key("ci-deploy");
        grown.use_as(&ci, &[("ec2", "DescribeInstances")]);
        grown
    }

    fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.iam_as(&self.root, action, parameters)
    }

    fn iam_as(&self, keys: &Keys, action: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self.world.sandbox.call(keys, "iam", action, parameters).unwrap();
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }

    fn key(&self, user: &str) -> Keys {
        let body = self.iam("CreateAccessKey", &[("UserName", user)]);
        Keys { id: element(&body, "AccessKeyId"), secret: element(&body, "SecretAccessKey"), token: None }
    }

    fn use_as(&self, keys: &Keys, calls: &[(&str, &str)]) {
        for (service, action) in calls {
            let answer = self.world.sandbox.call(keys, service, action, &[]).unwrap();
            assert_ne!(answer.status, 403, "{action}: {}", answer.body);
        }
    }

    fn init(&self) {
        let output = self.world.run(&[
            "init",
            "--from-account",
            "acme-prod",
            "--name",
            "acme",
            "--region",
            "eu-central-1",
            "--bastion",
            "111111111111=acme-bastion",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }

    fn migration(&self) -> Migration {
        Migration::parse(&self.file()).unwrap_or_else(|errors| unreachable!("{errors:#?}"))
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.world.path("migration.toml")).unwrap()
    }

    /// What differs from run to run taken out.
    fn told(&self, text: &str) -> String {
        let words = text.split_inclusive(|c: char| c.is_whitespace()).map(|word| {
            let bare = word.trim_end();
            if bare.starts_with("AKIA") { word.replace(bare, "AKIA") } else { word.to_owned() }
        });
        words.collect::<String>().lines().map(undated).collect::<Vec<_>>().join("\n")
    }
}

fn undated(line: &str) -> String {
    match line.split_once("as read ") {
        Some((before, _)) => format!("{before}as read NOW"),
        None => line.to_owned(),
    }
}

#[test]
fn without_an_estate_file_the_way_to_one_is_shown() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let output = said(&world.run(&["migrate", "plan"]));
    assert!(output.starts_with("exit 2"), "{output}");
    assert!(output.contains("postern init --from-account"), "{output}");
    assert_eq!(world.calls(), 0);
}

#[test]
fn an_account_is_read_and_only_read_and_told() {
    let grown = Grown::new();
    grown.init();
    let before = grown.world.calls();
    let mut command = grown.world.command(&["migrate", "plan"]);
    let output = command.env("COLUMNS", "80").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for event in grown.world.sandbox.server.world().events().iter().skip(before) {
        let event = serde_json::to_value(event).unwrap();
        let name = event["eventName"].as_str().unwrap();
        assert!(["Get", "List", "Generate"].iter().any(|verb| name.starts_with(verb)), "{name} was called");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(grown.told(&text));

    let migration = grown.migration();
    let kinds: Vec<(&str, &str)> =
        migration.users.iter().map(|(name, entry)| (name.as_str(), entry.kind.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("alice", "person"),
            ("bob", "person"),
            ("ci-deploy", "machine"),
            ("erin", "person"),
            ("ghost", "unused")
        ]
    );
    // Who gets what is what `init` drafted.
    let erin = &migration.users[&"erin".parse().unwrap()].kind;
    let Kind::Person { roles, administrator: false, .. } = erin else { unreachable!("{erin:?}") };
    assert_eq!(roles.iter().map(ToString::to_string).collect::<Vec<_>>(), ["main/read-only"]);
    let alice = &migration.users[&"alice".parse().unwrap()].kind;
    assert!(
        matches!(alice, Kind::Person { administrator: true, roles, .. } if roles.len() == 1),
        "{alice:?}"
    );
}

#[test]
fn a_corrected_file_stays_unless_forced() {
    let grown = Grown::new();
    grown.init();
    let run = |arguments: &[&str]| said(&grown.world.run(arguments));
    assert!(run(&["migrate", "plan"]).starts_with("exit 0"));
    let corrected = grown.file().replace("kind = \"unused\"", "kind = \"keep\"");
    std::fs::write(grown.world.path("migration.toml"), &corrected).unwrap();

    let output = run(&["migrate", "plan", "main"]);
    assert!(output.starts_with("exit 0") && output.contains("stays as it is"), "{output}");
    assert_eq!(grown.file(), corrected);
    let calls = grown.world.calls();
    let output = run(&["migrate", "plan", "--out", "migration.toml"]);
    assert!(output.starts_with("exit 2") && output.contains("--force"), "{output}");
    assert_eq!(grown.world.calls(), calls, "it was refused before anything was read");
    assert!(run(&["migrate", "plan", "--out", "other.toml", "--quiet"]).starts_with("exit 0"));
    assert!(grown.world.path("other.toml").exists());
    assert!(run(&["migrate", "plan", "--force"]).starts_with("exit 0"));
    assert!(grown.file().contains("kind = \"unused\""));
}

#[test]
fn json_tells_what_is_left_service_by_service() {
    let grown = Grown::new();
    grown.init();
    let output = grown.world.run(&["migrate", "plan", "--json"]);
    let value: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| unreachable!("{}", said(&output)));
    assert_eq!(value["format"], 1);
    let of =
        |name: &str| value["users"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap();
    let alice = of("alice");
    assert_eq!(alice["by_key"]["administrator"], true);
    let service = |name: &str| {
        alice["services"].as_array().unwrap().iter().find(|service| service["service"] == name).unwrap()
    };
    assert_eq!(service("ec2")["verdict"], "yes");
    let iam = service("iam");
    assert_eq!(iam["tracked"], true, "{iam}");
    let lost: Vec<&str> =
        iam["lost"].as_array().unwrap().iter().map(|l| l["action"].as_str().unwrap()).collect();
    assert!(lost.contains(&"iam:CreateGroup"), "{iam}");
    assert_eq!(of("ghost")["by_key"], Value::Null);
    assert_eq!(of("ci-deploy")["better"], "github-oidc");
}

#[test]
fn wrong_accounts_are_named() {
    let world = World::new();
    for (arguments, part) in [
        (&["migrate", "plan"][..], "several accounts"),
        (&["migrate", "plan", "bastion"], "people move to the bastion"),
        (&["migrate", "plan", "prd"], "no account `prd`"),
        (&["migrate", "plan", "prod", "--unused-after", "1h"], "a day at least"),
    ] {
        let output = said(&world.run(arguments));
        assert!(output.starts_with("exit 2") && output.contains(part), "{arguments:?}: {output}");
    }
    assert_eq!(world.calls(), 0);
}

#[test]
fn what_aws_does_not_tell_is_not_taken_for_unused() {
    let grown = Grown::new();
    grown.init();
    // A reader who may see the account, but not what was used.
    grown.iam("CreateUser", &[("UserName", "reader")]);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},
        {"Effect":"Deny","Action":["iam:Generate*","iam:GetCredentialReport","iam:GetAccessKeyLastUsed"],"Resource":"*"}]}"#;
    grown.iam("PutUserPolicy", &[("UserName", "reader"), ("PolicyName", "look"), ("PolicyDocument", policy)]);
    let keys = grown.key("reader");
    let profile = grown.world.profile("prod", &keys.id, &keys.secret, grown.world.sandbox.server.endpoint());
    std::fs::write(grown.world.path("aws-config"), profile).unwrap();
    let estate = std::fs::read_to_string(grown.world.path("postern.toml")).unwrap();
    grown.world.write_estate(estate.replace("profile = \"acme-bastion\"", "profile = \"acme-prod\""));
    let output = grown.world.run(&["migrate", "plan"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Not known") && text.contains("was not read"), "{text}");
    let unused: Vec<String> = grown
        .migration()
        .users
        .iter()
        .filter(|(_, entry)| entry.kind == Kind::Unused)
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(unused, ["ghost"], "only of one who can sign in nowhere it is known");
}
