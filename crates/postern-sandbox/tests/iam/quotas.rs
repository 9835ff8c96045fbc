//! Quotas, with white space that does not count.

use crate::cloud::{ADMIN, Answer, Cloud};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;

#[track_caller]
fn exceeded(answer: Answer, message: &str) {
    assert_eq!(answer.refusal(), (409, "LimitExceeded".to_owned(), message.to_owned()));
}

/// A policy of exactly this many characters that count, and many that do not.
fn policy_of(size: usize) -> String {
    let frame = |sid: &str| {
        format!(
            "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {{ \"Sid\": \"{sid}\", \"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\" }}\n}}\n"
        )
    };
    let bare = frame("").chars().filter(|c| !c.is_whitespace()).count();
    frame(&"x".repeat(size - bare))
}

#[test]
fn things_are_counted() {
    let mut cloud = Cloud::new();
    let alice = ("UserName", "alice");
    let role = ("RoleName", "r");
    let group = ("GroupName", "g0");
    cloud.user("alice");
    cloud.iam("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)]).ok();
    cloud.iam("CreateAccessKey", &[alice]).ok();
    exceeded(cloud.iam("CreateAccessKey", &[alice]), "Cannot exceed quota for AccessKeysPerUser: 2");

    for number in 0..10 {
        let name = format!("g{number}");
        let arn = format!("arn:aws:iam::111111111111:policy/p{number}");
        cloud.iam("CreateGroup", &[("GroupName", &name)]).ok();
        cloud.iam("AddUserToGroup", &[alice, ("GroupName", &name)]).ok();
        cloud.iam("CreatePolicy", &[("PolicyName", &format!("p{number}")), ("PolicyDocument", ADMIN)]).ok();
        cloud.iam("AttachUserPolicy", &[alice, ("PolicyArn", &arn)]).ok();
        cloud.iam("AttachRolePolicy", &[role, ("PolicyArn", &arn)]).ok();
        cloud.iam("AttachGroupPolicy", &[group, ("PolicyArn", &arn)]).ok();
    }
    cloud.iam("CreateGroup", &[("GroupName", "g10")]).ok();
    exceeded(
        cloud.iam("AddUserToGroup", &[alice, ("GroupName", "g10")]),
        "Cannot exceed quota for GroupsPerUser: 10",
    );
    let more = ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess");
    exceeded(cloud.iam("AttachUserPolicy", &[alice, more]), "Cannot exceed quota for PoliciesPerUser: 10");
    exceeded(cloud.iam("AttachRolePolicy", &[role, more]), "Cannot exceed quota for PoliciesPerRole: 10");
    exceeded(cloud.iam("AttachGroupPolicy", &[group, more]), "Cannot exceed quota for PoliciesPerGroup: 10");
    // What is there already is no more.
    cloud.iam("AddUserToGroup", &[alice, group]).ok();
    cloud.iam("AttachUserPolicy", &[alice, ("PolicyArn", "arn:aws:iam::111111111111:policy/p0")]).ok();

    let policy = ("PolicyArn", "arn:aws:iam::111111111111:policy/p0");
    for _ in 1..5 {
        cloud.iam("CreatePolicyVersion", &[policy, ("PolicyDocument", ADMIN)]).ok();
    }
    exceeded(
        cloud.iam("CreatePolicyVersion", &[policy, ("PolicyDocument", ADMIN)]),
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    );
    cloud.iam("DeletePolicyVersion", &[policy, ("VersionId", "v3")]).ok();
    let version = cloud.iam("CreatePolicyVersion", &[policy, ("PolicyDocument", ADMIN)]);
    assert_eq!(version.text("VersionId"), "v6");

    cloud.iam("CreateInstanceProfile", &[("InstanceProfileName", "box")]).ok();
    let profile = ("InstanceProfileName", "box");
    cloud.iam("AddRoleToInstanceProfile", &[profile, role]).ok();
    exceeded(
        cloud.iam("AddRoleToInstanceProfile", &[profile, role]),
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    );

    for number in 0..8 {
        cloud.device(&format!("d{number}"), "alice");
    }
    let ninth = cloud.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "d8")]);
    let step = postern_types::TotpSeed::step_at(cloud.now);
    exceeded(
        cloud.enable("alice", &ninth.text("SerialNumber"), &ninth.seed(), [step - 1, step]),
        "Cannot exceed quota for MFADevicesPerUser: 8",
    );
}

