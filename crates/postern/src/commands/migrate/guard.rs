//! What is refused, so that nobody is shut out: read and evaluated, before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    ADMIN_ROLE, Account, User,
    migrate::{Entry, Kind},
};
use postern_prove::{Answer, Caller, Held, Reach, World};
use postern_types::{Timestamp, UserArn, UserName};

use super::{Ground, ground::patiently, source};
use crate::{commands::contain::managed, errors::CliError};

/// Who is named, by the migration file.
pub(super) type Entries<'m> = [(&'m UserName, &'m Entry)];

/// An old user with all that it holds.
pub(super) struct Old<'m> {
    pub(super) name: &'m UserName,
    pub(super) entry: &'m Entry,
    pub(super) user: User,
    /// When it was last used, as far as AWS tells.
    pub(super) used: Option<Timestamp>,
}

/// Those of the users that are there, in full.
pub(super) fn those_there<'m>(ground: &Ground<'_>, entries: &Entries<'m>) -> Result<Vec<Old<'m>>, CliError> {
    let mut there = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if let Some(user) = ground.in_full(name)? {
            let used = last_call(ground, &user);
            there.push(Old { name, entry, user, used });
        }
    }
    // Of those that are said to be unused more is asked: it takes AWS a while.
    let unused = there.iter().filter(|old| old.entry.kind == Kind::Unused);
    let unused: Vec<(&UserName, &User)> = unused.map(|old| (old.name, &old.user)).collect();
    let signs = last_signs(ground, &unused);
    for old in &mut there {
        old.used = old.used.max(signs.get(old.name).copied());
    }
    Ok(there)
}

/// Refuses what the file says is kept.
pub(super) fn kept(entries: &Entries<'_>) -> Result<(), CliError> {
    match entries.iter().find(|(_, entry)| entry.kind == Kind::Keep) {
        None => Ok(()),
        Some((name, _)) => {
            Err(CliError::refused(format!("the migration file says that {name} is kept as it is"))
                .hint("change its kind in the file first"))
        }
    }
}

/// Refuses people who were not yet seen where they are to be, each with the reason.
pub(super) fn people(ground: &Ground<'_>, there: &[Old<'_>]) -> Result<(), CliError> {
    let people = there.iter().filter_map(|old| Some((old.name, old.entry.person()?)));
    let missing: Vec<(&UserName, String)> =
        people.filter_map(|(name, person)| Some((name, not_ready(ground, person)?))).collect();
    let Some((first, _)) = missing.first() else { return Ok(()) };
    let error = match missing.as_slice() {
        [_] => CliError::refused(format!("{first} is still needed")),
        several => CliError::refused(format!("{} users are still needed", several.len())),
    };
    let error = missing.iter().fold(error, |error, (_, why)| error.caused_by(why));
    Err(error.hint("--anyway goes on all the same"))
}

/// What a person still lacks for working without the old user; none where they were seen to.
pub(super) fn not_ready(ground: &Ground<'_>, person: &UserName) -> Option<String> {
    let bastion = ground.bastion();
    let Some(connection) = ground.connection(bastion) else {
        return Some(format!("whether {person} can enter is not known: the bastion does not answer"));
    };
    let users = ground.scene.estate.accounts.get(&bastion).map(|found| &found.users);
    let Some(user) = users.and_then(|users| users.get(person)) else {
        return Some(format!(
            "{person} has no user in the bastion; `postern migrate apply move {person}` makes it"
        ));
    };
    let held = user.credentials.clone().unwrap_or_default();
    let keys: Vec<_> = held.access_keys.iter().filter(|(_, key)| key.active).map(|(id, _)| id).collect();
    if keys.is_empty() || held.mfa_devices.is_empty() {
        return Some(format!(
            "{person} holds no key and device in the bastion; `postern people enrol {person}` or `invite`"
        ));
    }
    let Ok(arn) = ground.scene.user_arn(bastion, person) else { return Some("no ARN".to_owned()) };
    let gets_in = |reach: &Reach| {
        reach
            .grants()
            .any(|grant| grant.held == Held::SessionWithMfa && grant.role.account() == ground.account())
    };
    if !gets_in(&ground.scene.reach_of(&arn)) {
        let account = ground.scene.label(ground.account());
        return Some(format!("{person} gets into no role of {account}; see their roles in the estate file"));
    }
    let mut unknown = None;
    for key in keys {
        match patiently(|| connection.access_key_used_at(key)) {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => unknown = Some(error.to_string()),
        }
    }
    Some(match unknown {
        Some(why) => format!("whether {person} has used the key of the bastion is not known: {why}"),
        None => format!(
            "{person} has not used the key of the bastion yet (AWS takes up to some hours to tell): `postern login`, and work a day"
        ),
    })
}

/// When any key of a user was last used, as far as AWS tells.
fn last_call(ground: &Ground<'_>, user: &User) -> Option<Timestamp> {
    let connection = ground.connection(ground.account())?;
    let keys = user.credentials.iter().flat_map(|held| held.access_keys.keys());
    let used = |key| patiently(|| connection.access_key_used_at(key)).ok().flatten();
    keys.filter_map(used).max()
}

