//! A plan as data for other programs: format 1.

use serde::Serialize;

use crate::{Change, Notice, Parameters, Plan, Reach, Step, StepKey};

/// A plan as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct PlanJson {
    /// The version of this format.
    pub format: u32,
    /// The calls in their order.
    pub steps: Vec<StepJson>,
    /// What stands in the way, by the object's key.
    pub conflicts: Vec<String>,
    /// What is left as it is, by the object's key.
    pub notices: Vec<String>,
    /// The same with why.
    pub remarks: Vec<RemarkJson>,
}

/// Something that is left as it is.
#[derive(Clone, Debug, Serialize)]
pub struct RemarkJson {
    /// The account.
    pub account: String,
    /// `user`, `group`, `policy`, `role` or `account`.
    pub kind: &'static str,
    /// The object's name.
    pub name: String,
    /// Why, in a word: `stranger`, `deny-kept`, …
    pub what: &'static str,
}

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct StepJson {
    /// The account.
    pub account: String,
    /// `user`, `group`, `policy`, `role` or `account`.
    pub kind: &'static str,
    /// The object's name.
    pub name: String,
    /// The IAM operation.
    pub operation: &'static str,
    /// `create`, `update` or `delete`.
    pub change: &'static str,
    /// `narrows`, `keeps` or `widens`.
    pub reach: &'static str,
    /// The call's parameters by AWS's names, documents left out.
    pub parameters: Parameters,
    /// The document that is replaced or deleted, as text.
    pub before: Option<String>,
    /// The document that is written, as text.
    pub after: Option<String>,
}

impl From<&Plan> for PlanJson {
    fn from(plan: &Plan) -> Self {
        Self {
            format: 1,
            steps: plan.steps.iter().map(StepJson::from).collect(),
            conflicts: plan.conflicts.iter().map(|conflict| conflict.key.to_string()).collect(),
            notices: plan.notices.iter().map(|notice| notice.key.to_string()).collect(),
            remarks: plan.notices.iter().map(RemarkJson::from).collect(),
        }
    }
}

impl From<&Notice> for RemarkJson {
    fn from(notice: &Notice) -> Self {
        let StepKey { account, kind, name } = &notice.key;
        let (account, name) = (account.to_string(), name.clone());
        Self { account, kind: kind.as_str(), name, what: notice.kind.as_str() }
    }
}

impl From<&Step> for StepJson {
    fn from(step: &Step) -> Self {
        let key = step.key();
        Self {
            account: key.account.to_string(),
            kind: key.kind.as_str(),
            name: key.name,
            operation: step.action.operation(),
            change: match step.change() {
                Change::Create => "create",
                Change::Update => "update",
                Change::Delete => "delete",
            },
            reach: match step.risk {
                Reach::Narrows => "narrows",
                Reach::Keeps => "keeps",
                Reach::Widens => "widens",
            },
            parameters: step.action.parameters(),
            before: step.before().map(ToString::to_string),
            after: step.after().map(ToString::to_string),
        }
    }
}
