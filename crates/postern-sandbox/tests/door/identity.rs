//! What each kind of credential is, carries, and may not do.

use crate::client::{BASTION, Cloud, Keys, allow, allow_if, trust};

/// Facts 5, the table: which condition on the MFA keys each kind of credential meets.
#[test]
fn the_mfa_keys_are_absent_false_or_true() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("sts:AssumeRole"));
    let device = cloud.device("alice");
    let plain = cloud.call(&alice, "sts", "GetSessionToken", &[]).ok().keys();
    let mfa = cloud.mfa_session(&alice, &device);
    let with_mfa = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
    let root = format!("arn:aws:iam::{BASTION}:root");
    let role = cloud.role("gate", &trust(&root, r#""sts:AssumeRole""#, with_mfa), &allow("*"));
    let role_session = cloud.assume(&mfa, &role, &[]).ok().keys();

    let conditions = [
        ("true", r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#),
        ("false", r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#),
        ("true or absent", r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#),
        ("false or absent", r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#),
        ("absent", r#"{"Null":{"aws:MultiFactorAuthPresent":"true"}}"#),
        ("age known", r#"{"Null":{"aws:MultiFactorAuthAge":"false"}}"#),
        ("age below 1000", r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"1000"}}"#),
        ("issued", r#"{"Null":{"aws:TokenIssueTime":"false"}}"#),
    ];
    let met = |cloud: &mut Cloud, keys: &Keys, put: &mut dyn FnMut(&mut Cloud, &str)| {
        let mut met = Vec::new();
        for (name, condition) in conditions {
            put(cloud, &allow_if("ec2:DescribeRegions", condition));
            if cloud.call(keys, "ec2", "DescribeRegions", &[]).status == 200 {
                met.push(name);
            }
        }
        met.join(", ")
    };
    let mut for_alice = |cloud: &mut Cloud, policy: &str| {
        cloud.iam(
            "PutUserPolicy",
            &[("UserName", "alice"), ("PolicyName", "own"), ("PolicyDocument", policy)],
        );
    };
    assert_eq!(met(&mut cloud, &alice, &mut for_alice), "true or absent, false or absent, absent");
    assert_eq!(met(&mut cloud, &plain, &mut for_alice), "false, false or absent, issued");
    assert_eq!(
        met(&mut cloud, &mfa, &mut for_alice),
        "true, true or absent, age known, age below 1000, issued"
    );
    cloud.world.advance(1_000, cloud.now);
    assert_eq!(met(&mut cloud, &mfa, &mut for_alice), "true, true or absent, age known, issued");
    let mut for_role = |cloud: &mut Cloud, policy: &str| {
        let prod = cloud.prod.clone();
        let put = [("RoleName", "gate"), ("PolicyName", "own"), ("PolicyDocument", policy)];
        cloud.call(&prod, "iam", "PutRolePolicy", &put).ok();
    };
    // A role session never carries the code of whoever assumed it.
    assert_eq!(met(&mut cloud, &role_session, &mut for_role), "false, false or absent, issued");
}

/// Facts 5: the keys that name the caller, by policies that demand exactly them.
#[test]
fn the_keys_that_name_the_caller() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("*"));
    let id = cloud.call(&alice, "sts", "GetCallerIdentity", &[]).ok().text("UserId");
    let session = cloud.call(&alice, "sts", "GetSessionToken", &[]).ok().keys();
    for keys in [&alice, &session] {
        let condition = format!(
            r#"{{"StringEquals":{{"aws:username":"alice","aws:userid":"{id}","aws:PrincipalType":"User",
                "aws:PrincipalArn":"arn:aws:iam::{BASTION}:user/alice","aws:PrincipalAccount":"{BASTION}",
                "aws:RequestedRegion":"eu-central-1"}},
                "IpAddress":{{"aws:SourceIp":"127.0.0.0/8"}},"DateGreaterThan":{{"aws:CurrentTime":"2026-01-01T00:00:00Z"}},
                "NumericGreaterThan":{{"aws:EpochTime":"1771321525"}},"Bool":{{"aws:SecureTransport":"true"}}}}"#
        );
        let policy = allow_if("ec2:DescribeRegions", &condition);
        cloud.iam(
            "PutUserPolicy",
            &[("UserName", "alice"), ("PolicyName", "own"), ("PolicyDocument", &policy)],
        );
        cloud.call(keys, "ec2", "DescribeRegions", &[]).ok();
    }
}

#[test]
fn sessions_of_get_session_token_are_restricted() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("*"));
    let device = cloud.device("alice");
    let plain = cloud.call(&alice, "sts", "GetSessionToken", &[]).ok().keys();
    let mfa = cloud.mfa_session(&alice, &device);
    let root = cloud.bastion.clone();
    let root_plain = cloud.call(&root, "sts", "GetSessionToken", &[("DurationSeconds", "43200")]).ok();
    // Root's sessions are cut to an hour: 60 s for enabling the device and 30 s for the code have gone by.
    assert_eq!(root_plain.text("Expiration"), "2026-02-17T10:46:56Z");
    let federated = [("Name", "feddy"), ("Policy", &allow("*"))];
    let federated = cloud.call(&alice, "sts", "GetFederationToken", &federated).ok().keys();

    const IAM: (u16, &str, &str) =
        (403, "InvalidClientTokenId", "The security token included in the request is invalid");
    const SESSION: (u16, &str, &str) =
        (403, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    const FEDERATION: (u16, &str, &str) =
        (403, "AccessDenied", "Cannot call GetFederationToken with session credentials");
    const GOOD: (u16, &str, &str) = (200, "", "");
    for (keys, service, action, wanted) in [
        (&plain, "iam", "ListUsers", IAM),
        (&mfa, "iam", "ListUsers", GOOD),
        (&root_plain.keys(), "iam", "ListUsers", IAM),
        (&federated, "iam", "ListUsers", IAM),
        (&plain, "sts", "GetSessionToken", SESSION),
        (&mfa, "sts", "GetSessionToken", SESSION),
        (&federated, "sts", "GetSessionToken", SESSION),
        (&plain, "sts", "GetFederationToken", FEDERATION),
        (&plain, "sts", "GetCallerIdentity", GOOD),
        (&federated, "sts", "GetCallerIdentity", GOOD),
        (&plain, "ec2", "DescribeRegions", GOOD),
        (&federated, "ec2", "DescribeRegions", GOOD),
    ] {
        let answer = cloud.call(keys, service, action, &[("Name", "other")]);
        if wanted.0 == 200 {
            answer.ok();
        } else {
            let (status, code, message) = answer.refusal();
            assert_eq!((status, code.as_str(), message.as_str()), wanted, "{service} {action}");
        }
    }
    // Without a policy of its own a federated session may nothing.
    let bare = cloud.call(&alice, "sts", "GetFederationToken", &[("Name", "feddy")]).ok();
    assert_eq!(bare.text("FederatedUserId"), format!("{BASTION}:feddy"));
    assert_eq!(bare.maybe_text("PackedPolicySize"), None);
    assert_eq!(cloud.call(&bare.keys(), "ec2", "DescribeRegions", &[]).status, 403);
}

