//! Who am I, and whose key is that.

use postern_types::AccessKeyId;

use crate::{
    ServiceError,
    operation::{Authorized, Call, Needs, Operation, Reply},
    wire::{Decoder, Rule, rules},
};

/// `GetCallerIdentity`: needs no permission, and no policy can deny it.
pub(super) struct GetCallerIdentity;

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::nothing())
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        Ok(Reply::result(|xml| {
            xml.text("Arn", &call.caller.arn);
            xml.text("UserId", call.caller.user_id());
            xml.text("Account", call.caller.account);
        }))
    }
}

/// `GetAccessKeyInfo`: the account that a key id carries, whosever it is.
pub(super) struct GetAccessKeyInfo {
    key: String,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { key: d.required("AccessKeyId", &rules::ACCESS_KEY_ID) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, _call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = op.key.parse::<AccessKeyId>().ok().and_then(|id| id.account());
        // What AWS says of ids without an account in them is not known.
        let account = account
            .ok_or_else(|| ServiceError::validation(format!("{} is not a valid access key id", op.key)))?;
        Ok(Reply::result(|xml| xml.text("Account", account)))
    }
}

/// `DecodeAuthorizationMessage`. The sandbox never hands out an encoded message, so none is valid.
pub(super) struct DecodeAuthorizationMessage;

impl Operation for DecodeAuthorizationMessage {
    const NAME: &'static str = "DecodeAuthorizationMessage";

    fn decode(d: &mut Decoder<'_>) -> Self {
        d.required("EncodedMessage", &Rule::text(1, 10_240));
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, _call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        Err(ServiceError::new(400, "InvalidAuthorizationMessageException", "Message is not valid"))
    }
}
