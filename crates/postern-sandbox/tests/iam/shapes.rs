//! Which members an answer has, and which AWS leaves out where.

use crate::cloud::{ADMIN, Cloud};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const TAG: [(&str, &str); 2] = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];

fn with<'a>(tagged: bool, parameters: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = parameters.to_vec();
    if tagged {
        all.extend(TAG);
    }
    all
}

#[test]
fn users() {
    let mut cloud = Cloud::new();
    let brief = ["Path", "UserName", "UserId", "Arn", "CreateDate"];
    let full = ["Path", "UserName", "UserId", "Arn", "CreateDate", "PermissionsBoundary", "Tags"];
    assert_eq!(cloud.iam("CreateUser", &[("UserName", "plain")]).members("User"), brief);
    let made = cloud.iam("CreateUser", &with(true, &[("UserName", "bob"), ("PermissionsBoundary", AWS)]));
    assert_eq!(made.members("User"), full);
    assert_eq!(made.members("PermissionsBoundary"), ["PermissionsBoundaryType", "PermissionsBoundaryArn"]);
    assert_eq!(made.text("PermissionsBoundaryType"), "Policy");
    assert_eq!(cloud.iam("GetUser", &[("UserName", "bob")]).members("User"), full);
    let list = cloud.iam("ListUsers", &[]);
    assert_eq!(list.members("ListUsersResult"), ["Users", "IsTruncated"]);
    assert_eq!(list.members("member"), brief);
    // Operations without output have no result at all.
    assert!(!cloud.iam("UpdateUser", &[("UserName", "bob")]).body.contains("UpdateUserResult"));
}

#[test]
fn roles() {
    let mut cloud = Cloud::new();
    let trust = ("AssumeRolePolicyDocument", TRUST);
    let base = ["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"];
    let long = ("MaxSessionDuration", "7200");
    let made = cloud.iam("CreateRole", &[("RoleName", "r"), trust, ("Description", "d"), long]);
    assert_eq!(made.members("Role"), base);
    let made =
        cloud.iam("CreateRole", &with(true, &[("RoleName", "t"), trust, ("PermissionsBoundary", AWS)]));
    assert_eq!(made.members("Role")[6..], ["PermissionsBoundary", "Tags"]);
    let got = cloud.iam("GetRole", &[("RoleName", "r")]);
    assert_eq!(got.members("Role")[6..], ["Description", "MaxSessionDuration", "Tags", "RoleLastUsed"]);
    assert_eq!((got.text("MaxSessionDuration").as_str(), got.text("RoleLastUsed").as_str()), ("7200", ""));
    let list = cloud.iam("ListRoles", &[("PathPrefix", "/")]);
    assert_eq!(
        list.texts("RoleName"),
        ["AWSServiceRoleForSupport", "AWSServiceRoleForTrustedAdvisor", "r", "t"]
    );
    assert_eq!(list.texts("MaxSessionDuration"), ["3600", "3600", "7200", "3600"]);
    for absent in ["RoleLastUsed", "Tags", "PermissionsBoundary"] {
        assert!(list.texts(absent).is_empty(), "{absent}");
    }
    // What is left out stays.
    cloud.iam("UpdateRole", &[("RoleName", "r"), ("Description", "e")]).ok();
    let got = cloud.iam("GetRole", &[("RoleName", "r")]);
    assert_eq!((got.text("MaxSessionDuration").as_str(), got.text("Description").as_str()), ("7200", "e"));
    let described = cloud.iam("UpdateRoleDescription", &[("RoleName", "r"), ("Description", "f")]);
    assert_eq!((described.text("RoleName").as_str(), described.text("Description").as_str()), ("r", "f"));
}

