//! Users, keys and roles contained; what is shown, logged and put back.

use postern_testkit::query::{Keys, element};

use crate::{
    cloud::{BASTION, Cloud, DEV, EVERYTHING, PROD},
    world::said,
};

#[test]
fn a_person_is_locked_out_in_every_way_and_nobody_else_is() {
    let cloud = Cloud::new();
    let (alice, bob) = (cloud.enrol("alice"), cloud.enrol("bob"));
    let user = ("UserName", "alice");
    cloud.iam("CreateLoginProfile", &[user, ("Password", "Correct-Horse-1!")]);
    let git =
        cloud.iam("CreateServiceSpecificCredential", &[user, ("ServiceName", "codecommit.amazonaws.com")]);
    let session = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    assert_eq!(cloud.can(&session), ["DescribeInstances"]);
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"]);

    let before = cloud.world.calls();
    let log = cloud.world.path("log.jsonl");
    let said = cloud.contained(&["alice", "--log", log.to_str().unwrap()]);
    assert!(said.contains("reach in N1     none") && said.contains("dev/developer"), "{said}");
    assert!(said.contains("Contained.") && said.contains("two readings of alice agree"), "{said}");

    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa, &session] {
        assert!(cloud.can(held).is_empty(), "{:?}", cloud.can(held));
    }
    assert_eq!(cloud.call(&alice.key, "sts", "GetCallerIdentity", &[]).code(), "InvalidClientTokenId");
    let found = cloud.entity(BASTION, "users", "alice");
    assert_eq!(found["groups"].as_array().unwrap().len(), 0);
    assert!(found["login_profile"].is_null());
    assert_eq!(found["rare"]["service_specific"][0]["active"], false);
    assert_eq!(found["rare"]["service_specific"][0]["id"], element(&git, "ServiceSpecificCredentialId"));
    // Nothing is deleted: the key's id can still be looked for.
    assert!(cloud.iam("ListAccessKeys", &[user]).contains(&alice.key.id));
    // bob works on.
    assert!(cloud.assume(&bob.with_mfa, PROD, "readonly").is_some());

    // The deny comes before everything else, and every write is in the log, without a secret.
    let events = cloud.world.sandbox.server.world().events();
    let writes = events
        .iter()
        .skip(before)
        .filter(|event| event["readOnly"] == false && event["userIdentity"]["type"] == "Root")
        .collect::<Vec<_>>();
    let at_home = writes.iter().filter(|event| event["recipientAccountId"] == BASTION);
    let at_home: Vec<&str> = at_home.map(|event| event["eventName"].as_str().unwrap()).collect();
    assert_eq!(at_home[..2], ["PutUserPolicy", "RemoveUserFromGroup"]);
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = lines.iter().filter(|line| line["result"] == "done").count();
    assert_eq!(done, writes.len(), "{text}");
    for secret in [&alice.key.secret, session.token.as_ref().unwrap()] {
        assert!(!text.contains(secret.as_str()));
    }

    // Again: nothing is left to do to the user.
    let again = cloud.contained(&["alice"]);
    assert!(!again.contains("  deny "), "{again}");
}

