//! Administrators' credentials out of the AWS configuration files, by botocore's rules.
//!
//! Read are static keys and roles assumed from another profile. What would need a browser, another program
//! or a web identity is refused by name; nothing falls back to another source in silence.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{
    AccessKeyId, Credentials, ExternalId, MfaSerial, ParseError, Region, RoleArn, RoleSessionName,
    SecretAccessKey, SessionDuration, SessionToken,
};

pub use super::ini::{IniError, IniProblem};
use super::{
    endpoint::ProfileEndpoints,
    ini::{Ini, Section, kind_and_name},
};

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A file cannot be read.
    #[error("{file:?}: {error}")]
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
    /// A value is not what its key wants.
    #[error("profile `{name}`: `{key}`: {error}")]
    Value {
        /// The profile.
        name: String,
        /// The key.
        key: &'static str,
        /// What is wrong with the value; secrets are not quoted.
        error: ParseError,
    },
    /// Half of what is needed.
    #[error("profile `{name}` has `{present}` without `{missing}`")]
    Half {
        /// The profile.
        name: String,
        /// What it has.
        present: &'static str,
        /// What it lacks.
        missing: &'static str,
    },
    /// Two sources that exclude each other.
    #[error("profile `{name}` has both `{one}` and `{other}`")]
    Both {
        /// The profile.
        name: String,
        /// One of them.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// Credentials from somewhere that is not read here.
    #[error("profile `{name}` takes its credentials from {from:?}, which is not read")]
    Unsupported {
        /// The profile.
        name: String,
        /// From where.
        from: Unsupported,
    },
    /// No credentials at all.
    #[error("profile `{name}` holds no credentials")]
    NoCredentials {
        /// The profile.
        name: String,
    },
    /// Profiles that lead back to themselves.
    #[error("profile `{name}` leads back to itself: {}", .chain.join(" → "))]
    Loop {
        /// The profile.
        name: String,
        /// The way.
        chain: Vec<String>,
    },
}

/// Sources of credentials that are refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// `sso_session`, `sso_start_url`, …: IAM Identity Center.
    Sso,
    /// `credential_process`
    CredentialProcess,
    /// `web_identity_token_file`
    WebIdentity,
    /// `credential_source`: instance or container metadata, environment.
    CredentialSource,
    /// `login_session`: `aws login`.
    Login,
}

/// A profile that can be used.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its region, if it names one.
    pub region: Option<Region>,
    /// What it says about endpoints.
    pub endpoints: ProfileEndpoints,
    /// Where its credentials come from.
    pub source: Source,
}

/// Where a profile's credentials come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// They stand in the file.
    Keys(Credentials),
    /// A role assumed with those of another profile.
    Role(Box<RoleSource>),
}

/// A role to assume.
#[derive(Clone, Debug)]
pub struct RoleSource {
    /// The role.
    pub role: RoleArn,
    /// The session's name, if the profile chooses one.
    pub session_name: Option<RoleSessionName>,
    /// What a third party presents.
    pub external_id: Option<ExternalId>,
    /// The lifetime, if the profile chooses one.
    pub duration: Option<SessionDuration>,
    /// The device whose code must come with the call.
    pub mfa_serial: Option<MfaSerial>,
    /// Whose credentials assume it.
    pub source: Source,
}

/// Both files, read.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    config: BTreeMap<String, Section>,
    credentials: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
}

impl Profiles {
    /// Reads the two texts; an absent file is an empty text.
    ///
    /// # Errors
    /// On the first line that cannot be read.
    pub fn parse(config: &str, credentials: &str) -> Result<Self, ProfileError> {
        let read = |file, text| Ini::parse(text).map_err(|error| ProfileError::Syntax { file, error });
        let mut profiles =
            Self { credentials: read(File::Credentials, credentials)?.sections, ..Self::default() };
        for (header, section) in read(File::Config, config)?.sections {
            if header == "default" {
                merge(profiles.config.entry(header).or_default(), section);
                continue;
            }
            // Headers of other kinds, and unprefixed names, mean nothing to botocore in this file.
            match kind_and_name(&header) {
                Some(("profile", name)) => merge(profiles.config.entry(name).or_default(), section),
                Some(("services", name)) => merge(profiles.services.entry(name).or_default(), section),
                _ => {}
            }
        }
        Ok(profiles)
    }

