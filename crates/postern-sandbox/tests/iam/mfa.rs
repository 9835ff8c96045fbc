//! Virtual MFA devices: enabling, resynchronising, listing; codes of the real clock.

use postern_types::TotpSeed;

use crate::cloud::Cloud;

#[test]
fn two_consecutive_codes_bind_a_device() {
    for (steps, good) in [
        ([-1, 0], true),
        ([0, 1], true),
        ([-2, -1], true),
        ([0, -1], false),
        ([0, 0], false),
        ([-1, 1], false),
        ([-11, -10], false),
        ([10, 11], false),
    ] {
        let mut cloud = Cloud::new();
        cloud.user("alice");
        let made = cloud.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone"), ("Path", "/p/")]);
        let (serial, seed) = (made.text("SerialNumber"), made.seed());
        assert_eq!(serial, "arn:aws:iam::111111111111:mfa/p/phone");
        assert_eq!(seed.expose_secret_base32().len(), 64);
        let now = TotpSeed::step_at(cloud.now);
        let answer = cloud.enable("alice", &serial, &seed, steps.map(|step| now + step));
        if good {
            answer.ok();
            let devices = cloud.iam("ListMFADevices", &[("UserName", "alice")]);
            assert_eq!(devices.text("SerialNumber"), serial, "{steps:?}");
        } else {
            assert_eq!(
                answer.refusal(),
                (
                    403,
                    "InvalidAuthenticationCode".to_owned(),
                    "Authentication code for device is not valid.".to_owned()
                ),
                "{steps:?}"
            );
            assert!(cloud.iam("ListMFADevices", &[("UserName", "alice")]).texts("SerialNumber").is_empty());
        }
    }
}

#[test]
fn a_device_is_checked_in_awss_order() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    cloud.user("bob");
    let (serial, seed) = cloud.device("phone", "alice");
    let now = TotpSeed::step_at(cloud.now);
    // The user, then the device, then the codes.
    for (user, device, steps, code) in [
        ("nobody", "arn:aws:iam::111111111111:mfa/gone", [0, 0], "NoSuchEntity"),
        ("bob", "arn:aws:iam::111111111111:mfa/gone", [0, 0], "NoSuchEntity"),
        ("bob", serial.as_str(), [0, 0], "EntityAlreadyExists"),
    ] {
        assert_eq!(cloud.enable(user, device, &seed, steps).refusal().1, code, "{user} {device}");
    }
    let (_, _, message) = cloud.enable("bob", &serial, &seed, [now, now + 1]).refusal();
    assert_eq!(message, "MFA Device is already in use.");
    // Nobody else's device can be taken away.
    let other = cloud.iam("DeactivateMFADevice", &[("UserName", "bob"), ("SerialNumber", &serial)]);
    assert_eq!(other.refusal().2, format!("MFA Device with serial number {serial} does not exist."));
}

#[test]
fn the_second_code_is_spent() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    let made = cloud.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]);
    let (serial, seed) = (made.text("SerialNumber"), made.seed());
    let now = TotpSeed::step_at(cloud.now);
    cloud.enable("alice", &serial, &seed, [now - 1, now]).ok();
    let session = |cloud: &mut Cloud, step: i64| {
        let code = seed.code_of_step(step);
        cloud.call(
            &alice,
            "sts",
            "GetSessionToken",
            &[("SerialNumber", &serial), ("TokenCode", code.as_str())],
        )
    };
    assert_eq!(session(&mut cloud, now).refusal().1, "AccessDenied");
    session(&mut cloud, now + 1).ok();
    // Resynchronising wants two codes, the second unused, and spends it.
    let resync = |cloud: &mut Cloud, steps: [i64; 2]| {
        let codes = steps.map(|step| seed.code_of_step(step));
        cloud.iam(
            "ResyncMFADevice",
            &[
                ("UserName", "alice"),
                ("SerialNumber", &serial),
                ("AuthenticationCode1", codes[0].as_str()),
                ("AuthenticationCode2", codes[1].as_str()),
            ],
        )
    };
    assert_eq!(resync(&mut cloud, [now, now + 1]).refusal().1, "InvalidAuthenticationCode");
    cloud.pass(60);
    resync(&mut cloud, [now + 2, now + 3]).ok();
    assert_eq!(session(&mut cloud, now + 3).refusal().1, "AccessDenied");
    cloud.pass(30);
    session(&mut cloud, now + 4).ok();
}

#[test]
fn devices_are_listed_without_their_seeds() {
    let mut cloud = Cloud::new();
    cloud.user("alice");
    let (phone, _) = cloud.device("phone", "alice");
    let spare =
        cloud.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "spare")]).text("SerialNumber");
    for (status, serials) in [
        ("Assigned", vec![phone.clone()]),
        ("Unassigned", vec![spare.clone()]),
        ("Any", vec![phone.clone(), spare]),
    ] {
        let list = cloud.iam("ListVirtualMFADevices", &[("AssignmentStatus", status)]);
        assert_eq!(list.texts("SerialNumber"), serials, "{status}");
        assert!(list.texts("Base32StringSeed").is_empty() && list.texts("QRCodePNG").is_empty());
    }
    let all = cloud.iam("ListVirtualMFADevices", &[]);
    assert_eq!(all.texts("UserName"), ["alice"]);
    assert_eq!(all.texts("EnableDate").len(), 1);
    let one = cloud.iam("GetMFADevice", &[("SerialNumber", &phone)]);
    assert_eq!(one.members("GetMFADeviceResult"), ["UserName", "SerialNumber", "EnableDate"]);
    assert_eq!(
        cloud.iam("GetMFADevice", &[("SerialNumber", &phone), ("UserName", "bob")]).refusal().1,
        "NoSuchEntity"
    );
}
