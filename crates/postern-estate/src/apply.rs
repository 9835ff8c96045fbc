//! A step done in memory: what AWS would do, with AWS's refusals where an order would be wrong.

mod credentials;

use std::collections::BTreeMap;

use postern_types::{AccountId, PolicyArn};

use crate::{
    Account, Action, Estate, Group, ManagedPolicy, PolicyDocument, PolicyVersion, Precondition, Role, Step,
    User, organization,
};

/// Why a step cannot be done on an estate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// What the step works on is not there (`NoSuchEntity`).
    #[error("{0} is not there")]
    Missing(String),
    /// What the step creates is there already (`EntityAlreadyExists`).
    #[error("{0} is there already")]
    Exists(String),
    /// Something still hangs on what the step deletes (`DeleteConflict`).
    #[error("{0} is still in use")]
    InUse(String),
    /// The policy has as many versions as it may have (`LimitExceeded`).
    #[error("{0} has no room for another version")]
    Full(String),
}

/// Does one step on an estate in memory.
///
/// # Errors
/// What AWS would refuse for a wrong order: deleting what is in use, changing what is not there.
pub fn apply_step(estate: &mut Estate, step: &Step) -> Result<(), StepError> {
    apply(estate, step.account, &step.action)
}

pub(crate) fn apply(estate: &mut Estate, id: AccountId, action: &Action) -> Result<(), StepError> {
    if let Action::Organization(action) = action {
        return organization::apply(estate.organization.as_mut(), action);
    }
    let account = estate.accounts.get_mut(&id).ok_or_else(|| StepError::Missing(format!("account {id}")))?;
    match action {
        Action::CreateAccountAlias { alias } => match &account.alias {
            Some(other) => return Err(StepError::Exists(format!("alias {other}"))),
            None => account.alias = Some(alias.clone()),
        },
        Action::DeleteAccountAlias { alias } => {
            if account.alias.as_ref() != Some(alias) {
                return Err(StepError::Missing(format!("alias {alias}")));
            }
            account.alias = None;
        }
        Action::UpdateAccountPasswordPolicy { policy } => account.password_policy = Some(*policy),
        Action::CreateUser { .. }
        | Action::TagUser { .. }
        | Action::UntagUser { .. }
        | Action::DeleteUserPolicy { .. }
        | Action::DetachUserPolicy { .. }
        | Action::PutUserPolicy { .. }
        | Action::AttachUserPolicy { .. }
        | Action::AddUserToGroup { .. }
        | Action::RemoveUserFromGroup { .. }
        | Action::DeleteUser { .. } => return on_user(account, action),
        Action::PutUserPermissionsBoundary { .. }
        | Action::DeleteUserPermissionsBoundary { .. }
        | Action::UpdateAccessKey { .. }
        | Action::DeleteAccessKey { .. }
        | Action::DeleteLoginProfile { .. }
        | Action::DeactivateMfaDevice { .. }
        | Action::DeleteVirtualMfaDevice { .. }
        | Action::UpdateSshPublicKey { .. }
        | Action::DeleteSshPublicKey { .. }
        | Action::UpdateServiceSpecificCredential { .. }
        | Action::DeleteServiceSpecificCredential { .. }
        | Action::UpdateSigningCertificate { .. }
        | Action::DeleteSigningCertificate { .. } => return credentials::apply(account, action),
        Action::CreateGroup { .. }
        | Action::PutGroupPolicy { .. }
        | Action::DeleteGroupPolicy { .. }
        | Action::DetachGroupPolicy { .. }
        | Action::AttachGroupPolicy { .. }
        | Action::DeleteGroup { .. } => return on_group(account, action),
        Action::CreatePolicy { .. }
        | Action::CreatePolicyVersion { .. }
        | Action::DeletePolicyVersion { .. }
        | Action::TagPolicy { .. }
        | Action::UntagPolicy { .. }
        | Action::DeletePolicy { .. } => return on_policy(account, action),
        _ => return on_role(account, id, action),
    }
    Ok(())
}

fn find<'a, K: Ord + std::fmt::Display, V>(
    map: &'a mut BTreeMap<K, V>,
    name: &K,
    kind: &str,
) -> Result<&'a mut V, StepError> {
    map.get_mut(name).ok_or_else(|| StepError::Missing(format!("{kind} {name}")))
}

