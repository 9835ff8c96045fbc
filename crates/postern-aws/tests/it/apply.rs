//! The worked example from nothing to done on the sandbox, with the network lost at every single call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    thread,
    time::Duration,
};

use postern_aws::{
    Connection, Kind, Unreachable, collect,
    execute::{Effect, Event, Execution, Fate, Outcome, Settle, StepError, What, execute},
    raw::RawCall,
};
use postern_estate::{Design, Desired, Plan, Quotas, Reach, Snapshot, diff, teardown};
use postern_testkit::serve::{Weather, When};
use postern_types::{AccountId, Timestamp};

use crate::bastion::{BASTION, DEV, Lab, PROD, SETTLE, account};

/// The estate of the worked example, with an alias and a password policy.
const EXAMPLE: &str = r#"
version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
profile = "acme-bastion"
alias = "acme-bastion"
[accounts.dev]
id = "333333333333"
profile = "acme-dev"
[accounts.prod]
id = "222222222222"
profile = "acme-prod"
[administrators]
people = ["carol"]
[roles.developer]
accounts = ["dev", "prod"]
policies = ["PowerUserAccess"]
session = "1h"
[roles.readonly]
accounts = "*"
policies = ["ReadOnlyAccess"]
[groups.developers]
roles = ["*/developer", "*/readonly"]
[groups.auditors]
roles = ["prod/readonly"]
[people.alice]
groups = ["developers"]
[people.bob]
groups = ["auditors"]
[people.carol]
groups = ["developers"]
"#;

/// A smaller one with some of everything, for what is tried very often.
const SMALL: &str = r#"
version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
profile = "b"
alias = "acme-bastion"
[accounts.prod]
id = "222222222222"
profile = "p"
[administrators]
people = ["carol"]
[roles.readonly]
accounts = ["prod"]
policies = ["ReadOnlyAccess"]
[groups.auditors]
roles = ["prod/readonly"]
[people.bob]
groups = ["auditors"]
[people.carol]
"#;

fn desired(text: &str) -> Desired {
    let design = Design::parse(text).unwrap();
    design.desired(&|file| Err(format!("no {file}")), &|_| Quotas::DEFAULT).unwrap()
}

fn snapshot(lab: &Lab) -> Snapshot {
    collect(&lab.connections, &Timestamp::now)
}

/// None where the estate could not be read.
fn plan(lab: &Lab, desired: &Desired) -> Option<Plan> {
    Some(diff(&snapshot(lab).complete().ok()?, desired))
}

