//! `postern profiles import`

use clap::Args;
use postern_aws::{Aws, Connection, Credentials};
use postern_broker::{
    KeyEntry, SecretStore, StoreError,
    files::{
        edit,
        in_clear::KeyInClear,
        profile::{File, Profiles},
    },
};
use postern_types::{LongTermKey, MfaSerial, Timestamp, UserArn};
use zeroize::Zeroizing;

use super::block;
use crate::{
    access,
    aws_files::{self, AwsFile, Backup, backup_of},
    context::Context,
    daily::{Daily, profile::PREFIX},
    errors::{CliError, ExitStatus},
    keystore,
    output::{GOOD, paint},
    prompt::{Echo, Terminal},
};

/// Arguments of `postern profiles import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern profiles import               every long-term key in ~/.aws
  postern profiles import work          the key of the profile `work`
  postern profiles import work --remove     for scripts: do not ask

AWS is asked whose key it is, it is stored, read back, and only then taken out
of the file. The profile goes on working: its two lines become
  postern_key = AKIA…
  credential_process = postern credential-process work
No backup is made: it would keep the secret in clear. When it is broken off,
nothing is lost; run it again.")]
pub(crate) struct ImportArgs {
    /// Whose keys to take [default: every profile with a long-term key]
    #[arg(value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Take the secrets out of the files without asking
    #[arg(long, conflicts_with = "keep")]
    remove: bool,
    /// Leave the files as they are
    #[arg(long)]
    keep: bool,
}

/// A long-term key, and the profile by whose settings AWS is asked about it.
struct Candidate {
    key: LongTermKey,
    profile: String,
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let candidates = candidates(args, daily.profiles()?, context)?;
    if candidates.is_empty() {
        context.printer.status("no long-term key stands in clear in the files of ~/.aws");
        return Ok(ExitStatus::Done);
    }
    if !args.remove && !args.keep {
        Terminal::open().map_err(|error| {
            CliError::usage("import asks before it takes a key out of a file, and there is no terminal")
                .caused_by(error)
                .hint("say --remove or --keep")
        })?;
    }
    let import = Import {
        context,
        daily: &daily,
        aws: access::client(&context.environment)?,
        program: block::program()?,
    };
    let mut failed = Vec::new();
    for candidate in &candidates {
        if let Err(error) = import.one(candidate, args) {
            failed.push(error);
        }
    }
    daily.cache.forget_hot()?;
    let last = failed.pop();
    for error in failed {
        context.printer.error(&error);
    }
    last.map_or(Ok(ExitStatus::Done), Err)
}

/// The keys that are meant, each once. What was named and is no long-term key is an error; what was not named is
/// passed over.
fn candidates(args: &ImportArgs, profiles: &Profiles, context: &Context) -> Result<Vec<Candidate>, CliError> {
    let found = profiles.keys_in_clear();
    let names = profiles.names();
    for name in &args.profiles {
        if !names.contains(name) {
            return Err(CliError::usage(format!("there is no profile `{name}`"))
                .hint(format!("there are: {}", names.join(", "))));
        }
        if !found.iter().any(|key| key.profile.as_ref() == Some(name)) {
            return Err(CliError::usage(format!("no key stands in clear in the profile `{name}`")));
        }
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    for key in &found {
        let named = key.profile.as_ref().is_some_and(|name| args.profiles.contains(name));
        if !named && !args.profiles.is_empty() {
            continue;
        }
        match (usable(key), &key.profile) {
            (Ok(long_term), Some(profile)) => {
                if !candidates.iter().any(|other| key.is(&other.key)) {
                    candidates.push(Candidate { key: long_term, profile: profile.clone() });
                }
            }
            (Err(problem), _) if named => return Err(CliError::usage(problem)),
            (Err(problem), _) => context.printer.warning(&format!("passed over: {problem}")),
            (Ok(_), None) => context.printer.warning(&format!(
                "passed over: no tool takes `[{}]` for a profile ({})",
                key.section, key.at
            )),
        }
    }
    Ok(candidates)
}

/// The long-term key, or why it is none.
fn usable(key: &KeyInClear) -> Result<LongTermKey, String> {
    match key.long_term() {
        Ok(Some(key)) => Ok(key),
        Ok(None) if key.id.is_none() => {
            Err(format!("`[{}]` holds a secret without `aws_access_key_id` ({})", key.section, key.at))
        }
        Ok(None) => Err(format!(
            "`[{}]` holds temporary credentials, which end by themselves and belong into no key store ({})",
            key.section, key.at
        )),
        Err(error) => Err(format!("`[{}]` holds no access key: {error} ({})", key.section, key.at)),
    }
}

/// What is to change in a file.
#[derive(Default)]
struct Changes {
    /// Lines, and what is to stand there.
    lines: Vec<(usize, String)>,
    /// Whose they are.
    sections: Vec<String>,
}

struct Import<'a> {
    context: &'a Context,
    daily: &'a Daily<'a>,
    aws: Aws,
    program: std::path::PathBuf,
}

