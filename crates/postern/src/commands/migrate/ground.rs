//! The account that is left, and the bastion, as they answer.

use std::{thread::sleep, time::Duration};

use postern_aws::{AwsError, Connection, Kind};
use postern_estate::{Account, User, migrate::Migration};
use postern_types::{AccountId, UserArn, UserName};

use crate::{
    access::{WayIn, account_names},
    commands::contain::{Scene, Target},
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
};

/// What a stage of single users works on.
pub(crate) struct Ground<'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) migration: Migration,
}

/// Refuses a migration file of an account that the estate file does not know, or of the bastion itself.
pub(super) fn check_account(file: &EstateFile, migration: &Migration) -> Result<(), CliError> {
    let account = migration.account;
    if account == file.design.bastion.account.value {
        return Err(CliError::usage("the migration file is of the bastion, where people are moved to")
            .hint("`postern migrate plan ACCOUNT` writes that of another account"));
    }
    if account_names(&file.design).contains_key(&account) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "the migration file is of account {account}, which `{}` does not have",
        file.path.display()
    ))
    .hint("add it as [accounts.NAME], or name the right files with --estate and --file"))
}

impl<'a> Ground<'a> {
    /// Enters and reads the account, which must answer, and the bastion, as far as it does.
    pub(super) fn read(
        context: &'a Context,
        file: EstateFile,
        migration: Migration,
        way: &WayIn,
    ) -> Result<Self, CliError> {
        check_account(&file, &migration)?;
        let wanted = [migration.account, file.design.bastion.account.value];
        let scene = Scene::of(context, file, way, &wanted)?;
        let ground = Self { scene, migration };
        match ground.scene.silent.get(&ground.account()) {
            None => Ok(ground),
            Some(why) => {
                let label = ground.scene.label(ground.account());
                Err(CliError::failed(format!("{label} does not answer")).caused_by(why))
            }
        }
    }

    /// The account that is left.
    pub(crate) fn account(&self) -> AccountId {
        self.migration.account
    }

    /// The account where people go.
    pub(crate) fn bastion(&self) -> AccountId {
        self.scene.file.design.bastion.account.value
    }

    /// What stands in the account that is left.
    pub(crate) fn found(&self) -> Option<&Account> {
        self.scene.estate.accounts.get(&self.account())
    }

    pub(crate) fn user(&self, name: &UserName) -> Option<&User> {
        self.found()?.users.get(name)
    }

    pub(crate) fn arn(&self, name: &UserName) -> Result<UserArn, CliError> {
        self.scene.user_arn(self.account(), name)
    }

    pub(crate) fn target(&self, name: &UserName) -> Target {
        Target::User(self.account(), name.clone())
    }

    pub(super) fn connection(&self, account: AccountId) -> Option<&Connection> {
        self.scene.connections.get(&account)
    }

    /// The user with everything they hold.
    pub(super) fn in_full(&self, name: &UserName) -> Result<Option<User>, CliError> {
        let Some(connection) = self.connection(self.account()) else { return Ok(None) };
        Ok(patiently(|| connection.user_in_full(name))?)
    }
}

/// Asks again where AWS asks for fewer calls or gave no answer.
pub(super) fn patiently<T>(ask: impl Fn() -> Result<T, AwsError>) -> Result<T, AwsError> {
    for pause in [250, 500, 1_000, 2_000, 4_000] {
        match ask() {
            Err(error) if error.kind == Kind::Throttled || error.is_ambiguous() => {
                sleep(Duration::from_millis(pause));
            }
            answer => return answer,
        }
    }
    ask()
}
