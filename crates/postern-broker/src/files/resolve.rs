//! From keys to a [`Profile`]: botocore's order of sources, and aws-vault's.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{
    AccessKeyId, Credentials, MfaSerial, ParseError, Region, RoleSessionName, SecretAccessKey,
    SessionDuration, SessionToken,
};

use super::{
    endpoint::ProfileEndpoints,
    profile::{
        CredentialSource, Dialect, File, KeysInFile, NamedSource, Place, Placed, Process, Profile,
        ProfileError, Profiles, RoleHop, Source, StoredKey, Unsupported, WebIdentity,
    },
    section::Keys,
};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
/// The older name goes first in botocore.
const TOKENS: [&str; 2] = ["aws_security_token", "aws_session_token"];
const STORED: &str = "postern_key";
const WEB_IDENTITY: &str = "web_identity_token_file";
const SOURCE_PROFILE: &str = "source_profile";
const CREDENTIAL_SOURCE: &str = "credential_source";
const INCLUDE_PROFILE: &str = "include_profile";

/// The profile of this name.
pub(super) fn profile(profiles: &Profiles, dialect: Dialect, name: &str) -> Result<Profile, ProfileError> {
    let selected = keys(profiles, dialect, name)?;
    let mut chain = Chain { profiles, dialect, hops: Vec::new(), visited: vec![selected.name] };
    let source = chain.follow(selected.clone())?;
    let mut roles = roles(&chain.hops)?;
    if dialect == Dialect::AwsVault {
        hand_on_mfa_process(&source, &mut roles);
    }
    Ok(Profile {
        name: name.to_owned(),
        endpoints: endpoints(profiles, &selected)?,
        region: selected.parsed::<Region>("region")?,
        source,
        roles,
    })
}

/// The keys that are in force for a profile.
pub(super) fn keys<'a>(
    profiles: &'a Profiles,
    dialect: Dialect,
    name: &str,
) -> Result<Keys<'a>, ProfileError> {
    let mut keys = profiles.own_keys(name).ok_or_else(|| profiles.unknown(name))?;
    if dialect == Dialect::AwsVault {
        inherit(profiles, &mut keys)?;
    }
    Ok(keys)
}

/// aws-vault's inheritance: the chain of `include_profile`, and `[default]` at its end.
fn inherit<'a>(profiles: &'a Profiles, keys: &mut Keys<'a>) -> Result<(), ProfileError> {
    keys.skips_empty = true;
    let mut visited = vec![keys.name];
    let mut last = keys.clone();
    while let Some(found) = last.own().filled(INCLUDE_PROFILE) {
        let (included, at) = (found.text(), found.at());
        let name = last.name.to_owned();
        if visited.contains(&&*included) {
            return Err(looped(&visited, &included, at));
        }
        last = profiles.own_keys(&included).ok_or_else(|| ProfileError::UnknownOther {
            name,
            key: INCLUDE_PROFILE,
            other: included.clone().into_owned(),
            at,
        })?;
        visited.push(last.name);
        keys.layers.extend(last.layers.iter().copied());
    }
    if !visited.contains(&"default")
        && let Some(default) = profiles.own_keys("default")
    {
        keys.layers.extend(default.layers);
    }
    Ok(())
}

fn looped(visited: &[&str], again: &str, at: Place) -> ProfileError {
    let chain = visited.iter().copied().chain([again]).map(str::to_owned).collect();
    ProfileError::Loop { name: again.to_owned(), chain, at }
}

/// The way from the selected profile to the one that holds credentials.
struct Chain<'a> {
    profiles: &'a Profiles,
    dialect: Dialect,
    /// The profiles whose roles are assumed, the selected one first.
    hops: Vec<Keys<'a>>,
    visited: Vec<&'a str>,
}

