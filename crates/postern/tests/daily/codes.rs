//! Where MFA codes come from: programs, dialogs, a stored seed, and nowhere.

use std::{
    os::unix::fs::MetadataExt,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::world::{PASSPHRASE, World, answer, said};

/// A pinentry: says OK to everything, and to GETPIN what it is told to.
fn pinentry(getpin: &str) -> String {
    format!(
        r#"printf 'OK Pleased to meet you\n'
while read -r command rest; do
  echo "$command $rest" >> "$HOME/assuan"
  case $command in
    GETPIN) printf '{getpin}\n' ;;
    OPTION) printf 'ERR 83886254 Unknown option <Pinentry>\n' ;;
    BYE) printf 'OK closing connection\n'; exit 0 ;;
    *) printf 'OK\n' ;;
  esac
done"#
    )
}

fn login(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.with_fakes(&["login"]);
    command.args(arguments).env("DISPLAY", ":99");
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[test]
fn programs_and_dialogs_give_the_code() {
    const SETTINGS: &str = "mfa_process = \"printer 'of codes'\"\n[mfa.ykman]\naccount = \"AWS:alice\"\n\
                            [mfa.op]\nitem = \"my aws\"\n[mfa.pass]\nentry = \"otp/aws\"\n";
    let serial = "arn:aws:iam::111111111111:mfa/alice";
    let asks = format!("MFA code of alice ({serial})");
    // The source, the program behind it, and its arguments.
    let cases = [
        ("process", "printer", "<of codes>".to_owned()),
        ("ykman", "ykman", "<oath><accounts><code><--single><--><AWS:alice>".to_owned()),
        ("op", "op", "<item><get><--otp><--><my aws>".to_owned()),
        ("pass", "pass", "<otp><code><--><otp/aws>".to_owned()),
        ("zenity", "zenity", format!("<--entry><--title><postern><--text><{asks}><--timeout=120>")),
        ("kdialog", "kdialog", format!("<--title><postern><--inputbox><{asks}>")),
        ("osascript", "osascript", format!("<--><{asks}>")),
        ("pinentry", "pinentry", "<pinentry>".to_owned()),
    ];
    for (source, program, arguments) in cases {
        let world = World::new();
        world.settings(SETTINGS);
        let does = match source {
            "pinentry" => pinentry(&format!("S PIN_REPEATED\\nD {}\\nOK", world.code())),
            _ => format!("[ -z \"$POSTERN_PASSPHRASE\" ] || exit 9\necho '{}'", world.code()),
        };
        world.fake(program, &does);
        let output = run(&mut login(&world, &["--mfa-from", source]));
        assert!(output.status.success(), "{source}: {}", said(&output));
        let started = world.started();
        assert!(started.trim_end().ends_with(&arguments), "{source}: {started}");
        assert_eq!(started.lines().count(), 1, "{source}: {started}");
        answer(&world.run(&["credential-process", "prod/developer"]));
        if source == "pinentry" {
            let spoken = std::fs::read_to_string(world.home.path().join("assuan")).unwrap();
            for line in [format!("SETDESC {asks}"), "SETPROMPT Code:".into(), "SETTIMEOUT 120".into()] {
                assert!(spoken.contains(&line), "no `{line}` in {spoken}");
            }
        }
    }
}

#[test]
fn whoever_cancels_a_dialog_is_not_asked_elsewhere() {
    let world = World::new();
    world.settings("mfa_process = \"never\"");
    world.fake("never", "echo 123456");
    let cancelled = "cancelled; nothing was changed";
    let late = "gave no answer in 120 s";
    for (source, does, code, words) in [
        ("zenity", "exit 1".to_owned(), 130, cancelled),
        ("zenity", "exit 5".to_owned(), 1, late),
        ("kdialog", "exit 1".to_owned(), 130, cancelled),
        ("osascript", "echo 'User canceled. (-128)' >&2; exit 1".to_owned(), 130, cancelled),
        ("pinentry", pinentry("ERR 83886179 Operation cancelled <Pinentry>"), 130, cancelled),
        ("pinentry", pinentry("ERR 83886142 Timeout <Pinentry>"), 1, late),
        ("zenity", "echo 12345".to_owned(), 1, "is no code of six digits"),
    ] {
        world.fake(source, &does);
        let output = run(&mut login(&world, &["--mfa-from", &format!("{source},process")]));
        assert_eq!(output.status.code(), Some(code), "{source}: {}", said(&output));
        assert!(said(&output).contains(words), "{source}: {}", said(&output));
    }
    let started = world.started();
    assert!(!started.contains("never"), "{started}");
    assert!(started.contains("A code has six digits."), "{started}");
    assert_eq!(world.calls("GetSessionToken"), 0);
}

#[test]
fn a_refused_code_is_asked_for_again_with_the_reason() {
    let world = World::new();
    // Wrong the first time; it says so the second time.
    let does = format!(
        "case \"$*\" in *'AWS did not take that code.'*) echo {};; *) echo {};; esac",
        world.code(),
        world.wrong_code()
    );
    world.fake("zenity", &does);
    let output = run(&mut login(&world, &[]));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(world.started().matches("<zenity>").count(), 2);
    // Three times in all.
    let world = World::new();
    world.fake("kdialog", &format!("echo {}", world.wrong_code()));
    let output = run(&mut login(&world, &["--mfa-from", "kdialog"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("AWS took none of 3 MFA codes"), "{}", said(&output));
    assert_eq!(world.calls("GetSessionToken"), 3);
}

#[test]
fn the_order_is_the_flags_then_the_variables_then_the_settings() {
    let world = World::new();
    world.settings("[mfa]\nfrom = [\"ykman\", \"zenity\"]\nykman = { account = \"AWS:alice\" }\n");
    world.fake("ykman", "echo 'no YubiKey detected' >&2; exit 1");
    world.fake("zenity", "exit 1");
    world.fake("kdialog", "exit 1");
    let fresh = || {
        let _ = std::fs::remove_file(world.home.path().join("started"));
    };
    let names = || -> Vec<String> {
        let started = world.started();
        started.lines().map(|line| line[1..line.find('>').unwrap()].to_owned()).collect()
    };

    // What fails is said, and the next is tried.
    let output = run(&mut login(&world, &[]));
    assert!(said(&output).contains("/ykman` failed: exit status: 1; next: zenity"), "{}", said(&output));
    assert_eq!((output.status.code(), names()), (Some(130), vec!["ykman".into(), "zenity".into()]));
    fresh();
    run(login(&world, &[]).env("POSTERN_MFA_FROM", "kdialog"));
    assert_eq!(names(), ["kdialog"]);
    fresh();
    run(login(&world, &["--mfa-from", "zenity"]).env("POSTERN_MFA_FROM", "kdialog"));
    assert_eq!(names(), ["zenity"]);
    fresh();
    // A variable goes before the settings file, here too.
    run(login(&world, &[]).env("POSTERN_MFA_PROCESS", "kdialog --the-process"));
    assert_eq!(names(), ["kdialog", "ykman", "zenity"]);
    fresh();

    let list = "process, ykman, op, pass, seed, terminal, zenity, kdialog, osascript, pinentry";
    let by_flag = run(&mut login(&world, &["--mfa-from", "yubikey"]));
    let by_variable = run(login(&world, &[]).env("POSTERN_MFA_FROM", "yubikey"));
    world.settings("[mfa]\nfrom = [\"yubikey\"]\n");
    let by_settings = run(&mut login(&world, &[]));
    for output in [by_flag, by_variable, by_settings] {
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(&format!("`yubikey` is none of: {list}")), "{}", said(&output));
    }
    for (settings, words) in [
        ("[mfa]\nfrom = []\n", "no code could come from anywhere"),
        ("[mfa]\nykmen = {}\n", "unknown field `ykmen`"),
        ("[mfa.ykman]\nserial = 1\n", "unknown field `serial`"),
    ] {
        world.settings(settings);
        let output = run(&mut login(&world, &[]));
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    assert_eq!(names(), [""; 0], "nothing was started");
}

/// Without a display and a terminal nothing is started that could wait, so nothing does: whatever would be started
/// here never ends.
#[test]
fn where_nobody_can_be_asked_nothing_is_started() {
    let world = World::new();
    for program in ["zenity", "kdialog", "osascript", "pinentry"] {
        world.fake(program, "while :; do sleep 60; done");
    }
    let attempt = |arguments: &[&str]| run(&mut world.with_fakes(arguments));
    let estate = world.estate();
    for arguments in [
        &["credential-process", "prod/developer"][..],
        &["exec", "prod/developer", "--", "true"],
        &["login"],
        &["login", "--mfa-from", "terminal,pinentry,zenity,kdialog,osascript"],
    ] {
        let output = attempt(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty());
        let hint = format!("run `postern login --estate {} --person alice` in a terminal", estate.display());
        for words in [&hint, "there is no terminal"] {
            assert!(said(&output).contains(words), "{arguments:?}: no `{words}` in {}", said(&output));
        }
    }
    let unset = attempt(&["login", "--mfa-from", "ykman"]);
    assert!(said(&unset).contains("`account` of `[mfa.ykman]` is not set"), "{}", said(&unset));
    // As SDKs do: standard error goes nowhere, and the exit code is all that is left.
    let swallowed = world
        .with_fakes(&["credential-process", "prod/developer"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert_eq!((swallowed.status.code(), swallowed.stdout.len()), (Some(1), 0));
    assert_eq!(world.started(), "");
}

/// How many processes wait for a lock in this directory.
fn waiting(dir: &std::path::Path) -> usize {
    let inodes: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| format!(":{} ", entry.unwrap().metadata().unwrap().ino()))
        .collect();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let waits = |line: &&str| line.contains("->") && inodes.iter().any(|inode| line.contains(inode));
    locks.lines().filter(waits).count()
}

#[test]
fn one_cancel_ends_all_who_wait() {
    let world = World::new();
    // The dialog stands until it is told to be cancelled.
    let go = world.home.path().join("go");
    world.fake("zenity", &format!("until [ -e '{}' ]; do sleep 0.05; done; exit 1", go.display()));
    let children: Vec<_> = (0..6)
        .map(|_| {
            world
                .with_fakes(&["credential-process", "prod/developer"])
                .env("DISPLAY", ":99")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let start = Instant::now();
    while world.started().is_empty() || waiting(&world.state_dir()) < 5 {
        assert!(start.elapsed() < Duration::from_secs(60), "{} wait", waiting(&world.state_dir()));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::write(go, "").unwrap();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let count = |code: i32, words: &str| {
        outputs.iter().filter(|o| o.status.code() == Some(code) && said(o).contains(words)).count()
    };
    let all: Vec<String> = outputs.iter().map(said).collect();
    assert_eq!(count(130, "cancelled; nothing was changed"), 1, "{all:#?}");
    assert_eq!(count(1, "gave up"), 5, "{all:#?}");
    assert_eq!(count(1, "caused by: cancelled"), 5, "{all:#?}");
    assert_eq!(world.started().lines().count(), 1);
    assert_eq!(world.calls("GetSessionToken"), 0);
}

#[test]
fn a_stored_seed_makes_the_codes_and_says_so_each_time() {
    let world = World::new();
    let seed = |arguments: &[&str], input: &str| {
        let file = world.home.path().join("input");
        std::fs::write(&file, input).unwrap();
        let mut command = world.with_fakes(&["keys", "seed"]);
        command.args(arguments).stdin(std::fs::File::open(&file).unwrap());
        let output = run(&mut command);
        std::fs::remove_file(&file).unwrap();
        output
    };
    let bad = seed(&["add", "alice", "--from-stdin"], "018 is not Base32\n");
    assert_eq!(bad.status.code(), Some(2), "{}", said(&bad));
    assert!(!said(&bad).contains("018"), "{}", said(&bad));
    let nobody = seed(&["add", "bob", "--from-stdin"], &world.seed());
    assert!(said(&nobody).contains("there is no key of `bob`"), "{}", said(&nobody));
    let none = run(&mut world.with_fakes(&["login", "--mfa-from", "seed"]));
    assert!(
        said(&none).contains("no seed of `arn:aws:iam::111111111111:mfa/alice` is stored"),
        "{}",
        said(&none)
    );

    let link = format!("otpauth://totp/AWS:alice?secret={}&issuer=AWS\n", world.seed());
    let added = seed(&["add", "alice", "--from-stdin"], &link);
    assert!(added.status.success(), "{}", said(&added));
    assert!(said(&added).contains("warning: with the seed of"), "{}", said(&added));
    assert!(said(&added).contains("one factor"), "{}", said(&added));

    // No flag, no terminal, no display: the seed is enough. The device was enabled within this half minute, so
    // that its code is likely spent already and the next must be waited for.
    let output = run(&mut world.with_fakes(&["credential-process", "prod/developer"]));
    answer(&output);
    let notice = "postern: the MFA code comes from the stored seed: key and code are one factor";
    assert!(said(&output).contains(notice), "{}", said(&output));
    let calls = world.calls("GetSessionToken");
    assert!(said(&output).matches(notice).count() == calls && calls <= 2, "{}", said(&output));

    for (path, bytes) in world.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&world.seed()), "the seed lies open in {}", path.display());
    }
    let listed = world.run(&["keys", "list", "--json"]);
    assert_eq!(answer(&listed)["keys"].as_array().unwrap().len(), 1, "a seed is no key");

    assert!(seed(&["remove", "alice"], "").status.success());
    assert_eq!(seed(&["remove", "alice"], "").status.code(), Some(1));
    run(&mut world.with_fakes(&["logout"]));
    let refused = run(&mut world.with_fakes(&["credential-process", "prod/developer"]));
    assert!(said(&refused).contains("there is no terminal"), "{}", said(&refused));

    // With the last key of its device a seed goes too.
    assert!(seed(&["add", "alice", "--from-stdin"], &world.seed()).status.success());
    let file = world.home.path().join(".local/share/postern/keys.json");
    assert!(std::fs::read_to_string(&file).unwrap().contains("sealed_seed"));
    assert!(world.run(&["keys", "remove", "alice"]).status.success());
    assert!(!std::fs::read_to_string(&file).unwrap().contains("sealed_seed"));
    assert!(!said(&refused).contains(PASSPHRASE));
}
