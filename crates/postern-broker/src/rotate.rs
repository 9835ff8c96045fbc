//! Replacing a long-term key by a new one, so that it may be killed anywhere and run again.
//!
//! [`next`] looks at three things: what was written down when the rotation began ([`Rotation`]), what
//! AWS and the key store show now ([`Seen`]), and says the one thing to do next. It keeps no position: whatever
//! was done shows itself. Only what cannot show itself is written down: which keys there were before, and when a
//! new one was asked for.

use postern_types::{AccessKeyId, AccountId, SignedDuration, Timestamp, UserName};

/// Access keys that AWS gives a user.
pub const MOST_KEYS: usize = 2;

/// How far AWS's time of a key's making may lie from ours of asking for it: the skew that a signature bears,
/// and a slow answer.
const ATTEMPT_WINDOW: SignedDuration = SignedDuration::from_mins(6);

/// What is written down when a rotation begins. None of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Whose key.
    pub user: UserName,
    /// Where the user lives.
    pub account: AccountId,
    /// The key that is replaced.
    pub old: AccessKeyId,
    /// Every key of the user, at AWS or in the key store, when it began.
    pub before: Vec<AccessKeyId>,
    /// When a new key was last asked for; written before the call.
    pub asked_at: Option<Timestamp>,
}

/// A key of the user as AWS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAtAws {
    /// Its id.
    pub id: AccessKeyId,
    /// Whether AWS takes it.
    pub active: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was last used; none where it never was, or AWS does not tell.
    pub used_at: Option<Timestamp>,
}

/// How far the new key has proved itself in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Not yet.
    #[default]
    None,
    /// AWS took it while the old key was active too.
    BesideOld,
    /// AWS took it when the old key was not active any more.
    Alone,
}

/// What is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The user's keys at AWS.
    pub at_aws: Vec<KeyAtAws>,
    /// Keys of the user in the key store.
    pub stored: Vec<AccessKeyId>,
    /// What was proved in this run.
    pub proof: Proof,
}

/// The one thing to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Write down the time, make a key, store it.
    Create,
    /// Delete a key that was made and whose secret was lost before it could be stored.
    DeleteLost(AccessKeyId),
    /// Look again until AWS shows the new key, which is in the store: its lists lag behind.
    Await(AccessKeyId),
    /// Call AWS with the new key.
    Prove(AccessKeyId),
    /// Make AWS refuse the old key, which can still be undone.
    Deactivate(AccessKeyId),
    /// Delete the old key at AWS.
    Delete(AccessKeyId),
    /// Remove the old key from the key store.
    Forget(AccessKeyId),
    /// Nothing is left to do: the new key is in use.
    Done(AccessKeyId),
}

/// Why it cannot go on by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stuck {
    /// The user has as many keys as AWS allows, and the others are not this rotation's.
    #[error("the user has {MOST_KEYS} access keys, as many as AWS allows")]
    Limit {
        /// The keys beside the one to be replaced.
        others: Vec<KeyAtAws>,
    },
    /// The key to be replaced is not among the user's keys any more, and no new one is there.
    #[error("AWS has no key `{old}` of the user, and no new one is in the key store")]
    OldGone {
        /// The key that was to be replaced.
        old: AccessKeyId,
    },
    /// The new key was deactivated by somebody else.
    #[error("the new key `{new}` is not active at AWS")]
    NewInactive {
        /// The new key.
        new: AccessKeyId,
    },
}

/// What to do next.
///
/// # Errors
/// When only a person can decide; see [`Stuck`].
pub fn next(rotation: &Rotation, seen: &Seen) -> Result<Turn, Stuck> {
    let old = seen.at_aws.iter().find(|key| key.id == rotation.old);
    let is_new = |id: &AccessKeyId| *id != rotation.old && !rotation.before.contains(id);
    let new = seen.at_aws.iter().find(|key| is_new(&key.id) && seen.stored.contains(&key.id));
    match (new, old) {
        (None, old) => without_new(rotation, seen, old),
        (Some(new), _) if !new.active => Err(Stuck::NewInactive { new: new.id.clone() }),
        (Some(new), Some(old)) if old.active => Ok(match seen.proof {
            Proof::None => Turn::Prove(new.id.clone()),
            Proof::BesideOld | Proof::Alone => Turn::Deactivate(old.id.clone()),
        }),
        (Some(new), _) if seen.proof < Proof::Alone => Ok(Turn::Prove(new.id.clone())),
        (Some(_), Some(old)) => Ok(Turn::Delete(old.id.clone())),
        (Some(_), None) if seen.stored.contains(&rotation.old) => Ok(Turn::Forget(rotation.old.clone())),
        (Some(new), None) => Ok(Turn::Done(new.id.clone())),
    }
}

/// No key of the store is new: none was made yet, or its secret was lost on the way.
fn without_new(rotation: &Rotation, seen: &Seen, old: Option<&KeyAtAws>) -> Result<Turn, Stuck> {
    let is_lost = |key: &&KeyAtAws| {
        key.id != rotation.old
            && !rotation.before.contains(&key.id)
            // A key that works somewhere is held by somebody.
            && key.used_at.is_none()
            && made_by_attempt(rotation, key)
    };
    let is_new = |id: &&AccessKeyId| **id != rotation.old && !rotation.before.contains(id);
    if let Some(new) = seen.stored.iter().find(is_new) {
        return Ok(Turn::Await(new.clone()));
    }
    if let Some(lost) = seen.at_aws.iter().find(is_lost) {
        return Ok(Turn::DeleteLost(lost.id.clone()));
    }
    if old.is_none() {
        return Err(Stuck::OldGone { old: rotation.old.clone() });
    }
    if seen.at_aws.len() >= MOST_KEYS {
        let others = seen.at_aws.iter().filter(|key| key.id != rotation.old).cloned().collect();
        return Err(Stuck::Limit { others });
    }
    Ok(Turn::Create)
}

/// Whether the time fits: a key that somebody else made meanwhile must not be taken for ours.
fn made_by_attempt(rotation: &Rotation, key: &KeyAtAws) -> bool {
    let (Some(asked), Some(made)) = (rotation.asked_at, key.created_at) else { return false };
    made.duration_since(asked).abs() <= ATTEMPT_WINDOW
}

#[cfg(test)]
mod tests;
