//! What `execute` makes of an IAM that is slow to see its own changes, loses answers, or says no.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use crate::script::{Reply, Script, connection};
use postern_aws::{
    Kind, Patience,
    execute::{Effect, Execution, Fate, Outcome, Refusal, Settle, StepError, What, execute},
};
use postern_estate::{Action, Plan, PolicyDocument, Precondition, Reach, Step, Tags};
use postern_types::{AccountId, IamPath, SessionDuration, Timestamp};

const ME: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/admin</Arn>\
    <UserId>AIDAEXAMPLEEXAMPLE123</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
const NOT_THERE: &str = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>The role with name r cannot be found.</Message></Error></ErrorResponse>";
const EXISTS: &str = "<ErrorResponse><Error><Code>EntityAlreadyExists</Code><Message>Role with name r already exists.</Message></Error></ErrorResponse>";
const NO_PRINCIPAL: &str = "<ErrorResponse><Error><Code>MalformedPolicyDocument</Code>\
    <Message>Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/u\"</Message></Error></ErrorResponse>";
const DENIED: &str = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: iam:CreateRole</Message></Error></ErrorResponse>";
const THROTTLED: &str =
    "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
const USER: &str = "<GetUserResponse><GetUserResult><User><Path>/</Path><UserName>u</UserName><UserId>AIDAEXAMPLEEXAMPLE123</UserId>\
    <Arn>arn:aws:iam::111111111111:user/u</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></User></GetUserResult></GetUserResponse>";
const NEW_USER: &str = "<CreateUserResponse><CreateUserResult><User><Path>/</Path><UserName>u</UserName><UserId>AIDAEXAMPLEEXAMPLE123</UserId>\
    <Arn>arn:aws:iam::111111111111:user/u</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></User></CreateUserResult></CreateUserResponse>";
const ROLE: &str = "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROAEXAMPLEEXAMPLE123</RoleId>\
    <Arn>arn:aws:iam::111111111111:role/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
    <AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>";
const OTHER_ROLE: &str = "<GetRoleResponse><GetRoleResult><Role><Path>/theirs/</Path><RoleName>r</RoleName><RoleId>AROAEXAMPLEEXAMPLE123</RoleId>\
    <Arn>arn:aws:iam::111111111111:role/theirs/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
    <AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>";
const NEW_ROLE: &str = "<CreateRoleResponse><CreateRoleResult><Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROAEXAMPLEEXAMPLE123</RoleId>\
    <Arn>arn:aws:iam::111111111111:role/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></CreateRoleResult></CreateRoleResponse>";

const WHO: (&str, Reply) = ("GetCallerIdentity", Reply::Answer(200, ME));
const fn get_user(status: u16, body: &'static str) -> (&'static str, Reply) {
    ("GetUser", Reply::Answer(status, body))
}
const fn get_role(status: u16, body: &'static str) -> (&'static str, Reply) {
    ("GetRole", Reply::Answer(status, body))
}
const fn create_role(status: u16, body: &'static str) -> (&'static str, Reply) {
    ("CreateRole", Reply::Answer(status, body))
}

fn account() -> AccountId {
    "111111111111".parse().unwrap()
}

fn step(action: Action) -> Step {
    Step { account: account(), action, precondition: Precondition::Absent, inverse: None, risk: Reach::Keeps }
}

fn user() -> Step {
    step(Action::CreateUser { user: "u".parse().unwrap(), path: IamPath::root(), tags: Tags::new() })
}

fn role() -> Step {
    step(Action::CreateRole {
        role: "r".parse().unwrap(),
        path: IamPath::root(),
        trust: PolicyDocument::new("{}"),
        max_session: SessionDuration::HOUR,
        boundary: None,
        tags: Tags::new(),
    })
}

