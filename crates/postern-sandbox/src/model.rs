//! What the sandbox knows: accounts and the entities in them.
//!
//! Plain data with public fields where nothing must hold between them; [`Named`] and [`Account`]'s key
//! methods keep the indices that must. Nothing here checks a request: that is the operations' business.
//!
//! Names are unique ignoring case and kept as written; every listing is ordered, so that paging is stable.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use postern_policy::Document;
use postern_types::{
    AccessKeyId, AccountId, Partition, PrincipalId, PrincipalKind, Rng, SecretAccessKey, Timestamp, TotpSeed,
};

mod accessed;
mod account;
mod job;
mod named;
mod organization;
mod rare;

pub(crate) use accessed::{Access, Accessed, Attempt};
pub(crate) use account::Account;
pub(crate) use job::{AccessJob, EntityReport, Jobs, ServiceReport};
pub(crate) use named::{Entity, Named};
pub(crate) use organization::{
    FULL_ACCESS, FULL_ACCESS_ARN, FULL_ACCESS_TEXT, Member, Organization, Scp, Unit, token,
};
pub(crate) use rare::{Rare, RareCredentials, ServiceSpecific, SigningCertificate, SshPublicKey};

/// Everything behind the lock, except the trail.
pub(crate) struct State {
    /// All accounts, by id.
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    /// Organizations; an account is in one at most.
    pub(crate) organizations: Vec<Organization>,
}

impl State {
    pub(crate) const fn new() -> Self {
        Self { accounts: BTreeMap::new(), organizations: Vec::new() }
    }

    /// The account of this id; operations are only ever run for an account that exists.
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The organization that an account is in.
    pub(crate) fn organization_of(&self, account: AccountId) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.members.contains_key(&account))
    }

    /// The same, to be changed.
    pub(crate) fn organization_of_mut(&mut self, account: AccountId) -> Option<&mut Organization> {
        self.organizations.iter_mut().find(|organization| organization.members.contains_key(&account))
    }
}

/// A policy as it was stored: its text byte for byte, and what it means.
#[derive(Clone)]
pub(crate) struct PolicyText {
    pub(crate) text: Arc<str>,
    pub(crate) document: Arc<Document>,
}

impl PolicyText {
    pub(crate) fn new(text: &str, document: Document) -> Self {
        Self { text: text.into(), document: Arc::new(document) }
    }
}

/// A tag. Lists of them keep the order in which they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// An IAM user.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    pub(crate) created: Timestamp,
    pub(crate) tags: Vec<Tag>,
    /// ARN of the managed policy that bounds the user.
    pub(crate) boundary: Option<String>,
    /// Inline policies by name.
    pub(crate) inline: BTreeMap<String, PolicyText>,
    /// ARNs of attached managed policies.
    pub(crate) attached: BTreeSet<String>,
    /// Unique ids of the groups the user is in. The only place where membership is kept.
    pub(crate) groups: BTreeSet<PrincipalId>,
    pub(crate) login_profile: Option<LoginProfile>,
    pub(crate) rare: RareCredentials,
    /// Last console sign-in. The sandbox has no console, so only an import sets it.
    pub(crate) password_last_used: Option<Timestamp>,
    pub(crate) accessed: Accessed,
}

/// A user's password: only a salted hash of it is kept.
#[derive(Clone)]
pub(crate) struct LoginProfile {
    pub(crate) created: Timestamp,
    pub(crate) password_reset_required: bool,
    pub(crate) password_changed: Timestamp,
    /// Hashes of this and earlier passwords, newest first, for `PasswordReusePrevention`.
    pub(crate) password_hashes: Vec<String>,
}

/// An IAM group.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    pub(crate) created: Timestamp,
    pub(crate) inline: BTreeMap<String, PolicyText>,
    pub(crate) attached: BTreeSet<String>,
}

/// An IAM role.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    pub(crate) created: Timestamp,
    pub(crate) description: Option<String>,
    /// Seconds, 3600 to 43200.
    pub(crate) max_session_duration: u32,
    /// The trust policy *as stored*: users and roles named in it are unique ids (see `crate::trust`).
    pub(crate) trust: PolicyText,
    pub(crate) tags: Vec<Tag>,
    pub(crate) boundary: Option<String>,
    pub(crate) inline: BTreeMap<String, PolicyText>,
    pub(crate) attached: BTreeSet<String>,
    pub(crate) last_used: Option<RoleUse>,
    pub(crate) accessed: Accessed,
}