/// The last sign of life of users, by password, key or service, as far as AWS tells; attempts that were refused count.
pub(super) fn last_signs(ground: &Ground<'_>, users: &[(&UserName, &User)]) -> BTreeMap<UserName, Timestamp> {
    let Some(connection) = ground.connection(ground.account()).filter(|_| !users.is_empty()) else {
        return BTreeMap::new();
    };
    let users = users.iter().map(|(name, user)| ((*name).clone(), (*user).clone()));
    let asked = Account { users: users.collect(), ..Account::default() };
    let context = ground.scene.context;
    let used = source::used(context, ground.account(), connection, &asked);
    for gap in &used.gaps {
        context.printer.warning(&format!("what was used is not known whole: {gap}"));
    }
    used.users.iter().filter_map(|(name, usage)| Some((name.clone(), usage.last_used()?))).collect()
}

/// Refuses users that the file has for unused, and that were used since it was written.
pub(super) fn unused(ground: &Ground<'_>, there: &[Old<'_>]) -> Result<(), CliError> {
    for old in there.iter().filter(|old| old.entry.kind == Kind::Unused) {
        if let Some(used) = old.used.filter(|used| *used > ground.migration.read_at) {
            return Err(CliError::refused(format!("{} is in use", old.name))
                .caused_by(format!("it was used at {used}, after the migration file was written"))
                .hint("find out by whom, and correct its kind in the file; --anyway goes on all the same"));
        }
    }
    Ok(())
}

/// Refuses to switch off whoever could last administer the account: with them nobody could undo it.
pub(super) fn last_way_in(ground: &Ground<'_>, there: &[Old<'_>]) -> Result<(), CliError> {
    let managed = managed();
    let world = World::new(&ground.scene.estate, ground.scene.partition(), &managed);
    let mut lost = None;
    for old in there {
        let arn = ground.arn(old.name)?;
        if administers(&world, &arn, &arn).iter().any(|with| holds(&old.user, *with)) {
            lost = Some(arn);
            break;
        }
    }
    let Some(lost) = lost else { return Ok(()) };
    let going: BTreeSet<&UserName> = there.iter().map(|old| old.name).collect();
    let others = ground.found().into_iter().flat_map(|found| found.users.keys());
    for name in others.filter(|name| !going.contains(name)) {
        let with = administers(&world, &ground.arn(name)?, &lost);
        // What they hold is read only of those for whom it counts.
        if !with.is_empty()
            && ground.in_full(name)?.is_some_and(|user| with.iter().any(|with| holds(&user, *with)))
        {
            return Ok(());
        }
    }
    if administrators_enter(ground, &world)? {
        return Ok(());
    }
    let account = ground.scene.label(ground.account());
    let why = format!(
        "no other user with a credential could undo it, and nobody with key and device gets into {ADMIN_ROLE} there"
    );
    Err(CliError::refused(format!("{} is the last administrator of {account}", lost.name()))
        .caused_by(why)
        .hint("name an administrator in the estate file, `postern apply`, and let them enrol; then run this again"))
}

/// With what a user could undo what is done to another one.
fn administers(world: &World<'_>, arn: &UserArn, other: &UserArn) -> Vec<Held> {
    let could = |held: &Held| {
        Caller::user(world, arn, *held).is_some_and(|caller| {
            ["iam:DeleteUserPolicy", "iam:UpdateAccessKey"]
                .iter()
                .all(|call| matches!(caller.may(call, other.as_str()), Answer::Allowed(_)))
        })
    };
    Held::ALL.into_iter().filter(could).collect()
}

/// Whether a user can come by this kind of credential.
fn holds(user: &User, with: Held) -> bool {
    let Some(held) = &user.credentials else { return false };
    let key = held.access_keys.values().any(|key| key.active);
    let signs_in = key || held.login_profile;
    match with {
        Held::LongTermKey => key,
        Held::SessionWithoutMfa => signs_in,
        Held::SessionWithMfa => signs_in && !held.mfa_devices.is_empty(),
    }
}

/// Whether somebody of the bastion who holds key and device gets into the administrators' role of the account.
fn administrators_enter(ground: &Ground<'_>, world: &World<'_>) -> Result<bool, CliError> {
    let Some(home) = ground.scene.estate.accounts.get(&ground.bastion()) else { return Ok(false) };
    let mut able = Vec::new();
    for (name, user) in &home.users {
        let held = user.credentials.as_ref();
        if held.is_some_and(|held| {
            held.access_keys.values().any(|key| key.active) && !held.mfa_devices.is_empty()
        }) {
            able.push(ground.scene.user_arn(ground.bastion(), name)?);
        }
    }
    let reach = Reach::of_users(world, &able);
    Ok(reach.grants().any(|grant| {
        grant.held == Held::SessionWithMfa
            && grant.role.account() == ground.account()
            && grant.role.name().as_str() == ADMIN_ROLE
    }))
}
