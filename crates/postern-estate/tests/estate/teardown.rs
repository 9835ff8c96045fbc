//! Taking an estate down: nothing of ours is left, nothing else is touched, and no step opens anything.

use std::collections::BTreeSet;

use postern_estate::{
    AccessKey, Action, ConflictKind, Credentials, Desired, Estate, Kind, MANAGED_TAG, NoticeKind, PATH, Plan,
    PolicyDocument, StepKey, apply_step, diff, teardown, teardown_with_credentials,
};
use postern_types::MfaSerial;
use proptest::prelude::*;

use crate::{
    common::{EXAMPLE, desired},
    plan::{account, built, designs, run, tamper, tamperings},
    reach::reach,
};

const HOME: &str = "111111111111";

fn down(estate: &Estate, desired: &Desired) -> Plan {
    teardown(estate, desired, &BTreeSet::new())
}

/// What carries the estate's mark, or lies where groups and policies of ours lie.
fn ours(estate: &Estate) -> Vec<String> {
    let mut found = Vec::new();
    for account in estate.accounts.values() {
        let owned = |tags: &postern_estate::Tags, path: &str| tags.contains_key(MANAGED_TAG) && path == PATH;
        let users = account.users.iter().filter(|(_, u)| owned(&u.tags, u.path.as_str()));
        found.extend(users.map(|(name, _)| format!("user {name}")));
        let roles = account.roles.iter().filter(|(_, r)| owned(&r.tags, r.path.as_str()));
        found.extend(roles.map(|(name, _)| format!("role {name}")));
        let groups = account.groups.iter().filter(|(_, g)| g.path.as_str() == PATH);
        found.extend(groups.map(|(name, _)| format!("group {name}")));
    }
    found
}

#[test]
fn everything_goes_and_the_way_in_goes_last() {
    let desired = desired(EXAMPLE);
    let mut estate = built(&desired);
    let plan = down(&estate, &desired);
    assert!(plan.conflicts.is_empty(), "{:#?}", plan.conflicts);
    let way_in = plan.steps.iter().position(|step| {
        matches!(&step.action, Action::RemoveUserFromGroup { group, .. } if group.as_str() == "administrators")
    });
    let last_other = plan.steps.iter().rposition(|step| {
        matches!(&step.action, Action::DeleteRole { role } if role.as_str() != "postern-admin")
            || matches!(step.action, Action::DeletePolicy { .. })
    });
    assert!(way_in > last_other, "{:#?}", plan.steps);
    run(&mut estate, &plan);
    assert_eq!(ours(&estate), [""; 0]);
    assert!(estate.accounts.values().all(|found| found.policies.is_empty()));
    assert!(estate.accounts[&account(HOME)].password_policy.is_some(), "settings carry no mark");
    assert!(down(&estate, &desired).steps.is_empty());
}

#[test]
fn the_way_in_of_whoever_does_it_stays() {
    let desired = desired(EXAMPLE);
    let mut estate = built(&desired);
    let key = |id: &str, kind, name: &str| StepKey { account: account(id), kind, name: name.to_owned() };
    let keep = BTreeSet::from([
        key(HOME, Kind::Group, "administrators"),
        key(HOME, Kind::User, "carol"),
        key(HOME, Kind::Role, "postern-admin"),
        key("222222222222", Kind::Role, "postern-admin"),
    ]);
    let plan = teardown(&estate, &desired, &keep);
    let kept = plan.notices.iter().filter(|notice| notice.kind == NoticeKind::WayInKept);
    assert_eq!(kept.map(|notice| notice.key.clone()).collect::<BTreeSet<_>>(), keep);
    run(&mut estate, &plan);
    assert_eq!(
        ours(&estate),
        ["user carol", "role postern-admin", "group administrators", "role postern-admin"]
    );
    let carol = &estate.accounts[&account(HOME)].users[&"carol".parse().unwrap()];
    assert!(carol.groups.contains(&"administrators".parse().unwrap()), "she still gets in");
}

