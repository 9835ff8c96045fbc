//! How much a person uses each target: the often and the lately used stand first in the list.
//!
//! Each use counts one, and a count loses half of itself each week. Only what a person does at a terminal is
//! counted: a script that takes a role a thousand times says nothing about what is to be offered first.

use std::{collections::BTreeMap, io};

use postern_types::Timestamp;
use rustix::termios::isatty;
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    daily::Destination,
    errors::CliError,
    state::{Read, State},
};

const FILE: &str = "used.json";
const FORMAT: u8 = 1;
/// Seconds in which a count loses half of itself.
const HALF_LIFE: i64 = 7 * 86_400;
/// A target that was used once falls below this after ten weeks, and is forgotten.
const LEAST: f64 = 0.001;

/// What was used, by [`key_of_role`] and [`key_of_profile`].
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uses {
    format: u8,
    targets: BTreeMap<String, Use>,
}

/// A count as it was at the last use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Use {
    count: f64,
    /// Seconds since 1970.
    at: i64,
}

/// What a role of an estate is called here: estates may call different roles alike.
pub(crate) fn key_of_role(arn: &impl ToString) -> String {
    arn.to_string()
}

/// What a profile is called here.
pub(crate) fn key_of_profile(name: &str) -> String {
    format!("profile:{name}")
}

impl Uses {
    /// What was used so far. A file that cannot be read is an empty one, and a warning.
    pub(crate) fn load(context: &Context) -> Self {
        let read = State::open(&context.environment).and_then(|state| Ok(state.read::<Self>(FILE)?));
        match read {
            Ok(Read::Good(Some(uses))) if uses.format == FORMAT => uses,
            // What a later postern writes is not understood here, and not lost unless it is used with this one.
            Ok(Read::Good(_)) => Self::default(),
            Ok(Read::Corrupt { shown, problem }) => {
                context.printer.warning(&format!(
                    "`{shown}`, which tells what you use most, cannot be read and is begun anew: {problem}"
                ));
                Self::default()
            }
            Err(error) => {
                context.printer.warning(&error.message);
                Self::default()
            }
        }
    }

    /// How much a target is used; nothing for one that never was.
    pub(crate) fn weight(&self, key: &str, now: Timestamp) -> f64 {
        self.targets.get(key).map_or(0.0, |used| used.at(now))
    }

    fn count(&mut self, key: String, now: Timestamp) {
        self.format = FORMAT;
        let before = self.weight(&key, now);
        self.targets.insert(key, Use { count: before + 1.0, at: now.as_second() });
        self.targets.retain(|_, used| used.at(now) >= LEAST);
    }
}

impl Use {
    fn at(&self, now: Timestamp) -> f64 {
        // Halved for each whole week and straight in between: a true power would bring in the library for them, which
        // every start of postern would load.
        let age = now.as_second().saturating_sub(self.at).max(0);
        let halvings = (age / HALF_LIFE).min(2_000);
        #[expect(clippy::cast_precision_loss, reason = "a rest of seconds is far below 2^52")]
        let rest = (age % HALF_LIFE) as f64 / (2 * HALF_LIFE) as f64;
        let left = (0..halvings).fold(self.count, |left, _| left / 2.0) * (1.0 - rest);
        if left.is_finite() { left.max(0.0) } else { 0.0 }
    }
}

/// Counts a use, if a person stands behind it. What goes wrong is no reason to withhold credentials.
pub(crate) fn count(context: &Context, destination: &Destination) {
    if !isatty(io::stderr()) {
        return;
    }
    let key = match destination.role() {
        Some(request) if !destination.of_profile => key_of_role(&request.role),
        _ => key_of_profile(&destination.name),
    };
    let mut uses = Uses::load(context);
    uses.count(key, Timestamp::now());
    let written: Result<(), CliError> =
        State::open(&context.environment).and_then(|state| state.write_soon(FILE, &uses));
    if let Err(error) = written {
        context.printer.warning(&error.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    #[test]
    fn the_often_and_the_lately_used_weigh_more() {
        let mut uses = Uses::default();
        for _ in 0..4 {
            uses.count("often".to_owned(), at(0));
        }
        uses.count("lately".to_owned(), at(20));
        let weigh = |key: &str, day| uses.weight(key, at(day));
        assert!((weigh("often", 7) - 2.0).abs() < 1e-9 && (weigh("lately", 20) - 1.0).abs() < 1e-9);
        assert!(weigh("lately", 20) > weigh("often", 20), "three weeks take four uses down to half of one");
        assert!(weigh("never", 20) == 0.0);
        assert!((weigh("lately", -400) - 1.0).abs() < 1e-9, "a clock that went back makes no count larger");
    }

    #[test]
    fn what_is_long_unused_is_forgotten() {
        let mut uses = Uses::default();
        uses.count("old".to_owned(), at(0));
        uses.count("new".to_owned(), at(100));
        assert_eq!(uses.targets.keys().collect::<Vec<_>>(), ["new"]);
        let text = serde_json::to_string(&uses).unwrap();
        assert_eq!(serde_json::from_str::<Uses>(&text).unwrap(), uses);
    }
}
