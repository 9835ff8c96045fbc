//! What stood before a containment, or before a user was switched off or deleted, so that an undo can put it back: a
//! file of this machine, without secrets.
//!
//! It is not kept at AWS, in tags, say: what is written there, whoever is contained may have been able to write, and
//! an undo would then hand out groups of their choice. It is written before the first call, so that a run that was
//! killed loses nothing, and what is found later than at the first reading is not in it: that was not there before.

use std::collections::BTreeSet;

use postern_estate::{Account, Action, DeniedPrincipal, PolicyDocument, Tags, User, contain::Measure};
use postern_types::{AccountId, MfaSerial, ParseError, RoleArn, Timestamp};
use postern_vault::PrivateDir;
use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::{context::Context, errors::CliError, keystore};

const FORMAT: u8 = 1;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A containment.
    Contain,
    /// A user who is switched off while their account is left.
    SwitchOff,
    /// A user who is deleted then.
    Delete,
}

impl Purpose {
    /// What the names of its files begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::SwitchOff => "migrate-off",
            Self::Delete => "migrate-delete",
        }
    }

    /// What two processes must not do at once, and how it is told.
    const fn lock(self) -> (&'static str, &'static str) {
        match self {
            Self::Contain => ("contain.lock", "another postern process contains somebody"),
            Self::SwitchOff | Self::Delete => {
                ("migrate.lock", "another postern process is at a stage of a migration")
            }
        }
    }
}

/// One containment, or one user who is switched off or deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u8,
    account: String,
    kind: String,
    name: String,
    /// The user's unique id, where it was noted: another user of the name is not the one of this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// When it began.
    pub(crate) begun_at: Timestamp,
    /// Whether the user was read: only what the first reading finds is put back.
    user_seen: bool,
    /// Every role whose sessions are ended.
    roles: BTreeSet<String>,
    /// The latest time before which sessions are ended.
    pub(crate) revoked_before: Option<Timestamp>,
    changes: Vec<Change>,
    /// Virtual MFA devices that go with the user.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    devices: BTreeSet<String>,
    /// What cannot be put back, in words.
    pub(crate) lost: BTreeSet<String>,
    /// Whom the organization denies everything since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    denied_above: Vec<DeniedAbove>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeniedAbove {
    account: String,
    arn: String,
    id: Option<String>,
}

impl DeniedAbove {
    fn of(account: AccountId, principal: &DeniedPrincipal) -> Self {
        let id = principal.id.as_ref().map(ToString::to_string);
        Self { account: account.to_string(), arn: principal.arn.to_string(), id }
    }

