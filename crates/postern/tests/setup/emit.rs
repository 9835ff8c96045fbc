//! `postern emit`: what lands where, what is said, and how it ends. What is in the files is tested in
//! `postern-estate` and `tests/outsiders`.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::world::{ESTATE, World, said};

/// Every file below a directory, with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o644, "{name}");
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn names(files: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

#[test]
fn every_account_gets_its_template() {
    let world = World::new();
    insta::assert_snapshot!(said(&world.run(&["emit", "cloudformation", "--out", "templates"])));
    let made = files(&world.path("templates"));
    assert_eq!(names(&made), ["bastion.template.json", "dev.template.json", "prod.template.json"]);
    let again = world.run(&["--quiet", "emit", "cloudformation", "--out", "templates"]);
    assert_eq!(said(&again), "exit 0\n--- stdout\n--- stderr\n");
    assert_eq!(files(&world.path("templates")), made);
    let one = world.run(&["emit", "cloudformation", "--account", "prod"]);
    assert_eq!(one.stdout, made["prod.template.json"]);
    assert!(
        String::from_utf8_lossy(&one.stderr)
            .contains("aws iam tag-policy --policy-arn arn:aws:iam::222222222222:")
    );
    assert_eq!(world.calls(), 0, "something was called");
}

#[test]
fn every_account_gets_its_module() {
    let world = World::new();
    insta::assert_snapshot!(said(&world.run(&[
        "emit",
        "terraform",
        "--out",
        "tf",
        "--account",
        "bastion",
        "--account",
        "dev"
    ])));
    let made = files(&world.path("tf"));
    assert_eq!(names(&made), ["bastion/postern.tf.json", "dev/postern.tf.json"]);
    // What others keep beside it is theirs.
    fs::write(world.path("tf/dev/backend.tf"), "# mine").unwrap();
    fs::write(world.path("tf/bastion/postern.tf.json"), "{}").unwrap();
    assert_eq!(world.run(&["emit", "terraform", "--out", "tf"]).status.code(), Some(0));
    let all = files_but_modes(&world.path("tf"));
    assert_eq!(all["bastion/postern.tf.json"], made["bastion/postern.tf.json"]);
    assert_eq!(all["dev/backend.tf"], b"# mine");
    assert!(all.contains_key("prod/postern.tf.json"));
}

fn files_but_modes(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    for account in ["bastion", "dev", "prod"] {
        for entry in fs::read_dir(directory.join(account)).unwrap() {
            let path = entry.unwrap().path();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
    files(directory)
}

#[test]
fn check_tells_what_differs_and_writes_nothing() {
    for (kind, file) in [("cloudformation", "dev.template.json"), ("terraform", "dev/postern.tf.json")] {
        let world = World::new();
        let check = || world.run(&["emit", kind, "--out", "out", "--check"]);
        assert_eq!(check().status.code(), Some(1));
        assert!(!world.path("out").exists());
        world.run(&["emit", kind, "--out", "out"]);
        let made = files(&world.path("out"));
        assert_eq!(said(&check()), "exit 0\n--- stdout\n--- stderr\n3 files as the estate file says\n");
        fs::write(world.path("out").join(file), "{}").unwrap();
        fs::set_permissions(world.path("out").join(file), fs::Permissions::from_mode(0o644)).unwrap();
        let told = check();
        let shown = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!((told.status.code(), shown), (Some(1), format!("out/{file}: differs\n")));
        // An account that leaves the file leaves its template behind: that is told, and the file is left.
        fs::write(world.path("out").join(file), &made[file]).unwrap();
        let smaller = ESTATE
            .replace("[accounts.dev]\nid = \"333333333333\"\nprofile = \"acme-dev\"\n", "")
            .replace("[\"dev\", \"prod\"]", "[\"prod\"]");
        assert!(!smaller.contains("dev\""), "{smaller}");
        world.write_estate(smaller);
        world.run(&["emit", kind, "--out", "out"]);
        let told = check();
        let shown = String::from_utf8_lossy(&told.stdout).into_owned();
        let line = format!("out/{file}: is of an account that is no longer in the estate\n");
        assert_eq!((told.status.code(), shown), (Some(1), line));
        assert_eq!(
            world.run(&["emit", kind, "--out", "out", "--check", "--account", "prod"]).status.code(),
            Some(0)
        );
    }
}

#[test]
fn what_plan_refuses_is_not_emitted() {
    let world = World::new();
    world.write_estate(ESTATE.replace("policies = [\"ReadOnlyAccess\"]", "policies = [\"IAMFullAccess\"]"));
    for kind in ["cloudformation", "terraform"] {
        let refused = world.run(&["emit", kind, "--out", "out"]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(4), 0));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is above the cap"));
    }
    assert!(!world.path("out").exists());
}

#[test]
fn a_customers_policy_is_not_judged_here_and_that_is_said() {
    let world = World::new();
    let own = "accounts = [\"prod\"]\npolicies = [\"arn:aws:iam::222222222222:policy/own\"]";
    world.write_estate(ESTATE.replace("accounts = \"*\"\npolicies = [\"ReadOnlyAccess\"]", own));
    let output = world.run(&["emit", "terraform", "--out", "out"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("were not held against the cap"));
}

#[test]
fn misuse_is_caught_before_anything_is_written() {
    let world = World::new();
    for (arguments, word) in [
        (&["emit", "terraform"][..], "3 modules do not fit on standard output"),
        (&["emit", "cloudformation", "--check"], "--out names no directory"),
        (&["emit", "terraform", "--account", "stage", "--out", "out"], "no account `stage`"),
        (&["emit", "pulumi"], "unrecognized subcommand"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{}", said(&output));
    }
    world.write_estate(ESTATE.replace("accounts.dev", "accounts.\"..\"").replace("\"dev\"", "\"..\""));
    let output = world.run(&["emit", "terraform", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    // A directory that cannot be made.
    world.write_estate(ESTATE);
    let output = world.run(&["emit", "terraform", "--out", "postern.toml"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!world.path("out").exists() && world.path("postern.toml").is_file());
}
