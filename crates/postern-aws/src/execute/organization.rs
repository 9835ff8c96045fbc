//! The calls on an organization: each policy is found by its name, since one that was planned had no id.

use postern_estate::{Organization, OrganizationAction};
use serde_json::{Value, json};

use super::{
    Place,
    observe::{Seen, same},
};
use crate::{
    AwsError, Kind,
    organizations::{OrganizationScope, SCP},
};

async fn read(place: &Place<'_>, policy: &str) -> Result<Option<Organization>, AwsError> {
    let scope = OrganizationScope { tree: false, policies: policy };
    place.connection.read_organization(scope).await
}

/// What stands there.
pub(super) async fn observe(place: &Place<'_>, action: &OrganizationAction) -> Result<Seen, AwsError> {
    let name = action.policy().unwrap_or("postern-");
    let Some(found) = read(place, name).await? else { return Ok(Seen::Absent) };
    let policy = found.policies.get(name);
    Ok(match action {
        OrganizationAction::EnablePolicyType if found.scps_enabled => Seen::Wanted,
        OrganizationAction::EnablePolicyType => Seen::Pending,
        OrganizationAction::CreatePolicy { document, tags, .. } => match policy {
            None => Seen::Absent,
            Some(policy) if same(&policy.document, document) && policy.tags == *tags => Seen::Wanted,
            Some(_) => Seen::Differs(format!("the policy {name} is there, and not as planned")),
        },
        OrganizationAction::UpdatePolicy { document, .. } => match policy {
            None => Seen::Absent,
            Some(policy) if same(&policy.document, document) => Seen::Wanted,
            Some(policy) => Seen::Document(policy.document.clone()),
        },
        OrganizationAction::AttachPolicy { target, .. } => match policy {
            None => Seen::Absent,
            Some(policy) if policy.targets.contains(target) => Seen::Wanted,
            Some(_) => Seen::Pending,
        },
        OrganizationAction::DetachPolicy { target, .. } => match policy {
            Some(policy) if policy.targets.contains(target) => Seen::Pending,
            _ => Seen::Wanted,
        },
        OrganizationAction::DeletePolicy { .. } => match policy {
            None => Seen::Wanted,
            Some(policy) => Seen::Document(policy.document.clone()),
        },
    })
}

/// Does it.
pub(super) async fn call(place: &Place<'_>, action: &OrganizationAction) -> Result<(), AwsError> {
    let (operation, parameters) = match action {
        OrganizationAction::EnablePolicyType => {
            let root = read(place, "postern-").await?.map(|found| found.root.to_string());
            ("EnablePolicyType", json!({ "RootId": root, "PolicyType": SCP }))
        }
        OrganizationAction::CreatePolicy { policy, document, tags } => {
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            let parameters = json!({
                "Name": policy,
                "Description": "Guards of an estate. Made and kept by postern.",
                "Type": SCP,
                "Content": document.compact(),
                "Tags": tags,
            });
            ("CreatePolicy", parameters)
        }
        OrganizationAction::UpdatePolicy { policy, document } => {
            let id = id(place, "UpdatePolicy", policy).await?;
            ("UpdatePolicy", json!({ "PolicyId": id, "Content": document.compact() }))
        }
        OrganizationAction::AttachPolicy { policy, target, .. } => {
            let id = id(place, "AttachPolicy", policy).await?;
            ("AttachPolicy", json!({ "PolicyId": id, "TargetId": target.as_str() }))
        }
        OrganizationAction::DetachPolicy { policy, target, .. } => {
            let id = id(place, "DetachPolicy", policy).await?;
            ("DetachPolicy", json!({ "PolicyId": id, "TargetId": target.as_str() }))
        }
        OrganizationAction::DeletePolicy { policy } => {
            let id = id(place, "DeletePolicy", policy).await?;
            ("DeletePolicy", json!({ "PolicyId": id }))
        }
    };
    place.connection.organizations(operation, &parameters).await.map(drop)
}

async fn id(place: &Place<'_>, operation: &str, policy: &str) -> Result<String, AwsError> {
    let missing = || {
        let operation = format!("organizations:{operation}");
        AwsError::new(Kind::NotFound, &operation, Some(place.account))
    };
    place.connection.policy_id(policy).await?.ok_or_else(missing)
}
