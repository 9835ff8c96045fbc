//! The worked example of the design: every object that it shows, and nothing else.

use std::collections::BTreeSet;

use crate::common::{EXAMPLE, desired, desired_errors};
use postern_estate::{Desired, PolicyDocument, Role};
use postern_types::AccountId;

const BASTION: &str = "111111111111";
const PROD: &str = "222222222222";
const DEV: &str = "333333333333";

fn id(text: &str) -> AccountId {
    text.parse().unwrap_or_else(|_| unreachable!("{text}"))
}

/// The same JSON but for white space: order counts too, since people compare by eye.
fn same_json(found: &PolicyDocument, expected: &str) {
    let tight = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(tight(found.text()), tight(expected));
}

fn role<'a>(desired: &'a Desired, account: &str, name: &str) -> &'a Role {
    &desired.estate.accounts[&id(account)].roles[&name.parse().unwrap_or_else(|_| unreachable!("{name}"))]
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

const AUDITORS: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "AssumeDeclaredRolesWithMfa", "Effect": "Allow", "Action": "sts:AssumeRole",
   "Resource": ["arn:aws:iam::222222222222:role/postern/readonly"],
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
  {"Sid": "StartSession", "Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}"#;

const CAP: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "Work", "Effect": "Allow", "Resource": "*",
   "NotAction": ["iam:*", "organizations:*", "account:*", "sso:*", "sso-directory:*", "identitystore:*",
                 "sts:AssumeRole*", "sts:AssumeRoot", "sts:GetFederationToken",
                 "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors",
                 "config:DeleteConfigurationRecorder", "config:StopConfigurationRecorder",
                 "guardduty:DeleteDetector", "guardduty:UpdateDetector", "access-analyzer:DeleteAnalyzer"]},
  {"Sid": "Look", "Effect": "Allow", "Resource": "*",
   "Action": ["iam:Get*", "iam:List*", "iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Simulate*",
              "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole",
              "organizations:Describe*", "organizations:List*", "account:Get*", "account:List*", "sso:Describe*", "sso:List*", "sso:Get*"]}]}"#;

const PROD_READONLY: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                 "ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:user/postern/alice",
                                                     "arn:aws:iam::111111111111:user/postern/bob",
                                                     "arn:aws:iam::111111111111:user/postern/carol"]}}}]}"#;

const ADMIN: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                 "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
                 "ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:user/postern/carol"]}}}]}"#;

#[test]
fn the_bastion_is_as_told() {
    let desired = desired(EXAMPLE);
    assert_eq!(texts(desired.estate.accounts.keys()), [BASTION, PROD, DEV]);
    let bastion = &desired.estate.accounts[&id(BASTION)];
    assert_eq!(texts(bastion.users.keys()), ["alice", "bob", "carol"]);
    for (name, groups) in [
        ("alice", vec!["developers"]),
        ("bob", vec!["auditors"]),
        ("carol", vec!["administrators", "developers"]),
    ] {
        let user = &bastion.users[&name.parse().unwrap()];
        assert_eq!(user.path.as_str(), "/postern/");
        assert_eq!(user.tags.iter().collect::<Vec<_>>(), [(&"postern:managed".into(), &"acme".into())]);
        assert_eq!(texts(&user.groups), groups);
        assert!(user.inline.is_empty() && user.attached.is_empty() && user.boundary.is_none());
    }
    assert_eq!(texts(bastion.groups.keys()), ["administrators", "auditors", "developers"]);
    for group in bastion.groups.values() {
        assert_eq!(group.path.as_str(), "/postern/");
        assert_eq!(texts(group.inline.keys()), ["postern"]);
        assert!(group.attached.is_empty());
    }
    let policy =
        |group: &str| bastion.groups[&group.parse().unwrap()].inline[&"postern".parse().unwrap()].clone();
    same_json(&policy("auditors"), AUDITORS);
    let resources = |arns: &[&str]| {
        let list = arns.iter().map(|arn| format!("\"{arn}\"")).collect::<Vec<_>>().join(",");
        AUDITORS.replace("\"arn:aws:iam::222222222222:role/postern/readonly\"", &list)
    };
    same_json(
        &policy("developers"),
        &resources(&[
            "arn:aws:iam::222222222222:role/postern/developer",
            "arn:aws:iam::222222222222:role/postern/readonly",
            "arn:aws:iam::333333333333:role/postern/developer",
            "arn:aws:iam::333333333333:role/postern/readonly",
        ]),
    );
    same_json(
        &policy("administrators"),
        &resources(&[
            "arn:aws:iam::111111111111:role/postern/postern-admin",
            "arn:aws:iam::222222222222:role/postern/postern-admin",
            "arn:aws:iam::333333333333:role/postern/postern-admin",
        ]),
    );
    assert!(bastion.password_policy.is_some() && bastion.alias.is_none() && bastion.policies.is_empty());
    assert_eq!(texts(bastion.roles.keys()), ["postern-admin"]);
}

