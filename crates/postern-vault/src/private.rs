//! Directories and files that are ours alone.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use postern_broker::CacheError;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// A directory of mode 0700 that belongs to this process's user.
#[derive(Clone, Debug)]
pub struct PrivateDir {
    path: PathBuf,
    /// Device and inode: which directory it is, however its path is spelt.
    identity: (u64, u64),
}

/// More than any file of ours holds.
const LARGEST: u64 = 4 * 1024 * 1024;

impl PrivateDir {
    /// The directory, if it is there, a directory, and ours alone.
    ///
    /// # Errors
    /// When it is somebody else's, open to others, a symbolic link, or cannot be looked at.
    pub fn existing(path: &Path) -> Result<Option<Self>, CacheError> {
        let not_private = |problem: &str| {
            Err(CacheError::NotPrivate { problem: format!("`{}` {problem}", path.display()) })
        };
        let found = match std::fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cache_io(path, &error)),
        };
        if !found.is_dir() {
            return not_private("is not a directory");
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return not_private("belongs to another user");
        }
        if found.mode() & 0o077 != 0 {
            return not_private("can be entered by others; `chmod 700` it if that was not meant");
        }
        Ok(Some(Self { path: path.to_owned(), identity: (found.dev(), found.ino()) }))
    }

    /// The directory, made if it is not there. Its parents are made as `mkdir -p` makes them, 0700.
    ///
    /// # Errors
    /// As [`PrivateDir::existing`], or when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, CacheError> {
        if let Some(dir) = Self::existing(path)? {
            return Ok(dir);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| cache_io(path, &e))?;
        Self::existing(path)?.ok_or_else(|| CacheError::Io {
            problem: format!("`{}` vanished while it was made", path.display()),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file's bytes, if it is there. The bytes may be plain text on their way to a seal.
    ///
    /// # Errors
    /// When it cannot be read, is a link, or is larger than any of ours.
    pub fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CacheError> {
        let path = self.join(name);
        read_private(&path).map_err(|e| cache_io(&path, &e))
    }

    /// Replaces a file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written; it is then as before.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        let path = self.join(name);
        write_private(&path, bytes).map_err(|e| cache_io(&path, &e))
    }

    /// Removes a file. Answers whether it was there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, CacheError> {
        let path = self.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cache_io(&path, &error)),
        }
    }

    /// The names of all files that begin so.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>, CacheError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(|e| cache_io(&self.path, &e))? {
            let entry = entry.map_err(|e| cache_io(&self.path, &e))?;
            if let Some(name) = entry.file_name().to_str()
                && name.starts_with(prefix)
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes the files that begin so and were not changed for a while.
    pub(crate) fn remove_stale(&self, prefix: &str, after: Duration) -> Result<(), CacheError> {
        for name in self.names(prefix)? {
            let changed = std::fs::symlink_metadata(self.join(&name)).and_then(|found| found.modified());
            if changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > after)) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Opens a lock file without locking it. Lock files are never removed: a process that waits for
    /// one would be left with a lock on nothing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn lock_file(&self, name: &str) -> Result<File, CacheError> {
        let path = self.join(name);
        open_lock(&path).map_err(|e| cache_io(&path, &e))
    }
}

pub(crate) fn cache_io(path: &Path, error: &io::Error) -> CacheError {
    CacheError::Io { problem: format!("`{}`: {error}", path.display()) }
}

pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Reads a file that must not be a link, and must not be larger than any of ours.
pub(crate) fn read_private(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let opened = OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * 1024));
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(io::Error::other("larger than 4 MiB"));
    }
    Ok(Some(bytes))
}

/// Replaces a file by one of mode 0600, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::other("a file without a directory"))?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The name itself must survive a power cut too; where a directory cannot be synced, nothing is lost.
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directory_of_ours_alone_will_do() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        assert!(PrivateDir::existing(&at("none")).unwrap().is_none());

        let dir = PrivateDir::create(&at("a/b")).unwrap();
        assert_eq!(std::fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);

        let open = at("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o750)).unwrap();
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(dir.path(), at("link")).unwrap();
        for (name, why) in
            [("open", "entered by others"), ("file", "not a directory"), ("link", "not a directory")]
        {
            let error = PrivateDir::create(&at(name)).unwrap_err();
            assert!(matches!(&error, CacheError::NotPrivate { problem } if problem.contains(why)), "{error}");
        }
        if rustix::process::geteuid().is_root() {
            let foreign = at("foreign");
            std::fs::create_dir(&foreign).unwrap();
            std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o700)).unwrap();
            std::os::unix::fs::chown(&foreign, Some(65_534), None).unwrap();
            let error = PrivateDir::create(&foreign).unwrap_err();
            assert!(error.to_string().contains("another user"), "{error}");
        }
    }

    #[test]
    fn files_are_replaced_whole_and_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PrivateDir::create(&temp.path().join("d")).unwrap();
        dir.write("f", b"one").unwrap();
        dir.write("f", b"two").unwrap();
        assert_eq!(dir.read("f").unwrap().unwrap().as_slice(), b"two");
        assert_eq!(std::fs::metadata(dir.join("f")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(dir.names("").unwrap(), ["f"], "no temporary file is left");
        std::os::unix::fs::symlink(dir.join("f"), dir.join("link")).unwrap();
        assert!(dir.read("link").is_err());
        assert!(dir.remove("f").unwrap());
        assert!(!dir.remove("f").unwrap());
        assert!(dir.read("f").unwrap().is_none());
    }
}
