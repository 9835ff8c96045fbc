//! `postern people`

use clap::{Args, Subcommand};
use postern_aws::{Connection, Kind, enrol::Device};
use postern_types::{AccountId, UserName};
use strsim::jaro_winkler;

use crate::{
    access::{self, Access, WayIn},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
};

pub(crate) mod ceremony;
mod devices;
mod edit;
mod enrol;
pub(crate) mod invitation;
mod invite;
mod list;
mod lost;

/// Arguments of `postern people`.
#[derive(Debug, Args)]
pub(crate) struct PeopleArgs {
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// Write a person into the estate file
    Add(edit::AddArgs),
    /// Give a person an MFA device and an access key
    Enrol(enrol::EnrolArgs),
    /// Let a person enrol alone: print a credential that is good for that only
    Invite(invite::InviteArgs),
    /// Show who is in the estate file, and who has device and key
    List(list::ListArgs),
    /// Show a person's MFA devices
    Devices(devices::DevicesArgs),
    /// Take a lost MFA device from a person
    DeviceLost(lost::DeviceLostArgs),
    /// Take a person out of the estate file
    Remove(edit::RemoveArgs),
}

pub(crate) fn run(args: &PeopleArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    match &args.command {
        PeopleCommand::Add(args) => edit::add(args, context),
        PeopleCommand::Enrol(args) => enrol::run(args, context),
        PeopleCommand::Invite(args) => invite::run(args, context),
        PeopleCommand::List(args) => list::run(args, context),
        PeopleCommand::Devices(args) => devices::run(args, context),
        PeopleCommand::DeviceLost(args) => lost::run(args, context),
        PeopleCommand::Remove(args) => edit::remove(args, context),
    }
}

/// The bastion account, entered for work on people.
struct Bastion {
    file: EstateFile,
    account: AccountId,
    connection: Connection,
    access: Access,
}

impl Bastion {
    fn open(context: &Context, way: &WayIn) -> Result<Self, CliError> {
        let file = EstateFile::load(context)?;
        let account = file.design.bastion.account.value;
        let access = access::open(context, &file.design, &[account], way)?;
        let Some(connection) = access.connections.get(&account).cloned() else {
            return Err(CliError::failed("no connection to the bastion account"));
        };
        Ok(Self { file, account, connection, access })
    }

    fn endpoint_mismatch(&self, context: &Context) -> Option<String> {
        access::endpoint_mismatch(context, &self.file.design, &self.access)
    }

    fn check_person(&self, person: &UserName) -> Result<(), CliError> {
        check_person(&self.file, person)
    }

    /// The devices of a user, who must be there.
    fn devices(&self, person: &UserName) -> Result<Vec<Device>, CliError> {
        self.connection.mfa_devices(person).map_err(|error| {
            if error.kind == Kind::NotFound {
                CliError::failed(format!("{person} has no user in the bastion account yet"))
                    .hint("run `postern apply` first")
            } else {
                error.into()
            }
        })
    }
}

/// Whether the estate file has this person.
fn check_person(file: &EstateFile, person: &UserName) -> Result<(), CliError> {
    if file.design.people.contains_key(person) {
        return Ok(());
    }
    let error = CliError::usage(format!("the estate file has no person `{person}`"));
    Err(match nearest(person.as_str(), file.design.people.keys()) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error
            .hint(format!("add [people.{person}] to `{}` and run `postern apply`", file.path.display()))
            .hint(format!("`postern people add {person}` writes it")),
    })
}

/// The name that was probably meant.
pub(crate) fn nearest<T: ToString>(meant: &str, names: impl IntoIterator<Item = T>) -> Option<String> {
    let likeness = |name: T| {
        let name = name.to_string();
        (jaro_winkler(&name, meant), name)
    };
    let nearest = names.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.filter(|(likeness, _)| *likeness > 0.7).map(|(_, name)| name)
}
