//! What roles leave people of what they used.

use postern_estate::{
    Account, Design, Estate, Quotas, User,
    migrate::{ActionUse, ServiceUse},
};
use postern_prove::{Caller, Change, Doer, Held, May, ServiceOutlook, SessionFacts, Verdict, World};
use postern_types::{Partition, Region, RoleArn, UserArn};

use crate::reach::{EXAMPLE, managed};

const USER: &str = "arn:aws:iam::222222222222:user/alice";

fn region() -> Region {
    "eu-central-1".parse().unwrap()
}

/// The worked example's accounts, and in prod a user as there were before.
fn estate(attached: &[&str], inline: &str) -> Estate {
    let design = Design::parse(EXAMPLE).unwrap();
    let mut estate = design.desired(&|_| Err("none".to_owned()), &|_| Quotas::DEFAULT).unwrap().estate;
    let mut user = User {
        path: "/".parse().unwrap(),
        id: None,
        tags: std::collections::BTreeMap::new(),
        groups: std::collections::BTreeSet::new(),
        inline: std::collections::BTreeMap::new(),
        attached: attached.iter().map(|n| format!("arn:aws:iam::aws:policy/{n}").parse().unwrap()).collect(),
        boundary: None,
        credentials: None,
    };
    if !inline.is_empty() {
        let document = format!(r#"{{"Version": "2012-10-17", "Statement": [{{{inline}}}]}}"#);
        user.inline.insert("own".parse().unwrap(), postern_estate::PolicyDocument::new(document));
    }
    let prod: &mut Account = estate.accounts.get_mut(&"222222222222".parse().unwrap()).unwrap();
    prod.users.insert("alice".parse().unwrap(), user);
    estate
}

fn used(namespace: &str, actions: &[&str]) -> ServiceUse {
    let last = Some("2026-11-20T08:00:00Z".parse().unwrap());
    ServiceUse {
        namespace: namespace.to_owned(),
        name: namespace.to_uppercase(),
        last,
        region: None,
        actions: actions.iter().map(|name| ActionUse { action: (*name).to_owned(), last }).collect(),
    }
}

fn role(name: &str) -> RoleArn {
    format!("arn:aws:iam::222222222222:role/postern/{name}").parse().unwrap()
}

/// What `roles` leave alice of a service, with the administrators' role beside where asked.
fn outlook(
    estate: &Estate,
    roles: &[&str],
    administrator: bool,
    used: &ServiceUse,
) -> Option<ServiceOutlook> {
    let world = World::new(estate, Partition::Aws, &managed);
    let alice: UserArn = USER.parse().unwrap();
    let by = |held| Doer::new(Caller::user(&world, &alice, held).unwrap(), region());
    let before = [by(Held::LongTermKey), by(Held::SessionWithMfa)];
    let session = |name: &str| {
        Doer::new(Caller::role_session(&world, &role(name), &SessionFacts::default()).unwrap(), region())
    };
    let doers: Vec<Doer> = roles.iter().map(|name| session(name)).collect();
    let after: Vec<&Doer> = doers.iter().collect();
    let admin = session("postern-admin");
    let change = Change { before: &before, after: &after, administrator: administrator.then_some(&admin) };
    let found = change.outlook(used);
    assert_eq!(world.missing(), []);
    found
}

#[test]
fn a_developer_keeps_everything_but_writing_to_iam() {
    let estate = estate(&["AdministratorAccess"], "");
    let s3 = outlook(&estate, &["developer"], false, &used("s3", &[])).unwrap();
    assert_eq!((s3.verdict(), s3.is_tracked, s3.can), (Verdict::Yes, false, s3.could));
    assert!(s3.could > 50, "{}", s3.could);

    let iam = outlook(&estate, &["developer"], false, &used("iam", &["ListUsers", "CreateUser"])).unwrap();
    assert_eq!((iam.verdict(), iam.could, iam.can), (Verdict::No, 2, 0), "{iam:?}");
    let stops: Vec<&str> = iam.lost.iter().map(|lost| lost.action.as_str()).collect();
    assert_eq!(stops, ["iam:ListUsers", "iam:CreateUser"]);
    let stop = &iam.lost[1].stops[0];
    assert_eq!(stop.policy.as_deref(), Some("PowerUserAccess"));
    assert!(!stop.denies && !stop.is_boundary && !iam.lost[1].as_administrator);

    let iam = outlook(&estate, &["developer"], true, &used("iam", &["ListUsers", "CreateUser"])).unwrap();
    assert_eq!((iam.verdict(), iam.as_administrator), (Verdict::AsAdministrator, 2));
}

#[test]
fn the_boundary_is_named_where_it_stops() {
    let estate = estate(&["AdministratorAccess"], "");
    let found =
        outlook(&estate, &["developer"], false, &used("sts", &["AssumeRole", "GetCallerIdentity"])).unwrap();
    // Who one is may be asked by everyone, and is not counted.
    assert_eq!((found.could, found.lost.len()), (1, 1));
    let stop = &found.lost[0].stops[0];
    assert_eq!((stop.policy.as_deref(), stop.statement.as_deref()), (Some("postern-cap"), Some("Work")));
    assert!(stop.is_boundary && !stop.denies);
}

#[test]
fn only_what_could_be_done_before_counts() {
    let only = r#""Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*""#;
    let estate = estate(&[], only);
    let found = outlook(&estate, &["readonly"], false, &used("s3", &[])).unwrap();
    assert_eq!((found.could, found.can, found.verdict()), (2, 1, Verdict::Partly));
    assert!(found.lost.is_empty(), "which of them was used is not known");
    let tried = outlook(&estate, &["readonly"], false, &used("s3", &["CreateBucket"]));
    assert_eq!(tried, None, "an attempt that was refused is no loss");
    assert_eq!(outlook(&estate, &["readonly"], false, &used("ec2", &[])), None);
}

#[test]
fn a_role_for_one_bucket_leaves_it_perhaps() {
    let mut estate = estate(&["AdministratorAccess"], "");
    let prod = estate.accounts.get_mut(&"222222222222".parse().unwrap()).unwrap();
    let narrow = prod.roles.get_mut(&"readonly".parse().unwrap()).unwrap();
    narrow.attached.clear();
    let one = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
        "Resource": "arn:aws:s3:::reports/*"}]}"#;
    narrow.inline.insert("one".parse().unwrap(), postern_estate::PolicyDocument::new(one));
    let found = outlook(&estate, &["readonly"], false, &used("s3", &["GetObject"])).unwrap();
    assert_eq!((found.can, found.perhaps, found.verdict()), (0, 1, Verdict::Partly));
    assert!(found.lost.is_empty());
}

