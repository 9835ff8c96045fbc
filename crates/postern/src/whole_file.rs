//! Writing a file whole or not at all: whoever reads it, and a machine that loses power, has the old text or the new.

use std::{
    fs::{self, File, Metadata, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// How a file's name begins while it is written. What a killed run left is known by it, and may hold secrets.
pub(crate) const UNFINISHED: &str = ".postern-new-";

/// What a new file may be read by: everyone, as far as the umask lets them.
pub(crate) const PUBLIC: u32 = 0o666;
/// Its owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// The mode that a file has afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The one it has, and its owner too; a file that is made gets this one, less the umask.
    Kept(u32),
    /// This one, whatever it had.
    Exactly(u32),
}

/// Where the file is that this path leads to: links are followed, so that they stay links.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Puts a text in the place of a file's, or makes the file.
///
/// # Errors
/// When it cannot be written, is read-only or no plain file, or is a link to nothing; it is then as it was.
pub(crate) fn replace(path: &Path, text: impl AsRef<[u8]>, mode: Mode) -> io::Result<()> {
    let path = target_of(path);
    let former = match fs::symlink_metadata(&path) {
        Ok(former) => Some(former),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if former.as_ref().is_some_and(|former| !former.is_file()) {
        return Err(io::Error::other("it is no plain file"));
    }
    // Renaming needs no right to the file itself, but a file that says read-only means it.
    if former.as_ref().is_some_and(|former| former.mode() & 0o200 == 0) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let file = written(&path, text.as_ref(), mode, former.as_ref())?;
    file.persist(&path).map_err(|error| error.error)?;
    settle(&path);
    Ok(())
}

/// Makes a file that is not there yet, less the umask.
///
/// # Errors
/// When it is there, or cannot be written.
pub(crate) fn create(path: &Path, text: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
    let file = written(path, text.as_ref(), Mode::Kept(mode), None)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    settle(path);
    Ok(())
}

/// The text in a file beside its place, on the disk.
fn written(path: &Path, text: &[u8], mode: Mode, former: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let (Mode::Kept(first) | Mode::Exactly(first)) = mode;
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(first))
        .tempfile_in(directory_of(path))?;
    file.write_all(text)?;
    if let Some(former) = former {
        let made = file.as_file().metadata()?;
        if (made.uid(), made.gid()) != (former.uid(), former.gid()) {
            fchown(file.as_file(), Some(former.uid()), Some(former.gid()))?;
        }
    }
    let last = match (mode, former) {
        (Mode::Kept(_), Some(former)) => Some(former.mode() & 0o7777),
        (Mode::Exactly(mode), _) => Some(mode),
        (Mode::Kept(_), None) => None,
    };
    if let Some(mode) = last {
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// The directory that the file is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The new name must survive a power cut too; where a directory cannot be synced, nothing is lost.
fn settle(path: &Path) {
    if let Ok(directory) = File::open(directory_of(path)) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn links_stay_and_the_mode_is_as_wanted() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        fs::create_dir(at("real")).unwrap();
        let file = at("real/file");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("real/file", at("link")).unwrap();

        replace(&at("link"), "new", Mode::Kept(PRIVATE)).unwrap();
        assert!(at("link").symlink_metadata().unwrap().is_symlink());
        assert_eq!((fs::read_to_string(&file).unwrap(), mode(&file)), ("new".to_owned(), 0o640));
        replace(&at("link"), "newer", Mode::Exactly(PRIVATE)).unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap(), mode(&file)), ("newer".to_owned(), 0o600));

        replace(&at("made"), "x", Mode::Kept(PRIVATE)).unwrap();
        replace(&at("shown"), "x", Mode::Exactly(0o644)).unwrap();
        create(&at("created"), "x", PUBLIC).unwrap();
        fs::write(at("usual"), "x").unwrap();
        assert_eq!((mode(&at("made")), mode(&at("shown"))), (0o600, 0o644));
        assert_eq!(mode(&at("created")), mode(&at("usual")), "what the umask leaves");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 6, "nothing unfinished is left");
        assert_eq!(fs::read_dir(at("real")).unwrap().count(), 1);
    }

    #[test]
    fn what_may_not_be_replaced_stays() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        fs::write(at("there"), "old").unwrap();
        let there = create(&at("there"), "new", PUBLIC).unwrap_err();
        assert_eq!(there.kind(), io::ErrorKind::AlreadyExists);
        fs::set_permissions(at("there"), Permissions::from_mode(0o444)).unwrap();
        let guarded = replace(&at("there"), "new", Mode::Exactly(PRIVATE)).unwrap_err();
        assert_eq!(guarded.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!((fs::read_to_string(at("there")).unwrap(), mode(&at("there"))), ("old".to_owned(), 0o444));
        symlink(at("nowhere"), at("dangling")).unwrap();
        for path in [at("dangling"), temp.path().to_owned(), PathBuf::from("/dev/null")] {
            assert!(replace(&path, "new", Mode::Kept(PRIVATE)).is_err(), "{}", path.display());
        }
        assert!(replace(&at("no/directory"), "new", Mode::Kept(PRIVATE)).is_err());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "nothing unfinished is left");
    }
}
