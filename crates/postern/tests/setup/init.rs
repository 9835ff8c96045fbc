//! `postern init`: by flags, by questions, and from an account that exists.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use postern_testkit::query::Keys;

use crate::world::{World, said};

fn read(world: &World) -> String {
    std::fs::read_to_string(world.path("postern.toml")).unwrap()
}

/// The file is what `estate check` and `estate fmt` want it to be.
fn is_sound(world: &World) {
    for arguments in [&["estate", "check"][..], &["estate", "fmt", "--check"]] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}\n{}", said(&output), read(world));
    }
}

const FLAGS: [&str; 15] = [
    "init",
    "--name",
    "acme",
    "--region",
    "eu-central-1",
    "--bastion",
    "111111111111=acme-bastion",
    "--account",
    "prod=222222222222=acme-prod",
    "--account",
    "dev=333333333333=acme-dev",
    "--person",
    "alice",
    "--administrator",
    "carol",
];

#[test]
fn flags_make_a_file_that_plan_takes_and_no_second_one_over_it() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let output = world.run(&FLAGS);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    insta::assert_snapshot!(read(&world));
    is_sound(&world);
    assert_eq!(world.calls(), 0);
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    world.write_estate("mine");
    let output = said(&world.run(&FLAGS));
    assert!(output.starts_with("exit 2") && output.contains("`postern.toml` is there already"), "{output}");
    assert_eq!(read(&world), "mine");
    let mut forced = FLAGS.to_vec();
    forced.push("--force");
    assert_eq!(world.run(&forced).status.code(), Some(0));
    is_sound(&world);
    let left: Vec<_> =
        std::fs::read_dir(world.home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".postern-")), "{left:?}");
}