    /// The profiles' names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names: BTreeSet<_> = self.config.keys().chain(self.credentials.keys()).cloned().collect();
        names.into_iter().collect()
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn profile(&self, name: &str) -> Result<Profile, ProfileError> {
        let merged = self.merged(name).ok_or_else(|| self.unknown(name))?;
        let view = View { name, keys: &merged };
        let endpoints = ProfileEndpoints {
            services: merged.get("services").map(|services| self.services(services)).unwrap_or_default(),
            endpoint_url: merged.get("endpoint_url").map(str::to_owned),
            ignore_configured: merged
                .get("ignore_configured_endpoint_urls")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        };
        Ok(Profile {
            name: name.to_owned(),
            region: view.parsed("region")?,
            endpoints,
            source: self.source(name, &mut Vec::new())?,
        })
    }

    /// botocore's order: role, web identity, SSO, credentials file, login, process, config file.
    fn source(&self, name: &str, chain: &mut Vec<String>) -> Result<Source, ProfileError> {
        let merged = self.merged(name).ok_or_else(|| self.unknown(name))?;
        let view = View { name, keys: &merged };
        let refuse = |from| ProfileError::Unsupported { name: name.to_owned(), from };
        let selected = chain.is_empty();
        // In a source, static keys go before its own role; A → A is how a profile uses its own keys.
        if !selected && let Some(keys) = self.keys(name)? {
            return Ok(Source::Keys(keys));
        }
        if chain.iter().any(|seen| seen == name) {
            chain.push(name.to_owned());
            return Err(ProfileError::Loop { name: name.to_owned(), chain: chain.clone() });
        }
        chain.push(name.to_owned());
        if merged.get("web_identity_token_file").is_some() {
            return Err(refuse(Unsupported::WebIdentity));
        }
        if let Some(role) = view.parsed::<RoleArn>("role_arn")? {
            let source = match (merged.get("source_profile"), merged.get("credential_source")) {
                (Some(_), Some(_)) => {
                    let (one, other) = ("source_profile", "credential_source");
                    return Err(ProfileError::Both { name: name.to_owned(), one, other });
                }
                (None, Some(_)) => return Err(refuse(Unsupported::CredentialSource)),
                (None, None) => {
                    let (present, missing) = ("role_arn", "source_profile");
                    return Err(ProfileError::Half { name: name.to_owned(), present, missing });
                }
                (Some(source), None) => self.source(source, chain)?,
            };
            return Ok(Source::Role(Box::new(RoleSource {
                role,
                session_name: view.parsed("role_session_name")?,
                external_id: view.parsed("external_id")?,
                duration: view.seconds("duration_seconds")?,
                mfa_serial: view.parsed("mfa_serial")?,
                source,
            })));
        }
        if merged.keys.keys().any(|key| key.starts_with("sso_")) {
            return Err(refuse(Unsupported::Sso));
        }
        let in_credentials = self.credentials.get(name).is_some_and(|s| s.get("aws_access_key_id").is_some());
        if !in_credentials && merged.get("login_session").is_some() {
            return Err(refuse(Unsupported::Login));
        }
        if !in_credentials && merged.get("credential_process").is_some() {
            return Err(refuse(Unsupported::CredentialProcess));
        }
        match self.keys(name)? {
            Some(keys) => Ok(Source::Keys(keys)),
            None => Err(ProfileError::NoCredentials { name: name.to_owned() }),
        }
    }

    /// Static keys: all of one file, that of credentials first.
    fn keys(&self, name: &str) -> Result<Option<Credentials>, ProfileError> {
        for file in [&self.credentials, &self.config] {
            let Some(section) = file.get(name) else { continue };
            let view = View { name, keys: section };
            let half = |present, missing| ProfileError::Half { name: name.to_owned(), present, missing };
            let id = view.parsed::<AccessKeyId>("aws_access_key_id")?;
            let secret = view.secret("aws_secret_access_key", |s| SecretAccessKey::new(s))?;
            match (id, secret) {
                (Some(id), Some(secret)) => {
                    let token = view.secret("aws_session_token", |s| SessionToken::new(s))?;
                    return Ok(Some(Credentials { id, secret, token }));
                }
                (Some(_), None) => return Err(half("aws_access_key_id", "aws_secret_access_key")),
                (None, Some(_)) => return Err(half("aws_secret_access_key", "aws_access_key_id")),
                (None, None) => {}
            }
        }
        Ok(None)
    }

