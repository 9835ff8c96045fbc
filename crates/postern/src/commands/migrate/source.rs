//! An account with what its users used: from AWS, or from files.

use postern_aws::Connection;
use postern_estate::{Account, AccountName, migrate::AccountUsage};
use postern_types::{AccountId, Timestamp};

use super::account;
use crate::{
    access::{self, WayIn},
    commands::init,
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
};

/// An account and what its users used.
pub(crate) struct Source {
    /// Its name in the estate file.
    pub(crate) name: AccountName,
    pub(crate) id: AccountId,
    pub(crate) found: Account,
    pub(crate) usage: AccountUsage,
}

impl Source {
    /// Reads the account at AWS. Its objects must be read completely; what was used, as far as AWS tells.
    pub(crate) fn live(
        context: &Context,
        file: &EstateFile,
        wanted: Option<&str>,
        way: &WayIn,
    ) -> Result<Self, CliError> {
        let (name, id) = account(&file.design, wanted)?;
        let access = access::open(context, &file.design, &[id], way)?;
        let connection = access
            .connections
            .get(&id)
            .ok_or_else(|| CliError::failed(format!("no connection to account `{name}`")))?;
        context.printer.status(&format!("reading {name} ({id}) …"));
        let found = init::read(id, connection)?;
        let usage = used(context, id, connection, &found);
        Ok(Self { name, id, found, usage })
    }
}

/// What the users of an account used until now, as far as AWS tells.
pub(super) fn used(
    context: &Context,
    id: AccountId,
    connection: &Connection,
    found: &Account,
) -> AccountUsage {
    context.printer.status("asking what was used …");
    let used = postern_aws::usage(id, connection, found, &Timestamp::now, &|error| {
        context.printer.progress(&format!("waiting: {}", error.code().unwrap_or("no answer")));
    });
    context.printer.progress_ends();
    used
}
