//! `postern credential-process`
//!
//! SDKs start this for each of their own starts, so an answer that is still good is given without parsing
//! the estate file, opening a key store, or building the argument tree: see [`ready_answer`].

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use postern_broker::renew_margin;
use postern_types::{Timestamp, UserName};
use postern_vault::{HotKey, Keyholder, PrivateDir, SealedCache};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    aws_files,
    context::Context,
    daily::{Daily, Wish},
    env::{self, Environment},
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    personal::{holder_choice, session_dir},
};

const NAME: &str = "credential-process";

/// Arguments of `postern credential-process`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, in ~/.aws/config:
  [profile prod-developer]
  credential_process = postern credential-process prod/developer
  region = eu-central-1

Programs are started anywhere: name the estate file's full path with --estate
in that line, or in POSTERN_ESTATE. If no session is live, the code is asked
for on the terminal even when all streams are pipes.")]
pub(crate) struct CredentialProcessArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    #[arg(value_name = "TARGET")]
    target: String,
    /// Whose key to use, where there are several [env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
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
    let before = Files::of(context.estate_path.as_deref(), &context.environment);
    let daily = Daily::open(context)?;
    let wish = Wish { person: args.person.as_ref(), ..Wish::default() };
    let destination = daily.destination(&args.target, &wish)?;
    let issued = daily.obtain(&destination, None)?.issued;
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
    let unchanged = before.filter(|before| {
        before.are_settled()
            && Files::of(context.estate_path.as_deref(), &context.environment).as_ref() == Some(before)
    });
    if let (Some(files), Some(request), Some(expires_at)) =
        (unchanged, destination.role(), issued.expires_at())
    {
        let person = args.person.as_ref().map(UserName::as_str);
        let key = hot_key(&context.environment, &files, person.map(str::as_bytes), args.target.as_bytes());
        let renew_at = expires_at - renew_margin(request.duration);
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

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(now).is_ok_and(|now| self.changed.0 + 2 <= now)
    }
}

/// The files that say what a target means, each as it is or missing.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    estate: Option<FileState>,
    config: Option<FileState>,
    credentials: Option<FileState>,
}

impl Files {
    /// None where it cannot be told which files are meant.
    fn of(estate: Option<&Path>, environment: &Environment) -> Option<Self> {
        let estate = EstateFile::place(estate, environment).ok()?;
        let state = |path: Option<PathBuf>| path.and_then(|path| FileState::of(&path));
        Some(Self {
            estate: state(estate),
            config: state(aws_files::config_file(environment)),
            credentials: state(aws_files::credentials_file(environment)),
        })
    }

    fn are_settled(&self) -> bool {
        [&self.estate, &self.config, &self.credentials]
            .into_iter()
            .all(|state| state.as_ref().is_none_or(FileState::is_settled))
    }
}

/// Everything that decides what the answer is.
fn hot_key(environment: &Environment, files: &Files, person: Option<&[u8]>, target: &[u8]) -> HotKey {
    let mut text = format!("{} {files:?}", env!("CARGO_PKG_VERSION")).into_bytes();
    let mut field = |field: Option<&[u8]>| match field {
        // No argument and no variable can hold a zero byte.
        None => text.extend_from_slice(b"\0-"),
        Some(field) => {
            text.extend_from_slice(b"\0+");
            text.extend_from_slice(field);
        }
    };
    field(Some(target));
    field(person);
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
    let estate = plain.estate.map(PathBuf::from).or_else(|| environment.path(env::POSTERN_ESTATE));
    let files = Files::of(estate.as_deref(), environment)?;
    let key = hot_key(environment, &files, plain.person, plain.target);
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
    person: Option<&'a [u8]>,
    estate: Option<&'a OsString>,
}

impl<'a> PlainArguments<'a> {
    /// None for anything unusual: the argument tree reads that.
    fn of(arguments: &'a [OsString]) -> Option<Self> {
        let mut rest = arguments.iter().skip(1);
        let (mut positional, mut person, mut estate) = (Vec::new(), None, None);
        while let Some(argument) = rest.next() {
            match argument.as_bytes() {
                b"--estate" if estate.is_none() => estate = Some(rest.next()?),
                b"--person" if person.is_none() => person = Some(rest.next()?.as_bytes()),
                // Of no account for an answer that needs no code.
                b"--mfa-from" => _ = rest.next()?,
                [b'-', ..] | [] => return None,
                word => positional.push(word),
            }
        }
        match positional.as_slice() {
            [name, target] if *name == NAME.as_bytes() => Some(Self { target, person, estate }),
            _ => None,
        }
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
                (
                    text(plain.target),
                    plain.person.map(text),
                    plain.estate.map(|path| path.to_str().unwrap().to_owned()),
                )
            })
        };
        let some = |target: &str, person: Option<&str>, estate: Option<&str>| {
            Some((target.to_owned(), person.map(str::to_owned), estate.map(str::to_owned)))
        };
        let cases = [
            ("postern credential-process prod/dev", some("prod/dev", None, None)),
            ("postern --estate x credential-process prod/dev", some("prod/dev", None, Some("x"))),
            (
                "postern credential-process --person al prod/dev --estate x",
                some("prod/dev", Some("al"), Some("x")),
            ),
            ("postern --mfa-from zenity credential-process prod/dev", some("prod/dev", None, None)),
            ("postern credential-process prod/dev --mfa-from", None),
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
        let name = |estate: &dyn Fn() -> FileState, person: Option<&str>, target: &str| {
            let files = Files { estate: Some(estate()), config: None, credentials: Some(state(7)) };
            format!("{:?}", hot_key(&none, &files, person.map(str::as_bytes), target.as_bytes()))
        };
        let mut names = vec![
            name(&|| state(1), None, "a/b"),
            name(&|| state(2), None, "a/b"),
            name(&|| state(1), Some("alice"), "a/b"),
            name(&|| state(1), Some(""), "a/b"),
            name(&|| state(1), None, "a/bc"),
        ];
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
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