#[test]
fn policies() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let base = [
        "PolicyName",
        "PolicyId",
        "Arn",
        "Path",
        "DefaultVersionId",
        "AttachmentCount",
        "PermissionsBoundaryUsageCount",
        "IsAttachable",
        "CreateDate",
        "UpdateDate",
    ];
    let spaced = ADMIN.replace(',', " ,\n\t");
    let made = cloud.iam(
        "CreatePolicy",
        &with(
            true,
            &[("PolicyName", "p"), ("Path", "/x/"), ("PolicyDocument", &spaced), ("Description", "d")],
        ),
    );
    assert_eq!(made.members("Policy"), [&base[..], &["Tags"]].concat());
    let arn = made.text("Arn");
    assert_eq!(arn, "arn:aws:iam::111111111111:policy/x/p");
    let policy = ("PolicyArn", arn.as_str());
    cloud.iam("AttachUserPolicy", &[("UserName", "alice"), policy]).ok();
    cloud.iam("PutUserPermissionsBoundary", &[("UserName", "alice"), ("PermissionsBoundary", &arn)]).ok();
    let got = cloud.iam("GetPolicy", &[policy]);
    let full = ["IsAttachable", "Description", "CreateDate", "UpdateDate", "Tags"];
    assert_eq!(got.members("Policy")[7..], full);
    assert_eq!(
        (got.text("AttachmentCount"), got.text("PermissionsBoundaryUsageCount")),
        ("1".into(), "1".into())
    );
    let aws = cloud.iam("GetPolicy", &[("PolicyArn", AWS)]);
    assert_eq!((aws.text("PolicyName").as_str(), aws.text("Tags").as_str()), ("ReadOnlyAccess", ""));
    let list = cloud.iam("ListPolicies", &[("Scope", "Local")]);
    assert_eq!(list.members("member"), base);
    assert_eq!(cloud.iam("ListPolicies", &[("OnlyAttached", "true")]).texts("PolicyName"), ["p"]);

    let version = cloud.iam("CreatePolicyVersion", &[policy, ("PolicyDocument", ADMIN)]);
    assert_eq!(version.members("PolicyVersion"), ["VersionId", "IsDefaultVersion", "CreateDate"]);
    assert_eq!(version.text("IsDefaultVersion"), "false");
    let versions = cloud.iam("ListPolicyVersions", &[policy]);
    assert_eq!(versions.texts("IsDefaultVersion"), ["false", "true"]);
    assert!(versions.texts("Document").is_empty());
    let first = cloud.iam("GetPolicyVersion", &[policy, ("VersionId", "v1")]);
    assert_eq!(first.document("Document"), spaced);
    let id = aws.text("DefaultVersionId");
    let aws = cloud.iam("GetPolicyVersion", &[("PolicyArn", AWS), ("VersionId", &id)]);
    assert!(aws.document("Document").contains("iam:Get*"), "{}", aws.body);

    let users = cloud.iam("ListEntitiesForPolicy", &[policy]);
    assert_eq!(
        users.members("ListEntitiesForPolicyResult"),
        ["PolicyGroups", "PolicyUsers", "PolicyRoles", "IsTruncated"]
    );
    assert_eq!(users.texts("UserName"), ["alice"]);
    assert!(users.text("UserId").starts_with("AIDA"));
}

