//! One user who is changed, call by call, until two readings agree.

use std::{collections::BTreeSet, sync::atomic::AtomicBool, thread::sleep, time::Duration};

use postern_aws::{
    AwsError,
    execute::{Insist, Settle, Taken, insist},
};
use postern_estate::{
    Action, User,
    contain::{Measure, deletion},
    migrate::{SwitchOff, still_to_make, switch_on},
};
use postern_types::{AccountId, MfaSerial, PrincipalId, Timestamp, UserName};

use crate::{
    commands::contain::{Journal, Scene, Subject, removes, until_two_agree},
    errors::CliError,
    report,
};

/// What is done with a user.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Switched off.
    Off,
    /// On again, by the calls that put back what stood before.
    On(Vec<Action>),
    /// Deleted, and these devices with it.
    Delete(BTreeSet<MfaSerial>),
    /// Made again by these calls.
    Recreate(Vec<Action>),
}

impl Task {
    /// What is still to be done, as the user is found.
    pub(super) fn measures(
        &self,
        scene: &Scene<'_>,
        account: AccountId,
        name: &UserName,
        found: Option<&User>,
    ) -> Result<Vec<Measure>, CliError> {
        Ok(match (self, found) {
            (Self::Off, Some(found)) => {
                let off = SwitchOff { account, partition: scene.partition(), now: Timestamp::now() };
                off.measures(name, found)
                    .map_err(|error| CliError::failed("a name of ours is none").caused_by(error))?
            }
            (Self::On(before), Some(found)) => switch_on(account, name, found, before),
            (Self::Delete(devices), Some(found)) => deletion(account, name, found, devices),
            (Self::Recreate(calls), found) => still_to_make(account, found, calls),
            (_, None) => Vec::new(),
        })
    }

    /// Whether it is as well where what a call would have changed is not there.
    const fn is_done_without(&self, action: &Action) -> bool {
        matches!(self, Self::Off | Self::Delete(_)) || removes(action)
    }
}

/// A user under way.
pub(super) struct Work<'w, 'a> {
    pub(super) scene: &'w Scene<'a>,
    pub(super) account: AccountId,
    pub(super) name: UserName,
    pub(super) id: Option<PrincipalId>,
    pub(super) task: Task,
    pub(super) settle: Duration,
    pub(super) journal: &'w mut Journal<'a>,
    /// As it was read last.
    pub(super) last: Option<User>,
}

impl Work<'_, '_> {
    /// Goes on until two readings agree: what keeps the user from it, in words, and the user as it was read last.
    pub(super) fn run(
        mut self,
        interrupted: &AtomicBool,
    ) -> Result<(Option<String>, Option<User>), CliError> {
        let settle = self.settle;
        let left = until_two_agree(&mut self, settle, interrupted)?;
        Ok((left, self.last))
    }
}

impl Subject for Work<'_, '_> {
    fn read(&mut self) -> Result<Option<(UserName, User)>, AwsError> {
        self.scene.user(self.account, &self.name, self.id.as_ref())
    }

    fn needed(&mut self, found: Option<(&UserName, &User)>) -> Result<Vec<Measure>, CliError> {
        self.last = found.map(|(_, user)| user.clone());
        let name = found.map_or(&self.name, |(name, _)| name);
        self.task.measures(self.scene, self.account, name, self.last.as_ref())
    }

    fn take(&mut self, measures: Vec<Measure>) -> Result<Vec<String>, CliError> {
        let journal = &mut *self.journal;
        let fates = insist(Insist {
            measures: &measures,
            connections: &self.scene.connections,
            settle: Settle::default(),
            now: &Timestamp::now,
            log: &mut |note| journal.note(note),
        });
        let left = measures.iter().zip(&fates).filter_map(|(measure, taken)| {
            let why = match taken {
                Taken::Done | Taken::Instead => return None,
                Taken::Gone if self.task.is_done_without(&measure.action) => return None,
                Taken::Gone => "what it belongs to is not there any more".to_owned(),
                Taken::Refused(error) => error.to_string(),
                Taken::Left => "not tried, because what goes before it failed".to_owned(),
            };
            Some(format!("{}: {why}", report::contain::words(&measure.action)))
        });
        let left = left.collect();
        // What was just written may not be read yet; nobody here is in a hurry.
        sleep(self.settle.min(Duration::from_secs(2)));
        Ok(left)
    }

    fn say(&mut self, text: &str) {
        self.journal.say(Timestamp::now(), text);
    }
}
