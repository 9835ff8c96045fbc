//! The credentials that a machine has: an EC2 instance's role, a container's.
//!
//! Asked as *AWS SDKs and Tools*, "IMDS credential provider" and "Container credential provider", have it: IMDSv2
//! only, plain HTTP only to loopback and to the addresses of ECS and EKS, redirects not followed.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use postern_broker::ForeignCredentials;
use postern_types::{Credentials, SecretAccessKey, SessionToken};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{Aws, error};

const INSTANCE: &str = "http://169.254.169.254";
const CONTAINER: &str = "http://169.254.170.2";
/// A machine that is no instance does not answer at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// Why the machine gives no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The machine says that it has none, or its user does.
    #[error("{0}")]
    Absent(String),
    /// No answer, or one that makes no sense.
    #[error("{url}: {problem}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

/// The answers of both endpoints, of which more stands in them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issued<'a> {
    access_key_id: &'a str,
    // Borrowed, so that no copy is made that does not wipe itself.
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
}

impl Aws {
    /// The role of the EC2 instance that this runs on.
    ///
    /// # Errors
    /// When the metadata service does not answer, or has no role.
    pub fn instance_credentials(
        &self,
        environment: &BTreeMap<String, String>,
    ) -> Result<ForeignCredentials, MetadataError> {
        let set = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
        if set("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(MetadataError::Absent("AWS_EC2_METADATA_DISABLED is set".to_owned()));
        }
        let base = set("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE).trim_end_matches('/');
        let token = self.ask(
            "PUT",
            &format!("{base}/latest/api/token"),
            &[("x-aws-ec2-metadata-token-ttl-seconds", "60")],
        )?;
        let url = format!("{base}/latest/meta-data/iam/security-credentials/");
        let token = [("x-aws-ec2-metadata-token", token.trim())];
        let role = self.ask("GET", &url, &token)?;
        let role = role.lines().next().unwrap_or_default().trim();
        if role.is_empty() || role.contains(['/', '?', '#']) {
            return Err(MetadataError::Answer { url, problem: "no role".to_owned() });
        }
        let url = format!("{url}{role}");
        read(&url, &self.ask("GET", &url, &token)?)
    }

    /// The role of the container that this runs in.
    ///
    /// # Errors
    /// When no variable names its endpoint, or that does not answer.
    pub fn container_credentials(
        &self,
        environment: &BTreeMap<String, String>,
    ) -> Result<ForeignCredentials, MetadataError> {
        let set = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let url = match (
            set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            set("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ) {
            (Some(path), _) => format!("{CONTAINER}{path}"),
            (None, Some(url)) => url.to_owned(),
            (None, None) => {
                return Err(MetadataError::Absent(
                    "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set".to_owned(),
                ));
            }
        };
        if !is_allowed(&url) {
            let problem = "plain HTTP goes only to loopback and to the endpoints of ECS and EKS".to_owned();
            return Err(MetadataError::Answer { url, problem });
        }
        let token =
            match (set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), set("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
                (Some(file), _) => Some(Zeroizing::new(std::fs::read_to_string(file).map_err(|error| {
                    MetadataError::Absent(format!("the token in `{file}` cannot be read: {error}"))
                })?)),
                (None, Some(token)) => Some(Zeroizing::new(token.to_owned())),
                (None, None) => None,
            };
        let headers: Vec<(&str, &str)> =
            token.iter().map(|token| ("authorization", token.trim_end())).collect();
        read(&url, &self.ask("GET", &url, &headers)?)
    }

    fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Zeroizing<String>, MetadataError> {
        let failed = |problem: String| MetadataError::Answer { url: url.to_owned(), problem };
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(SdkBody::empty()).map_err(|error| failed(error.to_string()))?;
        let request = request.try_into().map_err(|_| failed("no request can be made of it".to_owned()))?;
        let connector = self.connector(url.starts_with("https:"));
        self.block_on(async {
            let answered = async {
                let answer = connector
                    .call(request)
                    .await
                    .map_err(|error| failed(error::why_unreachable(&error).to_string()))?;
                let status = answer.status().as_u16();
                let body = ByteStream::new(answer.into_body()).collect().await;
                let body = body.map_err(|_| failed("the answer breaks off".to_owned()))?.into_bytes();
                let body = Zeroizing::new(body.to_vec());
                if status != 200 {
                    return Err(failed(format!("status {status}")));
                }
                let text = std::str::from_utf8(&body).map_err(|_| failed("not text".to_owned()))?;
                Ok(Zeroizing::new(text.to_owned()))
            };
            tokio::time::timeout(PATIENCE, answered)
                .await
                .map_err(|_| failed("no answer in time".to_owned()))?
        })
    }
}

/// Any HTTPS, and the plain addresses that SDKs allow.
fn is_allowed(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let allowed = |ip: IpAddr| {
        ip.is_loopback()
            || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(&ip.to_string().as_str())
    };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => host == "localhost" || host.parse().is_ok_and(allowed),
        _ => false,
    }
}

fn read(url: &str, text: &str) -> Result<ForeignCredentials, MetadataError> {
    let failed = |problem: &str| MetadataError::Answer { url: url.to_owned(), problem: problem.to_owned() };
    let issued: Issued<'_> = serde_json::from_str(text).map_err(|_| failed("no credentials in it"))?;
    let wrong = |_| failed("what it gives is no credential");
    Ok(ForeignCredentials {
        credentials: Credentials {
            id: issued.access_key_id.parse().map_err(wrong)?,
            secret: SecretAccessKey::new(issued.secret_access_key).map_err(wrong)?,
            token: Some(SessionToken::new(issued.token).map_err(wrong)?),
        },
        expires_at: Some(issued.expiration.parse().map_err(|_| failed("a wrong time in `Expiration`"))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_in_clear_only_where_sdks_send_them() {
        for (url, allowed) in [
            ("http://127.0.0.1:1/x", true),
            ("http://[::1]:1/x", true),
            ("http://localhost/x", true),
            ("http://169.254.170.2/v2", true),
            ("http://169.254.170.23/v1", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("https://example.com/x", true),
            ("http://example.com/x", false),
            ("http://169.254.169.254/x", false),
            ("http://127.0.0.1.example.com/", false),
            ("ftp://127.0.0.1/", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_allowed(url), allowed, "{url}");
        }
    }
}
