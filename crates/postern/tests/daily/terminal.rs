//! Questions on a real terminal, which `script` makes.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::world::{PASSPHRASE, World, answer, said};

/// A command on a terminal of its own: what it shows, and a way to type.
pub(crate) struct OnTerminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl OnTerminal {
    pub(crate) fn start(world: &World, line: &str) -> Self {
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", line, "/dev/null"]);
        world.surround(&mut command);
        command.env("SHELL", "/bin/sh").env("TERM", "dumb");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(String::new()));
        let writer = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                writer.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { child, keys, shown }
    }

    pub(crate) fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.shown.lock().unwrap().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no `{text}` in: {}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn screen(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// The exit code and all that was shown.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        thread::sleep(Duration::from_millis(50));
        (code, self.screen())
    }
}

pub(crate) const POSTERN: &str = env!("CARGO_BIN_EXE_postern");

#[test]
fn codes_are_asked_for_on_the_terminal_though_every_stream_is_a_pipe() {
    let world = World::new();
    let out = world.home.path().join("out.json");
    // As an SDK runs it: input closed, output and errors taken.
    let line = format!(
        "{POSTERN} credential-process prod/developer </dev/null 2>{}/err | cat >{}; stty -a | grep -c ' echo '",
        world.home.path().display(),
        out.display()
    );
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("not it\x7f\x7f\x15{PASSPHRASE}\n"));
    terminal.wait_for("MFA code of alice");
    terminal.type_in(&format!("{}\r", world.wrong_code()));
    terminal.wait_for("did not take that code");
    terminal.type_in("12\n");
    terminal.wait_for("six digits");
    terminal.type_in(&format!("9\x08{}\n", world.code()));
    let (_, screen) = terminal.end();
    assert!(!screen.contains(PASSPHRASE), "a passphrase is not shown: {screen}");
    assert!(screen.contains(&world.code()), "a code is");
    assert!(screen.trim_end().ends_with('1'), "the terminal echoes again: {screen}");
    let text = std::fs::read_to_string(&out).unwrap();
    let credentials: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(credentials["SessionToken"].is_string());
    let errors = std::fs::read_to_string(world.home.path().join("err")).unwrap();
    assert_eq!(errors, "", "the questions went to the terminal");
}

#[test]
fn ctrl_c_at_a_question_leaves_everything_as_it_was() {
    let world = World::new();
    let before = world.run(&["keys", "list"]);
    for at in ["Passphrase of ", "MFA code of alice"] {
        let mut terminal = OnTerminal::start(
            &world,
            &format!("{POSTERN} login; r=$?; stty -a | grep -q ' echo ' && exit $r"),
        );
        terminal.wait_for("Passphrase of ");
        if at != "Passphrase of " {
            terminal.type_in(&format!("{PASSPHRASE}\n"));
            terminal.wait_for(at);
        }
        terminal.type_in("\x03");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(130), "{at}: {screen}");
        assert!(screen.contains("cancelled"), "{screen}");
    }
    assert_eq!(world.calls("GetSessionToken"), 0);
    assert_eq!(said(&before), said(&world.run(&["keys", "list"])));
    // And it can be done right after.
    let mut terminal = OnTerminal::start(&world, &format!("{POSTERN} login"));
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("{PASSPHRASE}\n"));
    terminal.wait_for("MFA code of alice");
    terminal.type_in(&format!("{}\n", world.code()));
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("logged in as alice"), "{screen}");
    answer(&world.run(&["credential-process", "prod/developer"]));
}

#[test]
fn a_background_job_does_not_ask() {
    let world = World::new();
    // With job control a background job has a process group of its own, and reading would stop it.
    let line = format!("set -m; {POSTERN} credential-process prod/developer & wait $!; echo code=$?");
    let start = Instant::now();
    let terminal = OnTerminal::start(&world, &line);
    let (_, screen) = terminal.end();
    assert!(screen.contains("code=1"), "{screen}");
    assert!(screen.contains("in the background"), "{screen}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
