//! `postern migrate status`

use std::collections::BTreeSet;

use clap::Args;
use postern_estate::{
    ADMIN_ROLE, Account,
    migrate::{AccountUsage, Entry, Migration, Standing, Usage},
};
use postern_types::{Timestamp, UserName};

use super::{Ground, MigrationFile, account, estate_file, guard, source};
use crate::{
    access::WayIn,
    commands::init,
    context::Context,
    errors::{CliError, ExitStatus},
    report,
};

/// Arguments of `postern migrate status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern migrate status
  postern migrate status --json | jq '.users[] | select(.used_since)'

Reads the account and the bastion, and says of each user of the migration
file where it stands: whether the person can work without it, since when it
is off, what was used since; and the next command.

Exit codes: 0 told, 1 the account does not answer, 2 wrong usage.")]
pub(crate) struct StatusArgs {
    /// The account, by its name in the estate file [default: the migration file's]
    #[arg(value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    file: MigrationFile,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: WayIn,
}

/// A user of the account or of the file.
pub(crate) struct Row {
    pub(crate) name: UserName,
    /// What the file says; none for a user that came later.
    pub(crate) entry: Option<Entry>,
    pub(crate) place: Place,
    /// What the person lacks for working without the old user; none where nothing, and for others.
    pub(crate) lacks: Option<String>,
    /// The last sign of life, as far as it was read.
    pub(crate) last_used: Option<Timestamp>,
    /// Services that were tried since the file was written, or since the user is off.
    pub(crate) since: Vec<String>,
}

/// Where an old user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// As ever.
    On,
    /// Denied everything.
    Off {
        /// Since when; none where that is not known.
        since: Option<Timestamp>,
        /// Whether the watch time is over.
        is_watched: bool,
    },
    /// Deleted.
    Gone,
}

impl Row {
    /// Whether anything of the user was used since that is to be looked at.
    pub(crate) fn used_since(&self, start: Timestamp) -> bool {
        let start = self.place.start().unwrap_or(start);
        self.last_used.is_some_and(|at| at > start)
    }
}

impl Place {
    /// Where a user stands who is there, or is not.
    pub(crate) fn of(standing: Option<Standing>, migration: &Migration, now: Timestamp) -> Self {
        match standing {
            None => Self::Gone,
            Some(Standing::On) => Self::On,
            Some(Standing::Off { since }) => {
                let end = since.and_then(|since| since.checked_add(migration.watch).ok());
                Self::Off { since, is_watched: end.is_some_and(|end| now >= end) }
            }
        }
    }

    /// When the user was switched off.
    const fn start(self) -> Option<Timestamp> {
        match self {
            Self::Off { since, .. } => since,
            Self::On | Self::Gone => None,
        }
    }
}

pub(crate) fn run(args: &StatusArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let context = &*context;
    let file = estate_file(context)?;
    let migration = args.file.load()?;
    if let Some(wanted) = args.account.as_deref() {
        let (name, id) = account(&file.design, Some(wanted))?;
        if id != migration.account {
            return Err(CliError::usage(format!(
                "the migration file is of account {}, and `{name}` is {id}",
                migration.account
            ))
            .hint("name the right file: `--file FILE`"));
        }
    }
    let ground = Ground::read(context, file, migration, &args.way)?;
    let account = ground.account();
    let Some(connection) = ground.connection(account) else {
        return Err(CliError::failed("no connection to the account"));
    };
    // With everybody's keys, which only here matter of users that postern did not make.
    let found = init::read(account, connection)?;
    let used = source::used(context, account, connection, &found);
    let now = Timestamp::now();
    let rows = rows(&ground, &found, &used, now);
    let silent = ground.scene.silent.iter().map(|(id, why)| format!("{}: {why}", ground.scene.label(*id)));
    let gaps: Vec<String> = silent.chain(used.gaps).collect();
    let picture = report::migrate::status::Picture {
        label: ground.scene.label(account),
        migration: &ground.migration,
        now,
        has_roles: found.roles.keys().any(|role| role.as_str() == ADMIN_ROLE),
        rows: &rows,
        gaps: &gaps,
    };
    let text = if args.json { picture.json() } else { picture.text(context.printer.width()) };
    context.printer.data(&text)?;
    Ok(ExitStatus::Done)
}

/// Every user of the file and of the account.
fn rows(ground: &Ground<'_>, found: &Account, used: &AccountUsage, now: Timestamp) -> Vec<Row> {
    let names = ground.migration.users.keys().chain(found.users.keys());
    let names: BTreeSet<&UserName> = names.collect();
    let row = |name: &UserName| {
        let entry = ground.migration.users.get(name).cloned();
        let standing = found.users.get(name).map(Standing::of);
        let place = Place::of(standing, &ground.migration, now);
        let usage = used.users.get(name);
        let start = place.start().unwrap_or(ground.migration.read_at);
        let person = entry.as_ref().and_then(Entry::person).filter(|_| place == Place::On);
        Row {
            name: name.clone(),
            lacks: person.and_then(|person| guard::not_ready(ground, person)),
            place,
            last_used: usage.and_then(Usage::last_used),
            since: usage.map(|usage| services_since(usage, start)).unwrap_or_default(),
            entry,
        }
    };
    names.into_iter().map(row).collect()
}

fn services_since(usage: &Usage, start: Timestamp) -> Vec<String> {
    let since = usage.used_services().filter(|service| service.last.is_some_and(|at| at > start));
    since.map(|service| service.namespace.clone()).collect()
}
