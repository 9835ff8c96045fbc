//! What is said never to be allowed must not be found by trying at random.

use postern_estate::{Account, Estate, Group, PolicyDocument, Role, User};
use postern_policy::{Context, ContextValue, Document, PolicyRef, PolicyStack, Principal, Request, evaluate};
use postern_prove::{Grant, Held, Reach, World};
use postern_types::{IamPath, Partition, RoleArn, UserArn};
use proptest::{prelude::*, sample::select};

const USER: &str = "arn:aws:iam::111111111111:user/eve";
const ROLE: &str = "arn:aws:iam::222222222222:role/r";

/// Conditions as they are found in trust policies, right ones and slips.
const CONDITIONS: [&str; 22] = [
    r#""Bool": {"aws:MultiFactorAuthPresent": "true"}"#,
    r#""Bool": {"aws:MultiFactorAuthPresent": "false"}"#,
    r#""BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}"#,
    r#""BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}"#,
    r#""Null": {"aws:MultiFactorAuthPresent": "false"}"#,
    r#""Null": {"aws:MultiFactorAuthAge": "true"}"#,
    r#""ForAnyValue:Bool": {"aws:MultiFactorAuthPresent": "true"}"#,
    r#""ForAllValues:Bool": {"aws:MultiFactorAuthPresent": "true"}"#,
    r#""NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}"#,
    r#""NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "100"}"#,
    r#""IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.7"]}"#,
    r#""NotIpAddress": {"aws:SourceIp": "0.0.0.0/1"}"#,
    r#""StringEquals": {"sts:ExternalId": ["a", "b"]}"#,
    r#""StringNotLike": {"sts:ExternalId": "a*"}"#,
    r#""StringLike": {"sts:RoleSessionName": "${aws:username}-*"}"#,
    r#""StringEquals": {"sts:SourceIdentity": "${aws:username}"}"#,
    r#""Null": {"sts:SourceIdentity": "true"}"#,
    r#""DateLessThan": {"aws:CurrentTime": "2026-06-01T00:00:00Z"}"#,
    r#""DateGreaterThan": {"aws:TokenIssueTime": "2026-03-01T00:00:00Z"}"#,
    r#""StringEquals": {"aws:PrincipalTag/team": "blue"}"#,
    r#""ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/e*"}"#,
    r#""ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}"#,
];

fn condition() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(&CONDITIONS[..]), 0..3).prop_map(|mut parts| {
        // An operator stands once in a condition block.
        let operator = |part: &str| part.split(':').next().unwrap_or_default().to_owned();
        parts.sort_by_key(|part| operator(part));
        parts.dedup_by_key(|part| operator(part));
        format!("{{{}}}", parts.join(", "))
    })
}

fn statement(principal: &'static str) -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let action =
        select(&["\"sts:*\"", "\"sts:AssumeRole\"", "[\"sts:AssumeRole\", \"sts:SetSourceIdentity\"]"][..]);
    (effect, action, condition()).prop_map(move |(effect, action, condition)| {
        format!(r#"{{"Effect": "{effect}", {principal}, "Action": {action}, "Condition": {condition}}}"#)
    })
}

fn document(principal: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(statement(principal), 1..4)
        .prop_map(|all| format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, all.join(", ")))
}

/// What a request of a credential can say beside what the credential fixes.
fn chosen() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>)>> {
    let of = |values: &'static [Option<&'static str>]| select(values);
    let address = of(&[Some("192.0.2.9"), Some("198.51.100.7"), Some("10.0.0.1"), Some("2001:db8::1")]);
    let external = of(&[None, Some("a"), Some("ab"), Some("b"), Some("c")]);
    let session = of(&[Some("eve-1"), Some("mallory"), Some("eve-")]);
    let identity = of(&[None, Some("eve"), Some("bob")]);
    let time = of(&[Some("2026-01-01T00:00:00Z"), Some("2026-12-01T00:00:00Z")]);
    let issued = of(&[Some("2026-01-01T00:00:00Z"), Some("2026-12-01T00:00:00Z")]);
    let age = of(&[Some("0"), Some("60"), Some("3599"), Some("3600"), Some("100000")]);
    (address, external, session, identity, time, issued, age).prop_map(|all| {
        vec![
            ("aws:SourceIp", all.0),
            ("sts:ExternalId", all.1),
            ("sts:RoleSessionName", all.2),
            ("sts:SourceIdentity", all.3),
            ("aws:CurrentTime", all.4),
            ("aws:TokenIssueTime", all.5),
            ("aws:MultiFactorAuthAge", all.6),
        ]
    })
}

