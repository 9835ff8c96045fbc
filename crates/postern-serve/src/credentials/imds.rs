//! An instance's metadata service, version 2 only: a token first, by PUT, and then with each request.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use postern_types::{Rng, Timestamp};

use super::{Instance, connection::Answer, document, flight::Flights, fresh_rng, token::Token};

const TOKEN_PATH: &str = "/latest/api/token";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// AWS's own limit: six hours.
const TTL_MAX: u64 = 21_600;
/// A client keeps its token; so many are never in use at once.
const TOKENS_MAX: usize = 512;

/// The tokens that were given and have not ended.
#[derive(Default)]
pub(super) struct ImdsTokens(Mutex<Vec<(Token, Instant)>>);

impl ImdsTokens {
    /// Gives a new one. Where too many are in use, the one that would end first ends now.
    fn give(&self, life: Duration, now: Instant, rng: &mut dyn Rng) -> String {
        let token = Token::draw(rng);
        let text = token.text().to_owned();
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|(_, ends_at)| *ends_at > now);
        if tokens.len() >= TOKENS_MAX
            && let Some((first, _)) = tokens.iter().enumerate().min_by_key(|(_, (_, ends_at))| *ends_at)
        {
            tokens.swap_remove(first);
        }
        tokens.push((token, now + life));
        text
    }

    /// Whether this one was given and has not ended. Compares with all, so that time tells nothing.
    fn know(&self, shown: &[u8], now: Instant) -> bool {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().fold(false, |known, (token, ends_at)| (token.is(shown) & (*ends_at > now)) | known)
    }
}

pub(super) async fn answer(
    (instance, tokens): (&Instance, &ImdsTokens),
    flights: &Flights,
    (method, path, headers): (&Method, &str, &HeaderMap),
) -> Answer {
    // Clients join the path to an endpoint that may end in a slash, or not.
    let path = path.strip_prefix("//").map_or(path, |_| path.get(1..).unwrap_or(path));
    // As AWS does: a proxy that was fooled into asking here would say for whom it asks.
    if headers.contains_key("x-forwarded-for") {
        return problem(StatusCode::FORBIDDEN, "requests by way of a proxy are refused");
    }
    if path == TOKEN_PATH {
        return if method == Method::PUT { give_token(tokens, headers) } else { not_allowed("PUT") };
    }
    if method != Method::GET {
        return not_allowed("GET");
    }
    if !headers.get(TOKEN).is_some_and(|shown| tokens.know(shown.as_bytes(), Instant::now())) {
        let message = "version 1 is not served, and the token of version 2 is missing, wrong or expired";
        return problem(StatusCode::UNAUTHORIZED, message);
    }
    metadata(instance, flights, path).await
}

fn give_token(tokens: &ImdsTokens, headers: &HeaderMap) -> Answer {
    let wanted = headers.get(TTL).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let Some(life @ 1..=TTL_MAX) = wanted else {
        let message = format!("{TTL} must be a number from 1 to {TTL_MAX}");
        return problem(StatusCode::BAD_REQUEST, &message);
    };
    let Ok(mut rng) = fresh_rng() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the operating system gives no randomness");
    };
    let token = tokens.give(Duration::from_secs(life), Instant::now(), &mut rng);
    let mut answer = Answer::text(StatusCode::OK, token);
    answer.header = Some((TTL, HeaderValue::from(life)));
    answer
}

async fn metadata(instance: &Instance, flights: &Flights, path: &str) -> Answer {
    const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";
    let zone = |region| format!("{region}a");
    let region = instance.region.as_ref().map(|region| region.as_str());
    let found = match (path, region) {
        ("/latest/meta-data" | "/latest/meta-data/", _) => Some("iam/\nplacement/".to_owned()),
        ("/latest/meta-data/placement/region", Some(region)) => Some(region.to_owned()),
        ("/latest/meta-data/placement/availability-zone", Some(region)) => Some(zone(region)),
        ("/latest/dynamic/instance-identity/document", Some(region)) => {
            return Answer::json(StatusCode::OK, identity(instance, region, &zone(region)).into());
        }
        (path, _) if path == CREDENTIALS || Some(path) == CREDENTIALS.strip_suffix('/') => {
            Some(instance.role.clone())
        }
        (path, _) if path.strip_prefix(CREDENTIALS) == Some(&instance.role) => {
            let fetched = flights.fetch(&instance.target).await;
            return match fetched.and_then(|issued| document::of_instance(&issued, Timestamp::now())) {
                Ok(document) => Answer::json(StatusCode::OK, document),
                Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.message),
            };
        }
        _ => None,
    };
    match found {
        Some(text) => Answer::text(StatusCode::OK, text),
        None => problem(StatusCode::NOT_FOUND, "not found"),
    }
}

/// What SDKs look for in the identity document; nothing that no instance stands behind.
fn identity(instance: &Instance, region: &str, zone: &str) -> String {
    let document = serde_json::json!({
        "version": "2017-09-30",
        "accountId": instance.account.map(|account| account.to_string()),
        "region": region,
        "availabilityZone": zone,
    });
    document.to_string()
}

fn not_allowed(method: &str) -> Answer {
    problem(StatusCode::METHOD_NOT_ALLOWED, &format!("only {method} is taken here"))
}

/// A refusal in the words of the service.
pub(super) fn problem(status: StatusCode, message: &str) -> Answer {
    let code = status.canonical_reason().unwrap_or("Error").replace(' ', "");
    let last_updated = Timestamp::now().to_string();
    let body = serde_json::json!({ "Code": code, "Message": message, "LastUpdated": last_updated });
    Answer::json(status, body.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_and_are_not_without_number() {
        let mut rng = fresh_rng().unwrap();
        let (tokens, now) = (ImdsTokens::default(), Instant::now());
        let short = tokens.give(Duration::from_secs(1), now, &mut rng);
        let long = tokens.give(Duration::from_secs(60), now, &mut rng);
        assert_ne!(short, long);
        assert!(tokens.know(short.as_bytes(), now) && tokens.know(long.as_bytes(), now));
        let later = now + Duration::from_secs(1);
        assert!(!tokens.know(short.as_bytes(), later) && tokens.know(long.as_bytes(), later));
        for wrong in ["", &long[1..], &format!("{long}x"), &long.to_lowercase()] {
            assert!(!tokens.know(wrong.as_bytes(), now), "{wrong}");
        }
        // `long` is the one that ends first now; the flood takes it and no more than its limit.
        for _ in 0..TOKENS_MAX {
            tokens.give(Duration::from_secs(600), later, &mut rng);
        }
        assert_eq!(tokens.0.lock().unwrap().len(), TOKENS_MAX);
        assert!(!tokens.know(long.as_bytes(), later));
    }
}