impl<'a> Chain<'a> {
    fn follow(&mut self, selected: Keys<'a>) -> Result<Source, ProfileError> {
        let mut seen = BTreeSet::from([selected.name]);
        let mut keys = selected;
        loop {
            let next = match self.dialect {
                Dialect::Botocore => self.botocore(&keys)?,
                Dialect::AwsVault => aws_vault(&keys)?,
            };
            let (named, is_hop) = match next {
                Next::Source(source) => return Ok(source),
                Next::Role(source) => {
                    self.hops.push(keys);
                    return Ok(source);
                }
                Next::Profile { named, is_hop } => (named, is_hop),
            };
            let source = self.profiles.own_keys(&named.value).ok_or_else(|| ProfileError::UnknownOther {
                name: keys.name.to_owned(),
                key: SOURCE_PROFILE,
                other: named.value.clone(),
                at: named.at,
            })?;
            // A profile may use its own keys for its own role, and no other step may lead back.
            let uses_its_own = source.name == keys.name && has_keys(&source);
            if !seen.insert(source.name) && !uses_its_own {
                return Err(looped(&self.visited, source.name, named.at));
            }
            self.visited.push(source.name);
            if is_hop {
                self.hops.push(keys);
            }
            keys = self::keys(self.profiles, self.dialect, source.name)?;
        }
    }

    /// In the selected profile the role goes before all else; in a source, keys of whatever kind before its role.
    fn botocore(&self, keys: &Keys<'a>) -> Result<Next, ProfileError> {
        let is_source = self.visited.len() > 1;
        let role = keys.find("role_arn").filter(|_| keys.find(WEB_IDENTITY).is_none());
        let Some(role) = role.filter(|_| !is_source || !has_keys(keys)) else {
            return match own_source(keys)? {
                Some(source) => Ok(Next::Source(source)),
                None => Err(no_credentials(keys)),
            };
        };
        let name = || keys.name.to_owned();
        if let (Some(_), Some(found)) = (keys.find(SOURCE_PROFILE), keys.find(CREDENTIAL_SOURCE)) {
            let (one, other) = (SOURCE_PROFILE, CREDENTIAL_SOURCE);
            return Err(ProfileError::Both { name: name(), one, other, at: found.at() });
        }
        if let Some(named) = keys.text(SOURCE_PROFILE)? {
            return Ok(Next::Profile { named, is_hop: true });
        }
        match keys.parsed::<CredentialSource>(CREDENTIAL_SOURCE)? {
            Some(source) => Ok(Next::Role(Source::Named(NamedSource { profile: name(), source }))),
            None => {
                let (present, missing) = ("role_arn", SOURCE_PROFILE);
                Err(ProfileError::Half { name: name(), present, missing, at: role.at() })
            }
        }
    }
}

/// What a profile's keys lead to.
enum Next {
    /// Its credentials.
    Source(Source),
    /// Its role, assumed with these.
    Role(Source),
    /// Another profile.
    Profile {
        named: Placed<String>,
        /// Whether a role is assumed with the other's credentials.
        is_hop: bool,
    },
}

/// aws-vault's order: the profile's own keys, its source, a web identity, a process. Its role is assumed with either
/// of the first two.
fn aws_vault(keys: &Keys<'_>) -> Result<Next, ProfileError> {
    let is_hop = keys.filled("role_arn").is_some();
    let own = keys.own();
    let mut source = in_file(&own.of(File::Credentials), keys)?;
    if source.is_none() {
        source = stored_key(&own, keys)?;
    }
    if source.is_none() {
        source = in_file(&own.of(File::Config), keys)?;
    }
    if let Some(source) = source {
        return Ok(if is_hop { Next::Role(source) } else { Next::Source(source) });
    }
    // A profile that names itself means its own keys.
    if let Some(named) = keys.text(SOURCE_PROFILE)?.filter(|named| named.value != keys.name) {
        return Ok(Next::Profile { named, is_hop });
    }
    own_source(keys)?.map(Next::Source).ok_or_else(|| no_credentials(keys))
}

/// A secret alone is no credential, and worth a word of its own.
fn no_credentials(keys: &Keys<'_>) -> ProfileError {
    let name = keys.name.to_owned();
    match keys.own().find(SECRET) {
        Some(found) => ProfileError::Half { name, present: SECRET, missing: ID, at: found.at() },
        None => ProfileError::NoCredentials { name },
    }
}

/// Whether a profile holds keys of its own. Half of a pair will do: botocore then goes on to miss the other.
fn has_keys(keys: &Keys<'_>) -> bool {
    [ID, SECRET, STORED].iter().any(|key| keys.find(key).is_some())
}

