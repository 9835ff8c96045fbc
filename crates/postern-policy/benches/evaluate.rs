//! Decisions per second on three workloads of a thousand varied requests each, and documents read per second.
//!
//! `managed-policies.json` holds ten policies that AWS manages, 40 statements and 75 KB, out of moto 5.2.5
//! (Apache-2.0, `moto/iam/aws_managed_policies.py`): the job functions of the *IAM User Guide* except
//! AdministratorAccess and the two that are larger than 75 KB by themselves or nearly so (ReadOnlyAccess,
//! SecurityAudit), and of all pairs that bring the eight missing statements the one that comes nearest to
//! 75,000 characters.
#![expect(clippy::unwrap_used, reason = "a benchmark of fixed documents")]

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use postern_policy::{
    Context, Document, Explanation, PolicyRef, PolicyStack, Principal, Request, evaluate, explain,
};

const GROUP: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "AssumeDeclaredRolesWithMfa", "Effect": "Allow", "Action": "sts:AssumeRole",
   "Resource": ["arn:aws:iam::222222222222:role/postern/readonly", "arn:aws:iam::333333333333:role/postern/*"],
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
  {"Sid": "StartSession", "Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}"#;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                 "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/postern/*"}}}]}"#;

const MANAGED: &str = include_str!("managed-policies.json");

struct Asked {
    action: String,
    resource: String,
    context: Context,
}

impl Asked {
    fn by<'a>(&'a self, principal: &'a Principal) -> Request<'a> {
        Request {
            principal,
            action: &self.action,
            resource: &self.resource,
            resource_account: None,
            context: &self.context,
        }
    }
}

/// What requests carry: who, whence, when; and each fourth with another MFA state.
fn context(n: usize) -> Context {
    let context = Context::new()
        .with("aws:username", format!("user{n}"))
        .with("aws:userid", format!("AIDAEXAMPLE{n:08}"))
        .with("aws:PrincipalArn", "arn:aws:iam::111111111111:user/postern/alice")
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
            0 => "*".to_owned(),
            1 => format!("arn:aws:{service}:eu-central-1:111111111111:thing/name-{n}"),
            _ => format!("arn:aws:s3:::bucket-{n}/some/key/{n}"),
        };
        Asked { action, resource, context: context(n) }
    };
    (0..1_000).map(ask).collect()
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn decide(
    bench: &mut Group<'_>,
    name: &str,
    asked: &[Asked],
    principal: &Principal,
    stack: &PolicyStack<'_>,
) {
    let allowed =
        || asked.iter().filter(|a| evaluate(&black_box(a).by(principal), stack).is_allowed()).count();
    bench.throughput(Throughput::Elements(asked.len() as u64));
    bench.bench_function(format!("{name}, {} of 1000 allowed", allowed()), |b| b.iter(allowed));
}

/// An explanation with every text that it quotes looked at.
fn describe(
    bench: &mut Group<'_>,
    name: &str,
    asked: &[Asked],
    principal: &Principal,
    stack: &PolicyStack<'_>,
) {
    let quoted = |explanation: &Explanation| -> usize {
        let policies = explanation.layers.iter().flat_map(|layer| &layer.policies);
        let failures = policies.flat_map(|policy| &policy.statements).filter_map(|s| s.failure.as_ref());
        failures.flat_map(|failure| failure.wanted.texts().chain(failure.present.texts())).map(str::len).sum()
    };
    let all = || asked.iter().map(|a| quoted(&explain(&black_box(a).by(principal), stack))).sum::<usize>();
    bench.throughput(Throughput::Elements(asked.len() as u64));
    bench.bench_function(name, |b| b.iter(all));
}

fn benchmarks(criterion: &mut Criterion) {
    let alice = Principal::from_arn("arn:aws:iam::111111111111:user/postern/alice").unwrap();
    let texts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(MANAGED).unwrap();
    let texts: Vec<(&str, String)> =
        texts.iter().map(|(name, document)| (&**name, document.to_string())).collect();
    let documents: Vec<Document> = texts.iter().map(|(_, text)| Document::parse(text).unwrap()).collect();
    let refer = |document| PolicyRef { name: "p", arn: None, document };
    let managed: Vec<PolicyRef<'_>> = documents.iter().map(refer).collect();
    let power_user = texts.iter().find(|(name, _)| *name == "PowerUserAccess").unwrap();
    let [group, power_user, trust] = [GROUP, &power_user.1, TRUST].map(|text| Document::parse(text).unwrap());
    let (groups, identity) = ([refer(&group)], [refer(&power_user)]);
    let trust = Some(refer(&trust));

    let bastion = bastion_requests();
    let many = managed_requests(&documents);
    let small = PolicyStack { groups: &groups, ..PolicyStack::default() };
    let crossing = PolicyStack { identity: &identity, resource: trust, ..PolicyStack::default() };
    let both = PolicyStack { groups: &groups, resource: trust, ..PolicyStack::default() };
    let ten = PolicyStack { identity: &managed, ..PolicyStack::default() };

    let mut bench = criterion.benchmark_group("evaluate");
    decide(&mut bench, "i: bastion group", &bastion, &alice, &small);
    decide(&mut bench, "i: bastion group and trust", &bastion, &alice, &both);
    decide(&mut bench, "ii: PowerUserAccess and trust", &bastion, &alice, &crossing);
    decide(&mut bench, "iii: ten managed policies", &many, &alice, &ten);
    bench.finish();

    let mut bench = criterion.benchmark_group("explain");
    describe(&mut bench, "i: bastion group and trust", &bastion, &alice, &both);
    describe(&mut bench, "iii: ten managed policies", &many, &alice, &ten);
    bench.finish();

    let mut bench = criterion.benchmark_group("parse");
    let mut parse = |name: &str, texts: &[&str]| {
        bench.throughput(Throughput::Elements(texts.len() as u64));
        let read = || texts.iter().filter(|text| Document::parse(black_box(text)).is_ok()).count();
        bench.bench_function(name, |b| b.iter(read));
    };
    parse("bastion group", &[GROUP]);
    parse("trust", &[TRUST]);
    parse("ten managed policies", &texts.iter().map(|(_, text)| &**text).collect::<Vec<_>>());
    bench.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
