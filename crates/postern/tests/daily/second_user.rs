//! What another user of this machine can get, and what not even the same user's other programs can.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::ExitStatusExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use crate::world::{World, answer, said};

const OWNER: u32 = 65_533;
const STRANGER: u32 = 65_534;

fn as_user(uid: u32, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={uid}"))
        .args(["--clear-groups", program])
        .args(arguments)
        .current_dir("/");
    command
}

fn possible() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("SKIP: a second user needs root");
    }
    root
}

/// The program where everybody can run it.
fn program(beside: &Path) -> PathBuf {
    let program = beside.join("postern-copy");
    if fs::hard_link(env!("CARGO_BIN_EXE_postern"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_postern"), &program).unwrap();
    }
    program
}

fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).unwrap();
}

/// What `cat` gets of a process's file as a user.
fn reads(uid: u32, process: u32, file: &str) -> bool {
    let path = format!("/proc/{process}/{file}");
    // Of a memory that may be opened, the first page is none that could be read.
    let script = if file == "mem" { "exec 3< \"$1\"" } else { "cat \"$1\" > /dev/null" };
    as_user(uid, "sh", &["-c", script, "sh", &path]).stderr(Stdio::null()).status().unwrap().success()
}

/// A program of the owner's, with core dumps as large as they like.
fn start(program: &str, arguments: &[&str]) -> Child {
    let mut all = vec!["-c", "ulimit -c unlimited; cd \"$0\"; exec \"$@\"", "/tmp", program];
    all.extend(arguments);
    let mut command = as_user(OWNER, "sh", &all);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/nowhere");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn abort(mut child: Child) -> ExitStatus {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    child.wait().unwrap()
}

/// `sleep`, once it is one.
fn sleeper() -> Child {
    let child = start("sleep", &["60"]);
    let begun = Instant::now();
    while !fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap().contains("sleep") {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn who_holds_sessions_is_locked_in_memory_and_never_dumped() {
    if !possible() || !cfg!(target_os = "linux") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    open_to_all(temp.path());
    let program = program(temp.path());
    let dir = temp.path().join("state");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&dir, Some(OWNER), Some(OWNER)).unwrap();

    let mut agent = start(program.to_str().unwrap(), &["agent", dir.to_str().unwrap()]);
    // A key, and until when it is held.
    let mut order = vec![7_u8; 32];
    order.extend(4_000_000_000_i64.to_be_bytes());
    order.extend([0; 8]);
    agent.stdin.take().unwrap().write_all(&order).unwrap();
    agent.stdout.take().unwrap().read_exact(&mut [0]).unwrap();

    let proc = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", agent.id())).unwrap();
    let status = proc("status");
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap().trim();
    assert!(locked.strip_suffix(" kB").unwrap().parse::<u32>().unwrap() > 0, "{locked}");
    let limits = proc("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");

    // Beside a program that is not ours, to see that there is something to see.
    let other = sleeper();
    let sandbox = start(program.to_str().unwrap(), &["sandbox", "serve", "--listen", "127.0.0.1:0"]);
    let begun = Instant::now();
    let of = |child: &Child| fs::metadata(format!("/proc/{}/environ", child.id())).unwrap().uid();
    while of(&sandbox) != 0 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((of(&agent), of(&sandbox), of(&other)), (0, 0, OWNER), "not even its owner's");
    for file in ["environ", "maps", "mem"] {
        assert!(reads(OWNER, other.id(), file), "{file}");
        assert!(!reads(STRANGER, other.id(), file), "{file}");
        for user in [OWNER, STRANGER] {
            assert!(!reads(user, agent.id(), file) && !reads(user, sandbox.id(), file), "{file} by {user}");
        }
    }
    let dumped = [abort(agent), abort(sandbox), abort(other)].map(|status| status.core_dumped());
    if !dumped[2] {
        println!("SKIP: this machine dumps no cores at all");
    }
    assert_eq!(dumped[..2], [false, false]);
}

#[test]
fn another_user_gets_nothing_of_an_endpoint() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.log_in();
    let given = answer(&world.run(&["credential-process", "prod/developer"]));
    let ready = world.home.path().join("ready");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_postern"));
    serve.args(["serve", "ecs", "prod/developer", "--ready-file", ready.to_str().unwrap()]);
    serve.args(["--token-file", world.home.path().join("token").to_str().unwrap()]);
    world.surround(&mut serve);
    let mut serve = serve.stdin(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !ready.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let token = fs::read_to_string(world.home.path().join("token")).unwrap();
    let exports = fs::read_to_string(&ready).unwrap();
    let uri =
        exports.split(['\'', '"', '=', '\n', ' ']).find(|word| word.starts_with("http://127.")).unwrap();
    let (address, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();

    // Everything is opened wide but postern's own files and directories.
    open_to_all(world.home.path());
    open_to_all(&world.home.path().join("run"));
    let stranger = |program: &str, arguments: &[&str]| -> Output {
        as_user(STRANGER, program, arguments).output().unwrap()
    };
    let secrets = [
        world.key.secret.expose_secret().to_owned(),
        world.seed(),
        token.trim().to_owned(),
        given["SecretAccessKey"].as_str().unwrap().to_owned(),
        given["SessionToken"].as_str().unwrap().to_owned(),
    ];
    let home = world.home.path().to_str().unwrap();
    for secret in &secrets {
        let found = stranger("grep", &["-rslaF", "-e", secret, home]);
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "in clear, and to be read by others");
    }
    let listed = stranger("find", &[home, "-type", "f", "-readable"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("postern.toml"), "{listed}");
    for private in ["/run/postern/", "keys.json", "/ready", "/token"] {
        assert!(!listed.contains(private), "{listed}");
    }
    for file in ["environ", "maps", "mem"] {
        assert!(!reads(STRANGER, serve.id(), file), "{file}");
    }
    let arguments = fs::read(format!("/proc/{}/cmdline", serve.id())).unwrap();
    let arguments = String::from_utf8_lossy(&arguments);
    assert!(secrets.iter().all(|secret| !arguments.contains(secret)), "{arguments}");

    let ask = "use IO::Socket::INET; my ($to, $path, $token) = @ARGV;
        my $s = IO::Socket::INET->new(PeerAddr => $to) or die; 
        print $s \"GET /$path HTTP/1.1\\r\\nHost: $to\\r\\nAuthorization: $token\\r\\nConnection: close\\r\\n\\r\\n\";
        print while <$s>;";
    let arguments = ["-e", ask, address, path, token.trim()];
    let own = Command::new("perl").args(arguments).output().unwrap();
    assert!(said(&own).contains("AccessKeyId"), "{}", said(&own));
    let refused = stranger("perl", &arguments);
    assert!(
        said(&refused).contains("HTTP/1.1 403") && !said(&refused).contains("AccessKeyId"),
        "{}",
        said(&refused)
    );

    serve.kill().unwrap();
    serve.wait().unwrap();
}
