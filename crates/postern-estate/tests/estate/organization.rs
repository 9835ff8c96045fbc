//! `[organization]`: its file, its documents as the evaluator takes them, its steps.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    AccessKey, Action, ConflictKind, Credentials, Design, Desired, Estate, MANAGED_TAG, MemberAccount,
    NoticeKind, Organization, OrganizationAction, OrganizationProblem, OrganizationTarget,
    OrganizationalUnit, Plan, PolicyDocument, Reach, ServiceControlPolicy, Tags, apply_step, diff, teardown,
};
use postern_policy::{
    Context, Decision, Document, Layer, Level, PolicyRef, PolicyStack, Principal, Request, evaluate,
};
use postern_types::AccountId;

use crate::common::{EXAMPLE, desired};

const MANAGEMENT: &str = "999999999999";
const ALL: &str = r#"
[organization]
management = "999999999999"
profile = "acme-management"
no_users_outside_bastion = true
no_root = true
no_leaving = true
protect_postern = true
regions = ["eu-central-1", "eu-west-1"]
"#;

fn file(section: &str) -> String {
    format!("{EXAMPLE}{section}")
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

/// Whether an administrator of its account may do this under the guards of the example.
fn decide(who: &str, action: &str, resource: &str, region: &str) -> Decision {
    let desired = desired(&file(ALL));
    let organization = desired.organization.unwrap();
    let everything = Document::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
    )
    .unwrap();
    let admin = [PolicyRef { name: "admin", arn: None, document: &everything }];
    let guards: Vec<Document> =
        organization.policies.values().map(|policy| Document::parse(policy.text()).unwrap()).collect();
    let guards: Vec<PolicyRef<'_>> =
        guards.iter().map(|document| PolicyRef { name: "guard", arn: None, document }).collect();
    let scps = [
        Level { id: "r-ab12", policies: &admin },
        Level { id: "account", policies: &[&admin[..], &guards[..]].concat() },
    ];
    let principal = Principal::from_arn(who).unwrap();
    let arn = match who.split_once(":assumed-role/") {
        None => who.to_owned(),
        Some((start, role)) => {
            let name = role.split('/').next().unwrap();
            let path = if name.starts_with("postern-") || name == "developer" { "/postern/" } else { "/" };
            format!("{}:role{path}{name}", start.replace(":sts:", ":iam:"))
        }
    };
    let context = Context::new()
        .with("aws:PrincipalArn", arn.as_str())
        .with("aws:PrincipalAccount", who.split(':').nth(4).unwrap())
        .with("aws:RequestedRegion", region);
    let request =
        Request { principal: &principal, action, resource, resource_account: None, context: &context };
    let stack = PolicyStack { identity: &admin, scps: &scps, ..PolicyStack::default() };
    let evaluation = evaluate(&request, &stack);
    if evaluation.decision == Decision::ExplicitlyDenied {
        let reason = evaluation.reason(&request, &stack).unwrap();
        assert_eq!(reason.layer, Layer::Scp);
    }
    evaluation.decision
}

const PROD_ADMIN: &str = "arn:aws:sts::222222222222:assumed-role/Admin/x";
const POSTERN_ADMIN: &str = "arn:aws:sts::222222222222:assumed-role/postern-admin/carol";
const BREAK_GLASS: &str = "arn:aws:sts::222222222222:assumed-role/postern-break-glass/vault-one";
const DECLARED: &str = "arn:aws:sts::222222222222:assumed-role/OrganizationAccountAccessRole/x";
const BASTION_ADMIN: &str = "arn:aws:sts::111111111111:assumed-role/Admin/x";
const BASTION_POSTERN: &str = "arn:aws:sts::111111111111:assumed-role/postern-admin/carol";
const ALICE: &str = "arn:aws:iam::111111111111:user/postern/alice";
const PROD_ROOT: &str = "arn:aws:iam::222222222222:root";

