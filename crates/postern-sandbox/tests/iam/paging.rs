//! Lists in pages: every item once, in order, whatever the size of a page.

use crate::cloud::{ADMIN, Cloud, Parameters};

/// All items of a list call, read in pages of this size.
fn all(cloud: &mut Cloud, action: &str, parameters: &[(&str, &str)], item: &str, size: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut with_page = parameters.to_vec();
        with_page.push(("MaxItems", size));
        with_page.extend(marker.as_ref().map(|marker| ("Marker", marker.as_str())));
        let page = cloud.iam(action, &with_page);
        assert_eq!(page.status, 200, "{}", page.body);
        let found = page.texts(item);
        assert!(found.len() <= size.parse().unwrap(), "{action}: {}", found.len());
        items.extend(found);
        match page.text("IsTruncated").as_str() {
            "true" => marker = Some(page.text("Marker")),
            _ => {
                assert!(page.texts("Marker").is_empty());
                return items;
            }
        }
        assert!(items.len() < 10_000, "{action} does not end");
    }
}

#[test]
fn pages_join_to_the_whole() {
    let mut cloud = Cloud::new();
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    let alice = ("UserName", "u00");
    cloud.iam("CreateGroup", &[("GroupName", "everyone")]).ok();
    for number in 0..10 {
        let name = format!("u{number:02}");
        let key = format!("k{number:02}");
        cloud.iam("CreateUser", &[("UserName", &name)]).ok();
        cloud.iam("AddUserToGroup", &[("UserName", &name), ("GroupName", "everyone")]).ok();
        cloud.iam("CreateRole", &[("RoleName", &name), ("AssumeRolePolicyDocument", trust)]).ok();
        cloud.iam("CreatePolicy", &[("PolicyName", &name), ("PolicyDocument", ADMIN)]).ok();
        cloud.iam("PutUserPolicy", &[alice, ("PolicyName", &name), ("PolicyDocument", ADMIN)]).ok();
        cloud.iam("TagUser", &[alice, ("Tags.member.1.Key", &key), ("Tags.member.1.Value", "")]).ok();
        let arn = format!("arn:aws:iam::111111111111:policy/{name}");
        cloud.iam("AttachUserPolicy", &[alice, ("PolicyArn", &arn)]).ok();
        cloud
            .iam(
                "AttachRolePolicy",
                &[("RoleName", &name), ("PolicyArn", "arn:aws:iam::111111111111:policy/u00")],
            )
            .ok();
        cloud.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", &name)]).ok();
        cloud.iam("CreateInstanceProfile", &[("InstanceProfileName", &name)]).ok();
        if (1..5).contains(&number) {
            let first = ("PolicyArn", "arn:aws:iam::111111111111:policy/u00");
            cloud.iam("CreatePolicyVersion", &[first, ("PolicyDocument", ADMIN)]).ok();
        }
    }
    let policy = ("PolicyArn", "arn:aws:iam::111111111111:policy/u00");
    let lists: [(&str, Parameters<'_>, &str, usize); 13] = [
        ("ListUsers", &[], "UserName", 10),
        ("GetGroup", &[("GroupName", "everyone")], "UserName", 10),
        ("ListRoles", &[], "RoleName", 12),
        ("ListPolicies", &[("Scope", "Local")], "PolicyName", 10),
        ("ListPolicyVersions", &[policy], "VersionId", 5),
        ("ListUserPolicies", &[alice], "member", 10),
        ("ListAttachedUserPolicies", &[alice], "PolicyArn", 10),
        ("ListUserTags", &[alice], "Key", 10),
        ("ListVirtualMFADevices", &[], "SerialNumber", 10),
        ("ListInstanceProfiles", &[], "InstanceProfileName", 10),
        ("ListEntitiesForPolicy", &[policy], "RoleName", 10),
        ("ListGroupsForUser", &[alice], "GroupName", 1),
        ("GetAccountAuthorizationDetails", &[], "Arn", 10 + 1 + 12 + 10),
    ];
    for (action, parameters, item, count) in lists {
        let whole = all(&mut cloud, action, parameters, item, "1000");
        assert_eq!(whole.len(), count, "{action}");
        for size in ["1", "3", "7"] {
            assert_eq!(all(&mut cloud, action, parameters, item, size), whole, "{action} by {size}");
        }
        let unique: std::collections::BTreeSet<_> = whole.iter().collect();
        assert_eq!(unique.len(), whole.len(), "{action}");
    }
    assert_eq!(
        all(&mut cloud, "ListPolicyVersions", &[policy], "VersionId", "2"),
        ["v5", "v4", "v3", "v2", "v1"]
    );
    // AWS's own: all of them, in pages of a hundred unless asked otherwise.
    assert!(all(&mut cloud, "ListPolicies", &[("Scope", "AWS")], "Arn", "1000").len() > 1_400);
    assert_eq!(cloud.iam("ListPolicies", &[]).texts("Arn").len(), 100);
}

#[test]
fn a_marker_is_good_where_it_was_issued() {
    let mut cloud = Cloud::new();
    for name in ["a", "b", "c"] {
        cloud.iam("CreateUser", &[("UserName", name)]).ok();
        cloud.iam("CreateGroup", &[("GroupName", name)]).ok();
    }
    let marker = cloud.iam("ListUsers", &[("MaxItems", "1")]).text("Marker");
    let prod = cloud.prod.clone();
    for answer in [
        cloud.iam("ListGroups", &[("Marker", &marker)]),
        cloud.call(&prod, "iam", "ListUsers", &[("Marker", &marker)]),
        cloud.iam("ListUsers", &[("Marker", &format!("{marker}A"))]),
    ] {
        let (status, code, message) = answer.refusal();
        assert_eq!((status, code.as_str(), message.as_str()), (400, "ValidationError", "Invalid Marker."));
    }
    // What comes and goes between two pages neither repeats nor hides others.
    cloud.iam("DeleteUser", &[("UserName", "a")]).ok();
    cloud.iam("CreateUser", &[("UserName", "A0")]).ok();
    assert_eq!(cloud.iam("ListUsers", &[("Marker", &marker)]).texts("UserName"), ["A0", "b", "c"]);
    for size in ["0", "1001", "x"] {
        assert_eq!(cloud.iam("ListUsers", &[("MaxItems", size)]).refusal().1, "ValidationError", "{size}");
    }
}
