//! Which roles are refused for granting more than the cap.

use postern_estate::{Action, CapReport, Design, Quotas, diff};
use postern_policy::{
    Context, Document, PolicyRef, PolicyStack, Principal, Request,
    catalogue::{AccessLevel, Catalogue},
    evaluate,
};
use postern_types::PolicyArn;

/// v12 of 2026-02, as AWS publishes it.
const POWER_USER: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["account:GetAccountInformation", "account:GetGovCloudAccountInformation",
      "account:GetPrimaryEmail", "account:ListRegions", "iam:CreateServiceLinkedRole",
      "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeEffectivePolicy",
      "organizations:DescribeOrganization"], "Resource": "*"}]}"#;

/// ReadOnlyAccess, what it says of the services that the cap is about.
const READ_ONLY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
    "account:GetAccountInformation", "account:GetAlternateContact", "account:ListRegions", "ec2:Describe*",
    "iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*", "organizations:Describe*", "organizations:List*",
    "s3:Get*", "sso:Describe*", "sts:GetCallerIdentity"]}]}"#;

fn documents(arn: &PolicyArn) -> Option<String> {
    let one = |action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}},
            {{"Effect": "Allow", "Action": ["ec2:*", "{action}"], "Resource": "*"}}]}}"#
        )
    };
    match arn.name().as_str() {
        "PowerUserAccess" => Some(POWER_USER.to_owned()),
        "ReadOnlyAccess" => Some(READ_ONLY.to_owned()),
        "AdministratorAccess" => Some(one("*")),
        "IAMFullAccess" => Some(one("iam:*")),
        "Broken" => Some("{".to_owned()),
        _ => None,
    }
}

/// A file for each policy that a role is to be judged by.
fn file(path: &str) -> Result<String, String> {
    let statement = match path {
        "pass-role.json" => {
            r#"{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::333333333333:role/x"}"#
        }
        "sneaky.json" => r#"{"Effect": "Allow", "Action": "iam:*cess*", "Resource": "*"}"#,
        "not.json" => r#"{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}"#,
        "denied.json" => {
            r#"{"Effect": "Allow", "Action": "*", "Resource": "*"},
               {"Effect": "Deny", "Action": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}"#
        }
        "assume.json" => r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}"#,
        "work.json" => r#"{"Effect": "Allow", "Action": ["s3:*", "iam:GetRole"], "Resource": "*"}"#,
        _ => return Err("no such file".to_owned()),
    };
    Ok(format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#))
}

fn judge(policy: &str, more: &str) -> (String, CapReport) {
    let text = format!(
        "version = 1\nname = \"acme\"\nregion = \"eu-central-1\"\n[bastion]\naccount = \"111111111111\"\n\
         [accounts.dev]\nid = \"333333333333\"\n[accounts.prod]\nid = \"222222222222\"\n\
         [roles.r]\naccounts = \"*\"\npolicies = [{policy}]\n{more}"
    );
    let design = Design::parse(&text).unwrap_or_else(|errors| unreachable!("{errors:#?}"));
    let desired =
        design.desired(&file, &|_| Quotas::DEFAULT).unwrap_or_else(|errors| unreachable!("{errors:#?}"));
    let report = design.check_cap(&desired, &documents);
    (text, report)
}

#[test]
fn named_policies_stop_at_iam_and_unbounded_roles_at_the_cap() {
    const NONE: &str = "boundary = \"none\"\nreason = \"because\"";
    for (policy, more, refused) in [
        ("\"PowerUserAccess\"", "", false),
        ("\"ReadOnlyAccess\"", "", false),
        ("\"PowerUserAccess\", \"ReadOnlyAccess\"", "", false),
        ("\"AdministratorAccess\"", "", true),
        ("\"IAMFullAccess\"", "", true),
        ("{ file = \"pass-role.json\" }", "", true),
        ("{ file = \"sneaky.json\" }", "", true),
        ("{ file = \"not.json\" }", "", true),
        ("{ file = \"denied.json\" }", "", false),
        ("{ file = \"assume.json\" }", "", false),
        ("{ file = \"work.json\" }", "", false),
        ("\"PowerUserAccess\"", NONE, true),
        ("{ file = \"assume.json\" }", NONE, true),
        ("{ file = \"work.json\" }", NONE, false),
    ] {
        let (_, report) = judge(policy, more);
        assert_eq!(!report.violations.is_empty(), refused, "{policy} {more}: {report:#?}");
        assert!(report.unread.is_empty() && report.lifted.is_empty(), "{report:#?}");
    }
}