/// Runs the steps against the script, all of which must be asked for, in its order.
fn run(script: &[(&'static str, Reply)], steps: Vec<Step>) -> Outcome {
    let patience = Patience { attempts: 1, read: Duration::from_millis(500), ..Patience::default() };
    let server = Script::start(script);
    let connections = BTreeMap::from([(account(), connection(&server.url, patience))]);
    let settle = Settle {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        total: Duration::from_millis(9),
    };
    let outcome = execute(Execution {
        plan: &Plan { steps, ..Plan::default() }.confirm().unwrap(),
        connections: &connections,
        settle,
        now: &|| Timestamp::UNIX_EPOCH,
        cancelled: &|| false,
        log: &mut |_| Ok(()),
    });
    let expected: Vec<_> = script.iter().map(|(action, _)| *action).collect();
    assert_eq!(server.seen(), expected);
    outcome.unwrap()
}

#[test]
fn an_iam_that_is_slow_to_see_its_changes_is_waited_for() {
    let outcome = run(
        &[
            WHO,
            get_user(404, NOT_THERE),
            ("CreateUser", Reply::Answer(200, NEW_USER)),
            get_user(404, NOT_THERE),
            get_user(200, USER),
            get_role(404, NOT_THERE),
            create_role(400, NO_PRINCIPAL),
            create_role(400, NO_PRINCIPAL),
            create_role(200, NEW_ROLE),
            get_role(404, NOT_THERE),
            get_role(200, ROLE),
        ],
        vec![user(), role()],
    );
    assert_eq!(outcome.fates, [Fate::Done(Effect::Changed), Fate::Done(Effect::Changed)]);
}

#[test]
fn a_lost_answer_is_looked_for_before_the_call_is_made_again() {
    let lost = ("CreateRole", Reply::Cut);
    let cases: [(&[(&'static str, Reply)], Fate); 5] = [
        // Carried out, though the answer was lost.
        (
            &[WHO, get_role(404, NOT_THERE), lost, get_role(200, ROLE), get_role(200, ROLE)],
            Fate::Done(Effect::Changed),
        ),
        // Not carried out: made again.
        (
            &[
                WHO,
                get_role(404, NOT_THERE),
                lost,
                get_role(404, NOT_THERE),
                create_role(200, NEW_ROLE),
                get_role(200, ROLE),
            ],
            Fate::Done(Effect::Changed),
        ),
        // Carried out, but not to be seen at once.
        (
            &[
                WHO,
                get_role(404, NOT_THERE),
                lost,
                get_role(404, NOT_THERE),
                create_role(409, EXISTS),
                get_role(200, ROLE),
                get_role(200, ROLE),
            ],
            Fate::Done(Effect::Changed),
        ),
        (
            &[
                WHO,
                get_role(404, NOT_THERE),
                create_role(400, THROTTLED),
                create_role(200, NEW_ROLE),
                get_role(200, ROLE),
            ],
            Fate::Done(Effect::Changed),
        ),
        (&[WHO, get_role(200, ROLE)], Fate::Done(Effect::AlreadySo)),
    ];
    for (script, fate) in cases {
        assert_eq!(run(script, vec![role()]).fates, [fate], "{script:?}");
    }
}

#[test]
fn what_cannot_go_on_stops_with_what_was_done_and_left() {
    let outcome = run(
        &[
            WHO,
            get_user(404, NOT_THERE),
            ("CreateUser", Reply::Answer(200, NEW_USER)),
            get_user(200, USER),
            get_role(404, NOT_THERE),
            create_role(403, DENIED),
        ],
        vec![user(), role(), user()],
    );
    let [Fate::Done(Effect::Changed), Fate::Failed(StepError::Aws(error)), Fate::Left] = &outcome.fates[..]
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((&error.kind, &*error.operation), (&Kind::Denied, "iam:CreateRole"));

    // Somebody else's role of this name, before or meanwhile.
    let outcome = run(&[WHO, get_role(200, OTHER_ROLE)], vec![role()]);
    assert!(matches!(&outcome.fates[..], [Fate::Failed(StepError::Changed { .. })]), "{outcome:?}");
    let script = [WHO, get_role(404, NOT_THERE), create_role(409, EXISTS), get_role(200, OTHER_ROLE)];
    let outcome = run(&script, vec![role()]);
    assert!(
        matches!(&outcome.fates[..], [Fate::Failed(StepError::Aws(e))] if e.kind == Kind::Conflict),
        "{outcome:?}"
    );

    // Taken, and never to be seen: 1 + 2 + 2 + 2 + 2 ms are five pauses.
    let mut script = vec![WHO, get_role(404, NOT_THERE), create_role(200, NEW_ROLE)];
    script.extend([get_role(404, NOT_THERE); 6]);
    assert_eq!(run(&script, vec![role()]).fates, [Fate::Failed(StepError::NotSeen)]);
}

#[test]
fn one_asks_before_each_step_whether_to_go_on() {
    let script =
        [WHO, get_user(404, NOT_THERE), ("CreateUser", Reply::Answer(200, NEW_USER)), get_user(200, USER)];
    for (cancel_after, log_breaks, calls) in [(0, false, 1), (1, false, 4), (9, true, 2)] {
        let server = Script::start(&script);
        let connections = BTreeMap::from([(account(), connection(&server.url, Patience::default()))]);
        let plan = Plan { steps: vec![user(), role()], ..Plan::default() }.confirm().unwrap();
        let done = Cell::new(0);
        let outcome = execute(Execution {
            plan: &plan,
            connections: &connections,
            settle: Settle::default(),
            now: &|| Timestamp::UNIX_EPOCH,
            cancelled: &|| done.get() >= cancel_after,
            log: &mut |event| {
                if matches!(event.what, What::Done(_)) {
                    done.set(done.get() + 1);
                }
                if log_breaks { Err("disk full".to_owned()) } else { Ok(()) }
            },
        })
        .unwrap();
        assert_eq!(outcome.cancelled, !log_breaks);
        assert_eq!(
            outcome.fates.iter().filter(|f| **f == Fate::Left).count(),
            2 - done.get() - usize::from(log_breaks)
        );
        assert_eq!(server.seen().len(), calls, "{:?}", server.seen());
    }
}

#[test]
fn nothing_is_begun_with_the_wrong_credentials() {
    let plan = |n: &str| {
        let steps = vec![Step { account: n.parse().unwrap(), ..user() }];
        Plan { steps, ..Plan::default() }.confirm().unwrap()
    };
    let server = Script::start(&[WHO]);
    let other: AccountId = "222222222222".parse().unwrap();
    let connections = BTreeMap::from([(other, connection(&server.url, Patience::default()))]);
    let run = |account: &str| {
        execute(Execution {
            plan: &plan(account),
            connections: &connections,
            settle: Settle::default(),
            now: &|| Timestamp::UNIX_EPOCH,
            cancelled: &|| false,
            log: &mut |_| Ok(()),
        })
        .unwrap_err()
    };
    assert_eq!(run("111111111111"), Refusal::NoConnection(account()));
    assert_eq!(run("222222222222"), Refusal::WrongAccount { expected: other, found: account() });
}
