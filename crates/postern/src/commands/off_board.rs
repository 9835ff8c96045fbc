//! `postern off-board`

use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;
use postern_aws::execute::{Insist, Settle, Taken, insist};
use postern_estate::{
    Action, DeniedPrincipal, PATH, Tags,
    contain::{Measure, Stage, deletion},
};
use postern_types::{AccountId, IamPath, MfaSerial, SignedDuration, Timestamp, UserName};

use super::contain::{
    Above, Case, Journal, Outcome, Planned, Purpose, Record, Records, Scene, Settings, Target, confirm,
    contain, default_log, first_measures, good, lift, log_name, planned, settle,
};
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    estate_change::FileChange,
    estate_file::EstateFile,
    output::{BOLD, WARN, paint, prose},
    report,
};

/// What a user who left carries: from when on they may be deleted.
const DELETE_AFTER: &str = "postern:delete-after";

/// Arguments of `postern off-board`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern off-board bob             lock bob out now, take bob out of the file
  postern off-board bob --delete    the same, and delete the user

Locks out as `contain` does, every MFA device included, and ends the sessions
of the roles in reach. The user stays, so that what the logs say can be told
apart, and is tagged with the day from which on it may go. Without --delete
`postern contain NAME --undo` gives back what was taken, but for password and
devices.")]
pub(crate) struct OffBoardArgs {
    /// The person
    #[arg(value_name = "NAME")]
    person: UserName,
    /// Delete the user with everything that hangs on it, in the order that AWS wants
    #[arg(long)]
    delete: bool,
    /// How many days the user is kept for the logs
    #[arg(long, value_name = "DAYS", default_value_t = 30, conflicts_with = "delete")]
    keep_days: u16,
    /// Leave the person in the estate file
    #[arg(long)]
    keep_in_file: bool,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
    /// Where to log each call, as JSON Lines [default: a new file beside the key store]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How many seconds apart the two readings are that must agree
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    settle: f64,
    #[command(flatten)]
    way: WayIn,
}

pub(crate) fn run(args: &OffBoardArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let context = &*context;
    let settings =
        Settings { settle: settle(args.settle)?, devices_since: Timestamp::MIN, close_trust: false };
    let file = EstateFile::load(context)?;
    let change = if args.keep_in_file { None } else { FileChange::without(&file, &args.person)? };
    let bastion = file.design.bastion.account.value;
    let mut scene = Scene::read(context, file, &args.way)?;
    let target = Target::User(bastion, args.person.clone());
    scene.refuse_oneself(&target)?;
    let records = Records::open(context, Purpose::Contain)?;
    let _alone = records.lock()?;
    if already_gone(&scene, bastion, &args.person) {
        return finish(&scene, &records, &target, change.as_ref(), args);
    }
    let before = records.read(&target)?;
    let mut case = Case::read(&scene, target, before.as_ref())?;
    let devices = devices_of(&scene, &case, bastion, &args.person);
    show(&scene, &case, &settings, change.as_ref(), args)?;
    if !args.yes {
        confirm(&format!("Off-board {}?", args.person), "off-board")?;
    }
    let outcome = contain(&mut scene, &mut case, settings, &records, args.log.as_deref())?;
    if let Some(change) = &change {
        change.write()?;
    }
    let denied = denied_above(&scene, &case, &settings, &outcome, records.read(&case.target)?.as_ref());
    let last = after(&scene, &case, args, &devices, &outcome, &denied)?;
    conclude(&scene, &case, args, &outcome, change.as_ref(), &last)?;
    if args.delete {
        records.remove(&case.target)?;
    }
    Ok(ExitStatus::Done)
}

fn already_gone(scene: &Scene<'_>, bastion: AccountId, person: &UserName) -> bool {
    scene.estate.accounts.get(&bastion).is_some_and(|home| !home.users.contains_key(person))
}

