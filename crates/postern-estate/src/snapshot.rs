//! An account as files: what the `aws` CLI prints, kept somewhere and read without a call.
//!
//! The files of one account, by their names below its folder:
//!
//! ```text
//! authorization-details.json          aws iam get-account-authorization-details
//! credential-report.csv               aws iam get-credential-report, its Content decoded
//! service-last-accessed/USER.json     aws iam get-service-last-accessed-details --max-items 1000
//! list-access-keys/USER.json          aws iam list-access-keys --user-name USER
//! list-mfa-devices/USER.json          aws iam list-mfa-devices --user-name USER
//! list-roles.json                     aws iam list-roles
//! list-account-aliases.json           aws iam list-account-aliases
//! account-summary.json                aws iam get-account-summary
//! password-policy.json                aws iam get-account-password-policy, or {}
//! ```
//!
//! Only the first must be there. What is missing is a gap, never an empty list; what is malformed is an error
//! with its file and place.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use postern_types::{AccessKeyId, AccountId, Timestamp, UserName};
use serde::Deserialize;

use crate::{
    AccessKey, Account, Credentials,
    migrate::{AccountUsage, KeyUse, Usage},
};

mod details;
mod other;
mod report;
mod services;

pub use report::{ReportRow, credential_report};

/// The one file that must be there.
pub const AUTHORIZATION_DETAILS: &str = "authorization-details.json";
/// The decoded credential report.
pub const CREDENTIAL_REPORT: &str = "credential-report.csv";
/// The folders with a file for each user, named after the user.
pub const FOLDERS: [&str; 3] = ["service-last-accessed", "list-access-keys", "list-mfa-devices"];
/// The other files that are read where they are.
pub const OTHER_FILES: [&str; 4] =
    ["list-roles.json", "list-account-aliases.json", "account-summary.json", "password-policy.json"];

/// One account out of a snapshot.
#[derive(Clone, Debug)]
pub struct AccountSnapshot {
    /// Which account it is, by the ARNs in it.
    pub account: AccountId,
    /// What stands in its IAM.
    pub found: Account,
    /// What its users used.
    pub usage: AccountUsage,
}

/// Something in a file that the `aws` CLI would not have printed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SnapshotError {
    /// The file, as it was named to the reader.
    pub file: String,
    /// The line in it, where that is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl SnapshotError {
    fn new(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, problem: problem.into() }
    }
}

/// What `snapshot.json` says of a whole snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SnapshotFile {
    /// The version: 1.
    pub format: u32,
    /// When it was made.
    pub collected_at: Timestamp,
    /// The accounts in it.
    #[serde(default)]
    pub accounts: Vec<SnapshotFileAccount>,
}

/// An account in [`SnapshotFile`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SnapshotFileAccount {
    /// The account's id.
    pub id: String,
    /// What could not be read there.
    #[serde(default)]
    pub errors: Vec<serde_json::Value>,
}

