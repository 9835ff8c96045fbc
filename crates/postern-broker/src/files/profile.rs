//! Profiles out of the AWS configuration files, by botocore's rules.
//!
//! A profile comes to a [`Source`] of credentials and the roles that are assumed from there on, outermost last. What
//! a browser would have to open is refused by name; nothing falls back to another source in silence, where botocore
//! would ask the metadata service of the machine.
//!
//! One key is postern's own: `postern_key = AKIA…` says that the profile's long-term key rests in the key store.

use std::{collections::BTreeMap, fmt};

use postern_types::{
    AccessKeyId, Credentials, ExternalId, MfaSerial, ParseError, Region, RoleArn, RoleSessionName,
    SessionDuration,
};
use zeroize::Zeroizing;

pub use super::ini::{IniError, IniProblem};
use super::{
    endpoint::ProfileEndpoints,
    ini::Ini,
    oddity::{self, Oddity},
    resolve,
    section::{Keys, Layer},
    words::shell_words,
};

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum File {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config file",
            Self::Credentials => "credentials file",
        })
    }
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// In which file.
    pub file: File,
    /// In which line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)
    }
}

/// A value with the place that it was read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where its key stands.
    pub at: Place,
}

/// Whose rules join the sections to a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The aws CLI's and boto3's, which other SDKs share but for the [oddities](Profiles::oddities).
    #[default]
    Botocore,
    /// aws-vault's: what a profile lacks comes from its chain of `include_profile`, and in the end from `[default]`;
    /// keys of its own go before `source_profile`, which may stand without a role; `mfa_process` is read. Empty
    /// values count as absent.
    AwsVault,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A file cannot be read.
    #[error("{file}, {error}")]
    Syntax {
        /// Which file.
        file: File,
        /// Where and why.
        error: IniError,
    },
    /// No section names the profile.
    #[error("there is no profile `{name}`")]
    Unknown {
        /// The profile.
        name: String,
        /// The profiles that there are.
        known: Vec<String>,
    },
    /// A profile names one that is not there.
    #[error("profile `{name}`: `{key}` names `{other}`, which is no profile ({at})")]
    UnknownOther {
        /// The profile.
        name: String,
        /// `source_profile` or `include_profile`.
        key: &'static str,
        /// What it names.
        other: String,
        /// Where.
        at: Place,
    },
    /// A value is not what its key wants.
    #[error("profile `{name}`: `{key}`: {error} ({at})")]
    Value {
        /// The profile.
        name: String,
        /// The key.
        key: &'static str,
        /// What is wrong with the value; secrets are not quoted.
        error: ParseError,
        /// Where it stands.
        at: Place,
    },
    /// Half of what is needed.
    #[error("profile `{name}` has `{present}` without `{missing}` ({at})")]
    Half {
        /// The profile.
        name: String,
        /// What it has.
        present: &'static str,
        /// What it lacks.
        missing: &'static str,
        /// Where the present half stands.
        at: Place,
    },
    /// Two sources that exclude each other.
    #[error("profile `{name}` has both `{one}` and `{other}` ({at})")]
    Both {
        /// The profile.
        name: String,
        /// One of them.
        one: &'static str,
        /// The other.
        other: &'static str,
        /// Where the other stands.
        at: Place,
    },
    /// `services` names a section that is not there, or is empty.
    #[error("profile `{name}`: there is no section `[services {section}]` ({at})")]
    Services {
        /// The profile.
        name: String,
        /// What it names.
        section: String,
        /// Where.
        at: Place,
    },
    /// Credentials from somewhere that is not read here.
    #[error("profile `{name}` takes its credentials from {from}, which postern does not read ({at})")]
    Unsupported {
        /// The profile.
        name: String,
        /// From where.
        from: Unsupported,
        /// Where that is said.
        at: Place,
    },
    /// No credentials at all.
    #[error("profile `{name}` holds no credentials")]
    NoCredentials {
        /// The profile.
        name: String,
    },
    /// Profiles that lead back to themselves.
    #[error("profile `{name}` leads back to itself: {} ({at})", .chain.join(" → "))]
    Loop {
        /// The profile.
        name: String,
        /// The way.
        chain: Vec<String>,
        /// Where its last step stands.
        at: Place,
    },
}

/// Sources of credentials that are refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// `sso_account_id` or `sso_role_name`.
    #[error("IAM Identity Center")]
    Sso,
    /// `login_session`
    #[error("`aws login`")]
    Login,
}

/// A profile that can be used.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its region, if it names one. The whole chain uses this one, never that of a source.
    pub region: Option<Placed<Region>>,
    /// What it says about endpoints; this too holds for the whole chain.
    pub endpoints: ProfileEndpoints,
    /// Where the first credentials come from.
    pub source: Source,
    /// The roles that are assumed with them, in the order of the calls. The last is the profile's own.
    pub roles: Vec<RoleHop>,
}