#[test]
fn without_a_terminal_missing_flags_are_named_and_nothing_is_written() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let mut command = world.command(&["init", "--name", "acme", "--region", "eu-central-1"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let output = said(&output);
    assert!(output.starts_with("exit 2") && output.contains("`--bastion` is missing"), "{output}");
    assert!(!world.path("postern.toml").exists());
    let mut wrong = FLAGS.to_vec();
    wrong[8] = "prod=111111111111";
    let output = said(&world.run(&wrong));
    assert!(
        output.starts_with("exit 2") && output.contains("account 111111111111 is `bastion` already"),
        "{output}"
    );
    assert!(!world.path("postern.toml").exists());
}

#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let mut command = Command::new("script");
    let line = format!("{} init", env!("CARGO_BIN_EXE_postern"));
    command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    let surroundings = world.command(&[]);
    command.env_clear().current_dir(world.home.path());
    command.envs(surroundings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("SHELL", "/bin/sh").env("TERM", "dumb");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let shown = Arc::new(Mutex::new(String::new()));
    let writer = Arc::clone(&shown);
    thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(read @ 1..) = screen.read(&mut bytes) {
            writer.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    let mut answered = 0;
    for (question, answer) in [
        ("Name of the estate", "acme"),
        ("Region", "Frankfurt"),
        ("Region", "eu-central-1"),
        ("Account that people sign in to", "1111"),
        ("Account that people sign in to", "111111111111"),
        ("Account that people work in", ""),
        ("Account that people work in", "prod=222222222222"),
        ("Account that people work in", ""),
        ("People", "alice, bob"),
        ("Administrators", "carol"),
    ] {
        let start = Instant::now();
        while !shown.lock().unwrap().get(answered..).is_some_and(|new| new.contains(question)) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "no `{question}` in: {}",
                shown.lock().unwrap()
            );
            thread::sleep(Duration::from_millis(10));
        }
        answered = shown.lock().unwrap().len();
        keys.write_all(format!("{answer}\n").as_bytes()).unwrap();
        keys.flush().unwrap();
    }
    assert!(child.wait().unwrap().success(), "{}", shown.lock().unwrap());
    let text = read(&world);
    for line in [
        "[people.alice]",
        "[people.bob]",
        "people = [\"carol\"]",
        "[accounts.prod]",
        "account = \"111111111111\"",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    is_sound(&world);
}

/// A grown account: people, programs, groups that grant directly, roles.
fn furnish(world: &World) {
    let accounts = world.sandbox.server.world().accounts();
    let prod = accounts.iter().find(|account| account.name.as_deref() == Some("prod")).unwrap();
    let keys = Keys {
        id: prod.root_key.to_string(),
        secret: prod.root_secret.expose_secret().to_owned(),
        token: None,
    };
    let call = |action: &str, parameters: &[(&str, &str)]| {
        let answer = world.sandbox.call(&keys, "iam", action, parameters).unwrap();
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
    };
    let policy = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    for user in ["alice", "bob", "carol", "ci", "ghost"] {
        call("CreateUser", &[("UserName", user)]);
    }
    for user in ["alice", "bob", "carol"] {
        call("CreateLoginProfile", &[("UserName", user), ("Password", "Correct-Horse-Battery-9")]);
    }
    call("CreateAccessKey", &[("UserName", "ci")]);
    for (group, name) in [("developers", "PowerUserAccess"), ("admins", "AdministratorAccess")] {
        call("CreateGroup", &[("GroupName", group)]);
        call("AttachGroupPolicy", &[("GroupName", group), ("PolicyArn", &policy(name))]);
    }
    let logs =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}"#;
    call("PutGroupPolicy", &[("GroupName", "developers"), ("PolicyName", "logs"), ("PolicyDocument", logs)]);
    for (group, user) in [("developers", "alice"), ("developers", "carol"), ("admins", "carol")] {
        call("AddUserToGroup", &[("GroupName", group), ("UserName", user)]);
    }
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/Support"}]}"#;
    call("PutUserPolicy", &[("UserName", "bob"), ("PolicyName", "support"), ("PolicyDocument", assume)]);
    let trust = |principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#
        )
    };
    let root = trust(r#"{"AWS":"arn:aws:iam::222222222222:root"}"#);
    for (role, trust) in [("Support", &root), ("Lambda", &trust(r#"{"Service":"lambda.amazonaws.com"}"#))] {
        call(
            "CreateRole",
            &[("RoleName", role), ("AssumeRolePolicyDocument", trust), ("MaxSessionDuration", "7200")],
        );
    }
    let organization = trust(r#"{"AWS":"arn:aws:iam::333333333333:root"}"#);
    call(
        "CreateRole",
        &[("RoleName", "OrganizationAccountAccessRole"), ("AssumeRolePolicyDocument", &organization)],
    );
    call(
        "AttachRolePolicy",
        &[("RoleName", "OrganizationAccountAccessRole"), ("PolicyArn", &policy("AdministratorAccess"))],
    );
    call("AttachRolePolicy", &[("RoleName", "Support"), ("PolicyArn", &policy("ReadOnlyAccess"))]);
    call("PutRolePolicy", &[("RoleName", "Support"), ("PolicyName", "tickets"), ("PolicyDocument", logs)]);
}

#[test]
fn an_account_that_exists_becomes_a_draft_that_plan_takes() {
    let world = World::new();
    furnish(&world);
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let before = world.calls();
    let arguments = [
        "init",
        "--from-account",
        "acme-prod",
        "--name",
        "acme",
        "--region",
        "eu-central-1",
        "--bastion",
        "111111111111=acme-bastion",
    ];
    let output = world.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for event in world.sandbox.server.world().events().iter().skip(before) {
        let event = serde_json::to_value(event).unwrap();
        let name = event["eventName"].as_str().unwrap();
        assert!(["Get", "List", "Generate"].iter().any(|verb| name.starts_with(verb)), "{name} was called");
    }
    let text = read(&world).replace(world.sandbox.server.endpoint(), "http://SANDBOX");
    insta::assert_snapshot!(text);
    is_sound(&world);
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn the_account_itself_as_bastion_is_drafted_with_a_warning() {
    let world = World::new();
    furnish(&world);
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    let output =
        world.run(&["init", "--from-account", "acme-prod", "--name", "acme", "--region", "eu-central-1"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = read(&world);
    assert!(text.contains("account = \"222222222222\"") && text.contains("[people.alice]"), "{text}");
    assert!(text.contains("`plan` will stop at alice, bob, carol"), "{text}");
    is_sound(&world);
}

#[test]
fn what_may_not_be_read_is_an_error_and_no_empty_draft() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    std::fs::write(
        world.path("aws-config"),
        world.profile(
            "stranger",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            world.sandbox.server.endpoint(),
        ),
    )
    .unwrap();
    let output = said(&world.run(&[
        "init",
        "--from-account",
        "acme-stranger",
        "--name",
        "a",
        "--region",
        "eu-central-1",
    ]));
    assert!(output.starts_with("exit 1"), "{output}");
    assert!(!world.path("postern.toml").exists());
}
