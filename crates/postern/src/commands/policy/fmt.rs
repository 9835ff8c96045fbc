//! `postern policy fmt`

use std::path::{Path, PathBuf};

use clap::Args;
use postern_policy::Problem;

use super::{
    files::{self, DASH, Input},
    located,
};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    output::{SourceError, render_source_errors},
    report::{findings::Unread, plan::counted},
    whole_file::{self, Mode, PUBLIC},
};

/// Arguments of `postern policy fmt`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FmtArgs {
    /// Policies, directories with *.json, or - from standard input to standard output
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; list what would change, and fail if anything would
    #[arg(long)]
    check: bool,
}

const AFTER_HELP: &str = "\
What a policy says stays the same to the letter: elements come into AWS's
order, and every list stands on one line or has a line for each value.

Examples:
  postern policy fmt policy.json
  postern policy fmt --check policies/           for CI
  aws iam get-role --role-name developer \\
    --query Role.AssumeRolePolicyDocument | postern policy fmt -

Exit codes: 0 done, or nothing to do; 1 with --check, if a file would change;
2 a file that could not be read or written, or is no policy.";

pub(crate) fn run(args: &FmtArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    files::stdin_twice(&args.files)?;
    let mut run = Run { args, context, changed: Vec::new(), unchanged: 0, bad: 0 };
    let (inputs, unread) = files::read_all(&args.files);
    for input in &inputs {
        run.one(input)?;
    }
    for Unread { name, reason } in &unread {
        run.fails(&CliError::usage(format!("cannot format `{name}`: {reason}")));
    }
    run.end()
}

struct Run<'a> {
    args: &'a FmtArgs,
    context: &'a Context,
    changed: Vec<String>,
    unchanged: usize,
    bad: usize,
}

impl Run<'_> {
    fn one(&mut self, input: &Input) -> Result<(), CliError> {
        let located = located::policies(&input.text);
        let is_policy = |policy: &located::Located<'_>| policy.pointer.is_empty();
        if input.found && !located.iter().any(|policy| is_policy(policy) && policy.looks_like_a_policy()) {
            return Ok(());
        }
        if !located.iter().any(is_policy) {
            self.fails(
                &CliError::usage(format!("`{}` is no policy by itself", input.name))
                    .hint("write the policy into a file of its own; `postern policy check` looks through what stands around it"),
            );
            return Ok(());
        }
        let formatted = match postern_policy::format(&input.text) {
            Ok(formatted) => with_line_end(formatted),
            Err(problems) => {
                let mut error = no_policy(input, &problems);
                error.message.push('\n');
                self.fails(&error);
                return Ok(());
            }
        };
        let to_stdout = input.path.as_os_str() == DASH && !self.args.check;
        if to_stdout {
            self.context.printer.data(&formatted)?;
        }
        if formatted == input.text {
            self.unchanged += 1;
            return Ok(());
        }
        if !self.args.check
            && !to_stdout
            && let Err(error) = whole_file::replace(&input.path, &formatted, Mode::Kept(PUBLIC))
        {
            let words = files::io_words(&error).replace("read", "written");
            self.fails(&CliError::usage(format!("cannot write `{}`: {words}", input.name)));
            return Ok(());
        }
        self.changed.push(input.name.clone());
        Ok(())
    }

    fn fails(&mut self, error: &CliError) {
        self.bad += 1;
        self.context.printer.error(error);
    }

    fn end(self) -> Result<ExitStatus, CliError> {
        let Self { args, context, changed, unchanged, bad } = self;
        let only_stdin = args.files.iter().all(|path| path == Path::new(DASH));
        if args.check {
            let list: Vec<String> = changed.iter().map(|name| format!("{name}\n")).collect();
            context.printer.data(&list.concat())?;
        }
        if !only_stdin || args.check {
            let done = if args.check { "would change" } else { "changed" };
            let failed = if bad == 0 { String::new() } else { format!(", {bad} failed") };
            let changed = counted(changed.len(), "file");
            context.printer.status(&format!("{changed} {done}, {unchanged} left as they are{failed}"));
        }
        Ok(if bad > 0 {
            ExitStatus::Usage
        } else if args.check && !changed.is_empty() {
            ExitStatus::Failed
        } else {
            ExitStatus::Done
        })
    }
}

/// Files end with a line end.
fn with_line_end(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// All that is wrong with the grammar of a text, underlined.
pub(super) fn no_policy(input: &Input, problems: &[Problem]) -> CliError {
    let errors: Vec<SourceError> = problems
        .iter()
        .map(|problem| SourceError {
            message: problem.message.clone(),
            span: problem.span.start..problem.span.end,
            help: problem.help.clone(),
        })
        .collect();
    CliError::usage(render_source_errors(&input.name, &input.text, &errors)).rendered()
}
