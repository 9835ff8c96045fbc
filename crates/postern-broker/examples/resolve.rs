//! Resolves profiles for `tests/outsiders/test_profiles.py`, which holds the answers against botocore's.
//!
//! Standard input: a JSON object a line, `{"config": …, "credentials": …, "profile": …}`. Standard output: for each
//! the first credentials, the `AssumeRole` calls in their order, region and the URL of STS, or the kind of error. The
//! secrets are made up for the test and shown.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{BufRead, Write},
};

use postern_broker::files::{
    endpoint,
    profile::{CredentialSource, Placed, Profile, ProfileError, Profiles, Source, Unsupported},
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default();
        let answer = match Profiles::parse(text("config"), text("credentials")) {
            Ok(profiles) => {
                let mut answer = match profiles.profile(text("profile")) {
                    Ok(profile) => resolved(&profile),
                    Err(error) => refused(&error),
                };
                let lines = profiles.oddities().iter().map(ToString::to_string).collect::<Vec<_>>();
                if let Some(fields) = answer.as_object_mut() {
                    fields.insert("names".to_owned(), json!(profiles.names()));
                    fields.insert("oddities".to_owned(), json!(lines));
                }
                answer
            }
            Err(error) => refused(&error),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn resolved(profile: &Profile) -> Value {
    let urls = endpoint::resolve(&BTreeMap::new(), Some(&profile.endpoints), None);
    json!({
        "source": source(&profile.source),
        "roles": profile.roles.iter().map(|role| json!({
            "RoleArn": role.role.value.as_str(),
            "RoleSessionName": text(role.session_name.as_ref()),
            "ExternalId": text(role.external_id.as_ref()),
            "SerialNumber": text(role.mfa_serial.as_ref()),
            "DurationSeconds": role.duration.as_ref().map(|placed| placed.value.seconds()),
        })).collect::<Vec<_>>(),
        "region": text(profile.region.as_ref()),
        "endpoint_url": urls.of("sts"),
    })
}

fn source(source: &Source) -> Value {
    match source {
        Source::Keys(keys) => json!({
            "kind": "keys",
            "id": keys.credentials.id.as_str(),
            "secret": keys.credentials.secret.expose_secret(),
            "token": keys.credentials.token.as_ref().map(|token| token.expose_secret()),
        }),
        Source::Stored(stored) => json!({ "kind": "stored", "id": stored.key.value.as_str() }),
        Source::Process(process) => json!({ "kind": "process", "words": process.words() }),
        Source::WebIdentity(identity) => json!({
            "kind": "web identity",
            "token_file": identity.token_file.value,
            "RoleArn": identity.role.value.as_str(),
            "RoleSessionName": text(identity.session_name.as_ref()),
        }),
        Source::Named(named) => json!({ "kind": match named.source.value {
            CredentialSource::Environment => "environment",
            CredentialSource::Ec2InstanceMetadata => "instance",
            CredentialSource::EcsContainer => "container",
        }}),
        _ => json!({ "kind": "unknown to the test" }),
    }
}

fn refused(error: &ProfileError) -> Value {
    let kind = match error {
        ProfileError::Syntax { .. } => "syntax",
        ProfileError::Unknown { .. } => "unknown",
        ProfileError::UnknownOther { .. } => "unknown source",
        ProfileError::Value { key: "credential_source", .. } => "credential_source",
        ProfileError::Value { .. } => "value",
        ProfileError::Half { .. } => "half",
        ProfileError::Both { .. } => "both",
        ProfileError::Services { .. } => "services",
        ProfileError::Unsupported { from: Unsupported::Sso, .. } => "sso",
        ProfileError::Unsupported { from: Unsupported::Login, .. } => "login",
        ProfileError::NoCredentials { .. } => "none",
        ProfileError::Loop { .. } => "loop",
        _ => "unknown to the test",
    };
    json!({ "error": kind, "text": error.to_string() })
}

fn text<T: ToString>(placed: Option<&Placed<T>>) -> Option<String> {
    placed.map(|placed| placed.value.to_string())
}
