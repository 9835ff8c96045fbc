//! `postern serve`: credentials for as long as the command runs, over HTTP on this machine.

mod exports;

use std::{collections::BTreeSet, error::Error as _, net::SocketAddr, path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use postern_broker::LoginMode;
use postern_serve::{CredentialServer, EndpointConfig, EndpointError, Instance, RunningEndpoint, Targets};
use tokio::runtime::Builder;

use self::exports::{Exports, Format, PrivateFile};
use super::sandbox::Stop;
use crate::{
    context::Context,
    daily::{Daily, Destination},
    errors::{CliError, ErrorKind, ExitStatus},
    served::{Recipe, Served},
    target::TargetOptions,
};

/// Arguments of `postern serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    command: ServeCommand,
}

#[derive(Debug, Subcommand)]
enum ServeCommand {
    /// A container's credentials endpoint, with a token
    Ecs(EcsArgs),
    /// An EC2 instance's metadata service, version 2 only
    Imds(ImdsArgs),
}

/// Arguments of `postern serve ecs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern serve ecs prod/developer
  postern serve ecs prod/developer dev/readonly --ready-file ~/.postern-env &
  . ~/.postern-env; aws s3 ls

  postern serve ecs prod/developer --read-only

Each target has a path of its own, /role/ACCOUNT/ROLE or /target/NAME. A code
is asked for before requests are taken and never later; when the session ends,
requests fail and say so until `postern login`. For one command alone there is
`postern exec --serve`. For containers see docs/serve.md.")]
struct EcsArgs {
    /// What to serve: ACCOUNT/ROLE of the estate file, or profiles of ~/.aws/config
    #[arg(value_name = "TARGET", required_unless_present = "any")]
    targets: Vec<String>,
    /// Serve every target that is asked for by its path
    #[arg(long)]
    any: bool,
    #[command(flatten)]
    common: CommonArgs,
    /// Write the token alone to this file, for AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Listen on an address that others may reach, as for containers on a
    /// bridge: whoever learns or overhears the token gets the credentials
    #[arg(long)]
    dangerously_listen_beyond_loopback: bool,
}

/// Arguments of `postern serve imds`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern serve imds prod/developer
  postern serve imds prod/developer --ready-file ~/.postern-env &
  . ~/.postern-env; aws s3 ls

For programs that know no other way than an instance's metadata. It asks the
kernel which user opens a connection, and serves only the one who started it.")]
struct ImdsArgs {
    /// What to serve: ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Loopback address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Write what to export to this file, readable by you alone, instead of to
    /// standard output; it is removed at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// How to write what to export
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    options: TargetOptions,
}

pub(crate) fn run(args: &ServeArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        ServeCommand::Ecs(args) => ecs(args, context),
        ServeCommand::Imds(args) => imds(args, context),
    }
}

fn ecs(args: &EcsArgs, context: &Context) -> Result<ExitStatus, CliError> {
    if args.any && args.common.options.change_the_request() {
        return Err(CliError::usage("what is narrowed or attributed must be named")
            .hint("name the targets in place of --any"));
    }
    let destinations = prepare(context, &args.targets, &args.common.options)?;
    let targets = if args.any {
        Targets::Any
    } else {
        Targets::Listed(args.targets.iter().cloned().collect::<BTreeSet<_>>())
    };
    let mut config = EndpointConfig::ecs(targets).listening_on(args.common.listen);
    if args.dangerously_listen_beyond_loopback {
        config = config.dangerously_beyond_loopback();
    }
    serve(config, &args.common, &destinations, context, |running| {
        if !running.address().ip().is_loopback() {
            context.printer.warning(&format!(
                "{} is no loopback address: whoever reaches it and knows or overhears the token gets these \
                 credentials, and which user asks is not checked",
                running.address()
            ));
        }
        let token_file = args.token_file.as_deref();
        let token_file = token_file
            .map(|path| PrivateFile::write(path, running.token().unwrap_or_default().as_bytes()))
            .transpose()?;
        let exports = Exports::ecs(running, &destinations, token_file.as_ref(), &context.environment)?;
        Ok((exports, token_file))
    })
}

