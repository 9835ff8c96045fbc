//! `postern keys rotate`

mod caller;
mod journal;

use std::time::Duration;

use clap::Args;
use postern_aws::{AwsError, Credentials, enrol::EnrolError, execute::Settle};
use postern_broker::{
    KeyEntry, SecretStore, SessionCache, StoreError,
    rotate::{KeyAtAws, Proof, Rotation, Seen, Stuck, Turn, next},
};
use postern_types::{AccessKeyId, LongTermKey, MfaCode, Timestamp, UserArn, UserName};

use self::{caller::Caller, journal::Journals};
use super::{KeyOrPerson, the_one};
use crate::{
    access::{self, WayIn},
    context::Context,
    daily::Daily,
    errors::{CliError, ExitStatus},
    keystore::{self, kind_words},
    output::{GOOD, paint},
};

/// How often the same turn is tried: AWS's lists lag behind by seconds.
const TRIES: u32 = 8;

/// Arguments of `postern keys rotate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys rotate                               your only key
  postern keys rotate AKIAIOSFODNN7EXAMPLE
  postern keys rotate alice --administrator carol   by carol's rights

A new key is made, stored and proved before the old one is switched off and
deleted. Safe to interrupt: run it again, and it goes on. IAM is called with
your MFA session; people of the bastion have no rights in IAM by default, and
then an administrator does it, on the machine that is to hold the key.")]
pub(super) struct RotateArgs {
    /// The key's id, `AKIA…`, or the person whose only key it is
    #[arg(value_name = "NAME|KEY")]
    key: Option<KeyOrPerson>,
    /// The code that the MFA device shows, where there is no session yet
    #[arg(long, value_name = "CODE")]
    mfa_code: Option<MfaCode>,
    /// Call IAM as this administrator, through `postern-admin`
    #[arg(long, value_name = "NAME", help_heading = "Way in", conflicts_with = "by_profile")]
    administrator: Option<UserName>,
    /// Call IAM by the profile that the estate file names for the bastion, as before the first apply
    #[arg(long, help_heading = "Way in")]
    by_profile: bool,
}

pub(super) fn rotate(args: &RotateArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let journals = Journals::open(context)?;
    let _lock = journals.lock()?;
    let daily = Daily::open(context)?;
    let account = daily.design()?.bastion.account.value;
    let mut stored: Vec<KeyEntry> = daily.store.list()?;
    stored.retain(|key| key.account == account);
    let mut interrupted = journals.all()?;
    interrupted.retain(|rotation| rotation.account == account);
    let begun = begun(&interrupted, args.key.as_ref(), &stored)?;
    let entry = match &begun {
        Some(rotation) => own_entry(&stored, rotation)?,
        None => chosen(&stored, args.key.as_ref(), kind_words(daily.store.kind()))?,
    };
    // Before a key is made that could not be stored.
    keystore::check_passphrase(&context.environment, &daily.store)?;
    let way = WayIn::chosen(args.administrator.clone(), args.by_profile);
    let caller = Caller::new(context, &daily, &entry.user, args.mfa_code, way.as_ref())?;
    let mut run =
        Run { context, daily: &daily, journals: &journals, entry: &entry, caller, proof: Proof::None };
    let rotation = match begun {
        Some(rotation) => {
            context.printer.status(&format!("going on with the replacement of key {}", rotation.old));
            rotation
        }
        None => run.begin()?,
    };
    run.finish(rotation)
}

/// Says which rotations were begun and not ended. What keeps it from being known is no reason to do nothing else.
pub(super) fn warn_of_begun(context: &Context) {
    if let Err(error) = tell_begun(context) {
        context.printer.warning(&error.message);
    }
}

fn tell_begun(context: &Context) -> Result<(), CliError> {
    // Where there is no directory, nothing was begun.
    if !keystore::data_dir(&context.environment)?.exists() {
        return Ok(());
    }
    for Rotation { user, old, .. } in Journals::open(context)?.all()? {
        context.printer.warning(&format!(
            "the replacement of {user}'s key {old} was interrupted; `postern keys rotate {user}` finishes it"
        ));
    }
    Ok(())
}

