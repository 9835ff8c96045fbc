//! Every refusal of an ordinary call, with its status, code and text.

use crate::cloud::{ADMIN, Cloud};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
const OWN: &str = "arn:aws:iam::111111111111:policy/team/own";
const GONE: &str = "arn:aws:iam::111111111111:policy/gone";
const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const MFA: &str = "arn:aws:iam::111111111111:mfa/gone";

/// An account with one of each.
fn furnished() -> Cloud {
    let mut cloud = Cloud::new();
    for (action, parameters) in [
        ("CreateUser", &[("UserName", "Alice"), ("Path", "/a/")][..]),
        ("CreateUser", &[("UserName", "bob")]),
        ("CreateGroup", &[("GroupName", "Devs")]),
        ("CreateRole", &[("RoleName", "Ops"), ("AssumeRolePolicyDocument", TRUST)]),
        ("CreatePolicy", &[("PolicyName", "own"), ("Path", "/team/"), ("PolicyDocument", ADMIN)]),
        ("CreateInstanceProfile", &[("InstanceProfileName", "box")]),
        ("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]),
        ("CreateLoginProfile", &[("UserName", "Alice"), ("Password", "Correct-Horse-1")]),
        ("CreateAccountAlias", &[("AccountAlias", "acme")]),
    ] {
        cloud.iam(action, parameters).ok();
    }
    cloud
}

#[test]
fn refusals_have_awss_words() {
    let mut cloud = furnished();
    let user = ("UserName", "nobody");
    let alice = ("UserName", "Alice");
    let role = ("RoleName", "nobody");
    let ops = ("RoleName", "Ops");
    let group = ("GroupName", "nobody");
    let devs = ("GroupName", "Devs");
    let named = ("PolicyName", "P");
    let document = ("PolicyDocument", ADMIN);
    let no_user = "The user with name nobody cannot be found.";
    let no_group = "The group with name nobody cannot be found.";
    let no_role = "The role with name nobody cannot be found.";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        // Missing users, groups, roles. Of two that are missing, the user is reported.
        ("GetUser", &[user], 404, "NoSuchEntity", no_user),
        ("UpdateUser", &[user, ("NewUserName", "x")], 404, "NoSuchEntity", no_user),
        ("DeleteUser", &[user], 404, "NoSuchEntity", no_user),
        ("ListGroupsForUser", &[user], 404, "NoSuchEntity", no_user),
        ("CreateAccessKey", &[user], 404, "NoSuchEntity", no_user),
        ("ListAccessKeys", &[user], 404, "NoSuchEntity", no_user),
        ("ListMFADevices", &[user], 404, "NoSuchEntity", no_user),
        ("CreateLoginProfile", &[user, ("Password", "Correct-Horse-1")], 404, "NoSuchEntity", no_user),
        ("PutUserPolicy", &[user, named, document], 404, "NoSuchEntity", no_user),
        ("ListUserTags", &[user], 404, "NoSuchEntity", no_user),
        ("PutUserPermissionsBoundary", &[user, ("PermissionsBoundary", AWS)], 404, "NoSuchEntity", no_user),
        ("AttachUserPolicy", &[user, ("PolicyArn", AWS)], 404, "NoSuchEntity", no_user),
        ("GetGroup", &[group], 404, "NoSuchEntity", no_group),
        ("DeleteGroup", &[group], 404, "NoSuchEntity", no_group),
        ("AddUserToGroup", &[group, alice], 404, "NoSuchEntity", no_group),
        ("AddUserToGroup", &[group, user], 404, "NoSuchEntity", no_user),
        ("RemoveUserFromGroup", &[group, user], 404, "NoSuchEntity", no_user),
        ("ListGroupPolicies", &[group], 404, "NoSuchEntity", no_group),
        ("GetRole", &[role], 404, "NoSuchEntity", no_role),
        ("DeleteRole", &[role], 404, "NoSuchEntity", no_role),
        ("UpdateRole", &[role], 404, "NoSuchEntity", no_role),
        ("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", TRUST)], 404, "NoSuchEntity", no_role),
        ("ListAttachedRolePolicies", &[role], 404, "NoSuchEntity", no_role),
        ("ListInstanceProfilesForRole", &[role], 404, "NoSuchEntity", no_role),
        // Inline policies.
        (
            "GetUserPolicy",
            &[alice, named],
            404,
            "NoSuchEntity",
            "The user policy with name P cannot be found.",
        ),
        (
            "DeleteUserPolicy",
            &[alice, named],
            404,
            "NoSuchEntity",
            "The user policy with name P cannot be found.",
        ),
        (
            "GetGroupPolicy",
            &[devs, named],
            404,
            "NoSuchEntity",
            "The group policy with name P cannot be found.",
        ),
        (
            "DeleteRolePolicy",
            &[ops, named],
            404,
            "NoSuchEntity",
            "The role policy with name P cannot be found.",
        ),
        // Managed policies.
        (
            "GetPolicy",
            &[("PolicyArn", GONE)],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone was not found.",
        ),
        (
            "DeletePolicy",
            &[("PolicyArn", GONE)],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone was not found.",
        ),
        (
            "TagPolicy",
            &[("PolicyArn", GONE), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone was not found.",
        ),
        (
            "DetachUserPolicy",
            &[alice, ("PolicyArn", OWN)],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/team/own was not found.",
        ),
        (
            "AttachRolePolicy",
            &[ops, ("PolicyArn", GONE)],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone does not exist or is not attachable.",
        ),
        (
            "AttachUserPolicy",
            &[alice, ("PolicyArn", "arn:aws:iam::222222222222:policy/theirs")],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::222222222222:policy/theirs does not exist or is not attachable.",
        ),
        (
            "ListEntitiesForPolicy",
            &[("PolicyArn", GONE)],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone does not exist or is not attachable.",
        ),
        (
            "GetPolicyVersion",
            &[("PolicyArn", OWN), ("VersionId", "v9")],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/team/own version v9 does not exist or is not attachable.",
        ),
        (
            "GetPolicyVersion",
            &[("PolicyArn", GONE), ("VersionId", "v1")],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/gone version v1 does not exist or is not attachable.",
        ),
        (
            "SetDefaultPolicyVersion",
            &[("PolicyArn", OWN), ("VersionId", "v2")],
            404,
            "NoSuchEntity",
            "Policy arn:aws:iam::111111111111:policy/team/own version v2 does not exist or is not attachable.",
        ),
        (
            "DeletePolicyVersion",
            &[("PolicyArn", OWN), ("VersionId", "v1")],
            409,
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
        ),
        (
            "GetPolicy",
            &[("PolicyArn", "longpolicynamebutnoarn")],
            400,
            "ValidationError",
            "ARN longpolicynamebutnoarn is not valid.",
        ),
        (
            "AttachUserPolicy",
            &[alice, ("PolicyArn", "longpolicynamebutnoarn")],
            400,
            "ValidationError",
            "ARN longpolicynamebutnoarn is not valid.",
        ),
        (
            "DeletePolicy",
            &[("PolicyArn", AWS)],
            403,
            "AccessDenied",
            "Cannot delete policies outside your own account.",
        ),
        (
            "DeletePolicyVersion",
            &[("PolicyArn", AWS), ("VersionId", "v1")],
            403,
            "AccessDenied",
            "Cannot delete policy versions for policies outside your own account.",
        ),
        (
            "SetDefaultPolicyVersion",
            &[("PolicyArn", AWS), ("VersionId", "v1")],
            403,
            "AccessDenied",
            "Cannot update policies outside your own account.",
        ),
        // Boundaries.
        (
            "PutUserPermissionsBoundary",
            &[alice, ("PermissionsBoundary", "longpolicynamebutnoarn")],
            400,
            "InvalidInput",
            "ARN longpolicynamebutnoarn is not valid.",
        ),
        (
            "CreateUser",
            &[("UserName", "carol"), ("PermissionsBoundary", "arn:aws:iam::111111111111:user/bob")],
            400,
            "InvalidInput",
            "ARN arn:aws:iam::111111111111:user/bob is not valid.",
        ),
        (
            "PutRolePermissionsBoundary",
            &[ops, ("PermissionsBoundary", GONE)],
            404,
            "NoSuchEntity",
            "Scope ARN: arn:aws:iam::111111111111:policy/gone does not exist or is not attachable.",
        ),
        // Keys and login profiles.
        (
            "DeleteAccessKey",
            &[alice, ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")],
            404,
            "NoSuchEntity",
            "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.",
        ),
        (
            "UpdateAccessKey",
            &[alice, ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"), ("Status", "Inactive")],
            404,
            "NoSuchEntity",
            "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.",
        ),
        (
            "GetAccessKeyLastUsed",
            &[("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")],
            403,
            "AccessDenied",
            "User: arn:aws:iam::111111111111:root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIAAAAAAAAAAAAAAAAA",
        ),
        (
            "GetLoginProfile",
            &[("UserName", "bob")],
            404,
            "NoSuchEntity",
            "Login Profile for User bob cannot be found.",
        ),
        (
            "DeleteLoginProfile",
            &[("UserName", "bob")],
            404,
            "NoSuchEntity",
            "Login Profile for User bob cannot be found.",
        ),
        (
            "UpdateLoginProfile",
            &[("UserName", "bob"), ("Password", "Correct-Horse-1")],
            404,
            "NoSuchEntity",
            "Login Profile for User bob cannot be found.",
        ),
        (
            "CreateLoginProfile",
            &[("UserName", "bob"), ("Password", "password")],
            400,
            "PasswordPolicyViolation",
            "Password does not conform to the account password policy.",
        ),
        // Duplicates, in whatever case.
        (
            "CreateUser",
            &[("UserName", "ALICE")],
            409,
            "EntityAlreadyExists",
            "User with name ALICE already exists.",
        ),
        (
            "UpdateUser",
            &[("UserName", "bob"), ("NewUserName", "alice")],
            409,
            "EntityAlreadyExists",
            "User with name alice already exists.",
        ),
        (
            "CreateGroup",
            &[("GroupName", "devs")],
            409,
            "EntityAlreadyExists",
            "Group with name devs already exists.",
        ),
        (
            "CreateRole",
            &[("RoleName", "OPS"), ("AssumeRolePolicyDocument", TRUST)],
            409,
            "EntityAlreadyExists",
            "Role with name OPS already exists.",
        ),
        (
            "CreateInstanceProfile",
            &[("InstanceProfileName", "BOX")],
            409,
            "EntityAlreadyExists",
            "Instance Profile BOX already exists.",
        ),
        (
            "CreatePolicy",
            &[("PolicyName", "own"), document],
            409,
            "EntityAlreadyExists",
            "A policy called own already exists. Duplicate names are not allowed.",
        ),
        (
            "CreateLoginProfile",
            &[alice, ("Password", "Correct-Horse-1")],
            409,
            "EntityAlreadyExists",
            "Login Profile for user Alice already exists.",
        ),
        (
            "CreateVirtualMFADevice",
            &[("VirtualMFADeviceName", "phone")],
            409,
            "EntityAlreadyExists",
            "MFA device already exists.",
        ),
        (
            "CreateAccountAlias",
            &[("AccountAlias", "acme")],
            409,
            "EntityAlreadyExists",
            "The account alias acme already exists.",
        ),
        // MFA devices.
        (
            "DeactivateMFADevice",
            &[alice, ("SerialNumber", MFA)],
            404,
            "NoSuchEntity",
            "MFA Device with serial number arn:aws:iam::111111111111:mfa/gone does not exist.",
        ),
        (
            "CreateVirtualMFADevice",
            &[("VirtualMFADeviceName", "p"), ("Path", "nopath")],
            400,
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ),
        // Tags.
        (
            "TagUser",
            &[
                alice,
                ("Tags.member.1.Key", "Team"),
                ("Tags.member.1.Value", "a"),
                ("Tags.member.2.Key", "team"),
                ("Tags.member.2.Value", "b"),
            ],
            400,
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            "TagPolicy",
            &[
                ("PolicyArn", OWN),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "a"),
                ("Tags.member.2.Key", "k"),
                ("Tags.member.2.Value", "b"),
            ],
            400,
            "InvalidInput",
            "Duplicate tag keys found.",
        ),
        (
            "UntagUser",
            &[alice, ("TagKeys.member.1", "")],
            400,
            "ValidationError",
            r"1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]",
        ),
        (
            "TagUser",
            &[alice],
            400,
            "ValidationError",
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must not be null",
        ),
        (
            "UntagRole",
            &[ops],
            400,
            "ValidationError",
            "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must not be null",
        ),
        // Account.
        (
            "GetAccountPasswordPolicy",
            &[],
            404,
            "NoSuchEntity",
            "The Password Policy with domain name 111111111111 cannot be found.",
        ),
        (
            "DeleteAccountPasswordPolicy",
            &[],
            404,
            "NoSuchEntity",
            "The account policy with name PasswordPolicy cannot be found.",
        ),
        ("GetCredentialReport", &[], 410, "ReportNotPresent", ""),
        // Written policies.
        (
            "PutUserPolicy",
            &[alice, named, ("PolicyDocument", "{")],
            400,
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        ),
        (
            "CreatePolicy",
            &[named, ("PolicyDocument", r#"{"Version":"2008-10-17","Statement":[]}"#)],
            400,
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        ),
        (
            "CreatePolicyVersion",
            &[
                ("PolicyArn", OWN),
                ("PolicyDocument", r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#),
            ],
            400,
            "MalformedPolicyDocument",
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (
            "PutRolePolicy",
            &[ops, named, ("PolicyDocument", TRUST)],
            400,
            "MalformedPolicyDocument",
            "Policy document should not specify a principal.",
        ),
        // What is AWS's.
        (
            "DeleteRole",
            &[("RoleName", "AWSServiceRoleForSupport")],
            400,
            "UnmodifiableEntity",
            "Cannot perform the operation on the protected role 'AWSServiceRoleForSupport' - this role is only modifiable by AWS",
        ),
        (
            "AttachRolePolicy",
            &[("RoleName", "AWSServiceRoleForSupport"), ("PolicyArn", AWS)],
            400,
            "UnmodifiableEntity",
            "Cannot perform the operation on the protected role 'AWSServiceRoleForSupport' - this role is only modifiable by AWS",
        ),
        (
            "AttachRolePolicy",
            &[ops, ("PolicyArn", "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy")],
            400,
            "PolicyNotAttachable",
            "Cannot attach a Service Role Policy to a Customer Role.",
        ),
        // The model.
        (
            "CreateUser",
            &[],
            400,
            "ValidationError",
            "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null",
        ),
        ("ListUsers", &[("Marker", "made-up")], 400, "ValidationError", "Invalid Marker."),
        (
            "NoSuchThing",
            &[],
            400,
            "InvalidAction",
            "Could not find operation NoSuchThing for version 2010-05-08",
        ),
    ];
    for (action, parameters, status, code, message) in cases {
        let refusal = cloud.iam(action, parameters).refusal();
        assert_eq!(refusal, (*status, (*code).to_owned(), (*message).to_owned()), "{action} {parameters:?}");
    }
    cloud.iam("TagUser", &[alice, ("Tags", "")]).ok();
    // A refusal changes nothing.
    let summary = cloud.iam("GetAccountSummary", &[]);
    for (key, count) in
        [("Users", "2"), ("Groups", "1"), ("Roles", "3"), ("Policies", "1"), ("MFADevices", "1")]
    {
        assert!(summary.body.contains(&format!("<key>{key}</key><value>{count}</value>")), "{key}");
    }
}

#[test]
fn calls_without_a_user_name_mean_the_caller() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    cloud.iam("PutUserPolicy", &[("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)]).ok();
    assert_eq!(cloud.call(&alice, "iam", "GetUser", &[]).text("UserName"), "alice");
    assert_eq!(cloud.call(&alice, "iam", "ListAccessKeys", &[]).text("AccessKeyId"), alice.id);
    let second = cloud.call(&alice, "iam", "CreateAccessKey", &[]).keys();
    cloud.call(&alice, "iam", "DeleteAccessKey", &[("AccessKeyId", &second.id)]).ok();
    // Root has keys of its own.
    let root = cloud.root.id.clone();
    assert_eq!(cloud.iam("ListAccessKeys", &[]).texts("AccessKeyId"), [root]);
    assert!(cloud.iam("GetUser", &[]).text("Arn").ends_with(":root"));

    cloud.iam("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)]).ok();
    cloud.iam("PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)]).ok();
    let role = [("RoleArn", "arn:aws:iam::111111111111:role/r"), ("RoleSessionName", "session")];
    let session = cloud.call(&alice, "sts", "AssumeRole", &role).keys();
    for (action, parameters) in [
        ("GetUser", &[][..]),
        ("ListAccessKeys", &[]),
        ("CreateAccessKey", &[]),
        ("DeleteAccessKey", &[("AccessKeyId", alice.id.as_str())]),
        ("ListMFADevices", &[]),
        ("ChangePassword", &[("OldPassword", "x"), ("NewPassword", "y")]),
    ] {
        let (status, code, message) = cloud.call(&session, "iam", action, parameters).refusal();
        assert_eq!(
            (status, code.as_str(), message.as_str()),
            (400, "ValidationError", "Must specify userName when calling with non-User credentials"),
            "{action}"
        );
    }
}
