//! The admin API under `/_postern`.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION};
use postern_sandbox::{AccountInfo, Clocks, World};
use postern_types::{AccountId, Rng, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::{Faults, Weather};

/// Where the admin API is, and what it wants to be shown.
#[derive(Clone)]
pub struct Admin {
    url: String,
    token: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Status and JSON.
pub(super) type Answer = (StatusCode, String);

const PATH: &str = "/_postern";

impl Admin {
    pub(super) fn new(endpoint: &str, rng: &mut dyn Rng) -> Self {
        let mut raw = [0_u8; 24];
        rng.fill_bytes(&mut raw);
        Self { url: format!("{endpoint}{PATH}"), token: data_encoding::BASE64URL_NOPAD.encode(&raw) }
    }

    /// `http://127.0.0.1:PORT/_postern`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether a request shows the token.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let right = shown.is_some_and(|shown| shown.ct_eq(self.token.as_bytes()).into());
        if right {
            Ok(())
        } else {
            Err(problem(StatusCode::UNAUTHORIZED, "the admin token is missing or wrong"))
        }
    }
}

/// Whether a path belongs to the admin API.
pub(super) fn is_for(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An account as the ready file and the API show it.
pub(super) fn account(info: &AccountInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "name": info.name,
        "root": {
            "access_key_id": info.root_key.as_str(),
            "secret_access_key": info.root_secret.expose_secret(),
        },
    })
}

fn clocks(clocks: Clocks) -> Value {
    json!({"real": clocks.real.to_string(), "sandbox": clocks.sandbox.to_string()})
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: Option<String>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrganization {
    management: String,
    #[serde(default)]
    accounts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u32,
}

fn problem(status: StatusCode, text: impl Into<String>) -> Answer {
    (status, json!({"error": text.into()}).to_string())
}

fn good(value: &Value) -> Answer {
    (StatusCode::OK, value.to_string())
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| problem(StatusCode::BAD_REQUEST, error.to_string()))
}

/// What the admin API is for.
pub(super) struct Place<'a> {
    pub(super) world: &'a World,
    pub(super) faults: &'a Faults,
}

/// Answers a call that has shown the token.
pub(super) fn answer(
    place: &Place<'_>,
    method: &Method,
    path: &str,
    body: &Bytes,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Answer {
    let world = place.world;
    let route = path.strip_prefix(PATH).unwrap_or_default();
    let answered = match (method.as_str(), route) {
        ("POST", "/accounts") => create_account(world, body, now, rng),
        ("GET", "/accounts") => {
            Ok(good(&json!({"accounts": world.accounts().iter().map(account).collect::<Vec<_>>()})))
        }
        ("POST", "/organization") => create_organization(world, body, now, rng),
        ("POST", "/reset") => {
            let forgotten = world.reset(rng);
            // Freed beside the answer; where no thread can be had, before it.
            let _freeing = std::thread::Builder::new().spawn(move || drop(forgotten));
            Ok(good(&json!({})))
        }
        ("GET", "/clock") => Ok(good(&clocks(world.clocks(now)))),
        ("POST", "/clock") => {
            read::<Advance>(body).map(|advance| good(&clocks(world.advance(advance.advance_seconds, now))))
        }
        ("GET", "/events") => Ok(good(&json!({"Records": world.events()}))),
        ("GET", "/state") => Ok((StatusCode::OK, world.export())),
        ("PUT", "/state") => import(world, body),
        ("GET", "/faults") => Ok(weather(place.faults.forecast())),
        ("POST", "/faults") => set_weather(place, body),
        (_, "/accounts" | "/organization" | "/reset" | "/clock" | "/events" | "/state" | "/faults") => {
            Err(problem(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not taken here")))
        }
        _ => Err(problem(
            StatusCode::NOT_FOUND,
            "there are /accounts, /organization, /reset, /clock, /events, /state and /faults under /_postern",
        )),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

fn create_account(world: &World, body: &Bytes, now: Timestamp, rng: &mut dyn Rng) -> Result<Answer, Answer> {
    let wanted: NewAccount = if body.is_empty() { NewAccount::default() } else { read(body)? };
    let id = match &wanted.id {
        None => None,
        Some(id) => Some(
            id.parse::<AccountId>().map_err(|error| problem(StatusCode::BAD_REQUEST, error.to_string()))?,
        ),
    };
    match world.create_account(id, wanted.name.as_deref(), now, rng) {
        Ok(info) => Ok(good(&account(&info))),
        Err(error) => Err(problem(StatusCode::CONFLICT, error.to_string())),
    }
}

/// Sets what befalls calls from now on; `{}` is calm weather.
fn set_weather(place: &Place<'_>, body: &Bytes) -> Result<Answer, Answer> {
    let wanted: Weather = if body.is_empty() { Weather::default() } else { read(body)? };
    wanted.check().map_err(|wrong| problem(StatusCode::BAD_REQUEST, wrong))?;
    place.world.stale_reads(wanted.stale_seconds);
    if wanted == Weather::default() {
        place.faults.mend();
    } else {
        place.faults.weather(wanted);
    }
    Ok(weather(wanted))
}

fn weather(weather: Weather) -> Answer {
    good(&json!(weather))
}

fn create_organization(
    world: &World,
    body: &Bytes,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Result<Answer, Answer> {
    let wanted: NewOrganization = read(body)?;
    let id = |text: &String| {
        text.parse::<AccountId>().map_err(|error| problem(StatusCode::BAD_REQUEST, error.to_string()))
    };
    let members = wanted.accounts.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    match world.create_organization(id(&wanted.management)?, &members, now, rng) {
        Ok(info) => Ok(good(&json!({
            "id": info.id,
            "root": info.root,
            "management": info.management.to_string(),
            "accounts": info.accounts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))),
        Err(error) => Err(problem(StatusCode::CONFLICT, error.to_string())),
    }
}

fn import(world: &World, body: &Bytes) -> Result<Answer, Answer> {
    let text = std::str::from_utf8(body)
        .map_err(|_| problem(StatusCode::BAD_REQUEST, "the state is not UTF-8 text"))?;
    match world.import(text) {
        Ok(()) => Ok(good(&json!({}))),
        Err(error) => Err(problem(StatusCode::BAD_REQUEST, error.to_string())),
    }
}
