//! Whether containment holds: evaluated on the state that is read back, not concluded from the calls.

use postern_estate::contain::{LockOut, is_service_linked};
use postern_prove::{Answer, Caller, Held, Reach, SessionFacts, World};
use postern_types::{SignedDuration, Timestamp};

use super::{
    carry::{Case, Settings},
    scene::{Scene, managed},
    target::Target,
};
use crate::errors::CliError;

/// What still stands open or cannot be told, in words. Empty where nothing does.
pub(crate) fn verify(
    scene: &Scene<'_>,
    case: &Case,
    settings: &Settings,
    cut: Timestamp,
) -> Result<Vec<String>, CliError> {
    let managed = managed();
    let world = World::new(&scene.estate, scene.partition(), &managed).in_its_organization();
    let mut open = Vec::new();
    if let Target::User(account, name) = &case.target
        && scene.connections.contains_key(account)
        && case.user.is_some()
    {
        let id = case.user.as_ref().and_then(|user| user.id.as_ref());
        match scene.user(*account, name, id)? {
            None => {}
            Some((name, user)) => {
                let lock = LockOut {
                    account: *account,
                    partition: scene.partition(),
                    devices_since: settings.devices_since,
                };
                let measures = lock
                    .measures(&name, &user)
                    .map_err(|error| CliError::failed("a name of ours is none").caused_by(error))?;
                open.extend(measures.iter().map(|measure| {
                    format!("{} is still to be done: {}", measure.stage, measure.action.operation())
                }));
                let arn = scene.user_arn(*account, &name)?;
                user_is_shut_out(&world, &arn, scene, &mut open);
            }
        }
    }
    for arn in &case.roles {
        let Some(role) = scene.role(arn) else { continue };
        if is_service_linked(role) {
            continue;
        }
        let facts = match case.by_source_identity(scene, arn) {
            Some(person) => SessionFacts { issued: None, source_identity: person.as_str().parse().ok() },
            None => SessionFacts {
                issued: cut.checked_sub(SignedDuration::from_secs(1)).ok().and_then(whole),
                source_identity: None,
            },
        };
        let label = scene.role_label(arn);
        let Some(caller) = Caller::role_session(&world, arn, &facts) else { continue };
        match caller.first_power() {
            (Answer::Never, _) => {}
            (Answer::Unknown(why), _) => {
                open.push(format!("whether older sessions of {label} are ended cannot be told: {why}"));
            }
            (Answer::Allowed(_), power) => {
                let power = power.map(|power| power.action).unwrap_or_default();
                open.push(format!("a session of {label} from before may still do {power}"));
            }
        }
    }
    Ok(open)
}

/// Whether a user may do nothing and gets in nowhere, with whatever credential; what they still can, in words.
pub(crate) fn user_is_shut_out(
    world: &World<'_>,
    arn: &postern_types::UserArn,
    scene: &Scene<'_>,
    open: &mut Vec<String>,
) {
    for held in Held::ALL {
        let Some(caller) = Caller::user(world, arn, held) else { continue };
        match caller.first_power() {
            (Answer::Never, _) => {}
            (Answer::Unknown(why), _) => open.push(format!("{}: cannot be told: {why}", held.as_str())),
            (Answer::Allowed(_), power) => {
                let power = power.map(|power| power.action).unwrap_or_default();
                open.push(format!("{}: {} may still do {power}", held.as_str(), arn.name()));
            }
        }
    }
    let reach = Reach::of_users(world, std::slice::from_ref(arn));
    for grant in reach.grants() {
        let role = scene.role_label(&grant.role);
        open.push(format!("{}: {} still gets into {role}", grant.held.as_str(), arn.name()));
    }
    for (grant, why) in reach.unknown() {
        let role = scene.role_label(&grant.role);
        open.push(format!(
            "{}: whether {} gets into {role} cannot be told: {why}",
            grant.held.as_str(),
            arn.name()
        ));
    }
}

fn whole(time: Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.as_second(), 0).ok()
}
