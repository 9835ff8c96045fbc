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
    let keys = &differences[0]["when"][0]["aws:MultiFactorAuthPresent"]["values"];
    assert_eq!(keys, &json!([{"value": null, "stands_for_more": false}]), "{json:#}");
}

#[test]
fn everyone_is_called_so() {
    let open = TRUST.replace("arn:aws:iam::111111111111:root", "*");
    let other = TRUST.replace("arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root");
    let world = World::new(&[("trust.json", TRUST), ("open.json", &open), ("other.json", &other)]);
    insta::assert_snapshot!(said(&world.run(&["diff", "trust.json", "open.json"])));
    insta::assert_snapshot!(said(&world.run(&["diff", "trust.json", "other.json"])));
}

#[test]
fn documents_of_different_kinds_are_remarked() {
    let world = World::new(&[("old.json", OLD), ("trust.json", TRUST)]);
    let output = world.run(&["diff", "old.json", "trust.json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`old.json` looks like an identity policy, `trust.json` looks like a trust policy"),
        "{said}"
    );
    let json = world.json(&["diff", "--json", "old.json", "trust.json"]);
    assert_eq!(json["kinds"], json!(["identity", "trust"]));
    let quiet = world.run(&["diff", "old.json", "old.json"]);
    assert!(quiet.stderr.is_empty());
}

#[test]
fn several_denies_and_resources_are_told_in_full() {
    let denies = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "ec2:RunInstances"], "Resource": "*"},
        {"Sid": "Region", "Effect": "Deny", "NotAction": "s3:*", "Resource": "*",
         "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}},
        {"Sid": "Secret", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::secret/*",
         "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}},
        {"Sid": "Plain", "Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::public/*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;
    let world = World::new(&[("old.json", OLD), ("new.json", denies)]);
    insta::assert_snapshot!(said(&world.run(&["diff", "old.json", "new.json"])));
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
