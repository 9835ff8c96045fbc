//! Containment itself: measures, again and again until two readings agree, then an end to sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
    thread::sleep,
    time::Duration,
};

use postern_aws::{
    AwsError,
    execute::{Insist, Settle, Taken, insist},
};
use postern_estate::{
    Action, User,
    contain::{
        LockOut, Measure, Revocation, Stage, close_trust, enforces_source_identity, is_service_linked,
    },
};
use postern_prove::Reach;
use postern_types::{AccountId, RoleArn, RoleName, SignedDuration, Timestamp, UserArn, UserName};

use super::{
    agree::{Subject, check, until_two_agree},
    journal::Journal,
    organization::Above,
    record::{Record, Records},
    scene::Scene,
    target::Target,
};
use crate::{errors::CliError, report};

/// Rounds against somebody who undoes them all, where the organization keeps the user out whatever they do: this many
/// at least, and for this many times as long as two readings are apart, for IAM takes seconds to show a change.
const ROUNDS: usize = 10;
const PAUSES: u32 = 6;
/// A session may be issued for some seconds after the user is locked out everywhere but where it was asked for.
const LONGEST_MARGIN: Duration = Duration::from_secs(5);

/// How to go about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How far apart the two readings are that must agree.
    pub(crate) settle: Duration,
    /// Devices enabled since then are taken away.
    pub(crate) devices_since: Timestamp,
    /// Whether a role is closed to everyone.
    pub(crate) close_trust: bool,
}

/// Who is contained, and what they reached before.
pub(crate) struct Case {
    pub(crate) target: Target,
    /// The user, where their account answers.
    pub(crate) user: Option<User>,
    pub(crate) arn: Option<UserArn>,
    /// What they get into, as far as it was read.
    pub(crate) reach: Reach,
    /// Every role whose sessions are ended.
    pub(crate) roles: BTreeSet<RoleArn>,
}

/// What came of it.
pub(crate) struct Carried {
    /// What was refused or not tried at the end, in words.
    pub(crate) left: Vec<String>,
    /// Sessions issued before this are ended.
    pub(crate) cut: Timestamp,
    /// What the organization came to.
    pub(crate) above: Above,
}

impl Case {
    /// Reads who is meant, and what they reach: now, by the estate file, and by an earlier run that began this.
    pub(crate) fn read(scene: &Scene<'_>, target: Target, before: Option<&Record>) -> Result<Self, CliError> {
        let mut case =
            Self { target, user: None, arn: None, reach: Reach::default(), roles: BTreeSet::new() };
        match &case.target {
            Target::User(account, name) => {
                let id = scene
                    .estate
                    .accounts
                    .get(account)
                    .and_then(|found| found.users.get(name))
                    .and_then(|user| user.id.clone());
                let found = match scene.user(*account, name, id.as_ref()) {
                    Ok(found) => found.map(|(_, user)| user),
                    Err(error) => {
                        scene.context.printer.warning(&format!("{name} could be read in part only: {error}"));
                        scene.estate.accounts.get(account).and_then(|found| found.users.get(name)).cloned()
                    }
                };
                if scene.connections.contains_key(account) && found.is_none() {
                    return Err(CliError::usage(format!("{} has no user `{name}`", scene.label(*account))));
                }
                let arn = scene.user_arn(*account, name)?;
                case.user = found;
                case.reach = scene.reach_of(&arn);
                case.roles = scene.roles_of(&arn, &case.reach);
                case.arn = Some(arn);
            }
            Target::Role(account, name) => match scene.role_arn(*account, name) {
                Some(role) => case.roles = scene.roles_behind(&role),
                None => {
                    let why = scene.silent.get(account).map_or("there is no such role", String::as_str);
                    return Err(CliError::failed(format!(
                        "the role `{name}` of {} cannot be contained: {why}",
                        scene.label(*account)
                    )));
                }
            },
        }
        case.roles.extend(before.into_iter().flat_map(Record::roles));
        Ok(case)
    }

    /// What locks the user out, as they were read.
    pub(crate) fn lock_out(&self, scene: &Scene<'_>, settings: &Settings) -> Result<Vec<Measure>, CliError> {
        match (&self.target, &self.user) {
            (Target::User(account, name), Some(user)) => lock_out(scene, *account, name, user, settings),
            _ => Ok(Vec::new()),
        }
    }

