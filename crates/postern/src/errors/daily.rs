//! Words for what goes wrong day to day: key stores, prompts, sessions, STS.

use postern_broker::{BrokerError, CacheError, MfaRefusal, PlanError, PromptError, StoreError, StsError};
use postern_types::SessionDuration;

use super::{CliError, PROXY_HINT};

const ENDPOINT_HINT: &str =
    "check the network, and AWS_ENDPOINT_URL or the estate file's `endpoint_url` if one is set";

impl From<PromptError> for CliError {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::Cancelled => Self::interrupted("cancelled; nothing was changed"),
            PromptError::Unavailable { reason } => Self::failed("there is no way to ask for what is needed")
                .caused_by(reason)
                .hint("run the command in a terminal"),
            error => Self::failed(error.to_string()),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoPassphrase(PromptError::Cancelled) => PromptError::Cancelled.into(),
            StoreError::NoPassphrase(PromptError::Unavailable { reason }) => {
                Self::failed("the key file's passphrase is needed, and there is no way to ask for it")
                    .caused_by(reason)
                    .hint(
                        "run the command in a terminal, or set POSTERN_PASSPHRASE where nobody can type one",
                    )
            }
            StoreError::WrongPassphrase => Self::failed("the passphrase does not open the key file"),
            StoreError::Locked => Self::failed("the desktop's keyring is locked")
                .hint("unlock it, or use the key file: POSTERN_STORE=file"),
            error @ StoreError::Damaged { .. } => Self::failed(error.to_string()).hint(
                "restore it from a backup, or move it away and enrol again: `postern people enrol NAME`",
            ),
            error @ StoreError::UnknownFormat { .. } => {
                Self::failed(error.to_string()).hint("use the version of postern that wrote it")
            }
            StoreError::Unreachable { problem } => Self::failed("the key store cannot be reached")
                .caused_by(problem)
                .hint("POSTERN_STORE chooses another: `keyring`, `file`, `kernel`, `pass`"),
            error @ StoreError::Unsupported { .. } => {
                Self::failed(error.to_string()).hint("the encrypted key file does: POSTERN_STORE=file")
            }
            error => Self::failed(error.to_string()),
        }
    }
}

impl From<CacheError> for CliError {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::NoKeyHolder { problem } => {
                Self::failed("neither the kernel nor an agent can hold the key that seals sessions")
                    .caused_by(problem)
            }
            error => Self::failed(error.to_string()),
        }
    }
}

impl From<StsError> for CliError {
    fn from(error: StsError) -> Self {
        match error {
            StsError::AccessDenied { message } => Self::failed("AWS refused").caused_by(message).hint(
                "the role may want a fresher MFA code (`postern login --fresh`), or it is not granted to you: ask who runs `postern apply`",
            ),
            StsError::UnknownKey { message } => Self::failed("AWS does not know the key").caused_by(message).hint(
                "it was deleted or switched off, or its user was; `postern keys list` shows which one is used",
            ),
            StsError::UnknownDevice { message } => {
                Self::failed("AWS does not know the MFA device as this person's").caused_by(message)
            }
            StsError::ClockSkew { message } => Self::failed("the clock here and AWS's differ")
                .caused_by(message)
                .hint("set this machine's clock right, for instance with `timedatectl set-ntp true`"),
            StsError::Unreachable { endpoint, problem } => {
                let hint = if problem.contains("proxy") { PROXY_HINT } else { ENDPOINT_HINT };
                Self::failed(format!("no answer from {endpoint}")).caused_by(problem).hint(hint)
            }
            error => Self::failed(error.to_string()),
        }
    }
}

impl CliError {
    /// What the broker could not do, with the `login` command that spares the next question if there is one.
    pub(crate) fn of_broker(error: BrokerError, login: Option<&str>) -> Self {
        match error {
            BrokerError::Plan(PlanError::ChainingCap { role, asked, cap, first }) => {
                let error = Self::usage(format!(
                    "AWS gives a role that is assumed with a session {cap} at most, not {asked}: {role}"
                ))
                .hint("leave the duration out: credentials are renewed in silence for as long as the session lasts");
                if first { error.hint("or spend a code on this role alone: --direct") } else { error }
            }
            BrokerError::Plan(PlanError::NeverSoMuchLeft { role, asked, lasts }) => Self::usage(format!(
                "credentials of {role} last {lasts}, so {asked} are never left of them"
            ))
            .hint(if lasts < SessionDuration::HOUR {
                "ask for less with --min-ttl, or for a longer --duration"
            } else {
                "ask for less with --min-ttl, or spend a code on this role alone: --direct"
            }),
            BrokerError::Plan(PlanError::LongTermKey { key }) => Self::usage(format!(
                "{key} is a long-term key without an MFA device, which postern hands to nobody"
            ))
            .hint("name its device in the profile: `mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME`"),
            BrokerError::ExpiredOnArrival => {
                Self::failed("what AWS issued just now has expired by this machine's clock")
                    .hint("set the clock right, for instance with `timedatectl set-ntp true`")
            }
            BrokerError::Foreign(error) => Self::failed(error.problem),
            BrokerError::NoKey { id } => {
                Self::failed(format!("the key store does not hold the key `{id}` any more"))
                    .hint("`postern keys list` shows what it holds")
            }
            BrokerError::CodesRefused { last: MfaRefusal::AlreadyUsed, .. } => {
                Self::failed("that MFA code has been used, and AWS takes each once")
                    .hint("wait for the next one: it comes within 30 seconds")
            }
            BrokerError::CodesRefused { attempts, .. } => Self::failed(match attempts {
                1 => "AWS did not take the MFA code".to_owned(),
                n => format!("AWS took none of {n} MFA codes"),
            })
            .hint("is it the right device, and are its clock and this machine's right?"),
            BrokerError::GivenUp { reason } => {
                Self::failed("another postern process asked for the same and gave up").caused_by(reason)
            }
            // Here, and only here, a session would have spared the question.
            BrokerError::Prompt(error @ PromptError::Unavailable { .. }) => in_place_of_hints(
                error.into(),
                login.map(|login| [
                    format!("run `{login}` in a terminal; after that no question is asked until the session ends"),
                    "or give the code: `postern login --mfa-code CODE`, or let a program give it: `postern login --help` names them".to_owned(),
                ]),
            ),
            BrokerError::Store(error @ StoreError::NoPassphrase(PromptError::Unavailable { .. })) => {
                in_place_of_hints(
                    error.into(),
                    login.map(|login| [
                        format!("run `{login}` in a terminal; after that no passphrase is needed until the session ends"),
                        "or set POSTERN_PASSPHRASE where nobody can type one".to_owned(),
                    ]),
                )
            }
            BrokerError::Prompt(error) => error.into(),
            BrokerError::Sts(error) => error.into(),
            BrokerError::Store(error) => error.into(),
            BrokerError::Cache(error) => error.into(),
            error => Self::failed(error.to_string()),
        }
    }
}

fn in_place_of_hints(error: CliError, hints: Option<[String; 2]>) -> CliError {
    match hints {
        Some(hints) => CliError { hints: hints.into(), ..error },
        None => error,
    }
}
