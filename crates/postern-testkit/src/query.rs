//! Query requests signed by the AWS SDK's own signer: as bytes for a socket, or as the sandbox takes them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test's helper ends the test loudly")]

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
    time::SystemTime,
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use postern_sandbox::RawRequest;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const REGION: &str = "eu-central-1";

/// A credential, as text on its way into a request.
#[derive(Clone)]
pub struct Keys {
    /// `AKIA…` or `ASIA…`.
    pub id: String,
    /// What signs.
    pub secret: String,
    /// Only with `ASIA…`.
    pub token: Option<String>,
}

impl Keys {
    /// Out of the XML of `CreateAccessKey`, `GetSessionToken` or `AssumeRole`.
    #[must_use]
    pub fn of(xml: &str) -> Self {
        let token = xml.contains("<SessionToken>").then(|| element(xml, "SessionToken"));
        Self { id: element(xml, "AccessKeyId"), secret: element(xml, "SecretAccessKey"), token }
    }
}

/// The text of the first element of this name.
#[must_use]
pub fn element(xml: &str, name: &str) -> String {
    let found = xml.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    let Some((text, _)) = found else { panic!("no {name} in {xml}") };
    text.to_owned()
}

/// Parameters as the body of a form.
#[must_use]
pub fn form(parameters: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&").into_bytes()
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all");
        }
    }
    encoded
}

/// A `POST /` to `host` with this body, signed as of `time`.
///
/// # Panics
/// When the signer refuses the input.
#[must_use]
pub fn signed(host: &str, keys: &Keys, service: &str, body: Vec<u8>, time: SystemTime) -> RawRequest {
    let identity = Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "testkit").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .expect("every parameter is there")
        .into();
    let fixed = [("host", host), ("content-type", FORM)];
    let uri = format!("http://{host}/");
    let signable = SignableRequest::new("POST", &uri, fixed.into_iter(), SignableBody::Bytes(&body))
        .expect("the request can be signed");
    let (instructions, _) = sign(signable, &params).expect("the request can be signed").into_parts();
    let mut headers: Vec<(String, Vec<u8>)> = fixed
        .into_iter()
        .chain(instructions.headers())
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    RawRequest {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers,
        body,
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

/// The request as it goes over a connection that is kept.
#[must_use]
pub fn on_the_wire(request: &RawRequest) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method, request.target).into_bytes();
    for (name, value) in &request.headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&request.body);
    bytes
}