    /// What ends the sessions that were issued before this, in the accounts that answer.
    pub(crate) fn revocations(&self, scene: &Scene<'_>, before: Timestamp) -> Result<Vec<Measure>, CliError> {
        let mut measures = Vec::new();
        for arn in &self.roles {
            let Some(role) = scene.role(arn).filter(|role| !is_service_linked(role)) else { continue };
            let how = match self.by_source_identity(scene, arn) {
                Some(user) => Revocation::Of(user),
                None => Revocation::IssuedBefore(before),
            };
            measures.extend(how.measure(arn.account(), arn.name(), role).map_err(unexpected)?);
        }
        Ok(measures)
    }

    /// The person, where a role that they enter directly makes everyone say who they are, so that only their
    /// sessions need an end. Sessions chained from elsewhere may carry no name.
    pub(crate) fn by_source_identity(&self, scene: &Scene<'_>, arn: &RoleArn) -> Option<UserName> {
        let (user, person) = (self.user.as_ref()?, self.arn.as_ref()?);
        let enforced = enforces_source_identity(arn, scene.role(arn)?, person, user);
        let chained = || self.roles.iter().any(|from| from != arn && scene.roles_behind(from).contains(arn));
        (enforced && !chained()).then(|| person.name().clone())
    }
}

fn unexpected(error: postern_types::ParseError) -> CliError {
    CliError::failed("a name of ours is none").caused_by(error)
}

fn lock_out(
    scene: &Scene<'_>,
    account: AccountId,
    name: &UserName,
    user: &User,
    settings: &Settings,
) -> Result<Vec<Measure>, CliError> {
    let lock = LockOut { account, partition: scene.partition(), devices_since: settings.devices_since };
    lock.measures(name, user).map_err(unexpected)
}

/// A containment under way.
pub(crate) struct Carry<'s, 'a> {
    pub(crate) scene: &'s mut Scene<'a>,
    pub(crate) case: &'s mut Case,
    pub(crate) settings: Settings,
    pub(crate) records: &'s Records,
    pub(crate) record: &'s mut Record,
    pub(crate) journal: &'s mut Journal<'a>,
    pub(crate) interrupted: &'s AtomicBool,
    /// The roles by which this run works.
    pub(crate) own: BTreeMap<AccountId, RoleName>,
    /// What the organization came to so far.
    pub(crate) above: Above,
}

impl Carry<'_, '_> {
    /// Has the organization deny, locks out, ends sessions at once, locks out until two readings agree, and ends the
    /// sessions that were taken meanwhile.
    pub(crate) fn run(mut self) -> Result<Carried, CliError> {
        self.record.add_roles(&self.case.roles);
        self.above = self.deny_above()?;
        let mut left = Vec::new();
        if matches!(self.case.target, Target::User(..)) {
            let now = Timestamp::now();
            let lock = self.case.lock_out(self.scene, &self.settings)?;
            self.note_user(&lock);
            let mut measures = lock;
            measures.extend(self.case.revocations(self.scene, now)?);
            let _ = self.take_until(measures, Some(now))?;
            if matches!(self.above, Above::Not { passing: true, .. }) {
                self.above = self.deny_above()?;
            }
            if self.scene.connections.contains_key(&self.case.target.account()) {
                let (settle, interrupted) = (self.settings.settle, self.interrupted);
                left.extend(until_two_agree(&mut self, settle, interrupted)?);
            }
        }
        let margin = SignedDuration::try_from(self.settings.settle.min(LONGEST_MARGIN)).unwrap_or_default();
        let cut = Timestamp::now().checked_add(margin).unwrap_or(Timestamp::MAX);
        let mut measures = self.case.revocations(self.scene, cut)?;
        if let (Target::Role(account, name), true) = (&self.case.target, self.settings.close_trust)
            && let Some(role) =
                self.scene.estate.accounts.get(account).and_then(|found| found.roles.get(name))
        {
            measures.extend(close_trust(*account, self.scene.partition(), name, role));
        }
        left.extend(self.take_until(measures, Some(cut))?);
        check(self.interrupted)?;
        let own = self.own.iter().filter(|(account, own)| {
            self.case.roles.iter().any(|role| role.account() == **account && role.name() == *own)
        });
        let own: BTreeSet<AccountId> = own.map(|(account, _)| *account).collect();
        if !own.is_empty() {
            // Sessions of our own that are issued before that would be ended too.
            wait_until(cut);
            self.scene.reenter(&own)?;
        }
        Ok(Carried { left, cut, above: self.above })
    }