/// Where credentials come from that no `AssumeRole` gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// They stand in the file.
    Keys(Box<KeysInFile>),
    /// `postern_key`: a long-term key of the key store.
    Stored(StoredKey),
    /// `credential_process`: another program prints them.
    Process(Process),
    /// `web_identity_token_file`: `AssumeRoleWithWebIdentity`.
    WebIdentity(Box<WebIdentity>),
    /// `credential_source`: the machine's own.
    Named(NamedSource),
}

impl Source {
    /// The profile that names the source.
    #[must_use]
    pub fn profile(&self) -> &str {
        match self {
            Self::Keys(keys) => &keys.profile,
            Self::Stored(key) => &key.profile,
            Self::Process(process) => &process.profile,
            Self::WebIdentity(identity) => &identity.profile,
            Self::Named(named) => &named.profile,
        }
    }
}

/// Credentials that stand in a file: a long-term key, or with a token temporary ones.
#[derive(Clone, Debug)]
pub struct KeysInFile {
    /// The profile.
    pub profile: String,
    /// The credentials.
    pub credentials: Credentials,
    /// Where `aws_access_key_id` stands.
    pub at: Place,
    /// The device of the key's user, as the same profile names it. botocore does not read it here.
    pub mfa_serial: Option<Placed<MfaSerial>>,
    /// aws-vault's command that prints a code.
    pub mfa_process: Option<Placed<String>>,
}

/// A long-term key that rests in the key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The profile.
    pub profile: String,
    /// The key's public half.
    pub key: Placed<AccessKeyId>,
    /// The device of the key's user, as the same profile names it.
    pub mfa_serial: Option<Placed<MfaSerial>>,
    /// aws-vault's command that prints a code.
    pub mfa_process: Option<Placed<String>>,
}

/// A program that prints credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The profile.
    pub profile: String,
    /// The command, with its arguments.
    pub command: Placed<String>,
}

impl Process {
    /// The command in words, as botocore would start it; none when a quotation is left open.
    #[must_use]
    pub fn words(&self) -> Option<Vec<String>> {
        shell_words(&self.command.value)
    }
}

/// A role that is assumed with a token out of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The profile.
    pub profile: String,
    /// Where the token lies.
    pub token_file: Placed<String>,
    /// The role.
    pub role: Placed<RoleArn>,
    /// The session's name, if the profile chooses one.
    pub session_name: Option<Placed<RoleSessionName>>,
}

/// Credentials that the machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSource {
    /// The profile whose role is assumed with them.
    pub profile: String,
    /// Which.
    pub source: Placed<CredentialSource>,
}

/// The values of `credential_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID` and what belongs to it.
    Environment,
    /// The instance's role.
    Ec2InstanceMetadata,
    /// The task's role.
    EcsContainer,
}

impl std::str::FromStr for CredentialSource {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "Environment" => Ok(Self::Environment),
            "Ec2InstanceMetadata" => Ok(Self::Ec2InstanceMetadata),
            "EcsContainer" => Ok(Self::EcsContainer),
            _ => Err(ParseError {
                what: "credential source",
                problem: format!("`{text}` is none of Environment, Ec2InstanceMetadata and EcsContainer"),
            }),
        }
    }
}

/// A role to assume, with what its own section says. Nothing of it is taken from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHop {
    /// The profile.
    pub profile: String,
    /// The role.
    pub role: Placed<RoleArn>,
    /// The session's name, if the profile chooses one.
    pub session_name: Option<Placed<RoleSessionName>>,
    /// What a third party presents.
    pub external_id: Option<Placed<ExternalId>>,
    /// The lifetime, if the profile chooses one.
    pub duration: Option<Placed<SessionDuration>>,
    /// The device whose code must come with the call.
    pub mfa_serial: Option<Placed<MfaSerial>>,
    /// aws-vault's command that prints a code: the profile's, else its source's.
    pub mfa_process: Option<Placed<String>>,
}

/// Both files, read.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    config: Ini,
    credentials: Ini,
    /// The sections of each profile, as they stand in the files.
    sections: BTreeMap<String, Sections>,
    /// The sections `[services NAME]`.
    services: BTreeMap<String, usize>,
}

/// Which sections make a profile.
#[derive(Clone, Copy, Debug, Default)]
struct Sections {
    config: Option<usize>,
    credentials: Option<usize>,
}

/// What a header of the config file announces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    Profile(String),
    Services(String),
    SsoSession(String),
    /// A prefix that is known, and not one name behind it.
    BadName,
    Other,
}

impl Header {
    /// botocore looks how the header begins, and then wants two words of it.
    pub(super) fn of_config(header: &str) -> Self {
        if header == "default" {
            return Self::Profile(header.to_owned());
        }
        // As nearly all are written; what has quotes and blanks in it is read below.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./@+".contains(&byte);
        if let Some(name) =
            header.strip_prefix("profile ").filter(|name| !name.is_empty() && name.bytes().all(plain))
        {
            return Self::Profile(name.to_owned());
        }
        let kind = match header {
            _ if header.starts_with("profile") => Self::Profile,
            _ if header.starts_with("sso-session") => Self::SsoSession,
            _ if header.starts_with("services") => Self::Services,
            _ => return Self::Other,
        };
        match shell_words(header).map(<[String; 2]>::try_from) {
            Some(Ok([_, name])) => kind(name),
            _ => Self::BadName,
        }
    }
}

