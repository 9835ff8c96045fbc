//! Enrolment and the daily calls against the sandbox, with every call of the enrolment cut once.

use std::{thread, time::Duration};

use postern_aws::{
    Connection, Credentials, Kind, StsClient, Unreachable,
    enrol::EnrolError,
    raw::{RawCall, Tampering},
};
use postern_broker::{AssumeRole, Assumer, KeyEntry, Sts as _, StsError};
use postern_testkit::serve::When;
use postern_types::{LongTermKey, MfaCode, MfaSerial, SessionDuration, Timestamp, TotpSeed, UserName};

use crate::bastion::{BASTION, Lab, PROD};

fn alice() -> UserName {
    "alice".parse().unwrap()
}

fn must(connection: &Connection, call: &RawCall) {
    let answer = connection.raw(call).unwrap();
    assert!(answer.is_success(), "{call:?} {answer:?}");
}

fn with_alice() -> Lab {
    let lab = Lab::start();
    must(lab.bastion(), &RawCall::iam("CreateUser", &[("UserName", "alice"), ("Path", "/postern/")]));
    lab
}

struct Enrolled {
    key: LongTermKey,
    serial: MfaSerial,
    seed: TotpSeed,
    /// The step of the last code that was used.
    step: i64,
}

impl Enrolled {
    /// The next code that AWS takes: of the present step, or the one after the last used.
    fn next_code(&mut self) -> MfaCode {
        self.step = (self.step + 1).max(TotpSeed::step_at(Timestamp::now()));
        self.seed.code_of_step(self.step)
    }
}

/// Waits for the next step where this one is about to end: the codes shall be of the same step when they arrive.
fn steady() {
    let left = TotpSeed::STEP_SECONDS - Timestamp::now().as_second().rem_euclid(TotpSeed::STEP_SECONDS);
    if left <= 3 {
        thread::sleep(Duration::from_secs(left.unsigned_abs()));
    }
}

/// What `people enrol` does; a step that fails for want of an answer is done again, as a person would.
fn enrol(connection: &Connection) -> Enrolled {
    steady();
    let user = alice();
    let device = connection
        .create_virtual_mfa_device(
            &"/".parse().unwrap(),
            &"alice".parse().unwrap(),
            &[("postern:managed", "acme")],
        )
        .unwrap();
    let step = TotpSeed::step_at(Timestamp::now());
    let codes = || [device.seed.code_of_step(step - 1), device.seed.code_of_step(step)];
    if let Err(error) = connection.enable_mfa_device(&user, &device.serial, codes()) {
        assert!(matches!(&error, EnrolError::Aws(error) if error.is_ambiguous()), "{error:?}");
        connection.enable_mfa_device(&user, &device.serial, codes()).unwrap();
    }
    let key = connection.create_access_key(&user).unwrap();
    Enrolled { key, serial: device.serial, seed: device.seed, step }
}

#[test]
fn an_enrolment_cut_anywhere_leaves_one_device_and_one_key_that_work() {
    let lab = with_alice();
    let start = lab.sandbox.world().export();
    let calls = lab.calls_of(|| {
        enrol(lab.bastion());
    });
    assert!(calls >= 4, "{calls}");
    for call in 1..=calls {
        for when in [When::Before, When::After] {
            lab.sandbox.world().import(&start).unwrap();
            lab.cut(call, when, false);
            let mut enrolled = enrol(lab.bastion());
            lab.sandbox.faults().mend();
            let at = format!("call {call}, {when:?}");
            let keys = lab.bastion().access_keys(&alice()).unwrap();
            assert_eq!(keys.iter().map(|key| &key.id).collect::<Vec<_>>(), [&enrolled.key.id], "{at}");
            let devices = lab.bastion().mfa_devices(&alice()).unwrap();
            assert_eq!(devices.iter().map(|d| &d.serial).collect::<Vec<_>>(), [&enrolled.serial], "{at}");
            let code = enrolled.next_code();
            let sts = StsClient::new(lab.aws.clone(), lab.endpoint());
            let hour = SessionDuration::HOUR;
            sts.get_session_token(&enrolled.key, &enrolled.serial, &code, hour).expect(&at);
        }
    }
}

