//! `postern migrate plan`

use std::path::{Path, PathBuf};

use clap::Args;
use postern_estate::{
    Quotas,
    migrate::{Migration, Proposer, Window},
};
use postern_types::{PolicyArn, SignedDuration};

use super::{DEFAULT_FILE, Source, estate_file, outlooks};
use crate::{
    access::WayIn,
    commands::contain::Age,
    context::Context,
    errors::{CliError, ExitStatus},
    report,
    whole_file::{self, Mode, PUBLIC},
};

/// Arguments of `postern migrate plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern migrate plan                      the estate file's only account
  postern migrate plan prod                 one of several
  postern migrate plan --snapshot DIR       from files, without calling AWS
  postern migrate plan --json | jq '.users[] | select(.kind == \"unused\")'

Reads the account's users, what they may do and what they used, and changes
nothing. Says of each user who or what is behind it and why; of people, what
they could do and what the estate's roles leave of what they used; of
programs, what would serve them better than keys. Writes that down in
migration.toml, for you to correct: the stages go by it. To a migration file
that is there only users that came later are added, unless --force.

Exit codes: 0 told, 1 the account could not be read, 2 wrong usage.")]
pub(crate) struct PlanArgs {
    /// The account, by its name in the estate file [default: the only one]
    #[arg(value_name = "ACCOUNT")]
    account: Option<String>,
    /// Read a snapshot instead of AWS: a directory, or an authorization-details.json
    #[arg(long, value_name = "PATH", conflicts_with_all = ["administrator", "by_profile"])]
    snapshot: Option<PathBuf>,
    /// Where to write the migration file [default: migration.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Begin a migration file that is there anew, without what was corrected in it
    #[arg(long)]
    force: bool,
    /// After how long without a use a user counts as unused, as `90d`
    #[arg(long, value_name = "AGE", default_value = "90d")]
    unused_after: Age,
    #[command(flatten)]
    way: WayIn,
}

pub(crate) fn run(args: &PlanArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let context = &*context;
    if let Some(path) = args.out.as_deref().filter(|path| path.exists() && !args.force) {
        return Err(is_there(path));
    }
    let unused_after = unused_after(args.unused_after)?;
    let file = estate_file(context)?;
    let desired = file.desired(&|_| Quotas::default())?;
    let source = match &args.snapshot {
        Some(path) => Source::of_snapshot(&file, args.account.as_deref(), path)?,
        None => Source::live(context, &file, args.account.as_deref(), &args.way)?,
    };
    let documents =
        |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
    let proposer = Proposer {
        design: &file.design,
        account: &source.name,
        id: source.id,
        found: &source.found,
        usage: &source.usage,
        documents: &documents,
        window: Window { now: source.usage.read_at, unused_after },
    };
    let window = proposer.window;
    let proposal = proposer.propose();
    let mut migration = proposal.migration.clone();
    let (users, missing) = outlooks(&file, &desired, &source, proposal);
    let picture = report::migrate::Picture { source: &source, window, users: &users, missing: &missing };
    if args.json {
        context.printer.data(&picture.json())?;
    } else {
        context.printer.data(&picture.text(context.printer.width()))?;
    }
    for user in &users {
        if let Some(entry) = migration.users.get_mut(&user.name) {
            entry.remarks.extend(report::migrate::remarks(user));
        }
    }
    save(args, context, &migration)?;
    Ok(ExitStatus::Done)
}

fn unused_after(age: Age) -> Result<SignedDuration, CliError> {
    match age {
        Age::AtMost(age) if age >= SignedDuration::from_hours(24) => Ok(age),
        _ => Err(CliError::usage("`--unused-after` wants a day at least").hint("write `90d`")),
    }
}

fn save(args: &PlanArgs, context: &Context, migration: &Migration) -> Result<(), CliError> {
    let path = args.out.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let shown = path.display();
    if path.exists() && !args.force {
        return add(context, path, migration);
    }
    let text = migration.text();
    let written = if args.force {
        whole_file::replace(path, &text, Mode::Kept(PUBLIC))
    } else {
        whole_file::create(path, &text, PUBLIC)
    };
    written.map_err(|error| CliError::failed(format!("cannot write `{shown}`")).caused_by(error))?;
    context.printer.status(&format!(
        "wrote `{shown}`: read it through, and correct it where it is wrong; then `postern migrate apply beside`"
    ));
    Ok(())
}

/// Adds to a migration file the users that came later. What people wrote in it stays, byte for byte.
fn add(context: &Context, path: &Path, migration: &Migration) -> Result<(), CliError> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        CliError::failed(format!("users that came later could not be added to `{shown}`")).caused_by(error)
    };
    let before = std::fs::read_to_string(path).map_err(failed)?;
    let Some(known) = Migration::parse(&before).ok().filter(|known| known.account == migration.account)
    else {
        context.printer.warning(&format!(
            "`{shown}` is there already and no migration file of this account, so it stays as it is; --force replaces it, --out FILE writes elsewhere"
        ));
        return Ok(());
    };
    let addition = migration.addition_to(&known);
    if addition.is_empty() {
        context.printer.status(&format!(
            "`{shown}` has all of these users and stays as it is; --force begins it anew, without what you corrected"
        ));
        return Ok(());
    }
    let after = format!("{}\n{addition}", before.trim_end());
    if Migration::parse(&after).is_err() {
        context
            .printer
            .warning(&format!("users came later that cannot be added to `{shown}`: add them by hand"));
        return Ok(());
    }
    whole_file::replace(path, &after, Mode::Kept(PUBLIC)).map_err(failed)?;
    let new: Vec<&str> = migration
        .users
        .keys()
        .filter(|name| !known.users.contains_key(*name))
        .map(|name| name.as_str())
        .collect();
    context
        .printer
        .status(&format!("added to `{shown}`: {}; the rest of it stays as it was", new.join(", ")));
    Ok(())
}

fn is_there(path: &Path) -> CliError {
    CliError::usage(format!("`{}` is there already", path.display()))
        .hint("`--force` replaces it; another `--out` writes elsewhere")
}
