//! Endpoints: credentials for as long as a command runs.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use postern_types::Timestamp;
use serde_json::Value;

use crate::{
    terminal::{OnTerminal, POSTERN},
    world::{World, identity, said},
};

const DEVELOPER: &str = "arn:aws:sts::222222222222:assumed-role/developer/alice";

/// Where a command was told to look.
struct Endpoint {
    address: SocketAddr,
    path: String,
    token: String,
}

impl Endpoint {
    /// What a command wrote of its environment, once it has.
    fn of_file(world: &World) -> Self {
        let file = world.home.path().join("environment");
        let start = Instant::now();
        let text = loop {
            // Written beside and renamed, so that it is whole.
            if let Ok(text) = fs::read_to_string(&file) {
                break text;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the command does not run");
            std::thread::sleep(Duration::from_millis(20));
        };
        let variable = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
        };
        let uri = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let (address, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self {
            address: address.parse().unwrap(),
            path: format!("/{path}"),
            token: variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        }
    }

    fn get(&self) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
            self.path, self.address, self.token
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// As `credential_process` has it, which is what [`identity`] reads.
    fn credentials(&self) -> Value {
        let (status, mut given) = self.get();
        assert_eq!(status, 200, "{given}");
        given["SessionToken"] = given["Token"].clone();
        given
    }

    fn ends(&self) {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(10), "the endpoint outlives its command");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Writes the environment down, whole.
const WRITE: &str = "env > environment.new && mv environment.new environment";

/// A command under `exec --serve` whose process is the child itself.
fn job(world: &World, script: &str) -> Child {
    let mut command = Command::new(POSTERN);
    command.args(["exec", "--serve", "prod/developer", "--", "sh", "-c", &format!("{WRITE}; {script}")]);
    world.surround(&mut command);
    command.stdin(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_job_of_any_length_has_fresh_credentials() {
    let world = World::new();
    world.log_in();
    let mut job = job(&world, "while :; do sleep 0.1; done");
    let endpoint = Endpoint::of_file(&world);
    let first = endpoint.credentials();
    assert_eq!(identity(&world, &first), DEVELOPER);
    assert_eq!(endpoint.credentials(), first, "from the cache");
    assert_eq!(world.calls("AssumeRole"), 1);

    // More than an hour goes by at AWS. Here the cache would notice by its own clock, which no test can move:
    // what it holds is taken away instead.
    let forget_roles = || {
        for entry in fs::read_dir(world.state_dir()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("role-") {
                fs::remove_file(path).unwrap();
            }
        }
    };
    world.sandbox.world().advance(3_700, Timestamp::now());
    forget_roles();
    let second = endpoint.credentials();
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(identity(&world, &second), DEVELOPER);
    assert_eq!(world.calls("AssumeRole"), 2);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| identity(&world, &first)));
    assert!(refused.is_err(), "AWS takes the first ones no more");

    // Without a session there is nothing, and with one there is again: nothing is to be started anew.
    let sessions = world.state_dir().join("elsewhere");
    fs::create_dir(&sessions).unwrap();
    let move_session = |from: &Path, to: &Path| {
        for name in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()) {
            if name.to_str().unwrap().starts_with("session-") {
                fs::rename(from.join(&name), to.join(&name)).unwrap();
            }
        }
    };
    forget_roles();
    move_session(&world.state_dir(), &sessions);
    assert_eq!(endpoint.get().0, 503);
    move_session(&sessions, &world.state_dir());
    assert_eq!(identity(&world, &endpoint.credentials()), DEVELOPER);

    // The session is over as well: nobody is asked, and what to do is said.
    world.sandbox.world().advance(24 * 3_600, Timestamp::now());
    forget_roles();
    let (status, refused) = endpoint.get();
    assert_eq!((status, &refused["code"]), (503, &"CredentialsUnavailable".into()));
    assert!(refused["message"].as_str().unwrap().contains("postern login"), "{refused}");

    rustix::process::kill_process(rustix::process::Pid::from_child(&job), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(job.wait().unwrap().signal(), Some(15), "the command's own end");
    endpoint.ends();
}

#[test]
fn an_endpoint_gives_no_more_than_the_command_was_to_have() {
    let world = World::new();
    world.log_in();
    let narrowed =
        ["exec", "--serve", "prod/developer", "--only", "sts:GetCallerIdentity", "--reason", "t-1"];
    let script = format!("{WRITE}; while :; do sleep 0.1; done");
    let mut command = world.postern(&[&narrowed[..], &["--", "sh", "-c", &script]].concat());
    let mut job = command.spawn().unwrap();
    let given = Endpoint::of_file(&world).credentials();
    assert_eq!(identity(&world, &given), format!("{DEVELOPER}@t-1"));
    let events = world.sandbox.world().events();
    let asked: Vec<_> = events.iter().filter(|event| event["eventName"] == "AssumeRole").collect();
    assert_eq!(asked.len(), 1, "the endpoint's request is the command's own");
    assert!(asked[0]["requestParameters"]["policy"].as_str().unwrap().contains("sts:GetCallerIdentity"));
    job.kill().unwrap();
    job.wait().unwrap();
}

#[test]
fn what_is_served_is_as_narrow_as_it_was_asked_for() {
    let world = World::new();
    world.log_in();
    let ready = world.home.path().join("ready");
    let mut serve = Command::new(POSTERN);
    serve
        .args(["serve", "ecs", "prod/developer", "prod/readonly", "--format", "json", "--ready-file"])
        .arg(&ready);
    serve.args(["--read-only", "--reason", "t-2", "--duration", "15m"]);
    world.surround(&mut serve);
    let mut serve = serve.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !ready.exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let told: Value = serde_json::from_str(&fs::read_to_string(&ready).unwrap()).unwrap();
    let endpoint = |path: &str| Endpoint {
        address: told["endpoint"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap(),
        path: path.to_owned(),
        token: told["set"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"].as_str().unwrap().to_owned(),
    };
    for (path, who) in [
        ("/role/prod/developer", format!("{DEVELOPER}@t-2")),
        ("/role/prod/readonly", "arn:aws:sts::222222222222:assumed-role/readonly/alice@t-2".to_owned()),
    ] {
        assert_eq!(identity(&world, &endpoint(path).credentials()), who);
    }
    let events = world.sandbox.world().events();
    let asked: Vec<_> = events.iter().filter(|event| event["eventName"] == "AssumeRole").collect();
    assert_eq!(asked.len(), 2, "each request is the one that was prepared");
    for event in asked {
        assert!(event["requestParameters"].to_string().contains("policy/ReadOnlyAccess"), "{event}");
        assert_eq!(event["requestParameters"]["durationSeconds"], "900", "{event}");
    }
    serve.kill().unwrap();
    serve.wait().unwrap();
    for wrong in [&["--any", "--read-only"][..], &["--any", "--reason", "x"], &["prod/developer", "--direct"]]
    {
        let refused = world.run(&[&["serve", "ecs"], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}: {}", said(&refused));
    }
}

#[test]
fn the_command_is_its_own_master() {
    let world = World::new();
    world.log_in();
    let exec = |script: &str| world.run(&["exec", "--serve", "prod/developer", "--", "sh", "-c", script]);
    let start = Instant::now();
    assert_eq!(exec("exit 7").status.code(), Some(7));
    assert!(start.elapsed() < Duration::from_secs(10), "the endpoint holds no stream of the caller's");
    let missing = world.run(&["exec", "--serve", "prod/developer", "--", "no-such-command"]);
    assert_eq!(missing.status.code(), Some(127), "{}", said(&missing));

    // It has no child that it did not start, for which it might wait.
    let children = exec("read -r line < /proc/$$/task/$$/children; echo \"[$line]\"; wait");
    if children.stdout.is_empty() {
        println!("SKIP: the kernel does not list children");
    } else {
        assert_eq!(children.stdout, b"[]\n", "{}", said(&children));
    }

    // No credentials are handed over, and none that would go before the endpoint is in sight.
    fs::create_dir(world.home.path().join(".aws")).unwrap();
    let file = |name: &str, text: &str| fs::write(world.home.path().join(".aws").join(name), text).unwrap();
    file("config", "[default]\nregion = eu-west-1\n");
    file("credentials", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n");
    let mut command = world.postern(&["exec", "--serve", "prod/developer", "--", "env"]);
    let output =
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_PROFILE", "x").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for gone in
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE"]
    {
        assert!(!names.contains(&gone), "{gone}");
    }
    assert!(text.contains("AWS_SHARED_CREDENTIALS_FILE=/dev/null\n"), "{text}");
    assert!(said(&output).contains("[default] profile"), "{}", said(&output));
    let direct = world.run(&["exec", "--serve", "--direct", "prod/developer", "--", "true"]);
    assert_eq!(direct.status.code(), Some(2), "{}", said(&direct));
}

#[test]
fn codes_are_asked_for_before_the_command_runs() {
    let world = World::new();
    let refused = world.run(&["exec", "--serve", "prod/developer", "--", "true"]);
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("postern login"),
        "{}",
        said(&refused)
    );
    let refused = world.run(&["serve", "ecs", "prod/developer"]);
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("postern login"),
        "{}",
        said(&refused)
    );

    let script =
        format!("trap 'echo caught' INT; {WRITE}; test -t 0 && echo running; while :; do sleep 0.1; done");
    let line = format!("{POSTERN} exec --serve prod/developer -- sh -c \"{script}\"");
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("{}\n", crate::world::PASSPHRASE));
    terminal.wait_for("MFA code of alice");
    terminal.type_in(&format!("{}\n", world.code()));
    terminal.wait_for("running");
    let endpoint = Endpoint::of_file(&world);
    // Ctrl-C is the command's; the endpoint has another session, and no terminal.
    terminal.type_in("\x03");
    terminal.wait_for("caught");
    assert_eq!(identity(&world, &endpoint.credentials()), DEVELOPER);
    // Ctrl-\ ends it.
    terminal.type_in("\x1c");
    let (code, screen) = terminal.end();
    assert_ne!(code, Some(0), "{screen}");
    endpoint.ends();
}

#[test]
fn who_serves_on_a_terminal_is_not_asked_later() {
    let world = World::new();
    let ready = world.home.path().join("ready");
    let line =
        format!("exec {POSTERN} serve ecs prod/developer --format json --ready-file {}", ready.display());
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("{}\n", crate::world::PASSPHRASE));
    terminal.wait_for("MFA code of alice");
    terminal.type_in(&format!("{}\n", world.code()));
    terminal.wait_for("Ctrl-C ends it");
    let told: Value = serde_json::from_str(&fs::read_to_string(&ready).unwrap()).unwrap();
    let uri = told["set"]["AWS_CONTAINER_CREDENTIALS_FULL_URI"].as_str().unwrap();
    let (address, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let endpoint = Endpoint {
        address: address.parse().unwrap(),
        path: format!("/{path}"),
        token: told["set"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"].as_str().unwrap().to_owned(),
    };
    assert!(!terminal.screen().contains(&endpoint.token), "the token is in the file alone");
    assert_eq!(identity(&world, &endpoint.credentials()), DEVELOPER);
    assert!(world.run(&["logout"]).status.success());
    for _ in 0..2 {
        let (status, refused) = endpoint.get();
        assert!(status == 503 && refused.to_string().contains("postern login"), "{refused}");
    }
    terminal.type_in("\x03");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("Passphrase of ").count(), 1, "{screen}");
    assert_eq!(screen.matches("warning: prod/developer: ").count(), 1, "said once: {screen}");
    assert!(!ready.exists());
    endpoint.ends();
}
