//! Credentials as variables of a process: the one place that says which, for `exec`, `shell` and `env`.

use std::process::Command;

use postern_broker::Issued;
use zeroize::Zeroizing;

use crate::{daily::Destination, env, env::Environment};

/// What would lead an SDK to other credentials than those in the variables, or to ones that are stale.
const MISLEADING: [&str; 12] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCOUNT_ID",
    // Ours: no business of the command's.
    env::POSTERN_PASSPHRASE,
];

/// The credentials themselves.
const SECRETS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];

/// What is set for every target, and taken away again by `env --unset`.
pub(crate) const HANDED: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    env::POSTERN_TARGET,
    env::POSTERN_DEFAULTS,
];

/// What is set where the person has not set it: see [`env::POSTERN_DEFAULTS`].
const DEFAULTS: [&str; 3] = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"];

/// What to set in a process that works with a target, and what to take away.
pub(crate) struct Variables {
    pub(crate) set: Vec<(&'static str, Zeroizing<String>)>,
    pub(crate) removed: Vec<&'static str>,
}

impl Variables {
    /// What a target's credentials come to in this environment.
    pub(crate) fn of(destination: &Destination, issued: &Issued, environment: &Environment) -> Self {
        let credentials = issued.credentials();
        let mut variables = Self { set: Vec::new(), removed: MISLEADING.to_vec() };
        variables.put("AWS_ACCESS_KEY_ID", Some(credentials.id.as_str()));
        variables.put("AWS_SECRET_ACCESS_KEY", Some(credentials.secret.expose_secret()));
        variables.put("AWS_SESSION_TOKEN", credentials.token.as_ref().map(|token| token.expose_secret()));
        let expires_at = issued.expires_at().map(|at| at.to_string());
        variables.put("AWS_CREDENTIAL_EXPIRATION", expires_at.as_deref());
        variables.put(env::POSTERN_TARGET, Some(&destination.name));
        variables.defaults(destination, environment);
        variables
    }

    /// What is left for a process that gets its credentials from an endpoint.
    pub(crate) fn without_credentials(mut self) -> Self {
        let of_credentials = |name: &str| SECRETS.contains(&name);
        self.set.retain(|(name, _)| !of_credentials(name));
        self.removed.extend(SECRETS);
        self
    }

    /// A region or endpoint that the person has set is a choice; the target's is a default, and is marked as
    /// one, so that another target's takes its place.
    fn defaults(&mut self, destination: &Destination, environment: &Environment) {
        let chosen = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| environment.text(name));
        let region = destination.region.as_ref().map(|region| region.as_str());
        let url = destination.endpoint_url.as_deref();
        let mut marked = Vec::new();
        for name in DEFAULTS {
            let (chosen, default) = match name {
                "AWS_ENDPOINT_URL" => (environment.text(name), url),
                _ => (chosen, region),
            };
            match (chosen, default) {
                (Some(chosen), _) => self.put(name, Some(chosen)),
                (None, Some(default)) => {
                    marked.push(format!("{name}={default}"));
                    self.put(name, Some(default));
                }
                (None, None) if environment.handed(name).is_some() => self.removed.push(name),
                (None, None) => {}
            }
        }
        let marked = marked.join(",");
        self.put(env::POSTERN_DEFAULTS, (!marked.is_empty()).then_some(marked.as_str()));
    }

    fn put(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.set.push((name, Zeroizing::new(value.to_owned()))),
            None => self.removed.push(name),
        }
    }

    /// Gives them to a command that is to be started.
    pub(crate) fn give(&self, command: &mut Command) {
        for name in &self.removed {
            command.env_remove(name);
        }
        for (name, value) in &self.set {
            command.env(name, value.as_str());
        }
    }
}
