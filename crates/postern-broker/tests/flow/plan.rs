//! What is left to do, for every state of the cache and every way.

use postern_broker::*;
use postern_types::{SessionDuration, SignedDuration};
use proptest::prelude::*;

use crate::world::*;

/// What a plan comes to, in words.
fn words(plan: &Plan) -> String {
    let has = match &plan.has {
        Has::Nothing => String::new(),
        Has::Session(_) => "session".to_owned(),
        Has::Foreign(_) => "foreign".to_owned(),
        Has::Role { hop, .. } => format!("role {hop}"),
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::GetSessionToken => "login".to_owned(),
        Step::TakeForeign => "take".to_owned(),
        Step::AssumeRoleWithCode => "code".to_owned(),
        Step::AssumeRole { hop } => format!("assume {hop}"),
    });
    let fallback = plan.fallback.as_ref().map(|_| "or serve".to_owned());
    [has]
        .into_iter()
        .filter(|has| !has.is_empty())
        .chain(steps)
        .chain(fallback)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn the_plan_for_every_state_of_the_cache() {
    // Minutes that are left of the role's credentials and of the session, at a duration in minutes.
    type Left = Option<i64>;
    let cases: &[(&str, i64, Left, Left, &str)] = &[
        ("nothing", 60, None, None, "login, assume 0"),
        ("a dead session", 60, None, Some(0), "login, assume 0"),
        ("a session", 60, None, Some(1), "session, assume 0"),
        ("fresh, no session", 60, Some(21), None, "role 0"),
        ("fresh beside a session", 60, Some(21), Some(600), "role 0"),
        ("renewed ahead of the SDKs' 15 minutes", 60, Some(20), Some(600), "session, assume 0, or serve"),
        ("at the SDKs' 15 minutes", 60, Some(15), Some(600), "session, assume 0, or serve"),
        ("ageing, and nobody logged in: still served", 60, Some(15), None, "role 0"),
        ("ageing beside a dead session: still served", 60, Some(6), Some(0), "role 0"),
        ("too little to work with", 60, Some(5), None, "login, assume 0"),
        ("too little, with a session", 60, Some(5), Some(600), "session, assume 0"),
        ("expired", 60, Some(-1), Some(600), "session, assume 0"),
        ("a short role is not renewed at each call", 15, Some(6), Some(600), "role 0"),
        ("a short role in its last third", 15, Some(5), Some(600), "session, assume 0"),
        ("a short role in its last third, nobody logged in", 15, Some(5), None, "login, assume 0"),
    ];
    for (name, minutes, role_left, session_left, wanted) in cases {
        let seconds = u32::try_from(minutes * 60).unwrap();
        let request = AssumeRole { duration: SessionDuration::from_seconds(seconds), ..request() };
        let view =
            View { roles: vec![role_left.map(role)], session: session_left.map(session), foreign: None };
        let got = plan(&Way::of_role(route(), request), at(0), &view).unwrap();
        assert_eq!(words(&got), *wanted, "{name}");
    }
}

