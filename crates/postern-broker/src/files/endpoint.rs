//! Where requests go: AWS itself, or what the environment, a profile or the estate file name instead.

use std::collections::BTreeMap;

use postern_types::Region;

use super::profile::Placed;

/// A region, and the URLs that replace AWS's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The region of regional services; with a URL of one's own also that of IAM's signatures.
    pub region: Region,
    /// The URLs.
    pub urls: EndpointUrls,
}

impl Endpoint {
    /// AWS's own endpoints of a region.
    #[must_use]
    pub fn aws(region: Region) -> Self {
        Self { region, urls: EndpointUrls::default() }
    }

    /// One URL for every service, such as a sandbox's.
    #[must_use]
    pub fn with_url(region: Region, url: impl Into<String>) -> Self {
        Self { region, urls: EndpointUrls { every: Some(url.into()), ..EndpointUrls::default() } }
    }

    /// The URL of a service, `iam`, `sts`, `ec2`, …; none where AWS's own is meant.
    #[must_use]
    pub fn url(&self, service: &str) -> Option<&str> {
        self.urls.of(service)
    }
}

/// URLs that stand in for AWS's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointUrls {
    /// By service, in lower case with `_` for blanks, as botocore names them: `iam`, `sts`, `ec2`, `s3`.
    pub services: BTreeMap<String, Option<String>>,
    /// For all services that [`Self::services`] does not name.
    pub every: Option<String>,
}

impl EndpointUrls {
    /// The URL of a service; none where AWS's own is meant.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<&str> {
        match self.services.get(service) {
            Some(url) => url.as_deref(),
            None => self.every.as_deref(),
        }
    }
}

/// What a profile says about endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileEndpoints {
    /// Of the section that the profile's `services = NAME` points at, by service.
    pub services: BTreeMap<String, Placed<String>>,
    /// The profile's own `endpoint_url`.
    pub endpoint_url: Option<Placed<String>>,
    /// Whether `ignore_configured_endpoint_urls` is `true`, where it is set.
    pub ignore_configured: Option<Placed<bool>>,
}

impl ProfileEndpoints {
    /// Whether the profile turns off every URL but that of a command line or of the estate file.
    #[must_use]
    pub fn ignores(&self) -> bool {
        self.ignore_configured.as_ref().is_some_and(|placed| placed.value)
    }
}

/// Decides the URLs, in AWS's order (*AWS SDKs and Tools*, "Service-specific endpoints").
///
/// For each service, the first that is set: `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the profile's
/// `services` section, the profile's `endpoint_url`; last the estate file's `endpoint_url`.
/// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` (or the profile's key) turns off the first four. It does not
/// reach the estate file, whose URL stands for what others would pass as `--endpoint-url`.
/// An empty variable counts as unset.
#[must_use]
pub fn resolve(
    env: &BTreeMap<String, String>,
    profile: Option<&ProfileEndpoints>,
    estate: Option<&str>,
) -> EndpointUrls {
    let set = |name: &str| env.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let ignored = match set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        Some(value) => value.eq_ignore_ascii_case("true"),
        None => profile.is_some_and(ProfileEndpoints::ignores),
    };
    if ignored {
        return EndpointUrls { services: BTreeMap::new(), every: estate.map(str::to_owned) };
    }
    let env_every = set("AWS_ENDPOINT_URL");
    let mut services = BTreeMap::new();
    // A URL for every service in the environment goes before a profile's for one.
    if let (None, Some(profile)) = (env_every, profile) {
        for (service, url) in &profile.services {
            services.insert(service.clone(), Some(url.value.clone()));
        }
    }
    for (name, url) in env {
        if let Some(service) = name.strip_prefix("AWS_ENDPOINT_URL_").filter(|s| !s.is_empty())
            && !url.is_empty()
        {
            services.insert(service.to_ascii_lowercase(), Some(url.clone()));
        }
    }
    let of_profile = profile.and_then(|p| p.endpoint_url.as_ref()).map(|url| url.value.as_str());
    let every = env_every.or(of_profile).or(estate).map(str::to_owned);
    EndpointUrls { services, every }
}

#[cfg(test)]
mod tests {
    use super::{
        super::profile::{File, Place},
        *,
    };

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn placed<T>(value: T) -> Placed<T> {
        Placed { value, at: Place { file: File::Config, line: 1 } }
    }

    #[test]
    fn the_first_that_is_set_wins() {
        let one = ("AWS_ENDPOINT_URL_IAM", "http://env-iam");
        let every = ("AWS_ENDPOINT_URL", "http://env");
        let off = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE");
        let not_off = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false");
        let profile = |ignore_configured| ProfileEndpoints {
            services: BTreeMap::from([("iam".to_owned(), placed("http://services-iam".to_owned()))]),
            endpoint_url: Some(placed("http://profile".to_owned())),
            ignore_configured: Some(placed(ignore_configured)),
        };
        // environment, profile, estate file; what IAM and EC2 get
        type Case<'a> = (
            &'a [(&'a str, &'a str)],
            Option<ProfileEndpoints>,
            Option<&'a str>,
            Option<&'a str>,
            Option<&'a str>,
        );
        let cases: &[Case<'_>] = &[
            (&[], None, None, None, None),
            (&[], None, Some("http://e"), Some("http://e"), Some("http://e")),
            (
                &[],
                Some(profile(false)),
                Some("http://e"),
                Some("http://services-iam"),
                Some("http://profile"),
            ),
            (&[every], Some(profile(false)), Some("http://e"), Some("http://env"), Some("http://env")),
            (&[one], Some(profile(false)), Some("http://e"), Some("http://env-iam"), Some("http://profile")),
            (&[one, every], Some(profile(false)), None, Some("http://env-iam"), Some("http://env")),
            (&[one], None, Some("http://e"), Some("http://env-iam"), Some("http://e")),
            (&[one, every, off], Some(profile(false)), None, None, None),
            (&[one, every, off], None, Some("http://e"), Some("http://e"), Some("http://e")),
            (&[one, every], Some(profile(true)), None, None, None),
            (&[one, every, not_off], Some(profile(true)), None, Some("http://env-iam"), Some("http://env")),
            (&[("AWS_ENDPOINT_URL", ""), ("AWS_ENDPOINT_URL_IAM", "")], None, None, None, None),
        ];
        for (env, profile, estate, iam, ec2) in cases {
            let urls = resolve(&map(env), profile.as_ref(), *estate);
            assert_eq!((urls.of("iam"), urls.of("ec2")), (*iam, *ec2), "{env:?} {profile:?} {estate:?}");
        }
    }

    #[test]
    fn the_environment_names_services_in_capitals() {
        let env = map(&[("AWS_ENDPOINT_URL_API_GATEWAY", "http://x")]);
        assert_eq!(resolve(&env, None, None).of("api_gateway"), Some("http://x"));
    }
}
