//! A server that answers by a script, and a connection to it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience};
use postern_types::SecretAccessKey;

pub(crate) fn key() -> Credentials {
    Credentials {
        id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
        secret: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap(),
        token: None,
    }
}

pub(crate) fn connection(url: &str, patience: Patience) -> Connection {
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), url);
    let account = "111111111111".parse().unwrap();
    Aws::new(patience).unwrap().connect(endpoint, key(), Some(account))
}

/// What a scripted server does with a request whose body begins with `Action=…`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Answers.
    Answer(u16, &'static str),
    /// Closes the connection without an answer.
    Cut,
    /// Never answers.
    Silence,
}

/// A server that expects certain actions in a certain order, and has an answer for each.
pub(crate) struct Script {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Each entry is an action and what to do with it. A request out of turn is answered `500 OutOfTurn`.
    pub(crate) fn start(script: &[(&'static str, Reply)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, noted) = (script.to_vec(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(action) = read_action(&mut stream) else { continue };
                let turn = noted.lock().unwrap().len();
                noted.lock().unwrap().push(action.clone());
                match script.get(turn) {
                    Some((expected, reply)) if *expected == action => match reply {
                        Reply::Answer(status, body) => answer(&mut stream, *status, body),
                        Reply::Cut => {}
                        Reply::Silence => silent.push(stream),
                    },
                    _ => answer(&mut stream, 400, "<Error><Code>OutOfTurn</Code></Error>"),
                }
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn read_action(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..n]);
        // A TLS client says hello to a server that has no TLS.
        if bytes.first() == Some(&0x16) {
            answer(stream, 400, "");
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|n| n.trim().parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        if body.len() >= length {
            let action = body.split('&').find_map(|p| p.strip_prefix("Action="));
            return Some(action.unwrap_or("?").to_owned());
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}
