//! Calls that contain: each account gets as far as it gets, and what fails in one holds up no other.
//!
//! Every such call only takes away and may be made twice, so nothing is asked before it and nothing is read back
//! here: whoever contains reads the whole user again, until two readings agree.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use postern_estate::{
    Action,
    contain::{Measure, Stage},
};
use postern_types::{AccountId, Partition, Timestamp};

use super::{Place, Settle, call};
use crate::{AwsError, Connection, Kind, Unreachable, together};

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Note<'a> {
    /// When.
    pub at: Timestamp,
    /// The measure.
    pub measure: &'a Measure,
    /// The call: the measure's own, or the one that serves instead.
    pub action: &'a Action,
    /// What became of it; none right before it is made.
    pub taken: Option<&'a Taken>,
}

/// What became of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// AWS took the call.
    Done,
    /// There was no room for it, and AWS took the one that serves instead.
    Instead,
    /// What it would have changed is not there.
    Gone,
    /// AWS refused it, or gave no answer.
    Refused(AwsError),
    /// It was not tried, because what it waits for did not go through.
    Left,
}

/// All that it takes.
pub struct Insist<'a> {
    /// What to do, in order within each account.
    pub measures: &'a [Measure],
    /// Connections, all made from one [`crate::Aws`].
    pub connections: &'a BTreeMap<AccountId, Connection>,
    /// How long to wait for AWS.
    pub settle: Settle,
    /// The clock of the log.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Where each call is noted, before and after it.
    pub log: &'a mut dyn FnMut(&Note<'_>),
}

/// Takes all measures, accounts side by side; what became of each, in their order. One for whose account there is no
/// connection is left.
#[expect(clippy::needless_pass_by_value, reason = "the log goes with it, and one run is one run")]
pub fn insist(insist: Insist<'_>) -> Vec<Taken> {
    let mut taken = vec![Taken::Left; insist.measures.len()];
    let mut lanes: BTreeMap<AccountId, Vec<usize>> = BTreeMap::new();
    for (index, measure) in insist.measures.iter().enumerate() {
        lanes.entry(measure.account).or_default().push(index);
    }
    let Some(any) = insist.connections.values().next() else { return taken };
    let run = Run {
        measures: insist.measures,
        settle: insist.settle,
        now: insist.now,
        log: RefCell::new(insist.log),
    };
    let lanes = lanes.into_iter().filter_map(|(account, lane)| {
        let connection = insist.connections.get(&account)?;
        let place = Place { connection, account, partition: Partition::default(), pace: Cell::default() };
        Some(run.lane(place, lane))
    });
    for (index, fate) in any.aws.block_on(together::all(lanes)).into_iter().flatten() {
        if let Some(slot) = taken.get_mut(index) {
            *slot = fate;
        }
    }
    taken
}

struct Run<'a> {
    measures: &'a [Measure],
    settle: Settle,
    now: &'a dyn Fn() -> Timestamp,
    log: RefCell<&'a mut dyn FnMut(&Note<'_>)>,
}

impl Run<'_> {
    async fn lane(&self, place: Place<'_>, lane: Vec<usize>) -> Vec<(usize, Taken)> {
        let mut fates = Vec::with_capacity(lane.len());
        let mut denied = true;
        let mut answers = true;
        let mut refused = false;
        for index in lane {
            let Some(measure) = self.measures.get(index) else { continue };
            // To leave a group that denies something would widen what a user may do whom no deny of ours holds.
            // And what keeps a user denied goes only with the user.
            let waits = match measure.stage {
                Stage::Groups => !denied,
                // A mark says that all before it was done, and a user is made before it is given anything.
                Stage::Deletion | Stage::Mark | Stage::Restoration => refused,
                _ => false,
            };
            let fate = if !answers || waits { Taken::Left } else { self.take(&place, measure).await };
            if let Taken::Refused(error) = &fate {
                refused = true;
                denied &= measure.stage != Stage::Deny;
                answers = !is_silent(error);
            }
            fates.push((index, fate));
        }
        fates
    }

    async fn take(&self, place: &Place<'_>, measure: &Measure) -> Taken {
        self.note(measure, &measure.action, None);
        let mut fate = match self.call(place, &measure.action).await {
            Ok(()) => Taken::Done,
            Err(error) if error.kind == Kind::NotFound => Taken::Gone,
            Err(error) => Taken::Refused(error),
        };
        let mut action = &measure.action;
        if let (Taken::Refused(error), Some(instead)) = (&fate, &measure.without_room)
            && error.kind == Kind::Quota
        {
            self.note(measure, action, Some(&fate));
            action = instead;
            self.note(measure, action, None);
            fate = match self.call(place, action).await {
                Ok(()) => Taken::Instead,
                Err(error) => Taken::Refused(error),
            };
        }
        self.note(measure, action, Some(&fate));
        fate
    }

    async fn call(&self, place: &Place<'_>, action: &Action) -> Result<(), AwsError> {
        let mut pauses = self.settle.pauses();
        let mut perhaps_done = false;
        loop {
            let Err(error) = call::call(place, action).await else { return Ok(()) };
            if perhaps_done && error.is("EntityAlreadyExists") {
                return Ok(());
            }
            perhaps_done |= error.is_ambiguous();
            let patience = match error.kind {
                Kind::Throttled => true,
                Kind::Conflict => error.code().is_some_and(|code| {
                    ["EntityTemporarilyUnmodifiable", "ConcurrentModification", "DeleteConflict"]
                        .iter()
                        .any(|passing| code.starts_with(passing))
                }),
                _ => error.is_ambiguous() && error.kind != Kind::Unreachable(Unreachable::Timeout),
            };
            match pauses.next() {
                Some(pause) if patience => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
        }
    }

    fn note(&self, measure: &Measure, action: &Action, taken: Option<&Taken>) {
        (self.log.borrow_mut())(&Note { at: (self.now)(), measure, action, taken });
    }
}

/// Whether nobody answers there at all, so that the next call would only take as long again.
fn is_silent(error: &AwsError) -> bool {
    matches!(
        error.kind,
        Kind::Unreachable(
            Unreachable::Refused
                | Unreachable::Dns
                | Unreachable::Timeout
                | Unreachable::Tls
                | Unreachable::Cut
        )
    )
}
