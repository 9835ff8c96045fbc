//! The way in after the first `apply`: an administrator's MFA session and the role `postern-admin`.

use std::collections::BTreeMap;

use postern_aws::Connection;
use postern_estate::{ADMIN_ROLE, Design};
use postern_types::{AccountId, SignedDuration, Timestamp, UserName};

use super::{Access, account_names, client, endpoint_of};
use crate::{
    context::Context,
    daily::{Daily, Wish},
    errors::CliError,
};

/// `postern-admin` wants a code that is less than an hour old; a little is left for the calls themselves.
const GREATEST_AGE: SignedDuration = SignedDuration::from_mins(55);

/// The administrator who is logged in with a code that is fresh enough, if there is one. Asks nobody.
pub(super) fn logged_in(context: &Context, design: &Design) -> Result<Option<UserName>, CliError> {
    let daily = Daily::open(context)?;
    let now = Timestamp::now();
    let asked: SignedDuration = design.bastion.session.into();
    let session = daily.cache.sessions()?.into_iter().find(|cached| {
        let left = cached.session.credentials.expires_at.duration_since(now);
        cached.entry.account == design.bastion.account.value
            && design.administrators.people.iter().any(|person| person.value == cached.entry.user)
            && left.is_positive()
            && asked - left < GREATEST_AGE
    });
    Ok(session.map(|cached| cached.entry.user))
}

/// Enters each of the accounts through its `postern-admin`, for this person.
pub(super) fn enter(
    context: &Context,
    design: &Design,
    wanted: &[AccountId],
    person: &UserName,
) -> Result<Access, CliError> {
    let daily = Daily::open(context)?;
    let aws = client(&context.environment)?;
    let environment = context.environment.texts();
    let mut connections: BTreeMap<AccountId, Connection> = BTreeMap::new();
    for (account, name) in account_names(design) {
        if !wanted.contains(&account) {
            continue;
        }
        let wish = Wish { person: Some(person), ..Wish::default() };
        let destination = daily.destination(&format!("{name}/{ADMIN_ROLE}"), &wish)?;
        let obtained = daily.obtain(&destination, None).map_err(|error| {
            error
                .hint(format!("`{ADMIN_ROLE}` wants a code less than an hour old: `postern login --fresh --person {person}`"))
                .hint("before the first apply there is no such role: use --by-profile")
        })?;
        let endpoint = endpoint_of(&environment, None, design, account);
        let credentials = obtained.issued.credentials();
        connections.insert(account, aws.connect(endpoint, credentials, Some(account)));
    }
    Ok(Access { connections, identified: false, organization: None, as_root: false })
}
