//! `postern profiles sync`

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::world::{PASSPHRASE, PROD, World, answer, identity, said};

const MINE: &str =
    "# notes\n[default]\nregion=eu-west-1\n\n[profile own]\naws_secret_access_key = hunter2\nregion = x";

fn config(world: &World) -> PathBuf {
    world.home.path().join(".aws/config")
}

fn write(world: &World, text: &str) {
    fs::create_dir_all(config(world).parent().unwrap()).unwrap();
    fs::write(config(world), text).unwrap();
}

fn sync(world: &World, arguments: &[&str]) -> String {
    let output = world.run(&[&["profiles", "sync"], arguments].concat());
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

/// The estate with a second account, readers, and carol, who administers.
fn enlarge(world: &World) {
    let mut text = fs::read_to_string(world.estate()).unwrap();
    text.push_str(
        "[people.bob]\ngroups = [\"readers\"]\n[people.carol]\n[groups.readers]\nroles = [\"*/readonly\"]\n\
         [administrators]\npeople = [\"carol\"]\n[accounts.dev]\nid = \"333333333333\"\n",
    );
    fs::write(world.estate(), text).unwrap();
}

/// The names of the profiles in the file.
fn names(world: &World) -> Vec<String> {
    let text = fs::read_to_string(config(world)).unwrap();
    text.lines()
        .filter_map(|line| Some(line.strip_prefix("[profile ")?.strip_suffix(']')?.to_owned()))
        .collect()
}

#[test]
fn a_profile_for_each_role_that_one_may_assume() {
    let world = World::new();
    enlarge(&world);
    sync(&world, &[]);
    assert_eq!(names(&world), ["dev-developer", "prod-developer"]);
    assert_eq!(fs::metadata(config(&world)).unwrap().mode() & 0o777, 0o600);
    sync(&world, &["--person", "bob", "--name-format", "{role}@{account}"]);
    assert_eq!(names(&world), ["readonly@dev", "readonly@prod"]);
    sync(&world, &["--person", "carol"]);
    assert_eq!(names(&world), ["dev-postern-admin", "prod-postern-admin", "bastion-postern-admin"]);
    sync(&world, &["--all"]);
    assert_eq!(names(&world).len(), 7);
    let unknown = world.run(&["profiles", "sync", "--person", "mallory"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("it has: alice, bob, carol"), "{}", said(&unknown));

    // Whose access ends has no profiles any more.
    let text = fs::read_to_string(world.estate()).unwrap().replace("[\"*/developer\"]", "[]");
    fs::write(world.estate(), text).unwrap();
    sync(&world, &[]);
    assert_eq!(fs::read_to_string(config(&world)).unwrap(), "");
}

#[test]
fn a_profile_works_and_is_read_alike() {
    let world = World::new();
    sync(&world, &[]);
    world.log_in();
    let text = fs::read_to_string(config(&world)).unwrap();
    let profiles = postern_broker::files::profile::Profiles::parse(&text, "").unwrap();
    assert_eq!(profiles.oddities(), []);
    let profile = profiles.profile("prod-developer").unwrap();
    let postern_broker::files::profile::Source::Process(process) = profile.source else {
        panic!("{profile:?}")
    };
    let words = process.words().unwrap();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    world.surround(&mut command);
    // As an SDK anywhere starts it: no variable of ours, another directory.
    command.env_remove("POSTERN_ESTATE").current_dir("/");
    let answered = answer(&command.output().unwrap());
    assert_eq!(identity(&world, &answered), format!("arn:aws:sts::{PROD}:assumed-role/developer/alice"));
}

#[test]
fn all_else_in_the_file_stays_byte_for_byte() {
    let world = World::new();
    write(&world, "");
    let real = world.home.path().join("dotfiles");
    fs::write(&real, MINE).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(config(&world)).unwrap();
    symlink("../dotfiles", config(&world)).unwrap();

    let shown = sync(&world, &["--dry-run"]);
    assert_eq!(fs::read_to_string(&real).unwrap(), MINE, "a dry run writes nothing");
    assert!(shown.contains("+[profile prod-developer]") && shown.contains(" [profile own]"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");

    sync(&world, &[]);
    let written = fs::read_to_string(&real).unwrap();
    assert!(written.starts_with(MINE) && written.contains("[profile prod-developer]"), "{written}");
    assert!(config(&world).symlink_metadata().unwrap().is_symlink());
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
    let backup = world.home.path().join("dotfiles.postern-backup");
    assert_eq!((mode(&real), mode(&backup)), (0o640, 0o600));
    assert_eq!(fs::read_to_string(&backup).unwrap(), MINE);

    let inode = fs::metadata(&real).unwrap().ino();
    assert!(sync(&world, &[]).contains("is up to date: 1 profile of the estate `acme`"));
    assert_eq!(fs::metadata(&real).unwrap().ino(), inode, "nothing was written");
    assert!(sync(&world, &["--remove"]).contains("are out of ~/.aws/config"));
    assert_eq!(fs::read_to_string(&real).unwrap(), format!("{MINE}\n\n"));
    assert!(sync(&world, &["--remove"]).contains("nothing was changed"));
}

#[test]
fn profiles_of_ones_own_are_not_overwritten() {
    let world = World::new();
    enlarge(&world);
    write(&world, "[profile prod-developer]\nregion = x\n");
    let credentials = world.home.path().join(".aws/credentials");
    fs::write(&credentials, "[dev-developer]\nregion = x\n").unwrap();
    let refused = world.run(&["profiles", "sync"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("dev-developer (in the credentials file), prod-developer"),
        "{}",
        said(&refused)
    );
    assert_eq!(fs::read_to_string(config(&world)).unwrap(), "[profile prod-developer]\nregion = x\n");

    for (text, word) in [
        ("[profile a]\nx = 1\n[profile a]\n", "stands in line 1 already"),
        (
            "# >>> postern: profiles of the estate `acme`, written by `postern profiles sync`: changes are lost >>>\n",
            "a block of postern's that is not whole",
        ),
    ] {
        write(&world, text);
        let refused = world.run(&["profiles", "sync"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains(word), "{}", said(&refused));
        assert_eq!(fs::read_to_string(config(&world)).unwrap(), text);
    }
}

#[test]
fn a_path_that_shells_read_otherwise_is_refused() {
    let world = World::new();
    for (name, good) in
        [("with blank & (sign)", true), ("do$llar", false), ("qu'ote", false), ("back`tick", false)]
    {
        let dir = world.home.path().join(name);
        fs::create_dir(&dir).unwrap();
        let estate = dir.join("postern.toml");
        fs::copy(world.estate(), &estate).unwrap();
        let output = world.run(&["profiles", "sync", "--estate", estate.to_str().unwrap()]);
        assert_eq!(output.status.success(), good, "{name}: {}", said(&output));
        let written = fs::read_to_string(config(&world)).unwrap();
        assert!(written.contains("--estate \"") && written.contains("with blank & (sign)/postern.toml\""));
    }
}

/// Ends the program without notice at some moment of its run.
fn killed_after(world: &World, pause: Duration, format: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    world.surround(&mut command);
    command.env("POSTERN_PASSPHRASE", PASSPHRASE);
    let mut child = command
        .args(["profiles", "sync", "--name-format", format])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(pause);
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn killed_at_any_moment_the_file_is_the_old_or_the_new_one() {
    let world = World::new();
    write(&world, MINE);
    let mut whole = Vec::new();
    let mut longest = Duration::ZERO;
    for format in ["a-{role}", "b-{role}"] {
        let start = Instant::now();
        sync(&world, &["--name-format", format]);
        longest = longest.max(start.elapsed());
        whole.push(fs::read_to_string(config(&world)).unwrap());
    }
    let (mut changed, mut before) = (0, whole[1].clone());
    for round in 0..50_u32 {
        let format = if round % 2 == 0 { "a-{role}" } else { "b-{role}" };
        killed_after(&world, longest * (round * 37 % 50) / 40, format);
        let now = fs::read_to_string(config(&world)).unwrap();
        assert!(whole.contains(&now), "round {round}: {now}");
        changed += u32::from(now != before);
        before = now;
    }
    assert!((1..50).contains(&changed), "some runs are to end before and some after: {changed}");
    // Whatever the killed ones left is gone with the next change.
    sync(&world, &["--name-format", "c-{role}"]);
    let left: Vec<_> =
        fs::read_dir(world.home.path().join(".aws")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
