//! Logging in, handing out, forgetting.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::SystemTime,
};

use crate::world::{BASTION, DEV, PASSPHRASE, PROD, World, answer, identity, said, seconds_since};

const DEVELOPER: &str = "arn:aws:sts::222222222222:assumed-role/developer/alice";

#[test]
fn a_day_without_terminal_keyring_and_passphrase() {
    let world = World::new();

    // Nobody is logged in and nobody can be asked: said at once, with what to do.
    let refused = || {
        let start = SystemTime::now();
        let refused = world.run(&["credential-process", "prod/developer"]);
        let time = seconds_since(start);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(refused.stdout.is_empty());
        assert!(said(&refused).contains("postern login"), "{}", said(&refused));
        time
    };
    let best = [refused(), refused(), refused()].into_iter().fold(f64::MAX, f64::min);
    assert!(best < 1.0, "{best} s");

    // A wrong code is AWS's to refuse, and is named.
    let wrong = world
        .postern(&["login", "--mfa-code", &world.wrong_code()])
        .env("POSTERN_PASSPHRASE", PASSPHRASE)
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said(&wrong).contains("did not take the MFA code"), "{}", said(&wrong));

    world.log_in();
    // No code is taken where none is needed, and that is said.
    let again = world.run(&["login"]);
    assert!(said(&again).contains("already logged in as alice, for 11h"), "{}", said(&again));
    let first = answer(&world.run(&["credential-process", "prod/developer"]));
    assert_eq!(first["Version"], 1);
    assert_eq!(first["AccountId"], PROD);
    assert!(first["Expiration"].as_str().unwrap().ends_with('Z'));
    assert_eq!(identity(&world, &first), DEVELOPER);
    for _ in 0..5 {
        assert_eq!(answer(&world.run(&["credential-process", "prod/developer"])), first);
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (2, 1));

    // The session serves every role; each is fetched once.
    let other = answer(&world.run(&["credential-process", "prod/readonly"]));
    assert_ne!(other["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (2, 2));

    let status = answer(&world.run(&["status", "--json"]));
    assert_eq!(status["sessions"][0]["person"], "alice");
    assert!(status["sessions"][0]["seconds_left"].as_i64().unwrap() > 11 * 3_600);
    assert_eq!(status["roles"].as_array().unwrap().len(), 2);
    assert_eq!(status["keys"][0]["access_key_id"], world.key.id.as_str());

    nothing_in_clear(&world, &[&first, &other]);

    // Logged out is logged out; and the code that was used is not sent to AWS a second time.
    assert!(world.run(&["logout"]).status.success());
    let refused = world.run(&["credential-process", "prod/developer"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let again = world
        .postern(&["login", "--mfa-code", &world.code()])
        .env("POSTERN_PASSPHRASE", PASSPHRASE)
        .output()
        .unwrap();
    assert!(said(&again).contains("has been used"), "{}", said(&again));
    assert_eq!(world.calls("GetSessionToken"), 2);
}

/// No file under the home directory holds a secret that was ever given out.
fn nothing_in_clear(world: &World, answers: &[&serde_json::Value]) {
    let mut secrets = vec![world.key.secret.expose_secret().to_owned(), PASSPHRASE.to_owned()];
    for answer in answers {
        for name in ["SecretAccessKey", "SessionToken"] {
            secrets.push(answer[name].as_str().unwrap().to_owned());
        }
    }
    let files = world.files();
    assert!(files.len() > 5, "sessions, roles, keys, locks");
    for (path, bytes) in files {
        for secret in &secrets {
            for part in [&secret[..16], &secret[secret.len() - 16..]] {
                let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
                assert!(!found, "a secret in {}", path.display());
            }
        }
    }
}

#[test]
fn exec_becomes_the_command() {
    let world = World::new();
    world.log_in();
    let exec = |script: &str| {
        world
            .postern(&["exec", "prod/developer", "--", "sh", "-c", script])
            .env("AWS_PROFILE", "other")
            .env("AWS_ROLE_ARN", "arn:aws:iam::1:role/other")
            .env("POSTERN_PASSPHRASE", PASSPHRASE)
            .output()
            .unwrap()
    };
    assert_eq!(exec("exit 7").status.code(), Some(7));
    // `setsid` waits for the process itself: what ends by a signal shows as 128 + signal there.
    let killed = exec("kill -TERM $$");
    assert!(killed.status.signal() == Some(15) || killed.status.code() == Some(143), "{:?}", killed.status);

    let output = exec("env; cat /proc/self/stat | cut -d' ' -f4");
    let text = String::from_utf8(output.stdout).unwrap();
    let variable =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned);
    let credentials = serde_json::json!({
        "AccessKeyId": variable("AWS_ACCESS_KEY_ID").unwrap(),
        "SecretAccessKey": variable("AWS_SECRET_ACCESS_KEY").unwrap(),
        "SessionToken": variable("AWS_SESSION_TOKEN").unwrap(),
    });
    assert_eq!(identity(&world, &credentials), DEVELOPER);
    assert!(variable("AWS_CREDENTIAL_EXPIRATION").unwrap().ends_with('Z'));
    assert_eq!(variable("AWS_REGION").as_deref(), Some("eu-central-1"));
    assert_eq!(variable("AWS_ENDPOINT_URL").as_deref(), Some(world.sandbox.endpoint()));
    for gone in ["AWS_PROFILE", "AWS_ROLE_ARN", "POSTERN_PASSPHRASE"] {
        assert_eq!(variable(gone), None, "{gone}");
    }

    for (arguments, code, words) in [
        (&["exec", "prod/developper", "--", "true"][..], 2, "did you mean `prod/developer`?"),
        (&["exec", "prod/developer", "--duration", "2h", "--", "true"], 2, "1h at most"),
        (&["exec", "prod/nope", "--", "true"], 2, "`prod` has: developer, readonly, postern-admin"),
        (&["exec", "prod/postern-admin", "--", "true"], 1, "not authorized to perform: sts:AssumeRole"),
        (&["credential-process", "nowhere/x"], 2, "has no role `nowhere/x`"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_command_that_cannot_run_costs_neither_code_nor_call() {
    let world = World::new();
    let plain = world.home.path().join("plain.txt");
    std::fs::write(&plain, "not a program").unwrap();
    let plain = plain.to_str().unwrap();
    for (command, code, words) in [
        ("no-such-command", 127, "there is no command `no-such-command`"),
        ("./no-such-command", 127, "there is no command `./no-such-command`"),
        ("", 127, "there is no command ``"),
        (plain, 126, "it is not executable"),
        ("/", 126, "cannot run `/`"),
    ] {
        let output = world.run(&["exec", "prod/developer", "--mfa-code", &world.code(), "--", command]);
        assert_eq!(output.status.code(), Some(code), "{command}: {}", said(&output));
        assert!(said(&output).contains(words), "{command}: {}", said(&output));
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (0, 0));
}

#[test]
fn a_removed_key_is_gone_with_its_session() {
    let world = World::new();
    let listed = world.run(&["keys", "list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["KEY", "PERSON", "ACCOUNT", "STORED", "MFA", "DEVICE"]);
    assert_eq!(lines[1][..3], [world.key.id.as_str(), "alice", BASTION]);
    let json = answer(&world.run(&["keys", "list", "--json"]));
    assert_eq!((&json["format"], json["keys"].as_array().map(Vec::len)), (&1.into(), Some(1)));
    assert_eq!(json["keys"][0]["access_key_id"], world.key.id.as_str());

    world.log_in();
    answer(&world.run(&["credential-process", "prod/developer"]));
    let unknown = world.run(&["keys", "remove", "bob"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    let removed = world.run(&["keys", "remove", "alice"]);
    assert!(removed.status.success(), "{}", said(&removed));
    assert!(said(&removed).contains(world.key.id.as_str()), "{}", said(&removed));
    let json = answer(&world.run(&["status", "--json"]));
    assert_eq!((&json["keys"], &json["sessions"]), (&serde_json::json!([]), &serde_json::json!([])));
    let refused = world.run(&["credential-process", "prod/developer"]);
    assert!(said(&refused).contains("holds no key"), "{}", said(&refused));
}

/// Starts many at once with nothing cached and waits for all.
fn at_once(world: &World, targets: &[&str], mfa_process: &str) -> Vec<std::process::Output> {
    let children: Vec<_> = targets
        .iter()
        .map(|target| {
            world
                .postern(&["credential-process", target])
                .env("POSTERN_PASSPHRASE", PASSPHRASE)
                .env("POSTERN_MFA_PROCESS", mfa_process)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

#[test]
fn many_at_once_take_one_code_and_one_call_per_role() {
    let world = World::new();
    let (process, count) = world.mfa_process(&format!("echo {}", world.code()));
    let targets: Vec<&str> = ["prod/developer", "prod/readonly"].repeat(100);
    let outputs = at_once(&world, &targets, &process);
    let answers: Vec<_> = outputs.iter().map(answer).collect();
    for pair in answers.windows(3) {
        assert_eq!(pair[0], pair[2]);
        assert_ne!(pair[0], pair[1]);
    }
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n", "one question");
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 2));
}

#[test]
fn who_declines_declines_for_all() {
    let world = World::new();
    let (process, count) = world.mfa_process("exit 3");
    let outputs = at_once(&world, &["prod/developer"; 8], &process);
    for output in &outputs {
        assert_eq!(output.status.code(), Some(1), "{}", said(output));
        assert!(said(output).contains("failed: exit status: 3"), "{}", said(output));
    }
    // A process that arrives after the first failure may ask anew; those that waited do not.
    let asked = std::fs::read_to_string(count).unwrap().len() / 2;
    assert!(asked <= 2, "asked {asked} times");
    assert_eq!(world.calls("GetSessionToken"), 0);
}

#[test]
fn an_agent_holds_the_key_where_the_kernel_does_not() {
    let world = World::new();
    let run = |arguments: &[&str], passphrase: bool| {
        let mut command = world.postern(arguments);
        command.env("POSTERN_KEYHOLDER", "agent");
        if passphrase {
            command.env("POSTERN_PASSPHRASE", PASSPHRASE);
        }
        command.output().unwrap()
    };
    // The agent holds no stream of its caller: this returns although the agent lives on.
    let output = run(&["login", "--mfa-code", &world.code()], true);
    assert!(output.status.success(), "{}", said(&output));
    let socket = world.state_dir().join("agent.sock");
    assert!(socket.exists());
    let first = answer(&run(&["credential-process", "prod/developer"], false));
    assert_eq!(answer(&run(&["credential-process", "prod/developer"], false)), first);
    assert_eq!(answer(&run(&["status", "--json"], false))["sealed_by"], "agent");
    nothing_in_clear(&world, &[&first]);

    // Nothing of it can be read by way of /proc, but by root; its arguments hold no key.
    assert!(run(&["logout"], false).status.success());
    let start = SystemTime::now();
    while socket.exists() && seconds_since(start) < 5.0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(!socket.exists(), "the agent ends with the session");
    assert_eq!(run(&["credential-process", "prod/developer"], false).status.code(), Some(1));
}

#[test]
fn nothing_is_handed_out_with_less_left_than_was_asked_for() {
    let world = World::new();
    world.log_in();
    world.settle();
    let hand_out = |min_ttl: &str| {
        world.run(&["credential-process", "prod/developer", "--duration", "15m", "--min-ttl", min_ttl])
    };
    let (most, less) = ("899s", "14m");
    let first = answer(&hand_out(most));
    // By now 896 seconds are left: that is enough for one, and too little for the other, from the shelf too.
    world.settle();
    assert_eq!(answer(&hand_out(less)), first);
    assert_eq!(world.calls("AssumeRole"), 1);
    assert_ne!(answer(&hand_out(most)), first);
    assert_eq!(world.calls("AssumeRole"), 2);

    let never = hand_out("15m");
    assert_eq!(never.status.code(), Some(2), "{}", said(&never));
    assert!(said(&never).contains("last 15m, so 15m are never left of them"), "{}", said(&never));

    // What somebody else gives is renewed by them or not at all, and then refused.
    let aws = world.home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    let expires = postern_types::Timestamp::now() + postern_types::SignedDuration::from_mins(20);
    let printed = format!(
        r#"{{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","SessionToken":"t","Expiration":"{expires:.0}"}}"#
    );
    std::fs::write(aws.join("printed"), printed).unwrap();
    let config = format!("[profile other]\ncredential_process = cat {}\n", aws.join("printed").display());
    std::fs::write(aws.join("config"), config).unwrap();
    for (min_ttl, status) in [("15m", 0), ("30m", 1)] {
        let ran = world.run(&["exec", "other", "--min-ttl", min_ttl, "--", "true"]);
        assert_eq!(ran.status.code(), Some(status), "{}", said(&ran));
    }
    let refused = world.run(&["credential-process", "other", "--min-ttl", "30m"]);
    assert!(refused.stdout.is_empty() && said(&refused).contains("another program's"), "{}", said(&refused));
}

#[test]
fn a_changed_estate_never_serves_the_old_role() {
    let world = World::new();
    world.log_in();
    world.settle();
    let read = || answer(&world.run(&["credential-process", "prod/developer"]));
    let first = read();
    assert!(
        world.files().iter().any(|(path, _)| path.file_name().unwrap().to_str().unwrap().starts_with("hot-")),
        "the second answer comes from the shelf"
    );
    assert_eq!(read(), first);

    // The same file, the same size, the same time of modification.
    let times = std::fs::metadata(world.estate()).unwrap();
    world.write_estate(DEV);
    std::fs::File::options()
        .write(true)
        .open(world.estate())
        .unwrap()
        .set_modified(times.modified().unwrap())
        .unwrap();
    assert_eq!(std::fs::metadata(world.estate()).unwrap().len(), times.len());
    let second = read();
    assert_eq!(second["AccountId"], DEV);
    assert!(identity(&world, &second).contains(DEV));

    // Another file under the same name.
    std::fs::rename(world.estate(), world.home.path().join("old.toml")).unwrap();
    world.write_estate(PROD);
    assert_eq!(read()["AccountId"], PROD);
    // And a broken one is an error, whatever is on the shelf.
    std::fs::write(world.estate(), "version = 2").unwrap();
    assert_eq!(world.run(&["credential-process", "prod/developer"]).status.code(), Some(2));
}

#[test]
fn a_session_that_ended_at_aws_is_noticed() {
    let world = World::new();
    world.log_in();
    // The sandbox's clock goes on by a day; this machine's does not.
    let now = postern_types::Timestamp::now();
    world.sandbox.world().advance(24 * 3_600, now);
    let output = world.run(&["credential-process", "prod/developer"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("postern login"), "{}", said(&output));
}

#[test]
fn another_user_gets_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: a second user needs root");
        return;
    }
    let world = World::new();
    world.log_in();
    answer(&world.run(&["credential-process", "prod/developer"]));
    // Everything is opened wide but postern's own directories.
    for dir in [world.home.path(), &world.home.path().join("run")] {
        std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let stranger = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]).args(arguments);
        world.surround(&mut command);
        command.output().unwrap()
    };
    let state = world.state_dir();
    let listed = stranger("ls", &[state.to_str().unwrap()]);
    assert!(!listed.status.success(), "{}", said(&listed));
    // His own postern on our directories: refused, not served. (It must be where he can run it.)
    let program = world.home.path().join("postern-copy");
    std::fs::copy(env!("CARGO_BIN_EXE_postern"), &program).unwrap();
    let served = stranger(program.to_str().unwrap(), &["credential-process", "prod/developer"]);
    assert!(!served.status.success() && served.stdout.is_empty(), "{}", said(&served));
    assert_eq!(world.calls("AssumeRole"), 1);
}

#[test]
fn every_variable_and_setting_is_in_the_documentation() {
    let page = include_str!("../../../../docs/environment.md");
    let code = [include_str!("../../src/env.rs"), include_str!("../../src/prompt/program.rs")].concat();
    let words = code.split(|c: char| !c.is_ascii_uppercase() && c != '_');
    let mut names: Vec<&str> =
        words.filter(|w| ["POSTERN_", "XDG_", "AWS_"].iter().any(|prefix| w.starts_with(prefix))).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.contains(&"POSTERN_MFA_SERIAL"), "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")) || page.contains(&format!("${name}")),
            "{name} is missing"
        );
    }
}
