//! What a call can end in but its answer.

use std::{error::Error, fmt, time::SystemTime};

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::request_id::RequestId;
use postern_types::{AccountId, SignedDuration, Timestamp};

use crate::{Aws, Endpoint, clock::Clock};

/// A call that failed: which, where, why, and what the service said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// What kind of failure it is.
    pub kind: Kind,
    /// The operation as IAM policies write it: `iam:CreateUser`.
    pub operation: Box<str>,
    /// The account that was asked, where it is known.
    pub account: Option<AccountId>,
    /// The URL that was called, where it is not AWS's own.
    pub url: Option<Box<str>>,
    /// The proxy on the way, if there is one, without its password.
    pub proxy: Option<Box<str>>,
    /// How far the service's clock was ahead of this machine's when it answered, if it told the time.
    pub ahead: Option<SignedDuration>,
    /// The service's answer, if there was one.
    pub answer: Option<Box<Answer>>,
}

/// An error as a service words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The error's code, `NoSuchEntity`; empty where the answer held none.
    pub code: String,
    /// The message as sent.
    pub message: String,
    /// The request's id, for AWS's support.
    pub request_id: Option<String>,
}

/// The kinds of failure that callers tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The caller is known and may not do this.
    Denied,
    /// The credentials are unknown, expired, or do not fit their signature.
    InvalidToken,
    /// The signature's time was refused: the clocks differ.
    ClockSkew {
        /// How far the service's clock is ahead of ours.
        by: SignedDuration,
    },
    /// No answer came.
    Unreachable(Unreachable),
    /// The service asks for fewer requests; the SDK's retries are used up.
    Throttled,
    /// There is no such thing.
    NotFound,
    /// It exists already, is in use, or was changed meanwhile.
    Conflict,
    /// A quota of the account is used up.
    Quota,
    /// The service does not know the operation.
    NotImplemented,
    /// Anything else.
    Other,
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreachable {
    /// Nobody listens there.
    Refused,
    /// The host's name does not resolve.
    Dns,
    /// No connection, or no answer, in time.
    Timeout,
    /// The connection ended before the answer; the call may have been carried out.
    Cut,
    /// TLS could not be agreed on, or the certificate was refused.
    Tls,
    /// The proxy on the way makes no connection.
    Proxy,
    /// The proxy on the way wants a user name and password, or others.
    ProxyPassword,
    /// The request could not be built or its answer not be read.
    Malformed,
}

impl AwsError {
    /// The service's code, if it sent one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.answer.as_ref().map(|a| a.code.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether the service's code is this one.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }

    /// Whether the service gave no verdict, so that the call may or may not have been carried out.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        match self.kind {
            Kind::Unreachable(why) => !matches!(
                why,
                Unreachable::Refused
                    | Unreachable::Dns
                    | Unreachable::Tls
                    | Unreachable::Proxy
                    | Unreachable::ProxyPassword
            ),
            _ => self.answer.as_ref().is_some_and(|answer| answer.status >= 500),
        }
    }

    pub(crate) fn new(kind: Kind, operation: &str, account: Option<AccountId>) -> Self {
        Self { kind, operation: operation.into(), account, url: None, proxy: None, ahead: None, answer: None }
    }

    /// With where the operation was sent, and by which way.
    pub(crate) fn sent_to(self, endpoint: &Endpoint, aws: &Aws) -> Self {
        let service = self.operation.split(':').next().unwrap_or_default();
        let url: Option<Box<str>> = endpoint.url(service).map(Into::into);
        let proxy = match &url {
            Some(url) => aws.proxy_of(url),
            None => aws.proxy_of(&format!("https://{service}.amazonaws.com")),
        };
        Self { url, proxy: proxy.map(Into::into), ..self }
    }

    /// An error of the SDK, taken apart.
    pub(crate) fn from_sdk<E>(
        error: &SdkError<E, HttpResponse>,
        operation: &str,
        account: Option<AccountId>,
        clock: &Clock,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(response) = error.raw_response() else {
            return Self::new(Kind::Unreachable(unreachable(error)), operation, account);
        };
        let (code, message) = match error.as_service_error() {
            Some(service) => (service.code(), service.message()),
            None => (None, None),
        };
        let answer = Answer {
            status: response.status().as_u16(),
            code: code.unwrap_or_default().to_owned(),
            message: message.unwrap_or_default().to_owned(),
            request_id: error.request_id().map(str::to_owned),
        };
        let now = clock.machine();
        let ahead = response.headers().get("date").and_then(|date| skew(date, now));
        let kind = if answer.status < 400 {
            Kind::Unreachable(Unreachable::Malformed)
        } else {
            kind_of(&answer, ahead, now)
        };
        Self { ahead, answer: Some(Box::new(answer)), ..Self::new(kind, operation, account) }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(account) = self.account {
            write!(f, " in account {account}")?;
        }
        match (&self.kind, &self.answer) {
            (Kind::Unreachable(why), _) => {
                write!(f, ": {why}")?;
                self.url.as_ref().map_or(Ok(()), |url| write!(f, " ({url})"))?;
                self.proxy.as_ref().map_or(Ok(()), |proxy| write!(f, " by way of the proxy {proxy}"))
            }
            (Kind::ClockSkew { by }, _) => {
                write!(f, ": the service's clock is {} s from ours", by.as_secs())
            }
            (_, Some(answer)) if answer.code.is_empty() => write!(f, ": HTTP status {}", answer.status),
            (_, Some(answer)) => write!(f, ": {}: {}", answer.code, answer.message),
            (kind, None) => write!(f, ": {kind:?}"),
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the connection was refused",
            Self::Dns => "the host's name does not resolve",
            Self::Timeout => "no answer in time",
            Self::Cut => "the connection ended before the answer",
            Self::Tls => "no TLS connection could be agreed on",
            Self::Proxy => "the proxy makes no connection to there",
            Self::ProxyPassword => "the proxy wants a user name and password, or others than it was given",
            Self::Malformed => "the request or its answer is malformed",
        })
    }
}

