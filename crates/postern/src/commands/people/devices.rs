//! `postern people devices`

use clap::Args;
use postern_types::{MfaSerial, UserName};
use serde_json::json;

use super::Bastion;
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    report::table,
};

/// Arguments of `postern people devices`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people devices alice
  postern people devices alice --json | jq -r '.devices[].serial'

Only a virtual device gives codes for the API, and so for `postern login`.
Passkeys and security keys sign in to the console.")]
pub(super) struct DevicesArgs {
    /// The person
    person: UserName,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: WayIn,
}

pub(super) fn run(args: &DevicesArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let bastion = Bastion::open(context, &args.way)?;
    let devices = bastion.devices(&args.person)?;
    if args.json {
        let devices: Vec<_> = devices
            .iter()
            .map(|device| {
                json!({
                    "serial": device.serial.as_str(),
                    "kind": kind(&device.serial),
                    "enabled_at": device.enabled_at.to_string(),
                })
            })
            .collect();
        let record = json!({ "format": 1, "person": args.person.as_str(), "devices": devices });
        context.printer.data(&format!("{record:#}\n"))?;
    } else if devices.is_empty() {
        context.printer.status(&format!("{} has no MFA device", args.person));
    } else {
        let row =
            |serial: &MfaSerial, since: String| vec![serial.to_string(), kind(serial).to_owned(), since];
        let rows: Vec<Vec<String>> =
            devices.iter().map(|device| row(&device.serial, device.enabled_at.to_string())).collect();
        context.printer.data(&table::plain(&["DEVICE", "KIND", "SINCE"], &rows))?;
    }
    Ok(ExitStatus::Done)
}

/// What sort of device a serial number is of.
fn kind(serial: &MfaSerial) -> &'static str {
    match serial.arn() {
        Some(arn) if arn.resource().starts_with("mfa/") => "virtual",
        Some(arn) if arn.resource().starts_with("u2f/") => "passkey or security key",
        _ => "hardware token",
    }
}
