//! Files that hold policies: read with a limit, found in directories, never half-written.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    errors::CliError,
    report::findings::{STDIN, Unread},
};

/// What stands for standard input on the command line.
pub(in crate::commands) const DASH: &str = "-";
/// Larger files are refused: AWS's largest policy has 20,480 characters, a large account's authorization details
/// some 100 MB.
const LARGEST: u64 = 512 << 20;

/// A text and where it comes from.
#[derive(Debug)]
pub(in crate::commands) struct Input {
    /// The path as given, or `<stdin>`.
    pub(in crate::commands) name: String,
    pub(in crate::commands) path: PathBuf,
    pub(in crate::commands) text: String,
    /// Whether the file was found in a directory and not named itself.
    pub(in crate::commands) found: bool,
}

/// The name of an argument in messages.
pub(super) fn name_of(path: &Path) -> String {
    if path.as_os_str() == DASH {
        return STDIN.to_owned();
    }
    let plain = path.strip_prefix(".").ok().filter(|plain| !plain.as_os_str().is_empty());
    plain.unwrap_or(path).display().to_string()
}

/// Whether standard input is wanted twice.
pub(super) fn stdin_twice(paths: &[PathBuf]) -> Result<(), CliError> {
    if paths.iter().filter(|path| path.as_os_str() == DASH).count() > 1 {
        return Err(CliError::usage("standard input can be read only once, and `-` stands here twice"));
    }
    Ok(())
}

/// The text of a file, or of standard input for `-`.
pub(in crate::commands) fn read(path: &Path) -> Result<Input, Unread> {
    let name = name_of(path);
    let unread = |reason: String| Unread { name: name.clone(), reason };
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == DASH {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => return Err(unread(io_words(&error))),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            return Err(unread(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        Ok(_) => {}
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(unread("it is empty".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Input { name, path: path.to_owned(), text, found: false }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
            let (line, column) = postern_policy::line_column(&before, before.len());
            Err(unread(format!("it is not UTF-8 text (line {line}, column {column})")))
        }
    }
}

/// Every file that these arguments stand for: files as they are, of directories all `*.json` below them, sorted,
/// without hidden ones and without following links.
pub(super) fn read_all(paths: &[PathBuf]) -> (Vec<Input>, Vec<Unread>) {
    let (mut inputs, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() != DASH && path.is_dir() {
            let mut files = Vec::new();
            walk(path, &mut files, &mut unread);
            if files.is_empty() {
                unread.push(Unread {
                    name: name_of(path),
                    reason: "the directory holds no `*.json`".to_owned(),
                });
            }
            for file in files {
                match read(&file) {
                    Ok(input) => inputs.push(Input { found: true, ..input }),
                    Err(error) => unread.push(error),
                }
            }
        } else {
            match read(path) {
                Ok(input) => inputs.push(input),
                Err(error) => unread.push(error),
            }
        }
    }
    (inputs, unread)
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>, unread: &mut Vec<Unread>) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            return unread.push(Unread { name: name_of(directory), reason: io_words(&error) });
        }
    };
    let mut entries: Vec<fs::DirEntry> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if hidden {
            continue;
        } else if kind.is_dir() {
            walk(&path, files, unread);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// `no such file or directory` instead of `No such file or directory (os error 2)`.
pub(in crate::commands) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}
