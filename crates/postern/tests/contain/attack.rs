//! A thief with every valid credential of the victim makes new ones, ten calls a second, while the victim is contained.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use postern_testkit::query::Keys;

use crate::{
    cloud::{BASTION, Cloud, DEV, EVERYTHING, step},
    world::said,
};

/// Service, action, parameters.
type Call<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// One round of the thief: each of the ways to stay, with one credential after the other.
fn grab(cloud: &Cloud, round: usize, keys: &Keys, loot: &Mutex<Vec<Keys>>) {
    let user = ("UserName", "alice");
    let role = format!(
        "arn:aws:iam::{}:role/postern/developer",
        if round.is_multiple_of(2) { DEV } else { BASTION }
    );
    let admin = format!("arn:aws:iam::{BASTION}:role/postern/postern-admin");
    let name = format!("stay-{round}");
    let calls: [Call<'_>; 9] = [
        ("iam", "CreateAccessKey", &[user]),
        ("iam", "PutUserPolicy", &[user, ("PolicyName", "postern-contain"), ("PolicyDocument", EVERYTHING)]),
        ("iam", "PutUserPolicy", &[user, ("PolicyName", &name), ("PolicyDocument", EVERYTHING)]),
        ("iam", "CreateLoginProfile", &[user, ("Password", "Correct-Horse-1!")]),
        ("iam", "AddUserToGroup", &[user, ("GroupName", "administrators")]),
        ("sts", "GetSessionToken", &[]),
        ("sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "stay")]),
        ("sts", "AssumeRole", &[("RoleArn", &admin), ("RoleSessionName", "stay")]),
        ("iam", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", &name)]),
    ];
    let (service, action, more) = calls[round % calls.len()];
    let answer = cloud.call(keys, service, action, more);
    if answer.status != 200 {
        return;
    }
    if answer.body.contains("<SecretAccessKey>") {
        loot.lock().unwrap().push(Keys::of(&answer.body));
    }
    if action == "CreateVirtualMFADevice" {
        let base32 = postern_testkit::query::element(&answer.body, "Base32StringSeed");
        let base32 = data_encoding::BASE64.decode(base32.as_bytes()).unwrap();
        let seed = postern_types::TotpSeed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap();
        let serial = postern_testkit::query::element(&answer.body, "SerialNumber");
        let codes = [step() - 1, step()].map(|step| seed.code_of_step(step));
        let more = [
            user,
            ("SerialNumber", serial.as_str()),
            ("AuthenticationCode1", codes[0].as_str()),
            ("AuthenticationCode2", codes[1].as_str()),
        ];
        let _ = cloud.call(keys, "iam", "EnableMFADevice", &more);
    }
}

#[test]
fn a_thief_who_fights_back_is_out_at_the_end() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    // The worst case: the victim may do anything in the bastion, and enters its administrators' role.
    let admin = [("UserName", "alice"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    cloud.iam("AttachUserPolicy", &admin);
    let session = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    let loot = Mutex::new(vec![alice.key.clone(), alice.with_mfa.clone(), alice.without_mfa, session]);
    let stop = AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let thief = scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                let keys = {
                    let loot = loot.lock().unwrap();
                    loot[(round / 3) % loot.len()].clone()
                };
                grab(&cloud, round, &keys, &loot);
                round += 1;
                thread::sleep(Duration::from_millis(50));
            }
            round
        });
        thread::sleep(Duration::from_millis(1_500));
        let output = cloud.contain(&["alice", "--settle", "0.5"]);
        thread::sleep(Duration::from_millis(1_500));
        // Before anything can fail: the scope waits for the thief.
        stop.store(true, Ordering::Relaxed);
        let calls = thief.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("Contained."), "{}", said(&output));
        calls
    });
    let loot = loot.into_inner().unwrap();
    assert!(
        calls > 50 && loot.len() > 6,
        "the thief hardly tried: {calls} calls, {} credentials",
        loot.len()
    );
    for keys in &loot {
        assert!(cloud.can(keys).is_empty(), "{} can still {:?}", keys.id, cloud.can(keys));
    }
    let found = cloud.entity(BASTION, "users", "alice");
    assert!(found["groups"].as_array().unwrap().is_empty() && found["login_profile"].is_null(), "{found}");
    let keys = cloud.iam("ListAccessKeys", &[("UserName", "alice")]);
    assert!(!keys.contains(">Active<"), "{keys}");
    assert!(!cloud.iam("ListMFADevices", &[("UserName", "alice")]).contains("SerialNumber"));
}

#[test]
fn a_user_who_was_renamed_meanwhile_is_found_by_id() {
    let cloud = Cloud::new();
    let alice = cloud.enrol("alice");
    // What the record of a first run knows is the name of then; the id leads on.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // As soon as the deny stands under the old name, the user has another one.
            while !stop.load(Ordering::Relaxed) {
                let policies =
                    cloud.call(&cloud.root(BASTION), "iam", "ListUserPolicies", &[("UserName", "alice")]);
                if policies.body.contains("postern-contain") {
                    cloud.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "mallory")]);
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let output = cloud.contain(&["alice", "--settle", "1"]);
        stop.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}", said(&output));
    });
    let name = if cloud.entity(BASTION, "users", "mallory").is_null() { "alice" } else { "mallory" };
    let found = cloud.entity(BASTION, "users", name);
    assert!(found["inline"].as_object().unwrap().contains_key("postern-contain"), "{found}");
    assert!(found["groups"].as_array().unwrap().is_empty());
    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa] {
        assert!(cloud.can(held).is_empty());
    }
}
