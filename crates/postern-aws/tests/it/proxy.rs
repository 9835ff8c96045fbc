//! A proxy that cuts the connection at a chosen call: before the call reaches the server, or when its answer
//! is on the way back.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The call does not reach the server.
    Before,
    /// The call is carried out, and its answer lost.
    After,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// This one call, counted from 0, is cut.
    Once(usize, Cut),
    /// This call is cut, and from then on nothing gets through.
    Forever(usize, Cut),
}

struct State {
    fault: Fault,
    calls: Vec<String>,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { fault: Fault::None, calls: Vec::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, state) = (client.unwrap(), Arc::clone(&shared));
                thread::spawn(move || {
                    let _ = pump(&client, server, &state);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { url, state }
    }

    /// Sets what goes wrong next, and counts anew.
    pub(crate) fn set(&self, fault: Fault) {
        *self.state.lock().unwrap() = State { fault, calls: Vec::new() };
    }

    /// The actions asked for since the last [`Self::set`].
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }
}

/// One connection: requests one after the other, each on its way to the server and its answer back.
fn pump(client: &TcpStream, server: SocketAddr, state: &Mutex<State>) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(&server));
    loop {
        let request = message(&mut from_client)?;
        let cut = {
            let mut state = state.lock().unwrap();
            let index = state.calls.len();
            state.calls.push(action(&request));
            match state.fault {
                Fault::Once(at, cut) if at == index => Some(cut),
                Fault::Forever(at, cut) if at == index => Some(cut),
                Fault::Forever(at, _) if at < index => Some(Cut::Before),
                _ => None,
            }
        };
        if cut == Some(Cut::Before) {
            return Ok(());
        }
        (&server).write_all(&request)?;
        let answer = message(&mut from_server)?;
        if cut == Some(Cut::After) {
            return Ok(());
        }
        let mut to_client = client;
        to_client.write_all(&answer)?;
    }
}

/// A request or an answer with its body, as bytes.
fn message(from: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let start = bytes.len();
        if from.read_until(b'\n', &mut bytes)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&bytes[start..]).to_ascii_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let head = bytes.len();
    bytes.resize(head + length, 0);
    from.read_exact(&mut bytes[head..])?;
    Ok(bytes)
}

fn action(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let action = text.split(['&', '\n']).find_map(|part| part.strip_prefix("Action="));
    action.unwrap_or("?").to_owned()
}
