//! The way into the account that manages the organization: one of the estate's, or by profile or role of its own.

use std::collections::BTreeMap;

use postern_aws::{Connection, Credentials, RoleCall};
use postern_estate::{Design, OrganizationDesign};
use postern_types::{AccountId, IamPath, RoleArn};

use super::{Access, BASTION, Opener, check_account, client, endpoint_of, session_name};
use crate::{context::Context, daily::Daily, errors::CliError};

/// What the management account is called where accounts are named.
pub(crate) const MANAGEMENT: &str = "management";

/// Connects to the management account, when the whole estate is looked at: guards are attached only when it is seen
/// that the way in is open.
pub(super) fn enter(
    context: &Context,
    design: &Design,
    access: &Access,
) -> Result<Option<Connection>, CliError> {
    if design.organization.is_none() {
        return Ok(None);
    }
    let bastion = design.bastion.account.value;
    let ours = design.accounts.values().map(|account| account.id.value).chain([bastion]);
    let mut missing = ours.filter(|account| !access.connections.contains_key(account));
    if missing.next().is_some() {
        return Ok(None);
    }
    enter_where_it_can_be(context, design, &access.connections)
}

/// Connects to the management account, whichever accounts answer; none where the estate file speaks of none.
pub(crate) fn enter_where_it_can_be(
    context: &Context,
    design: &Design,
    connections: &BTreeMap<AccountId, Connection>,
) -> Result<Option<Connection>, CliError> {
    let Some(organization) = &design.organization else { return Ok(None) };
    let management = organization.management.value;
    if let Some(connection) = connections.get(&management) {
        return Ok(Some(connection.clone()));
    }
    let bastion = connections.get(&design.bastion.account.value);
    let connection = connect(context, design, organization, bastion)?;
    // Root of the management account is bound by no guard.
    let _as_root = check_account(MANAGEMENT, management, &connection.caller_identity()?)?;
    Ok(Some(connection))
}

fn connect(
    context: &Context,
    design: &Design,
    organization: &OrganizationDesign,
    bastion: Option<&Connection>,
) -> Result<Connection, CliError> {
    let opener = Opener {
        aws: client(&context.environment)?,
        daily: Daily::open(context)?,
        environment: context.environment.texts(),
        design,
    };
    let management = organization.management.value;
    if let Some(profile) = &organization.profile {
        return opener.by_profile(&profile.value, management);
    }
    let Some(via) = &organization.via else {
        return Err(CliError::failed("the management account is one of the estate's and does not answer"));
    };
    let bastion = bastion.ok_or_else(|| {
        CliError::failed(format!(
            "the management account is entered with the credential of `{BASTION}`, which does not answer"
        ))
    })?;
    let role = RoleArn::new(design.partition, management, &IamPath::root(), &via.value);
    let session_name = session_name();
    let call =
        RoleCall { role: &role, session_name: &session_name, external_id: None, duration: None, mfa: None };
    let credentials = bastion.assume(&call).map_err(|error| {
        CliError::from(error)
            .hint(format!("the management account is entered via `{role}` with the bastion's credential"))
    })?;
    let endpoint = endpoint_of(&opener.environment, None, design, management);
    Ok(opener.aws.connect(endpoint, Credentials::from(&credentials), Some(management)))
}
