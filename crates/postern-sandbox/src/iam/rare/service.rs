//! Service-specific credentials: user name and password for Git and Cassandra, API keys for Bedrock.

use postern_types::SignedDuration;

use super::{Kind, fresh, write_common};
use crate::{
    ServiceError,
    iam::common::find_user_mut,
    model::{Rare, RareCredentials, ServiceSpecific},
    operation::{Authorized, Call, Needs, Operation, Reply},
    wire::{Decoder, Rule, Xml, rules},
};

/// Credentials of one service that a user may have.
const PER_SERVICE: usize = 2;
const BEDROCK: &str = "bedrock.amazonaws.com";
const SERVICES: [&str; 3] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com", BEDROCK];
const SERVICE_NAME: Rule = Rule::text(1, 256);

impl Kind for ServiceSpecific {
    const LIST: &'static str = "ListServiceSpecificCredentials";
    const UPDATE: &'static str = "UpdateServiceSpecificCredential";
    const DELETE: &'static str = "DeleteServiceSpecificCredential";
    const ID: &'static str = "ServiceSpecificCredentialId";
    const MEMBERS: &'static str = "ServiceSpecificCredentials";
    const STATUS: &'static [&'static str] = &["Active", "Inactive"];

    fn all(held: &RareCredentials) -> &Vec<Rare<Self>> {
        &held.service_specific
    }

    fn all_mut(held: &mut RareCredentials) -> &mut Vec<Rare<Self>> {
        &mut held.service_specific
    }

    /// Our words: no text was observed.
    fn missing(id: &str) -> ServiceError {
        ServiceError::no_such_entity(format!("The service-specific credential with id {id} cannot be found."))
    }

    fn write(one: &Rare<Self>, xml: &mut Xml) {
        let name = if one.of.service == BEDROCK { "ServiceCredentialAlias" } else { "ServiceUserName" };
        xml.text(name, &one.of.service_user_name);
        xml.time("CreateDate", one.created);
        if let Some(expires) = one.of.expires {
            xml.time("ExpirationDate", expires);
        }
        xml.text("ServiceName", &one.of.service);
    }
}

/// `CreateServiceSpecificCredential`: the only answer that ever shows the secret.
pub(in crate::iam) struct Create {
    user_name: String,
    service: String,
    age_days: Option<u32>,
}

impl Operation for Create {
    const NAME: &'static str = "CreateServiceSpecificCredential";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
            service: d.required("ServiceName", &SERVICE_NAME),
            age_days: d.optional_number("CredentialAgeDays", 1, 36_600),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let needs = Needs::on_user(call.account(), &self.user_name);
        let needs = needs.key("iam:ServiceSpecificCredentialServiceName", self.service.as_str());
        let days = self.age_days.map(|days| days.to_string());
        Ok(needs.maybe_key("iam:ServiceSpecificCredentialAgeDays", days.as_deref()))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let now = call.now;
        let account_id = call.account().id;
        let (account, rng) = call.account_and_rng();
        let user = find_user_mut(account, &op.user_name)?;
        if !SERVICES.contains(&op.service.as_str()) {
            return Err(ServiceError::new(
                404,
                "NotSupportedService",
                format!("The service {} does not support service-specific credentials.", op.service),
            ));
        }
        let before = user.rare.service_specific.iter().filter(|one| one.of.service == op.service).count();
        if before >= PER_SERVICE {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for ServiceSpecificCredentialsPerUser: {PER_SERVICE}"
            )));
        }
        let more = if before == 0 { String::new() } else { format!("+{before}") };
        let days = op.age_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        let made = Rare {
            id: fresh("ACCA", rng),
            active: true,
            created: now,
            of: ServiceSpecific {
                service: op.service.clone(),
                service_user_name: format!("{}{more}-at-{account_id}", user.name),
                expires: days.and_then(|days| now.checked_add(days).ok()),
            },
        };
        let mut secret = [0_u8; 33];
        rng.fill_bytes(&mut secret);
        let secret = data_encoding::BASE64.encode(&secret);
        let reply = Reply::result(|xml| {
            xml.element("ServiceSpecificCredential", |xml| {
                write_common(xml, &user.name, &made);
                ServiceSpecific::write(&made, xml);
                let name = if op.service == BEDROCK { "ServiceCredentialSecret" } else { "ServicePassword" };
                xml.text(name, &secret);
            });
        });
        user.rare.service_specific.push(made);
        Ok(reply)
    }
}
