//! `postern policy expand` and `postern policy shrink`

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use postern_policy::{
    Document, Effect, Statement,
    catalogue::{self, AccessLevel, Catalogue},
};
use serde::Serialize;

use super::{
    files::{self, DASH, Input},
    fmt::no_policy,
};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    output::harmless,
    report::findings::{Unread, json::pretty},
};

/// Arguments of `postern policy expand`.
#[derive(Debug, Args)]
#[command(after_help = EXPAND_HELP)]
pub(crate) struct ExpandArgs {
    #[command(flatten)]
    which: Which,
    /// Only actions of these levels: list, read, write, tagging, permissions-management
    #[arg(
        long,
        value_name = "LEVEL",
        value_delimiter = ',',
        value_parser = level,
        conflicts_with = "policy"
    )]
    access_level: Vec<AccessLevel>,
}

/// Arguments of `postern policy shrink`.
#[derive(Debug, Args)]
#[command(after_help = SHRINK_HELP)]
pub(crate) struct ShrinkArgs {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// Actions and patterns, or - for a list on standard input
    #[arg(value_name = "ACTION", required_unless_present = "policy")]
    actions: Vec<String>,
    /// Print this policy with its action lists rewritten; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "actions")]
    policy: Option<PathBuf>,
    /// Write JSON
    #[arg(long, conflicts_with = "policy")]
    json: bool,
}

const EXPAND_HELP: &str = "\
What is not known stays as it is, and is said: AWS adds actions weekly. In a
policy so do `*`, NotAction, and the lists of statements that deny, which
would miss the actions that AWS adds.

Examples:
  postern policy expand 's3:Get*Tagging'
  postern policy expand 'iam:*' --access-level permissions-management
  postern policy expand --policy policy.json";

const SHRINK_HELP: &str = "\
The patterns cover the actions given and no other action that is known; an
action that AWS adds may fall under them. What is not known stays as it is.

Examples:
  postern policy shrink s3:DeleteObjectTagging s3:GetObjectTagging \\
    s3:PutObjectTagging                          gives s3:*ObjectTagging
  postern policy expand 's3:*' --access-level read | postern policy shrink -
  postern policy shrink --policy policy.json";

fn level(name: &str) -> Result<AccessLevel, String> {
    AccessLevel::from_name(name)
        .ok_or_else(|| "the levels are list, read, write, tagging, permissions-management".to_owned())
}

pub(crate) fn expand(args: &ExpandArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if let Some(path) = &args.which.policy {
        return rewrite(path, context, Direction::Expand);
    }
    let wanted = wanted(&args.which)?;
    let mut expansion = catalogue::expand(&wanted);
    if !args.access_level.is_empty() {
        expansion.actions.retain(|action| access(action).is_some_and(|a| args.access_level.contains(&a)));
    }
    unknown(&expansion.unknown, context);
    if args.which.json {
        #[derive(Serialize)]
        struct Expanded<'a> {
            format: u32,
            actions: Vec<One<'a>>,
            unknown: &'a [String],
        }
        #[derive(Serialize)]
        struct One<'a> {
            action: &'a str,
            access_level: Option<&'static str>,
        }
        let levels = expansion.actions.iter();
        let actions =
            levels.map(|action| One { action, access_level: access(action).map(AccessLevel::name) });
        let actions = actions.collect();
        context.printer.data(&pretty(&Expanded { format: 1, actions, unknown: &expansion.unknown })?)?;
        return Ok(ExitStatus::Done);
    }
    let mut list = expansion.actions;
    if args.access_level.is_empty() {
        list.extend(expansion.unknown);
    }
    context.printer.data(&lines(&list))?;
    Ok(ExitStatus::Done)
}

pub(crate) fn shrink(args: &ShrinkArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if let Some(path) = &args.which.policy {
        return rewrite(path, context, Direction::Shrink);
    }
    let expansion = catalogue::expand(&wanted(&args.which)?);
    unknown(&expansion.unknown, context);
    let mut patterns = catalogue::shrink(&expansion.actions);
    if args.which.json {
        #[derive(Serialize)]
        struct Shrunk<'a> {
            format: u32,
            patterns: &'a [String],
            unknown: &'a [String],
        }
        let json = Shrunk { format: 1, patterns: &patterns, unknown: &expansion.unknown };
        context.printer.data(&pretty(&json)?)?;
        return Ok(ExitStatus::Done);
    }
    patterns.extend(expansion.unknown);
    context.printer.data(&lines(&patterns))?;
    Ok(ExitStatus::Done)
}

fn access(action: &str) -> Option<AccessLevel> {
    Catalogue::embedded().action(action).map(|(_, action)| action.access())
}

