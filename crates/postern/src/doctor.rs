//! What is wrong on this machine: one [`Check`] per subject, each a function from what is there to findings.

mod clock;
mod estate;
mod files;
mod keys;
mod variables;

use serde::Serialize;

use crate::{aws_files, context::Context, errors::CliError};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// It works, and deserves a look.
    Warning,
    /// Something fails because of it, or a secret lies open.
    Problem,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// In lower case and without a full stop.
    pub(crate) message: String,
    pub(crate) file: Option<String>,
    /// From 1.
    pub(crate) line: Option<usize>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), file: None, line: None, hint: None }
    }

    pub(crate) fn problem(message: impl Into<String>) -> Self {
        Self::new(Severity::Problem, message)
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// An error as a finding. Of a picture of a file the last line tells what it comes to.
    pub(crate) fn of_error(severity: Severity, error: &CliError) -> Self {
        let message = match error.rendered {
            true => error.message.lines().last().unwrap_or_default(),
            false => &error.message,
        };
        let causes: String = error.causes.iter().map(|cause| format!(": {}", cause.trim_end())).collect();
        Self { hint: error.hints.first().cloned(), ..Self::new(severity, format!("{message}{causes}")) }
    }

    pub(crate) fn at(self, file: &str, line: Option<usize>) -> Self {
        Self { file: Some(file.to_owned()), line, ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// One subject, looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// Its name for scripts.
    pub(crate) id: &'static str,
    #[serde(skip)]
    pub(crate) title: &'static str,
    /// How things are, in a few words.
    pub(crate) state: String,
    /// Whether it could be looked at.
    pub(crate) checked: bool,
    pub(crate) findings: Vec<Finding>,
}

impl Check {
    pub(crate) fn new(
        id: &'static str,
        title: &'static str,
        state: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { id, title, state: state.into(), checked: true, findings }
    }

    /// It could not be looked at.
    pub(crate) fn skipped(id: &'static str, title: &'static str, why: impl Into<String>) -> Self {
        Self { checked: false, ..Self::new(id, title, why, Vec::new()) }
    }
}

/// Looks at everything. Nothing is changed, and no secret is read that a file does not show to everybody who reads it.
pub(crate) fn examine(context: &Context, offline: bool) -> Vec<Check> {
    let environment = &context.environment;
    let found = crate::estate_file::EstateFile::find(context);
    let design = found.as_ref().ok().and_then(Option::as_ref).map(|file| &file.design);
    let profiles = aws_files::read(environment);
    let read = profiles.as_ref().ok();
    vec![
        clock::check(environment, design, offline),
        variables::check(environment, read),
        files::in_clear(environment, read),
        files::modes(environment, read),
        files::caches(environment),
        files::readers(environment, &profiles),
        keys::store(context),
        keys::sessions(environment),
        estate::file(&found),
        estate::block(context, design),
    ]
}
