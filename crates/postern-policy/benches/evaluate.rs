//! Decisions per second: a bastion's group policy, and PowerUserAccess with a trust policy.
#![expect(clippy::unwrap_used, reason = "a benchmark of fixed documents")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request, evaluate, explain};

const GROUP: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "sts:AssumeRole",
   "Resource": ["arn:aws:iam::222222222222:role/postern/readonly", "arn:aws:iam::333333333333:role/postern/*"],
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
  {"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}"#;

const POWER_USER: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
  {"Effect": "Allow", "Resource": "*", "Action": [
   "account:GetAccountInformation", "account:GetGovCloudAccountInformation", "account:GetPrimaryEmail",
   "account:ListRegions", "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
   "organizations:DescribeEffectivePolicy", "organizations:DescribeOrganization"]}]}"#;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#;

struct Asked {
    action: &'static str,
    resource: String,
    context: Context,
}

impl Asked {
    fn by<'a>(&'a self, principal: &'a Principal) -> Request<'a> {
        Request {
            principal,
            action: self.action,
            resource: &self.resource,
            resource_account: None,
            context: &self.context,
        }
    }
}

/// A thousand requests, none like its neighbour.
fn requests() -> Vec<Asked> {
    const ACTIONS: [&str; 5] =
        ["sts:AssumeRole", "sts:AssumeRole", "s3:GetObject", "iam:CreateUser", "ec2:DescribeInstances"];
    let ask = |n: usize| {
        let account = if n.is_multiple_of(3) { "222222222222" } else { "333333333333" };
        let context =
            Context::new().with("aws:username", format!("user{n}")).with("aws:SourceIp", "203.0.113.7");
        let context = match n % 4 {
            0 => context,
            1 => context.with("aws:MultiFactorAuthPresent", false),
            _ => {
                context.with("aws:MultiFactorAuthPresent", true).with("aws:MultiFactorAuthAge", n.to_string())
            }
        };
        let action = ACTIONS.get(n % ACTIONS.len()).copied().unwrap_or_default();
        Asked { action, resource: format!("arn:aws:iam::{account}:role/postern/role{}", n % 7), context }
    };
    (0..1_000).map(ask).collect()
}

fn benchmarks(criterion: &mut Criterion) {
    let alice = Principal::from_arn("arn:aws:iam::111111111111:user/postern/alice").unwrap();
    let asked = requests();
    let policies = [GROUP, POWER_USER, TRUST].map(|text| Document::parse(text).unwrap());
    let [group, power_user, trust] =
        policies.each_ref().map(|document| PolicyRef { name: "p", arn: None, document });
    let groups = [group];
    let identity = [power_user];
    let small = PolicyStack { groups: &groups, resource: Some(trust), ..PolicyStack::default() };
    let crossing = PolicyStack { identity: &identity, resource: Some(trust), ..PolicyStack::default() };

    let mut bench = criterion.benchmark_group("evaluate");
    bench.throughput(Throughput::Elements(1_000));
    for (name, stack) in [("bastion group", &small), ("PowerUserAccess and trust", &crossing)] {
        bench.bench_function(name, |b| {
            b.iter(|| {
                asked.iter().filter(|a| evaluate(&black_box(a).by(&alice), stack).is_allowed()).count()
            });
        });
    }
    bench.bench_function("bastion group, explained", |b| {
        b.iter(|| {
            asked.iter().map(|a| explain(&black_box(a).by(&alice), &small).layers.len()).sum::<usize>()
        });
    });
    bench.finish();

    let mut bench = criterion.benchmark_group("parse");
    bench.throughput(Throughput::Bytes(POWER_USER.len() as u64));
    bench.bench_function("PowerUserAccess", |b| b.iter(|| Document::parse(black_box(POWER_USER)).is_ok()));
    bench.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
