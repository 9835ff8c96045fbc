//! From a profile to the way that its credentials are got.
//!
//! botocore decides which calls are made and with what. In one thing postern does better, without changing what AWS
//! is asked for: a role with an `mfa_serial` is assumed with an MFA session of that device, so that one code does for
//! every role of the day. In one thing it does less: a long-term key is handed to nobody.

use postern_types::{
    AccessKeyId, Credentials, MfaSerial, RoleSessionName, SessionDuration, SignedDuration, Timestamp,
    UserName,
};

use super::profile::{CredentialSource, NamedSource, Place, Profile, RoleHop, Source, WebIdentity};
use crate::{
    AssumeRole, CHAINING_CAP, ForeignSource, KeyEntry, Route, Start, StsEndpoint, Way, session_name_of,
};

/// What is around a profile and decides with it.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// What the key store says it holds.
    pub stored: &'a [KeyEntry],
    /// The key in the environment's variables, and whether a session token is there too.
    pub environment: Option<(AccessKeyId, bool)>,
    /// Where STS is called.
    pub endpoint: StsEndpoint,
    /// The lifetime asked of `GetSessionToken`.
    pub session: SessionDuration,
    /// The sessions' name where neither profile nor key tells the person.
    pub someone: RoleSessionName,
    /// The lifetime of the last role, if one is wished for.
    pub duration: Option<SessionDuration>,
    /// Whether the first role is to have a code of its own.
    pub direct: bool,
}

/// Why a profile leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WayError {
    /// The key store does not hold the profile's key.
    #[error("profile `{profile}`: the key store holds no key `{key}` ({at})")]
    NotStored {
        /// The profile.
        profile: String,
        /// The key.
        key: AccessKeyId,
        /// Where it is named.
        at: Place,
    },
    /// `credential_source = Environment` without keys in the environment.
    #[error("profile `{profile}` takes its keys from the environment, where there are none ({at})")]
    NoEnvironment {
        /// The profile.
        profile: String,
        /// Where that is said.
        at: Place,
    },
    /// A code cannot go with the call: AWS takes it only from the user whose device it is.
    #[error(
        "profile `{profile}`: no code of `{serial}` can go with the call, since it is not made with a user's own key ({at})"
    )]
    CodeWithoutKey {
        /// The profile.
        profile: String,
        /// The device.
        serial: MfaSerial,
        /// Where it is named.
        at: Place,
    },
    /// It cannot be told whose account the key is of.
    #[error("profile `{profile}`: neither the key `{key}` nor the device `{serial}` tells an account ({at})")]
    NoAccount {
        /// The profile.
        profile: String,
        /// The key.
        key: AccessKeyId,
        /// The device.
        serial: MfaSerial,
        /// Where the device is named.
        at: Place,
    },
}

/// The way of a profile.
///
/// # Errors
/// See [`WayError`].
pub fn of_profile(profile: &Profile, around: &Around<'_>) -> Result<Way, WayError> {
    let start = start(profile, around)?;
    let person = match &start {
        Start::Session(route) | Start::Code(route) => session_name_of(&route.key),
        Start::Key { .. } | Start::Foreign { .. } => around.someone.clone(),
    };
    let asked = device(&profile.roles);
    for hop in profile.roles.iter().skip(1) {
        // The same device on every role of a chain is the habit of other tools: the session has its code already.
        if let Some(serial) = &hop.mfa_serial
            && asked.is_none_or(|(asked, _)| *asked != serial.value)
        {
            let (profile, serial, at) = (hop.profile.clone(), serial.value.clone(), serial.at);
            return Err(WayError::CodeWithoutKey { profile, serial, at });
        }
    }
    let mut hops: Vec<AssumeRole> = profile.roles.iter().map(|hop| request(hop, &person)).collect();
    if let (Some(last), Some(duration)) = (hops.last_mut(), around.duration) {
        last.duration = duration;
    }
    Ok(Way { start: with_own_code(start, &hops, around), hops, at_least: SignedDuration::ZERO })
}

/// More than an hour is to be had with a code of its own only.
fn with_own_code(start: Start, hops: &[AssumeRole], around: &Around<'_>) -> Start {
    match (start, hops.first()) {
        (Start::Session(route), Some(first)) if around.direct || first.duration > CHAINING_CAP => {
            Start::Code(route)
        }
        (start, _) => start,
    }
}

fn request(hop: &RoleHop, person: &RoleSessionName) -> AssumeRole {
    AssumeRole {
        role: hop.role.value.clone(),
        session_name: hop.session_name.as_ref().map_or_else(|| person.clone(), |name| name.value.clone()),
        duration: hop.duration.as_ref().map_or(SessionDuration::HOUR, |duration| duration.value),
        external_id: hop.external_id.as_ref().map(|id| id.value.clone()),
        source_identity: None,
        tags: Vec::new(),
        policy: None,
        policy_arns: Vec::new(),
    }
}

