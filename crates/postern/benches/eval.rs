//! `postern policy eval`, whole process: cases a second, and whether memory grows with the input.
//!
//! Run with `cargo bench -p postern --bench eval`; a rate below the bound, or memory that grows, fails the run.

#[cfg(test)]
#[path = "../tests/policy/cases.rs"]
mod cases;

fn main() {
    #[cfg(test)]
    bench::main();
}

#[cfg(test)]
mod bench {
    use std::{
        fs::File,
        io::{BufWriter, Write},
        path::Path,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use crate::cases::Cases;

    /// The project's bound, in cases of about 700 bytes a second on one core.
    const BOUND: f64 = 100_000.0;
    /// How much more memory, in KB, twenty times the input may take.
    const GROWTH: u64 = 512;

    pub(super) fn main() {
        if std::env::args().any(|argument| argument == "--list") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut peaks = Vec::new();
        let mut best: f64 = 0.0;
        for (megabytes, flags) in [(10, &[][..]), (200, &[]), (10, &["--explain"]), (200, &["--explain"])] {
            let path = folder.path().join(format!("{megabytes}.jsonl"));
            let (count, bytes) = write(&path, megabytes << 20);
            let run = run(&path, flags);
            let rate = f64::from(count) / run.cpu.as_secs_f64();
            println!(
                "{megabytes:>4} MB, {count:>7} cases of {:>4} bytes {:>10}: {:>8.0} cases/s of CPU time, {:>8.0} of wall time, peak {:>6} KB",
                bytes / u64::from(count),
                flags.join(" "),
                rate,
                f64::from(count) / run.wall.as_secs_f64(),
                run.peak
            );
            peaks.push(run.peak);
            if flags.is_empty() {
                best = best.max(rate);
            }
        }
        if cfg!(debug_assertions) {
            println!("not optimised: the bound holds for `cargo bench`");
        } else {
            assert!(best > BOUND, "{best:.0} cases/s are not {BOUND:.0}");
        }
        for pair in peaks.chunks_exact(2) {
            assert!(pair[1] < pair[0] + GROWTH, "memory grows with the input: {pair:?} KB");
        }
    }

    /// Fills a file with cases: how many, and how many bytes.
    fn write(path: &Path, size: u64) -> (u32, u64) {
        let mut out = BufWriter::new(File::create(path).unwrap());
        let (mut cases, mut line) = (Cases::new(1), String::new());
        let (mut count, mut bytes) = (0, 0);
        while bytes < size {
            line.clear();
            cases.write(&mut line);
            out.write_all(line.as_bytes()).unwrap();
            count += 1;
            bytes += line.len() as u64;
        }
        out.flush().unwrap();
        (count, bytes)
    }

    struct Run {
        wall: Duration,
        cpu: Duration,
        peak: u64,
    }

    /// Times one run; its memory is asked for until it has ended.
    fn run(path: &Path, flags: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.args(["policy", "eval", "--cases"]).arg(path).args(flags).stdout(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        let proc = Path::new("/proc").join(child.id().to_string());
        let (mut peak, mut ticks) = (0, 0);
        let ended = loop {
            let status = std::fs::read_to_string(proc.join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let size =
                line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|size| size.parse().ok());
            peak = peak.max(size.unwrap_or(0));
            // User and system time in clock ticks, the 12th and 13th field behind the name in parentheses.
            let stat = std::fs::read_to_string(proc.join("stat")).unwrap_or_default();
            if let Some((_, fields)) = stat.rsplit_once(") ") {
                ticks =
                    fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
            }
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let wall = start.elapsed();
        assert!(ended.success());
        // A tick is a hundredth of a second on every Linux.
        Run { wall, cpu: Duration::from_millis(ticks.max(1) * 10), peak }
    }
}
