//! Any call of any service, signed here and sent as it is: every answer is shown, none is retried.
//!
//! The demonstration shows AWS's own words with this, and tests send what no SDK would: wrong times, broken
//! signatures, other people's tokens.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use postern_types::{SessionToken, Timestamp};

use crate::{Answer, AwsError, Connection, Credentials, Kind, Unreachable, error};

/// All but the unreserved characters of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A call: service, operation, and the request that carries it.
#[derive(Clone, Debug)]
pub struct RawCall {
    /// The service as the signature names it: `iam`, `sts`, `ec2`, `s3`.
    pub service: String,
    /// What errors call it: `ec2:DescribeInstances`.
    pub operation: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Headers beside those that signing adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// When it says that it was signed; now, unless a test says otherwise.
    pub signed_at: Option<Timestamp>,
    /// What is done to it against the rules.
    pub tampering: Option<Tampering>,
}

/// What a test does to a request that no client would.
#[derive(Clone, Debug)]
pub enum Tampering {
    /// It is not signed at all.
    Unsigned,
    /// A digit of the signature is changed.
    Signature,
    /// Another body is sent than was signed.
    Body(String),
    /// Another session token is sent and signed than belongs to the key.
    Token(SessionToken),
    /// The session token is left out.
    NoToken,
}

impl RawCall {
    /// A call of the Query protocol (IAM, STS, EC2): `POST /` with a form.
    #[must_use]
    pub fn query(service: &str, version: &str, action: &str, parameters: &[(&str, &str)]) -> Self {
        let encode = |text| utf8_percent_encode(text, RESERVED);
        let mut body = format!("Action={}&Version={}", encode(action), encode(version));
        for (name, value) in parameters {
            body.push_str(&format!("&{}={}", encode(name), encode(value)));
        }
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        Self::new(service, action, "POST", "/", &[("content-type", content_type)], body)
    }

    /// A call of IAM.
    #[must_use]
    pub fn iam(action: &str, parameters: &[(&str, &str)]) -> Self {
        Self::query("iam", "2010-05-08", action, parameters)
    }

    /// A call of STS.
    #[must_use]
    pub fn sts(action: &str, parameters: &[(&str, &str)]) -> Self {
        Self::query("sts", "2011-06-15", action, parameters)
    }

    /// A call of EC2.
    #[must_use]
    pub fn ec2(action: &str, parameters: &[(&str, &str)]) -> Self {
        Self::query("ec2", "2016-11-15", action, parameters)
    }

    /// `s3 ls`: the account's buckets.
    #[must_use]
    pub fn list_buckets() -> Self {
        Self::new("s3", "ListAllMyBuckets", "GET", "/", &[], String::new())
    }

    /// A call of the JSON 1.1 protocol; `target` is what goes into `X-Amz-Target`.
    #[must_use]
    pub fn json(service: &str, target: &str, body: impl Into<String>) -> Self {
        let action = target.rsplit('.').next().unwrap_or(target);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        Self::new(service, action, "POST", "/", &headers, body.into())
    }

