//! The sandbox under load, beside moto's server in the same run: `cargo bench -p postern-testkit --bench load`.
//!
//! Eight clients with kept connections send requests that were signed beforehand by the AWS SDK's
//! signer, a few hundred different ones each, over and over: within the 15 minutes of a signature
//! a server must verify each of them as if it were new, and the client spends next to nothing. The
//! sandbox verifies signature, token and policies each time; moto verifies none of these.
//!
//! Settings: `LOAD_SECONDS` (3), `LOAD_SESSIONS` (100000), `MOTO_SERVER` (`.venv/bin/moto_server`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark ends loudly, and prints"
)]

mod http;
mod report;
mod scene;

use std::{
    env,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    http::Client,
    report::{Line, Report},
    scene::{Moto, Sandbox, Scene},
};

const CLIENTS: usize = 8;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let seconds = Duration::from_secs(setting("LOAD_SECONDS", 3));
    let sessions = usize::try_from(setting("LOAD_SESSIONS", 100_000)).unwrap();
    let mut report = Report::default();

    let sandbox = Sandbox::start();
    report.note(format!("sandbox ready after {:.1} ms", sandbox.ready.as_secs_f64() * 1000.0));
    let scene = sandbox.scene();
    report.lines.push(measure("sandbox, fresh", "GetCallerIdentity", &scene.identity, scene.server, seconds));
    report.lines.push(measure("sandbox, fresh", "AssumeRole", &scene.assume, scene.server, seconds));

    // Sessions by the hundred thousand, each with credentials of its own.
    let begun = Instant::now();
    let made = load(&scene.assume, scene.server, Limit::Requests(sessions)).len();
    report.note(format!("{made} role sessions made in {:.1} s", begun.elapsed().as_secs_f64()));
    let after = format!("sandbox, {made} sessions on");
    report.lines.push(measure(&after, "GetCallerIdentity", &scene.identity, scene.server, seconds));
    report.lines.push(measure(&after, "AssumeRole", &scene.assume, scene.server, seconds));
    report.note(format!("sandbox reset in {:.1} ms", sandbox.reset().as_secs_f64() * 1000.0));
    drop(sandbox);

    match Moto::start() {
        Ok(moto) => {
            let scene = Scene::of_moto(moto.server);
            report.lines.push(measure("moto", "GetCallerIdentity", &scene.identity, scene.server, seconds));
            report.lines.push(measure("moto", "AssumeRole", &scene.assume, scene.server, seconds));
        }
        Err(why) => report.note(format!("moto was not measured: {why}")),
    }
    println!("{}", report.render());
}

#[derive(Clone, Copy)]
enum Limit {
    Until(Instant),
    Requests(usize),
}

/// How long each request took, over all clients.
fn load(requests: &[Vec<u8>], server: SocketAddr, limit: Limit) -> Vec<Duration> {
    let sent = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (sent, all) = (&sent, &all);
            scope.spawn(move || {
                let mut connection = Client::new(server);
                let mut took = Vec::with_capacity(100_000);
                // Each client begins elsewhere in the list.
                let mut own = requests.iter().cycle().skip(client * requests.len() / CLIENTS);
                loop {
                    let more = match limit {
                        Limit::Until(end) => Instant::now() < end,
                        Limit::Requests(count) => sent.fetch_add(1, Ordering::Relaxed) < count,
                    };
                    if !more {
                        break;
                    }
                    let begun = Instant::now();
                    let (status, body) = connection.send(own.next().unwrap()).unwrap();
                    assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
                    took.push(begun.elapsed());
                }
                all.lock().unwrap().append(&mut took);
            });
        }
    });
    all.into_inner().unwrap()
}

fn measure(target: &str, call: &str, requests: &[Vec<u8>], server: SocketAddr, time: Duration) -> Line {
    // Warm up: connections, caches, the allocator.
    load(requests, server, Limit::Until(Instant::now() + time / 6));
    let begun = Instant::now();
    let took = load(requests, server, Limit::Until(begun + time));
    Line::new(target, call, took, begun.elapsed())
}
