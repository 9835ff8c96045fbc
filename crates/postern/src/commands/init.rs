//! `postern init`

mod answers;

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use postern_aws::{Connection, survey};
use postern_estate::{
    Account, AccountName, Draft, DraftAccount, EstateName, ExistingAccount,
    migrate::{self, Window, Witness},
};
use postern_types::{AccountId, Region, Timestamp, UserName};

use self::answers::{AccountAnswer, BastionAnswer, Questions};
use crate::{
    access,
    commands::migrate::used,
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::DEFAULT_NAME,
    report::plan::counted,
    whole_file::{self, Mode, PUBLIC},
};

/// Arguments of `postern init`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct InitArgs {
    /// The estate's name
    #[arg(long, value_name = "NAME")]
    name: Option<EstateName>,
    /// Where STS is called, and people's default region
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
    /// The account that people sign in to, and the AWS profile of its administrator
    #[arg(long, value_name = "ID[=PROFILE]")]
    bastion: Option<BastionAnswer>,
    /// An account that people work in; may be repeated
    #[arg(long = "account", value_name = "NAME=ID[=PROFILE]")]
    accounts: Vec<AccountAnswer>,
    /// A person, made a developer; may be repeated
    #[arg(long = "person", value_name = "NAME")]
    people: Vec<UserName>,
    /// A person who may stand above the cap; may be repeated
    #[arg(long = "administrator", value_name = "NAME")]
    administrators: Vec<UserName>,
    /// Draft the file from the account that this AWS profile enters, or the environment's credentials
    #[arg(long, value_name = "PROFILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a value, with one")]
    from_account: Option<Option<String>>,
    /// Replace an estate file that is there
    #[arg(long)]
    force: bool,
}

const AFTER_HELP: &str = "\
On a terminal it asks for what the flags leave open. The file is written whole
or not at all, and never over another one without --force.

Examples:
  postern init
  postern init --name acme --region eu-central-1 \\
    --bastion 111111111111=admin --account prod=222222222222 \\
    --person alice --administrator carol
  postern init --from-account old --bastion 111111111111=new-bastion

--from-account reads the account, and what its users used, and changes nothing
in it: users that are people become people, groups and roles that they can use
become roles, who can write to IAM becomes an administrator. What is left out,
such as programs and users whom nobody uses, stands at the end of the file,
with the reason. Without --bastion the account itself becomes the bastion.

Exit codes: 0 written, 1 the account could not be read, 2 wrong usage.";

pub(crate) fn run(args: &InitArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let path = context.estate_path.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_NAME));
    if !args.force && path.exists() {
        return Err(exists(&path));
    }
    let draft = match &args.from_account {
        Some(profile) => from_account(args, profile.as_deref(), context)?,
        None => from_answers(args)?,
    };
    let text = draft.text().map_err(|errors| {
        let worded = CliError::usage("these answers make no sound estate file, so none was written");
        errors.iter().fold(worded, |worded, error| worded.caused_by(&error.message))
    })?;
    // Not a secret: readable as every new file is.
    let written = if args.force {
        whole_file::replace(&path, &text, Mode::Kept(PUBLIC))
    } else {
        whole_file::create(&path, &text, PUBLIC)
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(&path),
        _ => CliError::failed(format!("cannot write `{}`", path.display())).caused_by(error),
    })?;
    context.printer.status(&format!(
        "wrote `{}`: {} beside the bastion, {}, {}",
        path.display(),
        counted(draft.accounts.len(), "account"),
        counted(draft.roles.len(), "role"),
        if draft.people.len() == 1 {
            "1 person".to_owned()
        } else {
            format!("{} people", draft.people.len())
        }
    ));
    if !draft.left_out.is_empty() {
        context.printer.status(&format!(
            "{} left out; the end of the file says which, and why",
            counted(draft.left_out.len(), "thing")
        ));
    }
    context.printer.status("read it through; then `postern estate check`, and `postern plan`");
    Ok(ExitStatus::Done)
}

fn exists(path: &Path) -> CliError {
    CliError::usage(format!("`{}` is there already", path.display()))
        .hint("`--force` replaces it; `--estate FILE` writes elsewhere")
}

