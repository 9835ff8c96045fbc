//! Containment: what locks out whoever holds a user's or a role's credentials.
//!
//! Everything here only takes away, and nothing that is evidence is deleted, so that any part of it may be done
//! alone, in this order, and again. Facts behind the order: a deny on the user holds for every credential of
//! theirs at once, long-term keys and sessions alike, because a user's permissions are read at each request;
//! sessions of roles are untouched by it, and end by a deny on the role (*IAM User Guide*, "Disabling permissions
//! for temporary security credentials").

mod identity;

use std::{collections::BTreeSet, fmt};

use postern_types::{
    AccountId, IamPath, MfaSerial, ParseError, Partition, PolicyArn, PolicyName, RoleName, Timestamp,
    UserName,
};

pub use self::identity::enforces_source_identity;
use crate::{Account, Action, Credentials, PolicyDocument, Role, User, apply, json::Json};

/// The inline policy that denies a contained user everything.
pub const DENY_POLICY: &str = "postern-contain";
/// The inline policy by which AWS's console revokes a role's sessions, and we do.
pub const REVOKE_POLICY: &str = "AWSRevokeOlderSessions";
/// AWS's policy that denies everything: as a boundary where the deny finds no room.
const DENY_ALL: &str = "AWSDenyAll";
/// Roles of AWS's services, which nobody else can change.
const SERVICE_ROLES: &str = "/aws-service-role/";

/// The stages in the order in which they are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// A deny from the organization, which the account itself cannot take away.
    Organization,
    /// The deny on the user.
    Deny,
    /// Out of every group.
    Groups,
    /// Access keys inactive; not deleted, for their ids stay searchable.
    AccessKeys,
    /// No password.
    Password,
    /// Devices that were added lately.
    Devices,
    /// SSH keys, service-specific credentials, signing certificates.
    RareCredentials,
    /// Sessions of roles.
    RoleSessions,
    /// Nobody assumes the role any more.
    Trust,
    /// What is deleted of a user who left, and the user last.
    Deletion,
    /// What tells later what was done.
    Mark,
    /// A user who is made again.
    Restoration,
}

impl Stage {
    /// The stage in a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Deny => "deny",
            Self::Groups => "groups",
            Self::AccessKeys => "access keys",
            Self::Password => "password",
            Self::Devices => "devices",
            Self::RareCredentials => "other credentials",
            Self::RoleSessions => "role sessions",
            Self::Trust => "trust",
            Self::Deletion => "deletion",
            Self::Mark => "mark",
            Self::Restoration => "restoration",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One call that contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Where it stands in the order.
    pub stage: Stage,
    /// The account in which to call.
    pub account: AccountId,
    /// The call.
    pub action: Action,
    /// What serves instead where a quota leaves the call no room: whoever fills a user's policies up to their
    /// quota would else keep the deny out.
    pub without_room: Option<Action>,
}

impl Measure {
    pub(crate) const fn new(stage: Stage, account: AccountId, action: Action) -> Self {
        Self { stage, account, action, without_room: None }
    }

    /// The call that restores what the measure will change, as the account is now; none where there is nothing to
    /// restore, or no way.
    #[must_use]
    pub fn undo(&self, now: &Account) -> Option<Action> {
        apply::inverse(now, &self.action)
    }
}

/// How to lock a user out.
#[derive(Clone, Copy, Debug)]
pub struct LockOut {
    /// The user's account.
    pub account: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// MFA devices enabled at this time or later are taken away.
    pub devices_since: Timestamp,
}

impl LockOut {
    /// What the user, as found, still needs to be locked out. Nothing once they are.
    ///
    /// # Errors
    /// Never, as long as the fixed names are names.
    pub fn measures(&self, name: &UserName, found: &User) -> Result<Vec<Measure>, ParseError> {
        let deny = deny_with(DENY_POLICY, (self.account, self.partition), name, found)?;
        let mut measures: Vec<Measure> = deny.into_iter().collect();
        let mut add = |stage, action| measures.push(Measure::new(stage, self.account, action));
        for group in &found.groups {
            add(Stage::Groups, Action::RemoveUserFromGroup { group: group.clone(), user: name.clone() });
        }
        let Some(held) = &found.credentials else { return Ok(measures) };
        for action in active_keys(name, held) {
            add(Stage::AccessKeys, action);
        }
        if held.login_profile {
            add(Stage::Password, Action::DeleteLoginProfile { user: name.clone() });
        }
        for (device, enabled_at) in &held.mfa_devices {
            // One whose age nobody knows counts as added.
            if enabled_at.is_none_or(|at| at >= self.devices_since) {
                let device = device.clone();
                add(Stage::Devices, Action::DeactivateMfaDevice { user: name.clone(), device });
            }
        }
        for action in rare(name, held) {
            add(Stage::RareCredentials, action);
        }
        Ok(measures)
    }
}

