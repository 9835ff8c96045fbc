//! The state in a folder: read at the start, written soon after each change and at the end.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use postern_sandbox::World;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::{ServeError, Shared};

/// How long changes are gathered before they are written.
const SOON: Duration = Duration::from_millis(500);

/// A folder with a state, held by one sandbox at a time.
pub(super) struct Store {
    file: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
    written: u64,
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> ServeError + 'a {
    move |source| ServeError::File { what, path: path.to_owned(), source }
}

impl Store {
    /// Takes the folder, makes it if need be, and reads what it holds into the world.
    pub(super) fn open(folder: PathBuf, world: &World) -> Result<Self, ServeError> {
        create_folder(&folder).map_err(failed("make", &folder))?;
        let path = folder.join("lock");
        let lock = private().create(true).truncate(false).open(&path).map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ServeError::InUse(folder)),
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
        }
        let file = folder.join("state.json");
        match fs::read_to_string(&file) {
            Ok(text) => {
                world.import(&text).map_err(|source| ServeError::State { path: file.clone(), source })?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &file)(error)),
        }
        Ok(Self { file, _lock: lock, written: world.revision() })
    }

    /// Writes the state whenever it has changed, until told to stop, and then once more.
    pub(super) async fn keep(
        mut self,
        shared: Arc<Shared>,
        mut stopped: watch::Receiver<()>,
    ) -> Result<(), ServeError> {
        loop {
            let is_over = timeout(SOON, stopped.changed()).await.is_ok();
            let world = Arc::clone(&shared);
            let (store, outcome) = spawn_blocking(move || {
                let outcome = self.save(&world.world);
                (self, outcome)
            })
            .await
            .map_err(|_| ServeError::Thread)?;
            self = store;
            // A disk that is full now may not be later; what counts is the last word.
            if is_over {
                return outcome;
            }
        }
    }

    fn save(&mut self, world: &World) -> Result<(), ServeError> {
        let revision = world.revision();
        if revision == self.written {
            return Ok(());
        }
        write_private(&self.file, world.export().as_bytes())?;
        self.written = revision;
        Ok(())
    }
}

/// Replaces a file as a whole by one that only its owner may read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ServeError> {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let written = || {
        let mut file = private().create_new(true).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&fresh, path)
    };
    // What an earlier process of the same number left behind.
    let _stale = fs::remove_file(&fresh);
    written().map_err(|source| {
        let _half = fs::remove_file(&fresh);
        failed("write", path)(source)
    })
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(unix)]
fn create_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_folder(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)
}