/// The user is gone already; the file and the organization may not know.
fn finish(
    scene: &Scene<'_>,
    records: &Records,
    target: &Target,
    change: Option<&FileChange>,
    args: &OffBoardArgs,
) -> Result<ExitStatus, CliError> {
    let printer = &scene.context.printer;
    let denied = records.read(target)?.map(|record| record.denied_above()).unwrap_or_default();
    if change.is_none() && denied.is_empty() {
        return Err(CliError::usage(format!(
            "there is no user `{}`, and the file does not name them",
            args.person
        )));
    }
    let mut text = format!("There is no user {} any more.\n\n", args.person);
    if !denied.is_empty() {
        text.push_str("The organization still denies everything to a user of the name; that is to end.\n");
    }
    text.push_str(&change.map(FileChange::diff).unwrap_or_default());
    printer.data(&text)?;
    if !args.yes {
        confirm(if change.is_some() { "Change the file?" } else { "Lift it?" }, "off-board")?;
    }
    if let Some(change) = change {
        change.write()?;
    }
    if denied.is_empty() {
        return Ok(ExitStatus::Done);
    }
    let log = match &args.log {
        Some(path) => path.clone(),
        None => default_log(scene.context, &log_name(target), Timestamp::now())?,
    };
    let left = lift(scene, &denied, &mut Journal::open(printer, &scene.names, &log)?);
    if !left.is_empty() {
        let error = CliError::failed("the organization denies it still");
        return Err(left.into_iter().fold(error, CliError::caused_by));
    }
    records.remove(target)?;
    Ok(ExitStatus::Done)
}

/// Whom the organization denies because of this person.
fn denied_above(
    scene: &Scene<'_>,
    case: &Case,
    settings: &Settings,
    outcome: &Outcome,
    record: Option<&Record>,
) -> Vec<(AccountId, DeniedPrincipal)> {
    let mut denied = record.map(Record::denied_above).unwrap_or_default();
    // One that stood before goes with the user too.
    if outcome.above == Above::Denied
        && let Planned::Deny(account, principal) = planned(scene, case, settings)
    {
        denied.push((account, principal));
    }
    denied
}

/// Every virtual device that is the person's or bears their name, so that none is left that nobody owns.
fn devices_of(scene: &Scene<'_>, case: &Case, bastion: AccountId, person: &UserName) -> BTreeSet<MfaSerial> {
    let held = case.user.as_ref().and_then(|user| user.credentials.as_ref());
    let held = held.into_iter().flat_map(|held| held.mfa_devices.keys().cloned());
    let is_virtual = |serial: &MfaSerial| {
        serial.arn().is_some_and(|arn| arn.service() == "iam" && arn.resource().starts_with("mfa/"))
    };
    let named = [Some(IamPath::root()), PATH.parse().ok()].into_iter().flatten().filter_map(|path| {
        let name = person.as_str().parse().ok()?;
        Some(MfaSerial::virtual_device(scene.partition(), bastion, &path, &name))
    });
    held.chain(named).filter(is_virtual).collect()
}

fn show(
    scene: &Scene<'_>,
    case: &Case,
    settings: &Settings,
    change: Option<&FileChange>,
    args: &OffBoardArgs,
) -> Result<(), CliError> {
    let printer = &scene.context.printer;
    let measures = first_measures(scene, case, settings)?;
    let mut text = report::contain::situation(scene, case, &measures, settings);
    if args.delete {
        text.push_str(&format!("  {:<17} the user {} and all that hangs on it\n", "deletion", args.person));
    }
    let trusts = trusts_that_name(scene, case);
    if !trusts.is_empty() {
        let line = format!(
            "{} trust policies that name {}: {}; `postern apply` mends those of this estate",
            paint(WARN, "note:"),
            args.person,
            trusts.join(", ")
        );
        text.push_str(&prose(&line, "", "  ", printer.width()));
        text.push('\n');
    }
    let unread =
        "Policies of buckets, keys, queues and other resources are not read: look there for the user's ARN.";
    text.push_str(&prose(&format!("{} {unread}", paint(WARN, "note:")), "", "  ", printer.width()));
    text.push('\n');
    if let Some(change) = change {
        text.push_str(&format!("\n{}\n{}", paint(BOLD, "In the estate file:"), change.diff()));
    }
    printer.data(&text)
}

