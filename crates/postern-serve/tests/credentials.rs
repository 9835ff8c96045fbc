//! Credentials over HTTP: who gets them, in which words, and who does not.

#![expect(clippy::unwrap_used, reason = "helpers of tests end the test loudly")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use postern_broker::Issued;
use postern_serve::{
    CredentialServer, CredentialSource, EndpointConfig, EndpointError, Instance, RunningEndpoint,
    SourceError, Targets,
};
use postern_types::{RoleCredentials, SecretAccessKey, SessionToken, TemporaryCredentials, Timestamp};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Gives credentials whose number goes up with each call; `bad/…` has none.
#[derive(Default)]
struct Source(AtomicU32);

impl CredentialSource for Source {
    fn credentials(&self, target: &str) -> Result<Issued, SourceError> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        if target.starts_with("bad/") {
            return Err(SourceError { message: "the session is over; run `postern login`".to_owned() });
        }
        // What a source does: a runtime of its own, on whatever thread it is called.
        Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(tokio::time::sleep(Duration::ZERO));
        Ok(Issued::Role(RoleCredentials {
            role: "arn:aws:iam::222222222222:role/postern/developer".parse().unwrap(),
            credentials: TemporaryCredentials {
                id: format!("ASIAY34FZKBOKMUTV{number:03}").parse().unwrap(),
                secret: SecretAccessKey::new("s".repeat(40)).unwrap(),
                token: SessionToken::new("token/of+the=session".to_owned()).unwrap(),
                expires_at: "2031-02-03T04:05:06.789Z".parse::<Timestamp>().unwrap(),
            },
        }))
    }
}

struct Endpoint {
    runtime: Runtime,
    running: Option<RunningEndpoint>,
    source: Arc<Source>,
    address: SocketAddr,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Endpoint {
    fn start(config: EndpointConfig) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let source = Arc::new(Source::default());
        let start = CredentialServer::start(config, Arc::<Source>::clone(&source));
        let running = runtime.block_on(start).unwrap();
        Self { runtime, address: running.address(), running: Some(running), source }
    }

    fn ecs(targets: &[&str]) -> Self {
        let listed = targets.iter().map(|target| (*target).to_owned()).collect();
        Self::start(EndpointConfig::ecs(Targets::Listed(listed)))
    }

    fn imds() -> Self {
        Self::start(EndpointConfig::imds(Instance {
            target: "prod/developer".to_owned(),
            role: "developer".to_owned(),
            account: Some("222222222222".parse().unwrap()),
            region: Some("eu-central-1".parse().unwrap()),
        }))
    }

    fn token(&self) -> String {
        self.running.as_ref().unwrap().token().unwrap().to_owned()
    }

    /// Sends a request as it stands, and reads to the end of the connection.
    fn send(&self, text: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that refuses a body may reset the connection after its answer.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&(text + "\r\n"))
    }

    fn fetched(&self) -> u32 {
        self.source.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_container_gets_what_it_was_promised() {
    let endpoint = Endpoint::ecs(&["prod/developer", "my profile", "bad/one"]);
    let token = endpoint.token();
    let get = |path: &str| endpoint.ask("GET", path, &[("Authorization", &token)]);

    let answer = get("/role/prod/developer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "AccessKeyId": "ASIAY34FZKBOKMUTV000",
            "SecretAccessKey": "s".repeat(40),
            "Token": "token/of+the=session",
            "Expiration": "2031-02-03T04:05:06Z",
            "RoleArn": "arn:aws:iam::222222222222:role/postern/developer",
            "AccountId": "222222222222",
        })
    );
    // Each request asks the source, which renews in time; nothing is kept here.
    assert_eq!(get("/target/prod%2Fdeveloper").json()["AccessKeyId"], "ASIAY34FZKBOKMUTV001");
    assert_eq!(get("/target/my%20profile").status, 200);

    let failed = get("/role/bad/one");
    assert_eq!(failed.status, 503);
    assert_eq!(failed.json()["code"], "CredentialsUnavailable");
    assert_eq!(failed.json()["message"], "the session is over; run `postern login`");

    let asked = endpoint.fetched();
    for path in [
        "/",
        "/role/prod/other",
        "/target/prod",
        "/role/prod/developer/",
        "/role/prod%2fx",
        "/../role/prod/developer",
    ] {
        let answer = get(path);
        assert_eq!((answer.status, &answer.json()["code"]), (404, &"UnknownTarget".into()), "{path}");
        assert!(answer.body.contains("/role/prod/developer"), "{}", answer.body);
    }
    assert_eq!(endpoint.ask("POST", "/role/prod/developer", &[("Authorization", &token)]).status, 405);
    assert_eq!(endpoint.fetched(), asked, "nothing is fetched for a request that is refused");
}

