//! What a request wants, read off its parameters, headers or path.

use crate::{
    http::RawRequest,
    operation::Call,
    protocol::{Asked, Protocol},
};

use super::{Target, s3};

/// The operation, its action, and its resource where that can be told.
pub(super) fn of(raw: &RawRequest, asked: &Asked, call: &Call<'_>) -> Target {
    match asked.protocol {
        Protocol::S3 => s3::target(raw),
        Protocol::Ec2 => {
            let name = asked.operation.clone().unwrap_or_default();
            // Nearly all that EC2 describes has no resource-level permissions.
            let resource = name.starts_with("Describe").then(|| "*".to_owned());
            Target { action: action("ec2", &name), resource, name }
        }
        Protocol::Json if asked.operation.is_none() => {
            // REST with JSON: which operation method and path mean is each service's own business.
            Target { name: format!("{} {}", raw.method, raw.path()), action: None, resource: None }
        }
        _ => {
            let name = asked.operation.clone().unwrap_or_default();
            let resource = resource(raw, asked, call, &name);
            Target { action: action(prefix(&asked.service), &name), resource, name }
        }
    }
}

/// The service as its actions name it, and the name of the action where it can be told.
pub(super) fn tried<'a>(raw: &RawRequest, asked: &'a Asked) -> (&'a str, Option<String>) {
    match asked.protocol {
        Protocol::S3 => {
            let action = s3::target(raw).action;
            ("s3", action.as_deref().and_then(|action| action.strip_prefix("s3:")).map(str::to_owned))
        }
        Protocol::Ec2 => ("ec2", asked.operation.clone()),
        _ => (prefix(&asked.service), asked.operation.clone()),
    }
}

fn action(prefix: &str, name: &str) -> Option<String> {
    (!prefix.is_empty() && !name.is_empty()).then(|| format!("{prefix}:{name}"))
}

/// The prefix of a service's actions, where it is not the name that signatures use.
fn prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        "email" => "ses",
        other => other,
    }
}

/// The resource of the operations that demonstrations call; none where it cannot be told.
fn resource(raw: &RawRequest, asked: &Asked, call: &Call<'_>, name: &str) -> Option<String> {
    let account = call.caller.account;
    let partition = call.account().partition;
    let region = &call.facts.region;
    match (asked.service.as_str(), name) {
        (_, _) if name.starts_with("List") && asked.service == "cloudtrail" => Some("*".to_owned()),
        ("cloudtrail", "DescribeTrails" | "LookupEvents") => Some("*".to_owned()),
        ("cloudtrail", _) => {
            // Names or ARNs are taken.
            let body: serde_json::Value = serde_json::from_slice(&raw.body).ok()?;
            let trail = body.get("Name").or_else(|| body.get("TrailName"))?.as_str()?;
            Some(if trail.starts_with("arn:") {
                trail.to_owned()
            } else {
                format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{trail}")
            })
        }
        _ => None,
    }
}
