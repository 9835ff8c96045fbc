//! `postern people enrol`

use clap::Args;
use postern_aws::{
    Connection,
    enrol::{AccessKey, Device},
};
use postern_broker::{KeyEntry, SecretStore};
use postern_estate::MANAGED_TAG;
use postern_types::{IamPath, MfaDeviceName, MfaSerial, UserName};

use super::{Bastion, ceremony, ceremony::Ceremony, invite};
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    keystore,
    personal::session_cache,
};

/// Arguments of `postern people enrol`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people enrol alice                  QR code, two codes, key into the
                                              key store
  postern people enrol alice --device tablet  one more device, same key

The person must be in the estate file and applied. The seed is shown this
once, here and nowhere else. Codes are read from the terminal, or line by line
from standard input when that is no terminal. Safe to interrupt and to run
again: what an interrupted run left behind is replaced.

Who has a key and lost the device gets a new device and keeps the key.
To let people enrol alone, on their own machine: `postern people invite`.")]
pub(crate) struct EnrolArgs {
    /// The person, as named in the estate file
    person: UserName,
    /// Add a further device, NAME-LABEL; AWS takes eight
    #[arg(long, value_name = "LABEL")]
    device: Option<String>,
    #[command(flatten)]
    way: WayIn,
}

pub(crate) fn run(args: &EnrolArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let bastion = Bastion::open(context, &args.way)?;
    bastion.check_person(&args.person)?;
    let name = device_name(&args.person, args.device.as_deref())?;
    let store = keystore::open(context)?;
    if let Some(warning) = bastion.endpoint_mismatch(context) {
        context.printer.warning(&warning);
    }
    let devices = bastion.devices(&args.person)?;
    let enrolment = Enrolment {
        ceremony: Ceremony {
            user: &args.person,
            estate: bastion.file.design.name.value.as_str(),
            account: bastion.account,
            bastion: &bastion.connection,
            printer: &context.printer,
        },
        bastion: &bastion.connection,
        store: store.as_ref(),
        context,
    };
    match args.device {
        Some(_) => enrolment.further(&name, &devices),
        None => enrolment.first(&name, &devices),
    }
}

/// The device of a person, or the further one of this label.
pub(super) fn device_name(person: &UserName, label: Option<&str>) -> Result<MfaDeviceName, CliError> {
    let name = match label {
        Some(label) => format!("{person}-{label}"),
        None => person.to_string(),
    };
    name.parse()
        .map_err(|error| CliError::usage(format!("no device can be called `{name}`")).caused_by(error))
}

struct Enrolment<'a> {
    ceremony: Ceremony<'a>,
    bastion: &'a Connection,
    store: &'a dyn SecretStore,
    context: &'a Context,
}

impl Enrolment<'_> {
    /// Device and key, as far as they are missing.
    fn first(&self, name: &MfaDeviceName, devices: &[Device]) -> Result<ExitStatus, CliError> {
        let (person, printer) = (self.ceremony.user, self.ceremony.printer);
        if devices.is_empty() && invite::withdraw(self.bastion, person)? {
            printer.status(&format!("the invitation of {person} is ended: its key and policy are deleted"));
        }
        let keys = self.bastion.access_keys(person)?;
        let active: Vec<AccessKey> = keys.iter().filter(|key| key.active).cloned().collect();
        let known = self.known_key(&active)?;
        match (devices.first(), known) {
            (Some(device), Some(entry)) => {
                let serial = device_of(&entry, devices).unwrap_or(&device.serial);
                if *serial != entry.serial {
                    ceremony::set_device(self.store, &entry, serial)?;
                }
                printer.status(&format!(
                    "{person} is enrolled: device {serial}, key {} in the key store",
                    entry.id
                ));
            }
            (None, Some(entry)) => {
                keystore::check_passphrase(&self.context.environment, self.store)?;
                let serial = self.device(name)?;
                ceremony::set_device(self.store, &entry, &serial)?;
                printer.status(&format!("key {} of {person} is kept and takes its codes from it", entry.id));
            }
            (None, None) if !active.is_empty() => {
                let serial = self.device(name)?;
                let ids: Vec<&str> = active.iter().map(|key| key.id.as_str()).collect();
                printer.status(&format!("{person} keeps the key on their own machine ({})", ids.join(", ")));
                printer.status(&format!("if `postern login` there asks for another device: `postern keys device {person} {serial}`"));
            }
            (device, None) => {
                if !active.is_empty() {
                    return Err(ceremony::key_elsewhere(person, &active));
                }
                // Before anything is made that could not be finished.
                keystore::check_passphrase(&self.context.environment, self.store)?;
                let serial = match device {
                    Some(device) => {
                        printer.status(&format!(
                            "device {} is there already and needs no new codes; only the access key is made",
                            device.serial
                        ));
                        device.serial.clone()
                    }
                    None => self.device(name)?,
                };
                self.ceremony.key(self.store, &serial)?;
                printer.status(&format!("{person} can now run `postern login`"));
            }
        }
        // An answer that lies ready was given for what was in the key store until now.
        // Without a directory for sessions there is none.
        if let Ok(cache) = session_cache(self.context) {
            cache.forget_hot()?;
        }
        Ok(ExitStatus::Done)
    }

    /// One more device for a person who has one.
    fn further(&self, name: &MfaDeviceName, devices: &[Device]) -> Result<ExitStatus, CliError> {
        let (person, printer) = (self.ceremony.user, self.ceremony.printer);
        if let Some(there) = devices.iter().find(|device| is_called(&device.serial, name)) {
            printer.status(&format!("{person} has the device {} already", there.serial));
            return Ok(ExitStatus::Done);
        }
        if devices.is_empty() {
            return Err(CliError::failed(format!("{person} has no device yet"))
                .hint(format!("the first one comes with the key: `postern people enrol {person}`")));
        }
        let serial = self.device(name)?;
        printer.status(&format!(
            "to log in with its codes, {person} runs `postern keys device {person} {serial}`"
        ));
        Ok(ExitStatus::Done)
    }

    fn device(&self, name: &MfaDeviceName) -> Result<MfaSerial, CliError> {
        let made = self
            .bastion
            .create_virtual_mfa_device(&IamPath::root(), name, &[(MANAGED_TAG, self.ceremony.estate)])
            .map_err(|error| ceremony::worded(self.ceremony.user, error))?;
        self.ceremony.enable(&made)?;
        Ok(made.serial)
    }

    fn known_key(&self, keys: &[AccessKey]) -> Result<Option<KeyEntry>, CliError> {
        let entries = self.store.list()?;
        Ok(entries.into_iter().find(|entry| keys.iter().any(|key| key.id == entry.id)))
    }
}

/// The key's device, if the user still has it.
fn device_of<'d>(entry: &KeyEntry, devices: &'d [Device]) -> Option<&'d MfaSerial> {
    devices.iter().map(|device| &device.serial).find(|serial| **serial == entry.serial)
}

/// Whether a virtual device has this name, on whatever path. Names are unique whatever their case.
pub(super) fn is_called(serial: &MfaSerial, name: &MfaDeviceName) -> bool {
    let last = serial.as_str().rsplit('/').next().unwrap_or_default();
    last.eq_ignore_ascii_case(name.as_str())
}
