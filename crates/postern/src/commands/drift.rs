//! `postern drift`

use clap::Args;
use postern_estate::NoticeKind;

use crate::{
    commands::planning::{Prepared, Scope, Wanted},
    context::Context,
    errors::{CliError, ExitStatus},
    report,
};

/// Arguments of `postern drift`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern drift                       what was changed past the estate file
  postern drift --detailed-exitcode   for CI: 0 none, 1 error, 2 drift

The same comparison as `plan`, read the other way: `+` is missing and apply
would make it, `~` differs, `-` is there and should not be. Beside that:
objects under /postern/ that are not this estate's, and whatever stands in
the bastion account and is not in the file. Nothing is changed.")]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    scope: Scope,
    /// Write the drift as JSON: a plan's, with what is foreign among the remarks
    #[arg(long)]
    json: bool,
    /// End with 0 when there is no drift, 1 on an error, 2 when there is some
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) fn run(args: &DriftArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let wanted = Wanted::load(context)?;
    let mut prepared = Prepared::read(context, wanted, &args.scope)?;
    let foreign = prepared.foreign();
    prepared.plan.notices.extend(foreign);
    let plan = &prepared.plan;
    let text = if args.json {
        report::plan::json(plan, None)?
    } else {
        let name = prepared.wanted.file.design.name.value.as_str();
        report::drift::render(plan, name, &prepared.wanted.names, context.printer.width())
    };
    context.printer.data(&text)?;
    let is_foreign = |kind: &NoticeKind| {
        matches!(
            kind,
            NoticeKind::Stranger
                | NoticeKind::ForeignUser { .. }
                | NoticeKind::ForeignGroup { .. }
                | NoticeKind::ForeignRole
        )
    };
    let none = plan.is_empty() && !plan.notices.iter().any(|notice| is_foreign(&notice.kind));
    Ok(match (args.detailed_exitcode, none) {
        (true, false) => ExitStatus::CHANGES,
        _ => ExitStatus::Done,
    })
}
