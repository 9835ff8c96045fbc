//! `whoami`: as whom one would work, as AWS says it.

use crate::{
    terminal::POSTERN,
    world::{PROD, World, answer, said},
};

const DEVELOPER: &str = "arn:aws:sts::222222222222:assumed-role/developer/alice";

#[test]
fn a_role_and_an_environment_say_who_they_are() {
    let world = World::new();
    world.log_in();
    let of_role = answer(&world.run(&["whoami", "prod/developer", "--json"]));
    assert_eq!(of_role["arn"], DEVELOPER);
    assert_eq!((&of_role["account"], &of_role["account_name"]), (&PROD.into(), &"prod".into()));
    assert_eq!(of_role["target"], "prod/developer");
    assert!((3_000..=3_600).contains(&of_role["seconds_left"].as_i64().unwrap()), "{of_role}");

    let within = |arguments: &[&str]| {
        let command = ["exec", "prod/developer", "--", POSTERN, "whoami"];
        world.run(&command.iter().chain(arguments).copied().collect::<Vec<_>>())
    };
    let of_environment = answer(&within(&["--json"]));
    for name in ["arn", "account_name", "target", "access_key_id", "expires_at", "user_id"] {
        assert_eq!(of_environment[name], of_role[name], "{name}");
    }
    let text = String::from_utf8(within(&[]).stdout).unwrap();
    let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once("  ").unwrap()).collect();
    assert_eq!(lines[0], ("identity", DEVELOPER));
    assert_eq!((lines[1].0, lines[1].1.trim()), ("account", "prod (222222222222)"));
    assert!(text.contains("expires   in 59m, "), "{text}");
    assert_eq!(world.calls("AssumeRole"), 1, "the same credentials");
}

#[test]
fn keys_that_are_not_posterns_are_told_apart() {
    let world = World::new();
    let key = |secret: &str| {
        world
            .postern(&["whoami"])
            .env("AWS_ACCESS_KEY_ID", world.key.id.as_str())
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_ENDPOINT_URL", world.sandbox.endpoint())
            .output()
            .unwrap()
    };
    let long_term = key(world.key.secret.expose_secret());
    assert!(
        said(&long_term).contains("arn:aws:iam::111111111111:user/postern/alice"),
        "{}",
        said(&long_term)
    );
    assert!(said(&long_term).contains("never: a long-term key"), "{}", said(&long_term));
    assert!(said(&long_term).contains("bastion (111111111111)"), "{}", said(&long_term));
    let wrong = key("wrong");
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert!(said(&wrong).contains("sts:GetCallerIdentity failed"), "{}", said(&wrong));

    // Without keys, the profile that programs would use.
    std::fs::create_dir(world.home.path().join(".aws")).unwrap();
    let url = world.sandbox.endpoint();
    let config = format!("[profile prod/developer]\npostern_key = {}\nendpoint_url = {url}\n", world.key.id);
    std::fs::write(world.home.path().join(".aws/config"), config).unwrap();
    world.log_in();
    let profile = world.postern(&["whoami"]).env("AWS_PROFILE", "prod/developer").output().unwrap();
    assert!(said(&profile).contains("arn:aws:iam::111111111111:user/postern/alice"), "{}", said(&profile));
    assert!(said(&profile).contains("in 11h"), "{}", said(&profile));

    let nobody = world.run(&["whoami"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", said(&nobody));
    assert!(said(&nobody).contains("no AWS credentials in this environment"), "{}", said(&nobody));
    assert!(said(&nobody).contains("postern shell"), "{}", said(&nobody));
}
