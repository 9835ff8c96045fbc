//! Plans: they lead where they say, from anywhere, and no step opens what should not be open.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    AccessKey, Account, Action, Change, ConflictKind, Credentials, Desired, Estate, Group, ManagedPolicy,
    NoticeKind, Plan, PolicyDocument, PolicyVersion, Precondition, Reach, Role, Step, User, apply_step, diff,
};
use postern_types::AccountId;
use proptest::{prelude::*, sample::subsequence};

use crate::{
    common::{EXAMPLE, desired},
    reach::reach,
};

/// The accounts of an estate before anything was made in them.
pub(crate) fn empty(desired: &Desired) -> Estate {
    let accounts = desired.estate.accounts.keys().map(|id| (*id, Account::default())).collect();
    Estate { accounts, ..Estate::default() }
}

pub(crate) fn run(estate: &mut Estate, plan: &Plan) {
    for step in &plan.steps {
        apply_step(estate, step).unwrap_or_else(|error| unreachable!("{error} at {step:#?} of {plan:#?}"));
    }
}

/// The estate as AWS would hold it when everything is applied.
pub(crate) fn built(desired: &Desired) -> Estate {
    let mut estate = empty(desired);
    let plan = diff(&estate, desired);
    run(&mut estate, &plan);
    estate
}

pub(crate) fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

#[test]
fn from_nothing_to_the_example() {
    let desired = desired(EXAMPLE);
    let plan = diff(&empty(&desired), &desired);
    assert!(plan.conflicts.is_empty() && plan.notices.is_empty());
    let built = built(&desired);
    assert!(diff(&built, &desired).is_empty());
    assert!(diff(&desired.estate, &desired).is_empty());
    // Nobody gets in before the last thing that narrows has been done.
    let home = account("111111111111");
    let mut estate = empty(&desired);
    let mut open = false;
    for step in &plan.steps {
        apply_step(&mut estate, step).unwrap();
        let reached = reach(&estate, home);
        assert!(!reached.iter().any(|line| line.contains(" N1") || line.contains(" N2")), "{reached:#?}");
        open |= !reached.is_empty();
        assert!(!open || matches!(step.action, Action::AddUserToGroup { .. }), "{step:#?}");
    }
    let reached = reach(&estate, home);
    assert!(reached.contains("bob M as arn:aws:iam::222222222222:role/postern/readonly: s3:GetObject"));
    assert!(
        !reached
            .iter()
            .any(|line| line.starts_with("bob") && !line.contains("222222222222:role/postern/readonly"))
    );
    assert!(
        reached.contains("carol M as arn:aws:iam::333333333333:role/postern/postern-admin: iam:CreateUser")
    );
    assert!(!reached.iter().any(|line| line.starts_with("carol M old") && line.contains("admin")));
    let iam = |line: &&String| line.contains("iam:CreateUser") && !line.contains("postern-admin");
    assert_eq!(reached.iter().find(iam), None);
}

#[test]
fn steps_carry_what_the_executor_needs() {
    let desired = desired(EXAMPLE);
    let plan = diff(&empty(&desired), &desired);
    let keys: BTreeSet<String> = plan.steps.iter().map(|step| step.key().to_string()).collect();
    assert!(keys.contains("222222222222:role/developer"), "{keys:#?}");
    assert!(keys.contains("111111111111:account/password-policy"));
    let role = |name: &str| {
        let is =
            |step: &&Step| matches!(&step.action, Action::CreateRole { role, .. } if role.as_str() == name);
        plan.steps.iter().find(is).unwrap()
    };
    let create = role("developer");
    assert_eq!(
        (create.change(), &create.precondition, create.risk),
        (Change::Create, &Precondition::Absent, Reach::Keeps)
    );
    assert!(matches!(&create.inverse, Some(Action::DeleteRole { .. })));
    assert!(create.after().is_some() && create.before().is_none());

    // A changed document is checked against what was read.
    let mut tampered = built(&desired);
    let home = tampered.accounts.get_mut(&account("111111111111")).unwrap();
    let group = home.groups.get_mut(&"auditors".parse().unwrap()).unwrap();
    let open = PolicyDocument::new(
        group
            .inline
            .values()
            .next()
            .unwrap()
            .text()
            .replace("prod", "x")
            .replace("\"arn:aws:iam::222222222222:role/postern/readonly\"", "\"*\""),
    );
    group.inline.insert("postern".parse().unwrap(), open.clone());
    let plan = diff(&tampered, &desired);
    let [step] = &plan.steps[..] else { unreachable!("{plan:#?}") };
    assert_eq!((&step.precondition, step.risk), (&Precondition::Document(open.clone()), Reach::Narrows));
    assert!(matches!(&step.inverse, Some(Action::PutGroupPolicy { document, .. }) if *document == open));
    assert_eq!(step.before(), Some(&open));
}