/// What denies a user everything by an inline policy of this name; none where that stands, or a boundary does the same.
pub(crate) fn deny_with(
    policy: &str,
    (account, partition): (AccountId, Partition),
    name: &UserName,
    found: &User,
) -> Result<Option<Measure>, ParseError> {
    let policy: PolicyName = policy.parse()?;
    let deny_all = PolicyArn::aws_managed(partition, &IamPath::root(), &DENY_ALL.parse()?);
    let document = deny();
    let stands = found.inline.get(&policy).is_some_and(|there| there.means_the_same(&document));
    if stands || found.boundary.as_ref() == Some(&deny_all) {
        return Ok(None);
    }
    let action = Action::PutUserPolicy { user: name.clone(), policy, document };
    let without_room = Action::PutUserPermissionsBoundary { user: name.clone(), boundary: deny_all };
    let without_room = Some(without_room);
    Ok(Some(Measure { without_room, ..Measure::new(Stage::Deny, account, action) }))
}

/// What makes active access keys inactive.
pub(crate) fn active_keys(name: &UserName, held: &Credentials) -> impl Iterator<Item = Action> {
    let active = held.access_keys.iter().filter(|(_, state)| state.active);
    active.map(|(key, _)| Action::UpdateAccessKey { user: name.clone(), key: key.clone(), active: false })
}

/// What makes active credentials of single services inactive.
pub(crate) fn rare(name: &UserName, held: &Credentials) -> Vec<Action> {
    let Some(rare) = &held.rare else { return Vec::new() };
    let (user, active) = (|| name.clone(), false);
    let on = |(id, active): (&String, &bool)| active.then(|| id.clone());
    let keys = rare.ssh_public_keys.iter().filter_map(on);
    let keys = keys.map(|key| Action::UpdateSshPublicKey { user: user(), key, active });
    let services = rare.service_specific.iter().filter_map(on);
    let services = services.map(|credential| Action::UpdateServiceSpecificCredential {
        user: user(),
        credential,
        active,
    });
    let certificates = rare.signing_certificates.iter().filter_map(on);
    let certificates = certificates.map(|certificate| Action::UpdateSigningCertificate {
        user: user(),
        certificate,
        active,
    });
    keys.chain(services).chain(certificates).collect()
}

/// Which sessions of a role are ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Everybody's, if they were issued before this: as the console does it.
    IssuedBefore(Timestamp),
    /// One person's, where the role's trust policy makes everyone say who they are.
    Of(UserName),
}

impl Revocation {
    /// What ends these sessions of a role; none where that stands already.
    ///
    /// # Errors
    /// Never, as long as the names are names.
    pub fn measure(
        &self,
        account: AccountId,
        name: &RoleName,
        found: &Role,
    ) -> Result<Option<Measure>, ParseError> {
        let (policy, document) = match self {
            Self::IssuedBefore(time) => {
                let policy: PolicyName = REVOKE_POLICY.parse()?;
                let revoked = found.inline.get(&policy).and_then(revoked_before);
                if revoked.is_some_and(|revoked| revoked >= whole(*time)) {
                    return Ok(None);
                }
                (policy, revoke_before(*time))
            }
            Self::Of(user) => {
                let policy: PolicyName = format!("{DENY_POLICY}-{user}").parse()?;
                let document = revoke_of(user);
                if found.inline.get(&policy).is_some_and(|there| there.means_the_same(&document)) {
                    return Ok(None);
                }
                (policy, document)
            }
        };
        let action = Action::PutRolePolicy { role: name.clone(), policy, document };
        Ok(Some(Measure::new(Stage::RoleSessions, account, action)))
    }
}

/// Everything that hangs on a user, and the user last, in the order that AWS wants (*IAM User Guide*, "Remove or
/// deactivate an IAM user"). What denies goes as late as it can. `devices` are virtual MFA devices to delete with it.
#[must_use]
pub fn deletion(
    account: AccountId,
    name: &UserName,
    found: &User,
    devices: &BTreeSet<MfaSerial>,
) -> Vec<Measure> {
    let user = || name.clone();
    let held = found.credentials.clone().unwrap_or_default();
    let mut actions = deleted_credentials(name, held, devices);
    let groups = found.groups.iter().cloned();
    actions.extend(groups.map(|group| Action::RemoveUserFromGroup { group, user: user() }));
    let attached = found.attached.iter().cloned();
    actions.extend(attached.map(|policy| Action::DetachUserPolicy { user: user(), policy }));
    let (denials, grants): (Vec<_>, Vec<_>) =
        found.inline.iter().partition(|(_, document)| document.only_denies());
    let inline = grants.into_iter().chain(denials).map(|(policy, _)| policy.clone());
    actions.extend(inline.map(|policy| Action::DeleteUserPolicy { user: user(), policy }));
    actions.push(Action::DeleteUser { user: user() });
    actions.into_iter().map(|action| Measure::new(Stage::Deletion, account, action)).collect()
}