/// botocore's order without the role: web identity, SSO, credentials file, login, process, config file.
fn own_source(keys: &Keys<'_>) -> Result<Option<Source>, ProfileError> {
    let refuse = |from, at| Err(ProfileError::Unsupported { name: keys.name.to_owned(), from, at });
    if let Some(identity) = web_identity(keys)? {
        return Ok(Some(identity));
    }
    if let Some(found) = keys.find("sso_role_name").or_else(|| keys.find("sso_account_id")) {
        return refuse(Unsupported::Sso, found.at());
    }
    if let Some(source) = in_file(&keys.own().of(File::Credentials), keys)? {
        return Ok(Some(source));
    }
    if let Some(found) = keys.find("login_session") {
        return refuse(Unsupported::Login, found.at());
    }
    if let Some(source) = stored_key(&keys.own(), keys)? {
        return Ok(Some(source));
    }
    if let Some(command) = keys.read("credential_process", command)? {
        return Ok(Some(Source::Process(Process { profile: keys.name.to_owned(), command })));
    }
    in_file(&keys.own().of(File::Config), keys)
}

fn command(text: &str) -> Result<String, ParseError> {
    let problem = || ParseError { what: "command", problem: "is empty".to_owned() };
    if text.is_empty() { Err(problem()) } else { Ok(text.to_owned()) }
}

fn web_identity(keys: &Keys<'_>) -> Result<Option<Source>, ProfileError> {
    let Some(found) = keys.filled(WEB_IDENTITY) else { return Ok(None) };
    let profile = keys.name.to_owned();
    let Some(token_file) = keys.text(WEB_IDENTITY)? else { return Ok(None) };
    let Some(role) = keys.filled("role_arn").map(|_| keys.parsed("role_arn")).transpose()?.flatten() else {
        let (present, missing) = (WEB_IDENTITY, "role_arn");
        return Err(ProfileError::Half { name: profile, present, missing, at: found.at() });
    };
    let session_name = session_name(keys)?;
    Ok(Some(Source::WebIdentity(Box::new(WebIdentity { profile, token_file, role, session_name }))))
}

/// Keys that stand in one file. A secret without its id is passed over, as botocore does.
fn in_file(file: &Keys<'_>, all: &Keys<'_>) -> Result<Option<Source>, ProfileError> {
    let Some(found) = file.find(ID) else { return Ok(None) };
    let profile = file.name.to_owned();
    if file.find(SECRET).is_none() {
        return Err(ProfileError::Half { name: profile, present: ID, missing: SECRET, at: found.at() });
    }
    let (Some(id), Some(secret)) =
        (file.parsed::<AccessKeyId>(ID)?, file.read(SECRET, |text| SecretAccessKey::new(text))?)
    else {
        return Ok(None);
    };
    // An empty token is as good as none.
    let token = TOKENS.into_iter().find(|key| file.find(key).is_some());
    let token = match token.filter(|key| file.filled(key).is_some()) {
        Some(key) => file.read(key, |text| SessionToken::new(text))?.map(|placed| placed.value),
        None => None,
    };
    Ok(Some(Source::Keys(Box::new(KeysInFile {
        profile,
        credentials: Credentials { id: id.value, secret: secret.value, token },
        at: id.at,
        mfa_serial: device(all),
        mfa_process: mfa_process(all)?,
    }))))
}

/// A key of the key store. It stands where a process would: behind keys in the credentials file.
fn stored_key(own: &Keys<'_>, all: &Keys<'_>) -> Result<Option<Source>, ProfileError> {
    let Some(key) = own.parsed::<AccessKeyId>(STORED)? else { return Ok(None) };
    let (profile, mfa_serial, mfa_process) = (own.name.to_owned(), device(all), mfa_process(all)?);
    Ok(Some(Source::Stored(StoredKey { profile, key, mfa_serial, mfa_process })))
}

/// The device that stands beside keys. botocore does not look at it, so it cannot make the profile unusable.
fn device(keys: &Keys<'_>) -> Option<Placed<MfaSerial>> {
    keys.parsed("mfa_serial").ok().flatten()
}

