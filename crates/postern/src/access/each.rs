//! The way in for work that must go on where some accounts cannot be entered.

use std::collections::BTreeMap;

use postern_aws::Connection;
use postern_estate::{ADMIN_ROLE, Design};
use postern_types::{AccountId, UserName};

use super::{BASTION, Opener, WayIn, account_names, administrator, client, endpoint_of};
use crate::{
    context::Context,
    daily::{Daily, Wish},
    errors::CliError,
};

/// The accounts that could be entered, and why the others could not. Whether an account answers, and whether it is
/// the one that is meant, is not asked here: the first reading of it tells.
#[derive(Default)]
pub(crate) struct Entered {
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    pub(crate) refused: BTreeMap<AccountId, String>,
}

impl Entered {
    fn add(&mut self, account: AccountId, result: Result<Connection, CliError>) {
        match result {
            Ok(connection) => {
                self.connections.insert(account, connection);
            }
            Err(error) => {
                let why = error.causes.first().unwrap_or(&error.message).clone();
                self.refused.insert(account, why);
            }
        }
    }
}

/// Connects to each of the accounts that can be entered, by the way that [`super::open`] takes.
///
/// `anew` takes no role credentials from the cache: they may be from before a revocation.
pub(crate) fn open_each(
    context: &Context,
    design: &Design,
    wanted: &[AccountId],
    way: &WayIn,
    anew: bool,
) -> Result<Entered, CliError> {
    if let Some(person) = &way.administrator {
        return as_administrator(context, design, wanted, person, anew);
    }
    if !way.by_profile
        && let Some(person) = administrator::logged_in(context, design)?
    {
        let entered = as_administrator(context, design, wanted, &person, anew)?;
        if !entered.connections.is_empty() {
            context.printer.status(&format!("entering as {person} through {ADMIN_ROLE}"));
            return Ok(entered);
        }
        context.printer.warning(&format!(
            "{person} cannot enter through {ADMIN_ROLE}; trying the estate file's profiles"
        ));
    }
    by_profiles(context, design, wanted)
}

fn as_administrator(
    context: &Context,
    design: &Design,
    wanted: &[AccountId],
    person: &UserName,
    anew: bool,
) -> Result<Entered, CliError> {
    let daily = Daily::open(context)?;
    let aws = client(&context.environment)?;
    let environment = context.environment.texts();
    let mut entered = Entered::default();
    for (account, name) in account_names(design).into_iter().filter(|(id, _)| wanted.contains(id)) {
        let wish = Wish { person: Some(person), ..Wish::default() };
        let connection = daily.destination(&format!("{name}/{ADMIN_ROLE}"), &wish).and_then(|destination| {
            if let Some(key) = destination.way.role_key(0).filter(|_| anew) {
                postern_broker::SessionCache::forget_role(&daily.cache, &key).map_err(|error| {
                    CliError::failed("the cached session cannot be removed").caused_by(error)
                })?;
            }
            let credentials = daily.obtain(&destination, None)?.issued.credentials();
            let endpoint = endpoint_of(&environment, None, design, account);
            Ok(aws.connect(endpoint, credentials, Some(account)))
        });
        entered.add(account, connection);
    }
    Ok(entered)
}

fn by_profiles(context: &Context, design: &Design, wanted: &[AccountId]) -> Result<Entered, CliError> {
    let opener = Opener {
        aws: client(&context.environment)?,
        daily: Daily::open(context)?,
        environment: context.environment.texts(),
        design,
    };
    let mut entered = Entered::default();
    let bastion = opener.bastion();
    let mut by_role = Vec::new();
    for (name, account) in design.accounts.iter().filter(|(_, account)| wanted.contains(&account.id.value)) {
        let id = account.id.value;
        match (&account.profile, &bastion) {
            (Some(profile), _) => entered.add(id, opener.by_profile(&profile.value, id)),
            (None, Ok(_)) => by_role.push((name, account)),
            (None, Err(_)) => {
                let why = format!("it is entered with the credential of `{BASTION}`, which cannot be had");
                entered.add(id, Err(CliError::failed(why)));
            }
        }
    }
    if let Ok(bastion) = &bastion {
        for (id, connection) in opener.by_roles(&by_role, bastion) {
            entered.add(id, connection);
        }
    }
    let home = design.bastion.account.value;
    if wanted.contains(&home) {
        entered.add(home, bastion);
    }
    Ok(entered)
}
