//! A person who enrols alone, by an invitation that is good for that and nothing else.

use postern_testkit::query::element;

use crate::{
    enrolment::{App, enrol, enrol_until, key_of},
    world::{World, said},
};

const ARN: &str = "arn:aws:iam::111111111111";

/// A call that an invitation does not open: service, action, parameters.
type Refused<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// An applied estate, whose people have no device yet.
fn applied() -> World {
    let world = World::new();
    let output = world.run(&["apply", "--yes", "-q"]);
    assert!(output.status.success(), "{}", said(&output));
    world
}

fn invite(world: &World, arguments: &[&str]) -> String {
    let output = world.run(&[&["people", "invite"], arguments].concat());
    assert!(output.status.success(), "{}", said(&output));
    let invitation = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(invitation.lines().count(), 1, "{invitation}");
    let secret = key_of(&invitation).secret;
    assert!(!said(&output).contains(&secret), "the secret in clear");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains(invitation.trim()), "shown twice: {errors}");
    invitation
}

#[test]
fn an_invitation_opens_enrolment_and_nothing_else() {
    let world = applied();
    let key = key_of(&invite(&world, &["alice"]));
    let call = |service: &str, action: &str, parameters: &[(&str, &str)]| {
        world.sandbox.call(&key, service, action, parameters).unwrap().status
    };
    let (role, bob_device) = ("arn:aws:iam::222222222222:role/postern/developer", format!("{ARN}:mfa/bob"));
    let admins = "arn:aws:iam::aws:policy/AdministratorAccess";
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let alice = ("UserName", "alice");
    let refused: &[Refused<'_>] = &[
        ("iam", "ListUsers", &[]),
        ("iam", "GetUser", &[alice]),
        ("iam", "ListVirtualMFADevices", &[]),
        ("iam", "ListUserTags", &[alice]),
        ("iam", "GetAccountAuthorizationDetails", &[]),
        ("iam", "CreateAccessKey", &[("UserName", "bob")]),
        ("iam", "ListAccessKeys", &[("UserName", "bob")]),
        ("iam", "ListMFADevices", &[("UserName", "bob")]),
        ("iam", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "bob")]),
        ("iam", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "alice2")]),
        ("iam", "DeleteVirtualMFADevice", &[("SerialNumber", &bob_device)]),
        ("iam", "DeactivateMFADevice", &[alice, ("SerialNumber", &bob_device)]),
        ("iam", "UpdateAccessKey", &[alice, ("AccessKeyId", &key.id), ("Status", "Inactive")]),
        ("iam", "CreateLoginProfile", &[alice, ("Password", "correct Horse 7 battery")]),
        ("iam", "PutUserPolicy", &[alice, ("PolicyName", "p"), ("PolicyDocument", everything)]),
        ("iam", "DeleteUserPolicy", &[alice, ("PolicyName", "postern-invitation")]),
        ("iam", "AttachUserPolicy", &[alice, ("PolicyArn", admins)]),
        ("iam", "AddUserToGroup", &[alice, ("GroupName", "administrators")]),
        ("iam", "TagUser", &[alice, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")]),
        ("iam", "UntagUser", &[alice, ("TagKeys.member.1", "postern:managed")]),
        (
            "iam",
            "UntagUser",
            &[alice, ("TagKeys.member.1", "postern:invitation"), ("TagKeys.member.2", "postern:managed")],
        ),
        ("iam", "UntagUser", &[("UserName", "bob"), ("TagKeys.member.1", "postern:invitation")]),
        ("iam", "CreateUser", &[("UserName", "mallory")]),
        ("sts", "AssumeRole", &[("RoleArn", role), ("RoleSessionName", "alice")]),
        ("sts", "GetFederationToken", &[("Name", "alice")]),
    ];
    for (service, action, parameters) in refused {
        assert_eq!(call(service, action, parameters), 403, "{action} {parameters:?}");
    }
    assert_eq!(call("iam", "ListAccessKeys", &[alice]), 200);
    assert_eq!(call("iam", "ListMFADevices", &[alice]), 200);

    // It is no drift, and it is said.
    let plan = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    assert!(said(&plan).contains("is invited to enrol until"), "{}", said(&plan));

    // When its time is up it is good for nothing.
    world.wait(24 * 3_600 + 60);
    for (action, parameters) in
        [("ListMFADevices", vec![alice]), ("CreateVirtualMFADevice", vec![("VirtualMFADeviceName", "alice")])]
    {
        assert_eq!(call("iam", action, &parameters), 403, "{action}");
    }
}

