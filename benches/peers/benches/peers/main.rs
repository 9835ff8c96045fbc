//! Decisions per second beside Cedar's authorizer and iam-simulate, on the same policies and requests, in one run.
//!
//! `cargo bench` here; with `POSTERN_IAM_SIMULATE` naming a folder in which `npm install` has put
//! `@cloud-copilot/iam-simulate` (AGPL: it runs as a process of its own, and nothing of it is part of this
//! project), that too. All must give the same verdict on every request before anything is measured.

#[path = "../../../../crates/postern-policy/benches/workloads/mod.rs"]
mod workloads;

mod cedar;
mod simulate;

use std::time::{Duration, Instant};

use postern_policy::{Request, evaluate, explain};
use workloads::workloads;

/// Rounds of each engine; they take turns, so that all see the same machine.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(300);

fn main() {
    let workloads = workloads();
    let simulator = simulate::Simulator::from_environment();
    println!(
        "{:<28} {:>12} {:>12} {:>9} {:>14} {:>9}",
        "1,000 requests each", "postern/s", "Cedar/s", "ratio", "iam-simulate/s", "ratio"
    );
    for workload in &workloads {
        let requests: Vec<Request<'_>> = workload.requests().collect();
        let ours =
            || requests.iter().filter(|request| evaluate(request, &workload.stack).is_allowed()).count();
        let cedar = cedar::Translation::new(workload);
        let theirs = || cedar.allowed();
        let verdicts: Vec<bool> =
            requests.iter().map(|request| evaluate(request, &workload.stack).is_allowed()).collect();
        assert!(cedar.verdicts() == verdicts, "Cedar decides {} as we do", workload.name);

        let (mut mine, mut other) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            mine.push(per_second(&ours, requests.len()));
            other.push(per_second(&theirs, requests.len()));
        }
        let (mine, other) = (median(mine), median(other));
        print!("{:<28} {mine:>12.0} {other:>12.0} {:>8.1}x", workload.name, mine / other);
        match &simulator {
            Some(simulator) => {
                let rate = simulator.rate(workload, &verdicts);
                println!(" {rate:>14.0} {:>8.0}x", mine / rate);
            }
            None => println!(" {:>14} {:>9}", "not run", ""),
        }
    }
    let [.., many] = &workloads;
    let requests: Vec<Request<'_>> = many.requests().collect();
    let explained = || requests.iter().map(|request| explain(request, &many.stack).layers.len()).sum();
    let rates = (0..ROUNDS).map(|_| per_second(&explained, requests.len())).collect();
    println!("{:<28} {:>12.0}   with the full explanation", many.name, median(rates));
}

/// How many requests a second go through, counted over one round.
fn per_second(work: &dyn Fn() -> usize, requests: usize) -> f64 {
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < ROUND {
        std::hint::black_box(work());
        done += requests;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
