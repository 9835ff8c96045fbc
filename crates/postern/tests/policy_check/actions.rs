//! Lists of actions written out, and joined again.

use crate::world::{World, code, said};

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "a", "Effect": "Allow", "Action": ["s3:*ObjectTagging", "s3:Frobnicate"], "Resource": "*"},
    {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    {"Effect": "Deny", "Action": "s3:*ObjectTagging", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": false}}},
    {"Effect": "Allow", "Action": "*", "Resource": "*"}
  ]
}"#;

fn lines(text: &[u8]) -> Vec<&str> {
    std::str::from_utf8(text).unwrap().lines().collect()
}

#[test]
fn patterns_become_actions_and_actions_patterns() {
    let world = World::new(&[]);
    let output = world.run(&["expand", "s3:*ObjectTagging", "S3:getobjecttagging"]);
    let tagging = ["s3:DeleteObjectTagging", "s3:GetObjectTagging", "s3:PutObjectTagging"];
    assert_eq!((code(&output), lines(&output.stdout)), (0, tagging.to_vec()));
    // As it is copied out of a policy.
    let copied = format!("[\"{}\"]", tagging.join("\",\n  \""));
    let output = world.run_with(&["shrink", "-"], copied, &[]);
    assert_eq!((code(&output), lines(&output.stdout)), (0, vec!["s3:*ObjectTagging"]));
    let read = world.run(&["expand", "s3:*ObjectTagging", "--access-level", "read,list"]);
    assert_eq!(lines(&read.stdout), ["s3:GetObjectTagging"]);
    assert_eq!(code(&world.run(&["expand", "s3:*", "--access-level", "admin"])), 2);
    assert_eq!(code(&world.run(&["expand"])), 2);
}

#[test]
fn the_example_in_the_help_of_shrink_does_what_it_says() {
    let world = World::new(&[]);
    let help = String::from_utf8(world.run(&["shrink", "--help"]).stdout).unwrap().replace("\\\n", " ");
    let example = help.lines().find(|line| line.contains(" gives ")).unwrap();
    let (command, given) = example.split_once(" gives ").unwrap();
    let actions: Vec<&str> = command.split_whitespace().skip_while(|word| *word != "shrink").collect();
    let output = world.run(&actions);
    assert_eq!(lines(&output.stdout), [given.trim()], "{}", said(&output));
    assert!(actions.len() > 2);
}

#[test]
fn what_is_not_known_stays_and_is_said() {
    let world = World::new(&[]);
    insta::assert_snapshot!(said(&world.run(&[
        "expand",
        "s3:GetObjectTaggin",
        "s3:Frobnicate*",
        "sts:GetCallerIdentity"
    ])));
    insta::assert_snapshot!(said(&world.run(&["expand", "--json", "s3:*ObjectTagging", "s3:Frobnicate*"])));
    insta::assert_snapshot!(said(&world.run(&["shrink", "--json", "s3:GetObjectTagging", "s3:Frobnicate"])));
}

#[test]
fn policies_keep_everything_but_their_lists() {
    let world = World::new(&[("policy.json", POLICY), ("broken.json", "{")]);
    let expanded = world.run(&["expand", "--policy", "policy.json"]);
    insta::assert_snapshot!(said(&expanded));
    world.write("expanded.json", &expanded.stdout);
    let shrunk = world.run(&["shrink", "--policy", "expanded.json"]);
    let formatted = world.run_with(&["fmt", "-"], POLICY, &[]);
    assert_eq!(String::from_utf8(shrunk.stdout).unwrap(), String::from_utf8(formatted.stdout).unwrap());
    assert_eq!(code(&world.run(&["expand", "--policy", "broken.json"])), 2);
    assert_eq!(code(&world.run(&["expand", "--policy", "missing.json"])), 2);
}
