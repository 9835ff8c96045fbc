//! Containment in words: who it is, what they reach, what will be done, what came of it.

use std::{collections::BTreeMap, path::Path};

use postern_estate::{
    Action, OrganizationDeny, User,
    contain::{DENY_POLICY, Measure, Stage, is_service_linked},
};
use postern_prove::Held;
use postern_types::{AccountId, RoleArn};

use crate::{
    commands::contain::{Above, Case, Outcome, Planned, Record, Scene, Settings, Target, good, planned},
    output::{BAD, BOLD, DIM, WARN, paint, prose},
    report::plan::counted,
};

/// A call in a line: `PutUserPolicy postern-contain on alice`.
pub(crate) fn words(action: &Action) -> String {
    let call = action.operation();
    match action {
        Action::PutUserPolicy { user, policy, .. } | Action::DeleteUserPolicy { user, policy } => {
            format!("{call} {policy} on {user}")
        }
        Action::PutRolePolicy { role, policy, .. } | Action::DeleteRolePolicy { role, policy } => {
            format!("{call} {policy} on {role}")
        }
        Action::DetachUserPolicy { user, policy } => format!("{call} {} from {user}", policy.name()),
        Action::PutUserPermissionsBoundary { user, boundary } => {
            format!("{call} {} on {user}", boundary.name())
        }
        Action::DeleteUserPermissionsBoundary { user } => format!("{call} of {user}"),
        Action::RemoveUserFromGroup { user, group } => format!("{call} {group}: {user}"),
        Action::AddUserToGroup { user, group } => format!("{call} {group}: {user}"),
        Action::UpdateAccessKey { user, key, active } => {
            format!("{call} {key} of {user}: {}", state(*active))
        }
        Action::UpdateSshPublicKey { user, key, active } => {
            format!("{call} {key} of {user}: {}", state(*active))
        }
        Action::UpdateServiceSpecificCredential { user, credential, active } => {
            format!("{call} {credential} of {user}: {}", state(*active))
        }
        Action::UpdateSigningCertificate { user, certificate, active } => {
            format!("{call} {certificate} of {user}: {}", state(*active))
        }
        Action::DeleteAccessKey { user, key } => format!("{call} {key} of {user}"),
        Action::DeleteSshPublicKey { user, key } => format!("{call} {key} of {user}"),
        Action::DeleteServiceSpecificCredential { user, credential } => {
            format!("{call} {credential} of {user}")
        }
        Action::DeleteSigningCertificate { user, certificate } => format!("{call} {certificate} of {user}"),
        Action::DeactivateMfaDevice { user, device } | Action::DeleteVirtualMfaDevice { user, device } => {
            format!("{call} {} of {user}", device.as_str())
        }
        Action::DeleteLoginProfile { user } => format!("{call} of {user}"),
        Action::DeleteUser { user } | Action::CreateUser { user, .. } => format!("{call} {user}"),
        Action::AttachUserPolicy { user, policy } => format!("{call} {} to {user}", policy.name()),
        Action::TagUser { user, tags } => {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{call} {} on {user}", tags.join(", "))
        }
        Action::UntagUser { user, keys } => format!("{call} {} of {user}", keys.join(", ")),
        Action::UpdateAssumeRolePolicy { role, .. } => format!("{call} of {role}"),
        _ => call.to_owned(),
    }
}