type Tamper = Box<dyn Fn(&mut Estate)>;

#[test]
fn foreign_objects_are_conflicts_and_never_touched() {
    let desired = desired(EXAMPLE);
    let built = built(&desired);
    let dev = account("333333333333");
    let home = account("111111111111");
    let cases: [(&str, Tamper, ConflictKind); 6] = [
        (
            "333333333333:role/developer",
            Box::new(move |e| role_of(e, dev, "developer").tags.clear()),
            ConflictKind::NotOurs { owner: None },
        ),
        (
            "333333333333:role/developer",
            Box::new(move |e| {
                role_of(e, dev, "developer").tags.insert("postern:managed".into(), "other".into());
            }),
            ConflictKind::NotOurs { owner: Some("other".into()) },
        ),
        (
            "333333333333:role/developer",
            Box::new(move |e| role_of(e, dev, "developer").path = "/x/".parse().unwrap()),
            ConflictKind::OtherPath { path: "/x/".parse().unwrap() },
        ),
        (
            "111111111111:user/alice",
            Box::new(move |e| {
                let users = &mut e.accounts.get_mut(&home).unwrap().users;
                let user = users.remove(&"alice".parse().unwrap()).unwrap();
                users.insert("Alice".parse().unwrap(), user);
            }),
            ConflictKind::OtherCase { existing: "Alice".into() },
        ),
        (
            "111111111111:group/auditors",
            Box::new(move |e| {
                let groups = &mut e.accounts.get_mut(&home).unwrap().groups;
                groups.get_mut(&"auditors".parse().unwrap()).unwrap().path = "/".parse().unwrap();
            }),
            ConflictKind::NotOurs { owner: None },
        ),
        (
            "333333333333:account/333333333333",
            Box::new(move |e| {
                e.accounts.remove(&dev);
            }),
            ConflictKind::NotRead,
        ),
    ];
    for (key, change, why) in cases {
        let mut actual = built.clone();
        change(&mut actual);
        let plan = diff(&actual, &desired);
        let [conflict] = &plan.conflicts[..] else { unreachable!("{key}: {plan:#?}") };
        assert_eq!((conflict.key.to_string().as_str(), &conflict.kind), (key, &why));
        let touches = |step: &Step| step.key() == conflict.key;
        assert!(!plan.steps.iter().any(touches), "{plan:#?}");
        assert!(plan.confirm().is_err());
    }
}

fn role_of<'e>(estate: &'e mut Estate, id: AccountId, name: &str) -> &'e mut Role {
    estate.accounts.get_mut(&id).unwrap().roles.get_mut(&name.parse().unwrap()).unwrap()
}

fn user_of<'e>(estate: &'e mut Estate, name: &str) -> &'e mut User {
    let home = account("111111111111");
    estate.accounts.get_mut(&home).unwrap().users.get_mut(&name.parse().unwrap()).unwrap()
}

