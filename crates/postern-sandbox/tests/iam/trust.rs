//! Trust policies: principals that exist, and what is left of those that do not any more.

use crate::cloud::{ADMIN, BASTION, Cloud, Keys, PROD};

fn trust(principal: &str) -> String {
    format!(
        "{{ \"Version\" : \"2012-10-17\",\n  \"Statement\":[{{\"Effect\":\"Allow\", \"Principal\":{principal},\"Action\":\"sts:AssumeRole\"}}]}}"
    )
}

fn aws(principal: &str) -> String {
    trust(&format!("{{\"AWS\":\"{principal}\"}}"))
}

fn shown(cloud: &mut Cloud) -> String {
    let prod = cloud.prod.clone();
    let role = cloud.call(&prod, "iam", "GetRole", &[("RoleName", "r")]);
    assert_eq!(role.status, 200, "{}", role.body);
    role.document("AssumeRolePolicyDocument")
}

fn assume(cloud: &mut Cloud, keys: &Keys) -> u16 {
    let role = format!("arn:aws:iam::{PROD}:role/r");
    cloud.call(keys, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "session")]).status
}

#[test]
fn principals_must_exist() {
    let mut cloud = Cloud::new();
    cloud.iam("CreateUser", &[("UserName", "alice"), ("Path", "/people/")]).ok();
    let id = cloud.iam("GetUser", &[("UserName", "alice")]).text("UserId");
    cloud.iam("CreateRole", &[("RoleName", "there"), ("AssumeRolePolicyDocument", &aws("*"))]).ok();
    let prod = cloud.prod.clone();
    let ecs = trust(r#"{"Service":"ecs.amazonaws.com","AWS":["arn:aws:iam::111111111111:root","*"]}"#);
    let good = [
        aws("*"),
        trust("\"*\""),
        aws("arn:aws:iam::111111111111:root"),
        aws("arn:aws:iam::111111111111:user/people/alice"),
        aws("arn:aws:iam::111111111111:role/there"),
        aws("arn:aws:sts::111111111111:assumed-role/there/session"),
        trust(r#"{"Federated":"cognito-identity.amazonaws.com"}"#)
            .replace("AssumeRole", "AssumeRoleWithWebIdentity"),
        ecs,
    ];
    for (number, text) in good.iter().enumerate() {
        let name = format!("good{number}");
        let made = cloud.call(
            &prod,
            "iam",
            "CreateRole",
            &[("RoleName", &name), ("AssumeRolePolicyDocument", text)],
        );
        assert_eq!(made.status, 200, "{text}: {}", made.body);
        // Byte for byte, white space kept.
        assert_eq!(made.document("AssumeRolePolicyDocument"), *text);
    }
    for bad in [
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:iam::111111111111:user/people/Alice",
        "arn:aws:iam::111111111111:user/people/*",
        "arn:aws:iam::111111111111:role/gone",
        "arn:aws:iam::111111111111:group/g",
        "arn:aws:iam::999999999999:root",
        "999999999999",
        "arn:aws:sts::111111111111:assumed-role/gone/session",
        "arn:aws:sts::111111111111:assumed-role/there/*",
        "alice",
        id.as_str(),
    ] {
        let made = cloud.call(
            &prod,
            "iam",
            "CreateRole",
            &[("RoleName", "bad"), ("AssumeRolePolicyDocument", &aws(bad))],
        );
        let message = format!("Invalid principal in policy: \"AWS\":\"{bad}\"");
        assert_eq!(made.refusal(), (400, "MalformedPolicyDocument".to_owned(), message));
    }
    for (text, message) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        (
            aws("*").replace("sts:AssumeRole", "s3:GetObject"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (aws("*").replace("\"Action\"", "\"Resource\":\"*\",\"Action\""), "Has prohibited field Resource"),
        (trust(r#"{"Service":"nonsense"}"#), "Invalid principal in policy: \"SERVICE\":\"nonsense\""),
    ] {
        let made = cloud.call(
            &prod,
            "iam",
            "CreateRole",
            &[("RoleName", "bad"), ("AssumeRolePolicyDocument", &text)],
        );
        assert_eq!(made.refusal(), (400, "MalformedPolicyDocument".to_owned(), message.to_owned()));
    }
}

#[test]
fn a_bare_account_is_shown_as_its_root() {
    let mut cloud = Cloud::new();
    let prod = cloud.prod.clone();
    let text = aws(BASTION);
    cloud.call(&prod, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &text)]).ok();
    assert_eq!(shown(&mut cloud), aws("arn:aws:iam::111111111111:root"));
}

#[test]
fn a_user_who_is_born_again_is_not_trusted() {
    let mut cloud = Cloud::new();
    let prod = cloud.prod.clone();
    let alice = cloud.user("alice");
    let id = cloud.iam("GetUser", &[("UserName", "alice")]).text("UserId");
    let policy = [("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)];
    cloud.iam("PutUserPolicy", &policy).ok();
    let text = aws("arn:aws:iam::111111111111:user/alice");
    cloud.call(&prod, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &text)]).ok();
    assert_eq!(shown(&mut cloud), text);
    assert_eq!(assume(&mut cloud, &alice), 200);

    // A new name is the same user.
    cloud.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "alicia"), ("NewPath", "/p/")]).ok();
    assert_eq!(shown(&mut cloud), aws("arn:aws:iam::111111111111:user/p/alicia"));
    assert_eq!(assume(&mut cloud, &alice), 200);
    cloud.iam("UpdateUser", &[("UserName", "alicia"), ("NewUserName", "alice"), ("NewPath", "/")]).ok();

    // The same name is another user.
    cloud.iam("DeleteUserPolicy", &[("UserName", "alice"), ("PolicyName", "p")]).ok();
    cloud.iam("DeleteAccessKey", &[("UserName", "alice"), ("AccessKeyId", &alice.id)]).ok();
    cloud.iam("DeleteUser", &[("UserName", "alice")]).ok();
    assert_eq!(shown(&mut cloud), aws(&id));
    let again = cloud.user("alice");
    cloud.iam("PutUserPolicy", &policy).ok();
    assert_eq!(shown(&mut cloud), aws(&id));
    assert_eq!(assume(&mut cloud, &again), 403);
    let details = cloud.call(&prod, "iam", "GetAccountAuthorizationDetails", &[("Filter.member.1", "Role")]);
    assert!(
        details.texts("AssumeRolePolicyDocument").iter().any(|text| text.contains(&id)),
        "{}",
        details.body
    );

    // What is shown cannot be saved any more.
    let (_, code, message) = cloud
        .call(&prod, "iam", "UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", &aws(&id))])
        .refusal();
    assert_eq!(code, "MalformedPolicyDocument");
    assert_eq!(message, format!("Invalid principal in policy: \"AWS\":\"{id}\""));
    cloud.call(&prod, "iam", "UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", &text)]).ok();
    assert_eq!(assume(&mut cloud, &again), 200);
}

