//! What `plan`, `apply`, `drift` and `destroy` share: from the estate file to the plan, with every reason to stop on
//! the way.

use std::cell::Cell;

use clap::Args;
use postern_aws::{OrganizationScope, Progress, Reading};
use postern_estate::{
    Attachment, Desired, Estate, Kind, Notice, Organization, Plan, Quotas, StepKey, diff, foreign,
};
use postern_types::{AccountId, RoleName, Timestamp, UserName};

use crate::{
    access::{self, Access, AccountNames, WayIn, account_label},
    commands::cap,
    context::Context,
    effect,
    errors::CliError,
    estate_file::EstateFile,
    report::{effect::Outlook, plan::counted},
};

/// Which part of the estate is looked at.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Scope {
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) way: WayIn,
}

/// A part of the estate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, serde::Serialize, serde::Deserialize)]
pub(crate) struct Part {
    /// Only this account, by its name in the estate file or `bastion`; may be repeated
    #[arg(long = "account", value_name = "NAME")]
    pub(crate) accounts: Vec<String>,
    /// Only this role and the policies that it needs; may be repeated
    #[arg(long = "role", value_name = "NAME")]
    pub(crate) roles: Vec<String>,
}

impl Part {
    /// The accounts meant; all of them where none is named.
    fn resolve(&self, names: &AccountNames) -> Result<Vec<AccountId>, CliError> {
        if self.accounts.is_empty() {
            return Ok(names.keys().copied().collect());
        }
        self.accounts
            .iter()
            .map(|wanted| {
                names.iter().find(|(_, name)| *name == wanted).map(|(id, _)| *id).ok_or_else(|| {
                    let known: Vec<&str> = names.values().map(String::as_str).collect();
                    CliError::usage(format!("the estate file has no account `{wanted}`"))
                        .hint(format!("there are: {}", known.join(", ")))
                })
            })
            .collect()
    }

    /// Each role that is named must be known to the file.
    fn check_roles(&self, desired: &Desired) -> Result<(), CliError> {
        let known = |wanted: &String| desired.estate.accounts.values().any(|a| role(a, wanted).is_some());
        match self.roles.iter().find(|wanted| !known(wanted)) {
            None => Ok(()),
            Some(unknown) => {
                let names = desired.estate.accounts.values().flat_map(|account| account.roles.keys());
                let mut names: Vec<&str> = names.map(RoleName::as_str).collect();
                names.sort_unstable();
                names.dedup();
                Err(CliError::usage(format!("the estate file has no role `{unknown}`"))
                    .hint(format!("there are: {}", names.join(", "))))
            }
        }
    }

    /// Whether an object is one of the roles, or a policy that one of them needs.
    fn holds(&self, desired: &Desired, key: &StepKey) -> bool {
        if self.roles.is_empty() {
            return true;
        }
        let Some(account) = desired.estate.accounts.get(&key.account) else { return false };
        self.roles.iter().any(|wanted| match key.kind {
            Kind::Role => key.name == *wanted,
            Kind::Policy => role(account, wanted).is_some_and(|role| {
                role.boundary.iter().chain(&role.attached).any(|arn| arn.name().as_str() == key.name)
            }),
            _ => false,
        })
    }
}

fn role<'a>(account: &'a postern_estate::Account, name: &str) -> Option<&'a postern_estate::Role> {
    account.roles.iter().find(|(known, _)| known.as_str() == name).map(|(_, role)| role)
}

/// The estate file and what it wants, judged, before anything was called.
pub(crate) struct Wanted {
    pub(crate) file: EstateFile,
    pub(crate) names: AccountNames,
    /// What the file asks for in accounts with AWS's default quotas.
    pub(crate) desired: Desired,
    /// Whether every role's policies are known and within the cap; else it is checked again with the accounts read.
    within_cap: bool,
}

impl Wanted {
    /// Reads the estate file and judges it: a broken file ends with code 2, a role above the cap with code 4.
    pub(crate) fn load(context: &Context) -> Result<Self, CliError> {
        Self::judged(context, EstateFile::load(context)?)
    }

