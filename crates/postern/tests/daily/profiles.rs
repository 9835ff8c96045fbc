//! Targets that are profiles of `~/.aws/config`.

use std::fs;

use crate::world::{BASTION, DEV, PASSPHRASE, PROD, World, answer, call, identity, said};

/// Files of `~/.aws` beside an estate file: the long-term key stands in clear.
fn write(world: &World, config: &str) {
    let dir = world.home.path().join(".aws");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("config"), config).unwrap();
    let (id, secret) = (world.key.id.as_str(), world.key.secret.expose_secret());
    let keys = format!("[long]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    fs::write(dir.join("credentials"), keys).unwrap();
}

fn config(world: &World) -> String {
    let (endpoint, serial) = (world.sandbox.endpoint(), format!("arn:aws:iam::{BASTION}:mfa/alice"));
    format!(
        "[profile long]
endpoint_url = {endpoint}
region = eu-west-1

[profile dev]
role_arn = arn:aws:iam::{PROD}:role/postern/developer
source_profile = long
mfa_serial = {serial}
endpoint_url = {endpoint}
region = eu-west-1

[profile no-mfa]
role_arn = arn:aws:iam::{PROD}:role/postern/developer
source_profile = long
endpoint_url = {endpoint}
region = eu-west-1

[profile two-hops]
role_arn = arn:aws:iam::{DEV}:role/jumped
source_profile = dev
role_session_name = named
endpoint_url = {endpoint}
region = eu-west-1

[profile process]
credential_process = {postern} --estate {estate} credential-process prod/readonly
endpoint_url = {endpoint}

[profile circle]
credential_process = {postern} credential-process circle
endpoint_url = {endpoint}

[profile twelve]
role_arn = arn:aws:iam::{PROD}:role/postern/developer
source_profile = long
mfa_serial = {serial}
duration_seconds = 7200
endpoint_url = {endpoint}
region = eu-west-1

[profile stored]
role_arn = arn:aws:iam::{PROD}:role/postern/readonly
source_profile = kept
endpoint_url = {endpoint}
region = eu-west-1

[profile kept]
postern_key = {key}
",
        postern = env!("CARGO_BIN_EXE_postern"),
        estate = world.estate().display(),
        key = world.key.id,
    )
}

/// A role in dev that trusts the developers of prod.
fn make_jumped(world: &World) {
    let root = world.root_of(DEV);
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{PROD}:root"}},"Action":"sts:AssumeRole"}}}}"#
    );
    call(&root, "CreateRole", &[("RoleName", "jumped"), ("AssumeRolePolicyDocument", &trust)]);
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#;
    let prod = world.root_of(PROD);
    call(
        &prod,
        "PutRolePolicy",
        &[("RoleName", "developer"), ("PolicyName", "p"), ("PolicyDocument", policy)],
    );
}

#[test]
fn one_code_does_for_profiles_and_chains_of_them() {
    let world = World::new();
    write(&world, &config(&world));
    make_jumped(&world);
    let code = world.code();
    let with_code = world.run(&["exec", "--mfa-code", &code, "dev", "--", "sh", "-c", "echo $AWS_REGION"]);
    assert!(with_code.status.success(), "{}", said(&with_code));
    assert_eq!(String::from_utf8_lossy(&with_code.stdout).trim(), "eu-west-1");
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1));

    // The second hop is assumed with the first, which is in the cache; the session goes on being used.
    let jumped = answer(&world.run(&["credential-process", "two-hops"]));
    assert_eq!(identity(&world, &jumped), format!("arn:aws:sts::{DEV}:assumed-role/jumped/named"));
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 2));
    assert_eq!(answer(&world.run(&["credential-process", "two-hops"])), jumped);
    assert_eq!(world.calls("AssumeRole"), 2);

    // More than an hour takes a code of its own, and is said before any call.
    let refused = world.run(&["credential-process", "twelve"]);
    assert!(said(&refused).contains("no way to ask"), "{}", said(&refused));
    assert_eq!(world.calls("AssumeRole"), 2);
}

