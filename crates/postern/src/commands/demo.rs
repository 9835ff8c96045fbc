//! `postern demo`

mod play;
mod scene;
mod stage;
mod story;

use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::{scene::Scene, stage::Stage};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    output::{BOLD, GOOD, paint},
};

/// Arguments of `postern demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern demo                 the story, in a few seconds
  postern demo --keep          and then play on with your own aws CLI

Needs no AWS account and no network: the sandbox runs inside the process, on a
port of the loopback interface. Every answer that is shown came over HTTP,
signed and verified. Ends with 0 only if everything came out as told.")]
pub(crate) struct DemoArgs {
    /// Leave the sandbox running and print what to export to play on
    #[arg(long)]
    keep: bool,
    /// Break one policy after apply, to see the demo fail
    #[arg(long, value_enum, hide = true, value_name = "POLICY")]
    dangerously_weaken: Option<Weakness>,
}

/// A policy that the demo's own test breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weakness {
    /// The developers' group may do everything.
    GroupPolicy,
    /// prod/developer trusts the bastion without MFA.
    TrustPolicy,
    /// prod/developer has no boundary.
    Boundary,
}

pub(crate) fn run(args: &DemoArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match play(args, context) {
        // Whoever read went away before the end: nothing more to say, and nothing was shown to be so.
        _ if context.printer.reader_gone() => Ok(ExitStatus::Failed),
        outcome => outcome,
    }
}

fn play(args: &DemoArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let interrupted = args.keep.then(|| context.watch_interrupt());
    let stage = Stage::set(&context.environment)?;
    let mut scene = Scene::new(&context.printer);
    scene.line(&paint(BOLD, "postern demo: one stolen key, before and after"))?;
    scene.prose(
        &format!(
            "The sandbox listens on {}; it verifies every signature, MFA code, token and policy.",
            stage.endpoint()
        ),
        "",
        "",
    )?;
    let alice = story::tell(&stage, &mut scene, args.dangerously_weaken)?;
    scene.line("")?;
    scene.line(scene.table().trim_end())?;
    if !scene.surprises().is_empty() {
        let mut error = CliError::failed("the story did not come out as told");
        for surprise in scene.surprises() {
            error = error.caused_by(surprise);
        }
        return Err(error);
    }
    scene.line(&format!("\n{} {} steps, each as told.", paint(GOOD, "✓"), scene.shown()))?;
    if let Some(interrupted) = interrupted {
        context.printer.data(&play::exports(&stage, &alice, context.printer.width()))?;
        while !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    stage.strike()?;
    Ok(ExitStatus::Done)
}