    fn new(
        service: &str,
        action: &str,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Self {
        Self {
            service: service.to_owned(),
            operation: format!("{service}:{action}"),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body,
            signed_at: None,
            tampering: None,
        }
    }

    /// The same call, signed at another time than now.
    #[must_use]
    pub fn signed_at(mut self, time: Timestamp) -> Self {
        self.signed_at = Some(time);
        self
    }

    /// The same call, broken on purpose.
    #[must_use]
    pub fn dangerous_tampering(mut self, tampering: Tampering) -> Self {
        self.tampering = Some(tampering);
        self
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: String,
    /// The error's code, for statuses of 400 and above.
    pub code: Option<String>,
    /// The error's message.
    pub message: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl RawAnswer {
    /// Whether the call was carried out.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The text of the first element of this name in an XML body.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<String> {
        element(&self.body, name)
    }

    /// The texts of all elements of this name in an XML body.
    #[must_use]
    pub fn elements(&self, name: &str) -> Vec<String> {
        elements(&self.body, name).collect()
    }

    /// As an error, if it is one.
    #[must_use]
    pub fn error(&self, operation: &str, now: Timestamp) -> Option<AwsError> {
        if self.is_success() {
            return None;
        }
        let answer = Answer {
            status: self.status,
            code: self.code.clone().unwrap_or_default(),
            message: self.message.clone().unwrap_or_default(),
            request_id: self.request_id.clone(),
        };
        let date = self.headers.iter().find(|(name, _)| name == "date");
        let skew = date.and_then(|(_, date)| error::skew(date, now));
        let kind = error::kind_of(&answer, skew, now);
        Some(AwsError { answer: Some(Box::new(answer)), ..AwsError::new(kind, operation, None) })
    }
}

impl Connection {
    /// Sends one call and gives back whatever is answered. Nothing is retried.
    ///
    /// # Errors
    /// Only when no answer came.
    pub fn raw(&self, call: &RawCall) -> Result<RawAnswer, AwsError> {
        self.aws.block_on(self.send_raw(call))
    }

    pub(crate) async fn send_raw(&self, call: &RawCall) -> Result<RawAnswer, AwsError> {
        let failed = |why| {
            AwsError::new(Kind::Unreachable(why), &call.operation, self.account)
                .sent_to(&self.endpoint, &self.aws)
        };
        let request = self.signed(call).ok_or_else(|| failed(Unreachable::Malformed))?;
        let secure = request.uri().scheme_str() == Some("https");
        let request = request.try_into().map_err(|_| failed(Unreachable::Malformed))?;
        let connector = self.aws.connector(secure);
        let exchange = async {
            let answer =
                connector.call(request).await.map_err(|error| failed(error::why_unreachable(&error)))?;
            let status = answer.status().as_u16();
            let headers: Vec<_> =
                answer.headers().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            let body = ByteStream::new(answer.into_body());
            let body = body.collect().await.map_err(|_| failed(Unreachable::Cut))?.into_bytes();
            Ok((status, headers, body))
        };
        let patience = self.aws.patience();
        let (status, headers, body) = tokio::time::timeout(patience.connect + patience.read, exchange)
            .await
            .map_err(|_| failed(Unreachable::Timeout))??;
        Ok(RawAnswer::read(status, headers, String::from_utf8_lossy(&body).into_owned()))
    }

    fn url(&self, call: &RawCall) -> String {
        let base = match self.endpoint.url(&call.service) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if call.service == "iam" => "https://iam.amazonaws.com".to_owned(),
            None if call.service == "organizations" => {
                let region = organizations_region(self.endpoint.region.as_str());
                let end = if region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://organizations.{region}.amazonaws.com{end}")
            }
            None => format!("https://{}.{}.amazonaws.com", call.service, self.endpoint.region),
        };
        format!("{base}{}", call.target)
    }

    fn signed(&self, call: &RawCall) -> Option<http::Request<SdkBody>> {
        let url = self.url(call);
        let host = url.parse::<http::Uri>().ok()?.authority()?.as_str().to_owned();
        let sent = match &call.tampering {
            Some(Tampering::Body(other)) => other.clone(),
            _ => call.body.clone(),
        };
        let mut request =
            http::Request::builder().method(call.method.as_str()).uri(&url).header("host", &host);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(SdkBody::from(sent)).ok()?;
        if matches!(call.tampering, Some(Tampering::Unsigned)) {
            return Some(request);
        }
        let token = match &call.tampering {
            Some(Tampering::NoToken) => None,
            Some(Tampering::Token(other)) => Some(other),
            _ => self.credentials.token.as_ref(),
        };
        let credentials = Credentials { token: token.cloned(), ..self.credentials.clone() };
        let identity = crate::connection::signer(&credentials).into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::Headers;
        if call.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        // IAM is one for all regions and signs as us-east-1; behind another URL it signs as its client does.
        let region = match self.endpoint.url(&call.service) {
            None if call.service == "iam" => "us-east-1",
            None if call.service == "organizations" => organizations_region(self.endpoint.region.as_str()),
            _ => self.endpoint.region.as_str(),
        };
        let time = call.signed_at.map_or_else(SystemTime::now, SystemTime::from);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(&call.service)
            .time(time)
            .settings(settings)
            .build()
            .ok()?
            .into();
        let headers = call.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let headers = headers.chain(std::iter::once(("host", host.as_str())));
        let body = SignableBody::Bytes(call.body.as_bytes());
        let signable = SignableRequest::new(&call.method, &url, headers, body).ok()?;
        let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        if matches!(call.tampering, Some(Tampering::Signature)) {
            let header = request.headers().get("authorization")?.to_str().ok()?.to_owned();
            request.headers_mut().insert("authorization", change_last_digit(&header).parse().ok()?);
        }
        Some(request)
    }
}

/// Organizations is one for all regions of a partition, and lives in this one of them (*AWS General
/// Reference*, AWS Organizations endpoints).
fn organizations_region(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "cn-northwest-1",
        _ if region.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

fn change_last_digit(header: &str) -> String {
    let mut changed = header.to_owned();
    let other = if changed.pop() == Some('0') { '1' } else { '0' };
    changed.push(other);
    changed
}

impl RawAnswer {
    fn read(status: u16, headers: Vec<(String, String)>, body: String) -> Self {
        let (mut code, mut message) = (None, None);
        if status >= 400 {
            if body.trim_start().starts_with('{') {
                if let Ok(json) = serde_json::from_str::<serde_json::Value>(&body) {
                    let text = |key: &str| json.get(key).and_then(|value| value.as_str()).map(str::to_owned);
                    code = text("__type").or(text("code")).map(|code| after_hash(&code));
                    message = text("message").or(text("Message"));
                }
            } else {
                code = element(&body, "Code");
                message = element(&body, "Message");
            }
        }
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let request_id = header("x-amzn-requestid").or(header("x-amz-request-id"));
        Self { status, headers, body, code, message, request_id }
    }
}

/// JSON services write `namespace#Code`.
fn after_hash(code: &str) -> String {
    code.rsplit('#').next().unwrap_or(code).to_owned()
}

fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next()
}

/// The texts between `<name>` and `</name>`. AWS's answers put no attributes on the elements sought here.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, from) = rest.split_once(&open)?;
        let (text, after) = from.split_once(&close)?;
        rest = after;
        Some(unescape(text))
    })
}