impl Profiles {
    /// Reads the two texts; an absent file is an empty text.
    ///
    /// # Errors
    /// On the first line that botocore would not read.
    pub fn parse(config: &str, credentials: &str) -> Result<Self, ProfileError> {
        let [config, credentials] = [config, credentials].map(|text| Zeroizing::new(text.to_owned()));
        Self::of_files(config, credentials)
    }

    /// The same of texts that need not be copied.
    ///
    /// # Errors
    /// As [`Profiles::parse`].
    pub fn of_files(config: Zeroizing<String>, credentials: Zeroizing<String>) -> Result<Self, ProfileError> {
        let read = |file, text| Ini::parse(text).map_err(|error| ProfileError::Syntax { file, error });
        let mut profiles = Self {
            config: read(File::Config, config)?,
            credentials: read(File::Credentials, credentials)?,
            ..Self::default()
        };
        for (index, section) in profiles.config.sections.iter().enumerate() {
            // A later section of the same name replaces the former: nothing is joined within a file.
            match Header::of_config(profiles.config.at(section.header)) {
                Header::Profile(name) => profiles.sections.entry(name).or_default().config = Some(index),
                Header::Services(name) => {
                    profiles.services.insert(name, index);
                }
                Header::SsoSession(_) | Header::BadName | Header::Other => {}
            }
        }
        for (index, section) in profiles.credentials.sections.iter().enumerate() {
            let name = profiles.credentials.at(section.header).to_owned();
            profiles.sections.entry(name).or_default().credentials = Some(index);
        }
        Ok(profiles)
    }

    /// The profiles' names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.sections.keys().cloned().collect()
    }

    /// Where the sections of a profile begin, those of the credentials file last; none where there is no such profile.
    #[must_use]
    pub fn places(&self, name: &str) -> Vec<Place> {
        let Some(sections) = self.sections.get(name) else { return Vec::new() };
        let both = [(File::Config, sections.config), (File::Credentials, sections.credentials)].into_iter();
        both.filter_map(|(file, section)| {
            let line = self.ini(file).sections.get(section?)?.line;
            Some(Place { file, line })
        })
        .collect()
    }

    /// The profile of this name, by botocore's rules.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn profile(&self, name: &str) -> Result<Profile, ProfileError> {
        self.profile_in(Dialect::Botocore, name)
    }

    /// The profile of this name, by somebody's rules.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn profile_in(&self, dialect: Dialect, name: &str) -> Result<Profile, ProfileError> {
        resolve::profile(self, dialect, name)
    }

    /// Where the value stands that is in force for a profile, by somebody's rules; none when it is not set.
    #[must_use]
    pub fn place_of(&self, dialect: Dialect, name: &str, key: &str) -> Option<Place> {
        let keys = resolve::keys(self, dialect, name).ok()?;
        keys.find(&key.to_lowercase()).map(super::section::Found::at)
    }

    /// The value that is in force for a profile, by botocore's rules; none when it is not set, or empty.
    #[must_use]
    pub fn text_of(&self, name: &str, key: &str) -> Option<Placed<String>> {
        let found = self.own_keys(name)?.filled(key)?;
        Some(found.placed(found.text().into_owned()))
    }

    /// What the readers of these files do not read alike, and what does nothing where it stands; in order.
    #[must_use]
    pub fn oddities(&self) -> Vec<Oddity> {
        oddity::find(self)
    }

    pub(super) fn ini(&self, file: File) -> &Ini {
        match file {
            File::Config => &self.config,
            File::Credentials => &self.credentials,
        }
    }

    /// The sections of a profile: those of the credentials file first, each before its file's `[DEFAULT]`.
    pub(super) fn own_keys<'a>(&'a self, name: &str) -> Option<Keys<'a>> {
        let (name, sections) = self.sections.get_key_value(name)?;
        let both = [(File::Credentials, sections.credentials), (File::Config, sections.config)].into_iter();
        let layers: Vec<_> =
            both.filter_map(|(file, section)| self.layers(file, section?)).flatten().collect();
        Some(Keys { name, own: layers.len(), layers, skips_empty: false })
    }

    /// The keys of `[services NAME]`.
    pub(super) fn services(&self, name: &str) -> Option<Vec<Layer<'_>>> {
        let layers = self.layers(File::Config, *self.services.get(name)?)?;
        layers.iter().any(|layer| !layer.entries.is_empty()).then(|| layers.to_vec())
    }

    fn layers(&self, file: File, section: usize) -> Option<[Layer<'_>; 2]> {
        let ini = self.ini(file);
        let section = ini.sections.get(section)?;
        Some([&section.entries, &ini.defaults].map(|entries| Layer { file, ini, entries }))
    }

    pub(super) fn unknown(&self, name: &str) -> ProfileError {
        ProfileError::Unknown { name: name.to_owned(), known: self.names() }
    }
}
