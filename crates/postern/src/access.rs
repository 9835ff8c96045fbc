//! How set-up work gets into the accounts: by the first credentials that the estate file names, and after the
//! first `apply` as an administrator through `postern-admin`.

mod administrator;
mod each;
mod organization;

use std::{collections::BTreeMap, sync::OnceLock};

use clap::Args;
use postern_aws::{
    Aws, AwsError, Connection, Credentials, Endpoint, Identity, Network, Patience, RoleCall,
    endpoint::{self, ProfileEndpoints},
    identities,
    profile::Source,
};
use postern_estate::{ADMIN_ROLE, AccountDesign, AccountName, Design};
use postern_types::{
    AccountId, IamPath, Region, RoleArn, RoleSessionName, SecretAccessKey, SessionToken, UserName,
};

use crate::{
    context::Context,
    daily::{Daily, Wish},
    env::Environment,
    errors::CliError,
};

pub(crate) use each::{Entered, open_each};
pub(crate) use organization::{MANAGEMENT, enter_where_it_can_be as enter_management};

/// What the bastion is called where accounts are named.
pub(crate) const BASTION: &str = "bastion";

/// What accounts are called in the estate file.
pub(crate) type AccountNames = BTreeMap<AccountId, String>;

/// How an account is shown: its name in the file and its number.
pub(crate) fn account_label(names: &AccountNames, account: AccountId) -> String {
    match names.get(&account) {
        Some(name) => format!("{name} ({account})"),
        None => account.to_string(),
    }
}

/// A connection into each account of the estate.
pub(crate) struct Access {
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    /// Whether AWS has said that each credential is of its account.
    pub(crate) identified: bool,
    /// Into the account that manages the organization, where the estate file speaks of one and all accounts are
    /// looked at.
    pub(crate) organization: Option<Connection>,
    /// Whether an account is entered as its root user, whom the organization's guards may shut out.
    pub(crate) as_root: bool,
}

impl Access {
    /// Into every account that a plan may have steps in.
    pub(crate) fn everywhere(&self) -> BTreeMap<AccountId, Connection> {
        let mut all = self.connections.clone();
        if let Some((connection, account)) = self.organization.as_ref().and_then(|c| Some((c, c.account()?)))
        {
            all.entry(account).or_insert_with(|| connection.clone());
        }
        all
    }
}

/// What accounts are called in the estate file.
pub(crate) fn account_names(design: &Design) -> AccountNames {
    let mut names: AccountNames =
        design.accounts.iter().map(|(name, account)| (account.id.value, name.as_str().to_owned())).collect();
    names.insert(design.bastion.account.value, BASTION.to_owned());
    names
}

/// The client of this process. There is one: connections of two cannot be used side by side, since each client drives
/// its own only.
pub(crate) fn client(environment: &Environment) -> Result<Aws, CliError> {
    static CLIENT: OnceLock<Aws> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let made = Aws::through(Network::resolve(&environment.texts())?, Patience::default())
        .map_err(|error| CliError::failed("cannot start the AWS client").caused_by(error))?;
    Ok(CLIENT.get_or_init(|| made).clone())
}

/// Which way to take.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct WayIn {
    /// Enter through `postern-admin` as this administrator [default: the one who is logged in]
    #[arg(long, value_name = "NAME", help_heading = "Way in")]
    administrator: Option<UserName>,
    /// Enter by the profiles and roles that the estate file names, as before the first apply
    #[arg(long, help_heading = "Way in")]
    by_profile: bool,
}

impl WayIn {
    /// The way of a command that goes by none unless one is chosen.
    pub(crate) fn chosen(administrator: Option<UserName>, by_profile: bool) -> Option<Self> {
        (administrator.is_some() || by_profile).then_some(Self { administrator, by_profile })
    }
}

/// Connects to each of the accounts: as the administrator who was named, else as the one who is logged in with a
/// fresh code, else by the estate file's profiles.
pub(crate) fn open(
    context: &Context,
    design: &Design,
    wanted: &[AccountId],
    way: &WayIn,
) -> Result<Access, CliError> {
    let mut access = open_accounts(context, design, wanted, way)?;
    access.organization = organization::enter(context, design, &access)?;
    Ok(access)
}

