//! A key replaced by another, killed at every call; and keys that grow old.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, enrol::AccessKey};
use postern_serve::{Cut, When};
use postern_types::{LongTermKey, UserName};

use crate::{
    migrate::{Pass, moved_to_pass, run_with},
    world::{BASTION, PASSPHRASE, World, answer, call, said},
};

/// Between postern and the sandbox. The nth request ends postern by SIGKILL: before it reaches the sandbox, or after
/// the sandbox has carried it out and before postern hears of it.
struct Proxy {
    url: String,
    seen: Arc<AtomicUsize>,
    arm: mpsc::Sender<Option<(bool, usize, u32)>>,
}

impl Proxy {
    fn new(sandbox: &str) -> Self {
        let (seen, target) =
            (Arc::new(AtomicUsize::new(0)), sandbox.trim_start_matches("http://").to_owned());
        // The sandbox answers to every address of loopback, but to its own port only.
        let listener = TcpListener::bind(target.replace("127.0.0.1", "127.0.0.2")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (arm, armed) = mpsc::channel();
        let armed = Arc::new(std::sync::Mutex::new((armed, None)));
        let counter = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, target) = (stream.unwrap(), target.clone());
                let (counter, armed) = (Arc::clone(&counter), Arc::clone(&armed));
                thread::spawn(move || {
                    while let Some(request) = message(&mut stream) {
                        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                        let plan: Option<(bool, usize, u32)> = {
                            let (receiver, plan) = &mut *armed.lock().unwrap();
                            // The first request of a run waits until the plan for the run is there.
                            if number == 1 {
                                *plan = receiver.recv().unwrap();
                            }
                            *plan
                        };
                        let due = plan.filter(|(_, at, _)| *at == number);
                        if let Some((false, _, pid)) = due {
                            kill(pid);
                            return;
                        }
                        let mut upstream = TcpStream::connect(&target).unwrap();
                        upstream.write_all(&request).unwrap();
                        let response = message(&mut upstream).unwrap();
                        let _ = upstream.shutdown(Shutdown::Both);
                        if let Some((_, _, pid)) = due {
                            kill(pid);
                            return;
                        }
                        let _ = stream.write_all(&response);
                    }
                });
            }
        });
        Self { url, seen, arm }
    }

    /// A run that is killed at a request, or not at all.
    fn run(&self, mut command: Command, kill: Option<(bool, usize)>) -> Output {
        self.seen.store(0, Ordering::SeqCst);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.arm.send(kill.map(|(after, number)| (after, number, child.id()))).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// A whole HTTP message with a length; none where the connection ended.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(bytes)
}

fn root(world: &World) -> LongTermKey {
    let accounts = world.sandbox.world().accounts();
    let bastion = accounts.iter().find(|account| account.id.to_string() == BASTION).unwrap();
    LongTermKey { id: bastion.root_key.clone(), secret: bastion.root_secret.clone() }
}

fn connect(world: &World, key: &LongTermKey) -> Connection {
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.endpoint());
    Aws::new(Patience::default()).unwrap().connect(endpoint, Credentials::from(key), None)
}

fn alice() -> UserName {
    "alice".parse().unwrap()
}

fn rotate(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(["keys", "rotate"]).args(arguments);
    world.surround(&mut command);
    command.env("POSTERN_PASSPHRASE", PASSPHRASE);
    command
}

fn stored(world: &World, pass: Option<&Pass>) -> Vec<String> {
    let mut command = world.postern(&["keys", "list", "--json"]);
    if let Some(pass) = pass {
        pass.surround(&mut command);
    }
    let record = answer(&command.output().unwrap());
    let keys = record["keys"].as_array().unwrap();
    keys.iter().map(|key| key["access_key_id"].as_str().unwrap().to_owned()).collect()
}

