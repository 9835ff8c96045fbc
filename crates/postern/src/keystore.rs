//! Which key store is used, and how it is called.

use std::path::PathBuf;

use postern_broker::{SecretStore, StoreError, StoreKind};
use postern_vault::{FileStore, KdfCost, PassStore};

use crate::{
    context::Context,
    env::{self, Environment},
    errors::CliError,
    personal::{PersonalSettings, xdg},
    prompt::{Passphrases, Terminal},
};

/// A key store by the name that people give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StoreName {
    /// The desktop's keyring; the Keychain on macOS, the Credential Manager on Windows
    Keyring,
    /// A file under a passphrase
    File,
    /// The Linux kernel's keyring: memory, gone with the machine's next start
    Kernel,
    /// The program `pass`: files encrypted by GnuPG
    Pass,
}

impl StoreName {
    pub(crate) const ALL: [Self; 4] = [Self::Keyring, Self::File, Self::Kernel, Self::Pass];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Kernel => "kernel",
            Self::Pass => "pass",
        }
    }

    /// What the store of this kind is called; none for one that people cannot choose.
    pub(crate) const fn of(kind: StoreKind) -> Option<Self> {
        match kind {
            StoreKind::SecretService | StoreKind::Keychain | StoreKind::CredentialManager => {
                Some(Self::Keyring)
            }
            StoreKind::File => Some(Self::File),
            StoreKind::KernelKeyring => Some(Self::Kernel),
            StoreKind::Pass => Some(Self::Pass),
            _ => None,
        }
    }

    /// Opens this store, whatever the settings say.
    pub(crate) fn open(self, environment: &Environment) -> Result<Box<dyn SecretStore>, CliError> {
        match self {
            Self::Keyring => keyring(),
            Self::File => Ok(Box::new(file(environment)?)),
            Self::Kernel => kernel(),
            Self::Pass => Ok(Box::new(pass(environment)?)),
        }
    }
}

/// Opens the person's key store.
///
/// The one that was asked for by `POSTERN_STORE` or the settings file. Else the key file if there is
/// one: keys are where they were put. Else the desktop's keyring if it answers, else a new key file.
/// The kernel's keyring, which forgets, and `pass`, which may ask, are used only by who asks for them.
pub(crate) fn open(context: &Context) -> Result<Box<dyn SecretStore>, CliError> {
    let environment = &context.environment;
    let settings = PersonalSettings::load(environment)?;
    match settings.store() {
        Some(name) => named(name)?.open(environment),
        None => {
            let file = file(environment)?;
            if file.exists() {
                return Ok(Box::new(file));
            }
            Ok(usable_keyring(environment).unwrap_or(Box::new(file)))
        }
    }
}

fn named(name: &str) -> Result<StoreName, CliError> {
    let found = StoreName::ALL.into_iter().find(|store| store.as_str() == name);
    found.ok_or_else(|| {
        CliError::usage(format!("there is no key store `{name}`"))
            .hint("there are `keyring`, `file`, `kernel` and `pass`")
    })
}

/// What a kind of store is called.
pub(crate) fn kind_words(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::File => "the encrypted key file",
        StoreKind::SecretService => "the desktop's keyring",
        StoreKind::KernelKeyring => "the kernel's keyring",
        StoreKind::Pass => "`pass`",
        StoreKind::Keychain => "the Keychain",
        StoreKind::CredentialManager => "the Credential Manager",
        StoreKind::Memory => "memory",
        _ => "the key store",
    }
}

/// postern's own directory for data that is to last.
pub(crate) fn data_dir(environment: &Environment) -> Result<PathBuf, CliError> {
    xdg(environment, env::XDG_DATA_HOME, ".local/share")
        .map(|dir| dir.join("postern"))
        .ok_or_else(|| CliError::failed("there is no place for keys").hint("set HOME"))
}

/// Where the key file is, there or not.
pub(crate) fn file_path(environment: &Environment) -> Result<PathBuf, CliError> {
    data_dir(environment).map(|dir| dir.join("keys.json"))
}

/// Whether the store's passphrase, if it has one, can be had at all: known before a key is made that it would hold.
pub(crate) fn check_passphrase(environment: &Environment, store: &dyn SecretStore) -> Result<(), CliError> {
    if store.kind() == StoreKind::File && environment.text(env::POSTERN_PASSPHRASE).is_none() {
        Terminal::open().map_err(StoreError::NoPassphrase)?;
    }
    Ok(())
}

fn file(environment: &Environment) -> Result<FileStore, CliError> {
    let passphrases = Passphrases::new(environment.text(env::POSTERN_PASSPHRASE));
    Ok(FileStore::new(file_path(environment)?, Box::new(passphrases), KdfCost::STANDARD))
}

