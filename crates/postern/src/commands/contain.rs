//! `postern contain`

mod agree;
mod carry;
mod journal;
mod organization;
mod record;
mod scene;
mod target;
mod undo;
mod verify;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use postern_estate::contain::Measure;
use postern_types::{SignedDuration, Timestamp};

pub(crate) use self::{
    agree::{Subject, until_two_agree},
    carry::{Carry, Case, Settings},
    journal::Journal,
    organization::{Above, Planned, lift, planned},
    record::{Purpose, Record, Records},
    scene::{Scene, managed},
    target::Target,
    undo::removes,
    verify::{user_is_shut_out, verify},
};
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    keystore,
    output::{GOOD, paint},
    prompt::{Echo, Terminal},
    report,
};

/// Arguments of `postern contain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern contain alice                  a person of the bastion
  postern contain AKIAIOSFODNN7EXAMPLE   whoever this key is of
  postern contain prod/deployer          a user or role of another account
  postern contain alice --dry-run        who, their reach, what would be done
  postern contain alice --undo           put back what stood before

Shows who it is and what they reach, asks, and then locks out in this order:
a deny by the organization, where the estate file names one, a deny on the
user, groups, access keys, password, MFA devices added lately, other
credentials, and the sessions of every role in reach. It reads again
until two readings agree, and evaluates the state read back. Nothing that is
evidence is deleted. Safe to interrupt and to run again; accounts that do not
answer are named, and a second run goes on with them (exit code 1 till then).")]
pub(crate) struct ContainArgs {
    /// USER, ACCOUNT/USER, ACCOUNT/ROLE, an ARN, or an access key id
    #[arg(value_name = "USER|KEY|ROLE")]
    who: String,
    /// Show who it is, what they reach and what would be done, and change nothing
    #[arg(long, conflicts_with = "undo")]
    dry_run: bool,
    /// Put back what stood before: groups, active keys, policies
    #[arg(long)]
    undo: bool,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
    /// Also take away MFA devices that are this young, as `12h` or `7d`; `all` for every one
    #[arg(long, value_name = "AGE", default_value = "7d")]
    devices_since: Age,
    /// For a role: let nobody assume it any more
    #[arg(long)]
    close_trust: bool,
    /// Where to log each call, as JSON Lines [default: a new file beside the key store]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How many seconds apart the two readings are that must agree
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    settle: f64,
    #[command(flatten)]
    way: WayIn,
}

/// How old something is at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Age {
    All,
    AtMost(SignedDuration),
}

impl Age {
    /// The earliest time of what is this young.
    pub(crate) fn since(self, now: Timestamp) -> Timestamp {
        match self {
            Self::All => Timestamp::MIN,
            Self::AtMost(age) => now.checked_sub(age).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let wrong = || format!("`{text}` is no age; write `12h`, `7d` or `all`");
        let hours = match text.char_indices().next_back() {
            Some((at, 'h')) => text.get(..at).and_then(|n| n.parse::<i64>().ok()),
            Some((at, 'd')) => {
                text.get(..at).and_then(|n| n.parse::<i64>().ok()).and_then(|n| n.checked_mul(24))
            }
            _ => None,
        };
        let hours = hours.filter(|hours| (0..=24 * 36_500).contains(hours)).ok_or_else(wrong)?;
        Ok(Self::AtMost(SignedDuration::from_hours(hours)))
    }
}

/// How far apart two readings are.
pub(crate) fn settle(seconds: f64) -> Result<Duration, CliError> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|pause| *pause <= Duration::from_secs(300))
        .ok_or_else(|| CliError::usage(format!("`{seconds}` seconds is no pause; give 0 to 300")))
}

pub(crate) fn run(args: &ContainArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let context = &*context;
    let settings = Settings {
        settle: settle(args.settle)?,
        devices_since: args.devices_since.since(Timestamp::now()),
        close_trust: args.close_trust,
    };
    let file = EstateFile::load(context)?;
    let bastion = file.design.bastion.account.value;
    let asked = target::read(&args.who, &crate::access::account_names(&file.design), bastion)?;
    let mut scene = Scene::read(context, file, &args.way)?;
    let target = scene.resolve(asked)?;
    let records = Records::open(context, Purpose::Contain)?;
    let _alone = records.lock()?;
    if args.undo {
        return undo::run(&scene, &records, &target, args.yes, args.log.as_deref());
    }
    scene.refuse_oneself(&target)?;
    if args.close_trust && !matches!(target, Target::Role(..)) {
        return Err(CliError::usage("--close-trust is for a role"));
    }
    let before = records.read(&target)?;
    let mut case = Case::read(&scene, target, before.as_ref())?;
    let measures = first_measures(&scene, &case, &settings)?;
    context.printer.data(&report::contain::situation(&scene, &case, &measures, &settings))?;
    if args.dry_run {
        return Ok(ExitStatus::Done);
    }
    if !args.yes {
        confirm(&format!("Contain {}?", case.target.name()), "contain")?;
    }
    let outcome = contain(&mut scene, &mut case, settings, &records, args.log.as_deref())?;
    conclude(&scene, &case, &records, &outcome)
}

