//! An account as the `aws` CLI 2.9 printed it, asked by the script of docs/snapshot.md. Some users' files were taken out.

use std::collections::BTreeMap;

use postern_estate::snapshot;
use postern_types::{Timestamp, UserName};

macro_rules! files {
    ($($name:literal),*) => {
        BTreeMap::from([$(($name.to_owned(), include_str!(concat!("snapshot/", $name)).to_owned())),*])
    };
}

fn files() -> BTreeMap<String, String> {
    files![
        "authorization-details.json",
        "credential-report.csv",
        "list-roles.json",
        "list-account-aliases.json",
        "account-summary.json",
        "password-policy.json",
        "service-last-accessed/ci-deploy.json",
        "list-access-keys/alice.json",
        "list-access-keys/bob.json",
        "list-access-keys/ci-deploy.json",
        "list-mfa-devices/alice.json",
        "list-mfa-devices/bob.json",
        "list-mfa-devices/ci-deploy.json"
    ]
}

#[test]
fn what_the_cli_printed_is_read() {
    let read_at: Timestamp = "2026-11-23T01:16:00Z".parse().unwrap();
    let read = snapshot::read(&files(), read_at).unwrap();
    assert_eq!(read.account.to_string(), "222222222222");
    assert_eq!(read.usage.read_at, read_at);
    let (found, usage) = (&read.found, &read.usage);
    assert_eq!(
        (found.users.len(), found.groups.len(), found.roles.len(), found.policies.len()),
        (8, 1, 3, 1)
    );
    assert_eq!(found.alias.as_ref().unwrap().as_str(), "acme-prod");
    assert_eq!(found.password_policy, None, "the CLI answers with an error, and the file is {{}}");
    let app = &found.roles[&"app".parse().unwrap()];
    assert_eq!((app.max_session.unwrap().seconds(), app.instance_profiles.len()), (3_600, 1));
    assert!(app.trust.text().contains("ec2.amazonaws.com"));
    let deploy = found.policies.values().next().unwrap();
    assert!(deploy.versions.len() == 1 && deploy.document.text().contains("iam:PassRole"));

    let name = |text: &str| text.parse::<UserName>().unwrap();
    let held = |text: &str| found.users[&name(text)].credentials.clone();
    let alice = held("alice").unwrap();
    assert_eq!((alice.access_keys.len(), alice.mfa_devices.len(), alice.login_profile), (1, 1, true));
    assert_eq!(held("carol"), None, "her keys were not listed");

    let bob = &usage.users[&name("bob")];
    let active: Vec<_> = bob.keys.values().map(|key| (key.active, key.last_used.is_some())).collect();
    assert!(active.contains(&(true, true)) && active.contains(&(false, false)), "{active:?}");
    assert!(bob.unnamed_keys.is_empty() && bob.password.unwrap().last_used.is_some());
    let carol = &usage.users[&name("carol")];
    assert_eq!((carol.keys.len(), carol.unnamed_keys.len()), (0, 1));
    let ci = &usage.users[&name("ci-deploy")];
    let used: Vec<_> = ci.used_services().map(|service| service.namespace.as_str()).collect();
    assert_eq!(used, ["cloudformation", "ecr", "iam", "lambda", "s3"]);
    let stacks = ci.used_services().next().unwrap();
    let tried: Vec<_> = stacks.actions.iter().filter(|action| action.last.is_some()).collect();
    assert_eq!(tried.iter().map(|action| action.action.as_str()).collect::<Vec<_>>(), ["UpdateStack"]);
    assert!(ci.password.is_none() && !ci.mfa);
    assert_eq!(
        usage.gaps,
        ["service-last-accessed has no file for alice, backup-agent, bob, carol, dave and 2 more: \
          which services they used"]
    );
}