const fn state(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

/// Who it is, what they hold and reach, and what will be done.
pub(crate) fn situation(scene: &Scene<'_>, case: &Case, measures: &[Measure], settings: &Settings) -> String {
    let width = scene.context.printer.width();
    let target = &case.target;
    let mut text = format!(
        "{} is a {} of {}\n\n",
        paint(BOLD, target.name()),
        target.kind(),
        scene.label(target.account())
    );
    let mut row = |what: &str, value: &str| {
        text.push_str(&prose(&format!("  {what:<15} {value}"), "", &" ".repeat(18), width));
        text.push('\n');
    };
    match (target, &case.user) {
        (Target::User(..), Some(user)) => {
            holdings(user, settings, &mut row);
            for held in Held::ALL {
                let roles: Vec<String> = case
                    .reach
                    .grants()
                    .filter(|grant| grant.held == held)
                    .map(|grant| scene.role_label(&grant.role))
                    .collect();
                row(&format!("reach in {}", held.as_str()), &listed(&roles));
            }
            for (grant, why) in case.reach.unknown() {
                row(
                    &format!("reach in {}", grant.held.as_str()),
                    &format!("perhaps {}: {why}", scene.role_label(&grant.role)),
                );
            }
        }
        (Target::User(..), None) => row("credentials", "not read: the account does not answer"),
        (Target::Role(..), _) => {
            let others = case.roles.iter().filter(|role| role.name().as_str() != target.name());
            let others: Vec<String> = others.map(|role| scene.role_label(role)).collect();
            row("reach", &listed(&others));
        }
    }
    text.push('\n');
    let above = planned(scene, case, settings);
    text.push_str(&to_do(scene, &above, measures));
    if let Planned::Cannot(why) = &above {
        text.push_str(&prose(&not_above(why), "", "  ", width));
        text.push('\n');
    }
    for (account, why) in &scene.silent {
        let line = format!("{} {} does not answer: {why}", paint(WARN, "left:"), scene.label(*account));
        text.push_str(&prose(&line, "", "  ", width));
        text.push('\n');
    }
    text
}

fn holdings(user: &User, settings: &Settings, row: &mut impl FnMut(&str, &str)) {
    if let Some(held) = &user.credentials {
        let keys = held.access_keys.iter().map(|(key, found)| {
            let made = found.created_at.map_or_else(String::new, |at| format!(", made {}", day(at)));
            format!("{key} ({}{made})", state(found.active))
        });
        row("access keys", &listed(&keys.collect::<Vec<_>>()));
        row("password", if held.login_profile { "yes; it cannot be put back" } else { "none" });
        let devices = held.mfa_devices.iter().map(|(device, since)| {
            let goes = since.is_none_or(|since| since >= settings.devices_since);
            let since = since.map_or_else(|| "at an unknown time".to_owned(), day);
            let fate = if goes { "goes, and cannot be put back" } else { "stays" };
            format!("{} (added {since}: {fate})", device.as_str())
        });
        row("MFA devices", &listed(&devices.collect::<Vec<_>>()));
        if let Some(rare) = &held.rare
            && !rare.is_empty()
        {
            let all = rare
                .ssh_public_keys
                .iter()
                .chain(&rare.service_specific)
                .chain(&rare.signing_certificates)
                .map(|(id, active)| format!("{id} ({})", state(*active)));
            row("others", &listed(&all.collect::<Vec<_>>()));
        }
    }
    row("groups", &listed(&user.groups.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let own = user.inline.keys().map(ToString::to_string);
    let own: Vec<String> = own.chain(user.attached.iter().map(|arn| arn.name().to_string())).collect();
    if !own.is_empty() {
        row("own policies", &listed(&own));
    }
}

fn day(at: postern_types::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn not_above(why: &str) -> String {
    format!("{} the organization does not deny it: {why}", paint(WARN, "note:"))
}

fn to_do(scene: &Scene<'_>, above: &Planned, measures: &[Measure]) -> String {
    let mut text = match (above, measures) {
        (Planned::NotAsked | Planned::Cannot(_), []) => {
            return "There is nothing to do but to look whether it holds.\n".to_owned();
        }
        (Planned::Deny(..), []) => "To be done:\n".to_owned(),
        _ => format!("To be done ({}):\n", counted(measures.len(), "call")),
    };
    if let Planned::Deny(_, principal) = above {
        text.push_str(&format!(
            "  {:<17} deny everything to {}, by the service control policy {}\n",
            Stage::Organization.as_str(),
            principal.arn.resource(),
            OrganizationDeny::POLICY
        ));
    }
    let mut sessions: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    for measure in measures {
        match (&measure.stage, &measure.action) {
            (Stage::RoleSessions, Action::PutRolePolicy { role, policy, .. }) => {
                sessions.entry(measure.account).or_default().push(
                    if policy.as_str().starts_with(DENY_POLICY) {
                        format!("{role} (theirs only)")
                    } else {
                        role.to_string()
                    },
                );
            }
            (stage, action) => text.push_str(&format!("  {:<17} {}\n", stage.as_str(), words(action))),
        }
    }
    for (account, roles) in sessions {
        let line = format!("  {:<17} in {}: {}", "role sessions", scene.label(account), roles.join(", "));
        text.push_str(&prose(&line, "", &" ".repeat(20), scene.context.printer.width()));
        text.push('\n');
    }
    if measures.iter().any(|measure| measure.stage == Stage::RoleSessions) {
        text.push_str(&paint(
            DIM,
            "  Sessions of these roles end for everyone who has one; a new one is one call away.\n",
        ));
    }
    text.push('\n');
    text
}

/// What came of it.
pub(crate) fn conclusion(scene: &Scene<'_>, case: &Case, outcome: &Outcome, record: &Path) -> String {
    let width = scene.context.printer.width();
    let name = case.target.name();
    let mut text = String::from("\n");
    let mut line = |words: &str| {
        text.push_str(&prose(words, "", "  ", width));
        text.push('\n');
    };
    let holds = outcome.open.is_empty() && outcome.left.is_empty();
    match (&case.target, &case.user, holds) {
        (Target::User(..), Some(_), true) => line(&format!(
            "{} {name} may do nothing and gets into no role in N1, N2 and M, as evaluated on the state read back.",
            good("Contained.")
        )),
        (Target::User(..), None, _) => {
            line(&format!("{} {name} could not be locked out.", paint(BAD, "Not contained.")));
        }
        (Target::Role(..), _, true) => line(&format!("{} Sessions of {name} are ended.", good("Contained."))),
        _ => line(&paint(BAD, "Not contained.")),
    }
    match &outcome.above {
        Above::NotAsked => {}
        Above::Denied => line(&format!(
            "The organization denies {name} everything, and nobody in {} can take that away.",
            scene.label(case.target.account())
        )),
        Above::Not { why, .. } => line(&not_above(why)),
    }
    let (ended, service): (Vec<&RoleArn>, Vec<&RoleArn>) = case
        .roles
        .iter()
        .filter_map(|arn| Some((arn, scene.role(arn)?)))
        .fold((Vec::new(), Vec::new()), |(mut ended, mut service), (arn, role)| {
            if is_service_linked(role) {
                service.push(arn);
            } else {
                ended.push(arn);
            }
            (ended, service)
        });
    if !ended.is_empty() && outcome.open.is_empty() {
        let what = counted(ended.len(), "role");
        line(&format!(
            "Sessions of {what} that were issued before {} are ended, whoever's they are.",
            outcome.cut.strftime("%H:%M:%S UTC")
        ));
    }
    for role in service {
        line(&format!(
            "{} {} is a service's own role, whose sessions cannot be ended.",
            paint(WARN, "note:"),
            scene.role_label(role)
        ));
    }
    let unreached: Vec<String> = case
        .roles
        .iter()
        .filter(|role| scene.silent.contains_key(&role.account()))
        .map(|role| scene.role_label(role))
        .collect();
    if !unreached.is_empty() {
        line(&format!(
            "{} sessions of {} live on until they expire.",
            paint(WARN, "left:"),
            unreached.join(", ")
        ));
    }
    if let Target::Role(account, role) = &case.target
        && let Some(found) = scene.estate.accounts.get(account).and_then(|found| found.roles.get(role))
        && !found.trust.only_denies()
    {
        line(&format!(
            "{} whom its trust policy admits may assume {name} again; --close-trust admits nobody.",
            paint(WARN, "note:")
        ));
    }
    line(&paint(
        DIM,
        "What they made before this is not undone: `postern plan` shows what differs from the file; look through CloudTrail for what else they did.",
    ));
    if matches!(case.target, Target::User(..)) {
        line(&paint(DIM, "Keep the deny for 36 hours at least: sessions of the user live as long."));
    }
    line(&format!("log: {}", outcome.log.display()));
    line(&format!(
        "undo: `postern contain {} --undo` (what stood before: {})",
        whom(scene, &case.target),
        record.display()
    ));
    text
}

fn whom(scene: &Scene<'_>, target: &Target) -> String {
    let account = target.account();
    let name = scene.names.get(&account).cloned().unwrap_or_else(|| account.to_string());
    format!("{name}/{}", target.name())
}

/// What an undo will put back.
pub(crate) fn undoing(
    scene: &Scene<'_>,
    target: &Target,
    measures: &[Measure],
    left: &[String],
    record: &Record,
) -> String {
    let mut text = format!(
        "The containment of the {} {} of {}, begun {}, is undone:\n",
        target.kind(),
        paint(BOLD, target.name()),
        scene.label(target.account()),
        record.begun_at.strftime("%Y-%m-%d %H:%M UTC"),
    );
    for measure in measures {
        text.push_str(&format!("  {}: {}\n", scene.label(measure.account), words(&measure.action)));
    }
    for (_, principal) in record.denied_above() {
        text.push_str(&format!("  organization, last: {} is denied no more\n", principal.arn.resource()));
    }
    if measures.is_empty() && record.denied_above().is_empty() {
        text.push_str("  nothing is to be put back\n");
    }
    for line in left {
        text.push_str(&format!("{} {line}\n", paint(WARN, "left:")));
    }
    for lost in &record.lost {
        text.push_str(&format!("{} {lost} cannot be put back\n", paint(WARN, "gone:")));
    }
    text
}
