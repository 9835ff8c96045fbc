//! Containment with an organization above: its deny comes first, holds whatever the account does, and goes last.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use postern_testkit::query::Keys;

use crate::{
    cloud::{BASTION, Cloud, DEV, EVERYTHING, MANAGEMENT, PROD, SECTION},
    silent::silence,
    world::{ESTATE, said},
};

/// Names of the organization's own policies, with what they say.
fn policies(cloud: &Cloud) -> Vec<(String, String)> {
    let state = cloud.state();
    let all = state["organizations"][0]["policies"].as_object().unwrap();
    let text = |policy: &serde_json::Value, key: &str| policy[key].as_str().unwrap_or_default().to_owned();
    all.values()
        .map(|policy| (text(policy, "name"), text(policy, "text")))
        .filter(|(name, _)| name != "FullAWSAccess")
        .collect()
}

/// A backdoor that nobody knows of yet: a user of the bastion who may do everything.
fn accomplice(cloud: &Cloud) -> Keys {
    let user = ("UserName", "backup");
    cloud.iam("CreateUser", &[user]);
    cloud.iam("PutUserPolicy", &[user, ("PolicyName", "p"), ("PolicyDocument", EVERYTHING)]);
    Keys::of(&cloud.iam("CreateAccessKey", &[user]))
}

#[test]
fn whoever_takes_every_deny_away_is_shut_out_all_the_same() {
    let cloud = Cloud::organized();
    let alice = cloud.enrol("alice");
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    cloud.iam("AttachUserPolicy", &[("UserName", "alice"), admin]);
    let helper = accomplice(&cloud);
    let user = ("UserName", "alice");
    let stop = AtomicBool::new(false);
    let undone = AtomicU64::new(0);
    thread::scope(|scope| {
        let thief = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let deny = [user, ("PolicyName", "postern-contain")];
                if cloud.call(&helper, "iam", "DeleteUserPolicy", &deny).status == 200 {
                    undone.fetch_add(1, Ordering::Relaxed);
                }
                let on = [user, ("AccessKeyId", alice.key.id.as_str()), ("Status", "Active")];
                cloud.call(&helper, "iam", "UpdateAccessKey", &on);
                thread::sleep(Duration::from_millis(100));
            }
        });
        let output = cloud.contain(&["alice"]);
        thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        thief.join().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let text = said(&output);
        for part in ["somebody undoes in bastion", "The organization denies alice everything, and nobody"] {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
        assert!(!text.contains("may still do") && !text.contains("still gets into"), "{text}");
    });
    assert!(undone.load(Ordering::Relaxed) > 3, "the thief hardly tried");
    // In the account nothing holds her, and her key is active.
    assert!(cloud.iam("ListAccessKeys", &[user]).contains(">Active<"));
    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa] {
        assert!(cloud.can(held).is_empty(), "{:?}", cloud.can(held));
    }
    // The accomplice is the next to go; then it holds.
    cloud.contained(&["bastion/backup"]);
    assert!(cloud.can(&helper).is_empty());
    let text = cloud.contained(&["alice"]);
    assert!(text.contains("Contained."), "{text}");
}

#[test]
fn the_deny_comes_first_and_goes_last() {
    let cloud = Cloud::organized();
    let alice = cloud.enrol("alice");
    let session = cloud.assume(&alice.with_mfa, DEV, "developer").unwrap();
    let dry = cloud.world.run(&["contain", "alice", "--dry-run"]);
    assert!(said(&dry).contains("organization      deny everything to user/postern/alice"), "{}", said(&dry));
    assert!(policies(&cloud).is_empty(), "a dry run changed something");

    let writes_since = |before: usize| -> Vec<String> {
        let events = cloud.world.sandbox.server.world().events();
        let name = |event: &serde_json::Value| event["eventName"].as_str().unwrap().to_owned();
        events.iter().skip(before).filter(|event| event["readOnly"] == false).map(name).collect()
    };
    let before = cloud.world.calls();
    let log = cloud.world.path("log.jsonl");
    cloud.contained(&["alice", "--log", log.to_str().unwrap()]);
    let writes = writes_since(before);
    assert_eq!(writes[..3], ["CreatePolicy", "AttachPolicy", "PutUserPolicy"], "{writes:?}");
    assert!(policies(&cloud)[0].1.contains("user/postern/alice"), "{:?}", policies(&cloud));
    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa, &session] {
        assert!(cloud.can(held).is_empty());
    }
    let lines = std::fs::read_to_string(&log).unwrap();
    let first: Vec<&str> = lines.lines().filter(|line| line.contains("\"stage\"")).take(2).collect();
    assert!(first[0].contains("\"intent\"") && first[1].contains("\"done\""), "{first:?}");
    assert!(first.iter().all(|line| line.contains("\"stage\":\"organization\"")), "{first:?}");

    // Done already: a second run changes nothing there, and the undo still knows that it is ours.
    let before = cloud.world.calls();
    cloud.contained(&["alice"]);
    assert!(!writes_since(before).iter().any(|call| call.ends_with("Policy") && !call.contains("Role")));
    let before = cloud.world.calls();
    let text = cloud.contained(&["alice", "--undo"]);
    assert!(text.contains("organization, last: user/postern/alice is denied no more"), "{text}");
    let writes = writes_since(before);
    assert_eq!(writes[writes.len() - 2..], ["DetachPolicy", "DeletePolicy"], "{writes:?}");
    assert!(policies(&cloud).is_empty());
    let plan = cloud.world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    assert_eq!(cloud.can(&alice.with_mfa), ["AssumeRole"], "as before");
}

