//! The flow over fake ports and a fake clock.

#[cfg(test)]
mod suite {
    use std::{
        cell::{Cell, RefCell},
        collections::BTreeMap,
    };

    use postern_broker::*;
    use postern_types::{
        AccessKeyId, LongTermKey, MfaCode, MfaSerial, MfaSession, RoleCredentials, SecretAccessKey,
        SessionDuration, SessionToken, SignedDuration, TemporaryCredentials, Timestamp,
    };
    use proptest::prelude::*;

    const START: i64 = 1_800_000_000;
    const ROLE: &str = "arn:aws:iam::222222222222:role/postern/developer";

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(START + minutes * 60).unwrap()
    }

    fn credentials(until: i64) -> TemporaryCredentials {
        TemporaryCredentials {
            id: "ASIAY34FZKBOKMUTVV7A".parse().unwrap(),
            secret: SecretAccessKey::new("secret").unwrap(),
            token: SessionToken::new("token").unwrap(),
            expires_at: at(until),
        }
    }

    fn session(until: i64) -> MfaSession {
        let key = route().key;
        MfaSession { credentials: credentials(until), source_key: key.id, serial: key.serial }
    }

    fn role(until: i64) -> RoleCredentials {
        RoleCredentials { credentials: credentials(until), role: ROLE.parse().unwrap() }
    }

    fn route() -> Route {
        Route {
            key: KeyEntry {
                id: "AKIAY34FZKBOKMUTVV7A".parse().unwrap(),
                user: "alice".parse().unwrap(),
                account: "111111111111".parse().unwrap(),
                serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
                added_at: at(0),
            },
            endpoint: StsEndpoint { region: "eu-central-1".parse().unwrap(), url: None },
            session: SessionDuration::from_seconds(43_200),
        }
    }

    fn request() -> AssumeRole {
        AssumeRole::plain(ROLE.parse().unwrap(), &route().key)
    }

    fn way() -> Way {
        Way::of_role(route(), request())
    }

    /// The way's role key, by what is asked of it.
    fn role_key(request: &AssumeRole) -> RoleKey {
        Way::of_role(route(), request.clone()).role_key(0).unwrap()
    }

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

    /// Two roles, one assumed with the other.
    fn chain(start: Start) -> Way {
        let jump: AssumeRole =
            AssumeRole { role: "arn:aws:iam::333333333333:role/jump".parse().unwrap(), ..request() };
        Way { start, hops: vec![jump, request()] }
    }

    fn foreign_start() -> Start {
        Start::Foreign { source: ForeignSource::InstanceMetadata, endpoint: route().endpoint }
    }

    fn foreign() -> ForeignCredentials {
        ForeignCredentials { credentials: (&credentials(60)).into(), expires_at: None }
    }

    #[test]
    fn the_plan_for_every_start_and_chain() {
        let key = || Start::Key { key: route().key.id, endpoint: route().endpoint };
        let nothing = || [None, None];
        let (session_start, code) = (|| Start::Session(route()), || Start::Code(route()));
        let target = |start: Start| Way { start, hops: Vec::new() };
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
            (
                "the session is the target, and old",
                target(session_start()),
                Some(5),
                nothing(),
                false,
                "login",
            ),
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
                let alone = Way { start: start.clone(), hops: vec![request()] };
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
            prop_oneof![
                Just("ab".to_owned()),
                Just("1:a,".to_owned()),
                Just("b".to_owned()),
                Just(String::new())
            ]
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

    /// All four ports. What happens is written down, in order.
    #[derive(Default)]
    struct World {
        log: RefCell<Vec<String>>,
        minutes: Cell<i64>,
        sessions: RefCell<BTreeMap<MfaSessionKey, MfaSession>>,
        roles: RefCell<BTreeMap<RoleKey, RoleCredentials>>,
        used: RefCell<Option<(MfaCode, Timestamp)>>,
        /// What the person types, in order; then the prompt is spent.
        codes: RefCell<Vec<Result<&'static str, PromptError>>>,
        /// What `AssumeRole` answers before it begins to succeed.
        refusals: RefCell<Vec<StsError>>,
        /// What another process left behind while this one waited.
        given_up: RefCell<Option<String>>,
        no_key: Cell<bool>,
    }

    impl World {
        fn say(&self, what: impl Into<String>) {
            self.log.borrow_mut().push(what.into());
        }

        fn with<T>(&self, run: impl FnOnce(&Broker<'_>) -> T) -> T {
            let clock = || at(self.minutes.get());
            run(&Broker { store: self, sts: self, prompt: self, cache: self, foreign: self, clock: &clock })
        }

        fn role(&self) -> Result<Origin, BrokerError> {
            self.go(&way())
        }

        fn go(&self, way: &Way) -> Result<Origin, BrokerError> {
            self.with(|broker| broker.obtain(way)).map(|obtained| obtained.origin)
        }

        fn took(&self) -> Vec<String> {
            self.log.borrow_mut().drain(..).collect()
        }
    }

    struct Guard<'a>(&'a World);

    impl FlightGuard for Guard<'_> {
        fn give_up(&mut self, reason: &str) {
            self.0.say(format!("give up: {reason}"));
        }
    }

    impl SecretStore for World {
        fn kind(&self) -> StoreKind {
            StoreKind::Memory
        }
        fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
            Ok(vec![route().key])
        }
        fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
            self.say("key");
            let key = LongTermKey { id: id.clone(), secret: SecretAccessKey::new("long").unwrap() };
            Ok((!self.no_key.get()).then_some(key))
        }
        fn put(&self, _: &KeyEntry, _: &LongTermKey) -> Result<(), StoreError> {
            unreachable!("the broker stores no keys")
        }
        fn remove(&self, _: &AccessKeyId) -> Result<bool, StoreError> {
            unreachable!("the broker removes no keys")
        }
    }

    impl Sts for World {
        fn get_session_token(
            &self,
            key: &LongTermKey,
            serial: &MfaSerial,
            code: &MfaCode,
            duration: SessionDuration,
        ) -> Result<MfaSession, StsError> {
            self.say(format!("GetSessionToken {} {duration}", code.as_str()));
            match code.as_str() {
                "000000" => Err(StsError::WrongCode),
                "999999" => Err(StsError::UnknownDevice { message: "no such device".into() }),
                _ => Ok(MfaSession {
                    credentials: credentials(self.minutes.get() + 720),
                    source_key: key.id.clone(),
                    serial: serial.clone(),
                }),
            }
        }
        fn assume_role(
            &self,
            caller: Assumer<'_>,
            request: &AssumeRole,
        ) -> Result<RoleCredentials, StsError> {
            let by = match caller {
                Assumer::Session(_) => String::new(),
                Assumer::Role(role) => format!(" by {}", role.role.name()),
                Assumer::KeyWithoutMfa(key) => format!(" by {}", key.id),
                Assumer::Foreign(_) => " by another".to_owned(),
            };
            self.say(format!("AssumeRole {} as {}{by}", request.role.name(), request.session_name));
            match self.refusals.borrow_mut().pop() {
                Some(refusal) => Err(refusal),
                None => Ok(RoleCredentials { role: request.role.clone(), ..role(self.minutes.get() + 60) }),
            }
        }
        fn assume_role_with_code(
            &self,
            _: &LongTermKey,
            _: &MfaSerial,
            code: &MfaCode,
            request: &AssumeRole,
        ) -> Result<RoleCredentials, StsError> {
            self.say(format!("AssumeRole {} with {}", request.role.name(), code.as_str()));
            match code.as_str() {
                "000000" => Err(StsError::WrongCode),
                _ => Ok(RoleCredentials { role: request.role.clone(), ..role(self.minutes.get() + 720) }),
            }
        }
        fn get_caller_identity(&self, _: Credentials<'_>) -> Result<CallerIdentity, StsError> {
            unreachable!("not part of the flow")
        }
    }

    impl ForeignSources for World {
        fn take(&self, _: &ForeignSource) -> Result<ForeignCredentials, ForeignError> {
            self.say("take");
            Ok(foreign())
        }
    }

    impl MfaPrompt for World {
        fn ask(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
            self.say(format!("ask {} {:?}", question.attempt, question.refused));
            let mut codes = self.codes.borrow_mut();
            if codes.is_empty() {
                return Err(PromptError::Spent);
            }
            codes.remove(0).map(|code| code.parse().unwrap())
        }
    }

    impl SessionCache for World {
        fn session(&self, key: &MfaSessionKey) -> Result<Option<MfaSession>, CacheError> {
            Ok(self.sessions.borrow().get(key).cloned())
        }
        fn put_session(&self, session: &CachedSession) -> Result<(), CacheError> {
            self.sessions.borrow_mut().insert(session.key.clone(), session.session.clone());
            Ok(())
        }
        fn forget_session(&self, key: &MfaSessionKey) -> Result<(), CacheError> {
            self.say("forget");
            self.sessions.borrow_mut().remove(key);
            Ok(())
        }
        fn role(&self, key: &RoleKey) -> Result<Option<RoleCredentials>, CacheError> {
            Ok(self.roles.borrow().get(key).cloned())
        }
        fn put_role(&self, role: &CachedRole) -> Result<(), CacheError> {
            self.roles.borrow_mut().insert(role.key.clone(), role.credentials.clone());
            Ok(())
        }
        fn forget_role(&self, key: &RoleKey) -> Result<(), CacheError> {
            self.say(format!("forget {}", key.request.role.name()));
            self.roles.borrow_mut().remove(key);
            Ok(())
        }
        fn code_used_at(&self, _: &MfaSerial, code: &MfaCode) -> Result<Option<Timestamp>, CacheError> {
            Ok(self.used.borrow().as_ref().filter(|(used, _)| used.ct_eq(code)).map(|(_, at)| *at))
        }
        fn put_used_code(&self, _: &MfaSerial, code: &MfaCode, at: Timestamp) -> Result<(), CacheError> {
            *self.used.borrow_mut() = Some((*code, at));
            Ok(())
        }
        fn enter(&self, flight: Flight<'_>) -> Result<Entered<'_>, CacheError> {
            self.say(match flight {
                Flight::Session(_) => "enter session",
                Flight::Role(_) => "enter role",
            });
            Ok(Entered { guard: Box::new(Guard(self)), given_up: self.given_up.borrow_mut().take() })
        }
    }

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
            let calls: Vec<_> = took
                .iter()
                .filter_map(|line| line.strip_prefix("GetSessionToken "))
                .map(|c| &c[..6])
                .collect();
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
        for (mode, asked) in
            [(LoginMode::IfNeeded, true), (LoginMode::IfNeeded, false), (LoginMode::Fresh, true)]
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
            let way = Way { start, hops: vec![request()] };
            world.go(&way).unwrap();
            assert_eq!(world.took(), took);
            assert_eq!(world.go(&way).unwrap(), Origin::Cache);
        }
        let world = World::default();
        let target = Way { start: foreign_start(), hops: Vec::new() };
        assert!(world.with(|broker| broker.obtain(&target)).unwrap().issued.role().is_none());
        assert_eq!(world.took(), ["take"]);
    }

    #[test]
    fn what_is_over_on_arrival_is_not_asked_for_again() {
        let world = World::default();
        *world.codes.borrow_mut() = vec![Ok("123456"), Ok("234567")];
        // This machine's clock runs thirteen hours ahead of AWS's.
        let clock = || at(world.minutes.get() + 780);
        let broker = Broker {
            store: &world,
            sts: &world,
            prompt: &world,
            cache: &world,
            foreign: &world,
            clock: &clock,
        };
        assert_eq!(broker.obtain(&way()).unwrap_err(), BrokerError::ExpiredOnArrival);
        assert_eq!(world.codes.borrow().len(), 1);
    }
}
