//! What holds whatever is called in whatever order.

use proptest::{prelude::*, sample::select};

use crate::cloud::{ADMIN, Cloud};

type Step = (&'static str, Vec<(&'static str, String)>);

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/a"},"Action":"sts:AssumeRole"}}"#;

/// What each call takes, and from which of the pools below.
const CALLS: &[(&str, &[&str])] = &[
    ("CreateUser", &["UserName", "Path", "PermissionsBoundary"]),
    ("CreateUser", &["UserName"]),
    ("UpdateUser", &["UserName", "NewUserName", "NewPath"]),
    ("DeleteUser", &["UserName"]),
    ("CreateGroup", &["GroupName"]),
    ("UpdateGroup", &["GroupName", "NewGroupName", "NewPath"]),
    ("DeleteGroup", &["GroupName"]),
    ("AddUserToGroup", &["GroupName", "UserName"]),
    ("RemoveUserFromGroup", &["GroupName", "UserName"]),
    ("CreateRole", &["RoleName", "AssumeRolePolicyDocument"]),
    ("UpdateAssumeRolePolicy", &["RoleName", "PolicyDocument"]),
    ("DeleteRole", &["RoleName"]),
    ("CreatePolicy", &["PolicyName", "PolicyDocument"]),
    ("CreatePolicyVersion", &["PolicyArn", "PolicyDocument", "SetAsDefault"]),
    ("SetDefaultPolicyVersion", &["PolicyArn", "VersionId"]),
    ("DeletePolicyVersion", &["PolicyArn", "VersionId"]),
    ("DeletePolicy", &["PolicyArn"]),
    ("PutUserPolicy", &["UserName", "PolicyName", "PolicyDocument"]),
    ("DeleteUserPolicy", &["UserName", "PolicyName"]),
    ("PutRolePolicy", &["RoleName", "PolicyName", "PolicyDocument"]),
    ("AttachUserPolicy", &["UserName", "PolicyArn"]),
    ("DetachUserPolicy", &["UserName", "PolicyArn"]),
    ("AttachGroupPolicy", &["GroupName", "PolicyArn"]),
    ("DetachGroupPolicy", &["GroupName", "PolicyArn"]),
    ("AttachRolePolicy", &["RoleName", "PolicyArn"]),
    ("DetachRolePolicy", &["RoleName", "PolicyArn"]),
    ("PutUserPermissionsBoundary", &["UserName", "PermissionsBoundary"]),
    ("DeleteUserPermissionsBoundary", &["UserName"]),
    ("PutRolePermissionsBoundary", &["RoleName", "PermissionsBoundary"]),
    ("TagUser", &["UserName", "Tags.member.1.Key", "Tags.member.1.Value"]),
    ("UntagUser", &["UserName", "TagKeys.member.1"]),
    ("CreateAccessKey", &["UserName"]),
    ("CreateLoginProfile", &["UserName", "Password"]),
    ("UpdateLoginProfile", &["UserName", "Password"]),
    ("CreateVirtualMFADevice", &["VirtualMFADeviceName", "Path"]),
    ("DeleteVirtualMFADevice", &["SerialNumber"]),
    ("CreateInstanceProfile", &["InstanceProfileName"]),
    ("AddRoleToInstanceProfile", &["InstanceProfileName", "RoleName"]),
    ("RemoveRoleFromInstanceProfile", &["InstanceProfileName", "RoleName"]),
    ("DeleteInstanceProfile", &["InstanceProfileName"]),
    ("CreateAccountAlias", &["AccountAlias"]),
    ("UpdateAccountPasswordPolicy", &["MinimumPasswordLength"]),
];

/// Few values, so that calls meet each other; some of them wrong.
fn pool(name: &str) -> &'static [&'static str] {
    const POLICIES: &[&str] = &[
        "arn:aws:iam::111111111111:policy/p",
        "arn:aws:iam::111111111111:policy/q",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::222222222222:policy/p",
    ];
    match name {
        "Path" | "NewPath" => &["/", "/x/", "/x/y/", "nopath"],
        "PolicyDocument" => &[ADMIN, TRUST, "{"],
        "AssumeRolePolicyDocument" => &[TRUST, ADMIN],
        "PolicyArn" | "PermissionsBoundary" => POLICIES,
        "PolicyName" => &["p", "q"],
        "VersionId" => &["v1", "v2", "v3"],
        "SetAsDefault" => &["true", "false"],
        "Tags.member.1.Key" | "TagKeys.member.1" => &["k", "K", "j", "*"],
        "Tags.member.1.Value" => &["", "v"],
        "Password" => &["Correct-Horse-1", "short"],
        "SerialNumber" => &["arn:aws:iam::111111111111:mfa/a", "arn:aws:iam::111111111111:mfa/x/b"],
        "AccountAlias" => &["acme", "acme-2"],
        "MinimumPasswordLength" => &["6", "5", "20"],
        _ => &["a", "A", "b", "c"],
    }
}

fn step() -> impl Strategy<Value = Step> {
    select(CALLS).prop_flat_map(|(action, names)| {
        let values: Vec<_> = names.iter().map(|name| select(pool(name))).collect();
        values.prop_map(move |values| {
            (action, names.iter().copied().zip(values.into_iter().map(str::to_owned)).collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A refusal changes nothing; nothing is left that names what is not there; what is exported comes back.
    #[test]
    fn a_refusal_leaves_no_trace(steps in prop::collection::vec(step(), 1..60)) {
        let mut cloud = Cloud::new();
        // The first call of a key is noted on the key.
        cloud.iam("ListAccountAliases", &[]).ok();
        for (action, parameters) in &steps {
            let before = cloud.export();
            let parameters: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = cloud.iam(action, &parameters);
            prop_assert!(answer.status < 500, "{action} {parameters:?}: {}", answer.body);
            if answer.status != 200 {
                prop_assert!(cloud.export() == before, "{action} {parameters:?} changed something: {}", answer.body);
            }
        }
        let details = cloud.iam("GetAccountAuthorizationDetails", &[("MaxItems", "1000")]);
        prop_assert!(!details.body.contains("<PolicyName></PolicyName>"), "{}", details.body);

        let export = cloud.export();
        let mut again = Cloud::import(&export, &cloud);
        prop_assert_eq!(again.export(), export);
        for call in ["GetAccountAuthorizationDetails", "ListVirtualMFADevices", "ListInstanceProfiles", "GetAccountSummary"] {
            let inside = |body: &str| body.split_once("<ResponseMetadata>").map(|(result, _)| result.to_owned());
            let (one, other) = (cloud.iam(call, &[]), again.iam(call, &[]));
            prop_assert_eq!(inside(&one.body), inside(&other.body), "{}", call);
        }
    }
}
