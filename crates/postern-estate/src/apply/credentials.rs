//! What a user signs in with, switched off or deleted in memory.

use std::collections::BTreeMap;

use super::{StepError, find, must};
use crate::{AccessKey, Account, Action, Credentials, RareCredentials};

/// Does one action on a user's credentials or boundary. A user whose credentials nobody looked at has none here.
pub(super) fn apply(account: &mut Account, action: &Action) -> Result<(), StepError> {
    let (_, name) = action.object();
    let name = name.parse().map_err(|_| StepError::Missing(format!("user {name}")))?;
    let found = find(&mut account.users, &name, "user")?;
    if let Action::PutUserPermissionsBoundary { boundary, .. } = action {
        found.boundary = Some(boundary.clone());
        return Ok(());
    }
    if let Action::DeleteUserPermissionsBoundary { .. } = action {
        return must(found.boundary.take().is_some(), &name);
    }
    let held = found.credentials.get_or_insert_default();
    match action {
        Action::UpdateAccessKey { key, active, .. } => {
            find(&mut held.access_keys, key, "access key")?.active = *active;
            Ok(())
        }
        Action::DeleteAccessKey { key, .. } => must(held.access_keys.remove(key).is_some(), key),
        Action::DeleteLoginProfile { .. } => {
            must(std::mem::take(&mut held.login_profile), &format!("the password of {name}"))
        }
        Action::DeactivateMfaDevice { device, .. } => {
            must(held.mfa_devices.remove(device).is_some(), &device.as_str())
        }
        _ => rare(held, action),
    }
}

fn rare(held: &mut Credentials, action: &Action) -> Result<(), StepError> {
    let rare = held.rare.get_or_insert_default();
    let switch = |of: &mut BTreeMap<String, bool>, id: &String, to: bool| {
        *find(of, id, "credential")? = to;
        Ok(())
    };
    let delete = |of: &mut BTreeMap<String, bool>, id: &String| must(of.remove(id).is_some(), id);
    match action {
        Action::UpdateSshPublicKey { key, active, .. } => switch(&mut rare.ssh_public_keys, key, *active),
        Action::DeleteSshPublicKey { key, .. } => delete(&mut rare.ssh_public_keys, key),
        Action::UpdateServiceSpecificCredential { credential, active, .. } => {
            switch(&mut rare.service_specific, credential, *active)
        }
        Action::DeleteServiceSpecificCredential { credential, .. } => {
            delete(&mut rare.service_specific, credential)
        }
        Action::UpdateSigningCertificate { certificate, active, .. } => {
            switch(&mut rare.signing_certificates, certificate, *active)
        }
        Action::DeleteSigningCertificate { certificate, .. } => {
            delete(&mut rare.signing_certificates, certificate)
        }
        // A device that is nobody's stands in no user.
        _ => Ok(()),
    }
}

/// The action that switches a credential back to what it is now.
pub(super) fn switched_back(account: &Account, action: Action) -> Option<Action> {
    let (_, name) = action.object();
    let held = account.users.get(&name.parse().ok()?)?.credentials.as_ref()?;
    let of = |map: fn(&RareCredentials) -> &BTreeMap<String, bool>, id: &String| {
        held.rare.as_ref().and_then(|rare| map(rare).get(id).copied())
    };
    Some(match action {
        Action::UpdateAccessKey { user, key, .. } => {
            let AccessKey { active, .. } = *held.access_keys.get(&key)?;
            Action::UpdateAccessKey { user, key, active }
        }
        Action::UpdateSshPublicKey { user, key, .. } => {
            let active = of(|rare| &rare.ssh_public_keys, &key)?;
            Action::UpdateSshPublicKey { user, key, active }
        }
        Action::UpdateServiceSpecificCredential { user, credential, .. } => {
            let active = of(|rare| &rare.service_specific, &credential)?;
            Action::UpdateServiceSpecificCredential { user, credential, active }
        }
        Action::UpdateSigningCertificate { user, certificate, .. } => {
            let active = of(|rare| &rare.signing_certificates, &certificate)?;
            Action::UpdateSigningCertificate { user, certificate, active }
        }
        _ => return None,
    })
}