fn carry_out(lab: &Lab, plan: Plan, log: &mut dyn FnMut(&Event<'_>)) -> Option<Outcome> {
    let outcome = execute(Execution {
        plan: &plan.confirm().unwrap(),
        connections: &lab.connections,
        settle: SETTLE,
        now: &Timestamp::now,
        cancelled: &|| false,
        log: &mut |event| {
            log(event);
            Ok(())
        },
    });
    outcome.ok()
}

/// What `apply` does; whether it got to its end.
fn apply(lab: &Lab, desired: &Desired) -> bool {
    plan(lab, desired)
        .and_then(|plan| carry_out(lab, plan, &mut |_| ()))
        .is_some_and(|outcome| outcome.is_complete())
}

#[test]
fn the_example_is_built_and_a_second_apply_finds_nothing_to_do() {
    let lab = Lab::start();
    let desired = desired(EXAMPLE);
    let plan = plan(&lab, &desired).unwrap();
    let steps = plan.steps.len();
    assert!(steps > 30, "{steps}");
    let (mut intents, mut done) = (Vec::new(), Vec::new());
    let outcome = carry_out(&lab, plan, &mut |event| match &event.what {
        What::Intent => intents.push(event.index),
        What::Done(_) => {
            // No step ends whose beginning was not noted.
            assert!(intents.contains(&event.index));
            done.push(event.index);
        }
        other => panic!("{other:?}"),
    })
    .unwrap();
    assert_eq!(outcome.fates, vec![Fate::Done(Effect::Changed); steps]);
    done.sort_unstable();
    assert_eq!(done, (0..steps).collect::<Vec<_>>());

    let again = diff(&snapshot(&lab).complete().unwrap(), &desired);
    assert!(again.is_empty(), "{again:#?}");
    let found = snapshot(&lab).estate;
    let prod = &found.accounts[&account(PROD)];
    assert_eq!(prod.roles.keys().filter(|name| !name.as_str().starts_with("AWS")).count(), 3);
    assert_eq!(found.accounts[&account(BASTION)].users.len(), 3);
}

/// Where the network is lost at one call and stays away, the run ends; the next one ends in the state of a run
/// that nothing disturbed. What the next run makes of a state depends on that state alone, so each is tried once.
#[test]
fn the_network_lost_at_any_call_the_next_run_ends_the_same() {
    lose_the_network_everywhere(&desired(SMALL), &|_, _| {}, &apply);
}

/// The same for the way back.
#[test]
fn the_network_lost_at_any_call_of_destroy_the_next_run_ends_the_same() {
    let build = |lab: &Lab, desired: &Desired| assert!(apply(lab, desired));
    lose_the_network_everywhere(&desired(SMALL), &build, &destroy);
}

/// Carries out what takes everything away; whether it got to its end.
fn destroy(lab: &Lab, desired: &Desired) -> bool {
    let Ok(actual) = snapshot(lab).complete() else { return false };
    let plan = teardown(&actual, desired, &BTreeSet::new());
    carry_out(lab, plan, &mut |_| ()).is_some_and(|outcome| outcome.is_complete())
}

type Act<T> = dyn Fn(&Lab, &Desired) -> T + Sync;

fn lose_the_network_everywhere(desired: &Desired, build: &Act<()>, act: &Act<bool>) {
    let tried = &Mutex::new(BTreeSet::new());
    // Two sandboxes side by side, each for every second call.
    thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || lose_the_network(desired, half, tried, build, act));
        }
    });
    // As many states as there are changes, at the least: the cuts did hit between them.
    let tried = tried.lock().unwrap().len();
    assert!(tried > 15, "{tried}");
}

fn lose_the_network(
    desired: &Desired,
    half: u64,
    tried: &Mutex<BTreeSet<String>>,
    build: &Act<()>,
    act: &Act<bool>,
) {
    let mut lab = Lab::of(&[BASTION, PROD]);
    build(&lab, desired);
    lab.begin_here();
    let calls = lab.calls_of(|| assert!(act(&lab, desired)));
    let wanted = lab.state();
    assert!(calls > 50, "{calls}");
    for call in (1..=calls).filter(|call| call % 2 == half) {
        for when in [When::Before, When::After] {
            lab.reset();
            lab.cut(call, when, true);
            assert!(!act(&lab, desired), "call {call} of {calls} {when:?}: not noticed");
            lab.sandbox.faults().mend();
            if tried.lock().unwrap().insert(lab.state().to_string()) {
                assert!(act(&lab, desired), "call {call} of {calls} {when:?}: the next run fails");
                assert_eq!(lab.state(), wanted, "call {call} of {calls} {when:?}");
            }
        }
    }
}

/// Where one call alone is cut, the run itself gets over it. Tried are the calls that change something, and one
/// that reads: the SDK repeats all of those in the same way.
#[test]
fn a_single_call_cut_the_same_run_gets_over_it() {
    let lab = Lab::of(&[BASTION, PROD]);
    let desired = desired(SMALL);
    assert!(apply(&lab, &desired));
    let wanted = lab.state();
    let reads = |name: &str| name.starts_with("Get") || name.starts_with("List");
    let changes = lab.events().into_iter().zip(1..).filter(|(name, _)| !reads(name)).map(|(_, call)| call);
    let calls: Vec<u64> = std::iter::once(1).chain(changes).collect();
    assert!(calls.len() > 15, "{calls:?}");
    for call in calls {
        for when in [When::Before, When::After] {
            lab.reset();
            lab.cut(call, when, false);
            assert!(apply(&lab, &desired), "call {call} {when:?}");
            assert_eq!(lab.state(), wanted, "call {call} {when:?}");
        }
    }
}

