//! What clients of an endpoint are to be told, as variables.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use postern_serve::{RunningEndpoint, path_of};
use zeroize::Zeroizing;

use crate::{daily::Destination, env::Environment, errors::CliError};

/// How variables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for a POSIX shell.
    #[default]
    Env,
    /// One JSON object.
    Json,
}

/// What goes before an endpoint in the order of SDKs, or leads them elsewhere.
const IN_THE_WAY: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ACCOUNT_ID",
];

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Variables to set and to take away.
pub(super) struct Exports {
    endpoint: String,
    /// The targets and where they are, if they have places.
    places: Vec<(String, String)>,
    set: Vec<(&'static str, Zeroizing<String>)>,
    unset: Vec<&'static str>,
}

impl Exports {
    pub(super) fn ecs(
        running: &RunningEndpoint,
        destinations: &[Destination],
        token_file: Option<&PrivateFile>,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let endpoint = format!("http://{}", running.address());
        let places: Vec<(String, String)> = destinations
            .iter()
            .map(|each| (each.name.clone(), format!("{endpoint}{}", path_of(&each.name))))
            .collect();
        let mut exports = Self { endpoint, places, set: Vec::new(), unset: IN_THE_WAY.to_vec() };
        if let Some((_, uri)) = exports.places.first() {
            exports.set.push((FULL_URI, Zeroizing::new(uri.clone())));
        }
        match (token_file, running.token()) {
            (Some(file), _) => {
                let path = std::path::absolute(&file.0)?;
                let path =
                    path.to_str().ok_or_else(|| CliError::usage("the token file's path is not UTF-8"))?;
                exports.set.push((TOKEN_FILE, Zeroizing::new(path.to_owned())));
                exports.unset.push(TOKEN);
            }
            (None, Some(token)) => {
                exports.set.push((TOKEN, Zeroizing::new(token.to_owned())));
                exports.unset.push(TOKEN_FILE);
            }
            (None, None) => {}
        }
        exports.surroundings(destinations.first(), environment);
        Ok(exports)
    }

    pub(super) fn imds(
        running: &RunningEndpoint,
        destination: &Destination,
        environment: &Environment,
    ) -> Self {
        let endpoint = format!("http://{}", running.address());
        let set = vec![
            // Without the slash, older clients join it to the path by nothing.
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", Zeroizing::new(format!("{endpoint}/"))),
            ("AWS_EC2_METADATA_V1_DISABLED", Zeroizing::new("true".to_owned())),
        ];
        let elsewhere = ["AWS_EC2_METADATA_DISABLED", FULL_URI, TOKEN, TOKEN_FILE];
        let unset = IN_THE_WAY.iter().copied().chain(elsewhere).collect();
        let mut exports = Self { endpoint, places: Vec::new(), set, unset };
        exports.surroundings(Some(destination), environment);
        exports
    }

    /// A region or endpoint that the caller has set is a choice; the target's is a default.
    fn surroundings(&mut self, destination: Option<&Destination>, environment: &Environment) {
        let Some(destination) = destination else { return };
        let mut set = |name, value: &str| self.set.push((name, Zeroizing::new(value.to_owned())));
        let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        if let Some(region) = &destination.region
            && regions.iter().all(|name| environment.text(name).is_none())
        {
            regions.iter().for_each(|name| set(name, region.as_str()));
        }
        if let Some(url) = &destination.endpoint_url
            && environment.text("AWS_ENDPOINT_URL").is_none()
        {
            set("AWS_ENDPOINT_URL", url);
        }
    }

    pub(super) fn render(&self, format: Format) -> Result<Zeroizing<String>, CliError> {
        match format {
            Format::Env => Ok(self.lines()),
            Format::Json => self.json(),
        }
    }

    fn lines(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(4_096));
        for (target, uri) in &self.places {
            // Escaped, for a line break in a name would end the comment.
            text.push_str(&format!("# {}: {uri}\n", target.escape_debug()));
        }
        text.push_str(&format!("unset {}\n", self.unset.join(" ")));
        for (name, value) in &self.set {
            for part in ["export ", name, "='", &value.replace('\'', r"'\''"), "'\n"] {
                text.push_str(part);
            }
        }
        text
    }

    fn json(&self) -> Result<Zeroizing<String>, CliError> {
        let map = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> serde_json::Map<_, _> {
            pairs.map(|(name, value)| (name.to_owned(), value.into())).collect()
        };
        let value = serde_json::json!({
            "format": 1,
            "endpoint": self.endpoint,
            "targets": map(&mut self.places.iter().map(|(target, uri)| (target.as_str(), uri.as_str()))),
            "set": map(&mut self.set.iter().map(|(name, value)| (*name, value.as_str()))),
            "unset": self.unset,
        });
        let text = serde_json::to_string_pretty(&value)
            .map_err(|error| CliError::failed("the variables cannot be written").caused_by(error))?;
        Ok(Zeroizing::new(text + "\n"))
    }
}

/// A file for its owner alone, that lives as long as this.
pub(super) struct PrivateFile(PathBuf);

impl PrivateFile {
    /// Writes the file whole; one that is there is replaced.
    pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<Self, CliError> {
        let written = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            // Made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
            file.write_all(bytes)?;
            file.persist(path).map_err(|error| error.error)
        };
        match written() {
            Ok(_) => Ok(Self(path.to_owned())),
            Err(error) => {
                Err(CliError::failed(format!("cannot write `{}`", path.display())).caused_by(error))
            }
        }
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // It may have been removed already, which is what is wanted.
        let _gone = std::fs::remove_file(&self.0);
    }
}
