//! What is emitted, read back by readers of its own, is the estate that it was emitted from.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    Account, AccountAlias, Desired, ManagedPolicy, PasswordPolicy, PolicyDocument, Tags,
    emit::{self, EmitError, Emitted, LeftOut},
};
use postern_types::{AccountId, PolicyArn};
use serde_json::Value;

use crate::common::{EXAMPLE, LOGS, desired};

mod cloudformation;
mod terraform;

/// Whose policies need care in one format or the other: variables, templates' own words, quotes.
const ODD: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*",
    "Resource": ["arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::x/$${aws:username}", "arn:aws:s3:::%{x}",
        "arn:aws:s3:::%%{y}", "arn:aws:s3:::${*}\"\\", "arn:aws:s3:::5%/$1/ä"],
    "Condition": {"Bool": {"aws:SecureTransport": true}, "StringLike": {"aws:PrincipalTag/a": "${b}"},
        "NumericLessThan": {"s3:max-keys": 10}}}}"#;

/// Estates of several kinds, the last with what no design asks for as yet: emitters go by the account alone.
fn worlds() -> Vec<Desired> {
    let more = EXAMPLE
        .replace("profile = \"acme-bastion\" ", "source_identity = true\nalias = \"acme-sign-in\"\n")
        .replace(
            "policies = [\"PowerUserAccess\"]",
            "policies = [\"PowerUserAccess\", { file = \"p/logs.json\" }, { file = \"p/ec2.json\" }]\n\
             may_assume = [\"arn:aws:iam::444444444444:role/deploy\"]\ntags = { team = \"core\" }",
        )
        + "roles = [\"dev/readonly\"]\n[people.\"dave@acme.com\"]\nroles = []\n[groups.\"1st_line\"]\nroles = []\n\
           [third_parties.auditor]\naccount = \"999999999999\"\nexternal_id = \"a1b2\"\nroles = [\"prod/readonly\"]\n\
           [roles.Idle]\naccounts = [\"dev\"]\npolicies = [\"ViewOnlyAccess\", \"arn:aws:iam::333333333333:policy/postern/postern-cap\"]\n\
           boundary = \"none\"\nreason = \"x\"\n";
    let mut odd = desired(EXAMPLE);
    let own: PolicyArn = "arn:aws:iam::111111111111:policy/own/own".parse().unwrap();
    let elsewhere: PolicyArn = "arn:aws:iam::111111111111:policy/postern/own".parse().unwrap();
    let aws: PolicyArn = "arn:aws:iam::aws:policy/service-role/own".parse().unwrap();
    let bastion = odd.estate.accounts.get_mut(&odd.bastion).unwrap();
    let policy = ManagedPolicy {
        path: "/own/".parse().unwrap(),
        tags: Some(Tags::from([("what".into(), "it's own".into())])),
        document: PolicyDocument::new(ODD),
        versions: Vec::new(),
    };
    bastion.policies.insert("own".parse().unwrap(), policy);
    bastion.password_policy =
        Some(PasswordPolicy { max_age_days: Some(90), hard_expiry: true, ..PasswordPolicy::default() });
    let user = bastion.users.get_mut(&"bob".parse().unwrap()).unwrap();
    user.inline.insert("a_b".parse().unwrap(), PolicyDocument::new(ODD));
    user.attached = BTreeSet::from([own.clone(), elsewhere.clone(), aws]);
    user.boundary = Some(own.clone());
    let group = bastion.groups.get_mut(&"auditors".parse().unwrap()).unwrap();
    group.inline.insert("a-b".parse().unwrap(), PolicyDocument::new(ODD));
    group.attached = BTreeSet::from([own]);
    let role = bastion.roles.get_mut(&"postern-admin".parse().unwrap()).unwrap();
    role.description = Some("costs $5, ${x}".into());
    role.inline.insert("a.b".parse().unwrap(), PolicyDocument::new(ODD));
    role.tags.insert("a ${b}".into(), "%{c}".into());
    role.boundary = Some(elsewhere);
    vec![desired(EXAMPLE), desired(&more), odd]
}

fn json(emitted: &Emitted) -> Value {
    serde_json::from_str(&emitted.text).unwrap()
}

