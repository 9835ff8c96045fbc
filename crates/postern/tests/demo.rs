//! The demo tells the truth: it ends well when every policy stands, and fails when any one is weakened.

#![expect(clippy::expect_used, reason = "a test may fail")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
};

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_postern"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .output()
        .expect("the demo can be started")
}

#[test]
fn it_ends_well_and_with_the_table() {
    let output = demo(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for row in [
        "│ a thief who has …, can     │ admin key │ her key │ + session │ role creds │",
        "│ learn whose key it is      │ yes       │ yes     │ yes       │ yes        │",
        "│ list the users             │ yes       │ refused │ refused   │ refused    │",
        "│ create a user for later    │ yes       │ refused │ refused   │ refused    │",
        "│ read the bucket list       │ yes       │ refused │ refused   │ yes        │",
        "│ assume a role              │ yes       │ refused │ refused   │ refused    │",
        "│ switch off the audit trail │ yes       │ refused │ refused   │ refused    │",
        "│ still be in after an hour  │ yes       │ refused │ refused   │ refused    │",
    ] {
        assert!(text.contains(row), "the table lacks {row}\n{text}");
    }
    let readme = include_str!("../../../README.md");
    let printed: Vec<&str> =
        readme.lines().filter(|line| line.starts_with('│') && line.contains("refused")).collect();
    assert_eq!(printed.len(), 6, "the README has the table");
    for row in printed {
        assert!(text.contains(row), "the README's table has another {row}");
    }
    assert!(!text.contains('\u{1b}'), "no colour where nobody looks");
    assert!(!text.contains("not as told"), "{text}");
}

#[test]
fn it_fits_a_small_terminal() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let output =
        command.arg("demo").env_clear().env("COLUMNS", "80").output().expect("the demo can be started");
    let text = String::from_utf8(output.stdout).unwrap();
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(output.status.success() && long.is_empty(), "{long:#?}");
    assert!(text.contains("assume-role \\\n      --role-arn arn:"), "{text}");
}

#[test]
fn a_reader_who_leaves_has_not_seen_it_succeed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postern"))
        .arg("demo")
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the demo can be started");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).unwrap();
    assert!(first.contains("postern demo"), "{first}");
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).unwrap();
    assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(1), ""));
}

#[test]
fn one_weakened_policy_makes_it_fail() {
    for (policy, attempt) in [
        ("group-policy", "aws iam list-users"),
        ("trust-policy", "aws sts assume-role"),
        ("boundary", "aws cloudtrail stop-logging"),
    ] {
        let output = demo(&["--dangerously-weaken", policy]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{policy}: {errors}");
        assert!(errors.contains("the story did not come out as told"), "{policy}: {errors}");
        assert!(errors.contains(attempt), "{policy}: {errors}");
    }
}
