//! What every enrolment has: a device whose seed is shown once, two codes, and a key that goes into a key store.

use std::io::{self, BufRead, IsTerminal};

use postern_aws::{
    Connection,
    enrol::{AccessKey, EnrolError, NewDevice},
};
use postern_broker::{KeyEntry, PromptError, SecretStore, StoreError};
use postern_types::{AccessKeyId, AccountId, LongTermKey, MfaCode, MfaSerial, Timestamp, TotpSeed, UserName};
use zeroize::Zeroizing;

use crate::{
    errors::CliError,
    keystore,
    output::{BOLD, GOOD, Printer, paint, render_qr},
    prompt::{Echo, Terminal},
};

/// Attempts at the two codes before enrolment gives up.
const ATTEMPTS: usize = 3;

/// More than any code or invitation.
const LONGEST_LINE: usize = 4_096;

/// Who is enrolled, where, and how one speaks with them.
pub(crate) struct Ceremony<'a> {
    pub(crate) user: &'a UserName,
    /// What the estate is called, for the authenticator app.
    pub(crate) estate: &'a str,
    pub(crate) account: AccountId,
    pub(crate) bastion: &'a Connection,
    pub(crate) printer: &'a Printer,
}

impl Ceremony<'_> {
    /// Shows a new device's seed, takes two codes, and makes it the user's.
    pub(crate) fn enable(&self, made: &NewDevice) -> Result<(), CliError> {
        self.show_seed(&made.seed)?;
        for attempt in 1..=ATTEMPTS {
            let codes = self.two_codes(attempt)?;
            match self.bastion.enable_mfa_device(self.user, &made.serial, codes) {
                Ok(()) => {
                    self.printer.status(&format!("{} device {} is enabled", paint(GOOD, "✓"), made.serial));
                    return Ok(());
                }
                Err(EnrolError::WrongCodes) if attempt < ATTEMPTS => self.printer.warning(
                    "AWS did not take these two codes; they must be of this device, and follow each other",
                ),
                Err(error) => return Err(worded(self.user, error)),
            }
        }
        Err(worded(self.user, EnrolError::WrongCodes))
    }

    /// The seed for the eye of a camera and for fingers, low enough for a terminal of 24 lines. The issuer stands
    /// in the label only: every authenticator takes it from there, and the code gets smaller.
    fn show_seed(&self, seed: &TotpSeed) -> Result<(), CliError> {
        let secret = seed.expose_secret_base32();
        let (estate, user) = (self.estate, self.user);
        let uri = Zeroizing::new(format!("otpauth://totp/{estate}:{user}?secret={}", secret.as_str()));
        let picture = Zeroizing::new(render_qr(&uri).unwrap_or_default());
        let heading = paint(BOLD, "Scan this with an authenticator app, or type the seed into it:");
        // Space for all of it at once, so that no copy is left behind where the text grew.
        let mut text =
            Zeroizing::new(String::with_capacity(heading.len() + picture.len() + 2 * secret.len()));
        text.push_str(&heading);
        text.push('\n');
        text.push_str(&picture);
        for (index, character) in secret.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push(' ');
            }
            text.push(character);
        }
        text.push('\n');
        self.printer.data(&text)
    }

    fn two_codes(&self, attempt: usize) -> Result<[MfaCode; 2], CliError> {
        let first = self.code(if attempt == 1 { "First code" } else { "First code again" })?;
        let wait = TotpSeed::STEP_SECONDS - Timestamp::now().as_second().rem_euclid(TotpSeed::STEP_SECONDS);
        let second = self.code(&format!("The next code (in {wait} s)"))?;
        Ok([first, second])
    }

    /// One code, from standard input as long as there is some, else from the terminal.
    pub(crate) fn code(&self, question: &str) -> Result<MfaCode, CliError> {
        loop {
            let piped = if io::stdin().is_terminal() { None } else { piped_line("the code")? };
            let typed = match piped {
                Some(line) => line,
                // What was piped in, such as an invitation, is at its end; the person may still be there.
                None => Terminal::open()
                    .map_err(|error| if io::stdin().is_terminal() { error.into() } else { no_code() })?
                    .ask(&format!("{question}: "), Echo::Shown)
                    .map_err(cancelled)?,
            };
            match typed.trim().parse() {
                Ok(code) => return Ok(code),
                Err(_) => self.printer.warning("a code has six digits"),
            }
        }
    }

    /// Makes an access key and stores it. A key that cannot be stored is deleted again.
    pub(crate) fn key(&self, store: &dyn SecretStore, serial: &MfaSerial) -> Result<LongTermKey, CliError> {
        let key = self.bastion.create_access_key(self.user).map_err(|error| worded(self.user, error))?;
        let entry = KeyEntry {
            id: key.id.clone(),
            user: self.user.clone(),
            account: self.account,
            serial: serial.clone(),
            added_at: Timestamp::now(),
        };
        if let Err(error) = store.put(&entry, &key) {
            let deleted = self.bastion.delete_access_key(self.user, &key.id);
            return Err(not_stored(error, deleted.map_err(|_| &key.id)));
        }
        self.printer.status(&format!(
            "{} access key {} is in the key store ({})",
            paint(GOOD, "✓"),
            key.id,
            keystore::kind_words(store.kind())
        ));
        Ok(key)
    }
}