/// Nearly every second call is refused, fails or is lost, and what was written is seen a second later.
#[test]
fn bad_weather_is_got_over_or_named() {
    let lab = Lab::of(&[BASTION, PROD]);
    let desired = desired(SMALL);
    assert!(apply(&lab, &desired));
    let wanted = lab.state();
    let settle = Settle {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(100),
        total: Duration::from_secs(5),
    };
    let weather = Weather {
        seed: 0,
        throttled: 0.3,
        errors: 0.08,
        resets: 0.08,
        slow: 0.1,
        slow_ms: 10,
        stale_seconds: 0,
    };
    for (seed, stale_seconds) in [(1, 0), (2, 0), (3, 0), (4, 1)] {
        lab.reset();
        lab.sandbox.faults().weather(Weather { seed, ..weather });
        lab.sandbox.world().stale_reads(stale_seconds);
        let mut ended = false;
        for _run in 0..4 {
            let Some(plan) = plan(&lab, &desired) else { continue };
            let mut waited = 0;
            let outcome = execute(Execution {
                plan: &plan.confirm().unwrap(),
                connections: &lab.connections,
                settle,
                now: &Timestamp::now,
                cancelled: &|| false,
                log: &mut |event| {
                    waited += usize::from(matches!(event.what, What::Waiting { .. }));
                    Ok(())
                },
            });
            match outcome {
                Ok(outcome) if outcome.is_complete() => {
                    assert!(waited > 0, "in such weather nobody gets through without waiting");
                    ended = true;
                    break;
                }
                Ok(outcome) => assert!(outcome.failures().next().is_some(), "{outcome:?}"),
                Err(_) => {}
            }
            thread::sleep(Duration::from_secs(stale_seconds.into()));
        }
        lab.sandbox.faults().mend();
        lab.sandbox.world().stale_reads(0);
        assert!(ended, "seed {seed}: no run of four got to its end");
        assert_eq!(lab.state(), wanted, "seed {seed}");
    }
}

#[test]
fn a_refused_permission_stops_with_what_was_done_and_goes_on_when_it_is_granted() {
    let lab = Lab::start();
    let desired = desired(SMALL);
    // An administrator of the bastion who may not make groups.
    let user = [("UserName", "boss")];
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"iam:CreateGroup","Resource":"*"}]}"#;
    for call in [
        RawCall::iam("CreateUser", &user),
        RawCall::iam(
            "PutUserPolicy",
            &[("UserName", "boss"), ("PolicyName", "p"), ("PolicyDocument", policy)],
        ),
    ] {
        assert!(lab.bastion().raw(&call).unwrap().is_success());
    }
    let key = lab.bastion().create_access_key(&"boss".parse().unwrap()).unwrap();
    let mut connections = lab.connections.clone();
    connections.insert(account(BASTION), lab.as_someone(&key, BASTION));
    let steps = plan(&lab, &desired).unwrap();
    let run = |plan: Plan, connections: &BTreeMap<AccountId, Connection>| {
        execute(Execution {
            plan: &plan.confirm().unwrap(),
            connections,
            settle: SETTLE,
            now: &Timestamp::now,
            cancelled: &|| false,
            log: &mut |_| Ok(()),
        })
        .unwrap()
    };
    let outcome = run(steps, &connections);
    let failures: Vec<_> = outcome.failures().collect();
    let [(_, StepError::Aws(error))] = failures[..] else { panic!("{outcome:?}") };
    assert_eq!((&error.kind, &*error.operation), (&Kind::Denied, "iam:CreateGroup"));
    assert!(outcome.fates.contains(&Fate::Left));
    let rest = plan(&lab, &desired).unwrap();
    assert!(run(rest, &lab.connections).is_complete());
    assert!(plan(&lab, &desired).unwrap().is_empty());
}

