//! `postern trust`

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::{
    aws_files::shown,
    context::Context,
    directory::{NAME, TargetFile, Trust, Trusted},
    errors::{CliError, ExitStatus},
    output::{GOOD, harmless, paint},
    report::table,
};

/// Arguments of `postern trust`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo prod/readonly > .postern-target    what commands here work with
  postern trust                           after a look at it
  postern exec -- ./deploy                with that target
  postern trust --list
  postern trust --remove ~/acme

The file counts for its directory and all below it, for exec, shell, env and
console, and for whoami where the environment has no credentials; a target on
the command line goes before it. A file that changes is trusted anew. One that
is another user's, a link, or writable by everybody never counts.")]
pub(crate) struct TrustArgs {
    /// The directory of the file [default: this one, or the nearest above it that has one]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
    /// Show what is trusted
    #[arg(long, conflicts_with_all = ["directory", "remove"])]
    list: bool,
    /// Trust it no longer
    #[arg(long)]
    remove: bool,
}

pub(crate) fn run(args: &TrustArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if args.list {
        return list(context);
    }
    if args.remove {
        return remove(args.directory.as_deref(), context);
    }
    let file = match &args.directory {
        Some(directory) => TargetFile::of(&canonical(directory)?)?,
        None => TargetFile::nearest(Path::new("."))?,
    };
    let file = file.ok_or_else(|| {
        let place = match &args.directory {
            Some(directory) => format!("in `{}`", directory.display()),
            None => "here or above".to_owned(),
        };
        CliError::usage(format!("there is no `{NAME}` {place}"))
            .hint(format!("as in: echo prod/readonly > {NAME}"))
    })?;
    let before = Trusted::change(&context.environment, |trusted| {
        let before = trusted.trust(&file);
        trusted.add(&file);
        before
    })?;
    let already = if before == Trust::Given { " already" } else { "" };
    context.printer.status(&format!(
        "{}{already}: {}, which names {}",
        paint(GOOD, "trusted"),
        harmless(&shown(&file.path, &context.environment)),
        file.target
    ));
    Ok(ExitStatus::Done)
}

fn canonical(directory: &Path) -> Result<PathBuf, CliError> {
    directory.canonicalize().map_err(|error| {
        CliError::usage(format!("cannot look into `{}`", directory.display())).caused_by(error)
    })
}

fn remove(named: Option<&Path>, context: &Context) -> Result<ExitStatus, CliError> {
    let directory = named.unwrap_or(Path::new("."));
    // What is trusted may be gone, its directory too.
    let start = canonical(directory).or_else(|_| std::path::absolute(directory)).map_err(|error| {
        CliError::usage(format!("cannot tell where `{}` is", directory.display())).caused_by(error)
    })?;
    // A directory that is named is meant itself.
    let far = if named.is_some() { 1 } else { usize::MAX };
    let removed = Trusted::change(&context.environment, |trusted| {
        start.ancestors().take(far).map(|above| above.join(NAME)).find(|path| trusted.remove(path))
    })?;
    let path = removed.ok_or_else(|| {
        CliError::usage(format!("nothing is trusted in `{}`", directory.display()))
            .hint("`postern trust --list` shows what is")
    })?;
    let path = shown(&path, &context.environment);
    context.printer.status(&format!("no longer trusted: {}", harmless(&path)));
    Ok(ExitStatus::Done)
}

fn list(context: &Context) -> Result<ExitStatus, CliError> {
    let trusted = Trusted::load(&context.environment)?;
    let rows: Vec<Vec<String>> = trusted
        .iter()
        .map(|(path, target)| {
            let state = match path.parent().map(TargetFile::of) {
                Some(Ok(Some(file))) => match trusted.trust(&file) {
                    Trust::Given => "trusted",
                    Trust::Changed | Trust::None => "changed since: not heeded",
                },
                Some(Err(_)) => "not heeded",
                Some(Ok(None)) | None => "gone",
            };
            let path = shown(path, &context.environment);
            vec![harmless(&path).into_owned(), harmless(target).into_owned(), state.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        context.printer.status("no directory is trusted");
    } else {
        context.printer.data(&table::plain(&["FILE", "TARGET", "STATE"], &rows))?;
    }
    Ok(ExitStatus::Done)
}
