//! What is no IAM and no STS: a little real work, and honest words about all the rest.

use postern_policy::Decision;

use crate::{
    ServiceError,
    authorize::{decide, may_touch},
    http::{RawRequest, RawResponse},
    operation::{Call, Decided, Need},
    organizations,
    protocol::{Asked, Protocol},
};

mod ec2;
mod s3;
mod target;

/// Runs the request, or refuses it.
///
/// # Errors
/// In the words of its service.
pub(crate) fn perform(
    raw: &RawRequest,
    asked: &Asked,
    call: &mut Call<'_>,
    request_id: &str,
) -> Result<RawResponse, ServiceError> {
    if asked.protocol == Protocol::Json
        && asked.service == "organizations"
        && let Some(answer) = organizations::perform(raw, asked, call, request_id)
    {
        return answer;
    }
    let target = target::of(raw, asked, call);
    match (asked.protocol, target.name.as_str()) {
        (Protocol::Ec2, "DescribeInstances") => {
            allowed(asked, call, &target)?;
            ec2::describe_instances(&asked.params, call, request_id)
        }
        (Protocol::Ec2, "DescribeRegions") => {
            allowed(asked, call, &target)?;
            ec2::describe_regions(&asked.params, call, request_id)
        }
        (Protocol::S3, "ListBuckets") => {
            allowed(asked, call, &target)?;
            Ok(s3::list_buckets(call, request_id))
        }
        _ => Err(refuse(asked, call, &target)),
    }
}

/// What a request to S3 wants, for the trail.
pub(crate) fn s3_operation(raw: &RawRequest) -> String {
    s3::target(raw).name
}

/// The service that a request is for, as its actions name it, and the action's name where it can be told.
pub(crate) fn tried<'a>(raw: &RawRequest, asked: &'a Asked) -> (&'a str, Option<String>) {
    target::tried(raw, asked)
}

/// What a request wants to do, as far as it can be told.
pub(crate) struct Target {
    /// `DescribeInstances`
    pub(crate) name: String,
    /// `ec2:DescribeInstances`; differs from the name where AWS's does. None where it cannot be told.
    pub(crate) action: Option<String>,
    /// The resource's ARN; none where it cannot be told.
    pub(crate) resource: Option<String>,
}

pub(crate) fn need(resource: &str) -> Need {
    Need { action: None, resource: resource.to_owned(), keys: Vec::new(), assumed_role: None }
}

fn allowed(asked: &Asked, call: &mut Call<'_>, target: &Target) -> Result<(), ServiceError> {
    let (Some(action), Some(resource)) = (&target.action, &target.resource) else {
        return Err(not_implemented(asked, target));
    };
    let decided = decide(call, action, &need(resource));
    let outcome = match decided.decision {
        Decision::Allowed => Ok(()),
        _ => Err(denied(asked.protocol, call, &decided)),
    };
    call.decided.push(decided);
    outcome
}

/// An operation that the sandbox does not have: refused by the policies where that can be told, else said so.
///
/// Where the resource cannot be told, a refusal is certain only if a deny covers everything, or no statement
/// allows the action on anything.
fn refuse(asked: &Asked, call: &mut Call<'_>, target: &Target) -> ServiceError {
    let Some(action) = &target.action else { return not_implemented(asked, target) };
    let decided = decide(call, action, &need(target.resource.as_deref().unwrap_or("*")));
    let certain = match decided.decision {
        Decision::Allowed => false,
        Decision::ExplicitlyDenied => true,
        Decision::ImplicitlyDenied => target.resource.is_some() || !may_touch(call, action),
    };
    let error = if certain { denied(asked.protocol, call, &decided) } else { not_implemented(asked, target) };
    call.decided.push(decided);
    error
}

fn not_implemented(asked: &Asked, target: &Target) -> ServiceError {
    let service = if asked.service.is_empty() { "unknown service" } else { &asked.service };
    ServiceError::not_implemented(format!(
        "The sandbox does not implement {service}:{}. The request was authenticated, and nothing was done.",
        target.name
    ))
}

/// The refusal in the words of the protocol's services.
pub(crate) fn denied(protocol: Protocol, call: &Call<'_>, decided: &Decided) -> ServiceError {
    let Decided { action, resource, reason, .. } = decided;
    let mut text = format!("User: {} is not authorized to perform: {action}", call.caller.arn);
    if resource != "*" {
        text.push_str(" on resource: ");
        match protocol {
            Protocol::S3 => text.push_str(&format!("\"{resource}\"")),
            _ => text.push_str(resource),
        }
    }
    if let Some(reason) = reason {
        text.push(' ');
        text.push_str(reason);
    }
    match protocol {
        Protocol::Ec2 => ServiceError::new(
            403,
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation. {text}"),
        ),
        Protocol::Json => ServiceError::new(400, "AccessDeniedException", text),
        _ => ServiceError::access_denied(text),
    }
}

/// An operation of IAM or STS that AWS has and the sandbox lacks, refused in the same way.
pub(crate) fn lacking(asked: &Asked, call: &mut Call<'_>, name: &str) -> ServiceError {
    let action = Some(format!("{}:{name}", asked.service));
    refuse(asked, call, &Target { name: name.to_owned(), action, resource: None })
}

/// An operation of STS that needs no signature: no caller, hence no policies to ask.
pub(crate) fn unsigned(name: &str) -> ServiceError {
    ServiceError::not_implemented(format!("The sandbox does not implement sts:{name}. Nothing was done."))
}
