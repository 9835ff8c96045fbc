//! `postern credential-process`
//!
//! SDKs start this for each of their own starts, so an answer that is still good is given without parsing
//! the estate file, opening a key store, or building the argument tree: see [`ready_answer`].

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use postern_broker::renew_margin;
use postern_types::Timestamp;
use postern_vault::{HotKey, Keyholder, PrivateDir, SealedCache};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    aws_files,
    context::Context,
    daily::Daily,
    env::{self, Environment},
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    personal::{holder_choice, session_dir},
    target::{Handover, TargetOptions},
};

const NAME: &str = "credential-process";

/// Arguments of `postern credential-process`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples, in ~/.aws/config:
  [profile prod-developer]
  credential_process = postern credential-process prod/developer
  region = eu-central-1

  [profile prod-look]
  credential_process = postern credential-process prod/developer --read-only

Programs are started anywhere: name the estate file's full path with --estate
in that line, or in POSTERN_ESTATE. If no session is live, the code is asked
for on the terminal even when all streams are pipes.")]
pub(crate) struct CredentialProcessArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    options: TargetOptions,
}

/// AWS SDKs and Tools, "Process credential provider".
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessCredentials<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
}

pub(crate) fn run(args: &CredentialProcessArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    // What is shelved is found again by the same words alone, read in the same way.
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let plain = PlainArguments::of(&arguments);
    let files = || plain.as_ref().and_then(|plain| plain.files(&context.environment));
    let before = files();
    let daily = Daily::open(context)?;
    let destination = args.options.destination(context, &daily, &args.target)?;
    let Handover { destination, issued } = args.options.obtain(&daily, destination)?;
    let credentials = issued.credentials();

    let mut answer = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let written = ProcessCredentials {
        version: 1,
        access_key_id: credentials.id.as_str(),
        secret_access_key: credentials.secret.expose_secret(),
        session_token: credentials.token.as_ref().map(|token| token.expose_secret()),
        expiration: issued.expires_at().map(|at| at.to_string()),
        account_id: issued.role().map(|role| role.account().to_string()),
    };
    serde_json::to_writer(&mut *answer, &written)
        .map_err(|error| CliError::failed("cannot write the credentials").caused_by(error))?;
    answer.push(b'\n');

    // Only files that are the same before and after reading them, and have lain still for a while, may
    // answer without being read: within one tick of the file system's clock, a change leaves no trace.
    let unchanged = before.filter(|before| before.are_settled() && files().as_ref() == Some(before));
    if let (Some(plain), Some(files), Some(request), Some(expires_at)) =
        (&plain, unchanged, destination.role(), issued.expires_at())
    {
        let key = hot_key(&context.environment, &files, plain);
        let renew_at = expires_at - renew_margin(request.duration).max(args.options.min_ttl());
        if renew_at > Timestamp::now() {
            // A shelf that cannot be filled costs time, nothing else.
            let _ = daily.cache.put_hot(&key, renew_at, &answer);
        }
    }
    write_answer(&answer)?;
    Ok(ExitStatus::Done)
}

fn write_answer(answer: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(answer)?;
    out.flush()
}

/// Which file it is and in which state: any change of its content shows here.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Set by the kernel at each change and by nobody else, unlike the time of modification.
    changed: (i64, i64),
}

/// What a file's state takes in the name of an answer, and what stands for one that is missing.
const STATE: usize = 7 * 8;
const MISSING: [u8; STATE] = [0xff; STATE];

impl FileState {
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// Each part at its place.
    fn bytes(&self) -> [u8; STATE] {
        let mut bytes = [0; STATE];
        let [device, inode, size] = [self.device, self.inode, self.size].map(u64::to_le_bytes);
        let [modified, modified_nanos] = [self.modified.0, self.modified.1].map(i64::to_le_bytes);
        let [changed, changed_nanos] = [self.changed.0, self.changed.1].map(i64::to_le_bytes);
        let parts = [device, inode, size, modified, modified_nanos, changed, changed_nanos];
        for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part);
        }
        bytes
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(now).is_ok_and(|now| self.changed.0 + 2 <= now)
    }
}

