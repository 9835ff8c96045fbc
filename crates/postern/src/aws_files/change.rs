//! Changing a file of `~/.aws`: whole or not at all, and only if nobody else has changed it meanwhile.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::read_text;
use crate::{
    errors::CliError,
    whole_file::{self, Mode, PRIVATE, UNFINISHED},
};

/// What is put behind the name of a file that was changed.
const BACKUP: &str = ".postern-backup";

/// Whether what was there before is kept beside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backup {
    /// In a file that only its owner reads.
    Kept,
    /// Not at all: it would keep a secret in clear that is to go.
    None,
}

/// A file as it was read.
pub(crate) struct AwsFile {
    /// Where it really is: links are followed.
    path: PathBuf,
    text: Zeroizing<String>,
}

/// Where the file lies that is kept when this one is changed.
pub(crate) fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(BACKUP);
    PathBuf::from(name)
}

impl AwsFile {
    /// Reads a file; one that is not there is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error);
        let path = match path.canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.symlink_metadata().is_ok() {
                    return Err(CliError::usage(format!("`{}` is a link to nothing", path.display())));
                }
                std::path::absolute(path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let text = read_text(Some(&path))?;
        Ok(Self { path, text })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Puts another text in the place of this one.
    ///
    /// # Errors
    /// When it cannot be written, or is not what was read; it is then as it was.
    pub(crate) fn replace(&self, new: &str, backup: Backup) -> Result<(), CliError> {
        let failed = |error: io::Error| {
            CliError::failed(format!("cannot write `{}`; it is as it was", self.path.display()))
                .caused_by(error)
        };
        let dir = self.path.parent().ok_or_else(|| failed(io::Error::other("a file without a directory")))?;
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let lock = File::open(dir).map_err(failed)?;
        // One postern at a time. Where a file system knows no locks, what follows is merely less certain.
        let locked = lock.lock().is_ok();
        let before = self.check_unchanged()?;
        if locked {
            sweep(dir).map_err(failed)?;
        }
        if backup == Backup::Kept && before.is_some() {
            let kept = backup_of(&self.path);
            whole_file::replace(&kept, &*self.text, Mode::Exactly(PRIVATE)).map_err(|error| {
                CliError::failed(format!("cannot write `{}`; nothing was changed", kept.display()))
                    .caused_by(error)
            })?;
        }
        whole_file::replace(&self.path, new, Mode::Kept(PRIVATE)).map_err(failed)
    }

    /// What the file is like, if it is there.
    fn check_unchanged(&self) -> Result<Option<Metadata>, CliError> {
        let shown = self.path.display();
        let found = match fs::symlink_metadata(&self.path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(CliError::usage(format!("cannot read `{shown}`")).caused_by(error)),
        };
        if let Some(found) = &found {
            if !found.is_file() {
                return Err(CliError::usage(format!("`{shown}` is no plain file, so it is left alone")));
            }
            if found.mode() & 0o200 == 0 {
                return Err(CliError::usage(format!("`{shown}` is read-only, so it is left alone"))
                    .hint("change what writes it, or allow its owner to write it"));
            }
        }
        if *read_text(Some(&self.path))? != *self.text {
            return Err(CliError::failed(format!("`{shown}` was changed meanwhile, so it is left alone"))
                .hint("run the command again"));
        }
        Ok(found)
    }
}

/// Removes what a run left that was killed: it may hold secrets.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn links_are_followed_and_modes_kept() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/config"), "old").unwrap();
        fs::set_permissions(at("real/config"), Permissions::from_mode(0o640)).unwrap();
        symlink("real/config", at("config")).unwrap();
        fs::write(at("real/.postern-new-abc"), "left by a killed run").unwrap();

        AwsFile::read(&at("config")).unwrap().replace("new", Backup::Kept).unwrap();
        assert!(at("config").symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("real/config")).unwrap(), "new");
        let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o7777;
        assert_eq!((mode("real/config"), mode("real/config.postern-backup")), (0o640, 0o600));
        assert_eq!(fs::read_to_string(at("real/config.postern-backup")).unwrap(), "old");
        assert_eq!(fs::read_dir(at("real")).unwrap().count(), 2, "nothing else is left");

        AwsFile::read(&at("new/config")).unwrap().replace("made", Backup::Kept).unwrap();
        assert_eq!((mode("new"), mode("new/config")), (0o700, 0o600));
        assert!(!backup_of(&at("new/config")).exists());
    }

    #[test]
    fn what_somebody_else_changed_or_guards_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let refused = |file: &AwsFile| file.replace("new", Backup::Kept).unwrap_err().message;
        fs::write(at("config"), "old").unwrap();
        let file = AwsFile::read(&at("config")).unwrap();
        fs::write(at("config"), "other").unwrap();
        assert!(refused(&file).contains("changed meanwhile"));
        let missing = AwsFile::read(&at("missing")).unwrap();
        fs::write(at("missing"), "made by somebody").unwrap();
        assert!(refused(&missing).contains("changed meanwhile"));

        fs::write(at("guarded"), "x").unwrap();
        fs::set_permissions(at("guarded"), Permissions::from_mode(0o400)).unwrap();
        assert!(refused(&AwsFile::read(&at("guarded")).unwrap()).contains("read-only"));
        assert!(refused(&AwsFile::read(Path::new("/dev/null")).unwrap()).contains("no plain file"));
        symlink(at("nowhere"), at("dangling")).unwrap();
        assert!(AwsFile::read(&at("dangling")).is_err());
        assert_eq!(fs::read_to_string(at("config")).unwrap(), "other");
    }
}
