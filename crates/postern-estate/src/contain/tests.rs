use std::collections::BTreeMap;

use postern_types::{IamPath, RoleArn, UserArn};

use super::*;
use crate::{AccessKey, Estate, Precondition, RareCredentials, Reach, Step, apply_step};

const HOME: u64 = 111_111_111_111;

fn home() -> AccountId {
    AccountId::from_number(HOME).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn alice() -> UserName {
    "alice".parse().unwrap()
}

fn user() -> User {
    let key = |active| AccessKey { active, created_at: None };
    User {
        path: "/postern/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        groups: ["developers".parse().unwrap(), "auditors".parse().unwrap()].into(),
        inline: BTreeMap::new(),
        attached: Default::default(),
        boundary: None,
        credentials: Some(Credentials {
            access_keys: [
                ("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), key(true)),
                ("AKIAI44QH8DHBEXAMPLE".parse().unwrap(), key(false)),
            ]
            .into(),
            mfa_devices: [
                ("arn:aws:iam::111111111111:mfa/alice".parse().unwrap(), Some(time("2026-01-01T00:00:00Z"))),
                ("arn:aws:iam::111111111111:mfa/added".parse().unwrap(), Some(time("2026-11-20T00:00:00Z"))),
                ("GAHT12345678".parse().unwrap(), None),
            ]
            .into(),
            login_profile: true,
            rare: Some(RareCredentials {
                ssh_public_keys: [("APKA1".to_owned(), true), ("APKA2".to_owned(), false)].into(),
                service_specific: [("ACCA1".to_owned(), true)].into(),
                signing_certificates: [("CERT1".to_owned(), true)].into(),
            }),
        }),
    }
}

fn lock_out() -> LockOut {
    LockOut { account: home(), partition: Partition::Aws, devices_since: time("2026-11-15T00:00:00Z") }
}

fn estate(user: User) -> Estate {
    let groups = ["developers", "auditors"].map(|name| {
        let group =
            crate::Group { path: IamPath::root(), inline: BTreeMap::new(), attached: Default::default() };
        (name.parse().unwrap(), group)
    });
    let account = Account { users: [(alice(), user)].into(), groups: groups.into(), ..Account::default() };
    Estate { accounts: [(home(), account)].into(), ..Estate::default() }
}

fn done(estate: &mut Estate, action: &Action) {
    let step = Step {
        account: home(),
        action: action.clone(),
        precondition: Precondition::Present,
        inverse: None,
        risk: Reach::Narrows,
    };
    apply_step(estate, &step).unwrap();
}

#[test]
fn a_user_is_locked_out_in_order_and_then_nothing_is_left_to_do() {
    let mut estate = estate(user());
    let measures = lock_out().measures(&alice(), &user()).unwrap();
    let calls: Vec<(&str, &str)> =
        measures.iter().map(|m| (m.stage.as_str(), m.action.operation())).collect();
    assert_eq!(
        calls,
        [
            ("deny", "PutUserPolicy"),
            ("groups", "RemoveUserFromGroup"),
            ("groups", "RemoveUserFromGroup"),
            ("access keys", "UpdateAccessKey"),
            ("password", "DeleteLoginProfile"),
            ("devices", "DeactivateMFADevice"),
            ("devices", "DeactivateMFADevice"),
            ("other credentials", "UpdateSSHPublicKey"),
            ("other credentials", "UpdateServiceSpecificCredential"),
            ("other credentials", "UpdateSigningCertificate"),
        ]
    );
    for measure in &measures {
        done(&mut estate, &measure.action);
    }
    let contained = &estate.accounts[&home()].users[&alice()];
    assert_eq!(lock_out().measures(&alice(), contained).unwrap(), []);
    // The device of old stays, and so does every key's id.
    let held = contained.credentials.as_ref().unwrap();
    assert_eq!(held.mfa_devices.len(), 1);
    assert_eq!(held.access_keys.len(), 2);
}

#[test]
fn undone_in_reverse_all_is_as_before_but_what_nobody_can_restore() {
    let mut estate = estate(user());
    let measures = lock_out().measures(&alice(), &user()).unwrap();
    let mut undo: Vec<Action> = Vec::new();
    for measure in &measures {
        undo.extend(measure.undo(&estate.accounts[&home()]));
        done(&mut estate, &measure.action);
    }
    assert_eq!(undo.len(), measures.len() - 3, "a password and two devices are gone for good");
    for action in undo.iter().rev() {
        done(&mut estate, action);
    }
    let mut expected = user();
    let held = expected.credentials.as_mut().unwrap();
    held.login_profile = false;
    held.mfa_devices.retain(|device, _| device.as_str().ends_with("mfa/alice"));
    assert_eq!(estate.accounts[&home()].users[&alice()], expected);
}

#[test]
fn a_deny_that_finds_no_room_is_a_boundary() {
    let measures = lock_out().measures(&alice(), &user()).unwrap();
    let mut estate = estate(user());
    done(&mut estate, measures[0].without_room.as_ref().unwrap());
    let found = &estate.accounts[&home()].users[&alice()];
    assert!(!lock_out().measures(&alice(), found).unwrap().iter().any(|m| m.stage == Stage::Deny));
}

#[test]
fn a_deny_with_an_exception_is_put_right() {
    let mut tampered = user();
    for text in [
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"sts:*","Resource":"*"}}"#,
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",
            "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}}"#,
    ] {
        tampered.inline = [(DENY_POLICY.parse().unwrap(), PolicyDocument::new(text))].into();
        assert_eq!(lock_out().measures(&alice(), &tampered).unwrap()[0].stage, Stage::Deny, "{text}");
    }
}