fn open_accounts(
    context: &Context,
    design: &Design,
    wanted: &[AccountId],
    way: &WayIn,
) -> Result<Access, CliError> {
    if let Some(person) = &way.administrator {
        return administrator::enter(context, design, wanted, person);
    }
    if !way.by_profile
        && let Some(person) = administrator::logged_in(context, design)?
    {
        match administrator::enter(context, design, wanted, &person) {
            Ok(access) => {
                context.printer.status(&format!("entering as {person} through {ADMIN_ROLE}"));
                return Ok(access);
            }
            Err(error) => context.printer.warning(&format!(
                "{person} cannot enter through {ADMIN_ROLE} ({}); trying the estate file's profiles",
                error.causes.first().unwrap_or(&error.message)
            )),
        }
    }
    by_profiles(context, design, wanted)
}

/// Connects by profiles and asks each credential who it is: one that belongs to another account than the file says
/// is refused before anything else is called.
fn by_profiles(context: &Context, design: &Design, wanted: &[AccountId]) -> Result<Access, CliError> {
    let opener = Opener {
        aws: client(&context.environment)?,
        daily: Daily::open(context)?,
        environment: context.environment.texts(),
        design,
    };
    let bastion = opener.bastion()?;
    let accounts = || design.accounts.iter().filter(|(_, account)| wanted.contains(&account.id.value));
    let mut connections = BTreeMap::new();
    if wanted.contains(&design.bastion.account.value) {
        connections.insert(design.bastion.account.value, bastion.clone());
    }
    let (by_profile, by_role): (Vec<_>, Vec<_>) =
        accounts().partition(|(_, account)| account.profile.is_some());
    for (_, account) in by_profile {
        if let Some(profile) = &account.profile {
            connections.insert(account.id.value, opener.by_profile(&profile.value, account.id.value)?);
        }
    }
    let names = account_names(design);
    // All at once, and before a role is assumed: a credential in the wrong place is to be named as that.
    let mut as_root = false;
    for (account, identity) in identities(&connections) {
        let name = names.get(&account).map_or("", String::as_str);
        let identity = identity.map_err(|error| shut_out(design, name, error))?;
        as_root |= check_account(name, account, &identity)?;
    }
    for (account, connection) in opener.by_roles(&by_role, &bastion) {
        connections.insert(account, connection?);
    }
    // A role that was assumed is of the account in its ARN.
    Ok(Access { connections, identified: true, organization: None, as_root })
}

/// Where the calls of an account go. The environment goes before a profile, a profile before the estate file.
pub(crate) fn endpoint_of(
    environment: &BTreeMap<String, String>,
    profile: Option<&ProfileEndpoints>,
    design: &Design,
    account: AccountId,
) -> Endpoint {
    let own = if account == design.bastion.account.value {
        design.bastion.endpoint_url.as_ref()
    } else {
        let of_account = design.accounts.values().find(|a| a.id.value == account);
        let of_management = design.organization.as_ref().filter(|o| o.management.value == account);
        of_account
            .and_then(|a| a.endpoint_url.as_ref())
            .or_else(|| of_management.and_then(|o| o.endpoint_url.as_ref()))
    };
    let url = own.or(design.endpoint_url.as_ref()).map(|url| url.value.as_str());
    Endpoint { region: design.region.value.clone(), urls: endpoint::resolve(environment, profile, url) }
}

/// Warns when the bastion was entered at another STS than the one that `login` and `exec` will use: they know of no
/// profile, so a profile's `endpoint_url` leads only the set-up commands there.
pub(crate) fn endpoint_mismatch(context: &Context, design: &Design, access: &Access) -> Option<String> {
    let bastion = design.bastion.account.value;
    let entered = access.connections.get(&bastion)?.endpoint();
    let daily = endpoint_of(&context.environment.texts(), None, design, bastion);
    mismatch_warning(entered.url("sts"), daily.url("sts"))
}

