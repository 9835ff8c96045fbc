//! Emitted files on the disk: what differs from what should be there, and writing them whole.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    errors::CliError,
    whole_file::{self, Mode},
};

/// A directory of emitted files.
pub(super) struct Directory<'a> {
    path: &'a Path,
    /// What files of this kind contain; none where others than the wanted are of no interest.
    mark: Option<&'a str>,
}

/// How a file differs from what should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    Missing,
    Other,
    /// It is there, and no account of the estate has it.
    LeftOver,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Other => "differs",
            Self::LeftOver => "is of an account that is no longer in the estate",
        })
    }
}

impl<'a> Directory<'a> {
    pub(super) fn new(path: &'a Path, mark: Option<&'a str>) -> Self {
        Self { path, mark }
    }

    /// The files that are not as they should be, by path.
    pub(super) fn compare(
        &self,
        files: &BTreeMap<PathBuf, &str>,
    ) -> Result<Vec<(PathBuf, Difference)>, CliError> {
        let mut found = Vec::new();
        for (path, text) in files {
            match self.read(path)? {
                None => found.push((path.clone(), Difference::Missing)),
                Some(bytes) if bytes != text.as_bytes() => found.push((path.clone(), Difference::Other)),
                Some(_) => {}
            }
        }
        if let Some(mark) = self.mark {
            for path in self.candidates() {
                let ours = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).contains(mark);
                if !files.contains_key(&path) && self.read(&path)?.is_some_and(ours) {
                    found.push((path, Difference::LeftOver));
                }
            }
        }
        Ok(found)
    }

    /// Files that could have been emitted once: `NAME.template.json`, `NAME/postern.tf.json`.
    fn candidates(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| {
                let name = PathBuf::from(entry.ok()?.file_name());
                if name.to_str()?.ends_with(".template.json") {
                    return Some(name);
                }
                let module = name.join("postern.tf.json");
                self.path.join(&module).is_file().then_some(module)
            })
            .collect();
        paths.sort();
        paths
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, CliError> {
        let path = self.path.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::failed(format!("cannot read `{}`", path.display())).caused_by(error)),
        }
    }

    /// Writes a file: whoever reads it sees the old text or the new one. Everyone may read it.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), CliError> {
        let path = self.path.join(path);
        let directory = fs::create_dir_all(whole_file::directory_of(&path));
        let written = directory.and_then(|()| whole_file::replace(&path, text, Mode::Exactly(0o644)));
        written.map_err(|error| {
            CliError::failed(format!("cannot write `{}`; it is as it was", path.display())).caused_by(error)
        })
    }
}