/// The roles in the order of the calls, each with its own section's words.
fn roles(hops: &[Keys<'_>]) -> Result<Vec<RoleHop>, ProfileError> {
    let mut roles = Vec::with_capacity(hops.len());
    for keys in hops.iter().rev() {
        let Some(role) = keys.parsed("role_arn")? else { continue };
        roles.push(RoleHop {
            profile: keys.name.to_owned(),
            role,
            session_name: session_name(keys)?,
            external_id: keys.parsed("external_id")?,
            duration: duration(keys)?,
            mfa_serial: keys.parsed("mfa_serial")?,
            mfa_process: mfa_process(keys)?,
        });
    }
    Ok(roles)
}

/// aws-vault's command that prints a code. Only that dialect skips empty keys, and botocore's knows no such command.
fn mfa_process(keys: &Keys<'_>) -> Result<Option<Placed<String>>, ProfileError> {
    if keys.skips_empty { keys.text("mfa_process") } else { Ok(None) }
}

/// The command comes from the source where a role has none of its own.
fn hand_on_mfa_process(source: &Source, roles: &mut [RoleHop]) {
    let mut process = match source {
        Source::Keys(keys) => keys.mfa_process.clone(),
        Source::Stored(key) => key.mfa_process.clone(),
        _ => None,
    };
    for role in roles {
        process = role.mfa_process.take().or(process);
        role.mfa_process.clone_from(&process);
    }
}

/// An empty name is as good as none.
fn session_name(keys: &Keys<'_>) -> Result<Option<Placed<RoleSessionName>>, ProfileError> {
    match keys.filled("role_session_name") {
        Some(_) => keys.parsed("role_session_name"),
        None => Ok(None),
    }
}

/// botocore drops what is not a number without a word; a number that AWS would not take is refused here.
fn duration(keys: &Keys<'_>) -> Result<Option<Placed<SessionDuration>>, ProfileError> {
    const KEY: &str = "duration_seconds";
    let Some(found) = keys.text(KEY)? else { return Ok(None) };
    let Some(seconds) = integer(&found.value) else { return Ok(None) };
    match u32::try_from(seconds).ok().filter(|seconds| (900..=43_200).contains(seconds)) {
        Some(seconds) => Ok(Some(Placed { value: SessionDuration::from_seconds(seconds), at: found.at })),
        None => Err(ProfileError::Value {
            name: keys.name.to_owned(),
            key: KEY,
            error: ParseError { what: "duration", problem: "is not within 900 to 43200 seconds".to_owned() },
            at: found.at,
        }),
    }
}

/// A whole number as Python's `int` reads it: with a sign, and with single underscores between digits.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let groups: Vec<&str> = digits.split('_').collect();
    let are_digits = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    if !groups.iter().all(are_digits) {
        return None;
    }
    // What does not fit is a number all the same, and far outside of any range.
    Some(groups.concat().parse::<i64>().map_or(i64::MAX, |number| sign * number))
}

fn endpoints(profiles: &Profiles, keys: &Keys<'_>) -> Result<ProfileEndpoints, ProfileError> {
    let ignore_configured = keys
        .find("ignore_configured_endpoint_urls")
        .map(|found| found.placed(found.text().eq_ignore_ascii_case("true")));
    let mut endpoints = ProfileEndpoints { ignore_configured, ..ProfileEndpoints::default() };
    // botocore does not look for the section either when it ignores what stands in it.
    if !endpoints.ignores()
        && let Some(section) = keys.text("services")?
    {
        endpoints.services = services(profiles, keys.name, &section)?;
    }
    endpoints.endpoint_url = keys.text("endpoint_url")?.filter(|url| !url.value.is_empty());
    Ok(endpoints)
}

/// The URLs of a section `[services NAME]`, by service.
fn services(
    profiles: &Profiles,
    name: &str,
    section: &Placed<String>,
) -> Result<BTreeMap<String, Placed<String>>, ProfileError> {
    let layers = profiles.services(&section.value).ok_or_else(|| ProfileError::Services {
        name: name.to_owned(),
        section: section.value.clone(),
        at: section.at,
    })?;
    let mut urls = BTreeMap::new();
    // From the last to the first, so that what goes before stands in the end.
    for layer in layers.into_iter().rev() {
        for entry in layer.entries {
            let service = layer.ini.at(entry.key).to_lowercase();
            // A URL right behind the service's name leads nowhere. botocore breaks off there, and going on to AWS
            // itself would be against what is meant.
            if service == "sts" && !layer.ini.is_nested(entry) {
                let problem = "no indented keys stand under `sts`".to_owned();
                let error = ParseError { what: "section", problem };
                let at = Place { file: layer.file, line: entry.line };
                return Err(ProfileError::Value { name: name.to_owned(), key: "services", error, at });
            }
            match layer.ini.nested(entry, "endpoint_url").filter(|(_, url)| !url.is_empty()) {
                Some((line, url)) => {
                    let at = Place { file: layer.file, line };
                    urls.insert(service, Placed { value: url.to_owned(), at });
                }
                None => {
                    urls.remove(&service);
                }
            }
        }
    }
    Ok(urls)
}
