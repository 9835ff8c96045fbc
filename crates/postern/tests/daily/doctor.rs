//! `postern doctor`

use std::{fs, os::unix::fs::PermissionsExt};

use crate::world::{World, answer, said};

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let world = World::new();
    assert!(world.run(&["profiles", "sync"]).status.success());
    let good = world.run(&["doctor", "--fail-on", "warning"]);
    assert!(good.status.success(), "{}", said(&good));
    let text = said(&good);
    for word in [
        "Clock            ✓ right, by http",
        "1 key in the encrypted key file",
        "up to date",
        "nothing found",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = answer(&world.run(&["doctor", "--json", "--offline"]));
    assert_eq!((&json["format"], &json["summary"]["problems"]), (&1.into(), &0.into()));
    assert_eq!(json["checks"][0]["checked"], false, "the clock, offline");
}

#[test]
fn each_thing_that_is_wrong_is_named_with_its_place() {
    let world = World::new();
    assert!(world.run(&["profiles", "sync"]).status.success());
    world.write_estate("333333333333");
    let text = fs::read_to_string(world.estate()).unwrap().replace("eu-central-1", "eu-west-3");
    fs::write(world.estate(), text).unwrap();
    let aws = world.home.path().join(".aws");
    let credentials = aws.join("credentials");
    fs::write(
        &credentials,
        format!(
            "[work]\naws_access_key_id = {}\naws_secret_access_key = hunter2\nRegoin = x\n",
            world.key.id
        ),
    )
    .unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir_all(aws.join("cli/cache")).unwrap();
    fs::write(
        aws.join("cli/cache/x.json"),
        r#"{"Credentials":{"SecretAccessKey":"hunter3","Expiration":"2020-01-01T00:00:00Z"}}"#,
    )
    .unwrap();
    fs::set_permissions(world.state_dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut doctor = world.postern(&["doctor"]);
    let found = doctor
        .envs([
            ("AWS_PROFILE", "nope"),
            ("AWS_SESSION_TOKEN", "hunter4"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ])
        .output()
        .unwrap();
    assert_eq!(found.status.code(), Some(1), "{}", said(&found));
    let text = said(&found);
    for words in [
        "! no answer from http://127.0.0.1:9",
        "✗ AWS_SESSION_TOKEN is set without AWS_ACCESS_KEY_ID",
        "AWS_PROFILE is `nope`, and there is no such profile",
        "✗ ~/.aws/credentials:3: a long-term key in `[work]`",
        "hint: `postern profiles import work`",
        "✗ ~/.aws/credentials: others may read it (mode 644)",
        "~/.aws/cli/cache: credentials in clear, 0 still good and 1 over",
        "! ~/.aws/credentials:4: no tool reads `regoin`; `region` may be meant",
        "can be entered by others",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("hunter"), "{text}");

    fs::set_permissions(world.state_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    let stale = said(&world.run(&["doctor", "--offline"]));
    assert!(
        stale.contains("! ~/.aws/config: synced profiles are not those of the estate file any more"),
        "{stale}"
    );
    assert!(stale.contains("hint: `postern profiles sync`"), "{stale}");
    fs::write(world.estate(), "version = 2\n").unwrap();
    fs::write(aws.join("config"), "[profile a]\n[profile a]\n").unwrap();
    let broken = said(&world.run(&["doctor", "--offline"]));
    assert!(broken.contains("the section `profile a` stands in line 1 already"), "{broken}");
    assert!(broken.contains("Estate file      ✗"), "{broken}");
}
