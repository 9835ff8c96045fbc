//! Service control policies: their texts, where they are attached, and tags.

use postern_policy::stored;
use serde_json::{Value, json};

use super::{Answer, Input, NOTHING, error, here, here_mut, invalid, tree, violates};
use crate::{
    ServiceError,
    model::{FULL_ACCESS, FULL_ACCESS_ARN, FULL_ACCESS_TEXT, Organization, PolicyText, Scp, Tag, token},
    operation::Call,
};

pub(super) const SCP_TYPE: &str = "SERVICE_CONTROL_POLICY";

/// Types that AWS has and the sandbox does not: refused by name.
const OTHER_TYPES: [&str; 9] = [
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
];

// Organizations User Guide, Quotas.
/// Characters of an SCP, white space included: nothing is removed from what comes by the API.
const LONGEST: usize = 5_120;
/// SCPs on one root, unit or account, `FullAWSAccess` among them.
const ATTACHED: usize = 5;
/// SCPs of an organization.
const MOST: usize = 10_000;
const TAGS: usize = 50;

pub(super) fn enable_type(input: &Input, call: &mut Call<'_>) -> Answer {
    let organization = typed(input, call)?;
    if organization.scps_enabled {
        return Err(error("PolicyTypeAlreadyEnabled", "The specified policy type is already enabled."));
    }
    organization.enable_scps();
    Ok(json!({ "Root": tree::root_value(organization) }))
}

pub(super) fn disable_type(input: &Input, call: &mut Call<'_>) -> Answer {
    let organization = typed(input, call)?;
    if !organization.scps_enabled {
        return Err(not_enabled());
    }
    organization.disable_scps();
    Ok(json!({ "Root": tree::root_value(organization) }))
}

/// The organization whose root and policy type are named.
fn typed<'a>(input: &Input, call: &'a mut Call<'_>) -> Result<&'a mut Organization, ServiceError> {
    let root = input.id("RootId", &["r"])?;
    policy_type(input.text("PolicyType")?)?;
    let organization = here_mut(call)?;
    if organization.root != root {
        return Err(error("RootNotFound", "You specified a root that doesn't exist."));
    }
    if !organization.all_features {
        let message = "You can't use the specified policy type: all features are not enabled.";
        return Err(error("PolicyTypeNotAvailableForOrganization", message));
    }
    Ok(organization)
}

fn policy_type(name: &str) -> Result<(), ServiceError> {
    match name {
        SCP_TYPE => Ok(()),
        other if OTHER_TYPES.contains(&other) => Err(ServiceError::not_implemented(format!(
            "The sandbox does not implement policies of the type {other}. Nothing was done."
        ))),
        _ => Err(invalid("INVALID_ENUM_POLICY_TYPE", "You specified an invalid policy type.")),
    }
}

fn not_enabled() -> ServiceError {
    error("PolicyTypeNotEnabled", "This operation can be performed only for enabled policy types.")
}

pub(super) fn create(input: &Input, call: &mut Call<'_>) -> Answer {
    policy_type(input.text("Type")?)?;
    let (name, tags) = (name(input.text("Name")?)?, input.tags()?);
    let description = description(input.optional("Description").unwrap_or_default())?;
    let policy = content(input.text("Content")?)?;
    let id = format!("p-{}", token(8, call.rng));
    let organization = here_mut(call)?;
    taken(organization, name, None)?;
    if organization.policies.len() >= MOST {
        return Err(violates(
            "POLICY_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the allowed number of policies.",
        ));
    }
    let arn = organization.arn_of(&id);
    let scp = Scp { arn, name: name.to_owned(), description: description.to_owned(), policy };
    organization.policies.insert(id.clone(), scp);
    if !tags.is_empty() {
        organization.tags.insert(id.clone(), tags);
    }
    policy_value(organization, &id)
}

pub(super) fn update(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = own(input)?;
    let new_name = input.optional("Name").map(name).transpose()?;
    let new_description = input.optional("Description").map(description).transpose()?;
    let new_content = input.optional("Content").map(content).transpose()?;
    let organization = here_mut(call)?;
    if let Some(name) = new_name {
        taken(organization, name, Some(id))?;
    }
    let scp = organization.policies.get_mut(id).ok_or_else(policy_not_found)?;
    if let Some(name) = new_name {
        name.clone_into(&mut scp.name);
    }
    if let Some(description) = new_description {
        description.clone_into(&mut scp.description);
    }
    if let Some(policy) = new_content {
        scp.policy = policy;
    }
    policy_value(organization, id)
}

