//! Faults on demand: how tests find out what a client does when its calls are cut off, refused for their number,
//! failed, slow, or answered from yesterday.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use postern_sandbox::RawResponse;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// Which side of a call is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The call never reaches the sandbox.
    Before,
    /// The sandbox has done it, and the answer is lost.
    After,
}

/// A break to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The call that is cut, counted from 1 and from when the cut was armed. Admin calls do not count.
    pub call: u64,
    /// Before or after the sandbox has done it.
    pub when: When,
    /// Whether all later calls are cut before they reach the sandbox, as if the client had lost its network:
    /// clients try again by themselves, and would get over a single break.
    pub lasting: bool,
}

/// What befalls calls by chance, as `POST /_postern/faults` takes it. Shares are between 0 and 1; what is not said
/// does not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weather {
    /// Where the chance begins: the same seed, the same calls, the same weather.
    pub seed: u64,
    /// The share of calls that are refused with `Throttling`.
    pub throttled: f64,
    /// The share of calls that end with status 500, every second one after it was carried out.
    pub errors: f64,
    /// The share of calls whose connection is cut, every second one after it was carried out.
    pub resets: f64,
    /// The share of calls that are answered late.
    pub slow: f64,
    /// By how many milliseconds.
    pub slow_ms: u32,
    /// By how many seconds reads of IAM are behind.
    pub stale_seconds: u32,
}

impl Weather {
    /// Whether the shares are shares, and together not more than the whole.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let shares = [self.throttled, self.errors, self.resets, self.slow];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err("a share is between 0 and 1");
        }
        if self.throttled + self.errors + self.resets > 1.0 {
            return Err("`throttled`, `errors` and `resets` are more than 1 together");
        }
        if self.slow_ms > 60_000 || self.stale_seconds > 3_600 {
            return Err("at most 60000 `slow_ms` and 3600 `stale_seconds`");
        }
        Ok(())
    }
}

/// What is to break. Without a cut and in calm weather, nothing does.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    calls: u64,
    cut: Option<Cut>,
    weather: Option<(Weather, StdRng)>,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Pass,
    CutBefore,
    CutAfter,
    Throttled,
    ErrorBefore,
    ErrorAfter,
}

impl Faults {
    /// Counts calls from zero and cuts one of them.
    pub fn arm(&self, cut: Cut) {
        *self.script() = Script { calls: 0, cut: Some(cut), weather: None };
    }

    /// Counts calls from zero and cuts none; the weather is calm.
    pub fn mend(&self) {
        *self.script() = Script::default();
    }

    /// Counts calls from zero in this weather. How far reads are behind is the world's business
    /// ([`World::stale_reads`](postern_sandbox::World::stale_reads)).
    pub fn weather(&self, weather: Weather) {
        let rng = StdRng::seed_from_u64(weather.seed);
        *self.script() = Script { calls: 0, cut: None, weather: Some((weather, rng)) };
    }

    /// The weather as it is.
    pub fn forecast(&self) -> Weather {
        self.script().weather.as_ref().map(|(weather, _)| *weather).unwrap_or_default()
    }

    /// The calls that came since the last [`Self::arm`], [`Self::weather`] or [`Self::mend`], those that were cut
    /// included.
    pub fn calls(&self) -> u64 {
        self.script().calls
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next call, and how late it is answered.
    pub(super) fn next(&self) -> (Fate, Duration) {
        let mut script = self.script();
        script.calls += 1;
        let calls = script.calls;
        if let Some((weather, rng)) = &mut script.weather {
            return by_chance(weather, rng);
        }
        let fate = match script.cut {
            Some(cut) if calls == cut.call => match cut.when {
                When::Before => Fate::CutBefore,
                When::After => Fate::CutAfter,
            },
            Some(cut) if cut.lasting && calls > cut.call => Fate::CutBefore,
            _ => Fate::Pass,
        };
        (fate, Duration::ZERO)
    }
}

fn by_chance(weather: &Weather, rng: &mut StdRng) -> (Fate, Duration) {
    let (roll, late, after): (f64, f64, bool) = (rng.random(), rng.random(), rng.random());
    let fate = if roll < weather.throttled {
        Fate::Throttled
    } else if roll < weather.throttled + weather.errors {
        if after { Fate::ErrorAfter } else { Fate::ErrorBefore }
    } else if roll < weather.throttled + weather.errors + weather.resets {
        if after { Fate::CutAfter } else { Fate::CutBefore }
    } else {
        Fate::Pass
    };
    let late = if late < weather.slow { u64::from(weather.slow_ms) } else { 0 };
    (fate, Duration::from_millis(late))
}

/// A refusal as AWS words it, in the protocol of the request.
pub(super) fn refusal(is_json: bool, status: u16, code: &str, message: &str) -> RawResponse {
    let (content_type, body) = if is_json {
        let body = serde_json::json!({"__type": code, "message": message});
        ("application/x-amz-json-1.1", body.to_string())
    } else {
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
        );
        ("text/xml", body)
    };
    RawResponse { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_named_calls_are_cut() {
        use Fate::{CutAfter, CutBefore, Pass};
        for (cut, fates) in [
            (None, [Pass, Pass, Pass, Pass]),
            (Some((2, When::Before, false)), [Pass, CutBefore, Pass, Pass]),
            (Some((2, When::After, false)), [Pass, CutAfter, Pass, Pass]),
            (Some((2, When::After, true)), [Pass, CutAfter, CutBefore, CutBefore]),
        ] {
            let faults = Faults::default();
            if let Some((call, when, lasting)) = cut {
                faults.arm(Cut { call, when, lasting });
            }
            assert_eq!([(); 4].map(|()| faults.next().0), fates, "{cut:?}");
            assert_eq!(faults.calls(), 4);
            faults.mend();
            assert_eq!(faults.next(), (Pass, Duration::ZERO));
        }
    }

    #[test]
    fn the_weather_has_its_shares_and_its_seed() {
        let weather = Weather {
            seed: 7,
            throttled: 0.3,
            errors: 0.1,
            resets: 0.1,
            slow: 0.2,
            slow_ms: 5,
            stale_seconds: 0,
        };
        let thousand = || {
            let faults = Faults::default();
            faults.weather(weather);
            (0..1_000).map(|_| faults.next()).collect::<Vec<_>>()
        };
        let fates = thousand();
        assert_eq!(fates, thousand());
        let share = |wanted: &[Fate]| fates.iter().filter(|(fate, _)| wanted.contains(fate)).count();
        for (wanted, expected) in [
            (&[Fate::Throttled][..], 300),
            (&[Fate::ErrorBefore, Fate::ErrorAfter], 100),
            (&[Fate::CutBefore, Fate::CutAfter], 100),
        ] {
            assert!(share(wanted).abs_diff(expected) < 50, "{wanted:?}: {}", share(wanted));
        }
        let late = fates.iter().filter(|(_, late)| !late.is_zero()).count();
        assert!(late.abs_diff(200) < 50, "{late}");
        for wrong in [
            Weather { throttled: 1.5, ..weather },
            Weather { errors: -0.1, ..weather },
            Weather { throttled: 0.6, errors: 0.5, ..weather },
            Weather { resets: f64::NAN, ..weather },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert!(weather.check().is_ok());
    }
}