#[test]
fn guards_stop_whom_they_should_and_nobody_else() {
    const EU: &str = "eu-central-1";
    let role = "arn:aws:iam::222222222222:role/postern/developer";
    let cap = "arn:aws:iam::222222222222:policy/postern/postern-cap";
    let own_role = "arn:aws:iam::222222222222:role/own";
    let group = "arn:aws:iam::111111111111:group/postern/developers";
    let carol = "arn:aws:iam::111111111111:user/postern/carol";
    let machine = "arn:aws:iam::222222222222:user/machine";
    let bastion_machine = "arn:aws:iam::111111111111:user/machine";
    use Decision::{Allowed, ExplicitlyDenied as Denied};
    let cases = [
        (BREAK_GLASS, "iam:AttachRolePolicy", role, Allowed),
        (BREAK_GLASS, "iam:DeleteRole", role, Allowed),
        // postern's roles: changed by its own ways in and by whom the file declares, read by everyone.
        (PROD_ADMIN, "iam:AttachRolePolicy", role, Denied),
        (PROD_ADMIN, "iam:UpdateAssumeRolePolicy", role, Denied),
        (PROD_ADMIN, "iam:DeleteRolePermissionsBoundary", role, Denied),
        (PROD_ADMIN, "iam:DeleteRole", role, Denied),
        (PROD_ADMIN, "iam:CreateRole", "arn:aws:iam::222222222222:role/postern/postern-admin", Denied),
        (PROD_ADMIN, "iam:CreatePolicyVersion", cap, Denied),
        (PROD_ADMIN, "iam:SetDefaultPolicyVersion", cap, Denied),
        (PROD_ADMIN, "iam:GetRole", role, Allowed),
        (PROD_ADMIN, "iam:CreateRole", own_role, Allowed),
        (PROD_ADMIN, "sts:AssumeRole", role, Allowed),
        (POSTERN_ADMIN, "iam:AttachRolePolicy", role, Allowed),
        (POSTERN_ADMIN, "iam:CreateRole", role, Allowed),
        (POSTERN_ADMIN, "iam:CreatePolicyVersion", cap, Allowed),
        (DECLARED, "iam:DeleteRole", role, Allowed),
        // People in the bastion.
        (BASTION_ADMIN, "iam:AddUserToGroup", group, Denied),
        (BASTION_ADMIN, "iam:PutGroupPolicy", group, Denied),
        (BASTION_ADMIN, "iam:CreateAccessKey", carol, Denied),
        (BASTION_ADMIN, "iam:DeactivateMFADevice", carol, Denied),
        (BASTION_ADMIN, "iam:UpdateLoginProfile", carol, Denied),
        (BASTION_ADMIN, "iam:PutUserPolicy", carol, Denied),
        (BASTION_ADMIN, "iam:CreateAccessKey", bastion_machine, Allowed),
        (BASTION_POSTERN, "iam:CreateAccessKey", carol, Allowed),
        (BASTION_POSTERN, "iam:CreateUser", carol, Allowed),
        (ALICE, "iam:CreateAccessKey", ALICE, Allowed),
        (ALICE, "iam:EnableMFADevice", ALICE, Allowed),
        (ALICE, "sts:AssumeRole", role, Allowed),
        (ALICE, "iam:AddUserToGroup", group, Denied),
        // No users elsewhere, whoever asks.
        (PROD_ADMIN, "iam:CreateUser", machine, Denied),
        (PROD_ADMIN, "iam:CreateLoginProfile", machine, Denied),
        (POSTERN_ADMIN, "iam:CreateAccessKey", machine, Denied),
        (PROD_ADMIN, "iam:DeleteUser", machine, Allowed),
        // Root, and leaving.
        (PROD_ROOT, "s3:ListAllMyBuckets", "*", Denied),
        (PROD_ADMIN, "s3:ListAllMyBuckets", "*", Allowed),
        (POSTERN_ADMIN, "organizations:LeaveOrganization", "*", Denied),
        (PROD_ADMIN, "ec2:RunInstances", "*", Allowed),
    ];
    for (who, action, resource, expected) in cases {
        let decision = decide(who, action, resource, EU);
        if action == "sts:AssumeRole" {
            // The trust policy is another matter; the guards have nothing against it.
            assert_ne!(decision, Denied, "{who} {action}");
            continue;
        }
        assert_eq!(decision, expected, "{who} {action} {resource}");
    }
    for (who, action, expected) in [
        (PROD_ADMIN, "ec2:RunInstances", Denied),
        (PROD_ADMIN, "iam:CreateRole", Allowed),
        (PROD_ADMIN, "cloudfront:CreateDistribution", Allowed),
        (POSTERN_ADMIN, "ec2:RunInstances", Allowed),
    ] {
        assert_eq!(decide(who, action, "*", "us-east-1"), expected, "{who} {action} elsewhere");
    }
}

