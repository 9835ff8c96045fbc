//! `GetFederationToken`.

use crate::{
    ServiceError,
    caller::{CallerKind, SessionFacts},
    model::Tag,
    operation::{Authorized, Call, Needs, Operation, Reply},
    session::{Principal, Session},
    wire::{Decoder, rules},
};

use super::{
    assume_role::{check_session_arns, check_tag_keys, decode_session_arns, session_policy},
    end, write_credentials,
};

/// `GetFederationToken`: a user's permissions, cut down to a policy, for somebody else's name.
pub(super) struct GetFederationToken {
    name: String,
    seconds: Option<u32>,
    policy: Option<String>,
    policy_arns: Vec<String>,
    tags: Vec<Tag>,
}

impl Operation for GetFederationToken {
    const NAME: &'static str = "GetFederationToken";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            name: d.required("Name", &rules::FEDERATED_NAME),
            seconds: d.optional_number("DurationSeconds", 900, 129_600),
            policy: d.optional("Policy", &rules::SESSION_POLICY),
            policy_arns: decode_session_arns(d),
            tags: d.tags(),
        }
    }

    fn authenticate(&self, call: &mut Call<'_>) -> Result<bool, ServiceError> {
        if call.caller.session.is_some() {
            return Err(ServiceError::access_denied(
                "Cannot call GetFederationToken with session credentials",
            ));
        }
        Ok(false)
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_tag_keys(&self.tags)?;
        session_policy(self.policy.as_deref())?;
        let account = call.account();
        let resource = format!("arn:{}:sts::{}:federated-user/{}", account.partition, account.id, self.name);
        let needs = Needs::on(&resource).request_tags(&self.tags);
        Ok(if self.tags.is_empty() {
            needs
        } else {
            needs.also("sts:TagSession", resource).request_tags(&self.tags)
        })
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let (user, seconds) = match &call.caller.kind {
            CallerKind::User { id, .. } => (Some(id.to_string()), op.seconds.unwrap_or(43_200)),
            _ => (None, op.seconds.unwrap_or(3_600).min(3_600)),
        };
        check_session_arns(call.account(), &op.policy_arns)?;
        let facts = SessionFacts {
            issued: call.now,
            expires: end(call.now, seconds),
            mfa: None,
            source_identity: None,
            tags: op.tags.clone(),
            transitive: Vec::new(),
            policy: session_policy(op.policy.as_deref())?,
            policy_arns: op.policy_arns.clone(),
        };
        let expires = facts.expires;
        let session = Session { principal: Principal::Federated(op.name.clone(), user), facts };
        let size = session.packed_size()?;
        let issued = session.issue(call.caller.account, call.sealer, call.rng);
        let account = call.account();
        Ok(Reply::result(|xml| {
            write_credentials(xml, &issued, expires);
            xml.element("FederatedUser", |xml| {
                xml.text("FederatedUserId", format!("{}:{}", account.id, op.name));
                xml.text(
                    "Arn",
                    format!("arn:{}:sts::{}:federated-user/{}", account.partition, account.id, op.name),
                );
            });
            if op.policy.is_some() || !op.policy_arns.is_empty() || !op.tags.is_empty() {
                xml.text("PackedPolicySize", size);
            }
        }))
    }
}