pub(super) fn describe(input: &Input, call: &mut Call<'_>) -> Answer {
    policy_value(here(call)?, input.id("PolicyId", &["p"])?)
}

pub(super) fn delete(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = own(input)?;
    let organization = here_mut(call)?;
    if !organization.policies.contains_key(id) {
        return Err(policy_not_found());
    }
    if organization.attached.values().any(|attached| attached.contains(id)) {
        let message = "The policy is attached to one or more entities. You must detach it from all roots, OUs, \
                       and accounts before performing this operation.";
        return Err(error("PolicyInUse", message));
    }
    organization.policies.remove(id);
    organization.forget(id);
    NOTHING
}

pub(super) fn list(input: &Input, call: &mut Call<'_>) -> Answer {
    policy_type(input.text("Filter")?)?;
    let found = here(call)?;
    let own = found.policies.keys().map(String::as_str);
    let all = std::iter::once(FULL_ACCESS.0).chain(own);
    let mut all: Vec<(String, Value)> =
        all.filter_map(|id| Some((id.to_owned(), summary(found, id)?))).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    input.page(call, "Policies", all)
}

pub(super) fn attach(input: &Input, call: &mut Call<'_>) -> Answer {
    let (id, target) = attachment(input, call)?;
    let organization = here_mut(call)?;
    let attached = organization.attached.entry(target.to_owned()).or_default();
    if attached.contains(id) {
        let message = "The selected policy is already attached to the specified target.";
        return Err(error("DuplicatePolicyAttachment", message));
    }
    if attached.len() >= ATTACHED {
        return Err(violates(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies to the specified target.",
        ));
    }
    attached.insert(id.to_owned());
    NOTHING
}

pub(super) fn detach(input: &Input, call: &mut Call<'_>) -> Answer {
    let (id, target) = attachment(input, call)?;
    let organization = here_mut(call)?;
    let attached = organization.attached.entry(target.to_owned()).or_default();
    if !attached.contains(id) {
        let message = "The policy isn't attached to the specified target in the specified root.";
        return Err(error("PolicyNotAttached", message));
    }
    if attached.len() == 1 {
        return Err(violates(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You can't detach the last service control policy from a root, OU or account.",
        ));
    }
    attached.remove(id);
    NOTHING
}

/// The policy and the target that are named, both of which must exist.
fn attachment<'a>(input: &'a Input, call: &Call<'_>) -> Result<(&'a str, &'a str), ServiceError> {
    let id = input.id("PolicyId", &["p"])?;
    let target = target(input)?;
    let found = here(call)?;
    summary(found, id).ok_or_else(policy_not_found)?;
    exists(found, target)?;
    if !found.scps_enabled {
        return Err(not_enabled());
    }
    Ok((id, target))
}

fn target(input: &Input) -> Result<&str, ServiceError> {
    input.id("TargetId", &["r", "ou", "account"])
}

fn exists(organization: &Organization, target: &str) -> Result<(), ServiceError> {
    if organization.is_target(target) {
        return Ok(());
    }
    Err(error("TargetNotFound", "You specified a target that doesn't exist."))
}

pub(super) fn list_for_target(input: &Input, call: &mut Call<'_>) -> Answer {
    let target = target(input)?;
    policy_type(input.text("Filter")?)?;
    let found = here(call)?;
    exists(found, target)?;
    let attached = found.attached.get(target).into_iter().flatten();
    let items = attached.filter_map(|id| Some((id.clone(), summary(found, id)?)));
    input.page(call, "Policies", items)
}

pub(super) fn list_targets(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("PolicyId", &["p"])?;
    let found = here(call)?;
    summary(found, id).ok_or_else(policy_not_found)?;
    let targets = found.attached.iter().filter(|(_, attached)| attached.contains(id));
    let value = |target: &String| {
        let account = found.member(target).and_then(|(id, _)| call.state.account(id));
        let (kind, name) = match (found.units.get(target), account) {
            (Some(unit), _) => ("ORGANIZATIONAL_UNIT", unit.name.clone()),
            (None, Some(account)) => ("ACCOUNT", account.name.clone().unwrap_or_else(|| target.clone())),
            (None, None) => ("ROOT", "Root".to_owned()),
        };
        json!({ "TargetId": target, "Arn": found.arn_of(target), "Name": name, "Type": kind })
    };
    input.page(call, "Targets", targets.map(|(target, _)| (target.clone(), value(target))))
}

