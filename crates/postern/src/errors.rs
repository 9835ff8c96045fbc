//! Every error that a person sees: what happened, why, and what to do next.
//!
//! Libraries return precise enums; here they get their words, their hints and their exit code. The one
//! `From` per library error lives here, so that commands stay free of wording.

mod daily;

use std::{fmt, io, process::ExitCode};

use postern_aws::{AwsError, Kind, NetworkError, Unreachable, profile::ProfileError};
use postern_estate::emit::EmitError;

/// How a command ended, as scripts see it (`formats.md`, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: done, or nothing found.
    Done,
    /// 1: failed.
    Failed,
    /// 2: wrong usage or a bad file; `plan --detailed-exitcode` uses it for "there are changes".
    Usage,
    /// 4: refused, because the result would break a claim or a critical rule. Nothing was called.
    Refused,
    /// 126: `exec` cannot run the command that is there; as shells have it.
    NotRunnable,
    /// 127: `exec` finds no such command; as shells have it.
    NoCommand,
    /// 130: interrupted.
    Interrupted,
}

impl ExitStatus {
    /// `plan --detailed-exitcode`: there are changes.
    pub(crate) const CHANGES: Self = Self::Usage;
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Refused => 4,
            ExitStatus::NotRunnable => 126,
            ExitStatus::NoCommand => 127,
            ExitStatus::Interrupted => 130,
        })
    }
}

/// What sort of error it is, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// It was tried and did not work.
    Failed,
    /// The command line or a file is wrong; nothing was tried.
    Usage,
    /// postern will not do it.
    Refused,
    /// The command of `exec` cannot be run.
    NotRunnable,
    /// The command of `exec` is not there.
    NoCommand,
    /// The user ended it.
    Interrupted,
}

impl ErrorKind {
    pub(crate) fn exit_status(self) -> ExitStatus {
        match self {
            Self::Failed => ExitStatus::Failed,
            Self::Usage => ExitStatus::Usage,
            Self::Refused => ExitStatus::Refused,
            Self::NotRunnable => ExitStatus::NotRunnable,
            Self::NoCommand => ExitStatus::NoCommand,
            Self::Interrupted => ExitStatus::Interrupted,
        }
    }
}

/// An error in words.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Decides the exit code.
    pub(crate) kind: ErrorKind,
    /// What happened, in lower case and without a full stop. May hold several lines when `rendered`.
    pub(crate) message: String,
    /// Whether the message is a finished picture (source lines with underlines) to be shown as it is.
    pub(crate) rendered: bool,
    /// Why, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do next.
    pub(crate) hints: Vec<String>,
}

impl CliError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), rendered: false, causes: Vec::new(), hints: Vec::new() }
    }

    /// It was tried and did not work: exit code 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Wrong usage or a bad file: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Refused before anything was called: exit code 4.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Ended by the user: exit code 130.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    pub(crate) fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Marks the message as a finished picture.
    pub(crate) fn rendered(mut self) -> Self {
        self.rendered = true;
        self
    }
}

impl From<io::Error> for CliError {
    /// For writing to standard output; file errors are worded where the path is known.
    fn from(error: io::Error) -> Self {
        Self::failed("cannot write the output").caused_by(error)
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        let whereabouts = error.account.map(|account| format!(" in account {account}")).unwrap_or_default();
        let said = match &error.answer {
            // The proxy's answer, not AWS's.
            _ if error.kind == Kind::Unreachable(Unreachable::ProxyPassword) => no_answer(&error),
            Some(answer) if answer.code.is_empty() => format!("HTTP status {}", answer.status),
            Some(answer) => format!("{}: {}", answer.code, answer.message.trim_end()),
            None => no_answer(&error),
        };
        let worded = Self::failed(format!("{}{whereabouts} failed", error.operation)).caused_by(said);
        match error.kind {
            Kind::Denied => worded.hint("the credential may not do this; use an administrator's, or ask for the permission"),
            Kind::InvalidToken => {
                worded.hint("the credential is unknown or has expired: take a new one, or check the profile's keys")
            }
            Kind::ClockSkew { by } => worded.hint(format!(
                "this machine's clock is {} s {}; set it right",
                by.as_secs().abs(),
                if by.is_positive() { "behind" } else { "ahead" }
            )),
            Kind::Unreachable(why) => match why {
                Unreachable::Proxy | Unreachable::ProxyPassword => worded.hint(PROXY_HINT),
                _ if error.proxy.is_some() && why != Unreachable::Malformed => worded.hint(PROXY_HINT),
                Unreachable::Refused | Unreachable::Dns | Unreachable::Timeout => worded.hint(
                    "check the network and the endpoint (AWS_ENDPOINT_URL, the profile's or the estate file's `endpoint_url`)",
                ),
                Unreachable::Cut => worded.hint("the call may have been carried out; run the command again"),
                _ => worded,
            },
            Kind::Throttled => worded.hint("AWS asks for fewer calls; run the command again in a minute"),
            Kind::Quota => worded.hint("a quota of the account is used up; ask AWS to raise it, or clean up"),
            _ => worded,
        }
    }
}

/// The proxy is named just before.
pub(super) const PROXY_HINT: &str = "check the proxy; hosts in NO_PROXY are called without it, and AWS_CA_BUNDLE names the certificates of one that opens TLS";

fn no_answer(error: &AwsError) -> String {
    let way = error.proxy.as_ref().map(|proxy| format!(", by way of the proxy {proxy}")).unwrap_or_default();
    match (&error.kind, &error.url) {
        (Kind::Unreachable(why), Some(url)) => format!("{why} ({url}){way}"),
        (Kind::Unreachable(why @ Unreachable::Malformed), None) => why.to_string(),
        (Kind::Unreachable(why), None) => format!("{why} (AWS's own endpoint){way}"),
        (other, _) => format!("{other:?}"),
    }
}

impl From<NetworkError> for CliError {
    fn from(error: NetworkError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ProfileError> for CliError {
    fn from(error: ProfileError) -> Self {
        let worded = Self::usage(error.to_string());
        match &error {
            ProfileError::Syntax { .. } => worded.hint("the files are ~/.aws/config and ~/.aws/credentials, or those that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name"),
            ProfileError::Unknown { known, .. } if known.is_empty() => {
                worded.hint("there are no profiles at all in ~/.aws/config and ~/.aws/credentials")
            }
            ProfileError::Unknown { known, .. } => worded.hint(format!("there are: {}", known.join(", "))),
            ProfileError::Unsupported { .. } => worded.hint(
                "use a profile with keys or with `role_arn` and `source_profile`, or put temporary credentials into one",
            ),
            _ => worded,
        }
    }
}

impl From<EmitError> for CliError {
    fn from(error: EmitError) -> Self {
        let worded = Self::failed(error.to_string());
        match error {
            EmitError::TooManyResources { .. } | EmitError::TooLarge { .. } => {
                worded.hint("`postern emit terraform` and `postern apply` know no such limit")
            }
            EmitError::DynamicReference { .. } => {
                worded.hint("`postern emit terraform` and `postern apply` leave such texts alone")
            }
            EmitError::NotJson { .. } => worded.hint("mend the policy; `postern policy check` says where"),
        }
    }
}
