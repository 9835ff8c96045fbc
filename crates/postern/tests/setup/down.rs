//! Drift, and the way back.

use postern_testkit::query::element;

use crate::world::{World, said};

const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;

fn call(world: &World, account: (&str, &str), action: &str, parameters: &[(&str, &str)]) -> String {
    let (_, root) = world.sandbox.account(account.0, Some(account.1));
    let answer = world.sandbox.call(&root, "iam", action, parameters).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

const BASTION: (&str, &str) = ("bastion", "111111111111");
const PROD: (&str, &str) = ("prod", "222222222222");

fn tamper(world: &World) {
    let put = |name: &str, action: &str, user: &str| {
        call(world, BASTION, action, &[(name, user), ("PolicyName", "more"), ("PolicyDocument", ALLOW)]);
    };
    call(world, BASTION, "CreateUser", &[("UserName", "mallory")]);
    put("UserName", "PutUserPolicy", "mallory");
    call(world, BASTION, "CreateUser", &[("UserName", "intern"), ("Path", "/postern/")]);
    call(world, BASTION, "CreateGroup", &[("GroupName", "others")]);
    call(world, BASTION, "AddUserToGroup", &[("GroupName", "developers"), ("UserName", "mallory")]);
    call(world, PROD, "DeleteRolePermissionsBoundary", &[("RoleName", "developer")]);
    let role = [("RoleName", "readonly"), ("PolicyName", "more"), ("PolicyDocument", ALLOW)];
    call(world, PROD, "PutRolePolicy", &role);
}

#[test]
fn drift_tells_what_changed_and_what_should_not_be_there() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    let none = world.run(&["drift", "--detailed-exitcode"]);
    assert_eq!(none.status.code(), Some(0), "{}", said(&none));
    assert!(said(&none).contains("No drift"), "{}", said(&none));
    tamper(&world);
    let drift = world.run(&["drift", "--detailed-exitcode"]);
    assert_eq!(drift.status.code(), Some(2), "{}", said(&drift));
    insta::assert_snapshot!(String::from_utf8_lossy(&drift.stdout));
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    // What is not ours apply does not touch: it is still there.
    let left = world.run(&["drift", "--json", "--detailed-exitcode"]);
    assert_eq!(left.status.code(), Some(2), "{}", said(&left));
    let json: serde_json::Value = serde_json::from_slice(&left.stdout).unwrap();
    let what: Vec<_> = json["remarks"].as_array().unwrap().iter().map(|remark| &remark["what"]).collect();
    assert_eq!(what, ["stranger", "foreign-user", "foreign-group"]);
}

#[test]
fn destroy_wants_the_name_and_leaves_what_is_not_ours() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    tamper(&world);
    let wrong = world.run(&["destroy", "--yes", "acne"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    let nobody = world.run(&["destroy"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", said(&nobody));
    let shown = world.run(&["destroy", "--dry-run"]);
    assert!(shown.status.success(), "{}", said(&shown));
    insta::assert_snapshot!(String::from_utf8_lossy(&shown.stdout));
    let roles = |account| call(&world, account, "ListRoles", &[]);
    assert!(roles(PROD).contains("developer"), "nothing was changed");

    let output = world.run(&["destroy", "--yes", "acme", "--report", "run.jsonl"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!roles(PROD).contains("/postern/") && !roles(BASTION).contains("/postern/"));
    assert!(!call(&world, PROD, "ListPolicies", &[("Scope", "Local")]).contains("postern"));
    let users = call(&world, BASTION, "ListUsers", &[]);
    assert!(users.contains("mallory") && users.contains("intern") && !users.contains("carol"), "{users}");
    assert!(std::fs::read_to_string(world.path("run.jsonl")).unwrap().contains("DeleteUser"));
    let again = world.run(&["destroy", "--yes", "acme"]);
    assert!(again.status.success() && said(&again).contains("Nothing to destroy"), "{}", said(&again));
    // And back again.
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
}

#[test]
fn people_with_credentials_are_in_the_way_of_destroy() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    let key = call(&world, BASTION, "CreateAccessKey", &[("UserName", "alice")]);
    assert!(element(&key, "AccessKeyId").starts_with("AKIA"));
    let output = world.run(&["destroy", "--yes", "acme"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("user `alice` in bastion (111111111111) still holds"),
        "{}",
        said(&output)
    );
    assert!(call(&world, PROD, "ListRoles", &[]).contains("developer"), "nothing was changed");
}

#[test]
fn with_credentials_all_that_people_hold_goes_and_they_with_it() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    let alice = ("UserName", "alice");
    let key = element(&call(&world, BASTION, "CreateAccessKey", &[alice]), "AccessKeyId");
    call(&world, BASTION, "CreateLoginProfile", &[alice, ("Password", "Correct-Horse-1!")]);
    let service = ("ServiceName", "codecommit.amazonaws.com");
    call(&world, BASTION, "CreateServiceSpecificCredential", &[alice, service]);
    // Left by an enrolment that was broken off, or by a destroy that was.
    call(&world, BASTION, "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "alice-spare")]);
    call(&world, BASTION, "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "other")]);
    call(&world, BASTION, "CreateUser", &[("UserName", "mallory")]);
    call(&world, BASTION, "CreateAccessKey", &[("UserName", "mallory")]);

    let refused = world.run(&["destroy", "--yes", "acme"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let words = said(&refused).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("`postern off-board alice`"), "{words}");
    assert!(words.contains("`postern destroy --with-credentials`"), "{words}");

    let shown = world.run(&["destroy", "--with-credentials", "--dry-run"]);
    let text = said(&shown);
    let spare = "virtual MFA device arn:aws:iam::111111111111:mfa/alice-spare";
    for part in [&format!("- access key {key}"), "- password", "- service-specific credential", spare] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(!text.contains("mfa/other") && !text.contains("user mallory"), "{text}");
    assert!(call(&world, BASTION, "ListAccessKeys", &[alice]).contains(&key), "nothing was changed");

    let output = world.run(&["destroy", "--yes", "acme", "--with-credentials"]);
    assert!(output.status.success(), "{}", said(&output));
    let users = call(&world, BASTION, "ListUsers", &[]);
    assert!(!users.contains("/postern/") && users.contains("mallory"), "{users}");
    let devices = call(&world, BASTION, "ListVirtualMFADevices", &[]);
    assert!(!devices.contains("alice") && devices.contains("mfa/other"), "{devices}");
    assert!(call(&world, BASTION, "ListAccessKeys", &[("UserName", "mallory")]).contains("AKIA"));
}