#[test]
fn a_dry_run_shows_it_all_and_changes_nothing() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let before = cloud.world.calls();
    let output = cloud.world.run(&["contain", "alice", "--dry-run"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "alice is a user of bastion (111111111111)",
        &alice.key.id,
        "PutUserPolicy postern-contain",
        "developer",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let events = cloud.world.sandbox.server.world().events();
    assert!(events.iter().skip(before).all(|event| event["readOnly"] == true));
    // And without a terminal or --yes nothing is changed either.
    let output = cloud.world.run(&["contain", "alice"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"]);
}

#[test]
fn undone_all_is_as_before_but_what_nobody_can_restore() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    cloud.iam("CreateLoginProfile", &[("UserName", "alice"), ("Password", "Correct-Horse-1!")]);
    let (added, _) = cloud.device("added", "alice", 0);
    let old = cloud.iam("CreateAccessKey", &[("UserName", "alice")]);
    let old = element(&old, "AccessKeyId");
    let inactive = [("UserName", "alice"), ("AccessKeyId", old.as_str()), ("Status", "Inactive")];
    cloud.iam("UpdateAccessKey", &inactive);
    let roles =
        |account| (cloud.entity(account, "roles", "developer"), cloud.entity(account, "roles", "readonly"));
    let before = (cloud.entity(BASTION, "users", "alice"), roles(DEV).0["inline"].clone());

    cloud.contained(&["alice"]);
    // Somebody's key from after the first reading is none that was there before.
    let output = cloud.contain(&["alice", "--undo"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("the password cannot be put back"), "{text}");
    assert!(text.contains(&format!("the MFA device {added} cannot be put back")), "{text}");
    let mut expected = before.0;
    expected["login_profile"] = serde_json::Value::Null;
    assert_eq!(cloud.entity(BASTION, "users", "alice"), expected);
    assert_eq!(roles(DEV).0["inline"], before.1);
    let keys = cloud.iam("ListAccessKeys", &[("UserName", "alice")]);
    assert_eq!((keys.matches(">Active<").count(), keys.matches(">Inactive<").count()), (1, 1));
    let plan = cloud.world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    assert!(cloud.can(&alice.key).is_empty(), "as before: nothing without MFA");
    // There is nothing to undo twice.
    assert_eq!(cloud.contain(&["alice", "--undo"]).status.code(), Some(2));
}

#[test]
fn a_person_who_keeps_an_old_device_works_on_after_an_undo() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let said = cloud.contained(&["alice", "--devices-since", "0h"]);
    assert!(said.contains(": stays)"), "{said}");
    assert!(cloud.can(&alice.with_mfa).is_empty());
    cloud.contained(&["alice", "--undo"]);
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"]);
}

#[test]
fn a_key_is_traced_to_its_user() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    // A machine user of a working account.
    let machine = ("UserName", "deployer");
    cloud.iam_in(PROD, "CreateUser", &[machine]);
    cloud.iam_in(PROD, "PutUserPolicy", &[machine, ("PolicyName", "p"), ("PolicyDocument", EVERYTHING)]);
    let key = Keys::of(&cloud.iam_in(PROD, "CreateAccessKey", &[machine]));
    assert_eq!(cloud.can(&key), ["DescribeInstances", "ListUsers", "CreateAccessKey", "GetUser"]);
    let text = cloud.contained(&[&key.id]);
    assert!(text.contains("deployer is a user of prod (222222222222)"), "{text}");
    assert!(cloud.can(&key).is_empty());
    assert_eq!(cloud.entity(PROD, "users", "deployer")["inline"].as_object().unwrap().len(), 2);
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"], "alice is another");

    for (key, words) in [
        // Of an account that is not in the file, by its id.
        ("AKIAY34FZKBOKMUTVV7A", "609629065308"),
        (alice.with_mfa.id.as_str(), "key of a session of bastion (111111111111)"),
        (cloud.root(PROD).id.as_str(), "root user of prod"),
    ] {
        let output = cloud.contain(&[key]);
        assert!(!output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
    }
}

#[test]
fn a_roles_sessions_end_and_its_door_closes_if_one_wishes() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let session = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    let other = cloud.assume(&alice.with_mfa, PROD, "developer").unwrap();
    let text = cloud.contained(&["dev/developer"]);
    assert!(text.contains("--close-trust admits nobody"), "{text}");
    assert!(cloud.can(&session).is_empty());
    assert_eq!(cloud.can(&other), ["DescribeInstances"], "the same role elsewhere is another");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let next = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    assert_eq!(cloud.can(&next), ["DescribeInstances"]);

    cloud.contained(&["arn:aws:iam::333333333333:role/postern/developer", "--close-trust"]);
    assert!(cloud.can(&next).is_empty());
    assert!(cloud.assume(&alice.with_mfa, DEV, "developer").is_none());
    cloud.contained(&["dev/developer", "--undo"]);
    let plan = cloud.world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
}

#[test]
fn a_user_whose_policies_leave_no_room_is_bounded_instead() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    let document = |filler: usize| {
        let filler = "x".repeat(filler);
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["iam:*","s3:{filler}"],"Resource":"*"}}}}"#
        )
    };
    let document = document(2_040 - document(0).len());
    cloud.iam(
        "PutUserPolicy",
        &[("UserName", "alice"), ("PolicyName", "fill"), ("PolicyDocument", &document)],
    );
    assert!(cloud.can(&alice.with_mfa).contains(&"ListUsers"));
    let text = cloud.contained(&["alice"]);
    assert!(text.contains("PutUserPermissionsBoundary AWSDenyAll on alice  done"), "{text}");
    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa] {
        assert!(cloud.can(held).is_empty());
    }
    cloud.contained(&["alice", "--undo"]);
    assert!(cloud.entity(BASTION, "users", "alice")["boundary"].is_null());
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_changed() {
    let cloud = Cloud::new();
    for (arguments, code, words) in [
        (&["nobody"][..], 2, "no user and no role `nobody`"),
        (&["developer"], 2, "did you mean prod/developer or dev/developer"),
        (&["nowhere/x"], 2, "no account `nowhere`"),
        (&["alice", "--devices-since", "soon"], 2, "is no age"),
        (&["alice", "--close-trust"], 2, "for a role"),
        (&["bob", "--undo"], 2, "no record of a containment"),
    ] {
        let before = cloud.world.calls();
        let output = cloud.contain(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
        let events = cloud.world.sandbox.server.world().events();
        assert!(events.iter().skip(before).all(|event| event["readOnly"] == true), "{arguments:?}");
    }
}
