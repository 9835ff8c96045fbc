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

    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        let start = Instant::now();
        while self.shown.lock().unwrap().matches(text).count() < times {
            assert!(start.elapsed() < Duration::from_secs(20), "no {times} `{text}` in: {}", self.screen());
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

#[test]
fn a_used_code_is_counted_down_to_the_next() {
    let world = World::new();
    let code = world.code();
    world.log_in();
    let line = format!("{POSTERN} login --fresh; r=$?; stty -a | grep -q ' echo ' && exit $r");
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("{PASSPHRASE}\n"));
    terminal.wait_for("MFA code of alice");
    wait_for_something_to_count();
    terminal.type_in(&format!("{code}\n"));
    terminal.wait_for("That code has been used; AWS takes each once. The next comes in ");
    let first = countdown(&terminal.screen())[0];
    for wanted in [first - 1, first - 2, first - 3] {
        terminal.wait_for(&format!("The next comes in {wanted} s."));
    }
    // Keys are no answer now, Enter says that the next code is at hand, and Ctrl-C ends it.
    terminal.type_in("12\n");
    terminal.wait_for_times("MFA code of alice", 2);
    terminal.type_in(&format!("{code}\n"));
    terminal.wait_for_times("That code has been used", 6);
    terminal.type_in("\x03");
    let (end, screen) = terminal.end();
    assert_eq!(end, Some(130), "{screen}");
    let counted = countdown(&screen);
    assert!(counted.windows(2).take(3).all(|pair| pair[1] == pair[0] - 1), "{counted:?}");
    assert_eq!(world.calls("GetSessionToken"), 1);
}

/// Not in the last seconds before the next code.
fn wait_for_something_to_count() {
    while std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() % 30 > 17 {
        thread::sleep(Duration::from_millis(100));
    }
}

fn countdown(screen: &str) -> Vec<u64> {
    let numbers = screen.split("The next comes in ").skip(1);
    numbers.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn a_program_that_prints_a_used_code_is_run_again_after_the_countdown() {
    let world = World::new();
    let (process, count) = world.mfa_process(&format!("echo {}", world.code()));
    world.log_in();
    let mut terminal =
        OnTerminal::start(&world, &format!("POSTERN_MFA_PROCESS=\"{process}\" {POSTERN} login --fresh"));
    terminal.wait_for("Passphrase of ");
    wait_for_something_to_count();
    terminal.type_in(&format!("{PASSPHRASE}\n"));
    terminal.wait_for("That code has been used");
    let asked = || std::fs::read_to_string(&count).unwrap().len() / 2;
    assert_eq!(asked(), 1);
    // Enter does not bring another code, so that it does not end the wait.
    terminal.type_in("\n\n");
    terminal.wait_for_times("The next comes in ", 3);
    assert_eq!(asked(), 1);
    terminal.type_in("\x03");
    let (end, screen) = terminal.end();
    assert_eq!(end, Some(130), "{screen}");
}

/// Starts a login, notes its process id, waits for the hidden question, and sends a signal to the process.
fn signalled_at_the_passphrase(signal: &str) -> (Option<i32>, String) {
    let world = World::new();
    let pid = world.home.path().join("pid");
    let line = format!(
        "sh -c 'echo $$ > {}; exec {POSTERN} login'; r=$?; stty -a | grep -q ' echo ' && exit $r",
        pid.display()
    );
    let terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("Passphrase of ");
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    terminal.end()
}

#[test]
fn a_signal_at_a_hidden_question_gives_the_echo_back() {
    for signal in ["-TERM", "-HUP", "-INT", "-QUIT"] {
        let (end, screen) = signalled_at_the_passphrase(signal);
        assert_eq!(end, Some(130), "{signal}: {screen}");
        assert!(screen.contains("cancelled"), "{signal}: {screen}");
    }
}

#[test]
fn after_a_question_signals_end_the_process_as_ever() {
    let world = World::new();
    let pid = world.home.path().join("pid");
    for (signal, code) in [("-TERM", 143), ("-HUP", 129)] {
        let (process, count) = world.mfa_process("exec sleep 60");
        let _ = std::fs::remove_file(&count);
        let line = format!("sh -c 'echo $$ > {}; exec {POSTERN} login'; exit $?", pid.display());
        let line = format!("POSTERN_MFA_PROCESS=\"{process}\" {line}");
        let mut terminal = OnTerminal::start(&world, &line);
        terminal.wait_for("Passphrase of ");
        terminal.type_in(&format!("{PASSPHRASE}\n"));
        let start = Instant::now();
        while !count.exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", terminal.screen());
            thread::sleep(Duration::from_millis(10));
        }
        let id = std::fs::read_to_string(&pid).unwrap();
        assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
        let (end, screen) = terminal.end();
        assert_eq!(end, Some(code), "{signal}: {screen}");
    }
}

/// The real one, where it is installed, on the terminal.
#[test]
fn pinentry_asks_on_the_terminal_too() {
    if !std::path::Path::new("/usr/bin/pinentry-curses").exists() {
        println!("SKIP: pinentry-curses is not installed");
        return;
    }
    let world = World::new();
    world.settings("[mfa]\nfrom = [\"pinentry\"]\npinentry = { program = \"/usr/bin/pinentry-curses\" }\n");
    let mut terminal = OnTerminal::start(&world, &format!("TERM=xterm {POSTERN} login"));
    terminal.wait_for("Passphrase of ");
    terminal.type_in(&format!("{PASSPHRASE}\n"));
    terminal.wait_for("alice");
    terminal.wait_for("Code:");
    terminal.type_in(&format!("{}\r", world.code()));
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains(&world.code()), "{screen}");
}
