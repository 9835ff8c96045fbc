//! `postern serve-for`, which `exec --serve` starts by itself: an endpoint for one process, as long as that lives.
//!
//! It is started twice over, so that it is no child of the command that it serves, which may wait for all
//! its children. What it needs comes through standard input, what the command needs goes to standard output;
//! both are pipes to `exec`, and no other stream of the caller's stays open in it.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::Args;
use postern_serve::{CredentialServer, EndpointConfig, Targets, path_of};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, sync::oneshot};
use zeroize::Zeroizing;

use super::{sandbox::Stop, serve::in_words};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    served::{Recipe, Served},
};

/// Arguments of `postern serve-for`.
#[derive(Debug, Args)]
pub(crate) struct ServeForArgs {
    /// Serve; else start the one who serves
    #[arg(long)]
    detached: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// The process that is served.
    process: i32,
    target: String,
    recipe: Recipe,
}

/// Where the credentials are. Its lines are read by `exec` alone.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Ready { uri: String, token: String },
    Failed { message: String },
}

/// An endpoint that lives as long as this process, whatever it becomes.
pub(crate) struct OwnEndpoint {
    pub(crate) uri: String,
    pub(crate) token: Zeroizing<String>,
}

/// Starts an endpoint for this process.
pub(crate) fn start(target: &str, recipe: Recipe) -> Result<OwnEndpoint, CliError> {
    let failed = |error: io::Error| CliError::failed("no endpoint can be started").caused_by(error);
    let order = Order { process: std::process::id().cast_signed(), target: target.to_owned(), recipe };
    let order = serde_json::to_string(&order).map_err(|error| failed(error.into()))?;
    let mut starter = Command::new(std::env::current_exe().map_err(failed)?)
        .arg("serve-for")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // Dropped at the end of the statement: then the order is complete.
    let sent = starter.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(order.as_bytes()));
    let mut line = Zeroizing::new(String::with_capacity(4_096));
    if let Some(stdout) = starter.stdout.take() {
        BufReader::new(stdout.take(64 << 10)).read_line(&mut line).map_err(failed)?;
    }
    starter.wait().map_err(failed)?;
    sent.map_err(failed)?;
    match serde_json::from_str(&line) {
        Ok(Report::Ready { uri, token }) => Ok(OwnEndpoint { uri, token: Zeroizing::new(token) }),
        Ok(Report::Failed { message }) => {
            Err(CliError::failed("no endpoint can be started").caused_by(message))
        }
        Err(_) => Err(CliError::failed("the endpoint ended before it was ready")),
    }
}

pub(crate) fn run(args: &ServeForArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if !args.detached {
        // Nobody waits for the one who serves: when this ends, init does.
        Command::new(std::env::current_exe()?).args(["serve-for", "--detached"]).spawn()?;
        return Ok(ExitStatus::Done);
    }
    harden();
    let outcome = serve(context);
    if let Err(error) = &outcome {
        let causes = error.causes.iter().map(|cause| format!(": {cause}")).collect::<String>();
        report(&Report::Failed { message: format!("{}{causes}", error.message) })?;
    }
    outcome
}

/// No terminal and none of its signals, no core dump, no reading of our memory by a debugger.
fn harden() {
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

fn report(report: &Report) -> Result<(), CliError> {
    let mut line = Zeroizing::new(serde_json::to_string(report).map_err(io::Error::from)?);
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}

fn serve(context: &Context) -> Result<ExitStatus, CliError> {
    let mut order = String::new();
    io::stdin().lock().take(64 << 10).read_to_string(&mut order)?;
    let Order { process, target, recipe } = serde_json::from_str(&order)
        .map_err(|_| CliError::usage("`serve-for` is started by `postern exec --serve`"))?;
    let process = Pid::from_raw(process).ok_or_else(|| CliError::usage("there is no process to serve"))?;
    let source = Served::new(recipe, &context.environment, false)?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::new()?;
        let ended = Watched::open(process).end()?;
        let config = EndpointConfig::ecs(Targets::Listed([target.clone()].into()));
        let running =
            CredentialServer::start(config, Arc::new(source)).await.map_err(|error| in_words(&error))?;
        let uri = format!("http://{}{}", running.address(), path_of(&target));
        let token = running.token().unwrap_or_default().to_owned();
        // The process waits for this line: until it is written, the process is what it was.
        report(&Report::Ready { uri, token })?;
        tokio::select! {
            _ = ended => {}
            () = stop.wait() => {}
        }
        running.shutdown().await;
        Ok(ExitStatus::Done)
    })
}

/// A process whose end is waited for.
enum Watched {
    /// By a handle, which no later process of the same number takes over.
    #[cfg(target_os = "linux")]
    Handle(rustix::fd::OwnedFd),
    /// By its number, where there are no handles.
    Number(Pid),
}

/// How often a process without a handle is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Watched {
    fn open(process: Pid) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(handle) = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()) {
            return Self::Handle(handle);
        }
        Self::Number(process)
    }

    /// Answers when the process has ended, from a thread that waits for nothing else.
    fn end(self) -> io::Result<oneshot::Receiver<()>> {
        let (tell, told) = oneshot::channel();
        thread::Builder::new().spawn(move || {
            self.wait();
            // The endpoint may be at its end already.
            let _ended = tell.send(());
        })?;
        Ok(told)
    }

    fn wait(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Handle(handle) => {
                use rustix::{
                    event::{PollFd, PollFlags, poll},
                    io::Errno,
                };
                // A handle becomes readable when its process ends, and not before.
                while poll(&mut [PollFd::new(handle, PollFlags::IN)], None) == Err(Errno::INTR) {}
            }
            Self::Number(process) => {
                while rustix::process::test_kill_process(*process).is_ok() {
                    thread::sleep(LOOK_EVERY);
                }
            }
        }
    }
}