fn journals(world: &World) -> Vec<String> {
    let files = world.files().into_iter().filter(|(path, _)| path.to_string_lossy().contains("rotate-"));
    files.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

/// Whether a key that is stored here is active at AWS.
fn can_work(keys: &[AccessKey], stored: &[String]) -> bool {
    keys.iter().any(|key| key.active && stored.iter().any(|id| id == key.id.as_str()))
}

#[test]
fn killed_at_every_call_it_is_finished_by_the_next_run() {
    let world = World::new();
    let boss = root(&world);
    let bastion = connect(&world, &boss);
    let proxy = Proxy::new(world.sandbox.endpoint());
    let pass = moved_to_pass(&world);
    let by_root = |key: &[&str]| {
        let mut command = rotate(&world, &[&["--by-profile"], key].concat());
        pass.surround(&mut command);
        command.env("AWS_ENDPOINT_URL", &proxy.url);
        command.env("AWS_ACCESS_KEY_ID", boss.id.as_str());
        command.env("AWS_SECRET_ACCESS_KEY", boss.secret.expose_secret());
        command
    };
    let (mut kills, mut lost) = (0, 0);
    for after in [false, true] {
        for number in 1_usize.. {
            let before = stored(&world, Some(&pass));
            let killed = proxy.run(by_root(&[]), Some((after, number)));
            let place = format!("after: {after}, call {number}: {}", said(&killed));
            let now = stored(&world, Some(&pass));
            let keys = bastion.access_keys(&alice()).unwrap();
            assert!(can_work(&keys, &now), "{place}");
            if killed.status.success() {
                assert!(number > 10, "{place}");
                break;
            }
            kills += 1;
            let unknown = keys.iter().filter(|key| !now.contains(&key.id.to_string())).count();
            lost += usize::from(unknown > 0);
            for journal in journals(&world) {
                assert!(journal.contains(&before[0]), "{journal}");
                let listed = run_with(&world, &pass, &["keys", "list"], &[]);
                assert!(
                    said(&listed).contains("was interrupted; `postern keys rotate alice`"),
                    "{}",
                    said(&listed)
                );
            }
            // It is found without a name, by its person, and by each of its keys.
            let latest = now.last().map(String::as_str).unwrap_or_default();
            let names: [&[&str]; 4] = [&[], &["alice"], &[&before[0]], &[latest]];
            let begun = !journals(&world).is_empty();
            let again = proxy.run(by_root(if begun { names[number % 4] } else { &[] }), None);
            assert!(again.status.success(), "{place}\n{}", said(&again));
            assert_eq!(said(&again).contains("its secret lost"), unknown > 0, "{place}\n{}", said(&again));
            let keys = bastion.access_keys(&alice()).unwrap();
            let now = stored(&world, Some(&pass));
            assert_eq!((keys.len(), now.len()), (1, 1), "{place}\n{}", said(&again));
            assert!(can_work(&keys, &now) && now != before, "{place}");
            assert!(journals(&world).is_empty());
        }
    }
    assert!(kills > 20, "{kills}");
    assert_eq!(lost, 1, "the one call whose answer holds a secret");
}

/// As a machine leaves it that lost its power while the entry was written.
#[test]
fn a_new_key_whose_entry_is_cut_off_is_made_again() {
    let world = World::new();
    let boss = root(&world);
    let bastion = connect(&world, &boss);
    let proxy = Proxy::new(world.sandbox.endpoint());
    let pass = moved_to_pass(&world);
    let run = |kill: Option<(bool, usize)>| {
        let mut command = rotate(&world, &["--by-profile"]);
        pass.surround(&mut command);
        command.env("AWS_ENDPOINT_URL", &proxy.url);
        command.env("AWS_ACCESS_KEY_ID", boss.id.as_str());
        command.env("AWS_SECRET_ACCESS_KEY", boss.secret.expose_secret());
        proxy.run(command, kill)
    };
    let mut number = 1;
    let both = loop {
        let killed = run(Some((false, number)));
        let stored = stored(&world, Some(&pass));
        if stored.len() == 2 {
            break stored;
        }
        assert!(!killed.status.success(), "{}", said(&killed));
        number += 1;
    };
    let new = both.iter().find(|id| **id != *world.key.id.as_str()).unwrap();
    let entries = std::fs::read_dir(pass.store.join("postern")).unwrap();
    let entry = entries.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().contains(new));
    std::fs::write(entry.unwrap(), "").unwrap();
    let done = run(None);
    assert!(done.status.success(), "{}", said(&done));
    assert!(
        said(&done).contains(&format!("{new}, which an interrupted run made, its secret lost")),
        "{}",
        said(&done)
    );
    let (keys, now) = (bastion.access_keys(&alice()).unwrap(), stored(&world, Some(&pass)));
    assert_eq!(keys.iter().map(|key| key.id.to_string()).collect::<Vec<_>>(), now);
    assert!(now.len() == 1 && !both.contains(&now[0]), "{now:?}");
}

