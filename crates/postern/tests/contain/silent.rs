//! Half of the accounts do not answer.

use crate::{
    cloud::{BASTION, Cloud, DEV, PROD},
    world::said,
};

/// Profiles of these accounts lead to a port where nobody listens.
fn silence(cloud: &Cloud, names: &[&str]) -> String {
    let whole = std::fs::read_to_string(cloud.world.path("aws-config")).unwrap();
    let mut silenced = String::new();
    let mut dead = false;
    for line in whole.lines() {
        if let Some(name) = line.strip_prefix("[profile acme-") {
            dead = names.iter().any(|silent| name.starts_with(silent));
        }
        let line = if dead && line.starts_with("endpoint_url") { "endpoint_url = http://127.0.0.1:9" } else { line };
        silenced.push_str(line);
        silenced.push('\n');
    }
    std::fs::write(cloud.world.path("aws-config"), silenced).unwrap();
    whole
}

#[test]
fn what_answers_is_contained_and_the_next_run_does_the_rest() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let in_dev = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    let in_prod = cloud.assume(&alice.with_mfa, PROD, "developer").unwrap();
    let config = silence(&cloud, &["prod"]);

    let output = cloud.contain(&["alice"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    for part in ["prod (222222222222) does not answer", "prod/developer", "live on until they expire", "again to go on"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(cloud.can(&alice.with_mfa).is_empty() && cloud.can(&in_dev).is_empty());
    assert_eq!(cloud.can(&in_prod), ["DescribeInstances"], "nobody could reach it");

    std::fs::write(cloud.world.path("aws-config"), config).unwrap();
    cloud.contained(&["alice"]);
    assert!(cloud.can(&in_prod).is_empty());
    cloud.contained(&["alice", "--undo"]);
    let plan = cloud.world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
}

#[test]
fn without_the_users_own_account_sessions_end_all_the_same() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let in_dev = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    let config = silence(&cloud, &["bastion"]);
    let output = cloud.contain(&["alice"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("alice could not be locked out"), "{}", said(&output));
    assert!(cloud.can(&in_dev).is_empty());
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"]);

    std::fs::write(cloud.world.path("aws-config"), config).unwrap();
    cloud.contained(&["alice"]);
    assert!(cloud.can(&alice.with_mfa).is_empty());
    // What stood before is what the first run that saw the user found.
    cloud.contained(&["alice", "--undo"]);
    let groups = cloud.entity(BASTION, "users", "alice")["groups"].as_array().unwrap().len();
    assert_eq!(groups, 1);
}
