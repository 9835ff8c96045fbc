//! Three workloads of a thousand varied requests each.
//!
//! `managed-policies.json` holds ten policies that AWS manages, 40 statements and 75 KB, out of moto 5.2.5
//! (Apache-2.0, `moto/iam/aws_managed_policies.py`): the job functions of the *IAM User Guide* except
//! AdministratorAccess and the two that are larger than 75 KB by themselves or nearly so (ReadOnlyAccess,
//! SecurityAudit), and of all pairs that bring the eight missing statements the one that comes nearest to
//! 75,000 characters.

use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request};

pub(crate) const GROUP: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "AssumeDeclaredRolesWithMfa", "Effect": "Allow", "Action": "sts:AssumeRole",
   "Resource": ["arn:aws:iam::222222222222:role/postern/readonly", "arn:aws:iam::333333333333:role/postern/*"],
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
  {"Sid": "StartSession", "Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}"#;

pub(crate) const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                 "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/postern/*"}}}]}"#;

const MANAGED: &str = include_str!("../managed-policies.json");
pub(crate) const CALLER: &str = "arn:aws:iam::111111111111:user/postern/alice";

/// What is asked: the parts of a request that vary.
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: Context,
}

/// Requests of one caller, and the policies that decide them.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) stack: PolicyStack<'static>,
    pub(crate) asked: &'static [Asked],
    /// The account that is taken to own the resources, where that is not the one of their ARNs.
    pub(crate) owner: Option<&'static str>,
    principal: &'static Principal,
}

impl Workload {
    pub(crate) fn requests(&self) -> impl Iterator<Item = Request<'static>> {
        let principal = self.principal;
        let resource_account = self.owner.map(|account| account.parse().unwrap());
        self.asked.iter().map(move |asked| Request {
            principal,
            action: &asked.action,
            resource: &asked.resource,
            resource_account,
            context: &asked.context,
        })
    }
}

/// The ten documents with their names, as their texts.
pub(crate) fn managed() -> Vec<(String, String)> {
    let texts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(MANAGED).unwrap();
    texts.into_iter().map(|(name, document)| (name, document.to_string())).collect()
}

/// The bastion's group policy; that and a role's trust policy; PowerUserAccess and the trust policy across
/// accounts; the ten managed policies. They live as long as the bench.
pub(crate) fn workloads() -> [Workload; 4] {
    let texts = managed();
    let (_, power_user) = texts.iter().find(|(name, _)| name == "PowerUserAccess").unwrap();
    let documents: Vec<Document> = texts.iter().map(|(_, text)| Document::parse(text).unwrap()).collect();
    let documents: &'static [Document] = documents.leak();
    let read =
        |text: &str| -> PolicyRef<'static> { refer(Box::leak(Box::new(Document::parse(text).unwrap()))) };
    let (groups, identity) = (&*vec![read(GROUP)].leak(), &*vec![read(power_user)].leak());
    let ten = &*documents.iter().map(refer).collect::<Vec<_>>().leak();
    let trust = Some(read(TRUST));

    let bastion = &*bastion_requests().leak();
    let many = &*managed_requests(documents).leak();
    let principal: &'static Principal = Box::leak(Box::new(Principal::from_arn(CALLER).unwrap()));
    let workload = |name, stack, asked| Workload { name, stack, asked, owner: None, principal };
    let nothing = PolicyStack::default;
    [
        // The caller's side alone, which decides within one account.
        Workload {
            owner: Some("111111111111"),
            ..workload("i: bastion group", PolicyStack { groups, ..nothing() }, bastion)
        },
        workload("i: bastion group and trust", PolicyStack { groups, resource: trust, ..nothing() }, bastion),
        workload(
            "ii: PowerUserAccess and trust",
            PolicyStack { identity, resource: trust, ..nothing() },
            bastion,
        ),
        workload("iii: ten managed policies", PolicyStack { identity: ten, ..nothing() }, many),
    ]
}

fn refer(document: &'static Document) -> PolicyRef<'static> {
    PolicyRef { name: "p", arn: None, document }
}

/// What requests carry: who, whence, when; and each fourth with another MFA state.
fn context(n: usize) -> Context {
    let context = Context::new()
        .with("aws:username", format!("user{n}"))
        .with("aws:userid", format!("AIDAEXAMPLE{n:08}"))
        .with("aws:PrincipalArn", CALLER)
        .with("aws:PrincipalAccount", "111111111111")
        .with("aws:SourceIp", format!("203.0.113.{}", n % 256))
        .with("aws:SecureTransport", true)
        .with("aws:CurrentTime", "2026-11-22T12:00:00Z")
        .with("aws:RequestedRegion", "eu-central-1");
    match n % 4 {
        0 => context,
        1 => context.with("aws:MultiFactorAuthPresent", false),
        _ => context.with("aws:MultiFactorAuthPresent", true).with("aws:MultiFactorAuthAge", n.to_string()),
    }
}

/// What people of a bastion do, and some that they do not.
fn bastion_requests() -> Vec<Asked> {
    let ask = |n: usize| {
        let account = if n.is_multiple_of(3) { "222222222222" } else { "333333333333" };
        let role = if n.is_multiple_of(2) { "readonly".to_owned() } else { format!("role{}", n % 7) };
        let role = format!("arn:aws:iam::{account}:role/postern/{role}");
        let (action, resource) = match n % 5 {
            0..=2 => ("sts:AssumeRole", role),
            3 => ("ec2:DescribeInstances", "*".to_owned()),
            _ => ("iam:GetRole", role),
        };
        Asked { action: action.to_owned(), resource, context: context(n) }
    };
    (0..1_000).map(ask).collect()
}

/// Actions that the documents name, all over them, and every fifth one that they do not.
fn managed_requests(documents: &[Document]) -> Vec<Asked> {
    let statements = documents.iter().flat_map(Document::statements);
    let patterns: Vec<&str> =
        statements.flat_map(|s| s.actions().patterns()).map(|pattern| pattern.text()).collect();
    let ask = |n: usize| {
        let pattern = patterns.get(n * 7_919 % patterns.len()).copied().unwrap_or_default();
        let action = match n % 10 {
            4 => "iam:CreateUser".to_owned(),
            9 => format!("s3:PutObject{n}"),
            _ => pattern.replace('*', "Things").replace('?', "x"),
        };
        let (service, _) = action.split_once(':').unwrap_or_default();
        let resource = match n % 3 {
            _ if action == "iam:PassRole" => format!("arn:aws:iam::111111111111:role/role-{n}"),
            0 => "*".to_owned(),
            1 => format!("arn:aws:{service}:eu-central-1:111111111111:thing/name-{n}"),
            _ => format!("arn:aws:s3:::bucket-{n}/some/key/{n}"),
        };
        Asked { action, resource, context: context(n) }
    };
    (0..1_000).map(ask).collect()
}
