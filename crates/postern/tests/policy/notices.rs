//! `postern policy simulate`: what it says besides the decision, where a request or its policies are not what they
//! should be.

use serde_json::Value;

use crate::{
    folder::said,
    simulate::{ALICE, DEVELOPER, alice, decided, folder, one},
};

/// Kinds of the notices on the first resource, and what was decided.
fn notices(arguments: &str) -> (String, Vec<String>) {
    let arguments = format!("simulate --json {arguments}");
    let output = folder().run(&arguments.split_whitespace().collect::<Vec<_>>());
    assert!(output.status.success(), "{arguments}: {}", said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &answer["EvaluationResults"][0]["ResourceSpecificResults"][0];
    let notices = result["notices"].as_array().cloned().unwrap_or_default();
    let kinds = notices.iter().map(|notice| notice["kind"].as_str().unwrap().to_owned());
    (result["EvalResourceDecision"].as_str().unwrap().to_owned(), kinds.collect())
}

#[test]
fn names_that_nothing_is_known_of_are_warned_about_and_decided() {
    let slips = "--policy all.json --action s3:GetObjekt --resource reports s3://reports/2026.csv \
                 --context aws:MultiFactorAuthPresnt=true --context aws:PrincipalTag=x \
                 --context-entries ContextKeyName=MultiFactorAuthAge,ContextKeyValues=1";
    insta::assert_snapshot!(alice(&format!("{slips} --expect allowed --no-implied-context")));

    let warned = |arguments: &str| {
        let arguments = format!("simulate --json --policy all.json --caller {ALICE} {arguments}");
        let output = folder().run(&arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let warnings = answer["warnings"].as_array().unwrap().clone();
        let messages: Vec<&str> = warnings.iter().map(|w| w["message"].as_str().unwrap()).collect();
        let expected: String = messages.iter().map(|message| format!("warning: {message}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        warnings.iter().map(|w| w["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned("--action s3:GetObjekt S3:getobject s3:GetObjekt"), ["unknownAction"]);
    assert_eq!(warned("--action s3:GetObject --resource b arn:aws:s3:::b/k *"), ["noArn"]);
    assert_eq!(warned("--action s3:GetObject --context aws:principaltag=x"), ["unknownContextKey"]);
    // Keys of templates, of tags that the catalogue has a sample of, and claims of providers.
    assert!(
        warned(
            "--action ec2:RunInstances --context AWS:principaltag/team=x --context aws:MultiFactorAuthAge=1 \
             --context git.example.com:project=x --context s3:ExistingObjectTag/team=x"
        )
        .is_empty()
    );
}

#[test]
fn across_accounts_the_side_that_was_not_given_is_named() {
    let texts = [
        alice(&format!("--policy all.json --action sts:AssumeRole --resource {DEVELOPER}")),
        alice(&format!(
            "--trust-policy trust.json --resource {DEVELOPER} --context aws:MultiFactorAuthPresent=true"
        )),
        alice(
            "--policy all.json --action s3:GetObject --resource arn:aws:s3:::b/k --resource-owner 222222222222",
        ),
    ];
    insta::assert_snapshot!(texts.join("\n"));

    let key = "arn:aws:kms:eu-central-1:222222222222:key/k";
    let root = "arn:aws:iam::111111111111:root";
    for (arguments, decision, kinds) in [
        (
            format!("--scp all.json --caller {ALICE} --action kms:Decrypt --resource {key}"),
            "implicitDeny",
            &["noResourcePolicy", "noPolicy"][..],
        ),
        (
            format!("--policy all.json --caller {root} --action kms:Decrypt --resource {key}"),
            "implicitDeny",
            &["noResourcePolicy"],
        ),
        // Where both sides are given, or neither could change anything, nothing is missing.
        (
            format!(
                "--policy s3.json --resource-policy account.json --caller {ALICE} --action kms:Decrypt --resource {key}"
            ),
            "implicitDeny",
            &[],
        ),
        (
            format!(
                "--policy all.json --resource-policy account.json --caller {ALICE} --action kms:Decrypt --resource {key}"
            ),
            "allowed",
            &[],
        ),
        (
            format!(
                "--policy deny.json --caller {ALICE} --action s3:GetObject --resource arn:aws:s3:::b/k --resource-owner 222222222222"
            ),
            "explicitDeny",
            &[],
        ),
        (
            format!(
                "--policy all.json --scp ec2.json --caller {ALICE} --action kms:Decrypt --resource {key}"
            ),
            "implicitDeny",
            &[],
        ),
        // A service is in no account.
        (
            format!(
                "--policy all.json --caller ec2.amazonaws.com --action sts:AssumeRole --resource {DEVELOPER}"
            ),
            "implicitDeny",
            &["noTrustPolicy"],
        ),
        // In one account no side is missing but the caller's.
        (
            format!(
                "--resource-policy account.json --caller {ALICE} --action s3:GetObject --resource arn:aws:s3:::b/k"
            ),
            "implicitDeny",
            &["noPolicy"],
        ),
        (
            format!("--policy all.json --caller {ALICE} --action s3:GetObject --resource arn:aws:s3:::b/k"),
            "allowed",
            &[],
        ),
    ] {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        assert_eq!(notices(&arguments), (decision.to_owned(), kinds), "{arguments}");
    }
}

#[test]
fn a_key_wants_its_policy() {
    let decrypt =
        "--policy all.json --action kms:Decrypt --resource arn:aws:kms:eu-central-1:111111111111:key/k";
    let texts = [alice(decrypt), alice(&format!("{decrypt} --resource-policy account.json"))];
    insta::assert_snapshot!(texts.join("\n"));
    let alias =
        "--policy all.json --action kms:CreateAlias --resource arn:aws:kms:eu-central-1:111111111111:alias/a";
    assert_eq!(notices(&format!("--caller {ALICE} {alias}")), ("allowed".to_owned(), Vec::new()));
}

#[test]
fn the_root_user_of_another_account_needs_the_resources_side() {
    let root = "--caller arn:aws:iam::111111111111:root --resource-policy account.json --action s3:GetObject \
                --resource arn:aws:s3:::b/k --resource-owner 222222222222";
    insta::assert_snapshot!(said(
        &folder().run(&format!("simulate {root}").split_whitespace().collect::<Vec<_>>())
    ));
}

#[test]
fn users_of_a_provider_call_another_action() {
    let trust = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::222222222222:oidc-provider/git.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"},
        {"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::222222222222:saml-provider/corp"},"Action":"sts:AssumeRoleWithSAML"}]}"#;
    let run = |caller: &str, action: &[&str]| {
        let resource = ["simulate", "--trust-policy", trust, "--resource", DEVELOPER, "--caller", caller];
        folder().run(&[&resource[..], action].concat())
    };
    let text = |caller: &str, action: &[&str]| said(&run(caller, action));
    let [oidc, saml] = ["oidc-provider/git.example.com", "saml-provider/corp"]
        .map(|provider| format!("arn:aws:iam::222222222222:{provider}"));
    insta::assert_snapshot!(
        [
            text(&oidc, &[]),
            text(&saml, &["--action", "sts:assumerole"]),
            text("accounts.google.com", &["--action", "sts:AssumeRole"]),
        ]
        .join("\n")
    );
    // What was asked rightly is decided as it was asked, and other callers keep their action.
    for (caller, action, called, noticed) in [
        (&*oidc, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity", false),
        (&*oidc, "sts:TagSession", "sts:TagSession", false),
        (&*saml, "sts:AssumeRole", "sts:AssumeRoleWithSAML", true),
        (ALICE, "sts:AssumeRole", "sts:AssumeRole", false),
    ] {
        let output = run(caller, &["--action", action, "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let result = &answer["EvaluationResults"][0];
        assert_eq!(result["EvalActionName"], called);
        let notices = result["ResourceSpecificResults"][0]["notices"].as_array().cloned().unwrap_or_default();
        assert_eq!(
            notices.iter().any(|notice| notice["kind"] == "otherAction"),
            noticed,
            "{caller} {action}"
        );
    }
}

#[test]
fn what_needs_no_permission_needs_no_policy_here() {
    insta::assert_snapshot!(alice("--action sts:GetCallerIdentity sts:GetSessionToken --expect allowed"));
    let with = |more: &[&str]| decided(&[&["--action", "sts:GetCallerIdentity"][..], more].concat());
    assert_eq!(with(&[]), ["allowed "]);
    assert_eq!(with(&["--policy", &one("Deny", "*"), "--scp", "deny.json"]), ["allowed "]);
    let session = "arn:aws:sts::111111111111:assumed-role/r/s";
    assert_eq!(decided(&["--caller", session, "--action", "sts:GetSessionToken"]), ["implicitDeny "]);
    assert_eq!(
        decided(&["--caller", "arn:aws:iam::111111111111:root", "--action", "ec2:RunInstances"]),
        ["allowed "]
    );
}

#[test]
fn a_role_of_the_same_account_without_its_trust_policy_is_half_the_answer() {
    let role = "arn:aws:iam::111111111111:role/r";
    let assume =
        |policy: &str| alice(&format!("--policy {policy} --action sts:AssumeRole --resource {role}"));
    insta::assert_snapshot!([assume("all.json"), assume("s3.json")].join("\n"));
    let alone = vec!["callersSideAlone".to_owned()];
    for (more, decision, kinds) in [
        ("--policy all.json --action sts:AssumeRole", "allowed", &alone),
        ("--policy all.json --trust-policy account.json --action sts:AssumeRole", "allowed", &Vec::new()),
        ("--policy all.json --boundary s3.json --action sts:AssumeRole", "implicitDeny", &Vec::new()),
        ("--policy all.json --action iam:GetRole", "allowed", &Vec::new()),
    ] {
        let arguments = format!("--caller {ALICE} --resource {role} {more}");
        assert_eq!(notices(&arguments), (decision.to_owned(), kinds.clone()), "{more}");
    }
}