/// What will be done first, as far as the accounts answer.
pub(crate) fn first_measures(
    scene: &Scene<'_>,
    case: &Case,
    settings: &Settings,
) -> Result<Vec<Measure>, CliError> {
    let mut measures = case.lock_out(scene, settings)?;
    measures.extend(case.revocations(scene, Timestamp::now())?);
    Ok(measures)
}

/// How a containment ended.
pub(crate) struct Outcome {
    /// Calls that were refused or not tried.
    pub(crate) left: Vec<String>,
    /// What still stands open.
    pub(crate) open: Vec<String>,
    pub(crate) cut: Timestamp,
    /// What the organization came to.
    pub(crate) above: Above,
    pub(crate) log: PathBuf,
}

impl Outcome {
    /// Whether all was done everywhere, and holds.
    pub(crate) fn is_complete(&self, scene: &Scene<'_>) -> bool {
        self.left.is_empty() && self.open.is_empty() && scene.silent.is_empty()
    }
}

/// Contains and verifies, with record and log.
pub(crate) fn contain<'a>(
    scene: &mut Scene<'a>,
    case: &mut Case,
    settings: Settings,
    records: &Records,
    log: Option<&std::path::Path>,
) -> Result<Outcome, CliError> {
    let context = scene.context;
    let now = Timestamp::now();
    let mut record = records.read_or_begin(&case.target, now)?;
    let log = match log {
        Some(path) => path.to_owned(),
        None => default_log(context, &log_name(&case.target), now)?,
    };
    let mut journal = Journal::open(&context.printer, &scene.names, &log)?;
    journal.say(now, &format!("containing the {} {}", case.target.kind(), case.target.name()));
    let interrupted = context.watch_interrupt();
    let own = scene.own_roles();
    let carry = Carry {
        scene,
        case,
        settings,
        records,
        record: &mut record,
        journal: &mut journal,
        interrupted: &interrupted,
        own,
        above: Above::NotAsked,
    };
    let carried = carry.run()?;
    scene.reread();
    scene.read_denials();
    let open = verify(scene, case, &settings, carried.cut)?;
    let word = if open.is_empty() { "verified on the state read back" } else { "does not hold yet" };
    journal.say(Timestamp::now(), word);
    let log = journal.path().to_owned();
    Ok(Outcome { left: carried.left, open, cut: carried.cut, above: carried.above, log })
}

/// A new log beside the key store.
pub(crate) fn default_log(context: &Context, name: &str, now: Timestamp) -> Result<PathBuf, CliError> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    Ok(keystore::data_dir(&context.environment)?.join(format!("{name}-{stamp}.jsonl")))
}

/// What the log of a containment is called.
pub(crate) fn log_name(target: &Target) -> String {
    format!("contain-{}-{}-{}", target.account(), target.kind(), target.name())
}

fn conclude(
    scene: &Scene<'_>,
    case: &Case,
    records: &Records,
    outcome: &Outcome,
) -> Result<ExitStatus, CliError> {
    let text = report::contain::conclusion(scene, case, outcome, &records.path(&case.target));
    scene.context.printer.data(&text)?;
    if outcome.is_complete(scene) {
        return Ok(ExitStatus::Done);
    }
    let mut error = CliError::failed(format!("{} is not contained everywhere", case.target.name()));
    for (account, why) in &scene.silent {
        error = error.caused_by(format!("{} does not answer: {why}", scene.label(*account)));
    }
    for line in outcome.left.iter().chain(&outcome.open) {
        error = error.caused_by(line);
    }
    Err(error.hint("what is done is safe to leave; run the same command again to go on"))
}

/// Asks on the terminal; where there is none, says how to do without.
pub(crate) fn confirm(question: &str, command: &str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "{command} asks before it changes anything, and there is no terminal to ask on"
        ))
        .hint(format!("look first, then run `postern {command} … --yes`")));
    }
    let answer = Terminal::open()?.ask(&format!("{question} Only `yes` is taken: "), Echo::Shown)?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(CliError::failed("not confirmed, so nothing was changed"))
    }
}

/// `Contained.` and the like.
pub(crate) fn good(word: &str) -> String {
    paint(GOOD, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_hours_days_or_all() {
        let hours = |hours| Ok(Age::AtMost(SignedDuration::from_hours(hours)));
        assert_eq!("12h".parse(), hours(12));
        assert_eq!("7d".parse(), hours(168));
        assert_eq!("all".parse(), Ok(Age::All));
        for bad in ["", "7", "d", "-1d", "7w", "99999999d"] {
            assert!(bad.parse::<Age>().is_err(), "{bad}");
        }
    }
}
