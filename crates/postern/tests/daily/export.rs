//! `export`: credentials in a file, for tools that read nothing else.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio};

use crate::world::{World, identity, said};

const OTHERS: &str = "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n\n[work]\nregion: eu-west-1   \n";

fn file(world: &World) -> PathBuf {
    world.home.path().join(".aws/credentials")
}

/// Whose credentials a section holds.
fn whose(world: &World, text: &str, name: &str) -> String {
    let section = text.split_once(&format!("[{name}]\n")).unwrap_or_else(|| panic!("no [{name}]")).1;
    let value = |key: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("no {key} in {section}")).to_owned()
    };
    assert!(value("x_security_token_expires").ends_with('Z'));
    let credentials = serde_json::json!({
        "AccessKeyId": value("aws_access_key_id"),
        "SecretAccessKey": value("aws_secret_access_key"),
        "SessionToken": value("aws_session_token"),
    });
    identity(world, &credentials)
}

#[test]
fn a_profile_comes_and_goes_and_the_rest_stays() {
    let world = World::new();
    world.log_in();
    let export = |target: &str| {
        let output = world.run(&["export", target, "--profile", "files"]);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output));
        String::from_utf8(output.stderr).unwrap()
    };
    // There is no file yet, nor its directory.
    let talk = export("prod/developer");
    assert!(talk.contains("profile `files` is prod/developer for 59m"), "{talk}");
    assert!(talk.contains("lie in clear") && talk.contains("postern export --remove files"), "{talk}");
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file(&world)), mode(&world.home.path().join(".aws"))), (0o600, 0o700));

    // There is one, by way of a link, open to others.
    let real = world.home.path().join("dotfiles-credentials");
    std::fs::write(&real, OTHERS).unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::remove_file(file(&world)).unwrap();
    std::os::unix::fs::symlink(&real, file(&world)).unwrap();
    export("prod/developer");
    let text = std::fs::read_to_string(&real).unwrap();
    assert!(text.starts_with(&format!("{OTHERS}\n[files]\n# postern: prod/developer until ")), "{text}");
    assert!(std::fs::symlink_metadata(file(&world)).unwrap().is_symlink());
    assert_eq!(mode(&real), 0o600);
    assert_eq!(whose(&world, &text, "files"), "arn:aws:sts::222222222222:assumed-role/developer/alice");

    // Again, for another role: the same section.
    export("prod/readonly");
    let text = std::fs::read_to_string(&real).unwrap();
    assert_eq!(text.matches("[files]").count(), 1);
    assert_eq!(whose(&world, &text, "files"), "arn:aws:sts::222222222222:assumed-role/readonly/alice");

    let output = world.run(&["export", "--remove", "files"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&real).unwrap(), OTHERS);
    let beside: Vec<_> =
        std::fs::read_dir(world.home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(beside.iter().all(|name| !name.to_string_lossy().starts_with(".credentials-")), "{beside:?}");
    let again = world.run(&["export", "--remove", "files"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert!(said(&again).contains("has no profile `files`"), "{}", said(&again));
}

#[test]
fn what_others_wrote_is_refused_before_anything_is_called() {
    let world = World::new();
    world.log_in();
    std::fs::create_dir(world.home.path().join(".aws")).unwrap();
    std::fs::write(file(&world), OTHERS).unwrap();
    let calls = world.calls("AssumeRole");
    for (arguments, words) in [
        (
            &["export", "prod/developer", "--profile", "work"][..],
            ":6: the profile `work` was not written by postern",
        ),
        (
            &["export", "prod/developer", "--profile", "default"],
            ":2: the profile `default` was not written by postern",
        ),
        (&["export", "prod/developer", "--profile", "default", "--force"], "holds a long-term key"),
        (&["export", "--remove", "work"], "was not written by postern"),
        (&["export", "prod/developer", "--profile", "a]\nb"], "not read by every tool"),
        (&["export", "prod/developer", "--profile", "DEFAULT"], "in capitals"),
        (&["export", "prod/developer"], "--profile"),
        (&["export", "--remove", "x", "--profile", "x"], "cannot be used with"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
    assert_eq!(world.calls("AssumeRole"), calls);
    assert_eq!(std::fs::read_to_string(file(&world)).unwrap(), OTHERS);

    let output = world.run(&["export", "prod/developer", "--profile", "work", "--force"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(file(&world)).unwrap();
    assert!(text.contains("[work]\n# postern: ") && !text.contains("eu-west-1"), "{text}");

    // A profile that tools would not use is said to be one.
    std::fs::write(
        world.home.path().join(".aws/config"),
        "[profile work]\nrole_arn = x\nsource_profile = default\n",
    )
    .unwrap();
    let output = world.run(&["export", "prod/developer", "--profile", "work"]);
    assert!(
        said(&output).contains("tools will not use it: `role_arn` of [profile work]"),
        "{}",
        said(&output)
    );
}

#[test]
fn many_at_once_lose_nothing() {
    let world = World::new();
    world.log_in();
    let names: Vec<String> = (0..8).map(|n| format!("p{n}")).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = world.postern(&["export", "prod/developer", "--profile", name]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let text = std::fs::read_to_string(file(&world)).unwrap();
    for name in &names {
        whose(&world, &text, name);
    }
    assert_eq!(text.matches("# postern: ").count(), 8);
}
