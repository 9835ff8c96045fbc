//! The broker's port to STS.

use aws_sdk_iam::{
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_sdk_sts::types::{Credentials as Issued, PolicyDescriptorType, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use postern_broker::{AssumeRole, Assumer, CallerIdentity, Sts, StsError};
use postern_types::{
    LongTermKey, MfaCode, MfaSerial, MfaSession, RoleArn, RoleCredentials, RoleSessionName, SecretAccessKey,
    SessionDuration, SessionToken, SignedDuration, TemporaryCredentials, Timestamp,
};

use crate::{Aws, AwsError, Connection, Credentials, Endpoint, Kind, Unreachable};

/// STS at an endpoint, for whoever's credentials come with the call.
#[derive(Clone)]
pub struct StsClient {
    aws: Aws,
    endpoint: Endpoint,
}

impl StsClient {
    /// STS at this endpoint.
    #[must_use]
    pub fn new(aws: Aws, endpoint: Endpoint) -> Self {
        Self { aws, endpoint }
    }

    fn connect(&self, credentials: Credentials) -> Connection {
        self.aws.connect(self.endpoint.clone(), credentials, None)
    }

    fn url(&self) -> String {
        crate::sts_url(&self.endpoint)
    }

    /// AWS's time as far as it is known: this machine's until a refusal has shown that they differ.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.aws.clock().now()
    }

    /// How far AWS's clock is known to be ahead of this machine's. Zero where nothing was wrong.
    #[must_use]
    pub fn clock_ahead(&self) -> SignedDuration {
        self.aws.clock().ahead()
    }

    /// Makes a call, and once more with AWS's own time if it was refused for ours.
    fn at_the_right_time<T>(&self, call: impl Fn() -> Result<T, AwsError>) -> Result<T, StsError> {
        let answer = match call() {
            Err(error) if self.aws.clock().learn(&error) => call(),
            answer => answer,
        };
        answer.map_err(|error| self.refusal(&error))
    }

    fn error<E>(&self, operation: &str, error: &SdkError<E, HttpResponse>) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        AwsError::from_sdk(error, operation, None, self.aws.clock())
    }

    fn refusal(&self, error: &AwsError) -> StsError {
        let message = error.answer.as_ref().map(|a| a.message.trim_end().to_owned()).unwrap_or_default();
        match (&error.kind, &error.answer) {
            (Kind::Unreachable(Unreachable::Malformed), _) => {
                StsError::Unreadable { endpoint: self.url(), problem: error.to_string() }
            }
            (Kind::Unreachable(why), _) => {
                let way =
                    self.aws.proxy_of(&self.url()).map(|proxy| format!(", by way of the proxy {proxy}"));
                let problem = format!("{why}{}", way.unwrap_or_default());
                StsError::Unreachable { endpoint: self.url(), problem }
            }
            (Kind::ClockSkew { by }, _) => StsError::ClockSkew {
                message: format!("AWS's clock is {} s ahead of this one ({message})", by.as_secs()),
            },
            (Kind::InvalidToken, Some(answer)) if answer.code.starts_with("ExpiredToken") => {
                StsError::Expired { message }
            }
            (Kind::InvalidToken, _) => StsError::UnknownKey { message },
            // AWS's two texts, the only thing that tells these apart from a policy's refusal.
            (Kind::Denied, _) if message.contains("invalid MFA one time pass code") => StsError::WrongCode,
            (Kind::Denied, _) if message.contains("unable to validate MFA code") => {
                StsError::UnknownDevice { message }
            }
            (Kind::Denied, _) => StsError::AccessDenied { message },
            (_, Some(answer)) => {
                StsError::Refused { status: answer.status, code: answer.code.clone(), message }
            }
            (_, None) => StsError::Unreadable { endpoint: self.url(), problem: error.to_string() },
        }
    }

    fn issued(&self, issued: Option<&Issued>) -> Result<TemporaryCredentials, StsError> {
        let unreadable = |problem: String| StsError::Unreadable { endpoint: self.url(), problem };
        let issued = issued.ok_or_else(|| unreadable("no credentials in it".into()))?;
        read_issued(issued).map_err(|error| unreadable(error.to_string()))
    }
}

