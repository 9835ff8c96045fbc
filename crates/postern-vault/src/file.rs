//! Long-term keys in a file under a passphrase.
//!
//! The file says in clear whose keys it holds (user, account, key id, MFA device: none of it secret),
//! so that listing asks for nothing. Each secret is sealed by itself, about its own clear part, under a
//! key that Argon2id makes of the passphrase. A checksum over the whole file tells a damaged file from
//! a wrong passphrase before anything is decrypted, and a verifier tells a wrong passphrase from a
//! file that somebody changed with care.

use std::{
    cell::RefCell,
    fmt, io,
    path::{Path, PathBuf},
};

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::{BASE64, HEXLOWER};
use postern_broker::{KeyEntry, PromptError, SecretStore, StoreError, StoreKind};
use postern_types::{AccessKeyId, LongTermKey, MfaSerial, SecretAccessKey, TotpSeed};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    PrivateDir,
    codec::KeyRecord,
    private::{open_lock, read_private, write_private},
    seal::{SealKey, random},
};

const FORMAT: &str = "postern-keys";
const VERSION: u64 = 1;
const ATTEMPTS: u8 = 3;

/// Where passphrases come from.
pub trait Passphrase {
    /// The passphrase of a store that exists. `attempt` counts from 1; what was given before was wrong.
    ///
    /// # Errors
    /// When none can be had; [`PromptError::Spent`] when there is no other than the one given before.
    fn current(&self, store: &Path, attempt: u8) -> Result<Zeroizing<String>, PromptError>;

    /// A passphrase for a store that is being made.
    ///
    /// # Errors
    /// When none can be had.
    fn choose(&self, store: &Path) -> Result<Zeroizing<String>, PromptError>;
}

