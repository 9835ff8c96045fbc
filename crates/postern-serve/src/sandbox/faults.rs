//! Broken connections on demand: how tests find out what a client does when its call is cut off.

use std::sync::{Mutex, PoisonError};

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

/// What is to break. Without a cut, nothing does.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    calls: u64,
    cut: Option<Cut>,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Pass,
    CutBefore,
    CutAfter,
}

impl Faults {
    /// Counts calls from zero and cuts one of them.
    pub fn arm(&self, cut: Cut) {
        *self.script() = Script { calls: 0, cut: Some(cut) };
    }

    /// Counts calls from zero and cuts none.
    pub fn mend(&self) {
        *self.script() = Script::default();
    }

    /// The calls that came since the last [`Self::arm`] or [`Self::mend`], those that were cut included.
    pub fn calls(&self) -> u64 {
        self.script().calls
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next(&self) -> Fate {
        let mut script = self.script();
        script.calls += 1;
        match script.cut {
            Some(cut) if script.calls == cut.call => match cut.when {
                When::Before => Fate::CutBefore,
                When::After => Fate::CutAfter,
            },
            Some(cut) if cut.lasting && script.calls > cut.call => Fate::CutBefore,
            _ => Fate::Pass,
        }
    }
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
            assert_eq!([(); 4].map(|()| faults.next()), fates, "{cut:?}");
            assert_eq!(faults.calls(), 4);
            faults.mend();
            assert_eq!(faults.next(), Pass);
        }
    }
}
