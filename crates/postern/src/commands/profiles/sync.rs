//! `postern profiles sync`

use clap::Args;
use postern_broker::files::{
    edit,
    profile::{File, Profiles},
};

use super::block::{self, Block, BlockArgs};
use crate::{
    aws_files::{self, AwsFile, Backup},
    context::Context,
    daily::Daily,
    errors::{CliError, ExitStatus},
    output::{GOOD, paint},
    report::file_change,
};

/// Arguments of `postern profiles sync`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern profiles sync --dry-run   the change as a diff; nothing is written
  postern profiles sync             dev-developer, dev-readonly, prod-readonly
  postern profiles sync --name-format 'acme-{account}-{role}'
  postern profiles sync --remove    takes them all out again

Then `aws --profile dev-developer s3 ls` works, as does every SDK. They stand
in ~/.aws/config between two marks; outside of these nothing is touched. What
was there before is kept in ~/.aws/config.postern-backup.")]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    block: BlockArgs,
    /// Take the estate's profiles out
    #[arg(long, conflicts_with_all = ["all", "name_format", "person"])]
    remove: bool,
    /// Show the change, write nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(super) fn run(args: &SyncArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let block = match args.remove {
        true => {
            Block { estate: daily.design()?.name.value.to_string(), body: String::new(), names: Vec::new() }
        }
        false => Block::wanted(&args.block, &daily, &block::program()?)?,
    };
    let config = aws_files::config_file(&context.environment)
        .ok_or_else(|| CliError::failed("there is no place for profiles").hint("set HOME"))?;
    let shown = aws_files::shown(&config, &context.environment);
    let file = AwsFile::read(&config)?;
    let named = |error: edit::EditError| CliError::usage(format!("`{shown}`, {error}"));
    let mine = edit::without_block(file.text(), &block.estate).map_err(named)?;
    let new = edit::with_block(file.text(), &block.estate, &block.body).map_err(named)?;
    if !block.names.is_empty() {
        refuse_clashes(&mine, &block, context)?;
    }
    if new == file.text() {
        context.printer.status(&match block.names.len() {
            0 => format!("{shown} has no profiles of the estate `{}`; nothing was changed", block.estate),
            n => format!("{shown} is up to date: {}", counted(n, &block.estate)),
        });
        return Ok(ExitStatus::Done);
    }
    if args.dry_run {
        let old = config.exists().then_some(file.text());
        context.printer.data(&file_change::unified(&config.display().to_string(), old, &new))?;
        return Ok(ExitStatus::Done);
    }
    file.replace(&new, Backup::Kept)?;
    let done = paint(GOOD, "✓");
    context.printer.status(&match block.names.as_slice() {
        [] => format!("{done} the profiles of the estate `{}` are out of {shown}", block.estate),
        names => {
            let listed: String = names.iter().map(|name| format!("\n  {name}")).collect();
            format!("{done} {shown} has {}:{listed}", counted(names.len(), &block.estate))
        }
    });
    Ok(ExitStatus::Done)
}

fn counted(profiles: usize, estate: &str) -> String {
    let s = if profiles == 1 { "" } else { "s" };
    format!("{profiles} profile{s} of the estate `{estate}`")
}

/// Profiles of one's own stay: no reader of the file would tell which of two is meant.
fn refuse_clashes(mine: &str, block: &Block, context: &Context) -> Result<(), CliError> {
    let credentials = aws_files::read_credentials(&context.environment)?;
    let profiles = Profiles::parse(mine, &credentials)?;
    let clashes: Vec<String> = block
        .names
        .iter()
        .filter_map(|name| {
            let place = profiles.places(name).into_iter().next()?;
            Some(match place.file {
                File::Config => name.clone(),
                File::Credentials => format!("{name} (in the credentials file)"),
            })
        })
        .collect();
    if clashes.is_empty() {
        return Ok(());
    }
    Err(CliError::usage("profiles of these names are there already; nothing was written")
        .caused_by(clashes.join(", "))
        .hint("rename or remove them, or choose other names: --name-format 'acme-{account}-{role}'"))
}
