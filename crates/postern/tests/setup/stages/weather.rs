//! The stages while AWS asks for patience, fails, loses answers, and is slow to see what was written.

use postern_serve::Weather;

use super::ground::{Ground, essence};
use crate::world::said;

#[test]
fn every_stage_of_a_user_gets_through_bad_weather() {
    let ground = Ground::moved();
    let before = essence(&ground.cloud);
    let server = &ground.cloud.world.sandbox.server;
    for (number, (stage, name)) in
        [("apply", "off"), ("undo", "off"), ("apply", "off"), ("apply", "delete"), ("undo", "delete")]
            .into_iter()
            .enumerate()
    {
        server.faults().weather(Weather {
            seed: number as u64,
            throttled: 0.2,
            errors: 0.05,
            resets: 0.05,
            slow: 0.05,
            slow_ms: 50,
            stale_seconds: 1,
        });
        server.world().stale_reads(1);
        let mut arguments = vec!["migrate", stage, name, "alice", "--yes", "--settle", "1"];
        if (stage, name) == ("apply", "delete") {
            arguments.push("--now");
        }
        let output = ground.cloud.world.run(&arguments);
        assert!(output.status.success(), "{stage} {name}: {}", said(&output));
        server.faults().mend();
        server.world().stale_reads(0);
        match (stage, name) {
            ("undo", "off") => assert_eq!(essence(&ground.cloud), before),
            ("apply", "delete") => assert!(ground.user("alice").is_null()),
            _ => assert!(ground.user("alice")["inline"].as_object().unwrap().contains_key("postern-migrate")),
        }
    }
}
