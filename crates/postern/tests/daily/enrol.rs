//! Enrolment on a terminal, broken off and taken up again.

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience};
use postern_types::{LongTermKey, Timestamp, TotpSeed, UserName};

use crate::{
    terminal::{OnTerminal, POSTERN},
    world::{BASTION, PASSPHRASE, PROD, World, answer, call, said},
};

/// A user `bob` without device and key, and a profile that may enrol him: its endpoint is the sandbox's, while the
/// estate file names none.
fn world_with_bob() -> (World, Connection) {
    let world = World::new();
    let accounts = world.sandbox.world().accounts();
    let bastion = accounts.iter().find(|account| account.id.to_string() == BASTION).unwrap();
    let root = LongTermKey { id: bastion.root_key.clone(), secret: bastion.root_secret.clone() };
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.endpoint());
    let connection = Aws::new(Patience::default()).unwrap().connect(endpoint, Credentials::from(&root), None);
    call(&connection, "CreateUser", &[("UserName", "bob"), ("Path", "/postern/")]);
    let profile = format!(
        "[profile boss]\naws_access_key_id = {}\naws_secret_access_key = {}\nendpoint_url = {}\n",
        root.id.as_str(),
        root.secret.expose_secret(),
        world.sandbox.endpoint()
    );
    let dir = world.home.path().join(".aws");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("config"), profile).unwrap();
    world.write_estate(PROD);
    let text = std::fs::read_to_string(world.estate()).unwrap();
    let text = text
        .replace("session = \"12h\"", "session = \"12h\"\nprofile = \"boss\"")
        .replace(&format!("endpoint_url = \"{}\"\n", world.sandbox.endpoint()), "");
    std::fs::write(world.estate(), format!("{text}[people.bob]\nroles = [\"*/developer\"]\n")).unwrap();
    (world, connection)
}

#[test]
fn ctrl_c_at_the_passphrase_keeps_the_device_and_no_key() {
    let (world, bastion) = world_with_bob();
    let bob: UserName = "bob".parse().unwrap();

    // Where nobody can be asked for the passphrase, nothing is begun.
    let refused = world.run(&["people", "enrol", "bob"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("POSTERN_PASSPHRASE"), "{}", said(&refused));
    assert!(!said(&refused).contains("run `postern login`"), "{}", said(&refused));
    assert_eq!(world.calls("CreateVirtualMFADevice"), 1, "alice's");

    let mut terminal = OnTerminal::start(&world, &format!("{POSTERN} people enrol bob"));
    terminal.wait_for("First code: ");
    let screen = terminal.screen();
    let is_seed =
        |line: &str| line.trim().len() > 32 && line.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7' | ' '));
    let seed = screen.lines().find(|line| is_seed(line)).unwrap().replace(' ', "");
    let seed = TotpSeed::from_base32(&seed).unwrap();
    let step = TotpSeed::step_at(Timestamp::now());
    terminal.type_in(&format!("{}\n", seed.code_of_step(step - 1).as_str()));
    terminal.wait_for("The next code");
    terminal.type_in(&format!("{}\n", seed.code_of_step(step).as_str()));
    terminal.wait_for("Passphrase of ");
    terminal.type_in("\x03");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    for words in ["the device is kept", "the new access key was deleted again", "needs no new codes"] {
        assert!(screen.contains(words), "no `{words}` in {screen}");
    }
    assert!(!screen.contains("nothing was changed"), "{screen}");
    assert_eq!(bastion.mfa_devices(&bob).unwrap().len(), 1);
    assert!(bastion.access_keys(&bob).unwrap().is_empty());

    // Again: no codes, one key; what lay ready for SDKs is gone; and a login would go elsewhere, which is said.
    let shelf = world.state_dir().join("hot-0");
    std::fs::write(&shelf, "an answer").unwrap();
    let again =
        world.postern(&["people", "enrol", "bob"]).env("POSTERN_PASSPHRASE", PASSPHRASE).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    for words in [
        "is there already and needs no new codes",
        "is in the key store",
        "`postern login` and `exec` will talk to AWS itself",
        &format!("endpoint_url = \"{}\"", world.sandbox.endpoint()),
    ] {
        assert!(said(&again).contains(words), "no `{words}` in {}", said(&again));
    }
    assert!(!shelf.exists());
    assert_eq!(bastion.mfa_devices(&bob).unwrap().len(), 1);
    let keys = bastion.access_keys(&bob).unwrap();
    let stored = answer(&world.run(&["status", "--json"]));
    let stored = stored["keys"].as_array().unwrap();
    assert!(stored.iter().any(|key| key["access_key_id"] == keys[0].id.as_str()), "{stored:?}");

    // Two people's keys: one must be named. Who has left the estate file does not count.
    let login =
        |arguments: &[&str]| world.postern(arguments).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").output();
    let two = login(&["login", "--mfa-code", "123456"]).unwrap();
    assert_eq!(two.status.code(), Some(2), "{}", said(&two));
    assert!(said(&two).contains("several people: alice, bob"), "{}", said(&two));
    let text = std::fs::read_to_string(world.estate()).unwrap();
    std::fs::write(world.estate(), text.replace("[people.alice]\nroles = [\"*/developer\"]\n", "")).unwrap();
    let one = login(&["login", "--mfa-code", "123456"]).unwrap();
    assert!(said(&one).contains("passphrase is needed"), "{}", said(&one));
    std::fs::write(world.estate(), text).unwrap();

    // With the endpoint in the environment there is nothing to warn of.
    let third = world
        .postern(&["people", "enrol", "bob"])
        .env("AWS_ENDPOINT_URL", world.sandbox.endpoint())
        .output()
        .unwrap();
    assert!(third.status.success() && !said(&third).contains("warning"), "{}", said(&third));
}
