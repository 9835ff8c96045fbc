//! Credentials that are no keys of the person's: whoever a profile names gives them.

use std::process::{Command, Stdio};

use postern_aws::Aws;
use postern_broker::{
    ForeignCredentials, ForeignError, ForeignSource, ForeignSources,
    files::{
        profile::{Dialect, Profiles},
        shell_words,
    },
};
use postern_types::{Credentials, SecretAccessKey, SessionToken, Timestamp};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ports::LazySts;
use crate::env::{self, Environment};

/// The sources of this process.
pub(crate) struct Foreign<'a> {
    pub(crate) environment: &'a Environment,
    /// What the files hold, where they were read.
    pub(crate) profiles: Option<&'a Profiles>,
    /// By whose rules they are read.
    pub(crate) dialect: Dialect,
    pub(crate) sts: &'a LazySts<'a>,
    /// What was asked for, so that a program that asks postern in turn cannot ask in circles.
    pub(crate) target: &'a str,
}

fn failed(problem: impl Into<String>) -> ForeignError {
    ForeignError { problem: problem.into() }
}

impl ForeignSources for Foreign<'_> {
    fn take(&self, source: &ForeignSource) -> Result<ForeignCredentials, ForeignError> {
        match source {
            ForeignSource::Profile { name, .. } => self.of_profile(name),
            ForeignSource::Environment { .. } => {
                let credentials = of_environment(self.environment)?;
                let credentials =
                    credentials.ok_or_else(|| failed("there are no keys in the environment"))?;
                Ok(ForeignCredentials { credentials, expires_at: None })
            }
            ForeignSource::Process { profile, command } => self.of_process(profile, command),
            ForeignSource::WebIdentity { role, session_name, duration, token_file } => {
                let token = std::fs::read_to_string(&**token_file).map(Zeroizing::new).map_err(|error| {
                    failed(format!("the web identity token `{token_file}` cannot be read: {error}"))
                })?;
                let issued = self.sts.client().and_then(|sts| {
                    sts.assume_role_with_web_identity(role, session_name, *duration, token.trim())
                });
                let issued = issued.map_err(|error| {
                    failed(format!("{role} is not given for the token in `{token_file}`: {error}"))
                })?;
                Ok(ForeignCredentials { credentials: (&issued).into(), expires_at: Some(issued.expires_at) })
            }
            ForeignSource::InstanceMetadata => self.metadata("the instance's metadata service", |aws| {
                aws.instance_credentials(&self.environment.texts())
            }),
            ForeignSource::ContainerMetadata => self
                .metadata("the container's credentials endpoint", |aws| {
                    aws.container_credentials(&self.environment.texts())
                }),
            other => Err(failed(format!("{other:?} is not read by this version"))),
        }
    }
}

impl Foreign<'_> {
    fn of_profile(&self, name: &str) -> Result<ForeignCredentials, ForeignError> {
        use postern_broker::files::profile::Source;
        let profiles = self.profiles.ok_or_else(|| failed("the profiles were not read"))?;
        let profile = profiles.profile_in(self.dialect, name).map_err(|error| failed(error.to_string()))?;
        match profile.source {
            Source::Keys(keys) => Ok(ForeignCredentials { credentials: keys.credentials, expires_at: None }),
            _ => Err(failed(format!("profile `{name}` holds no keys any more"))),
        }
    }

    fn metadata(
        &self,
        what: &str,
        take: impl FnOnce(&Aws) -> Result<ForeignCredentials, postern_aws::MetadataError>,
    ) -> Result<ForeignCredentials, ForeignError> {
        let aws = Aws::new(postern_aws::Patience::default()).map_err(|error| failed(error.to_string()))?;
        take(&aws).map_err(|error| failed(format!("{what} gives no credentials: {error}")))
    }

    fn of_process(&self, profile: &str, command: &str) -> Result<ForeignCredentials, ForeignError> {
        let wrong =
            |problem: String| failed(format!("the `credential_process` of profile `{profile}` {problem}"));
        let words = shell_words(command).ok_or_else(|| wrong("has an unclosed quote".to_owned()))?;
        let (program, arguments) = words.split_first().ok_or_else(|| wrong("is empty".to_owned()))?;
        let asked = match self.environment.text(env::POSTERN_ASKED) {
            Some(before) => format!("{before}\n{}", self.target),
            None => self.target.to_owned(),
        };
        let output = Command::new(program)
            .args(arguments)
            .env_remove(env::POSTERN_PASSPHRASE)
            .env(env::POSTERN_ASKED, asked)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| wrong(format!("cannot be started: `{program}`: {error}")))?;
        let printed = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(wrong(format!("failed: `{program}`: {}", output.status)));
        }
        process_credentials(&printed).map_err(|problem| wrong(format!("printed {problem}")))
    }
}

