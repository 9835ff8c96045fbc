//! `postern sandbox`

use std::{error::Error as _, net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use postern_sandbox::Scene;
use postern_serve::{NewAccount, RunningSandbox, SandboxConfig, SandboxServer, ServeError, credentials_file};
use tokio::runtime::Builder;

use crate::{
    context::Context,
    errors::{CliError, ErrorKind, ExitStatus},
    signals,
};

/// Arguments of `postern sandbox`.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Run a local AWS that checks every signature, code and policy
    Serve(ServeArgs),
}

/// Arguments of `postern sandbox serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern sandbox serve --listen 127.0.0.1:4581 --account bastion
  postern sandbox serve --state ./sandbox --ready-file ./sandbox.json
  postern sandbox serve --scene single-account --ready-file ./sandbox.json \\
    --account bastion=111111111111

IAM, STS and a little of EC2 and S3, on one endpoint, for any number of
accounts. The ready file holds the endpoint, the admin API's token and the
accounts' root keys; nothing outside the sandbox takes them. With a scene, the
keys of its users are beside it, as an AWS credentials file: sandbox.json and
sandbox.credentials. A scene's users have used their keys for months, and
IAM tells so; one that is in the state already goes on as it is.

Bad weather, to try how something behaves in it, through the admin API:
  curl -H \"Authorization: Bearer $TOKEN\" $ENDPOINT/_postern/faults -d '
    {\"seed\": 1, \"throttled\": 0.3, \"errors\": 0.05, \"resets\": 0.05,
     \"slow\": 0.1, \"slow_ms\": 500, \"stale_seconds\": 4}'
Shares of the calls are refused with Throttling, end with status 500, are cut
off or answered late; reads of IAM are some seconds behind. {} ends it.")]
pub(crate) struct ServeArgs {
    /// Loopback address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep the state in this directory between runs [default: in memory only]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Write endpoint, admin token and root keys to this file once requests are taken
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Make this account at the start, or find it by its id
    #[arg(long = "account", value_name = "NAME[=ID]", value_parser = account)]
    accounts: Vec<NewAccount>,
    /// Have an account with people, keys and a past ready
    #[arg(long, value_name = "SCENE", value_enum)]
    scene: Option<SceneName>,
}

/// The scenes by the names that the command line has for them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SceneName {
    /// Account 222222222222: people and programs as IAM users, with keys
    SingleAccount,
}

impl From<SceneName> for Scene {
    fn from(name: SceneName) -> Self {
        match name {
            SceneName::SingleAccount => Self::SingleAccount,
        }
    }
}

fn account(text: &str) -> Result<NewAccount, String> {
    let (name, id) = match text.split_once('=') {
        None => (text, None),
        Some((name, id)) => (name, Some(id.parse().map_err(|error| format!("{error}"))?)),
    };
    if name.is_empty() {
        Err("the account has no name".to_owned())
    } else {
        Ok(NewAccount { name: Some(name.to_owned()), id })
    }
}

pub(crate) fn run(args: &SandboxArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        SandboxCommand::Serve(args) => serve(args, context),
    }
}

fn serve(args: &ServeArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    // Where nobody named a file, the keys must still be found somewhere: in a folder for its owner only.
    let folder = match args.ready_file {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("postern-sandbox-").tempdir()?),
    };
    let ready_file = match (&args.ready_file, &folder) {
        (Some(path), _) => path.clone(),
        (None, Some(folder)) => folder.path().join("ready.json"),
        (None, None) => PathBuf::from("ready.json"),
    };
    let config = SandboxConfig {
        listen: args.listen,
        state: args.state.clone(),
        ready_file: Some(ready_file.clone()),
        accounts: args.accounts.clone(),
        scene: args.scene.map(Scene::from),
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::new()?;
        let running = SandboxServer::start(config).await.map_err(|error| in_words(&error))?;
        announce(context, &running, &ready_file, args.scene.is_some())?;
        stop.wait().await;
        context.printer.status("ending");
        running.shutdown().await.map_err(|error| in_words(&error))
    })?;
    Ok(ExitStatus::Done)
}

fn announce(
    context: &Context,
    running: &RunningSandbox,
    ready_file: &std::path::Path,
    has_scene: bool,
) -> Result<(), CliError> {
    let mut told = format!("endpoint: {}\nready file: {}\n", running.endpoint(), ready_file.display());
    if has_scene {
        told.push_str(&format!("credentials file: {}\n", credentials_file(ready_file).display()));
    }
    context.printer.data(&told)?;
    context.printer.status("Ctrl-C ends it");
    Ok(())
}

/// Ctrl-C, or a polite request to end.
pub(super) struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    pub(super) fn new() -> std::io::Result<Self> {
        signals::are_watched_by_command();
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        Ok(Self { terminate })
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> std::io::Result<Self> {
        signals::are_watched_by_command();
        Ok(Self {})
    }

    #[cfg(unix)]
    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn wait(&mut self) {
        // Without Ctrl-C there is nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What went wrong with a sandbox, and what to do about it.
fn in_words(error: &ServeError) -> CliError {
    let kind = match error {
        ServeError::NotLoopback(_) | ServeError::State { .. } | ServeError::NoScene(_) => ErrorKind::Usage,
        _ => ErrorKind::Failed,
    };
    let mut told = CliError::new(kind, error.to_string());
    let mut cause = error.source();
    while let Some(deeper) = cause {
        told.causes.push(deeper.to_string());
        cause = deeper.source();
    }
    let hint = match error {
        ServeError::NotLoopback(_) => "the sandbox hands out keys to whoever reaches it; listen on 127.0.0.1",
        ServeError::Bind { .. } => "port 0 takes a free one: `--listen 127.0.0.1:0`",
        ServeError::NoScene(_) => "start with another directory for the state",
        ServeError::InUse(_) => "end the other sandbox, or give this one a directory of its own",
        ServeError::State { .. } => "start with an empty directory, or restore the file from a copy",
        _ => return told,
    };
    told.hints.push(hint.to_owned());
    told
}
