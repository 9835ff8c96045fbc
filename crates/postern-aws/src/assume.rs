//! `AssumeRole` for set-up work: the roles that administrators get in by, before and after postern's own.

use aws_sdk_sts::config::retry::RetryConfig;
use postern_types::{
    ExternalId, MfaCode, MfaSerial, RoleArn, RoleSessionName, SessionDuration, TemporaryCredentials,
};

use crate::{AwsError, Connection, Kind, Unreachable, sts::read_issued, together};

/// A role to be assumed, with what the call needs beside it.
#[derive(Clone, Debug)]
pub struct RoleCall<'a> {
    /// The role.
    pub role: &'a RoleArn,
    /// The session's name, which CloudTrail shows.
    pub session_name: &'a RoleSessionName,
    /// What a third party presents.
    pub external_id: Option<&'a ExternalId>,
    /// The lifetime; AWS's hour where none is chosen.
    pub duration: Option<SessionDuration>,
    /// The device and its code, for roles that want them with the call itself.
    pub mfa: Option<(&'a MfaSerial, MfaCode)>,
}

impl Connection {
    /// Assumes a role with this connection's credentials.
    ///
    /// # Errors
    /// When AWS refuses, does not answer, or answers what is no credential.
    pub fn assume(&self, call: &RoleCall<'_>) -> Result<TemporaryCredentials, AwsError> {
        self.aws.block_on(self.assuming(call))
    }

    /// Assumes several roles, all at once; the answers are in the calls' order.
    #[must_use]
    pub fn assume_all(&self, calls: &[RoleCall<'_>]) -> Vec<Result<TemporaryCredentials, AwsError>> {
        self.aws.block_on(together::all(calls.iter().map(|call| self.assuming(call))))
    }

    async fn assuming(&self, call: &RoleCall<'_>) -> Result<TemporaryCredentials, AwsError> {
        const OPERATION: &str = "sts:AssumeRole";
        let mut request = self
            .sts
            .assume_role()
            .role_arn(call.role.as_str())
            .role_session_name(call.session_name.as_str())
            .set_external_id(call.external_id.map(ToString::to_string))
            .set_duration_seconds(call.duration.map(|d| i32::try_from(d.seconds()).unwrap_or(i32::MAX)));
        let mut retries = aws_sdk_sts::Config::builder();
        if let Some((serial, code)) = &call.mfa {
            request = request.serial_number(serial.as_str()).token_code(code.as_str());
            // AWS takes a code once: a repetition after a lost answer would only be told that it is wrong.
            retries = retries.retry_config(RetryConfig::disabled());
        }
        let output = request.customize().config_override(retries).send().await.map_err(|error| {
            AwsError::from_sdk(&error, OPERATION, Some(call.role.account()), self.aws.clock())
                .sent_to(&self.endpoint, &self.aws)
        })?;
        let malformed =
            || AwsError::new(Kind::Unreachable(Unreachable::Malformed), OPERATION, Some(call.role.account()));
        let issued = output.credentials().ok_or_else(malformed)?;
        read_issued(issued).map_err(|_| malformed())
    }
}