#[test]
fn steps_that_widen_wait_for_those_that_narrow_in_every_account() {
    let lab = Lab::start();
    let plan = plan(&lab, &desired(EXAMPLE)).unwrap();
    let widens: Vec<bool> = plan.steps.iter().map(|step| step.risk == Reach::Widens).collect();
    let mut seen = Vec::new();
    carry_out(&lab, plan, &mut |event| {
        if matches!(event.what, What::Done(_)) {
            seen.push(event.index);
        }
    })
    .unwrap();
    // The borders between the two kinds are where they are in the plan.
    let borders = |order: &[usize]| order.windows(2).filter(|w| widens[w[0]] != widens[w[1]]).count();
    assert_eq!(borders(&seen), borders(&(0..widens.len()).collect::<Vec<_>>()));
}

#[test]
fn what_cannot_be_read_is_a_gap_and_never_empty() {
    let lab = Lab::start();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":
        ["iam:GetAccountAuthorizationDetails","iam:GetAccountSummary","iam:GetAccountPasswordPolicy"],"Resource":"*"}]}"#;
    let user = [("UserName", "eve"), ("Path", "/postern/")];
    let calls = [
        RawCall::iam("CreateUser", &user),
        RawCall::iam(
            "PutUserPolicy",
            &[("UserName", "eve"), ("PolicyName", "p"), ("PolicyDocument", policy)],
        ),
    ];
    for call in calls {
        assert!(lab.bastion().raw(&call).unwrap().is_success());
    }
    let key = lab.bastion().create_access_key(&"eve".parse().unwrap()).unwrap();
    let eve = lab.as_someone(&key, BASTION);
    // The second key of the map is a connection with credentials of another account.
    let connections = BTreeMap::from([
        (account(BASTION), eve.clone()),
        (account(PROD), eve),
        (account(DEV), lab.connections[&account(DEV)].clone()),
    ]);
    let found = collect(&connections, &Timestamp::now);
    let gaps: Vec<_> = found.gaps.iter().map(|gap| (gap.account, gap.call.as_str())).collect();
    assert_eq!(
        gaps,
        [
            (account(BASTION), "iam:ListRoles"),
            (account(BASTION), "iam:ListAccountAliases"),
            (account(BASTION), "iam:GetLoginProfile"),
            (account(PROD), "sts:GetCallerIdentity"),
        ]
    );
    assert!(
        found.gaps[0].cause.starts_with("AccessDenied: User: arn:aws:iam::111111111111:user/postern/eve")
    );
    assert!(found.gaps[3].cause.contains("are of account 111111111111"), "{}", found.gaps[3].cause);
    let bastion = &found.estate.accounts[&account(BASTION)];
    assert_eq!((bastion.users.len(), bastion.users.values().next().unwrap().credentials.clone()), (1, None));
    assert!(bastion.roles.values().all(|role| role.max_session.is_none()));
    assert!(!found.estate.accounts.contains_key(&account(PROD)));
    assert!(found.estate.accounts.contains_key(&account(DEV)));
    assert!(found.complete().is_err());

    lab.cut(1, When::Before, true);
    let nothing = snapshot(&lab);
    assert!(nothing.estate.accounts.is_empty());
    assert_eq!(nothing.gaps.len(), 3);
    let cause = Unreachable::Cut.to_string();
    assert!(nothing.gaps.iter().all(|gap| gap.cause == cause), "{:?}", nothing.gaps);
}

#[test]
fn an_account_of_several_pages_is_read_whole() {
    let lab = Lab::start();
    for n in 0..1_010 {
        let name = format!("user-{n}");
        assert!(lab.bastion().raw(&RawCall::iam("CreateUser", &[("UserName", &name)])).unwrap().is_success());
    }
    let found = snapshot(&lab).complete().unwrap();
    assert_eq!(found.accounts[&account(BASTION)].users.len(), 1_010);
}