    fn principal(&self) -> Option<(AccountId, DeniedPrincipal)> {
        let id = self.id.as_ref().and_then(|id| id.parse().ok());
        Some((self.account.parse().ok()?, DeniedPrincipal { arn: self.arn.parse().ok()?, id }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    account: String,
    #[serde(flatten)]
    undo: Undo,
}

/// The calls that put something back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all_fields = "snake_case")]
enum Undo {
    CreateUser { user: String, path: String, tags: Tags },
    AttachUserPolicy { user: String, policy: String },
    AddUserToGroup { user: String, group: String },
    DeleteUserPolicy { user: String, policy: String },
    PutUserPolicy { user: String, policy: String, document: String },
    PutUserPermissionsBoundary { user: String, boundary: String },
    DeleteUserPermissionsBoundary { user: String },
    UpdateAccessKey { user: String, key: String },
    UpdateSSHPublicKey { user: String, key: String },
    UpdateServiceSpecificCredential { user: String, credential: String },
    UpdateSigningCertificate { user: String, certificate: String },
    DeleteRolePolicy { role: String, policy: String },
    PutRolePolicy { role: String, policy: String, document: String },
    UpdateAssumeRolePolicy { role: String, trust: String },
}

impl Undo {
    /// None for calls that no containment has to undo.
    fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::CreateUser { user, path, tags } => Self::CreateUser {
                user: user.to_string(),
                path: path.as_str().to_owned(),
                tags: tags.clone(),
            },
            Action::AttachUserPolicy { user, policy } => {
                Self::AttachUserPolicy { user: user.to_string(), policy: policy.to_string() }
            }
            Action::AddUserToGroup { user, group } => {
                Self::AddUserToGroup { user: user.to_string(), group: group.to_string() }
            }
            Action::DeleteUserPolicy { user, policy } => {
                Self::DeleteUserPolicy { user: user.to_string(), policy: policy.to_string() }
            }
            Action::PutUserPolicy { user, policy, document } => Self::PutUserPolicy {
                user: user.to_string(),
                policy: policy.to_string(),
                document: document.to_string(),
            },
            Action::PutUserPermissionsBoundary { user, boundary } => {
                Self::PutUserPermissionsBoundary { user: user.to_string(), boundary: boundary.to_string() }
            }
            Action::DeleteUserPermissionsBoundary { user } => {
                Self::DeleteUserPermissionsBoundary { user: user.to_string() }
            }
            Action::UpdateAccessKey { user, key, active: true } => {
                Self::UpdateAccessKey { user: user.to_string(), key: key.to_string() }
            }
            Action::UpdateSshPublicKey { user, key, active: true } => {
                Self::UpdateSSHPublicKey { user: user.to_string(), key: key.clone() }
            }
            Action::UpdateServiceSpecificCredential { user, credential, active: true } => {
                Self::UpdateServiceSpecificCredential {
                    user: user.to_string(),
                    credential: credential.clone(),
                }
            }
            Action::UpdateSigningCertificate { user, certificate, active: true } => {
                Self::UpdateSigningCertificate { user: user.to_string(), certificate: certificate.clone() }
            }
            Action::DeleteRolePolicy { role, policy } => {
                Self::DeleteRolePolicy { role: role.to_string(), policy: policy.to_string() }
            }
            Action::PutRolePolicy { role, policy, document } => Self::PutRolePolicy {
                role: role.to_string(),
                policy: policy.to_string(),
                document: document.to_string(),
            },
            Action::UpdateAssumeRolePolicy { role, trust } => {
                Self::UpdateAssumeRolePolicy { role: role.to_string(), trust: trust.to_string() }
            }
            _ => return None,
        })
    }

    fn action(&self) -> Result<Action, ParseError> {
        let document = |text: &str| PolicyDocument::new(text);
        Ok(match self {
            Self::CreateUser { user, path, tags } => {
                Action::CreateUser { user: user.parse()?, path: path.parse()?, tags: tags.clone() }
            }
            Self::AttachUserPolicy { user, policy } => {
                Action::AttachUserPolicy { user: user.parse()?, policy: policy.parse()? }
            }
            Self::AddUserToGroup { user, group } => {
                Action::AddUserToGroup { user: user.parse()?, group: group.parse()? }
            }
            Self::DeleteUserPolicy { user, policy } => {
                Action::DeleteUserPolicy { user: user.parse()?, policy: policy.parse()? }
            }
            Self::PutUserPolicy { user, policy, document: text } => Action::PutUserPolicy {
                user: user.parse()?,
                policy: policy.parse()?,
                document: document(text),
            },
            Self::PutUserPermissionsBoundary { user, boundary } => {
                Action::PutUserPermissionsBoundary { user: user.parse()?, boundary: boundary.parse()? }
            }
            Self::DeleteUserPermissionsBoundary { user } => {
                Action::DeleteUserPermissionsBoundary { user: user.parse()? }
            }
            Self::UpdateAccessKey { user, key } => {
                Action::UpdateAccessKey { user: user.parse()?, key: key.parse()?, active: true }
            }
            Self::UpdateSSHPublicKey { user, key } => {
                Action::UpdateSshPublicKey { user: user.parse()?, key: key.clone(), active: true }
            }
            Self::UpdateServiceSpecificCredential { user, credential } => {
                Action::UpdateServiceSpecificCredential {
                    user: user.parse()?,
                    credential: credential.clone(),
                    active: true,
                }
            }
            Self::UpdateSigningCertificate { user, certificate } => Action::UpdateSigningCertificate {
                user: user.parse()?,
                certificate: certificate.clone(),
                active: true,
            },
            Self::DeleteRolePolicy { role, policy } => {
                Action::DeleteRolePolicy { role: role.parse()?, policy: policy.parse()? }
            }
            Self::PutRolePolicy { role, policy, document: text } => Action::PutRolePolicy {
                role: role.parse()?,
                policy: policy.parse()?,
                document: document(text),
            },
            Self::UpdateAssumeRolePolicy { role, trust } => {
                Action::UpdateAssumeRolePolicy { role: role.parse()?, trust: document(trust) }
            }
        })
    }

