//! Reads that are behind: IAM is eventually consistent, and what was written is not everywhere at once.

use std::collections::VecDeque;

use postern_types::{AccountId, SignedDuration, Timestamp};

use crate::{
    model::{Account, State},
    protocol::Asked,
    trail::is_read,
};

/// What each account was before each of its changes, as far back as reads look.
pub(super) struct Past {
    behind: SignedDuration,
    before: VecDeque<(Timestamp, Account)>,
}

impl Past {
    pub(super) fn new(seconds: u32) -> Self {
        Self { behind: SignedDuration::from_secs(i64::from(seconds)), before: VecDeque::new() }
    }

    /// There is another state now, which has no past.
    pub(super) fn forget(&mut self) {
        self.before.clear();
    }

    /// Before a call of IAM: what it may change is remembered, and what it reads is as it was. Gives back the present
    /// account, which is to be put in its place again after the call.
    pub(super) fn before(
        &mut self,
        asked: &Asked,
        account: AccountId,
        state: &mut State,
        now: Timestamp,
    ) -> Option<Account> {
        if asked.service != "iam" {
            return None;
        }
        let since = now.checked_sub(self.behind).unwrap_or(Timestamp::MIN);
        while self.before.front().is_some_and(|(at, _)| *at <= since) {
            self.before.pop_front();
        }
        let present = state.accounts.get_mut(&account)?;
        if !asked.operation.as_deref().is_none_or(is_read) {
            self.before.push_back((now, present.clone()));
            return None;
        }
        // The oldest change that is too young to be seen: before it the account was what is seen.
        let (_, then) = self.before.iter().find(|(_, then)| then.id == account)?;
        Some(std::mem::replace(present, then.clone()))
    }
}
