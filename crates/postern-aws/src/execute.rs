//! Carrying out a plan: every step checked before, noted, called, read back, noted again.
//!
//! Accounts are worked on side by side, steps of one account in the plan's order. Two things make all
//! accounts wait for each other: the border between steps that narrow and steps that widen what people can
//! reach (every prefix of the plan must be safe to stop at), and a document that names a user or role which
//! an earlier step creates in another account (AWS takes no principal that is not there).
//!
//! There is no state to lose: whatever interrupts a run, the next one reads the estate anew and goes on.

mod call;
mod insist;
mod observe;
mod organization;
mod waves;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use postern_estate::{Action, Precondition, ReviewedPlan, Step};
use postern_types::{AccountId, Partition, Timestamp};

pub use self::insist::{Insist, Note, Taken, insist};
use self::observe::{Seen, observe, same};
use crate::{
    AwsError, Connection, Kind,
    patience::{is_passing, jittered, patiently},
    together,
};

/// How long to wait for IAM's eventual consistency: writes take seconds to be seen everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Settle {
    /// The first pause; each further one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// All pauses of one step together.
    pub total: Duration,
}

impl Default for Settle {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(4),
            total: Duration::from_secs(60),
        }
    }
}

impl Settle {
    pub(crate) fn pauses(self) -> impl Iterator<Item = Duration> {
        let mut next = self.first;
        let mut left = self.total;
        std::iter::from_fn(move || {
            let pause = next.min(left);
            left = left.saturating_sub(pause);
            next = next.saturating_mul(2).min(self.longest);
            (!pause.is_zero()).then_some(pause)
        })
    }
}

/// A line of the run's log. The intent is noted before its call, so that no call goes without a trace.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// When.
    pub at: Timestamp,
    /// The step's place in the plan, from 0.
    pub index: usize,
    /// The step.
    pub step: &'a Step,
    /// How often its call was made so far.
    pub attempts: u32,
    /// What happens.
    pub what: What<'a>,
}

/// What happens to a step.
#[derive(Clone, Debug)]
pub enum What<'a> {
    /// It is about to be called.
    Intent,
    /// AWS does not see the last change everywhere yet, or asks for patience.
    Waiting {
        /// What was answered or found.
        why: String,
    },
    /// It stands as wanted, read back.
    Done(Effect),
    /// It does not, and the run stops.
    Failed(&'a StepError),
}

/// How a step came to stand as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// By the call.
    Changed,
    /// It did already.
    AlreadySo,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// AWS refused the call or the reading, or gave no answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The object is not as it was when the plan was made.
    #[error("changed since the plan was made: {found}")]
    Changed {
        /// What is there instead.
        found: String,
    },
    /// The call was taken, but its effect did not show in time.
    #[error("taken by AWS, but not seen when read back")]
    NotSeen,
    /// The log could not be written, so nothing was called.
    #[error("the log could not be written: {0}")]
    Log(String),
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands as wanted.
    Done(Effect),
    /// It failed.
    Failed(StepError),
    /// It was not begun.
    Left,
}

/// What became of a plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Each step's fate, in the plan's order.
    pub fates: Vec<Fate>,
    /// Whether the caller asked to stop.
    pub cancelled: bool,
}

impl Outcome {
    /// Whether every step stands as wanted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.fates.iter().all(|fate| matches!(fate, Fate::Done(_)))
    }

    /// The steps that failed, with their places in the plan.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &StepError)> {
        self.fates.iter().enumerate().filter_map(|(index, fate)| match fate {
            Fate::Failed(error) => Some((index, error)),
            _ => None,
        })
    }
}

/// Why a plan was not begun. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The plan has steps in an account that nobody is connected to.
    #[error("no connection to account {0}")]
    NoConnection(AccountId),
    /// The credentials for an account belong to another one.
    #[error("the credentials for account {expected} belong to account {found}")]
    WrongAccount {
        /// The plan's account.
        expected: AccountId,
        /// The credentials'.
        found: AccountId,
    },
    /// The credentials are not good, or no answer came.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Where events are noted.
