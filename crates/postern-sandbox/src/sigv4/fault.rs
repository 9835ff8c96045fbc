//! What can be wrong with a signature, and how each service says so.

use crate::ServiceError;

/// The first thing wrong with a request's authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No signature at all.
    Missing,
    /// Not `AWS4-HMAC-SHA256`.
    Algorithm(String),
    /// A part of the header without `=`.
    NotKeyValue { part: String, header: String },
    /// Parts of the header that are not there, each with its sentence.
    MissingParts { missing: String, header: String },
    /// Presigned: parameters that are not there, each with its sentence.
    MissingQueryParts(String),
    /// Presigned: not a lifetime.
    BadExpires(String),
    /// The host is not among the signed headers.
    HostNotSigned,
    /// Not ISO 8601 basic format.
    BadDate(String),
    /// Too old.
    Expired { date: String, limit: String, now: String, minutes: i64, presigned: bool },
    /// From the future.
    NotYet { date: String, limit: String, now: String },
    /// A scope of another shape.
    NotFiveParts(String),
    /// Not a region's name.
    WrongRegion(String),
    /// Signed for another service than this one.
    WrongService(&'static str),
    /// Not `aws4_request`.
    WrongTerminator(String),
    /// The scope's day is not that of the date.
    WrongDay { scope: String, day: String, date: String },
    /// No such key, or it is not active, or its owner is gone.
    UnknownKey,
    /// No token where one is due, or one that is damaged, foreign or out of place.
    BadToken,
    /// A session that has ended.
    ExpiredToken,
    /// The body is not the one that was signed.
    OtherBody,
    /// The signature is wrong.
    Mismatch,
}

/// How a service words its errors of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// IAM: no full stop behind "is invalid".
    Iam,
    /// STS and other Query services.
    Query,
    Ec2,
    S3,
    Json,
}

const NO_SECRET: &str = "The request signature we calculated does not match the signature you provided. Check your \
                         AWS Secret Access Key and signing method. Consult the service documentation for details.";

impl Fault {
    /// The refusal in the words of a service.
    pub(crate) fn refusal(&self, dialect: Dialect) -> ServiceError {
        match dialect {
            Dialect::Iam | Dialect::Query => self.at_query(dialect),
            Dialect::Ec2 => self.at_ec2(),
            Dialect::S3 => self.at_s3(),
            Dialect::Json => self.at_json(),
        }
    }

    fn at_query(&self, dialect: Dialect) -> ServiceError {
        let incomplete = |message: String| ServiceError::new(400, "IncompleteSignature", message);
        let mismatch = |message: String| ServiceError::new(403, "SignatureDoesNotMatch", message);
        match self {
            Self::Missing => ServiceError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Self::Algorithm(name) => incomplete(format!("Unsupported AWS 'algorithm': '{name}'")),
            Self::NotKeyValue { part, header } => incomplete(format!(
                "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'"
            )),
            Self::MissingParts { missing, header } => incomplete(format!("{missing} Authorization={header}")),
            Self::MissingQueryParts(missing) => incomplete(missing.clone()),
            Self::BadExpires(text) => incomplete(format!(
                "'X-Amz-Expires' must be a number of seconds from 0 to 604800. Got '{text}'."
            )),
            Self::HostNotSigned => mismatch(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ),
            Self::BadDate(text) => incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            )),
            Self::Expired { date, limit, now, minutes, .. } => mismatch(format!(
                "Signature expired: {date} is now earlier than {limit} ({now} - {minutes} min.)"
            )),
            Self::NotYet { date, limit, now } => mismatch(format!(
                "Signature not yet current: {date} is still later than {limit} ({now} + 15 min.)"
            )),
            Self::NotFiveParts(credential) => incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                 got '{credential}'"
            )),
            Self::WrongRegion(region) => {
                mismatch(format!("Credential should be scoped to a valid region, not '{region}'."))
            }
            Self::WrongService(service) => {
                mismatch(format!("Credential should be scoped to correct service: '{service}'."))
            }
            Self::WrongTerminator(end) => mismatch(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{end}'."
            )),
            Self::WrongDay { scope, day, date } => mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope}' != '{day}', from '{date}'."
            )),
            Self::UnknownKey | Self::BadToken => {
                let stop = if dialect == Dialect::Iam { "" } else { "." };
                ServiceError::invalid_client_token(format!(
                    "The security token included in the request is invalid{stop}"
                ))
            }
            Self::ExpiredToken => ServiceError::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            Self::OtherBody | Self::Mismatch => mismatch(NO_SECRET.to_owned()),
        }
    }

    fn at_ec2(&self) -> ServiceError {
        match self {
            Self::Missing => ServiceError::new(
                400,
                "MissingParameter",
                "The request must contain the parameter AWSAccessKeyId",
            ),
            Self::Expired { .. } | Self::NotYet { .. } | Self::ExpiredToken => {
                ServiceError::new(400, "RequestExpired", "Request has expired.")
            }
            _ => ServiceError::new(
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            ),
        }
    }

    fn at_s3(&self) -> ServiceError {
        match self {
            Self::Missing => ServiceError::access_denied("Access Denied"),
            Self::Expired { presigned: true, .. } => ServiceError::access_denied("Request has expired"),
            Self::Expired { .. } | Self::NotYet { .. } => ServiceError::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            Self::UnknownKey => ServiceError::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Self::BadToken => ServiceError::new(
                400,
                "InvalidToken",
                "The provided token is malformed or otherwise invalid.",
            ),
            Self::ExpiredToken => ServiceError::new(400, "ExpiredToken", "The provided token has expired."),
            Self::OtherBody => ServiceError::new(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
            Self::Mismatch => ServiceError::new(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and \
                 signing method.",
            ),
            Self::WrongRegion(_)
            | Self::WrongService(_)
            | Self::WrongTerminator(_)
            | Self::WrongDay { .. } => ServiceError::new(
                400,
                "AuthorizationHeaderMalformed",
                format!("The authorization header is malformed; {}", self.at_query(Dialect::Query).message),
            ),
            _ => ServiceError::new(
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header that you provided is not valid.",
            ),
        }
    }

    fn at_json(&self) -> ServiceError {
        let query = self.at_query(Dialect::Query);
        let code = match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::UnknownKey | Self::BadToken => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            _ if query.code == "IncompleteSignature" => "IncompleteSignatureException",
            _ => "InvalidSignatureException",
        };
        ServiceError::new(400, code, query.message)
    }
}