impl StsClient {
    /// `AssumeRoleWithWebIdentity`: nothing signs the call, the token is all there is.
    ///
    /// # Errors
    /// When STS refuses or does not answer.
    pub fn assume_role_with_web_identity(
        &self,
        role: &RoleArn,
        session_name: &RoleSessionName,
        duration: Option<SessionDuration>,
        token: &str,
    ) -> Result<TemporaryCredentials, StsError> {
        let nobody = |_| StsError::Unreadable { endpoint: self.url(), problem: "no signer".to_owned() };
        let unsigned = Credentials {
            id: "AKIAUNSIGNEDUNSIGNED".parse().map_err(nobody)?,
            secret: SecretAccessKey::new("unsigned").map_err(nobody)?,
            token: None,
        };
        let call = self
            .connect(unsigned)
            .sts
            .assume_role_with_web_identity()
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .web_identity_token(token)
            .set_duration_seconds(duration.map(|d| i32::try_from(d.seconds()).unwrap_or(i32::MAX)))
            .send();
        let output = self
            .aws
            .block_on(call)
            .map_err(|error| self.refusal(&self.error("sts:AssumeRoleWithWebIdentity", &error)))?;
        self.issued(output.credentials())
    }

    fn assume(
        &self,
        credentials: Credentials,
        request: &AssumeRole,
        mfa: Option<(&MfaSerial, &MfaCode)>,
    ) -> Result<RoleCredentials, StsError> {
        let connection = self.connect(credentials);
        let mut call = connection
            .sts
            .assume_role()
            .role_arn(request.role.as_str())
            .role_session_name(request.session_name.as_str())
            .duration_seconds(i32::try_from(request.duration.seconds()).unwrap_or(i32::MAX))
            .set_external_id(request.external_id.as_ref().map(ToString::to_string))
            .set_source_identity(request.source_identity.as_ref().map(ToString::to_string))
            .set_policy(request.policy.as_deref().map(str::to_owned));
        for tag in &request.tags {
            let built = Tag::builder().key(&*tag.key).value(&*tag.value).build().map_err(|problem| {
                StsError::Unreadable { endpoint: self.url(), problem: problem.to_string() }
            })?;
            call = call.tags(built);
            if tag.transitive {
                call = call.transitive_tag_keys(&*tag.key);
            }
        }
        for arn in &request.policy_arns {
            call = call.policy_arns(PolicyDescriptorType::builder().arn(arn.as_str()).build());
        }
        let once = mfa.is_some();
        if let Some((serial, code)) = mfa {
            call = call.serial_number(serial.as_str()).token_code(code.as_str());
        }
        let output = self.at_the_right_time(|| {
            let mut config = uncorrected();
            if once {
                config = config.retry_config(RetryConfig::disabled());
            }
            let answer = self.aws.block_on(call.clone().customize().config_override(config).send());
            answer.map_err(|error| self.error("sts:AssumeRole", &error))
        })?;
        Ok(RoleCredentials { credentials: self.issued(output.credentials())?, role: request.role.clone() })
    }
}

/// The SDK would correct each call's time by itself and tell nobody.
fn uncorrected() -> aws_sdk_sts::config::Builder {
    aws_sdk_sts::Config::builder().disable_clock_skew_correction(true)
}

/// STS's credentials as ours.
pub(crate) fn read_issued(issued: &Issued) -> Result<TemporaryCredentials, postern_types::ParseError> {
    let expires_at = Timestamp::new(issued.expiration().secs(), 0).unwrap_or(Timestamp::MIN);
    Ok(TemporaryCredentials {
        id: issued.access_key_id().parse()?,
        secret: SecretAccessKey::new(issued.secret_access_key())?,
        token: SessionToken::new(issued.session_token())?,
        expires_at,
    })
}

