//! AWS Organizations: one tree of accounts, and service control policies on it.
//!
//! A JSON service: the operation stands in `X-Amz-Target`, the parameters in the body. Every operation is one
//! line of [`OPERATIONS`]: who may call it at all, which resources the caller's policies are asked about, and
//! what it does. What AWS has and is not here (handshakes, delegated administrators, other policy types,
//! account creation) is refused by name like everything that is not built.
//!
//! Codes and reasons are those of the *Organizations API Reference*; texts are AWS's where they were seen
//! (access, membership, policy types, patterns, the limit of attachments), else ours.

use postern_policy::Decision;
use serde_json::{Map, Value, json};

use crate::{
    ServiceError,
    authorize::decide,
    http::{RawRequest, RawResponse},
    model::{Organization, Tag},
    operation::{Call, KeyValue},
    protocol::{Asked, Protocol},
    services::{denied, need},
};

mod policies;
mod tree;

type Answer = Result<Value, ServiceError>;

/// Who may call an operation, whatever the policies say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// An account of any kind.
    Everyone,
    /// An account that is in an organization.
    Members,
    /// The management account of one.
    Management,
}

/// An operation.
struct Operation {
    name: &'static str,
    callers: Callers,
    /// The parameters that name resources which the policies are asked about; without any it is `*`.
    resources: &'static [&'static str],
    run: fn(&Input, &mut Call<'_>) -> Answer,
}

const fn operation(
    name: &'static str,
    callers: Callers,
    resources: &'static [&'static str],
    run: fn(&Input, &mut Call<'_>) -> Answer,
) -> Operation {
    Operation { name, callers, resources, run }
}

use Callers::{Everyone, Management, Members};

static OPERATIONS: [Operation; 30] = [
    operation("CreateOrganization", Everyone, &[], tree::create_organization),
    operation("DescribeOrganization", Members, &[], tree::describe_organization),
    operation("DeleteOrganization", Management, &[], tree::delete_organization),
    operation("ListRoots", Management, &[], tree::list_roots),
    operation("ListAccounts", Management, &[], tree::list_accounts),
    operation("DescribeAccount", Management, &["AccountId"], tree::describe_account),
    operation("ListAccountsForParent", Management, &["ParentId"], tree::list_accounts_for_parent),
    operation("CreateOrganizationalUnit", Management, &["ParentId"], tree::create_unit),
    operation("DescribeOrganizationalUnit", Management, &["OrganizationalUnitId"], tree::describe_unit),
    operation("DeleteOrganizationalUnit", Management, &["OrganizationalUnitId"], tree::delete_unit),
    operation("ListOrganizationalUnitsForParent", Management, &["ParentId"], tree::list_units),
    operation("ListParents", Management, &["ChildId"], tree::list_parents),
    operation("ListChildren", Management, &["ParentId"], tree::list_children),
    operation(
        "MoveAccount",
        Management,
        &["AccountId", "SourceParentId", "DestinationParentId"],
        tree::move_account,
    ),
    operation("LeaveOrganization", Members, &[], tree::leave),
    operation("RemoveAccountFromOrganization", Management, &["AccountId"], tree::remove_account),
    operation("EnablePolicyType", Management, &["RootId"], policies::enable_type),
    operation("DisablePolicyType", Management, &["RootId"], policies::disable_type),
    operation("CreatePolicy", Management, &[], policies::create),
    operation("UpdatePolicy", Management, &["PolicyId"], policies::update),
    operation("DescribePolicy", Management, &["PolicyId"], policies::describe),
    operation("DeletePolicy", Management, &["PolicyId"], policies::delete),
    operation("ListPolicies", Management, &[], policies::list),
    operation("AttachPolicy", Management, &["PolicyId", "TargetId"], policies::attach),
    operation("DetachPolicy", Management, &["PolicyId", "TargetId"], policies::detach),
    operation("ListPoliciesForTarget", Management, &["TargetId"], policies::list_for_target),
    operation("ListTargetsForPolicy", Management, &["PolicyId"], policies::list_targets),
    operation("TagResource", Management, &["ResourceId"], policies::tag),
    operation("UntagResource", Management, &["ResourceId"], policies::untag),
    operation("ListTagsForResource", Management, &["ResourceId"], policies::list_tags),
];

/// Runs an operation of Organizations; none for one that is not built.
pub(crate) fn perform(
    raw: &RawRequest,
    asked: &Asked,
    call: &mut Call<'_>,
    request_id: &str,
) -> Option<Result<RawResponse, ServiceError>> {
    let name = asked.operation.as_deref()?;
    let operation = OPERATIONS.iter().find(|operation| operation.name == name)?;
    Some(answer(operation, raw, call).map(|body| RawResponse {
        status: 200,
        headers: vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amzn-requestid", request_id.to_owned()),
        ],
        // Operations without output answer with an empty body.
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    }))
}

fn answer(operation: &Operation, raw: &RawRequest, call: &mut Call<'_>) -> Answer {
    let input = Input::read(&raw.body)?;
    authorize(operation, &input, call)?;
    match (operation.callers, call.state.organization_of(call.caller.account)) {
        (Everyone, _) | (Members, Some(_)) => {}
        (Management, Some(organization)) if organization.management == call.caller.account => {}
        (Management, Some(_)) => {
            return Err(error("AccessDenied", "You don't have permissions to access this resource."));
        }
        (_, None) => {
            return Err(error(
                "AWSOrganizationsNotInUse",
                "Your account is not a member of an organization.",
            ));
        }
    }
    (operation.run)(&input, call)
}