/// When and where a role's credentials last signed a request.
#[derive(Clone)]
pub(crate) struct RoleUse {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
}

/// A customer managed policy.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<Tag>,
    /// By number: version `v3` is 3.
    pub(crate) versions: BTreeMap<u32, PolicyVersion>,
    pub(crate) default_version: u32,
    /// The number of the next version; numbers are never used again.
    pub(crate) next_version: u32,
}

impl Policy {
    /// The version in force.
    pub(crate) fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.get(&self.default_version)
    }
}

/// One version of a customer managed policy.
#[derive(Clone)]
pub(crate) struct PolicyVersion {
    pub(crate) policy: PolicyText,
    pub(crate) created: Timestamp,
}

/// An instance profile; the sandbox only shows and guards it.
#[derive(Clone)]
pub(crate) struct InstanceProfile {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: PrincipalId,
    pub(crate) created: Timestamp,
    /// Unique id of its one role.
    pub(crate) role: Option<PrincipalId>,
    pub(crate) tags: Vec<Tag>,
}

/// Whose an access key or MFA device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The account's root user.
    Root,
    /// An IAM user, by unique id: it may be renamed.
    User(PrincipalId),
}

/// A long-term access key.
#[derive(Clone)]
pub(crate) struct AccessKey {
    pub(crate) id: AccessKeyId,
    pub(crate) owner: Owner,
    pub(crate) secret: SecretAccessKey,
    pub(crate) active: bool,
    pub(crate) created: Timestamp,
    pub(crate) last_used: Option<KeyUse>,
}

/// When, for what and where a key last signed a request.
#[derive(Clone)]
pub(crate) struct KeyUse {
    pub(crate) at: Timestamp,
    pub(crate) service: String,
    pub(crate) region: String,
}

/// A virtual MFA device.
#[derive(Clone)]
pub(crate) struct MfaDevice {
    /// `arn:aws:iam::ACCOUNT:mfa/path/name`
    pub(crate) serial: String,
    pub(crate) seed: TotpSeed,
    pub(crate) tags: Vec<Tag>,
    /// Whose it is, once it is enabled.
    pub(crate) enabled: Option<EnabledMfa>,
    /// The last 30-second step (real clock) whose code was taken: it and all before it are spent.
    pub(crate) last_step: Option<i64>,
}

/// That a device is enabled, for whom and since when.
#[derive(Clone)]
pub(crate) struct EnabledMfa {
    pub(crate) owner: Owner,
    pub(crate) since: Timestamp,
}

/// The account's password policy; what was never set is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordPolicy {
    pub(crate) minimum_length: u32,
    pub(crate) require_symbols: bool,
    pub(crate) require_numbers: bool,
    pub(crate) require_uppercase: bool,
    pub(crate) require_lowercase: bool,
    pub(crate) allow_change: bool,
    pub(crate) max_age_days: Option<u32>,
    pub(crate) reuse_prevention: Option<u32>,
    pub(crate) hard_expiry: Option<bool>,
}

/// A credential report that was asked for.
#[derive(Clone)]
pub(crate) struct CredentialReport {
    pub(crate) generated: Timestamp,
    pub(crate) csv: Arc<str>,
}

macro_rules! entity {
    ($($kind:ident),*) => {$(
        impl Entity for $kind {
            fn name(&self) -> &str {
                &self.name
            }
            fn set_name(&mut self, name: &str) {
                name.clone_into(&mut self.name);
            }
            fn id(&self) -> &PrincipalId {
                &self.id
            }
        }
    )*};
}
entity!(User, Group, Role, Policy, InstanceProfile);

/// A new account with nothing in it but its root user's one key and the two service-linked roles.
pub(crate) fn new_account(id: AccountId, name: Option<String>, now: Timestamp, rng: &mut dyn Rng) -> Account {
    Account::new(id, Partition::Aws, name, now, rng)
}

/// A fresh unique id.
pub(crate) fn fresh_id(kind: PrincipalKind, rng: &mut dyn Rng) -> PrincipalId {
    PrincipalId::generate(kind, rng)
}
