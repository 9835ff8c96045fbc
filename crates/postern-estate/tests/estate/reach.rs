//! Who can do what in an estate, asked of the evaluator: the measure of every plan.

use std::collections::BTreeSet;

use postern_estate::{Account, Estate, PolicyDocument};
use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request, evaluate};
use postern_types::{AccountId, Partition, PolicyArn, RoleArn, UserArn, UserName};

/// What a thief or a worker would try, one for each part of the cap.
const ACTIONS: [&str; 6] = [
    "s3:GetObject",
    "ec2:RunInstances",
    "logs:GetLogEvents",
    "iam:CreateUser",
    "sts:AssumeRole",
    "cloudtrail:StopLogging",
];

/// Without MFA in both ways, with fresh and with old MFA; and fresh from elsewhere, or by name.
fn contexts(user: &UserName) -> [(&'static str, Context); 6] {
    let from =
        |address: &str| Context::new().with("aws:username", user.as_str()).with("aws:SourceIp", address);
    let office = || from("203.0.113.7");
    let mfa = |context: Context, age: &str| {
        context.with("aws:MultiFactorAuthPresent", "true").with("aws:MultiFactorAuthAge", age)
    };
    [
        ("N1", office()),
        ("N2", office().with("aws:MultiFactorAuthPresent", "false")),
        ("M", mfa(office(), "60")),
        ("M old", mfa(office(), "10000")),
        ("M away", mfa(from("198.51.100.7"), "60")),
        ("M by name", mfa(office(), "60").with("sts:SourceIdentity", user.as_str())),
    ]
}

/// What someone may do with a user of the bastion.
const ON_USERS: [&str; 3] = ["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:ListAccessKeys"];

/// Everything that anyone can do, one line each.
pub(crate) fn reach(estate: &Estate, bastion: AccountId) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let home = &estate.accounts[&bastion];
    for (account, found) in &estate.accounts {
        for (name, role) in &found.roles {
            let arn = RoleArn::new(Partition::Aws, *account, &role.path, name);
            let can = role_can(found, *account, &arn);
            for who in assumers(home, bastion, &arn, &role.trust) {
                all.extend(can.iter().map(|action| format!("{who} as {arn}: {action}")));
                all.insert(format!("{who} as {arn}"));
            }
        }
    }
    for name in home.users.keys() {
        let (identity, groups) = policies_of(home, name);
        let principal = user(bastion, home, name);
        for (kind, context) in contexts(name) {
            let whom = [("oneself", name.as_str()), ("another", "zoe")];
            for (action, (other, called)) in ON_USERS.iter().flat_map(|a| whom.map(|whom| (*a, whom))) {
                let stack = PolicyStack {
                    identity: &refs(&identity),
                    groups: &refs(&groups),
                    ..PolicyStack::default()
                };
                let arn = format!("arn:aws:iam::{bastion}:user/postern/{called}");
                if ask(&principal, action, &arn, &context, &stack) {
                    all.insert(format!("{name} {kind}: {action} on {other}"));
                }
            }
            for action in ACTIONS.into_iter().filter(|action| *action != "sts:AssumeRole") {
                let stack = PolicyStack {
                    identity: &refs(&identity),
                    groups: &refs(&groups),
                    ..PolicyStack::default()
                };
                if ask(&principal, action, "arn:aws:x:::y", &context, &stack) {
                    all.insert(format!("{name} {kind}: {action}"));
                }
            }
        }
    }
    all
}

fn user(bastion: AccountId, home: &Account, name: &UserName) -> Principal {
    Principal::User { arn: UserArn::new(Partition::Aws, bastion, &home.users[name].path, name), id: None }
}

fn ask(
    principal: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
    stack: &PolicyStack<'_>,
) -> bool {
    let request = Request { principal, action, resource, resource_account: None, context };
    evaluate(&request, stack).is_allowed()
}

fn refs(documents: &[Document]) -> Vec<PolicyRef<'_>> {
    documents.iter().map(|document| PolicyRef { name: "x", arn: None, document }).collect()
}

fn parse(document: &PolicyDocument) -> Document {
    Document::parse(document.text()).unwrap()
}

