//! Every call as a CloudTrail record, denials too, secrets left out.

use std::{collections::VecDeque, sync::Arc};

use postern_policy::Decision;
use postern_types::{AccountId, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    ServiceError,
    caller::{Caller, CallerKind},
    operation::Decided,
    wire::{Params, seconds},
};

/// Records kept; the oldest give way.
const KEPT: usize = 10_000;
/// The most of a parameter's value that is kept.
const LONGEST: usize = 2_048;

/// Parameters whose values nobody is to read again.
const SECRET: &[&str] = &[
    "Password",
    "NewPassword",
    "OldPassword",
    "TokenCode",
    "AuthenticationCode1",
    "AuthenticationCode2",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
];

/// Parameters that say nothing about what was asked for.
fn is_plumbing(name: &str) -> bool {
    matches!(name, "Action" | "Version") || name.starts_with("X-Amz-")
}

/// One call.
pub(crate) struct TrailEvent {
    pub(crate) time: Timestamp,
    pub(crate) request_id: String,
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) region: String,
    pub(crate) source_ip: core::net::IpAddr,
    pub(crate) user_agent: Option<String>,
    /// None when the request could not be authenticated.
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) decided: Vec<Decided>,
    pub(crate) error: Option<ServiceError>,
}

/// The parameters as the trail keeps them.
pub(crate) fn parameters(params: &Params) -> Vec<(String, String)> {
    params
        .iter()
        .filter(|(name, _)| !is_plumbing(name))
        .map(|(name, value)| {
            let value = if SECRET.contains(&name) {
                "HIDDEN_DUE_TO_SECURITY_REASONS".to_owned()
            } else {
                value.chars().take(LONGEST).collect()
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// The texts in the body of a JSON request. None of the services that the sandbox has takes secrets there.
pub(crate) fn json_parameters(body: &[u8]) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return Vec::new() };
    let text = |value: &Value| Some(value.as_str()?.chars().take(LONGEST).collect());
    members.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// The last calls.
#[derive(Default)]
pub(crate) struct Trail(VecDeque<Arc<TrailEvent>>);

impl Trail {
    pub(crate) fn push(&mut self, event: TrailEvent) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(event));
    }

    /// All calls, oldest first; they are shared, so that nobody waits while records are written.
    pub(crate) fn events(&self) -> Vec<Arc<TrailEvent>> {
        self.0.iter().cloned().collect()
    }
}

impl TrailEvent {
    /// The call as CloudTrail would have it.
    pub(crate) fn record(&self) -> Value {
        let mut record = json!({
            "eventVersion": "1.11",
            "eventTime": seconds(self.time).to_string(),
            "eventSource": format!("{}.amazonaws.com", self.service),
            "eventName": self.operation,
            "awsRegion": self.region,
            "sourceIPAddress": self.source_ip.to_string(),
            "userAgent": self.user_agent,
            "requestID": self.request_id,
            "eventID": self.request_id,
            "eventType": "AwsApiCall",
            "eventCategory": "Management",
            "managementEvent": true,
            "readOnly": is_read(&self.operation),
            "userIdentity": self.caller.as_deref().map_or_else(|| json!({"type": "Unknown"}), identity),
            "recipientAccountId": self.caller.as_ref().map(|caller| caller.account.to_string()),
            "requestParameters": parameters_value(&self.parameters),
            "responseElements": null,
        });
        let Value::Object(members) = &mut record else { return record };
        if let Some(error) = &self.error {
            members.insert("errorCode".to_owned(), json!(error.code));
            members.insert("errorMessage".to_owned(), json!(error.message));
        }
        if !self.decided.is_empty() {
            let resources: Vec<Value> = self.decided.iter().map(|d| json!({"ARN": d.resource})).collect();
            members.insert("resources".to_owned(), Value::Array(resources));
            let decisions: Vec<Value> = self.decided.iter().map(decision).collect();
            members.insert("additionalEventData".to_owned(), json!({"decisions": decisions}));
        }
        record
    }
}

fn decision(decided: &Decided) -> Value {
    let decision = match decided.decision {
        Decision::Allowed => "Allowed",
        Decision::ImplicitlyDenied => "ImplicitlyDenied",
        Decision::ExplicitlyDenied => "ExplicitlyDenied",
    };
    json!({
        "action": decided.action, "resource": decided.resource, "decision": decision, "reason": decided.reason,
    })
}

pub(crate) fn is_read(operation: &str) -> bool {
    ["Get", "List", "Describe", "Simulate", "Decode", "Head"].iter().any(|verb| operation.starts_with(verb))
}

fn identity(caller: &Caller) -> Value {
    let account: AccountId = caller.account;
    let kind = match &caller.kind {
        CallerKind::Root => "Root",
        CallerKind::User { .. } => "IAMUser",
        CallerKind::Role { .. } => "AssumedRole",
        CallerKind::Federated { .. } => "FederatedUser",
    };
    let mut identity = Map::new();
    let mut set = |name: &str, value: Value| identity.insert(name.to_owned(), value);
    set("type", json!(kind));
    let principal = match &caller.kind {
        CallerKind::User { id, .. } => id.to_string(),
        _ => caller.user_id(),
    };
    set("principalId", json!(principal));
    set("arn", json!(caller.arn));
    set("accountId", json!(account.to_string()));
    set("accessKeyId", json!(caller.key.as_str()));
    if let CallerKind::User { name, .. } = &caller.kind {
        set("userName", json!(name));
    }
    if let Some(session) = &caller.session {
        let mut context = json!({
            "attributes": {
                "creationDate": seconds(session.issued).to_string(),
                "mfaAuthenticated": session.mfa.is_some().to_string(),
            }
        });
        if let (CallerKind::Role { id, role_arn, .. }, Value::Object(context)) = (&caller.kind, &mut context)
        {
            context.insert(
                "sessionIssuer".to_owned(),
                json!({
                    "type": "Role", "principalId": id.as_str(), "arn": role_arn, "accountId": account.to_string(),
                    "userName": role_arn.rsplit('/').next(),
                }),
            );
            if let Some(source) = &session.source_identity {
                context.insert("sourceIdentity".to_owned(), json!(source));
            }
        }
        set("sessionContext", context);
    }
    Value::Object(identity)
}

/// The parameters in CloudTrail's lower camel case, flat as they were sent.
fn parameters_value(parameters: &[(String, String)]) -> Value {
    if parameters.is_empty() {
        return Value::Null;
    }
    let camel = |name: &str| {
        let mut letters = name.chars();
        letters.next().map_or_else(String::new, |c| c.to_ascii_lowercase().to_string() + letters.as_str())
    };
    Value::Object(parameters.iter().map(|(name, value)| (camel(name), json!(value))).collect())
}
