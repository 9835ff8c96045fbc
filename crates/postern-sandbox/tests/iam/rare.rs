//! SSH public keys, service-specific credentials, signing certificates: made, listed, switched, deleted, guarded.

use crate::cloud::{ADMIN, Cloud};

const ALICE: (&str, &str) = ("UserName", "alice");
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----";

fn ssh(n: u8) -> String {
    let mut raw = b"\0\0\0\x07ssh-rsa".to_vec();
    raw.push(n);
    format!("ssh-rsa {} alice@laptop", data_encoding::BASE64.encode(&raw))
}

#[test]
fn each_kind_is_made_listed_switched_and_deleted() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let key = ssh(1);
    for (make, more, list, update, delete, id) in [
        (
            "UploadSSHPublicKey",
            ("SSHPublicKeyBody", key.as_str()),
            "ListSSHPublicKeys",
            "UpdateSSHPublicKey",
            "DeleteSSHPublicKey",
            "SSHPublicKeyId",
        ),
        (
            "CreateServiceSpecificCredential",
            ("ServiceName", "codecommit.amazonaws.com"),
            "ListServiceSpecificCredentials",
            "UpdateServiceSpecificCredential",
            "DeleteServiceSpecificCredential",
            "ServiceSpecificCredentialId",
        ),
        (
            "UploadSigningCertificate",
            ("CertificateBody", CERTIFICATE),
            "ListSigningCertificates",
            "UpdateSigningCertificate",
            "DeleteSigningCertificate",
            "CertificateId",
        ),
    ] {
        let made = cloud.iam(make, &[ALICE, more]);
        assert_eq!(made.texts("Status"), ["Active"], "{}", made.body);
        let name = made.texts(id).remove(0);
        assert!(name.len() >= 20, "{name}");
        cloud.iam(update, &[ALICE, (id, &name), ("Status", "Inactive")]).ok();
        let again = Cloud::import(&cloud.export(), &cloud);
        for cloud in [&mut cloud, &mut { again }] {
            let listed = cloud.iam(list, &[ALICE]);
            assert_eq!(
                (listed.texts(id), listed.texts("Status")),
                (vec![name.clone()], vec!["Inactive".into()])
            );
        }
        cloud.iam(delete, &[ALICE, (id, &name)]).ok();
        assert!(cloud.iam(list, &[ALICE]).texts(id).is_empty());
        assert_eq!(cloud.iam(delete, &[ALICE, (id, &name)]).refusal().1, "NoSuchEntity");
        assert_eq!(cloud.iam(list, &[("UserName", "nobody")]).refusal().1, "NoSuchEntity");
    }
}

#[test]
fn what_is_malformed_doubled_or_too_many_is_refused() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let code = |cloud: &mut Cloud, action, more| cloud.iam(action, &[ALICE, more]).refusal().1;
    for (action, parameter, value, wanted) in [
        ("UploadSSHPublicKey", "SSHPublicKeyBody", "ssh-dss AAAA", "UnrecognizedPublicKeyEncoding"),
        ("UploadSSHPublicKey", "SSHPublicKeyBody", "ssh-rsa AAAA", "InvalidPublicKey"),
        ("UploadSigningCertificate", "CertificateBody", "hello", "MalformedCertificate"),
        ("CreateServiceSpecificCredential", "ServiceName", "s3.amazonaws.com", "NotSupportedService"),
    ] {
        assert_eq!(code(&mut cloud, action, (parameter, value)), wanted, "{value}");
    }
    for n in 0..5 {
        cloud.iam("UploadSSHPublicKey", &[ALICE, ("SSHPublicKeyBody", &ssh(n))]).ok();
    }
    let (fourth, sixth) = (ssh(4), ssh(5));
    assert_eq!(
        code(&mut cloud, "UploadSSHPublicKey", ("SSHPublicKeyBody", &fourth)),
        "DuplicateSSHPublicKey"
    );
    assert_eq!(code(&mut cloud, "UploadSSHPublicKey", ("SSHPublicKeyBody", &sixth)), "LimitExceeded");
    let bedrock = ("ServiceName", "bedrock.amazonaws.com");
    let first = cloud.iam("CreateServiceSpecificCredential", &[ALICE, bedrock]);
    assert_eq!(first.texts("ServiceCredentialAlias"), ["alice-at-111111111111"]);
    assert_eq!(first.texts("ServiceCredentialSecret").len(), 1);
    let second = cloud.iam("CreateServiceSpecificCredential", &[ALICE, bedrock]);
    assert_eq!(second.texts("ServiceCredentialAlias"), ["alice+1-at-111111111111"]);
    assert_eq!(code(&mut cloud, "CreateServiceSpecificCredential", bedrock), "LimitExceeded");
    // Shown once: neither a list nor the exported state has it.
    let secret = first.texts("ServiceCredentialSecret").remove(0);
    assert!(!cloud.iam("ListServiceSpecificCredentials", &[ALICE]).body.contains(&secret));
    assert!(!cloud.export().contains(&secret));
}

#[test]
fn nobody_touches_anothers() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let bob = cloud.user("bob");
    let made = cloud.iam("UploadSSHPublicKey", &[ALICE, ("SSHPublicKeyBody", &ssh(1))]);
    let id = made.texts("SSHPublicKeyId").remove(0);
    let switch = [ALICE, ("SSHPublicKeyId", id.as_str()), ("Status", "Inactive")];
    assert_eq!(cloud.call(&bob, "iam", "UpdateSSHPublicKey", &switch).refusal().1, "AccessDenied");
    let policy = [("UserName", "bob"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)];
    cloud.iam("PutUserPolicy", &policy).ok();
    cloud.call(&bob, "iam", "UpdateSSHPublicKey", &switch).ok();
    // An id is its user's alone.
    let other = [("UserName", "bob"), ("SSHPublicKeyId", id.as_str()), ("Status", "Inactive")];
    assert_eq!(cloud.call(&bob, "iam", "UpdateSSHPublicKey", &other).refusal().1, "NoSuchEntity");
}
