//! `postern policy diff`

use std::path::{Path, PathBuf};

use clap::Args;
use postern_policy::{
    Document,
    diff::{self, Verdict},
    lint::PolicyKind,
};

use super::{
    files::{self, Input},
    fmt::no_policy,
    located,
};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    report::{
        difference::{self, Compared},
        findings::places,
    },
};

/// Arguments of `postern policy diff`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DiffArgs {
    /// A policy, such as the one in force; - for standard input
    a: PathBuf,
    /// Another one, such as the one to come; - for standard input
    b: PathBuf,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
All requests are compared, not the texts: what only A allows is shown as -,
what only B allows as +, each with a request that was decided with both.

Examples:
  postern policy diff old.json new.json
  git show HEAD:policy.json | postern policy diff - policy.json
  postern policy diff --json old.json new.json | jq .b_within_a

Exit codes: 0 both allow the same, 1 they differ or it could not be decided,
2 a file could not be read or is no policy.";

pub(crate) fn run(args: &DiffArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    files::stdin_twice(&[args.a.clone(), args.b.clone()])?;
    let (a, b) = match (read(&args.a), read(&args.b)) {
        (Ok(a), Ok(b)) => (a, b),
        // Both, if both are wrong.
        (Err(error), Err(other)) => {
            context.printer.error(&error);
            return Err(other);
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    if let Some(mismatch) = difference::mismatch(&a.compared, &b.compared) {
        context.printer.warning(&mismatch);
    }
    let found = diff::compare(&a.document, &b.document);
    let shown = if args.json {
        difference::json(&a.compared, &b.compared, &found)?
    } else {
        difference::render(&a.compared, &b.compared, &found, context.printer.width())
    };
    context.printer.data(&shown)?;
    Ok(match found.verdict() {
        Verdict::Equal => ExitStatus::Done,
        Verdict::Different | Verdict::Undecided => ExitStatus::Failed,
    })
}

struct Read {
    document: Document,
    compared: Compared,
}

/// The one policy of a file.
fn read(path: &Path) -> Result<Read, CliError> {
    let input = files::read(path)
        .map_err(|unread| CliError::usage(format!("cannot read `{}`: {}", unread.name, unread.reason)))?;
    let policies = located::policies(&input.text);
    let [policy] = policies.as_slice() else {
        return Err(CliError::usage(format!(
            "`{}` holds {} policies; name a file with one",
            input.name,
            policies.len()
        )));
    };
    let document = Document::parse(&policy.text).map_err(|problems| match policy.pointer.as_str() {
        "" => no_policy(&input, &problems),
        pointer => {
            let name = format!("{}, {pointer}", input.name);
            no_policy(
                &Input { name, path: path.to_owned(), text: policy.text.to_string(), found: false },
                &problems,
            )
        }
    })?;
    let statements = document.statements();
    let starts: Vec<usize> = statements.iter().map(|s| policy.in_file(s.span()).start).collect();
    let lines = places(&input.text, &starts).into_iter().map(|place| place.line);
    let sids = statements.iter().map(|statement| statement.sid().map(str::to_owned));
    let compared = Compared {
        statements: lines.zip(sids).collect(),
        names_principals: statements.iter().any(|statement| statement.principals().is_some()),
        kind: PolicyKind::infer(&document),
        name: input.name.clone(),
    };
    Ok(Read { document, compared })
}
