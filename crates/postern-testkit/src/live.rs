//! A sandbox on a free port, and calls to it over HTTP.

#![expect(clippy::expect_used, reason = "a test's helper ends the test loudly")]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, SystemTime},
};

use postern_sandbox::AccountInfo;
use postern_serve::{BlockingSandbox, SandboxConfig};

use crate::query::{Keys, element, form, on_the_wire, signed};

/// A running sandbox; it ends when dropped.
pub struct LiveSandbox {
    /// The server itself: its admin token, world and faults.
    pub server: BlockingSandbox,
}

/// What came back over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The code of a refusal.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn code(&self) -> String {
        element(&self.body, "Code")
    }
}

impl LiveSandbox {
    /// Starts one on a free port, with nothing in it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::with(SandboxConfig::default())
    }

    /// Starts one like this.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn with(config: SandboxConfig) -> Self {
        Self { server: BlockingSandbox::start(config).expect("the sandbox starts") }
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn host(&self) -> &str {
        self.server.endpoint().trim_start_matches("http://")
    }

    /// Makes an account, or finds it, and gives its root user's key.
    ///
    /// # Panics
    /// When the id is none, or the account's root user has no key.
    #[must_use]
    pub fn account(&self, name: &str, id: Option<&str>) -> (AccountInfo, Keys) {
        let id = id.map(|id| id.parse().expect("twelve digits"));
        let info = self.server.create_account(id, Some(name)).expect("the account is made");
        let keys = Keys {
            id: info.root_key.to_string(),
            secret: info.root_secret.expose_secret().to_owned(),
            token: None,
        };
        (info, keys)
    }

    /// A signed call of an operation; none when the connection was cut before an answer came.
    ///
    /// # Panics
    /// When the sandbox cannot be reached, or answers no HTTP.
    #[must_use]
    pub fn call(&self, keys: &Keys, service: &str, action: &str, more: &[(&str, &str)]) -> Option<Answer> {
        let version = match service {
            "iam" => "2010-05-08",
            "ec2" => "2016-11-15",
            _ => "2011-06-15",
        };
        let mut parameters = vec![("Action", action), ("Version", version)];
        parameters.extend_from_slice(more);
        let request = signed(self.host(), keys, service, form(&parameters), SystemTime::now());
        self.send(&on_the_wire(&request))
    }

    /// Sends these bytes over a connection of their own and reads the answer to its end; none when there is none.
    ///
    /// # Panics
    /// When the sandbox cannot be reached, or answers no HTTP.
    #[must_use]
    pub fn send(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.host()).expect("the sandbox listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time is set");
        // A server that has heard enough closes while we still write: its answer counts.
        let _cut = stream.write_all(request);
        let mut answer = Vec::new();
        let mut chunk = [0_u8; 4_096];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
            if let Some(whole) = parse(&answer) {
                return Some(whole);
            }
        }
        assert!(answer.is_empty(), "half an answer: {}", String::from_utf8_lossy(&answer));
        None
    }

    /// A call of the admin API with this token.
    ///
    /// # Panics
    /// As [`Self::send`], and when there is no answer.
    #[must_use]
    pub fn admin(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let host = self.host();
        let length = body.len();
        let request = format!(
            "{method} /_postern{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes()).expect("an answer")
    }
}

/// An HTTP answer with a length, once it is whole.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    (body.len() >= length).then(|| Answer { status, body: body.to_owned() })
}
