//! A process that holds the sealing key where the kernel does not: in containers, mostly.
//!
//! It knows one key and three requests of one byte: give the key, keep it until a time, quit. It
//! answers only to its own user, asked of the kernel, and it ends by itself when its time is over or
//! when its socket has been removed. Its caller passes the key through a pipe, so that it stands in
//! no argument and no environment, and no stream of the caller's stays open in it.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use postern_types::Timestamp;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use zeroize::Zeroizing;

use crate::{PrivateDir, holder::AgentCommand, lease::Lease, seal::SealKey};

const SOCKET: &str = "agent.sock";
const GIVE: u8 = b'g';
const KEEP: u8 = b'k';
const QUIT: u8 = b'q';
const DONE: u8 = b'.';
/// How long a client may take over its few bytes, and how often the agent looks at its own time.
const PATIENCE: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Why the agent ended, when not by its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The directory for its socket will not do.
    #[error(transparent)]
    Dir(#[from] postern_broker::CacheError),
    /// The key did not come through standard input.
    #[error("no key on standard input; the agent is started by `postern login`")]
    NoKey,
    /// The socket failed.
    #[error("the agent's socket: {0}")]
    Socket(#[from] io::Error),
}

/// Holds the key that stands on standard input, until its time is over or it is told to quit.
///
/// # Errors
/// See [`AgentError`].
pub fn serve(dir: &Path) -> Result<(), AgentError> {
    let dir = PrivateDir::existing(dir)?.ok_or(AgentError::NoKey)?;
    harden();
    let (key, lease) = read_key()?;
    // Never written out to swap. Where nothing may be locked, there is still no other place for it.
    let _locked = region::lock(key.as_ptr(), key.len()).ok();
    let mut held = Held { key, lease, used: Timestamp::now().as_second() };

    let path = dir.join(SOCKET);
    // Whoever started this holds the lock that keeps others from starting one, and found nobody listening.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let inode = std::fs::symlink_metadata(&path)?.ino();
    set_socket_timeout(&listener, Timeout::Recv, Some(HEARTBEAT)).map_err(io::Error::from)?;
    io::stdout().write_all(&[DONE])?;
    io::stdout().flush()?;

    loop {
        match listener.accept() {
            // A client that broke off is none of the next one's business.
            Ok((stream, _)) => {
                if held.is_over() || answer(&stream, &mut held).unwrap_or(false) {
                    let _ = std::fs::remove_file(&path);
                    return Ok(());
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
        if held.is_over() {
            let _ = std::fs::remove_file(&path);
            return Ok(());
        }
        if std::fs::symlink_metadata(&path).map(|found| found.ino()).ok() != Some(inode) {
            return Ok(());
        }
    }
}

/// In one place from its beginning to its end.
type Key = Box<Zeroizing<[u8; SealKey::LEN]>>;

/// What the agent is there for.
struct Held {
    key: Key,
    lease: Lease,
    /// When somebody asked for the key last.
    used: i64,
}

impl Held {
    /// By the clock on the wall: a machine that sleeps uses nothing.
    fn is_over(&self) -> bool {
        Timestamp::now().as_second() >= self.lease.end(self.used)
    }
}

/// Key and lease from standard input, past its buffer, which would keep a copy.
fn read_key() -> Result<(Key, Lease), AgentError> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut key = Box::new(Zeroizing::new([0_u8; SealKey::LEN]));
    let mut lease = [0_u8; Lease::LEN];
    stdin.read_exact(key.as_mut_slice()).map_err(|_| AgentError::NoKey)?;
    stdin.read_exact(&mut lease).map_err(|_| AgentError::NoKey)?;
    Ok((key, Lease::from_bytes(lease)))
}

/// Whether the client runs as this user.
#[cfg(target_os = "linux")]
fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid == rustix::process::geteuid())
}

/// Elsewhere the directory around the socket, which only this user can enter, is what keeps others out.
#[cfg(not(target_os = "linux"))]
fn is_ours(_: &UnixStream) -> io::Result<bool> {
    Ok(true)
}

/// Answers one client; true when it asked to quit.
fn answer(mut stream: &UnixStream, held: &mut Held) -> io::Result<bool> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if !is_ours(stream)? {
        return Ok(false);
    }
    let mut request = [0];
    stream.read_exact(&mut request)?;
    match request {
        [GIVE] => {
            held.used = Timestamp::now().as_second();
            stream.write_all(held.key.as_slice()).map(|()| false)
        }
        [KEEP] => {
            let mut lease = [0; Lease::LEN];
            stream.read_exact(&mut lease)?;
            held.lease = Lease::from_bytes(lease);
            stream.write_all(&[DONE]).map(|()| false)
        }
        [QUIT] => stream.write_all(&[DONE]).map(|()| true),
        _ => Ok(false),
    }
}

