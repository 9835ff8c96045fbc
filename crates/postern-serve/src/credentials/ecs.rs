//! A container's endpoint (ECS, EKS Pod Identity): one GET with a token in `Authorization`.

use http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use postern_types::Timestamp;

use super::{Targets, connection::Answer, document, flight::Flights, token::Token};

const OF_ROLE: &str = "/role/";
const OF_TARGET: &str = "/target/";

/// What stands for itself in a path segment (RFC 3986, "unreserved").
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path under which a target's credentials are: `/role/ACCOUNT/ROLE`, or `/target/NAME`.
#[must_use]
pub fn path_of(target: &str) -> String {
    let escape = |text| utf8_percent_encode(text, ESCAPED);
    match two_parts(target) {
        Some((account, role)) => format!("{OF_ROLE}{}/{}", escape(account), escape(role)),
        None => format!("{OF_TARGET}{}", escape(target)),
    }
}

fn two_parts(target: &str) -> Option<(&str, &str)> {
    let (account, role) = target.split_once('/')?;
    (!account.is_empty() && !role.is_empty() && !role.contains('/')).then_some((account, role))
}

/// The target that a path means.
fn target_of(path: &str) -> Option<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    match path.strip_prefix(OF_ROLE) {
        Some(rest) => decode(rest).filter(|target| two_parts(target).is_some()),
        None => decode(path.strip_prefix(OF_TARGET)?).filter(|target| !target.is_empty()),
    }
}

pub(super) async fn answer(
    (targets, token): (&Targets, &Token),
    flights: &Flights,
    (method, path, headers): (&Method, &str, &HeaderMap),
) -> Answer {
    let shown = headers.get(AUTHORIZATION).is_some_and(|shown| token.is(shown.as_bytes()));
    if !shown {
        let message = "the token in Authorization is missing or wrong; see AWS_CONTAINER_AUTHORIZATION_TOKEN";
        return problem(StatusCode::UNAUTHORIZED, "InvalidToken", message);
    }
    if method != Method::GET {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only GET is taken");
    }
    let served = target_of(path).filter(|target| match targets {
        Targets::Any => true,
        Targets::Listed(listed) => listed.contains(target),
    });
    let Some(target) = served else {
        return problem(StatusCode::NOT_FOUND, "UnknownTarget", &what_there_is(targets));
    };
    let fetched = flights.fetch(&target).await;
    match fetched.and_then(|issued| document::of_container(&issued, Timestamp::now())) {
        Ok(document) => Answer::json(StatusCode::OK, document),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, "CredentialsUnavailable", &error.message),
    }
}

fn what_there_is(targets: &Targets) -> String {
    match targets {
        Targets::Any => format!("ask for {OF_ROLE}ACCOUNT/ROLE or {OF_TARGET}NAME"),
        Targets::Listed(listed) => {
            let paths: Vec<String> = listed.iter().map(|target| path_of(target)).collect();
            format!("served here: {}", paths.join(", "))
        }
    }
}

/// A refusal as SDKs show it.
pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({ "code": code, "message": message, "HTTPErrorCode": status.as_u16() });
    Answer::json(status, body.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_back_to_its_target() {
        for (target, path) in [
            ("prod/developer", "/role/prod/developer"),
            ("prod/a+b@c", "/role/prod/a%2Bb%40c"),
            ("staging", "/target/staging"),
            ("my profile/of/old", "/target/my%20profile%2Fof%2Fold"),
            ("größe", "/target/gr%C3%B6%C3%9Fe"),
            ("/x", "/target/%2Fx"),
        ] {
            assert_eq!(path_of(target), path);
            assert_eq!(target_of(path).as_deref(), Some(target), "{path}");
        }
        // Whoever writes the path by hand need not escape.
        assert_eq!(target_of("/target/prod/developer").as_deref(), Some("prod/developer"));
        for nothing in [
            "/",
            "",
            "/role/",
            "/role/x",
            "/role/x/",
            "/role//y",
            "/role/x/y/z",
            "/target/",
            "/target/%FF",
            "/x",
        ] {
            assert_eq!(target_of(nothing), None, "{nothing}");
        }
    }
}