/// None for a URL means AWS's own endpoint.
fn mismatch_warning(entered: Option<&str>, daily: Option<&str>) -> Option<String> {
    let same = |url: Option<&str>| url.map(|url| url.trim_end_matches('/').to_owned());
    if same(entered) == same(daily) {
        return None;
    }
    let shown = |url: Option<&str>| url.unwrap_or("AWS itself").to_owned();
    let cure = match entered {
        Some(url) => {
            format!("write `endpoint_url = \"{url}\"` at the top of the estate file, or set AWS_ENDPOINT_URL")
        }
        None => "leave out `endpoint_url` in the estate file, or unset AWS_ENDPOINT_URL".to_owned(),
    };
    Some(format!(
        "this command talks to {}, but `postern login` and `exec` will talk to {}; to lead them here too, {cure}",
        shown(entered),
        shown(daily)
    ))
}

struct Opener<'a> {
    aws: Aws,
    daily: Daily<'a>,
    environment: BTreeMap<String, String>,
    design: &'a Design,
}

impl Opener<'_> {
    fn bastion(&self) -> Result<Connection, CliError> {
        let account = self.design.bastion.account.value;
        match &self.design.bastion.profile {
            Some(profile) => self.by_profile(&profile.value, account),
            None => self.by_environment(account),
        }
    }

    /// Enters accounts by the roles that the file names, with the bastion's credential, all at once.
    fn by_roles(
        &self,
        accounts: &[(&AccountName, &AccountDesign)],
        bastion: &Connection,
    ) -> Vec<(AccountId, Result<Connection, CliError>)> {
        let session_name = session_name();
        let role = |account: &AccountDesign| {
            let via = account.via.as_ref()?;
            Some(RoleArn::new(self.design.partition, account.id.value, &IamPath::root(), &via.value))
        };
        let roles: Vec<Option<RoleArn>> = accounts.iter().map(|(_, account)| role(account)).collect();
        let call = |role| RoleCall {
            role,
            session_name: &session_name,
            external_id: None,
            duration: None,
            mfa: None,
        };
        let calls: Vec<RoleCall<'_>> = roles.iter().flatten().map(call).collect();
        let mut answers = bastion.assume_all(&calls).into_iter();
        let entered = accounts.iter().zip(&roles).map(|((name, account), role)| {
            let id = account.id.value;
            let issued = role.as_ref().and_then(|role| Some((role, answers.next()?)));
            let connection = match issued {
                Some((_, Ok(credentials))) => {
                    let endpoint = endpoint_of(&self.environment, None, self.design, id);
                    Ok(self.aws.connect(endpoint, Credentials::from(&credentials), Some(id)))
                }
                Some((role, Err(error))) => Err(CliError::from(error)
                    .hint(format!("account `{name}` is entered via `{role}` with the bastion's credential"))),
                None => Err(CliError::usage(format!(
                    "the estate file does not say how to enter account `{name}`"
                ))
                .hint(format!("add `profile = \"…\"` or `via = \"ROLE\"` to [accounts.{name}]"))),
            };
            (id, connection)
        });
        entered.collect()
    }

    fn by_profile(&self, name: &str, account: AccountId) -> Result<Connection, CliError> {
        let profile = self.daily.profile(name)?;
        let endpoint = endpoint_of(&self.environment, Some(&profile.endpoints), self.design, account);
        let credentials = match &profile.source {
            // The keys that set an account up at first are often no more than that: an administrator's own.
            Source::Keys(keys) if profile.roles.is_empty() => keys.credentials.clone(),
            _ => {
                let estate = endpoint_of(&self.environment, None, self.design, account);
                let destination =
                    self.daily.destination_of_profile_at(name, &Wish::default(), Some(&estate))?;
                self.daily.obtain(&destination, None)?.issued.credentials()
            }
        };
        Ok(self.aws.connect(endpoint, credentials, Some(account)))
    }

    fn by_environment(&self, account: AccountId) -> Result<Connection, CliError> {
        let credentials = of_environment(&self.environment)?.ok_or_else(|| {
            CliError::usage("the estate file does not say how to enter the bastion account").hint(
                "add `profile = \"…\"` to [bastion], or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        })?;
        let endpoint = endpoint_of(&self.environment, None, self.design, account);
        Ok(self.aws.connect(endpoint, credentials, Some(account)))
    }
}

/// Connects by a profile, or by the environment's credentials, where no estate file says anything yet.
pub(crate) fn without_estate(
    context: &Context,
    profile: Option<&str>,
    region: Option<&Region>,
) -> Result<Connection, CliError> {
    let daily = Daily::without_estate(context)?;
    let environment = context.environment.texts();
    let named = profile.map(|name| daily.profile(name)).transpose()?;
    let region = region
        .cloned()
        .or_else(|| named.as_ref()?.region.as_ref().map(|region| region.value.clone()))
        .or_else(|| {
            ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| environment.get(*name)?.parse().ok())
        })
        .ok_or_else(|| {
            CliError::usage("nothing says in which region to call").hint("name it: `--region eu-central-1`")
        })?;
    let urls = endpoint::resolve(&environment, named.as_ref().map(|found| &found.endpoints), None);
    let endpoint = Endpoint { region, urls };
    let credentials = match &named {
        None => of_environment(&environment)?.ok_or_else(|| {
            CliError::usage("there are no AWS credentials in the environment")
                .hint("name a profile: `--from-account PROFILE`")
        })?,
        Some(found) => match &found.source {
            Source::Keys(keys) if found.roles.is_empty() => keys.credentials.clone(),
            _ => {
                let destination =
                    daily.destination_of_profile_at(&found.name, &Wish::default(), Some(&endpoint))?;
                daily.obtain(&destination, None)?.issued.credentials()
            }
        },
    };
    Ok(client(&context.environment)?.connect(endpoint, credentials, None))
}

/// The credentials in the environment's variables, if there are some.
fn of_environment(environment: &BTreeMap<String, String>) -> Result<Option<Credentials>, CliError> {
    let value = |name: &str| environment.get(name).filter(|text| !text.is_empty()).cloned();
    let wrong =
        |error| CliError::usage("the AWS variables of the environment cannot be used").caused_by(error);
    let (Some(id), Some(secret)) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) else {
        return Ok(None);
    };
    Ok(Some(Credentials {
        id: id.parse().map_err(wrong)?,
        secret: SecretAccessKey::new(secret).map_err(wrong)?,
        token: value("AWS_SESSION_TOKEN").map(SessionToken::new).transpose().map_err(wrong)?,
    }))
}

