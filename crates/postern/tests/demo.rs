//! The demo tells the truth: it ends well when every policy stands, and fails when any one is weakened.

#![expect(clippy::expect_used, reason = "a test may fail")]

use std::process::{Command, Output};

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
        "│ learn whose key it is         │ yes       │ yes          │ yes           │ yes        │",
        "│ list the users                │ yes       │ refused      │ refused       │ refused    │",
        "│ create a user for later       │ yes       │ refused      │ refused       │ refused    │",
        "│ read the bucket list          │ yes       │ refused      │ refused       │ yes        │",
        "│ enter a production role       │ yes       │ refused      │ refused       │ refused    │",
        "│ switch off the audit trail    │ yes       │ refused      │ refused       │ refused    │",
        "│ still be inside after an hour │ yes       │ refused      │ refused       │ refused    │",
    ] {
        assert!(text.contains(row), "the table lacks {row}\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour where nobody looks");
    assert!(!text.contains("not as told"), "{text}");
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
