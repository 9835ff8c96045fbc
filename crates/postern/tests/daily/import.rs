//! `postern profiles import`

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use postern_aws::{Aws, Credentials, Endpoint, Patience};

use crate::{
    terminal::{OnTerminal, POSTERN},
    world::{BASTION, PASSPHRASE, World, answer, identity, said},
};

fn file(world: &World, name: &str) -> PathBuf {
    world.home.path().join(".aws").join(name)
}

/// Alice's key stands in clear in two profiles and in no store. There is no estate file.
fn world() -> World {
    let world = World::new();
    let removed = world.run(&["keys", "remove", "alice"]);
    assert!(removed.status.success(), "{}", said(&removed));
    fs::remove_file(world.estate()).unwrap();
    fs::create_dir(world.home.path().join(".aws")).unwrap();
    let endpoint = world.sandbox.endpoint();
    let (id, secret) = (world.key.id.as_str(), world.key.secret.expose_secret());
    let config = format!(
        "# notes\n[profile long]\nendpoint_url = {endpoint}\nregion = eu-west-1\n\n\
         [profile same]\n# the same key\n  aws_access_key_id = {id}\n  aws_secret_access_key = {secret}\n  endpoint_url = {endpoint}\n\
         \n[profile role]\nrole_arn = arn:aws:iam::222222222222:role/postern/developer\nsource_profile = long\n\
         endpoint_url = {endpoint}\n"
    );
    fs::write(file(&world, "config"), config).unwrap();
    fs::write(
        file(&world, "credentials"),
        format!("[long]\r\naws_access_key_id={id}\r\naws_secret_access_key={secret}\r\n"),
    )
    .unwrap();
    world
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.postern(&[&["profiles", "import"], arguments].concat());
    command.env("POSTERN_PASSPHRASE", PASSPHRASE).env_remove("POSTERN_ESTATE");
    command
}

fn keys(world: &World) -> Vec<serde_json::Value> {
    answer(&world.run(&["keys", "list", "--json"]))["keys"].as_array().unwrap().clone()
}

