//! Long-term keys with `pass`, the standard Unix password manager: one file each, encrypted by GnuPG.
//!
//! The program itself is run, so that its settings, its git history and its extensions hold. Secrets go
//! through pipes, never through arguments. An entry's name is the key's public part, so that listing decrypts
//! nothing; the entry holds the same in its later lines, so that one which was renamed or put under a foreign
//! name is noticed.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use postern_broker::{KeyEntry, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, SecretAccessKey};
use zeroize::Zeroizing;

use crate::{
    PrivateDir,
    codec::KeyRecord,
    name::{entry_of, latest, name_of},
    private::open_lock,
};

/// The folder of our entries in the password store.
const FOLDER: &str = "postern";
/// What `pass` puts behind an entry's name.
const ENDING: &str = ".gpg";
/// What most file systems take as a file's name.
const LONGEST_NAME: usize = 255;
/// More than an entry holds.
const LARGEST: u64 = 64 * 1024;

/// The store behind `pass`.
#[derive(Clone, Debug)]
pub struct PassStore {
    program: PathBuf,
    dir: PathBuf,
    lock: PathBuf,
    hidden: Vec<String>,
}

fn unreachable(problem: impl Into<String>) -> StoreError {
    StoreError::Unreachable { problem: problem.into() }
}

fn damaged(problem: &str) -> StoreError {
    StoreError::Damaged { problem: format!("`pass` holds {problem}") }
}

impl PassStore {
    /// The password store in this directory. `lock` is a file of ours on which writers wait for each other;
    /// the variables `hidden` are not handed on to the program.
    #[must_use]
    pub fn new(program: PathBuf, dir: PathBuf, lock: PathBuf, hidden: &[&str]) -> Self {
        Self { program, dir, lock, hidden: hidden.iter().map(|&name| name.to_owned()).collect() }
    }

    /// Runs the program; what it says on standard output, wiped when dropped.
    fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("PASSWORD_STORE_DIR", &self.dir);
        for name in &self.hidden {
            command.env_remove(name);
        }
        let shown = arguments.first().copied().unwrap_or_default();
        command.stdin(match input {
            Some(input) => filled(input).map_err(|error| unreachable(format!("`pass {shown}`: {error}")))?,
            None => Stdio::null(),
        });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| {
            unreachable(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("the program `{}` is not installed", self.program.display())
                }
                _ => format!("`{}` cannot be started: {error}", self.program.display()),
            })
        })?;
        // Space for all of it at once, so that no copy is left behind where it grew.
        let mut output = Zeroizing::new(Vec::with_capacity(usize::try_from(LARGEST).unwrap_or(usize::MAX)));
        let mut complaint = String::new();
        let read = child.stdout.take().map(|stdout| stdout.take(LARGEST).read_to_end(&mut output));
        let said = child.stderr.take().map(|stderr| stderr.take(LARGEST).read_to_string(&mut complaint));
        let status = child.wait().map_err(|error| unreachable(format!("`pass {shown}`: {error}")))?;
        if let Some(Err(error)) = read.or(said) {
            return Err(unreachable(format!("`pass {shown}`: {error}")));
        }
        if status.success() {
            return Ok(output);
        }
        let complaint = complaint.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(unreachable(format!("`pass {shown}` failed: {}", complaint.unwrap_or("it does not say why"))))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(FOLDER).join(format!("{name}{ENDING}"))
    }

    /// Every name of ours, as the directory has them.
    fn names(&self) -> Result<Vec<(String, KeyEntry)>, StoreError> {
        let folder = self.dir.join(FOLDER);
        let failed = |error: io::Error| unreachable(format!("`{}`: {error}", folder.display()));
        let files = match fs::read_dir(&folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for file in files {
            let file = file.map_err(failed)?.file_name();
            // What else somebody keeps there is none of ours.
            if let Some(name) = file.to_str().and_then(|name| name.strip_suffix(ENDING))
                && let Some(entry) = entry_of(name)
            {
                names.push((name.to_owned(), entry));
            }
        }
        Ok(names)
    }

    fn names_of(&self, id: &AccessKeyId) -> Result<Vec<(String, KeyEntry)>, StoreError> {
        let mut names = self.names()?;
        names.retain(|(_, entry)| entry.id == *id);
        names.sort_by_key(|(_, entry)| entry.added_at);
        Ok(names)
    }

    /// Changes something while every other writer waits: `pass` itself has no lock.
    fn change<T>(&self, change: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let dir = self.lock.parent().unwrap_or(Path::new("/"));
        PrivateDir::create(dir).map_err(|error| StoreError::NotPrivate { problem: error.to_string() })?;
        let failed = |error: io::Error| unreachable(format!("`{}`: {error}", self.lock.display()));
        let lock = open_lock(&self.lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        change()
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.run(&["rm", "--force", &format!("{FOLDER}/{name}")], None).map(drop)
    }

    /// Writes an entry; what a failure leaves of it is taken back.
    fn insert(&self, name: &str, text: &[u8]) -> Result<(), StoreError> {
        let file = self.file(name);
        let before = fs::read(&file).ok();
        let entry = format!("{FOLDER}/{name}");
        let Err(error) = self.run(&["insert", "--multiline", "--force", &entry], Some(text)) else {
            return Ok(());
        };
        // Ciphertext either way. What cannot be put back is as it was left, and the error is told anyhow.
        let _ = match before {
            Some(before) => fs::write(&file, before),
            None => fs::remove_file(&file),
        };
        Err(error)
    }
}

/// A pipe that holds all of it already: the program gets a whole entry even if this process is killed beside it.
fn filled(input: &[u8]) -> io::Result<Stdio> {
    // What the smallest pipe of the system takes without a reader.
    if input.len() > 4_096 {
        return Err(io::Error::other("an entry of more than 4 KiB"));
    }
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(input)?;
    Ok(reader.into())
}

/// The secret on the first line, as `pass` has it, and below it what the key is about.
fn text_of(entry: &KeyEntry, key: &LongTermKey) -> Zeroizing<Vec<u8>> {
    let KeyRecord { access_key_id, user, account, mfa_serial, added_at } = KeyRecord::of(entry);
    let public = format!(
        "access_key_id: {access_key_id}\nuser: {user}\naccount: {account}\nmfa_serial: {mfa_serial}\nadded_at: {added_at}\n"
    );
    let secret = key.secret.expose_secret();
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + 1 + public.len()));
    text.extend_from_slice(secret.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(public.as_bytes());
    text
}

