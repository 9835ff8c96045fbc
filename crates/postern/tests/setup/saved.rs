//! Saved plans: what was approved, and nothing else.

use serde_json::Value;

use crate::world::{ESTATE, World, said};

fn writes(world: &World) -> usize {
    world.sandbox.server.world().events().iter().filter(|event| event["readOnly"] == false).count()
}

#[test]
fn a_saved_plan_is_carried_out_without_a_question_and_reported() {
    let world = World::new();
    let plan = world.run(&["plan", "--out", "acme.plan"]);
    assert!(plan.status.success(), "{}", said(&plan));
    let output = world.run(&["apply", "acme.plan", "--report", "run.jsonl"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines = std::fs::read_to_string(world.path("run.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((count("begun"), count("changed"), lines.len()), (30, 30, 60));
    let line = lines.iter().find(|line| line["call"] == "AttachRolePolicy").unwrap();
    assert_eq!((&line["attempts"], &line["outcome"]), (&0.into(), &"begun".into()));
    let members: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(members, ["account", "attempts", "call", "object", "outcome", "parameters", "time"]);
    // Carried out once more it has nothing to do.
    let again = world.run(&["apply", "acme.plan"]);
    assert!(again.status.success() && said(&again).contains("No changes"), "{}", said(&again));
}

#[test]
fn a_plan_that_was_carried_out_in_part_goes_on() {
    let world = World::new();
    assert!(world.run(&["plan", "--out", "acme.plan"]).status.success());
    assert!(world.run(&["apply", "--yes", "--account", "prod"]).status.success());
    let output = world.run(&["apply", "acme.plan"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_stale_plan_is_refused_before_anything_is_changed() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    world.write_estate(ESTATE.replace("session = \"1h\"", "session = \"2h\""));
    assert!(world.run(&["plan", "--out", "acme.plan", "-q"]).status.success());

    // The accounts change.
    let (_, bastion) = world.sandbox.account("bastion", Some("111111111111"));
    let parameters = [("GroupName", "administrators"), ("UserName", "bob")];
    assert_eq!(world.sandbox.call(&bastion, "iam", "AddUserToGroup", &parameters).unwrap().status, 200);
    let before = writes(&world);
    let output = world.run(&["apply", "acme.plan"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("RemoveUserFromGroup user `bob` in 111111111111"), "{}", said(&output));
    assert_eq!(writes(&world), before, "something was changed");

    // The file changes.
    world.write_estate(ESTATE.replace("session = \"1h\"", "session = \"3h\""));
    let output = world.run(&["apply", "acme.plan"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("`postern.toml` has changed since the plan was made"),
        "{}",
        said(&output)
    );
    let output = world.run(&["apply", "postern.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no saved plan"), "{}", said(&output));
}

#[test]
fn one_role_alone_comes_with_what_it_needs() {
    let world = World::new();
    let plan = world.run(&["plan", "--role", "developer", "--json"]);
    let json: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let mut calls: Vec<String> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| format!("{} {}", step["operation"].as_str().unwrap(), step["name"].as_str().unwrap()))
        .collect();
    calls.sort();
    calls.dedup();
    assert_eq!(calls, ["AttachRolePolicy developer", "CreatePolicy postern-cap", "CreateRole developer"]);
    let output = world.run(&["apply", "--role", "developer", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("left out by --role"), "{}", said(&output));
    let output = world.run(&["plan", "--role", "develloper"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("there are: developer, postern-admin, readonly"), "{}", said(&output));
}