impl Error for AwsError {}

/// Clocks that differ by less than this are no reason for a refused signature: AWS allows 15 minutes, some
/// services 5.
const SKEW_THAT_MATTERS: SignedDuration = SignedDuration::from_mins(4);

pub(crate) fn kind_of(answer: &Answer, skew: Option<SignedDuration>, now: Timestamp) -> Kind {
    let code = answer.code.strip_suffix("Exception").unwrap_or(&answer.code);
    match code {
        "SignatureDoesNotMatch"
        | "RequestTimeTooSkewed"
        | "InvalidSignature"
        | "RequestExpired"
        | "AuthFailure"
        | "RequestInTheFuture" => {
            let told = skew_of_message(&answer.message, now);
            match told.or(skew).filter(|by| by.abs() > SKEW_THAT_MATTERS) {
                Some(by) => Kind::ClockSkew { by },
                None => Kind::InvalidToken,
            }
        }
        "InvalidClientTokenId"
        | "ExpiredToken"
        | "InvalidToken"
        | "UnrecognizedClient"
        | "TokenRefreshRequired"
        | "InvalidAccessKeyId"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => Kind::InvalidToken,
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" | "OptInRequired" => Kind::Denied,
        "Throttling"
        | "Throttled"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "SlowDown"
        | "RequestThrottled" => Kind::Throttled,
        "NoSuchEntity" | "NoSuchBucket" | "ResourceNotFound" | "PolicyNotFound" | "TargetNotFound"
        | "PolicyNotAttached" => Kind::NotFound,
        "LimitExceeded" | "ConstraintViolation" => Kind::Quota,
        "DuplicatePolicy"
        | "DuplicatePolicyAttachment"
        | "PolicyTypeAlreadyEnabled"
        | "PolicyInUse"
        | "PolicyChangesInProgress"
        | "EntityAlreadyExists"
        | "DeleteConflict"
        | "ConcurrentModification"
        | "EntityTemporarilyUnmodifiable" => Kind::Conflict,
        "InvalidAction" | "NotImplemented" | "UnknownOperation" => Kind::NotImplemented,
        _ => match answer.status {
            403 if code.is_empty() => Kind::Denied,
            407 => Kind::Unreachable(Unreachable::ProxyPassword),
            429 => Kind::Throttled,
            501 => Kind::NotImplemented,
            _ => Kind::Other,
        },
    }
}

/// How far the clock of an HTTP `Date` header is ahead of ours.
pub(crate) fn skew(date: &str, now: Timestamp) -> Option<SignedDuration> {
    let theirs =
        aws_smithy_types::DateTime::from_str(date, aws_smithy_types::date_time::Format::HttpDate).ok()?;
    let theirs = Timestamp::try_from(SystemTime::try_from(theirs).ok()?).ok()?;
    Some(theirs.duration_since(now))
}

