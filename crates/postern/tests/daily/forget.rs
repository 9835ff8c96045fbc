//! Sessions are forgotten when nobody uses them, and when the person leaves.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use zbus::{
    blocking::{Connection, connection::Builder},
    zvariant::{self, OwnedObjectPath, Value},
};

use crate::world::{PASSPHRASE, World, answer, said};

fn sessions(world: &World, holder: &str) -> usize {
    let status =
        answer(&world.postern(&["status", "--json"]).env("POSTERN_KEYHOLDER", holder).output().unwrap());
    status["sessions"].as_array().unwrap().len()
}

#[test]
fn a_session_that_nobody_uses_is_forgotten() {
    for holder in ["kernel", "agent"] {
        let world = World::new();
        world.settings("forget_after = \"3s\"\n");
        let run = |arguments: &[&str]| {
            let mut command = world.postern(arguments);
            command.env("POSTERN_KEYHOLDER", holder).env("POSTERN_PASSPHRASE", PASSPHRASE).output().unwrap()
        };
        let login = run(&["login", "--mfa-code", &world.code()]);
        if !login.status.success() && said(&login).contains("kernel keyring") {
            println!("SKIP: {}", said(&login));
            continue;
        }
        assert!(login.status.success(), "{holder}: {}", said(&login));
        // Each use counts, whichever command it is.
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(1_000));
            answer(&run(&["credential-process", "prod/developer"]));
        }
        assert_eq!(sessions(&world, holder), 1, "{holder}");
        std::thread::sleep(Duration::from_millis(4_500));
        assert_eq!(sessions(&world, holder), 0, "{holder}");
        let asked = run(&["credential-process", "prod/developer"]);
        assert_eq!(asked.status.code(), Some(1), "{holder}: {}", said(&asked));
        assert!(said(&asked).contains("postern login"), "{}", said(&asked));
    }
}

#[test]
fn a_wrong_time_is_an_error_and_keeps_nobody_from_logging_out() {
    let world = World::new();
    world.log_in();
    world.settings("forget_after = \"soon\"\n");
    let wrong = world.run(&["status"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(
        said(&wrong).contains("`forget_after` is `soon`") && said(&wrong).contains("or `never`"),
        "{}",
        said(&wrong)
    );
    assert!(world.run(&["logout"]).status.success());
    world.settings("forget_after = \"never\"\n");
    assert_eq!(answer(&world.run(&["status", "--json"]))["sessions"], serde_json::json!([]));
}

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const OURS: &str = "/org/freedesktop/login1/session/_31";
const OTHERS: &str = "/org/freedesktop/login1/session/_32";

/// A session of a user.
struct Session(u32);

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn user(&self) -> (u32, OwnedObjectPath) {
        (self.0, OwnedObjectPath::try_from("/org/freedesktop/login1/user/_1").unwrap())
    }
}

/// Whoever makes sleep wait holds the other end of one of these.
#[derive(Clone, Default)]
struct Manager(Arc<Mutex<Vec<File>>>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: &str, _who: &str, _why: &str, mode: &str) -> zvariant::OwnedFd {
        assert_eq!((what, mode), ("sleep", "delay"));
        let (read, write) = std::io::pipe().unwrap();
        self.0.lock().unwrap().push(File::from(OwnedFd::from(read)));
        OwnedFd::from(write).into()
    }
}

/// A bus of its own.
struct Bus(Child, String);

impl Bus {
    fn start() -> Option<Self> {
        let started = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = started else {
            println!("SKIP: dbus-daemon is not installed (Debian: dbus-daemon)");
            return None;
        };
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self(child, address.trim_end().to_owned()))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn locked(connection: &Connection, session: &str, locked: bool) {
    let changed = HashMap::from([("LockedHint", Value::from(locked))]);
    let body = ("org.freedesktop.login1.Session", changed, Vec::<&str>::new());
    let interface = "org.freedesktop.DBus.Properties";
    connection.emit_signal(None::<&str>, session, interface, "PropertiesChanged", &body).unwrap();
}

#[test]
fn who_locks_the_screen_or_closes_the_lid_is_logged_out() {
    let Some(bus) = Bus::start() else { return };
    let uid = rustix::process::geteuid().as_raw();
    let manager = Manager::default();
    let logind = Builder::address(bus.1.as_str())
        .and_then(|builder| builder.serve_at(PATH, manager.clone()))
        .and_then(|builder| builder.serve_at(OURS, Session(uid)))
        .and_then(|builder| builder.serve_at(OTHERS, Session(uid + 1)))
        .and_then(|builder| builder.name(NAME))
        .and_then(Builder::build)
        .unwrap();
    let world = World::new();
    world.log_in();

    let mut watch = Command::new(env!("CARGO_BIN_EXE_postern"));
    world.surround(&mut watch);
    let mut watch = watch
        .args(["logout", "--on-lock"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", &bus.1)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stderr.take().unwrap()).lines();
    let mut says = |words: &str| {
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(words), "`{line}` and not `{words}`");
    };
    says("when the screen is locked");
    let lock = |session: &str| {
        logind.emit_signal(None::<&str>, session, "org.freedesktop.login1.Session", "Lock", &()).unwrap();
    };

    // Somebody else's screen, and one that is unlocked.
    lock(OTHERS);
    locked(&logind, OTHERS, true);
    locked(&logind, OURS, false);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(sessions(&world, ""), 1);

    lock(OURS);
    says("the screen is locked");
    assert_eq!(sessions(&world, ""), 0);
    locked(&logind, OURS, true);
    says("the screen is locked");

    let sleep = |begins: bool| {
        let manager = "org.freedesktop.login1.Manager";
        logind.emit_signal(None::<&str>, PATH, manager, "PrepareForSleep", &begins).unwrap();
    };
    let mut waits = manager.0.lock().unwrap().pop().unwrap();
    sleep(true);
    says("goes to sleep");
    // The machine goes to sleep when nobody holds this any more.
    assert_eq!(waits.read(&mut [0]).unwrap(), 0);
    sleep(false);
    lock(OURS);
    says("the screen is locked");
    assert_eq!(manager.0.lock().unwrap().len(), 1, "and the next sleep waits again");

    watch.kill().unwrap();
    watch.wait().unwrap();
    let nobody = world
        .postern(&["logout", "--on-lock"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("cannot be listened to"), "{}", said(&nobody));
}
