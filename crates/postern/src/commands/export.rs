//! `postern export`

mod section;

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use clap::Args;
use postern_types::Timestamp;
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use self::section::{Keep, Refusal};
use crate::{
    aws_files,
    context::Context,
    daily::{Daily, time_left},
    errors::{CliError, ExitStatus},
    target::{Handover, TargetOptions},
    whole_file::{self, Mode, PRIVATE},
};

/// Arguments of `postern export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern export prod/developer --profile prod-files
  postern export --remove prod-files

For tools that read ~/.aws/credentials and nothing else. The credentials lie
there in clear until they expire: whoever reads the file, or a backup of it,
can use them. Where a tool knows `credential_process`, use that.

The section is postern's own and marked so; the rest of the file stays as it
is, to the byte. Another section of that name is only replaced with --force,
and one that holds a long-term key never.")]
pub(crate) struct ExportArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    #[arg(value_name = "TARGET", required_unless_present = "remove")]
    target: Option<String>,
    /// The profile to write
    #[arg(long, value_name = "NAME", value_parser = profile_name, required_unless_present = "remove")]
    profile: Option<String>,
    /// Replace a section that postern did not write
    #[arg(long)]
    force: bool,
    /// Take a profile that was exported out of the file
    #[arg(
        long,
        value_name = "NAME",
        value_parser = profile_name,
        conflicts_with_all = ["target", "profile", "force"]
    )]
    remove: Option<String>,
    #[command(flatten)]
    options: TargetOptions,
}

fn profile_name(text: &str) -> Result<String, String> {
    // What a header can hold and every SDK reads alike.
    let taken = |c: char| c.is_alphanumeric() || "_-./:@+=%,".contains(c);
    match text {
        "" => Err("a profile has a name".to_owned()),
        "DEFAULT" => Err("`DEFAULT` in capitals reaches every profile in some tools".to_owned()),
        text => match text.chars().find(|c| !taken(*c)) {
            Some(c) => {
                Err(format!("a `{}` in a profile's name is not read by every tool", c.escape_default()))
            }
            None => Ok(text.to_owned()),
        },
    }
}

pub(crate) fn run(args: &ExportArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let named = aws_files::credentials_file(&context.environment)
        .ok_or_else(|| CliError::failed("there is no place for a credentials file").hint("set HOME"))?;
    let file = CredentialsFile::at(&named);
    match (&args.target, &args.profile, &args.remove) {
        (_, _, Some(name)) => remove(&file, name, context),
        (Some(target), Some(profile), None) => export(args, &file, target, profile, context),
        _ => Err(CliError::usage("name a role and --profile, or --remove")),
    }
}

fn export(
    args: &ExportArgs,
    file: &CredentialsFile,
    target: &str,
    profile: &str,
    context: &Context,
) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let destination = args.options.destination(context, &daily, target)?;
    let keep = if args.force { Keep::LongTermKeys } else { Keep::Foreign };
    // A section that cannot be written shall cost neither a code nor a call.
    section::put(&file.read()?, profile, "", keep).map_err(|refusal| file.refused(profile, &refusal))?;
    let handover = args.options.obtain(&daily, destination)?;
    let lines = lines(&handover, profile);
    file.change(|text| {
        section::put(text, profile, &lines, keep).map_err(|refusal| file.refused(profile, &refusal))
    })?;

    let left = handover.issued.expires_at().map(|at| format!(" for {}", time_left(at, Timestamp::now())));
    context.printer.status(&format!("profile `{profile}` is {target}{}", left.unwrap_or_default()));
    context.printer.warning(&format!(
        "its credentials lie in clear in `{}` until they expire; `postern export --remove {profile}` takes them away",
        file.shown()
    ));
    let config = aws_files::config_file(&context.environment);
    let config = config.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    if let Some(key) = section::goes_before(&config, profile) {
        context.printer.warning(&format!(
            "tools will not use it: `{key}` of [profile {profile}] in the config file goes before"
        ));
    }
    Ok(ExitStatus::Done)
}