pub type Log<'a> = &'a mut dyn FnMut(&Event<'_>) -> Result<(), String>;

/// All that carrying out a plan takes.
pub struct Execution<'a> {
    /// The plan.
    pub plan: &'a ReviewedPlan,
    /// An administrator's connection for each account of the plan, all made from one [`crate::Aws`].
    pub connections: &'a BTreeMap<AccountId, Connection>,
    /// How long to wait for AWS.
    pub settle: Settle,
    /// The clock of the log.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Asked between steps and pauses; once true, no further step is begun.
    pub cancelled: &'a dyn Fn() -> bool,
    /// Where each event is noted before the run goes on. An error stops the run.
    pub log: Log<'a>,
}

/// Carries out a plan, as far as it goes.
///
/// # Errors
/// When it cannot be begun; what happens later is in the outcome.
#[expect(clippy::needless_pass_by_value, reason = "the log goes with it, and one execution is one run")]
pub fn execute(execution: Execution<'_>) -> Result<Outcome, Refusal> {
    let steps = execution.plan.steps();
    let accounts: BTreeSet<AccountId> = steps.iter().map(|step| step.account).collect();
    let mut connections = Vec::new();
    for account in accounts {
        let connection = execution.connections.get(&account).ok_or(Refusal::NoConnection(account))?;
        connections.push((account, connection));
    }
    let Some((_, any)) = connections.first() else {
        return Ok(Outcome { fates: Vec::new(), cancelled: false });
    };
    any.aws.block_on(async {
        let asked = connections.iter().map(|(_, connection)| async move {
            patiently(connection, &|_| {}, || connection.identity()).await
        });
        let identities = together::all(asked).await;
        let mut places = BTreeMap::new();
        for ((account, connection), identity) in connections.iter().zip(identities) {
            let identity = identity?;
            if identity.account != *account {
                return Err(Refusal::WrongAccount { expected: *account, found: identity.account });
            }
            let partition = identity.arn.partition().parse().unwrap_or_default();
            let pace = Cell::new(Duration::ZERO);
            places.insert(*account, Place { connection, account: *account, partition, pace });
        }
        let run = Run {
            steps,
            places,
            settle: execution.settle,
            now: execution.now,
            cancelled: execution.cancelled,
            log: RefCell::new(execution.log),
            stop: Cell::new(false),
            was_cancelled: Cell::new(false),
            changed: Cell::new(false),
            attempts: steps.iter().map(|_| Cell::new(0)).collect(),
        };
        Ok(run.all().await)
    })
}

/// An account to work in.
pub(crate) struct Place<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    /// What to wait before each call: longer each time AWS asks for fewer, and shorter with each that it takes.
    pace: Cell<Duration>,
}

impl Place<'_> {
    /// The first pause of an account that is asked for fewer calls, and the longest.
    const PACES: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(2);

    fn was_throttled(&self) {
        let slower = self.pace.get().saturating_mul(2);
        self.pace.set(slower.clamp(*Self::PACES.start(), *Self::PACES.end()));
    }

    fn was_taken(&self) {
        let faster = self.pace.get() * 3 / 4;
        self.pace.set(if faster < Duration::from_millis(10) { Duration::ZERO } else { faster });
    }
}

struct Run<'a> {
    steps: &'a [Step],
    places: BTreeMap<AccountId, Place<'a>>,
    settle: Settle,
    now: &'a dyn Fn() -> Timestamp,
    cancelled: &'a dyn Fn() -> bool,
    log: RefCell<Log<'a>>,
    /// Set when a step failed or the caller asked: no further step is begun in any account.
    stop: Cell<bool>,
    was_cancelled: Cell<bool>,
    /// Whether this run has changed anything yet: only then is "not there" worth asking again.
    changed: Cell<bool>,
    /// How often each step's call was made.
    attempts: Vec<Cell<u32>>,
}

/// The pauses of a step: for IAM to show what it took, and for AWS to answer at all.
struct Pauses<S, A> {
    seen: S,
    answered: A,
}

