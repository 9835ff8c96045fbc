//! `postern estate check`

use clap::Args;
use postern_types::Timestamp;

use crate::{
    commands::planning::Wanted,
    context::Context,
    errors::{CliError, ExitStatus},
    report::plan::counted,
};

/// Arguments of `postern estate check`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file is read, the objects that it asks for are worked out with AWS's
default quotas, and roles are held against the cap. Nothing is called:
policies of customers, which only the accounts know, are for `postern plan`.

Exit codes: 0 sound, 2 not sound, 4 a role above the cap.")]
pub(crate) struct CheckArgs {}

pub(crate) fn run(_: &CheckArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::load(context)?;
    let design = &wanted.file.design;
    let now = Timestamp::now();
    for exception in design.exceptions.iter().filter(|exception| exception.until.value < now) {
        let (line, _) = postern_estate::line_column(&wanted.file.text, exception.until.span.start);
        context.printer.warning(&format!(
            "{}:{line}: the exception from {} for `{}` has ended; the finding counts again",
            wanted.file.path.display(),
            exception.rule.value,
            exception.principal.value
        ));
    }
    if !wanted.is_within_cap() {
        context.printer.warning(
            "some policies are known to their accounts only; `postern plan` holds them against the cap",
        );
    }
    context.printer.status(&format!(
        "`{}` is sound: {} beside the bastion, {}, {}",
        wanted.file.path.display(),
        counted(design.accounts.len(), "account"),
        counted(design.roles.len(), "role"),
        match design.people.len() {
            1 => "1 person".to_owned(),
            n => format!("{n} people"),
        }
    ));
    Ok(ExitStatus::Done)
}
