//! The way into the account that manages the organization: one of the estate's, or by profile or role of its own.

use postern_aws::{Connection, Credentials, RoleCall};
use postern_estate::{Design, OrganizationDesign};
use postern_types::{IamPath, RoleArn};

use super::{Access, Opener, check_account, client, endpoint_of, session_name};
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
    let Some(organization) = &design.organization else { return Ok(None) };
    let bastion = design.bastion.account.value;
    let ours = design.accounts.values().map(|account| account.id.value).chain([bastion]);
    let mut missing = ours.filter(|account| !access.connections.contains_key(account));
    if missing.next().is_some() {
        return Ok(None);
    }
    let management = organization.management.value;
    if let Some(connection) = access.connections.get(&management) {
        return Ok(Some(connection.clone()));
    }
    let Some(bastion) = access.connections.get(&bastion) else { return Ok(None) };
    let connection = connect(context, design, organization, bastion)?;
    // Root of the management account is bound by no guard.
    let _as_root = check_account(MANAGEMENT, management, &connection.caller_identity()?)?;
    Ok(Some(connection))
}

fn connect(
    context: &Context,
    design: &Design,
    organization: &OrganizationDesign,
    bastion: &Connection,
) -> Result<Connection, CliError> {
    let opener = Opener {
        aws: client(&context.environment)?,
        daily: Daily::open(context)?,
        environment: context.environment.texts(),
        design,
    };
    let management = organization.management.value;
    let Some(via) = &organization.via else {
        let profile = organization.profile.as_ref().map(|profile| profile.value.as_str());
        let profile = profile.unwrap_or_else(|| unreachable!("the file names one of the two, or an account"));
        return opener.by_profile(profile, management);
    };
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