/// Roles whose trust policy names the user, by ARN or by unique id.
fn trusts_that_name(scene: &Scene<'_>, case: &Case) -> Vec<String> {
    let Some(arn) = &case.arn else { return Vec::new() };
    let quoted = format!("\"{arn}\"");
    let id = case.user.as_ref().and_then(|user| user.id.as_ref()).map(|id| format!("\"{id}\""));
    let mut found = Vec::new();
    for (account, content) in &scene.estate.accounts {
        for (name, role) in &content.roles {
            let text = role.trust.text();
            if (text.contains(&quoted) || id.as_ref().is_some_and(|id| text.contains(id)))
                && let Some(role) = scene.role_arn(*account, name)
            {
                found.push(scene.role_label(&role));
            }
        }
    }
    found
}

/// What follows the lock-out: a tag that says until when the user is kept, or the deletion, and after it an end to the
/// organization's deny, which would hold against a new user of the name. What went wrong, in words.
fn after(
    scene: &Scene<'_>,
    case: &Case,
    args: &OffBoardArgs,
    devices: &BTreeSet<MfaSerial>,
    outcome: &Outcome,
    denied: &[(AccountId, DeniedPrincipal)],
) -> Result<Vec<String>, CliError> {
    let account = case.target.account();
    if !scene.connections.contains_key(&account) {
        return Ok(Vec::new());
    }
    let measures = if let (true, Some(user)) = (args.delete, &case.user) {
        deletion(account, &args.person, user, devices)
    } else if case.user.is_none() {
        Vec::new()
    } else {
        let day = Timestamp::now()
            .checked_add(SignedDuration::from_hours(24 * i64::from(args.keep_days)))
            .unwrap_or(Timestamp::MAX);
        let tags = Tags::from([(DELETE_AFTER.to_owned(), day.strftime("%Y-%m-%d").to_string())]);
        let action = Action::TagUser { user: args.person.clone(), tags };
        vec![Measure { stage: Stage::Deletion, account, action, without_room: None }]
    };
    let mut journal = Journal::open(&scene.context.printer, &scene.names, &outcome.log)?;
    let fates = insist(Insist {
        measures: &measures,
        connections: &scene.connections,
        settle: Settle::default(),
        now: &Timestamp::now,
        log: &mut |note| journal.note(note),
    });
    let wrong = measures.iter().zip(&fates).filter_map(|(measure, taken)| {
        let why = match taken {
            Taken::Done | Taken::Instead | Taken::Gone => return None,
            Taken::Refused(error) => error.to_string(),
            Taken::Left => "not tried".to_owned(),
        };
        Some(format!("{}: {why}", report::contain::words(&measure.action)))
    });
    let mut wrong: Vec<String> = wrong.collect();
    if args.delete && wrong.is_empty() {
        wrong.extend(lift(scene, denied, &mut journal));
    }
    Ok(wrong)
}

fn conclude(
    scene: &Scene<'_>,
    case: &Case,
    args: &OffBoardArgs,
    outcome: &Outcome,
    change: Option<&FileChange>,
    last: &[String],
) -> Result<(), CliError> {
    let printer = &scene.context.printer;
    let mut error = CliError::failed(format!("{} is not off-boarded everywhere", case.target.name()));
    for (account, why) in &scene.silent {
        error = error.caused_by(format!("{} does not answer: {why}", scene.label(*account)));
    }
    for line in outcome.left.iter().chain(&outcome.open).chain(last) {
        error = error.caused_by(line);
    }
    if !outcome.is_complete(scene) || !last.is_empty() {
        return Err(error.hint("what is done is safe to leave; run the same command again to go on"));
    }
    let mut text = if args.delete {
        format!("\n{} {} is locked out, and the user is deleted.\n", good("Off-boarded."), args.person)
    } else {
        format!(
            "\n{} {} is locked out. The user is kept {} days for the logs; then: `postern off-board {} --delete`\n",
            good("Off-boarded."),
            args.person,
            args.keep_days,
            args.person
        )
    };
    if change.is_some() {
        text.push_str("They are out of the estate file; `postern apply` takes them out of trust policies.\n");
    } else if args.keep_in_file && scene.file.design.people.contains_key(&args.person) {
        text.push_str(
            "They still stand in the estate file: the next `postern apply` takes them for a member again.\n",
        );
    }
    text.push_str(&format!("log: {}\n", outcome.log.display()));
    printer.data(&text)
}
