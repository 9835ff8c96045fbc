use std::collections::BTreeSet;

use postern_types::{AccessKeyId, SignedDuration, Timestamp};
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;
use crate::{
    AccessKey, Credentials, RareCredentials,
    migrate::{ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage},
};

const NOW: &str = "2026-11-22T10:00:00Z";
const ESTATE: &str = r#"version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
[accounts.prod]
id = "222222222222"
[administrators]
people = ["carol"]
[roles.developer]
accounts = ["prod"]
policies = ["PowerUserAccess"]
[roles.developers]
accounts = ["prod"]
policies = ["PowerUserAccess"]
[people.carol]
roles = ["prod/developer"]
"#;

fn documents(arn: &PolicyArn) -> Option<String> {
    let statement = match arn.name().as_str() {
        "AdministratorAccess" => r#""Effect": "Allow", "Action": "*""#,
        "PowerUserAccess" => r#""Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"]"#,
        _ => return None,
    };
    Some(format!(r#"{{"Version": "2012-10-17", "Statement": {{{statement}, "Resource": "*"}}}}"#))
}

fn window() -> Window {
    Window { now: NOW.parse().unwrap(), unused_after: Window::UNUSED_AFTER }
}

fn ago(days: i64) -> Timestamp {
    window().now.checked_sub(SignedDuration::from_hours(days * 24)).unwrap()
}

fn user(policies: &[&str]) -> User {
    User {
        path: "/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        inline: BTreeMap::new(),
        attached: policies
            .iter()
            .map(|name| format!("arn:aws:iam::aws:policy/{name}").parse().unwrap())
            .collect(),
        boundary: None,
        credentials: Some(Credentials { rare: Some(RareCredentials::default()), ..Credentials::default() }),
    }
}

fn key_id(number: u8) -> AccessKeyId {
    format!("AKIAIOSFODNN7EXAMPL{number}").parse().unwrap()
}

fn service(namespace: &str, days: i64) -> ServiceUse {
    ServiceUse {
        namespace: namespace.to_owned(),
        name: namespace.to_owned(),
        last: Some(ago(days)),
        region: None,
        actions: Vec::new(),
    }
}

/// One key, used so many days ago, made half a year ago.
fn keyed(days: Option<i64>, services: &[&str]) -> Usage {
    let last_used = days.map(|days| LastUse { at: ago(days), service: None, region: None });
    Usage {
        created: Some(ago(180)),
        keys: [(key_id(0), KeyUse { active: true, created: Some(ago(180)), last_used })].into(),
        services: Some(services.iter().map(|name| service(name, days.unwrap_or(200))).collect()),
        ..Usage::default()
    }
}

fn with_password(days: Option<i64>) -> Usage {
    let password = Some(PasswordUse { enabled: true, last_used: days.map(ago) });
    Usage { created: Some(ago(400)), password, services: Some(Vec::new()), mfa: false, ..Usage::default() }
}

fn proposal(users: BTreeMap<UserName, User>, usage: BTreeMap<UserName, Usage>) -> Proposal {
    let design = Design::parse(ESTATE).unwrap();
    let account = "prod".parse().unwrap();
    let found = Account { users, ..Account::default() };
    let usage = AccountUsage { read_at: window().now, users: usage, gaps: Vec::new() };
    Proposer {
        design: &design,
        account: &account,
        id: "222222222222".parse().unwrap(),
        found: &found,
        usage: &usage,
        documents: &documents,
        window: window(),
    }
    .propose()
}

#[test]
fn an_account_as_they_grow() {
    let rows: [(&str, User, Option<Usage>); 13] = [
        (
            "alice",
            user(&["AdministratorAccess"]),
            Some(keyed(Some(0), &["s3", "ec2", "iam", "rds", "logs", "sqs"])),
        ),
        ("bob.miller", user(&["PowerUserAccess"]), Some(keyed(Some(3), &["s3"]))),
        ("Carol", user(&["AdministratorAccess"]), Some(with_password(Some(1)))),
        ("dave@example.com", user(&["AdministratorAccess"]), Some(with_password(Some(120)))),
        ("ci-deploy", user(&["AdministratorAccess"]), Some(keyed(Some(0), &["s3", "ecr"]))),
        ("reportsWorker2", user(&["PowerUserAccess"]), Some(keyed(Some(0), &["s3", "sqs"]))),
        ("veeam", user(&[]), Some(keyed(Some(1), &["s3"]))),
        ("x77", user(&[]), Some(keyed(Some(1), &["s3", "quicksight"]))),
        ("old-intern", user(&["AdministratorAccess"]), Some(keyed(Some(200), &[]))),
        ("never", user(&[]), Some(keyed(None, &[]))),
        ("empty", user(&[]), None),
        ("break-glass", user(&["AdministratorAccess"]), Some(keyed(Some(10), &["iam"]))),
        ("unread", User { credentials: None, ..user(&[]) }, None),
    ];
    let users = rows.iter().map(|(name, user, _)| (name.parse().unwrap(), user.clone())).collect();
    let usage =
        rows.into_iter().filter_map(|(name, _, usage)| Some((name.parse().unwrap(), usage?))).collect();
    let proposal = proposal(users, usage);
    let text = proposal.migration.text();
    let mut read = Migration::parse(&text).unwrap();
    for (name, entry) in &mut read.users {
        entry.remarks.clone_from(&proposal.migration.users[name].remarks);
    }
    assert_eq!(read, proposal.migration);
    insta::assert_snapshot!(text);
}

#[test]
fn postern_s_own_users_are_kept() {
    let mut own = user(&[]);
    own.path = crate::PATH.parse().unwrap();
    own.tags.insert(crate::MANAGED_TAG.to_owned(), "acme".to_owned());
    let proposal = proposal([("alice".parse().unwrap(), own)].into(), BTreeMap::new());
    assert_eq!(proposal.migration.users.values().next().unwrap().kind, Kind::Keep);
}

#[test]
fn a_young_user_that_did_nothing_yet_is_not_unused() {
    let mut usage = keyed(None, &[]);
    usage.created = Some(ago(3));
    let proposal = proposal(
        [("newcomer".parse().unwrap(), user(&[]))].into(),
        [("newcomer".parse().unwrap(), usage)].into(),
    );
    assert!(matches!(proposal.migration.users.values().next().unwrap().kind, Kind::Person { .. }));
}

fn times() -> impl Strategy<Value = Option<Timestamp>> {
    option::of((-2_i64..800).prop_map(ago))
}

fn keys() -> impl Strategy<Value = KeyUse> {
    (any::<bool>(), times(), times()).prop_map(|(active, created, at)| KeyUse {
        active,
        created,
        last_used: at.map(|at| LastUse { at, service: None, region: None }),
    })
}

fn uses() -> impl Strategy<Value = Usage> {
    let service = (select(vec!["s3", "iam", "ec2", "ses", "sts"]), times(), times()).prop_map(
        |(name, last, action)| ServiceUse {
            last,
            actions: vec![ActionUse { action: "CreateBucket".to_owned(), last: action }],
            ..service(name, 0)
        },
    );
    (
        times(),
        option::of(
            (any::<bool>(), times()).prop_map(|(enabled, last_used)| PasswordUse { enabled, last_used }),
        ),
        btree_map((0_u8..4).prop_map(key_id), keys(), 0..3),
        option::of(vec(service, 0..4)),
        (any::<bool>(), option::of(keys())),
    )
        .prop_map(|(created, password, keys, services, (mfa, unnamed))| Usage {
            unnamed_keys: unnamed.into_iter().collect(),
            created,
            password,
            keys,
            services,
            mfa,
        })
}

fn users() -> impl Strategy<Value = User> {
    let credentials = (btree_set(0_u8..4, 0..3), any::<bool>(), option::of(any::<bool>())).prop_map(
        |(keys, login_profile, ssh)| Credentials {
            access_keys: keys
                .into_iter()
                .map(|key| (key_id(key), AccessKey { active: key % 2 == 0, created_at: None }))
                .collect(),
            login_profile,
            rare: ssh.map(|active| RareCredentials {
                ssh_public_keys: [("APKAEXAMPLE".to_owned(), active)].into(),
                ..RareCredentials::default()
            }),
            ..Credentials::default()
        },
    );
    (option::of(credentials), select(vec!["AdministratorAccess", "PowerUserAccess", "Unknown"]))
        .prop_map(|(credentials, policy)| User { credentials, ..user(&[policy]) })
}

proptest! {
    /// Every user stands in the file once, and nobody who did anything of late, or of whom not all is known, is
    /// taken for unused.
    #[test]
    fn nobody_is_forgotten_and_nobody_in_use_is_unused(
        all in btree_map("[a-z@.-]{1,12}|ci|deploy|break-glass|Carol", (users(), option::of(uses())), 0..6),
    ) {
        let users: BTreeMap<UserName, User> =
            all.iter().map(|(name, (user, _))| (name.parse().unwrap(), user.clone())).collect();
        let usage: BTreeMap<UserName, Usage> =
            all.iter().filter_map(|(name, (_, usage))| Some((name.parse().unwrap(), usage.clone()?))).collect();
        let proposal = proposal(users.clone(), usage.clone());
        prop_assert!(proposal.migration.users.keys().eq(users.keys()));
        for (name, entry) in &proposal.migration.users {
            if entry.kind != Kind::Unused {
                continue;
            }
            let last = usage.get(name).and_then(Usage::last_used);
            prop_assert!(last.is_none_or(|at| at < ago(90)), "{name} was used at {last:?}");
            if let Some(held) = &users[name].credentials {
                let uses = usage.get(name).cloned().unwrap_or_default();
                let active = held.access_keys.iter().filter(|(_, key)| key.active);
                let unasked = active.filter(|(key, _)| !uses.keys.contains_key(key)).count();
                prop_assert!(unasked <= uses.unnamed_keys.len(), "nobody asked when {unasked} keys were used");
                prop_assert!(!held.login_profile || uses.password.is_some());
            } else {
                prop_assert!(usage.get(name).is_some_and(|usage| usage.created.is_some()));
            }
        }
        let text = proposal.migration.text();
        for name in all.keys() {
            let heading = format!("[users.{}]", crate::written::key(name));
            prop_assert_eq!(text.lines().filter(|line| *line == heading).count(), 1);
        }
    }
}
