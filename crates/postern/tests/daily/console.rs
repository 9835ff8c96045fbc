//! `console`, with a server that stands in for AWS's sign-in.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    thread,
};

use percent_encoding::percent_decode_str;

use crate::world::{PASSPHRASE, World, identity, said};

const TOKEN: &str = "one+time/token==";

/// Answers every request like the federation endpoint, and keeps what was asked.
struct SignIn {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SignIn {
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/federation", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                seen.lock().unwrap().push(lines.next().unwrap());
                lines.find(String::is_empty);
                let body = format!(r#"{{"SigninToken":"{TOKEN}"}}"#);
                let head =
                    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close", body.len());
                stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let query = query.split_once('?')?.1.split(' ').next()?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

#[test]
fn credentials_are_traded_for_a_url_that_signs_in() {
    let world = World::new();
    world.log_in();
    let sign_in = SignIn::start("200 OK");
    let console = |more: &[&str]| {
        let arguments = ["console", "prod/developer", "--print", "--federation-endpoint", &sign_in.url];
        let output = world.run(&arguments.iter().chain(more).copied().collect::<Vec<_>>());
        assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let url = console(&[]);
    assert!(url.starts_with(&format!("{}?Action=login&Issuer=postern&", sign_in.url)), "{url}");
    assert_eq!(parameter(&url, "SigninToken").as_deref(), Some(TOKEN));
    let page = |url: &str| parameter(url, "Destination").unwrap();
    assert_eq!(page(&url), "https://eu-central-1.console.aws.amazon.com/console/home?region=eu-central-1");
    let s3 = console(&["--service", "s3", "--region", "us-west-2"]);
    assert_eq!(page(&s3), "https://us-west-2.console.aws.amazon.com/s3/home?region=us-west-2");
    let own = "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions";
    assert_eq!(page(&console(&["--page", own])), own);

    let asked = sign_in.asked();
    assert!(asked[0].starts_with("GET /federation?Action=getSigninToken&"), "{}", asked[0]);
    assert_eq!(parameter(&asked[0], "SessionType").as_deref(), Some("json"));
    // AWS refuses a duration for a role that was assumed with another session.
    assert_eq!(parameter(&asked[0], "SessionDuration"), None);
    let session: serde_json::Value = serde_json::from_str(&parameter(&asked[0], "Session").unwrap()).unwrap();
    let credentials = serde_json::json!({
        "AccessKeyId": session["sessionId"],
        "SecretAccessKey": session["sessionKey"],
        "SessionToken": session["sessionToken"],
    });
    assert_eq!(identity(&world, &credentials), "arn:aws:sts::222222222222:assumed-role/developer/alice");
    for secret in [&session["sessionKey"], &session["sessionToken"]] {
        assert!(!url.contains(secret.as_str().unwrap()), "the URL holds credentials");
    }
}

#[test]
fn a_role_of_its_own_code_may_say_how_long() {
    let world = World::new();
    let sign_in = SignIn::start("200 OK");
    let code = world.code();
    let arguments = ["console", "prod/developer", "--print", "--direct", "--mfa-code", &code];
    let output = world
        .postern(&arguments)
        .args(["--duration", "30m", "--federation-endpoint", &sign_in.url])
        .env("POSTERN_PASSPHRASE", PASSPHRASE)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(parameter(&sign_in.asked()[0], "SessionDuration").as_deref(), Some("1800"));
}

#[test]
fn a_browser_is_given_the_url_and_no_credentials() {
    let world = World::new();
    world.log_in();
    let sign_in = SignIn::start("200 OK");
    let (script, seen) = (world.home.path().join("browser"), world.home.path().join("seen"));
    std::fs::write(&script, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\n", seen.display())).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    let settings = world.home.path().join(".config/postern");
    std::fs::create_dir_all(&settings).unwrap();
    let settings = settings.join("config.toml");
    let text = format!(
        "[console]\nbrowser = \"'{}' --profile {{account}} --as {{target}}\"\nfederation_endpoint = \"{}\"\n",
        script.display(),
        sign_in.url
    );
    std::fs::write(&settings, text).unwrap();
    let output = world.run(&["console", "prod/developer"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output));
    assert!(said(&output).contains("prod/developer in the browser for 59m"), "{}", said(&output));
    let arguments = std::fs::read_to_string(&seen).unwrap();
    let lines: Vec<&str> = arguments.lines().collect();
    assert_eq!(lines[..4], ["--profile", "prod", "--as", "prod/developer"]);
    assert_eq!(parameter(lines[4], "SigninToken").as_deref(), Some(TOKEN));
    assert_eq!(lines.len(), 5);
    let session: serde_json::Value =
        serde_json::from_str(&parameter(&sign_in.asked()[0], "Session").unwrap()).unwrap();
    for name in ["sessionKey", "sessionToken"] {
        assert!(!arguments.contains(session[name].as_str().unwrap()), "{name} in the browser's arguments");
    }

    // A browser that is not there, or fails, is said to; the URL is not printed for that.
    for (browser, words) in [
        ("no-such-browser", "there is no browser `no-such-browser` here"),
        ("false", "`false` did not open the console"),
    ] {
        let output = world.run(&["console", "prod/developer", "--browser", browser]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(words) && said(&output).contains("--print"), "{}", said(&output));
        assert!(!said(&output).contains("SigninToken"), "{}", said(&output));
    }
    std::fs::write(&settings, "[console]\nbrwser = \"x\"\n").unwrap();
    let output = world.run(&["console", "prod/developer"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn credentials_go_nowhere_they_should_not() {
    let world = World::new();
    world.log_in();
    let console = |more: &[&str]| {
        world.run(&["console", "prod/developer", "--print"].iter().chain(more).copied().collect::<Vec<_>>())
    };
    let calls = world.calls("AssumeRole");
    for (more, words) in [
        // The sandbox's credentials are of no use to AWS.
        (&[][..], "which has no console"),
        (&["--federation-endpoint", "http://signin.example/federation"], "cannot be a federation endpoint"),
        (&["--federation-endpoint", "http://127.0.0.1.evil.example/"], "cannot be a federation endpoint"),
        (&["--federation-endpoint", "https://x/?a=b"], "cannot be a federation endpoint"),
        (
            &["--federation-endpoint", "https://x/f", "--page", "https://evil.example/"],
            "no page of the console",
        ),
        (&["--federation-endpoint", "https://x/f", "--service", "s3?x"], "no service's name"),
    ] {
        let output = console(more);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{more:?}: {}", said(&output));
    }
    assert_eq!(world.calls("AssumeRole"), calls);

    let refusing = SignIn::start("400 Bad Request");
    let output = console(&["--federation-endpoint", &refusing.url]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("signin:GetSigninToken failed"), "{}", said(&output));
    assert!(said(&output).contains("400"), "{}", said(&output));
    assert!(!said(&output).contains("sessionKey"), "{}", said(&output));
    let output = console(&["--federation-endpoint", "http://127.0.0.1:1/federation"]);
    assert!(said(&output).contains("the connection was refused"), "{}", said(&output));
}

#[test]
fn the_link_for_switching_takes_no_credentials() {
    let world = World::new();
    let output = world.run(&["console", "prod/developer", "--switch-role"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "https://signin.aws.amazon.com/switchrole?account=222222222222&roleName=postern%2Fdeveloper&displayName=prod%2Fdeveloper\n"
    );
    assert_eq!(world.calls("GetSessionToken"), 0);
}
