//! A sandbox in the same process, and the signer of the AWS SDK.

use std::{
    fmt::Write as _,
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_sandbox::{RawRequest, RawResponse, World};
use postern_types::{SignedDuration, Timestamp, TotpSeed};
use rand::{SeedableRng, rngs::StdRng};

pub(crate) const BASTION: &str = "111111111111";
pub(crate) const PROD: &str = "222222222222";
pub(crate) const REGION: &str = "eu-central-1";
const HOST: &str = "127.0.0.1:4581";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A credential.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// A request before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) service: String,
    /// Presigned instead of signed in a header, for so many seconds.
    pub(crate) presigned: Option<u64>,
}

impl Unsigned {
    pub(crate) fn query(service: &str, action: &str, parameters: &[(&str, &str)]) -> Self {
        let version = match service {
            "iam" => "2010-05-08",
            "ec2" => "2016-11-15",
            _ => "2011-06-15",
        };
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            write!(body, "&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)).unwrap();
        }
        Self {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: vec![("content-type".to_owned(), FORM.to_owned())],
            body: body.into_bytes(),
            service: service.to_owned(),
            presigned: None,
        }
    }

    pub(crate) fn get(service: &str, target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            service: service.to_owned(),
            presigned: None,
        }
    }

    /// Signs as the SDK does for this service.
    pub(crate) fn sign(&self, keys: &Keys, now: Timestamp) -> RawRequest {
        let identity = Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "test").into();
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            if self.presigned.is_none() {
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            }
        }
        if let Some(seconds) = self.presigned {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let seconds = u64::try_from(now.as_second()).unwrap();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(&self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{HOST}{}", self.target);
        let mut headers = vec![("host".to_owned(), HOST.to_owned())];
        headers.extend(self.headers.iter().cloned());
        let body = match self.presigned {
            Some(_) if self.service == "s3" => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(&self.body),
        };
        let shown = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(&self.method, &uri, shown, body).unwrap();
        let (made, _) = sign(signable, &params).unwrap().into_parts();
        headers.extend(made.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut target = self.target.clone();
        for (name, value) in made.params() {
            let mark = if target.contains('?') { '&' } else { '?' };
            write!(target, "{mark}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)).unwrap();
        }
        RawRequest {
            method: self.method.clone(),
            target,
            headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            body: self.body.clone(),
            source_ip: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// The sandbox with two accounts; alice of the bastion with key and device.
pub(crate) struct Cloud {
    pub(crate) world: World,
    pub(crate) rng: StdRng,
    /// The real clock.
    pub(crate) now: Timestamp,
    pub(crate) bastion: Keys,
    pub(crate) prod: Keys,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl From<RawResponse> for Answer {
    fn from(raw: RawResponse) -> Self {
        Self { status: raw.status, body: String::from_utf8(raw.body).unwrap(), headers: raw.headers }
    }
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(11);
        let world = World::new(&mut rng);
        let now = Timestamp::from_second(1_771_321_526).unwrap();
        let mut account = |id: &str, name: &str| {
            let info = world.create_account(Some(id.parse().unwrap()), Some(name), now, &mut rng).unwrap();
            Keys {
                id: info.root_key.to_string(),
                secret: info.root_secret.expose_secret().to_owned(),
                token: None,
            }
        };
        let (bastion, prod) = (account(BASTION, "bastion"), account(PROD, "prod"));
        Self { world, rng, now, bastion, prod }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn send(&mut self, raw: &RawRequest) -> Answer {
        self.world.handle(raw, self.now, &mut self.rng).into()
    }

    pub(crate) fn ask(&mut self, keys: &Keys, request: &Unsigned) -> Answer {
        let raw = request.sign(keys, self.now);
        self.send(&raw)
    }

    pub(crate) fn call(
        &mut self,
        keys: &Keys,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        self.ask(keys, &Unsigned::query(service, action, parameters))
    }

    /// A call to IAM by the bastion's root user, which must go well.
    #[track_caller]
    pub(crate) fn iam(&mut self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let root = self.bastion.clone();
        self.call(&root, "iam", action, parameters).ok()
    }

    /// A user of the bastion with a key and this inline policy.
    #[track_caller]
    pub(crate) fn user(&mut self, name: &str, policy: &str) -> Keys {
        self.iam("CreateUser", &[("UserName", name)]);
        let put = [("UserName", name), ("PolicyName", "own"), ("PolicyDocument", policy)];
        self.iam("PutUserPolicy", &put);
        self.iam("CreateAccessKey", &[("UserName", name)]).keys()
    }

    /// An enabled device for a user: its serial number and seed. Takes a minute, so that a code is unused.
    #[track_caller]
    pub(crate) fn device(&mut self, user: &str) -> (String, TotpSeed) {
        let made = self.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", user)]);
        let serial = made.text("SerialNumber");
        let base32 = data_encoding::BASE64.decode(made.text("Base32StringSeed").as_bytes()).unwrap();
        let seed = TotpSeed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap();
        let step = TotpSeed::step_at(self.now);
        let codes = [step - 1, step].map(|step| seed.code_of_step(step).as_str().to_owned());
        self.iam(
            "EnableMFADevice",
            &[
                ("UserName", user),
                ("SerialNumber", &serial),
                ("AuthenticationCode1", &codes[0]),
                ("AuthenticationCode2", &codes[1]),
            ],
        );
        self.pass(60);
        (serial, seed)
    }

    /// A session of a user with an unused code. Takes half a minute.
    #[track_caller]
    pub(crate) fn mfa_session(&mut self, keys: &Keys, (serial, seed): &(String, TotpSeed)) -> Keys {
        let code = seed.code_at(self.now).as_str().to_owned();
        let given = [("SerialNumber", serial.as_str()), ("TokenCode", code.as_str())];
        let session = self.call(keys, "sts", "GetSessionToken", &given).ok().keys();
        self.pass(30);
        session
    }

    /// A role of prod with this trust policy and an inline policy.
    #[track_caller]
    pub(crate) fn role(&mut self, name: &str, trust: &str, policy: &str) -> String {
        let prod = self.prod.clone();
        let made = [("RoleName", name), ("AssumeRolePolicyDocument", trust), ("MaxSessionDuration", "43200")];
        let made = self.call(&prod, "iam", "CreateRole", &made).ok();
        let put = [("RoleName", name), ("PolicyName", "own"), ("PolicyDocument", policy)];
        self.call(&prod, "iam", "PutRolePolicy", &put).ok();
        made.text("Arn")
    }

    pub(crate) fn assume(&mut self, keys: &Keys, role: &str, more: &[(&str, &str)]) -> Answer {
        let mut parameters = vec![("RoleArn", role), ("RoleSessionName", "work")];
        parameters.extend_from_slice(more);
        self.call(keys, "sts", "AssumeRole", &parameters)
    }
}

/// A policy of one statement.
pub(crate) fn allow(action: &str) -> String {
    allow_if(action, "{}")
}

pub(crate) fn allow_if(action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{action:?},"Resource":"*","Condition":{condition}}}]}}"#
    )
}

/// A trust policy of one statement.
pub(crate) fn trust(principal: &str, actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":{principal:?}}},"Action":{actions},"Condition":{condition}}}]}}"#
    )
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// Status, code and message.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        (self.status, self.text("Code"), self.text("Message"))
    }

    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        self.maybe_text(name).unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    pub(crate) fn maybe_text(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(text.replace("&apos;", "'").replace("&quot;", "\"").replace("&amp;", "&"))
    }

    #[track_caller]
    pub(crate) fn keys(&self) -> Keys {
        assert_eq!(self.status, 200, "{}", self.body);
        Keys {
            id: self.text("AccessKeyId"),
            secret: self.text("SecretAccessKey"),
            token: self.maybe_text("SessionToken"),
        }
    }
}
