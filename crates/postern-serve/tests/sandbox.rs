//! The sandbox over HTTP: guards, limits, the admin API, state on disk, faults.

#![expect(clippy::unwrap_used, reason = "helpers of tests end the test loudly")]

use std::{collections::BTreeMap, fs, path::Path};

use postern_sandbox::Scene;
use postern_serve::{BlockingSandbox, Cut, NewAccount, SandboxConfig, ServeError, When, credentials_file};
use postern_testkit::{
    live::LiveSandbox,
    query::{Keys, element},
};
use postern_types::Timestamp;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_ready_file_tells_where_and_with_which_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let account = NewAccount { name: Some("bastion".to_owned()), id: Some("111111111111".parse().unwrap()) };
    let sandbox = LiveSandbox::with(SandboxConfig {
        ready_file: Some(path.clone()),
        accounts: vec![account],
        ..SandboxConfig::default()
    });
    let ready = json(&fs::read_to_string(&path).unwrap());
    assert_eq!(ready["endpoint"], sandbox.server.endpoint());
    assert_eq!(ready["admin"]["url"], format!("{}/_postern", sandbox.server.endpoint()));
    assert_eq!(ready["accounts"][0]["name"], "bastion");
    let root = &ready["accounts"][0]["root"];
    let keys = Keys {
        id: root["access_key_id"].as_str().unwrap().to_owned(),
        secret: root["secret_access_key"].as_str().unwrap().to_owned(),
        token: None,
    };
    let answer = sandbox.call(&keys, "sts", "GetCallerIdentity", &[]).unwrap();
    assert_eq!(element(&answer.body, "Arn"), "arn:aws:iam::111111111111:root");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
}

#[test]
fn only_loopback_is_listened_on_and_answered() {
    let config = SandboxConfig { listen: "0.0.0.0:0".parse().unwrap(), ..SandboxConfig::default() };
    assert!(matches!(BlockingSandbox::start(config), Err(ServeError::NotLoopback(_))));
    let sandbox = LiveSandbox::start();
    let port = sandbox.host().rsplit(':').next().unwrap().to_owned();
    let get = |line: &str, host: &str| {
        sandbox.send(format!("{line} HTTP/1.1\r\n{host}\r\n").as_bytes()).map(|answer| answer.status)
    };
    for (line, host, status) in [
        ("GET /", format!("Host: localhost:{port}\r\n"), 403),
        ("GET /", format!("Host: bucket.localhost:{port}\r\n"), 403),
        ("GET /_postern/clock", format!("Host: localhost:{port}\r\n"), 401),
        ("GET /_postern/clock", format!("Host: localhost:{port}\r\nAuthorization: Bearer x\r\n"), 401),
    ] {
        assert_eq!(get(line, &host), Some(status), "{line} {host}");
    }
    for host in [
        format!("Host: rebound.example.org:{port}\r\n"),
        "Host: localhost:1\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        format!("Host: localhost.:{port}\r\n"),
        format!("Host: 127.0.0.1.:{port}\r\n"),
        format!("Host: localhost:{port}\r\nHost: evil:{port}\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: null\r\n"),
        format!("Host: localhost:{port}\r\nSec-Fetch-Site: cross-site\r\n"),
        String::new(),
    ] {
        let text = format!("GET / HTTP/1.1\r\n{host}\r\n");
        let answer = sandbox.send(text.as_bytes()).unwrap();
        assert!(answer.status == 403 || answer.status == 400, "{host}");
        // The guard's own word, not the sandbox's.
        assert!(!answer.body.contains("<Error>"), "{host}: {}", answer.body);
    }
    let absolute = format!("GET http://evil.example.org/ HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert!(sandbox.send(absolute.as_bytes()).unwrap().body.contains("evil.example.org"));
}

#[test]
fn what_is_too_large_is_refused() {
    let sandbox = LiveSandbox::start();
    let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", sandbox.host(), 2 << 20);
    let mut request = head.into_bytes();
    request.resize(request.len() + (2 << 20), b'x');
    // The answer may be lost when the server closes while we still write.
    assert!(sandbox.send(&request).is_none_or(|answer| answer.status == 413));
    let head =
        format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: {}\r\n\r\n", sandbox.host(), "x".repeat(300_000));
    let answer = sandbox.send(head.as_bytes());
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 431), "{answer:?}");
    let (_, root) = sandbox.account("a", None);
    assert_eq!(sandbox.call(&root, "sts", "GetCallerIdentity", &[]).unwrap().status, 200);
}