#[test]
fn people_who_leave_are_locked_out_and_deleted_only_when_empty() {
    let before = desired(EXAMPLE);
    let after = desired(&EXAMPLE.replace("[people.bob]\ngroups = [\"auditors\"]\n", ""));
    let key = AccessKey { active: true, created_at: None };
    let access_keys = BTreeMap::from([("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), key)]);
    let keys = Credentials { access_keys, ..Credentials::default() };
    for (credentials, notice, deleted) in [
        (Some(Credentials::default()), None, true),
        (Some(keys), Some(NoticeKind::OffBoard), false),
        (None, Some(NoticeKind::OffBoardUnread), false),
    ] {
        let mut actual = built(&before);
        user_of(&mut actual, "bob").credentials = credentials;
        let plan = diff(&actual, &after);
        assert_eq!(plan.notices.first().map(|notice| notice.kind.clone()), notice);
        assert!(matches!(plan.steps[0].action, Action::RemoveUserFromGroup { .. }), "{plan:#?}");
        run(&mut actual, &plan);
        let home = &actual.accounts[&account("111111111111")];
        let bob = home.users.get(&"bob".parse().unwrap());
        assert_eq!(bob.is_none(), deleted);
        assert!(bob.is_none_or(|bob| bob.groups.is_empty()));
        assert!(!reach(&actual, account("111111111111")).iter().any(|line| line.starts_with("bob")));
        assert!(diff(&actual, &after).is_empty());
    }
}

#[test]
fn what_only_denies_is_left_and_said() {
    let desired = desired(EXAMPLE);
    let mut actual = built(&desired);
    let deny = PolicyDocument::new(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
    );
    user_of(&mut actual, "alice").inline.insert("contained".parse().unwrap(), deny.clone());
    user_of(&mut actual, "bob")
        .attached
        .insert("arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3".parse().unwrap());
    user_of(&mut actual, "carol").boundary = Some("arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap());
    let role = role_of(&mut actual, account("333333333333"), "developer");
    role.inline.insert("AWSRevokeOlderSessions".parse().unwrap(), deny);
    let plan = diff(&actual, &desired);
    assert!(plan.is_empty(), "{plan:#?}");
    assert_eq!(plan.notices.len(), 4, "{plan:#?}");
}

#[test]
fn the_last_way_in_stays() {
    let before = desired(EXAMPLE);
    let built = built(&before);
    let without = EXAMPLE.replace("people = [\"carol\"]\n", "people = []\n");
    let plan = diff(&built, &desired(&without));
    assert!(plan.is_empty(), "{plan:#?}");
    assert!(plan.notices.iter().all(|notice| notice.kind == NoticeKind::LastWayInKept));
    assert_eq!(plan.notices.len(), 4);

    // All administrators change: the new ones are in before the old ones are out.
    let other = desired(&EXAMPLE.replace("people = [\"carol\"]\n", "people = [\"bob\"]\n"));
    let plan = diff(&built, &other);
    let at =
        |wanted: &dyn Fn(&Action) -> bool| plan.steps.iter().position(|step| wanted(&step.action)).unwrap();
    let joins = at(&|action| matches!(action, Action::AddUserToGroup { user, .. } if user.as_str() == "bob"));
    let leaves =
        at(&|action| matches!(action, Action::RemoveUserFromGroup { user, .. } if user.as_str() == "carol"));
    assert!(joins < leaves);
}

// ---- Anything to anything ----

const FILES: [&str; 4] = ["p/logs.json", "p/ec2.json", "p/both.json", "p/deny.json"];

/// An estate file out of a small world, so that two of them have much in common and much not.
pub(crate) fn designs() -> impl Strategy<Value = String> {
    let people = subsequence(vec!["alice", "bob", "carol", "dave"], 1..=4);
    let role = (
        prop::sample::select(vec!["[\"dev\"]", "[\"prod\"]", "\"*\""]),
        subsequence(vec!["\"PowerUserAccess\"", "\"ReadOnlyAccess\""], 0..=2),
        subsequence(FILES.to_vec(), 0..=2),
        prop::sample::select(vec!["", "mfa_max_age = \"1h\"\n"]),
        prop::sample::select(vec![
            "",
            "boundary = \"none\"\nreason = \"x\"\n",
            "may_assume = [\"arn:aws:iam::333333333333:role/deploy\"]\n",
        ]),
        prop::sample::select(vec!["1h", "2h"]),
        prop::sample::select(vec!["", "source_ip = [\"198.51.100.0/24\"]\n", "source_identity = true\n"]),
    );
    let bastion = (
        any::<bool>(),
        prop::sample::select(vec!["", "source_ip = [\"203.0.113.0/24\"]\n"]),
        prop::option::weighted(0.3, prop::sample::select(vec!["[\"dev\"]", "\"*\""])),
    );
    let roles = prop::collection::vec(prop::option::weighted(0.8, role), 3);
    let grants =
        prop::collection::vec(prop::option::weighted(0.8, subsequence(vec![0_usize, 1, 2], 0..=3)), 3);
    let memberships = prop::collection::vec(subsequence(vec![0_usize, 1, 2], 0..=3), 4);
    let administrators = prop::sample::select(vec![0_usize, 1, 2]);
    (people, roles, grants, memberships, administrators, any::<bool>(), any::<bool>(), bastion).prop_map(
        |(people, roles, grants, memberships, administrators, third_party, own, bastion)| {
            let (self_service, source_ip, break_glass) = bastion;
            let mut text = format!(
                "version = 1\nname = \"acme\"\nregion = \"eu-central-1\"\n[bastion]\naccount = \"111111111111\"\n\
                source_identity = true\nself_service = {self_service}\n{source_ip}\
                [accounts.dev]\nid = \"333333333333\"\n[accounts.prod]\nid = \"222222222222\"\n"
            );
            if let (Some(accounts), [one, two, ..]) = (break_glass, &people[..]) {
                text += &format!("[break_glass]\npeople = [\"{one}\", \"{two}\"]\naccounts = {accounts}\n");
            }
            for (n, role) in roles.iter().enumerate() {
                if let Some((accounts, managed, files, age, boundary, session, limit)) = role {
                    let files = files.iter().map(|file| format!("{{ file = \"{file}\" }}"));
                    let policies: Vec<String> = managed.iter().map(ToString::to_string).chain(files).collect();
                    text += &format!(
                        "[roles.r{n}]\naccounts = {accounts}\npolicies = [{}]\nsession = \"{session}\"\n{age}{boundary}{limit}",
                        policies.join(", ")
                    );
                }
            }
            let pattern = |n: &usize| roles[*n].is_some().then(|| format!("\"*/r{n}\""));
            for (n, grant) in grants.iter().enumerate() {
                if let Some(grant) = grant {
                    let patterns: Vec<String> = grant.iter().filter_map(pattern).collect();
                    text += &format!("[groups.g{n}]\nroles = [{}]\n", patterns.join(", "));
                }
            }
            for (person, member_of) in people.iter().zip(&memberships) {
                let of: Vec<String> =
                    member_of.iter().filter(|n| grants[**n].is_some()).map(|n| format!("\"g{n}\"")).collect();
                text += &format!("[people.{person}]\ngroups = [{}]\n", of.join(", "));
                if let (true, Some(own)) = (own, pattern(&0)) {
                    text += &format!("roles = [{own}]\n");
                }
            }
            let admins: Vec<String> =
                people.iter().take(administrators).map(|person| format!("\"{person}\"")).collect();
            text += &format!("[administrators]\npeople = [{}]\n", admins.join(", "));
            if let (true, Some(role)) = (third_party, pattern(&1)) {
                text += &format!(
                    "[third_parties.x]\naccount = \"999999999999\"\nexternal_id = \"a1b2\"\nroles = [{role}]\n"
                );
            }
            text
        },
    )
}

/// Something done by hand since the last apply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tampering {
    AdminOnRole,
    OpenTrust,
    NoBoundary,
    OtherBoundary,
    OpenCap,
    OwnPolicy,
    MixedPolicy,
    UserPolicy,
    Mallory,
    OpenGroup,
    LesserGroup,
    StrangeGroup,
    RoleGone,
    GroupPolicyGone,
    LongSession,
    Profile,
}

pub(crate) fn tamper(estate: &mut Estate, what: Tampering, at: prop::sample::Index) {
    let home = account("111111111111");
    let admin = || "arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap();
    let policy = |effect: &str, action: &str| {
        PolicyDocument::new(format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}]}}"#
        ))
    };
    let both = PolicyDocument::new(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
            {"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#,
    );
    match what {
        Tampering::UserPolicy
        | Tampering::Mallory
        | Tampering::OpenGroup
        | Tampering::LesserGroup
        | Tampering::StrangeGroup
        | Tampering::GroupPolicyGone => {
            let account = estate.accounts.get_mut(&home).unwrap();
            let groups: Vec<_> = account.groups.keys().cloned().collect();
            let user = account.users.values_mut().next().unwrap();
            match what {
                Tampering::UserPolicy => {
                    user.inline.insert("x".parse().unwrap(), policy("Allow", "*"));
                    user.attached.insert(admin());
                }
                Tampering::Mallory => {
                    let mut mallory = user.clone();
                    mallory.tags.clear();
                    mallory.groups = groups.iter().cloned().collect();
                    account.users.insert("mallory".parse().unwrap(), mallory);
                }
                Tampering::StrangeGroup => {
                    user.groups.insert("strange".parse().unwrap());
                    let group = Group {
                        path: "/".parse().unwrap(),
                        inline: [("x".parse().unwrap(), policy("Allow", "*"))].into(),
                        attached: BTreeSet::new(),
                    };
                    account.groups.insert("strange".parse().unwrap(), group);
                }
                _ if groups.is_empty() => {}
                Tampering::OpenGroup => {
                    let group = account.groups.get_mut(at.get(&groups)).unwrap();
                    group.inline.insert("postern".parse().unwrap(), policy("Allow", "sts:*"));
                    group.inline.insert("more".parse().unwrap(), both);
                    group.attached.insert(admin());
                }
                Tampering::LesserGroup => {
                    let group = account.groups.get_mut(at.get(&groups)).unwrap();
                    group.inline.insert("postern".parse().unwrap(), policy("Allow", "sts:GetSessionToken"));
                }
                _ => {
                    account.groups.get_mut(at.get(&groups)).unwrap().inline.clear();
                }
            }
        }
        _ => {
            let id = account(if at.index(2) == 0 { "333333333333" } else { "222222222222" });
            let account = estate.accounts.get_mut(&id).unwrap();
            if let Tampering::OpenCap = what {
                let cap = account.policies.get_mut(&"postern-cap".parse().unwrap()).unwrap();
                cap.document = policy("Allow", "*");
                cap.versions =
                    (1..=5).map(|n| PolicyVersion { id: format!("v{n}"), is_default: n == 5 }).collect();
                return;
            }
            let other = ManagedPolicy {
                path: "/".parse().unwrap(),
                tags: None,
                document: policy("Allow", "*"),
                versions: vec![PolicyVersion { id: "v1".into(), is_default: true }],
            };
            let names: Vec<_> =
                account.roles.keys().filter(|name| name.as_str() != "postern-admin").cloned().collect();
            if names.is_empty() {
                return;
            }
            let name = at.get(&names);
            let role = account.roles.get_mut(name).unwrap();
            match what {
                Tampering::AdminOnRole => {
                    role.attached.insert(admin());
                }
                Tampering::OpenTrust => {
                    role.trust = PolicyDocument::new(
                        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#,
                    );
                }
                Tampering::NoBoundary => role.boundary = None,
                Tampering::OtherBoundary => {
                    role.boundary = Some(format!("arn:aws:iam::{id}:policy/other").parse().unwrap());
                    account.policies.insert("other".parse().unwrap(), other);
                }
                Tampering::OwnPolicy => {
                    role.inline.insert("own".parse().unwrap(), policy("Allow", "iam:*"));
                }
                Tampering::MixedPolicy => {
                    role.inline.insert("own".parse().unwrap(), both);
                }
                Tampering::LongSession => role.max_session = None,
                Tampering::Profile => {
                    role.instance_profiles.insert("profile".into());
                }
                _ => {
                    account.roles.remove(name);
                }
            }
        }
    }
}

