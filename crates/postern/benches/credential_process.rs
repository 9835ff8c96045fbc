//! `postern credential-process` with a live session, whole process, beside `/bin/true` in the same run.
//!
//! The two are started alternately, so that both see the same machine. Run with
//! `cargo bench -p postern --bench credential_process`; a ratio above the bound fails the run.

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/daily/world.rs"]
mod world;

fn main() {
    #[cfg(test)]
    bench::main();
}

#[cfg(test)]
mod bench {
    use std::{
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use crate::world::{World, answer};

    const PAIRS: usize = 300;
    /// The project's bound: twice the smallest process there is.
    const BOUND: f64 = 2.0;

    pub(super) fn main() {
        if std::env::args().any(|argument| argument == "--list") {
            return;
        }
        let world = World::new();
        world.log_in();
        world.settle();
        answer(&world.run(&["credential-process", "prod/developer"]));
        let calls = world.calls("AssumeRole");

        let mut ours = Command::new(env!("CARGO_BIN_EXE_postern"));
        ours.args(["credential-process", "prod/developer"]);
        world.surround(&mut ours);
        let mut floor = Command::new("/bin/true");
        world.surround(&mut floor);
        let mut agent = Command::new(env!("CARGO_BIN_EXE_postern"));
        agent.arg("--version");
        world.surround(&mut agent);

        let (mut times, mut floors, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            floors.push(time(&mut floor));
            times.push(time(&mut ours));
            versions.push(time(&mut agent));
        }
        assert_eq!(world.calls("AssumeRole"), calls, "every answer came from the shelf");
        let mut ratios: Vec<f64> =
            times.iter().zip(&floors).map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[PAIRS / 2];
        println!("/bin/true                      {:>8.3} ms", median(floors));
        println!("postern credential-process     {:>8.3} ms   {ratio:.2} x (median of pairs)", median(times));
        println!("postern --version              {:>8.3} ms", median(versions));
        if cfg!(debug_assertions) {
            println!("not optimised: the bound holds for `cargo bench`");
        } else {
            assert!(ratio <= BOUND, "{ratio:.2} is above {BOUND}");
        }
    }

    fn time(command: &mut Command) -> Duration {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status().unwrap();
        let time = start.elapsed();
        assert!(status.success());
        time
    }

    fn median(mut times: Vec<Duration>) -> f64 {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    }
}
