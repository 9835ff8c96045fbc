//! A snapshot on disk: which files there are. What they say is read by `postern_estate::snapshot`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use postern_estate::snapshot::{
    self, AUTHORIZATION_DETAILS, AccountSnapshot, CREDENTIAL_REPORT, FOLDERS, OTHER_FILES, SnapshotFile,
};
use postern_types::{AccountId, Timestamp};

use crate::errors::CliError;

/// Reads an account out of a snapshot: a directory with `accounts/<id>/`, the directory of one account, or its
/// `authorization-details.json` alone. `wanted` picks one of several accounts.
pub(crate) fn read(path: &Path, wanted: Option<AccountId>) -> Result<AccountSnapshot, CliError> {
    let place = Place::find(path, wanted)?;
    let mut files = BTreeMap::new();
    for name in place.names()? {
        if let Some(text) = text(&place.folder.join(&name))? {
            files.insert(name, text);
        }
    }
    let told = match &place.whole {
        Some(whole) => text(&whole.join("snapshot.json"))?,
        None => None,
    };
    let told = told.map(|text| SnapshotFile::parse(&text)).transpose();
    let told = told.map_err(|error| malformed(path, &[error]))?;
    let read_at = match &told {
        Some(file) => file.collected_at,
        None => written(&place.folder.join(AUTHORIZATION_DETAILS))?,
    };
    let mut read = snapshot::read(&files, read_at).map_err(|errors| malformed(&place.folder, &errors))?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != read.account) {
        let problem = format!("`{}` is of account {}, not {wanted}", place.folder.display(), read.account);
        return Err(CliError::usage(problem));
    }
    if let Some(file) = &told {
        read.usage.gaps.extend(file.errors_of(read.account));
    }
    Ok(read)
}

/// Where an account's files are.
struct Place {
    folder: PathBuf,
    /// The directory of the whole snapshot, if the account's is in one.
    whole: Option<PathBuf>,
    /// Whether nothing but the details is meant.
    alone: bool,
}

impl Place {
    fn find(path: &Path, wanted: Option<AccountId>) -> Result<Self, CliError> {
        let kind = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if kind.is_file() {
            if path.file_name().is_none_or(|name| name != AUTHORIZATION_DETAILS) {
                let problem = format!("`{}` is no snapshot", path.display());
                let hint = format!(
                    "give a directory, or a file `{AUTHORIZATION_DETAILS}` as \
                     `aws iam get-account-authorization-details` prints it"
                );
                return Err(CliError::usage(problem).hint(hint));
            }
            let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let folder = folder.unwrap_or_else(|| Path::new(".")).to_owned();
            return Ok(Self { folder, whole: None, alone: true });
        }
        if path.join(AUTHORIZATION_DETAILS).exists() {
            return Ok(Self { folder: path.to_owned(), whole: None, alone: false });
        }
        let accounts = path.join("accounts");
        let found = match wanted {
            Some(id) => vec![id.to_string()],
            None => names_in(&accounts)?,
        };
        match found.as_slice() {
            [one] if accounts.join(one).join(AUTHORIZATION_DETAILS).exists() => {
                Ok(Self { folder: accounts.join(one), whole: Some(path.to_owned()), alone: false })
            }
            [_] | [] => {
                let problem = format!("there is no `{AUTHORIZATION_DETAILS}` in `{}`", path.display());
                let hint = "it belongs there, or below it in `accounts/<id>/`; docs/snapshot.md says how to make one";
                Err(CliError::usage(problem).hint(hint))
            }
            several => {
                let problem = format!("`{}` holds several accounts: {}", path.display(), several.join(", "));
                Err(CliError::usage(problem).hint("name the account, or give its directory"))
            }
        }
    }

    /// The files that are read where they exist, `/` between folders whatever the system writes.
    fn names(&self) -> Result<Vec<String>, CliError> {
        let mut names = vec![AUTHORIZATION_DETAILS.to_owned()];
        if self.alone {
            return Ok(names);
        }
        names.push(CREDENTIAL_REPORT.to_owned());
        names.extend(OTHER_FILES.map(str::to_owned));
        for folder in FOLDERS {
            names.extend(names_in(&self.folder.join(folder))?.iter().map(|name| format!("{folder}/{name}")));
        }
        Ok(names)
    }
}

