//! `postern policy simulate`: what people read, what scripts read, and what is refused.

use serde_json::Value;

use crate::folder::{Folder, said};

pub(crate) const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
pub(crate) const DEVELOPER: &str = "arn:aws:iam::222222222222:role/developer";

const GROUP: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Assume",
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Resource": ["arn:aws:iam::222222222222:role/developer"],
      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    },
    {
      "Sid": "Own",
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject"],
      "Resource": "arn:aws:s3:::home/${aws:username}/*"
    },
    {
      "Effect": "Deny",
      "Action": "s3:Delete*",
      "Resource": "*",
      "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}}
    }
  ]
}
"#;

const TRUST: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
      "Action": "sts:AssumeRole",
      "Condition": {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}
      }
    },
    {
      "Effect": "Allow",
      "Principal": {"Service": "ec2.amazonaws.com"},
      "Action": "sts:AssumeRole"
    }
  ]
}
"#;

/// A resource's policy that leaves everything to alice's account.
const POLICY_OF_ACCOUNT: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}}"#;

pub(crate) fn one(effect: &str, action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}]}}"#
    )
}

pub(crate) fn folder() -> Folder {
    Folder::new()
        .with("group.json", GROUP)
        .with("trust.json", TRUST)
        .with("s3.json", one("Allow", "s3:*"))
        .with("ec2.json", one("Allow", "ec2:*"))
        .with("deny.json", one("Deny", "s3:*"))
        .with("all.json", one("Allow", "*"))
        .with("account.json", POLICY_OF_ACCOUNT)
}

/// What is said of these arguments, alice being the caller.
pub(crate) fn alice(arguments: &str) -> String {
    let arguments = format!("simulate --caller {ALICE} {arguments}");
    said(&folder().run(&arguments.split_whitespace().collect::<Vec<_>>()))
}