/// The rotation that was begun for whoever is meant. One person has one at a time: it is also meant by the id of the
/// new key.
fn begun(
    all: &[Rotation],
    wanted: Option<&KeyOrPerson>,
    stored: &[KeyEntry],
) -> Result<Option<Rotation>, CliError> {
    let user = match (wanted, all) {
        (None, [] | [_]) => return Ok(all.first().cloned()),
        (None, several) => {
            let users: Vec<&str> = several.iter().map(|rotation| rotation.user.as_str()).collect();
            return Err(CliError::usage(format!(
                "replacements of several people's keys were interrupted: {}",
                users.join(", ")
            ))
            .hint("say which is to go on: `postern keys rotate NAME`"));
        }
        (Some(KeyOrPerson::Person(user)), _) => Some(user),
        (Some(KeyOrPerson::Key(id)), all) => {
            let of_old = all.iter().find(|rotation| rotation.old == *id).map(|rotation| &rotation.user);
            of_old.or_else(|| stored.iter().find(|key| key.id == *id).map(|key| &key.user))
        }
    };
    Ok(all.iter().find(|rotation| Some(&rotation.user) == user).cloned())
}

/// The entry whose device and user go on: that of the old key, or after it was removed that of the new one.
fn own_entry(stored: &[KeyEntry], rotation: &Rotation) -> Result<KeyEntry, CliError> {
    let of_user = || stored.iter().filter(|key| key.user == rotation.user);
    let found =
        of_user().find(|key| key.id == rotation.old).or_else(|| of_user().max_by_key(|key| key.added_at));
    found.cloned().ok_or_else(|| {
        CliError::failed(format!("the replacement of {}'s key was begun in another key store", rotation.user))
            .hint("choose that one: POSTERN_STORE, or `store` in the settings")
    })
}

fn chosen(stored: &[KeyEntry], wanted: Option<&KeyOrPerson>, place: &str) -> Result<KeyEntry, CliError> {
    match (wanted, stored) {
        (Some(wanted), stored) => the_one(stored.to_vec(), wanted, place),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(CliError::failed(format!("there is no key in {place}"))
            .hint("`postern people enrol NAME` makes one")),
        (None, _) => Err(CliError::usage(format!("there are several keys in {place}"))
            .hint("say which one: `postern keys rotate NAME|KEY`; `postern keys list` shows them")),
    }
}

struct Run<'a> {
    context: &'a Context,
    daily: &'a Daily<'a>,
    journals: &'a Journals,
    entry: &'a KeyEntry,
    caller: Caller<'a>,
    proof: Proof,
}

