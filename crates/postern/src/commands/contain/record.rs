//! What stood before a containment, so that `--undo` can put it back: a file of this machine, without secrets.
//!
//! It is not kept at AWS, in tags, say: what is written there, whoever is contained may have been able to write, and
//! an undo would then hand out groups of their choice. It is written before the first call, so that a run that was
//! killed loses nothing, and what is found later than at the first reading is not in it: that was not there before.

use std::collections::BTreeSet;

use postern_estate::{Account, Action, PolicyDocument, contain::Measure};
use postern_types::{AccountId, ParseError, RoleArn, Timestamp};
use postern_vault::PrivateDir;
use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::{context::Context, errors::CliError, keystore};

const PREFIX: &str = "contain-";
const FORMAT: u8 = 1;

/// One containment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u8,
    account: String,
    kind: String,
    name: String,
    /// When it began.
    pub(crate) begun_at: Timestamp,
    /// Whether the user was read: only what the first reading finds is put back.
    user_seen: bool,
    /// Every role whose sessions are ended.
    roles: BTreeSet<String>,
    /// The latest time before which sessions are ended.
    pub(crate) revoked_before: Option<Timestamp>,
    changes: Vec<Change>,
    /// What cannot be put back, in words.
    pub(crate) lost: BTreeSet<String>,
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
    fn new(target: &Target, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            account: target.account().to_string(),
            kind: target.kind().to_owned(),
            name: target.name().to_owned(),
            begun_at: now,
            user_seen: false,
            roles: BTreeSet::new(),
            revoked_before: None,
            changes: Vec::new(),
            lost: BTreeSet::new(),
        }
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

    /// The calls that put everything back, in the order in which to make them: what denies goes last.
    pub(crate) fn undo(&self) -> Result<Vec<(AccountId, Action)>, CliError> {
        let mut calls = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let call = change.account.parse().and_then(|account| Ok((account, change.undo.action()?)));
            calls.push(call.map_err(|error: ParseError| {
                CliError::failed("the record of what stood before cannot be read").caused_by(error)
            })?);
        }
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
}

fn file_name(target: &Target) -> String {
    format!("{PREFIX}{}-{}-{}.json", target.account(), target.kind(), target.name())
}

impl Records {
    pub(crate) fn open(context: &Context) -> Result<Self, CliError> {
        Ok(Self { dir: PrivateDir::create(&keystore::data_dir(&context.environment)?)? })
    }

    /// Waits for nobody: two containments at once would each undo half.
    pub(crate) fn lock(&self) -> Result<std::fs::File, CliError> {
        let file = self.dir.lock_file("contain.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(error) => Err(CliError::failed("another postern process contains somebody").caused_by(error)),
        }
    }

    /// Where the record of a target is.
    pub(crate) fn path(&self, target: &Target) -> std::path::PathBuf {
        self.dir.path().join(file_name(target))
    }

    pub(crate) fn read(&self, target: &Target) -> Result<Option<Record>, CliError> {
        let Some(bytes) = self.dir.read(&file_name(target))? else { return Ok(None) };
        let bad = |cause: &dyn std::fmt::Display| {
            CliError::failed(format!("`{}` does not say what stood before", self.path(target).display()))
                .caused_by(cause)
                .hint("move the file away to contain without a way back")
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
        Ok(self.dir.write(&file_name(target), text.as_bytes())?)
    }

    pub(crate) fn remove(&self, target: &Target) -> Result<(), CliError> {
        self.dir.remove(&file_name(target))?;
        Ok(())
    }
}