    /// The same of an estate file that is read, or that is yet to be written.
    pub(crate) fn judged(context: &Context, file: EstateFile) -> Result<Self, CliError> {
        let mut wanted = Self::of(file)?;
        wanted.within_cap = cap::check(context, &wanted.file, &wanted.desired, None)?;
        Ok(wanted)
    }

    /// Reads the estate file. Judged with AWS's default quotas, so that nothing needs to be called for a file that
    /// cannot be applied.
    pub(crate) fn unjudged(context: &Context) -> Result<Self, CliError> {
        Self::of(EstateFile::load(context)?)
    }

    fn of(file: EstateFile) -> Result<Self, CliError> {
        let mut names = access::account_names(&file.design);
        if let Some(organization) = &file.design.organization {
            names.entry(organization.management.value).or_insert_with(|| access::MANAGEMENT.to_owned());
        }
        let desired = file.desired(&|_| Quotas::default())?;
        Ok(Self { file, names, desired, within_cap: true })
    }

    /// Whether every role's policies are known and within the cap; else only the accounts can tell.
    pub(crate) fn is_within_cap(&self) -> bool {
        self.within_cap
    }
}

/// The estate file compared with the accounts.
pub(crate) struct Prepared {
    pub(crate) wanted: Wanted,
    pub(crate) access: Access,
    part: Part,
    /// What is there.
    pub(crate) actual: Estate,
    /// What should be there.
    pub(crate) desired: Desired,
    pub(crate) plan: Plan,
    /// Calls of the whole plan that are not of the part that was asked for.
    pub(crate) left_out: usize,
}

impl Prepared {
    /// Reads the accounts and compares. Whatever could not be read is an error: missing is not empty.
    pub(crate) fn read(context: &Context, wanted: Wanted, scope: &Scope) -> Result<Self, CliError> {
        let accounts = scope.part.resolve(&access::account_names(&wanted.file.design))?;
        scope.part.check_roles(&wanted.desired)?;
        context.printer.status(&format!("reading {} …", counted(accounts.len(), "account")));
        let access = enter(context, &wanted, &accounts, &scope.way)?;
        let compared = compare(context, &access, &wanted, &scope.part)?;
        let Compared { actual, desired, plan, left_out } = compared;
        Ok(Self { wanted, access, part: scope.part.clone(), actual, desired, plan, left_out })
    }

    /// Reads the accounts once more and says what is left to do.
    pub(crate) fn again(&self, context: &Context) -> Result<Plan, CliError> {
        compare(context, &self.access, &self.wanted, &self.part).map(|compared| compared.plan)
    }

    /// What the plan does to who reaches what; none where it does nothing, or cannot.
    pub(crate) fn outlook(&self) -> Option<Outlook> {
        if self.plan.steps.is_empty() || !self.plan.conflicts.is_empty() {
            return None;
        }
        Some(if self.actual.accounts.contains_key(&self.desired.bastion) {
            effect::of(&self.actual, &self.plan, self.desired.partition)
        } else {
            Outlook::NotTold("people are in the bastion account, which was not read".to_owned())
        })
    }

    /// What stands in the bastion and is not in the file.
    pub(crate) fn foreign(&self) -> Vec<Notice> {
        let is_whole = self.part.roles.is_empty();
        if is_whole { foreign(&self.actual, &self.desired) } else { Vec::new() }
    }
}

/// A connection into each of the accounts.
pub(crate) fn enter(
    context: &Context,
    wanted: &Wanted,
    accounts: &[AccountId],
    way: &WayIn,
) -> Result<Access, CliError> {
    let access = access::open(context, &wanted.file.design, accounts, way)?;
    if let Some(warning) = access::endpoint_mismatch(context, &wanted.file.design, &access) {
        context.printer.warning(&warning);
    }
    Ok(access)
}

/// Which users' credentials are worth reading: three calls each.
pub(crate) enum Credentials {
    /// Of those who are not in the file: whether they can be deleted hangs on it. And of administrators, where the
    /// organization's guards wait for one who can enter.
    OfLeavers,
    /// Of everybody.
    OfAll,
    /// Of everybody, with those that hardly anybody has.
    InFull,
}

