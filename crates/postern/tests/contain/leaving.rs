//! People who leave: locked out now, out of the file, deleted later.

use crate::{
    cloud::{BASTION, Cloud, PROD},
    world::{ESTATE, said},
};

#[track_caller]
fn off_board(cloud: &Cloud, more: &[&str]) -> String {
    let mut arguments = vec!["off-board", "--yes", "--settle", "0.1"];
    arguments.extend_from_slice(more);
    let output = cloud.world.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_person_is_locked_out_and_taken_out_of_the_file_and_the_plan_agrees() {
    let cloud = Cloud::new();
    let bob = cloud.enrol("bob");
    let session = cloud.assume(&bob.with_mfa, PROD, "readonly").unwrap();
    let text = off_board(&cloud, &["bob"]);
    for part in ["-[people.bob]", "is kept 30 days", "not read: look there", "Off-boarded."] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    for held in [&bob.key, &bob.with_mfa, &bob.without_mfa, &session] {
        assert!(cloud.can(held).is_empty());
    }
    let file = std::fs::read_to_string(cloud.world.path("postern.toml")).unwrap();
    assert!(!file.contains("bob") && file.contains("[people.alice]"), "{file}");
    let user = cloud.entity(BASTION, "users", "bob");
    assert!(user["tags"].to_string().contains("postern:delete-after"), "{user}");
    assert!(!cloud.iam("ListMFADevices", &[("UserName", "bob")]).contains("SerialNumber"));

    // An apply locks no further, and gives nothing back.
    let apply = cloud.world.run(&["apply", "--yes"]);
    assert!(apply.status.success(), "{}", said(&apply));
    assert!(cloud.can(&bob.with_mfa).is_empty());

    // Later the user goes, with the device that was left to nobody.
    off_board(&cloud, &["bob", "--delete"]);
    assert!(cloud.entity(BASTION, "users", "bob").is_null());
    assert!(!cloud.exported(BASTION)["mfa_devices"].to_string().contains("mfa/bob"));
    let plan = cloud.world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
}

#[test]
fn all_that_hangs_on_a_user_is_deleted_in_order() {
    let cloud = Cloud::new();
    cloud.enrol("bob");
    let user = ("UserName", "bob");
    cloud.iam("CreateLoginProfile", &[user, ("Password", "Correct-Horse-1!")]);
    cloud.iam("CreateServiceSpecificCredential", &[user, ("ServiceName", "codecommit.amazonaws.com")]);
    cloud.iam("AttachUserPolicy", &[user, ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")]);
    let certificate = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----";
    cloud.iam("UploadSigningCertificate", &[user, ("CertificateBody", certificate)]);
    cloud.device("spare", "bob", 0);
    let text = off_board(&cloud, &["bob", "--delete"]);
    assert!(text.contains("the user is deleted"), "{text}");
    assert!(cloud.entity(BASTION, "users", "bob").is_null());
    assert_eq!(cloud.exported(BASTION)["mfa_devices"].as_array().unwrap().len(), 0);
    // Done already.
    let again = cloud.world.run(&["off-board", "bob", "--yes"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
}

#[test]
fn the_only_administrator_is_not_let_go_and_the_file_is_left_at_wish() {
    let cloud = Cloud::new();
    let before = cloud.world.calls();
    let output = cloud.world.run(&["off-board", "carol", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("only administrator"), "{}", said(&output));
    assert_eq!(cloud.world.calls(), before, "something was called");
    let text = off_board(&cloud, &["bob", "--keep-in-file"]);
    assert!(text.contains("still stand in the estate file"), "{text}");
    assert_eq!(std::fs::read_to_string(cloud.world.path("postern.toml")).unwrap(), ESTATE);
}