/// What Argon2id is to cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl KdfCost {
    /// 64 MiB and three passes, RFC 9106's second recommendation: some tenths of a second.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3 };
    /// The least that Argon2 takes, for tests.
    pub const DANGEROUS_FOR_TESTS: Self = Self { memory_kib: 8, passes: 1 };

    /// What a file may ask of the machine that reads it.
    fn is_bearable(self) -> bool {
        (8..=1024 * 1024).contains(&self.memory_kib) && (1..=16).contains(&self.passes)
    }
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    format: String,
    version: u64,
    kdf: KdfRecord,
    verifier: String,
    keys: Vec<SealedKeyRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seeds: Vec<SealedSeedRecord>,
    checksum: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct KdfRecord {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct SealedKeyRecord {
    #[serde(flatten)]
    key: KeyRecord<'static>,
    sealed_secret: String,
}

/// The seed of an MFA device.
#[derive(Serialize, Deserialize)]
struct SealedSeedRecord {
    mfa_serial: String,
    sealed_seed: String,
}

impl FileRecord {
    /// Over everything but itself. No key goes in: it finds accidents, not enemies.
    fn checksum(&self) -> String {
        let mut text = format!(
            "{} {} {} {} {} {} {}",
            self.format,
            self.version,
            self.kdf.algorithm,
            self.kdf.memory_kib,
            self.kdf.passes,
            self.kdf.salt,
            self.verifier
        );
        for SealedKeyRecord { key, sealed_secret } in &self.keys {
            text.push_str(&about(key));
            text.push_str(sealed_secret);
        }
        for SealedSeedRecord { mfa_serial, sealed_seed } in &self.seeds {
            text.push_str(&about_seed(mfa_serial));
            text.push_str(sealed_seed);
        }
        HEXLOWER.encode(&Sha256::digest(text))
    }
}

/// What a sealed secret is about: the clear part beside it, which then cannot be exchanged.
fn about(key: &KeyRecord<'_>) -> String {
    // No field can hold a blank: all are checked types.
    format!(
        "\n{FORMAT} {VERSION} {} {} {} {} {}",
        key.access_key_id, key.user, key.account, key.mfa_serial, key.added_at
    )
}

/// The same for a seed; the word keeps it apart from every key.
fn about_seed(device: &str) -> String {
    format!("\n{FORMAT} {VERSION} seed {device}")
}

/// What a passphrase opens: the key, and the verifier that the file must show.
#[derive(Clone)]
struct Unlocked {
    salt: String,
    verifier: String,
    key: SealKey,
}

/// The store in a file.
pub struct FileStore {
    path: PathBuf,
    passphrase: Box<dyn Passphrase>,
    cost: KdfCost,
    /// A passphrase is asked for once per process.
    unlocked: RefCell<Option<Unlocked>>,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FileStore {
    /// The store in this file, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf, passphrase: Box<dyn Passphrase>, cost: KdfCost) -> Self {
        Self { path, passphrase, cost, unlocked: RefCell::new(None) }
    }

    /// Whether the file is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok()
    }

    fn io(&self, error: &io::Error) -> StoreError {
        StoreError::Unreachable { problem: format!("`{}`: {error}", self.path.display()) }
    }

    fn damaged(&self, problem: &str) -> StoreError {
        StoreError::Damaged { problem: format!("`{}` {problem}", self.path.display()) }
    }

    fn read(&self) -> Result<Option<FileRecord>, StoreError> {
        let Some(text) = read_private(&self.path).map_err(|e| self.io(&e))? else { return Ok(None) };
        // The version first: a later format need not look like this one at all.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let head: Head =
            serde_json::from_slice(&text).map_err(|_| self.damaged("is not a key file, or cut short"))?;
        if head.format != FORMAT {
            return Err(self.damaged("is not a key file"));
        }
        if head.version != VERSION {
            return Err(StoreError::UnknownFormat { found: head.version, known: VERSION });
        }
        let record: FileRecord =
            serde_json::from_slice(&text).map_err(|_| self.damaged("is not a whole key file"))?;
        if record.checksum() != record.checksum {
            return Err(self.damaged("does not match its checksum"));
        }
        Ok(Some(record))
    }

    fn write(&self, mut record: FileRecord) -> Result<(), StoreError> {
        record.checksum = record.checksum();
        let mut text = serde_json::to_string_pretty(&record).map_err(|e| self.io(&io::Error::other(e)))?;
        text.push('\n');
        write_private(&self.path, text.as_bytes()).map_err(|e| self.io(&e))
    }

    /// Reads, changes and writes while every other writer waits.
    fn change<T>(
        &self,
        change: impl FnOnce(Option<FileRecord>) -> Result<(Option<FileRecord>, T), StoreError>,
    ) -> Result<T, StoreError> {
        let dir = self.path.parent().ok_or_else(|| self.damaged("has no directory"))?;
        PrivateDir::create(dir).map_err(|e| StoreError::NotPrivate { problem: e.to_string() })?;
        let lock = open_lock(&self.path.with_extension("lock")).map_err(|e| self.io(&e))?;
        lock.lock().map_err(|e| self.io(&e))?;
        let (record, answer) = change(self.read()?)?;
        if let Some(record) = record {
            self.write(record)?;
        }
        Ok(answer)
    }

    fn derive(&self, kdf: &KdfRecord, passphrase: &str) -> Result<Unlocked, StoreError> {
        let cost = KdfCost { memory_kib: kdf.memory_kib, passes: kdf.passes };
        if kdf.algorithm != "argon2id" || !cost.is_bearable() {
            return Err(self.damaged("asks for a key derivation that is not known"));
        }
        let salt = BASE64
            .decode(kdf.salt.as_bytes())
            .ok()
            .filter(|salt| salt.len() >= 16)
            .ok_or_else(|| self.damaged("has no salt"))?;
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(64))
            .map_err(|_| self.damaged("asks for a key derivation that is not known"))?;
        let mut derived = Zeroizing::new([0_u8; 64]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, derived.as_mut_slice())
            .map_err(|_| self.damaged("asks for a key derivation that is not known"))?;
        let (key, verifier) = derived.split_at(SealKey::LEN);
        let key = SealKey::from_slice(key).ok_or_else(|| self.damaged("gives no key"))?;
        Ok(Unlocked { salt: kdf.salt.clone(), verifier: BASE64.encode(verifier), key })
    }

    fn unlock(&self, record: &FileRecord) -> Result<SealKey, StoreError> {
        if let Some(unlocked) = &*self.unlocked.borrow()
            && unlocked.salt == record.kdf.salt
            && unlocked.verifier == record.verifier
        {
            return Ok(unlocked.key.clone());
        }
        for attempt in 1..=ATTEMPTS {
            let passphrase = match self.passphrase.current(&self.path, attempt) {
                Ok(passphrase) => passphrase,
                Err(PromptError::Spent) => break,
                Err(error) => return Err(StoreError::NoPassphrase(error)),
            };
            let unlocked = self.derive(&record.kdf, &passphrase)?;
            if bool::from(unlocked.verifier.as_bytes().ct_eq(record.verifier.as_bytes())) {
                let key = unlocked.key.clone();
                *self.unlocked.borrow_mut() = Some(unlocked);
                return Ok(key);
            }
        }
        Err(StoreError::WrongPassphrase)
    }

    /// A record to be written to, and what seals into it.
    fn opened(&self, record: Option<FileRecord>) -> Result<(FileRecord, SealKey), StoreError> {
        let record = match record {
            Some(record) => record,
            None => self.fresh()?,
        };
        let seal = self.unlock(&record)?;
        Ok((record, seal))
    }

    fn fresh(&self) -> Result<FileRecord, StoreError> {
        let mut salt = [0_u8; 16];
        random(&mut salt).map_err(|e| StoreError::Unreachable { problem: e.to_string() })?;
        let kdf = KdfRecord {
            algorithm: "argon2id".to_owned(),
            memory_kib: self.cost.memory_kib,
            passes: self.cost.passes,
            salt: BASE64.encode(&salt),
        };
        let passphrase = self.passphrase.choose(&self.path).map_err(StoreError::NoPassphrase)?;
        let unlocked = self.derive(&kdf, &passphrase)?;
        let verifier = unlocked.verifier.clone();
        *self.unlocked.borrow_mut() = Some(unlocked);
        Ok(FileRecord {
            format: FORMAT.to_owned(),
            version: VERSION,
            kdf,
            verifier,
            keys: Vec::new(),
            seeds: Vec::new(),
            checksum: String::new(),
        })
    }
}

