//! An organization read, and a principal denied by it, on the sandbox.

use postern_aws::{
    Connection, Credentials, Denial, OrganizationDenyError, OrganizationScope,
    raw::{RawAnswer, RawCall},
};
use postern_estate::{DeniedPrincipal, OrganizationDeny};
use postern_testkit::serve::When;
use postern_types::{SecretAccessKey, SessionToken};

use crate::bastion::{BASTION, DEV, Lab, PROD, SETTLE, account};

pub(crate) const MANAGEMENT: &str = "999999999999";

/// The lab's accounts in an organization, and a connection to its management account.
pub(crate) fn organized() -> (Lab, Connection) {
    let lab = Lab::of(&[BASTION, PROD, DEV, MANAGEMENT]);
    lab.sandbox.create_organization(account(MANAGEMENT), &[BASTION, DEV, PROD].map(account)).unwrap();
    let management = lab.connections[&account(MANAGEMENT)].clone();
    (lab, management)
}

/// A user of the bastion who may do everything.
fn user(lab: &Lab, name: &str) -> Connection {
    let iam = |action, parameters: &[(&str, &str)]| {
        let answer = lab.bastion().raw(&RawCall::iam(action, parameters)).unwrap();
        assert!(answer.is_success(), "{}", answer.body);
        answer
    };
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    iam("CreateUser", &[("UserName", name)]);
    iam("PutUserPolicy", &[("UserName", name), ("PolicyName", "own"), ("PolicyDocument", everything)]);
    let key = iam("CreateAccessKey", &[("UserName", name)]);
    lab.as_someone(credentials(&key), BASTION)
}

pub(crate) fn credentials(answer: &RawAnswer) -> Credentials {
    let text = |name| answer.element(name).unwrap();
    Credentials {
        id: text("AccessKeyId").parse().unwrap(),
        secret: SecretAccessKey::new(text("SecretAccessKey")).unwrap(),
        token: answer.element("SessionToken").map(|token| SessionToken::new(token).unwrap()),
    }
}

/// Whether a credential that is allowed everything may do anything.
fn may(connection: &Connection) -> bool {
    connection.raw(&RawCall::ec2("DescribeRegions", &[])).unwrap().is_success()
}

fn principal(connection: &Connection) -> DeniedPrincipal {
    let identity = connection.caller_identity().unwrap();
    DeniedPrincipal { arn: identity.arn, id: identity.user_id.parse().ok() }
}

