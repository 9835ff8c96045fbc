//! What a call must be allowed: on which resource, with which keys.

use crate::cloud::Cloud;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;

fn policy(action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"{resource}","Condition":{condition}}}}}"#
    )
}

#[test]
fn resources_and_keys_decide() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    let role = ("RoleName", "r");
    cloud.iam("CreateUser", &[("UserName", "bob"), ("Path", "/div/")]).ok();
    cloud
        .iam("TagUser", &[("UserName", "bob"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")])
        .ok();
    cloud.iam("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)]).ok();
    cloud.iam("CreateInstanceProfile", &[("InstanceProfileName", "box")]).ok();
    let bob = ("UserName", "bob");
    let read = ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess");
    let power = ("PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess");
    let bound = ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess");
    let unbound = ("PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess");
    let (carol, dan) = (("UserName", "carol"), ("UserName", "dan"));
    let tags = |value| [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", value)];
    let ([x, x_value], [_, y_value]) = (tags("x"), tags("y"));
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], bool);
    let any = "{}";
    let arn = "arn:aws:iam::111111111111";
    let cases: &[Case<'_>] = &[
        ("iam:GetUser", "user/div/bob", any, &[bob], true),
        ("iam:GetUser", "user/bob", any, &[bob], false),
        ("iam:ListMFADevices", "user/div/*", any, &[bob], true),
        ("iam:ListUsers", "user/", any, &[], true),
        ("iam:ListUsers", "user/div/", any, &[("PathPrefix", "/div/")], true),
        ("iam:GetUser", "user/*", r#"{"StringEquals":{"aws:ResourceTag/team":"x"}}"#, &[bob], true),
        ("iam:GetUser", "user/*", r#"{"StringEquals":{"iam:ResourceTag/team":"y"}}"#, &[bob], false),
        (
            "iam:AttachRolePolicy",
            "role/r",
            r#"{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[role, read],
            true,
        ),
        (
            "iam:AttachRolePolicy",
            "role/r",
            r#"{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[role, power],
            false,
        ),
        (
            "iam:CreateUser",
            "user/*",
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[carol, bound],
            true,
        ),
        (
            "iam:CreateUser",
            "user/*",
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[dan],
            false,
        ),
        (
            "iam:PutUserPermissionsBoundary",
            "user/*",
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[carol, unbound],
            false,
        ),
        (
            "iam:PutUserPermissionsBoundary",
            "user/*",
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            &[carol, bound],
            true,
        ),
        (
            "iam:TagUser",
            "user/*",
            r#"{"StringEquals":{"aws:RequestTag/team":"x"}}"#,
            &[bob, x, x_value],
            true,
        ),
        (
            "iam:TagUser",
            "user/*",
            r#"{"StringEquals":{"aws:RequestTag/team":"x"}}"#,
            &[bob, x, y_value],
            false,
        ),
        (
            "iam:UntagUser",
            "user/*",
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#,
            &[bob, ("TagKeys.member.1", "cost")],
            false,
        ),
        (
            "iam:CreateVirtualMFADevice",
            "mfa/${aws:username}",
            any,
            &[("VirtualMFADeviceName", "alice")],
            true,
        ),
        ("iam:CreateVirtualMFADevice", "mfa/${aws:username}", any, &[("VirtualMFADeviceName", "bob")], false),
        // Whoever gives a role to machines must be allowed to pass it.
        ("iam:AddRoleToInstanceProfile", "*", any, &[("InstanceProfileName", "box"), role], false),
        // Another name is another resource.
        ("iam:UpdateUser", "user/div/*", any, &[bob, ("NewPath", "/")], false),
        ("iam:UpdateUser", "user/div/*", any, &[bob, ("NewUserName", "bobby")], true),
        ("iam:ListPolicies", "*", any, &[], true),
    ];
    for (action, resource, condition, parameters, good) in cases {
        let resource = if *resource == "*" { "*".to_owned() } else { format!("{arn}:{resource}") };
        // IAM has its resources begin with a kind and knows no list calls on one thing.
        let document = policy(action, &resource, condition);
        cloud
            .iam(
                "PutUserPolicy",
                &[("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", &document)],
            )
            .ok();
        let name = action.strip_prefix("iam:").unwrap();
        let answer = cloud.call(&alice, "iam", name, parameters);
        if *good {
            assert_eq!(answer.status, 200, "{document} {parameters:?}: {}", answer.body);
        } else {
            assert_eq!(answer.refusal().1, "AccessDenied", "{document} {parameters:?}");
        }
    }
}

#[test]
fn to_make_with_tags_is_to_tag() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    let tags = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    let allow = |actions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}}}"#
        )
    };
    let document = allow("\"s3:*\"");
    for (make, tag, parameters) in [
        ("CreateUser", "TagUser", &[("UserName", "x")][..]),
        ("CreateRole", "TagRole", &[("RoleName", "x"), ("AssumeRolePolicyDocument", TRUST)]),
        ("CreatePolicy", "TagPolicy", &[("PolicyName", "x"), ("PolicyDocument", document.as_str())]),
        ("CreateVirtualMFADevice", "TagMFADevice", &[("VirtualMFADeviceName", "x")]),
        ("CreateInstanceProfile", "TagInstanceProfile", &[("InstanceProfileName", "x")]),
    ] {
        let parameters = [parameters, &tags].concat();
        let put = |cloud: &mut Cloud, actions: String| {
            let policy = allow(&actions);
            cloud
                .iam(
                    "PutUserPolicy",
                    &[("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", &policy)],
                )
                .ok();
            cloud.call(&alice, "iam", make, &parameters)
        };
        let (_, code, message) = put(&mut cloud, format!("\"iam:{make}\"")).refusal();
        assert_eq!(code, "AccessDenied");
        assert!(message.contains(&format!("to perform: iam:{tag} on resource: arn:aws:iam::")), "{message}");
        put(&mut cloud, format!("\"iam:{make}\",\"iam:{tag}\"")).ok();
    }
}

#[test]
fn who_may_not_know_is_told_nothing() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    let (status, code, message) = cloud.call(&alice, "iam", "GetUser", &[("UserName", "nobody")]).refusal();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert_eq!(
        message,
        "User: arn:aws:iam::111111111111:user/alice is not authorized to perform: iam:GetUser on resource: \
         arn:aws:iam::111111111111:user/nobody because no identity-based policy allows the iam:GetUser action"
    );
}