#[test]
fn where_the_users_own_account_does_not_answer_the_organization_does() {
    let cloud = Cloud::organized();
    let alice = cloud.enrol("alice");
    let config = silence(&cloud, &["bastion"]);
    let output = cloud.contain(&["alice"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("The organization denies alice everything"), "{text}");
    for held in [&alice.key, &alice.with_mfa, &alice.without_mfa] {
        assert!(cloud.can(held).is_empty(), "{:?}", cloud.can(held));
    }
    std::fs::write(cloud.world.path("aws-config"), config).unwrap();
    // The second run knows her unique id too, and the undo lifts both.
    cloud.contained(&["alice"]);
    assert!(policies(&cloud)[0].1.contains("ContainedById"), "{:?}", policies(&cloud));
    cloud.contained(&["alice", "--undo"]);
    assert!(policies(&cloud).is_empty());
}

#[test]
fn what_the_organization_cannot_is_said_and_the_account_does_it() {
    // Its own account manages the organization: no policy binds it.
    let cloud = Cloud::organized();
    let section = SECTION.replace("acme-management", "acme-nobody");
    let estate = |section: &str| cloud.world.write_estate(format!("{ESTATE}{section}"));
    for (section, why) in [
        (section.as_str(), "no way into the management account: "),
        (&SECTION.replace(MANAGEMENT, BASTION).replace("profile = \"acme-management\"\n", ""), "manages the"),
    ] {
        estate(section);
        cloud.iam("CreateUser", &[("UserName", "eve")]);
        let text = cloud.contained(&["eve"]);
        assert!(text.contains("the organization does not deny it: ") && text.contains(why), "{text}");
        assert!(text.contains("Contained."), "{text}");
        assert!(policies(&cloud).is_empty());
        cloud.contained(&["eve", "--undo"]);
        cloud.iam("DeleteUser", &[("UserName", "eve")]);
    }
    // Its account is in no organization, or in another.
    estate(SECTION);
    let _made = cloud.world.sandbox.account("outside", Some("444444444444"));
    cloud.world.write_profiles(cloud.world.sandbox.server.endpoint());
    let outside = "\n[accounts.outside]\nid = \"444444444444\"\nprofile = \"acme-outside\"\n";
    estate(&format!("{outside}{SECTION}"));
    cloud.iam_in("444444444444", "CreateUser", &[("UserName", "eve")]);
    let text = cloud.contained(&["outside/eve"]);
    assert!(text.contains("account 444444444444 is not in the organization"), "{text}");
    assert!(policies(&cloud).is_empty());
    cloud.contained(&["outside/eve", "--undo"]);
    // An account has room for five policies, and these are four beside AWS's own.
    estate(SECTION);
    let root = cloud.root(MANAGEMENT);
    for n in 0..4 {
        cloud.attach_a_policy(&root, &format!("other-{n}"), BASTION);
    }
    cloud.iam("CreateUser", &[("UserName", "eve")]);
    let output = cloud.contain(&["eve"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("no room: "), "{}", said(&output));
    cloud.contained(&["eve", "--undo"]);
    assert_eq!(policies(&cloud).len(), 4, "{:?}", policies(&cloud));
}

#[test]
fn a_role_that_is_closed_is_denied_and_one_whose_sessions_end_is_not() {
    let cloud = Cloud::organized();
    let alice = cloud.enrol("alice");
    cloud.contained(&["prod/developer"]);
    assert!(policies(&cloud).is_empty());
    thread::sleep(Duration::from_millis(1_100));
    let session = cloud.assume(&alice.with_mfa, PROD, "developer").unwrap();
    assert_eq!(cloud.can(&session), ["DescribeInstances"]);
    cloud.contained(&["prod/developer", "--close-trust"]);
    assert!(policies(&cloud)[0].1.contains("role/postern/developer"));
    // Whoever opens it again in the account opens nothing.
    let role = ("RoleName", "developer");
    cloud.iam_in(PROD, "DeleteRolePolicy", &[role, ("PolicyName", "AWSRevokeOlderSessions")]);
    assert!(cloud.can(&session).is_empty());
    cloud.contained(&["prod/developer", "--undo"]);
    assert!(policies(&cloud).is_empty());
    assert!(cloud.assume(&alice.with_mfa, PROD, "developer").is_some());
}

#[test]
fn who_is_deleted_leaves_no_deny_behind() {
    let cloud = Cloud::organized();
    cloud.enrol("bob");
    let off_board = |more: &[&str]| {
        let output = cloud.world.run(&[&["off-board", "bob", "--yes", "--settle", "0.1"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    };
    off_board(&[]);
    assert!(policies(&cloud)[0].1.contains("user/postern/bob"));
    off_board(&["--delete"]);
    assert!(policies(&cloud).is_empty(), "a new bob would be denied");
}
