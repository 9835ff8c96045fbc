//! X.509 signing certificates.

use super::{Kind, fresh, write_common};
use crate::{
    ServiceError,
    iam::common::find_user_mut,
    model::{Rare, RareCredentials, SigningCertificate},
    operation::{Authorized, Call, Needs, Operation, Reply},
    wire::{Decoder, Rule, Xml, rules},
};

/// Certificates that a user may have.
const CERTIFICATES: usize = 2;
const BODY: Rule = Rule::text(1, 16_384);
/// A DER sequence, which every certificate is.
const SEQUENCE: u8 = 0x30;

impl Kind for SigningCertificate {
    const LIST: &'static str = "ListSigningCertificates";
    const UPDATE: &'static str = "UpdateSigningCertificate";
    const DELETE: &'static str = "DeleteSigningCertificate";
    const ID: &'static str = "CertificateId";
    const MEMBERS: &'static str = "Certificates";
    const STATUS: &'static [&'static str] = &["Active", "Inactive"];

    fn all(held: &RareCredentials) -> &Vec<Rare<Self>> {
        &held.signing_certificates
    }

    fn all_mut(held: &mut RareCredentials) -> &mut Vec<Rare<Self>> {
        &mut held.signing_certificates
    }

    /// Our words: no text was observed.
    fn missing(id: &str) -> ServiceError {
        ServiceError::no_such_entity(format!("The Certificate with id {id} cannot be found."))
    }

    fn write(one: &Rare<Self>, xml: &mut Xml) {
        xml.text("CertificateBody", &one.of.body);
        xml.time("UploadDate", one.created);
    }
}

/// `UploadSigningCertificate`. The sandbox looks whether it is a certificate by its wrapping, not at what it says.
pub(in crate::iam) struct Upload {
    user_name: Option<String>,
    body: String,
}

impl Operation for Upload {
    const NAME: &'static str = "UploadSigningCertificate";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            body: d.required("CertificateBody", &BODY),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &call.user_or_caller(self.user_name.as_deref())?))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let name = call.user_or_caller(op.user_name.as_deref())?;
        let now = call.now;
        let (account, rng) = call.account_and_rng();
        let user = find_user_mut(account, &name)?;
        if !is_certificate(&op.body) {
            return Err(ServiceError::new(400, "MalformedCertificate", "Certificate could not be parsed."));
        }
        let all = &user.rare.signing_certificates;
        if all.iter().any(|one| one.of.body == op.body) {
            return Err(ServiceError::new(409, "DuplicateCertificate", "The certificate is a duplicate."));
        }
        if all.len() >= CERTIFICATES {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for CertificatesPerUser: {CERTIFICATES}"
            )));
        }
        let made = Rare {
            id: fresh("", rng),
            active: true,
            created: now,
            of: SigningCertificate { body: op.body.clone() },
        };
        let reply = Reply::result(|xml| {
            xml.element("Certificate", |xml| {
                write_common(xml, &user.name, &made);
                SigningCertificate::write(&made, xml);
            });
        });
        user.rare.signing_certificates.push(made);
        Ok(reply)
    }
}

fn is_certificate(body: &str) -> bool {
    let inner = body
        .trim()
        .strip_prefix("-----BEGIN CERTIFICATE-----")
        .and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"));
    let base64: String = inner.unwrap_or_default().split_whitespace().collect();
    data_encoding::BASE64.decode(base64.as_bytes()).is_ok_and(|der| der.first() == Some(&SEQUENCE))
}