#[test]
fn all_guards_stand_in_as_few_policies_as_hold_them() {
    let wanted = desired(&file(ALL)).organization.unwrap();
    let names: Vec<&str> = wanted.policies.keys().map(String::as_str).collect();
    assert_eq!(names, ["postern-acme-guards"]);
    for policy in wanted.policies.values() {
        assert!(policy.compact().len() <= 5_120, "{}", policy.compact().len());
        assert!(policy.only_denies());
        assert!(PolicyDocument::new(policy.compact()).means_the_same(policy));
    }
    // Who declares many has two.
    let also: Vec<String> = (0..15)
        .map(|n| format!(r#"{{ arn = "arn:aws:iam::222222222222:role/declared-administrator-number-{n}", reason = "r" }}"#))
        .collect();
    let many = file(ALL).replace("also = [", &format!("also = [{}, ", also.join(", ")));
    let wanted = desired(&many).organization.unwrap();
    let names: Vec<&str> = wanted.policies.keys().map(String::as_str).collect();
    assert_eq!(names, ["postern-acme-guards", "postern-acme-guards-2"]);
    assert!(wanted.policies.values().all(|policy| policy.compact().len() <= 5_120));
    let too_many = many.replace("number-", &"x".repeat(400));
    let errors = crate::common::desired_errors(&too_many);
    assert!(errors[0].message.contains("a guard would have"), "{errors:#?}");
    let none = desired(&file("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\n"));
    assert!(none.organization.unwrap().policies.is_empty());
    assert_eq!(desired(EXAMPLE).organization, None);
}

#[test]
fn what_is_wrong_in_the_section_is_said() {
    let cases = [
        ("[organization]\nprofile = \"m\"", "missing key `management`"),
        ("[organization]\nmanagement = \"999999999999\"", "does not say how to enter the management account"),
        (
            "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nvia = \"R\"",
            "both `profile` and `via` in `[organization]`",
        ),
        (
            "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nno_rot = true",
            "unknown key `no_rot` in `[organization]`",
        ),
        (
            "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nno_root = \"yes\"",
            "`no_root` must be true or false",
        ),
        (
            "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nregions = [\"us-east-1\"]",
            "`regions` leaves out `eu-central-1`",
        ),
        ("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nregions = []", "no region in"),
        ("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nattach_to = []", "nothing in"),
        (
            "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nattach_to = [\"A\", \"A\"]",
            "the target `A` stands here twice",
        ),
    ];
    for (section, expected) in cases {
        let errors = Design::parse(&file(section)).unwrap_err();
        assert!(errors[0].message.contains(expected), "{section}: {errors:#?}");
    }
    let near =
        Design::parse(&file("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nno_rot = true"));
    assert_eq!(near.unwrap_err()[0].help.as_deref(), Some("did you mean `no_root`?"));
    let nobody = file(ALL).replace("people = [\"carol\"]", "people = []");
    let errors = Design::parse(&nobody).unwrap_err();
    assert!(errors[0].message.contains("nobody could change the estate"), "{errors:#?}");
    let member = "[organization]\nmanagement = \"222222222222\"\nno_leaving = true";
    assert!(Design::parse(&file(member)).is_ok(), "an account of the estate is entered as such");
}

/// The organization before anything was done to it, with prod in a unit.
fn organization() -> Organization {
    let root: OrganizationTarget = "r-ab12".parse().unwrap();
    let unit: OrganizationTarget = "ou-ab12-cdefgh34".parse().unwrap();
    let member = |id: &str, parent: &OrganizationTarget| {
        (account(id), MemberAccount { name: format!("account {id}"), parent: Some(parent.clone()) })
    };
    Organization {
        id: "o-abcdefghij".to_owned(),
        management: account(MANAGEMENT),
        all_features: true,
        root: root.clone(),
        scps_enabled: false,
        accounts: BTreeMap::from([
            member(MANAGEMENT, &root),
            member("111111111111", &root),
            member("222222222222", &unit),
            member("333333333333", &root),
        ]),
        units: BTreeMap::from([(unit, OrganizationalUnit { name: "Work".to_owned(), parent: root })]),
        policies: BTreeMap::new(),
    }
}

/// The estate as it should be, with carol enrolled or not, in an organization.
fn built(desired: &Desired, enrolled: bool, organization: Organization) -> Estate {
    let mut estate = desired.estate.clone();
    let bastion = estate.accounts.get_mut(&desired.bastion).unwrap();
    let carol = bastion.users.get_mut(&"carol".parse().unwrap()).unwrap();
    let key = ("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), AccessKey { active: true, created_at: None });
    let device = ("arn:aws:iam::111111111111:mfa/carol".parse().unwrap(), None);
    carol.credentials = Some(if enrolled {
        Credentials { access_keys: [key].into(), mfa_devices: [device].into(), ..Credentials::default() }
    } else {
        Credentials::default()
    });
    estate.organization = Some(organization);
    estate
}

fn calls(plan: &Plan) -> Vec<String> {
    let call = |action: &OrganizationAction| {
        let target = match action {
            OrganizationAction::AttachPolicy { target, .. }
            | OrganizationAction::DetachPolicy { target, .. } => {
                format!(" {target}")
            }
            _ => String::new(),
        };
        format!("{}{target}", action.operation().trim_start_matches("organizations:"))
    };
    let steps = plan.steps.iter();
    steps
        .filter_map(|step| match &step.action {
            Action::Organization(action) => Some(call(action)),
            _ => None,
        })
        .collect()
}

fn carried_out(mut estate: Estate, plan: &Plan) -> Estate {
    for step in &plan.steps {
        apply_step(&mut estate, step).unwrap();
    }
    estate
}

#[test]
fn guards_come_last_and_only_when_the_way_in_is_open() {
    let desired = desired(&file(ALL));
    let waiting = diff(&built(&desired, false, organization()), &desired);
    assert_eq!(calls(&waiting), ["EnablePolicyType", "CreatePolicy"]);
    assert!(waiting.notices.iter().any(|notice| notice.kind == NoticeKind::GuardsWait));
    let estate = built(&desired, true, organization());
    let plan = diff(&estate, &desired);
    assert!(plan.notices.iter().all(|notice| notice.kind != NoticeKind::GuardsWait));
    let attached = ["AttachPolicy 111111111111", "AttachPolicy 222222222222", "AttachPolicy 333333333333"];
    assert_eq!(calls(&plan)[2..], attached, "every account of the estate, and not the one that manages it");
    let narrows = plan.steps.iter().filter(|step| step.risk == Reach::Narrows).count();
    assert_eq!((narrows, plan.steps.iter().all(|step| step.account == account(MANAGEMENT))), (3, true));
    let done = carried_out(estate, &plan);
    assert!(diff(&done, &desired).is_empty());
    // Guards that bind already and come to lock wait, too.
    let mild = crate::common::desired(&file(
        "[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nno_leaving = true\n",
    ));
    let bound = built(&mild, false, organization());
    let plan = diff(&bound, &mild);
    let bound = carried_out(bound, &plan);
    let waiting = diff(&bound, &desired);
    assert_eq!(calls(&waiting), Vec::<String>::new());
    assert!(waiting.notices.iter().any(|notice| notice.kind == NoticeKind::GuardsWait));
    // So do those that would shut out whoever carries the plan out.
    let mut held = desired.clone();
    held.organization.as_mut().unwrap().held_back = true;
    let plan = diff(&built(&desired, true, organization()), &held);
    assert_eq!(calls(&plan), ["EnablePolicyType", "CreatePolicy"]);
    assert!(plan.notices.iter().any(|notice| notice.kind == NoticeKind::GuardsShutOut));
    // From nothing: all accounts first.
    let mut empty = Estate::default();
    for id in desired.estate.accounts.keys() {
        empty.accounts.insert(*id, postern_estate::Account::default());
    }
    empty.organization = Some(organization());
    let plan = diff(&empty, &desired);
    let first = plan.steps.iter().position(|step| matches!(step.action, Action::Organization(_))).unwrap();
    assert!(plan.steps[first..].iter().all(|step| matches!(step.action, Action::Organization(_))));
}

#[test]
fn guards_that_lock_nobody_out_do_not_wait() {
    let desired =
        desired(&file("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\nno_leaving = true\n"));
    let plan = diff(&built(&desired, false, organization()), &desired);
    assert_eq!(calls(&plan).len(), 5, "{:?}", calls(&plan));
}

#[test]
fn units_are_found_by_name_and_what_is_not_there_is_said() {
    let to = |names: &str| desired(&file(&format!("{ALL}attach_to = {names}\n")));
    let wanted = to(r#"["Work", "root"]"#);
    let plan = diff(&built(&wanted, true, organization()), &wanted);
    assert_eq!(calls(&plan)[2..], ["AttachPolicy ou-ab12-cdefgh34", "AttachPolicy r-ab12"]);
    let wanted = to(r#"["ou-ab12-cdefgh34"]"#);
    let mut estate = carried_out(built(&wanted, true, organization()), &plan);
    // Narrower now: what is elsewhere goes, at last.
    let plan = diff(&estate, &wanted);
    assert_eq!(calls(&plan), ["DetachPolicy r-ab12"]);
    assert_eq!(plan.steps[0].risk, Reach::Widens);
    let problem = |estate: &Estate, wanted: &Desired| {
        let plan = diff(estate, wanted);
        plan.conflicts.into_iter().map(|conflict| conflict.kind).collect::<Vec<_>>()
    };
    let said = |problem| vec![ConflictKind::Organization(problem)];
    let no_such = OrganizationProblem::NoSuchUnit { name: "Wrok".to_owned() };
    assert_eq!(problem(&estate, &to(r#"["Wrok"]"#)), said(no_such));
    let found = estate.organization.as_mut().unwrap();
    found.accounts.remove(&account("333333333333"));
    assert_eq!(problem(&estate, &desired(&file(ALL))), said(OrganizationProblem::NotMember));
    estate.organization = None;
    assert_eq!(problem(&estate, &wanted), said(OrganizationProblem::None));
    let mut other = organization();
    other.all_features = false;
    estate.organization = Some(other);
    assert_eq!(problem(&estate, &wanted), said(OrganizationProblem::NoPolicies));
}

#[test]
fn other_peoples_policies_are_left_and_own_ones_go_with_their_guards() {
    let wanted = desired(&file(ALL));
    let estate = built(&wanted, true, organization());
    let plan = diff(&estate, &wanted);
    let mut estate = carried_out(estate, &plan);
    let policies = &mut estate.organization.as_mut().unwrap().policies;
    let strange = |owner: Option<&str>| ServiceControlPolicy {
        id: None,
        tags: owner.map(|name| Tags::from([(MANAGED_TAG.to_owned(), name.to_owned())])).unwrap_or_default(),
        document: PolicyDocument::new("{}"),
        targets: BTreeSet::new(),
    };
    policies.insert("postern-acme-own".to_owned(), strange(None));
    policies.insert("postern-other-guards".to_owned(), strange(Some("other")));
    assert!(diff(&estate, &wanted).is_empty());
    let none = desired(&file("[organization]\nmanagement = \"999999999999\"\nprofile = \"m\"\n"));
    let plan = diff(&estate, &none);
    assert_eq!(calls(&plan).last().unwrap(), "DeletePolicy");
    assert_eq!(calls(&plan).len(), 4);
    let done = carried_out(estate.clone(), &plan);
    let left: Vec<&String> = done.organization.as_ref().unwrap().policies.keys().collect();
    assert_eq!(left, ["postern-acme-own", "postern-other-guards"]);
    // A change by hand is put right; a policy of this name that is not ours is not touched.
    let policies = &mut estate.organization.as_mut().unwrap().policies;
    policies.get_mut("postern-acme-guards").unwrap().document = PolicyDocument::new("{}");
    let plan = diff(&estate, &wanted);
    assert_eq!((calls(&plan), plan.steps[0].risk), (vec!["UpdatePolicy".to_owned()], Reach::Widens));
    estate.organization.as_mut().unwrap().policies.insert("postern-acme-guards".to_owned(), strange(None));
    let kinds: Vec<ConflictKind> = diff(&estate, &wanted).conflicts.into_iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ConflictKind::NotOurs { owner: None }]);
}

#[test]
fn guards_go_before_what_they_protect() {
    let wanted = desired(&file(ALL));
    let mut estate = built(&wanted, true, organization());
    let plan = diff(&estate, &wanted);
    estate = carried_out(estate, &plan);
    for user in estate.accounts.values_mut().flat_map(|account| account.users.values_mut()) {
        user.credentials = Some(Credentials::default());
    }
    let plan = teardown(&estate, &wanted, &BTreeSet::new());
    assert!(plan.conflicts.is_empty(), "{:#?}", plan.conflicts);
    let is_guard = |step: &&postern_estate::Step| matches!(step.action, Action::Organization(_));
    let first: Vec<_> = plan.steps.iter().take_while(is_guard).collect();
    assert_eq!(first.len(), 4, "three accounts, and the policy");
    assert_eq!(plan.steps.iter().filter(is_guard).count(), 4);
    let mut done = carried_out(estate, &plan);
    assert!(done.organization.as_ref().unwrap().policies.is_empty());
    assert!(teardown(&done, &wanted, &BTreeSet::new()).is_empty());
    // Where the accounts have left the organization since, nothing is in the way.
    done.organization = None;
    assert!(teardown(&done, &wanted, &BTreeSet::new()).conflicts.is_empty());
}