/// A document that was read, as the wanted one if it means the same: so that whole accounts can be compared.
fn document(read: &Value, wanted: Option<&PolicyDocument>) -> PolicyDocument {
    let read = PolicyDocument::new(read.to_string());
    match wanted {
        Some(wanted) if wanted.means_the_same(&read) => wanted.clone(),
        _ => read,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

#[test]
fn templates_say_all_that_they_can() {
    for desired in worlds() {
        let emitted = emit::cloudformation(&desired).unwrap();
        assert_eq!(emitted.len(), 3);
        for (id, wanted) in &desired.estate.accounts {
            let mut wanted = wanted.clone();
            let read = cloudformation::read(&json(&emitted[id]), *id, &wanted);
            let mut left_out = Vec::new();
            left_out.extend(wanted.alias.take().map(LeftOut::AccountAlias));
            left_out.extend(wanted.password_policy.take().map(LeftOut::PasswordPolicy));
            for (name, policy) in &mut wanted.policies {
                left_out.push(LeftOut::PolicyTags {
                    partition: desired.partition,
                    path: policy.path.clone(),
                    policy: name.clone(),
                    tags: policy.tags.take().unwrap(),
                });
            }
            if !wanted.users.is_empty() {
                left_out.push(LeftOut::Credentials);
            }
            assert_eq!(read, wanted);
            assert_eq!(emitted[id].left_out, left_out);
        }
    }
}

#[test]
fn modules_say_all_but_credentials() {
    for desired in worlds() {
        let emitted = emit::terraform(&desired).unwrap();
        assert_eq!(emitted.len(), 3);
        for (id, wanted) in &desired.estate.accounts {
            assert_eq!(terraform::read(&json(&emitted[id]), *id, wanted), *wanted);
            let people = if wanted.users.is_empty() { vec![] } else { vec![LeftOut::Credentials] };
            assert_eq!(emitted[id].left_out, people);
        }
    }
}

#[test]
fn modules_keep_to_the_schema_of_the_provider() {
    for desired in worlds() {
        for emitted in emit::terraform(&desired).unwrap().values() {
            terraform::check_schema(&json(emitted));
        }
    }
}

#[test]
fn the_same_estate_gives_the_same_bytes() {
    for (one, two) in worlds().iter().zip(worlds().iter()) {
        assert_eq!(emit::cloudformation(one), emit::cloudformation(two));
        assert_eq!(emit::terraform(one), emit::terraform(two));
    }
}

#[test]
fn accounts_that_hold_the_same_share_a_template() {
    let apart = emit::cloudformation(&desired(EXAMPLE)).unwrap();
    let alike = EXAMPLE.replace("groups = [\"auditors\"]", "groups = []");
    let alike = emit::cloudformation(&desired(&alike)).unwrap();
    let (dev, prod) = ("333333333333".parse::<AccountId>().unwrap(), "222222222222".parse().unwrap());
    assert_ne!(apart[&dev].text, apart[&prod].text);
    assert_eq!(alike[&dev].text, alike[&prod].text);
    assert_eq!(cloudformation::accounts(&json(&alike[&dev])), ["222222222222", "333333333333"]);
    assert_eq!(cloudformation::accounts(&json(&apart[&dev])), ["333333333333"]);
}

#[test]
fn only_what_must_not_go_with_its_stack_is_kept() {
    for desired in worlds() {
        for emitted in emit::cloudformation(&desired).unwrap().values() {
            for (id, resource) in json(emitted)["Resources"].as_object().unwrap() {
                let kept = resource["Type"] == "AWS::IAM::User" || id == "RolePosternAdmin";
                let fates = (resource["DeletionPolicy"].as_str(), resource["UpdateReplacePolicy"].as_str());
                let wanted = if kept { ("RetainExceptOnCreate", "Retain") } else { ("Delete", "Delete") };
                assert_eq!(fates, (Some(wanted.0), Some(wanted.1)), "{id}");
            }
        }
    }
}

#[test]
fn a_template_that_cloudformation_would_not_take_is_refused() {
    let mut text = EXAMPLE.to_owned();
    for n in 0..500 {
        text += &format!("[people.person{n:03}]\ngroups = [\"developers\"]\n");
    }
    let crowd = desired(&text);
    let bastion = crowd.bastion;
    // 503 people, three groups and who is in them, the administrators' role.
    assert_eq!(
        emit::cloudformation(&crowd),
        Err(EmitError::TooManyResources { account: bastion, count: 510, limit: 500 })
    );
    assert_eq!(
        json(&emit::terraform(&crowd).unwrap()[&bastion])["resource"]["aws_iam_user"]
            .as_object()
            .map(serde_json::Map::len),
        Some(503)
    );
    let mut secret = desired(EXAMPLE);
    let role = secret.estate.accounts.get_mut(&bastion).unwrap().roles.values_mut().next().unwrap();
    let document = PolicyDocument::new(ODD.replace("home", "{{resolve:secretsmanager:x}}"));
    role.inline.insert("own".parse().unwrap(), document);
    let replaced = EmitError::DynamicReference { account: bastion, policy: "own of postern-admin".into() };
    assert_eq!(emit::cloudformation(&secret), Err(replaced));
    assert!(emit::terraform(&secret).is_ok());
    let mut broken = desired(EXAMPLE);
    let group = broken.estate.accounts.get_mut(&bastion).unwrap().groups.values_mut().next().unwrap();
    group.inline.insert("own".parse().unwrap(), PolicyDocument::new(LOGS.replacen('{', "", 1)));
    let not_json = EmitError::NotJson { account: bastion, policy: "own of administrators".into() };
    assert_eq!(emit::cloudformation(&broken), Err(not_json.clone()));
    assert_eq!(emit::terraform(&broken), Err(not_json));
}

#[test]
fn what_is_left_out_has_a_command() {
    let account: AccountId = "222222222222".parse().unwrap();
    let alias: AccountAlias = "acme-sign-in".parse().unwrap();
    let strict = PasswordPolicy { max_age_days: Some(90), hard_expiry: true, ..PasswordPolicy::default() };
    let tags = LeftOut::PolicyTags {
        partition: desired(EXAMPLE).partition,
        path: "/postern/".parse().unwrap(),
        policy: "postern-cap".parse().unwrap(),
        tags: Tags::from([("owner".into(), "it's us".into()), ("postern:managed".into(), "acme".into())]),
    };
    let arn = "arn:aws:iam::222222222222:policy/postern/postern-cap";
    for (part, account, command) in [
        (LeftOut::AccountAlias(alias), None, "aws iam create-account-alias --account-alias acme-sign-in"),
        (
            LeftOut::PasswordPolicy(strict),
            None,
            "aws iam update-account-password-policy --minimum-password-length 14 --require-symbols \
             --require-numbers --require-uppercase-characters --require-lowercase-characters \
             --allow-users-to-change-password --hard-expiry --max-password-age 90 --password-reuse-prevention 24",
        ),
        (
            tags.clone(),
            Some(account),
            &format!(
                r"aws iam tag-policy --policy-arn {arn} --tags 'Key=owner,Value=it'\''s us' Key=postern:managed,Value=acme"
            ),
        ),
        (LeftOut::Credentials, Some(account), "postern people enrol NAME"),
    ] {
        assert_eq!(part.command(account), command);
    }
    assert!(tags.command(None).contains("arn:aws:iam::ACCOUNT_ID:policy/postern/postern-cap"));
}

#[test]
fn the_worked_example() {
    let desired = desired(EXAMPLE);
    let (templates, modules) = (emit::cloudformation(&desired).unwrap(), emit::terraform(&desired).unwrap());
    for (name, id) in [("bastion", "111111111111"), ("prod", "222222222222")] {
        let id: AccountId = id.parse().unwrap();
        insta::assert_snapshot!(format!("cloudformation_{name}"), templates[&id].text);
        insta::assert_snapshot!(format!("terraform_{name}"), modules[&id].text);
    }
}

/// The members that were not looked at, so that a reader cannot pass over anything.
fn nothing_else(properties: &BTreeMap<String, Value>, of: &str) {
    assert!(properties.is_empty(), "{of}: nobody has read {properties:?}");
}

fn members(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().clone().into_iter().collect()
}

/// An account with nothing in it, to read into.
fn empty(wanted: &Account) -> Account {
    Account { quotas: wanted.quotas, ..Account::default() }
}