#[test]
fn a_person_enrols_alone_and_the_invitation_is_used_up() {
    let world = applied();
    let invitation = invite(&world, &["alice", "--valid", "2h"]);
    let (output, app) = enrol(&mut world.machine("alice", &["enrol"]), &invitation);
    assert!(output.status.success(), "{}", said(&output));
    for words in ["alice is enrolled; the invitation is used up", "in the key store", "not to AWS itself"] {
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
    }
    assert_eq!(world.holds("alice"), (1, 1));
    let keys = world.as_root("ListAccessKeys", &[("UserName", "alice")]);
    let invited = key_of(&invitation);
    assert!(!keys.contains(&invited.id), "{keys}");
    let tags = world.as_root("ListUserTags", &[("UserName", "alice")]);
    assert!(!tags.contains("postern:invitation"), "{tags}");

    // The seed was shown once; nothing of it, or of the invitation, is in a file or was in an argument.
    let seed = app.unwrap().seed.expose_secret_base32().to_string();
    let screen = said(&output).replace(' ', "");
    assert_eq!(screen.matches(&seed).count(), 1, "{screen}");
    assert!(!screen.contains(&invited.secret) && !screen.contains(invitation.trim()));
    let files = std::process::Command::new("grep")
        .args(["-rlFe", &seed, "-e", &invited.secret, "-e", invitation.trim()])
        .arg(world.machine_home("alice"))
        .output()
        .unwrap();
    assert!(files.stdout.is_empty(), "{}", String::from_utf8_lossy(&files.stdout));

    // The same again: nothing is left to do here, and on another machine nothing can be done.
    let (again, _) = enrol(&mut world.machine("alice", &["enrol"]), &invitation);
    assert!(again.status.success() && said(&again).contains("nothing is left to do"), "{}", said(&again));
    let (elsewhere, _) = enrol(&mut world.machine("mallory", &["enrol"]), &invitation);
    assert_eq!(elsewhere.status.code(), Some(1), "{}", said(&elsewhere));
    assert!(said(&elsewhere).contains("used up, replaced or cancelled"), "{}", said(&elsewhere));
    assert_eq!(world.holds("alice"), (1, 1));

    // Apply takes what is left of it.
    let plan = world.run(&["plan"]);
    assert!(said(&plan).contains("postern-invitation"), "{}", said(&plan));
    assert!(world.run(&["apply", "--yes", "-q"]).status.success());
    assert_eq!(world.run(&["plan", "--detailed-exitcode"]).status.code(), Some(0));

    let refused = world.run(&["people", "invite", "alice"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("alice has an MFA device"), "{}", said(&refused));
}

#[test]
fn an_interrupted_enrolment_goes_on() {
    let world = applied();
    let invitation = invite(&world, &["bob"]);
    let run = |first: &str, codes: bool| enrol_until(&mut world.machine("bob", &["enrol"]), first, codes);

    // Before the codes: the device is made anew.
    let (output, _) = run(&invitation, false);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("ended before a code was given"), "{}", said(&output));
    assert_eq!(world.holds("bob"), (1, 0));

    // After the device, with a key made whose secret is lost: as after a kill between two calls.
    world.as_root("DeleteVirtualMFADevice", &[("SerialNumber", &format!("{ARN}:mfa/bob"))]);
    let mut app = {
        let made = world.as_root("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "bob")]);
        let base64 = element(&made, "Base32StringSeed");
        let seed = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
        let seed = postern_types::TotpSeed::from_base32(std::str::from_utf8(&seed).unwrap()).unwrap();
        App::enable(&world, "bob", seed)
    };
    world.wait(10);
    world.as_root("CreateAccessKey", &[("UserName", "bob")]);
    assert_eq!(world.holds("bob"), (2, 1));

    // A stranger's device is not taken for one's own: its codes are not known.
    let (output, _) = run(&format!("{invitation}000000\n"), false);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("somebody has used your invitation"), "{}", said(&output));
    assert_eq!(world.holds("bob"), (2, 1));

    let (output, _) = run(&format!("{invitation}{}\n", app.next()), false);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(world.holds("bob"), (1, 1));
    let keys = world.as_root("ListAccessKeys", &[("UserName", "bob")]);
    let stored = world.machine("bob", &["keys", "list"]).output().unwrap();
    assert!(said(&stored).contains(&element(&keys, "AccessKeyId")), "{}", said(&stored));
}

#[test]
fn an_invitation_is_replaced_cancelled_and_too_late() {
    let world = applied();
    let first = invite(&world, &["carol"]);
    let second = invite(&world, &["carol"]);
    assert_eq!(world.holds("carol"), (1, 0));
    let try_it = |invitation: &str| {
        let (output, _) = enrol(&mut world.machine("carol", &["enrol"]), invitation);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    };
    assert!(try_it(&first).contains("used up, replaced or cancelled"));
    let cancelled = world.run(&["people", "invite", "carol", "--cancel"]);
    assert!(said(&cancelled).contains("the invitation of carol is ended"), "{}", said(&cancelled));
    assert!(try_it(&second).contains("used up, replaced or cancelled"));
    assert_eq!(world.holds("carol"), (0, 0));
    let policies = world.as_root("ListUserPolicies", &[("UserName", "carol")]);
    assert!(!policies.contains("postern-invitation"), "{policies}");
    let nothing = world.run(&["people", "invite", "carol", "--cancel"]);
    assert!(said(&nothing).contains("carol has no invitation"), "{}", said(&nothing));

    let late = invite(&world, &["carol", "--valid", "5m"]);
    world.wait(301);
    assert!(try_it(&late).contains("the invitation is closed; it was good until"));

    // An administrator who enrols the person ends it.
    let (output, _) = enrol(&mut world.command(&["people", "enrol", "carol"]), "");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the invitation of carol is ended"), "{}", said(&output));
    assert_eq!(world.holds("carol"), (1, 1));

    for (arguments, words) in [
        (&["people", "invite", "carrol"][..], "did you mean `carol`?"),
        (&["people", "invite", "bob", "--valid", "1m"], "5m to 168h"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    let (output, _) = enrol(&mut world.machine("carol", &["enrol"]), "postern-invitation-1.abc\n");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}
