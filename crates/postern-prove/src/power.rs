//! What a caller may do at all.

use std::collections::BTreeSet;

use postern_policy::{
    Effect,
    classes::{self, Budget},
};

use crate::{
    caller::Caller,
    search::{Answer, Question},
};

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

    /// Never, where a statement denies everything without any condition; else unknown.
    fn denied_or(&self, reason: String) -> Answer {
        let everything = |statement: &postern_policy::Statement| {
            let all_actions = !statement.actions().is_negated()
                && statement.actions().patterns().iter().any(|pattern| pattern.text() == "*");
            let all_resources = statement.resources().is_some_and(|resources| {
                !resources.is_negated() && resources.patterns().iter().any(|pattern| pattern.text() == "*")
            });
            statement.effect() == Effect::Deny
                && statement.conditions().is_empty()
                && all_actions
                && all_resources
        };
        if self.policies().any(|policy| policy.document.statements().iter().any(everything)) {
            Answer::Never
        } else {
            Answer::Unknown(reason)
        }
    }
}