#[test]
fn a_profile_without_a_device_is_botocores_to_the_letter() {
    let world = World::new();
    write(&world, &config(&world));
    let refused = world.run(&["credential-process", "no-mfa"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("AWS refused"), "{}", said(&refused));
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (0, 1));

    // A long-term key is handed to nobody, whoever would take it.
    let refused = world.run(&["credential-process", "long"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("long-term key without an MFA device"), "{}", said(&refused));
    assert!(!said(&refused).contains(world.key.secret.expose_secret()));
}

#[test]
fn the_key_store_and_other_programs_are_sources_too() {
    let world = World::new();
    write(&world, &config(&world));
    world.log_in();
    let stored = answer(&world.run(&["credential-process", "stored"]));
    assert_eq!(identity(&world, &stored), format!("arn:aws:sts::{PROD}:assumed-role/readonly/alice"));

    let printed = answer(&world.run(&["credential-process", "process"]));
    assert_eq!(identity(&world, &printed), format!("arn:aws:sts::{PROD}:assumed-role/readonly/alice"));

    let circle = world.run(&["credential-process", "circle"]);
    assert!(!circle.status.success());
    assert!(said(&circle).contains("asks postern for `circle` again"), "{}", said(&circle));
}

#[test]
fn a_profile_is_logged_in_to_without_an_estate() {
    let world = World::new();
    write(&world, &config(&world));
    fs::remove_file(world.estate()).unwrap();
    let run = |arguments: &[&str]| world.postern(arguments).env_remove("POSTERN_ESTATE").output().unwrap();
    let refused = run(&["credential-process", "dev"]);
    assert!(said(&refused).contains("`postern login dev`"), "{}", said(&refused));
    let login = run(&["login", "dev", "--mfa-code", &world.code()]);
    assert!(said(&login).contains("logged in as alice, for 11h"), "{}", said(&login));
    let developer = answer(&run(&["credential-process", "dev"]));
    assert_eq!(identity(&world, &developer), format!("arn:aws:sts::{PROD}:assumed-role/developer/alice"));
    let needless = run(&["login", "no-mfa"]);
    assert_eq!(needless.status.code(), Some(2));
    assert!(said(&needless).contains("`no-mfa` needs no MFA session"), "{}", said(&needless));
}

#[test]
fn a_name_that_is_neither_gets_the_nearest() {
    let world = World::new();
    write(&world, &config(&world));
    for (name, hint) in [
        ("two-hop", "did you mean the profile `two-hops`?"),
        ("prod/developper", "did you mean `prod/developer`?"),
    ] {
        let refused = world.run(&["exec", name, "--", "true"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains(hint), "{}", said(&refused));
    }
    // Without an estate file there are profiles.
    fs::remove_file(world.estate()).unwrap();
    let mut elsewhere = world.postern(&["exec", "nothing-like-it", "--", "true"]);
    let refused = elsewhere.env_remove("POSTERN_ESTATE").output().unwrap();
    assert!(said(&refused).contains("the profiles are: circle, dev,"), "{}", said(&refused));
}

#[test]
fn explain_says_where_each_value_comes_from_and_calls_nobody() {
    let world = World::new();
    write(&world, &config(&world));
    let before =
        world.calls("AssumeRole") + world.calls("GetSessionToken") + world.calls("GetCallerIdentity");
    let explained = world.run(&["explain", "two-hops"]);
    assert!(explained.status.success(), "{}", said(&explained));
    let text = String::from_utf8_lossy(&explained.stdout)
        .replace(world.sandbox.endpoint(), "http://ENDPOINT")
        .replace(world.key.id.as_str(), "AKIAEXAMPLE");
    insta::assert_snapshot!(text);
    let json = answer(&world.run(&["explain", "prod/developer", "--json"]));
    assert_eq!(json["asks_for_a_code"], true);
    assert_eq!(json["calls_left"], 2);
    world.log_in();
    let before_role = answer(&world.run(&["explain", "prod/developer", "--json"]));
    assert_eq!((&before_role["asks_for_a_code"], &before_role["calls_left"]), (&false.into(), &1.into()));
    world.run(&["credential-process", "prod/developer"]);
    let after = answer(&world.run(&["explain", "prod/developer", "--json"]));
    assert_eq!(after["calls_left"], 0);
    let calls = world.calls("AssumeRole") + world.calls("GetSessionToken") + world.calls("GetCallerIdentity");
    assert_eq!(calls, before + 2);
}

#[test]
fn an_estate_named_in_the_settings_is_found_from_anywhere() {
    let world = World::new();
    let moved = world.home.path().join("elsewhere.toml");
    fs::rename(world.estate(), &moved).unwrap();
    let settings = world.home.path().join(".config/postern");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.toml"), "estate = \"~/elsewhere.toml\"\n").unwrap();
    let mut login = world.postern(&["login", "--mfa-code", &world.code()]);
    let login = login.env("POSTERN_PASSPHRASE", PASSPHRASE).env_remove("POSTERN_ESTATE").output().unwrap();
    assert!(login.status.success(), "{}", said(&login));
}
