//! Which service a request speaks to, what it asks for, and the shape of the answer.

use crate::{
    ServiceError,
    http::{RawRequest, RawResponse},
    operation::{Reply, Service},
    sigv4::{Dialect, service_of},
    wire::{Malformed, Params, Xml},
};

/// The wire protocol of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// IAM and STS.
    Query(Service),
    /// Another service that speaks AWS Query.
    OtherQuery,
    Ec2,
    S3,
    /// JSON, with the operation in a header or in method and path.
    Json,
}

/// What a request asks for, before anybody knows who asks.
pub(crate) struct Asked {
    pub(crate) protocol: Protocol,
    /// The service: that of its API version where it names one, else that of the signature's scope.
    pub(crate) service: String,
    /// The service that the parameters speak of: a signature for another is refused.
    pub(crate) expected: Option<&'static str>,
    /// `Action`, or what stands behind the dot of `X-Amz-Target`.
    pub(crate) operation: Option<String>,
    /// Query string and form together.
    pub(crate) params: Params,
    /// The query string alone: a presigned signature stands there and nowhere else.
    pub(crate) query: Params,
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Asked {
    /// # Errors
    /// When query string or form cannot be read at all.
    pub(crate) fn of(raw: &RawRequest) -> Result<Self, Malformed> {
        let query = Params::read(raw.query(), b"")?;
        let content_type = raw.header("content-type").unwrap_or_default();
        let is_form = content_type.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM));
        let params = Params::read(raw.query(), if is_form { &raw.body } else { b"" })?;
        let action = params.get("Action").map(str::to_owned);
        let expected = match (&action, params.get("Version")) {
            (Some(_), Some("2010-05-08")) => Some("iam"),
            (Some(_), Some("2011-06-15")) => Some("sts"),
            (Some(_), Some("2016-11-15")) => Some("ec2"),
            _ => None,
        };
        let service = match expected {
            Some(service) => service.to_owned(),
            None => service_of(raw, &query).unwrap_or_default(),
        };
        let target = raw.header("x-amz-target");
        let protocol = match service.as_str() {
            "iam" => Protocol::Query(Service::Iam),
            "sts" => Protocol::Query(Service::Sts),
            "ec2" => Protocol::Ec2,
            "s3" => Protocol::S3,
            _ if target.is_some() => Protocol::Json,
            // Nothing tells the service: the shape that most services have.
            _ if action.is_some() || service.is_empty() => Protocol::OtherQuery,
            _ => Protocol::Json,
        };
        let operation = match protocol {
            Protocol::Json => target.and_then(|target| target.rsplit('.').next()).map(str::to_owned),
            Protocol::S3 => None,
            _ => action,
        };
        Ok(Self { protocol, service, expected, operation, params, query })
    }
}

impl Protocol {
    /// How the service words faults of authentication.
    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::Query(Service::Iam) => Dialect::Iam,
            Self::Query(Service::Sts) | Self::OtherQuery => Dialect::Query,
            Self::Ec2 => Dialect::Ec2,
            Self::S3 => Dialect::S3,
            Self::Json => Dialect::Json,
        }
    }

    /// A refusal in the shape of the protocol.
    pub(crate) fn error(self, error: &ServiceError, request_id: &str) -> RawResponse {
        if self == Self::Json {
            // The names of the members differ between services; clients read both.
            let mut body = serde_json::json!({
                "__type": error.code, "message": error.message, "Message": error.message,
            });
            if let (Some(reason), Some(members)) = (error.reason, body.as_object_mut()) {
                members.insert("Reason".to_owned(), reason.into());
            }
            return RawResponse {
                status: error.status,
                headers: vec![
                    ("content-type", "application/x-amz-json-1.1".to_owned()),
                    ("x-amzn-errortype", error.code.to_string()),
                    ("x-amzn-requestid", request_id.to_owned()),
                ],
                body: body.to_string().into_bytes(),
            };
        }
        let mut xml = Xml::new();
        match self {
            Self::Ec2 => xml.element("Response", |xml| {
                xml.element("Errors", |xml| {
                    xml.element("Error", |xml| {
                        xml.text("Code", &error.code);
                        xml.text("Message", &error.message);
                    });
                });
                xml.text("RequestID", request_id);
            }),
            Self::S3 => xml.element("Error", |xml| {
                xml.text("Code", &error.code);
                xml.text("Message", &error.message);
                xml.text("RequestId", request_id);
                xml.text("HostId", request_id);
            }),
            Self::Query(service) => {
                xml.root("ErrorResponse", service.namespace(), |xml| query_error(xml, error, request_id));
            }
            Self::OtherQuery | Self::Json => {
                xml.element("ErrorResponse", |xml| query_error(xml, error, request_id));
            }
        }
        self.xml(error.status, xml, request_id)
    }

    /// An XML answer with its headers.
    pub(crate) fn xml(self, status: u16, xml: Xml, request_id: &str) -> RawResponse {
        let text = xml.into_string();
        let (content_type, body) = match self {
            Self::S3 => ("application/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}")),
            Self::Ec2 => {
                ("text/xml;charset=UTF-8", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"))
            }
            _ => ("text/xml", text),
        };
        let id_header = if self == Self::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
        RawResponse {
            status,
            headers: vec![("content-type", content_type.to_owned()), (id_header, request_id.to_owned())],
            body: body.into_bytes(),
        }
    }
}

fn query_error(xml: &mut Xml, error: &ServiceError, request_id: &str) {
    xml.element("Error", |xml| {
        xml.text("Type", if error.status >= 500 { "Receiver" } else { "Sender" });
        xml.text("Code", &error.code);
        xml.text("Message", &error.message);
    });
    xml.text("RequestId", request_id);
}

/// What an operation of IAM or STS said, in their shape.
pub(crate) fn query_answer(
    service: Service,
    operation: &str,
    reply: &Reply,
    request_id: &str,
) -> RawResponse {
    let mut xml = Xml::new();
    xml.root(&format!("{operation}Response"), service.namespace(), |xml| {
        if let Some(result) = &reply.result {
            xml.element(&format!("{operation}Result"), |xml| xml.append(result));
        }
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    Protocol::Query(service).xml(200, xml, request_id)
}