/// No terminal, no core dump, no reading of our memory by a debugger.
fn harden() {
    let _ = rustix::process::setsid();
    let _ = std::env::set_current_dir("/");
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

/// The agent of a directory, seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct AgentKey {
    dir: PrivateDir,
}

impl AgentKey {
    pub(crate) fn new(dir: PrivateDir) -> Self {
        Self { dir }
    }

    /// A connection, if somebody listens. Ours: nobody else can make a socket in our directory.
    fn connect(&self) -> Result<Option<UnixStream>, String> {
        match UnixStream::connect(self.dir.join(SOCKET)) {
            Ok(stream) => {
                let timed = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                timed.map(|()| Some(stream)).map_err(|e| format!("agent: {e}"))
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(format!("agent: {error}")),
        }
    }

    pub(crate) fn get(&self) -> Result<Option<SealKey>, String> {
        let Some(mut stream) = self.connect()? else { return Ok(None) };
        let mut key = Zeroizing::new([0_u8; SealKey::LEN]);
        stream
            .write_all(&[GIVE])
            .and_then(|()| stream.read_exact(key.as_mut_slice()))
            .map_err(|e| format!("agent: {e}"))?;
        Ok(Some(SealKey::from_bytes(key)))
    }

    pub(crate) fn start(&self, command: &AgentCommand, key: &SealKey, lease: Lease) -> Result<(), String> {
        let words = |e: io::Error| format!("agent `{}`: {e}", command.program.display());
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .arg(self.dir.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(words)?;
        let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("agent: no pipes".to_owned());
        };
        stdin
            .write_all(key.expose_secret())
            .and_then(|()| stdin.write_all(&lease.to_bytes()))
            .map_err(words)?;
        drop(stdin);
        let mut ready = [0];
        match stdout.read_exact(&mut ready) {
            Ok(()) if ready == [DONE] => Ok(()),
            _ => Err("agent: it ended before it was ready".to_owned()),
        }
    }

    pub(crate) fn keep(&self, lease: Lease) -> Result<(), String> {
        self.tell(&[[KEEP].as_slice(), &lease.to_bytes()].concat()).map(|_| ())
    }

    /// Tells it to quit. Answers whether there was one.
    pub(crate) fn forget(&self) -> Result<bool, String> {
        self.tell(&[QUIT])
    }

    fn tell(&self, request: &[u8]) -> Result<bool, String> {
        let Some(mut stream) = self.connect()? else { return Ok(false) };
        let mut done = [0];
        stream
            .write_all(request)
            .and_then(|()| stream.read_exact(&mut done))
            .map_err(|e| format!("agent: {e}"))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The agent's loop needs a process of its own (its key comes by standard input): the face's tests
    /// run it. Here is what it says to each request.
    #[test]
    fn one_byte_requests() {
        let far = Timestamp::from_second(4_000_000_000).unwrap();
        let mut held = Held {
            key: Box::new(Zeroizing::new([7; 32])),
            lease: Lease::new(Timestamp::from_second(1).unwrap(), None),
            used: 0,
        };
        let mut ask = |request: &[u8], answer_len: usize| {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let request = request.to_vec();
            let client = thread::spawn(move || {
                theirs.write_all(&request).unwrap();
                let mut got = vec![0; answer_len];
                theirs.read_exact(&mut got).map(|()| got)
            });
            let quit = answer(&ours, &mut held);
            drop(ours);
            (quit.ok(), client.join().unwrap().ok(), held.is_over())
        };
        assert_eq!(ask(b"g", 32), (Some(false), Some(vec![7; 32]), true));
        let longer = |idle| [b"k".as_slice(), &Lease::new(far, idle).to_bytes()].concat();
        assert_eq!(ask(&longer(None), 1), (Some(false), Some(vec![DONE]), false));
        assert_eq!(ask(b"k12345678", 1).1, None, "half a lease is none");
        assert_eq!(ask(b"x", 1), (Some(false), None, false), "an unknown request gets nothing");
        let second = Some(postern_types::SignedDuration::from_secs(1));
        assert_eq!(ask(&longer(second), 1).1, Some(vec![DONE]));
        thread::sleep(Duration::from_millis(2_100));
        assert_eq!(ask(b"y", 1), (Some(false), None, true), "nobody used the key");
        assert!(!ask(b"g", 32).2);
        assert_eq!(ask(b"q", 1), (Some(true), Some(vec![DONE]), false));
    }
}
