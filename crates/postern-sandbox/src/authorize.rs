//! May this caller do this? Every policy that counts, looked up anew, and the one evaluator.

use crate::{
    ServiceError,
    operation::{Call, Need},
};

/// Asks the policies about one need of an operation whose own action is `prefix:name`.
///
/// # Errors
/// AWS's `AccessDenied`, with its reason where AWS gives one.
pub(crate) fn authorize(call: &Call<'_>, prefix: &str, name: &str, need: &Need) -> Result<(), ServiceError> {
    let action = need.action.map_or_else(|| format!("{prefix}:{name}"), str::to_owned);
    // let _context = crate::context::of(call, need);
    // Until the evaluator is there, nobody may do anything.
    Err(ServiceError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {}",
        call.caller.arn, need.resource
    )))
}
