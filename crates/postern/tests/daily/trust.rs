//! `.postern-target`: a directory names the target, and only whoever trusts it follows.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::PathBuf,
    process::{Command, Output},
};

use crate::world::{World, answer, said};

const FILE: &str = ".postern-target";

/// A project with a file that names a target, and a directory deep inside it.
fn project(world: &World, text: &str) -> (PathBuf, PathBuf) {
    let project = world.home.path().canonicalize().unwrap().join("acme");
    let inner = project.join("src/deep");
    fs::create_dir_all(&inner).unwrap();
    fs::write(project.join(FILE), text).unwrap();
    (project, inner)
}

fn run_in(world: &World, directory: &PathBuf, arguments: &[&str]) -> Output {
    world.postern(arguments).current_dir(directory).output().unwrap()
}

fn refused(output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    assert!(output.stdout.is_empty() && said(output).contains(words), "no `{words}`: {}", said(output));
}

#[test]
fn a_directory_names_the_target_once_it_is_trusted() {
    let world = World::new();
    world.log_in();
    let (project, inner) = project(&world, "# of the web team\nprod/readonly\n");
    let before = run_in(&world, &inner, &["exec", "--", "env"]);
    refused(&before, "`~/acme/.postern-target` names `prod/readonly`, but it is not trusted");
    assert!(said(&before).contains(&format!("`postern trust {}`", project.display())), "{}", said(&before));
    assert_eq!(world.calls("AssumeRole"), 0);

    let trusted = world.run(&["trust", project.to_str().unwrap()]);
    assert!(
        said(&trusted).contains("trusted: ~/acme/.postern-target, which names prod/readonly"),
        "{}",
        said(&trusted)
    );
    let output = run_in(&world, &inner, &["exec", "--", "sh", "-c", "echo $POSTERN_TARGET; exit 7"]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(7), &b"prod/readonly\n"[..]),
        "{}",
        said(&output)
    );
    assert!(said(&output).contains("prod/readonly, as ~/acme/.postern-target says"), "{}", said(&output));
    let env = run_in(&world, &inner, &["--quiet", "env", "--format", "json"]);
    assert_eq!(answer(&env)["POSTERN_TARGET"], "prod/readonly");
    assert!(env.stderr.is_empty(), "{}", said(&env));
    let mut shell = world.postern(&["shell", "--read-only"]);
    let shell = shell.current_dir(&inner).env("SHELL", "/usr/bin/env").output().unwrap();
    assert!(said(&shell).contains("POSTERN_TARGET=prod/readonly"), "{}", said(&shell));
    let link = run_in(&world, &inner, &["console", "--switch-role"]);
    assert!(said(&link).contains("readonly"), "{}", said(&link));
    // What is named goes before it, and so do credentials of the environment where it is asked whose they are.
    let named = run_in(&world, &inner, &["env", "prod/developer", "--format", "json"]);
    assert_eq!(answer(&named)["POSTERN_TARGET"], "prod/developer");
    let whoami = run_in(&world, &inner, &["whoami", "--json"]);
    assert_eq!(answer(&whoami)["target"], "prod/readonly");
    // And `status` says whose they are.
    let status = run_in(&world, &inner, &["exec", "--", env!("CARGO_BIN_EXE_postern"), "status", "--json"]);
    assert_eq!(answer(&status)["shell"]["target"], "prod/readonly");
    assert!(answer(&status)["shell"]["seconds_left"].as_i64().unwrap() > 3_000);
    let people = world.run(&["status"]);
    assert!(said(&people).contains("\n  prod/readonly  59m left"), "{}", said(&people));
    let inside = run_in(
        &world,
        &inner,
        &["exec", "prod/developer", "--", env!("CARGO_BIN_EXE_postern"), "whoami", "--json"],
    );
    assert_eq!(answer(&inside)["target"], "prod/developer");
}

#[test]
fn a_changed_file_is_trusted_anew() {
    let world = World::new();
    world.log_in();
    let (project, inner) = project(&world, "prod/readonly");
    assert!(run_in(&world, &inner, &["trust"]).status.success());
    fs::write(project.join(FILE), "prod/developer").unwrap();
    refused(
        &run_in(&world, &inner, &["env"]),
        "names `prod/developer`, but it has changed since it was trusted",
    );
    let list = world.run(&["trust", "--list"]);
    assert!(
        said(&list).contains("~/acme/.postern-target  prod/readonly  changed since: not heeded"),
        "{}",
        said(&list)
    );
    assert!(run_in(&world, &inner, &["trust"]).status.success());
    assert!(run_in(&world, &inner, &["env"]).status.success());
    // Another file of the same text is another file.
    let other = inner.join(FILE);
    fs::write(&other, "prod/developer").unwrap();
    refused(&run_in(&world, &inner, &["env"]), "is not trusted");
    fs::remove_file(&other).unwrap();

    let store = world.home.path().join(".local/state/postern/trusted.json");
    assert_eq!(fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(said(&world.run(&["trust", "--list"])).contains("prod/developer  trusted"));
    refused(&world.run(&["trust", "--remove", inner.to_str().unwrap()]), "nothing is trusted in");
    // Those that are gone can be removed too.
    fs::remove_dir_all(&project).unwrap();
    assert!(said(&world.run(&["trust", "--list"])).contains("prod/developer  gone"));
    assert!(world.run(&["trust", "--remove", project.to_str().unwrap()]).status.success());
    assert!(said(&world.run(&["trust", "--list"])).contains("no directory is trusted"));
}

#[test]
fn files_of_others_are_never_heeded() {
    let world = World::new();
    let (project, inner) = project(&world, "prod/readonly");
    let file = project.join(FILE);
    assert!(run_in(&world, &inner, &["trust"]).status.success());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    for command in [&["trust"][..], &["env"], &["exec", "--", "true"]] {
        refused(&run_in(&world, &inner, command), "can be written by everybody");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    if chown(&file, Some(12_345), None).is_ok() {
        for command in [&["trust"][..], &["env"]] {
            refused(&run_in(&world, &inner, command), "belongs to another user");
        }
    } else {
        println!("SKIP: only root can give a file to another user");
    }
    fs::remove_file(&file).unwrap();
    fs::write(project.join("elsewhere"), "prod/readonly").unwrap();
    symlink("elsewhere", &file).unwrap();
    refused(&run_in(&world, &inner, &["env"]), "is a symbolic link");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    refused(&run_in(&world, &inner, &["env"]), "is no plain file");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "a\nb").unwrap();
    refused(&run_in(&world, &inner, &["trust"]), "it has more than one line");
    refused(&world.run(&["trust"]), "there is no `.postern-target` here or above");
    refused(&world.run(&["env"]), "no <TARGET> is named");
}

#[test]
fn a_list_that_cannot_be_read_trusts_nothing() {
    let world = World::new();
    let (_, inner) = project(&world, "prod/readonly");
    assert!(run_in(&world, &inner, &["trust"]).status.success());
    fs::write(world.home.path().join(".local/state/postern/trusted.json"), "{").unwrap();
    for command in [&["trust"][..], &["env"]] {
        let output = run_in(&world, &inner, command);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(
            said(&output).contains("cannot be read") && said(&output).contains("remove it"),
            "{}",
            said(&output)
        );
    }
}
