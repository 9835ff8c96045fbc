//! A directory's own target: `.postern-target` names it for whoever works there, once they have trusted the file.
//!
//! Such a file comes with a clone of somebody's repository, and what it names is where the next command works. So it
//! counts only after `postern trust`, and only as it was then: every change is trusted anew.

mod trusted;

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, io::Errno};
use sha2::{Digest, Sha256};

pub(crate) use self::trusted::{Trust, Trusted};
use crate::{
    aws_files::shown, context::Context, daily::quoted, env::Environment, errors::CliError, output::harmless,
};

/// What the file is called.
pub(crate) const NAME: &str = ".postern-target";

/// More than any name of a target and a few comments need.
const LARGEST: u64 = 4_096;

/// A directory's file, read once: what was looked at is what counts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TargetFile {
    /// Where it is, without links.
    pub(crate) path: PathBuf,
    /// What it names.
    pub(crate) target: String,
    /// SHA-256 of all of it, in hexadecimal.
    pub(crate) digest: String,
}

impl TargetFile {
    /// The file of this directory or of the nearest one above it.
    pub(crate) fn nearest(directory: &Path) -> Result<Option<Self>, CliError> {
        let directory = directory.canonicalize().map_err(|error| {
            CliError::usage(format!("cannot look into `{}`", directory.display())).caused_by(error)
        })?;
        for directory in directory.ancestors() {
            if let Some(file) = Self::of(directory)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// The file of this very directory, whose path holds no links.
    pub(crate) fn of(directory: &Path) -> Result<Option<Self>, CliError> {
        let path = directory.join(NAME);
        // Names of directories come with a clone too.
        let shown = path.display().to_string();
        let refused = |problem: &str| CliError::usage(format!("`{}` {problem}", harmless(&shown)));
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                return Err(refused("is a symbolic link, and none is followed"));
            }
            Err(error) => return Err(refused("cannot be read").caused_by(error)),
        };
        let found = file.metadata().map_err(|error| refused("cannot be read").caused_by(error))?;
        if !found.is_file() {
            return Err(refused("is no plain file"));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(refused("belongs to another user, so it is not heeded")
                .hint("name the target, or write a file of your own"));
        }
        if found.mode() & 0o002 != 0 {
            return Err(refused("can be written by everybody, so it is not heeded")
                .hint(format!("`chmod o-w {}`", harmless(&quoted(&shown)))));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| refused("cannot be read").caused_by(error))?;
        let target = parse(&bytes).map_err(|problem| {
            refused("names no target").caused_by(problem).hint(
                "it holds one line, such as `prod/readonly`; lines that begin with `#` and empty ones are passed over",
            )
        })?;
        Ok(Some(Self { digest: hex(&Sha256::digest(&bytes)), path, target }))
    }

    /// The directory that it speaks for.
    pub(crate) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}

/// The target that a command is to work with: the one that was named, else the directory's.
pub(crate) fn target(named: Option<&str>, context: &Context) -> Result<String, CliError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    of_directory(context)?.ok_or_else(|| {
        CliError::usage("no <TARGET> is named").hint(format!(
            "name one; `postern pick` shows a list; or let a `{NAME}` name it: `postern trust --help`"
        ))
    })
}

/// The directory's target, if it has one.
pub(crate) fn of_directory(context: &Context) -> Result<Option<String>, CliError> {
    let Some(file) = TargetFile::nearest(Path::new("."))? else { return Ok(None) };
    let target = of_trusted(&file, &Trusted::load(&context.environment)?, &context.environment)?;
    let path = shown(&file.path, &context.environment);
    context.printer.status(&format!("{target}, as {} says", harmless(&path)));
    Ok(Some(target))
}

/// The directory's target where it may be used in silence.
pub(crate) fn trusted_target(environment: &Environment) -> Option<String> {
    let file = TargetFile::nearest(Path::new(".")).ok()??;
    of_trusted(&file, &Trusted::load(environment).ok()?, environment).ok()
}

fn of_trusted(file: &TargetFile, trusted: &Trusted, environment: &Environment) -> Result<String, CliError> {
    let problem = match trusted.trust(file) {
        Trust::Given => return Ok(file.target.clone()),
        Trust::None => "is not trusted",
        Trust::Changed => "has changed since it was trusted",
    };
    let (path, directory) = (shown(&file.path, environment), file.directory().display().to_string());
    Err(CliError::usage(format!("`{}` names `{}`, but it {problem}", harmless(&path), file.target)).hint(
        format!(
            "`postern trust {}` trusts it as it is now; or name a target yourself",
            harmless(&quoted(&directory))
        ),
    ))
}

/// The one line that is neither empty nor a comment.
fn parse(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (None, _) => Err("it is empty".to_owned()),
        (Some(_), Some(_)) => Err("it has more than one line".to_owned()),
        (Some(line), None) if line.contains(char::is_control) || line.starts_with('-') => {
            Err(format!("`{}` cannot be one", line.escape_debug()))
        }
        (Some(line), None) => Ok(line.to_owned()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn one_line_names_the_target() {
        for (text, target) in [
            ("prod/readonly", Ok("prod/readonly")),
            ("# of the web team\n\n  prod/readonly \r\n", Ok("prod/readonly")),
            ("profile:my own\n", Ok("profile:my own")),
            ("", Err("empty")),
            ("# nothing\n", Err("empty")),
            ("a\nb", Err("more than one line")),
            ("--estate=/x", Err("cannot be one")),
            ("a\u{1b}[31m", Err("cannot be one")),
        ] {
            match (parse(text.as_bytes()), target) {
                (Ok(read), Ok(target)) => assert_eq!(read, target),
                (Err(problem), Err(words)) => assert!(problem.contains(words), "{problem}"),
                (read, _) => panic!("{text:?}: {read:?}"),
            }
        }
        assert!(parse(&[0xff]).unwrap_err().contains("UTF-8"));
        assert!(parse(&vec![b'a'; 5_000]).unwrap_err().contains("larger"));
    }

    #[test]
    fn the_nearest_plain_file_of_ones_own_counts() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        let inner = root.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        assert_eq!(TargetFile::of(&inner).unwrap(), None);
        fs::write(root.join("a").join(NAME), "prod/a").unwrap();
        let found = |dir: &Path| TargetFile::nearest(dir).unwrap().unwrap();
        assert_eq!(
            (found(&inner).target, found(&inner).path),
            ("prod/a".to_owned(), root.join("a").join(NAME))
        );
        assert_eq!(found(&inner).digest.len(), 64);

        fs::set_permissions(root.join("a").join(NAME), fs::Permissions::from_mode(0o666)).unwrap();
        let refused = |dir: &Path| TargetFile::nearest(dir).unwrap_err();
        assert!(refused(&inner).message.contains("by everybody"));
        assert!(refused(&inner).hints[0].contains("chmod o-w"));
        std::os::unix::fs::symlink("../x", inner.join(NAME)).unwrap();
        assert!(refused(&inner).message.contains("symbolic link"));
        fs::remove_file(inner.join(NAME)).unwrap();
        fs::create_dir(inner.join(NAME)).unwrap();
        assert!(refused(&inner).message.contains("no plain file"));
    }
}