#[test]
fn any_target_is_served_only_where_that_was_asked_for() {
    let endpoint = Endpoint::start(EndpointConfig::ecs(Targets::Any));
    let token = endpoint.token();
    assert_eq!(endpoint.ask("GET", "/role/what/ever", &[("Authorization", &token)]).status, 200);
    assert_eq!(endpoint.ask("GET", "/", &[("Authorization", &token)]).status, 404);
}

#[test]
fn without_the_token_there_is_nothing() {
    let endpoint = Endpoint::ecs(&["prod/developer"]);
    let token = endpoint.token();
    assert_eq!(token.len(), 43, "256 bits");
    assert_ne!(token, Endpoint::ecs(&["prod/developer"]).token());
    let (cut, long, bearer) = (&token[1..], format!("{token}a"), format!("Bearer {token}"));
    for wrong in ["", "x", cut, &long, &bearer, &token.to_lowercase()] {
        for path in ["/role/prod/developer", "/role/no/such", "/"] {
            let answer = endpoint.ask("GET", path, &[("Authorization", wrong)]);
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (401, &"InvalidToken".into()),
                "{wrong} {path}"
            );
            assert!(!answer.body.contains("prod"), "{}", answer.body);
        }
    }
    assert_eq!(endpoint.ask("GET", "/role/prod/developer", &[]).status, 401);
    assert_eq!(endpoint.fetched(), 0);
}

/// With all that a right request has, and one thing that it must not have.
#[test]
fn names_that_point_here_and_pages_in_browsers_are_refused() {
    for (endpoint, good) in [(Endpoint::ecs(&["prod/developer"]), 200), (Endpoint::imds(), 401)] {
        let token = if good == 200 { endpoint.token() } else { String::new() };
        let port = endpoint.address.port();
        let get = |line: &str, headers: &str| {
            let text = format!(
                "GET {line} HTTP/1.1\r\nAuthorization: {token}\r\nConnection: close\r\n{headers}\r\n"
            );
            endpoint.send(&text)
        };
        let path = "/role/prod/developer";
        for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
            assert_eq!(get(path, &format!("Host: {host}\r\n")).status, good, "{host}");
        }
        let here = format!("Host: 127.0.0.1:{port}\r\n");
        for headers in [
            String::new(),
            format!("Host: rebound.example.org:{port}\r\n"),
            "Host: 127.0.0.1\r\n".to_owned(),
            format!("Host: 127.0.0.1.:{port}\r\n"),
            format!("Host: localhost.:{port}\r\n"),
            format!("Host: [::1]:{port}\r\n"),
            format!("Host: [::127.0.0.1]:{port}\r\n"),
            format!("Host: 127.1:{port}\r\n"),
            format!("{here}{here}"),
            format!("{here}Host: rebound.example.org:{port}\r\n"),
            format!("{here}Origin: http://127.0.0.1:{port}\r\n"),
            format!("{here}Origin: null\r\n"),
            format!("{here}Sec-Fetch-Site: cross-site\r\n"),
            format!("{here}Sec-Fetch-Site: same-origin\r\n"),
            format!("{here}Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n"),
        ] {
            let answer = get(path, &headers);
            assert!(matches!(answer.status, 400 | 403), "{headers}: {}", answer.status);
            assert!(!answer.body.contains("AccessKeyId"), "{headers}");
        }
        for url in ["http://rebound.example.org", &format!("http://127.0.0.1:{port}")] {
            assert_eq!(get(&format!("{url}/role/prod/developer"), &here).status, 403, "{url}");
        }
        assert_eq!(endpoint.fetched(), if good == 200 { 2 } else { 0 });
    }
}

#[test]
fn sizes_and_times_are_bounded() {
    let endpoint = Endpoint::ecs(&["prod/developer"]);
    let token = endpoint.token();
    let long = "x".repeat(20 << 10);
    let status =
        endpoint.ask("GET", "/role/prod/developer", &[("Authorization", &token), ("X", &long)]).status;
    assert!(matches!(status, 0 | 400 | 431), "{status}");
    let many: Vec<(&str, &str)> = [("X", "y")].repeat(100);
    let status = endpoint.ask("GET", "/role/prod/developer", &many).status;
    assert!(matches!(status, 0 | 400 | 431), "{status}");
    let body = "x".repeat(5_000);
    let text = format!(
        "GET /role/prod/developer HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\nContent-Length: 5000\r\n\r\n{body}",
        endpoint.address
    );
    assert_eq!(endpoint.send(&text).status, 400);
    // Who sends half a head is not waited for without end.
    let begun = Instant::now();
    endpoint.send("GET /role/prod/developer HTTP/1.1\r\nHost");
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(endpoint.fetched(), 0);
    assert_eq!(endpoint.ask("GET", "/role/prod/developer", &[("Authorization", &token)]).status, 200);
}

const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "X-aws-ec2-metadata-token";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