#[test]
fn keys_profiles_and_the_password_policy() {
    let mut cloud = Cloud::new();
    cloud.iam("CreateUser", &[("UserName", "alice")]).ok();
    let alice = ("UserName", "alice");
    let made = cloud.iam("CreateAccessKey", &[alice]);
    assert_eq!(
        made.members("AccessKey"),
        ["UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate"]
    );
    let keys = made.keys();
    let list = cloud.iam("ListAccessKeys", &[alice]);
    assert_eq!(list.members("member"), ["UserName", "AccessKeyId", "Status", "CreateDate"]);
    let key = ("AccessKeyId", keys.id.as_str());
    let unused = cloud.iam("GetAccessKeyLastUsed", &[key]);
    assert_eq!(unused.members("AccessKeyLastUsed"), ["ServiceName", "Region"]);
    assert_eq!((unused.text("ServiceName").as_str(), unused.text("Region").as_str()), ("N/A", "N/A"));
    cloud.call(&keys, "sts", "GetCallerIdentity", &[]).ok();
    let used = cloud.iam("GetAccessKeyLastUsed", &[key]);
    assert_eq!(used.members("AccessKeyLastUsed"), ["LastUsedDate", "ServiceName", "Region"]);
    cloud.iam("UpdateAccessKey", &[alice, key, ("Status", "Inactive")]).ok();
    assert_eq!(cloud.call(&keys, "sts", "GetCallerIdentity", &[]).refusal().1, "InvalidClientTokenId");

    let made = cloud.iam(
        "CreateLoginProfile",
        &[alice, ("Password", "Correct-Horse-1"), ("PasswordResetRequired", "true")],
    );
    assert_eq!(made.members("LoginProfile"), ["UserName", "CreateDate", "PasswordResetRequired"]);
    cloud.iam("UpdateLoginProfile", &[alice, ("PasswordResetRequired", "false")]).ok();
    assert_eq!(cloud.iam("GetLoginProfile", &[alice]).text("PasswordResetRequired"), "false");

    cloud
        .iam("UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "14"), ("MaxPasswordAge", "90")])
        .ok();
    let policy = cloud.iam("GetAccountPasswordPolicy", &[]);
    let base = [
        "MinimumPasswordLength",
        "RequireSymbols",
        "RequireNumbers",
        "RequireUppercaseCharacters",
        "RequireLowercaseCharacters",
        "AllowUsersToChangePassword",
        "ExpirePasswords",
    ];
    assert_eq!(policy.members("PasswordPolicy"), [&base[..], &["MaxPasswordAge"]].concat());
    assert_eq!(policy.text("ExpirePasswords"), "true");
    cloud.iam("UpdateAccountPasswordPolicy", &[("RequireSymbols", "true")]).ok();
    let policy = cloud.iam("GetAccountPasswordPolicy", &[]);
    assert_eq!(policy.members("PasswordPolicy"), base);
    assert_eq!(
        (policy.text("MinimumPasswordLength").as_str(), policy.text("ExpirePasswords").as_str()),
        ("6", "false")
    );
    cloud.iam("DeleteAccountPasswordPolicy", &[]).ok();
}

#[test]
fn passwords_are_changed_by_those_who_may() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    let change = |cloud: &mut Cloud, old: &str, new: &str| {
        cloud.call(&alice, "iam", "ChangePassword", &[("OldPassword", old), ("NewPassword", new)])
    };
    cloud.iam("CreateLoginProfile", &[("UserName", "alice"), ("Password", "Correct-Horse-1")]).ok();
    assert_eq!(change(&mut cloud, "Correct-Horse-1", "Battery-Staple-2").refusal().1, "AccessDenied");
    cloud
        .iam(
            "UpdateAccountPasswordPolicy",
            &[("AllowUsersToChangePassword", "true"), ("PasswordReusePrevention", "1")],
        )
        .ok();
    assert_eq!(
        change(&mut cloud, "wrong", "Battery-Staple-2").refusal().2,
        "The old password was incorrect."
    );
    change(&mut cloud, "Correct-Horse-1", "Battery-Staple-2").ok();
    assert_eq!(
        change(&mut cloud, "Battery-Staple-2", "Battery-Staple-2").refusal().1,
        "PasswordPolicyViolation"
    );
    change(&mut cloud, "Battery-Staple-2", "Correct-Horse-1").ok();
}

