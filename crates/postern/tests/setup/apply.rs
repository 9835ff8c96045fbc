//! `plan` and `apply` against the sandbox: from nothing to the estate, and through every mishap.

use std::{io::Write, process::Stdio, time::Instant};

use postern_testkit::query::element;

use crate::world::{ESTATE, World, said};

#[test]
fn apply_makes_the_estate_and_a_second_one_changes_nothing() {
    let world = World::new();
    let plan = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(2), "{}", said(&plan));
    insta::assert_snapshot!(String::from_utf8_lossy(&plan.stdout));

    let json = world.run(&["plan", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("the plan as JSON");
    assert_eq!((&json["format"], json["steps"].as_array().map(Vec::len)), (&1.into(), Some(30)));

    let apply = world.run(&["apply", "--yes"]);
    assert!(apply.status.success(), "{}", said(&apply));
    let after = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    let before = world.calls();
    let again = world.run(&["apply", "--yes"]);
    assert!(again.status.success(), "{}", said(&again));
    let writes = world.sandbox.server.world().events();
    let writes = writes.iter().skip(before).filter(|event| event["readOnly"] == false);
    assert_eq!(writes.count(), 0, "the second apply wrote");
}

#[test]
fn a_change_is_shown_statement_by_statement() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    world.write_estate(
        ESTATE
            .replace("roles = [\"prod/readonly\"]", "roles = [\"*/readonly\"]")
            .replace("[people.bob]\ngroups = [\"auditors\"]\n", "")
            .replace("session = \"1h\"", "session = \"2h\""),
    );
    let plan = world.run(&["plan"]);
    assert!(plan.status.success(), "{}", said(&plan));
    insta::assert_snapshot!(String::from_utf8_lossy(&plan.stdout));
}

#[test]
fn apply_wants_a_terminal_or_a_yes() {
    let world = World::new();
    let mut child = world.command(&["apply"]);
    let mut child =
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let written = world.sandbox.server.world().events().iter().any(|event| event["readOnly"] == false);
    assert!(!written, "something was changed");
}

#[test]
fn a_dead_endpoint_is_named_within_seconds() {
    let world = World::new();
    world.write_profiles("http://127.0.0.1:9");
    let start = Instant::now();
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("check the network and the endpoint"), "{errors}");
    assert!(errors.contains("the connection was refused (http://127.0.0.1:9)"), "{errors}");
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
}

#[test]
fn a_credential_of_another_account_is_refused_before_anything_is_read() {
    let world = World::new();
    world.write_estate(ESTATE.replace("profile = \"acme-prod\"", "profile = \"acme-dev\""));
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("belongs to account 333333333333, not 222222222222"), "{errors}");
}

/// An administrator of prod who may do everything but attach policies to roles.
#[test]
fn a_permission_refused_half_way_is_named_and_the_rest_can_follow() {
    let world = World::new();
    let limited = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"iam:AttachRolePolicy","Resource":"*"}]}"#;
    let (prod, root) = world.sandbox.account("prod", Some("222222222222"));
    let call = |action: &str, parameters: &[(&str, &str)]| {
        let answer = world.sandbox.call(&root, "iam", action, parameters).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    call("CreateUser", &[("UserName", "limited")]);
    call("PutUserPolicy", &[("UserName", "limited"), ("PolicyName", "p"), ("PolicyDocument", limited)]);
    let key = call("CreateAccessKey", &[("UserName", "limited")]);
    let config = std::fs::read_to_string(world.path("aws-config")).unwrap();
    let narrow = config
        .replace(prod.root_key.as_str(), &element(&key, "AccessKeyId"))
        .replace(prod.root_secret.expose_secret(), &element(&key, "SecretAccessKey"));
    std::fs::write(world.path("aws-config"), narrow).unwrap();

    let output = world.run(&["apply", "--yes"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in ["apply stopped", "AttachRolePolicy", "prod (222222222222)", "run `postern apply` again"] {
        assert!(errors.contains(part), "no `{part}` in {errors}");
    }

    std::fs::write(world.path("aws-config"), config).unwrap();
    let output = world.run(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn the_estate_of_the_readme_applies() {
    let world = World::new();
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (estate, _) = rest.split_once("```").unwrap();
    let here = estate.replace("http://127.0.0.1:4581", world.sandbox.server.endpoint());
    assert_ne!(here, estate);
    world.write_estate(here);
    let output = world.run(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
}
