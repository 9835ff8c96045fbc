//! Decisions and explanations per second on the [workloads], and documents read per second.
#![expect(clippy::unwrap_used, reason = "a benchmark of fixed documents")]

mod workloads;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use postern_policy::{Document, Explanation, Request, evaluate, explain};

use crate::workloads::{GROUP, TRUST, managed, workloads};

fn benchmarks(criterion: &mut Criterion) {
    let workloads = workloads();
    let mut bench = criterion.benchmark_group("evaluate");
    for workload in &workloads {
        let requests: Vec<Request<'_>> = workload.requests().collect();
        let allowed = || {
            requests
                .iter()
                .filter(|request| evaluate(black_box(request), &workload.stack).is_allowed())
                .count()
        };
        bench.throughput(Throughput::Elements(requests.len() as u64));
        bench
            .bench_function(format!("{}, {} of 1000 allowed", workload.name, allowed()), |b| b.iter(allowed));
    }
    bench.finish();

    let mut bench = criterion.benchmark_group("explain");
    for workload in &workloads {
        let requests: Vec<Request<'_>> = workload.requests().collect();
        let explain_all = || {
            requests
                .iter()
                .map(|request| quoted(&explain(black_box(request), &workload.stack)))
                .sum::<usize>()
        };
        bench.throughput(Throughput::Elements(requests.len() as u64));
        bench.bench_function(workload.name, |b| b.iter(explain_all));
    }
    bench.finish();

    let mut bench = criterion.benchmark_group("parse");
    let managed = managed();
    let mut parse = |name: &str, texts: &[&str]| {
        bench.throughput(Throughput::Elements(texts.len() as u64));
        let read = || texts.iter().filter(|text| Document::parse(black_box(text)).is_ok()).count();
        bench.bench_function(name, |b| b.iter(read));
    };
    parse("bastion group", &[GROUP]);
    parse("trust", &[TRUST]);
    parse("ten managed policies", &managed.iter().map(|(_, text)| &**text).collect::<Vec<_>>());
    bench.finish();
}

/// An explanation with every text that it quotes looked at.
fn quoted(explanation: &Explanation) -> usize {
    let policies = explanation.layers.iter().flat_map(|layer| &layer.policies);
    let failures = policies.flat_map(|policy| &policy.statements).filter_map(|s| s.failure.as_ref());
    failures.flat_map(|failure| failure.wanted.texts().chain(failure.present.texts())).map(str::len).sum()
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
