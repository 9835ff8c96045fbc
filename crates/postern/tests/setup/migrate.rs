//! `postern migrate plan`: an account of IAM users, read from the sandbox.

use postern_estate::migrate::{Kind, Migration};
use postern_sandbox::Scene;
use postern_serve::{NewAccount, SandboxConfig};
use postern_testkit::{
    live::LiveSandbox,
    query::{Keys, element},
};
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

    fn migration(&self) -> Migration {
        Migration::parse(&migration_file(&self.world)).unwrap_or_else(|errors| unreachable!("{errors:#?}"))
    }
}

fn init(world: &World) {
    let output = world.run(&[
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

fn migration_file(world: &World) -> String {
    std::fs::read_to_string(world.path("migration.toml")).unwrap()
}

/// What differs from run to run taken out.
fn told(text: &str) -> String {
    let words = text.split_inclusive(|c: char| c.is_whitespace()).map(|word| {
        let bare = word.trim_end();
        if bare.starts_with("AKIA") { word.replace(bare, "AKIA") } else { word.to_owned() }
    });
    words.collect::<String>().lines().map(undated).collect::<Vec<_>>().join("\n")
}

fn undated(line: &str) -> String {
    for mark in ["as read ", "read_at = "] {
        if let Some((before, _)) = line.split_once(mark) {
            return format!("{before}{mark}NOW");
        }
    }
    line.to_owned()
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

/// The sandbox's own grown account, with years behind it.
fn scene() -> World {
    let bastion = NewAccount { name: Some("bastion".into()), id: Some("111111111111".parse().unwrap()) };
    let world = World::on(LiveSandbox::with(SandboxConfig {
        accounts: vec![bastion],
        scene: Some(Scene::SingleAccount),
        ..SandboxConfig::default()
    }));
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    init(&world);
    world
}

#[test]
fn an_account_is_read_and_only_read_and_told() {
    let world = scene();
    let before = world.calls();
    let mut command = world.command(&["migrate", "plan"]);
    let output = command.env("COLUMNS", "80").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for event in world.sandbox.server.world().events().iter().skip(before) {
        let event = serde_json::to_value(event).unwrap();
        let name = event["eventName"].as_str().unwrap();
        assert!(["Get", "List", "Generate"].iter().any(|verb| name.starts_with(verb)), "{name} was called");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(told(&text));
    insta::assert_snapshot!(told(&migration_file(&world)));
    Migration::parse(&migration_file(&world)).unwrap();
}

#[test]
fn who_gets_what_is_what_init_drafted() {
    let grown = Grown::new();
    init(&grown.world);
    let output = grown.world.run(&["migrate", "plan"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
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
    let erin = &migration.users[&"erin".parse().unwrap()].kind;
    let Kind::Person { roles, administrator: false, .. } = erin else { unreachable!("{erin:?}") };
    assert_eq!(roles.iter().map(ToString::to_string).collect::<Vec<_>>(), ["main/read-only"]);
    let alice = &migration.users[&"alice".parse().unwrap()].kind;
    assert!(
        matches!(alice, Kind::Person { administrator: true, roles, .. } if roles.len() == 1),
        "{alice:?}"
    );
}

/// What `aws iam get-account-authorization-details` prints of two users.
const DETAILS: &str = r#"{"UserDetailList": [
  {"Path": "/", "UserName": "alice", "UserId": "AIDAIOSFODNN7EXAMPLE1", "Arn": "arn:aws:iam::222222222222:user/alice",
   "CreateDate": "2024-01-01T00:00:00+00:00", "GroupList": [], "Tags": [],
   "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]},
  {"Path": "/", "UserName": "old", "UserId": "AIDAIOSFODNN7EXAMPLE2", "Arn": "arn:aws:iam::222222222222:user/old",
   "CreateDate": "2024-01-01T00:00:00+00:00", "GroupList": [], "Tags": [], "AttachedManagedPolicies": []}],
 "GroupDetailList": [], "RoleDetailList": [], "Policies": []}"#;

const REPORT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated
alice,arn:aws:iam::222222222222:user/alice,2024-01-01T00:00:00+00:00,true,2026-10-30T08:00:00+00:00,2024-01-01T00:00:00+00:00,N/A,true,true,2024-01-01T00:00:00+00:00,2026-10-31T08:00:00+00:00,eu-central-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
old,arn:aws:iam::222222222222:user/old,2024-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,true,2024-01-01T00:00:00+00:00,2025-02-01T08:00:00+00:00,eu-central-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
";

#[test]
fn files_serve_as_well_and_nothing_is_called() {
    let world = World::new();
    let folder = world.path("snap/accounts/222222222222");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("authorization-details.json"), DETAILS).unwrap();
    std::fs::write(folder.join("credential-report.csv"), REPORT).unwrap();
    let about = r#"{"format":1,"collected_at":"2026-11-01T00:00:00Z","accounts":[{"id":"222222222222"}]}"#;
    std::fs::write(world.path("snap/snapshot.json"), about).unwrap();
    let output = world.run(&["migrate", "plan", "--snapshot", "snap"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(world.calls(), 0);
    assert!(text.contains("as read 2026-11-01 00:00 UTC") && text.contains("used 1 day ago"), "{text}");
    assert!(text.contains("which services they used was not read"), "{text}");
    let migration = Migration::parse(&migration_file(&world)).unwrap();
    let kinds: Vec<&str> = migration.users.values().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["person", "unused"]);
    let wrong = said(&world.run(&["migrate", "plan", "dev", "--snapshot", "snap", "--force"]));
    assert!(wrong.starts_with("exit 2"), "{wrong}");
}

#[test]
fn a_corrected_file_stays_unless_forced() {
    let grown = Grown::new();
    init(&grown.world);
    let run = |arguments: &[&str]| said(&grown.world.run(arguments));
    assert!(run(&["migrate", "plan"]).starts_with("exit 0"));
    let corrected = migration_file(&grown.world).replace("kind = \"unused\"", "kind = \"keep\"");
    std::fs::write(grown.world.path("migration.toml"), &corrected).unwrap();

    let output = run(&["migrate", "plan", "main"]);
    assert!(output.starts_with("exit 0") && output.contains("stays as it is"), "{output}");
    assert_eq!(migration_file(&grown.world), corrected);

    // A user that came later is added, and the correction stays.
    let (before, after) = corrected.split_at(corrected.rfind("\n[users.").unwrap());
    let name = after.trim_start().lines().next().unwrap().to_owned();
    std::fs::write(grown.world.path("migration.toml"), before).unwrap();
    let output = run(&["migrate", "plan"]);
    assert!(output.starts_with("exit 0") && output.contains("added to `migration.toml`"), "{output}");
    let grown_file = migration_file(&grown.world);
    assert!(grown_file.starts_with(before.trim_end()) && grown_file.contains(&name), "{grown_file}");
    std::fs::write(grown.world.path("migration.toml"), &corrected).unwrap();

    let calls = grown.world.calls();
    let output = run(&["migrate", "plan", "--out", "migration.toml"]);
    assert!(output.starts_with("exit 2") && output.contains("--force"), "{output}");
    assert_eq!(grown.world.calls(), calls, "it was refused before anything was read");
    assert!(run(&["migrate", "plan", "--out", "other.toml", "--quiet"]).starts_with("exit 0"));
    assert!(grown.world.path("other.toml").exists());
    assert!(run(&["migrate", "plan", "--force"]).starts_with("exit 0"));
    assert!(migration_file(&grown.world).contains("kind = \"unused\""));
}

#[test]
fn json_tells_what_is_left_service_by_service() {
    let grown = Grown::new();
    init(&grown.world);
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
    init(&grown.world);
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

#[test]
fn status_tells_where_each_stands_and_what_is_next() {
    let world = scene();
    let run = |arguments: &[&str]| {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        output
    };
    let missing = said(&world.run(&["migrate", "status"]));
    assert!(
        missing.starts_with("exit 2") && missing.contains("`postern migrate plan` writes it"),
        "{missing}"
    );
    run(&["migrate", "plan"]);
    let before = world.calls();
    let mut command = world.command(&["migrate", "status"]);
    let output = command.env("COLUMNS", "80").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for event in world.sandbox.server.world().events().iter().skip(before) {
        let event = serde_json::to_value(event).unwrap();
        let name = event["eventName"].as_str().unwrap();
        assert!(["Get", "List", "Generate"].iter().any(|verb| name.starts_with(verb)), "{name} was called");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text.lines().map(without_days).collect::<Vec<_>>().join("\n"));

    run(&["migrate", "apply", "off", "intern-2024", "--yes"]);
    let output = run(&["migrate", "status", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of =
        |name: &str| value["users"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap();
    let intern = of("intern-2024");
    assert_eq!(
        (&intern["stands"], &intern["watched"]),
        (&Value::from("off"), &Value::from(false)),
        "{intern}"
    );
    assert!(intern["off_since"].is_string() && intern["used_since"] == false, "{intern}");
    assert_eq!(of("alice")["stands"], "on");
    let lacks = of("alice")["lacks"].as_str().unwrap();
    assert!(lacks.contains("no user in the bastion"), "{lacks}");

    // Another account than the file's.
    let wrong = said(&world.run(&["migrate", "status", "bastion"]));
    assert!(wrong.starts_with("exit 2"), "{wrong}");
    run(&["migrate", "apply", "delete", "intern-2024", "--yes", "--now"]);
    let output = run(&["migrate", "status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("0 off, 1 gone"), "{text}");
}

/// Days are those of the run.
fn without_days(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let bare = word.trim_end_matches(',');
        if bare.len() == 10 && bare.starts_with("20") {
            word.replace(bare, "YYYY-MM-DD")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