/// The files that say what a target means and what is left of it, each as it is or missing.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    estate: Option<FileState>,
    config: Option<FileState>,
    credentials: Option<FileState>,
    policies: Vec<Option<FileState>>,
}

impl Files {
    /// What tells these from all others.
    fn write(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.policies.len().to_le_bytes());
        for state in [&self.estate, &self.config, &self.credentials].into_iter().chain(&self.policies) {
            text.extend_from_slice(&state.as_ref().map_or(MISSING, FileState::bytes));
        }
    }

    fn are_settled(&self) -> bool {
        [&self.estate, &self.config, &self.credentials]
            .into_iter()
            .chain(&self.policies)
            .all(|state| state.as_ref().is_none_or(FileState::is_settled))
    }
}

/// Everything that decides what the answer is.
fn hot_key(environment: &Environment, files: &Files, plain: &PlainArguments<'_>) -> HotKey {
    let mut text = Vec::with_capacity(1_024);
    text.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
    files.write(&mut text);
    let mut field = |field: Option<&[u8]>| match field {
        // No argument and no variable can hold a zero byte.
        None => text.extend_from_slice(b"\0-"),
        Some(field) => {
            text.extend_from_slice(b"\0+");
            text.extend_from_slice(field);
        }
    };
    field(Some(plain.target));
    for (flag, value) in &plain.flags {
        field(Some(flag));
        field(*value);
    }
    field(None);
    for name in [
        env::POSTERN_PERSON,
        env::POSTERN_STORE,
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ] {
        field(environment.path(name).as_ref().map(|value| value.as_os_str().as_bytes()));
    }
    HotKey::of(&text)
}

/// Answers a plain `credential-process` from the shelf. None means: go the long way, which also words
/// every error.
pub(crate) fn ready_answer(arguments: &[OsString], environment: &Environment) -> Option<ExitCode> {
    let plain = PlainArguments::of(arguments)?;
    let key = hot_key(environment, &plain.files(environment)?, &plain);
    let dir = PrivateDir::existing(&session_dir(environment)?).ok()??;
    let holder = Keyholder::new(dir.clone(), holder_choice(environment).ok()?, None);
    let answer = SealedCache::new(dir, holder).hot(&key, Timestamp::now()).ok()??;
    write_answer(&answer).ok()?;
    Some(ExitCode::SUCCESS)
}

