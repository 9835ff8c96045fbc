//! `postern enrol`

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use clap::Args;
use postern_aws::{
    Aws, AwsError, Connection, Credentials, Endpoint, Kind, StsClient,
    enrol::{AccessKey, Device},
    execute::Settle,
};
use postern_broker::{KeyEntry, SecretStore, Sts, StsError};
use postern_estate::INVITATION_TAG;
use postern_types::{IamPath, LongTermKey, MfaDeviceName, MfaSerial, SessionDuration};

use super::people::{
    ceremony::{self, Ceremony, piped_line},
    invitation::Invitation,
};
use crate::{
    access,
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    keystore,
    output::{GOOD, paint},
    personal::session_cache,
    prompt::{Echo, Terminal},
};

/// How long a key that was just made may be unknown at AWS.
const NEW_KEY: Settle = Settle {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(2),
    total: Duration::from_secs(6),
};
/// Tries at a call that AWS refuses because it does not know a new key yet.
const TRIES: u32 = 15;

/// Arguments of `postern enrol`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern enrol                   asks for the invitation, hidden
  postern enrol < invitation.txt

An administrator makes the invitation: `postern people invite NAME`. The seed
of the MFA device is shown this once; the access key is made here and goes
into your key store. Nobody else sees either. Codes are read from the
terminal, or from standard input behind the invitation.

Needs no estate file. Safe to interrupt and to run again with the same
invitation. If it says that somebody has used the invitation, and that was
not you, tell the administrator at once.")]
pub(crate) struct EnrolArgs {}

pub(crate) fn run(_: &EnrolArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let store = keystore::open(context)?;
    let invitation = read_invitation()?;
    check_estate(&invitation, context)?;
    keystore::check_passphrase(&context.environment, store.as_ref())?;
    let aws = access::client(&context.environment)?;
    let endpoint = match &invitation.endpoint {
        Some(url) => {
            context.printer.warning(&format!("this invitation leads to {url}, not to AWS itself"));
            Endpoint::with_url(invitation.region.clone(), url)
        }
        None => Endpoint { region: invitation.region.clone(), urls: Default::default() },
    };
    let guest = Guest { aws, endpoint, invitation: &invitation, store: store.as_ref(), context };
    guest.enrol()?;
    if let Ok(cache) = session_cache(context) {
        cache.forget_hot()?;
    }
    Ok(ExitStatus::Done)
}

fn read_invitation() -> Result<Invitation, CliError> {
    let text = if io::stdin().is_terminal() {
        Some(Terminal::open()?.ask("Invitation (hidden): ", Echo::Hidden)?)
    } else {
        piped_line("the invitation")?
    };
    text.and_then(|text| Invitation::parse(&text)).ok_or_else(|| {
        CliError::usage("that is no invitation, or not the whole of it")
            .hint("it is one line that begins with `postern-invitation-1.`; paste all of it")
    })
}

/// Where there is an estate file, it must be of the same bastion.
fn check_estate(invitation: &Invitation, context: &Context) -> Result<(), CliError> {
    let Some(file) = EstateFile::find(context)? else { return Ok(()) };
    let account = file.design.bastion.account.value;
    if account == invitation.account {
        return Ok(());
    }
    let error = CliError::usage(format!(
        "the invitation is for account {}, the bastion of `{}` is {account}",
        invitation.account,
        file.path.display()
    ));
    Err(error.hint("run `postern enrol` where another estate file lies, or none"))
}

/// The invited person, at work.
struct Guest<'a> {
    aws: Aws,
    endpoint: Endpoint,
    invitation: &'a Invitation,
    store: &'a dyn SecretStore,
    context: &'a Context,
}