#[test]
fn what_stands_in_the_way_of_an_enrolment_is_named() {
    let lab = with_alice();
    let connection = lab.bastion();
    let (path, name) = ("/".parse().unwrap(), "alice".parse().unwrap());
    // An abandoned device is replaced; its seed is lost.
    let first = connection.create_virtual_mfa_device(&path, &name, &[]).unwrap();
    let second = connection.create_virtual_mfa_device(&path, &name, &[]).unwrap();
    assert_eq!(first.serial, second.serial);
    assert_ne!(*first.seed.expose_secret_base32(), *second.seed.expose_secret_base32());
    steady();
    let now = TotpSeed::step_at(Timestamp::now());
    let wrong = [first.seed.code_of_step(now - 1), first.seed.code_of_step(now)];
    assert_eq!(connection.enable_mfa_device(&alice(), &second.serial, wrong), Err(EnrolError::WrongCodes));
    let right = [second.seed.code_of_step(now - 1), second.seed.code_of_step(now)];
    connection.enable_mfa_device(&alice(), &second.serial, right).unwrap();
    let in_use = connection.create_virtual_mfa_device(&path, &name, &[]).unwrap_err();
    assert_eq!(in_use, EnrolError::DeviceInUse { serial: second.serial.clone(), user: Some(alice()) });

    let keys = [(); 2].map(|()| connection.create_access_key(&alice()).unwrap());
    let Err(EnrolError::KeyLimit { user, keys: held }) = connection.create_access_key(&alice()) else {
        panic!()
    };
    assert_eq!((user, held.len(), held.iter().all(|key| key.active)), (alice(), 2, true));
    let both = connection.credentials_of(&[alice(), "nobody".parse().unwrap()]);
    assert_eq!((both[0].as_ref().unwrap().keys.len(), both[0].as_ref().unwrap().devices.len()), (2, 1));
    assert_eq!(both[1].as_ref().unwrap_err().kind, Kind::NotFound);

    // Taking away what is gone already is fine.
    for _ in 0..2 {
        connection.delete_access_key(&alice(), &keys[0].id).unwrap();
        connection.remove_mfa_device(&alice(), &second.serial).unwrap();
    }
    assert_eq!(
        (connection.access_keys(&alice()).unwrap().len(), connection.mfa_devices(&alice()).unwrap().len()),
        (1, 0)
    );
    connection.create_virtual_mfa_device(&path, &name, &[]).unwrap();
}

#[test]
fn the_brokers_calls_go_through_and_their_refusals_are_told_apart() {
    let lab = with_alice();
    let mut alice_has = enrol(lab.bastion());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},
        "Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    let prod = &lab.connections[&PROD.parse().unwrap()];
    must(
        prod,
        &RawCall::iam("CreateRole", &[("RoleName", "developer"), ("AssumeRolePolicyDocument", trust)]),
    );
    let policy = [("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", assume)];
    must(lab.bastion(), &RawCall::iam("PutUserPolicy", &policy));

    let sts = StsClient::new(lab.aws.clone(), lab.endpoint());
    let hour = SessionDuration::HOUR;
    let code = alice_has.next_code();
    let session = sts.get_session_token(&alice_has.key, &alice_has.serial, &code, hour).unwrap();
    let again = sts.get_session_token(&alice_has.key, &alice_has.serial, &code, hour);
    assert_eq!(again.unwrap_err(), StsError::WrongCode);
    let foreign = "arn:aws:iam::111111111111:mfa/bob".parse().unwrap();
    let unknown = sts.get_session_token(&alice_has.key, &foreign, &code, hour);
    assert!(matches!(unknown, Err(StsError::UnknownDevice { .. })), "{unknown:?}");

    let person = KeyEntry {
        id: alice_has.key.id.clone(),
        user: alice(),
        account: BASTION.parse().unwrap(),
        serial: alice_has.serial.clone(),
        added_at: Timestamp::now(),
    };
    let role = |name: &str| format!("arn:aws:iam::{PROD}:role/{name}").parse().unwrap();
    let got =
        sts.assume_role(Assumer::Session(&session), &AssumeRole::plain(role("developer"), &person)).unwrap();
    assert!(got.credentials.expires_at > Timestamp::now());
    let who = sts.get_caller_identity(postern_broker::Credentials::Temporary(&got.credentials)).unwrap();
    assert_eq!(who.arn.as_str(), "arn:aws:sts::222222222222:assumed-role/developer/alice");
    let denied = sts.assume_role(Assumer::Session(&session), &AssumeRole::plain(role("nope"), &person));
    assert!(matches!(denied, Err(StsError::AccessDenied { .. })), "{denied:?}");
    let too_long = AssumeRole {
        duration: SessionDuration::from_seconds(7_200),
        ..AssumeRole::plain(role("developer"), &person)
    };
    let refused = sts.assume_role(Assumer::Session(&session), &too_long);
    assert!(
        matches!(&refused, Err(StsError::Refused { code, .. }) if code == "ValidationError"),
        "{refused:?}"
    );

    // A call with a code is sent once: whether it was taken is not known when its answer is lost.
    lab.cut(1, When::After, false);
    let (key, serial, code) = (alice_has.key.clone(), alice_has.serial.clone(), alice_has.next_code());
    let lost = sts.get_session_token(&key, &serial, &code, hour);
    assert!(matches!(lost, Err(StsError::Unreachable { .. })), "{lost:?}");
    assert_eq!(lab.sandbox.faults().calls(), 1);

    lab.bastion().delete_access_key(&alice(), &key.id).unwrap();
    let gone = sts.get_session_token(&key, &serial, &code, hour);
    assert!(matches!(gone, Err(StsError::UnknownKey { .. })), "{gone:?}");
}