impl Sts for StsClient {
    /// Sent once only: a code that was taken is refused the second time, and the refusal would hide that the
    /// answer was lost.
    fn get_session_token(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        duration: SessionDuration,
    ) -> Result<MfaSession, StsError> {
        let connection = self.connect(Credentials::from(key));
        let call = connection
            .sts
            .get_session_token()
            .serial_number(serial.as_str())
            .token_code(code.as_str())
            .duration_seconds(i32::try_from(duration.seconds()).unwrap_or(i32::MAX));
        let output = self.at_the_right_time(|| {
            let once = uncorrected().retry_config(RetryConfig::disabled());
            let answer = self.aws.block_on(call.clone().customize().config_override(once).send());
            answer.map_err(|error| self.error("sts:GetSessionToken", &error))
        })?;
        Ok(MfaSession {
            credentials: self.issued(output.credentials())?,
            source_key: key.id.clone(),
            serial: serial.clone(),
        })
    }

    fn assume_role(&self, caller: Assumer<'_>, request: &AssumeRole) -> Result<RoleCredentials, StsError> {
        let credentials = match caller {
            Assumer::Session(session) => Credentials::from(session),
            Assumer::Role(role) => Credentials::from(role),
            Assumer::KeyWithoutMfa(key) => Credentials::from(key),
            Assumer::Foreign(foreign) => foreign.credentials.clone(),
        };
        self.assume(credentials, request, None)
    }

    /// Sent once only, as `GetSessionToken` is.
    fn assume_role_with_code(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        request: &AssumeRole,
    ) -> Result<RoleCredentials, StsError> {
        self.assume(Credentials::from(key), request, Some((serial, code)))
    }

    fn get_caller_identity(
        &self,
        credentials: postern_broker::Credentials<'_>,
    ) -> Result<CallerIdentity, StsError> {
        let credentials = match credentials {
            postern_broker::Credentials::LongTerm(key) => Credentials::from(key),
            postern_broker::Credentials::Temporary(temporary) => Credentials::from(temporary),
        };
        let identity = self.connect(credentials).caller_identity().map_err(|error| self.refusal(&error))?;
        Ok(CallerIdentity { arn: identity.arn, user_id: identity.user_id })
    }
}

#[cfg(test)]
mod tests {
    use postern_types::SignedDuration;

    use super::*;
    use crate::{Answer, Patience};

    #[test]
    fn refusals_are_told_apart_by_what_can_be_done_about_them() {
        let endpoint = Endpoint::aws("eu-central-1".parse().unwrap());
        let sts = StsClient::new(Aws::new(Patience::default()).unwrap(), endpoint);
        let at = "https://sts.eu-central-1.amazonaws.com".to_owned();
        // Code, message, and what the broker hears. Texts are AWS's own (IAM and STS facts, sections 3 and 6).
        let message = |m: &str| m.to_owned();
        let cases = [
            (
                "AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
                StsError::WrongCode,
            ),
            (
                "AccessDenied",
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user. ",
                StsError::UnknownDevice {
                    message: message(
                        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
                    ),
                },
            ),
            (
                "AccessDenied",
                "User: a is not authorized",
                StsError::AccessDenied { message: message("User: a is not authorized") },
            ),
            ("InvalidClientTokenId", "invalid", StsError::UnknownKey { message: message("invalid") }),
            ("SignatureDoesNotMatch", "no", StsError::UnknownKey { message: message("no") }),
            ("ExpiredToken", "expired", StsError::Expired { message: message("expired") }),
            (
                "ValidationError",
                "too long",
                StsError::Refused {
                    status: 403,
                    code: message("ValidationError"),
                    message: message("too long"),
                },
            ),
        ];
        for (code, text, expected) in cases {
            let answer = Answer { status: 403, code: code.into(), message: text.into(), request_id: None };
            let kind = crate::error::kind_of(&answer, None, Timestamp::UNIX_EPOCH);
            let error = AwsError {
                answer: Some(Box::new(answer)),
                ..AwsError::new(kind, "sts:GetSessionToken", None)
            };
            assert_eq!(sts.refusal(&error), expected, "{code} {text}");
        }
        let error = AwsError::new(Kind::Unreachable(Unreachable::Refused), "sts:AssumeRole", None);
        let problem = message("the connection was refused");
        assert_eq!(sts.refusal(&error), StsError::Unreachable { endpoint: at, problem });
        let by = SignedDuration::from_mins(-20);
        let error = AwsError::new(Kind::ClockSkew { by }, "sts:AssumeRole", None);
        assert!(
            matches!(sts.refusal(&error), StsError::ClockSkew { message } if message.contains("-1200 s"))
        );
    }
}