impl Run<'_> {
    async fn all(&self) -> Outcome {
        let mut fates = vec![Fate::Left; self.steps.len()];
        for wave in waves::waves(self.steps, |account| self.partition(account)) {
            let lanes = wave.into_values().map(|lane| self.lane(lane));
            for (index, fate) in together::all(lanes).await.into_iter().flatten() {
                if let Some(slot) = fates.get_mut(index) {
                    *slot = fate;
                }
            }
        }
        Outcome { fates, cancelled: self.was_cancelled.get() }
    }

    fn partition(&self, account: AccountId) -> Partition {
        self.places.get(&account).map(|place| place.partition).unwrap_or_default()
    }

    /// One account's steps of a wave, one after the other.
    async fn lane(&self, lane: Vec<usize>) -> Vec<(usize, Fate)> {
        let mut fates = Vec::new();
        for index in lane {
            if self.should_stop() {
                break;
            }
            let Some(step) = self.steps.get(index) else { continue };
            let Some(place) = self.places.get(&step.account) else { continue };
            let result = self.step(place, index, step).await;
            let noted = match &result {
                Ok(effect) => self.note(index, step, What::Done(*effect)),
                Err(error) => self.note(index, step, What::Failed(error)),
            };
            let fate = match (result, noted) {
                (Ok(effect), Ok(())) => Fate::Done(effect),
                // It is done all the same; but without a log nothing more is begun.
                (Ok(effect), Err(_)) => {
                    self.stop.set(true);
                    Fate::Done(effect)
                }
                (Err(error), _) => {
                    self.stop.set(true);
                    Fate::Failed(error)
                }
            };
            fates.push((index, fate));
        }
        fates
    }

    fn should_stop(&self) -> bool {
        if (self.cancelled)() {
            self.was_cancelled.set(true);
            self.stop.set(true);
        }
        self.stop.get()
    }

    fn note(&self, index: usize, step: &Step, what: What<'_>) -> Result<(), StepError> {
        let attempts = self.attempts.get(index).map_or(0, Cell::get);
        let event = Event { at: (self.now)(), index, step, attempts, what };
        (self.log.borrow_mut())(&event).map_err(StepError::Log)
    }

    async fn step(&self, place: &Place<'_>, index: usize, step: &Step) -> Result<Effect, StepError> {
        let mut pauses = Pauses { seen: self.settle.pauses(), answered: self.settle.pauses() };
        loop {
            match judge(self.look(place, index, step, &mut pauses.answered).await?, &step.precondition) {
                Verdict::Done => return Ok(Effect::AlreadySo),
                Verdict::Go => break,
                Verdict::NotYet(found) => {
                    // What this run has just made may not be seen everywhere yet.
                    if !self.changed.get() {
                        return Err(StepError::Changed { found });
                    }
                    if !self.pause(index, step, &mut pauses.seen, &found).await? {
                        return Err(StepError::Changed { found });
                    }
                }
            }
        }
        self.note(index, step, What::Intent)?;
        self.call(place, index, step, &mut pauses).await?;
        self.changed.set(true);
        loop {
            if matches!(self.look(place, index, step, &mut pauses.answered).await?, Seen::Wanted) {
                return Ok(Effect::Changed);
            }
            if !self.pause(index, step, &mut pauses.seen, "the change is not to be seen yet").await? {
                return Err(StepError::NotSeen);
            }
        }
    }

    /// Looks what stands there; where AWS asks for patience or gives no answer, until it does.
    async fn look(
        &self,
        place: &Place<'_>,
        index: usize,
        step: &Step,
        pauses: &mut impl Iterator<Item = Duration>,
    ) -> Result<Seen, StepError> {
        loop {
            let error = match observe(place, &step.action).await {
                Ok(seen) => return Ok(seen),
                Err(error) => error,
            };
            let is_throttled = error.kind == Kind::Throttled;
            if is_throttled {
                place.was_throttled();
            }
            if !(is_throttled || is_passing(&error))
                || !self.pause(index, step, pauses, &error.to_string()).await?
            {
                return Err(error.into());
            }
        }
    }

    /// Calls until the call is taken, or what it should bring about is there.
    async fn call(
        &self,
        place: &Place<'_>,
        index: usize,
        step: &Step,
        pauses: &mut Pauses<impl Iterator<Item = Duration>, impl Iterator<Item = Duration>>,
    ) -> Result<(), StepError> {
        loop {
            if !place.pace.get().is_zero() {
                tokio::time::sleep(jittered(place.pace.get(), (self.now)())).await;
            }
            if let Some(attempts) = self.attempts.get(index) {
                attempts.set(attempts.get() + 1);
            }
            let Err(error) = call::call(place, &step.action).await else {
                place.was_taken();
                return Ok(());
            };
            // A call whose answer was lost may have been carried out, and its repetition is then refused.
            let may_stand = error.is_ambiguous() || matches!(error.kind, Kind::Conflict | Kind::NotFound);
            let seen =
                if may_stand { self.look(place, index, step, &mut pauses.answered).await.ok() } else { None };
            if matches!(seen, Some(Seen::Wanted)) {
                return Ok(());
            }
            // What a write finds and a read does not was written a moment ago, by this run or the one before.
            if is_behind(&step.action, &error, seen.as_ref()) {
                if self.pause(index, step, &mut pauses.seen, &error.to_string()).await? {
                    continue;
                }
                return Err(error.into());
            }
            if !self.is_worth_another_try(step, &error) {
                return Err(error.into());
            }
            let why = error.to_string();
            let goes_on = if error.kind == Kind::Throttled {
                place.was_throttled();
                self.pause(index, step, &mut pauses.answered, &why).await?
            } else {
                self.pause(index, step, &mut pauses.seen, &why).await?
            };
            if !goes_on {
                return Err(error.into());
            }
        }
    }

    fn is_worth_another_try(&self, step: &Step, error: &AwsError) -> bool {
        let message = error.answer.as_ref().map(|answer| answer.message.as_str()).unwrap_or_default();
        match error.kind {
            Kind::Throttled => true,
            Kind::Conflict => error.code().is_some_and(|code| {
                code.starts_with("EntityTemporarilyUnmodifiable")
                    || code.starts_with("ConcurrentModification")
                    || (code.starts_with("DeleteConflict") && self.changed.get())
            }),
            // Just created and not seen everywhere yet; a policy of AWS's own is not created by anyone.
            Kind::NotFound => self.changed.get() && !call::attaches_awss_own(&step.action),
            _ if error.code().is_some_and(|code| code.starts_with("MalformedPolicyDocument")) => {
                self.changed.get() && message.starts_with("Invalid principal")
            }
            _ => error.is_ambiguous(),
        }
    }

    /// Waits for the next pause. False when there is none left, or the caller asked to stop.
    async fn pause(
        &self,
        index: usize,
        step: &Step,
        pauses: &mut impl Iterator<Item = Duration>,
        why: &str,
    ) -> Result<bool, StepError> {
        if self.should_stop() {
            return Ok(false);
        }
        let Some(pause) = pauses.next() else { return Ok(false) };
        self.note(index, step, What::Waiting { why: why.to_owned() })?;
        tokio::time::sleep(jittered(pause, (self.now)())).await;
        Ok(true)
    }
}

