//! `postern profiles`

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

pub(crate) mod block;
mod import;
mod sync;

pub(crate) use self::block::program as this_program;

/// Arguments of `postern profiles`.
#[derive(Debug, Args)]
pub(crate) struct ProfilesArgs {
    #[command(subcommand)]
    command: ProfilesCommand,
}

#[derive(Debug, Subcommand)]
enum ProfilesCommand {
    /// Write a profile for each role that you may assume
    Sync(sync::SyncArgs),
    /// Take long-term keys out of ~/.aws into the key store
    Import(import::ImportArgs),
}

pub(crate) fn run(args: &ProfilesArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        ProfilesCommand::Sync(args) => sync::run(args, context),
        ProfilesCommand::Import(args) => import::run(args, context),
    }
}