fn from_answers(args: &InitArgs) -> Result<Draft, CliError> {
    let mut questions = Questions::new();
    let name = questions.one("--name", args.name.clone(), "Name of the estate, such as acme: ")?;
    let region = questions.one("--region", args.region.clone(), "Region, such as eu-central-1: ")?;
    let bastion = questions.one(
        "--bastion",
        args.bastion.clone(),
        "Account that people sign in to, ID or ID=PROFILE: ",
    )?;
    let accounts = questions.several(
        "--account",
        args.accounts.clone(),
        "Account that people work in, NAME=ID or NAME=ID=PROFILE (nothing ends): ",
    )?;
    let people = questions.list(args.people.clone(), "People, with blanks between (or nothing): ")?;
    let administrators =
        questions.list(args.administrators.clone(), "Administrators among them (or nothing): ")?;
    let mut draft = Draft::starting(name, region, (bastion.id, bastion.profile));
    draft.accounts = accounts
        .into_iter()
        .map(|account| DraftAccount { name: account.name, id: account.id, profile: account.profile })
        .collect();
    let everyone = with_administrators(people, &administrators);
    draft.administrators = administrators;
    Ok(draft.with_usual_roles(everyone))
}

/// Administrators are people too.
fn with_administrators(mut people: Vec<UserName>, administrators: &[UserName]) -> Vec<UserName> {
    for administrator in administrators {
        if !people.contains(administrator) {
            people.push(administrator.clone());
        }
    }
    people
}

fn from_account(args: &InitArgs, profile: Option<&str>, context: &Context) -> Result<Draft, CliError> {
    if !args.accounts.is_empty() || !args.people.is_empty() || !args.administrators.is_empty() {
        return Err(CliError::usage("`--from-account` finds accounts, people and administrators itself")
            .hint("leave `--account`, `--person` and `--administrator` out, and change the file that is written"));
    }
    let connection = access::without_estate(context, profile, args.region.as_ref())?;
    let id = connection.caller_identity()?.account;
    context.printer.status(&format!("reading account {id} …"));
    let found = read(id, &connection)?;
    let alias = found.alias.as_ref().map(|alias| alias.as_str().to_owned());
    let name = match (&args.name, alias.as_ref().and_then(|alias| alias.parse().ok())) {
        (Some(name), _) => name.clone(),
        (None, Some(alias)) => alias,
        (None, None) => Questions::new().one("--name", None, "Name of the estate, such as acme: ")?,
    };
    let own = profile.map(str::to_owned);
    let bastion = match &args.bastion {
        Some(bastion) => {
            (bastion.id, bastion.profile.clone().or_else(|| own.clone().filter(|_| bastion.id == id)))
        }
        None => (id, own.clone()),
    };
    let mut draft = Draft::starting(name, connection.endpoint().region.clone(), bastion);
    // Without this, what is not done by the profile would go to AWS itself.
    draft.endpoint_url = connection.endpoint().url("sts").map(str::to_owned);
    let used = used(context, id, &connection, &found);
    let window = Window { now: used.read_at, unused_after: Window::UNUSED_AFTER };
    let existing = ExistingAccount {
        name: account_name(alias.as_deref()),
        id,
        profile: own,
        found: &found,
        documents: &|arn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned),
        who: &|name, user| {
            let usage = used.users.get(name);
            migrate::judge(&Witness { name, user, usage, is_declared: false }, &window)
        },
    };
    Ok(existing.draft_into(draft))
}

/// The account's name in the file: its alias, where it has one.
fn account_name(alias: Option<&str>) -> AccountName {
    alias
        .filter(|alias| *alias != access::BASTION)
        .unwrap_or("main")
        .parse()
        .unwrap_or_else(|_| unreachable!("aliases are account names"))
}

/// Everything in the account's IAM. Missing is not empty: what could not be read is an error.
pub(crate) fn read(id: AccountId, connection: &Connection) -> Result<Account, CliError> {
    let mut snapshot = survey(id, connection, &Timestamp::now);
    if let (true, Some(found)) = (snapshot.gaps.is_empty(), snapshot.estate.accounts.remove(&id)) {
        return Ok(found);
    }
    let error =
        CliError::failed(format!("account {id} could not be read completely, so nothing was written"));
    let error = snapshot
        .gaps
        .iter()
        .fold(error, |error, gap| error.caused_by(format!("{}: {}", gap.call, gap.cause)));
    Err(error.hint("give the credential the permission to read IAM (SecurityAudit has it), and run again"))
}