#[test]
fn the_admin_api_does_what_the_formats_say() {
    let sandbox = LiveSandbox::start();
    let token = sandbox.server.admin().token().to_owned();
    let admin = |method: &str, path: &str, body: &str| {
        let answer = sandbox.admin(&token, method, path, body);
        (answer.status, json(&answer.body))
    };
    let (status, made) = admin("POST", "/accounts", r#"{"name":"prod","id":"222222222222"}"#);
    assert_eq!((status, &made["id"], &made["name"]), (200, &"222222222222".into(), &"prod".into()));
    assert_eq!(admin("POST", "/accounts", r#"{"id":"222222222222"}"#).1, made);
    assert_eq!(admin("POST", "/accounts", "").1["name"], Value::Null);
    let keys = Keys {
        id: made["root"]["access_key_id"].as_str().unwrap().to_owned(),
        secret: made["root"]["secret_access_key"].as_str().unwrap().to_owned(),
        token: None,
    };
    assert_eq!(sandbox.call(&keys, "iam", "ListUsers", &[]).unwrap().status, 200);
    let (_, events) = admin("GET", "/events", "");
    assert_eq!(events["Records"][0]["eventName"], "ListUsers");
    let (_, clock) = admin("POST", "/clock", r#"{"advance_seconds":3600}"#);
    let at = |name: &str| clock[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(at("sandbox").duration_since(at("real")).as_secs(), 3_600);
    let state = sandbox.admin(&token, "GET", "/state", "").body;
    assert_eq!(admin("POST", "/reset", "").0, 200);
    assert_eq!(sandbox.call(&keys, "iam", "ListUsers", &[]).unwrap().code(), "InvalidClientTokenId");
    assert_eq!(admin("PUT", "/state", &state).0, 200);
    assert_eq!(sandbox.call(&keys, "iam", "ListUsers", &[]).unwrap().status, 200);
    for (method, path, body, status) in [
        ("PUT", "/state", "{}", 400),
        ("POST", "/clock", r#"{"advance_seconds":-1}"#, 400),
        ("POST", "/clock", r#"{"advance":1}"#, 400),
        ("POST", "/accounts", r#"{"id":"1"}"#, 400),
        ("POST", "/accounts", "not json", 400),
        ("DELETE", "/accounts", "", 405),
        ("GET", "/nothing", "", 404),
        ("GET", "", "", 404),
    ] {
        let (got, answer) = admin(method, path, body);
        assert_eq!(got, status, "{method} {path} {body}: {answer}");
        assert!(answer["error"].is_string());
    }
}

fn kept_in(folder: &Path) -> SandboxConfig {
    SandboxConfig { state: Some(folder.to_owned()), ..SandboxConfig::default() }
}

#[test]
fn the_state_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let sandbox = LiveSandbox::with(kept_in(&state));
    let (_, root) = sandbox.account("bastion", Some("111111111111"));
    let session = sandbox.call(&root, "sts", "GetSessionToken", &[]).unwrap();
    let session = Keys::of(&session.body);
    assert_eq!(sandbox.call(&root, "iam", "CreateUser", &[("UserName", "alice")]).unwrap().status, 200);
    assert!(matches!(BlockingSandbox::start(kept_in(&state)), Err(ServeError::InUse(_))));
    sandbox.server.shutdown().unwrap();

    let sandbox = LiveSandbox::with(kept_in(&state));
    assert_eq!(sandbox.call(&root, "iam", "GetUser", &[("UserName", "alice")]).unwrap().status, 200);
    assert_eq!(sandbox.call(&session, "sts", "GetCallerIdentity", &[]).unwrap().status, 200);
    drop(sandbox);
    fs::write(state.join("state.json"), "{}").unwrap();
    assert!(matches!(BlockingSandbox::start(kept_in(&state)), Err(ServeError::State { .. })));
}

#[test]
fn connections_are_cut_before_or_after_the_named_call() {
    let sandbox = LiveSandbox::start();
    let (_, root) = sandbox.account("a", None);
    let create = |name: &str| sandbox.call(&root, "iam", "CreateUser", &[("UserName", name)]);
    let exists =
        |name: &str| sandbox.call(&root, "iam", "GetUser", &[("UserName", name)]).unwrap().status == 200;
    for (when, done) in [(When::Before, false), (When::After, true)] {
        let name = format!("user-{done}");
        sandbox.server.faults().arm(Cut { call: 2, when, lasting: true });
        assert_eq!(create(&format!("first-{done}")).unwrap().status, 200);
        assert!(create(&name).is_none() && create("never").is_none());
        assert_eq!(sandbox.server.faults().calls(), 3);
        sandbox.server.faults().mend();
        assert_eq!(exists(&name), done);
        assert!(!exists("never"));
    }
}

/// The keys of a credentials file by profile.
fn profiles(text: &str) -> BTreeMap<String, Keys> {
    let mut profiles = BTreeMap::new();
    for section in text.split("\n[").skip(1) {
        let (name, rest) = section.split_once(']').unwrap();
        let value = |key: &str| {
            let line = rest.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_once(" = ").unwrap().1.to_owned()
        };
        let keys =
            Keys { id: value("aws_access_key_id"), secret: value("aws_secret_access_key"), token: None };
        profiles.insert(name.to_owned(), keys);
    }
    profiles
}

#[test]
fn a_scene_has_people_with_keys_and_a_past() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, state) = (folder.path().join("sandbox.json"), folder.path().join("state"));
    let config = SandboxConfig {
        ready_file: Some(ready.clone()),
        scene: Some(Scene::SingleAccount),
        ..kept_in(&state)
    };
    let sandbox = LiveSandbox::with(config.clone());
    let told = json(&fs::read_to_string(&ready).unwrap());
    let beside = credentials_file(&ready);
    assert_eq!(told["credentials_file"], beside.to_str().unwrap());
    assert_eq!(told["accounts"][0]["id"], "222222222222");
    let text = fs::read_to_string(&beside).unwrap();
    let people = profiles(&text);
    let names: Vec<&str> = people.keys().map(String::as_str).collect();
    let all = ["alice", "backup-agent", "bob", "carol", "ci-deploy", "dave", "erin", "intern-2024"];
    assert_eq!(names, all, "one active key each");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&beside).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // The past is the sandbox's own bookkeeping, and the clock was not moved.
    let alice = &people["alice"];
    let ask =
        |keys: &Keys, action: &str, more: &[(&str, &str)]| sandbox.call(keys, "iam", action, more).unwrap();
    let user = ask(alice, "GetUser", &[]);
    let today = Timestamp::now();
    let days = |text: &str| (today.duration_since(text.parse::<Timestamp>().unwrap()).as_hours()) / 24;
    assert_eq!(days(&element(&user.body, "CreateDate")), 899);
    assert_eq!(days(&element(&user.body, "PasswordLastUsed")), 2);
    let used = ask(alice, "GetAccessKeyLastUsed", &[("AccessKeyId", &people["intern-2024"].id)]);
    assert_eq!(days(&element(&used.body, "LastUsedDate")), 608);
    let used = ask(alice, "GetAccessKeyLastUsed", &[("AccessKeyId", &people["bob"].id)]);
    assert!((10..=20).contains(&days(&element(&used.body, "LastUsedDate"))), "{}", used.body);
    assert_eq!(ask(&people["ci-deploy"], "ListUsers", &[]).status, 403, "a machine is no administrator");
    let arn = "arn:aws:iam::222222222222:user/ci-deploy";
    let job =
        ask(alice, "GenerateServiceLastAccessedDetails", &[("Arn", arn), ("Granularity", "ACTION_LEVEL")]);
    let job = element(&job.body, "JobId");
    let fetch = || ask(alice, "GetServiceLastAccessedDetails", &[("JobId", &job), ("MaxItems", "1000")]).body;
    fetch();
    let report = fetch();
    for service in ["cloudformation", "ecr", "iam", "lambda", "s3"] {
        let of = report.split("<ServiceName>").find(|of| of.contains(&format!("pace>{service}<"))).unwrap();
        assert!(of.contains("<LastAuthenticatedRegion>"), "{service}: {of}");
    }
    assert!(report.contains("<ActionName>UpdateStack</ActionName><LastAccessedEntity>"));
    assert_eq!(ask(alice, "DeleteUser", &[("UserName", "nobody")]).status, 404);

    // A second start goes on with what is there, and hands out the same keys.
    assert_eq!(ask(alice, "TagUser", &tags("intern-2024")).status, 200);
    sandbox.server.shutdown().unwrap();
    fs::remove_file(&beside).unwrap();
    let sandbox = LiveSandbox::with(config);
    let again = fs::read_to_string(&beside).unwrap();
    assert_eq!(profiles(&again)["alice"].secret, people["alice"].secret);
    let user = sandbox.call(alice, "iam", "GetUser", &[("UserName", "intern-2024")]).unwrap();
    assert_eq!(element(&user.body, "Value"), "kept");
    drop(sandbox);

    let other = folder.path().join("other");
    let sandbox = LiveSandbox::with(kept_in(&other));
    let _empty = sandbox.account("prod", Some("222222222222"));
    sandbox.server.shutdown().unwrap();
    let scene = SandboxConfig { scene: Some(Scene::SingleAccount), ..kept_in(&other) };
    assert!(matches!(BlockingSandbox::start(scene), Err(ServeError::NoScene(_))));
}

fn tags(user: &str) -> [(&str, &str); 3] {
    [("UserName", user), ("Tags.member.1.Key", "state"), ("Tags.member.1.Value", "kept")]
}
