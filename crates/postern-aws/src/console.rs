//! Signing in to the AWS Management Console with a role's credentials (*IAM User Guide*, "Enable custom identity
//! broker access to the AWS console"): the federation endpoint gives a token for them, and a URL with that token
//! signs a browser in.

use std::fmt;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use percent_encoding::utf8_percent_encode;
use postern_types::{Partition, SessionDuration};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{Answer, Aws, AwsError, Credentials, Kind, Unreachable, error, raw::RESERVED};

/// What the federation endpoint gives for credentials: signs in once, within a quarter of an hour.
pub struct SigninToken(Zeroizing<String>);

impl SigninToken {
    /// The URL that signs a browser in and leads it to `destination`. As secret as the token in it.
    #[must_use]
    pub fn login_url(&self, endpoint: &str, issuer: &str, destination: &str) -> Zeroizing<String> {
        let encode = |text| utf8_percent_encode(text, RESERVED);
        Zeroizing::new(format!(
            "{endpoint}?Action=login&Issuer={}&Destination={}&SigninToken={}",
            encode(issuer),
            encode(destination),
            encode(&self.0)
        ))
    }
}

impl fmt::Debug for SigninToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The federation endpoint of a partition.
#[must_use]
pub const fn federation_endpoint(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "https://signin.aws.amazon.com/federation",
        Partition::China => "https://signin.amazonaws.cn/federation",
        Partition::UsGov => "https://signin.amazonaws-us-gov.com/federation",
    }
}

/// The host of a partition's console.
#[must_use]
pub const fn console_host(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "console.aws.amazon.com",
        Partition::China => "console.amazonaws.cn",
        Partition::UsGov => "console.amazonaws-us-gov.com",
    }
}

impl Aws {
    /// Asks a federation endpoint for a token.
    ///
    /// `duration` is how long the console's session is to last. AWS takes it only for a role that was assumed
    /// with a long-term key; without it the session ends with the credentials.
    ///
    /// # Errors
    /// When the endpoint refuses, does not answer, or answers what holds no token.
    pub fn signin_token(
        &self,
        endpoint: &str,
        credentials: &Credentials,
        duration: Option<SessionDuration>,
    ) -> Result<SigninToken, AwsError> {
        self.block_on(self.ask_for_token(endpoint, credentials, duration))
    }

    async fn ask_for_token(
        &self,
        endpoint: &str,
        credentials: &Credentials,
        duration: Option<SessionDuration>,
    ) -> Result<SigninToken, AwsError> {
        let failed = |why| AwsError {
            url: Some(endpoint.into()),
            proxy: self.proxy_of(endpoint).map(Into::into),
            ..AwsError::new(Kind::Unreachable(why), OPERATION, None)
        };
        let url = token_url(endpoint, credentials, duration);
        let request =
            http::Request::builder().method("GET").uri(url.as_str()).header("accept", "application/json");
        let request = request.body(SdkBody::empty()).map_err(|_| failed(Unreachable::Malformed))?;
        let secure = request.uri().scheme_str() == Some("https");
        let request = request.try_into().map_err(|_| failed(Unreachable::Malformed))?;
        let connector = self.connector(secure);
        let exchange = async {
            let answer =
                connector.call(request).await.map_err(|error| failed(error::why_unreachable(&error)))?;
            let status = answer.status().as_u16();
            let body = ByteStream::new(answer.into_body());
            let body = body.collect().await.map_err(|_| failed(Unreachable::Cut))?.into_bytes();
            Ok((status, body))
        };
        let patience = self.patience();
        let (status, body) = tokio::time::timeout(patience.connect + patience.read, exchange)
            .await
            .map_err(|_| failed(Unreachable::Timeout))??;
        if status != 200 {
            let answer = Answer {
                status,
                code: String::new(),
                message: String::from_utf8_lossy(&body).chars().take(200).collect(),
                request_id: None,
            };
            let kind = if status == 403 { Kind::Denied } else { Kind::Other };
            return Err(AwsError { answer: Some(Box::new(answer)), ..AwsError::new(kind, OPERATION, None) });
        }
        let token = serde_json::from_slice::<Value>(&body).ok();
        let token = token.as_ref().and_then(|answer| answer.get("SigninToken")?.as_str());
        match token {
            Some(token) if !token.is_empty() => Ok(SigninToken(Zeroizing::new(token.to_owned()))),
            _ => Err(failed(Unreachable::Malformed)),
        }
    }
}

const OPERATION: &str = "signin:GetSigninToken";

/// AWS's protocol puts the credentials into the request's URL, which TLS keeps from everyone on the way.
fn token_url(
    endpoint: &str,
    credentials: &Credentials,
    duration: Option<SessionDuration>,
) -> Zeroizing<String> {
    let session = json!({
        "sessionId": credentials.id.as_str(),
        "sessionKey": credentials.secret.expose_secret(),
        "sessionToken": credentials.token.as_ref().map(|token| token.expose_secret()),
    });
    let session = Zeroizing::new(session.to_string());
    let duration = duration.map(|d| format!("&SessionDuration={}", d.seconds())).unwrap_or_default();
    Zeroizing::new(format!(
        "{endpoint}?Action=getSigninToken&SessionType=json{duration}&Session={}",
        utf8_percent_encode(&session, RESERVED)
    ))
}

#[cfg(test)]
mod tests {
    use postern_types::{SecretAccessKey, SessionToken};

    use super::*;

    #[test]
    fn urls_hold_what_they_must_and_nothing_breaks_out() {
        let credentials = Credentials {
            id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
            secret: SecretAccessKey::new("a/b+c&d=\"e\"").unwrap(),
            token: Some(SessionToken::new("t==&x#y").unwrap()),
        };
        let endpoint = federation_endpoint(Partition::Aws);
        let url = token_url(endpoint, &credentials, Some(SessionDuration::from_seconds(43_200)));
        let (head, session) = url.split_once("&Session=").unwrap();
        assert_eq!(head, format!("{endpoint}?Action=getSigninToken&SessionType=json&SessionDuration=43200"));
        let session = percent_encoding::percent_decode_str(session).decode_utf8().unwrap();
        let session: Value = serde_json::from_str(&session).unwrap();
        assert_eq!(
            session,
            json!({"sessionId": "ASIAIOSFODNN7EXAMPLE", "sessionKey": "a/b+c&d=\"e\"", "sessionToken": "t==&x#y"})
        );
        let token = SigninToken(Zeroizing::new("a&b=c".to_owned()));
        assert_eq!(format!("{token:?}"), "…");
        assert_eq!(
            *token.login_url(endpoint, "postern", "https://x/?a=b#c"),
            format!(
                "{endpoint}?Action=login&Issuer=postern&Destination=https%3A%2F%2Fx%2F%3Fa%3Db%23c&SigninToken=a%26b%3Dc"
            )
        );
    }
}
