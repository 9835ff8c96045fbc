//! `AssumeRole`: both sides, chains, tags, source identity, session policies.

use crate::client::{BASTION, Cloud, Keys, PROD, allow, allow_if, trust};

const BOTH: &str = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;

fn bastion() -> String {
    format!("arn:aws:iam::{BASTION}:root")
}

/// alice, who may assume anything, and a role that trusts her account.
fn open() -> (Cloud, Keys, String) {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("sts:*"));
    let role = cloud.role("open", &trust(&bastion(), BOTH, "{}"), &allow("*"));
    (cloud, alice, role)
}

#[test]
fn the_answer_is_as_aws_shapes_it() {
    let (mut cloud, alice, role) = open();
    let answer = cloud.assume(&alice, &role, &[]).ok();
    assert_eq!(answer.text("AssumedRoleUser").matches("arn:aws:sts").count(), 1);
    assert_eq!(answer.text("Arn"), format!("arn:aws:sts::{PROD}:assumed-role/open/work"));
    assert!(answer.text("AssumedRoleId").starts_with("AROA"));
    assert_eq!(answer.text("Expiration"), "2026-02-17T10:45:26Z");
    assert!(answer.maybe_text("PackedPolicySize").is_none() && answer.maybe_text("SourceIdentity").is_none());
    let answer = cloud.assume(&alice, &role, &[("Policy", &allow("s3:*")), ("SourceIdentity", "alice")]).ok();
    let size: u32 = answer.text("PackedPolicySize").parse().unwrap();
    assert!((1..20).contains(&size));
    assert_eq!(answer.text("SourceIdentity"), "alice");
}

#[test]
fn durations_have_their_bounds() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("sts:*"));
    let device = cloud.device("alice");
    let long = cloud.role("long", &trust(&bastion(), BOTH, "{}"), &allow("*"));
    let prod = cloud.prod.clone();
    cloud.call(&prod, "iam", "UpdateRole", &[("RoleName", "long"), ("MaxSessionDuration", "7200")]).ok();
    let plain = cloud.call(&alice, "sts", "GetSessionToken", &[]).ok().keys();
    let mfa = cloud.mfa_session(&alice, &device);
    let chained = cloud.assume(&mfa, &long, &[]).ok().keys();
    const CHAINED: &str =
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    const ABOVE: &str = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let trusts_itself = trust(&format!("arn:aws:iam::{PROD}:root"), BOTH, "{}");
    let inner = cloud.role("inner", &trusts_itself, &allow("*"));
    for (keys, role, seconds, refused) in [
        (&alice, &long, "7200", None),
        (&alice, &long, "7201", Some(ABOVE)),
        (&plain, &long, "3600", None),
        (&plain, &long, "3601", Some(CHAINED)),
        (&mfa, &long, "3601", Some(CHAINED)),
        (&chained, &inner, "3600", None),
        (&chained, &inner, "3601", Some(CHAINED)),
    ] {
        let answer = cloud.assume(keys, role, &[("DurationSeconds", seconds)]);
        match refused {
            None => assert_eq!(answer.status, 200, "{seconds}: {}", answer.body),
            Some(text) => {
                assert_eq!(answer.refusal(), (400, "ValidationError".to_owned(), text.to_owned()));
            }
        }
    }
}

