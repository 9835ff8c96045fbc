//! An account with what its users used: from AWS, or from files.

use std::path::Path;

use postern_estate::{Account, AccountName, migrate::AccountUsage};
use postern_types::{AccountId, Timestamp};

use super::account;
use crate::{
    access::{self, WayIn},
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
        let found = crate::commands::init::read(id, connection)?;
        let usage = AccountUsage { read_at: Timestamp::now(), users: Default::default(), gaps: Vec::new() };
        Ok(Self { name, id, found, usage })
    }
}
