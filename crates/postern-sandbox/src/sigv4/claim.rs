//! What a request says about its signature.

use std::fmt;

use postern_types::{Region, SignedDuration, Timestamp};

use crate::{http::RawRequest, wire::Params};

use super::{ALGORITHM, Fault, TERMINATOR, WINDOW, basic, parse_basic};

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query string, with a lifetime of its own.
    Presigned { expires: i64 },
}

/// What a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) end: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.date, self.region, self.service, self.end)
    }
}

/// A well-formed, fresh claim; whether it is true is another question.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) form: Form,
    /// As it came: a key id that may not exist.
    pub(crate) key_id: String,
    pub(crate) scope: Scope,
    /// Lower-case names, in the order in which they were signed.
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    /// The signature's time as text.
    pub(crate) date: String,
    /// What came as session token.
    pub(crate) token: Option<String>,
}

/// The parts of a claim as text, in either form.
struct Parts {
    form: Form,
    credential: String,
    signed_headers: String,
    signature: String,
    date: String,
    token: Option<String>,
}

impl Claim {
    /// Reads and checks everything that needs no secret, in AWS's order.
    ///
    /// `expected` is the service that the request's parameters speak of, where they do.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn read(
        raw: &RawRequest,
        query: &Params,
        expected: Option<&'static str>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let parts = match (raw.header("authorization"), query.get("X-Amz-Algorithm")) {
            (Some(header), _) => from_header(raw, header)?,
            (None, Some(algorithm)) => from_query(query, algorithm)?,
            (None, None) => return Err(Fault::Missing),
        };
        let signed_headers: Vec<String> = parts.signed_headers.split(';').map(str::to_owned).collect();
        if !signed_headers.iter().any(|name| name == "host" || name == ":authority") {
            return Err(Fault::HostNotSigned);
        }
        let time = parse_basic(&parts.date).ok_or_else(|| Fault::BadDate(parts.date.clone()))?;
        check_window(&parts, time, now)?;
        let (key_id, scope) = scope(&parts.credential)?;
        check_scope(&scope, &parts.date, expected)?;
        Ok(Self {
            form: parts.form,
            key_id,
            scope,
            signed_headers,
            signature: parts.signature,
            date: parts.date,
            token: parts.token,
        })
    }
}

/// The service that a claim names, if it can be told at all: it decides how errors look.
pub(crate) fn service_of(raw: &RawRequest, query: &Params) -> Option<String> {
    let credential = match raw.header("authorization") {
        Some(header) => header.split_once("Credential=")?.1.split([',', ' ']).next()?.to_owned(),
        None => query.get("X-Amz-Credential")?.to_owned(),
    };
    Some(scope(&credential).ok()?.1.service)
}

fn from_header(raw: &RawRequest, header: &str) -> Result<Parts, Fault> {
    let header = header.trim();
    let (algorithm, rest) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        return Err(Fault::Algorithm(algorithm.to_owned()));
    }
    let (mut credential, mut signature, mut signed_headers) = (None, None, None);
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(Fault::NotKeyValue { part: part.to_owned(), header: header.to_owned() });
        };
        match name {
            "Credential" => credential = Some(value.to_owned()),
            "Signature" => signature = Some(value.to_owned()),
            "SignedHeaders" => signed_headers = Some(value.to_owned()),
            _ => {}
        }
    }
    let date = raw.header("x-amz-date").or_else(|| raw.header("date")).map(|date| date.trim().to_owned());
    match (credential, signature, signed_headers, date) {
        (Some(credential), Some(signature), Some(signed_headers), Some(date)) => Ok(Parts {
            form: Form::Header,
            credential,
            signed_headers,
            signature,
            date,
            token: raw.header("x-amz-security-token").map(|token| token.trim().to_owned()),
        }),
        (credential, signature, signed_headers, date) => {
            let mut missing = Vec::new();
            for (name, absent) in [
                ("Credential", credential.is_none()),
                ("Signature", signature.is_none()),
                ("SignedHeaders", signed_headers.is_none()),
            ] {
                if absent {
                    missing.push(format!("Authorization header requires '{name}' parameter."));
                }
            }
            if date.is_none() {
                missing.push(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                        .to_owned(),
                );
            }
            Err(Fault::MissingParts { missing: missing.join(" "), header: header.to_owned() })
        }
    }
}

fn from_query(query: &Params, algorithm: &str) -> Result<Parts, Fault> {
    if algorithm != ALGORITHM {
        return Err(Fault::Algorithm(algorithm.to_owned()));
    }
    let mut missing = Vec::new();
    let mut part = |name: &str| {
        query.get(name).map_or_else(
            || {
                missing.push(format!(
                    "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
                ));
                String::new()
            },
            str::to_owned,
        )
    };
    let credential = part("X-Amz-Credential");
    let signature = part("X-Amz-Signature");
    let signed_headers = part("X-Amz-SignedHeaders");
    let date = part("X-Amz-Date");
    if !missing.is_empty() {
        return Err(Fault::MissingQueryParts(missing.join(" ")));
    }
    let expires = match query.get("X-Amz-Expires") {
        // Query services take presigned requests without a lifetime of their own.
        None => WINDOW.as_secs(),
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|seconds| (0..=604_800).contains(seconds))
            .ok_or_else(|| Fault::BadExpires(text.to_owned()))?,
    };
    Ok(Parts {
        form: Form::Presigned { expires },
        credential,
        signed_headers,
        signature,
        date,
        token: query.get("X-Amz-Security-Token").map(str::to_owned),
    })
}

fn check_window(parts: &Parts, time: Timestamp, now: Timestamp) -> Result<(), Fault> {
    let lifetime = match parts.form {
        Form::Header => WINDOW,
        Form::Presigned { expires } => SignedDuration::from_secs(expires),
    };
    let age = now.duration_since(time);
    if age > lifetime {
        let limit = now.checked_sub(lifetime).unwrap_or(now);
        return Err(Fault::Expired {
            date: parts.date.clone(),
            limit: basic(limit),
            now: basic(now),
            minutes: lifetime.as_secs() / 60,
            presigned: parts.form != Form::Header,
        });
    }
    if age < -WINDOW {
        let limit = now.checked_add(WINDOW).unwrap_or(now);
        return Err(Fault::NotYet { date: parts.date.clone(), limit: basic(limit), now: basic(now) });
    }
    Ok(())
}

/// `keyid/date/region/service/term`
fn scope(credential: &str) -> Result<(String, Scope), Fault> {
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [key_id, date, region, service, end] => Ok((
            (*key_id).to_owned(),
            Scope {
                date: (*date).to_owned(),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
                end: (*end).to_owned(),
            },
        )),
        _ => Err(Fault::NotFiveParts(credential.to_owned())),
    }
}

fn check_scope(scope: &Scope, date: &str, expected: Option<&'static str>) -> Result<(), Fault> {
    // Clients sign IAM for their own region when they are given an endpoint, so any region will do.
    if scope.region.parse::<Region>().is_err() {
        return Err(Fault::WrongRegion(scope.region.clone()));
    }
    if let Some(expected) = expected.filter(|expected| *expected != scope.service) {
        return Err(Fault::WrongService(expected));
    }
    if scope.end != TERMINATOR {
        return Err(Fault::WrongTerminator(scope.end.clone()));
    }
    let day = date.get(..8).unwrap_or_default();
    if scope.date != day {
        return Err(Fault::WrongDay {
            scope: scope.date.clone(),
            day: day.to_owned(),
            date: date.to_owned(),
        });
    }
    Ok(())
}
