//! SIGKILL at random moments: no key is lost, nothing is half written, no secret lies in clear, and the next run
//! works.
//!
//! `POSTERN_TEST_KILLS=500` makes it thorough, `POSTERN_TEST_SEED` repeats a run's choices (the machine's own timing it
//! cannot repeat).

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant, SystemTime},
};

use postern_aws::{Connection, enrol::NewDevice};
use postern_types::{IamPath, LongTermKey, Timestamp, TotpSeed, UserName};
use serde_json::Value;

use crate::{
    terminal::POSTERN,
    world::{BASTION, PASSPHRASE, World, answer, identity, said},
};

/// What is interrupted, in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    LogIn,
    Refresh,
    Rotate,
    Sync,
    Import,
    Migrate,
}

const WORKS: [Work; 6] = [Work::LogIn, Work::Refresh, Work::Rotate, Work::Sync, Work::Import, Work::Migrate];

/// As `pass` does it, with something else than GnuPG to make it unreadable; a stream that ends early is an
/// entry that ends early.
const PASS: &str = r#"#!/bin/sh
mkdir -p "$PASSWORD_STORE_DIR/postern"
case $1 in
    insert) base64 -w 0 > "$PASSWORD_STORE_DIR/$4.gpg" ;;
    show) base64 -d "$PASSWORD_STORE_DIR/$2.gpg" ;;
    rm) rm -f "$PASSWORD_STORE_DIR/$3.gpg" ;;
esac
"#;

/// With `--all` at its end, or without.
const SYNC: [&str; 5] = ["profiles", "sync", "--person", "alice", "--all"];

struct Person {
    name: UserName,
    key: LongTermKey,
    code: String,
}

struct Killing {
    world: World,
    bastion: Connection,
    random: u64,
    /// What must stand nowhere in clear.
    secrets: Vec<String>,
    /// How long each work takes when nobody interrupts it.
    usual: [Duration; WORKS.len()],
    kills: usize,
    /// What `profiles sync` makes of the file, without and with `--all`.
    synced: [String; 2],
    people: usize,
}