#[test]
fn the_accounts_are_as_told() {
    let desired = desired(EXAMPLE);
    for account in [DEV, PROD] {
        let found = &desired.estate.accounts[&id(account)];
        assert!(found.users.is_empty() && found.groups.is_empty() && found.password_policy.is_none());
        assert_eq!(texts(found.policies.keys()), ["postern-cap"]);
        let cap = &found.policies[&"postern-cap".parse().unwrap()];
        assert_eq!(cap.path.as_str(), "/postern/");
        same_json(&cap.document, CAP);
        assert_eq!(texts(found.roles.keys()), ["developer", "postern-admin", "readonly"]);
        for (name, policy) in [("developer", "PowerUserAccess"), ("readonly", "ReadOnlyAccess")] {
            let role = role(&desired, account, name);
            assert_eq!(texts(&role.attached), [format!("arn:aws:iam::aws:policy/{policy}")]);
            assert_eq!(texts(&role.boundary), [format!("arn:aws:iam::{account}:policy/postern/postern-cap")]);
            assert_eq!(texts(role.max_session), ["1h"]);
            assert_eq!(role.tags["postern:managed"], "acme");
            assert!(role.inline.is_empty());
        }
    }
    same_json(&role(&desired, PROD, "readonly").trust, PROD_READONLY);
    let two = PROD_READONLY.replace("\"arn:aws:iam::111111111111:user/postern/bob\",", "");
    for (account, name) in [(DEV, "readonly"), (DEV, "developer"), (PROD, "developer")] {
        same_json(&role(&desired, account, name).trust, &two);
    }
    assert!(desired.one_sided.is_empty());
}

#[test]
fn the_administrators_role_stands_everywhere() {
    let desired = desired(EXAMPLE);
    for account in [BASTION, DEV, PROD] {
        let admin = role(&desired, account, "postern-admin");
        assert_eq!(texts(&admin.attached), ["arn:aws:iam::aws:policy/AdministratorAccess"]);
        assert_eq!((admin.boundary.as_ref(), admin.path.as_str()), (None, "/postern/"));
        same_json(&admin.trust, ADMIN);
    }
}

#[test]
fn what_the_example_only_mentions() {
    let text = EXAMPLE
        .replace("profile = \"acme-bastion\" ", "source_identity = true\nalias = \"acme-sign-in\"\n")
        .replace("policies = [\"PowerUserAccess\"]", "policies = [\"PowerUserAccess\", { file = \"p/logs.json\" }]\n\
            mfa_max_age = \"12h\"\nmay_assume = [\"arn:aws:iam::444444444444:role/deploy\"]\ntags = { team = \"core\" }")
        + "roles = [\"dev/readonly\"]\n[people.dave]\nroles = []\n\
           [third_parties.auditor]\naccount = \"999999999999\"\nexternal_id = \"a1b2\"\nroles = [\"prod/readonly\"]\n\
           [roles.idle]\naccounts = [\"dev\"]\npolicies = [\"ViewOnlyAccess\"]\nboundary = \"none\"\nreason = \"x\"\n";
    let desired = desired(&text);
    let bastion = &desired.estate.accounts[&id(BASTION)];
    assert_eq!(texts(&bastion.alias), ["acme-sign-in"]);
    assert_eq!(
        texts(&bastion.users[&"carol".parse().unwrap()].groups),
        ["administrators", "developers", "person-carol",]
    );
    let set_source = |document: &str| {
        document.replace("\"sts:AssumeRole\"", "[\"sts:AssumeRole\", \"sts:SetSourceIdentity\"]")
    };
    same_json(
        &bastion.groups[&"auditors".parse().unwrap()].inline[&"postern".parse().unwrap()],
        &set_source(AUDITORS),
    );
    same_json(&role(&desired, PROD, "readonly").trust, &set_source(PROD_READONLY).replace(
        "}}}]}",
        r#"}}}, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "a1b2"}}}]}"#,
    ));
    let developer = role(&desired, DEV, "developer");
    assert!(developer.trust.text().contains(r#""NumericLessThan": {"aws:MultiFactorAuthAge": "43200"}"#));
    assert_eq!(
        texts(&developer.boundary),
        ["arn:aws:iam::333333333333:policy/postern/postern-cap-developer"]
    );
    let own = &desired.estate.accounts[&id(DEV)].policies[&"postern-cap-developer".parse().unwrap()].document;
    same_json(
        own,
        &CAP.replace(
            "\"sso:Get*\"]}]}",
            r#""sso:Get*"]}, {"Sid": "AssumeDeclaredRoles", "Effect": "Allow",
            "Resource": ["arn:aws:iam::444444444444:role/deploy"], "Action": "sts:AssumeRole"}]}"#,
        ),
    );
    assert_eq!(developer.inline[&"logs".parse().unwrap()].text(), crate::common::LOGS);
    assert_eq!(developer.tags["team"], "core");
    let idle = role(&desired, DEV, "idle");
    assert_eq!(idle.boundary, None);
    same_json(
        &idle.trust,
        r#"{"Version": "2012-10-17", "Statement": [{"Sid": "NobodyYet", "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}]}"#,
    );
    assert_eq!(texts(&idle.attached), ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"]);
}