#[test]
fn a_person_needs_rights_and_room() {
    let world = World::new();
    let bastion = connect(&world, &root(&world));
    world.log_in();
    let run = |arguments: &[&str]| rotate(&world, arguments).output().unwrap();

    // As the estate makes people: no rights in IAM. Nothing was begun.
    let denied = run(&["alice"]);
    assert_eq!(denied.status.code(), Some(1), "{}", said(&denied));
    for words in ["does not let alice change", "no rights in IAM by default", "--administrator NAME"] {
        assert!(said(&denied).contains(words), "{}", said(&denied));
    }
    assert!(journals(&world).is_empty());

    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:*AccessKey*"],"Resource":"arn:aws:iam::*:user/postern/${aws:username}","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}"#;
    call(&bastion, "PutUserPolicy", &[("UserName", "alice"), ("PolicyName", "own"), ("PolicyDocument", own)]);

    // A second key of hers, somewhere else: that is told before anything is done, and it is left alone.
    let second = bastion.create_access_key(&alice()).unwrap();
    connect(&world, &second).caller_identity().unwrap();
    let full = run(&[]);
    assert_eq!(full.status.code(), Some(1), "{}", said(&full));
    for words in [
        "two access keys, as many as AWS allows",
        "(active, made 20",
        "last used 20",
        "not in this key store",
        &format!("--user-name alice --access-key-id {}", second.id),
    ] {
        assert!(said(&full).contains(words), "no `{words}` in {}", said(&full));
    }
    assert!(journals(&world).is_empty());
    assert_eq!(bastion.access_keys(&alice()).unwrap().len(), 2);
    bastion.delete_access_key(&alice(), &second.id).unwrap();

    // The network goes while the new key is being made: nobody has seen its secret.
    world.sandbox.faults().arm(Cut { call: 6, when: When::After, lasting: true });
    let cut = run(&[]);
    world.sandbox.faults().mend();
    assert_eq!(cut.status.code(), Some(1), "{}", said(&cut));
    assert_eq!(bastion.access_keys(&alice()).unwrap().len(), 2);
    assert_eq!((stored(&world, None).len(), journals(&world).len()), (1, 1));

    let done = run(&[world.key.id.as_str()]);
    assert!(said(&done).contains("its secret lost, is deleted at AWS"), "{}", said(&done));
    assert!(done.status.success(), "{}", said(&done));
    let keys = bastion.access_keys(&alice()).unwrap();
    assert_eq!(stored(&world, None), [keys[0].id.to_string()]);
    assert_ne!(keys[0].id, world.key.id);
    let status = answer(&world.run(&["status", "--json"]));
    assert!(status["sessions"].as_array().unwrap().is_empty(), "{status}");
    assert_eq!(status["keys"][0]["mfa_serial"], format!("arn:aws:iam::{BASTION}:mfa/alice"));
    let gone = run(&[world.key.id.as_str()]);
    assert!(said(&gone).contains("there is no key"), "{}", said(&gone));
}

#[test]
fn an_old_key_is_warned_of() {
    let world = World::new();
    let pass = moved_to_pass(&world);
    let run = |arguments: &[&str]| run_with(&world, &pass, arguments, &[]);
    let young = run(&["keys", "list"]);
    assert!(said(&young).contains("today") && !said(&young).contains("warning"), "{}", said(&young));

    // Stored a hundred days ago.
    let then = postern_types::Timestamp::now() - postern_types::SignedDuration::from_hours(100 * 24);
    let file = std::fs::read_dir(pass.store.join("postern")).unwrap().next().unwrap().unwrap().path();
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut fields: Vec<&str> = name.split(',').collect();
    let then = then.to_string();
    fields[3] = &then;
    std::fs::rename(&file, file.with_file_name(fields.join(","))).unwrap();
    let warning = "of alice was stored 100 days ago; `postern keys rotate alice` replaces it";
    for arguments in [&["keys", "list"][..], &["status"], &["login", "--mfa-code", &world.code()]] {
        let warned = run(arguments);
        assert!(warned.status.success(), "{}", said(&warned));
        assert_eq!(said(&warned).matches(warning).count(), 1, "{arguments:?}: {}", said(&warned));
    }
    assert_eq!(answer(&run(&["keys", "list", "--json"]))["keys"][0]["stored_days_ago"], 100);
    // Said at the login, not with every command.
    assert!(!said(&run(&["login"])).contains(warning));

    let settings = world.home.path().join(".config/postern/config.toml");
    for (age, is_old) in [("101d", false), ("100d", true), ("never", false)] {
        std::fs::write(&settings, format!("store = \"pass\"\nkey_max_age = \"{age}\"\n")).unwrap();
        assert_eq!(said(&run(&["keys", "list"])).contains(warning), is_old, "{age}");
    }
    std::fs::write(&settings, "store = \"pass\"\nkey_max_age = \"3 months\"\n").unwrap();
    let wrong = run(&["keys", "list"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("it may be days, as in `90d`, or `never`"), "{}", said(&wrong));
}
