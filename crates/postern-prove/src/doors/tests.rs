//! The shortcuts must tell the same as every question asked for itself.

use std::collections::BTreeMap;

use postern_estate::{Account, Estate, Group, ManagedPolicy, PolicyDocument, Role, User};
use postern_types::{AccountId, IamPath, Partition, RoleArn, UserArn};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{Doors, Open, ask};
use crate::{Caller, Guardrail, Held, SessionFacts, World};

const BASTION: &str = "111111111111";
const PROD: &str = "222222222222";

/// What groups, roles and boundaries say about getting into roles.
const RIGHTS: [&str; 12] = [
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}"#,
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["arn:aws:iam::222222222222:role/r1", "arn:aws:iam::222222222222:role/p/*"]}"#,
    r#"{"Effect": "Allow", "Action": "sts:*", "NotResource": "arn:aws:iam::222222222222:role/r0"}"#,
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/${aws:username}"}"#,
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/${aws:PrincipalTag/role}"}"#,
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/${sts:ExternalId}"}"#,
    r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceAccount": "222222222222"}}}"#,
    r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#,
    r#"{"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::222222222222:role/*1"}"#,
    r#"{"Effect": "Deny", "NotAction": "sts:AssumeRole", "Resource": "*"}"#,
    r#"{"Effect": "Allow", "NotAction": ["iam:*", "sts:AssumeRole*"], "Resource": "*"}"#,
    r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#,
];

const TRUSTS: [&str; 9] = [
    r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#,
    r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#,
    r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/eve"}, "Action": "sts:AssumeRole"}"#,
    r#"{"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:*"}"#,
    r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/r1"}, "Action": "sts:AssumeRole"}"#,
    r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/a*"}}}"#,
    r#"{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}"#,
    r#"{"Effect": "Allow", "NotPrincipal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#,
    r#"{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": {"Null": {"aws:MultiFactorAuthPresent": "true"}}}"#,
];

fn document(statements: &[&str]) -> PolicyDocument {
    PolicyDocument::new(format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", ")))
}

fn rights() -> impl Strategy<Value = PolicyDocument> {
    vec(select(&RIGHTS[..]), 1..3).prop_map(|all| document(&all))
}

fn trust() -> impl Strategy<Value = PolicyDocument> {
    vec(select(&TRUSTS[..]), 1..3).prop_map(|all| document(&all))
}

