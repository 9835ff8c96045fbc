//! Whose work it was and why, as the trail shows it.

use crate::world::{BASTION, PROD, World, answer, call, said};

#[test]
fn the_reason_stands_in_the_trail_behind_the_person() {
    let world = World::new();
    world.log_in();
    let who = |more: &[&str]| {
        let arguments = ["whoami", "prod/developer", "--json"];
        let arguments: Vec<&str> = arguments.iter().chain(more).copied().collect();
        let output = world.run(&arguments);
        (answer(&output)["arn"].as_str().unwrap().to_owned(), String::from_utf8(output.stderr).unwrap())
    };
    let role = "arn:aws:sts::222222222222:assumed-role/developer";
    assert_eq!(who(&["--reason", "ticket-123"]), (format!("{role}/alice@ticket-123"), String::new()));
    let (arn, warned) = who(&["--reason", "INC 7: database is down"]);
    assert_eq!(arn, format!("{role}/alice@INC-7-database-is-down"));
    assert!(warned.contains("CloudTrail will show `alice@INC-7-database-is-down`"), "{warned}");
    let (arn, warned) = who(&["--reason", &"x".repeat(100)]);
    assert_eq!(arn.len(), role.len() + 1 + 64);
    assert!(warned.contains("the reason is cut"), "{warned}");
    // Another reason is another session; without one, the plain session is as it was.
    assert_eq!(who(&[]).0, format!("{role}/alice"));
    let calls = world.calls("AssumeRole");
    who(&["--reason", "ticket-123"]);
    assert_eq!((calls, world.calls("AssumeRole")), (4, 4));

    let nothing = world.run(&["whoami", "prod/developer", "--reason", "???"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", said(&nothing));
    assert!(said(&nothing).contains("no character that AWS takes"), "{}", said(&nothing));
}

#[test]
fn tags_that_the_trust_policy_refuses_are_refused_first() {
    let world = World::new();
    world.log_in();
    for (flag, tag, words) in [
        ("--tag", "team=a", "permits sts:AssumeRole and not sts:TagSession"),
        ("--transitive-tag", "team=a", "permits sts:AssumeRole and not sts:TagSession"),
        ("--tag", "aws:team=a", "AWS's own"),
        ("--tag", "team", "KEY=VALUE"),
    ] {
        let output = world.run(&["env", "prod/developer", flag, tag]);
        assert_eq!(output.status.code(), Some(2), "{flag} {tag}: {}", said(&output));
        assert!(said(&output).contains(words), "{flag} {tag}: {}", said(&output));
    }
    assert_eq!(world.calls("AssumeRole"), 0);
}

#[test]
fn a_role_that_permits_tags_gets_them() {
    let world = World::new();
    world.log_in();
    let allow = |principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{principal}"Action":["sts:AssumeRole","sts:TagSession"]{}}}}}"#,
            if principal.is_empty() { r#","Resource":"*""# } else { "" }
        )
    };
    let trust = allow(&format!(r#""Principal":{{"AWS":"arn:aws:iam::{BASTION}:root"}},"#));
    call(&world.root_of(PROD), "CreateRole", &[("RoleName", "tagged"), ("AssumeRolePolicyDocument", &trust)]);
    let own = [("UserName", "alice"), ("PolicyName", "tags"), ("PolicyDocument", &allow(""))];
    call(&world.root_of(BASTION), "PutUserPolicy", &own);
    std::fs::create_dir(world.home.path().join(".aws")).unwrap();
    let config = format!(
        "[profile kept]\npostern_key = {}\nendpoint_url = {url}\n\n[profile tagged]\nsource_profile = kept\n\
         role_arn = arn:aws:iam::{PROD}:role/tagged\nendpoint_url = {url}\nregion = eu-central-1\n",
        world.key.id,
        url = world.sandbox.endpoint()
    );
    std::fs::write(world.home.path().join(".aws/config"), config).unwrap();
    let tags = ["--tag", "team=blue", "--transitive-tag", "cost=12"];
    let tagged = world.run(&["whoami", "tagged", "--json"].into_iter().chain(tags).collect::<Vec<_>>());
    assert_eq!(answer(&tagged)["arn"], format!("arn:aws:sts::{PROD}:assumed-role/tagged/alice"));
    let events = world.sandbox.world().events();
    let event = events.iter().rfind(|event| event["eventName"] == "AssumeRole").unwrap().to_string();
    for word in ["team", "blue", "cost", "12"] {
        assert!(event.contains(word), "{word}: {event}");
    }

    // A profile without a role has no request that could carry any of it.
    for flags in
        [&tags[..2], &["--reason", "x"], &["--read-only"], &["--only", "s3:*"], &["--show-effective"]]
    {
        let output = world.run(&["env", "kept"].iter().chain(flags).copied().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", said(&output));
        assert!(said(&output).contains("`kept` assumes no role"), "{flags:?}: {}", said(&output));
    }
}