/// AWS SDKs and Tools, "Process credential provider".
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed<'a> {
    version: u8,
    access_key_id: &'a str,
    // Borrowed, so that no copy is made that does not wipe itself. Keys and tokens hold nothing that JSON escapes.
    secret_access_key: &'a str,
    #[serde(borrow)]
    session_token: Option<&'a str>,
    expiration: Option<&'a str>,
}

/// The credentials in what a program printed; the error never quotes it.
fn process_credentials(printed: &[u8]) -> Result<ForeignCredentials, String> {
    let printed: Printed<'_> = serde_json::from_slice(printed)
        .map_err(|error| format!("no credentials (line {}, column {})", error.line(), error.column()))?;
    if printed.version != 1 {
        return Err(format!("credentials of version {}, not 1", printed.version));
    }
    let text = |error: postern_types::ParseError| format!("what is no credential: {error}");
    let expires_at = printed.expiration.map(str::parse::<Timestamp>).transpose();
    Ok(ForeignCredentials {
        credentials: Credentials {
            id: printed.access_key_id.parse().map_err(text)?,
            secret: SecretAccessKey::new(printed.secret_access_key).map_err(text)?,
            token: printed.session_token.map(SessionToken::new).transpose().map_err(text)?,
        },
        expires_at: expires_at.map_err(|error| format!("a wrong time in `Expiration`: {error}"))?,
    })
}

/// The keys in the environment's variables, if there are any.
pub(crate) fn of_environment(environment: &Environment) -> Result<Option<Credentials>, ForeignError> {
    let value = |name: &str| environment.text(name);
    let (Some(id), Some(secret)) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) else {
        return Ok(None);
    };
    let wrong = |error: postern_types::ParseError| {
        failed(format!("the AWS variables of the environment cannot be used: {error}"))
    };
    Ok(Some(Credentials {
        id: id.parse().map_err(wrong)?,
        secret: SecretAccessKey::new(secret).map_err(wrong)?,
        token: value("AWS_SESSION_TOKEN").map(SessionToken::new).transpose().map_err(wrong)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_is_read_and_never_quoted() {
        let good = br#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t","SessionToken":"t","Expiration":"2026-11-22T18:00:00Z","More":1}"#;
        let read = process_credentials(good).unwrap();
        assert_eq!(read.credentials.id.as_str(), "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(read.expires_at.unwrap().to_string(), "2026-11-22T18:00:00Z");
        let lasting = br#"{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t"}"#;
        let read = process_credentials(lasting).unwrap();
        assert!(read.expires_at.is_none() && read.credentials.token.is_none());
        for (printed, word) in [
            (r#"{"Version":2,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t"}"#, "version 2"),
            (r#"{"Version":1,"AccessKeyId":"short","SecretAccessKey":"s3cr3t"}"#, "no credential"),
            (r#"{"Version":1,"SecretAccessKey":"s3cr3t"}"#, "no credentials"),
            (
                r#"{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t","Expiration":"soon"}"#,
                "wrong time",
            ),
            ("s3cr3t", "no credentials"),
            ("", "no credentials"),
        ] {
            let error = process_credentials(printed.as_bytes()).unwrap_err();
            assert!(error.contains(word) && !error.contains("s3cr3t"), "{printed}: {error}");
        }
    }
}