/// The secret of an entry that is about this key.
fn secret_of(text: &[u8], entry: &KeyEntry) -> Result<SecretAccessKey, StoreError> {
    let text = std::str::from_utf8(text).map_err(|_| damaged("a key that is not text"))?;
    let (secret, public) = text.split_once('\n').ok_or_else(|| damaged("a key without its description"))?;
    let field = |name: &str| {
        public.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
    };
    let record = KeyRecord::of(entry);
    for (name, expected) in [
        ("access_key_id", &record.access_key_id),
        ("user", &record.user),
        ("account", &record.account),
        ("mfa_serial", &record.mfa_serial),
    ] {
        if field(name) != Some(&**expected) {
            return Err(damaged(&format!("an entry of key `{}` that is about another {name}", entry.id)));
        }
    }
    SecretAccessKey::new(secret.trim_end()).map_err(|error| damaged(&format!("no key: {error}")))
}

impl SecretStore for PassStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Pass
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        Ok(latest(self.names()?.into_iter().map(|(_, entry)| entry).collect()))
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        let Some((name, entry)) = self.names_of(id)?.pop() else { return Ok(None) };
        let text = self.run(&["show", &format!("{FOLDER}/{name}")], None)?;
        Ok(Some(LongTermKey { id: id.clone(), secret: secret_of(&text, &entry)? }))
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        let name = name_of(entry);
        if name.len() + ENDING.len() > LONGEST_NAME {
            return Err(unreachable(format!(
                "the MFA device's serial number is too long for `pass`: {}",
                entry.serial
            )));
        }
        self.change(|| {
            let before = self.names_of(&entry.id)?;
            self.insert(&name, &text_of(entry, key))?;
            before.iter().filter(|(old, _)| *old != name).try_for_each(|(old, _)| self.delete(old))
        })
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        self.change(|| {
            let names = self.names_of(id)?;
            names.iter().try_for_each(|(name, _)| self.delete(name))?;
            Ok(!names.is_empty())
        })
    }
}
