//! The files of `~/.aws`: secrets in them, who reads them, and what readers make of them.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use postern_broker::files::profile::{File, Profiles};
use postern_types::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Check, Finding};
use crate::{
    aws_files::{self, backup_of},
    env::Environment,
    errors::CliError,
};

/// In such a directory everybody moves only what is theirs, as in `/tmp`.
const STICKY: u32 = 0o1000;

fn path_of(environment: &Environment, file: File) -> Option<PathBuf> {
    match file {
        File::Config => aws_files::config_file(environment),
        File::Credentials => aws_files::credentials_file(environment),
    }
}

fn shown(environment: &Environment, file: File) -> String {
    path_of(environment, file).map_or_else(|| file.to_string(), |path| aws_files::shown(&path, environment))
}

/// Keys that whoever reads the files has.
pub(super) fn in_clear(environment: &Environment, profiles: Option<&Profiles>) -> Check {
    const ID: &str = "keys-in-clear";
    const TITLE: &str = "Keys in clear";
    let Some(profiles) = profiles else { return Check::skipped(ID, TITLE, "the files cannot be read") };
    let mut findings = Vec::new();
    for key in profiles.keys_in_clear() {
        let whose = format!("`[{}]`", key.section);
        let finding = match (key.has_token, &key.profile) {
            (true, _) => Finding::warning(format!("temporary credentials in {whose}"))
                .hint("delete them when they are over; `postern exec` needs no file"),
            (false, Some(profile)) => Finding::problem(format!("a long-term key in {whose}"))
                .hint(format!("`postern profiles import {profile}` takes it into the key store")),
            (false, None) => {
                Finding::problem(format!("a secret in {whose}, which no tool takes for a profile"))
                    .hint("delete it, and the key at AWS if nobody uses it")
            }
        };
        findings.push(finding.at(&shown(environment, key.at.file), Some(key.at.line)));
    }
    for file in [File::Config, File::Credentials] {
        let Some(backup) = path_of(environment, file).map(|path| backup_of(&real(&path))) else { continue };
        let Ok(text) = fs::read_to_string(&backup).map(Zeroizing::new) else { continue };
        if Profiles::parse("", &text).is_ok_and(|kept| !kept.keys_in_clear().is_empty()) {
            let finding = Finding::warning("the file before the last change, with keys in it");
            let shown = aws_files::shown(&backup, environment);
            findings.push(finding.at(&shown, None).hint("delete it when it is not needed any more"));
        }
    }
    Check::new(ID, TITLE, "none in the files of ~/.aws", findings)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Who else reads the files, or changes what they lie in.
pub(super) fn modes(environment: &Environment, profiles: Option<&Profiles>) -> Check {
    let mut findings = Vec::new();
    let in_clear = profiles.map(Profiles::keys_in_clear).unwrap_or_default();
    for file in [File::Config, File::Credentials] {
        let Some(path) = path_of(environment, file) else { continue };
        let place = aws_files::shown(&path, environment);
        let Ok(found) = fs::metadata(&path) else { continue };
        if !found.is_file() {
            continue;
        }
        let holds_keys = in_clear.iter().any(|key| key.at.file == file);
        let secret = holds_keys || file == File::Credentials;
        let chmod = |what: &str, place: &str| format!("chmod {what} {place}");
        let mode = found.mode() & 0o777;
        if mode & 0o022 != 0 {
            let finding =
                Finding::problem(format!("others may change it (mode {mode:o}), and so run commands as you"));
            findings.push(finding.at(&place, None).hint(chmod("go-w", &place)));
        } else if mode & 0o044 != 0 && secret {
            let severity = if holds_keys { Finding::problem } else { Finding::warning };
            let finding = severity(format!("others may read it (mode {mode:o})"));
            findings.push(finding.at(&place, None).hint(chmod("go=", &place)));
        }
        if let Some(dir) = path.parent()
            && fs::metadata(dir).is_ok_and(|dir| dir.mode() & 0o022 != 0 && dir.mode() & STICKY == 0)
        {
            let place = aws_files::shown(dir, environment);
            let finding = Finding::problem("others may put files in place of yours there").at(&place, None);
            let finding = finding.hint(chmod("go-w", &place));
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    Check::new("modes", "File modes", "nobody else reads or changes the files of ~/.aws", findings)
}

/// What the aws CLI keeps of an answer; nothing else of it is read.
#[derive(Deserialize)]
struct CachedAnswer<'a> {
    #[serde(rename = "Credentials", borrow)]
    credentials: Option<Issued<'a>>,
}

#[derive(Deserialize)]
struct Issued<'a> {
    #[serde(rename = "Expiration")]
    expiration: Option<&'a str>,
}

/// Credentials that the aws CLI left in clear.
pub(super) fn caches(environment: &Environment) -> Check {
    let now = Timestamp::now();
    let mut findings = Vec::new();
    let aws = environment.home().map(|home| home.join(".aws")).unwrap_or_default();
    for place in ["cli/cache", "login/cache"] {
        let dir = aws.join(place);
        let (mut live, mut over) = (0_usize, 0_usize);
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(text) = fs::read_to_string(entry.path()).map(Zeroizing::new) else { continue };
            let Ok(answer) = serde_json::from_str::<CachedAnswer<'_>>(&text) else { continue };
            let expires = answer.credentials.and_then(|issued| issued.expiration?.parse::<Timestamp>().ok());
            match expires {
                Some(at) if at > now => live += 1,
                Some(_) => over += 1,
                // `aws login` keeps a token by which new ones are had.
                None if place == "login/cache" => live += 1,
                None => {}
            }
        }
        let shown = aws_files::shown(&dir, environment);
        if live + over > 0 {
            let finding =
                Finding::warning(format!("credentials in clear, {live} still good and {over} over"));
            findings.push(finding.at(&shown, None).hint(format!("rm {shown}/*.json")));
        }
    }
    Check::new("cli-cache", "CLI's cache", "no credentials of the aws CLI lie in clear", findings)
}

/// What the readers of the files do not read alike.
pub(super) fn readers(environment: &Environment, profiles: &Result<Profiles, CliError>) -> Check {
    let findings = match profiles {
        Ok(profiles) => profiles
            .oddities()
            .into_iter()
            .map(|odd| {
                Finding::warning(odd.kind.to_string()).at(&shown(environment, odd.file), Some(odd.line))
            })
            .collect(),
        Err(error) => vec![Finding::of_error(super::Severity::Problem, error)],
    };
    let count = profiles.as_ref().map_or(0, |profiles| profiles.names().len());
    let state = match count {
        0 => "there are none".to_owned(),
        1 => "one, read alike by every SDK".to_owned(),
        n => format!("{n}, read alike by every SDK"),
    };
    Check::new("profiles", "Profiles", state, findings)
}
