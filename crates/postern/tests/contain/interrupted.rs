//! Killed at every single call: then nothing is wider than before, and a second run ends where one run would have.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    cloud::{Cloud, Held},
    world::said,
};

/// What counts of a state: all but times of use and the time of a revocation.
fn essence(cloud: &Cloud) -> Value {
    let mut state = cloud.state();
    for account in state["accounts"].as_array_mut().unwrap() {
        for key in account["access_keys"].as_array_mut().unwrap() {
            key["last_used"] = Value::Null;
        }
        for user in account["users"].as_array_mut().unwrap() {
            user["accessed"] = Value::Null;
        }
        for role in account["roles"].as_array_mut().unwrap() {
            role["last_used"] = Value::Null;
            role["accessed"] = Value::Null;
            if let Some(policy) = role["inline"].get_mut("AWSRevokeOlderSessions") {
                let text = policy.as_str().unwrap();
                let (head, tail) = text.split_once("aws:TokenIssueTime\": \"").unwrap();
                let (_, tail) = tail.split_once('"').unwrap();
                *policy = format!("{head}{tail}").into();
            }
        }
    }
    state["clock_ahead_seconds"] = Value::Null;
    state
}

struct Start {
    state: String,
    alice: Held,
}

/// Back to the state at the start, with no trace of a run on this machine.
fn reset(cloud: &Cloud, start: &Start) {
    cloud.world.sandbox.server.world().import(&start.state).unwrap();
    let _ = std::fs::remove_dir_all(cloud.world.path(".local"));
}

fn begin(make: fn() -> Cloud) -> (Cloud, Start) {
    let cloud = make();
    let alice = cloud.enrol("alice");
    let state = cloud.world.sandbox.server.world().export();
    (cloud, Start { state, alice })
}

#[test]
fn killed_at_every_call_and_run_again_it_ends_the_same_and_is_never_wider() {
    killed_at_calls(Cloud::new, |_| true);
}

#[test]
fn so_it_is_with_an_organization() {
    // All calls of the organization, and some of the others, which are as above.
    killed_at_calls(Cloud::organized, |event| event["eventSource"] == "organizations.amazonaws.com");
}

/// Killed at the calls whose event is of interest, and at every twelfth.
fn killed_at_calls(make: fn() -> Cloud, of_interest: fn(&Value) -> bool) {
    let (cloud, start) = begin(make);
    let faults = cloud.world.sandbox.server.faults();
    faults.mend();
    let before = cloud.world.calls();
    cloud.contained(&["alice", "--settle", "0.05"]);
    let calls = faults.calls();
    let events = cloud.world.sandbox.server.world().events();
    let interesting: Vec<bool> = events.iter().skip(before).map(of_interest).collect();
    assert_eq!(interesting.len() as u64, calls, "each call is an event");
    let expected = essence(&cloud);
    drop(cloud);
    assert!(calls > 20, "{calls} calls");

    let next = AtomicU64::new(1);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (cloud, start) = begin(make);
                let before = cloud.can(&start.alice.with_mfa);
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    if call > calls {
                        return;
                    }
                    if !interesting[call as usize - 1] && !call.is_multiple_of(12) {
                        continue;
                    }
                    reset(&cloud, &start);
                    cloud.world.kill_at(&["contain", "--yes", "--settle", "0.05", "alice"], call);
                    for held in [&start.alice.key, &start.alice.without_mfa] {
                        assert!(cloud.can(held).is_empty(), "wider after call {call}");
                    }
                    let can = cloud.can(&start.alice.with_mfa);
                    assert!(can.iter().all(|one| before.contains(one)), "wider after call {call}: {can:?}");
                    let output = cloud.contain(&["alice", "--settle", "0.05"]);
                    assert!(output.status.success(), "after call {call}: {}", said(&output));
                    same(&essence(&cloud), &expected, &format!("after call {call}"));
                    assert!(cloud.can(&start.alice.with_mfa).is_empty());
                    if call.is_multiple_of(5) {
                        // What stood before is known even though the first run was killed.
                        cloud.contained(&["alice", "--undo"]);
                        let user = cloud.entity(crate::cloud::BASTION, "users", "alice");
                        assert_eq!(user["groups"].as_array().unwrap().len(), 1, "after call {call}");
                        assert!(user["inline"].as_object().unwrap().is_empty());
                        assert!(denied_above(&cloud.state()).is_empty(), "after call {call}");
                    }
                }
            });
        }
    });
    drop(start);
}

/// Each world has ids of its own, so that names and policies are compared, not whole states.
fn same(one: &Value, other: &Value, whereabouts: &str) {
    let accounts = |state: &Value| state["accounts"].as_array().unwrap().clone();
    for (one, other) in accounts(one).iter().zip(&accounts(other)) {
        for kind in ["users", "roles", "groups"] {
            let entities = |account: &Value| -> Vec<(Value, Value, Value, usize)> {
                let all = account[kind].as_array().unwrap().iter();
                all.map(|one| {
                    let groups = one["groups"].as_array().map_or(0, Vec::len);
                    (one["name"].clone(), one["inline"].clone(), one["attached"].clone(), groups)
                })
                .collect()
            };
            assert_eq!(entities(one), entities(other), "{kind} {whereabouts}");
        }
        let keys = |account: &Value| {
            let all = account["access_keys"].as_array().unwrap().iter();
            all.map(|key| key["active"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(one), keys(other), "keys {whereabouts}");
        let enabled = |account: &Value| {
            account["mfa_devices"].as_array().unwrap().iter().filter(|one| !one["enabled"].is_null()).count()
        };
        assert_eq!(enabled(one), enabled(other), "devices {whereabouts}");
    }
    assert_eq!(denied_above(one), denied_above(other), "organization {whereabouts}");
}

/// The organization's own policies, and of each how often it names the user.
fn denied_above(state: &Value) -> Vec<(String, usize)> {
    let policies = state["organizations"][0]["policies"].as_object().into_iter().flat_map(|all| all.values());
    let text = |policy: &Value, key: &str| policy[key].as_str().unwrap_or_default().to_owned();
    let all =
        policies.map(|one| (text(one, "name"), text(one, "text").matches("user/postern/alice").count()));
    all.filter(|(name, _)| name != "FullAWSAccess").collect()
}