#[test]
fn the_plan_for_every_start_and_chain() {
    let key = || Start::Key { key: route().key.id, endpoint: route().endpoint };
    let nothing = || [None, None];
    let (session_start, code) = (|| Start::Session(route()), || Start::Code(route()));
    let target = |start: Start| Way { start, hops: Vec::new(), at_least: SignedDuration::ZERO };
    // Minutes left of the session, of both roles, whether the foreign credentials are in hand.
    type Case = (&'static str, Way, Option<i64>, [Option<i64>; 2], bool, &'static str);
    let cases: Vec<Case> = vec![
        ("cold", chain(session_start()), None, nothing(), false, "login, assume 0, assume 1"),
        ("a session", chain(session_start()), Some(9), nothing(), false, "session, assume 0, assume 1"),
        (
            "the first role does for the second",
            chain(session_start()),
            None,
            [Some(1), None],
            false,
            "role 0, assume 1",
        ),
        (
            "a dead first role",
            chain(session_start()),
            Some(9),
            [Some(0), None],
            false,
            "session, assume 0, assume 1",
        ),
        (
            "the second ages, the first is there",
            chain(session_start()),
            None,
            [Some(9), Some(15)],
            false,
            "role 0, assume 1, or serve",
        ),
        (
            "the second ages, nothing else is there",
            chain(session_start()),
            None,
            [None, Some(15)],
            false,
            "role 1",
        ),
        ("a code of its own", chain(code()), Some(9), nothing(), false, "code, assume 1"),
        (
            "a code of its own is not asked for in vain",
            chain(code()),
            None,
            [None, Some(15)],
            false,
            "role 1",
        ),
        ("a key without a code", chain(key()), None, nothing(), false, "assume 0, assume 1"),
        ("somebody else's", chain(foreign_start()), None, nothing(), false, "take, assume 0, assume 1"),
        (
            "somebody else's, in hand",
            chain(foreign_start()),
            None,
            nothing(),
            true,
            "foreign, assume 0, assume 1",
        ),
        ("the session is the target", target(session_start()), Some(6), nothing(), false, "session"),
        ("the session is the target, and old", target(session_start()), Some(5), nothing(), false, "login"),
        ("no role to give the code to", target(code()), None, nothing(), false, "login"),
        ("somebody else's are the target", target(foreign_start()), None, nothing(), false, "take"),
        ("in hand and the target", target(foreign_start()), None, nothing(), true, "foreign"),
    ];
    for (name, way, session_left, roles, in_hand, wanted) in cases {
        let view = View {
            session: session_left.map(session),
            foreign: in_hand.then(foreign),
            roles: roles.map(|left| left.map(role)).to_vec(),
        };
        assert_eq!(words(&plan(&way, at(0), &view).unwrap()), wanted, "{name}");
    }
    let error = plan(&target(key()), at(0), &View::default()).unwrap_err();
    assert_eq!(error, PlanError::LongTermKey { key: route().key.id });
}

#[test]
fn more_than_an_hour_is_refused_before_the_call_where_aws_would() {
    let long = |way: Way, hop: usize| {
        let mut way = way;
        way.hops[hop].duration = SessionDuration::from_seconds(3_601);
        plan(&way, at(0), &View::default()).map(|_| ()).map_err(|error| match error {
            PlanError::ChainingCap { first, asked, .. } => (first, asked.seconds()),
            other => panic!("{other}"),
        })
    };
    assert_eq!(long(way(), 0), Err((true, 3_601)));
    assert_eq!(long(chain(Start::Session(route())), 1), Err((false, 3_601)));
    assert_eq!(long(chain(Start::Code(route())), 0), Ok(()), "its own code buys a longer role");
    assert_eq!(long(chain(Start::Code(route())), 1), Err((false, 3_601)));
    assert_eq!(long(chain(foreign_start()), 0), Ok(()), "it may be a long-term key");
    assert!(plan(&way(), at(0), &View::default()).is_ok());
}

#[test]
fn a_role_is_named_by_all_that_is_behind_it() {
    let starts = [
        Start::Session(route()),
        Start::Code(route()),
        Start::Key { key: route().key.id, endpoint: route().endpoint },
        foreign_start(),
    ];
    let mut names: Vec<String> = starts
        .into_iter()
        .flat_map(|start| {
            let alone = Way { start: start.clone(), hops: vec![request()], at_least: SignedDuration::ZERO };
            let chain = chain(start);
            [alone.role_key(0), chain.role_key(0), chain.role_key(1)]
        })
        .map(|key| key.unwrap().canonical())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(way().role_key(1).is_none());
    let key = chain(Start::Session(route())).role_key(1).unwrap();
    assert_eq!(key.long_term_key(), Some(&route().key.id));
    assert_eq!(chain(foreign_start()).role_key(1).unwrap().long_term_key(), None);
}

#[test]
fn the_session_is_named_after_the_person() {
    let mut key = route().key;
    assert_eq!(session_name_of(&key).as_str(), "alice");
    key.user = "a".parse().unwrap();
    assert_eq!(session_name_of(&key).as_str(), "a@111111111111");
    key.user = "x".repeat(64).parse().unwrap();
    assert_eq!(session_name_of(&key).as_str().len(), 64);
}