/// Lets a stored key take its codes from this device.
pub(crate) fn set_device(
    store: &dyn SecretStore,
    entry: &KeyEntry,
    serial: &MfaSerial,
) -> Result<(), CliError> {
    let Some(key) = store.get(&entry.id)? else {
        return Err(CliError::failed(format!("key {} is no longer in the key store", entry.id)));
    };
    Ok(store.put(&KeyEntry { serial: serial.clone(), ..entry.clone() }, &key)?)
}

/// The key was made and could not be stored. `deleted` holds its id if it could not be deleted either.
fn not_stored(error: StoreError, deleted: Result<(), &AccessKeyId>) -> CliError {
    let key = match deleted {
        Ok(()) => "the new access key was deleted again".to_owned(),
        Err(id) => format!("the new access key {id} could not be deleted again and is of no use: delete it"),
    };
    let error = match error {
        StoreError::NoPassphrase(PromptError::Cancelled) => {
            return CliError::interrupted(format!("cancelled; the device is kept, {key}"))
                .hint("run the command again: it needs no new codes");
        }
        other => CliError::from(other),
    };
    error.hint(format!("the device is kept, {key}")).hint("run the command again: it needs no new codes")
}

/// Ctrl-C at a code: the device is there, unassigned, and the next run replaces it.
fn cancelled(error: PromptError) -> CliError {
    match error {
        PromptError::Cancelled => {
            CliError::interrupted("cancelled; the device is not enabled, and no key was made")
                .hint("run the command again: it makes a new device with a new seed")
        }
        other => other.into(),
    }
}

/// A line of standard input; none at its end.
pub(crate) fn piped_line(what: &str) -> Result<Option<Zeroizing<String>>, CliError> {
    // As large as it can become, so that no half-grown copy is left behind.
    let mut line = Zeroizing::new(String::with_capacity(LONGEST_LINE));
    let read = io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::failed(format!("cannot read {what}")).caused_by(error))?;
    Ok((read > 0).then_some(line))
}

fn no_code() -> CliError {
    CliError::failed("standard input ended before a code was given; the device is not enabled")
        .hint("run the command again: it makes a new device with a new seed")
}

pub(crate) fn worded(user: &UserName, error: EnrolError) -> CliError {
    match error {
        EnrolError::Aws(error) => error.into(),
        EnrolError::WrongCodes => CliError::failed("AWS did not take the codes; the device is not enabled")
            .hint("check that the clock of the device with the app is right")
            .hint("run the command again: it makes a new device with a new seed"),
        EnrolError::DeviceInUse { ref user, .. } => {
            let by = user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
            CliError::failed(format!("the MFA device of this name is in use{by}")).caused_by(&error)
        }
        EnrolError::KeyLimit { ref keys, .. } => key_elsewhere(user, keys),
        other => CliError::failed(format!("{user} could not be enrolled")).caused_by(other),
    }
}

pub(super) fn key_elsewhere(person: &UserName, keys: &[AccessKey]) -> CliError {
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    CliError::failed(format!("{person} has an access key already that is not in this key store: {}", ids.join(", ")))
        .hint("if it is in use on another machine, nothing is missing there")
        .hint(format!(
            "to make a new one here, delete it first: aws iam delete-access-key --user-name {person} --access-key-id {}",
            ids.first().copied().unwrap_or("KEY")
        ))
}