fn role(
    (trust, rights, path, bounded): (PolicyDocument, PolicyDocument, &'static str, bool),
    account: &str,
) -> Role {
    let boundary = format!("arn:aws:iam::{account}:policy/limit");
    Role {
        path: path.parse().unwrap(),
        id: None,
        tags: [].into(),
        trust,
        max_session: None,
        description: None,
        inline: [("own".parse().unwrap(), rights)].into(),
        attached: [].into(),
        boundary: bounded.then(|| boundary.parse().unwrap()),
        instance_profiles: [].into(),
    }
}

fn account() -> impl Strategy<Value = Account> {
    // Of two trust policies: roles that trust alike are what the shortcut is about.
    let role = (any::<bool>(), rights(), select(&["/", "/p/"][..]), any::<bool>());
    let trusts = (trust(), trust());
    (vec(role, 0..5), trusts, vec(rights(), 2), rights()).prop_map(|(roles, trusts, groups, limit)| {
        let mut account = Account::default();
        for (number, (first, rights, path, bounded)) in roles.into_iter().enumerate() {
            let trust = if first { &trusts.0 } else { &trusts.1 };
            let role = role_in_prod((trust.clone(), rights, path, bounded));
            account.roles.insert(format!("r{number}").parse().unwrap(), role);
        }
        for (number, document) in groups.into_iter().enumerate() {
            let inline = [("p".parse().unwrap(), document)].into();
            let group = Group { path: IamPath::root(), inline, attached: [].into() };
            account.groups.insert(format!("g{number}").parse().unwrap(), group);
        }
        let limit = ManagedPolicy { path: IamPath::root(), tags: None, document: limit, versions: vec![] };
        account.policies.insert("limit".parse().unwrap(), limit);
        account
    })
}

fn role_in_prod(parts: (PolicyDocument, PolicyDocument, &'static str, bool)) -> Role {
    role(parts, PROD)
}

/// Two users of the bastion, `alice` in one group and `eve` in both, and roles in either account.
fn estate() -> impl Strategy<Value = Estate> {
    (account(), account(), any::<bool>()).prop_map(|(mut bastion, prod, bounded)| {
        for role in bastion.roles.values_mut() {
            role.boundary = None;
        }
        for (name, groups) in [("alice", vec!["g0"]), ("eve", vec!["g0", "g1"])] {
            let user = User {
                path: IamPath::root(),
                id: None,
                tags: [("role".to_owned(), "r1".to_owned())].into(),
                groups: groups.into_iter().map(|group| group.parse().unwrap()).collect(),
                inline: [].into(),
                attached: [].into(),
                boundary: (bounded && name == "eve")
                    .then(|| format!("arn:aws:iam::{BASTION}:policy/limit").parse().unwrap()),
                credentials: None,
            };
            bastion.users.insert(name.parse().unwrap(), user);
        }
        let accounts: [(AccountId, Account); 2] =
            [(BASTION.parse().unwrap(), bastion), (PROD.parse().unwrap(), prod)];
        Estate { accounts: accounts.into(), ..Estate::default() }
    })
}

fn callers(world: &World<'_>) -> Vec<Caller> {
    let users: Vec<UserArn> = world.users().map(|(arn, _)| arn).collect();
    let users = users
        .iter()
        .flat_map(|arn| Held::ALL.map(|held| Caller::user(world, arn, held).unwrap()))
        .collect::<Vec<_>>();
    let roles: Vec<RoleArn> = world.roles().map(|(arn, _)| arn).collect();
    let sessions =
        roles.iter().map(|arn| Caller::role_session(world, arn, &SessionFacts::default()).unwrap());
    users.into_iter().chain(sessions).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_door_opens_as_if_it_were_the_only_one(estate in estate(), rail in proptest::option::of(rights())) {
        let mut world = World::new(&estate, Partition::Aws, &|_| None);
        if let Some(rail) = rail {
            let level = Guardrail { target: "r-root".to_owned(), policies: vec![("scp".to_owned(), rail)] };
            world = world.guarded(BASTION.parse().unwrap(), &[level]);
        }
        let doors = Doors::of(&world);
        for caller in callers(&world) {
            let found: BTreeMap<&RoleArn, Open> = doors.open_to(&caller).into_iter().collect();
            for (arn, role) in world.roles() {
                let trust = world.trust(&arn, role).unwrap();
                let (found, alone) = (found.get(&arn), ask(&caller, &arn, &trust));
                // A door that is shut by what is plain to see need not be a riddle to the search.
                let is_plain = found.is_none() && matches!(alone, Some(Open::Perhaps(_)));
                prop_assert!(found == alone.as_ref() || is_plain, "{arn}: {found:?}, alone {alone:?}");
            }
        }
    }
}

#[test]
fn what_does_not_parse_is_perhaps_open() {
    let mut estate = Estate::default();
    let account = estate.accounts.entry(PROD.parse().unwrap()).or_default();
    let parts = (PolicyDocument::new("{"), document(&RIGHTS[..1]), "/", false);
    account.roles.insert("r0".parse().unwrap(), role_in_prod(parts));
    account.roles.insert(
        "r1".parse().unwrap(),
        role_in_prod((document(&TRUSTS[3..4]), document(&RIGHTS[..1]), "/", false)),
    );
    let world = World::new(&estate, Partition::Aws, &|_| None);
    let from: RoleArn = "arn:aws:iam::222222222222:role/r1".parse().unwrap();
    let caller = Caller::role_session(&world, &from, &SessionFacts::default()).unwrap();
    let doors = Doors::of(&world);
    let open = doors.open_to(&caller);
    let names: Vec<&str> = open.iter().map(|(arn, _)| arn.name().as_str()).collect();
    assert_eq!(names, ["r0", "r1"]);
    assert!(matches!(open[0].1, Open::Perhaps(_)) && open[1].1 == Open::Surely);
}
