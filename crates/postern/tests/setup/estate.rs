//! `estate check`, `estate fmt` and `schema`: the file alone, nothing is called.

use std::{io::Write, process::Stdio};

use crate::world::{ESTATE, World, said};

#[test]
fn a_sound_file_is_sound_and_nothing_is_called() {
    let world = World::new();
    let output = world.run(&["estate", "check"]);
    assert_eq!(said(&output).lines().next(), Some("exit 0"), "{}", said(&output));
    assert!(
        said(&output).contains("`postern.toml` is sound: 2 accounts beside the bastion, 2 roles, 3 people")
    );
    assert_eq!(world.calls(), 0);
}

#[test]
fn slips_end_with_2_and_a_role_above_the_cap_with_4() {
    let world = World::new();
    world.write_estate(ESTATE.replace("[people.", "[peopel."));
    let output = said(&world.run(&["estate", "check"]));
    assert!(output.starts_with("exit 2") && output.contains("postern.toml:"), "{output}");
    assert!(output.contains("did you mean `people`?"), "{output}");
    world.write_estate(ESTATE.replace("\"ReadOnlyAccess\"", "\"IAMFullAccess\""));
    let output = said(&world.run(&["estate", "check"]));
    assert!(output.starts_with("exit 4") && output.contains("above the cap"), "{output}");
    assert_eq!(world.calls(), 0);
}

#[test]
fn what_only_the_accounts_know_is_said_and_left_to_plan() {
    let world = World::new();
    world.write_estate(
        ESTATE.to_owned()
            + "[roles.own]\naccounts = [\"dev\"]\npolicies = [\"arn:aws:iam::333333333333:policy/x\"]\n\
               [[exceptions]]\nrule = \"G10\"\nprincipal = \"arn:aws:iam::222222222222:role/x\"\nreason = \"y\"\nuntil = 2020-01-31\n",
    );
    let output = said(&world.run(&["estate", "check"]));
    assert!(output.starts_with("exit 0") && output.contains("known to their accounts only"), "{output}");
    assert!(
        output.contains("the exception from G10 for `arn:aws:iam::222222222222:role/x` has ended"),
        "{output}"
    );
}

#[test]
fn fmt_changes_the_file_once_and_check_tells() {
    let world = World::new();
    let wild =
        ESTATE.replace("account = \"111111111111\"", "account=\"111111111111\"   # where people sign in");
    world.write_estate(&wild);
    let read = || std::fs::read_to_string(world.path("postern.toml")).unwrap();
    let output = world.run(&["estate", "fmt", "--check"]);
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()),
        (Some(1), "postern.toml\n")
    );
    assert_eq!(read(), wild);
    assert_eq!(world.run(&["estate", "fmt"]).status.code(), Some(0));
    let laid_out = read();
    assert!(laid_out.contains("account = \"111111111111\" # where people sign in\n"), "{laid_out}");
    assert_eq!(world.run(&["estate", "fmt", "--check"]).status.code(), Some(0));
    assert_eq!(world.run(&["estate", "fmt"]).status.code(), Some(0));
    assert_eq!(read(), laid_out);
    assert_eq!(world.run(&["estate", "check"]).status.code(), Some(0));

    let mut child = world
        .command(&["estate", "fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(wild.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), laid_out, "{}", said(&output));
}

#[test]
fn fmt_underlines_what_is_no_toml() {
    let world = World::new();
    world.write_estate("version = 1\nname = \"acme\n");
    let output = said(&world.run(&["estate", "fmt"]));
    assert!(output.starts_with("exit 2") && output.contains("postern.toml:2"), "{output}");
}

#[test]
fn the_schema_is_json_and_knows_the_sections() {
    let world = World::new();
    let output = world.run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(
        schema["properties"]["roles"]["additionalProperties"]["properties"]["session"]["default"],
        "1h"
    );
    assert_eq!(schema["additionalProperties"], false);
}