impl Guest<'_> {
    fn enrol(&self) -> Result<(), CliError> {
        let user = &self.invitation.user;
        let own = self.own_entry()?;
        let door = self.door(own.as_ref())?;
        let devices = match door.mfa_devices(user) {
            Ok(devices) => devices,
            Err(error) if error.kind == Kind::Denied => return self.closed(own.as_ref()),
            Err(error) => return Err(error.into()),
        };
        let ceremony = Ceremony {
            user,
            estate: &self.invitation.estate,
            account: self.invitation.account,
            bastion: &door,
            printer: &self.context.printer,
        };
        let keys = door.access_keys(user)?;
        let own = own.filter(|entry| keys.iter().any(|key| key.id == entry.id && key.active));
        let serial = self.device(&ceremony, &devices, own.as_ref())?;
        let key = self.key(&ceremony, &keys, own, &serial)?;
        self.finish(&key)?;
        let printer = &self.context.printer;
        printer.status(&format!("{} {user} is enrolled; the invitation is used up", paint(GOOD, "✓")));
        printer.status("next: `postern login`, where the estate file lies");
        Ok(())
    }

    /// A key of the person that an earlier run, or an earlier enrolment, left in the key store.
    fn own_entry(&self) -> Result<Option<KeyEntry>, CliError> {
        let invitation = self.invitation;
        let is_own = |entry: &KeyEntry| entry.user == invitation.user && entry.account == invitation.account;
        let mut entries: Vec<KeyEntry> = self.store.list()?.into_iter().filter(is_own).collect();
        entries.sort_by_key(|entry| entry.added_at);
        Ok(entries.pop())
    }

    fn connect(&self, key: &LongTermKey) -> Connection {
        self.aws.connect(self.endpoint.clone(), Credentials::from(key), Some(self.invitation.account))
    }

    /// The way in: the invitation's key, or the own one where an interrupted run has used up the former.
    fn door(&self, own: Option<&KeyEntry>) -> Result<Connection, CliError> {
        let invited = self.connect(&self.invitation.key);
        let answer = match own {
            Some(_) => invited.caller_identity(),
            None => invited.caller_identity_in_time(NEW_KEY),
        };
        let (identity, door) = match (answer, own) {
            (Ok(identity), _) => (identity, invited),
            (Err(error), Some(own)) if error.kind == Kind::InvalidToken => {
                let Some(key) = self.store.get(&own.id)? else { return Err(used_up(&error)) };
                let door = self.connect(&key);
                match door.caller_identity_in_time(NEW_KEY) {
                    Ok(identity) => (identity, door),
                    Err(error) if error.kind == Kind::InvalidToken => return Err(used_up(&error)),
                    Err(error) => return Err(error.into()),
                }
            }
            (Err(error), _) if error.kind == Kind::InvalidToken => return Err(used_up(&error)),
            (Err(error), _) => return Err(error.into()),
        };
        let user = identity.arn.resource().rsplit('/').next();
        if identity.account != self.invitation.account || user != Some(self.invitation.user.as_str()) {
            return Err(CliError::failed("the invitation's key is somebody else's").caused_by(identity.arn));
        }
        Ok(door)
    }

    /// The policy gives nothing any more: the time is up, or all was done.
    fn closed(&self, own: Option<&KeyEntry>) -> Result<(), CliError> {
        let Invitation { user, until, .. } = self.invitation;
        match own {
            Some(own) => {
                let text = format!(
                    "the invitation is closed, and the key {} of {user} is in the key store: if `postern login` works, nothing is left to do",
                    own.id
                );
                self.context.printer.status(&text);
                Ok(())
            }
            None => Err(CliError::failed(format!("the invitation is closed; it was good until {until}"))
                .hint(format!("ask an administrator for a new one: `postern people invite {user}`"))),
        }
    }

    fn device(
        &self,
        ceremony: &Ceremony<'_>,
        devices: &[Device],
        own: Option<&KeyEntry>,
    ) -> Result<MfaSerial, CliError> {
        let (user, printer) = (&self.invitation.user, &self.context.printer);
        if let Some(own) = own
            && devices.iter().any(|device| device.serial == own.serial)
        {
            return Ok(own.serial.clone());
        }
        if let Some(device) = devices.first() {
            printer.warning(&format!(
                "{user} has the device {} since {}; if you did not make it, stop here and tell the administrator at once",
                device.serial, device.enabled_at
            ));
            self.prove(ceremony, &device.serial)?;
            return Ok(device.serial.clone());
        }
        let name: MfaDeviceName = user
            .as_str()
            .parse()
            .map_err(|error| CliError::failed("no device can have this name").caused_by(error))?;
        let Invitation { partition, account, .. } = self.invitation;
        let serial = MfaSerial::virtual_device(*partition, *account, &IamPath::root(), &name);
        let made = ceremony.bastion.create_own_mfa_device(&name, &serial);
        let made = made.map_err(|error| ceremony::worded(user, error))?;
        ceremony.enable(&made)?;
        Ok(made.serial)
    }

    /// That a device is the person's own, an earlier run having been interrupted, its code shows.
    fn prove(&self, ceremony: &Ceremony<'_>, serial: &MfaSerial) -> Result<(), CliError> {
        let code = ceremony.code("A code of this device")?;
        let sts = StsClient::new(self.aws.clone(), self.endpoint.clone());
        let length = SessionDuration::from_seconds(900);
        match sts.get_session_token(&self.invitation.key, serial, &code, length) {
            Ok(_) => Ok(()),
            Err(error @ StsError::WrongCode) => Err(CliError::from(error)
                .hint("each code is good once: wait for the next one and run the command again")
                .hint(
                    "if the device is not yours, tell the administrator: somebody has used your invitation",
                )),
            Err(error) => Err(error.into()),
        }
    }

    /// The person's own key: one that is there already, else a new one.
    fn key(
        &self,
        ceremony: &Ceremony<'_>,
        keys: &[AccessKey],
        own: Option<KeyEntry>,
        serial: &MfaSerial,
    ) -> Result<LongTermKey, CliError> {
        let user = &self.invitation.user;
        if let Some(own) = own {
            if own.serial != *serial {
                ceremony::set_device(self.store, &own, serial)?;
            }
            self.context.printer.status(&format!("key {} is kept and takes its codes from {serial}", own.id));
            let key = self.store.get(&own.id)?;
            return key
                .ok_or_else(|| CliError::failed(format!("key {} is no longer in the key store", own.id)));
        }
        // A key younger than the invitation was made with it, and nobody has its secret: the run that made it was
        // interrupted before it was stored. Whose the device is, is proven by now.
        let of = |id| keys.iter().find(|key| key.id == id).and_then(|key| key.created_at);
        let invited_at = of(self.invitation.key.id.clone());
        for key in keys {
            if invited_at.is_some_and(|invited_at| key.created_at.is_some_and(|made| made > invited_at)) {
                ceremony.bastion.delete_access_key(user, &key.id)?;
            }
        }
        let left = ceremony.bastion.access_keys(user)?;
        let others: Vec<&str> =
            left.iter().filter(|key| key.id != self.invitation.key.id).map(|key| key.id.as_str()).collect();
        if !others.is_empty() {
            return Err(CliError::failed(format!(
                "{user} has a key that is not in this key store: {}",
                others.join(", ")
            ))
            .hint("if it is on another machine, run `postern enrol` there")
            .hint(format!(
                "if that machine is gone, ask for `postern people invite {user} --replace-keys`"
            )));
        }
        ceremony.key(self.store, serial)
    }

    /// Takes the invitation's key away, and then, with the tag, what the policy allows. The own key does both, which
    /// shows that it works.
    fn finish(&self, own: &LongTermKey) -> Result<(), CliError> {
        let Invitation { user, key, .. } = self.invitation;
        let connection = self.connect(own);
        let done = patiently(|| connection.delete_access_key(user, &key.id))
            .and_then(|()| patiently(|| connection.untag_user(user, INVITATION_TAG)));
        match done {
            Ok(()) => Ok(()),
            // The time ran out meanwhile, or an administrator was quicker.
            Err(error) if error.kind == Kind::Denied => {
                self.context.printer.warning(&format!(
                    "the invitation's time is up, so its key {} may be left: ask for `postern people invite {user} --cancel`",
                    key.id
                ));
                Ok(())
            }
            Err(error) => Err(CliError::from(error)
                .hint("device and key are yours; run the command again to end the invitation")),
        }
    }
}

/// Makes a call with a key that AWS may not know everywhere yet.
fn patiently(call: impl Fn() -> Result<(), AwsError>) -> Result<(), AwsError> {
    for _ in 1..TRIES {
        match call() {
            Err(error) if error.kind == Kind::InvalidToken => std::thread::sleep(Duration::from_secs(1)),
            answer => return answer,
        }
    }
    call()
}

fn used_up(error: &AwsError) -> CliError {
    let said = error.answer.as_ref().map_or_else(|| error.to_string(), |answer| answer.message.clone());
    CliError::failed("the invitation is used up, replaced or cancelled")
        .caused_by(said)
        .hint("if you have not used it, tell the administrator at once: somebody else may have")
        .hint("a second invitation replaces the first: use the latest")
}