    /// What it puts back, whatever its former state was: only the first entry of a place counts.
    fn place(&self) -> [&str; 3] {
        match self {
            Self::CreateUser { user, .. } => ["user", user, ""],
            Self::AttachUserPolicy { user, policy } => ["attached", user, policy],
            Self::AddUserToGroup { user, group } => ["group", user, group],
            Self::DeleteUserPolicy { user, policy } | Self::PutUserPolicy { user, policy, .. } => {
                ["user policy", user, policy]
            }
            Self::PutUserPermissionsBoundary { user, .. } | Self::DeleteUserPermissionsBoundary { user } => {
                ["boundary", user, ""]
            }
            Self::UpdateAccessKey { user, key } => ["key", user, key],
            Self::UpdateSSHPublicKey { user, key } => ["ssh", user, key],
            Self::UpdateServiceSpecificCredential { user, credential } => ["service", user, credential],
            Self::UpdateSigningCertificate { user, certificate } => ["certificate", user, certificate],
            Self::DeleteRolePolicy { role, policy } | Self::PutRolePolicy { role, policy, .. } => {
                ["role policy", role, policy]
            }
            Self::UpdateAssumeRolePolicy { role, .. } => ["trust", role, ""],
        }
    }
}

impl Record {
    pub(crate) fn new(target: &Target, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            account: target.account().to_string(),
            kind: target.kind().to_owned(),
            name: target.name().to_owned(),
            id: None,
            begun_at: now,
            user_seen: false,
            roles: BTreeSet::new(),
            revoked_before: None,
            changes: Vec::new(),
            devices: BTreeSet::new(),
            lost: BTreeSet::new(),
            denied_above: Vec::new(),
        }
    }

    /// Notes whom the organization will deny everything.
    pub(crate) fn note_denial_above(&mut self, account: AccountId, principal: &DeniedPrincipal) {
        self.denied_above.push(DeniedAbove::of(account, principal));
    }

    pub(crate) fn is_denied_above(&self, account: AccountId, principal: &DeniedPrincipal) -> bool {
        self.denied_above.contains(&DeniedAbove::of(account, principal))
    }

    /// Whom the organization denies everything since.
    pub(crate) fn denied_above(&self) -> Vec<(AccountId, DeniedPrincipal)> {
        self.denied_above.iter().filter_map(DeniedAbove::principal).collect()
    }

    /// The roles whose sessions are ended, so far.
    pub(crate) fn roles(&self) -> BTreeSet<RoleArn> {
        self.roles.iter().filter_map(|role| role.parse().ok()).collect()
    }

    pub(crate) fn add_roles<'r>(&mut self, roles: impl IntoIterator<Item = &'r RoleArn>) {
        self.roles.extend(roles.into_iter().map(ToString::to_string));
    }

    /// Whether the user is yet to be read for the first time.
    pub(crate) const fn awaits_user(&self) -> bool {
        !self.user_seen
    }

    /// Notes what the measures on a user will change. Only the first reading counts.
    pub(crate) fn note_user(&mut self, measures: &[Measure], account: &Account) {
        if self.user_seen {
            return;
        }
        self.user_seen = true;
        for measure in measures {
            self.note(measure, account);
            if let Some(instead) = &measure.without_room {
                let instead = Measure { action: instead.clone(), ..measure.clone() };
                self.note(&instead, account);
            }
        }
    }

    /// Notes whose record it is.
    pub(crate) fn note_id(&mut self, user: &User) {
        self.id = user.id.as_ref().map(|id| id.as_str().to_owned());
    }

    /// Whether it is of this user, and of no other one that had the name.
    pub(crate) fn is_of(&self, user: &User) -> bool {
        self.id.as_deref() == user.id.as_ref().map(|id| id.as_str())
    }

    /// Notes a user who will be deleted: the calls that make it again, and what goes with it. Only the first reading
    /// counts.
    pub(crate) fn note_deletion(
        &mut self,
        account: AccountId,
        again: &[Action],
        devices: &BTreeSet<MfaSerial>,
    ) {
        if self.user_seen {
            return;
        }
        self.user_seen = true;
        let undo = again.iter().filter_map(Undo::of);
        self.changes.extend(undo.map(|undo| Change { account: account.to_string(), undo }));
        self.devices.extend(devices.iter().map(|device| device.as_str().to_owned()));
    }

    /// Virtual MFA devices that go with the user.
    pub(crate) fn devices(&self) -> BTreeSet<MfaSerial> {
        self.devices.iter().filter_map(|device| device.parse().ok()).collect()
    }

    /// Notes what a measure will change.
    pub(crate) fn note(&mut self, measure: &Measure, account: &Account) {
        let Some(undo) = measure.undo(account).as_ref().and_then(Undo::of) else {
            match &measure.action {
                Action::DeleteLoginProfile { .. } => self.lost.insert("the password".to_owned()),
                Action::DeactivateMfaDevice { device, .. } => {
                    self.lost.insert(format!("the MFA device {}", device.as_str()))
                }
                _ => false,
            };
            return;
        };
        let change = Change { account: measure.account.to_string(), undo };
        let known =
            |other: &Change| other.account == change.account && other.undo.place() == change.undo.place();
        if !self.changes.iter().any(known) {
            self.changes.push(change);
        }
    }

    /// The calls that put everything back, in the order in which they were noted.
    pub(crate) fn calls(&self) -> Result<Vec<(AccountId, Action)>, CliError> {
        let mut calls = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let call = change.account.parse().and_then(|account| Ok((account, change.undo.action()?)));
            calls.push(call.map_err(|error: ParseError| {
                CliError::failed("the record of what stood before cannot be read").caused_by(error)
            })?);
        }
        Ok(calls)
    }

    /// The calls that put everything back, in the order in which to make them: what denies goes last.
    pub(crate) fn undo(&self) -> Result<Vec<(AccountId, Action)>, CliError> {
        let mut calls = self.calls()?;
        calls.sort_by_key(|(_, action)| match action {
            Action::UpdateAssumeRolePolicy { .. } => 1,
            Action::PutRolePolicy { .. } | Action::DeleteRolePolicy { .. } => 2,
            Action::PutUserPermissionsBoundary { .. } | Action::DeleteUserPermissionsBoundary { .. } => 3,
            Action::PutUserPolicy { .. } | Action::DeleteUserPolicy { .. } => 4,
            _ => 0,
        });
        Ok(calls)
    }
}