/// A managed policy's document, in very few words for AWS's own.
fn managed(account: &Account, arn: &PolicyArn) -> Document {
    let statement = match (arn.account(), arn.name().as_str()) {
        (Some(_), _) => return parse(&account.policies[arn.name()].document),
        (None, "AdministratorAccess") => r#""Effect": "Allow", "Action": "*""#,
        (None, "PowerUserAccess") => {
            r#""Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"]"#
        }
        (None, "ReadOnlyAccess") => r#""Effect": "Allow", "Action": ["s3:Get*", "logs:Get*"]"#,
        (None, "AWSDenyAll") => r#""Effect": "Deny", "Action": "*""#,
        (None, other) => unreachable!("{other}"),
    };
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": {{{statement}, "Resource": "*"}}}}"#);
    Document::parse(&text).unwrap()
}

fn policies_of(home: &Account, name: &UserName) -> (Vec<Document>, Vec<Document>) {
    let user = &home.users[name];
    let own = user.inline.values().map(parse).chain(user.attached.iter().map(|arn| managed(home, arn)));
    let groups = user.groups.iter().filter_map(|group| home.groups.get(group)).flat_map(|group| {
        group.inline.values().map(parse).chain(group.attached.iter().map(|arn| managed(home, arn)))
    });
    (own.collect(), groups.collect())
}

fn assumers(home: &Account, bastion: AccountId, role: &RoleArn, trust: &PolicyDocument) -> Vec<String> {
    let trust = parse(trust);
    let resource = Some(PolicyRef { name: "trust", arn: None, document: &trust });
    let mut all = Vec::new();
    for name in home.users.keys() {
        let principal = user(bastion, home, name);
        let Principal::User { arn, .. } = &principal else { continue };
        let (identity, groups) = policies_of(home, name);
        for (kind, context) in contexts(name) {
            let context = context.with("aws:PrincipalArn", arn.as_str());
            let stack = PolicyStack {
                identity: &refs(&identity),
                groups: &refs(&groups),
                resource,
                ..PolicyStack::default()
            };
            if ask(&principal, "sts:AssumeRole", role.as_str(), &context, &stack) {
                all.push(format!("{name} {kind}"));
            }
        }
    }
    // A foreign account that allows itself everything, with and without its external id.
    let everything = [managed(home, &"arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap())];
    let stranger = Principal::User { arn: "arn:aws:iam::999999999999:user/x".parse().unwrap(), id: None };
    for (kind, context) in
        [("bare", Context::new()), ("with id", Context::new().with("sts:ExternalId", "a1b2"))]
    {
        let stack = PolicyStack { identity: &refs(&everything), resource, ..PolicyStack::default() };
        if ask(&stranger, "sts:AssumeRole", role.as_str(), &context, &stack) {
            all.push(format!("third party {kind}"));
        }
    }
    all
}

fn role_can(account: &Account, id: AccountId, arn: &RoleArn) -> Vec<&'static str> {
    let role = &account.roles[arn.name()];
    let identity: Vec<Document> = role
        .inline
        .values()
        .map(parse)
        .chain(role.attached.iter().map(|arn| managed(account, arn)))
        .collect();
    let boundary = role.boundary.as_ref().map(|arn| managed(account, arn));
    let boundary: Vec<PolicyRef<'_>> =
        boundary.iter().map(|document| PolicyRef { name: "boundary", arn: None, document }).collect();
    let session = format!("arn:aws:sts::{id}:assumed-role/{}/s", arn.name());
    let principal = Principal::RoleSession { role: arn.clone(), id: None, session: session.parse().unwrap() };
    let can = |action: &&'static str| {
        // What a role may assume is asked of the role named in `may_assume`; the rest of anything.
        let resource = if **action == *"sts:AssumeRole" {
            format!("arn:aws:iam::{id}:role/deploy")
        } else {
            format!("arn:aws:x::{id}:y")
        };
        let stack = PolicyStack {
            identity: &refs(&identity),
            boundary: boundary.as_slice(),
            ..PolicyStack::default()
        };
        ask(&principal, action, &resource, &Context::new(), &stack)
    };
    ACTIONS.into_iter().filter(can).collect()
}