pub(crate) fn tamperings() -> impl Strategy<Value = Vec<(Tampering, prop::sample::Index)>> {
    let kind = prop::sample::select(vec![
        Tampering::AdminOnRole,
        Tampering::OpenTrust,
        Tampering::NoBoundary,
        Tampering::OtherBoundary,
        Tampering::OpenCap,
        Tampering::OwnPolicy,
        Tampering::MixedPolicy,
        Tampering::UserPolicy,
        Tampering::Mallory,
        Tampering::OpenGroup,
        Tampering::LesserGroup,
        Tampering::StrangeGroup,
        Tampering::RoleGone,
        Tampering::GroupPolicyGone,
        Tampering::LongSession,
        Tampering::Profile,
    ]);
    prop::collection::vec((kind, any::<prop::sample::Index>()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_estate_becomes_any_other_and_is_never_wider_than_both(
        before in designs(), after in designs(), hands in tamperings(), cut in any::<prop::sample::Index>(),
    ) {
        let home = account("111111111111");
        let (before, after) = (desired(&before), desired(&after));
        prop_assert!(diff(&before.estate, &before).is_empty());
        let mut actual = built(&before);
        for (what, at) in hands {
            tamper(&mut actual, what, at);
        }
        let plan = diff(&actual, &after);
        prop_assert!(plan.conflicts.is_empty(), "{:#?}", plan.conflicts);

        let mut end = actual.clone();
        run(&mut end, &plan);
        let left = diff(&end, &after);
        prop_assert!(left.is_empty(), "left over: {left:#?}");

        // Each prefix of the plan, and at one of them a new start.
        let mut allowed = reach(&actual, home);
        allowed.extend(reach(&end, home));
        let cut = cut.index(plan.steps.len() + 1);
        let mut estate = actual;
        for (at, step) in plan.steps.iter().enumerate() {
            if at == cut {
                let mut resumed = estate.clone();
                run(&mut resumed, &diff(&estate, &after));
                let left = diff(&resumed, &after);
                prop_assert!(left.is_empty(), "left over after a new start: {left:#?}");
            }
            apply_step(&mut estate, step).unwrap();
            let now = reach(&estate, home);
            let wider: Vec<_> = now.difference(&allowed).collect();
            prop_assert!(wider.is_empty(), "step {at} of {plan:#?}\nopens {wider:#?}");
        }
    }

    /// The inverse of each step leads back, save where an object was deleted for good.
    #[test]
    fn inverses_lead_back(before in designs(), after in designs()) {
        let (before, after) = (desired(&before), desired(&after));
        let mut estate = built(&before);
        for step in diff(&estate.clone(), &after).steps {
            let mut back = estate.clone();
            apply_step(&mut back, &step).unwrap();
            if let Some(inverse) = step.inverse.clone() {
                apply_step(&mut back, &Step { action: inverse, ..step.clone() }).unwrap();
                if !matches!(step.action, Action::CreatePolicyVersion { .. }) {
                    prop_assert_eq!(&back, &estate);
                }
            }
            apply_step(&mut estate, &step).unwrap();
        }
    }
}

#[test]
fn an_open_invitation_is_left_until_there_is_a_device() {
    let desired = desired(EXAMPLE);
    let (home, key) = (account("111111111111"), "AKIAY34FZKBOKMUTV001");
    let until = "2026-01-02T03:04:05Z";
    let alice = "alice".parse().unwrap();
    let good = postern_estate::invitation(
        desired.partition,
        home,
        &alice,
        &key.parse().unwrap(),
        until.parse().unwrap(),
    );
    let wide = PolicyDocument::new(good.text().replace("iam:UntagUser", "iam:*"));
    let none = Credentials::default();
    let serial = "arn:aws:iam::111111111111:mfa/alice".parse().unwrap();
    let device = Credentials { mfa_devices: [(serial, None)].into(), ..Credentials::default() };
    for (document, tag, credentials, is_left) in [
        (&good, key, Some(none.clone()), true),
        (&good, key, Some(device), false),
        (&good, key, None, true),
        (&good, "AKIAY34FZKBOKMUTV002", Some(none.clone()), false),
        (&wide, key, Some(none.clone()), false),
    ] {
        let mut actual = built(&desired);
        let user = user_of(&mut actual, "alice");
        user.inline.insert(postern_estate::INVITATION_POLICY.parse().unwrap(), document.clone());
        user.tags.insert(postern_estate::INVITATION_TAG.to_owned(), tag.to_owned());
        user.credentials = credentials;
        let plan = diff(&actual, &desired);
        let said = NoticeKind::InvitationOpen { until: until.to_owned() };
        assert_eq!(plan.notices.iter().any(|notice| notice.kind == said), is_left, "{plan:#?}");
        assert_eq!(plan.is_empty(), is_left, "{plan:#?}");
        if !is_left {
            assert!(matches!(plan.steps[0].action, Action::DeleteUserPolicy { .. }), "{plan:#?}");
        }
        run(&mut actual, &plan);
        let user = user_of(&mut actual, "alice");
        assert_eq!(user.inline.is_empty(), !is_left);
    }
    // Who is no longer in the file is not invited either.
    let after = crate::common::desired(&EXAMPLE.replace("[people.alice]\ngroups = [\"developers\"]\n", ""));
    let mut actual = built(&desired);
    let user = user_of(&mut actual, "alice");
    user.inline.insert(postern_estate::INVITATION_POLICY.parse().unwrap(), good);
    user.tags.insert(postern_estate::INVITATION_TAG.to_owned(), key.to_owned());
    user.credentials = Some(none);
    let plan = diff(&actual, &after);
    assert!(matches!(plan.steps[0].action, Action::DeleteUserPolicy { .. }), "{plan:#?}");
}
