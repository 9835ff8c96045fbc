//! The credential report: one line per user.

use std::collections::BTreeMap;

use postern_types::Timestamp;

use super::SnapshotError;
use crate::migrate::{KeyUse, LastUse, PasswordUse, Usage};

/// What the report says of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The user's name.
    pub user: String,
    /// When the user was made.
    pub created: Option<Timestamp>,
    /// The password; none where there is none.
    pub password: Option<PasswordUse>,
    /// Whether an MFA device is enabled.
    pub mfa: bool,
    /// Access keys, oldest slot first, without their ids.
    pub keys: Vec<KeyUse>,
}

impl ReportRow {
    /// The same as a user's usage. Services are not in the report.
    #[must_use]
    pub fn usage(self) -> Usage {
        Usage {
            created: self.created,
            password: self.password,
            unnamed_keys: self.keys,
            mfa: self.mfa,
            ..Usage::default()
        }
    }
}

/// Reads a decoded credential report. The root user's line is left out.
///
/// # Errors
/// The first line that is not as AWS writes it. `file` names the report in it.
pub fn credential_report(file: &str, text: &str) -> Result<Vec<ReportRow>, SnapshotError> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let header: Vec<&str> = lines.next().map(|(_, line)| line.split(',').collect()).unwrap_or_default();
    let [USER, ARN, columns @ ..] = header.as_slice() else {
        let problem = "it does not begin as a credential report does; the Content of \
            `aws iam get-credential-report` is to be decoded from base64";
        return Err(SnapshotError { line: Some(1), ..SnapshotError::new(file, problem) });
    };
    let mut rows = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let row = row(columns, line);
        let row =
            row.map_err(|problem| SnapshotError { line: Some(number), ..SnapshotError::new(file, problem) })?;
        rows.extend(row);
    }
    Ok(rows)
}

const USER: &str = "user";
const ARN: &str = "arn";

/// None for the root user.
fn row(columns: &[&str], line: &str) -> Result<Option<ReportRow>, String> {
    // Names and paths may have commas, which nobody quotes: a name has no colon, so that the first `,arn:` ends
    // it, and what comes behind the ARN has no comma in its values.
    let (user, rest) = line.split_once(",arn:").ok_or("there is no ARN in it")?;
    if user == "<root_account>" {
        return Ok(None);
    }
    let mut values: Vec<&str> = rest.rsplitn(columns.len() + 1, ',').collect();
    values.reverse();
    if values.len() != columns.len() + 1 {
        return Err(format!("it has {} columns, not {}", values.len() + 1, columns.len() + 2));
    }
    let values: BTreeMap<&str, &str> = columns.iter().copied().zip(values.into_iter().skip(1)).collect();
    let row = Row { values };
    let created = row.time("user_creation_time")?;
    let enabled = row.flag("password_enabled")?;
    let last_used = row.time("password_last_used")?;
    let password = (enabled || last_used.is_some()).then_some(PasswordUse { enabled, last_used });
    let mut keys = Vec::new();
    for slot in ["access_key_1", "access_key_2"] {
        keys.extend(row.key(slot)?);
    }
    Ok(Some(ReportRow { user: user.to_owned(), created, password, mfa: row.flag("mfa_active")?, keys }))
}

/// The values of a line by their columns.
struct Row<'a> {
    values: BTreeMap<&'a str, &'a str>,
}

impl Row<'_> {
    fn value(&self, column: &str) -> Result<&str, String> {
        self.values.get(column).copied().ok_or_else(|| format!("there is no column {column}"))
    }

    fn flag(&self, column: &str) -> Result<bool, String> {
        match self.value(column)? {
            "true" | "TRUE" => Ok(true),
            "false" | "FALSE" | "not_supported" => Ok(false),
            other => Err(format!("{column} is neither true nor false: `{other}`")),
        }
    }

    /// None for what AWS says where there is none.
    fn time(&self, column: &str) -> Result<Option<Timestamp>, String> {
        match self.value(column)? {
            "N/A" | "no_information" | "not_supported" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{column} is no time: `{text}`")),
        }
    }

    /// A word that may be `N/A`.
    fn word(&self, column: &str) -> Result<Option<String>, String> {
        let value = self.value(column)?;
        Ok((value != "N/A").then(|| value.to_owned()))
    }

    fn key(&self, slot: &str) -> Result<Option<KeyUse>, String> {
        let active = self.flag(&format!("{slot}_active"))?;
        let created = self.time(&format!("{slot}_last_rotated"))?;
        if !active && created.is_none() {
            return Ok(None);
        }
        let last_used = match self.time(&format!("{slot}_last_used_date"))? {
            None => None,
            Some(at) => Some(LastUse {
                at,
                service: self.word(&format!("{slot}_last_used_service"))?,
                region: self.word(&format!("{slot}_last_used_region"))?,
            }),
        };
        Ok(Some(KeyUse { active, created, last_used }))
    }
}
