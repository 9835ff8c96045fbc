//! Which steps may run side by side.

use std::collections::BTreeMap;

use postern_estate::{ADMIN_ROLE, ADMINISTRATORS_GROUP, Action, PolicyDocument, Reach, Step};
use postern_types::{AccountId, Partition, RoleArn, UserArn};

/// Steps by account, as places in the plan.
pub(super) type Wave = BTreeMap<AccountId, Vec<usize>>;

/// Cuts a plan into waves: within one, accounts need not wait for each other.
pub(super) fn waves(steps: &[Step], partition: impl Fn(AccountId) -> Partition) -> Vec<Wave> {
    let mut waves: Vec<Wave> = Vec::new();
    let mut widening = None;
    let mut last = false;
    let mut guarding = false;
    // The principals that the present wave creates, and where.
    let mut created: Vec<(AccountId, String)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let widens = step.risk == Reach::Widens;
        let names_new = document(&step.action).is_some_and(|document| {
            created
                .iter()
                .any(|(account, arn)| *account != step.account && document.text().contains(arn.as_str()))
        });
        // Whoever carries this out may have come in by what it takes away.
        let begins_last = !last && takes_the_way_in(&step.action);
        // The guards of an organization are a wave of their own: they bar ways that the other steps go by.
        let guards = matches!(step.action, Action::Organization(_));
        if widening != Some(widens) || names_new || begins_last || guarding != guards {
            waves.push(Wave::new());
            created.clear();
            widening = Some(widens);
            last |= begins_last;
            guarding = guards;
        }
        if let Some(wave) = waves.last_mut() {
            wave.entry(step.account).or_default().push(index);
        }
        if let Some(arn) = creates(step, partition(step.account)) {
            created.push((step.account, arn));
        }
    }
    waves
}

/// Whether a step takes something of the administrators' way in away.
fn takes_the_way_in(action: &Action) -> bool {
    match action {
        Action::DetachRolePolicy { role, .. } | Action::DeleteRole { role } => role.as_str() == ADMIN_ROLE,
        Action::RemoveUserFromGroup { group, .. }
        | Action::DeleteGroupPolicy { group, .. }
        | Action::DeleteGroup { group } => group.as_str() == ADMINISTRATORS_GROUP,
        _ => false,
    }
}

/// The trust policy or other document that a step saves.
fn document(action: &Action) -> Option<&PolicyDocument> {
    match action {
        Action::CreateRole { trust, .. } | Action::UpdateAssumeRolePolicy { trust, .. } => Some(trust),
        _ => None,
    }
}

fn creates(step: &Step, partition: Partition) -> Option<String> {
    match &step.action {
        Action::CreateUser { user, path, .. } => {
            Some(UserArn::new(partition, step.account, path, user).to_string())
        }
        Action::CreateRole { role, path, .. } => {
            Some(RoleArn::new(partition, step.account, path, role).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use postern_estate::{OrganizationAction, Precondition, Tags};
    use postern_types::{IamPath, SessionDuration};

    use super::*;

    fn account(n: u64) -> AccountId {
        AccountId::from_number(n).unwrap()
    }

    fn step(n: u64, action: Action, risk: Reach) -> Step {
        Step { account: account(n), action, precondition: Precondition::Absent, inverse: None, risk }
    }

    fn user(n: u64, name: &str) -> Step {
        let (user, path) = (name.parse().unwrap(), IamPath::root());
        step(n, Action::CreateUser { user, path, tags: Tags::new() }, Reach::Keeps)
    }

    fn role(n: u64, name: &str, trust: &str, risk: Reach) -> Step {
        let action = Action::CreateRole {
            role: name.parse().unwrap(),
            path: IamPath::root(),
            trust: PolicyDocument::new(trust),
            max_session: SessionDuration::HOUR,
            boundary: None,
            tags: Tags::new(),
        };
        step(n, action, risk)
    }

    #[test]
    fn accounts_wait_only_where_they_must() {
        let alice = r#"{"AWS":"arn:aws:iam::000000000001:user/alice"}"#;
        let nobody = r#"{"AWS":"arn:aws:iam::000000000001:root"}"#;
        let lane = |n, steps: &[usize]| (account(n), steps.to_vec());
        let gone =
            |n, name: &str| step(n, Action::DeleteRole { role: name.parse().unwrap() }, Reach::Narrows);
        let guard = step(9, Action::Organization(OrganizationAction::EnablePolicyType), Reach::Keeps);
        let cases: [(&str, Vec<Step>, Vec<Wave>); 7] = [
            ("nothing", vec![], vec![]),
            (
                "apart",
                vec![user(1, "alice"), role(2, "r", nobody, Reach::Keeps), user(1, "bob")],
                vec![Wave::from([lane(1, &[0, 2]), lane(2, &[1])])],
            ),
            (
                "a trust that names a new user",
                vec![user(1, "alice"), role(2, "r", alice, Reach::Keeps), role(3, "r", alice, Reach::Keeps)],
                vec![Wave::from([lane(1, &[0])]), Wave::from([lane(2, &[1]), lane(3, &[2])])],
            ),
            (
                "in one account the order is enough",
                vec![user(1, "alice"), role(1, "r", alice, Reach::Keeps)],
                vec![Wave::from([lane(1, &[0, 1])])],
            ),
            (
                "the way in goes when everything else is gone",
                vec![gone(1, "a"), gone(2, "a"), gone(1, ADMIN_ROLE), gone(2, ADMIN_ROLE), user(1, "bob")],
                vec![
                    Wave::from([lane(1, &[0]), lane(2, &[1])]),
                    Wave::from([lane(1, &[2, 4]), lane(2, &[3])]),
                ],
            ),
            (
                "guards before what they protect, and after what they would bar",
                vec![guard.clone(), user(1, "alice"), user(2, "bob"), guard],
                vec![
                    Wave::from([lane(9, &[0])]),
                    Wave::from([lane(1, &[1]), lane(2, &[2])]),
                    Wave::from([lane(9, &[3])]),
                ],
            ),
            (
                "narrow before wide, everywhere",
                vec![
                    role(1, "a", nobody, Reach::Narrows),
                    role(2, "a", nobody, Reach::Keeps),
                    role(1, "b", nobody, Reach::Widens),
                    role(2, "b", nobody, Reach::Keeps),
                ],
                vec![
                    Wave::from([lane(1, &[0]), lane(2, &[1])]),
                    Wave::from([lane(1, &[2])]),
                    Wave::from([lane(2, &[3])]),
                ],
            ),
        ];
        for (name, steps, expected) in cases {
            assert_eq!(waves(&steps, |_| Partition::Aws), expected, "{name}");
        }
    }
}