/// AWS names its own time in the message: `Signature expired: T is now earlier than LIMIT (NOW - 15 min.)`.
fn skew_of_message(message: &str, now: Timestamp) -> Option<SignedDuration> {
    let named = message.rsplit_once('(')?.1.split(' ').next()?;
    let civil = jiff_basic(named)?;
    Some(civil.duration_since(now))
}

/// Reads `20260101T011500Z`.
fn jiff_basic(text: &str) -> Option<Timestamp> {
    (text.len() == 16 && text.ends_with('Z')).then(|| text.parse().ok()).flatten()
}

fn unreachable<E>(error: &SdkError<E, HttpResponse>) -> Unreachable
where
    E: Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => Unreachable::Timeout,
        SdkError::ConstructionFailure(_) => Unreachable::Malformed,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Unreachable::Timeout,
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => why_unreachable(error),
            None => Unreachable::Cut,
        },
        _ => Unreachable::Cut,
    }
}

/// Looks for the cause down the chain of sources.
pub(crate) fn why_unreachable(error: &(dyn Error + 'static)) -> Unreachable {
    let mut otherwise = Unreachable::Cut;
    let mut next = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return Unreachable::Dns;
        }
        if text.contains("TLS handshake failed") {
            otherwise = Unreachable::Tls;
        }
        // hyper-util's words for what became of a CONNECT; where the proxy itself was not reached, the cause says more.
        if text.contains("tunnel error") {
            otherwise = Unreachable::Proxy;
            if text.contains("authorization required") {
                return Unreachable::ProxyPassword;
            }
        }
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::HostUnreachable
                | std::io::ErrorKind::NetworkUnreachable => return Unreachable::Refused,
                std::io::ErrorKind::TimedOut => return Unreachable::Timeout,
                _ => {}
            }
        }
        if text.contains("timed out") || text.contains("timeout") {
            return Unreachable::Timeout;
        }
        next = current.source();
    }
    otherwise
}

/// Whether any error of the chain says this.
pub(crate) fn mentions(error: &(dyn Error + 'static), words: &str) -> bool {
    let mut next = Some(error);
    while let Some(current) = next {
        if current.to_string().contains(words) {
            return true;
        }
        next = current.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_into_kinds() {
        let now: Timestamp = "2026-01-01T01:15:00Z".parse().unwrap();
        let cases = [
            (403, "AccessDenied", "", Kind::Denied),
            (400, "AccessDeniedException", "", Kind::Denied),
            (403, "UnauthorizedOperation", "", Kind::Denied),
            (403, "InvalidClientTokenId", "", Kind::InvalidToken),
            (403, "ExpiredToken", "", Kind::InvalidToken),
            (400, "UnrecognizedClientException", "", Kind::InvalidToken),
            (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
                Kind::InvalidToken,
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T013000Z (20260101T014500Z - 15 min.)",
                Kind::ClockSkew { by: SignedDuration::from_mins(30) },
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature not yet current: 20260101T020000Z is still later than 20260101T010000Z (20260101T004500Z + 15 min.)",
                Kind::ClockSkew { by: SignedDuration::from_mins(-30) },
            ),
            (400, "Throttling", "Rate exceeded", Kind::Throttled),
            (404, "NoSuchEntity", "", Kind::NotFound),
            (409, "EntityAlreadyExists", "", Kind::Conflict),
            (409, "LimitExceeded", "", Kind::Quota),
            (501, "", "", Kind::NotImplemented),
            (400, "InvalidAction", "", Kind::NotImplemented),
            (400, "ValidationError", "", Kind::Other),
        ];
        for (status, code, message, kind) in cases {
            let answer = Answer { status, code: code.into(), message: message.into(), request_id: None };
            assert_eq!(kind_of(&answer, None, now), kind, "{code} {message}");
        }
    }

    #[test]
    fn the_date_header_tells_the_skew() {
        let now: Timestamp = "2026-01-01T01:15:00Z".parse().unwrap();
        let by = skew("Thu, 01 Jan 2026 00:15:00 GMT", now).unwrap();
        assert_eq!(by, SignedDuration::from_hours(-1));
        let answer = Answer {
            status: 403,
            code: "SignatureDoesNotMatch".into(),
            message: String::new(),
            request_id: None,
        };
        assert_eq!(kind_of(&answer, Some(by), now), Kind::ClockSkew { by });
        assert_eq!(kind_of(&answer, Some(SignedDuration::from_secs(3)), now), Kind::InvalidToken);
        assert_eq!(skew("yesterday", now), None);
    }
}