fn organizations(connection: &Connection, operation: &str, body: &str) -> serde_json::Value {
    let call = RawCall::json("organizations", &format!("AWSOrganizationsV20161128.{operation}"), body);
    let answer = connection.raw(&call).unwrap();
    assert!(answer.is_success(), "{operation}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_default()
}

#[test]
fn an_organization_is_read_with_its_tree_and_its_policies() {
    let (lab, management) = organized();
    let root = organizations(&management, "ListRoots", "{}")["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let unit = format!(r#"{{"ParentId":"{root}","Name":"Work"}}"#);
    let unit = organizations(&management, "CreateOrganizationalUnit", &unit)["OrganizationalUnit"]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let moved =
        format!(r#"{{"AccountId":"{DEV}","SourceParentId":"{root}","DestinationParentId":"{unit}"}}"#);
    organizations(&management, "MoveAccount", &moved);
    // More policies than a page holds.
    for n in 0..25 {
        let content = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"#;
        let policy = format!(
            r#"{{"Name":"postern-{n:02}","Description":"","Type":"SERVICE_CONTROL_POLICY","Content":"{content}","Tags":[{{"Key":"a","Value":"b"}}]}}"#
        );
        organizations(&management, "CreatePolicy", &policy);
    }
    let whole = management.organization(OrganizationScope::WHOLE).unwrap().unwrap();
    assert_eq!(whole.management, account(MANAGEMENT));
    assert!(whole.all_features && whole.scps_enabled);
    assert_eq!(whole.accounts.len(), 4);
    assert_eq!(whole.policies.len(), 25, "AWS's own is left out");
    assert_eq!(whole.policies["postern-07"].tags["a"], "b");
    let parent = |id: &str| whole.accounts[&account(id)].parent.as_ref().unwrap().as_str().to_owned();
    assert_eq!((parent(DEV), parent(PROD)), (unit.clone(), root));
    assert_eq!(whole.named("Work")[0].as_str(), unit);
    let narrow = OrganizationScope { tree: false, policies: "postern-07" };
    let narrow = management.organization(narrow).unwrap().unwrap();
    assert_eq!((narrow.policies.len(), narrow.units.len()), (1, 0));
    let member = lab.bastion().organization(OrganizationScope::WHOLE).unwrap_err();
    assert!(member.is("AccessDeniedException"), "{member}");
}

#[test]
fn an_account_without_an_organization_is_in_none() {
    let lab = Lab::start();
    assert_eq!(lab.bastion().organization(OrganizationScope::WHOLE).unwrap(), None);
}

#[test]
fn a_principal_is_denied_at_once_with_all_its_sessions_and_let_go_again() {
    let (lab, management) = organized();
    let (bastion, prod) = (account(BASTION), account(PROD));
    let root = lab.bastion();
    let [alice, bob] = ["alice", "bob"].map(|name| user(&lab, name));
    let session = alice.raw(&RawCall::sts("GetSessionToken", &[])).unwrap();
    let session = lab.as_someone(credentials(&session), BASTION);
    let (victim, other) = (principal(&alice), principal(&bob));
    assert!(may(&alice) && may(&session));
    let deny = |who| management.deny_in_organization(bastion, who, SETTLE);
    assert_eq!(deny(&victim), Ok(Denial::Changed));
    assert!(management.is_denied_in_organization(bastion, &victim, SETTLE).unwrap());
    assert!(!may(&alice) && !may(&session) && may(&bob) && may(root));
    assert_eq!(deny(&victim), Ok(Denial::AlreadySo));
    // A new name does not help: the id is denied too.
    let renamed = [("UserName", "alice"), ("NewUserName", "mallory")];
    assert!(root.raw(&RawCall::iam("UpdateUser", &renamed)).unwrap().is_success());
    assert!(!may(&alice));
    assert_eq!(deny(&other), Ok(Denial::Changed));
    assert!(!may(&bob));
    let lift = |who| management.lift_in_organization(bastion, who, SETTLE);
    assert_eq!(lift(&victim), Ok(Denial::Changed));
    assert!(may(&alice) && !may(&bob));
    assert_eq!(lift(&other), Ok(Denial::Changed));
    assert!(may(&bob));
    assert_eq!(lift(&other), Ok(Denial::AlreadySo));
    let left = management.organization(OrganizationScope::WHOLE).unwrap().unwrap();
    assert!(left.policies.is_empty(), "the policy went with its last principal");
    // Where it cannot be.
    let refused = |result: Result<Denial, OrganizationDenyError>| result.unwrap_err();
    let own = account(MANAGEMENT);
    let unbound = refused(management.deny_in_organization(own, &victim, SETTLE));
    assert_eq!(unbound, OrganizationDenyError::Unbound(own));
    let member = refused(root.deny_in_organization(prod, &victim, SETTLE));
    assert_eq!(member, OrganizationDenyError::NotManagement { management: own });
    let nowhere = refused(management.deny_in_organization(account("123456789012"), &victim, SETTLE));
    assert_eq!(nowhere, OrganizationDenyError::NotMember(account("123456789012")));
    let left = management.organization(OrganizationScope::WHOLE).unwrap().unwrap();
    assert!(left.policies.is_empty(), "a policy that binds nobody was made");
}

#[test]
fn a_policy_that_someone_changed_is_left_alone() {
    let (_lab, management) = organized();
    let content = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"#;
    let name = OrganizationDeny::POLICY;
    let policy = format!(
        r#"{{"Name":"{name}","Description":"","Type":"SERVICE_CONTROL_POLICY","Content":"{content}"}}"#
    );
    organizations(&management, "CreatePolicy", &policy);
    let arn = format!("arn:aws:iam::{BASTION}:user/alice").parse().unwrap();
    let principal = DeniedPrincipal { arn, id: None };
    let refused = management.deny_in_organization(account(BASTION), &principal, SETTLE).unwrap_err();
    assert_eq!(refused, OrganizationDenyError::Foreign);
}

#[test]
fn a_call_that_is_lost_is_looked_after() {
    let (lab, management) = organized();
    let victim = principal(&user(&lab, "alice"));
    let bastion = account(BASTION);
    let deny = || management.deny_in_organization(bastion, &victim, SETTLE);
    let lift = || management.lift_in_organization(bastion, &victim, SETTLE);
    let calls = lab.calls_of(|| {
        deny().unwrap();
    });
    assert!(calls <= 15, "{calls} calls");
    lift().unwrap();
    for cut in 1..=calls {
        for when in [When::Before, When::After] {
            lab.cut(cut, when, false);
            deny().unwrap();
            assert!(
                management.is_denied_in_organization(bastion, &victim, SETTLE).unwrap(),
                "cut at call {cut}"
            );
            lab.cut(cut, when, false);
            lift().unwrap();
            assert!(
                !management.is_denied_in_organization(bastion, &victim, SETTLE).unwrap(),
                "cut at call {cut}"
            );
        }
    }
}
