//! Asking a person: MFA codes from wherever they come, passphrases, a yes.
//!
//! Standard input, output and error may all be pipes, as under `credential_process`: questions go to the
//! controlling terminal, into a dialog, or to a program that answers in the person's place. What cannot be
//! used is known before anything is started, so that a process with no way to ask ends at once.

mod codes;
mod dialog;
mod passphrase;
mod pinentry;
mod program;
mod screen;
mod source;
mod terminal;

use std::io::{self, Write};

use postern_broker::PromptError;

pub(crate) use codes::{Codes, Sources};
pub(crate) use passphrase::Passphrases;
pub(crate) use screen::{Key, Screen};
pub(crate) use source::Source;
pub(crate) use terminal::{Echo, Terminal, ask_nobody_from_now};

fn unavailable(reason: impl Into<String>) -> PromptError {
    PromptError::Unavailable { reason: reason.into() }
}

fn failed(problem: impl Into<String>) -> PromptError {
    PromptError::Failed { problem: problem.into() }
}

/// One line on standard error, about what is done for a question.
fn notice(text: &str) {
    // Nobody is left to be told when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "postern: {text}");
}
