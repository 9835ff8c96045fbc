//! The effect of a plan: both states of the estate put to the evaluator.

use postern_estate::{Estate, Plan, apply_step};
use postern_prove::{Effect, World};
use postern_types::{Partition, PolicyArn};

use crate::report::effect::Outlook;

/// Users times roles up to which the effect is worked out: half a minute where everything is new.
const WORTH_IT: usize = 10_000_000;

/// What a plan does to who reaches what.
pub(crate) fn of(actual: &Estate, plan: &Plan, partition: Partition) -> Outlook {
    let mut after = actual.clone();
    for step in &plan.steps {
        if let Err(error) = apply_step(&mut after, step) {
            return Outlook::NotTold(format!("{} would be refused: {error}", step.action.operation()));
        }
    }
    let size = |estate: &Estate| {
        let users: usize = estate.accounts.values().map(|account| account.users.len()).sum();
        let roles: usize = estate.accounts.values().map(|account| account.roles.len()).sum();
        users * roles
    };
    if size(actual).max(size(&after)) > WORTH_IT {
        return Outlook::NotTold("too many people and roles to look at each pair; see --account".to_owned());
    }
    let managed = |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
    let world = |estate| World::new(estate, partition, &managed).in_its_organization();
    let (before, after) = (world(actual), world(&after));
    Outlook::Told(Box::new(Effect::between(&before, &after)))
}
