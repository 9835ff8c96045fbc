//! `postern people add` and `postern people remove`: the estate file, and nothing else.

use clap::Args;
use postern_estate::{Design, NewPerson, with_person, without_person};
use postern_types::{GroupName, UserName};

use super::{check_person, nearest};
use crate::{
    aws_files::{AwsFile, Backup},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::{EstateFile, design_errors},
    output::{GOOD, paint},
    report::file_change,
};

/// Arguments of `postern people add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people add zoe --group developers
  postern people add zoe --role 'prod/readonly' --dry-run
  postern people add zoe --administrator

Everything else in the file stays as it is written. Nothing is called:
`postern apply` makes the user, `postern people enrol` or `invite` gives
device and key.")]
pub(super) struct AddArgs {
    /// The person's name, which becomes that of the IAM user
    person: UserName,
    /// A group of the estate file; may be given more than once
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
    /// A role of the person's own; either part may be `*`; may be given more than once
    #[arg(long = "role", value_name = "ACCOUNT/ROLE")]
    roles: Vec<String>,
    /// Make the person one of the administrators
    #[arg(long)]
    administrator: bool,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `postern people remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  postern people remove zoe

Nothing is called. `postern apply` then locks the person out of every role;
keys, devices and sessions that are still good are for `postern off-board`.")]
pub(super) struct RemoveArgs {
    /// The person, as named in the estate file
    person: UserName,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn add(args: &AddArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let file = EstateFile::load(context)?;
    check_new(&file, args)?;
    let new = NewPerson {
        name: &args.person,
        groups: &without_repeats(&args.groups),
        roles: &without_repeats(&args.roles),
        administrator: args.administrator,
    };
    let text = with_person(&file.text, &new).map_err(|error| not_toml(&file, &error))?.ok_or_else(|| {
        CliError::usage(format!("the people of `{}` are written in an unusual way", file.path.display()))
            .hint(format!("add [people.{}] by hand", args.person))
    })?;
    if change(context, &file, &text, args.dry_run)? {
        let person = &args.person;
        context.printer.status(&format!("{} {person} is in `{}`", paint(GOOD, "✓"), file.path.display()));
        context.printer.status(&format!(
            "next: `postern apply` makes the user; then `postern people enrol {person}`, or `postern people invite {person}` for {person} to do it alone"
        ));
    }
    Ok(ExitStatus::Done)
}

pub(super) fn remove(args: &RemoveArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let file = EstateFile::load(context)?;
    let person = &args.person;
    check_person(&file, person)?;
    let administrators = &file.design.administrators.people;
    if !administrators.is_empty() && administrators.iter().all(|one| one.value == *person) {
        return Err(CliError::refused(format!("{person} is the only administrator of the estate file"))
            .hint("make somebody else one first, and run `postern apply`"));
    }
    let text = without_person(&file.text, person).map_err(|error| not_toml(&file, &error))?;
    let text = text.ok_or_else(|| {
        CliError::failed(format!("{person} cannot be taken out of `{}`", file.path.display()))
            .hint("take the person out by hand")
    })?;
    if change(context, &file, &text, args.dry_run)? {
        context.printer.status(&format!(
            "{} {person} is no longer in `{}`",
            paint(GOOD, "✓"),
            file.path.display()
        ));
        context.printer.status(&format!(
            "next: `postern apply` locks {person} out of every role; `postern off-board {person}` ends keys, devices and live sessions"
        ));
    }
    Ok(ExitStatus::Done)
}

/// Shows the change and, unless it is only to be shown, makes it. Only a text that holds is written.
fn change(context: &Context, file: &EstateFile, new: &str, dry_run: bool) -> Result<bool, CliError> {
    if let Err(errors) = Design::parse(new) {
        return Err(
            design_errors(&file.path, new, &errors).hint("this is what the file would be; it is as it was")
        );
    }
    let shown = file.path.display().to_string();
    context.printer.data(&file_change::unified(&shown, Some(&file.text), new))?;
    if dry_run {
        context.printer.status("nothing was written");
        return Ok(false);
    }
    let there = AwsFile::read(&file.path)?;
    if there.text() != file.text {
        return Err(CliError::failed(format!("`{shown}` was changed meanwhile, so it is left alone"))
            .hint("run the command again"));
    }
    there.replace(new, Backup::None)?;
    Ok(true)
}

fn not_toml(file: &EstateFile, error: &impl ToString) -> CliError {
    let shown = file.path.display();
    CliError::usage(format!("`{shown}` is no TOML")).caused_by(error.to_string().trim_end())
}

fn check_new(file: &EstateFile, args: &AddArgs) -> Result<(), CliError> {
    let design = &file.design;
    let same = |name: &&UserName| name.as_str().eq_ignore_ascii_case(args.person.as_str());
    if let Some(there) = design.people.keys().find(same) {
        let error = CliError::usage(format!("the estate file has a person `{there}` already"));
        return Err(error.hint("change groups and roles in the file itself, then run `postern apply`"));
    }
    for group in &args.groups {
        if !design.groups.contains_key(group) {
            return Err(unknown("group", group.as_str(), design.groups.keys()));
        }
    }
    for role in &args.roles {
        let Some((account, name)) = role.split_once('/') else {
            return Err(CliError::usage(format!("`{role}` is no role of an account"))
                .hint("write ACCOUNT/ROLE; either part may be `*`"));
        };
        if account != "*" && !design.accounts.keys().any(|there| there.as_str() == account) {
            return Err(unknown("account", account, design.accounts.keys()));
        }
        if name != "*" && !design.roles.keys().any(|there| there.as_str() == name) {
            return Err(unknown("role", name, design.roles.keys()));
        }
    }
    Ok(())
}

fn unknown<T: ToString>(what: &str, name: &str, there: impl IntoIterator<Item = T>) -> CliError {
    let there: Vec<String> = there.into_iter().map(|one| one.to_string()).collect();
    let error = CliError::usage(format!("the estate file has no {what} `{name}`"));
    match nearest(name, &there) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if there.is_empty() => error.hint(format!("it has no {what} at all")),
        None => error.hint(format!("there are: {}", there.join(", "))),
    }
}

fn without_repeats<T: Clone + PartialEq>(list: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for one in list {
        if !once.contains(one) {
            once.push(one.clone());
        }
    }
    once
}
