//! The doors of whoever runs the sandbox: accounts, clocks, events, state.

use postern_sandbox::World;
use rand::{SeedableRng, rngs::StdRng};

use crate::client::{BASTION, Cloud, allow};

#[test]
fn an_exported_state_is_the_same_world() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("*"));
    let device = cloud.device("alice");
    let session = cloud.mfa_session(&alice, &device);
    cloud.iam("CreateGroup", &[("GroupName", "g"), ("Path", "/p/")]);
    cloud.iam("AddUserToGroup", &[("GroupName", "g"), ("UserName", "alice")]);
    let policy = [("PolicyName", "p"), ("PolicyDocument", &*allow("s3:*"))];
    let policy = cloud.iam("CreatePolicy", &policy).text("Arn");
    cloud.iam("AttachGroupPolicy", &[("GroupName", "g"), ("PolicyArn", &policy)]);
    cloud.iam("CreateInstanceProfile", &[("InstanceProfileName", "i")]);
    cloud.iam("CreateAccountAlias", &[("AccountAlias", "alias")]);
    cloud.iam("UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "14")]);
    cloud.world.advance(100, cloud.now);

    let exported = cloud.world.export();
    let mut rng = StdRng::seed_from_u64(99);
    let other = World::new(&mut rng);
    other.import(&exported).unwrap();
    assert_eq!(other.export(), exported);
    let details = |cloud: &mut Cloud| {
        let body = cloud.iam("GetAccountAuthorizationDetails", &[]).body;
        body.split("<ResponseMetadata>").next().unwrap().to_owned()
    };
    let before = details(&mut cloud);
    cloud.world = other;
    assert_eq!(details(&mut cloud), before);
    // Sessions of before are good, a spent code stays spent, the clock is where it was.
    cloud.call(&session, "iam", "ListUsers", &[]).ok();
    let spent = postern_types::TotpSeed::step_at(cloud.now) - 1;
    let spent = device.1.code_of_step(spent).as_str().to_owned();
    let given = [("SerialNumber", device.0.as_str()), ("TokenCode", spent.as_str())];
    assert_eq!(cloud.call(&alice, "sts", "GetSessionToken", &given).status, 403);
    let clocks = cloud.world.clocks(cloud.now);
    assert_eq!(clocks.sandbox.as_second() - clocks.real.as_second(), 100);
}

#[test]
fn a_bad_state_is_refused_whole() {
    let mut cloud = Cloud::new();
    let root = cloud.bastion.clone();
    let good = cloud.world.export();
    for (from, to) in [
        ("{\"format\":1", "{\"format\":2"),
        ("\"id\":\"111111111111\"", "\"id\":\"222222222222\""),
        ("\"sealing_key\":\"", "\"sealing_key\":\"x"),
        ("AROA", "XROA"),
        ("\"AKIA", "\"BKIA="),
        ("2012-10-17", "2012-10-18"),
        ("{", "["),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(cloud.world.import(&bad).is_err(), "{from} -> {to}");
        cloud.call(&root, "iam", "ListUsers", &[]).ok();
    }
}

#[test]
fn accounts_are_found_again_and_reset_forgets_them() {
    let mut cloud = Cloud::new();
    let id = BASTION.parse().unwrap();
    let again = cloud.world.create_account(Some(id), Some("other"), cloud.now, &mut cloud.rng).unwrap();
    assert_eq!(
        (again.root_key.as_str(), again.name.as_deref()),
        (cloud.bastion.id.as_str(), Some("bastion"))
    );
    let drawn = cloud.world.create_account(None, None, cloud.now, &mut cloud.rng).unwrap();
    assert_eq!(drawn.root_key.account(), Some(drawn.id));
    assert_eq!(cloud.world.accounts().len(), 3);
    let root = cloud.bastion.clone();
    let session = cloud.call(&root, "sts", "GetSessionToken", &[]).ok().keys();
    cloud.world.reset(&mut cloud.rng);
    assert!(cloud.world.accounts().is_empty() && cloud.world.events().is_empty());
    for keys in [&root, &session] {
        assert_eq!(cloud.call(keys, "sts", "GetCallerIdentity", &[]).text("Code"), "InvalidClientTokenId");
    }
}

#[test]
fn every_call_leaves_a_record_without_secrets() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("iam:CreateVirtualMFADevice"));
    let device = cloud.device("alice");
    let session = cloud.mfa_session(&alice, &device);
    cloud.call(&session, "iam", "CreateUser", &[("UserName", "eve")]);
    let password = [("UserName", "alice"), ("Password", "hunter2-hunter2")];
    let root = cloud.bastion.clone();
    cloud.call(&root, "iam", "CreateLoginProfile", &password).ok();
    let stranger = crate::client::Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..root.clone() };
    cloud.call(&stranger, "sts", "GetCallerIdentity", &[]);

    let events = cloud.world.events();
    let text = serde_json::to_string(&events).unwrap();
    for secret in
        [&alice.secret, &session.secret, session.token.as_ref().unwrap(), &"hunter2-hunter2".to_owned()]
    {
        assert!(!text.contains(secret.as_str()));
    }
    let of = |name: &str| {
        events.iter().rev().find(|event| event["eventName"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    let denied = of("CreateUser");
    assert_eq!(denied["errorCode"], "AccessDenied");
    assert_eq!(denied["userIdentity"]["type"], "IAMUser");
    assert_eq!(denied["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"], "true");
    assert_eq!(denied["requestParameters"]["userName"], "eve");
    let decision = &denied["additionalEventData"]["decisions"][0];
    assert_eq!(decision["action"], "iam:CreateUser");
    assert_eq!(decision["decision"], "ImplicitlyDenied");
    assert_eq!(decision["resource"], format!("arn:aws:iam::{BASTION}:user/eve"));
    assert_eq!(of("GetCallerIdentity")["errorCode"], "InvalidClientTokenId");
    assert_eq!(of("GetCallerIdentity")["userIdentity"]["type"], "Unknown");
    assert_eq!(of("GetSessionToken")["requestParameters"]["tokenCode"], "HIDDEN_DUE_TO_SECURITY_REASONS");
}