/// Whether reads are behind what a refused call has found: it is there, or gone, and reads do not show it yet.
fn is_behind(action: &Action, error: &AwsError, seen: Option<&Seen>) -> bool {
    let verb = action.operation();
    let removes = ["Delete", "Remove", "Detach", "Untag"].iter().any(|word| verb.starts_with(word));
    match seen {
        Some(Seen::Absent) => error.code().is_some_and(|code| code.starts_with("EntityAlreadyExists")),
        Some(Seen::Pending | Seen::Document(_)) => removes && error.kind == Kind::NotFound,
        _ => false,
    }
}

enum Verdict {
    Done,
    Go,
    NotYet(String),
}

fn judge(seen: Seen, precondition: &Precondition) -> Verdict {
    match (seen, precondition) {
        (Seen::Wanted, _) => Verdict::Done,
        (Seen::Pending, _)
        | (Seen::Absent, Precondition::Absent)
        | (Seen::Document(_) | Seen::Differs(_), Precondition::Present)
        | (Seen::Differs(_), Precondition::Document(_)) => Verdict::Go,
        (Seen::Document(found), Precondition::Document(expected)) if same(&found, expected) => Verdict::Go,
        (Seen::Document(found), Precondition::Document(_)) => {
            Verdict::NotYet(format!("the document is now {found}"))
        }
        (Seen::Absent, Precondition::Present | Precondition::Document(_)) => {
            Verdict::NotYet("it is not there".to_owned())
        }
        (Seen::Document(found), Precondition::Absent) => {
            Verdict::NotYet(format!("it is there, with the document {found}"))
        }
        (Seen::Differs(found), Precondition::Absent) => Verdict::NotYet(found),
    }
}
