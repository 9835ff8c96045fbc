//! Two policies compared by what they allow.

use serde_json::json;

use crate::{
    check::CLEAN,
    world::{World, code, said},
};

const OLD: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Tools", "Effect": "Allow", "Action": ["s3:Get*", "ec2:RunInstances"], "Resource": "*"}
  ]
}"#;

const NEW: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:Get*", "s3:PutObject"], "Resource": "*",
     "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    {"Sid": "No", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
  ]
}"#;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
  "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
  "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#;

#[test]
fn what_either_allows_alone_is_shown_with_what_stops_it() {
    let world = World::new(&[("old.json", OLD), ("new.json", NEW)]);
    insta::assert_snapshot!(said(&world.run(&["diff", "old.json", "new.json"])));
    insta::assert_snapshot!(said(&world.run(&["diff", "old.json", "new.json", "--json"])));
}

#[test]
fn texts_that_allow_the_same_are_equal() {
    let other = OLD.replace("[\"s3:Get*\", ", "[\"S3:GET*\", \"s3:GetObject\", ");
    let world = World::new(&[("old.json", OLD)]);
    let output = world.run_with(&["diff", "old.json", "-"], other, &[]);
    assert_eq!(said(&output), "exit 0\n--- stdout\nEqual: both allow the same requests.\n--- stderr\n");
    let json = world.json(&["diff", "--json", "old.json", "old.json"]);
    assert_eq!(
        (&json["verdict"], &json["a_within_b"], &json["b_within_a"]),
        (&json!("equal"), &json!(true), &json!(true))
    );
}

#[test]
fn the_trap_of_bool_if_exists_is_wider() {
    let role = format!(
        r#"{{"Role": {{"AssumeRolePolicyDocument": {}}}}}"#,
        TRUST.replace("\"Bool\"", "\"BoolIfExists\"")
    );
    let world = World::new(&[("trust.json", TRUST), ("role.json", &role)]);
    let json = world.json(&["diff", "--json", "trust.json", "role.json"]);
    assert_eq!((&json["verdict"], &json["b_within_a"]), (&json!("different"), &json!(false)), "{json:#}");
    let differences = json["differences"].as_array().unwrap();
    assert!(differences.iter().all(|one| one["allowed_by"] == "b"), "{json:#}");
    let keys = &differences[0]["keys"]["aws:MultiFactorAuthPresent"];
    assert_eq!(keys, &json!([null]), "{json:#}");
}

/// The requests shown are decided again, by the command that decides cases.
#[test]
fn every_request_shown_is_one_that_eval_decides_so() {
    let world = World::new(&[("old.json", OLD), ("new.json", NEW)]);
    let json = world.json(&["diff", "--json", "old.json", "new.json"]);
    for difference in json["differences"].as_array().unwrap() {
        for (side, text) in [("a", OLD), ("b", NEW)] {
            let policy: serde_json::Value = serde_json::from_str(text).unwrap();
            let case = json!({"id": 1, "request": difference["request"], "identityPolicies": [{"name": side, "policy": policy}]});
            let output = world.run_with(&["eval", "--cases", "-"], format!("{case}\n"), &[]);
            let allowed = String::from_utf8_lossy(&output.stdout).contains("\"Allowed\"");
            assert_eq!(allowed, difference["allowed_by"] == side, "{difference:#}\n{}", said(&output));
        }
    }
}

#[test]
fn bad_files_are_both_said() {
    let two = format!("[{CLEAN}, {CLEAN}]");
    let world = World::new(&[("broken.json", "{\n"), ("two.json", &two), ("old.json", OLD)]);
    insta::assert_snapshot!(said(&world.run(&["diff", "broken.json", "missing.json"])));
    insta::assert_snapshot!(said(&world.run(&["diff", "two.json", "old.json"])));
    assert_eq!(code(&world.run(&["diff", "-", "-"])), 2);
}