impl Import<'_> {
    fn one(&self, candidate: &Candidate, args: &ImportArgs) -> Result<(), CliError> {
        let Candidate { key, profile } = candidate;
        let endpoint = self.daily.endpoint_of_keys(profile);
        let credentials = Credentials { id: key.id.clone(), secret: key.secret.clone(), token: None };
        let connection = self.aws.connect(endpoint, credentials, None);
        let owner = self.owner(&connection, candidate)?;
        keystore::check_passphrase(&self.context.environment, &self.daily.store)?;
        let known = self.daily.store.list()?.into_iter().find(|entry| entry.id == key.id);
        let entry = KeyEntry {
            id: key.id.clone(),
            user: owner.name().clone(),
            account: owner.account(),
            serial: self.device(&connection, profile, &owner, known.as_ref())?,
            added_at: known.map_or_else(Timestamp::now, |known| known.added_at),
        };
        self.daily.store.put(&entry, key)?;
        // Only what was read back is worth more than the lines of the file.
        let read = self.daily.store.get(&key.id)?;
        if read.is_none_or(|read| !read.secret.ct_eq(&key.secret)) {
            return Err(
                StoreError::Damaged { problem: format!("`{}` was not kept as it was put", key.id) }.into()
            );
        }
        let place = keystore::kind_words(self.daily.store.kind());
        self.say(&format!(
            "key {} of {} is in {place}; its MFA device is {}",
            key.id,
            owner.as_arn(),
            entry.serial
        ));
        if args.keep {
            return Ok(());
        }
        if !args.remove && !self.confirm(key)? {
            self.context.printer.status("  the files are as they were, with the secret in clear");
            return Ok(());
        }
        self.take_out(key)
    }

    /// Whose key it is. That AWS answers also proves it.
    fn owner(&self, connection: &Connection, candidate: &Candidate) -> Result<UserArn, CliError> {
        let Candidate { key, profile } = candidate;
        let identity = connection.caller_identity().map_err(|error| {
            let mut worded = CliError::from(error);
            worded.message = format!("the key {} of profile `{profile}`: {}", key.id, worded.message);
            worded
        })?;
        if identity.arn.as_str().ends_with(":root") {
            return Err(CliError::usage(format!(
                "the key {} of profile `{profile}` is the root user's of account {}, and is not taken",
                key.id, identity.account
            ))
            .hint(
                "delete it at AWS: nothing bounds what a root key may do, no policy and no MFA condition",
            ));
        }
        identity.arn.as_str().parse().map_err(|_| {
            CliError::usage(format!(
                "the key {} of profile `{profile}` is no IAM user's, but of {}",
                key.id, identity.arn
            ))
        })
    }

    /// The user's MFA device: as the profile or the key store has it, as IAM says, else the one that is called as the
    /// user is.
    fn device(
        &self,
        connection: &Connection,
        profile: &str,
        owner: &UserArn,
        known: Option<&KeyEntry>,
    ) -> Result<MfaSerial, CliError> {
        let profiles = self.daily.profiles()?;
        if let Some(named) = profiles.text_of(profile, "mfa_serial") {
            return named.value.parse().map_err(|error| {
                CliError::usage(format!("profile `{profile}`: `mfa_serial`: {error} ({})", named.at))
            });
        }
        if let Some(known) = known {
            return Ok(known.serial.clone());
        }
        let partition = owner.as_arn().partition();
        let virtual_device = format!("arn:{partition}:iam::{}:mfa/{}", owner.account(), owner.name());
        let virtual_device: MfaSerial = virtual_device.parse().map_err(|error| {
            CliError::usage("name the MFA device in the profile: `mfa_serial`").caused_by(error)
        })?;
        // Few may list their devices; whose name is no guide then says so in the profile.
        let devices: Vec<MfaSerial> = match connection.mfa_devices(owner.name()) {
            Ok(devices) => devices.into_iter().map(|device| device.serial).collect(),
            Err(_) => return Ok(virtual_device),
        };
        if devices.is_empty() {
            self.context.printer.warning(&format!("{} has no MFA device", owner.name()));
        }
        let first = devices.iter().find(|device| !device.as_str().contains(":u2f/")).cloned();
        Ok(if devices.contains(&virtual_device) { virtual_device } else { first.unwrap_or(virtual_device) })
    }

    fn confirm(&self, key: &LongTermKey) -> Result<bool, CliError> {
        let profiles = aws_files::read(&self.context.environment)?;
        let places: Vec<String> = profiles
            .keys_in_clear()
            .iter()
            .filter(|found| found.is(key))
            .map(|found| format!("[{}] ({})", found.section, found.at))
            .collect();
        let question = format!("Take {} out of {}? [y/N] ", key.id, places.join(", "));
        let answer = Terminal::open()?.ask(&question, Echo::Shown)?;
        Ok(["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes)))
    }

    /// Takes the key out of every profile that holds it. Each file is changed in one step, after the key rests in the
    /// store: whenever this ends, what is left to do is seen in the files.
    fn take_out(&self, key: &LongTermKey) -> Result<(), CliError> {
        let environment = &self.context.environment;
        let config = aws_files::config_file(environment).map(|path| (File::Config, path));
        let credentials = aws_files::credentials_file(environment).map(|path| (File::Credentials, path));
        for (kind, path) in [config, credentials].into_iter().flatten() {
            let file = AwsFile::read(&path)?;
            let read = |text: &str| match kind {
                File::Config => Profiles::parse(text, ""),
                File::Credentials => Profiles::parse("", text),
            };
            let shown = aws_files::shown(&path, environment);
            let profiles = read(file.text())?;
            let Changes { lines, sections } = self.changes(&profiles, key, &shown)?;
            if !lines.is_empty() {
                let news: Vec<(usize, Option<&str>)> =
                    lines.iter().map(|(line, new)| (*line, Some(new.as_str()))).collect();
                let is = |line, text: &str| KeyInClear::has_line(line, text, &lines);
                let new = edit::replace_lines(file.text(), &news, is)
                    .map(Zeroizing::new)
                    .map_err(|error| CliError::usage(format!("`{shown}`, {error}; the key stays there")))?;
                read(&new)?;
                file.replace(&new, Backup::None)?;
                self.say(&format!(
                    "{shown} holds its secret no more: {}. There is no backup, which would keep it in clear",
                    sections.join(", ")
                ));
            }
            self.clear_backup(&file, key, kind);
        }
        Ok(())
    }

    fn changes(&self, profiles: &Profiles, key: &LongTermKey, shown: &str) -> Result<Changes, CliError> {
        let mut changes = Changes::default();
        for found in profiles.keys_in_clear().iter().filter(|found| found.is(key)) {
            let Some(profile) = &found.profile else {
                let place = format!("`{shown}`, line {}", found.at.line);
                self.context.printer.warning(&format!(
                    "{place}: `[{}]` still holds the secret, and no tool takes it for a profile: delete it",
                    found.section
                ));
                continue;
            };
            if let Some((name, at)) = profiles.in_the_way(found) {
                return Err(CliError::usage(format!(
                    "`{shown}`, line {}: the profile `{profile}` has a `{name}` beside its key",
                    at.line
                ))
                .hint("take one of the two out by hand; the key is in the key store"));
            }
            let command = self.command(profile)?;
            changes.lines.extend(
                found
                    .stored_instead(&command)
                    .map_err(|error| CliError::usage(format!("`{shown}`, {error}; the key stays there")))?,
            );
            changes.sections.push(format!("[{}]", found.section));
        }
        Ok(changes)
    }

    /// What gives other tools the profile's credentials.
    fn command(&self, profile: &str) -> Result<String, CliError> {
        // Such a name could be a role's of an estate.
        let target = match profile.contains('/') || profile.starts_with(PREFIX) {
            true => format!("{PREFIX}{profile}"),
            false => profile.to_owned(),
        };
        let words = [block::text_of(&self.program)?, "credential-process".to_owned(), target];
        Ok(postern_broker::files::generate::command(&words)?)
    }

    /// What `profiles sync` kept of the file may hold the secret too.
    fn clear_backup(&self, file: &AwsFile, key: &LongTermKey, kind: File) {
        let backup = backup_of(file.path());
        let Ok(text) = std::fs::read_to_string(&backup).map(Zeroizing::new) else { return };
        let parsed = match kind {
            File::Config => Profiles::parse(&text, ""),
            File::Credentials => Profiles::parse("", &text),
        };
        if !parsed.is_ok_and(|profiles| profiles.keys_in_clear().iter().any(|found| found.is(key))) {
            return;
        }
        let shown = aws_files::shown(&backup, &self.context.environment);
        match std::fs::remove_file(&backup) {
            Ok(()) => self.say(&format!("{shown} held it too, and is removed")),
            Err(error) => self.context.printer.warning(&format!("{shown} holds it too: {error}")),
        }
    }

    fn say(&self, text: &str) {
        self.context.printer.status(&format!("{} {text}", paint(GOOD, "✓")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_long_term_key_is_named() {
        let text = "[a]\naws_access_key_id = ASIAY34FZKBOKMUTV007\naws_secret_access_key = hunter2\n\
                    [b]\naws_secret_access_key = hunter2\n\
                    [c]\naws_access_key_id = nonsense\naws_secret_access_key = hunter2\n";
        let found = Profiles::parse("", text).unwrap().keys_in_clear();
        let problems: Vec<String> = found.iter().map(|key| usable(key).unwrap_err()).collect();
        for (problem, word) in
            problems.iter().zip(["temporary", "without `aws_access_key_id`", "no access key"])
        {
            assert!(problem.contains(word) && !problem.contains("hunter2"), "{problem}");
        }
    }
}