/// Asks the policies about each resource that the operation names.
fn authorize(operation: &Operation, input: &Input, call: &mut Call<'_>) -> Result<(), ServiceError> {
    let action = format!("organizations:{}", operation.name);
    let organization = call.state.organization_of(call.caller.account);
    let mut resources = Vec::new();
    for name in operation.resources {
        let id = input.text(name)?;
        resources.push(organization.map_or_else(|| "*".to_owned(), |found| found.arn_of(id)));
    }
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    for resource in resources {
        let mut need = need(&resource);
        if let Some(kind) = input.optional("PolicyType").or(input.optional("Type")) {
            need.keys.push(("organizations:PolicyType".to_owned(), KeyValue::One(kind.to_owned())));
        }
        for tag in input.tags()? {
            need.keys.push((format!("aws:RequestTag/{}", tag.key), KeyValue::One(tag.value)));
        }
        let decided = decide(call, &action, &need);
        let refusal = match decided.decision {
            Decision::Allowed => None,
            _ => Some(denied(Protocol::Json, call, &decided)),
        };
        call.decided.push(decided);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
    }
    Ok(())
}

/// The parameters of a call.
struct Input(Map<String, Value>);

impl Input {
    fn read(body: &[u8]) -> Result<Self, ServiceError> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(error("Serialization", "The request is no JSON object.")),
        }
    }

    /// A text that must be there.
    fn text(&self, name: &str) -> Result<&str, ServiceError> {
        self.optional(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            invalid("INPUT_REQUIRED", format!("You must specify a value for the parameter {name}."))
        })
    }

    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// An id that must look like one of these kinds: `r`, `ou`, `p`, or a number for accounts.
    fn id(&self, name: &str, kinds: &[&str]) -> Result<&str, ServiceError> {
        let text = self.text(name)?;
        let part = |part: &str, least: usize| {
            part.len() >= least && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let fits = |kind: &&str| match *kind {
            "r" => text.strip_prefix("r-").is_some_and(|rest| part(rest, 4)),
            "ou" => text
                .strip_prefix("ou-")
                .and_then(|rest| rest.split_once('-'))
                .is_some_and(|(root, rest)| part(root, 4) && part(rest, 8)),
            "p" => text.strip_prefix("p-").is_some_and(|rest| {
                rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }),
            _ => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
        };
        if kinds.iter().any(fits) {
            return Ok(text);
        }
        Err(invalid("INVALID_PATTERN", "You provided a value that does not match the required pattern."))
    }

    /// `Tags`
    fn tags(&self) -> Result<Vec<Tag>, ServiceError> {
        let Some(tags) = self.0.get("Tags").and_then(Value::as_array) else { return Ok(Vec::new()) };
        let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut read: Vec<Tag> = Vec::new();
        for tag in tags {
            let (Some(key), Some(value)) = (text(tag, "Key"), text(tag, "Value")) else {
                return Err(invalid("INPUT_REQUIRED", "Each tag must have a key and a value."));
            };
            if read.iter().any(|other| other.key == key) {
                return Err(invalid("DUPLICATE_TAG_KEY", format!("The tag key {key} is there twice.")));
            }
            read.push(Tag { key, value });
        }
        Ok(read)
    }

    /// `TagKeys`
    fn tag_keys(&self) -> Vec<&str> {
        let keys = self.0.get("TagKeys").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// One page of these items, which come in the order of their keys: `MaxResults` (1 to 20) and `NextToken`.
    fn page(&self, call: &Call<'_>, name: &str, items: impl IntoIterator<Item = (String, Value)>) -> Answer {
        const MOST: usize = 20;
        let most = match self.0.get("MaxResults") {
            None => MOST,
            Some(number) => match number.as_u64().and_then(|n| usize::try_from(n).ok()) {
                Some(n @ 1..=MOST) => n,
                _ => return Err(invalid("MAX_VALUE_EXCEEDED", "MaxResults must be between 1 and 20.")),
            },
        };
        let purpose = format!("organizations:{name}:{}", call.caller.account);
        let after = match self.optional("NextToken") {
            None => None,
            Some(token) => {
                let opened = call.sealer.open(&purpose, token);
                let key = opened.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
                Some(key.ok_or_else(|| invalid("INVALID_NEXT_TOKEN", "The token is not one of this list."))?)
            }
        };
        let mut rest =
            items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
        let (mut page, mut last) = (Vec::new(), String::new());
        while page.len() < most {
            let Some((key, item)) = rest.next() else { break };
            page.push(item);
            last = key;
        }
        let mut answer = json!({ name: page });
        if let (Some(_), Some(members)) = (rest.peek(), answer.as_object_mut()) {
            let token = call.sealer.seal_same(&purpose, last.as_bytes());
            members.insert("NextToken".to_owned(), Value::String(token));
        }
        Ok(answer)
    }
}

/// The caller's organization. [`answer`] has seen that there is one.
fn here<'a>(call: &'a Call<'_>) -> Result<&'a Organization, ServiceError> {
    call.state.organization_of(call.caller.account).ok_or_else(not_in_use)
}

fn here_mut<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Organization, ServiceError> {
    call.state.organization_of_mut(call.caller.account).ok_or_else(not_in_use)
}

fn not_in_use() -> ServiceError {
    error("AWSOrganizationsNotInUse", "Your account is not a member of an organization.")
}

/// An error of Organizations: all of them have the status 400, and codes that end in `Exception`.
fn error(code: &str, message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, format!("{code}Exception"), message)
}

fn invalid(reason: &'static str, message: impl Into<String>) -> ServiceError {
    error("InvalidInput", message).because(reason)
}

fn violates(reason: &'static str, message: impl Into<String>) -> ServiceError {
    error("ConstraintViolation", message).because(reason)
}

/// What operations without output answer.
const NOTHING: Answer = Ok(Value::Null);