#[test]
fn an_instance_answers_version_2_and_nothing_else() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let endpoint = Endpoint::imds();
    // Version 1, and tokens that were never given.
    for headers in [&[][..], &[(TOKEN, "")], &[(TOKEN, "x")]] {
        for path in [CREDENTIALS, "/latest/meta-data/placement/region", "/latest/meta-data/", "/"] {
            assert_eq!(endpoint.ask("GET", path, headers).status, 401, "{path}");
        }
    }
    for ttl in ["", "0", "-1", "21601", "x", "1.5"] {
        assert_eq!(endpoint.ask("PUT", "/latest/api/token", &[(TTL, ttl)]).status, 400, "{ttl}");
    }
    assert_eq!(endpoint.ask("PUT", "/latest/api/token", &[]).status, 400);
    assert_eq!(endpoint.ask("GET", "/latest/api/token", &[(TTL, "60")]).status, 405);
    let forwarded = [(TTL, "60"), ("X-Forwarded-For", "10.0.0.1")];
    assert_eq!(endpoint.ask("PUT", "/latest/api/token", &forwarded).status, 403);

    let given = endpoint.ask("PUT", "/latest/api/token", &[(TTL, "21600")]);
    assert_eq!(given.status, 200);
    assert!(given.head.contains("x-aws-ec2-metadata-token-ttl-seconds: 21600"), "{}", given.head);
    let token = given.body;
    let get = |path: &str| endpoint.ask("GET", path, &[(TOKEN, &token)]);
    for (path, text) in [
        (CREDENTIALS, "developer"),
        ("/latest/meta-data/iam/security-credentials", "developer"),
        ("//latest/meta-data/iam/security-credentials/", "developer"),
        ("/latest/meta-data/placement/region", "eu-central-1"),
        ("/latest/meta-data/placement/availability-zone", "eu-central-1a"),
    ] {
        let answer = get(path);
        assert_eq!((answer.status, answer.body.as_str()), (200, text), "{path}");
    }
    let identity = get("/latest/dynamic/instance-identity/document").json();
    assert_eq!(
        (&identity["region"], &identity["accountId"]),
        (&"eu-central-1".into(), &"222222222222".into())
    );
    assert_eq!(endpoint.fetched(), 0);

    let document = get(&format!("{CREDENTIALS}developer")).json();
    for (name, value) in [("Code", "Success"), ("Type", "AWS-HMAC"), ("AccessKeyId", "ASIAY34FZKBOKMUTV000")]
    {
        assert_eq!(document[name], value);
    }
    assert_eq!(document["Expiration"], "2031-02-03T04:05:06Z");
    assert!(document["LastUpdated"].as_str().unwrap().ends_with('Z'));
    for path in [&format!("{CREDENTIALS}other"), "/latest/user-data", "/latest/meta-data/hostname"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    let forwarded = [(TOKEN, token.as_str()), ("X-Forwarded-For", "10.0.0.1")];
    assert_eq!(endpoint.ask("GET", CREDENTIALS, &forwarded).status, 403);
    assert_eq!(endpoint.ask("POST", CREDENTIALS, &[(TOKEN, &token)]).status, 405);

    // A token ends when it was said to.
    let short = endpoint.ask("PUT", "/latest/api/token", &[(TTL, "1")]).body;
    assert_eq!(endpoint.ask("GET", CREDENTIALS, &[(TOKEN, &short)]).status, 200);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(endpoint.ask("GET", CREDENTIALS, &[(TOKEN, &short)]).status, 401);
}

#[test]
fn other_addresses_are_refused_unless_the_danger_is_named() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let start = |config: EndpointConfig| {
        runtime.block_on(CredentialServer::start(config, Arc::new(Source::default()))).map(|e| e.address())
    };
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let ecs = EndpointConfig::ecs(Targets::Any).listening_on(everywhere);
    assert!(matches!(start(ecs.clone()), Err(EndpointError::NotLoopback(_))));
    assert!(start(ecs.dangerously_beyond_loopback()).is_ok());
    let instance = Instance { target: "a".into(), role: "a".into(), account: None, region: None };
    let imds = EndpointConfig::imds(instance).listening_on(everywhere).dangerously_beyond_loopback();
    assert!(matches!(start(imds), Err(EndpointError::NotLoopback(_))));
}

#[test]
fn an_end_is_an_end() {
    let mut endpoint = Endpoint::ecs(&["prod/developer"]);
    let token = endpoint.token();
    // An idle connection does not hold it up.
    let idle = TcpStream::connect(endpoint.address).unwrap();
    assert_eq!(endpoint.ask("GET", "/role/prod/developer", &[("Authorization", &token)]).status, 200);
    let begun = Instant::now();
    let running = endpoint.running.take().unwrap();
    assert!(!format!("{running:?}").contains(&token));
    endpoint.runtime.block_on(running.shutdown());
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert!(TcpStream::connect(endpoint.address).is_err());
    drop(idle);
}