/// The device whose code the first call wants, and where it is named.
fn device(roles: &[RoleHop]) -> Option<(&MfaSerial, Place)> {
    let serial = roles.first()?.mfa_serial.as_ref()?;
    Some((&serial.value, serial.at))
}

fn start(profile: &Profile, around: &Around<'_>) -> Result<Start, WayError> {
    let endpoint = || around.endpoint.clone();
    let foreign = |source: ForeignSource| match device(&profile.roles) {
        Some((serial, at)) => {
            let (profile, serial) = (profile.name.clone(), serial.clone());
            Err(WayError::CodeWithoutKey { profile, serial, at })
        }
        None => Ok(Start::Foreign { source, endpoint: endpoint() }),
    };
    match &profile.source {
        Source::Stored(stored) => {
            let entry = around.stored.iter().find(|entry| entry.id == stored.key.value);
            let mut entry = entry.cloned().ok_or_else(|| WayError::NotStored {
                profile: stored.profile.clone(),
                key: stored.key.value.clone(),
                at: stored.key.at,
            })?;
            let named = device(&profile.roles).map(|(serial, _)| serial);
            if let Some(serial) = named.or(stored.mfa_serial.as_ref().map(|serial| &serial.value)) {
                entry.serial = serial.clone();
            }
            Ok(Start::Session(Route { key: entry, endpoint: endpoint(), session: around.session }))
        }
        Source::Keys(keys) => {
            let Credentials { id, token, .. } = &keys.credentials;
            if token.is_some() {
                return foreign(ForeignSource::Profile {
                    name: keys.profile.as_str().into(),
                    key: id.clone(),
                });
            }
            // A device beside the keys is the target's own only where no role is assumed.
            let own = keys.mfa_serial.as_ref().filter(|_| profile.roles.is_empty());
            let named = device(&profile.roles).or(own.map(|serial| (&serial.value, serial.at)));
            own_key(profile, id, named, around)
        }
        Source::Named(NamedSource { profile: name, source }) => match source.value {
            CredentialSource::Environment => match &around.environment {
                Some((key, true)) => foreign(ForeignSource::Environment { key: key.clone() }),
                Some((key, false)) => own_key(profile, key, device(&profile.roles), around),
                None => Err(WayError::NoEnvironment { profile: name.clone(), at: source.at }),
            },
            CredentialSource::Ec2InstanceMetadata => foreign(ForeignSource::InstanceMetadata),
            CredentialSource::EcsContainer => foreign(ForeignSource::ContainerMetadata),
        },
        Source::Process(process) => foreign(ForeignSource::Process {
            profile: process.profile.as_str().into(),
            command: process.command.value.as_str().into(),
        }),
        Source::WebIdentity(identity) => foreign(web_identity(identity, around)),
    }
}

fn web_identity(identity: &WebIdentity, around: &Around<'_>) -> ForeignSource {
    let session_name = identity.session_name.as_ref().map_or(&around.someone, |name| &name.value);
    ForeignSource::WebIdentity {
        role: identity.role.value.clone(),
        session_name: session_name.clone(),
        duration: None,
        token_file: identity.token_file.value.as_str().into(),
    }
}

/// A long-term key that is not in the key store.
fn own_key(
    profile: &Profile,
    id: &AccessKeyId,
    device: Option<(&MfaSerial, Place)>,
    around: &Around<'_>,
) -> Result<Start, WayError> {
    let Some((serial, at)) = device else {
        return Ok(Start::Key { key: id.clone(), endpoint: around.endpoint.clone() });
    };
    let account = serial.arn().and_then(|arn| arn.account()).or_else(|| id.account());
    let no_account = || {
        let (profile, key, serial) = (profile.name.clone(), id.clone(), serial.clone());
        WayError::NoAccount { profile, key, serial, at }
    };
    let key = KeyEntry {
        id: id.clone(),
        user: user_of(serial, id),
        account: account.ok_or_else(no_account)?,
        serial: serial.clone(),
        added_at: Timestamp::UNIX_EPOCH,
    };
    Ok(Start::Session(Route { key, endpoint: around.endpoint.clone(), session: around.session }))
}

/// Virtual devices are named after their user, as the console and postern name them. Of a hardware token only
/// the key is left to name its user by.
fn user_of(serial: &MfaSerial, key: &AccessKeyId) -> UserName {
    let named = serial.arn().and_then(|_| serial.as_str().rsplit('/').next()?.parse().ok());
    named
        .or_else(|| key.as_str().parse().ok())
        .unwrap_or_else(|| unreachable!("an access key id takes the characters of a user name"))
}
