//! Reports on what was last accessed, from the question to the answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use postern_types::{PrincipalId, SignedDuration, Timestamp};

use super::accessed::Attempt;

/// How long a report can be fetched.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The reports kept in one account.
const KEPT: usize = 1_000;

/// A report that was asked for, by its id.
///
/// Exports leave reports out: whoever wants one asks anew.
#[derive(Clone)]
pub(crate) struct Jobs(BTreeMap<String, Arc<AccessJob>>);

/// A report on one user, group, role or policy, as it was when it was asked for.
pub(crate) struct AccessJob {
    /// `aws:userid` of whoever asked, who alone may fetch it.
    pub(crate) asked_by: String,
    pub(crate) created: Timestamp,
    /// Whether single actions are reported, too.
    pub(crate) by_action: bool,
    /// The services that its policies allow something in, by namespace.
    pub(crate) services: Vec<ServiceReport>,
    /// Those who could have used these policies.
    pub(crate) entities: Vec<EntityReport>,
    /// Whether somebody was told that it takes a while.
    pub(crate) announced: AtomicBool,
}

/// One service of a report.
pub(crate) struct ServiceReport {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// How many tried it.
    pub(crate) entities: usize,
    /// The last who did, by ARN.
    pub(crate) last: Option<(Attempt, String)>,
    /// Actions that AWS tracks.
    pub(crate) actions: Vec<(&'static str, Option<(Attempt, String)>)>,
}

/// A user or role of a report.
pub(crate) struct EntityReport {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    /// `USER` or `ROLE`
    pub(crate) kind: &'static str,
    /// The last attempts by namespace.
    pub(crate) tried: BTreeMap<String, Timestamp>,
}

impl AccessJob {
    /// Whether it is done: AWS takes some seconds, so that the first question always comes too early.
    pub(crate) fn is_done(&self) -> bool {
        self.announced.swap(true, Ordering::Relaxed)
    }
}

impl Jobs {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps a report, and forgets those that are too old or too many.
    pub(crate) fn add(&mut self, id: String, job: AccessJob) {
        let now = job.created;
        self.0.retain(|_, job| now.duration_since(job.created) < GOOD_FOR);
        if self.0.len() >= KEPT {
            let oldest = self.0.iter().min_by_key(|(_, job)| job.created).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.0.remove(&id));
        }
        self.0.insert(id, Arc::new(job));
    }

    /// The report of this id, while it can be fetched.
    pub(crate) fn get(&self, id: &str, now: Timestamp) -> Option<Arc<AccessJob>> {
        self.0.get(id).filter(|job| now.duration_since(job.created) < GOOD_FOR).map(Arc::clone)
    }
}
