//! Completions: what a shell asks for while a command line is typed.
//!
//! The shell's own script starts postern with `POSTERN_COMPLETE` and the words so far. Values come from the estate file
//! and `~/.aws/config`: nothing is asked for, called, or opened that holds a key.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::ExitCode,
};

use clap::Arg;
use clap_complete::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, engine::ValueCompleter as _,
    env::Shells,
};

use crate::{
    args::{self, GlobalArgs},
    context::Context,
    daily::{Daily, reach::Reachable},
    env::{Environment, POSTERN_COMPLETE},
    estate_file::EstateFile,
    output::Color,
};

/// Answers a shell that completes. None: nobody asks.
pub(crate) fn answered(arguments: &[OsString], environment: &Environment) -> Option<ExitCode> {
    let shell = environment.text(POSTERN_COMPLETE)?;
    let shells = Shells::builtins();
    let completer = shells.completer(shell)?;
    let words: Vec<OsString> = arguments.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    let mut tree = match words.first().and_then(|word| word.to_str()) {
        Some("assume") => with_values(args::assume_tree()),
        Some(_) => with_values(args::tree()),
        None => return Some(ExitCode::from(2)),
    };
    if !is_option(current(&words, environment)) {
        tree = without_options(tree);
    }
    let mut text = Vec::new();
    let here = std::env::current_dir().ok();
    // What cannot be completed is left to the person, and errors would stand in the middle of what they type.
    if completer.write_complete(&mut tree, words, here.as_deref(), &mut text).is_err() {
        return Some(ExitCode::FAILURE);
    }
    let written = std::io::stdout().lock().write_all(&text);
    Some(if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The word that is being typed: the last, unless the shell says otherwise.
fn current<'a>(words: &'a [OsString], environment: &Environment) -> Option<&'a OsString> {
    let index = environment.text("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse::<usize>().ok());
    words.get(index.unwrap_or(words.len().saturating_sub(1)))
}

fn is_option(word: Option<&OsString>) -> bool {
    word.and_then(|word| word.to_str()).is_some_and(|word| word.starts_with('-'))
}

/// Options are offered to who types one, or where nothing else fits: they are many, and stand in the way of what is
/// meant.
fn without_options(command: clap::Command) -> clap::Command {
    command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_args(|arg| if arg.is_positional() { arg } else { arg.hide(true) })
        .mut_subcommands(without_options)
}

/// What `exec` can run: a program that PATH finds, or a file.
fn commands(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::any().complete(typed);
    let path = Environment::of_process().path("PATH").unwrap_or_default();
    let Some(typed) = typed.to_str().filter(|typed| !typed.is_empty() && !typed.contains('/')) else {
        return found;
    };
    let files =
        std::env::split_paths(&path).filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
    let names: BTreeSet<String> = files
        .filter(|file| {
            file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.starts_with(typed))
        .collect();
    found.extend(candidates(names.iter().map(String::as_str)));
    found
}

/// Tells every argument that has such a value where its values are found.
fn with_values(command: clap::Command) -> clap::Command {
    let values = |arg: Arg| {
        let called = arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str());
        let values = match (arg.get_id().as_str(), called) {
            (_, Some("TARGET")) => ArgValueCandidates::new(targets),
            (_, Some("PROFILE")) => ArgValueCandidates::new(profiles),
            ("person", _) => ArgValueCandidates::new(people),
            // Those of plan and apply.
            ("accounts", Some("NAME")) => ArgValueCandidates::new(accounts),
            _ if arg.is_last_set() => return arg.add(ArgValueCompleter::new(commands)),
            _ => return arg,
        };
        arg.add(values)
    };
    command.mut_args(values).mut_subcommands(with_values)
}

/// The script by which a shell completes a command: `postern`, or `assume`.
pub(crate) fn registration(shell: &str, command: &str, program: &str) -> std::io::Result<String> {
    let shells = Shells::builtins();
    let completer = shells.completer(shell).ok_or_else(|| std::io::Error::other("no such shell"))?;
    let mut text = Vec::new();
    completer.write_registration(POSTERN_COMPLETE, command, command, program, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Roles of the estate, and profiles.
fn targets() -> Vec<CompletionCandidate> {
    let context = context();
    let Ok(daily) = Daily::open(&context) else { return Vec::new() };
    let person = daily.person_of_environment().ok().flatten();
    let found = daily.reachable(person.as_ref()).0;
    let what = |target: &Reachable| match (&target.profile, &target.role) {
        (Some(_), _) => "profile".to_owned(),
        (None, Some(role)) => format!("account {}", role.account()),
        (None, None) => String::new(),
    };
    let candidates = found.iter().filter_map(|target| Some((plain(&target.name)?, what(target))));
    candidates.map(|(name, what)| CompletionCandidate::new(name).help(Some(what.into()))).collect()
}

/// Profiles of `~/.aws`.
fn profiles() -> Vec<CompletionCandidate> {
    let context = context();
    let Ok(profiles) = crate::aws_files::read(&context.environment) else { return Vec::new() };
    candidates(profiles.names().iter().map(String::as_str))
}

/// People of the estate.
fn people() -> Vec<CompletionCandidate> {
    let context = context();
    let Ok(Some(file)) = EstateFile::find(&context) else { return Vec::new() };
    candidates(file.design.people.keys().map(|person| person.as_str()))
}

/// Accounts of the estate.
fn accounts() -> Vec<CompletionCandidate> {
    let context = context();
    let Ok(Some(file)) = EstateFile::find(&context) else { return Vec::new() };
    candidates(file.design.accounts.keys().map(|account| account.as_str()))
}

fn candidates<'a>(names: impl Iterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    names.filter_map(plain).map(CompletionCandidate::new).collect()
}

/// Shells put into the command line what they are given. A name that they would read as anything but a word is left
/// to who types it.
fn plain(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    (!name.starts_with('-') && name.chars().all(plain)).then_some(name)
}

/// The surroundings of the command that is being typed: its estate file may stand among the words.
fn context() -> Context {
    let words: Vec<OsString> = std::env::args_os().collect();
    let global =
        GlobalArgs { estate: estate_among(&words), color: Color::Never, mfa_from: Vec::new(), quiet: true };
    Context::new(&global, Environment::of_process())
}

fn estate_among(words: &[OsString]) -> Option<PathBuf> {
    let with_value = words.iter().filter_map(|word| word.to_str()?.strip_prefix("--estate="));
    let next = words.windows(2).filter_map(|pair| match pair {
        [flag, value] if flag == OsStr::new("--estate") => value.to_str(),
        _ => None,
    });
    next.chain(with_value).find(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_are_offered() {
        for (name, offered) in [
            ("prod/developer", true),
            ("profile:acme-dev", true),
            ("über", true),
            ("a b", false),
            ("$(reboot)", false),
            ("x;y", false),
            ("`z`", false),
            ("--estate=x", false),
            ("a\nb", false),
        ] {
            assert_eq!(plain(name).is_some(), offered, "{name}");
        }
    }

    #[test]
    fn the_estate_file_may_be_among_the_words() {
        let among = |line: &str| estate_among(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(among("postern --estate a.toml exec"), Some("a.toml".into()));
        assert_eq!(among("postern exec --estate=b.toml "), Some("b.toml".into()));
        assert_eq!(among("postern exec"), None);
    }
}
