//! A sandbox in the same process, and a client that signs for it.

use std::{fmt::Write as _, net::Ipv4Addr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use postern_sandbox::{RawRequest, World};
use postern_types::{AccountId, SignedDuration, Timestamp, TotpSeed};
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest as _, Sha256};

pub(crate) const BASTION: &str = "111111111111";
pub(crate) const PROD: &str = "222222222222";

/// `Allow * on *`
pub(crate) const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Names and values.
pub(crate) type Parameters<'a> = &'a [(&'a str, &'a str)];

/// A credential.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// The sandbox, its clock, and root's keys of two accounts.
pub(crate) struct Cloud {
    world: World,
    rng: StdRng,
    pub(crate) now: Timestamp,
    pub(crate) root: Keys,
    pub(crate) prod: Keys,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(7);
        let world = World::new(&mut rng);
        let now = Timestamp::from_second(1_771_321_526).unwrap();
        let mut account = |id: &str| {
            let id: AccountId = id.parse().unwrap();
            let info = world.create_account(Some(id), None, now, &mut rng).unwrap();
            Keys {
                id: info.root_key.to_string(),
                secret: info.root_secret.expose_secret().to_owned(),
                token: None,
            }
        };
        let (root, prod) = (account(BASTION), account(PROD));
        Self { world, rng, now, root, prod }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// Everything the sandbox knows.
    pub(crate) fn export(&self) -> String {
        self.world.export()
    }

    /// A sandbox that knows what another one exported.
    pub(crate) fn import(export: &str, other: &Self) -> Self {
        let mut rng = StdRng::seed_from_u64(8);
        let world = World::new(&mut rng);
        world.import(export).unwrap();
        Self { world, rng, now: other.now, root: other.root.clone(), prod: other.prod.clone() }
    }

    /// A call of the bastion's root user to IAM.
    pub(crate) fn iam(&mut self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let keys = self.root.clone();
        self.call(&keys, "iam", action, parameters)
    }

    pub(crate) fn call(
        &mut self,
        keys: &Keys,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            write!(body, "&{name}={}", encoded(value)).unwrap();
        }
        let raw = signed(keys, service, body.into_bytes(), self.now);
        let response = self.world.handle(&raw, self.now, &mut self.rng);
        Answer { status: response.status, body: String::from_utf8(response.body).unwrap() }
    }

    /// A user with a key.
    pub(crate) fn user(&mut self, name: &str) -> Keys {
        self.iam("CreateUser", &[("UserName", name)]).ok();
        self.iam("CreateAccessKey", &[("UserName", name)]).keys()
    }

    /// An enabled device for a user: its serial number and seed. Takes a minute, so that a code is unused.
    pub(crate) fn device(&mut self, name: &str, user: &str) -> (String, TotpSeed) {
        let made = self.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", name)]);
        let (serial, seed) = (made.text("SerialNumber"), made.seed());
        let step = TotpSeed::step_at(self.now);
        self.enable(user, &serial, &seed, [step - 1, step]).ok();
        self.pass(60);
        (serial, seed)
    }

    /// `EnableMFADevice` with the codes of these steps.
    pub(crate) fn enable(&mut self, user: &str, serial: &str, seed: &TotpSeed, steps: [i64; 2]) -> Answer {
        let codes = steps.map(|step| seed.code_of_step(step));
        self.iam(
            "EnableMFADevice",
            &[
                ("UserName", user),
                ("SerialNumber", serial),
                ("AuthenticationCode1", codes[0].as_str()),
                ("AuthenticationCode2", codes[1].as_str()),
            ],
        )
    }
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Status, code and message of a refusal.
    #[track_caller]
    pub(crate) fn refusal(self) -> (u16, String, String) {
        assert_ne!(self.status, 200, "{}", self.body);
        (self.status, self.text("Code"), self.text("Message"))
    }

    /// The text of the first element of this name.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        self.texts(name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    /// The texts of all elements of this name, entities undone.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        self.body
            .split(&open)
            .skip(1)
            .map(|rest| unescaped(rest.split_once(&close).unwrap_or_else(|| panic!("{}", self.body)).0))
            .collect()
    }

    /// The names of the members of the first element of this name, in order.
    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        members(&self.text_raw(name))
    }

    fn text_raw(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("<{name}>"))
            .unwrap_or_else(|| panic!("no {name} in {}", self.body));
        inside(rest, name).0.to_owned()
    }

    /// The document in this element, percent-encoding undone.
    pub(crate) fn document(&self, name: &str) -> String {
        percent_encoding::percent_decode_str(&self.text(name)).decode_utf8().unwrap().into_owned()
    }

    pub(crate) fn keys(&self) -> Keys {
        assert_eq!(self.status, 200, "{}", self.body);
        Keys {
            id: self.text("AccessKeyId"),
            secret: self.text("SecretAccessKey"),
            token: self.texts("SessionToken").into_iter().next(),
        }
    }

    /// The seed of `CreateVirtualMFADevice`.
    pub(crate) fn seed(&self) -> TotpSeed {
        let base32 = data_encoding::BASE64.decode(self.text("Base32StringSeed").as_bytes()).unwrap();
        TotpSeed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap()
    }
}

/// The names of the elements that stand side by side in this XML.
fn members(mut xml: &str) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((_, rest)) = xml.split_once('<') {
        let (name, rest) = rest.split_once('>').unwrap();
        xml = inside(rest, name).1;
        names.push(name.to_owned());
    }
    names
}

/// What stands before and behind the end of an element that has just begun.
fn inside<'a>(xml: &'a str, name: &str) -> (&'a str, &'a str) {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut depth = 1;
    let mut at = 0;
    while depth > 0 {
        let rest = &xml[at..];
        let end = rest.find(&close).unwrap_or_else(|| panic!("no end of {name} in {xml}"));
        match rest.find(&open).filter(|begin| *begin < end) {
            Some(begin) => {
                depth += 1;
                at += begin + open.len();
            }
            None => {
                depth -= 1;
                at += end + close.len();
            }
        }
    }
    (&xml[..at - close.len()], &xml[at..])
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#xD;", "\r")
        .replace("&amp;", "&")
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A `POST /`, signed as the UG's "Create a signed AWS API request" says.
fn signed(keys: &Keys, service: &str, body: Vec<u8>, now: Timestamp) -> RawRequest {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = time[..8].to_owned();
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
        ("host".to_owned(), "127.0.0.1".to_owned()),
        ("x-amz-date".to_owned(), time.clone()),
    ];
    if let Some(token) = &keys.token {
        headers.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(&body)));
    let scope = format!("{date}/us-east-1/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = [date.as_str(), "us-east-1", service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", keys.secret).into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    headers.push((
        "authorization".to_owned(),
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            keys.id
        ),
    ));
    RawRequest {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
        body,
        source_ip: Ipv4Addr::LOCALHOST.into(),
    }
}