fn pass(environment: &Environment) -> Result<PassStore, CliError> {
    let dir = environment.path(env::PASSWORD_STORE_DIR);
    let dir = dir
        .or_else(|| environment.home().map(|home| home.join(".password-store")))
        .ok_or_else(|| CliError::failed("there is no place for `pass`").hint("set HOME"))?;
    let lock = data_dir(environment)?.join("pass.lock");
    Ok(PassStore::new("pass".into(), dir, lock, &[env::POSTERN_PASSPHRASE]))
}

#[cfg(target_os = "linux")]
fn kernel() -> Result<Box<dyn SecretStore>, CliError> {
    Ok(Box::new(postern_vault::KernelStore::new("postern")))
}

#[cfg(not(target_os = "linux"))]
fn kernel() -> Result<Box<dyn SecretStore>, CliError> {
    Err(StoreError::Unreachable { problem: "only Linux has a kernel keyring".into() }.into())
}

#[cfg(any(target_os = "macos", windows))]
fn keyring() -> Result<Box<dyn SecretStore>, CliError> {
    Ok(Box::new(postern_vault::NativeStore::connect()?))
}

#[cfg(all(feature = "secret-service", not(any(target_os = "macos", windows))))]
fn keyring() -> Result<Box<dyn SecretStore>, CliError> {
    let keyring = postern_vault::SecretService::connect()?;
    Ok(Box::new(keyring))
}

#[cfg(not(any(feature = "secret-service", target_os = "macos", windows)))]
fn keyring() -> Result<Box<dyn SecretStore>, CliError> {
    Err(StoreError::Unreachable { problem: "built without the `secret-service` feature".into() }.into())
}

/// The system's own keychain is there on every desktop.
#[cfg(any(target_os = "macos", windows))]
fn usable_keyring(_: &Environment) -> Option<Box<dyn SecretStore>> {
    keyring().ok()
}

/// The keyring, if it can be used without waiting for somebody who is not there: a locked one asks for
/// its password in a window, and where there is no display nobody sees that.
#[cfg(all(feature = "secret-service", not(any(target_os = "macos", windows))))]
fn usable_keyring(environment: &Environment) -> Option<Box<dyn SecretStore>> {
    let bus = environment.text("DBUS_SESSION_BUS_ADDRESS").is_some()
        || environment.path(env::XDG_RUNTIME_DIR).is_some_and(|dir| dir.join("bus").exists());
    if !bus {
        return None;
    }
    let keyring = postern_vault::SecretService::connect().ok()?;
    let usable = environment.has_display() || !keyring.is_locked().unwrap_or(true);
    usable.then(|| -> Box<dyn SecretStore> { Box::new(keyring) })
}

#[cfg(not(any(feature = "secret-service", target_os = "macos", windows)))]
fn usable_keyring(_: &Environment) -> Option<Box<dyn SecretStore>> {
    None
}

/// Keys that are asked for only when they are needed: opening a keyring costs, and most calls are cached.
pub(crate) struct LazyStore<'a> {
    context: &'a Context,
    opened: std::cell::OnceCell<Box<dyn SecretStore>>,
}

impl<'a> LazyStore<'a> {
    pub(crate) fn new(context: &'a Context) -> Self {
        Self { context, opened: std::cell::OnceCell::new() }
    }

    fn store(&self) -> Result<&dyn SecretStore, StoreError> {
        if self.opened.get().is_none() {
            let opened =
                open(self.context).map_err(|error| StoreError::Unreachable { problem: error.message })?;
            let _ = self.opened.set(opened);
        }
        match self.opened.get() {
            Some(store) => Ok(store.as_ref()),
            None => unreachable!("set just above"),
        }
    }
}

impl SecretStore for LazyStore<'_> {
    fn kind(&self) -> StoreKind {
        self.store().map_or(StoreKind::File, SecretStore::kind)
    }

    fn list(&self) -> Result<Vec<postern_broker::KeyEntry>, StoreError> {
        self.store()?.list()
    }

    fn get(&self, id: &postern_types::AccessKeyId) -> Result<Option<postern_types::LongTermKey>, StoreError> {
        self.store()?.get(id)
    }

    fn put(
        &self,
        entry: &postern_broker::KeyEntry,
        key: &postern_types::LongTermKey,
    ) -> Result<(), StoreError> {
        self.store()?.put(entry, key)
    }

    fn remove(&self, id: &postern_types::AccessKeyId) -> Result<bool, StoreError> {
        self.store()?.remove(id)
    }

    fn get_seed(
        &self,
        device: &postern_types::MfaSerial,
    ) -> Result<Option<postern_types::TotpSeed>, StoreError> {
        self.store()?.get_seed(device)
    }

    fn put_seed(
        &self,
        device: &postern_types::MfaSerial,
        seed: &postern_types::TotpSeed,
    ) -> Result<(), StoreError> {
        self.store()?.put_seed(device, seed)
    }

    fn remove_seed(&self, device: &postern_types::MfaSerial) -> Result<bool, StoreError> {
        self.store()?.remove_seed(device)
    }
}
