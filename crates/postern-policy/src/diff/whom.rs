//! Whom a difference is about, named as policies name them.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::AccountId;

use super::{
    Whom,
    callers::{self, Caller, Origin},
    pair::Pair,
};
use crate::{Document, Principal};

/// Names for the callers concerned. None where the policies name no principals, or nobody is told from others.
pub(super) fn describe(
    pair: &Pair<'_>,
    everyone: &[Caller],
    concerned: &BTreeSet<usize>,
    neutral: &BTreeSet<usize>,
) -> Vec<Whom> {
    let is = |at: usize| concerned.contains(&at);
    let counted = || everyone.iter().enumerate().filter(|(at, _)| !neutral.contains(at));
    let mut whom = BTreeSet::new();
    if !pair.named {
        // A policy of the principal itself: worth telling only where it is not all the same who that is.
        let (own, others): (Vec<_>, Vec<_>) = counted().partition(|(at, _)| is(*at));
        if others.len() > own.len() {
            whom.extend(own.into_iter().map(|(_, caller)| named(pair, caller)));
        } else if !others.is_empty() {
            let names: BTreeSet<String> =
                others.iter().map(|(_, other)| name(pair, &other.principal)).collect();
            whom.insert(Whom::AllBut { names: names.into_iter().collect() });
        }
        return whom.into_iter().collect();
    }
    let mut accounts: BTreeMap<AccountId, (bool, bool, bool)> = BTreeMap::new();
    // Of each account: whether others than those who are told from them are concerned, whether all of them
    // are, and whether all its callers are.
    for (at, caller) in counted() {
        let Some(account) = caller.principal.account().filter(|_| caller.origin != Origin::Stranger) else {
            continue;
        };
        let (some, others, all) = accounts.entry(account).or_insert((false, true, true));
        *all &= is(at);
        if matches!(caller.origin, Origin::Member | Origin::Told) {
            *some |= is(at);
            *others &= is(at);
        }
    }
    let strangers =
        || counted().filter(|(_, c)| c.origin == Origin::Stranger && c.principal.account().is_some());
    let anonymous = counted().any(|(at, caller)| caller.principal == Principal::Anonymous && is(at));
    let told = || counted().filter(|(_, caller)| caller.origin == Origin::Told);
    if strangers().next().is_some() && strangers().chain(told()).all(|(at, _)| is(at)) {
        let all = counted().all(|(at, caller)| is(at) || caller.principal.account().is_none());
        whom.insert(Whom::Anyone { without_credentials: anonymous, except_some: !all });
        return whom.into_iter().collect();
    }
    let mut whole = BTreeSet::new();
    for (account, (some, others, all)) in accounts {
        if some && others {
            whole.insert(account);
            whom.insert(Whom::Account { account, except_some: !all });
        }
    }
    for (_, caller) in counted().filter(|(at, _)| is(*at)) {
        if caller.principal.account().is_some_and(|account| whole.contains(&account)) {
            continue;
        }
        whom.insert(named(pair, caller));
    }
    whom.into_iter().collect()
}

fn named(pair: &Pair<'_>, caller: &Caller) -> Whom {
    Whom::Named { name: name(pair, &caller.principal), such_as: caller.stands_for_more }
}

/// The name that a policy has for it; else its ARN.
fn name(pair: &Pair<'_>, principal: &Principal) -> String {
    let is_written = |name: &String| {
        [pair.a, pair.b].into_iter().flat_map(Document::principals).any(|(_, pattern)| pattern.text() == name)
    };
    let own = principal.names().into_iter().filter(|name| name.len() != 12).find(is_written);
    let anonymous = || "*".to_owned();
    own.or_else(|| callers::arn(principal))
        .or_else(|| principal.names().into_iter().next())
        .unwrap_or_else(anonymous)
}