#[test]
fn documents_are_measured_without_white_space() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let (alice, group, role) = (("UserName", "alice"), ("GroupName", "g"), ("RoleName", "r"));
    cloud.iam("CreateGroup", &[group]).ok();
    cloud.iam("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)]).ok();
    for (action, holder, quota, kind) in [
        ("PutUserPolicy", alice, 2_048, "user alice"),
        ("PutGroupPolicy", group, 5_120, "group g"),
        ("PutRolePolicy", role, 10_240, "role r"),
    ] {
        let message = format!("Maximum policy size of {quota} bytes exceeded for {kind}");
        let (half, rest) = (policy_of(quota / 2), policy_of(quota - quota / 2));
        let over = policy_of(quota - quota / 2 + 1);
        cloud.iam(action, &[holder, ("PolicyName", "one"), ("PolicyDocument", &half)]).ok();
        exceeded(cloud.iam(action, &[holder, ("PolicyName", "two"), ("PolicyDocument", &over)]), &message);
        cloud.iam(action, &[holder, ("PolicyName", "two"), ("PolicyDocument", &rest)]).ok();
        // In place of itself a policy does not count twice.
        cloud.iam(action, &[holder, ("PolicyName", "two"), ("PolicyDocument", &rest)]).ok();
    }
    cloud.iam("CreatePolicy", &[("PolicyName", "full"), ("PolicyDocument", &policy_of(6_144))]).ok();
    exceeded(
        cloud.iam("CreatePolicy", &[("PolicyName", "over"), ("PolicyDocument", &policy_of(6_145))]),
        "Cannot exceed quota for PolicySize: 6144",
    );
    let trust = |size: usize| {
        let frame = TRUST.replace("\"Effect\"", "\"Sid\":\"\", \"Effect\"");
        let bare = frame.chars().filter(|c| !c.is_whitespace()).count();
        frame.replace("\"Sid\":\"\"", &format!("\"Sid\" : \"{}\"", "x".repeat(size - bare)))
    };
    cloud.iam("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", &trust(2_048))]).ok();
    exceeded(
        cloud.iam("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", &trust(2_049))]),
        "Cannot exceed quota for ACLSizePerRole: 2048",
    );
}

#[test]
fn tags_are_fifty() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let tag = |from: usize, to: usize| -> Vec<(String, String)> {
        (from..to)
            .enumerate()
            .flat_map(|(at, key)| {
                let at = at + 1;
                [
                    (format!("Tags.member.{at}.Key"), format!("k{key}")),
                    (format!("Tags.member.{at}.Value"), format!("v{key}")),
                ]
            })
            .collect()
    };
    let mut put = |from: usize, to: usize| {
        let tags = tag(from, to);
        let mut parameters = vec![("UserName", "alice")];
        parameters.extend(tags.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        cloud.iam("TagUser", &parameters)
    };
    assert_eq!(put(0, 51).refusal().1, "ValidationError");
    put(0, 50).ok();
    put(10, 20).ok();
    exceeded(put(49, 51), "The number of tags has reached the maximum limit.");
    let mut parameters = vec![("UserName".to_owned(), "alice".to_owned())];
    parameters.extend((1..=49).map(|at| (format!("TagKeys.member.{at}"), format!("K{at}"))));
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    cloud.iam("UntagUser", &parameters).ok();
    // Keys of users ignore case.
    assert_eq!(cloud.iam("ListUserTags", &[("UserName", "alice")]).texts("Key"), ["k0"]);
}
