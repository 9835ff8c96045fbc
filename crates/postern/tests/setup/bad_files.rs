//! A bad estate file gets all its errors at once, and nothing is called.

use crate::world::{ESTATE, World, said};

/// Runs `plan` on this file and shows what was said; nothing may have been called.
fn plan(text: impl AsRef<[u8]>) -> String {
    let world = World::new();
    world.write_estate(text);
    let output = world.run(&["plan"]);
    assert_eq!(world.calls(), 0, "something was called");
    said(&output)
}

#[test]
fn every_error_of_a_file_comes_at_once() {
    let text = r#"version = 1
name = "acme"
region = "eu-central-1"
colour = "blue"

[bastion]
account = "11111111111"
profil = "acme-bastion"

[accounts.prod]
id = "222222222222"
profile = "acme-prod"

[roles.developer]
accounts = ["prod", "staging"]
policies = ["PowerUserAccess"]
session = "13h"

[groups.developers]
roles = ["*/developr"]

[people.alice]
groups = ["developer"]
[people.Alice]
groups = []

[administrators]
people = ["carol"]
"#;
    insta::assert_snapshot!(plan(text));
}

#[test]
fn an_empty_file_says_what_it_needs() {
    insta::assert_snapshot!(plan(""));
}

#[test]
fn broken_toml_is_underlined() {
    insta::assert_snapshot!(plan("version = 1\nname = \"acme\nregion = 1\n"));
}

#[test]
fn text_that_is_not_utf_8_is_placed() {
    let mut text = b"version = 1\nname = \"ac".to_vec();
    text.extend([0xe9, b'"', b'\n']);
    insta::assert_snapshot!(plan(text));
}

#[test]
fn the_same_table_twice_is_an_error() {
    insta::assert_snapshot!(plan(format!("{ESTATE}\n[people.alice]\ngroups = []\n")));
}

#[test]
fn a_role_above_the_cap_is_refused_with_its_statement() {
    let above = ESTATE.replace("policies = [\"ReadOnlyAccess\"]", "policies = [\"IAMFullAccess\"]");
    assert_ne!(above, ESTATE);
    insta::assert_snapshot!(plan(above));
}

#[test]
fn a_reason_lifts_the_cap_and_is_shown() {
    let world = World::new();
    let lifted = ESTATE.replace(
        "policies = [\"ReadOnlyAccess\"]",
        "policies = [\"IAMFullAccess\"]\nallow_iam = \"runs the identity pipeline\"",
    );
    assert_ne!(lifted, ESTATE);
    world.write_estate(lifted);
    let output = world.run(&["plan"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("runs the identity pipeline"), "{errors}");
    assert!(errors.contains("its boundary still cuts that off"), "{errors}");
}

#[test]
fn a_missing_file_says_where_to_put_it() {
    let world = World::new();
    std::fs::remove_file(world.path("postern.toml")).unwrap();
    insta::assert_snapshot!(said(&world.run(&["plan"])));
}

#[test]
fn a_misspelt_policy_gets_the_nearest_name() {
    let misspelt = ESTATE.replace("\"PowerUserAccess\"", "\"PowerUserAcess\"");
    assert_ne!(misspelt, ESTATE);
    insta::assert_snapshot!(plan(misspelt));
}