/// Reads the accounts. Whatever could not be read is an error.
pub(crate) fn read(
    context: &Context,
    access: &Access,
    wanted: &Wanted,
    credentials: &Credentials,
) -> Result<Estate, CliError> {
    let of = |account: AccountId| wanted.desired.estate.accounts.get(&account);
    let (total, done) = (access.connections.len(), Cell::new(0));
    let tell = |progress: Progress<'_>| match progress {
        Progress::Read(_) => {
            done.set(done.get() + 1);
            context.printer.progress(&format!("read {} of {total} accounts", done.get()));
        }
        Progress::Waiting(account, error) => context.printer.progress(&format!(
            "waiting for {}: {}",
            account_label(&wanted.names, account),
            error.code().unwrap_or("no answer")
        )),
    };
    let reading = Reading {
        connections: &access.connections,
        identified: access.identified,
        settings_of: &|account| of(account).is_some_and(|a| a.alias.is_some() || a.password_policy.is_some()),
        foreign: false,
        credentials_of: &|account, user| match credentials {
            Credentials::OfAll | Credentials::InFull => true,
            Credentials::OfLeavers => user.parse::<UserName>().map_or(true, |name| {
                guards_ask_of(&wanted.desired, account, &name)
                    || !of(account).is_some_and(|found| found.users.contains_key(&name))
            }),
        },
        rare_credentials: matches!(credentials, Credentials::InFull),
        tell: &tell,
    };
    let mut snapshot = reading.collect(&Timestamp::now);
    context.printer.progress_ends();
    if snapshot.gaps.is_empty() {
        snapshot.estate.organization = organization(access, &wanted.desired)?;
        return Ok(snapshot.estate);
    }
    let mut error = CliError::failed("the accounts could not be read completely, so there is no plan");
    for gap in &snapshot.gaps {
        let account = account_label(&wanted.names, gap.account);
        error = error.caused_by(format!("{} in {account}: {}", gap.call, gap.cause));
    }
    Err(error.hint("give the credential the permission to read IAM, or mend the connection, and run again"))
}

/// The organization as it is; none where nobody asks of it, or it is not looked at.
fn organization(access: &Access, desired: &Desired) -> Result<Option<Organization>, CliError> {
    let (Some(connection), Some(wanted)) = (&access.organization, &desired.organization) else {
        return Ok(None);
    };
    let tree = matches!(wanted.attach_to, Attachment::Named(_));
    let scope = OrganizationScope { tree, policies: &format!("postern-{}-", desired.name) };
    connection.organization(scope).map_err(|error| {
        CliError::failed("the organization could not be read, so there is no plan")
            .caused_by(error)
            .hint("the credential of [organization] must be one of the management account that may read and change service control policies")
    })
}

/// Whether guards of the organization are attached only when this person can enter.
fn guards_ask_of(desired: &Desired, account: AccountId, person: &UserName) -> bool {
    let organization = desired.organization.as_ref().filter(|organization| organization.locks);
    account == desired.bastion && organization.is_some_and(|o| o.administrators.contains(person))
}

struct Compared {
    actual: Estate,
    desired: Desired,
    plan: Plan,
    left_out: usize,
}

fn compare(context: &Context, access: &Access, wanted: &Wanted, part: &Part) -> Result<Compared, CliError> {
    let actual = read(context, access, wanted, &Credentials::OfLeavers)?;
    // Judged again with the quotas that the accounts really have.
    let quotas =
        |account: AccountId| actual.accounts.get(&account).map(|found| found.quotas).unwrap_or_default();
    let mut desired = wanted.file.desired(&quotas)?;
    if !wanted.within_cap {
        cap::check(context, &wanted.file, &desired, Some(&actual))?;
    }
    desired.estate.accounts.retain(|account, _| access.connections.contains_key(account));
    match (&access.organization, &mut desired.organization) {
        (Some(_), Some(wanted)) => wanted.held_back = access.as_root && wanted.bars_root,
        (_, wanted) => *wanted = None,
    }
    let whole = diff(&actual, &desired);
    let calls = whole.steps.len();
    let plan = whole.only(&|key| part.holds(&desired, key));
    let left_out = calls - plan.steps.len();
    Ok(Compared { actual, desired, plan, left_out })
}
