//! The estate file, and the profiles that were made of it.

use postern_broker::files::edit;
use postern_estate::Design;

use super::{Check, Finding, Severity};
use crate::{
    aws_files::{self, AwsFile},
    commands::profiles::block::{Block, Standing},
    context::Context,
    daily::Daily,
    errors::CliError,
    estate_file::EstateFile,
};

pub(super) fn file(found: &Result<Option<EstateFile>, CliError>) -> Check {
    const ID: &str = "estate";
    const TITLE: &str = "Estate file";
    match found {
        Ok(Some(file)) => {
            let (name, path) = (&file.design.name.value, file.path.display());
            Check::new(ID, TITLE, format!("`{name}`, in {path}"), Vec::new())
        }
        Ok(None) => Check::new(ID, TITLE, "none here, and none is named", Vec::new()),
        Err(error) => {
            let finding = Finding::of_error(Severity::Problem, error);
            let finding = match error.rendered {
                true => finding.hint("`postern profiles sync --dry-run` shows each with its line"),
                false => finding,
            };
            Check::new(ID, TITLE, "not readable", vec![finding])
        }
    }
}

/// Whether the profiles that `postern profiles sync` wrote are still those of the estate file.
pub(super) fn block(context: &Context, design: Option<&Design>) -> Check {
    const ID: &str = "synced-profiles";
    const TITLE: &str = "Synced profiles";
    let (Some(design), Some(config)) = (design, aws_files::config_file(&context.environment)) else {
        return Check::skipped(ID, TITLE, "not compared: there is no estate file");
    };
    let estate = design.name.value.as_str();
    let shown = aws_files::shown(&config, &context.environment);
    let text = match AwsFile::read(&config) {
        Ok(file) => file,
        Err(error) => return Check::skipped(ID, TITLE, format!("not compared: {}", error.message)),
    };
    let standing = match Standing::find(text.text(), estate) {
        Ok(Some(standing)) => standing,
        Ok(None) => return Check::new(ID, TITLE, format!("none in {shown}"), Vec::new()),
        Err(edit::EditError::BrokenBlock { line }) => {
            let finding =
                Finding::problem("the block of synced profiles is not whole").at(&shown, Some(line));
            let finding = finding.hint("mend or remove its marks by hand, then `postern profiles sync`");
            return Check::new(ID, TITLE, "broken", vec![finding]);
        }
        Err(error) => return Check::skipped(ID, TITLE, format!("not compared: {error}")),
    };
    let again = |finding: Finding| {
        let finding = finding.at(&shown, None).hint(format!("`{}`", standing.command));
        Check::new(ID, TITLE, "out of date", vec![finding])
    };
    let (Some(args), Some(program)) = (&standing.made_by, &standing.program) else {
        return again(Finding::warning("the block of synced profiles was changed by hand"));
    };
    if !program.is_file() {
        return again(Finding::problem(format!(
            "synced profiles start `{}`, which is not there",
            program.display()
        )));
    }
    match Daily::open(context).and_then(|daily| Block::wanted(args, &daily, program)) {
        Err(error) => Check::skipped(ID, TITLE, format!("not compared: {}", error.message)),
        Ok(wanted) => match edit::with_block(text.text(), estate, &wanted.body) {
            Ok(new) if new == text.text() => {
                Check::new(ID, TITLE, format!("{} in {shown}, up to date", wanted.names.len()), Vec::new())
            }
            _ => again(Finding::warning("synced profiles are not those of the estate file any more")),
        },
    }
}
