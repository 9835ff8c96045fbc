//! What a caller may do at all.

use std::collections::BTreeSet;

use postern_policy::{
    Context, Decision, Effect, PolicyRef, PolicyStack, Request, Statement,
    classes::{self, Budget},
    evaluate,
};

use crate::{
    caller::{Caller, Tie},
    search::{Answer, Question},
    world::Policy,
};

/// An action for what is asked of all actions alike.
const ANY: &str = "sts:AssumeRole";

/// Calls that need no permission, so that no policy can take them away (*IAM User Guide*, "Permissions for
/// GetSessionToken"; *STS API Reference*, `GetCallerIdentity`).
const UNCONTROLLED: [&str; 2] = ["sts:GetSessionToken", "sts:GetCallerIdentity"];

/// An action that a caller may do, as an example, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// The action; where a pattern allows it, an example of what it covers, which AWS need not have.
    pub action: String,
    /// The resource.
    pub resource: String,
}

impl Caller {
    /// Whether the caller's own policies let it do anything that policies control, with an example.
    ///
    /// Policies of resources are not looked at: see [`crate::Reach`] for the trust policies of roles.
    #[must_use]
    pub fn first_power(&self) -> (Answer, Option<Power>) {
        let fixed = self.fixed();
        if self.is_shut_out(&fixed) {
            return (Answer::Never, None);
        }
        let mut actions = Vec::new();
        let mut resources = Vec::new();
        let mut allows = false;
        for policy in self.policies() {
            for statement in policy.document.statements() {
                allows |= statement.effect() == Effect::Allow;
                actions.push(statement.actions());
                resources.extend(statement.resources().map(|element| (policy.document.version(), element)));
            }
        }
        if !allows && !self.incomplete {
            return (Answer::Never, None);
        }
        let mut budget = Budget::default();
        let found = classes::actions(&actions, &mut budget)
            .and_then(|actions| Ok((actions, classes::resources(&resources, &fixed, &mut budget)?)));
        let (actions, resources) = match found {
            Ok(found) => found,
            Err(gave_up) => return (self.denied_or(gave_up.to_string()), None),
        };
        let mut unknown = None;
        let samples: BTreeSet<&str> = actions
            .iter()
            .map(|class| class.sample.as_str())
            .filter(|action| !UNCONTROLLED.iter().any(|free| free.eq_ignore_ascii_case(action)))
            .collect();
        for action in samples {
            for resource in &resources {
                let question = Question { caller: self, action, resource: &resource.sample, trust: None };
                match question.answer() {
                    Answer::Never => {}
                    Answer::Unknown(reason) => unknown = Some(reason),
                    allowed @ Answer::Allowed(_) => {
                        let power = Power { action: action.to_owned(), resource: resource.sample.clone() };
                        return (allowed, Some(power));
                    }
                }
            }
        }
        (unknown.map_or(Answer::Never, Answer::Unknown), None)
    }

    /// Whether the caller's own policies allow an action on a resource in some request. Policies of resources are not
    /// looked at.
    #[must_use]
    pub fn may(&self, action: &str, resource: &str) -> Answer {
        Question { caller: self, action, resource, trust: None }.answer()
    }

    /// Whether a policy of one statement denies everything, on conditions that this credential meets in every request:
    /// how a user is locked out, and how a role's older sessions are ended. Nothing else needs to be looked at then.
    fn is_shut_out(&self, fixed: &Context) -> bool {
        self.policies().any(|policy| {
            let [only] = policy.document.statements() else { return false };
            let settled = |key: &str| matches!(self.tie(key), Tie::OneOf(values) if values.len() == 1);
            denies_everything(only)
                && only.conditions().iter().all(|condition| settled(condition.folded_key()))
                && self.is_denied_by(policy, fixed)
        })
    }

    fn is_denied_by(&self, policy: &Policy, context: &Context) -> bool {
        let request = Request {
            principal: &self.principal,
            action: ANY,
            resource: "*",
            resource_account: self.principal.account(),
            context,
        };
        let own = [PolicyRef { name: &policy.name, arn: policy.arn.as_deref(), document: &policy.document }];
        let stack = PolicyStack { identity: &own, ..PolicyStack::default() };
        evaluate(&request, &stack).decision == Decision::ExplicitlyDenied
    }

    /// Never, where a statement denies everything without any condition; else unknown.
    fn denied_or(&self, reason: String) -> Answer {
        let outright =
            |statement: &Statement| denies_everything(statement) && statement.conditions().is_empty();
        if self.policies().any(|policy| policy.document.statements().iter().any(outright)) {
            Answer::Never
        } else {
            Answer::Unknown(reason)
        }
    }
}

/// Whether a statement denies every action on every resource, where its conditions hold.
fn denies_everything(statement: &Statement) -> bool {
    let all_actions = !statement.actions().is_negated()
        && statement.actions().patterns().iter().any(|pattern| pattern.text() == "*");
    let all_resources = statement.resources().is_some_and(|resources| {
        !resources.is_negated() && resources.patterns().iter().any(|pattern| pattern.text() == "*")
    });
    statement.effect() == Effect::Deny && all_actions && all_resources
}
