//! What a change does, in the worked example.

use postern_estate::{Account, Design, Desired, Estate, PolicyDocument, Quotas, apply_step, diff};
use postern_prove::{Effect, Held, World};
use postern_types::Partition;

use crate::reach::{EXAMPLE, managed};

fn desired(text: &str) -> Desired {
    let design = Design::parse(text).unwrap();
    design.desired(&|_| Err("none".to_owned()), &|_| Quotas::DEFAULT).unwrap()
}

fn built(text: &str) -> Estate {
    let desired = desired(text);
    let accounts = desired.estate.accounts.keys().map(|id| (*id, Account::default()));
    let mut estate = Estate { accounts: accounts.collect(), ..Estate::default() };
    for step in diff(&estate.clone(), &desired).steps {
        apply_step(&mut estate, &step).unwrap();
    }
    estate
}

fn effect(before: &Estate, after: &Estate) -> Effect {
    let (before, after) =
        (World::new(before, Partition::Aws, &managed), World::new(after, Partition::Aws, &managed));
    Effect::between(&before, &after)
}

#[test]
fn nothing_changes_nothing() {
    let estate = built(EXAMPLE);
    assert_eq!(effect(&estate, &estate), Effect::default());
}

#[test]
fn a_person_who_joins_a_group_gains_its_roles_and_only_with_mfa() {
    let before = built(EXAMPLE);
    let after = built(&EXAMPLE.replace("[\"auditors\"]", "[\"auditors\", \"developers\"]"));
    let found = effect(&before, &after);
    let gained: Vec<String> = found
        .gained
        .iter()
        .map(|grant| format!("{} {} {}", grant.user.name(), grant.held.as_str(), grant.role.name()))
        .collect();
    assert_eq!(gained, ["bob M developer", "bob M developer", "bob M readonly"]);
    assert!(found.lost.is_empty() && found.writes_gained.is_empty() && found.unknown.is_empty());
    let back = effect(&after, &before);
    assert_eq!((back.lost, back.gained.len()), (found.gained, 0));
}

#[test]
fn a_condition_that_asks_for_less_opens_the_door_without_mfa() {
    let before = built(EXAMPLE);
    let mut after = before.clone();
    for account in after.accounts.values_mut() {
        // What every request over TLS fulfils, in the place of MFA.
        let open = |document: &PolicyDocument| {
            PolicyDocument::new(document.text().replace("aws:MultiFactorAuthPresent", "aws:SecureTransport"))
        };
        for group in account.groups.values_mut() {
            group.inline.values_mut().for_each(|document| *document = open(document));
        }
        for role in account.roles.values_mut() {
            role.trust = open(&role.trust);
        }
    }
    assert_ne!(before, after);
    let found = effect(&before, &after);
    for held in [Held::LongTermKey, Held::SessionWithoutMfa] {
        let bob = found.gained.iter().any(|grant| grant.held == held && grant.user.name().as_str() == "bob");
        assert!(bob, "{held:?}: {:#?}", found.gained);
    }
}

#[test]
fn who_may_write_iam_is_named() {
    let before = built(EXAMPLE);
    let mut after = before.clone();
    let prod = after.accounts.get_mut(&"222222222222".parse().unwrap()).unwrap();
    let developer = prod.roles.get_mut(&"developer".parse().unwrap()).unwrap();
    developer.boundary = None;
    developer.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap());
    let found = effect(&before, &after);
    let writers: Vec<&String> = found.writes_gained.keys().collect();
    assert_eq!(writers, ["arn:aws:iam::222222222222:role/postern/developer"]);
    assert!(found.writes_gained.values().all(|actions| actions.contains("iam:CreateAccessKey")));
    assert!(found.gained.is_empty() && found.writes_lost.is_empty());
    assert_eq!(effect(&after, &before).writes_lost, found.writes_gained);
}