#[test]
fn who_holds_credentials_is_in_the_way() {
    let desired = desired(EXAMPLE);
    let mut estate = built(&desired);
    let home = estate.accounts.get_mut(&account(HOME)).unwrap();
    home.users.get_mut(&"alice".parse().unwrap()).unwrap().credentials =
        Some(Credentials { login_profile: true, ..Credentials::default() });
    let plan = down(&estate, &desired);
    let [conflict] = &plan.conflicts[..] else { panic!("{:#?}", plan.conflicts) };
    assert_eq!((conflict.key.name.as_str(), &conflict.kind), ("alice", &ConflictKind::HoldsCredentials));
    assert!(plan.confirm().is_err());
}

#[test]
fn with_credentials_they_go_in_order_and_before_what_denies() {
    let desired = desired(EXAMPLE);
    let mut estate = built(&desired);
    let home = estate.accounts.get_mut(&account(HOME)).unwrap();
    let serial = |name: &str| format!("arn:aws:iam::{HOME}:mfa/{name}").parse::<MfaSerial>().unwrap();
    let hardware: MfaSerial = "GAHT12345678".parse().unwrap();
    let alice = home.users.get_mut(&"alice".parse().unwrap()).unwrap();
    alice.credentials = Some(Credentials {
        access_keys: [(
            "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            AccessKey { active: true, created_at: None },
        )]
        .into(),
        mfa_devices: [(serial("alice"), None), (hardware, None)].into(),
        login_profile: true,
        rare: None,
    });
    let deny =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;
    alice.inline.insert("denied".parse().unwrap(), PolicyDocument::new(deny));
    let mut namesake = alice.clone();
    namesake.tags.clear();
    home.users.insert("alice-2".parse().unwrap(), namesake);
    let unassigned = ["alice-spare", "ALICE", "alice-2", "alice-2-spare", "alicent", "other"].map(serial);
    let plan = teardown_with_credentials(&estate, &desired, &BTreeSet::new(), &unassigned.into());
    assert!(plan.conflicts.is_empty(), "{:#?}", plan.conflicts);
    let of_alice: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.key().name == "alice")
        .map(|step| match &step.action {
            Action::DeleteVirtualMfaDevice { device, .. } => {
                device.as_str().rsplit_once(':').unwrap().1.into()
            }
            other => other.operation().to_owned(),
        })
        .collect();
    assert_eq!(
        of_alice,
        [
            "RemoveUserFromGroup",
            "DeleteLoginProfile",
            "DeleteAccessKey",
            "DeactivateMFADevice",
            "DeactivateMFADevice",
            "mfa/ALICE",
            "mfa/alice",
            "mfa/alice-spare",
            "DeleteUserPolicy",
            "DeleteUser",
        ]
    );
    run(&mut estate, &plan);
    assert_eq!(ours(&estate), [""; 0]);
    assert!(estate.accounts[&account(HOME)].users.contains_key(&"alice-2".parse().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_step_opens_anything_and_any_stop_can_go_on(
        design in designs(), hands in tamperings(), cut in any::<prop::sample::Index>(),
    ) {
        let desired = desired(&design);
        let mut estate = built(&desired);
        for (what, at) in hands {
            tamper(&mut estate, what, at);
        }
        let plan = down(&estate, &desired);
        prop_assume!(plan.conflicts.is_empty());
        let before = reach(&estate, desired.bastion);
        let stop = if plan.steps.is_empty() { 0 } else { cut.index(plan.steps.len()) };
        let mut end = estate.clone();
        for (at, step) in plan.steps.iter().enumerate() {
            apply_step(&mut estate, step).unwrap();
            let now = reach(&estate, desired.bastion);
            let wider: Vec<_> = now.difference(&before).collect();
            prop_assert!(wider.is_empty(), "step {at} of {plan:#?}\nopens {wider:#?}");
            if at == stop {
                end = estate.clone();
            }
        }
        prop_assert_eq!(ours(&estate), [""; 0]);
        let rest = down(&end, &desired);
        run(&mut end, &rest);
        prop_assert_eq!(ours(&end), [""; 0]);
        // Whoever changes their mind gets the estate back.
        let again = diff(&estate, &desired);
        prop_assert!(again.conflicts.is_empty(), "{:#?}", again.conflicts);
    }
}