/// The arguments of this command in their plainest form.
#[derive(Debug, PartialEq, Eq)]
struct PlainArguments<'a> {
    target: &'a [u8],
    estate: Option<&'a OsString>,
    /// What else the answer depends on, in the order given.
    flags: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> PlainArguments<'a> {
    /// None for anything unusual: the argument tree reads that. What the tree refuses is never shelved, so
    /// whatever stands here for it is not found.
    fn of(arguments: &'a [OsString]) -> Option<Self> {
        let mut rest = arguments.iter().skip(1);
        let (mut positional, mut estate, mut flags) = (Vec::new(), None, Vec::new());
        while let Some(argument) = rest.next() {
            match argument.as_bytes() {
                b"--estate" if estate.is_none() => estate = Some(rest.next()?),
                // Of no account for an answer that needs no code.
                b"--mfa-from" => _ = rest.next()?,
                flag @ (b"--read-only" | b"--direct") => flags.push((flag, None)),
                flag @ (b"--person" | b"--duration" | b"--min-ttl" | b"--only" | b"--policy"
                | b"--reason" | b"--tag" | b"--transitive-tag") => {
                    flags.push((flag, Some(rest.next()?.as_bytes())));
                }
                [b'-', ..] | [] => return None,
                word => positional.push(word),
            }
        }
        match positional.as_slice() {
            [name, target] if *name == NAME.as_bytes() => Some(Self { target, estate, flags }),
            _ => None,
        }
    }

    /// None where it cannot be told which files are meant.
    fn files(&self, environment: &Environment) -> Option<Files> {
        let estate = self.estate.map(PathBuf::from).or_else(|| environment.path(env::POSTERN_ESTATE));
        let estate = EstateFile::place(estate.as_deref(), environment).ok()?;
        let state = |path: Option<PathBuf>| path.and_then(|path| FileState::of(&path));
        // An ARN is looked for as a file too, and is none.
        let policies = self.flags.iter().filter(|(flag, _)| *flag == b"--policy");
        let policies = policies.filter_map(|(_, value)| *value);
        Some(Files {
            estate: state(estate),
            config: state(aws_files::config_file(environment)),
            credentials: state(aws_files::credentials_file(environment)),
            policies: policies.map(|path| FileState::of(Path::new(OsStr::from_bytes(path)))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_arguments_take_the_short_way() {
        let read = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
            PlainArguments::of(&arguments).map(|plain| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let flags = plain
                    .flags
                    .iter()
                    .map(|(flag, value)| format!("{}={}", text(flag), value.map(text).unwrap_or_default()));
                (
                    text(plain.target),
                    flags.collect::<Vec<_>>().join(" "),
                    plain.estate.map(|path| path.to_str().unwrap().to_owned()),
                )
            })
        };
        let some = |target: &str, flags: &str, estate: Option<&str>| {
            Some((target.to_owned(), flags.to_owned(), estate.map(str::to_owned)))
        };
        let cases = [
            ("postern credential-process prod/dev", some("prod/dev", "", None)),
            ("postern --estate x credential-process prod/dev", some("prod/dev", "", Some("x"))),
            (
                "postern credential-process --person al prod/dev --estate x",
                some("prod/dev", "--person=al", Some("x")),
            ),
            (
                "postern credential-process prod/dev --read-only --reason t-1 --duration 15m",
                some("prod/dev", "--read-only= --reason=t-1 --duration=15m", None),
            ),
            (
                "postern credential-process --only s3:* --only sqs:* prod/dev --tag a=b",
                some("prod/dev", "--only=s3:* --only=sqs:* --tag=a=b", None),
            ),
            ("postern --mfa-from zenity credential-process prod/dev", some("prod/dev", "", None)),
            ("postern credential-process prod/dev --mfa-from", None),
            ("postern credential-process prod/dev --only", None),
            ("postern credential-process prod/dev --only=s3:*", None),
            ("postern credential-process prod/dev --show-effective", None),
            ("postern credential-process prod/dev --mfa-code 123456", None),
            ("postern credential-process", None),
            ("postern credential-process a b", None),
            ("postern credential-process -h", None),
            ("postern credential-process --estate=x a/b", None),
            ("postern credential-process --estate x --estate y a/b", None),
            ("postern credential-process a/b --estate", None),
            ("postern exec a/b", None),
            ("postern", None),
        ];
        for (line, wanted) in cases {
            assert_eq!(read(line), wanted, "{line}");
        }
    }

    #[test]
    fn whatever_decides_the_answer_is_in_its_name() {
        let state = |size| FileState { device: 1, inode: 2, size, modified: (3, 4), changed: (5, 6) };
        let none = Environment::default();
        let name = |estate: u64, policies: &[u64], rest: &str| {
            let line = format!("postern credential-process {rest}");
            let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let files = Files {
                estate: Some(state(estate)),
                config: None,
                credentials: Some(state(7)),
                policies: policies.iter().map(|size| Some(state(*size))).collect(),
            };
            format!("{:?}", hot_key(&none, &files, &PlainArguments::of(&arguments).unwrap()))
        };
        let mut names = vec![
            name(1, &[], "a/b"),
            name(2, &[], "a/b"),
            name(1, &[], "a/bc"),
            name(1, &[], "a/b --person alice"),
            name(1, &[], "a/b --person --read-only"),
            name(1, &[], "a/b --read-only"),
            name(1, &[], "a/b --direct"),
            name(1, &[], "a/b --duration 15m"),
            name(1, &[], "a/b --min-ttl 15m"),
            name(1, &[], "a/b --reason alice"),
            name(1, &[], "a/b --only s3:*"),
            name(1, &[], "a/b --only s3:* --only sqs:*"),
            name(1, &[], "a/b --tag a=b"),
            name(1, &[], "a/b --transitive-tag a=b"),
            name(1, &[8], "a/b --policy f"),
            name(1, &[9], "a/b --policy f"),
        ];
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_file_that_changed_just_now_is_not_settled() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let mut state = FileState::of(temp.path()).unwrap();
        assert!(!state.is_settled());
        state.changed.0 -= 3;
        assert!(state.is_settled());
    }
}