/// The example with so many more developers and accounts.
fn grown(people: usize, accounts: usize) -> String {
    let mut text = EXAMPLE.replace("accounts = [\"dev\", \"prod\"]", "accounts = \"*\"");
    for n in 0..people {
        text += &format!("[people.person{n:03}]\ngroups = [\"developers\"]\n");
    }
    for n in 0..accounts {
        text += &format!("[accounts.account{n:03}]\nid = \"4444{n:08}\"\n");
    }
    text
}

#[test]
fn long_lists_shorten_or_give_way() {
    // Some thirty people fit into a trust policy.
    assert!(desired(&grown(25, 0)).one_sided.is_empty());
    let crowd = desired(&grown(60, 0));
    let one_sided: BTreeSet<String> = crowd.one_sided.iter().map(ToString::to_string).collect();
    assert_eq!(one_sided.len(), 4, "{one_sided:?}");
    assert!(one_sided.contains("arn:aws:iam::222222222222:role/postern/developer"));
    let trust = &role(&crowd, PROD, "developer").trust;
    assert!(!trust.text().contains("PrincipalArn") && trust.text().contains("MultiFactorAuthPresent"));
    // The administrators' role keeps its list: carol is alone in it.
    assert!(role(&crowd, PROD, "postern-admin").trust.text().contains("user/postern/carol"));

    let wide = desired(&grown(0, 60));
    let bastion = &wide.estate.accounts[&id(BASTION)];
    let developers = &bastion.groups[&"developers".parse().unwrap()].inline[&"postern".parse().unwrap()];
    assert!(developers.size() <= 5_120, "{}", developers.size());
    // One role gives way, the longer one; the other still fits.
    assert!(developers.text().contains("\"arn:aws:iam::*:role/postern/developer\""));
    assert!(developers.text().contains("arn:aws:iam::222222222222:role/postern/readonly"));

    let any = EXAMPLE.replace("[accounts.dev]", "resource = \"*\"\n[accounts.dev]");
    let any = &desired(&any).estate.accounts[&id(BASTION)];
    let auditors = &any.groups[&"auditors".parse().unwrap()].inline[&"postern".parse().unwrap()];
    same_json(
        auditors,
        &AUDITORS.replace("[\"arn:aws:iam::222222222222:role/postern/readonly\"]", "[\"*\"]"),
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    // Not granted everywhere, so not shortened: 120 accounts of which one is left out.
    let mut text = grown(0, 120) + "[roles.most]\npolicies = []\naccounts = [";
    for n in 0..120 {
        text += &format!("\"account{n:03}\", ");
    }
    text += "]\n[groups.most]\nroles = [\"*/most\"]\n";
    for n in 0..11 {
        text += &format!("[groups.g{n}]\nroles = []\n");
    }
    text += "[people.eve]\ngroups = [";
    for n in 0..11 {
        text += &format!("\"g{n}\", ");
    }
    text += "]\n[roles.broken]\naccounts = \"*\"\npolicies = [{ file = \"p/broken.json\" }, { file = \"p/none.json\" }, \
             { file = \"p/trust.json\" }, { file = \"p/huge.json\" }]\n";
    let found: Vec<String> = desired_errors(&text).into_iter().map(|e| e.message).collect();
    for wanted in [
        "the policy of the group `most` would have ",
        "`eve` would be in 11 groups, and IAM takes 10",
        "p/broken.json:1:1",
        "cannot read `p/none.json`: no such file",
        "p/trust.json:1:41: a role's policy cannot name a principal",
        "the inline policies of the role `broken` would have ",
    ] {
        assert!(found.iter().any(|message| message.starts_with(wanted)), "no `{wanted}` in {found:#?}");
    }
}
