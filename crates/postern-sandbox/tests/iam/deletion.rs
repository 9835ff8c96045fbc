//! What must go before what, and names that come again.

use crate::cloud::{ADMIN, Answer, Cloud, Parameters};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

#[track_caller]
fn conflict(answer: Answer, message: &str) {
    let expected = (409, "DeleteConflict".to_owned(), message.to_owned());
    assert_eq!(answer.refusal(), expected);
}

#[test]
fn a_user_goes_last() {
    let mut cloud = Cloud::new();
    let key = cloud.user("alice").id;
    let alice = ("UserName", "alice");
    let (serial, _) = cloud.device("alice", "alice");
    for (action, parameters) in [
        ("AttachUserPolicy", &[alice, ("PolicyArn", AWS)][..]),
        ("PutUserPolicy", &[alice, ("PolicyName", "p"), ("PolicyDocument", ADMIN)]),
        ("CreateLoginProfile", &[alice, ("Password", "Correct-Horse-1")]),
        ("CreateGroup", &[("GroupName", "g")]),
        ("AddUserToGroup", &[alice, ("GroupName", "g")]),
        ("PutUserPermissionsBoundary", &[alice, ("PermissionsBoundary", AWS)]),
        ("TagUser", &[alice, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")]),
    ] {
        cloud.iam(action, parameters).ok();
    }
    let made =
        cloud.iam("CreateServiceSpecificCredential", &[alice, ("ServiceName", "codecommit.amazonaws.com")]);
    let git = made.texts("ServiceSpecificCredentialId").remove(0);
    let steps: [(&str, &str, Parameters<'_>); 7] = [
        ("must detach all policies first.", "DetachUserPolicy", &[alice, ("PolicyArn", AWS)]),
        ("must delete policies first.", "DeleteUserPolicy", &[alice, ("PolicyName", "p")]),
        ("must delete access keys first.", "DeleteAccessKey", &[alice, ("AccessKeyId", &key)]),
        ("must delete login profile first.", "DeleteLoginProfile", &[alice]),
        ("must remove users from group first.", "RemoveUserFromGroup", &[alice, ("GroupName", "g")]),
        ("must delete MFA device first.", "DeactivateMFADevice", &[alice, ("SerialNumber", &serial)]),
        (
            "must remove referenced objects first.",
            "DeleteServiceSpecificCredential",
            &[alice, ("ServiceSpecificCredentialId", &git)],
        ),
    ];
    for (reason, action, parameters) in steps {
        conflict(cloud.iam("DeleteUser", &[alice]), &format!("Cannot delete entity, {reason}"));
        cloud.iam(action, parameters).ok();
    }
    // Neither boundary nor tags hold a user.
    cloud.iam("DeleteUser", &[alice]).ok();
    assert_eq!(cloud.iam("GetUser", &[alice]).status, 404);
    // The device stays, nobody's.
    assert_eq!(
        cloud.iam("ListVirtualMFADevices", &[("AssignmentStatus", "Unassigned")]).texts("SerialNumber"),
        [serial]
    );
}

#[test]
fn groups_roles_and_profiles() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let (group, role) = (("GroupName", "g"), ("RoleName", "r"));
    let profile = ("InstanceProfileName", "box");
    for (action, parameters) in [
        ("CreateGroup", &[group][..]),
        ("AddUserToGroup", &[group, ("UserName", "alice")]),
        ("AttachGroupPolicy", &[group, ("PolicyArn", AWS)]),
        ("PutGroupPolicy", &[group, ("PolicyName", "p"), ("PolicyDocument", ADMIN)]),
        ("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST), ("PermissionsBoundary", AWS)]),
        ("AttachRolePolicy", &[role, ("PolicyArn", AWS)]),
        ("PutRolePolicy", &[role, ("PolicyName", "p"), ("PolicyDocument", ADMIN)]),
        ("CreateInstanceProfile", &[profile]),
        ("AddRoleToInstanceProfile", &[profile, role]),
    ] {
        cloud.iam(action, parameters).ok();
    }
    let steps: [(&str, &str, Parameters<'_>); 6] = [
        ("must remove users from group first.", "RemoveUserFromGroup", &[group, ("UserName", "alice")]),
        ("must detach all policies first.", "DetachGroupPolicy", &[group, ("PolicyArn", AWS)]),
        ("must delete policies first.", "DeleteGroupPolicy", &[group, ("PolicyName", "p")]),
        ("must detach all policies first.", "DetachRolePolicy", &[role, ("PolicyArn", AWS)]),
        ("must delete policies first.", "DeleteRolePolicy", &[role, ("PolicyName", "p")]),
        ("must remove roles from instance profile first.", "RemoveRoleFromInstanceProfile", &[profile, role]),
    ];
    for (at, (reason, action, parameters)) in steps.into_iter().enumerate() {
        let delete =
            if at < 3 { cloud.iam("DeleteGroup", &[group]) } else { cloud.iam("DeleteRole", &[role]) };
        conflict(delete, &format!("Cannot delete entity, {reason}"));
        if at == 5 {
            let delete = cloud.iam("DeleteInstanceProfile", &[profile]);
            conflict(delete, "Cannot delete entity, must remove roles from instance profile first.");
        }
        cloud.iam(action, parameters).ok();
    }
    cloud.iam("DeleteGroup", &[group]).ok();
    cloud.iam("DeleteRole", &[role]).ok();
    cloud.iam("DeleteInstanceProfile", &[profile]).ok();
}

#[test]
fn a_policy_goes_when_nobody_uses_it_and_one_version_is_left() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let made = cloud.iam("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", ADMIN)]);
    let arn = made.text("Arn");
    let policy = ("PolicyArn", arn.as_str());
    let alice = ("UserName", "alice");
    cloud.iam("CreatePolicyVersion", &[policy, ("PolicyDocument", ADMIN), ("SetAsDefault", "true")]).ok();
    cloud.iam("AttachUserPolicy", &[alice, policy]).ok();
    cloud.iam("PutUserPermissionsBoundary", &[alice, ("PermissionsBoundary", &arn)]).ok();
    for undo in ["DetachUserPolicy", "DeleteUserPermissionsBoundary"] {
        conflict(cloud.iam("DeletePolicy", &[policy]), "Cannot delete a policy attached to entities.");
        let parameters = if undo == "DetachUserPolicy" { &[alice, policy][..] } else { &[alice] };
        cloud.iam(undo, parameters).ok();
    }
    assert_eq!(cloud.iam("DeletePolicy", &[policy]).refusal().1, "DeleteConflict");
    conflict(
        cloud.iam("DeletePolicyVersion", &[policy, ("VersionId", "v2")]),
        "Cannot delete the default version of a policy.",
    );
    cloud.iam("DeletePolicyVersion", &[policy, ("VersionId", "v1")]).ok();
    cloud.iam("DeletePolicy", &[policy]).ok();
    // The name may come again; the id never does.
    let again = cloud.iam("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", ADMIN)]);
    assert_ne!(again.text("PolicyId"), made.text("PolicyId"));
    assert_eq!(again.text("DefaultVersionId"), "v1");
}

#[test]
fn a_device_goes_when_it_is_nobodys() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let (serial, _) = cloud.device("alice", "alice");
    let device = ("SerialNumber", serial.as_str());
    assert_eq!(cloud.iam("DeleteVirtualMFADevice", &[device]).refusal().1, "DeleteConflict");
    cloud.iam("DeactivateMFADevice", &[("UserName", "alice"), device]).ok();
    cloud.iam("DeleteVirtualMFADevice", &[device]).ok();
    assert_eq!(cloud.iam("DeleteVirtualMFADevice", &[device]).refusal().1, "NoSuchEntity");
}