fn count() -> usize {
    std::env::var("POSTERN_TEST_KILLS").map_or(24, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    std::env::var("POSTERN_TEST_SEED").map_or_else(|_| now(), |text| text.parse().unwrap())
}

#[test]
fn killed_at_random_moments_nothing_is_lost_or_shown() {
    let (count, seed) = (count(), seed());
    println!("POSTERN_TEST_KILLS={count} POSTERN_TEST_SEED={seed}");
    let mut killing = Killing::new(seed);
    for number in 0..count {
        let work = WORKS[number % WORKS.len()];
        killing.round(work);
        killing.look_around(work);
    }
    println!("{} of {count} were at work when they were killed", killing.kills);
    assert!(killing.kills * 3 >= count, "nearly all had ended before: {} of {count}", killing.kills);
}

impl Killing {
    fn new(seed: u64) -> Self {
        let world = World::new();
        world.log_in();
        let bin = world.home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("pass"), PASS).unwrap();
        fs::set_permissions(bin.join("pass"), fs::Permissions::from_mode(0o700)).unwrap();
        let secrets = vec![PASSPHRASE.to_owned(), world.key.secret.expose_secret().to_owned(), world.seed()];
        let mut killing = Self {
            bastion: world.root_of(BASTION),
            world,
            random: seed,
            secrets,
            usual: [Duration::from_millis(400); WORKS.len()],
            kills: 0,
            synced: [String::new(), String::new()],
            people: 0,
        };
        killing.works(&["keys", "migrate", "--to", "pass"]);
        let bob = killing.person("bob");
        killing.store(&bob);
        fs::create_dir(killing.aws("")).unwrap();
        let mine = format!(
            "# mine\n[profile carol]\nregion=eu-central-1\nendpoint_url = {}\n",
            killing.world.sandbox.endpoint()
        );
        fs::write(killing.aws("config"), mine).unwrap();
        for (all, arguments) in [(0, &SYNC[..4]), (1, &SYNC[..])] {
            killing.works(arguments);
            killing.synced[all] = fs::read_to_string(killing.aws("config")).unwrap();
        }
        assert!(killing.synced[0].starts_with("# mine\n") && killing.synced[0] != killing.synced[1]);
        killing
    }

    fn aws(&self, name: &str) -> PathBuf {
        self.world.home.path().join(".aws").join(name)
    }

    /// From 0 to below 1.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / 2_f64.powi(32)
    }

    /// The program itself, in a process group with whatever it starts.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(POSTERN);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.world.surround(&mut command);
        let path =
            format!("{}:{}", self.world.home.path().join("bin").display(), std::env::var("PATH").unwrap());
        let root = self.world.sandbox.world().accounts();
        let root = root.iter().find(|account| account.id.to_string() == BASTION).unwrap();
        command
            .process_group(0)
            .env("PATH", path)
            .env("PASSWORD_STORE_DIR", self.world.home.path().join("store"))
            .env("POSTERN_PASSPHRASE", PASSPHRASE)
            .env_remove("POSTERN_STORE");
        if arguments.starts_with(&["keys", "rotate"]) {
            command
                .env("AWS_ENDPOINT_URL", self.world.sandbox.endpoint())
                .env("AWS_ACCESS_KEY_ID", root.root_key.as_str())
                .env("AWS_SECRET_ACCESS_KEY", root.root_secret.expose_secret());
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn works(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        output
    }

    /// Does it, and notes how long that takes.
    fn finish(&mut self, work: Work, arguments: &[&str]) -> Output {
        let start = Instant::now();
        let output = self.works(arguments);
        self.usual[work as usize] = start.elapsed();
        output
    }

    /// Starts it and kills it some time later. Whether it had come to its end before.
    fn strike(&mut self, work: Work, arguments: &[&str]) -> bool {
        let delay = self.usual[work as usize].mul_f64(self.draw());
        let mut child = self.command(arguments).spawn().unwrap();
        std::thread::sleep(delay);
        child.kill().unwrap();
        let group = rustix::process::Pid::from_child(&child);
        let output = child.wait_with_output().unwrap();
        // What it had started ends by itself, as `pass` would.
        while rustix::process::test_kill_process_group(group).is_ok() {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(!said(&output).contains("panicked"), "{}", said(&output));
        let ended = output.status.code().is_some();
        assert!(!ended || output.status.success(), "{arguments:?}: {}", said(&output));
        self.kills += usize::from(!ended);
        ended
    }

    fn person(&mut self, name: &str) -> Person {
        let name: UserName = name.parse().unwrap();
        crate::world::call(
            &self.bastion,
            "CreateUser",
            &[("UserName", name.as_str()), ("Path", "/postern/")],
        );
        let NewDevice { serial, seed, .. } = self
            .bastion
            .create_virtual_mfa_device(&IamPath::root(), &name.as_str().parse().unwrap(), &[])
            .unwrap();
        let step = TotpSeed::step_at(Timestamp::now());
        let codes = [seed.code_of_step(step - 1), seed.code_of_step(step)];
        self.bastion.enable_mfa_device(&name, &serial, codes).unwrap();
        let key = self.bastion.create_access_key(&name).unwrap();
        self.secrets.push(key.secret.expose_secret().to_owned());
        self.secrets.push(seed.expose_secret_base32().to_string());
        Person { name, key, code: seed.code_of_step(step + 1).as_str().to_owned() }
    }

    fn store(&self, person: &Person) {
        let output = self
            .command(&["keys", "add", "--from-environment"])
            .env("AWS_ACCESS_KEY_ID", person.key.id.as_str())
            .env("AWS_SECRET_ACCESS_KEY", person.key.secret.expose_secret())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Whose keys are stored, as `(person, key)`.
    fn stored_in(&self, store: Option<&str>) -> Vec<(String, String)> {
        let mut command = self.command(&["keys", "list", "--json"]);
        command.envs(store.map(|store| ("POSTERN_STORE", store)));
        let listed = answer(&command.output().unwrap());
        let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        let keys = listed["keys"].as_array().unwrap().iter();
        let mut keys: Vec<_> = keys.map(|key| (text(key, "person"), text(key, "access_key_id"))).collect();
        keys.sort();
        keys
    }

    fn key_of(&self, person: &str) -> Vec<String> {
        self.stored_in(None).into_iter().filter(|(name, _)| name == person).map(|(_, key)| key).collect()
    }

    /// The secret that the password store has for a key.
    fn secret_of(&self, key: &str) -> String {
        let entries = fs::read_dir(self.world.home.path().join("store/postern")).unwrap();
        let file =
            entries.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().contains(key));
        let shown = Command::new("base64").arg("-d").arg(file.unwrap()).output().unwrap();
        String::from_utf8(shown.stdout).unwrap().lines().next().unwrap_or_default().to_owned()
    }

    fn round(&mut self, work: Work) {
        match work {
            Work::LogIn => self.log_in(),
            Work::Refresh => self.refresh(),
            Work::Rotate => self.rotate(),
            Work::Sync => self.sync(),
            Work::Import => self.import(),
            Work::Migrate => self.migrate(),
        }
    }

    fn log_in(&mut self) {
        self.people += 1;
        let person = self.person(&format!("dave{}", self.people));
        self.store(&person);
        let name = person.name.as_str();
        let arguments = ["login", "--person", name, "--mfa-code", &person.code];
        let taken = self.world.calls("GetSessionToken");
        self.strike(Work::LogIn, &arguments);
        self.look_around(Work::LogIn);
        assert_eq!(self.key_of(name), [person.key.id.to_string()]);
        let status = answer(&self.run(&["status", "--json"]));
        let sessions = status["sessions"].as_array().unwrap();
        if sessions.iter().any(|session| session["person"] == name) {
            self.works(&arguments[..3]);
        } else if self.world.calls("GetSessionToken") == taken {
            self.finish(Work::LogIn, &arguments);
        } else {
            // AWS has taken the code, and what it gave for it is gone: that code is said to be no good any more.
            let again = self.run(&arguments);
            assert_eq!(again.status.code(), Some(1), "{}", said(&again));
            assert!(said(&again).contains("code"), "{}", said(&again));
        }
        self.works(&["keys", "remove", name]);
    }

    fn refresh(&mut self) {
        for entry in fs::read_dir(self.world.state_dir()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("role-") || name.starts_with("hot-") {
                fs::remove_file(path).unwrap();
            }
        }
        let arguments = ["credential-process", "--person", "alice", "prod/developer"];
        let ended = self.strike(Work::Refresh, &arguments);
        self.look_around(Work::Refresh);
        let output = self.works(&arguments);
        if !ended {
            self.finish(Work::Refresh, &arguments);
        }
        let given = answer(&output);
        assert!(identity(&self.world, &given).ends_with(":assumed-role/developer/alice"));
        for name in ["SecretAccessKey", "SessionToken"] {
            self.secrets.push(given[name].as_str().unwrap().to_owned());
        }
    }

    fn rotate(&mut self) {
        let bob: UserName = "bob".parse().unwrap();
        let arguments = ["keys", "rotate", "bob", "--by-profile"];
        self.strike(Work::Rotate, &arguments);
        let (at_aws, here) = (self.bastion.access_keys(&bob).unwrap(), self.key_of("bob"));
        let works = |id: &String| at_aws.iter().any(|key| key.active && key.id.as_str() == id);
        assert!(here.iter().any(works), "no key of bob's works: {here:?}");
        self.look_around(Work::Rotate);
        self.finish(Work::Rotate, &arguments);
        let (at_aws, here) = (self.bastion.access_keys(&bob).unwrap(), self.key_of("bob"));
        assert_eq!(at_aws.iter().map(|key| key.id.to_string()).collect::<Vec<_>>(), here);
        let secret = self.secret_of(&here[0]);
        assert_eq!(secret.len(), 40);
        self.secrets.push(secret);
    }

    fn sync(&mut self) {
        let before = fs::read_to_string(self.aws("config")).unwrap();
        let all = usize::from(before == self.synced[0]);
        let arguments: &[&str] = if all == 1 { &SYNC } else { &SYNC[..4] };
        self.strike(Work::Sync, arguments);
        let now = fs::read_to_string(self.aws("config")).unwrap();
        assert!(self.synced.contains(&now), "neither the one nor the other:\n{now}");
        self.look_around(Work::Sync);
        self.finish(Work::Sync, arguments);
        assert_eq!(fs::read_to_string(self.aws("config")).unwrap(), self.synced[all]);
    }

    fn import(&mut self) {
        self.people += 1;
        let carol = self.person(&format!("carol{}", self.people));
        let (id, secret) = (carol.key.id.as_str(), carol.key.secret.expose_secret());
        let text = format!("[carol]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        fs::write(self.aws("credentials"), &text).unwrap();
        let arguments = ["profiles", "import", "--remove"];
        self.strike(Work::Import, &arguments);
        let now = fs::read_to_string(self.aws("credentials")).unwrap();
        let name = carol.name.as_str();
        if now != text {
            assert!(now.starts_with("[carol]\npostern_key = ") && now.ends_with('\n'), "{now}");
            assert_eq!(self.secret_of(id), secret, "taken out of the file, and stored before");
        }
        self.finish(Work::Import, &arguments);
        assert_eq!(self.key_of(name), [id]);
        assert_eq!(self.secret_of(id), secret);
        self.works(&["keys", "remove", name]);
        fs::remove_file(self.aws("credentials")).unwrap();
    }

    fn migrate(&mut self) {
        let all = self.stored_in(None);
        let secrets: Vec<String> = all.iter().map(|(_, key)| self.secret_of(key)).collect();
        for to in ["file", "pass"] {
            let arguments = ["keys", "migrate", "--to", to];
            self.strike(Work::Migrate, &arguments);
            assert_eq!(self.stored_in(None), all, "to {to}");
            self.look_around(Work::Migrate);
            self.finish(Work::Migrate, &arguments);
            assert_eq!(self.stored_in(Some(to)), all, "to {to}");
        }
        let now: Vec<String> = all.iter().map(|(_, key)| self.secret_of(key)).collect();
        assert_eq!(now, secrets);
    }

    /// Nothing in clear, nothing half written, and every kind of file is read again.
    fn look_around(&self, work: Work) {
        for (path, bytes) in self.world.files() {
            let text = String::from_utf8_lossy(&bytes);
            let found = self.secrets.iter().find(|secret| text.contains(secret.as_str()));
            assert!(found.is_none(), "after {work:?}, a secret stands in {}", path.display());
            let is = |ending: &str| path.extension().is_some_and(|found| found == ending);
            let is_temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is("json") && !is_temporary {
                serde_json::from_str::<Value>(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            }
            assert_private(&path);
        }
        self.works(&["status", "--json"]);
    }
}

/// What postern keeps is nobody else's, whenever it was interrupted.
fn assert_private(path: &Path) {
    let text = path.to_string_lossy();
    if text.contains("/run/postern/") || text.contains("/.local/share/postern/") {
        // It may be a file that has gone since: a socket, a note.
        if let Ok(found) = fs::symlink_metadata(path) {
            assert_eq!(found.permissions().mode() & 0o077, 0, "{text}");
        }
    }
}
