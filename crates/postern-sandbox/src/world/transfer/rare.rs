//! Credentials of single services, in and out.

use postern_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Rare, RareCredentials, ServiceSpecific, SigningCertificate, SshPublicKey};

/// States that were written before there were any have none.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RareDto {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_public_keys: Vec<OneDto>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service_specific: Vec<OneDto>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signing_certificates: Vec<OneDto>,
}

#[derive(Serialize, Deserialize)]
struct OneDto {
    id: String,
    active: bool,
    created: Timestamp,
    /// The key, the certificate, or the service.
    of: String,
    /// For a service only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

fn one<T>(rare: &Rare<T>, of: &str) -> OneDto {
    OneDto {
        id: rare.id.clone(),
        active: rare.active,
        created: rare.created,
        of: of.to_owned(),
        service_user_name: None,
        expires: None,
    }
}

pub(super) fn rare_out(held: &RareCredentials) -> RareDto {
    let services = held.service_specific.iter().map(|rare| OneDto {
        service_user_name: Some(rare.of.service_user_name.clone()),
        expires: rare.of.expires,
        ..one(rare, &rare.of.service)
    });
    RareDto {
        ssh_public_keys: held.ssh_public_keys.iter().map(|rare| one(rare, &rare.of.body)).collect(),
        service_specific: services.collect(),
        signing_certificates: held.signing_certificates.iter().map(|rare| one(rare, &rare.of.body)).collect(),
    }
}

fn all<T>(dtos: Vec<OneDto>, of: impl Fn(&mut OneDto) -> T) -> Vec<Rare<T>> {
    dtos.into_iter()
        .map(|mut dto| {
            let of = of(&mut dto);
            Rare { id: dto.id, active: dto.active, created: dto.created, of }
        })
        .collect()
}

pub(super) fn rare_in(dto: RareDto) -> RareCredentials {
    let body = |dto: &mut OneDto| std::mem::take(&mut dto.of);
    RareCredentials {
        ssh_public_keys: all(dto.ssh_public_keys, |dto| SshPublicKey { body: body(dto) }),
        service_specific: all(dto.service_specific, |dto| ServiceSpecific {
            service: body(dto),
            service_user_name: dto.service_user_name.take().unwrap_or_default(),
            expires: dto.expires,
        }),
        signing_certificates: all(dto.signing_certificates, |dto| SigningCertificate { body: body(dto) }),
    }
}