#[test]
fn a_role_that_is_kept_from_one_bucket_leaves_the_rest_perhaps() {
    let mut estate = estate(&["AdministratorAccess"], "");
    let prod = estate.accounts.get_mut(&"222222222222".parse().unwrap()).unwrap();
    let role = prod.roles.get_mut(&"readonly".parse().unwrap()).unwrap();
    role.attached.clear();
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::secret/*"}]}"#;
    role.inline.insert("most".parse().unwrap(), postern_estate::PolicyDocument::new(policy));
    let found = outlook(&estate, &["readonly"], false, &used("s3", &["GetObject"])).unwrap();
    assert_eq!((found.can, found.perhaps), (0, 1));
    let found = outlook(&estate, &["readonly"], false, &used("logs", &["DescribeLogGroups"])).unwrap();
    assert_eq!((found.can, found.perhaps), (1, 0), "what is said of buckets is nothing to logs");
}

#[test]
fn services_that_are_not_in_the_catalogue_are_asked_whole() {
    let estate = estate(&["AdministratorAccess"], "");
    let found = outlook(&estate, &["developer"], false, &used("quantumleap", &[])).unwrap();
    assert_eq!((found.could, found.can), (1, 1));
    let found = outlook(&estate, &["readonly"], false, &used("quantumleap", &[])).unwrap();
    assert_eq!(found.verdict(), Verdict::No);
}

#[test]
fn without_roles_nothing_is_left() {
    let estate = estate(&["AdministratorAccess"], "");
    let found = outlook(&estate, &[], false, &used("s3", &["GetObject"])).unwrap();
    assert_eq!((found.verdict(), found.lost[0].stops.len()), (Verdict::No, 0));
}

#[test]
fn writers_are_told_by_their_key_alone() {
    let estate = estate(&["AdministratorAccess"], "");
    let world = World::new(&estate, Partition::Aws, &managed);
    let key = Caller::user(&world, &USER.parse().unwrap(), Held::LongTermKey).unwrap();
    assert!(key.iam_writes().contains("iam:AttachUserPolicy"));
    let developer = Caller::role_session(&world, &role("developer"), &SessionFacts::default()).unwrap();
    assert_eq!(developer.iam_writes(), std::collections::BTreeSet::new());
    assert_eq!(Doer::new(developer, region()).may("ec2:RunInstances"), May::Yes);
}