#[test]
fn raw_calls_show_what_awss_own_clients_hide() {
    let lab = with_alice();
    let key = lab.bastion().create_access_key(&alice()).unwrap();
    let connection = lab.as_someone(&key, BASTION);
    let call = || RawCall::sts("GetCallerIdentity", &[]);
    let good = connection.raw(&call()).unwrap();
    assert_eq!(
        (good.status, good.element("Arn").unwrap().as_str()),
        (200, "arn:aws:iam::111111111111:user/postern/alice")
    );
    assert!(good.request_id.is_some());
    let ago = |minutes| Timestamp::now() - postern_types::SignedDuration::from_mins(minutes);
    let cases = [
        (call().dangerous_tampering(Tampering::Unsigned), "MissingAuthenticationToken", Kind::InvalidToken),
        (call().dangerous_tampering(Tampering::Signature), "SignatureDoesNotMatch", Kind::InvalidToken),
        (
            call().dangerous_tampering(Tampering::Body("Action=GetSessionToken&Version=2011-06-15".into())),
            "SignatureDoesNotMatch",
            Kind::InvalidToken,
        ),
        (call().signed_at(ago(20)), "SignatureDoesNotMatch", Kind::InvalidToken),
        (call().signed_at(ago(-20)), "SignatureDoesNotMatch", Kind::InvalidToken),
        (RawCall::iam("ListUsers", &[]), "AccessDenied", Kind::Denied),
        (RawCall::ec2("DescribeInstances", &[]), "UnauthorizedOperation", Kind::Denied),
        (RawCall::list_buckets(), "AccessDenied", Kind::Denied),
    ];
    for (call, code, kind) in cases {
        let answer = connection.raw(&call).unwrap();
        let error = answer.error(&call.operation, Timestamp::now()).unwrap();
        assert_eq!((answer.code.as_deref(), error.kind), (Some(code), kind), "{answer:?}");
    }
    let root = lab.bastion().raw(&RawCall::list_buckets()).unwrap();
    assert_eq!((root.status, root.elements("Name").len()), (200, 1), "{root:?}");
    let other = lab.as_someone(
        Credentials { secret: postern_types::SecretAccessKey::new("x").unwrap(), ..Credentials::from(&key) },
        BASTION,
    );
    assert_eq!(other.caller_identity().unwrap_err().kind, Kind::InvalidToken);
    lab.cut(1, When::Before, true);
    assert_eq!(connection.caller_identity().unwrap_err().kind, Kind::Unreachable(Unreachable::Cut));
}