fn add<K: Ord + Clone + std::fmt::Display, V>(
    map: &mut BTreeMap<K, V>,
    name: &K,
    value: V,
    kind: &str,
) -> Result<(), StepError> {
    if map.contains_key(name) {
        return Err(StepError::Exists(format!("{kind} {name}")));
    }
    map.insert(name.clone(), value);
    Ok(())
}

fn must(done: bool, what: &impl std::fmt::Display) -> Result<(), StepError> {
    if done { Ok(()) } else { Err(StepError::Missing(what.to_string())) }
}

fn on_user(account: &mut Account, action: &Action) -> Result<(), StepError> {
    const KIND: &str = "user";
    match action {
        Action::CreateUser { user, path, tags } => {
            let made = User {
                path: path.clone(),
                id: None,
                tags: tags.clone(),
                groups: Default::default(),
                inline: BTreeMap::new(),
                attached: Default::default(),
                boundary: None,
                credentials: Some(Default::default()),
            };
            add(&mut account.users, user, made, KIND)
        }
        Action::TagUser { user, tags } => {
            find(&mut account.users, user, KIND)?.tags.extend(tags.clone());
            Ok(())
        }
        Action::UntagUser { user, keys } => {
            find(&mut account.users, user, KIND)?.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        }
        Action::PutUserPolicy { user, policy, document } => {
            find(&mut account.users, user, KIND)?.inline.insert(policy.clone(), document.clone());
            Ok(())
        }
        Action::DeleteUserPolicy { user, policy } => {
            must(find(&mut account.users, user, KIND)?.inline.remove(policy).is_some(), policy)
        }
        Action::AttachUserPolicy { user, policy } => {
            find(&mut account.users, user, KIND)?.attached.insert(policy.clone());
            Ok(())
        }
        Action::DetachUserPolicy { user, policy } => {
            must(find(&mut account.users, user, KIND)?.attached.remove(policy), policy)
        }
        Action::AddUserToGroup { group, user } => {
            find(&mut account.groups, group, "group")?;
            find(&mut account.users, user, KIND)?.groups.insert(group.clone());
            Ok(())
        }
        Action::RemoveUserFromGroup { group, user } => {
            must(find(&mut account.users, user, KIND)?.groups.remove(group), group)
        }
        Action::DeleteUser { user } => {
            let found = find(&mut account.users, user, KIND)?;
            let holds = found.credentials.as_ref().is_some_and(|held| !held.is_empty());
            if holds || !found.groups.is_empty() || !found.inline.is_empty() || !found.attached.is_empty() {
                return Err(StepError::InUse(format!("{KIND} {user}")));
            }
            account.users.remove(user);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn on_group(account: &mut Account, action: &Action) -> Result<(), StepError> {
    const KIND: &str = "group";
    match action {
        Action::CreateGroup { group, path } => {
            let made = Group { path: path.clone(), inline: BTreeMap::new(), attached: Default::default() };
            add(&mut account.groups, group, made, KIND)
        }
        Action::PutGroupPolicy { group, policy, document } => {
            find(&mut account.groups, group, KIND)?.inline.insert(policy.clone(), document.clone());
            Ok(())
        }
        Action::DeleteGroupPolicy { group, policy } => {
            must(find(&mut account.groups, group, KIND)?.inline.remove(policy).is_some(), policy)
        }
        Action::AttachGroupPolicy { group, policy } => {
            find(&mut account.groups, group, KIND)?.attached.insert(policy.clone());
            Ok(())
        }
        Action::DetachGroupPolicy { group, policy } => {
            must(find(&mut account.groups, group, KIND)?.attached.remove(policy), policy)
        }
        Action::DeleteGroup { group } => {
            let found = find(&mut account.groups, group, KIND)?;
            let empty = found.inline.is_empty() && found.attached.is_empty();
            if !empty || account.users.values().any(|user| user.groups.contains(group)) {
                return Err(StepError::InUse(format!("{KIND} {group}")));
            }
            account.groups.remove(group);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn on_policy(account: &mut Account, action: &Action) -> Result<(), StepError> {
    const KIND: &str = "policy";
    match action {
        Action::CreatePolicy { policy, path, document, tags } => {
            let made = ManagedPolicy {
                path: path.clone(),
                tags: Some(tags.clone()),
                document: document.clone(),
                versions: vec![PolicyVersion { id: "v1".to_owned(), is_default: true }],
            };
            add(&mut account.policies, policy, made, KIND)
        }
        Action::CreatePolicyVersion { policy, document } => {
            let room = account.quotas.versions_per_policy;
            let found = find(&mut account.policies, policy.name(), KIND)?;
            if found.versions.len() >= room {
                return Err(StepError::Full(policy.to_string()));
            }
            let number = |version: &PolicyVersion| version.id.trim_start_matches('v').parse::<u64>().ok();
            let next = found.versions.iter().filter_map(number).max().unwrap_or_default() + 1;
            for version in &mut found.versions {
                version.is_default = false;
            }
            found.versions.push(PolicyVersion { id: format!("v{next}"), is_default: true });
            found.document = document.clone();
            Ok(())
        }
        Action::DeletePolicyVersion { policy, version } => {
            let found = find(&mut account.policies, policy.name(), KIND)?;
            if found.versions.iter().any(|v| v.id == *version && v.is_default) {
                return Err(StepError::InUse(format!("{policy} {version}")));
            }
            let before = found.versions.len();
            found.versions.retain(|v| v.id != *version);
            must(found.versions.len() < before, version)
        }
        Action::TagPolicy { policy, tags } => {
            let found = find(&mut account.policies, policy.name(), KIND)?;
            found.tags.get_or_insert_default().extend(tags.clone());
            Ok(())
        }
        Action::UntagPolicy { policy, keys } => {
            let found = find(&mut account.policies, policy.name(), KIND)?;
            found.tags.get_or_insert_default().retain(|key, _| !keys.contains(key));
            Ok(())
        }
        Action::DeletePolicy { policy } => {
            let others = find(&mut account.policies, policy.name(), KIND)?.versions.len() > 1;
            if others || user_of_policy(account, policy).is_some() {
                return Err(StepError::InUse(policy.to_string()));
            }
            account.policies.remove(policy.name());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Something of the account that the policy is attached to, or bounds.
pub(crate) fn user_of_policy(account: &Account, policy: &PolicyArn) -> Option<String> {
    let users = account
        .users
        .iter()
        .filter(|(_, user)| user.attached.contains(policy) || user.boundary.as_ref() == Some(policy))
        .map(|(name, _)| format!("user {name}"));
    let groups = account
        .groups
        .iter()
        .filter(|(_, group)| group.attached.contains(policy))
        .map(|(name, _)| format!("group {name}"));
    let roles = account
        .roles
        .iter()
        .filter(|(_, role)| role.attached.contains(policy) || role.boundary.as_ref() == Some(policy))
        .map(|(name, _)| format!("role {name}"));
    users.chain(groups).chain(roles).next()
}

fn on_role(account: &mut Account, id: AccountId, action: &Action) -> Result<(), StepError> {
    const KIND: &str = "role";
    // A customer's policy must exist before it can be attached or bound.
    let exists = |account: &Account, arn: &PolicyArn| {
        must(arn.account() != Some(id) || account.policies.contains_key(arn.name()), arn)
    };
    match action {
        Action::CreateRole { role, path, trust, max_session, boundary, tags } => {
            if let Some(boundary) = boundary {
                exists(account, boundary)?;
            }
            let made = Role {
                path: path.clone(),
                id: None,
                tags: tags.clone(),
                trust: trust.clone(),
                max_session: Some(*max_session),
                description: None,
                inline: BTreeMap::new(),
                attached: Default::default(),
                boundary: boundary.clone(),
                instance_profiles: Default::default(),
            };
            return add(&mut account.roles, role, made, KIND);
        }
        Action::UpdateAssumeRolePolicy { role, trust } => {
            find(&mut account.roles, role, KIND)?.trust = trust.clone();
        }
        Action::UpdateRole { role, max_session, description } => {
            let found = find(&mut account.roles, role, KIND)?;
            found.max_session = Some(*max_session);
            found.description.clone_from(description);
        }
        Action::PutRolePermissionsBoundary { role, boundary } => {
            exists(account, boundary)?;
            find(&mut account.roles, role, KIND)?.boundary = Some(boundary.clone());
        }
        Action::DeleteRolePermissionsBoundary { role } => {
            return must(find(&mut account.roles, role, KIND)?.boundary.take().is_some(), role);
        }
        Action::AttachRolePolicy { role, policy } => {
            exists(account, policy)?;
            find(&mut account.roles, role, KIND)?.attached.insert(policy.clone());
        }
        Action::DetachRolePolicy { role, policy } => {
            return must(find(&mut account.roles, role, KIND)?.attached.remove(policy), policy);
        }
        Action::PutRolePolicy { role, policy, document } => {
            find(&mut account.roles, role, KIND)?.inline.insert(policy.clone(), document.clone());
        }
        Action::DeleteRolePolicy { role, policy } => {
            return must(find(&mut account.roles, role, KIND)?.inline.remove(policy).is_some(), policy);
        }
        Action::TagRole { role, tags } => {
            find(&mut account.roles, role, KIND)?.tags.extend(tags.clone());
        }
        Action::UntagRole { role, keys } => {
            find(&mut account.roles, role, KIND)?.tags.retain(|key, _| !keys.contains(key));
        }
        Action::RemoveRoleFromInstanceProfile { role, instance_profile } => {
            let found = find(&mut account.roles, role, KIND)?;
            return must(found.instance_profiles.remove(instance_profile), instance_profile);
        }
        Action::DeleteRole { role } => {
            let found = find(&mut account.roles, role, KIND)?;
            if !(found.inline.is_empty() && found.attached.is_empty() && found.instance_profiles.is_empty()) {
                return Err(StepError::InUse(format!("{KIND} {role}")));
            }
            account.roles.remove(role);
        }
        _ => {}
    }
    Ok(())
}

/// The document that an action replaces or deletes, as it is now.
pub(crate) fn document_before(account: &Account, action: &Action) -> Option<PolicyDocument> {
    match action {
        Action::PutUserPolicy { user, policy, .. } | Action::DeleteUserPolicy { user, policy } => {
            account.users.get(user)?.inline.get(policy).cloned()
        }
        Action::PutGroupPolicy { group, policy, .. } | Action::DeleteGroupPolicy { group, policy } => {
            account.groups.get(group)?.inline.get(policy).cloned()
        }
        Action::PutRolePolicy { role, policy, .. } | Action::DeleteRolePolicy { role, policy } => {
            account.roles.get(role)?.inline.get(policy).cloned()
        }
        Action::UpdateAssumeRolePolicy { role, .. } => Some(account.roles.get(role)?.trust.clone()),
        Action::CreatePolicyVersion { policy, .. } => {
            Some(account.policies.get(policy.name())?.document.clone())
        }
        _ => None,
    }
}

/// What must hold before an action on this account, as it is now.
pub(crate) fn precondition(account: &Account, action: &Action) -> Precondition {
    match action {
        Action::CreateAccountAlias { .. }
        | Action::CreateUser { .. }
        | Action::CreateGroup { .. }
        | Action::CreatePolicy { .. }
        | Action::CreateRole { .. } => Precondition::Absent,
        Action::PutUserPolicy { .. } | Action::PutGroupPolicy { .. } | Action::PutRolePolicy { .. } => {
            document_before(account, action).map_or(Precondition::Absent, Precondition::Document)
        }
        _ => document_before(account, action).map_or(Precondition::Present, Precondition::Document),
    }
}

/// The action that undoes another one on this account, as it is now; none where the object itself is gone
/// for good, its unique id with it.
pub(crate) fn inverse(account: &Account, action: &Action) -> Option<Action> {
    let before = || document_before(account, action);
    Some(match action.clone() {
        Action::CreateAccountAlias { alias } => Action::DeleteAccountAlias { alias },
        Action::DeleteAccountAlias { alias } => Action::CreateAccountAlias { alias },
        Action::UpdateAccountPasswordPolicy { .. } => {
            Action::UpdateAccountPasswordPolicy { policy: account.password_policy? }
        }
        Action::CreateUser { user, .. } => Action::DeleteUser { user },
        Action::PutUserPolicy { user, policy, .. } | Action::DeleteUserPolicy { user, policy } => {
            match before() {
                Some(document) => Action::PutUserPolicy { user, policy, document },
                None => Action::DeleteUserPolicy { user, policy },
            }
        }
        Action::AttachUserPolicy { user, policy } => Action::DetachUserPolicy { user, policy },
        Action::DetachUserPolicy { user, policy } => Action::AttachUserPolicy { user, policy },
        Action::PutUserPermissionsBoundary { user, .. } | Action::DeleteUserPermissionsBoundary { user } => {
            match account.users.get(&user)?.boundary.clone() {
                Some(boundary) => Action::PutUserPermissionsBoundary { user, boundary },
                None => Action::DeleteUserPermissionsBoundary { user },
            }
        }
        Action::UpdateAccessKey { .. }
        | Action::UpdateSshPublicKey { .. }
        | Action::UpdateServiceSpecificCredential { .. }
        | Action::UpdateSigningCertificate { .. } => {
            return credentials::switched_back(account, action.clone());
        }
        Action::CreateGroup { group, .. } => Action::DeleteGroup { group },
        Action::PutGroupPolicy { group, policy, .. } | Action::DeleteGroupPolicy { group, policy } => {
            match before() {
                Some(document) => Action::PutGroupPolicy { group, policy, document },
                None => Action::DeleteGroupPolicy { group, policy },
            }
        }
        Action::DeleteGroup { group } => {
            let path = account.groups.get(&group)?.path.clone();
            Action::CreateGroup { group, path }
        }
        Action::AttachGroupPolicy { group, policy } => Action::DetachGroupPolicy { group, policy },
        Action::DetachGroupPolicy { group, policy } => Action::AttachGroupPolicy { group, policy },
        Action::AddUserToGroup { group, user } => Action::RemoveUserFromGroup { group, user },
        Action::RemoveUserFromGroup { group, user } => Action::AddUserToGroup { group, user },
        Action::CreatePolicyVersion { policy, .. } => {
            Action::CreatePolicyVersion { policy, document: before()? }
        }
        Action::CreateRole { role, .. } => Action::DeleteRole { role },
        Action::UpdateAssumeRolePolicy { role, .. } => {
            Action::UpdateAssumeRolePolicy { role, trust: before()? }
        }
        Action::UpdateRole { role, .. } => {
            let found = account.roles.get(&role)?;
            Action::UpdateRole {
                max_session: found.max_session?,
                description: found.description.clone(),
                role,
            }
        }
        Action::PutRolePermissionsBoundary { role, .. } | Action::DeleteRolePermissionsBoundary { role } => {
            match account.roles.get(&role)?.boundary.clone() {
                Some(boundary) => Action::PutRolePermissionsBoundary { role, boundary },
                None => Action::DeleteRolePermissionsBoundary { role },
            }
        }
        Action::AttachRolePolicy { role, policy } => Action::DetachRolePolicy { role, policy },
        Action::DetachRolePolicy { role, policy } => Action::AttachRolePolicy { role, policy },
        Action::PutRolePolicy { role, policy, .. } | Action::DeleteRolePolicy { role, policy } => {
            match before() {
                Some(document) => Action::PutRolePolicy { role, policy, document },
                None => Action::DeleteRolePolicy { role, policy },
            }
        }
        Action::TagUser { user, tags } => match old_tags(&account.users.get(&user)?.tags, &tags) {
            Ok(tags) => Action::TagUser { user, tags },
            Err(keys) => Action::UntagUser { user, keys },
        },
        Action::TagRole { role, tags } => match old_tags(&account.roles.get(&role)?.tags, &tags) {
            Ok(tags) => Action::TagRole { role, tags },
            Err(keys) => Action::UntagRole { role, keys },
        },
        Action::TagPolicy { policy, tags } => {
            match old_tags(account.policies.get(policy.name())?.tags.as_ref()?, &tags) {
                Ok(tags) => Action::TagPolicy { policy, tags },
                Err(keys) => Action::UntagPolicy { policy, keys },
            }
        }
        // What is deleted here held a secret that nobody else has.
        Action::DeleteAccessKey { .. }
        | Action::DeleteLoginProfile { .. }
        | Action::DeactivateMfaDevice { .. }
        | Action::DeleteVirtualMfaDevice { .. }
        | Action::DeleteSshPublicKey { .. }
        | Action::DeleteServiceSpecificCredential { .. }
        | Action::DeleteSigningCertificate { .. }
        | Action::CreatePolicy { .. }
        | Action::DeletePolicyVersion { .. }
        | Action::UntagUser { .. }
        | Action::UntagRole { .. }
        | Action::UntagPolicy { .. }
        | Action::DeleteUser { .. }
        | Action::DeletePolicy { .. }
        | Action::RemoveRoleFromInstanceProfile { .. }
        | Action::DeleteRole { .. }
        // Not of an account: see `organization::inverse`.
        | Action::Organization(_) => return None,
    })
}

/// The values that these tags had, if all of them were there; else the keys to take away again.
fn old_tags(found: &crate::Tags, set: &crate::Tags) -> Result<crate::Tags, Vec<String>> {
    let old: crate::Tags =
        set.keys().filter_map(|key| Some((key.clone(), found.get(key)?.clone()))).collect();
    if old.len() == set.len() { Ok(old) } else { Err(set.keys().cloned().collect()) }
}
