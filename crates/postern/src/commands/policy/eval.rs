//! `postern policy eval`: cases in, decisions out, one line each, in constant memory.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
};

mod case;
mod lines;
mod read;
mod shape;

use self::lines::{Line, Lines};

/// Arguments of `postern policy eval`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern policy eval --cases cases.jsonl
  postern policy eval --cases - --explain <cases.jsonl | jq .because

Example, one case (a single line of the file):
  {\"id\": 1, \"request\": {
     \"principal\": \"arn:aws:iam::111111111111:user/alice\",
     \"action\": \"s3:GetObject\",
     \"resource\": {\"arn\": \"arn:aws:s3:::b/k\", \"accountId\": \"111111111111\"},
     \"context\": {\"aws:MultiFactorAuthPresent\": \"true\"}},
   \"identityPolicies\": [{\"name\": \"read\", \"policy\": {\"Version\": …}}]}

and its answer:

  {\"id\":1,\"decision\":\"Allowed\"}

Further members of a case: resourcePolicy (for sts:AssumeRole the role's
trust policy), permissionBoundaryPolicies, sessionPolicy, and
serviceControlPolicies and resourceControlPolicies by level. The context is
taken as it is given, nothing is added. A line that cannot be decided gets
an `error` with its number, the run goes on and ends with exit code 1.")]
pub(crate) struct EvalArgs {
    /// The cases, one JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// Say for every layer which statements matched, and what kept the others from it
    #[arg(long)]
    explain: bool,
}

/// Large enough that reading and writing cost nothing beside the work, small enough for a cache.
const BUFFER: usize = 256 * 1024;

pub(crate) fn run(args: &EvalArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let shown = args.cases.display();
    let cannot_read =
        |error: io::Error| CliError::usage(format!("cannot read the cases from `{shown}`")).caused_by(error);
    let input = open(&args.cases).map_err(cannot_read)?;
    let mut lines = Lines::new(BufReader::with_capacity(BUFFER, input));
    let mut out = context.printer.stream(BUFFER);
    let mut answer = Vec::new();
    let (mut cases, mut wrong) = (0_u64, 0_u64);
    loop {
        // Whoever asks line by line gets each answer before the next line is awaited.
        if lines.would_wait() && reader_gone(out.flush())? {
            return Ok(ExitStatus::Done);
        }
        let (number, line) = match lines.next().map_err(cannot_read)? {
            None => break,
            Some((_, Line::Text(text))) if text.iter().all(u8::is_ascii_whitespace) => continue,
            Some(found) => found,
        };
        cases += 1;
        answer.clear();
        let decided = match line {
            Line::Text(text) => case::answer(text, args.explain, &mut answer),
            Line::TooLong => Err(case::Undecided {
                id: None,
                problem: format!("longer than {} MiB, and skipped", lines::LONGEST >> 20),
            }),
        };
        if let Err(undecided) = decided {
            wrong += 1;
            undecided.write(number, &mut answer)?;
        }
        answer.push(b'\n');
        if reader_gone(out.write_all(&answer))? {
            return Ok(ExitStatus::Done);
        }
    }
    if reader_gone(out.flush())? || wrong == 0 {
        return Ok(ExitStatus::Done);
    }
    context.printer.warning(&format!("{wrong} of {cases} cases could not be decided; each has an `error`"));
    Ok(ExitStatus::Failed)
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    Ok(if path.as_os_str() == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) })
}

/// Whether whoever read the answers went away, which is no error.
fn reader_gone(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        other => other.map(|()| false).map_err(Into::into),
    }
}