    fn note_user(&mut self, lock: &[Measure]) {
        let Target::User(account, name) = &self.case.target else { return };
        let (Some(user), Some(found)) = (&self.case.user, self.scene.estate.accounts.get(account)) else {
            return;
        };
        if self.record.awaits_user() {
            let mut found = found.clone();
            found.users.insert(name.clone(), user.clone());
            self.record.note_user(lock, &found);
        }
    }

    /// Takes measures, having written down what they change; what was not taken, in words.
    fn take_until(
        &mut self,
        mut measures: Vec<Measure>,
        cut: Option<Timestamp>,
    ) -> Result<Vec<String>, CliError> {
        for measure in &measures {
            if matches!(measure.stage, Stage::RoleSessions | Stage::Trust)
                && let Some(found) = self.scene.estate.accounts.get(&measure.account)
            {
                self.record.note(measure, found);
            }
        }
        self.record.revoked_before = self.record.revoked_before.max(cut);
        self.records.write(&self.case.target, self.record)?;
        // What ends the sessions of this very run comes last in its account.
        let own_measure = |measure: &Measure| matches!(&measure.action, Action::PutRolePolicy { role, .. } if self.own.get(&measure.account) == Some(role));
        measures.sort_by_cached_key(|measure| (own_measure(measure), measure.stage));
        let journal = &mut *self.journal;
        let fates = insist(Insist {
            measures: &measures,
            connections: &self.scene.connections,
            settle: Settle { total: Duration::from_secs(20), ..Settle::default() },
            now: &Timestamp::now,
            log: &mut |note| journal.note(note),
        });
        let ended: BTreeSet<AccountId> = measures
            .iter()
            .zip(&fates)
            .filter(|(measure, taken)| **taken == Taken::Done && own_measure(measure))
            .map(|(measure, _)| measure.account)
            .collect();
        if let Some(cut) = cut.filter(|_| !ended.is_empty()) {
            wait_until(cut);
            self.scene.reenter(&ended)?;
        }
        let not_taken = measures.iter().zip(&fates).filter_map(|(measure, taken)| {
            let why = match taken {
                Taken::Refused(error) => error.to_string(),
                Taken::Left => "not tried, because what goes before it failed".to_owned(),
                _ => return None,
            };
            let whereabouts = self.scene.label(measure.account);
            Some(format!("{} in {whereabouts}: {why}", report::contain::words(&measure.action)))
        });
        Ok(not_taken.collect())
    }
}

impl Subject for Carry<'_, '_> {
    fn read(&mut self) -> Result<Option<(UserName, User)>, AwsError> {
        let Target::User(account, name) = &self.case.target else { return Ok(None) };
        let id = self.case.user.as_ref().and_then(|user| user.id.as_ref());
        self.scene.user(*account, name, id)
    }

    fn needed(&mut self, found: Option<(&UserName, &User)>) -> Result<Vec<Measure>, CliError> {
        let account = self.case.target.account();
        let Some((name, user)) = found else {
            let gone = self.case.target.name().to_owned();
            self.say(&format!("the user {gone} is deleted"));
            self.case.user = None;
            return Ok(Vec::new());
        };
        self.case.user = Some(user.clone());
        lock_out(self.scene, account, name, user, &self.settings)
    }

    fn take(&mut self, measures: Vec<Measure>) -> Result<Vec<String>, CliError> {
        self.take_until(measures, None)
    }

    fn say(&mut self, text: &str) {
        self.journal.say(Timestamp::now(), text);
    }

    fn in_vain(&self, rounds: usize, since: Duration) -> Option<String> {
        let long = rounds > ROUNDS && since > self.settings.settle * PAUSES;
        (self.above == Above::Denied && long).then(|| {
            format!(
                "somebody undoes in {} what is done to {}; the deny of the organization is out of their reach",
                self.scene.label(self.case.target.account()),
                self.case.target.name()
            )
        })
    }
}

/// Issue times have whole seconds: one second more than the wait itself.
fn wait_until(time: Timestamp) {
    let left = time.duration_since(Timestamp::now()) + SignedDuration::from_secs(1);
    if let Ok(left) = Duration::try_from(left) {
        sleep(left);
    }
}