/// The decision and the deciding layer on each of these requests.
pub(crate) fn decided(arguments: &[&str]) -> Vec<String> {
    let output = folder().run(&[&["simulate", "--json"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = answer["EvaluationResults"].as_array().unwrap().iter();
    let of_resources =
        results.flat_map(|result| result["ResourceSpecificResults"].as_array().unwrap().clone());
    of_resources
        .map(|result| {
            let layer = result["deciding"]["layer"].as_str().unwrap_or_default();
            format!("{} {layer}", result["EvalResourceDecision"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn a_trust_policy_that_wants_mfa_is_heeded() {
    let flags = format!("--trust-policy trust.json --policy group.json --resource {DEVELOPER}");
    insta::assert_snapshot!(alice(&format!(
        "{flags} --context aws:MultiFactorAuthPresent=false --expect denied"
    )));
}

#[test]
fn what_allows_is_underlined_and_what_was_not_expected_fails() {
    let flags = format!("--trust-policy trust.json --policy group.json --resource {DEVELOPER}");
    insta::assert_snapshot!(alice(&format!(
        "{flags} --context aws:MultiFactorAuthPresent=true --expect denied"
    )));
}

#[test]
fn each_action_is_decided_on_each_resource() {
    insta::assert_snapshot!(alice(
        "--policy group.json --action s3:GetObject s3:PutObjects \
         --resource arn:aws:s3:::home/alice/x arn:aws:s3:::home/bob/x --no-implied-context \
         --context aws:username=alice --expect allowed"
    ));
}

#[test]
fn a_denial_that_is_in_doubt_says_so() {
    insta::assert_snapshot!(alice(
        "--policy group.json all.json --action s3:DeleteObject --resource arn:aws:s3:::home/alice/x \
         --context aws:MultiFactorAuthAge=long"
    ));
}

#[test]
fn every_layer_has_its_say() {
    insta::assert_snapshot!(alice(
        "--policy all.json --group-policy group.json --boundary ec2.json --session-policy s3.json \
         --scp r-1=all.json --scp ou-1=ec2.json --rcp r-1=all.json --action s3:GetObject \
         --resource arn:aws:s3:::home/alice/x"
    ));
}

#[test]
fn callers_that_need_no_policy_or_may_not_at_all() {
    let run = |caller: &str, action: &str| {
        said(&folder().run(&["simulate", "--policy", "ec2.json", "--caller", caller, "--action", action]))
    };
    let root = run("arn:aws:iam::111111111111:root", "s3:ListAllMyBuckets");
    let assumes = run("arn:aws:iam::111111111111:root", "sts:AssumeRole");
    let nothing = run("arn:aws:sts::111111111111:assumed-role/r/s", "sts:GetCallerIdentity");
    insta::assert_snapshot!([root, assumes, nothing].join("\n"));
}

#[test]
fn nobody_named_is_someone_of_the_resources_account() {
    insta::assert_snapshot!(said(&folder().run(&[
        "simulate",
        "--policy",
        "group.json",
        "--action",
        "s3:GetObject",
        "--resource",
        "arn:aws:s3:::home/alice/x",
    ])));
}

#[test]
fn the_flags_of_the_aws_cli_are_taken() {
    let dated = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
    // The example of the AWS CLI's manual, whose answer has these positions.
    let output = folder().run(&[
        "simulate",
        "--json",
        "--policy-input-list",
        dated,
        "--action-names",
        "dynamodb:CreateBackup",
        "--context-entries",
        "ContextKeyName='aws:CurrentTime',ContextKeyValues='2019-04-25T11:00:00Z',ContextKeyType=date",
    ]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &answer["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], "allowed");
    let matched = serde_json::json!([{
        "SourcePolicyId": "PolicyInputList.1",
        "StartPosition": {"Line": 1, "Column": 38}, "EndPosition": {"Line": 1, "Column": 167}
    }]);
    assert_eq!(result["MatchedStatements"], matched);
    assert_eq!(result["MissingContextValues"], serde_json::json!([]));

    let list = serde_json::to_string(&[one("Allow", "ec2:*"), one("Allow", "s3:*")]).unwrap();
    let folder_url = "file://s3.json";
    let scps = |policy: &str| serde_json::json!([{"ServiceControlPolicyInputList": [policy]}]).to_string();
    let (full, narrow) = (scps(&one("Allow", "*")), scps(&one("Allow", "ec2:*")));
    let shorthand =
        format!("ServiceControlPolicyInputList='{}','{}'", one("Allow", "*"), one("Deny", "s3:*"));
    let get = ["--action-names", "s3:GetObject", "--caller-arn", ALICE];
    let with = |more: &[&str]| decided(&[&get[..], more].concat());
    assert_eq!(with(&["--policy-input-list", &list]), ["allowed identity"]);
    assert_eq!(with(&["--policy-input-list", folder_url]), ["allowed identity"]);
    let levels = "--ordered-organization-policy-input-list";
    assert_eq!(with(&["--policy", "s3.json", levels, &full]), ["allowed identity"]);
    assert_eq!(with(&["--policy", "s3.json", levels, &full, &narrow]), ["implicitDeny scp"]);
    assert_eq!(with(&["--policy", "s3.json", levels, &shorthand]), ["explicitDeny scp"]);
    let boundary = "--permissions-boundary-policy-input-list";
    assert_eq!(with(&["--policy", "s3.json", boundary, "ec2.json"]), ["implicitDeny boundary"]);
    assert_eq!(
        with(&["--policy", "s3.json", "--resource-handling-option", "EC2-VPC-EBS"]),
        ["allowed identity"]
    );
}

#[test]
fn a_bucket_of_another_account_wants_both_sides() {
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:*","Resource":"*"}}"#;
    let with = |owner: &str, policy: &str| {
        decided(&[
            "--caller",
            ALICE,
            "--action",
            "s3:GetObject",
            "--resource",
            "arn:aws:s3:::b/k",
            "--resource-owner",
            owner,
            "--resource-policy",
            bucket,
            "--policy",
            policy,
        ])
    };
    let root = "arn:aws:iam::222222222222:root";
    assert_eq!(with(root, "s3.json"), ["allowed identity"]);
    assert_eq!(with(root, "ec2.json"), ["implicitDeny identity"]);
    assert_eq!(with("111111111111", "s3.json"), ["allowed identity"]);
}

#[test]
fn levels_of_one_name_are_one_level() {
    let with = |scps: &[&str]| {
        let mut arguments = vec!["--caller", ALICE, "--action", "s3:GetObject", "--policy", "s3.json"];
        scps.iter().for_each(|scp| arguments.extend(["--scp", *scp]));
        decided(&arguments)
    };
    assert_eq!(with(&["ou=ec2.json", "ou=s3.json"]), ["allowed identity"]);
    assert_eq!(with(&["ec2.json", "s3.json"]), ["implicitDeny scp"]);
    assert_eq!(with(&["r=all.json", "ou=s3.json", "r=deny.json"]), ["explicitDeny scp"]);
}

#[test]
fn keys_are_given_in_every_form() {
    let wants = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b, c"]},"Null":{"aws:TagKeys":"false"}}}}"#;
    let with = |more: &[&str]| decided(&[&["--policy", wants, "--action", "ec2:CreateTags"], more].concat());
    for more in [
        &["--context", "aws:TagKeys=a", "--context", "AWS:tagkeys=b, c"][..],
        &[
            "--context-entries",
            "ContextKeyName=aws:TagKeys,ContextKeyValues=a,'b, c',ContextKeyType=stringList",
        ],
        &[
            "--context-entries",
            r#"{"ContextKeyName":"aws:TagKeys","ContextKeyValues":["a","b, c"],"ContextKeyType":"stringList"}"#,
        ],
        &["--context-entries", r#"[{"ContextKeyName":"aws:TagKeys","ContextKeyValues":["a"]}]"#],
    ] {
        assert_eq!(with(more), ["allowed identity"], "{more:?}");
    }
    assert_eq!(with(&["--context", "aws:TagKeys=b"]), ["implicitDeny identity"]);
    assert_eq!(with(&[]), ["implicitDeny identity"]);
}

#[test]
fn implied_keys_give_way_to_given_ones() {
    let wants = |key: &str, value: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringEquals":{{"{key}":"{value}"}}}}}}}}"#
        )
    };
    let role = "arn:aws:iam::111111111111:role/x/r";
    for (caller, key, value) in [
        (ALICE, "aws:username", "alice"),
        (ALICE, "aws:PrincipalArn", ALICE),
        (ALICE, "aws:ResourceAccount", "333333333333"),
        (role, "aws:PrincipalArn", role),
        (role, "aws:PrincipalType", "AssumedRole"),
        ("arn:aws:sts::111111111111:federated-user/f", "aws:userid", "111111111111:f"),
    ] {
        let policy = wants(key, value);
        let arguments = ["--policy", &policy, "--caller", caller, "--action", "ec2:RunInstances"];
        let resource = ["--resource", "arn:aws:ec2:eu-central-1:333333333333:instance/i"];
        let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}}"#;
        let session = ["--session-policy", &policy, "--resource-policy", bucket];
        let all = [&arguments[..], &resource, &session].concat();
        assert_eq!(decided(&all), ["allowed identity"], "{key}");
        let other = format!("{key}=other");
        assert_eq!(decided(&[&all[..], &["--context", &other]].concat()), ["implicitDeny identity"], "{key}");
        assert_eq!(
            decided(&[&all[..], &["--no-implied-context"]].concat()),
            ["implicitDeny identity"],
            "{key}"
        );
    }
}

#[test]
fn the_answer_has_the_members_of_awss() {
    let output = folder().run(&[
        "simulate",
        "--json",
        "--caller",
        ALICE,
        "--policy",
        "group.json",
        "--boundary",
        "s3.json",
        "--scp",
        "r-1=all.json",
        "--action",
        "s3:DeleteObject",
        "--resource",
        "arn:aws:s3:::home/alice/x",
        "arn:aws:s3:::home/bob/x",
        "--context",
        "aws:MultiFactorAuthAge=7200",
    ]);
    insta::assert_snapshot!(said(&output));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_decided() {
    let run = |arguments: &str| {
        let output = folder()
            .with(
                "broken.json",
                "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Alow\"}]\n}\n",
            )
            .run(&arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        format!("$ postern policy {arguments}\n{}", String::from_utf8_lossy(&output.stderr))
    };
    let said: Vec<String> = [
        "simulate",
        "simulate --action s3:GetObject",
        "simulate --policy group.json --action s3:*",
        "simulate --policy group.json --action GetObject",
        "simulate --policy missing.json --action s3:GetObject",
        "simulate --policy broken.json --action s3:GetObject",
        "simulate --policy {\"Statement\":} --action s3:GetObject",
        "simulate --policy [1 --action s3:GetObject",
        "simulate --policy group.json --caller alice --action s3:GetObject",
        "simulate --trust-policy trust.json --resource arn:aws:iam::222222222222:role/developer",
        "simulate --trust-policy trust.json --caller arn:aws:iam::111111111111:user/alice",
        "simulate --trust-policy trust.json --action s3:GetObject",
        "simulate --resource-policy group.json --action s3:GetObject",
        "simulate --boundary s3.json --boundary ec2.json --action s3:GetObject",
        "simulate --action sts:GetCallerIdentity s3:GetObject",
        "simulate --caller accounts.google.com --action sts:AssumeRole --resource arn:aws:iam::222222222222:role/developer",
        "simulate --policy group.json --action s3:GetObject --context aws:username",
        "simulate --policy group.json --action s3:GetObject --context-entries Name=x",
        "simulate --policy group.json --action s3:GetObject --context-entries ContextKeyName=a:b,ContextKeyValues=x,ContextKeyType=text",
        "simulate --policy group.json --action s3:GetObject --context a:b=1 --context-entries ContextKeyName=a:b,ContextKeyValues=x",
        "simulate --policy group.json --action s3:GetObject --resource-owner 12",
        "simulate --policy group.json --action s3:GetObject --ordered-organization-policy-input-list {}",
    ]
    .into_iter()
    .map(run)
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}