impl Run<'_> {
    /// Looks before anything is done, and writes down what was there.
    fn begin(&mut self) -> Result<Rotation, CliError> {
        let seen = self.look()?;
        let mut before: Vec<AccessKeyId> = seen.at_aws.iter().map(|key| key.id.clone()).collect();
        before.extend(seen.stored.iter().cloned());
        let KeyEntry { id, user, account, .. } = self.entry;
        let (user, account) = (user.clone(), *account);
        let rotation = Rotation { user, account, old: id.clone(), before, asked_at: None };
        next(&rotation, &seen).map_err(|stuck| self.stuck(&rotation, &seen, stuck))?;
        self.journals.write(&rotation)?;
        Ok(rotation)
    }

    fn look(&mut self) -> Result<Seen, CliError> {
        let stored = self.daily.store.list()?;
        let stored =
            stored.into_iter().filter(|key| key.user == self.entry.user && key.account == self.entry.account);
        let stored = stored.map(|key| key.id).collect();
        loop {
            match self.caller.connection().access_keys_in_use(&self.entry.user) {
                Ok(at_aws) => return Ok(Seen { at_aws, stored, proof: self.proof }),
                Err(error) => self.caller.recover(error)?,
            }
        }
    }

    fn finish(&mut self, mut rotation: Rotation) -> Result<ExitStatus, CliError> {
        let (mut last, mut tries) = (None, 0);
        loop {
            let seen = self.look()?;
            let turn = next(&rotation, &seen).map_err(|stuck| self.stuck(&rotation, &seen, stuck))?;
            tries = if last.as_ref() == Some(&turn) { tries + 1 } else { 0 };
            if tries > TRIES {
                return Err(no_effect(&turn));
            }
            if tries > 0 {
                // What was done a moment ago does not show yet: half a second, then longer.
                std::thread::sleep(Duration::from_millis(250) * 2_u32.pow(tries.min(6)));
            }
            match &turn {
                Turn::Create => self.create(&mut rotation)?,
                Turn::DeleteLost(id) => self.delete(id, "which an interrupted run made, its secret lost")?,
                Turn::Await(_) => {}
                Turn::Prove(id) => self.prove(id, &rotation, &seen)?,
                Turn::Deactivate(id) => self.deactivate(id)?,
                Turn::Delete(id) => self.delete(id, "the old one")?,
                Turn::Forget(id) => self.forget(id)?,
                Turn::Done(id) => return self.done(&rotation, id),
            }
            last = Some(turn);
        }
    }

    fn say(&self, text: &str) {
        self.context.printer.status(&format!("{} {text}", paint(GOOD, "✓")));
    }

    /// Makes a key and stores it. What fails for certain leaves nothing behind; what is uncertain is found by
    /// the next look.
    fn create(&mut self, rotation: &mut Rotation) -> Result<(), CliError> {
        let first = rotation.asked_at.is_none();
        rotation.asked_at = Some(Timestamp::now());
        self.journals.write(rotation)?;
        let user = &self.entry.user;
        let key = match self.caller.connection().create_access_key(user) {
            Ok(key) => key,
            Err(EnrolError::Aws(error)) => {
                if first && !error.is_ambiguous() {
                    self.journals.remove(rotation)?;
                }
                return self.caller.recover(error);
            }
            Err(error) => {
                return Err(CliError::failed(format!("no new key could be made for {user}"))
                    .caused_by(error)
                    .hint("AWS's lists lag behind: run the command again in a minute"));
            }
        };
        let entry = KeyEntry { id: key.id.clone(), added_at: Timestamp::now(), ..self.entry.clone() };
        if let Err(error) = self.daily.store.put(&entry, &key) {
            let left = match self.caller.connection().delete_access_key(user, &key.id) {
                Ok(()) => format!("the new key {} was deleted again; the old one is as it was", key.id),
                Err(_) => format!("the new key {} could not be deleted again: the next run does it", key.id),
            };
            return Err(CliError::from(error).hint(left));
        }
        self.say(&format!("new key {} is in {}", key.id, kind_words(self.daily.store.kind())));
        Ok(())
    }

    /// Calls AWS with the new key, with patience: it may be unknown for some seconds.
    fn prove(&mut self, id: &AccessKeyId, rotation: &Rotation, seen: &Seen) -> Result<(), CliError> {
        let KeyEntry { user, account, .. } = self.entry;
        let gone = || CliError::failed(format!("key {id} went from the key store"));
        let beside_old = seen.at_aws.iter().any(|key| key.id == rotation.old && key.active);
        let key: LongTermKey = match self.daily.store.get(id) {
            // Cut off while it was written, it is as good as never stored: the next look finds it lost.
            Err(StoreError::Damaged { .. }) if beside_old => {
                self.daily.store.remove(id)?;
                return Ok(());
            }
            found => found?.ok_or_else(gone)?,
        };
        let endpoint =
            access::endpoint_of(&self.context.environment.texts(), None, self.daily.design()?, *account);
        let connection = access::client(&self.context.environment)?.connect(
            endpoint,
            Credentials::from(&key),
            Some(*account),
        );
        let identity = connection.caller_identity_in_time(Settle::default()).map_err(|error| {
            CliError::from(error)
                .hint(format!("the old key {} is as it was; run the command again", rotation.old))
        })?;
        let is_users = identity
            .arn
            .as_str()
            .parse::<UserArn>()
            .is_ok_and(|arn| arn.name() == user && arn.account() == *account);
        if !is_users {
            return Err(CliError::failed(format!(
                "the new key {id} belongs to somebody else: {}",
                identity.arn
            )));
        }
        self.proof = if beside_old { Proof::BesideOld } else { Proof::Alone };
        if beside_old {
            self.say("AWS takes the new key");
        } else {
            self.say("AWS takes the new key without the old one");
        }
        Ok(())
    }

    fn deactivate(&mut self, id: &AccessKeyId) -> Result<(), CliError> {
        match self.caller.connection().deactivate_access_key(&self.entry.user, id) {
            Ok(()) => self.say(&format!("AWS does not take the old key {id} any more")),
            Err(error) => self.recover(error)?,
        }
        Ok(())
    }

    fn delete(&mut self, id: &AccessKeyId, which: &str) -> Result<(), CliError> {
        match self.caller.connection().delete_access_key(&self.entry.user, id) {
            Ok(()) => self.say(&format!("key {id}, {which}, is deleted at AWS")),
            Err(error) => self.recover(error)?,
        }
        Ok(())
    }

    /// As the caller's, where a new key is there already.
    fn recover(&mut self, error: AwsError) -> Result<(), CliError> {
        self.caller.recover(error).map_err(|error| {
            error.hint("the new key is stored and works; run the command again to get rid of the old one")
        })
    }

    fn forget(&mut self, id: &AccessKeyId) -> Result<(), CliError> {
        self.daily.store.remove(id)?;
        self.say(&format!("old key {id} is removed from {}", kind_words(self.daily.store.kind())));
        Ok(())
    }

    fn done(&mut self, rotation: &Rotation, new: &AccessKeyId) -> Result<ExitStatus, CliError> {
        // They were taken with a key that is no more; AWS does not say how long it goes on with them.
        for session in self.daily.cache.sessions()? {
            if session.entry.id == rotation.old {
                self.daily.cache.forget_session(&session.key)?;
            }
        }
        self.daily.cache.forget_hot()?;
        self.journals.remove(rotation)?;
        self.context.printer.status(&format!(
            "{}'s key is {new} now; the next command that needs it asks for an MFA code",
            rotation.user
        ));
        Ok(ExitStatus::Done)
    }

    fn stuck(&self, rotation: &Rotation, seen: &Seen, stuck: Stuck) -> CliError {
        let user = &rotation.user;
        match stuck {
            Stuck::Limit { others } => {
                let mut error = CliError::failed(format!(
                    "{user} has two access keys, as many as AWS allows: a new one has no room"
                ));
                for key in &others {
                    error = error.caused_by(describe(key, seen.stored.contains(&key.id)));
                }
                let id = others.first().map_or("KEY", |key| key.id.as_str());
                error.hint(format!(
                    "if nothing uses it, delete it: aws iam delete-access-key --user-name {user} --access-key-id {id}"
                ))
            }
            Stuck::OldGone { old } => CliError::failed(format!("AWS has no key {old} of {user}"))
                .hint(format!("it was deleted there: `postern keys remove {old}`"))
                .hint(format!("an administrator makes a new one: `postern people enrol {user}`")),
            Stuck::NewInactive { new } => {
                CliError::failed(format!("the new key {new} of {user} was switched off"))
                    .hint("somebody did that at AWS: ask why before it is switched on again")
            }
            other => CliError::failed(other.to_string()),
        }
    }
}

/// A key that is in the way, and what speaks for deleting it.
fn describe(key: &KeyAtAws, stored: bool) -> String {
    let day = |at: Timestamp| at.to_string().chars().take(10).collect::<String>();
    let made = key.created_at.map(|at| format!(", made {}", day(at))).unwrap_or_default();
    let used = key
        .used_at
        .map_or_else(|| ", no use of it known".to_owned(), |at| format!(", last used {}", day(at)));
    let active = if key.active { "active" } else { "inactive" };
    let here = if stored { "in this key store too" } else { "not in this key store" };
    format!("the other is {} ({active}{made}{used}), {here}", key.id)
}

/// AWS shows no effect of what was done, however long one waits.
fn no_effect(turn: &Turn) -> CliError {
    match turn {
        Turn::Await(id) => CliError::failed(format!(
            "AWS does not show the new key {id}, which is in the key store"
        ))
        .hint(format!("if somebody deleted it at AWS, `postern keys remove {id}` and run the command again")),
        _ => CliError::failed("AWS does not show what was done to the keys")
            .hint("run the command again in a minute; it goes on where it is"),
    }
}