#[test]
fn what_is_asked_for_is_left_or_it_is_renewed() {
    let at_least = |minutes| SignedDuration::from_mins(minutes);
    let view = |left| View { roles: vec![Some(role(left))], session: Some(session(90)), foreign: None };
    // How much must be left, how much is, whether it is served as it is.
    for (asked, left, served) in
        [(0, 21, true), (0, 19, false), (45, 46, true), (45, 44, false), (10, 19, false)]
    {
        let way = Way { at_least: at_least(asked), ..way() };
        let plan = plan(&way, at(0), &view(left)).unwrap();
        assert_eq!(plan.steps.is_empty(), served, "{asked} of {left}");
        // With STS out of reach, only what is asked for does.
        assert_eq!(plan.fallback.is_some(), !served && left >= asked.max(5), "{asked} of {left}");
    }
    // Nobody is asked for a code for the margin's sake, but for this.
    let dead = |left| View { roles: vec![Some(role(left))], session: None, foreign: None };
    assert!(plan(&way(), at(0), &dead(10)).unwrap().steps.is_empty());
    let wanting = Way { at_least: at_least(15), ..way() };
    assert_eq!(plan(&wanting, at(0), &dead(10)).unwrap().steps.first(), Some(&Step::GetSessionToken));
    let never = Way { at_least: at_least(60), ..way() };
    assert!(matches!(plan(&never, at(0), &view(59)), Err(PlanError::NeverSoMuchLeft { .. })));
}

proptest! {
    /// Whatever is served has something left; whatever asks for a code had no other way.
    #[test]
    fn plans_are_sane(
        role_left in proptest::option::of(-10_i64..90),
        session_left in proptest::option::of(-10_i64..90),
        minutes in 15_u32..=60,
    ) {
        let request =
            AssumeRole { duration: SessionDuration::from_seconds(minutes * 60), ..request() };
        let view = View { roles: vec![role_left.map(role)], session: session_left.map(session), foreign: None };
        let margin = ROLE_SERVED_AT_LEAST.min(renew_margin(request.duration));
        let plan = plan(&Way::of_role(route(), request), at(0), &view).unwrap();
        match (&plan.has, plan.steps.first()) {
            (Has::Role { credentials, .. }, None) => {
                prop_assert!(credentials.credentials.is_fresh(at(0), margin));
            }
            (Has::Session(session), Some(Step::AssumeRole { hop: 0 })) => {
                prop_assert!(session.credentials.is_fresh(at(0), SignedDuration::ZERO));
                if let Some(fallback) = plan.fallback {
                    prop_assert!(fallback.credentials.is_fresh(at(0), SignedDuration::ZERO));
                }
            }
            (Has::Nothing, Some(Step::GetSessionToken)) => {
                prop_assert!(session_left.is_none_or(|left| left < 1));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Any difference in a request is a difference in its name.
    #[test]
    fn names_are_as_many_as_requests(a in any_request(), b in any_request()) {
        let name = |r: &AssumeRole| role_key(r).canonical();
        prop_assert_eq!(a == b, name(&a) == name(&b));
    }
}

fn any_request() -> impl Strategy<Value = AssumeRole> {
    let text = || {
        prop_oneof![Just("ab".to_owned()), Just("1:a,".to_owned()), Just("b".to_owned()), Just(String::new())]
    };
    let tag = (text(), text(), any::<bool>()).prop_map(|(k, v, transitive)| SessionTag {
        key: k.into(),
        value: v.into(),
        transitive,
    });
    (
        prop_oneof![Just("ab"), Just("cd")],
        prop_oneof![Just(900_u32), Just(3_600)],
        proptest::option::of(prop_oneof![Just("ab"), Just("cd")]),
        proptest::option::of(prop_oneof![Just("ab"), Just("cd")]),
        proptest::collection::vec(tag, 0..3),
        proptest::option::of(text()),
        proptest::collection::vec(prop_oneof![Just("ReadOnlyAccess"), Just("x")], 0..2),
    )
        .prop_map(|(name, seconds, external, source, tags, policy, arns)| AssumeRole {
            role: ROLE.parse().unwrap(),
            session_name: name.parse().unwrap(),
            duration: SessionDuration::from_seconds(seconds),
            external_id: external.map(|text| text.parse().unwrap()),
            source_identity: source.map(|text| text.parse().unwrap()),
            tags,
            policy: policy.map(Into::into),
            policy_arns: arns
                .iter()
                .map(|n| format!("arn:aws:iam::aws:policy/{n}").parse().unwrap())
                .collect(),
        })
}
