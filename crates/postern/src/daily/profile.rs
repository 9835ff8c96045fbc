//! Targets that are profiles of `~/.aws/config`.

use postern_broker::{
    Start, StsEndpoint,
    files::{
        endpoint::{self, Endpoint},
        profile::{Dialect, Profile, Profiles, Source},
        way::{Around, of_profile},
    },
};
use postern_types::{Credentials, LongTermKey, Region, RoleSessionName, SessionDuration};

use super::{Daily, Destination, Wish, foreign};
use crate::{aws_files, errors::CliError, personal::PersonalSettings};

/// Where STS is called when nothing names a region, as botocore does for its global endpoint.
const FALLBACK_REGION: &str = "us-east-1";

/// What a profile's name begins with where an estate's target has the same name.
pub(crate) const PREFIX: &str = "profile:";

impl Daily<'_> {
    /// The files of `~/.aws`, read once.
    pub(crate) fn profiles(&self) -> Result<&Profiles, CliError> {
        if let Some(read) = self.profiles.get() {
            return Ok(read);
        }
        let read = aws_files::read(&self.context.environment)?;
        Ok(self.profiles.get_or_init(|| read))
    }

    /// Whose rules join the sections of a profile.
    pub(crate) fn dialect(&self) -> Result<Dialect, CliError> {
        Ok(PersonalSettings::load(&self.context.environment)?.dialect())
    }

    /// A profile as the files have it.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, CliError> {
        Ok(self.profiles()?.profile_in(self.dialect()?, name)?)
    }

    /// What a profile means, and how its credentials are got. Makes no call.
    pub(crate) fn destination_of_profile(
        &self,
        name: &str,
        wish: &Wish<'_>,
    ) -> Result<Destination, CliError> {
        self.destination_of_profile_at(name, wish, None)
    }

    /// The same, where the estate says what the profile leaves open: a region, and where AWS is.
    pub(crate) fn destination_of_profile_at(
        &self,
        name: &str,
        wish: &Wish<'_>,
        otherwise: Option<&Endpoint>,
    ) -> Result<Destination, CliError> {
        self.refuse_circles(name)?;
        let profile = self.profile(name)?;
        if wish.person.is_some() {
            return Err(CliError::usage(format!("the profile `{name}` says whose key is used"))
                .hint("leave `--person` out"));
        }
        let environment = foreign::of_environment(&self.context.environment)
            .map_err(|error| CliError::usage(error.problem))?;
        let stored = match &profile.source {
            Source::Stored(_) => postern_broker::SecretStore::list(&self.store)?,
            _ => Vec::new(),
        };
        let endpoint = self.endpoint_of_profile(&profile, otherwise);
        let around = Around {
            stored: &stored,
            environment: environment.as_ref().map(|found| (found.id.clone(), found.token.is_some())),
            endpoint: StsEndpoint {
                region: endpoint.region.clone(),
                url: endpoint.url("sts").map(Into::into),
            },
            session: self.session_lifetime()?,
            someone: someone(&self.context.environment),
            duration: wish.duration,
            direct: wish.direct,
        };
        let mut way = of_profile(&profile, &around).map_err(|error| CliError::usage(error.to_string()))?;
        way.at_least = wish.at_least();
        let own_key = match (&way.start, &profile.source) {
            (Start::Foreign { .. }, _) | (_, Source::Stored(_)) => None,
            (_, Source::Keys(keys)) => long_term(&keys.credentials),
            _ => environment.as_ref().and_then(long_term),
        };
        Ok(Destination {
            name: name.to_owned(),
            way,
            region: self.region_of_profile(&profile),
            endpoint_url: endpoint.urls.every,
            own_key,
            of_profile: true,
        })
    }

    /// Where calls go that are signed with the keys that stand in a profile.
    pub(crate) fn endpoint_of_keys(&self, name: &str) -> Endpoint {
        match self.profile(name) {
            Ok(profile) => self.endpoint_of_profile(&profile, None),
            // A role of the profile's that leads nowhere says nothing about its keys.
            Err(_) => Endpoint {
                region: FALLBACK_REGION.parse().unwrap_or_else(|_| unreachable!("a fixed and valid region")),
                urls: endpoint::resolve(&self.context.environment.texts(), None, None),
            },
        }
    }

    /// The endpoints that hold for a profile: the environment's before its own.
    fn endpoint_of_profile(&self, profile: &Profile, otherwise: Option<&Endpoint>) -> Endpoint {
        let url = otherwise.and_then(|endpoint| endpoint.urls.every.as_deref());
        let urls = endpoint::resolve(&self.context.environment.texts(), Some(&profile.endpoints), url);
        let region = self.region_of_profile(profile).or_else(|| otherwise.map(|other| other.region.clone()));
        let fallback =
            || FALLBACK_REGION.parse().unwrap_or_else(|_| unreachable!("a fixed and valid region"));
        Endpoint { region: region.unwrap_or_else(fallback), urls }
    }

    /// botocore's order: the variables, then the profile.
    fn region_of_profile(&self, profile: &Profile) -> Option<Region> {
        let set = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let set = set.into_iter().find_map(|name| self.context.environment.text(name)?.parse().ok());
        set.or_else(|| profile.region.as_ref().map(|region| region.value.clone()))
    }

    fn session_lifetime(&self) -> Result<SessionDuration, CliError> {
        Ok(match &self.estate {
            Some(estate) => estate.design.bastion.session,
            None => PersonalSettings::load(&self.context.environment)?.session()?,
        })
    }

    /// A `credential_process` that asks postern for the very profile that it stands in would never end.
    fn refuse_circles(&self, name: &str) -> Result<(), CliError> {
        let asked = self.context.environment.text(crate::env::POSTERN_ASKED).unwrap_or_default();
        if asked.lines().any(|line| line == name) {
            return Err(CliError::usage(format!(
                "the `credential_process` of profile `{name}` asks postern for `{name}` again"
            ))
            .hint("give the profile keys of its own, `postern_key`, or a role"));
        }
        Ok(())
    }

    /// Every name that could have been meant.
    pub(super) fn profile_names(&self) -> Vec<String> {
        self.profiles().map(Profiles::names).unwrap_or_default()
    }
}

fn long_term(credentials: &Credentials) -> Option<LongTermKey> {
    let Credentials { id, secret, token: None } = credentials else { return None };
    Some(LongTermKey { id: id.clone(), secret: secret.clone() })
}

/// The session's name where nothing tells the person: whoever is logged in to this machine.
fn someone(environment: &crate::env::Environment) -> RoleSessionName {
    let named =
        ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| environment.text(name)?.parse().ok());
    named.unwrap_or_else(|| {
        "postern".parse().unwrap_or_else(|_| unreachable!("a fixed and valid session name"))
    })
}
