//! `postern schema`

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern schema > postern.schema.json

and as the first line of postern.toml, for editors that know Taplo:
  #:schema ./postern.schema.json

The schema (JSON Schema, draft 2020-12) knows keys and forms. What one part of
the file says of another is for `postern estate check`.")]
pub(crate) struct SchemaArgs {}

pub(crate) fn run(_: &SchemaArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    context.printer.data(&format!("{:#}\n", postern_estate::json_schema()))?;
    Ok(ExitStatus::Done)
}