#[test]
fn authorization_details() {
    let mut cloud = Cloud::new();
    let role = ("RoleName", "r");
    for (action, parameters) in [
        ("CreateUser", &[("UserName", "alice"), ("PermissionsBoundary", AWS)][..]),
        ("CreateUser", &[("UserName", "bob")]),
        ("PutUserPolicy", &[("UserName", "bob"), ("PolicyName", "i"), ("PolicyDocument", ADMIN)]),
        ("CreateGroup", &[("GroupName", "g")]),
        ("AddUserToGroup", &[("GroupName", "g"), ("UserName", "alice")]),
        ("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST), ("Description", "d")]),
        ("AttachRolePolicy", &[role, ("PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess")]),
        ("CreateInstanceProfile", &[("InstanceProfileName", "box")]),
        ("AddRoleToInstanceProfile", &[("InstanceProfileName", "box"), role]),
        ("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", ADMIN)]),
        (
            "CreatePolicyVersion",
            &[("PolicyArn", "arn:aws:iam::111111111111:policy/p"), ("PolicyDocument", ADMIN)],
        ),
    ] {
        cloud.iam(action, parameters).ok();
    }
    let only = |cloud: &mut Cloud, filter: &str| {
        cloud.iam("GetAccountAuthorizationDetails", &[("Filter.member.1", filter)])
    };
    let whole = cloud.iam("GetAccountAuthorizationDetails", &[]);
    assert_eq!(
        whole.members("GetAccountAuthorizationDetailsResult"),
        ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies", "IsTruncated"]
    );
    let users = only(&mut cloud, "User");
    let named = ["Path", "UserName", "UserId", "Arn", "CreateDate"];
    assert_eq!(
        users.members("member"),
        [&named[..], &["GroupList", "AttachedManagedPolicies", "PermissionsBoundary", "Tags"]].concat()
    );
    assert_eq!(users.texts("UserPolicyList").len(), 1);
    assert!(users.members("RoleDetailList").is_empty());
    let roles = only(&mut cloud, "Role");
    assert_eq!(
        roles.members("member")[5..],
        [
            "AssumeRolePolicyDocument",
            "InstanceProfileList",
            "RolePolicyList",
            "AttachedManagedPolicies",
            "Tags",
            "RoleLastUsed"
        ]
    );
    assert!(roles.texts("MaxSessionDuration").is_empty() && roles.texts("Description").is_empty());
    assert_eq!(roles.texts("InstanceProfileName"), ["box"]);
    let groups = only(&mut cloud, "Group");
    assert_eq!(groups.members("member")[5..], ["GroupPolicyList", "AttachedManagedPolicies"]);
    let own = only(&mut cloud, "LocalManagedPolicy");
    assert_eq!(own.texts("VersionId"), ["v2", "v1"]);
    assert_eq!(own.texts("Document").len(), 2);
    // Of AWS's own, those that are attached or bound somebody.
    assert_eq!(
        only(&mut cloud, "AWSManagedPolicy").texts("Arn"),
        ["arn:aws:iam::aws:policy/PowerUserAccess", AWS]
    );
    assert_eq!(only(&mut cloud, "Nonsense").refusal().1, "ValidationError");
}

#[test]
fn the_summary_has_awss_keys() {
    let mut cloud = Cloud::new();
    let summary = cloud.iam("GetAccountSummary", &[]);
    assert_eq!(summary.texts("key").len(), 34);
    for (key, value) in [("AccountAccessKeysPresent", 1), ("Roles", 2), ("UserPolicySizeQuota", 2_048)] {
        assert!(summary.body.contains(&format!("<key>{key}</key><value>{value}</value>")), "{key}");
    }
}

#[test]
fn what_cannot_be_made_is_truly_not_there() {
    let mut cloud = Cloud::new();
    let lists: [(&str, &[(&str, &str)]); 3] =
        [("ListServerCertificates", &[]), ("ListOpenIDConnectProviders", &[]), ("ListSAMLProviders", &[])];
    for (action, parameters) in lists {
        let list = cloud.iam(action, parameters);
        assert!(list.texts("member").is_empty(), "{action}: {}", list.body);
        list.ok();
    }
    // Whatever would make one is refused by name.
    let (status, _, message) = cloud.iam("UploadServerCertificate", &[]).refusal();
    assert_eq!(status, 501);
    assert!(message.contains("iam:UploadServerCertificate"), "{message}");
}
