//! What `plan` and `apply` share: from the estate file to the plan, with every reason to stop on the way.

use clap::Args;
use postern_aws::collect;
use postern_estate::{Plan, Quotas, diff};
use postern_types::{AccountId, Timestamp};

use crate::{
    access::{self, Access, AccountNames, WayIn, account_label},
    commands::cap,
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
    report::plan::counted,
};

/// Which part of the estate is looked at.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Scope {
    /// Only this account, by its name in the estate file or `bastion`; may be repeated
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    #[command(flatten)]
    way: WayIn,
}

impl Scope {
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
}

/// The estate file and what it wants, judged, before anything was called.
pub(crate) struct Wanted {
    pub(crate) file: EstateFile,
    pub(crate) names: AccountNames,
    /// Whether every role's policies are known and within the cap; else it is checked again with the accounts read.
    within_cap: bool,
}

impl Wanted {
    /// Reads the estate file and judges it: a broken file ends with code 2, a role above the cap with code 4.
    pub(crate) fn load(context: &Context) -> Result<Self, CliError> {
        let file = EstateFile::load(context)?;
        let names = access::account_names(&file.design);
        // Judged with AWS's default quotas, so that nothing needs to be called for a file that cannot be applied.
        let desired = file.desired(&|_| Quotas::default())?;
        let within_cap = cap::check(context, &file, &desired, None)?;
        Ok(Self { file, names, within_cap })
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
    pub(crate) plan: Plan,
}

impl Prepared {
    /// Reads the accounts and compares. Whatever could not be read is an error: missing is not empty.
    pub(crate) fn read(context: &Context, wanted: Wanted, scope: &Scope) -> Result<Self, CliError> {
        let accounts = scope.resolve(&wanted.names)?;
        context.printer.status(&format!("reading {} …", counted(accounts.len(), "account")));
        let access = access::open(context, &wanted.file.design, &accounts, &scope.way)?;
        if let Some(warning) = access::endpoint_mismatch(context, &wanted.file.design, &access) {
            context.printer.warning(&warning);
        }
        let plan = compare(context, &access, &wanted, &accounts)?;
        Ok(Self { wanted, access, plan })
    }

    /// Reads the accounts once more and says what is left to do.
    pub(crate) fn again(&self, context: &Context) -> Result<Plan, CliError> {
        let accounts: Vec<AccountId> = self.access.connections.keys().copied().collect();
        compare(context, &self.access, &self.wanted, &accounts)
    }
}

fn compare(
    context: &Context,
    access: &Access,
    wanted: &Wanted,
    accounts: &[AccountId],
) -> Result<Plan, CliError> {
    let snapshot = collect(&access.connections, &Timestamp::now);
    if !snapshot.gaps.is_empty() {
        let mut error = CliError::failed("the accounts could not be read completely, so there is no plan");
        for gap in &snapshot.gaps {
            error = error.caused_by(format!(
                "{} in {}: {}",
                gap.call,
                account_label(&wanted.names, gap.account),
                gap.cause
            ));
        }
        return Err(error
            .hint("give the credential the permission to read IAM, or mend the connection, and run again"));
    }
    // Judged again with the quotas that the accounts really have.
    let quotas = |account: AccountId| {
        snapshot.estate.accounts.get(&account).map(|found| found.quotas).unwrap_or_default()
    };
    let mut desired = wanted.file.desired(&quotas)?;
    if !wanted.within_cap {
        cap::check(context, &wanted.file, &desired, Some(&snapshot.estate))?;
    }
    desired.estate.accounts.retain(|account, _| accounts.contains(account));
    Ok(diff(&snapshot.estate, &desired))
}
