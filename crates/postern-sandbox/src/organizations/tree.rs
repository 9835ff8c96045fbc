//! The organization itself, its units, and which account lies where.

use serde_json::{Value, json};

use super::{Answer, Input, NOTHING, error, here, here_mut, violates};
use crate::{
    ServiceError,
    model::{Organization, State, Unit, token},
    operation::Call,
};

/// Units below units below the root (*Organizations User Guide*, Quotas).
const DEEPEST: usize = 5;

const SCP_TYPE: &str = super::policies::SCP_TYPE;

pub(super) fn create_organization(input: &Input, call: &mut Call<'_>) -> Answer {
    let account = call.caller.account;
    if call.state.organization_of(account).is_some() {
        return Err(error(
            "AlreadyInOrganization",
            "The provided account is already a member of an organization.",
        ));
    }
    let all_features = match input.optional("FeatureSet") {
        None | Some("ALL") => true,
        Some("CONSOLIDATED_BILLING") => false,
        Some(_) => return Err(super::invalid("INVALID_ENUM", "FeatureSet is ALL or CONSOLIDATED_BILLING.")),
    };
    let partition = call.account().partition;
    let mut organization = Organization::new(partition, account, call.now, call.rng);
    organization.all_features = all_features;
    let answer = json!({ "Organization": organization_value(&organization) });
    call.state.organizations.push(organization);
    Ok(answer)
}

pub(super) fn describe_organization(_: &Input, call: &mut Call<'_>) -> Answer {
    Ok(json!({ "Organization": organization_value(here(call)?) }))
}

pub(super) fn delete_organization(_: &Input, call: &mut Call<'_>) -> Answer {
    let found = here(call)?;
    if found.members.len() > 1 {
        let message =
            "To delete an organization you must first remove all member accounts (except the master).";
        return Err(error("OrganizationNotEmpty", message));
    }
    let id = found.id.clone();
    call.state.organizations.retain(|organization| organization.id != id);
    NOTHING
}

pub(super) fn list_roots(input: &Input, call: &mut Call<'_>) -> Answer {
    let root = root_value(here(call)?);
    input.page(call, "Roots", [(String::new(), root)])
}

pub(super) fn list_accounts(input: &Input, call: &mut Call<'_>) -> Answer {
    let all = accounts(call.state, here(call)?, |_| true);
    input.page(call, "Accounts", all)
}

pub(super) fn describe_account(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("AccountId", &["account"])?;
    let mut found = accounts(call.state, here(call)?, |_| true);
    let found = found.find(|(account, _)| account == id).ok_or_else(account_not_found)?;
    Ok(json!({ "Account": found.1 }))
}

pub(super) fn list_accounts_for_parent(input: &Input, call: &mut Call<'_>) -> Answer {
    let parent = parent(input, here(call)?)?;
    let found = accounts(call.state, here(call)?, |other| other == parent);
    input.page(call, "Accounts", found)
}

pub(super) fn create_unit(input: &Input, call: &mut Call<'_>) -> Answer {
    let (name, tags) = (input.text("Name")?, input.tags()?);
    let found = here(call)?;
    let parent = parent(input, found)?;
    if found.units.values().any(|unit| unit.parent == parent && unit.name == name) {
        return Err(error("DuplicateOrganizationalUnit", "An OU with the same name already exists."));
    }
    if found.depth(parent) >= DEEPEST {
        return Err(violates("OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the allowed OU depth."));
    }
    let root = found.root.trim_start_matches("r-").to_owned();
    let id = format!("ou-{root}-{}", token(8, call.rng));
    let organization = here_mut(call)?;
    let unit = Unit { name: name.to_owned(), parent: parent.to_owned() };
    organization.units.insert(id.clone(), unit);
    organization.attach_default(id.clone());
    if !tags.is_empty() {
        organization.tags.insert(id.clone(), tags);
    }
    Ok(json!({ "OrganizationalUnit": unit_value(organization, &id) }))
}

pub(super) fn describe_unit(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("OrganizationalUnitId", &["ou"])?;
    let found = here(call)?;
    if !found.units.contains_key(id) {
        return Err(unit_not_found());
    }
    Ok(json!({ "OrganizationalUnit": unit_value(found, id) }))
}

pub(super) fn delete_unit(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("OrganizationalUnitId", &["ou"])?;
    let organization = here_mut(call)?;
    if !organization.units.contains_key(id) {
        return Err(unit_not_found());
    }
    let holds = organization.units.values().any(|unit| unit.parent == id)
        || organization.members.values().any(|member| member.parent == id);
    if holds {
        let message =
            "The specified OU is not empty. Move all accounts and child OUs to another parent first.";
        return Err(error("OrganizationalUnitNotEmpty", message));
    }
    organization.units.remove(id);
    organization.forget(id);
    NOTHING
}

pub(super) fn list_units(input: &Input, call: &mut Call<'_>) -> Answer {
    let found = here(call)?;
    let parent = parent(input, found)?;
    let units = found.units.iter().filter(|(_, unit)| unit.parent == parent);
    input.page(call, "OrganizationalUnits", units.map(|(id, _)| (id.clone(), unit_value(found, id))))
}

pub(super) fn list_parents(input: &Input, call: &mut Call<'_>) -> Answer {
    let child = input.id("ChildId", &["ou", "account"])?;
    let found = here(call)?;
    let parent = match (found.units.get(child), found.member(child)) {
        (Some(unit), _) => &unit.parent,
        (None, Some((_, member))) => &member.parent,
        (None, None) => {
            let message = "You specified a child OU or account that doesn't exist in this organization.";
            return Err(error("ChildNotFound", message));
        }
    };
    let kind = if *parent == found.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    input.page(call, "Parents", [(parent.clone(), json!({ "Id": parent, "Type": kind }))])
}

