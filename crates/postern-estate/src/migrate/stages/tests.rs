use std::collections::BTreeMap;

use super::*;
use crate::{AccessKey, Credentials, Estate, Group, Precondition, apply_step, contain::deletion};

fn account() -> AccountId {
    "222222222222".parse().unwrap()
}

fn alice() -> UserName {
    "alice".parse().unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn off() -> SwitchOff {
    SwitchOff { account: account(), partition: Partition::Aws, now: time("2026-11-22T10:00:00.5Z") }
}

fn user() -> User {
    let key = |active| AccessKey { active, created_at: None };
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let deny = allow.replace("Allow", "Deny").replace("s3", "ec2");
    User {
        path: "/staff/".parse().unwrap(),
        id: None,
        tags: [("team".to_owned(), "a".to_owned())].into(),
        groups: ["admins".parse().unwrap()].into(),
        inline: [
            ("a-grant".parse().unwrap(), PolicyDocument::new(allow)),
            ("b-denial".parse().unwrap(), PolicyDocument::new(&*deny)),
        ]
        .into(),
        attached: ["arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap()].into(),
        boundary: Some("arn:aws:iam::aws:policy/PowerUserAccess".parse().unwrap()),
        credentials: Some(Credentials {
            access_keys: [
                ("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), key(true)),
                ("AKIAI44QH8DHBEXAMPLE".parse().unwrap(), key(false)),
            ]
            .into(),
            mfa_devices: [
                ("arn:aws:iam::222222222222:mfa/phone".parse().unwrap(), None),
                ("GAHT12345678".parse().unwrap(), None),
            ]
            .into(),
            login_profile: true,
            rare: Some(RareCredentials {
                ssh_public_keys: [("APKA1".to_owned(), true), ("APKA2".to_owned(), false)].into(),
                service_specific: [("ACCA1".to_owned(), true)].into(),
                signing_certificates: [("CERT1".to_owned(), true)].into(),
            }),
        }),
    }
}

fn estate(user: User) -> Estate {
    let admins = Group { path: "/".parse().unwrap(), inline: BTreeMap::new(), attached: BTreeSet::new() };
    let account_of = Account {
        users: [(alice(), user)].into(),
        groups: [("admins".parse().unwrap(), admins)].into(),
        ..Account::default()
    };
    Estate { accounts: [(account(), account_of)].into(), ..Estate::default() }
}

fn done(estate: &mut Estate, action: &Action) {
    let step = Step {
        account: account(),
        action: action.clone(),
        precondition: Precondition::Present,
        inverse: None,
        risk: Reach::Narrows,
    };
    apply_step(estate, &step).unwrap();
}

fn of(estate: &Estate) -> &User {
    &estate.accounts[&account()].users[&alice()]
}

fn calls(measures: &[Measure]) -> Vec<&'static str> {
    measures.iter().map(|measure| measure.action.operation()).collect()
}

/// Switches off as far as so many calls, and tells what puts back what stood before.
fn switched_off(estate: &mut Estate, calls: usize) -> Vec<Action> {
    let measures = off().measures(&alice(), of(estate)).unwrap();
    let before: Vec<Action> =
        measures.iter().filter_map(|measure| measure.undo(&estate.accounts[&account()])).collect();
    for measure in measures.iter().take(calls) {
        done(estate, &measure.action);
    }
    before
        .into_iter()
        .filter(|action| !matches!(action, Action::TagUser { .. } | Action::UntagUser { .. }))
        .collect()
}

#[test]
fn off_is_a_deny_then_inactive_keys_then_the_time() {
    let mut estate = estate(user());
    let measures = off().measures(&alice(), of(&estate)).unwrap();
    assert_eq!(
        calls(&measures),
        [
            "PutUserPolicy",
            "UpdateAccessKey",
            "UpdateSSHPublicKey",
            "UpdateServiceSpecificCredential",
            "UpdateSigningCertificate",
            "TagUser"
        ]
    );
    assert_eq!(Standing::of(of(&estate)), Standing::On);
    switched_off(&mut estate, 5);
    assert_eq!(Standing::of(of(&estate)), Standing::Off { since: None }, "not to the end");
    assert_eq!(calls(&off().measures(&alice(), of(&estate)).unwrap()), ["TagUser"]);
    switched_off(&mut estate, 1);
    assert_eq!(Standing::of(of(&estate)), Standing::Off { since: Some(time("2026-11-22T10:00:00Z")) });
    assert_eq!(off().measures(&alice(), of(&estate)).unwrap(), []);
    let (now, was) = (of(&estate), user());
    assert_eq!((&now.groups, &now.attached, &now.boundary), (&was.groups, &was.attached, &was.boundary));
    let held = now.credentials.as_ref().unwrap();
    assert!(held.login_profile && held.mfa_devices.len() == 2 && held.access_keys.len() == 2);
}

#[test]
fn the_way_back_is_whole_from_wherever_it_begins_and_wherever_it_stops() {
    let all = off().measures(&alice(), &user()).unwrap().len();
    for reached in 0..=all {
        for stops in 0..=all {
            let mut estate = estate(user());
            let before = switched_off(&mut estate, reached);
            let back = switch_on(account(), &alice(), of(&estate), &before);
            for measure in back.iter().take(stops) {
                done(&mut estate, &measure.action);
            }
            for measure in switch_on(account(), &alice(), of(&estate), &before) {
                done(&mut estate, &measure.action);
            }
            assert_eq!(of(&estate), &user(), "off to {reached}, back to {stops}");
            assert_eq!(switch_on(account(), &alice(), of(&estate), &before), []);
        }
    }
}

#[test]
fn on_the_way_back_the_time_goes_first_and_the_deny_last() {
    let mut estate = estate(user());
    let before = switched_off(&mut estate, 9);
    let back = switch_on(account(), &alice(), of(&estate), &before);
    assert_eq!(calls(&back).first(), Some(&"UntagUser"));
    assert_eq!(calls(&back).last(), Some(&"DeleteUserPolicy"));
    // Nothing was noted: the keys stay as they are, and the deny goes all the same.
    let back = switch_on(account(), &alice(), of(&estate), &[]);
    assert_eq!(calls(&back), ["UntagUser", "DeleteUserPolicy"]);
    assert!(holds_inactive(of(&estate)));
}

#[test]
fn without_room_for_the_deny_the_boundary_serves_and_comes_back() {
    let mut estate = estate(user());
    let measures = off().measures(&alice(), of(&estate)).unwrap();
    let instead = measures[0].without_room.clone().unwrap();
    let back = Measure { action: instead.clone(), ..measures[0].clone() }.undo(&estate.accounts[&account()]);
    done(&mut estate, &instead);
    assert!(Standing::of(of(&estate)).is_off());
    let back = switch_on(account(), &alice(), of(&estate), &[back.unwrap()]);
    assert_eq!(calls(&back), ["PutUserPermissionsBoundary"]);
    done(&mut estate, &back[0].action);
    assert_eq!(of(&estate), &user());
}

#[test]
fn a_time_from_before_does_not_count() {
    let mut old = user();
    old.tags.insert(OFF_SINCE.to_owned(), "2020-01-01T00:00:00Z".to_owned());
    let measures = off().measures(&alice(), &old).unwrap();
    assert_eq!(calls(&measures)[..2], ["UntagUser", "PutUserPolicy"]);
    assert_eq!(calls(&measures).last(), Some(&"TagUser"));
    let mut estate = estate(old);
    done(&mut estate, &measures[0].action);
    done(&mut estate, &measures[1].action);
    assert_eq!(Standing::of(of(&estate)), Standing::Off { since: None });
    // One that is no time is written anew.
    let mut odd = user();
    odd.tags.insert(OFF_SINCE.to_owned(), "yesterday".to_owned());
    assert_eq!(calls(&off().measures(&alice(), &odd).unwrap()).last(), Some(&"TagUser"));
}

#[test]
fn a_deleted_user_is_made_again_without_credentials_and_denied_first() {
    let mut estate = estate(user());
    switched_off(&mut estate, 9);
    let was = of(&estate).clone();
    let again = recreation(&alice(), &was);
    for stops in 0..=again.len() {
        let mut estate = estate.clone();
        for measure in deletion(account(), &alice(), &was, &virtual_devices(&was)) {
            done(&mut estate, &measure.action);
        }
        assert!(estate.accounts[&account()].users.is_empty());
        for action in again.iter().take(stops) {
            done(&mut estate, action);
        }
        let found = estate.accounts[&account()].users.get(&alice()).cloned();
        let rest = still_to_make(account(), found.as_ref(), &again);
        assert_eq!(rest.len(), again.len() - stops);
        rest.iter().for_each(|measure| done(&mut estate, &measure.action));
        let expected = User { credentials: Some(Credentials::default()), ..was.clone() };
        assert_eq!(of(&estate), &expected, "stopped after {stops}");
        assert!(Standing::of(of(&estate)).is_off());
        assert_eq!(still_to_make(account(), Some(of(&estate)), &again), []);
    }
    let grant = |action: &Action| matches!(action, Action::PutUserPolicy { policy, .. } if policy.as_str() == "a-grant");
    let denial = |action: &Action| matches!(action, Action::PutUserPolicy { policy, .. } if policy.as_str() == OFF_POLICY);
    assert!(again.iter().position(denial) < again.iter().position(grant));
    assert_eq!(virtual_devices(&was).len(), 1, "a hardware device cannot be deleted");
}

#[test]
fn a_plan_that_only_adds_takes_nothing() {
    let role: postern_types::RoleName = "developer".parse().unwrap();
    let step = |action: Action, risk| Step {
        account: account(),
        action,
        precondition: Precondition::Present,
        inverse: None,
        risk,
    };
    let narrows = step(Action::DeleteRole { role: role.clone() }, Reach::Narrows);
    let bounds = step(
        Action::PutRolePermissionsBoundary {
            role: role.clone(),
            boundary: "arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap(),
        },
        Reach::Narrows,
    );
    let plan = Plan { steps: vec![narrows, bounds], ..Plan::default() };
    let mut found = Account::default();
    assert_eq!(takes_from(&plan, account(), &found), Vec::<&Step>::new(), "what it made itself");
    let there = crate::Role {
        path: "/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        trust: PolicyDocument::new("{}"),
        max_session: None,
        description: None,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        instance_profiles: BTreeSet::new(),
    };
    found.roles.insert(role, there);
    assert_eq!(takes_from(&plan, account(), &found).len(), 2);
    assert_eq!(takes_from(&plan, "333333333333".parse().unwrap(), &found), Vec::<&Step>::new());
}
