//! The whole way from an account to the screen, on data made by hand.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    AccessKey, Account, Credentials, Design, PolicyDocument, Quotas, RareCredentials, Role, User,
    migrate::{
        AccountUsage, ActionUse, KeyUse, LastUse, Migration, PasswordUse, Proposer, ServiceUse, Usage, Window,
    },
};
use postern_types::{AccessKeyId, PolicyArn, SignedDuration, Timestamp, UserName};

use super::*;
use crate::{commands::migrate::outlooks, estate_file::EstateFile};

const ESTATE: &str = r#"version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
[accounts.prod]
id = "222222222222"
[administrators]
people = ["alice"]
[roles.developer]
accounts = ["prod"]
policies = ["PowerUserAccess"]
[roles.readonly]
accounts = ["prod"]
policies = ["ReadOnlyAccess"]
[people.alice]
roles = ["prod/developer"]
[people.bob]
roles = ["prod/readonly"]
[people.dora]
"#;

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn ago(days: i64) -> Timestamp {
    now().checked_sub(SignedDuration::from_hours(days * 24)).unwrap()
}

fn key() -> AccessKeyId {
    "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
}

fn user(policy: &str, password: bool) -> User {
    User {
        path: "/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        inline: BTreeMap::new(),
        attached: [format!("arn:aws:iam::aws:policy/{policy}").parse().unwrap()].into(),
        boundary: None,
        credentials: Some(Credentials {
            access_keys: [(key(), AccessKey { active: true, created_at: Some(ago(412)) })].into(),
            login_profile: password,
            rare: Some(RareCredentials::default()),
            ..Credentials::default()
        }),
    }
}

fn service(namespace: &str, days: i64, actions: &[&str]) -> ServiceUse {
    let last = Some(ago(days));
    ServiceUse {
        namespace: namespace.to_owned(),
        name: namespace.to_owned(),
        last,
        region: Some("eu-central-1".to_owned()),
        actions: actions.iter().map(|name| ActionUse { action: (*name).to_owned(), last }).collect(),
    }
}

fn usage(days: i64, password: bool, services: Vec<ServiceUse>) -> Usage {
    let last_used = Some(LastUse { at: ago(days), service: None, region: None });
    Usage {
        created: Some(ago(500)),
        password: password.then(|| PasswordUse { enabled: true, last_used: Some(ago(days)) }),
        keys: [(key(), KeyUse { active: true, created: Some(ago(412)), last_used })].into(),
        services: Some(services),
        ..Usage::default()
    }
}

fn account() -> Account {
    let deploy = Role {
        path: "/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        trust: PolicyDocument::new(
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}]}"#,
        ),
        max_session: None,
        description: None,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        instance_profiles: BTreeSet::new(),
    };
    let users = [
        ("alice", user("AdministratorAccess", true)),
        ("bob", user("PowerUserAccess", true)),
        ("dora", user("ReadOnlyAccess", true)),
        ("ci-deploy", user("AdministratorAccess", false)),
        ("old-intern", user("AdministratorAccess", false)),
    ];
    Account {
        users: users.into_iter().map(|(name, user)| (name.parse().unwrap(), user)).collect(),
        roles: [("deploy".parse().unwrap(), deploy)].into(),
        ..Account::default()
    }
}

fn used() -> AccountUsage {
    let iam = ["ListUsers", "CreateUser", "AttachUserPolicy", "CreateRole", "PassRole", "GetUser"];
    let rows = [
        (
            "alice",
            usage(0, true, vec![service("ec2", 1, &[]), service("iam", 3, &iam), service("s3", 0, &[])]),
        ),
        (
            "bob",
            usage(2, true, vec![service("s3", 2, &["GetObject", "PutObject"]), service("lambda", 9, &[])]),
        ),
        ("dora", usage(1, true, vec![service("logs", 1, &[])])),
        ("ci-deploy", usage(0, false, vec![service("ecr", 0, &[]), service("ecs", 0, &[])])),
        ("old-intern", usage(200, false, vec![])),
    ];
    AccountUsage {
        read_at: now(),
        users: rows.into_iter().map(|(name, usage)| (name.parse().unwrap(), usage)).collect(),
        gaps: vec!["service last accessed of carol: Throttling: Rate exceeded".to_owned()],
    }
}

fn with_picture<T>(
    found: Account,
    usage: AccountUsage,
    look: impl FnOnce(&Picture<'_>, &Migration) -> T,
) -> T {
    let design = Design::parse(ESTATE).unwrap();
    let file = EstateFile { path: "postern.toml".into(), text: ESTATE.to_owned(), design };
    let desired = file.desired(&|_| Quotas::default()).unwrap();
    let source = Source { name: "prod".parse().unwrap(), id: "222222222222".parse().unwrap(), found, usage };
    let documents =
        |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
    let window = Window { now: now(), unused_after: Window::UNUSED_AFTER };
    let proposal = Proposer {
        design: &file.design,
        account: &source.name,
        id: source.id,
        found: &source.found,
        usage: &source.usage,
        documents: &documents,
        window,
    }
    .propose();
    let migration = proposal.migration.clone();
    let (users, missing) = outlooks(&file, &desired, &source, proposal);
    look(&Picture { source: &source, window, users: &users, missing: &missing }, &migration)
}

#[test]
fn an_account_on_80_columns() {
    let text = with_picture(account(), used(), |picture, _| plain(&picture.text(80)));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_for_programs() {
    let text = with_picture(account(), used(), |picture, _| picture.json());
    insta::assert_snapshot!(text);
}

#[test]
fn what_was_not_read_is_said_and_taken_for_nothing() {
    let nothing = AccountUsage { read_at: now(), users: BTreeMap::new(), gaps: Vec::new() };
    let text = with_picture(account(), nothing, |picture, _| plain(&picture.text(80)));
    assert_eq!(text.matches("what they used was not read").count(), 4, "{text}");
    assert!(!text.contains("nobody uses it"), "{text}");
}

#[test]
fn a_migration_file_says_what_is_lost_and_stays_readable() {
    let text = with_picture(account(), used(), |picture, migration| {
        let mut migration = migration.clone();
        for user in picture.users {
            migration.users.get_mut(&user.name).unwrap().remarks.extend(remarks(user));
        }
        migration.text()
    });
    let read = Migration::parse(&text).unwrap();
    let names: Vec<&str> = read.users.keys().map(UserName::as_str).collect();
    assert_eq!(names, ["alice", "bob", "ci-deploy", "dora", "old-intern"]);
    insta::assert_snapshot!(text);
}
