//! `postern people enrol`

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use postern_aws::{
    Connection, Kind,
    enrol::{AccessKey, Device, EnrolError},
};
use postern_broker::{KeyEntry, PromptError, SecretStore, StoreError};
use postern_estate::MANAGED_TAG;
use postern_types::{AccessKeyId, IamPath, MfaCode, MfaDeviceName, MfaSerial, Timestamp, TotpSeed, UserName};
use strsim::jaro_winkler;
use zeroize::Zeroizing;

use crate::{
    access::{self, WayIn},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    keystore,
    output::{BOLD, GOOD, Printer, paint, render_qr},
    personal::session_cache,
    prompt::{Echo, Terminal},
};

/// Attempts at the two codes before enrolment gives up.
const ATTEMPTS: usize = 3;

/// Arguments of `postern people enrol`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people enrol alice     QR code, two codes, key into the key store

The person must be in the estate file and applied. The seed is shown this
once, here and nowhere else. Codes are read from the terminal, or line by line
from standard input when that is no terminal. Safe to interrupt and to run
again: what an interrupted run left behind is replaced.")]
pub(crate) struct EnrolArgs {
    /// The person, as named in the estate file
    person: UserName,
    #[command(flatten)]
    way: WayIn,
}

pub(crate) fn run(args: &EnrolArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let file = EstateFile::load(context)?;
    check_person(&file, &args.person)?;
    let store = keystore::open(context)?;
    let account = file.design.bastion.account.value;
    let access = access::open(context, &file.design, &[account], &args.way)?;
    let Some(bastion) = access.connections.get(&account) else {
        return Err(CliError::failed("no connection to the bastion account"));
    };
    if let Some(warning) = access::endpoint_mismatch(context, &file.design, &access) {
        context.printer.warning(&warning);
    }
    let enrolment = Enrolment { user: &args.person, file: &file, bastion, printer: &context.printer };
    let devices = enrolment.devices()?;
    let keys = bastion.access_keys(&args.person)?;
    let known = known_key(store.as_ref(), &keys)?;
    match (devices.first(), known) {
        (Some(device), Some(entry)) => {
            context.printer.status(&format!(
                "{} is enrolled: device {}, key {} in the key store",
                args.person, device.serial, entry.id
            ));
            Ok(ExitStatus::Done)
        }
        (device, _) => {
            if !keys.is_empty() {
                return Err(key_elsewhere(&args.person, &keys));
            }
            // Before anything is made that could not be finished.
            keystore::check_passphrase(&context.environment, store.as_ref())?;
            let serial = match device {
                Some(device) => {
                    context.printer.status(&format!(
                        "device {} is there already and needs no new codes; only the access key is made",
                        device.serial
                    ));
                    device.serial.clone()
                }
                None => enrolment.device()?,
            };
            enrolment.key(store.as_ref(), &serial)?;
            // An answer that lies ready was given for what was in the key store until now.
            // Without a directory for sessions there is none.
            if let Ok(cache) = session_cache(context) {
                cache.forget_hot()?;
            }
            Ok(ExitStatus::Done)
        }
    }
}

fn check_person(file: &EstateFile, person: &UserName) -> Result<(), CliError> {
    if file.design.people.contains_key(person) {
        return Ok(());
    }
    let error = CliError::usage(format!("the estate file has no person `{person}`"));
    let nearest = file
        .design
        .people
        .keys()
        .map(|name| (jaro_winkler(name.as_str(), person.as_str()), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Err(match nearest {
        Some((likeness, name)) if likeness > 0.7 => error.hint(format!("did you mean `{name}`?")),
        _ => {
            error.hint(format!("add [people.{person}] to `{}` and run `postern apply`", file.path.display()))
        }
    })
}

fn known_key(store: &dyn SecretStore, keys: &[AccessKey]) -> Result<Option<KeyEntry>, CliError> {
    let entries = store.list()?;
    Ok(entries.into_iter().find(|entry| keys.iter().any(|key| key.id == entry.id && key.active)))
}

fn key_elsewhere(person: &UserName, keys: &[AccessKey]) -> CliError {
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    CliError::failed(format!("{person} has an access key already that is not in this key store: {}", ids.join(", ")))
        .hint("if it is in use on another machine, nothing is missing there")
        .hint(format!(
            "to make a new one here, delete it first: aws iam delete-access-key --user-name {person} --access-key-id {}",
            ids.first().copied().unwrap_or("KEY")
        ))
}

struct Enrolment<'a> {
    user: &'a UserName,
    file: &'a EstateFile,
    bastion: &'a Connection,
    printer: &'a Printer,
}

impl Enrolment<'_> {
    fn devices(&self) -> Result<Vec<Device>, CliError> {
        self.bastion.mfa_devices(self.user).map_err(|error| {
            if error.kind == Kind::NotFound {
                CliError::failed(format!("{} has no user in the bastion account yet", self.user))
                    .hint("run `postern apply` first")
            } else {
                error.into()
            }
        })
    }

    /// Makes the device, shows its seed, takes two codes.
    fn device(&self) -> Result<MfaSerial, CliError> {
        let name: MfaDeviceName = self
            .user
            .as_str()
            .parse()
            .map_err(|error| CliError::failed("no device can have this name").caused_by(error))?;
        let estate = self.file.design.name.value.as_str();
        let made = self
            .bastion
            .create_virtual_mfa_device(&IamPath::root(), &name, &[(MANAGED_TAG, estate)])
            .map_err(|error| worded(self.user, error))?;
        self.show_seed(&made.seed)?;
        for attempt in 1..=ATTEMPTS {
            let codes = self.two_codes(attempt)?;
            match self.bastion.enable_mfa_device(self.user, &made.serial, codes) {
                Ok(()) => {
                    self.printer.status(&format!("{} device {} is enabled", paint(GOOD, "✓"), made.serial));
                    return Ok(made.serial);
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
        let (estate, user) = (self.file.design.name.value.as_str(), self.user);
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

    fn code(&self, question: &str) -> Result<MfaCode, CliError> {
        loop {
            let typed = if io::stdin().is_terminal() {
                Terminal::open()?.ask(&format!("{question}: "), Echo::Shown).map_err(cancelled)?
            } else {
                piped_line()?
            };
            match typed.trim().parse() {
                Ok(code) => return Ok(code),
                Err(_) => self.printer.warning("a code has six digits"),
            }
        }
    }

    /// Makes the one access key and stores it. A key that cannot be stored is deleted again.
    fn key(&self, store: &dyn SecretStore, serial: &MfaSerial) -> Result<(), CliError> {
        let key = self.bastion.create_access_key(self.user).map_err(|error| worded(self.user, error))?;
        let entry = KeyEntry {
            id: key.id.clone(),
            user: self.user.clone(),
            account: self.file.design.bastion.account.value,
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
        self.printer.status(&format!("{} can now run `postern login`", self.user));
        Ok(())
    }
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

fn piped_line() -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::failed("cannot read the code").caused_by(error))?;
    if read == 0 {
        return Err(CliError::failed(
            "standard input ended before a code was given; the device is not enabled",
        )
        .hint("run the command again: it makes a new device with a new seed"));
    }
    Ok(line)
}

fn worded(user: &UserName, error: EnrolError) -> CliError {
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
