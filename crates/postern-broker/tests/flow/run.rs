//! Whole runs: what is asked, called and kept, in order.

use postern_broker::*;
use postern_types::SignedDuration;

use crate::world::*;

#[test]
fn a_day_takes_one_code_and_one_call_an_hour() {
    let world = World::default();
    *world.codes.borrow_mut() = vec![Ok("123456")];
    assert_eq!(world.role().unwrap(), Origin::LoggedIn);
    assert_eq!(
        world.took(),
        [
            "enter role",
            "enter session",
            "key",
            "ask 1 None",
            "GetSessionToken 123456 12h",
            "AssumeRole developer as alice"
        ]
    );
    // The key is never read again, nobody is asked again, and each hour costs one call.
    let mut calls = 0;
    for minute in 1..700 {
        world.minutes.set(minute);
        let origin = world.role().unwrap();
        let took = world.took();
        match origin {
            Origin::Cache => assert!(took.is_empty(), "{took:?}"),
            Origin::Renewed => {
                calls += 1;
                assert_eq!(took, ["enter role", "AssumeRole developer as alice"]);
            }
            other => panic!("{other:?} at minute {minute}"),
        }
    }
    assert_eq!(calls, 17, "every 40 minutes");
}

#[test]
fn wrong_and_used_codes() {
    let wrong = Some(MfaRefusal::Wrong);
    let used = Some(MfaRefusal::AlreadyUsed);
    let cases: &[(&str, &[&'static str], &str, Option<BrokerError>)] = &[
        ("the second is right", &["000000", "123456"], "000000 123456", None),
        ("the third is right", &["000000", "000000", "123456"], "000000 000000 123456", None),
        (
            "three are wrong; a fourth is not asked for",
            &["000000", "000000", "000000", "123456"],
            "000000 000000 000000",
            Some(BrokerError::CodesRefused { attempts: 3, last: MfaRefusal::Wrong }),
        ),
        ("a used one is not even sent", &["777777", "123456"], "123456", None),
        (
            "one given on the command line is not asked for again",
            &["000000"],
            "000000",
            Some(BrokerError::CodesRefused { attempts: 1, last: MfaRefusal::Wrong }),
        ),
        (
            "a used one given on the command line",
            &["777777"],
            "",
            Some(BrokerError::CodesRefused { attempts: 1, last: MfaRefusal::AlreadyUsed }),
        ),
        (
            "another refusal ends it",
            &["999999", "123456"],
            "999999",
            Some(BrokerError::Sts(StsError::UnknownDevice { message: "no such device".into() })),
        ),
    ];
    for (name, codes, sent, error) in cases {
        let world = World::default();
        *world.used.borrow_mut() = Some(("777777".parse().unwrap(), at(0)));
        *world.codes.borrow_mut() = codes.iter().map(|code| Ok(*code)).collect();
        let got = world.with(|broker| broker.login(&route(), LoginMode::IfNeeded));
        assert_eq!(got.err(), *error, "{name}");
        let took = world.took();
        let calls: Vec<_> =
            took.iter().filter_map(|line| line.strip_prefix("GetSessionToken ")).map(|c| &c[..6]).collect();
        assert_eq!(calls.join(" "), *sent, "{name}");
        // Each question says why it is asked again.
        let asked: Vec<_> = took.iter().filter(|line| line.starts_with("ask")).collect();
        for (number, line) in asked.iter().enumerate() {
            let before = number.checked_sub(1).map(|before| codes[before]);
            let reason = match before {
                None => None,
                Some("777777") => used,
                Some(_) => wrong,
            };
            assert_eq!(**line, format!("ask {} {reason:?}", number + 1), "{name}");
        }
        assert_eq!(took.iter().any(|line| line.starts_with("give up")), error.is_some(), "{name}");
    }
    // A used code is good again once AWS has forgotten it: the same digits may come up.
    let world = World::default();
    *world.used.borrow_mut() = Some(("777777".parse().unwrap(), at(0)));
    world.minutes.set(2);
    *world.codes.borrow_mut() = vec![Ok("777777")];
    assert!(world.with(|broker| broker.login(&route(), LoginMode::IfNeeded)).is_ok());
}

#[test]
fn a_fresh_login_asks_whatever_is_there() {
    let world = World::default();
    *world.codes.borrow_mut() = vec![Ok("123456"), Ok("234567")];
    for (mode, asked) in [(LoginMode::IfNeeded, true), (LoginMode::IfNeeded, false), (LoginMode::Fresh, true)]
    {
        world.with(|broker| broker.login(&route(), mode)).unwrap();
        assert_eq!(world.took().iter().any(|line| line.starts_with("ask")), asked, "{mode:?}");
    }
}

#[test]
fn a_session_that_aws_has_ended_is_taken_anew_once() {
    let ended = || StsError::Expired { message: "over".into() };
    let world = World::default();
    world.sessions.borrow_mut().insert(route().session_key(), session(600));
    *world.codes.borrow_mut() = vec![Ok("123456")];
    *world.refusals.borrow_mut() = vec![ended()];
    assert_eq!(world.role().unwrap(), Origin::LoggedIn);
    assert!(world.took().contains(&"forget".to_owned()));

    // If the new one is refused too, something else is wrong: no endless questions.
    let world = World::default();
    world.sessions.borrow_mut().insert(route().session_key(), session(600));
    *world.codes.borrow_mut() = vec![Ok("123456"), Ok("234567")];
    *world.refusals.borrow_mut() = vec![ended(), ended()];
    assert_eq!(world.role().unwrap_err(), BrokerError::Sts(ended()));
    assert_eq!(world.codes.borrow().len(), 1);
}

#[test]
fn without_a_network_what_is_left_is_served() {
    let down = || StsError::Unreachable { endpoint: "sts".into(), problem: "refused".into() };
    let denied = || StsError::AccessDenied { message: "no".into() };
    for (left, refusal, wanted) in [
        (15, down(), Ok(Origin::CacheForWantOfSts)),
        (4, down(), Err(BrokerError::Sts(down()))),
        // A refusal is an answer: it is not papered over.
        (15, denied(), Err(BrokerError::Sts(denied()))),
    ] {
        let world = World::default();
        world.sessions.borrow_mut().insert(route().session_key(), session(600));
        world.roles.borrow_mut().insert(role_key(&request()), role(left));
        *world.refusals.borrow_mut() = vec![refusal];
        assert_eq!(world.role(), wanted, "{left} minutes");
    }
}

#[test]
fn a_cancelled_prompt_is_cancelled_for_all_who_wait() {
    let world = World::default();
    *world.codes.borrow_mut() = vec![Err(PromptError::Cancelled)];
    assert_eq!(world.role().unwrap_err(), BrokerError::Prompt(PromptError::Cancelled));
    assert_eq!(
        world.took(),
        ["enter role", "enter session", "key", "ask 1 None", "give up: cancelled", "give up: cancelled"]
    );
    *world.given_up.borrow_mut() = Some("cancelled".into());
    assert_eq!(world.role().unwrap_err(), BrokerError::GivenUp { reason: "cancelled".into() });
    assert_eq!(world.took(), ["enter role"], "nobody is asked");
    // But who can do without an answer goes on.
    *world.given_up.borrow_mut() = Some("cancelled".into());
    world.roles.borrow_mut().insert(role_key(&request()), role(15));
    world.sessions.borrow_mut().insert(route().session_key(), session(600));
    assert_eq!(world.role().unwrap(), Origin::Renewed);
}

#[test]
fn a_key_that_is_gone_is_named() {
    let world = World::default();
    world.no_key.set(true);
    assert_eq!(world.role().unwrap_err(), BrokerError::NoKey { id: route().key.id });
}

#[test]
fn a_chain_costs_one_code_and_each_role_is_kept() {
    let world = World::default();
    *world.codes.borrow_mut() = vec![Ok("123456")];
    let way = chain(Start::Session(route()));
    assert_eq!(world.go(&way).unwrap(), Origin::LoggedIn);
    assert_eq!(
        world.took(),
        [
            "enter role",
            "enter session",
            "key",
            "ask 1 None",
            "GetSessionToken 123456 12h",
            "enter role",
            "AssumeRole jump as alice",
            "AssumeRole developer as alice by jump"
        ]
    );
    assert_eq!(world.go(&way).unwrap(), Origin::Cache);
    assert!(world.took().is_empty());
    // The first role alone is there as well, and another one behind it costs one call.
    let alone = Way { hops: way.hops[..1].to_vec(), ..way.clone() };
    assert_eq!(world.go(&alone).unwrap(), Origin::Cache);
    let mut other = way;
    other.hops[1].session_name = "other".parse().unwrap();
    assert_eq!(world.go(&other).unwrap(), Origin::Renewed);
    assert_eq!(world.took(), ["enter role", "AssumeRole developer as other by jump"]);
}

#[test]
fn a_role_in_the_middle_that_aws_has_ended_is_assumed_anew() {
    let world = World::default();
    let way = chain(Start::Session(route()));
    world.sessions.borrow_mut().insert(route().session_key(), session(600));
    world.roles.borrow_mut().insert(way.role_key(0).unwrap(), role(60));
    *world.refusals.borrow_mut() = vec![StsError::Expired { message: "over".into() }];
    assert_eq!(world.go(&way).unwrap(), Origin::Renewed);
    assert_eq!(
        world.took(),
        [
            "enter role",
            "AssumeRole developer as alice by developer",
            "forget jump",
            "enter role",
            "AssumeRole jump as alice",
            "AssumeRole developer as alice by jump"
        ]
    );
}

#[test]
fn every_start_is_used_as_what_it_is() {
    let key = Start::Key { key: route().key.id, endpoint: route().endpoint };
    let cases: Vec<(Start, &[&str])> = vec![
        (key, &["enter role", "key", "AssumeRole developer as alice by AKIAY34FZKBOKMUTVV7A"]),
        (foreign_start(), &["enter role", "take", "AssumeRole developer as alice by another"]),
        (
            Start::Code(route()),
            &[
                "enter role",
                "key",
                "ask 1 None",
                "AssumeRole developer with 000000",
                "ask 2 Some(Wrong)",
                "AssumeRole developer with 123456",
            ],
        ),
    ];
    for (start, took) in cases {
        let world = World::default();
        *world.codes.borrow_mut() = vec![Ok("000000"), Ok("123456")];
        let way = Way { start, hops: vec![request()], at_least: SignedDuration::ZERO };
        world.go(&way).unwrap();
        assert_eq!(world.took(), took);
        assert_eq!(world.go(&way).unwrap(), Origin::Cache);
    }
    let world = World::default();
    let target = Way { start: foreign_start(), hops: Vec::new(), at_least: SignedDuration::ZERO };
    assert!(world.with(|broker| broker.obtain(&target)).unwrap().issued.role().is_none());
    assert_eq!(world.took(), ["take"]);
}

#[test]
fn what_is_over_on_arrival_is_not_asked_for_again() {
    let world = World::default();
    *world.codes.borrow_mut() = vec![Ok("123456"), Ok("234567")];
    // This machine's clock runs thirteen hours ahead of AWS's.
    let clock = || at(world.minutes.get() + 780);
    let broker =
        Broker { store: &world, sts: &world, prompt: &world, cache: &world, foreign: &world, clock: &clock };
    assert_eq!(broker.obtain(&way()).unwrap_err(), BrokerError::ExpiredOnArrival);
    assert_eq!(world.codes.borrow().len(), 1);
}