fn session_name() -> RoleSessionName {
    "postern-apply".parse().unwrap_or_else(|_| unreachable!("a fixed and valid session name"))
}

/// A profile that gets in no more, after the first apply often for good: then there is another way.
fn shut_out(design: &Design, name: &str, error: AwsError) -> CliError {
    let error = CliError::from(error);
    let administrators = &design.administrators.people;
    let Some(administrator) = administrators.iter().next() else { return error };
    error.hint(format!(
        "`{name}` was to be entered by the estate file's profile; once the estate stands, `postern login` as an administrator, such as {}, is the way in",
        administrator.value
    ))
}

/// Whether the credential is root's; one of another account is refused.
fn check_account(name: &str, wanted: AccountId, identity: &Identity) -> Result<bool, CliError> {
    if identity.account == wanted {
        return Ok(identity.arn.resource() == "root");
    }
    Err(CliError::usage(format!(
        "the credential for `{name}` belongs to account {}, not {wanted}",
        identity.account
    ))
    .caused_by(format!("AWS says it is {}", identity.arn))
    .hint("correct the account id or the profile in the estate file; nothing was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_would_go_elsewhere_is_warned_of() {
        let (here, there) = (Some("http://127.0.0.1:4566"), Some("http://127.0.0.1:9"));
        let cases: &[(Option<&str>, Option<&str>, &[&str])] = &[
            (None, None, &[]),
            (here, here, &[]),
            (here, Some("http://127.0.0.1:4566/"), &[]),
            (
                here,
                None,
                &[
                    "talks to http://127.0.0.1:4566,",
                    "will talk to AWS itself",
                    "`endpoint_url = \"http://127.0.0.1:4566\"`",
                    "AWS_ENDPOINT_URL",
                ],
            ),
            (here, there, &["will talk to http://127.0.0.1:9", "`endpoint_url = \"http://127.0.0.1:4566\"`"]),
            (None, there, &["talks to AWS itself", "will talk to http://127.0.0.1:9", "leave out"]),
        ];
        for (entered, daily, words) in cases {
            let warning = mismatch_warning(*entered, *daily);
            assert_eq!(warning.is_none(), words.is_empty(), "{entered:?} {daily:?}");
            for word in *words {
                assert!(warning.as_deref().unwrap_or_default().contains(word), "{warning:?} lacks {word}");
            }
        }
    }
}