fn unescape(text: &str) -> String {
    let replaced = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    replaced.replace("&apos;", "'").replace("&#39;", "'").replace("&#xA;", "\n").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use postern_types::{AccessKeyId, SecretAccessKey};

    use super::*;
    use crate::{Aws, Endpoint, Patience};

    fn connection(url: Option<&str>) -> Connection {
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".parse::<AccessKeyId>().unwrap(),
            secret: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap(),
            token: Some(SessionToken::new("token").unwrap()),
        };
        let region = "eu-central-1".parse().unwrap();
        let endpoint = match url {
            Some(url) => Endpoint::with_url(region, url),
            None => Endpoint::aws(region),
        };
        Aws::new(Patience::default()).unwrap().connect(endpoint, credentials, None)
    }

    fn authorization(connection: &Connection, call: &RawCall) -> String {
        let request = connection.signed(call).unwrap();
        request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_call_is_signed_for_its_service_and_region() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let (aws, sandbox) = (connection(None), connection(Some("http://127.0.0.1:4581/")));
        let iam = RawCall::iam("GetUser", &[("UserName", "a b+c")]).signed_at(at);
        assert_eq!(iam.body, "Action=GetUser&Version=2010-05-08&UserName=a%20b%2Bc");
        assert!(authorization(&aws, &iam).contains("/20260101/us-east-1/iam/aws4_request"));
        assert!(authorization(&sandbox, &iam).contains("/20260101/eu-central-1/iam/aws4_request"));
        assert_eq!(sandbox.signed(&iam).unwrap().uri(), "http://127.0.0.1:4581/");
        let organizations = RawCall::json("organizations", "X.ListRoots", "{}").signed_at(at);
        assert!(authorization(&aws, &organizations).contains("/us-east-1/organizations/aws4_request"));
        assert!(authorization(&sandbox, &organizations).contains("/eu-central-1/organizations/"));
        let signed = aws.signed(&organizations).unwrap();
        assert_eq!(signed.uri(), "https://organizations.us-east-1.amazonaws.com/");
        let buckets = aws.signed(&RawCall::list_buckets()).unwrap();
        assert_eq!(buckets.uri(), "https://s3.eu-central-1.amazonaws.com/");
        assert!(buckets.headers().contains_key("x-amz-content-sha256"));
        assert!(buckets.headers().contains_key("x-amz-security-token"));
    }

    #[test]
    fn tampering_changes_what_it_says_and_nothing_else() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let connection = connection(None);
        let call = RawCall::sts("GetCallerIdentity", &[]).signed_at(at);
        let honest = authorization(&connection, &call);
        let with = |tampering| call.clone().dangerous_tampering(tampering);
        assert_eq!(authorization(&connection, &with(Tampering::Unsigned)), "");
        let broken = authorization(&connection, &with(Tampering::Signature));
        assert_eq!(broken.len(), honest.len());
        assert_eq!(broken[..broken.len() - 1], honest[..honest.len() - 1]);
        assert_ne!(broken, honest);
        assert_eq!(authorization(&connection, &with(Tampering::Body("x".into()))), honest);
        let no_token = connection.signed(&with(Tampering::NoToken)).unwrap();
        assert!(!no_token.headers().contains_key("x-amz-security-token"));
    }

    #[test]
    fn errors_are_read_from_xml_and_json() {
        let cases = [
            (
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>a &amp; b</Message></Error></ErrorResponse>",
                "AccessDenied",
                "a & b",
            ),
            (
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>",
                "UnauthorizedOperation",
                "no",
            ),
            (
                "{\"__type\":\"com.amazon#AccessDeniedException\",\"Message\":\"no\"}",
                "AccessDeniedException",
                "no",
            ),
        ];
        for (body, code, message) in cases {
            let answer = RawAnswer::read(403, vec![("x-amzn-requestid".into(), "r".into())], body.into());
            assert_eq!((answer.code.as_deref(), answer.message.as_deref()), (Some(code), Some(message)));
            assert_eq!(answer.request_id.as_deref(), Some("r"));
            assert_eq!(answer.error("x:Y", Timestamp::now()).unwrap().kind, Kind::Denied);
        }
        assert_eq!(RawAnswer::read(200, vec![], "<Code>x</Code>".into()).code, None);
        let list = RawAnswer::read(200, vec![], "<Name>a</Name><Name>b</Name>".into());
        assert_eq!(list.elements("Name"), ["a", "b"]);
    }
}