fn role(trust: &str) -> Role {
    Role {
        path: "/postern/".parse().unwrap(),
        id: None,
        tags: BTreeMap::new(),
        trust: PolicyDocument::new(trust),
        max_session: None,
        description: None,
        inline: BTreeMap::new(),
        attached: Default::default(),
        boundary: None,
        instance_profiles: Default::default(),
    }
}

#[test]
fn older_sessions_end_and_newer_ones_do_not() {
    let name: RoleName = "developer".parse().unwrap();
    let mut found = role("{}");
    let cut = Revocation::IssuedBefore(time("2026-11-22T12:00:00.4Z"));
    let measure = cut.measure(home(), &name, &found).unwrap().unwrap();
    let Action::PutRolePolicy { policy, document, .. } = measure.action else { unreachable!() };
    assert_eq!(revoked_before(&document), Some(time("2026-11-22T12:00:01Z")));
    found.inline.insert(policy, document);
    assert_eq!(cut.measure(home(), &name, &found).unwrap(), None);
    let later = Revocation::IssuedBefore(time("2026-11-22T12:00:02Z"));
    assert!(later.measure(home(), &name, &found).unwrap().is_some());
}

#[test]
fn one_persons_sessions_end_where_the_trust_makes_them_say_who_they_are() {
    let trust = |condition: &str| {
        role(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],
            "Principal":{{"AWS":"arn:aws:iam::111111111111:root"}},"Condition":{condition}}}]}}"#
        ))
    };
    let name: RoleName = "developer".parse().unwrap();
    let arn = RoleArn::new(Partition::Aws, home(), &"/postern/".parse().unwrap(), &name);
    let person = UserArn::new(Partition::Aws, home(), &"/postern/".parse().unwrap(), &alice());
    for (condition, enforced) in [
        (r#"{"StringEquals":{"sts:SourceIdentity":"${aws:username}"}}"#, true),
        (
            r#"{"StringEquals":{"sts:SourceIdentity":"${aws:username}"},"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
            true,
        ),
        (r#"{"StringEqualsIfExists":{"sts:SourceIdentity":"${aws:username}"}}"#, false),
        (r#"{"StringLike":{"sts:SourceIdentity":"*"}}"#, false),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, false),
    ] {
        assert_eq!(
            enforces_source_identity(&arn, &trust(condition), &person, &user()),
            enforced,
            "{condition}"
        );
    }
    let mut found = trust("{}");
    let measure = Revocation::Of(alice()).measure(home(), &name, &found).unwrap().unwrap();
    let Action::PutRolePolicy { policy, document, .. } = measure.action else { unreachable!() };
    assert_eq!(policy.as_str(), "postern-contain-alice");
    found.inline.insert(policy, document);
    assert_eq!(Revocation::Of(alice()).measure(home(), &name, &found).unwrap(), None);
}