impl SecretStore for FileStore {
    fn kind(&self) -> StoreKind {
        StoreKind::File
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        let Some(record) = self.read()? else { return Ok(Vec::new()) };
        let entries = record.keys.iter().map(|sealed| sealed.key.entry());
        entries.collect::<Result<_, _>>().map_err(|e| self.damaged(&format!("holds an unreadable key: {e}")))
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        let Some(record) = self.read()? else { return Ok(None) };
        let Some(sealed) = record.keys.iter().find(|sealed| sealed.key.access_key_id == id.as_str()) else {
            return Ok(None);
        };
        let key = self.unlock(&record)?;
        let changed = || self.damaged(&format!("was changed at key `{id}`"));
        let bytes = BASE64.decode(sealed.sealed_secret.as_bytes()).map_err(|_| changed())?;
        let opened = key.open(about(&sealed.key).as_bytes(), &bytes).ok_or_else(changed)?;
        let secret = std::str::from_utf8(&opened).map_err(|_| changed())?;
        let secret = SecretAccessKey::new(secret).map_err(|_| changed())?;
        Ok(Some(LongTermKey { id: id.clone(), secret }))
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        self.change(|record| {
            let (mut record, seal) = self.opened(record)?;
            let clear = KeyRecord {
                access_key_id: entry.id.as_str().to_owned().into(),
                user: entry.user.as_str().to_owned().into(),
                account: entry.account.to_string().into(),
                mfa_serial: entry.serial.as_str().to_owned().into(),
                added_at: entry.added_at.to_string().into(),
            };
            let sealed = seal
                .seal(about(&clear).as_bytes(), key.secret.expose_secret().as_bytes())
                .map_err(|e| StoreError::Unreachable { problem: e.to_string() })?;
            record.keys.retain(|kept| kept.key.access_key_id != entry.id.as_str());
            record.keys.push(SealedKeyRecord { key: clear, sealed_secret: BASE64.encode(&sealed) });
            Ok((Some(record), ()))
        })
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        if !self.exists() {
            return Ok(false);
        }
        // No passphrase: whoever may write the file may remove it whole.
        self.change(|record| {
            let Some(mut record) = record else { return Ok((None, false)) };
            let before = record.keys.len();
            record.keys.retain(|kept| kept.key.access_key_id != id.as_str());
            let found = record.keys.len() < before;
            Ok((found.then_some(record), found))
        })
    }

    fn get_seed(&self, device: &MfaSerial) -> Result<Option<TotpSeed>, StoreError> {
        let Some(record) = self.read()? else { return Ok(None) };
        let Some(sealed) = record.seeds.iter().find(|sealed| sealed.mfa_serial == device.as_str()) else {
            return Ok(None);
        };
        let seal = self.unlock(&record)?;
        let changed = || self.damaged(&format!("was changed at the seed of `{device}`"));
        let bytes = BASE64.decode(sealed.sealed_seed.as_bytes()).map_err(|_| changed())?;
        let opened = seal.open(about_seed(&sealed.mfa_serial).as_bytes(), &bytes).ok_or_else(changed)?;
        Ok(Some(TotpSeed::from_bytes(opened.to_vec())))
    }

    fn put_seed(&self, device: &MfaSerial, seed: &TotpSeed) -> Result<(), StoreError> {
        self.change(|record| {
            let (mut record, seal) = self.opened(record)?;
            let sealed = seal
                .seal(about_seed(device.as_str()).as_bytes(), seed.expose_secret())
                .map_err(|e| StoreError::Unreachable { problem: e.to_string() })?;
            record.seeds.retain(|kept| kept.mfa_serial != device.as_str());
            let mfa_serial = device.as_str().to_owned();
            record.seeds.push(SealedSeedRecord { mfa_serial, sealed_seed: BASE64.encode(&sealed) });
            Ok((Some(record), ()))
        })
    }

    fn remove_seed(&self, device: &MfaSerial) -> Result<bool, StoreError> {
        if !self.exists() {
            return Ok(false);
        }
        self.change(|record| {
            let Some(mut record) = record else { return Ok((None, false)) };
            let before = record.seeds.len();
            record.seeds.retain(|kept| kept.mfa_serial != device.as_str());
            let found = record.seeds.len() < before;
            Ok((found.then_some(record), found))
        })
    }
}