/// Facts 6: the intersection of the calling identity's permissions, for root all, and the session policy's.
#[test]
fn federated_users_of_root_may_what_their_session_policy_says() {
    let mut cloud = Cloud::new();
    let root = cloud.bastion.clone();
    let mut status_of = |policy: Option<&str>, service: &str, action: &str| {
        let name = [("Name", "feddy")];
        let with_policy: Vec<_> = name.into_iter().chain(policy.map(|policy| ("Policy", policy))).collect();
        let keys = cloud.call(&root, "sts", "GetFederationToken", &with_policy).ok().keys();
        cloud.call(&keys, service, action, &[]).status
    };
    let regions = allow("ec2:DescribeRegions");
    let denied = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#;
    for (policy, service, action, status) in [
        (Some(&*regions), "ec2", "DescribeRegions", 200),
        (Some(&*regions), "ec2", "DescribeInstances", 403),
        (Some(denied), "ec2", "DescribeRegions", 403),
        (None, "ec2", "DescribeRegions", 403),
        (None, "sts", "GetCallerIdentity", 200),
        (Some(&*allow("*")), "iam", "ListUsers", 403),
    ] {
        assert_eq!(status_of(policy, service, action), status, "{policy:?} {service}:{action}");
    }
}

#[test]
fn a_code_counts_once_and_only_around_now() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("*"));
    let (serial, seed) = cloud.device("alice");
    let step = postern_types::TotpSeed::step_at(cloud.now);
    // In this order: each good code spends all before it, and refused ones spend nothing.
    for (offset, status) in
        [(2, 403), (-2, 403), (-1, 200), (-1, 403), (1, 200), (0, 403), (1, 403), (2, 403)]
    {
        let code = seed.code_of_step(step + offset).as_str().to_owned();
        let given = [("SerialNumber", serial.as_str()), ("TokenCode", code.as_str())];
        let answer = cloud.call(&alice, "sts", "GetSessionToken", &given);
        assert_eq!(answer.status, status, "{offset}: {}", answer.body);
    }
    // The sandbox's own clock does not move what devices show.
    cloud.world.advance(86_400, cloud.now);
    cloud.pass(30);
    let code = seed.code_at(cloud.now.checked_add(postern_types::SignedDuration::from_secs(30)).unwrap());
    let given = [("SerialNumber", serial.as_str()), ("TokenCode", code.as_str())];
    cloud.call(&alice, "sts", "GetSessionToken", &given).ok();
}

#[test]
fn sessions_follow_their_principal() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice", &allow("*"));
    let session = cloud.call(&alice, "sts", "GetSessionToken", &[]).ok().keys();
    // A rename shows at once, a deactivated key ends no session.
    cloud.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "alison")]);
    let key = [("UserName", "alison"), ("AccessKeyId", alice.id.as_str()), ("Status", "Inactive")];
    cloud.iam("UpdateAccessKey", &key);
    assert_eq!(cloud.call(&alice, "sts", "GetCallerIdentity", &[]).status, 403);
    let seen = cloud.call(&session, "sts", "GetCallerIdentity", &[]).ok();
    assert_eq!(seen.text("Arn"), format!("arn:aws:iam::{BASTION}:user/alison"));
    // Permissions are those of the moment.
    cloud.iam("DeleteUserPolicy", &[("UserName", "alison"), ("PolicyName", "own")]);
    assert_eq!(cloud.call(&session, "ec2", "DescribeRegions", &[]).status, 403);
    // A user of the same name is somebody else.
    cloud.iam("DeleteAccessKey", &[("UserName", "alison"), ("AccessKeyId", &alice.id)]);
    cloud.iam("DeleteUser", &[("UserName", "alison")]);
    cloud.user("alison", &allow("*"));
    let (status, code, _) = cloud.call(&session, "sts", "GetCallerIdentity", &[]).refusal();
    assert_eq!((status, code.as_str()), (403, "InvalidClientTokenId"));
}
