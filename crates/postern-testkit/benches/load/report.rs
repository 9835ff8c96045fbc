//! What was measured, as a table, and the bars it is held against.

use std::{fmt::Write as _, time::Duration};

/// At least so many times moto's rate.
const TIMES_MOTO: f64 = 20.0;
/// After the sessions, at most so many times the fresh median. The median and not the rate: clients and server share
/// the cores, and what else the machine does moves the rate by half from run to run, the median by a tenth.
const FLAT: f64 = 1.25;

/// One row.
pub(crate) struct Line {
    target: String,
    call: String,
    rate: f64,
    median: Duration,
    slow: Duration,
}

impl Line {
    pub(crate) fn new(target: &str, call: &str, mut took: Vec<Duration>, over: Duration) -> Self {
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        Self {
            target: target.to_owned(),
            call: call.to_owned(),
            rate: took.len() as f64 / over.as_secs_f64(),
            median: at(0.5),
            slow: at(0.99),
        }
    }
}

/// All rows, and remarks beside them.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn line(&self, target: &str, call: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.target.starts_with(target) && line.call == call)
    }

    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        writeln!(text, "{:<30} {:<18} {:>9} {:>9} {:>9}", "", "", "per s", "p50 ms", "p99 ms").unwrap();
        for Line { target, call, rate, median, slow } in &self.lines {
            let (median, slow) = (median.as_secs_f64() * 1e3, slow.as_secs_f64() * 1e3);
            writeln!(text, "{target:<30} {call:<18} {rate:>9.0} {median:>9.2} {slow:>9.2}").unwrap();
        }
        for note in &self.notes {
            writeln!(text, "{note}").unwrap();
        }
        for call in ["GetCallerIdentity", "AssumeRole"] {
            let Some(fresh) = self.line("sandbox, fresh", call) else { continue };
            if let Some(moto) = self.line("moto", call) {
                let times = fresh.rate / moto.rate;
                writeln!(text, "{call}: {times:.0} x moto ({})", verdict(times >= TIMES_MOTO)).unwrap();
            }
            let later = self.lines.iter().find(|l| l.target.ends_with("sessions on") && l.call == call);
            if let Some(later) = later {
                let times = later.median.as_secs_f64() / fresh.median.as_secs_f64();
                writeln!(text, "{call}: {times:.2} x the fresh median ({})", verdict(times <= FLAT)).unwrap();
            }
        }
        text
    }
}

fn verdict(good: bool) -> &'static str {
    if good { "holds" } else { "FALLS SHORT" }
}