fn imds(args: &ImdsArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let destinations = prepare(context, std::slice::from_ref(&args.target), &args.common.options)?;
    let destination = destinations.first().ok_or_else(|| CliError::usage("there is no target to serve"))?;
    let config = EndpointConfig::imds(instance(destination)).listening_on(args.common.listen);
    serve(config, &args.common, &destinations, context, |running| {
        Ok((Exports::imds(running, destination, &context.environment), None))
    })
}

/// Gets everything that is to be served once, so that codes are asked for now.
fn prepare(
    context: &Context,
    targets: &[String],
    options: &TargetOptions,
) -> Result<Vec<Destination>, CliError> {
    if options.are_direct() {
        return Err(CliError::usage("an endpoint asks nobody, and --direct wants a code for each renewal"));
    }
    let daily = Daily::open(context)?;
    let destination = |target: &String| options.destination(context, &daily, target);
    let destinations: Vec<Destination> = targets.iter().map(destination).collect::<Result<_, _>>()?;
    let mut code = options.code();
    if destinations.is_empty() {
        daily.login(&daily.session_of(options.wish().person)?, LoginMode::IfNeeded, code)?;
    }
    for destination in &destinations {
        // The session that the first one takes serves the others.
        daily.obtain(destination, code.take())?;
    }
    Ok(destinations)
}

fn instance(destination: &Destination) -> Instance {
    let role = destination.role().map(|request| &request.role);
    let taken = |c: char| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '-' };
    Instance {
        target: destination.name.clone(),
        role: match role {
            Some(role) => role.name().to_string(),
            None => destination.name.chars().map(taken).collect(),
        },
        account: role.map(|role| role.account()),
        region: destination.region.clone(),
    }
}

/// Serves until told to stop. `exports` says what clients need to know.
fn serve(
    config: EndpointConfig,
    args: &CommonArgs,
    destinations: &[Destination],
    context: &Context,
    exports: impl Fn(&RunningEndpoint) -> Result<(Exports, Option<PrivateFile>), CliError>,
) -> Result<ExitStatus, CliError> {
    let wish = args.options.wish();
    let recipe = if args.options.change_the_request() {
        Recipe::of_destinations(context, &wish, destinations)?
    } else {
        Recipe::of(context, &wish)?
    };
    let source = Served::new(recipe, &context.environment, true)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::new()?;
        let running =
            CredentialServer::start(config, Arc::new(source)).await.map_err(|error| in_words(&error))?;
        // Removed when this ends, whichever way.
        let (exports, _token_file) = exports(&running)?;
        let text = exports.render(args.format)?;
        let _ready_file = match &args.ready_file {
            Some(path) => {
                let file = PrivateFile::write(path, text.as_bytes())?;
                context.printer.data(&format!("ready file: {}\n", path.display()))?;
                Some(file)
            }
            None => {
                context.printer.data(&text)?;
                None
            }
        };
        context.printer.status(&format!("serving on http://{}; Ctrl-C ends it", running.address()));
        stop.wait().await;
        context.printer.status("ending");
        running.shutdown().await;
        Ok(ExitStatus::Done)
    })
}

/// What went wrong with an endpoint, and what to do about it.
pub(super) fn in_words(error: &EndpointError) -> CliError {
    let kind = match error {
        EndpointError::NotLoopback(_) => ErrorKind::Usage,
        _ => ErrorKind::Failed,
    };
    let mut told = CliError::new(kind, error.to_string());
    told.causes.extend(error.source().map(ToString::to_string));
    match error {
        EndpointError::NotLoopback(_) => told.hint(
            "whoever reaches it may ask for credentials: listen on 127.0.0.1; for containers on a bridge see \
             `postern serve ecs --help`",
        ),
        EndpointError::NoPeerCheck => {
            told.hint("serve as a container's endpoint, which has a token: `postern serve ecs`")
        }
        EndpointError::Bind { .. } => told.hint("port 0 takes a free one: `--listen 127.0.0.1:0`"),
        EndpointError::Entropy => told,
    }
}