#[test]
fn a_role_that_is_born_again_is_not_trusted() {
    let mut cloud = Cloud::new();
    let prod = cloud.prod.clone();
    let make = |cloud: &mut Cloud| {
        cloud
            .iam(
                "CreateRole",
                &[("RoleName", "hop"), ("AssumeRolePolicyDocument", &aws("arn:aws:iam::111111111111:root"))],
            )
            .ok();
        cloud
            .iam("PutRolePolicy", &[("RoleName", "hop"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)])
            .ok();
    };
    let alice = cloud.user("alice");
    cloud.iam("PutUserPolicy", &[("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)]).ok();
    make(&mut cloud);
    let text = aws("arn:aws:iam::111111111111:role/hop");
    cloud.call(&prod, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &text)]).ok();
    let hop = [("RoleArn", "arn:aws:iam::111111111111:role/hop"), ("RoleSessionName", "session")];
    let session = cloud.call(&alice, "sts", "AssumeRole", &hop).keys();
    assert_eq!(assume(&mut cloud, &session), 200);

    cloud.iam("DeleteRolePolicy", &[("RoleName", "hop"), ("PolicyName", "p")]).ok();
    cloud.iam("DeleteRole", &[("RoleName", "hop")]).ok();
    assert!(shown(&mut cloud).contains("AROA"), "{}", shown(&mut cloud));
    make(&mut cloud);
    let session = cloud.call(&alice, "sts", "AssumeRole", &hop).keys();
    assert_eq!(assume(&mut cloud, &session), 403);
}
