//! One file per command: its arguments, and one function that runs it.

pub(crate) mod agent;
pub(crate) mod apply;
pub(crate) mod cap;
pub(crate) mod completions;
pub(crate) mod console;
pub(crate) mod contain;
pub(crate) mod credential_process;
pub(crate) mod demo;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod emit;
pub(crate) mod enrol;
pub(crate) mod env;
pub(crate) mod estate;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod init;
pub(crate) mod init_shell;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod off_board;
pub(crate) mod people;
pub(crate) mod pick;
pub(crate) mod plan;
pub(crate) mod planning;
pub(crate) mod policy;
pub(crate) mod profiles;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod serve_for;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod trust;
pub(crate) mod whoami;

use crate::{
    args::Command,
    context::Context,
    errors::{CliError, ExitStatus},
};

/// Runs the command that was asked for.
pub(crate) fn run(command: &Command, context: &mut Context) -> Result<ExitStatus, CliError> {
    match command {
        Command::Plan(args) => plan::run(args, context),
        Command::Apply(args) => apply::run(args, context),
        Command::Emit(args) => emit::run(args, context),
        Command::Drift(args) => drift::run(args, context),
        Command::Destroy(args) => destroy::run(args, context),
        Command::Demo(args) => demo::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Estate(args) => estate::run(args, context),
        Command::Schema(args) => schema::run(args, context),
        Command::People(args) => people::run(args, context),
        Command::Contain(args) => contain::run(args, context),
        Command::OffBoard(args) => off_board::run(args, context),
        Command::Enrol(args) => enrol::run(args, context),
        Command::Migrate(args) => migrate::run(args, context),
        Command::Policy(args) => policy::run(args, context),
        Command::Sandbox(args) => sandbox::run(args, context),
        Command::Login(args) => login::run(args, context),
        Command::Exec(args) => exec::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Serve(args) => serve::run(args, context),
        Command::ServeFor(args) => serve_for::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Profiles(args) => profiles::run(args, context),
        Command::Env(args) => env::run(args, context),
        Command::Shell(args) => shell::run(args, context),
        Command::Console(args) => console::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Whoami(args) => whoami::run(args, context),
        Command::CredentialProcess(args) => credential_process::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Logout(args) => logout::run(args, context),
        Command::Keys(args) => keys::run(args, context),
        Command::Agent(args) => agent::run(args, context),
        Command::Pick(args) => pick::run(args, context),
        Command::Trust(args) => trust::run(args, context),
        Command::InitShell(args) => init_shell::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
    }
}
