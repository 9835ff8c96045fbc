//! Files laid out in place.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::world::{World, code, said};

const UGLY: &str = r#"{"Statement":{"Action":["s3:GetObject"],"Resource":"*","Effect":"Allow","Sid":"a"},"Version":"2012-10-17"}"#;

fn names(world: &World, directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(world.path(directory)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_are_rewritten_once_with_their_mode_and_links() {
    let world = World::new(&[("p/real.json", UGLY)]);
    std::fs::set_permissions(world.path("p/real.json"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("real.json", world.path("p/link.json")).unwrap();
    let output = world.run(&["fmt", "p/link.json"]);
    insta::assert_snapshot!(format!("{}--- file\n{}", said(&output), world.read("p/real.json")));
    assert!(std::fs::symlink_metadata(world.path("p/link.json")).unwrap().is_symlink());
    let mode = std::fs::metadata(world.path("p/real.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(names(&world, "p"), ["link.json", "real.json"]);
    let output = world.run(&["fmt", "p/real.json"]);
    assert!(said(&output).contains("0 files changed, 1 left as they are"), "{}", said(&output));
}

#[test]
fn check_lists_and_changes_nothing() {
    let world = World::new(&[("p/ugly.json", UGLY), ("p/data.json", "{}")]);
    let output = world.run(&["fmt", "--check", "p"]);
    assert_eq!((code(&output), String::from_utf8(output.stdout).unwrap().as_str()), (1, "p/ugly.json\n"));
    assert_eq!(world.read("p/ugly.json"), UGLY);
    world.run(&["fmt", "p"]);
    assert_eq!(code(&world.run(&["fmt", "--check", "p"])), 0);
    assert_eq!(world.read("p/data.json"), "{}");
}

#[test]
fn what_failed_is_counted() {
    let world = World::new(&[("a.json", UGLY), ("broken.json", "{"), ("worse.json", "[")]);
    let output = world.run(&["fmt", "broken.json"]);
    assert!(said(&output).contains("0 files changed, 0 left as they are, 1 failed"), "{}", said(&output));
    let output = world.run(&["fmt", "--check", "a.json", "broken.json", "worse.json", "missing.json"]);
    assert!(said(&output).contains("1 file would change, 0 left as they are, 3 failed"), "{}", said(&output));
    let output = world.run(&["fmt", "--quiet", "a.json"]);
    assert_eq!(said(&output), "exit 0\n--- stdout\n--- stderr\n");
}

#[test]
fn standard_input_goes_to_standard_output() {
    let world = World::new(&[("a.json", UGLY)]);
    let output = world.run_with(&["fmt", "-"], UGLY, &[]);
    world.run(&["fmt", "a.json"]);
    assert_eq!((code(&output), String::from_utf8(output.stdout).unwrap()), (0, world.read("a.json")));
    assert!(output.stderr.is_empty());
    assert_eq!(code(&world.run_with(&["fmt", "--check", "-"], UGLY, &[])), 1);
}

#[test]
fn what_is_no_policy_is_left_and_the_others_are_done() {
    let wrapped = format!(r#"{{"PolicyDocument": {UGLY}}}"#);
    let broken = r#"{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;
    let world = World::new(&[("broken.json", broken), ("wrapped.json", &wrapped), ("ugly.json", UGLY)]);
    let output = world.run(&["fmt", "broken.json", "wrapped.json", "missing.json", "ugly.json"]);
    insta::assert_snapshot!(said(&output));
    assert_eq!((world.read("broken.json").as_str(), world.read("wrapped.json")), (broken, wrapped));
    assert_ne!(world.read("ugly.json"), UGLY);
}