pub(super) fn list_children(input: &Input, call: &mut Call<'_>) -> Answer {
    let kind = input.text("ChildType")?;
    let found = here(call)?;
    let parent = parent(input, found)?;
    let ids: Vec<String> = match kind {
        "ACCOUNT" => {
            let members = found.members.iter().filter(|(_, member)| member.parent == parent);
            members.map(|(id, _)| id.to_string()).collect()
        }
        "ORGANIZATIONAL_UNIT" => {
            found.units.iter().filter(|(_, unit)| unit.parent == parent).map(|(id, _)| id.clone()).collect()
        }
        _ => return Err(super::invalid("INVALID_ENUM", "ChildType is ACCOUNT or ORGANIZATIONAL_UNIT.")),
    };
    let child = |id: String| (id.clone(), json!({ "Id": id, "Type": kind }));
    input.page(call, "Children", ids.into_iter().map(child))
}

pub(super) fn move_account(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("AccountId", &["account"])?;
    let source = input.id("SourceParentId", &["r", "ou"])?;
    let destination = input.id("DestinationParentId", &["r", "ou"])?;
    let organization = here_mut(call)?;
    let (account, member) = organization.member(id).ok_or_else(account_not_found)?;
    let missing =
        |which: &str| error(which, "We can't find a root or OU with the ParentId that you specified.");
    if member.parent != source {
        return Err(missing("SourceParentNotFound"));
    }
    if !organization.is_parent(destination) {
        return Err(missing("DestinationParentNotFound"));
    }
    if source == destination {
        return Err(error(
            "DuplicateAccount",
            "The account is already present in the specified destination.",
        ));
    }
    if let Some(member) = organization.members.get_mut(&account) {
        destination.clone_into(&mut member.parent);
    }
    NOTHING
}

pub(super) fn leave(_: &Input, call: &mut Call<'_>) -> Answer {
    let account = call.caller.account;
    let organization = here_mut(call)?;
    if organization.management == account {
        return Err(master_cannot_leave());
    }
    organization.part(account);
    NOTHING
}

pub(super) fn remove_account(input: &Input, call: &mut Call<'_>) -> Answer {
    let id = input.id("AccountId", &["account"])?;
    let organization = here_mut(call)?;
    let (account, _) = organization.member(id).ok_or_else(account_not_found)?;
    if organization.management == account {
        return Err(master_cannot_leave());
    }
    organization.part(account);
    NOTHING
}

fn master_cannot_leave() -> ServiceError {
    let message = "You can't remove a management account from an organization.";
    error("MasterCannotLeaveOrganization", message)
}

fn account_not_found() -> ServiceError {
    error("AccountNotFound", "You specified an account that doesn't exist.")
}

fn unit_not_found() -> ServiceError {
    error("OrganizationalUnitNotFound", "You specified an organizational unit that doesn't exist.")
}

/// `ParentId`, which must exist.
fn parent<'a>(input: &'a Input, organization: &Organization) -> Result<&'a str, ServiceError> {
    let parent = input.id("ParentId", &["r", "ou"])?;
    if organization.is_parent(parent) {
        return Ok(parent);
    }
    Err(error("ParentNotFound", "We can't find a root or OU with the ParentId that you specified."))
}

/// The accounts under such parents, by id.
fn accounts<'a>(
    state: &'a State,
    organization: &'a Organization,
    parent: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = (String, Value)> + 'a {
    let members = organization.members.iter().filter(move |(_, member)| parent(&member.parent));
    members.map(move |(id, member)| {
        let id = *id;
        let name = state.account(id).and_then(|account| account.name.clone());
        let path = organization.path(id).join("/");
        let account = json!({
            "Id": id.to_string(),
            "Arn": organization.arn("account", &id.to_string()),
            // AWS wants an address for each account, which the sandbox never writes to.
            "Email": format!("{id}@example.com"),
            "Name": name.unwrap_or_else(|| id.to_string()),
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "Paths": [format!("{}/{path}/", organization.id)],
            "JoinedMethod": "INVITED",
            "JoinedTimestamp": member.joined.as_second(),
        });
        (id.to_string(), account)
    })
}

fn organization_value(organization: &Organization) -> Value {
    let management = organization.management.to_string();
    // AWS still says so of every organization with all features, enabled or not: "deprecated".
    let types = if organization.all_features { vec![policy_type()] } else { Vec::new() };
    json!({
        "Id": organization.id,
        "Arn": organization.arn("organization", ""),
        "FeatureSet": if organization.all_features { "ALL" } else { "CONSOLIDATED_BILLING" },
        "MasterAccountArn": organization.arn("account", &management),
        "MasterAccountId": management,
        "MasterAccountEmail": format!("{management}@example.com"),
        "AvailablePolicyTypes": types,
    })
}

pub(super) fn root_value(organization: &Organization) -> Value {
    let types = if organization.scps_enabled { vec![policy_type()] } else { Vec::new() };
    json!({
        "Id": organization.root,
        "Arn": organization.arn("root", &organization.root),
        "Name": "Root",
        "PolicyTypes": types,
    })
}

fn policy_type() -> Value {
    json!({ "Type": SCP_TYPE, "Status": "ENABLED" })
}

fn unit_value(organization: &Organization, id: &str) -> Value {
    let name = organization.units.get(id).map(|unit| unit.name.as_str());
    json!({ "Id": id, "Arn": organization.arn("ou", id), "Name": name })
}
