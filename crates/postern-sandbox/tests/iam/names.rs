//! Renaming, names ignoring case, paths.

use crate::cloud::{ADMIN, Cloud};

#[test]
fn a_renamed_user_keeps_id_keys_groups_policies_and_devices() {
    let mut cloud = Cloud::new();
    let keys = cloud.user("alice");
    let alice = ("UserName", "alice");
    let (serial, _) = cloud.device("phone", "alice");
    cloud.iam("CreateGroup", &[("GroupName", "g")]).ok();
    cloud.iam("AddUserToGroup", &[("GroupName", "g"), alice]).ok();
    cloud.iam("PutUserPolicy", &[alice, ("PolicyName", "p"), ("PolicyDocument", ADMIN)]).ok();
    let before = cloud.iam("GetUser", &[alice]).text("UserId");

    cloud.iam("UpdateUser", &[alice, ("NewUserName", "Alicia"), ("NewPath", "/people/")]).ok();
    assert_eq!(cloud.iam("GetUser", &[alice]).status, 404);
    let after = cloud.iam("GetUser", &[("UserName", "alicia")]);
    assert_eq!(after.text("UserId"), before);
    assert_eq!(after.text("Arn"), "arn:aws:iam::111111111111:user/people/Alicia");
    // At once, and everywhere.
    let identity = cloud.call(&keys, "sts", "GetCallerIdentity", &[]);
    assert_eq!(identity.text("Arn"), "arn:aws:iam::111111111111:user/people/Alicia");
    let name = ("UserName", "Alicia");
    assert_eq!(cloud.iam("ListAccessKeys", &[name]).text("UserName"), "Alicia");
    assert_eq!(cloud.iam("GetAccessKeyLastUsed", &[("AccessKeyId", &keys.id)]).text("UserName"), "Alicia");
    assert_eq!(cloud.iam("ListMFADevices", &[name]).text("SerialNumber"), serial);
    assert_eq!(cloud.iam("ListGroupsForUser", &[name]).texts("GroupName"), ["g"]);
    assert_eq!(cloud.iam("GetGroup", &[("GroupName", "g")]).texts("UserName"), ["Alicia"]);
    assert_eq!(cloud.iam("GetUserPolicy", &[name, ("PolicyName", "p")]).text("UserName"), "Alicia");

    // Another case is the same name.
    cloud.iam("UpdateUser", &[name, ("NewUserName", "ALICIA")]).ok();
    assert_eq!(cloud.iam("GetUser", &[name]).text("UserName"), "ALICIA");
}

#[test]
fn groups_are_renamed_and_listed_by_path() {
    let mut cloud = Cloud::new();
    for (name, path) in [("a", "/x/"), ("b", "/x/y/"), ("c", "/"), ("D", "/xy/")] {
        cloud.iam("CreateGroup", &[("GroupName", name), ("Path", path)]).ok();
    }
    for (prefix, names) in [("/", &["a", "b", "c", "D"][..]), ("/x/", &["a", "b"]), ("/x", &["a", "b", "D"])]
    {
        assert_eq!(cloud.iam("ListGroups", &[("PathPrefix", prefix)]).texts("GroupName"), names, "{prefix}");
    }
    cloud.iam("UpdateGroup", &[("GroupName", "a"), ("NewGroupName", "z"), ("NewPath", "/")]).ok();
    assert_eq!(cloud.iam("ListGroups", &[]).texts("Arn")[3], "arn:aws:iam::111111111111:group/z");
    assert_eq!(
        cloud.iam("UpdateGroup", &[("GroupName", "z"), ("NewGroupName", "B")]).refusal().2,
        "Group with name B already exists."
    );
}

#[test]
fn an_account_has_one_alias_and_no_two_share_one() {
    let mut cloud = Cloud::new();
    cloud.iam("CreateAccountAlias", &[("AccountAlias", "acme")]).ok();
    cloud.iam("CreateAccountAlias", &[("AccountAlias", "acme-bastion")]).ok();
    assert_eq!(cloud.iam("ListAccountAliases", &[]).texts("member"), ["acme-bastion"]);
    let prod = cloud.prod.clone();
    let taken = cloud.call(&prod, "iam", "CreateAccountAlias", &[("AccountAlias", "acme-bastion")]);
    assert_eq!(taken.refusal().1, "EntityAlreadyExists");
    cloud.call(&prod, "iam", "CreateAccountAlias", &[("AccountAlias", "acme")]).ok();
    assert_eq!(cloud.iam("DeleteAccountAlias", &[("AccountAlias", "acme")]).refusal().1, "NoSuchEntity");
    cloud.iam("DeleteAccountAlias", &[("AccountAlias", "acme-bastion")]).ok();
    assert!(cloud.iam("ListAccountAliases", &[]).texts("member").is_empty());
}
