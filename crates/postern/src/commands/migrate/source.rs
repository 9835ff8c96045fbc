//! An account with what its users used: from AWS, or from files.

use std::path::Path;

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
    snapshot,
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

    /// Reads the account from files.
    pub(crate) fn of_snapshot(
        file: &EstateFile,
        wanted: Option<&str>,
        path: &Path,
    ) -> Result<Self, CliError> {
        let design = &file.design;
        let one = match (wanted, design.accounts.len()) {
            (None, 2..) => None,
            _ => Some(account(design, wanted)?.1),
        };
        let read = snapshot::read(path, one)?;
        let name = design.accounts.iter().find(|(_, known)| known.id.value == read.account);
        let Some((name, _)) = name else {
            return Err(CliError::usage(format!(
                "the snapshot is of account {}, which `{}` does not have",
                read.account,
                file.path.display()
            ))
            .hint("add it as [accounts.NAME], or name another snapshot"));
        };
        Ok(Self { name: name.clone(), id: read.account, found: read.found, usage: read.usage })
    }
}

/// What the users of an account used until now, as far as AWS tells.
pub(crate) fn used(
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
