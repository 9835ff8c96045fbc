//! The estate's block of `~/.aws/config`: a profile for each role that a person may assume.

use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use postern_broker::{
    Target,
    files::{
        edit,
        generate::{self, ProcessProfile, UnfitError},
        shell_words,
    },
};
use postern_types::UserName;

use crate::{
    access,
    daily::{Daily, reach::of_person, targets},
    errors::CliError,
};

/// What stands before the command that a block was made by.
const MADE_BY: &str = "made by: ";
const DEFAULT_FORMAT: &str = "{account}-{role}";

/// Which profiles are wanted, and how they are called.
#[derive(Clone, Debug, Args)]
pub(crate) struct BlockArgs {
    /// A profile for every role of the estate, whoever may assume it
    #[arg(long)]
    all: bool,
    /// How the profiles are called
    #[arg(long, value_name = "FORMAT", default_value = DEFAULT_FORMAT)]
    name_format: String,
    /// Whose roles, and whose key the profiles use [default: whose key is here; env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
}

/// How a block's first line is read again.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Recorded {
    #[command(flatten)]
    args: BlockArgs,
}

/// The block as it should be.
#[derive(Debug)]
pub(crate) struct Block {
    /// The estate's name.
    pub(crate) estate: String,
    /// What stands between the marks; empty where there is nothing to assume.
    pub(crate) body: String,
    /// The profiles' names, in order.
    pub(crate) names: Vec<String>,
}

impl Block {
    /// What the estate file says now, with this program.
    pub(crate) fn wanted(args: &BlockArgs, daily: &Daily<'_>, program: &Path) -> Result<Self, CliError> {
        let person = match &args.person {
            Some(person) => Some(person.clone()),
            None => daily.person_of_environment()?,
        };
        let file = daily.estate()?;
        let design = &file.design;
        let targets = match &person {
            _ if args.all => targets(design),
            Some(person) => of_person(design, person)?,
            None => of_person(design, &daily.route(None)?.key.user)?,
        };
        let estate = std::path::absolute(&file.path).map_err(|error| {
            CliError::failed(format!("cannot tell where `{}` is", file.path.display())).caused_by(error)
        })?;
        let profiles = targets
            .iter()
            .map(|target| {
                Ok(ProcessProfile {
                    name: named(&args.name_format, target)?,
                    words: words(program, target, &estate, person.as_ref())?,
                    region: design.region.value.clone(),
                    endpoint_url: access::endpoint_of(
                        &Default::default(),
                        None,
                        design,
                        target.arn.account(),
                    )
                    .urls
                    .every,
                })
            })
            .collect::<Result<Vec<_>, CliError>>()?;
        let body = match profiles.is_empty() {
            true => String::new(),
            false => generate::profiles(&format!("{MADE_BY}{}", made_by(args, person.as_ref())), &profiles)?,
        };
        let names = profiles.into_iter().map(|profile| profile.name).collect();
        Ok(Self { estate: design.name.value.as_str().to_owned(), body, names })
    }
}

/// What a block that stands in a file says of itself.
#[derive(Debug)]
pub(crate) struct Standing {
    /// How it was made; none where somebody changed that line.
    pub(crate) made_by: Option<BlockArgs>,
    /// The command that makes it again.
    pub(crate) command: String,
    /// The program that its profiles start.
    pub(crate) program: Option<PathBuf>,
}

impl Standing {
    /// The estate's block in this text, if it has one.
    pub(crate) fn find(text: &str, estate: &str) -> Result<Option<Self>, edit::EditError> {
        let Some(block) = edit::find_block(text, estate)? else { return Ok(None) };
        let lines = text.get(block).unwrap_or_default().lines();
        let command = lines.clone().find_map(|line| line.strip_prefix("# ")?.strip_prefix(MADE_BY));
        let made_by = command.and_then(|command| {
            let words = shell_words(command)?;
            let arguments =
                words.strip_prefix(["postern", "profiles", "sync"].map(str::to_owned).as_slice())?;
            Some(Recorded::try_parse_from(arguments).ok()?.args)
        });
        let program = lines.clone().find_map(|line| line.strip_prefix("credential_process = "));
        let program = program.and_then(|command| Some(shell_words(command)?.into_iter().next()?.into()));
        Ok(Some(Self { made_by, command: command.unwrap_or("postern profiles sync").to_owned(), program }))
    }
}

/// This program, as other programs find it.
pub(crate) fn program() -> Result<PathBuf, CliError> {
    let unknown = || CliError::failed("postern cannot tell where it lies itself");
    let path = std::env::current_exe().map_err(|error| unknown().caused_by(error))?;
    if path.is_file() { Ok(path) } else { Err(unknown().caused_by("its file was replaced while it ran")) }
}

