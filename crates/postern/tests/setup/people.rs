//! People in the estate file, and their devices.

use crate::{
    enrolment::enrol,
    world::{ESTATE, World, said},
};

fn estate(world: &World) -> String {
    std::fs::read_to_string(world.path("postern.toml")).unwrap()
}

#[test]
fn a_person_is_written_into_the_file_and_out_of_it() {
    let world = World::new();
    let text = format!("# our estate\n{ESTATE}# the end\n");
    world.write_estate(&text);
    let add = ["people", "add", "zoe", "--group", "auditors", "--role", "dev/developer", "--administrator"];
    let dry = world.run(&[&add[..], &["--dry-run"]].concat());
    assert!(dry.status.success() && estate(&world) == text, "{}", said(&dry));
    let added = world.run(&add);
    assert!(added.status.success(), "{}", said(&added));
    assert_eq!(dry.stdout, added.stdout);
    insta::assert_snapshot!(said(&added).replace(world.home.path().to_str().unwrap(), "~"));
    let zoe = "\n[people.zoe]\ngroups = [\"auditors\"]\nroles = [\"dev/developer\"]\n";
    assert!(estate(&world).contains(zoe), "{}", estate(&world));
    assert!(estate(&world).starts_with("# our estate\n") && estate(&world).ends_with("# the end\n"));
    assert_eq!(world.calls(), 0);
    let applied = world.run(&["apply", "--yes", "-q"]);
    assert!(applied.status.success(), "{}", said(&applied));

    let removed = world.run(&["people", "remove", "zoe"]);
    assert!(removed.status.success(), "{}", said(&removed));
    assert!(said(&removed).contains("`postern off-board zoe`"), "{}", said(&removed));
    assert_eq!(estate(&world), text);
}

#[test]
fn what_the_file_would_not_bear_is_refused_and_it_stays() {
    let world = World::new();
    for (arguments, code, words) in [
        (&["add", "zoe", "--group", "auditor"][..], 2, "did you mean `auditors`?"),
        (&["add", "zoe", "--group", "q"], 2, "there are: auditors, developers"),
        (&["add", "zoe", "--role", "prod/readnoly"], 2, "did you mean `readonly`?"),
        (&["add", "zoe", "--role", "prd/readonly"], 2, "did you mean `prod`?"),
        (&["add", "zoe", "--role", "readonly"], 2, "write ACCOUNT/ROLE"),
        (&["add", "Alice"], 2, "has a person `alice` already"),
        (&["remove", "alcie"], 2, "did you mean `alice`?"),
        (&["remove", "carol"], 4, "the only administrator"),
    ] {
        let output = world.run(&[&["people"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
        assert!(output.stdout.is_empty(), "{}", said(&output));
    }
    assert_eq!(estate(&world), ESTATE);
    assert_eq!(world.calls(), 0);
}

#[test]
fn devices_come_go_and_come_again() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    let good = |arguments: &[&str]| {
        let output = world.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let enrolled = |arguments: &[&str]| {
        let (output, _) = enrol(&mut world.command(arguments), "");
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let early = world.run(&["people", "enrol", "alice", "--device", "tablet"]);
    assert!(said(&early).contains("the first one comes with the key"), "{}", said(&early));
    enrolled(&["people", "enrol", "alice"]);
    let tablet = enrolled(&["people", "enrol", "alice", "--device", "tablet"]);
    assert!(
        tablet.contains("postern keys device alice arn:aws:iam::111111111111:mfa/alice-tablet"),
        "{tablet}"
    );
    assert!(good(&["people", "enrol", "alice", "--device", "tablet"]).contains("already"));
    assert_eq!(world.holds("alice"), (1, 2));
    let listed = world.run(&["people", "devices", "alice", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["devices"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed["devices"][1]["kind"], "virtual");

    // The person's own choice of device, where the key is.
    good(&["keys", "device", "alice", "tablet"]);
    assert!(good(&["keys", "list"]).contains("mfa/alice-tablet"));

    // One of two is lost: the other remains, and the key goes back to it by itself.
    let several = world.run(&["people", "device-lost", "alice"]);
    assert_eq!(several.status.code(), Some(2), "{}", said(&several));
    let unknown = world.run(&["people", "device-lost", "alice", "phone"]);
    assert!(said(&unknown).contains("there are: "), "{}", said(&unknown));
    let lost = good(&["people", "device-lost", "alice", "tablet"]);
    for words in ["there remains arn:aws:iam::111111111111:mfa/alice", "the access key stays", "live on"] {
        assert!(lost.contains(words), "no `{words}` in {lost}");
    }
    assert!(
        good(&["people", "enrol", "alice"])
            .contains("is enrolled: device arn:aws:iam::111111111111:mfa/alice,")
    );
    assert!(!good(&["keys", "list"]).contains("tablet"));

    // The last one is lost: locked out, until a new device; the key is kept.
    let lost = good(&["people", "device-lost", "alice"]);
    assert!(lost.contains("alice is locked out until"), "{lost}");
    assert_eq!(world.holds("alice"), (1, 0));
    assert!(good(&["people", "device-lost", "alice"]).contains("has no MFA device"));
    assert!(enrolled(&["people", "enrol", "alice"]).contains("is kept and takes its codes"));
    assert_eq!(world.holds("alice"), (1, 1));

    // Everything is lost: the key does nothing any more, and there is a new one.
    let lost = good(&["people", "device-lost", "alice", "alice", "--key"]);
    assert!(lost.contains("is inactive") && !lost.contains("the access key stays"), "{lost}");
    let invited = world.run(&["people", "invite", "alice"]);
    assert!(said(&invited).contains("--replace-keys") && invited.stdout.is_empty(), "{}", said(&invited));
    assert!(enrolled(&["people", "enrol", "alice"]).contains("can now run `postern login`"));
    assert_eq!(world.holds("alice"), (2, 1));
}

/// On another machine than the one that holds the key, a lost device is replaced and the key left alone.
#[test]
fn a_device_for_a_key_that_is_elsewhere() {
    let world = World::new();
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    world.as_root("CreateAccessKey", &[("UserName", "bob")]);
    let (output, _) = enrol(&mut world.command(&["people", "enrol", "bob"]), "");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("keeps the key on their own machine"), "{}", said(&output));
    assert_eq!(world.holds("bob"), (1, 1));
    let again = world.run(&["people", "enrol", "bob"]);
    assert!(said(&again).contains("not in this key store"), "{}", said(&again));
}