/// The names in a directory, in order; none where there is no such directory.
fn names_in(folder: &Path) -> Result<Vec<String>, CliError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        // A name that is not UTF-8 is no user's and no account's.
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// A file's text; none where there is no such file.
fn text(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// When a file was written: the age of what is in it, where nothing else tells.
fn written(path: &Path) -> Result<Timestamp, CliError> {
    let time = fs::metadata(path).and_then(|data| data.modified());
    let time = time.map_err(|error| unreadable(path, &error))?;
    Timestamp::try_from(time).map_err(|_| CliError::usage(format!("`{}` has no date", path.display())))
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)
}

/// All that is wrong in the files.
fn malformed(folder: &Path, errors: &[snapshot::SnapshotError]) -> CliError {
    let problem = format!("the snapshot in `{}` cannot be read", folder.display());
    errors.iter().fold(CliError::usage(problem), |told, error| told.caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: &str = r#"{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"RoleDetailList":[{"Path":"/",
        "RoleName":"r","RoleId":"AROACKCEVSQ6C2EXAMPLE","Arn":"arn:aws:iam::222222222222:role/r",
        "AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[]}}]}"#;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn told(outcome: Result<AccountSnapshot, CliError>) -> String {
        let error = outcome.unwrap_err();
        format!("{} {} {}", error.message, error.causes.join(" "), error.hints.join(" "))
    }

    #[test]
    fn a_snapshot_an_account_and_a_file_alone_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(told(read(path, None)).contains("there is no `authorization-details.json`"));

        write(path, "accounts/222222222222/authorization-details.json", DETAILS);
        let one = read(path, None).unwrap();
        assert_eq!((one.account.to_string().as_str(), one.found.roles.len()), ("222222222222", 1));
        assert!(one.usage.read_at > "2026-01-01T00:00:00Z".parse().unwrap(), "the file's own date");
        let account = path.join("accounts/222222222222");
        read(&account, None).unwrap();
        let alone = read(&account.join(AUTHORIZATION_DETAILS), None).unwrap();
        assert!(alone.usage.gaps.iter().any(|gap| gap.starts_with("account-summary.json is missing")));

        let text = r#"{"format":1,"collected_at":"2026-11-01T00:00:00Z",
            "accounts":[{"id":"222222222222","errors":["iam:GetCredentialReport: AccessDenied"]}]}"#;
        write(path, "snapshot.json", text);
        write(path, "accounts/222222222222/account-summary.json", r#"{"SummaryMap":{}}"#);
        let one = read(path, None).unwrap();
        assert_eq!(one.usage.read_at.to_string(), "2026-11-01T00:00:00Z");
        assert!(one.usage.gaps.contains(&"iam:GetCredentialReport: AccessDenied".to_owned()));
        assert!(!one.usage.gaps.iter().any(|gap| gap.starts_with("account-summary")));

        write(path, "accounts/333333333333/authorization-details.json", DETAILS);
        assert!(told(read(path, None)).contains("several accounts: 222222222222, 333333333333"));
        read(path, Some("222222222222".parse().unwrap())).unwrap();
        assert!(
            told(read(path, Some("333333333333".parse().unwrap()))).contains("is of account 222222222222")
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(told(read(&path.join("nowhere"), None)).contains("cannot read"));
        write(path, "other.json", DETAILS);
        assert!(told(read(&path.join("other.json"), None)).contains("is no snapshot"));
        write(path, "authorization-details.json", "{");
        write(path, "service-last-accessed/alice.json", "[1]");
        let told = told(read(path, None));
        assert!(told.contains("authorization-details.json:1: EOF"), "{told}");
        fs::write(path.join("authorization-details.json"), [0xff, 0xfe]).unwrap();
        assert!(read(path, None).is_err());
    }
}