fn lines(list: &[String]) -> String {
    list.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// What was asked for, with `-` replaced by what standard input holds.
fn wanted(which: &Which) -> Result<Vec<String>, CliError> {
    let mut wanted = Vec::new();
    let mut read = false;
    for argument in &which.actions {
        if argument != DASH {
            wanted.push(argument.clone());
        } else if !std::mem::replace(&mut read, true) {
            let input = files::read(argument.as_ref()).map_err(cannot_read)?;
            // A list in lines, in words, or cut out of a policy with quotation marks and all.
            let between = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '[' | ']');
            wanted.extend(input.text.split(between).filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    Ok(wanted)
}

fn cannot_read(Unread { name, reason }: Unread) -> CliError {
    CliError::usage(format!("cannot read `{name}`: {reason}"))
}

fn unknown(names: &[String], context: &Context) {
    let catalogue = Catalogue::embedded();
    let mut met = HashSet::new();
    let names: Vec<&String> = names.iter().filter(|name| met.insert(name.as_str())).collect();
    for name in names.iter().take(MOST_SAID) {
        let what = if name.contains(['*', '?']) { "covers no known action" } else { "is no known action" };
        let near = catalogue.nearest_action(name).map(|near| format!("; did you mean `{near}`?"));
        context.printer.warning(&format!("`{}` {what}{}", harmless(name), near.unwrap_or_default()));
    }
    if names.len() > MOST_SAID {
        context.printer.warning(&format!("{} more are not known either", names.len() - MOST_SAID));
    }
}

/// Names that nothing is known of are said one by one up to here.
const MOST_SAID: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Expand,
    Shrink,
}

/// Prints a policy with its `Action` lists written anew, everything else to the letter.
fn rewrite(path: &Path, context: &Context, direction: Direction) -> Result<ExitStatus, CliError> {
    let input = files::read(path).map_err(cannot_read)?;
    let document = Document::parse(&input.text).map_err(|problems| no_policy(&input, &problems))?;
    let mut text = String::with_capacity(input.text.len());
    let mut copied = 0;
    let mut kept: Vec<String> = Vec::new();
    let mut all_unknown: Vec<String> = Vec::new();
    // Statements often have the same list.
    let mut known: HashMap<Vec<&str>, (String, Vec<String>)> = HashMap::new();
    for (number, statement) in document.statements().iter().enumerate() {
        if let Some(why) = left_alone(statement, direction) {
            kept.push(format!("{why} of statement {}", number + 1));
            continue;
        }
        let patterns: Vec<&str> = statement.actions().patterns().iter().map(|p| p.text()).collect();
        let (json, unknown) = match known.entry(patterns) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let written = list(entry.key(), direction)?;
                entry.insert(written)
            }
        };
        all_unknown.extend(unknown.iter().cloned());
        let span = statement.actions().span();
        if let Some(between) = input.text.get(copied..span.start) {
            text.push_str(between);
            text.push_str(json);
            copied = span.end;
        }
    }
    text.push_str(input.text.get(copied..).unwrap_or_default());
    unknown(&all_unknown, context);
    if !kept.is_empty() {
        context.printer.warning(&format!("left as they are: {}", kept.join(", ")));
    }
    let formatted =
        postern_policy::format(&text).map_err(|problems| no_policy(&Input { text, ..input }, &problems))?;
    context.printer.data(&format!("{}\n", formatted.trim_end()))?;
    Ok(ExitStatus::Done)
}

/// A list of actions written anew, and those of its patterns that nothing is known of.
fn list(patterns: &[&str], direction: Direction) -> Result<(String, Vec<String>), CliError> {
    let expansion = catalogue::expand(patterns);
    let mut list = match direction {
        Direction::Expand => expansion.actions,
        Direction::Shrink => catalogue::shrink(&expansion.actions),
    };
    list.extend(expansion.unknown.iter().cloned());
    let json = match list.as_slice() {
        [one] => serde_json::to_string(one),
        list => serde_json::to_string(list),
    };
    let json = json.map_err(|error| CliError::failed("cannot write JSON").caused_by(error))?;
    Ok((json, expansion.unknown))
}

/// Why a statement's list is not touched.
fn left_alone(statement: &Statement, direction: Direction) -> Option<&'static str> {
    let actions = statement.actions();
    if actions.is_negated() {
        Some("`NotAction`")
    } else if actions.patterns().iter().any(|pattern| pattern.text() == "*") {
        Some("`*`")
    } else if direction == Direction::Expand && statement.effect() == Effect::Deny {
        Some("the denied actions")
    } else {
        None
    }
}