/// The words by which a program asks for a target's credentials.
fn words(
    program: &Path,
    target: &Target,
    estate: &Path,
    person: Option<&UserName>,
) -> Result<Vec<String>, CliError> {
    let mut words = vec![
        text_of(program)?,
        "credential-process".to_owned(),
        format!("{}/{}", target.account, target.role),
        "--estate".to_owned(),
        text_of(estate)?,
    ];
    if let Some(person) = person {
        words.extend(["--person".to_owned(), person.to_string()]);
    }
    Ok(words)
}

/// A path as the word of a command.
pub(crate) fn text_of(path: &Path) -> Result<String, CliError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CliError::usage(format!("`{}` is no UTF-8 text, which not every SDK reads alike", path.display()))
            .hint("move it to a path of plain characters")
    })
}

/// A profile's name. What IAM allows in a role's name and not every SDK in a profile's becomes a hyphen.
fn named(format: &str, target: &Target) -> Result<String, CliError> {
    let role = target.role.as_str().replace(['=', ','], "-");
    if !format.contains("{account}") && !format.contains("{role}") {
        return Err(CliError::usage(format!("the names `{format}` would all be the same"))
            .hint(format!("as in --name-format '{DEFAULT_FORMAT}'")));
    }
    let name = format.replace("{account}", &target.account).replace("{role}", &role);
    if name.contains(['{', '}']) {
        return Err(CliError::usage(format!(
            "`{format}` holds something else than {{account}} and {{role}}"
        ))
        .hint(format!("as in --name-format '{DEFAULT_FORMAT}'")));
    }
    Ok(name)
}

/// The command that makes the same block from the same estate.
fn made_by(args: &BlockArgs, person: Option<&UserName>) -> String {
    let mut command = "postern profiles sync".to_owned();
    if args.all {
        command.push_str(" --all");
    }
    if let Some(person) = person {
        command.push_str(&format!(" --person {person}"));
    }
    if args.name_format != DEFAULT_FORMAT {
        command.push_str(&format!(" --name-format '{}'", args.name_format));
    }
    command
}

impl From<UnfitError> for CliError {
    fn from(error: UnfitError) -> Self {
        let worded = Self::usage(error.to_string());
        match error {
            UnfitError::Character { .. } => worded.hint("move it to a path of plain characters"),
            UnfitError::Twice { .. } => {
                worded.hint(format!("name both account and role: --name-format '{DEFAULT_FORMAT}'"))
            }
            _ => worded.hint("letters, digits and `_-/.%@:+` can stand in a profile's name: --name-format"),
        }
    }
}

impl From<edit::EditError> for CliError {
    fn from(error: edit::EditError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(account: &str, role: &str) -> Target {
        let arn = "arn:aws:iam::222222222222:role/postern/x".parse().unwrap();
        Target { account: account.into(), role: role.parse().unwrap(), arn }
    }

    #[test]
    fn names_follow_the_format() {
        let named = |format: &str| named(format, &target("prod", "a=b,c")).map_err(|error| error.message);
        assert_eq!(named(DEFAULT_FORMAT).unwrap(), "prod-a-b-c");
        assert_eq!(named("acme/{role}@{account}").unwrap(), "acme/a-b-c@prod");
        assert!(named("fixed").unwrap_err().contains("all be the same"));
        assert!(named("{account}-{user}").unwrap_err().contains("something else"));
    }

    #[test]
    fn a_block_says_how_it_was_made() {
        let args = |all, format: &str| BlockArgs { all, name_format: format.to_owned(), person: None };
        let alice = "alice".parse().unwrap();
        for (args, person) in [
            (args(false, DEFAULT_FORMAT), None),
            (args(true, "{role}.{account}"), None),
            (args(false, "a-{role}"), Some(&alice)),
        ] {
            let command = made_by(&args, person);
            let body = format!("# {MADE_BY}{command}\n[profile x]\ncredential_process = \"/a b/c\" d\n");
            let text = edit::with_block("", "acme", &body).unwrap();
            let standing = Standing::find(&text, "acme").unwrap().unwrap();
            let read = standing.made_by.unwrap();
            assert_eq!(
                (read.all, &read.name_format, read.person.as_ref()),
                (args.all, &args.name_format, person)
            );
            assert_eq!((standing.command, standing.program), (command, Some("/a b/c".into())));
        }
        assert!(Standing::find("", "acme").unwrap().is_none());
    }
}
