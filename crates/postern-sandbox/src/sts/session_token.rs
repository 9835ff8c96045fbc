//! `GetSessionToken`.

use crate::{
    ServiceError,
    caller::{CallerKind, SessionFacts},
    operation::{Authorized, Call, Needs, Operation, Reply},
    session::{Principal, Session},
    wire::{Decoder, rules},
};

use super::{check_code, end, write_credentials};

/// `GetSessionToken`: for long-term keys only; no policy governs it, in either direction.
pub(super) struct GetSessionToken {
    seconds: Option<u32>,
    serial: Option<String>,
    code: Option<String>,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            seconds: d.optional_number("DurationSeconds", 900, 129_600),
            serial: d.optional("SerialNumber", &rules::STS_SERIAL_NUMBER),
            code: d.optional("TokenCode", &rules::STS_TOKEN_CODE),
        }
    }

    fn authenticate(&self, call: &mut Call<'_>) -> Result<bool, ServiceError> {
        if call.caller.session.is_some() {
            return Err(ServiceError::access_denied("Cannot call GetSessionToken with session credentials"));
        }
        check_code(call, self.serial.as_deref(), self.code.as_deref())
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::nothing())
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let (principal, seconds) = match &call.caller.kind {
            CallerKind::User { id, .. } => (Principal::User(id.to_string()), op.seconds.unwrap_or(43_200)),
            // Root's sessions last an hour at most, whatever is asked for.
            _ => (Principal::Root, op.seconds.unwrap_or(3_600).min(3_600)),
        };
        let facts = SessionFacts {
            issued: call.now,
            expires: end(call.now, seconds),
            mfa: call.mfa_now.then_some(call.now),
            source_identity: None,
            tags: Vec::new(),
            transitive: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
        };
        let expires = facts.expires;
        let issued = Session { principal, facts }.issue(call.caller.account, call.sealer, call.rng);
        Ok(Reply::result(|xml| write_credentials(xml, &issued, expires)))
    }
}