/// Facts 6, "Who may assume": in one account, and across two.
#[test]
fn both_sides_must_agree_across_accounts_and_one_may_do_within() {
    let mut cloud = Cloud::new();
    let may = cloud.user("may", &allow("sts:AssumeRole"));
    let may_not = cloud.user("maynot", &allow("ec2:*"));
    let root = cloud.bastion.clone();
    let here = |cloud: &mut Cloud, name: &str, trust: &str| {
        let made = [("RoleName", name), ("AssumeRolePolicyDocument", trust)];
        cloud.call(&root, "iam", "CreateRole", &made).ok().text("Arn")
    };
    let named = |user: &str| format!("arn:aws:iam::{BASTION}:user/{user}");
    let to = |principal: &str| trust(principal, r#""sts:AssumeRole""#, "{}");
    let by_account = here(&mut cloud, "by-account", &to(&bastion()));
    let by_id = here(&mut cloud, "by-id", &to(BASTION));
    let by_name = here(&mut cloud, "by-name", &to(&named("maynot")));
    let far_account = cloud.role("far-account", &to(&bastion()), &allow("*"));
    let far_name = cloud.role("far-name", &to(&named("maynot")), &allow("*"));
    let far_other = cloud.role("far-other", &to(&format!("arn:aws:iam::{PROD}:root")), &allow("*"));
    for (keys, role, good) in [
        (&may, &by_account, true),
        (&may_not, &by_account, false),
        (&may, &by_id, true),
        (&may_not, &by_name, true),
        (&may, &by_name, false),
        (&may, &far_account, true),
        (&may_not, &far_account, false),
        (&may_not, &far_name, false),
        (&may, &far_name, false),
        (&may, &far_other, false),
    ] {
        let answer = cloud.assume(keys, role, &[]);
        assert_eq!(answer.status == 200, good, "{role}: {}", answer.body);
        if !good {
            assert!(answer.text("Message").ends_with(&format!("sts:AssumeRole on resource: {role}")));
        }
    }
}

#[test]
fn tags_pass_on_only_where_transitive() {
    let (mut cloud, alice, role) = open();
    let tags = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
        ("Tags.member.2.Key", "cost"),
        ("Tags.member.2.Value", "42"),
        ("TransitiveTagKeys.member.1", "team"),
    ];
    let first = cloud.assume(&alice, &role, &tags).ok().keys();
    let inner = trust(&format!("arn:aws:iam::{PROD}:root"), BOTH, "{}");
    let inner = cloud.role("inner", &inner, &allow("*"));
    let second = cloud.assume(&first, &inner, &[]).ok().keys();
    let prod = cloud.prod.clone();
    let may = |cloud: &mut Cloud, keys: &Keys, role: &str, key: &str, value: &str| {
        let condition = format!(r#"{{"StringEquals":{{"aws:PrincipalTag/{key}":"{value}"}}}}"#);
        let policy = allow_if("ec2:DescribeRegions", &condition);
        let put = [("RoleName", role), ("PolicyName", "own"), ("PolicyDocument", policy.as_str())];
        cloud.call(&prod, "iam", "PutRolePolicy", &put).ok();
        let status = cloud.call(keys, "ec2", "DescribeRegions", &[]).status;
        let put = [("RoleName", role), ("PolicyName", "own"), ("PolicyDocument", &allow("*"))];
        cloud.call(&prod, "iam", "PutRolePolicy", &put).ok();
        status == 200
    };
    assert!(may(&mut cloud, &first, "open", "team", "red"));
    assert!(may(&mut cloud, &first, "open", "cost", "42"));
    assert!(may(&mut cloud, &second, "inner", "TEAM", "red"));
    assert!(!may(&mut cloud, &second, "inner", "cost", "42"));

    // Facts 6: the texts of what is refused.
    for (keys, role, tags, text) in [
        (
            &alice,
            &role,
            &[
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", ""),
                ("Tags.member.2.Key", "A"),
                ("Tags.member.2.Value", ""),
            ][..],
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            &alice,
            &role,
            &[("TransitiveTagKeys.member.1", "a")][..],
            "The specified transitive tag key must be included in the requested tags.",
        ),
        (
            &first,
            &inner,
            &[("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "blue")][..],
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
             from the calling session.",
        ),
    ] {
        let refused = cloud.assume(keys, role, tags).refusal();
        assert_eq!(refused, (400, "InvalidParameterValue".to_owned(), text.to_owned()));
    }
}

#[test]
fn source_identity_is_set_once_and_kept() {
    let (mut cloud, alice, role) = open();
    let first = cloud.assume(&alice, &role, &[("SourceIdentity", "alice")]).ok().keys();
    let here = format!("arn:aws:iam::{PROD}:root");
    let condition = r#"{"StringEquals":{"sts:SourceIdentity":"alice"}}"#;
    let inner = cloud.role("inner", &trust(&here, BOTH, condition), &allow("*"));
    let shut = cloud.role("shut", &trust(&here, r#""sts:AssumeRole""#, "{}"), &allow("*"));
    assert_eq!(cloud.assume(&first, &inner, &[]).ok().text("SourceIdentity"), "alice");
    let refused = cloud.assume(&first, &inner, &[("SourceIdentity", "mallory")]).refusal();
    assert!(refused.2.contains("perform: sts:SetSourceIdentity"), "{refused:?}");
    let refused = cloud.assume(&first, &shut, &[]).refusal();
    assert!(refused.2.contains("perform: sts:SetSourceIdentity"), "{refused:?}");
}

#[test]
fn session_policies_only_narrow() {
    let (mut cloud, alice, role) = open();
    let read_only = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess";
    for (more, regions, users) in [
        (&[][..], 200, 200),
        (&[("Policy", allow("ec2:*"))][..], 200, 403),
        (&[("PolicyArns.member.1.arn", read_only.to_owned())][..], 200, 403),
        (&[("Policy", allow("iam:*")), ("PolicyArns.member.1.arn", read_only.to_owned())][..], 200, 200),
    ] {
        let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let keys = cloud.assume(&alice, &role, &more).ok().keys();
        assert_eq!(cloud.call(&keys, "ec2", "DescribeRegions", &[]).status, regions, "{more:?}");
        assert_eq!(cloud.call(&keys, "iam", "ListUsers", &[]).status, users, "{more:?}");
    }
    let refused = cloud.assume(&alice, &role, &[("Policy", "{")]).refusal();
    assert_eq!((refused.0, refused.1.as_str()), (400, "MalformedPolicyDocument"));
    let long =
        allow_if("ec2:*", &format!(r#"{{"StringEquals":{{"aws:username":"{}"}}}}"#, "x".repeat(2_000)));
    assert_eq!(cloud.assume(&alice, &role, &[("Policy", &long)]).text("Code"), "ValidationError");
}

#[test]
fn role_sessions_end_with_their_role_and_their_hour() {
    let (mut cloud, alice, role) = open();
    let keys = cloud.assume(&alice, &role, &[]).ok().keys();
    cloud.world.advance(3_599, cloud.now);
    cloud.call(&keys, "iam", "ListUsers", &[]).ok();
    cloud.world.advance(1, cloud.now);
    assert_eq!(cloud.call(&keys, "iam", "ListUsers", &[]).text("Code"), "ExpiredToken");
    let keys = cloud.assume(&alice, &role, &[]).ok().keys();
    let prod = cloud.prod.clone();
    cloud.call(&prod, "iam", "DeleteRolePolicy", &[("RoleName", "open"), ("PolicyName", "own")]).ok();
    cloud.call(&prod, "iam", "DeleteRole", &[("RoleName", "open")]).ok();
    cloud.role("open", &trust(&bastion(), BOTH, "{}"), &allow("*"));
    assert_eq!(cloud.call(&keys, "iam", "ListUsers", &[]).text("Code"), "InvalidClientTokenId");
}