#[test]
fn a_refusal_points_at_the_statement() {
    let (text, report) = judge("\"IAMFullAccess\"", "");
    let [violation] = &report.violations[..] else { unreachable!("{report:#?}") };
    assert_eq!(&text[violation.policy.span.start..violation.policy.span.end], "\"IAMFullAccess\"");
    assert_eq!((violation.statement, violation.bounded, violation.certain), (1, true, true));
    assert!(violation.action.starts_with("iam:"), "{}", violation.action);
    let statement = violation.statement_span.of(violation.document.text()).unwrap();
    assert!(statement.starts_with("{\"Effect\": \"Allow\", \"Action\": [\"ec2:*\""), "{statement}");
    assert!(violation.action_span.of(violation.document.text()).unwrap().contains("iam:*"));
}

#[test]
fn a_reason_lifts_it_and_is_kept() {
    let (_, report) = judge("\"IAMFullAccess\"", "allow_iam = \"they run IAM\"\n");
    assert!(report.is_clean());
    assert_eq!(report.lifted.len(), 1);
    assert_eq!(report.lifted[0].reason, "they run IAM");
}

#[test]
fn what_is_not_known_is_not_fine() {
    let (_, report) = judge("\"NobodyKnowsIt\", \"Broken\"", "");
    assert!(report.violations.is_empty() && !report.is_clean());
    assert_eq!(report.unread.iter().map(|u| u.problems.len()).collect::<Vec<_>>(), [0, 1]);
}

/// The cap guards itself: a role that has it, with every right that its policies could give it, changes nothing
/// that postern made, its own boundary first. Only service-linked roles can be made and deleted.
#[test]
fn a_role_behind_the_cap_cannot_change_what_holds_it() {
    let everything =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let everything = Document::parse(everything).unwrap();
    let (_, report) = judge("\"PowerUserAccess\"", "may_assume = [\"arn:aws:iam::444444444444:role/x\"]");
    assert!(report.is_clean());
    let text = crate::common::EXAMPLE
        .replace("session = \"1h\"", "may_assume = [\"arn:aws:iam::444444444444:role/x\"]");
    let desired = crate::common::desired(&text);
    let dev = &desired.estate.accounts[&"333333333333".parse().unwrap()];
    let principal = Principal::RoleSession {
        role: "arn:aws:iam::333333333333:role/postern/developer".parse().unwrap(),
        id: None,
        session: "arn:aws:sts::333333333333:assumed-role/developer/alice".parse().unwrap(),
    };
    let own = [
        "role/postern/developer",
        "role/postern/postern-admin",
        "policy/postern/postern-cap",
        "policy/postern/postern-cap-developer",
        "user/postern/alice",
        "group/postern/administrators",
        "role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    ];
    for cap in dev.policies.values() {
        let cap = Document::parse(cap.document.text()).unwrap();
        let may = |action: &str, resource: &str| {
            let request = Request {
                principal: &principal,
                action,
                resource,
                resource_account: None,
                // MFA would not help: role sessions carry none, but even if they did.
                context: &Context::new().with("aws:MultiFactorAuthPresent", "true"),
            };
            let policy = |document| [PolicyRef { name: "x", arn: None, document }];
            let (identity, boundary) = (policy(&everything), policy(&cap));
            let stack =
                PolicyStack { identity: &identity, boundary: boundary.as_slice(), ..PolicyStack::default() };
            evaluate(&request, &stack).is_allowed()
        };
        let writes = Catalogue::embedded().actions().filter(|(service, action)| {
            service.prefix() == "iam" && !matches!(action.access(), AccessLevel::Read | AccessLevel::List)
        });
        let mut allowed: Vec<String> = Vec::new();
        let mut asked = 0;
        for (service, action) in writes {
            asked += 1;
            let name = format!("{}:{}", service.prefix(), action.name());
            let any = own.iter().any(|object| may(&name, &format!("arn:aws:iam::333333333333:{object}")));
            if any {
                allowed.push(name);
            }
        }
        assert!(asked > 80, "the catalogue knows {asked} ways to write to IAM only");
        assert_eq!(allowed, ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole"]);
        assert!(!may("sts:AssumeRole", "arn:aws:iam::333333333333:role/postern/postern-admin"));
        assert!(!may("sts:AssumeRole", "arn:aws:iam::333333333333:role/anything"));
    }
}

/// A boundary that someone took away, replaced or opened comes back before anything else that widens.
#[test]
fn a_boundary_that_was_taken_away_comes_back() {
    let desired = crate::common::desired(crate::common::EXAMPLE);
    let mut actual = desired.estate.clone();
    let dev = actual.accounts.get_mut(&"333333333333".parse().unwrap()).unwrap();
    dev.roles.get_mut(&"developer".parse().unwrap()).unwrap().boundary = None;
    let plan = diff(&actual, &desired);
    let [step] = &plan.steps[..] else { unreachable!("{plan:#?}") };
    assert!(matches!(&step.action, Action::PutRolePermissionsBoundary { boundary, .. }
        if boundary.name().as_str() == "postern-cap"));
}
