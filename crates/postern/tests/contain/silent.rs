//! Half of the accounts do not answer.

use postern_testkit::query::Keys;

use crate::{
    cloud::{BASTION, Cloud, DEV, EVERYTHING, PROD},
    world::{ESTATE, said},
};

/// Profiles of these accounts lead to a port where nobody listens.
pub(crate) fn silence(cloud: &Cloud, names: &[&str]) -> String {
    let whole = std::fs::read_to_string(cloud.world.path("aws-config")).unwrap();
    let mut silenced = String::new();
    let mut dead = false;
    for line in whole.lines() {
        if let Some(name) = line.strip_prefix("[profile acme-") {
            dead = names.iter().any(|silent| name.starts_with(silent));
        }
        let line =
            if dead && line.starts_with("endpoint_url") { "endpoint_url = http://127.0.0.1:9" } else { line };
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
    for part in [
        "prod (222222222222) does not answer",
        "prod/developer",
        "live on until they expire",
        "again to go on",
    ] {
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

/// Whoever contains works in prod by a role that the contained one gets into as well: its sessions end too.
#[test]
fn a_role_that_is_ones_own_way_in_is_entered_anew() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    cloud.iam("CreateUser", &[("UserName", "boss")]);
    cloud.iam("PutUserPolicy", &[("UserName", "boss"), ("PolicyName", "p"), ("PolicyDocument", EVERYTHING)]);
    let boss = Keys::of(&cloud.iam("CreateAccessKey", &[("UserName", "boss")]));
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111111111111:root"}}}"#;
    let role = ("RoleName", "way-in");
    cloud.iam_in(PROD, "CreateRole", &[role, ("AssumeRolePolicyDocument", trust)]);
    cloud.iam_in(PROD, "PutRolePolicy", &[role, ("PolicyName", "p"), ("PolicyDocument", EVERYTHING)]);
    let enter = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/way-in"}}"#;
    cloud.iam("PutUserPolicy", &[("UserName", "alice"), ("PolicyName", "hole"), ("PolicyDocument", enter)]);
    let endpoint = cloud.world.sandbox.server.endpoint();
    let config = std::fs::read_to_string(cloud.world.path("aws-config")).unwrap();
    let (_, rest) = config.split_once("\n\n").unwrap();
    let profile = cloud.world.profile("bastion", &boss.id, &boss.secret, endpoint);
    std::fs::write(cloud.world.path("aws-config"), format!("{profile}{rest}")).unwrap();
    let estate = ESTATE.replace("profile = \"acme-prod\"", "via = \"way-in\"");
    cloud.world.write_estate(format!("endpoint_url = \"{endpoint}\"\n{estate}"));

    let thief = {
        let session = [("RoleArn", "arn:aws:iam::222222222222:role/way-in"), ("RoleSessionName", "boss")];
        Keys::of(&cloud.call(&alice.key, "sts", "AssumeRole", &session).body)
    };
    assert!(cloud.can(&thief).contains(&"ListUsers"));
    let text = cloud.contained(&["alice"]);
    assert!(text.contains("reach in N1     prod/way-in"), "{text}");
    assert!(cloud.can(&thief).is_empty());
    // The way in is open to whoever may use it.
    cloud.contained(&["alice", "--undo"]);
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
