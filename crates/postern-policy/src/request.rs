//! A request and the policies that bear on it.

use postern_types::AccountId;

use crate::{Context, Document, Principal, action::ActionText, arn::ArnText, evaluate::is_assumption};

/// One request to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The action, `service:Name`; its case does not count.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions without one.
    pub resource: &'a str,
    /// The account that owns the resource, where the ARN does not tell (S3): none means the account
    /// in the ARN, or else the principal's.
    pub resource_account: Option<AccountId>,
    /// What the conditions are tested against.
    pub context: &'a Context,
}

impl Request<'_> {
    /// The account that owns the resource, if there is one to be found.
    #[must_use]
    pub fn owner(&self) -> Option<AccountId> {
        self.owner_by(&ArnText::new(self.resource))
    }

    pub(crate) fn owner_by(&self, resource: &ArnText<'_>) -> Option<AccountId> {
        // Most ARNs without an account leave the field empty: no error is made of that.
        let in_arn = || Some(resource.account()).filter(|field| field.len() == 12)?.parse().ok();
        self.resource_account.or_else(in_arn).or_else(|| self.principal.account())
    }

    /// Whether the action is one that a role's trust policy decides about: `sts:AssumeRole` and its variants,
    /// `sts:TagSession`, `sts:SetSourceIdentity`.
    #[must_use]
    pub fn is_assumption(&self) -> bool {
        is_assumption(&ActionText::new(self.action))
    }

    /// Whether principal and resource belong to different accounts.
    #[must_use]
    pub fn is_cross_account(&self) -> bool {
        self.principal.account().is_some_and(|account| self.owner() != Some(account))
    }
}

/// A policy and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct PolicyRef<'a> {
    /// The policy's name.
    pub name: &'a str,
    /// Its ARN, for a managed policy.
    pub arn: Option<&'a str>,
    /// What it says.
    pub document: &'a Document,
}

/// One level of an organization on the way to an account: root, organizational unit, the account.
#[derive(Clone, Copy, Debug)]
pub struct Level<'a> {
    /// The level's id, `r-…`, `ou-…` or an account id.
    pub id: &'a str,
    /// The policies attached to it.
    pub policies: &'a [PolicyRef<'a>],
}

/// Every policy that bears on a request. An absent layer does not restrict.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyStack<'a> {
    /// The principal's own policies; a role session has those of its role.
    pub identity: &'a [PolicyRef<'a>],
    /// The policies of the user's groups.
    pub groups: &'a [PolicyRef<'a>],
    /// The principal's permissions boundary. AWS has one at most; of several, each widens what is allowed, as
    /// iam-simulate has it.
    pub boundary: &'a [PolicyRef<'a>],
    /// The policies passed when the session was made, inline and by ARN; none where none was passed.
    /// A federated user without any has no permissions.
    pub session: Option<&'a [PolicyRef<'a>]>,
    /// The resource's policy; for `sts:AssumeRole…` the trust policy of the role. Every role has one: where
    /// it is not given, the caller's own policies are asked alone, and none of another account suffice.
    pub resource: Option<PolicyRef<'a>>,
    /// The service control policies of the principal's account; empty without an organization and in
    /// its management account, which they do not bind.
    pub scps: &'a [Level<'a>],
    /// The resource control policies of the resource's account.
    pub rcps: &'a [Level<'a>],
}
