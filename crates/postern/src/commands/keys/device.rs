//! `postern keys device`

use clap::Args;
use postern_broker::KeyEntry;
use postern_types::MfaSerial;

use super::{KeyOrPerson, the_one};
use crate::{
    commands::people::ceremony,
    context::Context,
    errors::{CliError, ExitStatus},
    keystore,
    output::{GOOD, paint},
    personal::session_cache,
};

/// Arguments of `postern keys device`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern keys device alice tablet     the device alice-tablet
  postern keys device alice alice      the first one again
  postern keys device alice arn:aws:iam::111111111111:mfa/alice-tablet

AWS is not asked: whether the device is enabled shows at the next `postern
login`. `postern keys list` shows which one is used.")]
pub(super) struct DeviceArgs {
    /// The person whose key it is, or the key's id, `AKIA…`
    #[arg(value_name = "KEY|NAME")]
    key: KeyOrPerson,
    /// The device: its serial number, its name, or the label it was given
    #[arg(value_name = "DEVICE")]
    device: String,
}

pub(super) fn run(args: &DeviceArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let entry = the_one(store.list()?, &args.key, keystore::kind_words(store.kind()))?;
    let serial = serial(&entry, &args.device)?;
    ceremony::set_device(store.as_ref(), &entry, &serial)?;
    if let Ok(cache) = session_cache(context) {
        cache.forget_hot()?;
    }
    context.printer.status(&format!(
        "{} key {} of {} takes its codes from {serial}",
        paint(GOOD, "✓"),
        entry.id,
        entry.user
    ));
    Ok(ExitStatus::Done)
}

/// The serial number that is meant. A device's name is the person's, or begins with it and a hyphen.
fn serial(entry: &KeyEntry, named: &str) -> Result<MfaSerial, CliError> {
    let wrong = |error| CliError::usage(format!("`{named}` is no MFA device")).caused_by(error);
    if named.starts_with("arn:") || !entry.serial.as_str().contains(":mfa/") {
        return named.parse().map_err(wrong);
    }
    let (root, _) = entry.serial.as_str().split_once(":mfa/").unwrap_or_default();
    let user = entry.user.as_str();
    let is_name = named == user || named.strip_prefix(user).is_some_and(|rest| rest.starts_with('-'));
    let name = if is_name { named.to_owned() } else { format!("{user}-{named}") };
    format!("{root}:mfa/{name}").parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_types::Timestamp;

    #[test]
    fn a_device_is_named_by_label_name_or_serial() {
        let entry = KeyEntry {
            id: "AKIAY34FZKBOKMUTV001".parse().unwrap(),
            user: "alice".parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
            added_at: Timestamp::UNIX_EPOCH,
        };
        for (named, wanted) in [
            ("tablet", "arn:aws:iam::111111111111:mfa/alice-tablet"),
            ("alice-tablet", "arn:aws:iam::111111111111:mfa/alice-tablet"),
            ("alice", "arn:aws:iam::111111111111:mfa/alice"),
            ("arn:aws:iam::111111111111:mfa/x/y", "arn:aws:iam::111111111111:mfa/x/y"),
        ] {
            assert_eq!(serial(&entry, named).unwrap().as_str(), wanted);
        }
        assert!(serial(&entry, "a b").is_err());
    }
}
