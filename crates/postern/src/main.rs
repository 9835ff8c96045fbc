//! postern: a guarded door between people and a company's AWS accounts.
//!
//! This crate is the face: arguments, settings, wording and exit codes. What it says comes from
//! `output` and `errors`; what it does lies in the crates below it (see ARCHITECTURE.md).

mod access;
mod args;
mod aws_files;
mod commands;
mod completing;
mod context;
mod daily;
mod directory;
mod doctor;
mod effect;
mod env;
mod errors;
mod estate_change;
mod estate_file;
mod frecency;
mod key_age;
mod keystore;
mod output;
mod personal;
mod picker;
mod prompt;
mod report;
mod run_report;
mod saved_plan;
mod served;
mod signals;
mod snapshot;
mod state;
mod target;
mod whole_file;

use std::process::ExitCode;

fn main() -> ExitCode {
    keep_memory_to_itself();
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let environment = env::Environment::of_process();
    // What SDKs ask for all day is answered before anything is built or read that the answer does not need.
    if let Some(answered) = commands::credential_process::ready_answer(&arguments, &environment) {
        return answered;
    }
    if let Some(completed) = completing::answered(&arguments, &environment) {
        return completed;
    }
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(outcome) => return outcome,
    };
    let mut context = context::Context::new(&cli.global, environment);
    let outcome = match &cli.command {
        Some(command) => commands::run(command, &mut context).map(Some),
        None if commands::pick::is_possible(&context) => commands::pick::run_alone(&mut context),
        None => Ok(None),
    };
    match outcome {
        Ok(Some(status)) => status.into(),
        Ok(None) => args::usage(),
        Err(error) => {
            context.printer.error(&error);
            error.kind.exit_status().into()
        }
    }
}

/// No core dump holds a secret of this process, and no other process of this user reads its memory or its
/// environment. A command that it becomes or starts is as it would be without postern.
fn keep_memory_to_itself() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
