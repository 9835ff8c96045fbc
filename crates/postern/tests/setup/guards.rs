//! The guards that the estate file can ask for, each held against a person of the bastion over HTTP.

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, enrol::NewDevice};
use postern_testkit::query::{Keys, element};
use postern_types::{IamPath, LongTermKey, Timestamp, TotpSeed};

use crate::world::{ESTATE, World, said};

fn guarded(addresses: &str) -> String {
    let bastion =
        format!("self_service = true\nsource_identity = true\nsource_ip = [\"{addresses}\"]\n\n[accounts.");
    ESTATE
        .replacen("[accounts.", &bastion, 1)
        .replace("session = \"1h\"", "session = \"1h\"\nsource_identity = true")
        + "\n[break_glass]\npeople = [\"alice\", \"bob\"]\naccounts = [\"bastion\", \"prod\"]\n"
}

fn apply(world: &World, estate: &str) {
    world.write_estate(estate);
    let output = world.run(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("break-glass is declared: alice, bob may assume"), "{}", said(&output));
}

fn root(world: &World) -> Connection {
    let accounts = world.sandbox.server.world().accounts();
    let bastion = accounts.iter().find(|account| account.name.as_deref() == Some("bastion")).unwrap();
    let key = LongTermKey { id: bastion.root_key.clone(), secret: bastion.root_secret.clone() };
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.server.endpoint());
    Aws::new(Patience::default()).unwrap().connect(endpoint, Credentials::from(&key), None)
}

/// Alice's long-term key, and a session of it with MFA.
fn alice(world: &World) -> (Keys, Keys) {
    let root = root(world);
    let user = "alice".parse().unwrap();
    let NewDevice { serial, seed, .. } =
        root.create_virtual_mfa_device(&IamPath::root(), &"alice".parse().unwrap(), &[]).unwrap();
    let step = TotpSeed::step_at(Timestamp::now());
    root.enable_mfa_device(&user, &serial, [seed.code_of_step(step - 1), seed.code_of_step(step)]).unwrap();
    let key = root.create_access_key(&user).unwrap();
    let long_term =
        Keys { id: key.id.to_string(), secret: key.secret.expose_secret().to_owned(), token: None };
    let code = seed.code_of_step(step + 1);
    let parameters = [("SerialNumber", serial.as_str()), ("TokenCode", code.as_str())];
    let answer = world.sandbox.call(&long_term, "sts", "GetSessionToken", &parameters).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session = Keys {
        id: element(&answer.body, "AccessKeyId"),
        secret: element(&answer.body, "SecretAccessKey"),
        token: Some(element(&answer.body, "SessionToken")),
    };
    (long_term, session)
}

fn assume(world: &World, keys: &Keys, account: &str, role: &str, identity: Option<&str>) -> u16 {
    let arn = format!("arn:aws:iam::{account}:role/postern/{role}");
    let mut parameters = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "alice")];
    parameters.extend(identity.map(|identity| ("SourceIdentity", identity)));
    world.sandbox.call(keys, "sts", "AssumeRole", &parameters).unwrap().status
}

#[test]
fn guards_hold_for_people_with_and_without_mfa() {
    const PROD: &str = "222222222222";
    let world = World::new();
    apply(&world, &guarded("127.0.0.1"));
    let (key, session) = alice(&world);

    // A demanded source identity is one's own name and no other.
    for (role, identity, status) in [
        ("developer", None, 403),
        ("developer", Some("bob"), 403),
        ("developer", Some("alice"), 200),
        ("readonly", None, 200),
        ("readonly", Some("alice"), 200),
        ("postern-admin", Some("alice"), 403),
        ("postern-break-glass", None, 200),
    ] {
        assert_eq!(assume(&world, &session, PROD, role, identity), status, "{role} {identity:?}");
        assert_eq!(assume(&world, &key, PROD, role, identity), 403, "{role} {identity:?} without MFA");
    }
    assert_eq!(assume(&world, &session, "111111111111", "postern-break-glass", None), 200);
    assert_eq!(assume(&world, &session, "333333333333", "postern-break-glass", None), 403);

    // Self-service: one's own keys with MFA, a look without, nobody else's ever.
    for (action, user, with_mfa, without) in [
        ("ListAccessKeys", "alice", 200, 200),
        ("GetUser", "alice", 200, 200),
        ("ListAccessKeys", "bob", 403, 403),
        ("CreateAccessKey", "bob", 403, 403),
        ("DeleteUser", "alice", 403, 403),
    ] {
        for (keys, status) in [(&session, with_mfa), (&key, without)] {
            let answer = world.sandbox.call(keys, "iam", action, &[("UserName", user)]).unwrap();
            assert_eq!(answer.status, status, "{action} on {user}: {}", answer.body);
        }
    }
    let create = |keys| world.sandbox.call(keys, "iam", "CreateAccessKey", &[("UserName", "alice")]).unwrap();
    assert_eq!(create(&key).status, 403);
    let made = create(&session);
    assert_eq!(made.status, 200, "{}", made.body);
    let device = |keys| {
        world
            .sandbox
            .call(keys, "iam", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "second")])
            .unwrap()
    };
    assert_eq!((device(&key).status, device(&session).status), (403, 200));

    // From another address nobody gets in, but by breaking the glass.
    apply(&world, &guarded("203.0.113.0/24"));
    assert_eq!(assume(&world, &session, PROD, "readonly", None), 403);
    assert_eq!(assume(&world, &session, PROD, "developer", Some("alice")), 403);
    assert_eq!(assume(&world, &session, PROD, "postern-break-glass", None), 200);
}
