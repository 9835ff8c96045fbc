//! `[organization]` through `plan` and `apply`: made, kept waiting, attached, and taken away again.

use crate::world::{ESTATE, World, said};

const SECTION: &str = r#"
[organization]
management = "999999999999"
profile = "acme-management"
no_leaving = true
no_users_outside_bastion = true
"#;

#[test]
fn guards_are_planned_applied_and_taken_away() {
    let world = World::in_organization();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    world.write_estate(format!("{ESTATE}{SECTION}"));
    let plan = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(2), "{}", said(&plan));
    insta::assert_snapshot!(String::from_utf8_lossy(&plan.stdout));
    let one = world.run(&["plan", "--account", "prod", "--detailed-exitcode"]);
    assert_eq!(one.status.code(), Some(0), "{}", said(&one));
    let apply = world.run(&["apply", "--yes"]);
    assert!(apply.status.success(), "{}", said(&apply));
    let after = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    let json = world.run(&["plan", "--json"]);
    assert!(json.status.success(), "{}", said(&json));
    let (_, root) = world.sandbox.account("prod", Some("222222222222"));
    let refused = world.sandbox.call(&root, "iam", "CreateUser", &[("UserName", "backdoor")]).unwrap();
    assert!(refused.body.contains("with an explicit deny in a service control policy"), "{}", refused.body);
    world.write_estate(format!("{ESTATE}{}", SECTION.replace(" = true", " = false")));
    let off = world.run(&["apply", "--yes"]);
    assert!(off.status.success(), "{}", said(&off));
    let made = world.sandbox.call(&root, "iam", "CreateUser", &[("UserName", "backdoor")]).unwrap();
    assert_eq!(made.status, 200, "{}", made.body);
}

#[test]
fn guards_that_would_lock_everyone_out_wait_and_say_so() {
    let world = World::in_organization();
    world.write_estate(format!("{ESTATE}{SECTION}no_root = true\n"));
    let apply = world.run(&["apply", "--yes"]);
    assert!(apply.status.success(), "{}", said(&apply));
    let words = said(&apply).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the guards of the organization are not attached yet"), "{words}");
    assert!(words.contains("postern people enrol NAME"), "{words}");
    let plan = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "root goes on as before: {}", said(&plan));
}

#[test]
fn what_is_wrong_with_the_organization_is_said() {
    let world = World::in_organization();
    world.write_estate(format!("{ESTATE}{SECTION}attach_to = [\"Workloads\"]\n"));
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("the organization has no unit `Workloads`"), "{}", said(&output));
    let wrong_account = SECTION.replace("acme-management", "acme-prod");
    world.write_estate(format!("{ESTATE}{wrong_account}"));
    let output = world.run(&["plan"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let words = said(&output);
    assert!(words.contains("`management` belongs to account 222222222222, not 999999999999"), "{words}");
}

#[test]
fn destroy_takes_the_guards_away_before_what_they_protect() {
    let world = World::in_organization();
    world.write_estate(format!("{ESTATE}{SECTION}"));
    let apply = world.run(&["apply", "--yes"]);
    assert!(apply.status.success(), "{}", said(&apply));
    let state =
        || -> serde_json::Value { serde_json::from_str(&world.sandbox.server.world().export()).unwrap() };
    let guards = |state: &serde_json::Value| {
        let policies = state["organizations"][0]["policies"].as_object().unwrap();
        policies.values().filter(|policy| policy["name"].as_str().unwrap().contains("guards")).count()
    };
    assert_eq!(guards(&state()), 1);
    let before = world.calls();
    let destroy = world.run(&["destroy", "--yes", "acme"]);
    assert!(destroy.status.success(), "{}", said(&destroy));
    assert_eq!(guards(&state()), 0);
    let events = world.sandbox.server.world().events();
    let writes: Vec<&str> = events
        .iter()
        .skip(before)
        .filter(|event| event["readOnly"] == false)
        .map(|event| event["eventName"].as_str().unwrap())
        .collect();
    let of_the_organization =
        writes.iter().take_while(|call| ["DetachPolicy", "DeletePolicy"].contains(call));
    assert_eq!(of_the_organization.count(), 4, "{writes:?}");
    assert!(!state()["accounts"].to_string().contains("/postern/"), "something is left");
}