fn remove(file: &CredentialsFile, name: &str, context: &Context) -> Result<ExitStatus, CliError> {
    file.change(|text| section::remove(text, name).map_err(|refusal| file.refused(name, &refusal)))?;
    context.printer.status(&format!("profile `{name}` is gone from `{}`", file.shown()));
    Ok(ExitStatus::Done)
}

/// What stands in the section, under its header.
fn lines(handover: &Handover, profile: &str) -> Zeroizing<String> {
    let credentials = handover.issued.credentials();
    let expires_at = handover.issued.expires_at().map(|at| at.to_string());
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    text.push_str(section::MARK);
    text.push_str(&handover.destination.name.replace(char::is_control, " "));
    if let Some(at) = &expires_at {
        text.push_str(&format!(" until {at}"));
    }
    text.push_str(&format!("; `postern export --remove {profile}` takes it away\n"));
    let mut line = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            for part in [key, " = ", value, "\n"] {
                text.push_str(part);
            }
        }
    };
    line("aws_access_key_id", Some(credentials.id.as_str()));
    line("aws_secret_access_key", Some(credentials.secret.expose_secret()));
    line("aws_session_token", credentials.token.as_ref().map(|token| token.expose_secret()));
    // The name that other tools of this kind write and read.
    line("x_security_token_expires", expires_at.as_deref());
    line("region", handover.destination.region.as_ref().map(|region| region.as_str()));
    line("endpoint_url", handover.destination.endpoint_url.as_deref());
    text
}

/// `~/.aws/credentials`, or what stands for it.
struct CredentialsFile {
    /// Where it is, links followed: a link stays one.
    path: PathBuf,
}

impl CredentialsFile {
    fn at(named: &Path) -> Self {
        Self { path: whole_file::target_of(named) }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn failed(&self, error: &io::Error) -> CliError {
        CliError::failed(format!("cannot change `{}`", self.shown())).caused_by(error)
    }

    /// Its text; an absent file is an empty one.
    fn read(&self) -> Result<Zeroizing<String>, CliError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Zeroizing::default()),
            Err(error) => Err(CliError::usage(format!("cannot read `{}`", self.shown())).caused_by(error)),
        }
    }

    /// Replaces its text, whole or not at all, with no other postern in between.
    fn change(
        &self,
        change: impl FnOnce(&str) -> Result<Zeroizing<String>, CliError>,
    ) -> Result<(), CliError> {
        let failed = |error: io::Error| self.failed(&error);
        let dir = whole_file::directory_of(&self.path);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let dir_handle = File::open(dir).map_err(failed)?;
        // Released when the handle is closed.
        flock(&dir_handle, FlockOperation::LockExclusive).map_err(|error| self.failed(&error.into()))?;
        let before = self.read()?;
        let after = change(&before)?;
        whole_file::replace(&self.path, after.as_bytes(), Mode::Exactly(PRIVATE)).map_err(failed)
    }

    fn refused(&self, name: &str, refusal: &Refusal) -> CliError {
        let shown = self.shown();
        match refusal {
            Refusal::Foreign { line } => {
                CliError::usage(format!("{shown}:{line}: the profile `{name}` was not written by postern"))
                    .hint("choose another --profile, or replace it with --force")
            }
            Refusal::LongTermKey { line } => CliError::usage(format!(
                "{shown}:{line}: the profile `{name}` holds a long-term key, which exists nowhere else once it is overwritten"
            ))
            .hint("choose another --profile; `postern keys add` takes the key into the key store"),
            Refusal::Twice { line } => {
                CliError::usage(format!("{shown}:{line}: a second section `{name}`; tools differ in which one they read"))
                    .hint("make one of the two")
            }
            Refusal::NotThere => CliError::usage(format!("{shown} has no profile `{name}`")),
        }
    }
}
