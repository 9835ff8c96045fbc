//! `postern contain --undo`: what stood before stands again, as far as nobody else has changed it since.

use std::path::Path;

use postern_aws::execute::{Insist, Settle, Taken, insist};
use postern_estate::{
    Account, Action,
    contain::{DENY_POLICY, Measure, REVOKE_POLICY, Stage, revoked_before},
};
use postern_types::Timestamp;

use super::{
    confirm, default_log, good,
    journal::Journal,
    log_name, organization,
    record::{Record, Records},
    scene::Scene,
    target::Target,
};
use crate::{
    errors::{CliError, ExitStatus},
    report,
};

pub(super) fn run(
    scene: &Scene<'_>,
    records: &Records,
    target: &Target,
    yes: bool,
    log: Option<&Path>,
) -> Result<ExitStatus, CliError> {
    let printer = &scene.context.printer;
    let record = records.read(target)?.ok_or_else(|| nothing_recorded(scene, records, target))?;
    let (measures, mut left) = calls(scene, &record)?;
    printer.data(&report::contain::undoing(scene, target, &measures, &left, &record))?;
    if !yes {
        confirm(&format!("Put back what {} had?", target.name()), "contain --undo")?;
    }
    let now = Timestamp::now();
    let log = match log {
        Some(path) => path.to_owned(),
        None => default_log(scene.context, &log_name(target), now)?,
    };
    let mut journal = Journal::open(printer, &scene.names, &log)?;
    journal.say(now, &format!("undoing the containment of the {} {}", target.kind(), target.name()));
    let fates = insist(Insist {
        measures: &measures,
        connections: &scene.connections,
        settle: Settle::default(),
        now: &Timestamp::now,
        log: &mut |note| journal.note(note),
    });
    for (measure, taken) in measures.iter().zip(&fates) {
        let why = match taken {
            Taken::Done | Taken::Instead => continue,
            Taken::Gone if removes(&measure.action) => continue,
            Taken::Gone => "what it belongs to is not there any more".to_owned(),
            Taken::Refused(error) => error.to_string(),
            Taken::Left => "the account does not answer".to_owned(),
        };
        let whereabouts = scene.label(measure.account);
        left.push(format!("{} in {whereabouts}: {why}", report::contain::words(&measure.action)));
    }
    // Last: until here nothing that was put back could be used.
    left.extend(organization::lift(scene, &record.denied_above(), &mut journal));
    if !left.is_empty() {
        let error = CliError::failed("not everything is as before");
        let error = left.into_iter().fold(error, CliError::caused_by);
        return Err(error.hint(format!(
            "mend the cause and run it again, or put the rest back by hand and remove `{}`",
            records.path(target).display()
        )));
    }
    records.remove(target)?;
    let text = format!("{} {} has back what they had.\n", good("Undone."), target.name());
    printer.data(&text)?;
    Ok(ExitStatus::Done)
}

fn nothing_recorded(scene: &Scene<'_>, records: &Records, target: &Target) -> CliError {
    let account = scene.label(target.account());
    let error =
        CliError::usage(format!("this machine has no record of a containment of `{}`", target.name()))
            .hint(format!("if it was done elsewhere, bring `{}` from there", records.path(target).display()));
    match target {
        Target::User(..) => error.hint(format!(
            "or by hand: remove the policy `{DENY_POLICY}` from the user in {account}, switch their key on, and run `postern apply`, which puts people back into their groups"
        )),
        Target::Role(..) => error.hint(format!("or by hand: remove the policy `{REVOKE_POLICY}` from the role")),
    }
}

/// The calls that are to be made, and why some are not.
fn calls(scene: &Scene<'_>, record: &Record) -> Result<(Vec<Measure>, Vec<String>), CliError> {
    let mut measures = Vec::new();
    let mut left = Vec::new();
    for (account, action) in record.undo()? {
        let Some(found) = scene.estate.accounts.get(&account) else {
            left.push(format!(
                "{} in {}: it does not answer",
                report::contain::words(&action),
                scene.label(account)
            ));
            continue;
        };
        match judge(&action, found, record) {
            Judged::Do => {
                measures.push(Measure { stage: stage(&action), account, action, without_room: None });
            }
            Judged::AlreadySo => {}
            Judged::Changed(why) => {
                left.push(format!("{} in {}: {why}", report::contain::words(&action), scene.label(account)));
            }
        }
    }
    Ok((measures, left))
}

enum Judged {
    Do,
    AlreadySo,
    Changed(String),
}

/// Whether what is to be put back still stands as containment left it.
fn judge(action: &Action, found: &Account, record: &Record) -> Judged {
    let of_role = |role, policy| found.roles.get(role).and_then(|role| role.inline.get(policy));
    match action {
        Action::DeleteUserPolicy { user, policy } => {
            match found.users.get(user).and_then(|user| user.inline.get(policy)) {
                None => Judged::AlreadySo,
                Some(_) => Judged::Do,
            }
        }
        Action::DeleteUserPermissionsBoundary { user } => {
            match found.users.get(user).and_then(|user| user.boundary.as_ref()) {
                Some(boundary) if boundary.name().as_str() == "AWSDenyAll" => Judged::Do,
                _ => Judged::AlreadySo,
            }
        }
        Action::PutUserPermissionsBoundary { user, boundary } => {
            let now = found.users.get(user).and_then(|user| user.boundary.as_ref());
            if now == Some(boundary) { Judged::AlreadySo } else { Judged::Do }
        }
        Action::DeleteRolePolicy { role, policy } | Action::PutRolePolicy { role, policy, .. } => {
            let Some(document) = of_role(role, policy) else {
                return match action {
                    Action::DeleteRolePolicy { .. } => Judged::AlreadySo,
                    _ => Judged::Do,
                };
            };
            // Somebody else's later revocation is none of ours to lift.
            match (policy.as_str() == REVOKE_POLICY).then(|| revoked_before(document)) {
                Some(time) if time.is_none() || time > record.revoked_before.and_then(up) => {
                    Judged::Changed("sessions were revoked again since, or the policy was changed".to_owned())
                }
                _ => Judged::Do,
            }
        }
        _ => Judged::Do,
    }
}

/// The whole second that a revocation was written with.
fn up(time: Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.as_second() + 1, 0).ok()
}

const fn stage(action: &Action) -> Stage {
    match action {
        Action::AddUserToGroup { .. } => Stage::Groups,
        Action::UpdateAccessKey { .. } => Stage::AccessKeys,
        Action::PutRolePolicy { .. } | Action::DeleteRolePolicy { .. } => Stage::RoleSessions,
        Action::UpdateAssumeRolePolicy { .. } => Stage::Trust,
        Action::UpdateSshPublicKey { .. }
        | Action::UpdateServiceSpecificCredential { .. }
        | Action::UpdateSigningCertificate { .. } => Stage::RareCredentials,
        _ => Stage::Deny,
    }
}

/// Whether it is as well where there is nothing to remove.
pub(crate) const fn removes(action: &Action) -> bool {
    matches!(
        action,
        Action::DeleteUserPolicy { .. }
            | Action::DeleteRolePolicy { .. }
            | Action::DeleteUserPermissionsBoundary { .. }
            | Action::UntagUser { .. }
    )
}