pub(super) fn tag(input: &Input, call: &mut Call<'_>) -> Answer {
    let tags = input.tags()?;
    let id = taggable(input, call)?;
    let kept = here_mut(call)?.tags.entry(id.to_owned()).or_default();
    let fresh = tags.iter().filter(|tag| !kept.iter().any(|other| other.key == tag.key)).count();
    if kept.len() + fresh > TAGS {
        return Err(violates("TAG_POLICY_VIOLATION", "A resource can have 50 tags."));
    }
    for tag in tags {
        match kept.iter_mut().find(|other| other.key == tag.key) {
            Some(other) => other.value = tag.value,
            None => kept.push(tag),
        }
    }
    NOTHING
}

pub(super) fn untag(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = taggable(input, call)?;
    let keys = input.tag_keys();
    if let Some(tags) = here_mut(call)?.tags.get_mut(id) {
        tags.retain(|tag| !keys.contains(&tag.key.as_str()));
    }
    NOTHING
}

pub(super) fn list_tags(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = taggable(input, call)?;
    let tags = here(call)?.tags.get(id).into_iter().flatten();
    let value = |tag: &Tag| json!({ "Key": tag.key, "Value": tag.value });
    Ok(json!({ "Tags": tags.map(value).collect::<Vec<_>>() }))
}

fn taggable<'a>(input: &'a Input, call: &Call<'_>) -> Result<&'a str, ServiceError> {
    let id = input.id("ResourceId", &["r", "ou", "account", "p"])?;
    let found = here(call)?;
    if found.policies.contains_key(id) {
        return Ok(id);
    }
    exists(found, id)?;
    Ok(id)
}

/// `PolicyId` of a policy that is to be changed: not AWS's own.
fn own(input: &Input) -> Result<&str, ServiceError> {
    let id = input.id("PolicyId", &["p"])?;
    if id == FULL_ACCESS.0 {
        let message = "You specified a policy that is managed by AWS and can't be modified.";
        return Err(invalid("IMMUTABLE_POLICY", message));
    }
    Ok(id)
}

fn name(text: &str) -> Result<&str, ServiceError> {
    sized(text, 128, "Name")
}

fn description(text: &str) -> Result<&str, ServiceError> {
    sized(text, 512, "Description")
}

fn sized<'a>(text: &'a str, most: usize, what: &str) -> Result<&'a str, ServiceError> {
    if text.chars().count() <= most {
        return Ok(text);
    }
    Err(invalid("MAX_LENGTH_EXCEEDED", format!("{what} can have {most} characters.")))
}

fn taken(organization: &Organization, name: &str, except: Option<&str>) -> Result<(), ServiceError> {
    let mut others = organization.policies.iter().filter(|(id, _)| Some(id.as_str()) != except);
    if name == FULL_ACCESS.1 || others.any(|(_, scp)| scp.name == name) {
        return Err(error("DuplicatePolicy", "A policy with the same name already exists."));
    }
    Ok(())
}

fn content(text: &str) -> Result<PolicyText, ServiceError> {
    if text.chars().count() > LONGEST {
        let message = "You have exceeded the maximum size of a service control policy.";
        return Err(violates("POLICY_CONTENT_LIMIT_EXCEEDED", message));
    }
    let document = stored::check_identity_policy(text).map_err(|_| {
        let message =
            "The provided policy document does not meet the requirements of the specified policy type.";
        error("MalformedPolicyDocument", message)
    })?;
    Ok(PolicyText::new(text, document))
}

fn policy_not_found() -> ServiceError {
    error("PolicyNotFound", "We can't find a policy with the PolicyId that you specified.")
}

fn summary(organization: &Organization, id: &str) -> Option<Value> {
    let value = |arn: &str, name: &str, description: &str, awss: bool| {
        json!({
            "Id": id, "Arn": arn, "Name": name, "Description": description, "Type": SCP_TYPE,
            "AwsManaged": awss,
        })
    };
    if id == FULL_ACCESS.0 {
        return Some(value(FULL_ACCESS_ARN, FULL_ACCESS.1, "Allows access to every operation", true));
    }
    let scp = organization.policies.get(id)?;
    Some(value(&scp.arn, &scp.name, &scp.description, false))
}

fn policy_value(organization: &Organization, id: &str) -> Answer {
    let summary = summary(organization, id).ok_or_else(policy_not_found)?;
    let own = organization.policies.get(id).map(|scp| scp.policy.text.as_ref());
    Ok(json!({ "Policy": { "PolicySummary": summary, "Content": own.unwrap_or(FULL_ACCESS_TEXT) } }))
}
