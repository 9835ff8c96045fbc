//! Who reaches what in the worked example, and in estates with the holes that are found in the wild.

use postern_estate::{
    Account, Design, Desired, Estate, Group, MemberAccount, Organization, OrganizationTarget,
    OrganizationalUnit, PolicyDocument, Quotas, Role, ServiceControlPolicy, Tags, User,
};
use postern_prove::{Answer, Caller, Guardrail, Held, Reach, SessionFacts, World};
use postern_types::{AccountId, IamPath, Partition, PolicyArn, RoleArn, Timestamp, UserArn};

pub(crate) const EXAMPLE: &str = r#"version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
[accounts.dev]
id = "333333333333"
[accounts.prod]
id = "222222222222"
[administrators]
people = ["carol"]
[roles.developer]
accounts = ["dev", "prod"]
policies = ["PowerUserAccess"]
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

pub(crate) fn managed(arn: &PolicyArn) -> Option<String> {
    let statement = match arn.name().as_str() {
        "AdministratorAccess" => r#""Effect": "Allow", "Action": "*""#,
        "PowerUserAccess" => r#""Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"]"#,
        "ReadOnlyAccess" => r#""Effect": "Allow", "Action": ["s3:Get*", "logs:Get*"]"#,
        _ => return None,
    };
    Some(format!(r#"{{"Version": "2012-10-17", "Statement": {{{statement}, "Resource": "*"}}}}"#))
}

fn desired() -> Desired {
    let design = Design::parse(EXAMPLE).unwrap();
    design.desired(&|_| Err("none".to_owned()), &|_| Quotas::DEFAULT).unwrap()
}

/// The grants as short lines.
fn lines(reach: &Reach) -> Vec<String> {
    let line = |user: &UserArn, held: Held, role: &RoleArn| {
        format!("{} {} {}/{}", user.name(), held.as_str(), role.account(), role.name())
    };
    reach.grants().map(|grant| line(&grant.user, grant.held, &grant.role)).collect()
}

fn reach(estate: &Estate) -> Reach {
    let world = World::new(estate, Partition::Aws, &managed);
    let reach = Reach::of(&world);
    assert_eq!(world.missing(), []);
    reach
}

#[test]
fn the_worked_example_opens_what_it_declares_and_nothing_without_mfa() {
    let reach = reach(&desired().estate);
    assert_eq!(
        lines(&reach),
        [
            "alice M 222222222222/developer",
            "alice M 222222222222/readonly",
            "alice M 333333333333/developer",
            "alice M 333333333333/readonly",
            "bob M 222222222222/readonly",
            "carol M 111111111111/postern-admin",
            "carol M 222222222222/developer",
            "carol M 222222222222/postern-admin",
            "carol M 222222222222/readonly",
            "carol M 333333333333/developer",
            "carol M 333333333333/postern-admin",
            "carol M 333333333333/readonly",
        ]
    );
    assert_eq!(reach.unknown().count(), 0);
}

/// The bastion and one working account, with one user behind a group and one role.
fn small(group: &str, trust: &str) -> Estate {
    let mut bastion = Account::default();
    let document = |statements: &str| {
        PolicyDocument::new(format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#))
    };
    bastion.groups.insert(
        "g".parse().unwrap(),
        Group {
            path: IamPath::root(),
            inline: [("p".parse().unwrap(), document(group))].into(),
            attached: [].into(),
        },
    );
    bastion.users.insert(
        "eve".parse().unwrap(),
        User {
            path: IamPath::root(),
            id: None,
            tags: [("team".to_owned(), "blue".to_owned())].into(),
            groups: ["g".parse().unwrap()].into(),
            inline: [].into(),
            attached: [].into(),
            boundary: None,
            credentials: None,
        },
    );
    let mut prod = Account::default();
    prod.roles.insert("r".parse().unwrap(), role(&document(trust), &document(ALLOW_ALL)));
    let accounts = [(id("111111111111"), bastion), (id("222222222222"), prod)].into();
    Estate { accounts, ..Estate::default() }
}

fn role(trust: &PolicyDocument, rights: &PolicyDocument) -> Role {
    Role {
        path: IamPath::root(),
        id: None,
        tags: [].into(),
        trust: trust.clone(),
        max_session: None,
        description: None,
        inline: [("rights".parse().unwrap(), rights.clone())].into(),
        attached: [].into(),
        boundary: None,
        instance_profiles: [].into(),
    }
}

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

const ALLOW_ALL: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;

fn trust(condition: &str) -> String {
    format!(
        r#"{{"Effect": "Allow", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole", "Condition": {condition}}}"#
    )
}

/// With which credentials the small estate's user gets in.
fn ways(group: &str, trust: &str) -> String {
    let estate = small(group, trust);
    let reach = reach(&estate);
    assert_eq!(reach.unknown().count(), 0, "{trust}");
    let held: Vec<&str> = reach.grants().map(|grant| grant.held.as_str()).collect();
    held.join(" ")
}

#[test]
fn each_form_of_the_mfa_condition_opens_to_the_credentials_that_the_facts_name() {
    for (condition, expected) in [
        ("{}", "N1 N2 M"),
        (r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#, "M"),
        (r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}"#, "N1 M"),
        (r#"{"Null": {"aws:MultiFactorAuthPresent": "false"}}"#, "N2 M"),
        (r#"{"Bool": {"aws:MultiFactorAuthPresent": ["true", "false"]}}"#, "N2 M"),
        (r#"{"Bool": {"aws:MultiFactorAuthPresent": "false"}}"#, "N2"),
        (r#"{"ForAllValues:Bool": {"aws:MultiFactorAuthPresent": "true"}}"#, "N1 M"),
        (r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}"#, "M"),
        (r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": "0"}}"#, ""),
        (r#"{"Null": {"aws:MultiFactorAuthAge": "false"}}"#, "M"),
    ] {
        assert_eq!(ways(ALLOW_ALL, &trust(condition)), expected, "{condition}");
    }
    // The group's condition counts jointly with the trust's, in the same request.
    let group = r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}"#;
    assert_eq!(ways(group, &trust(r#"{"Null": {"aws:MultiFactorAuthPresent": "false"}}"#)), "M");
}

#[test]
fn what_the_caller_chooses_is_chosen() {
    for (condition, expected) in [
        (r#"{"StringEquals": {"sts:ExternalId": "x-1"}}"#, "N1 N2 M"),
        (r#"{"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#, "N1 N2 M"),
        (r#"{"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}"#, "N1 N2 M"),
        (r#"{"StringEquals": {"aws:PrincipalTag/team": "blue"}}"#, "N1 N2 M"),
        (r#"{"StringEquals": {"aws:PrincipalTag/team": "red"}}"#, ""),
        (r#"{"StringEquals": {"aws:PrincipalTag/other": "red"}}"#, ""),
        (r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/eve"}}"#, "N1 N2 M"),
        (r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/bob"}}"#, ""),
        (r#"{"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}"#, "N1 N2 M"),
        // The trust does not grant sts:SetSourceIdentity, which a source identity needs.
        (r#"{"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}"#, ""),
        (r#"{"StringEquals": {"aws:RequestTag/a": "b"}}"#, ""),
    ] {
        assert_eq!(ways(ALLOW_ALL, &trust(condition)), expected, "{condition}");
    }
    let with = |action: &str, condition: &str| {
        let both = format!(r#"["sts:AssumeRole", "{action}"]"#);
        trust(condition).replace(r#""sts:AssumeRole""#, &both)
    };
    let identity =
        with("sts:SetSourceIdentity", r#"{"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}"#);
    assert_eq!(ways(ALLOW_ALL, &identity), "N1 N2 M");
    let tags = with("sts:TagSession", r#"{"StringEquals": {"aws:RequestTag/a": "b"}}"#);
    assert_eq!(ways(ALLOW_ALL, &tags), "N1 N2 M");
}

#[test]
fn sessions_go_from_role_to_role() {
    let mfa = r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#;
    let mut estate = small(ALLOW_ALL, &trust(mfa));
    let document =
        |text: &str| PolicyDocument::new(format!(r#"{{"Version": "2012-10-17", "Statement": [{text}]}}"#));
    let behind = |condition: &str| {
        let trust = trust(condition).replace("111111111111", "222222222222");
        role(&document(&trust), &document(ALLOW_ALL))
    };
    let prod = estate.accounts.get_mut(&id("222222222222")).unwrap();
    prod.roles.insert(
        "behind-if-exists".parse().unwrap(),
        behind(r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}"#),
    );
    prod.roles.insert("behind-mfa".parse().unwrap(), behind(mfa));
    let reach = reach(&estate);
    assert_eq!(lines(&reach), ["eve M 222222222222/behind-if-exists", "eve M 222222222222/r"]);
    let chained = reach.grants().next().unwrap();
    let names: Vec<String> = reach.path(chained).iter().map(|role| role.name().to_string()).collect();
    assert_eq!(names, ["r", "behind-if-exists"]);
}

#[test]
fn what_is_not_known_is_never_taken_for_a_denial() {
    let mut estate = small(r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#, &trust("{}"));
    let bastion = estate.accounts.get_mut(&id("111111111111")).unwrap();
    let user = bastion.users.get_mut(&"eve".parse().unwrap()).unwrap();
    user.attached.insert("arn:aws:iam::aws:policy/NoSuchPolicy".parse().unwrap());
    let world = World::new(&estate, Partition::Aws, &managed);
    let reach = Reach::of(&world);
    assert_eq!(lines(&reach), Vec::<String>::new());
    assert_eq!(reach.unknown().count(), 3, "one for each kind of credential");
    assert_eq!(world.missing().len(), 1);

    // A deny of everything decides, whatever the policy that is not known says.
    let bastion = estate.accounts.get_mut(&id("111111111111")).unwrap();
    let user = bastion.users.get_mut(&"eve".parse().unwrap()).unwrap();
    let deny =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;
    user.inline.insert("deny".parse().unwrap(), PolicyDocument::new(deny));
    let world = World::new(&estate, Partition::Aws, &managed);
    assert_eq!(Reach::of(&world), Reach::default());
    let eve: UserArn = "arn:aws:iam::111111111111:user/eve".parse().unwrap();
    for held in Held::ALL {
        let caller = Caller::user(&world, &eve, held).unwrap();
        assert_eq!(caller.first_power(), (Answer::Never, None));
    }
}

#[test]
fn where_classes_do_not_tell_nothing_is_said_never_to_be() {
    for condition in [
        r#"{"StringLike": {"aws:SourceIp": "192.168.*"}}"#,
        r#"{"StringLike": {"aws:MultiFactorAuthAge": "77?"}}"#,
        r#"{"StringEquals": {"sts:RoleSessionName": "x-${sts:ExternalId}"}}"#,
    ] {
        let estate = small(ALLOW_ALL, &trust(condition));
        let reach = reach(&estate);
        let with_mfa = |held: Held| held == Held::SessionWithMfa;
        let told = reach.grants().map(|grant| grant.held).chain(reach.unknown().map(|(grant, _)| grant.held));
        assert!(told.into_iter().any(with_mfa), "{condition}");
    }
}

#[test]
fn powers_are_found_and_confirmed() {
    let estate = desired().estate;
    let world = World::new(&estate, Partition::Aws, &managed);
    let alice: UserArn = "arn:aws:iam::111111111111:user/postern/alice".parse().unwrap();
    let power = |held| {
        let (answer, power) = Caller::user(&world, &alice, held).unwrap().first_power();
        (answer.is_never(), power.map(|power| power.action))
    };
    assert_eq!(power(Held::LongTermKey), (true, None));
    assert_eq!(power(Held::SessionWithoutMfa), (true, None));
    assert_eq!(power(Held::SessionWithMfa), (false, Some("sts:AssumeRole".to_owned())));
}

#[test]
fn revoked_sessions_can_do_nothing_and_later_ones_can() {
    let mut estate = small(ALLOW_ALL, &trust("{}"));
    let revoke = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-22T12:00:00Z"}}}}"#;
    let prod = estate.accounts.get_mut(&id("222222222222")).unwrap();
    let role = prod.roles.get_mut(&"r".parse().unwrap()).unwrap();
    role.inline.insert("AWSRevokeOlderSessions".parse().unwrap(), PolicyDocument::new(revoke));
    let world = World::new(&estate, Partition::Aws, &managed);
    let arn: RoleArn = "arn:aws:iam::222222222222:role/r".parse().unwrap();
    let session = |issued: &str| {
        let issued: Timestamp = issued.parse().unwrap();
        let facts = SessionFacts { issued: Some(issued), ..SessionFacts::default() };
        Caller::role_session(&world, &arn, &facts).unwrap().first_power().0
    };
    assert!(session("2026-11-22T11:59:59Z").is_never());
    assert!(matches!(session("2026-11-22T12:00:01Z"), Answer::Allowed(_)));
}

#[test]
fn guardrails_of_the_callers_account_count() {
    let estate = small(ALLOW_ALL, &trust("{}"));
    let document =
        |text: &str| PolicyDocument::new(format!(r#"{{"Version": "2012-10-17", "Statement": [{text}]}}"#));
    let deny = r#"{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/eve"}}}"#;
    let path = [Guardrail {
        target: "r-1".to_owned(),
        policies: vec![
            ("FullAWSAccess".to_owned(), document(ALLOW_ALL)),
            ("contain".to_owned(), document(deny)),
        ],
    }];
    let world = World::new(&estate, Partition::Aws, &managed).guarded(id("111111111111"), &path);
    assert_eq!(Reach::of(&world), Reach::default());
    let world = World::new(&estate, Partition::Aws, &managed).guarded(id("222222222222"), &path);
    assert_eq!(
        Reach::of(&world).grants().count(),
        3,
        "the target's guardrails do not bind the bastion's users"
    );
}

#[test]
fn an_organization_that_was_read_counts_as_far_as_it_was_read() {
    let mut estate = small(ALLOW_ALL, &trust("{}"));
    let (bastion, target) = (id("111111111111"), |text: &str| text.parse::<OrganizationTarget>().unwrap());
    let deny = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/eve"}}}}"#;
    let policy = |on: &str| ServiceControlPolicy {
        id: None,
        tags: Tags::new(),
        document: PolicyDocument::new(deny),
        targets: [target(on)].into(),
    };
    let member = MemberAccount { name: "bastion".to_owned(), parent: Some(target("ou-abcd-12345678")) };
    let unit = OrganizationalUnit { name: "Work".to_owned(), parent: target("r-abcd") };
    let organization = |on: &str, management: &str| Organization {
        id: "o-abcdefghij".to_owned(),
        management: id(management),
        all_features: true,
        root: target("r-abcd"),
        scps_enabled: true,
        accounts: [(bastion, member.clone())].into(),
        units: [(target("ou-abcd-12345678"), unit.clone())].into(),
        policies: [("deny".to_owned(), policy(on))].into(),
    };
    let mut grants = |organization: Organization| {
        estate.organization = Some(organization);
        Reach::of(&World::new(&estate, Partition::Aws, &managed).in_its_organization()).grants().count()
    };
    for on in ["111111111111", "ou-abcd-12345678", "r-abcd"] {
        assert_eq!(grants(organization(on, "999999999999")), 0, "on {on}");
    }
    for on in ["222222222222", "ou-abcd-87654321"] {
        assert_eq!(grants(organization(on, "999999999999")), 3, "on {on}");
    }
    assert_eq!(grants(organization("r-abcd", "111111111111")), 3, "the management account is bound by none");
    let off = Organization { scps_enabled: false, ..organization("r-abcd", "999999999999") };
    assert_eq!(grants(off), 3);
}