    /// Both files' keys of a profile; those of the credentials file win.
    fn merged(&self, name: &str) -> Option<Section> {
        let (config, credentials) = (self.config.get(name), self.credentials.get(name));
        let mut merged = config.or(credentials)?.clone();
        if let (Some(_), Some(credentials)) = (config, credentials) {
            merge(&mut merged, credentials.clone());
        }
        Some(merged)
    }

    fn services(&self, name: &str) -> BTreeMap<String, String> {
        let sections = self.services.get(name).into_iter().flat_map(|section| &section.keys);
        sections
            .filter_map(|(service, entry)| {
                let url = entry.nested.get("endpoint_url").filter(|url| !url.value.is_empty())?;
                Some((service.clone(), url.value.clone()))
            })
            .collect()
    }

    fn unknown(&self, name: &str) -> ProfileError {
        ProfileError::Unknown { name: name.to_owned(), known: self.names() }
    }
}

fn merge(into: &mut Section, from: Section) {
    if into.line == 0 {
        into.line = from.line;
    }
    into.keys.extend(from.keys);
}

/// A section's values as what they are.
struct View<'a> {
    name: &'a str,
    keys: &'a Section,
}

impl View<'_> {
    fn parsed<T: std::str::FromStr<Err = ParseError>>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, ProfileError> {
        self.keys.get(key).map(str::parse).transpose().map_err(|error| self.wrong(key, error))
    }

    fn secret<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ProfileError> {
        self.keys.get(key).map(read).transpose().map_err(|error| self.wrong(key, error))
    }

    fn seconds(&self, key: &'static str) -> Result<Option<SessionDuration>, ProfileError> {
        let seconds = self.keys.get(key).map(|text| format!("{text}s").parse()).transpose();
        seconds.map_err(|error| self.wrong(key, error))
    }

    fn wrong(&self, key: &'static str, error: ParseError) -> ProfileError {
        ProfileError::Value { name: self.name.to_owned(), key, error }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n";
    const ROLE: &str = "role_arn = arn:aws:iam::222222222222:role/R\n";

    fn source(config: &str, credentials: &str, name: &str) -> Result<Source, ProfileError> {
        Profiles::parse(config, credentials)?.profile(name).map(|p| p.source)
    }

    #[test]
    fn keys_come_from_one_file_and_that_of_credentials_first() {
        let config = format!("[default]\nregion = eu-central-1\n{KEY}[profile \"my team\"]\n{KEY}");
        let profiles = Profiles::parse(&config, "[default]\naws_access_key_id=AKIAI44QH8DHBEXAMPLE\naws_secret_access_key=x\naws_session_token=t\n").unwrap();
        assert_eq!(profiles.names(), ["default", "my team"]);
        let profile = profiles.profile("default").unwrap();
        assert_eq!(profile.region.unwrap().as_str(), "eu-central-1");
        let Source::Keys(keys) = profile.source else { panic!() };
        assert_eq!((keys.id.as_str(), keys.token.is_some()), ("AKIAI44QH8DHBEXAMPLE", true));
        assert!(matches!(profiles.profile("my team").unwrap().source, Source::Keys(k) if k.token.is_none()));
        assert!(
            matches!(profiles.profile("nope"), Err(ProfileError::Unknown { known, .. }) if known.len() == 2)
        );
    }

    #[test]
    fn roles_come_with_their_own_keys_only() {
        let config = format!(
            "[profile a]\n{ROLE}source_profile = b\nexternal_id = x1\nrole_session_name = me\nduration_seconds = 900\n\
             [profile b]\nmfa_serial = arn:aws:iam::111111111111:mfa/b\n{ROLE}source_profile=c\n"
        );
        let credentials = format!("[c]\n{KEY}");
        let Source::Role(a) = source(&config, &credentials, "a").unwrap() else { panic!() };
        assert_eq!(a.role.as_str(), "arn:aws:iam::222222222222:role/R");
        assert_eq!(a.session_name.as_ref().unwrap().as_str(), "me");
        assert_eq!(a.duration.unwrap().seconds(), 900);
        assert!(a.external_id.is_some() && a.mfa_serial.is_none());
        let Source::Role(b) = &a.source else { panic!() };
        assert!(b.mfa_serial.is_some() && matches!(b.source, Source::Keys(_)));
        // Static keys go before the role in a source, and after it in the profile that was asked for.
        let own = format!("[default]\n{ROLE}source_profile = default\n{KEY}");
        let Source::Role(own) = source(&own, "", "default").unwrap() else { panic!() };
        assert!(matches!(own.source, Source::Keys(_)));
    }

    #[test]
    fn endpoints_stand_in_profile_and_services() {
        let config = format!(
            "[profile a]\n{KEY}services = s\nendpoint_url = http://p\nignore_configured_endpoint_urls = true\n\
             [services s]\niam =\n  endpoint_url = http://i\ns3 =\n  use_accelerate_endpoint = true\n"
        );
        let endpoints = Profiles::parse(&config, "").unwrap().profile("a").unwrap().endpoints;
        assert_eq!(endpoints.endpoint_url.as_deref(), Some("http://p"));
        assert_eq!(endpoints.services, BTreeMap::from([("iam".to_owned(), "http://i".to_owned())]));
        assert!(endpoints.ignore_configured);
    }

    #[test]
    fn what_is_not_read_is_refused_by_name() {
        let role = |rest: &str| format!("[profile a]\n{ROLE}{rest}");
        let own = |rest: &str| format!("[profile a]\n{rest}");
        let name = || "a".to_owned();
        let unsupported = |from| ProfileError::Unsupported { name: name(), from };
        let half = |present, missing| ProfileError::Half { name: name(), present, missing };
        let cases = [
            (own("sso_session = x\n"), unsupported(Unsupported::Sso)),
            (own("credential_process = x\n"), unsupported(Unsupported::CredentialProcess)),
            (own("login_session = x\n"), unsupported(Unsupported::Login)),
            (role("web_identity_token_file = x\n"), unsupported(Unsupported::WebIdentity)),
            (role("credential_source = Environment\n"), unsupported(Unsupported::CredentialSource)),
            (role(""), half("role_arn", "source_profile")),
            (
                role("credential_source = Environment\nsource_profile = b\n"),
                ProfileError::Both { name: name(), one: "source_profile", other: "credential_source" },
            ),
            (own("region = eu-central-1\n"), ProfileError::NoCredentials { name: name() }),
            (
                own("aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"),
                half("aws_access_key_id", "aws_secret_access_key"),
            ),
            (own("aws_secret_access_key = x\n"), half("aws_secret_access_key", "aws_access_key_id")),
            (
                role(
                    "source_profile = b\n[profile b]\nrole_arn=arn:aws:iam::222222222222:role/R\nsource_profile=a\n",
                ),
                ProfileError::Loop { name: name(), chain: vec!["a".into(), "b".into(), "a".into()] },
            ),
            (
                role("source_profile = a\n"),
                ProfileError::Loop { name: name(), chain: vec!["a".into(), "a".into()] },
            ),
        ];
        for (config, error) in cases {
            assert_eq!(source(&config, "", "a").unwrap_err(), error, "{config}");
        }
        assert!(matches!(
            source(&own("region = nowhere\n"), "", "a"),
            Err(ProfileError::Value { key: "region", .. })
        ));
        // Static keys in the credentials file go before a process.
        assert!(source(&own("credential_process = x\n"), &format!("[a]\n{KEY}"), "a").is_ok());
    }

    proptest! {
        #[test]
        fn any_two_texts_give_an_answer(
            config in "(\\[(default|profile a|services s)\\]\n|(region|role_arn|source_profile|services|sts)[ =:\n]*|\\PC|\n)*",
            credentials in "(\\[a\\]\n|(aws_access_key_id|aws_secret_access_key) ?= ?|[A-Z]{16}|\\PC|\n)*",
        ) {
            if let Ok(profiles) = Profiles::parse(&config, &credentials) {
                for name in profiles.names() {
                    let _ = profiles.profile(&name);
                }
            }
        }
    }
}
