//! The calls that change an organization's policies, and what they do to one in memory.

use crate::{
    Kind, Organization, OrganizationTarget, PolicyDocument, Precondition, ServiceControlPolicy, StepError,
    Tags,
    parameters::{Parameters, joined},
};

/// One call of AWS Organizations and its parameters, made in the management account. Policies go by name: the
/// id of one that is only planned is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the parameters of the call that the variant names")]
pub enum OrganizationAction {
    /// Of service control policies, in the root.
    EnablePolicyType,
    CreatePolicy {
        policy: String,
        document: PolicyDocument,
        tags: Tags,
    },
    UpdatePolicy {
        policy: String,
        document: PolicyDocument,
    },
    AttachPolicy {
        policy: String,
        target: OrganizationTarget,
        /// What people call the target.
        name: String,
    },
    DetachPolicy {
        policy: String,
        target: OrganizationTarget,
        /// What people call the target.
        name: String,
    },
    DeletePolicy {
        policy: String,
    },
}

impl OrganizationAction {
    /// The operation with its service, since IAM has operations of the same names.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::EnablePolicyType => "organizations:EnablePolicyType",
            Self::CreatePolicy { .. } => "organizations:CreatePolicy",
            Self::UpdatePolicy { .. } => "organizations:UpdatePolicy",
            Self::AttachPolicy { .. } => "organizations:AttachPolicy",
            Self::DetachPolicy { .. } => "organizations:DetachPolicy",
            Self::DeletePolicy { .. } => "organizations:DeletePolicy",
        }
    }

    /// The policy that the call is about; none for the organization itself.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        match self {
            Self::EnablePolicyType => None,
            Self::CreatePolicy { policy, .. }
            | Self::UpdatePolicy { policy, .. }
            | Self::AttachPolicy { policy, .. }
            | Self::DetachPolicy { policy, .. }
            | Self::DeletePolicy { policy } => Some(policy),
        }
    }

    /// The document that the call writes.
    #[must_use]
    pub const fn document(&self) -> Option<&PolicyDocument> {
        match self {
            Self::CreatePolicy { document, .. } | Self::UpdatePolicy { document, .. } => Some(document),
            _ => None,
        }
    }

    /// What the call works on and where, by the names of AWS's parameters.
    pub(crate) fn parameters(&self) -> Parameters {
        let mut list = Parameters::new();
        if let Some(policy) = self.policy() {
            list.insert("PolicyName", policy.to_owned());
        }
        match self {
            Self::EnablePolicyType => {
                list.insert("PolicyType", "SERVICE_CONTROL_POLICY".to_owned());
            }
            Self::AttachPolicy { target, .. } | Self::DetachPolicy { target, .. } => {
                list.insert("TargetId", target.to_string());
            }
            Self::CreatePolicy { tags, .. } => {
                list.insert("Tags", joined(tags));
            }
            Self::UpdatePolicy { .. } | Self::DeletePolicy { .. } => {}
        }
        list
    }

    pub(crate) fn object(&self) -> (Kind, String) {
        match self.policy() {
            Some(policy) => (Kind::ServiceControlPolicy, policy.to_owned()),
            None => (Kind::Organization, "policy types".to_owned()),
        }
    }
}

/// Does a call on an organization in memory.
pub(crate) fn apply(
    organization: Option<&mut Organization>,
    action: &OrganizationAction,
) -> Result<(), StepError> {
    let found = organization.ok_or_else(|| StepError::Missing("the organization".to_owned()))?;
    let missing = |name: &str| StepError::Missing(format!("service control policy {name}"));
    match action {
        OrganizationAction::EnablePolicyType => found.scps_enabled = true,
        OrganizationAction::CreatePolicy { policy, document, tags } => {
            if found.policies.contains_key(policy) {
                return Err(StepError::Exists(format!("service control policy {policy}")));
            }
            let made = ServiceControlPolicy {
                id: None,
                tags: tags.clone(),
                document: document.clone(),
                targets: Default::default(),
            };
            found.policies.insert(policy.clone(), made);
        }
        OrganizationAction::UpdatePolicy { policy, document } => {
            found.policies.get_mut(policy).ok_or_else(|| missing(policy))?.document = document.clone();
        }
        OrganizationAction::AttachPolicy { policy, target, .. } => {
            found.policies.get_mut(policy).ok_or_else(|| missing(policy))?.targets.insert(target.clone());
        }
        OrganizationAction::DetachPolicy { policy, target, .. } => {
            if !found.policies.get_mut(policy).ok_or_else(|| missing(policy))?.targets.remove(target) {
                return Err(StepError::Missing(format!("{policy} on {target}")));
            }
        }
        OrganizationAction::DeletePolicy { policy } => {
            let there = found.policies.get(policy).ok_or_else(|| missing(policy))?;
            if !there.targets.is_empty() {
                return Err(StepError::InUse(format!("service control policy {policy}")));
            }
            found.policies.remove(policy);
        }
    }
    Ok(())
}

fn document_before(
    organization: Option<&Organization>,
    action: &OrganizationAction,
) -> Option<PolicyDocument> {
    match action {
        OrganizationAction::UpdatePolicy { policy, .. } | OrganizationAction::DeletePolicy { policy } => {
            Some(organization?.policies.get(policy)?.document.clone())
        }
        _ => None,
    }
}

/// What must hold before a call.
pub(crate) fn precondition(organization: Option<&Organization>, action: &OrganizationAction) -> Precondition {
    match action {
        OrganizationAction::CreatePolicy { .. } => Precondition::Absent,
        _ => document_before(organization, action).map_or(Precondition::Present, Precondition::Document),
    }
}

/// The call that undoes another one; none for what does no harm to leave.
pub(crate) fn inverse(
    organization: Option<&Organization>,
    action: &OrganizationAction,
) -> Option<OrganizationAction> {
    let before = || document_before(organization, action);
    match action.clone() {
        OrganizationAction::EnablePolicyType => None,
        OrganizationAction::CreatePolicy { policy, .. } => Some(OrganizationAction::DeletePolicy { policy }),
        OrganizationAction::UpdatePolicy { policy, .. } => {
            Some(OrganizationAction::UpdatePolicy { policy, document: before()? })
        }
        OrganizationAction::AttachPolicy { policy, target, name } => {
            Some(OrganizationAction::DetachPolicy { policy, target, name })
        }
        OrganizationAction::DetachPolicy { policy, target, name } => {
            Some(OrganizationAction::AttachPolicy { policy, target, name })
        }
        OrganizationAction::DeletePolicy { policy } => {
            let tags = organization?.policies.get(&policy)?.tags.clone();
            Some(OrganizationAction::CreatePolicy { document: before()?, policy, tags })
        }
    }
}
