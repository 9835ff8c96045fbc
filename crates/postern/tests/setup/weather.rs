//! `apply` while AWS asks for patience, fails, loses answers, and is slow to see what was written.

use postern_serve::Weather;

use crate::world::{World, said};

#[test]
fn apply_gets_through_bad_weather_and_reports_every_attempt() {
    let world = World::new();
    let server = &world.sandbox.server;
    server.faults().weather(Weather {
        seed: 3,
        throttled: 0.3,
        errors: 0.05,
        resets: 0.05,
        slow: 0.05,
        slow_ms: 50,
        stale_seconds: 1,
    });
    server.world().stale_reads(1);
    let output = world.run(&["apply", "--yes", "--report", "run.jsonl"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("waiting: "), "{}", said(&output));
    let report = std::fs::read_to_string(world.path("run.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["outcome"] == "changed" && line["attempts"].as_u64() > Some(1)));
    assert!(lines.iter().any(|line| line["outcome"] == "waiting" && line["why"].is_string()));
    server.faults().mend();
    server.world().stale_reads(0);
    let output = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}
