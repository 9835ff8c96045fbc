//! The command line: one tree, whose doc comments are the help texts.

use std::{ffi::OsString, io::Write, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::{
    commands,
    context::Context,
    errors::{CliError, ExitStatus},
    output::Color,
    prompt::Source,
};

/// A guarded door between people and a company's AWS accounts.
#[derive(Debug, Parser)]
#[command(name = "postern", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "\
Examples:
  postern demo                               watch a thief with a stolen key
  postern init                               write a first estate file
  postern plan                               what apply would change
  postern apply                              make the accounts as described
  postern people enrol alice                 MFA device and key for alice
  postern login                              one MFA code, good for the day
  postern exec prod/developer -- aws s3 ls   work with a role
  postern                                    choose a role, on a terminal

Exit codes: 0 done, 1 failed, 2 wrong usage or a bad file, 4 refused,
130 interrupted.";

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The estate file [default: ./postern.toml; env: POSTERN_ESTATE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) estate: Option<PathBuf>,
    /// When to colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub(crate) color: Color,
    /// Where MFA codes come from, in order, with commas between: terminal, pinentry, zenity, kdialog, osascript, ykman,
    /// op, pass, process, seed [env: POSTERN_MFA_FROM]
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAMES", help_heading = "Global options")]
    pub(crate) mfa_from: Vec<Source>,
    /// Say only what went wrong, and the data asked for
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch one stolen key, before and after
    Demo(commands::demo::DemoArgs),
    /// Write a first estate file
    Init(commands::init::InitArgs),
    /// Show what apply would change
    Plan(commands::plan::PlanArgs),
    /// Make the accounts what the estate file says
    Apply(commands::apply::ApplyArgs),
    /// Write the estate as CloudFormation templates or Terraform modules
    Emit(commands::emit::EmitArgs),
    /// Check the estate file, and lay it out
    Estate(commands::estate::EstateArgs),
    /// Print the estate file's JSON Schema, for editors
    Schema(commands::schema::SchemaArgs),
    /// Show what was changed past the estate file
    Drift(commands::drift::DriftArgs),
    /// Remove everything that carries the estate's mark
    Destroy(commands::destroy::DestroyArgs),
    /// Add, enrol, invite and remove people, and see who is enrolled
    People(commands::people::PeopleArgs),
    /// Lock out whoever holds a user's, a key's or a role's credentials, now
    Contain(commands::contain::ContainArgs),
    /// Lock out a person who leaves, and delete their user later
    OffBoard(commands::off_board::OffBoardArgs),
    /// Enrol oneself by an invitation: MFA device and access key
    Enrol(commands::enrol::EnrolArgs),
    /// Move an account's people from IAM users to the bastion, one by one
    Migrate(commands::migrate::MigrateArgs),
    /// Decide, explain, check and compare IAM policies
    Policy(commands::policy::PolicyArgs),
    /// Run a local AWS that checks everything
    Sandbox(commands::sandbox::SandboxArgs),
    /// Take an MFA session: one code, good for every role until it ends
    Login(commands::login::LoginArgs),
    /// Run a command with a role's credentials
    Exec(commands::exec::ExecArgs),
    /// Show what a target means and which calls it takes, without a call
    Explain(commands::explain::ExplainArgs),
    /// Serve roles' credentials to programs on this machine, renewed for as long as it runs
    Serve(commands::serve::ServeArgs),
    /// Serve one process
    #[command(hide = true)]
    ServeFor(commands::serve_for::ServeForArgs),
    /// Print a role's credentials as variables, for the shell you are in
    Env(commands::env::EnvArgs),
    /// Start a shell with a role's credentials
    Shell(commands::shell::ShellArgs),
    /// Choose a target from a list, and print its name
    Pick(commands::pick::PickArgs),
    /// Let a directory name the target of commands there
    Trust(commands::trust::TrustArgs),
    /// Open the AWS console as a role
    Console(commands::console::ConsoleArgs),
    /// Write a role's credentials into ~/.aws/credentials, for tools that only read files
    Export(commands::export::ExportArgs),
    /// Ask AWS who one is
    Whoami(commands::whoami::WhoamiArgs),
    /// Hand a role's credentials to an SDK that asks for them
    CredentialProcess(commands::credential_process::CredentialProcessArgs),
    /// Write profiles for other tools, and take keys out of ~/.aws
    Profiles(commands::profiles::ProfilesArgs),
    /// Show sessions, time left, and keys
    Status(commands::status::StatusArgs),
    /// Forget every session
    Logout(commands::logout::LogoutArgs),
    /// List, add, replace, move and remove stored access keys
    Keys(commands::keys::KeysArgs),
    /// Look for what is wrong on this machine
    Doctor(commands::doctor::DoctorArgs),
    /// Hold the key that seals sessions
    #[command(hide = true)]
    Agent(commands::agent::AgentArgs),
    /// Write what a shell needs for `assume`, a prompt and completions
    InitShell(commands::init_shell::InitShellArgs),
    /// Write a shell's completions to standard output
    Completions(commands::completions::CompletionsArgs),
    /// Write the man pages into a directory
    Man(commands::man::ManArgs),
}

/// The whole tree, for completions and man pages.
pub(crate) fn tree() -> clap::Command {
    Cli::command()
}

/// What `postern init-shell` calls `assume`, for completions: `env`, and what leads elsewhere.
pub(crate) fn assume_tree() -> clap::Command {
    let switch = |name: &'static str, short, help: &'static str| {
        Arg::new(name).long(name).short(short).help(help).action(ArgAction::SetTrue)
    };
    commands::env::EnvArgs::augment_args(clap::Command::new("assume"))
        .mut_arg("unset", |unset| unset.short('u'))
        .arg(switch("console", 'c', "Open the AWS console"))
}

impl Cli {
    /// Runs what a person could have typed, with the settings of this run.
    pub(crate) fn run_typed(words: &[&str], context: &mut Context) -> Result<ExitStatus, CliError> {
        match Self::try_parse_from(words) {
            Ok(Self { command: Some(command), .. }) => commands::run(&command, context),
            Ok(_) => Ok(ExitStatus::Done),
            Err(error) => Err(CliError::usage(error.to_string())),
        }
    }
}

/// Says what postern can do, as where a command is missing.
pub(crate) fn usage() -> ExitCode {
    let mut help = tree().render_help().ansi().to_string();
    help.push('\n');
    let choice = anstream::AutoStream::choice(&std::io::stderr());
    let _ = anstream::AutoStream::new(std::io::stderr().lock(), choice).write_all(help.as_bytes());
    ExitCode::from(2)
}

/// Reads the command line; help, version and mistakes are printed and end the run.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(arguments).map_err(|error| {
        // Help goes to standard output and ends well; a mistake goes to standard error with code 2.
        let _ = error.print();
        ExitCode::from(if error.use_stderr() { 2 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }

    /// clap fills lines again that do not fit, so that a broken line is broken twice.
    #[test]
    fn what_follows_a_help_fits_80_columns() {
        fn long_lines(command: &clap::Command) -> Vec<String> {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let long = text.lines().filter(|line| line.chars().count() > 78);
            let mut lines: Vec<String> = long.map(|line| format!("{}: {line}", command.get_name())).collect();
            lines.extend(command.get_subcommands().flat_map(long_lines));
            lines
        }
        let long = long_lines(&tree());
        assert!(long.is_empty(), "{long:#?}");
    }
}