fn context(held: Held, chosen: &[(&'static str, Option<&'static str>)]) -> Context {
    let mut context = Context::new()
        .with("aws:PrincipalArn", USER)
        .with("aws:PrincipalAccount", "111111111111")
        .with("aws:PrincipalType", "User")
        .with("aws:username", "eve")
        .with("aws:PrincipalTag/team", "blue")
        .with("aws:SecureTransport", true);
    for (key, value) in chosen {
        context.set(key, value.map_or(ContextValue::Absent, ContextValue::from));
    }
    match held {
        Held::LongTermKey => {
            context.set("aws:TokenIssueTime", ContextValue::Absent);
            context.set("aws:MultiFactorAuthAge", ContextValue::Absent);
        }
        Held::SessionWithoutMfa => {
            context.set("aws:MultiFactorAuthPresent", false);
            context.set("aws:MultiFactorAuthAge", ContextValue::Absent);
        }
        Held::SessionWithMfa => context.set("aws:MultiFactorAuthPresent", true),
    }
    context
}

fn estate(group: &str, trust: &str) -> Estate {
    let path = IamPath::root;
    let mut bastion = Account::default();
    let inline = [("p".parse().unwrap(), PolicyDocument::new(group))].into();
    bastion.groups.insert("g".parse().unwrap(), Group { path: path(), inline, attached: [].into() });
    let user = User {
        path: path(),
        id: None,
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        groups: ["g".parse().unwrap()].into(),
        inline: [].into(),
        attached: [].into(),
        boundary: None,
        credentials: None,
    };
    bastion.users.insert("eve".parse().unwrap(), user);
    let role = Role {
        path: path(),
        id: None,
        tags: [].into(),
        trust: PolicyDocument::new(trust),
        max_session: None,
        description: None,
        inline: [].into(),
        attached: [].into(),
        boundary: None,
        instance_profiles: [].into(),
    };
    let mut prod = Account::default();
    prod.roles.insert("r".parse().unwrap(), role);
    Estate {
        accounts: [("111111111111".parse().unwrap(), bastion), ("222222222222".parse().unwrap(), prod)]
            .into(),
        ..Estate::default()
    }
}

fn is_allowed(group: &str, trust: &str, context: &Context) -> bool {
    let (group, trust) = (Document::parse(group).unwrap(), Document::parse(trust).unwrap());
    let groups = [PolicyRef { name: "g", arn: None, document: &group }];
    let resource = Some(PolicyRef { name: "trust", arn: None, document: &trust });
    let stack = PolicyStack { groups: &groups, resource, ..PolicyStack::default() };
    let principal = Principal::User { arn: USER.parse().unwrap(), id: None };
    let may = |action| {
        let request =
            Request { principal: &principal, action, resource: ROLE, resource_account: None, context };
        evaluate(&request, &stack).is_allowed()
    };
    may("sts:AssumeRole")
        && (context.get("sts:SourceIdentity").values().is_empty() || may("sts:SetSourceIdentity"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_request_found_at_random_contradicts_a_never(
        group in document(r#""Resource": "*""#),
        trust in document(r#""Principal": {"AWS": "arn:aws:iam::111111111111:root"}"#),
        tries in proptest::collection::vec(chosen(), 40),
    ) {
        let estate = estate(&group, &trust);
        let world = World::new(&estate, Partition::Aws, &|_| None);
        let reach = Reach::of(&world);
        prop_assert_eq!(reach.unknown().count(), 0);
        let (user, role): (UserArn, RoleArn) = (USER.parse().unwrap(), ROLE.parse().unwrap());
        for held in Held::ALL {
            let granted = reach.has(&Grant { user: user.clone(), held, role: role.clone() });
            let found = tries.iter().map(|chosen| context(held, chosen)).find(|it| is_allowed(&group, &trust, it));
            prop_assert!(granted || found.is_none(), "{:?} {group} {trust} {found:?}", held);
        }
    }

    #[test]
    fn a_deny_more_never_opens_and_an_allow_more_never_shuts(
        group in document(r#""Resource": "*""#),
        trust in document(r#""Principal": {"AWS": "arn:aws:iam::111111111111:root"}"#),
        more in statement(r#""Resource": "*""#),
    ) {
        let grants = |group: &str| {
            let estate = estate(group, &trust);
            let world = World::new(&estate, Partition::Aws, &|_| None);
            Reach::of(&world)
        };
        let (before, after) = (grants(&group), grants(&group.replacen("[{", &format!("[{more}, {{"), 1)));
        let (wider, narrower) = if more.contains("\"Allow\"") { (after, before) } else { (before, after) };
        prop_assert!(narrower.beyond(&wider).is_empty());
    }
}