/// The files in which the secret stands in clear.
fn in_clear(world: &World) -> Vec<PathBuf> {
    let secret = world.key.secret.expose_secret().as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    world.files().into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

#[test]
fn the_secret_leaves_the_files_and_the_profiles_go_on_working() {
    let world = world();
    // What sync kept of the file would keep the secret.
    fs::copy(file(&world, "config"), file(&world, "config.postern-backup")).unwrap();
    let undecided = command(&world, &[]).output().unwrap();
    assert_eq!(undecided.status.code(), Some(2));
    assert!(
        said(&undecided).contains("say --remove or --keep") && keys(&world).is_empty(),
        "{}",
        said(&undecided)
    );
    assert_eq!(world.calls("GetCallerIdentity"), 0, "nothing is called before it is decided");

    let output = command(&world, &["--keep"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((keys(&world).len(), in_clear(&world).len()), (1, 3));

    let output = command(&world, &["--remove"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("no backup") && said(&output).contains("[profile same]"),
        "{}",
        said(&output)
    );
    assert!(!said(&output).contains(world.key.secret.expose_secret()));
    assert_eq!(in_clear(&world), Vec::<PathBuf>::new());
    let stored = &keys(&world)[0];
    assert_eq!(stored["person"], "alice");
    assert_eq!(stored["mfa_serial"], format!("arn:aws:iam::{BASTION}:mfa/alice"));

    let id = world.key.id.as_str();
    assert_eq!(
        fs::read_to_string(file(&world, "credentials")).unwrap(),
        format!("[long]\r\npostern_key = {id}\r\ncredential_process = {POSTERN} credential-process long\r\n")
    );
    let config = fs::read_to_string(file(&world, "config")).unwrap();
    assert!(
        config.contains(&format!(
            "# the same key\n  postern_key = {id}\n  credential_process = {POSTERN} credential-process same\n  endpoint_url = "
        )),
        "{config}"
    );

    // One code for the person and for the role that is assumed with the person's key.
    let mut exec = world.postern(&["exec", "long", "--mfa-code", &world.code(), "--", "true"]);
    let exec = exec.env("POSTERN_PASSPHRASE", PASSPHRASE).env_remove("POSTERN_ESTATE").output().unwrap();
    assert!(exec.status.success(), "{}", said(&exec));
    let without_estate = |target: &str| {
        answer(&world.postern(&["credential-process", target]).env_remove("POSTERN_ESTATE").output().unwrap())
    };
    assert_eq!(
        identity(&world, &without_estate("long")),
        format!("arn:aws:iam::{BASTION}:user/postern/alice")
    );
    assert!(identity(&world, &without_estate("role")).ends_with("assumed-role/developer/alice"));

    let again = command(&world, &["--remove"]).output().unwrap();
    assert!(again.status.success() && said(&again).contains("no long-term key stands in clear"));
}

#[test]
fn the_device_is_the_profiles_and_the_person_is_asked() {
    let world = world();
    let serial = format!("arn:aws:iam::{BASTION}:mfa/another");
    let config = fs::read_to_string(file(&world, "config")).unwrap();
    fs::write(
        file(&world, "config"),
        config.replace("region = eu-west-1", &format!("mfa_serial = {serial}")),
    )
    .unwrap();
    let line =
        format!("env -u POSTERN_ESTATE POSTERN_PASSPHRASE='{PASSPHRASE}' {POSTERN} profiles import long");
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("[y/N]");
    terminal.type_in("\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("as they were"), "{screen}");
    assert_eq!(keys(&world)[0]["mfa_serial"], serial);
    assert_eq!(in_clear(&world).len(), 2);

    let mut terminal = OnTerminal::start(&world, &line);
    terminal.wait_for("[y/N]");
    terminal.type_in("y\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("holds its secret no more"), "{screen}");
    assert_eq!(in_clear(&world), Vec::<PathBuf>::new());
}

#[test]
fn what_is_no_persons_long_term_key_is_refused() {
    let world = world();
    let accounts = world.sandbox.world().accounts();
    let root = accounts.iter().find(|account| account.id.to_string() == BASTION).unwrap();
    let endpoint = world.sandbox.endpoint();
    let long = Credentials { id: world.key.id.clone(), secret: world.key.secret.clone(), token: None };
    let connection = Aws::new(Patience::default()).unwrap().connect(
        Endpoint::with_url("eu-west-1".parse().unwrap(), endpoint),
        long,
        None,
    );
    let session = connection.raw(&postern_aws::raw::RawCall::sts("GetSessionToken", &[])).unwrap();
    let of = |name: &str| session.element(name).unwrap();
    let section = |name: &str, id: &str, secret: &str, more: &str| {
        format!(
            "[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\nendpoint_url = {endpoint}\n{more}"
        )
    };
    let text = [
        section("root", root.root_key.as_str(), root.root_secret.expose_secret(), ""),
        section(
            "over",
            &of("AccessKeyId"),
            &of("SecretAccessKey"),
            &format!("aws_session_token = {}\n", of("SessionToken")),
        ),
        section("dead", "AKIAY34FZKBOKMUTV007", "hunter2", ""),
        section("both", world.key.id.as_str(), world.key.secret.expose_secret(), "credential_process = x\n"),
        "[empty]\nregion = x\n".to_owned(),
    ];
    fs::write(file(&world, "config"), "").unwrap();
    fs::write(file(&world, "credentials"), text.concat()).unwrap();
    for (name, word) in [
        ("root", "is the root user's of account"),
        ("over", "temporary credentials"),
        ("dead", "the key AKIAY34FZKBOKMUTV007 of profile `dead`"),
        ("empty", "no key stands in clear"),
        ("nope", "there are: both, dead, empty, over, root"),
        ("both", "a `credential_process` beside its key"),
    ] {
        let refused = command(&world, &[name, "--remove"]).output().unwrap();
        assert!(!refused.status.success() && said(&refused).contains(word), "{name}: {}", said(&refused));
        assert!(!said(&refused).contains("hunter2"));
    }
    assert_eq!(fs::read_to_string(file(&world, "credentials")).unwrap(), text.concat());
    assert_eq!(keys(&world).len(), 1, "that of `both`, which stays in the file too");

    // One that fails does not keep the others from being taken.
    let good = section("good", world.key.id.as_str(), world.key.secret.expose_secret(), "");
    fs::write(file(&world, "credentials"), format!("{}{good}", text[2])).unwrap();
    let output = command(&world, &["--remove"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(in_clear(&world), Vec::<PathBuf>::new());
}

#[test]
fn killed_at_any_moment_the_key_is_in_the_file_or_in_the_store() {
    let world = world();
    let (config, credentials) =
        (fs::read(file(&world, "config")).unwrap(), fs::read(file(&world, "credentials")).unwrap());
    let start = Instant::now();
    assert!(command(&world, &["--remove"]).output().unwrap().status.success());
    let whole = start.elapsed();
    for round in 0..12_u32 {
        world.run(&["keys", "remove", "alice"]);
        fs::write(file(&world, "config"), &config).unwrap();
        fs::write(file(&world, "credentials"), &credentials).unwrap();
        let mut killed = Command::new(POSTERN);
        world.surround(&mut killed);
        killed.env("POSTERN_PASSPHRASE", PASSPHRASE).env_remove("POSTERN_ESTATE");
        let silent =
            killed.args(["profiles", "import", "--remove"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = silent.spawn().unwrap();
        std::thread::sleep(whole * (round + 1) / 11 + Duration::from_millis(1));
        let _ = child.kill();
        child.wait().unwrap();
        if keys(&world).is_empty() {
            assert_eq!(fs::read(file(&world, "config")).unwrap(), config, "round {round}");
            assert_eq!(fs::read(file(&world, "credentials")).unwrap(), credentials, "round {round}");
        }
        let again = command(&world, &["--remove"]).output().unwrap();
        assert!(again.status.success(), "round {round}: {}", said(&again));
        assert_eq!((in_clear(&world).len(), keys(&world).len()), (0, 1), "round {round}");
    }
}