/// All that a user signs in with, deleted in the order that AWS wants. `devices` are virtual MFA devices to delete
/// when they are nobody's any more.
pub(crate) fn deleted_credentials(
    name: &UserName,
    held: Credentials,
    devices: &BTreeSet<MfaSerial>,
) -> Vec<Action> {
    let user = || name.clone();
    let rare = held.rare.unwrap_or_default();
    let mut actions = Vec::new();
    if held.login_profile {
        actions.push(Action::DeleteLoginProfile { user: user() });
    }
    let keys = held.access_keys.into_keys();
    actions.extend(keys.map(|key| Action::DeleteAccessKey { user: user(), key }));
    let certificates = rare.signing_certificates.into_keys();
    actions.extend(
        certificates.map(|certificate| Action::DeleteSigningCertificate { user: user(), certificate }),
    );
    let keys = rare.ssh_public_keys.into_keys();
    actions.extend(keys.map(|key| Action::DeleteSshPublicKey { user: user(), key }));
    let services = rare.service_specific.into_keys();
    actions.extend(
        services.map(|credential| Action::DeleteServiceSpecificCredential { user: user(), credential }),
    );
    let enabled = held.mfa_devices.into_keys();
    actions.extend(enabled.map(|device| Action::DeactivateMfaDevice { user: user(), device }));
    let devices = devices.iter().cloned();
    actions.extend(devices.map(|device| Action::DeleteVirtualMfaDevice { user: user(), device }));
    actions
}

/// Whether a deny of everything by a containment stands on this user.
#[must_use]
pub fn is_locked_out(found: &User) -> bool {
    is_denied_by(DENY_POLICY, found)
}

/// Whether an inline policy of this name denies a user everything, or a boundary does.
pub(crate) fn is_denied_by(policy: &str, found: &User) -> bool {
    let denied = |(name, document): (&PolicyName, &PolicyDocument)| {
        name.as_str() == policy && document.means_the_same(&deny())
    };
    let bounded = |boundary: &PolicyArn| boundary.account().is_none() && boundary.name().as_str() == DENY_ALL;
    found.inline.iter().any(denied) || found.boundary.as_ref().is_some_and(bounded)
}

/// Whether a role belongs to a service of AWS: its sessions cannot be revoked, and people have none.
#[must_use]
pub fn is_service_linked(role: &Role) -> bool {
    role.path.as_str().starts_with(SERVICE_ROLES)
}

/// What closes a role to everyone; none where it is closed.
#[must_use]
pub fn close_trust(
    account: AccountId,
    partition: Partition,
    name: &RoleName,
    found: &Role,
) -> Option<Measure> {
    let root = Json::object([("AWS", Json::text(format!("arn:{partition}:iam::{account}:root")))]);
    let trust = crate::documents::policy(vec![crate::documents::nobody(root)]);
    (!found.trust.only_denies()).then(|| {
        Measure::new(Stage::Trust, account, Action::UpdateAssumeRolePolicy { role: name.clone(), trust })
    })
}

/// The time before which this document ends sessions, if it is such a document and nothing else.
#[must_use]
pub fn revoked_before(document: &PolicyDocument) -> Option<Timestamp> {
    let (_, rest) = document.text().split_once("aws:TokenIssueTime")?;
    let time = rest.split('"').find_map(|part| part.parse::<Timestamp>().ok())?;
    document.means_the_same(&revoke_before(time)).then_some(time)
}

/// Denies everything; without a condition, for a condition on MFA would let sessions without it through.
fn deny() -> PolicyDocument {
    statement(vec![])
}

fn revoke_before(time: Timestamp) -> PolicyDocument {
    let before = Json::object([("aws:TokenIssueTime", Json::text(whole(time).to_string()))]);
    statement(vec![("Condition".to_owned(), Json::object([("DateLessThan", before)]))])
}

fn revoke_of(user: &UserName) -> PolicyDocument {
    let one = Json::object([("aws:SourceIdentity", Json::text(user.as_str()))]);
    statement(vec![("Condition".to_owned(), Json::object([("StringEquals", one)]))])
}

/// AWS's issue times have whole seconds: one of this very second counts as before.
fn whole(time: Timestamp) -> Timestamp {
    let seconds = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::new(seconds, 0).unwrap_or(time)
}

fn statement(more: Vec<(String, Json)>) -> PolicyDocument {
    let mut members = vec![
        ("Effect".to_owned(), Json::text("Deny")),
        ("Action".to_owned(), Json::text("*")),
        ("Resource".to_owned(), Json::text("*")),
    ];
    members.extend(more);
    crate::documents::policy(vec![Json::Object(members)])
}

#[cfg(test)]
mod tests;
