//! `postern people device-lost`

use clap::Args;
use postern_aws::enrol::Device;
use postern_types::UserName;

use super::{Bastion, enrol};
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    output::{GOOD, paint},
};

/// Arguments of `postern people device-lost`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people device-lost alice           where she has one device
  postern people device-lost alice tablet    the device alice-tablet
  postern people device-lost alice --key     the key is lost as well

AWS takes no more codes of the device. Sessions that were taken with it live
on until they end. Without another device the person is locked out until
`postern people enrol` or `invite` gives a new one.")]
pub(super) struct DeviceLostArgs {
    /// The person
    person: UserName,
    /// The device: its serial number, its name, or the label it was given
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
    /// Make the person's access keys inactive too
    #[arg(long)]
    key: bool,
    #[command(flatten)]
    way: WayIn,
}

pub(super) fn run(args: &DeviceLostArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let (printer, person) = (&context.printer, &args.person);
    let bastion = Bastion::open(context, &args.way)?;
    let devices = bastion.devices(person)?;
    let lost = the_one(person, devices, args.device.as_deref())?;
    // The key first: it may be in a stranger's hands together with the device.
    if args.key {
        for key in bastion.connection.access_keys(person)?.iter().filter(|key| key.active) {
            bastion.connection.deactivate_access_key(person, &key.id)?;
            printer.status(&format!("{} key {} is inactive", paint(GOOD, "✓"), key.id));
        }
    }
    let Some(lost) = lost else {
        printer.status(&format!("{person} has no MFA device"));
        return Ok(ExitStatus::Done);
    };
    bastion.connection.remove_mfa_device(person, &lost.serial)?;
    printer.status(&format!("{} device {} is {person}'s no longer", paint(GOOD, "✓"), lost.serial));
    let remain = bastion.devices(person)?;
    // A list may lag behind by some seconds.
    let remain: Vec<&str> = remain
        .iter()
        .filter(|device| device.serial != lost.serial)
        .map(|device| device.serial.as_str())
        .collect();
    if remain.is_empty() {
        printer.status(&format!(
            "no device remains: {person} is locked out until `postern people enrol {person}` or `postern people invite {person}`"
        ));
    } else {
        printer.status(&format!("there remains {}", remain.join(", ")));
        printer.status(&format!("{person} takes its codes after `postern keys device {person} SERIAL`"));
    }
    if !args.key {
        printer.status("the access key stays; --key makes it inactive too");
    }
    printer.warning(&format!(
        "sessions taken with the device live on until they end, those of the bastion for up to {}; if it was stolen, `postern contain {person}` ends them",
        bastion.file.design.bastion.session
    ));
    Ok(ExitStatus::Done)
}

/// The device that is meant; none where there is none at all and none was named.
fn the_one(
    person: &UserName,
    mut devices: Vec<Device>,
    named: Option<&str>,
) -> Result<Option<Device>, CliError> {
    let all: Vec<String> = devices.iter().map(|device| device.serial.to_string()).collect();
    if let Some(named) = named {
        let names = [named.parse().ok(), enrol::device_name(person, Some(named)).ok()];
        let is_meant = |device: &Device| {
            device.serial.as_str() == named
                || names.iter().flatten().any(|name| enrol::is_called(&device.serial, name))
        };
        let found = devices.into_iter().find(is_meant);
        return found.map(Some).ok_or_else(|| {
            let error = CliError::failed(format!("{person} has no device `{named}`"));
            error.hint(match all.as_slice() {
                [] => "there is none at all".to_owned(),
                all => format!("there are: {}", all.join(", ")),
            })
        });
    }
    let device = devices.pop();
    if devices.is_empty() {
        return Ok(device);
    }
    Err(CliError::usage(format!("{person} has several devices"))
        .hint(format!("say which: {}", all.join(", "))))
}
