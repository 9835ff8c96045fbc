//! `postern estate fmt`

use std::path::{Path, PathBuf};

use clap::Args;
use postern_estate::{Design, format_estate};

use crate::{
    commands::policy::files::{self, DASH},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::{EstateFile, design_errors},
    whole_file::{self, Mode, PUBLIC},
};

/// Arguments of `postern estate fmt`.
#[derive(Debug, Args)]
#[command(after_help = "\
Sections and keys come in one order, what you named keeps the order in which
you wrote it, and every comment stays with what it stands at. What the file
says stays the same: that is checked before a byte is written.

Examples:
  postern estate fmt
  postern estate fmt --check                  for CI
  postern estate fmt - < postern.toml         for editors

Exit codes: 0 done, or nothing to do; 1 with --check, if the file would
change; 2 a file that could not be read or written, or is no TOML.")]
pub(crate) struct FmtArgs {
    /// The file [default: the estate file], or - from standard input to standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Change nothing, and fail if anything would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &FmtArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => EstateFile::place(context.estate_path.as_deref(), &context.environment)?
            .ok_or_else(EstateFile::missing)?,
    };
    let input = files::read(&path)
        .map_err(|unread| CliError::usage(format!("cannot format `{}`: {}", unread.name, unread.reason)))?;
    let formatted = format_estate(&input.text).map_err(|error| not_formatted(&path, &input.text, &error))?;
    let changed = formatted != input.text;
    if args.check {
        if changed {
            context.printer.data(&format!("{}\n", input.name))?;
        }
        return Ok(if changed { ExitStatus::Failed } else { ExitStatus::Done });
    }
    if path.as_os_str() == DASH {
        context.printer.data(&formatted)?;
        return Ok(ExitStatus::Done);
    }
    if changed {
        whole_file::replace(&path, &formatted, Mode::Kept(PUBLIC)).map_err(|error| {
            CliError::usage(format!("cannot write `{}`", path.display())).caused_by(files::io_words(&error))
        })?;
    }
    let done = if changed { "is laid out anew" } else { "is as it should be" };
    context.printer.status(&format!("`{}` {done}", path.display()));
    Ok(ExitStatus::Done)
}

/// The parser tells the place of a slip, where it finds the same one.
fn not_formatted(path: &Path, text: &str, error: &postern_estate::FormatError) -> CliError {
    match Design::parse(text) {
        Err(errors)
            if errors
                .iter()
                .any(|e| e.message.starts_with("not TOML") || e.message.contains("second time")) =>
        {
            design_errors(path, text, &errors)
        }
        _ => CliError::usage(format!("cannot format `{}`: {error}", path.display())),
    }
}