impl SnapshotFile {
    /// Reads the text of `snapshot.json`.
    ///
    /// # Errors
    /// When it is not one, or of another version.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        const FILE: &str = "snapshot.json";
        let read: Self = json(FILE, text)?;
        if read.format != 1 {
            let problem = format!("it has format {}, and only format 1 is known", read.format);
            return Err(SnapshotError::new(FILE, problem));
        }
        Ok(read)
    }

    /// What could not be read in an account when the snapshot was made.
    pub fn errors_of(&self, account: AccountId) -> impl Iterator<Item = String> {
        let id = account.to_string();
        let of = self.accounts.iter().filter(move |one| one.id == id);
        of.flat_map(|one| &one.errors).map(|error| match error {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

/// Reads one account from its files: their names below the account's folder, and their texts.
///
/// `read_at` is when the files were made. Files of other names are passed over.
///
/// # Errors
/// Everything that is malformed, at once.
pub fn read(
    files: &BTreeMap<String, String>,
    read_at: Timestamp,
) -> Result<AccountSnapshot, Vec<SnapshotError>> {
    let Some(text) = files.get(AUTHORIZATION_DETAILS) else {
        return Err(vec![SnapshotError::new(AUTHORIZATION_DETAILS, "there is no such file")]);
    };
    let mut reader = Reader { files, errors: Vec::new(), gaps: Vec::new() };
    let details = match details::parse(AUTHORIZATION_DETAILS, text) {
        Ok(details) => details,
        Err(error) => {
            reader.errors.push(error);
            // The other files are looked at all the same: whoever mends one hears of all.
            details::Parsed::default()
        }
    };
    let usage = reader.usages(&details.users);
    let credentials = reader.credentials(&usage);
    let found = reader.account(details.answers, credentials);
    let Reader { mut errors, gaps, .. } = reader;
    if details.account.is_none() && errors.is_empty() {
        errors.push(SnapshotError::new(AUTHORIZATION_DETAILS, "no ARN in it tells the account"));
    }
    match (details.account, found, errors.is_empty()) {
        (Some(account), Some(found), true) => {
            Ok(AccountSnapshot { account, found, usage: AccountUsage { read_at, users: usage, gaps } })
        }
        _ => Err(errors),
    }
}

struct Reader<'a> {
    files: &'a BTreeMap<String, String>,
    errors: Vec<SnapshotError>,
    gaps: Vec<String>,
}

impl<'a> Reader<'a> {
    /// The value of a file; nothing, and an error, where it is malformed.
    fn keep<T>(&mut self, value: Result<T, SnapshotError>) -> Option<T> {
        value.map_err(|error| self.errors.push(error)).ok()
    }

    /// A file, if it is there, read by `parse`; else a gap that says what is not known without it.
    fn file<T>(
        &mut self,
        name: &str,
        unknown: &str,
        parse: impl FnOnce(&str, &str) -> Result<T, SnapshotError>,
    ) -> Option<T> {
        let Some(text) = self.files.get(name) else {
            self.gaps.push(format!("{name} is missing: {unknown}"));
            return None;
        };
        self.keep(parse(name, text))
    }

    /// The files of one folder, by the user that each is named after.
    fn folder(&self, folder: &str) -> BTreeMap<&'a str, (&'a str, &'a str)> {
        let of_user = |path: &'a str| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".json");
        let files = self.files.iter();
        files.filter_map(|(path, text)| Some((of_user(path)?, (path.as_str(), text.as_str())))).collect()
    }

    fn account(
        &mut self,
        mut answers: crate::observed::AccountDetails,
        mut credentials: BTreeMap<UserName, Credentials>,
    ) -> Option<Account> {
        let mut listed = self
            .file("list-roles.json", "how long sessions of roles may last", other::roles)
            .unwrap_or_default();
        for role in &mut answers.roles {
            if let Some((seconds, description)) = listed.remove(&role.role_name) {
                role.max_session_seconds = seconds;
                role.description = description;
            }
        }
        let aliases = self.file("list-account-aliases.json", "the account's alias", other::aliases);
        answers.aliases = aliases.unwrap_or_default();
        let summary = self.file("account-summary.json", "the account's quotas", other::summary);
        answers.summary = summary.unwrap_or_default();
        let policy =
            self.file("password-policy.json", "the account's password policy", other::password_policy);
        answers.password_policy = policy.flatten();
        for user in &mut answers.users {
            user.credentials = user.user_name.parse().ok().and_then(|name| credentials.remove(&name));
        }
        match answers.into_account() {
            Ok(account) => Some(account),
            Err(errors) => {
                let errors = errors.into_iter();
                self.errors
                    .extend(errors.map(|error| SnapshotError::new(AUTHORIZATION_DETAILS, error.to_string())));
                None
            }
        }
    }

    /// What each user used, as far as the files tell.
    fn usages(&mut self, users: &[(UserName, Option<Timestamp>)]) -> BTreeMap<UserName, Usage> {
        let unknown = "passwords and keys, and when they were last used";
        let report = self.file(CREDENTIAL_REPORT, unknown, credential_report);
        let has_report = report.is_some();
        let mut rows: BTreeMap<String, ReportRow> =
            report.unwrap_or_default().into_iter().map(|row| (row.user.clone(), row)).collect();
        let services = self.folder("service-last-accessed");
        let mut not_in_report = BTreeSet::new();
        let mut without_services = BTreeSet::new();
        let mut usages = BTreeMap::new();
        for (name, created) in users {
            let mut usage = match rows.remove(name.as_str()) {
                Some(row) => row.usage(),
                None => {
                    not_in_report.insert(name.as_str());
                    Usage::default()
                }
            };
            usage.created = usage.created.or(*created);
            match services.get(name.as_str()) {
                Some((path, text)) => {
                    if let Some(read) = self.keep(services::parse(path, text)) {
                        usage.services = read.services;
                        self.gaps.extend(read.gap.map(|gap| format!("{path}: {gap}")));
                    }
                }
                None => {
                    without_services.insert(name.as_str());
                }
            }
            usages.insert(name.clone(), usage);
        }
        if has_report && !not_in_report.is_empty() {
            self.gaps.push(format!("{CREDENTIAL_REPORT} is older than {}", named(&not_in_report)));
        }
        if !without_services.is_empty() {
            self.gaps.push(format!(
                "service-last-accessed has no file for {}: which services they used",
                named(&without_services)
            ));
        }
        self.name_keys(&mut usages);
        usages
    }

    /// Gives the keys of the report the ids that stand in `list-access-keys`.
    fn name_keys(&mut self, usages: &mut BTreeMap<UserName, Usage>) {
        let lists = self.folder("list-access-keys");
        for (name, usage) in usages {
            let Some((path, text)) = lists.get(name.as_str()) else { continue };
            let Some(listed) = self.keep(other::access_keys(path, text)) else { continue };
            // The report tells a key by the time it was made; where one is left on both sides, they are the same.
            let mut later = Vec::new();
            for (id, key) in listed {
                match usage.unnamed_keys.iter().position(|reported| reported.created == key.created_at) {
                    Some(at) => insert(usage, id, key, Some(at)),
                    None => later.push((id, key)),
                }
            }
            let is_last = later.len() == 1 && usage.unnamed_keys.len() == 1;
            for (id, key) in later {
                insert(usage, id, key, is_last.then_some(0));
            }
        }
    }

    /// What users can sign in with, of those of whom all of it is known.
    fn credentials(&mut self, usages: &BTreeMap<UserName, Usage>) -> BTreeMap<UserName, Credentials> {
        let keys = self.folder("list-access-keys");
        let devices = self.folder("list-mfa-devices");
        let mut credentials = BTreeMap::new();
        for (name, usage) in usages {
            let in_report = self.files.contains_key(CREDENTIAL_REPORT) && usage.created.is_some();
            let (Some(_), Some((path, text)), true) =
                (keys.get(name.as_str()), devices.get(name.as_str()), in_report)
            else {
                continue;
            };
            let Some(mfa_devices) = self.keep(other::mfa_devices(path, text)) else { continue };
            let access_keys = usage
                .keys
                .iter()
                .map(|(id, key)| (id.clone(), AccessKey { active: key.active, created_at: key.created }));
            let held = Credentials {
                access_keys: access_keys.collect(),
                mfa_devices,
                login_profile: usage.password.is_some_and(|password| password.enabled),
                rare: None,
            };
            credentials.insert(name.clone(), held);
        }
        credentials
    }
}

/// A key of the list, with what the report says of it at this place.
fn insert(usage: &mut Usage, id: AccessKeyId, key: AccessKey, reported: Option<usize>) {
    let last_used = reported.and_then(|at| usage.unnamed_keys.remove(at).last_used);
    let AccessKey { active, created_at: created } = key;
    usage.keys.insert(id, KeyUse { active, created, last_used });
}

/// `alice, bob and 3 more`
fn named(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Reads JSON, with the line of what is wrong in it.
fn json<'a, T: Deserialize<'a>>(file: &str, text: &'a str) -> Result<T, SnapshotError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        // The place is told apart from the words.
        let words = error.to_string();
        let problem = words.rsplit_once(" at line ").map_or(words.as_str(), |(problem, _)| problem);
        // Our types' names say nothing to whoever made the file.
        let problem = match problem.split_once("expected struct ") {
            Some((what, _)) => format!("{what}expected an object"),
            None => problem.to_owned(),
        };
        SnapshotError { file: file.to_owned(), line: Some(error.line()).filter(|line| *line > 0), problem }
    })
}

/// A list that was cut off would look like a shorter one.
fn whole(file: &str, is_truncated: bool, rest: Option<&str>) -> Result<(), SnapshotError> {
    if is_truncated || rest.is_some() {
        let problem = "only a part of the list is in it: run the command again without --max-items and \
            --no-paginate";
        return Err(SnapshotError::new(file, problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