/// The records of this machine.
pub(crate) struct Records {
    dir: PrivateDir,
    purpose: Purpose,
}

impl Records {
    pub(crate) fn open(context: &Context, purpose: Purpose) -> Result<Self, CliError> {
        Ok(Self { dir: PrivateDir::create(&keystore::data_dir(&context.environment)?)?, purpose })
    }

    /// Waits for nobody: two at once would each undo half.
    pub(crate) fn lock(&self) -> Result<std::fs::File, CliError> {
        let (name, taken) = self.purpose.lock();
        let file = self.dir.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(error) => Err(CliError::failed(taken).caused_by(error)),
        }
    }

    fn file_name(&self, target: &Target) -> String {
        format!("{}-{}-{}-{}.json", self.purpose.prefix(), target.account(), target.kind(), target.name())
    }

    /// Where the record of a target is.
    pub(crate) fn path(&self, target: &Target) -> std::path::PathBuf {
        self.dir.path().join(self.file_name(target))
    }

    pub(crate) fn read(&self, target: &Target) -> Result<Option<Record>, CliError> {
        let Some(bytes) = self.dir.read(&self.file_name(target))? else { return Ok(None) };
        let bad = |cause: &dyn std::fmt::Display| {
            CliError::failed(format!("`{}` does not say what stood before", self.path(target).display()))
                .caused_by(cause)
                .hint("move the file away to go on without a way back")
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        if record.format == FORMAT {
            Ok(Some(record))
        } else {
            Err(bad(&format!("format {}", record.format)))
        }
    }

    /// The record of a containment that goes on, or of one that begins.
    pub(crate) fn read_or_begin(&self, target: &Target, now: Timestamp) -> Result<Record, CliError> {
        Ok(self.read(target)?.unwrap_or_else(|| Record::new(target, now)))
    }

    /// Written whole or not at all, and on the disk when this returns.
    pub(crate) fn write(&self, target: &Target, record: &Record) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| CliError::failed("cannot write the record").caused_by(error))?;
        Ok(self.dir.write(&self.file_name(target), text.as_bytes())?)
    }

    pub(crate) fn remove(&self, target: &Target) -> Result<(), CliError> {
        self.dir.remove(&self.file_name(target))?;
        Ok(())
    }
}
