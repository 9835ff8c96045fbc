//! `postern man`

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::{
    args,
    context::Context,
    env,
    errors::{CliError, ExitStatus},
};

/// Arguments of `postern man`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The directory that receives `postern.1` and a page for each command
    directory: PathBuf,
}

/// How every command may end.
const EXIT_STATUS: [(&str, &str); 6] = [
    ("0", "Done, or nothing found."),
    ("1", "It was tried and failed."),
    ("2", "Wrong usage or a bad file; nothing was called. With --detailed-exitcode, plan has found changes."),
    ("4", "Refused: the result would break a claim or a critical rule. Nothing was called."),
    ("130", "Interrupted."),
    ("others", "postern exec becomes its command, postern shell its shell, and they end as those do."),
];

/// What postern reads from the environment, AWS's own variables last.
const ENVIRONMENT: [(&str, &str); 12] = [
    (env::POSTERN_ESTATE, "The estate file, where --estate names none; ./postern.toml where unset."),
    (env::POSTERN_PERSON, "Whose key to use where the key store holds several, as --person does."),
    (
        env::POSTERN_STORE,
        "The key store: keyring, file, kernel or pass. Where unset, the key file if there is one, else the keyring if there is one.",
    ),
    (
        env::POSTERN_PASSPHRASE,
        "The passphrase of the key file, for machines where nobody can type one. Other programs of the user can read it.",
    ),
    (
        env::POSTERN_KEYHOLDER,
        "Who holds the key that seals sessions: kernel or agent. Where unset, the kernel if it can.",
    ),
    (
        env::POSTERN_MFA_FROM,
        "Where MFA codes come from, in order and with commas between, as --mfa-from does.",
    ),
    (
        env::POSTERN_MFA_PROCESS,
        "A command that prints an MFA code, started without a shell whenever a code is needed.",
    ),
    (
        "AWS_ENDPOINT_URL",
        "Where to send calls instead of to AWS, such as a sandbox; AWS_ENDPOINT_URL_IAM and AWS_ENDPOINT_URL_STS count before it.",
    ),
    (
        env::AWS_CONFIG_FILE,
        "The file of the AWS profiles that administrators work with; ~/.aws/config where unset.",
    ),
    (env::AWS_SHARED_CREDENTIALS_FILE, "The file of their keys; ~/.aws/credentials where unset."),
    ("SHELL", "The shell that postern shell starts, and for which postern env writes."),
    ("NO_COLOR", "Set to anything, nothing is coloured, unless --color says otherwise."),
];

pub(crate) fn run(args: &ManArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let shown = args.directory.display();
    let mut tree = args::tree().disable_help_subcommand(true);
    tree.build();
    std::fs::create_dir_all(&args.directory)
        .and_then(|()| write(&tree, &args.directory))
        .map_err(|error| CliError::failed(format!("cannot write man pages to `{shown}`")).caused_by(error))?;
    context.printer.status(&format!("man pages written to {shown}"));
    Ok(ExitStatus::Done)
}

/// The page of a command, and those of all below it.
fn write(command: &Command, directory: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write(below, directory)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(directory.join(format!("{name}.1")), page(command)?)
}

/// One page. clap_mangen knows no examples: it fills what follows a help text like prose, under EXTRA.
fn page(command: &Command) -> io::Result<String> {
    let version = command.get_version().unwrap_or_default();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, remarks): (Vec<&str>, Vec<&str>) = after
        .split("\n\n")
        .filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with("Exit codes:"))
        .partition(|paragraph| paragraph.starts_with("Example"));
    let is_main = command.get_name() == "postern";

    let man = Man::new(command.clone()).source(format!("postern {version}")).manual("postern");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    remarks_paragraphs(&remarks).to_writer(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    if is_main {
        terms("EXIT STATUS", &EXIT_STATUS).to_writer(&mut text)?;
        terms("ENVIRONMENT", &ENVIRONMENT).to_writer(&mut text)?;
    }
    examples_section(&examples).to_writer(&mut text)?;
    if !is_main {
        section("SEE ALSO").text([bold("postern"), roman("(1)")]).to_writer(&mut text)?;
    }
    Ok(finished(&String::from_utf8_lossy(&text)))
}

fn section(title: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff
}

fn remarks_paragraphs(remarks: &[&str]) -> Roff {
    let mut roff = Roff::new();
    for remark in remarks {
        roff.control("PP", []);
        for line in remark.lines() {
            roff.text([roman(line)]);
        }
    }
    roff
}

fn terms(title: &str, list: &[(&str, &str)]) -> Roff {
    let mut roff = section(title);
    for (term, meaning) in list {
        roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
    roff
}

/// Examples stand as they are typed, columns and all.
fn examples_section(paragraphs: &[&str]) -> Roff {
    let mut roff = Roff::new();
    if paragraphs.is_empty() {
        return roff;
    }
    roff.control("SH", ["EXAMPLES"]);
    for paragraph in paragraphs {
        let (heading, lines) = paragraph.split_once('\n').unwrap_or((*paragraph, ""));
        // Some say where they stand: `Example, in ~/.aws/config:`.
        if heading.contains(", ") {
            roff.text([roman(heading)]).control("PP", []);
        }
        roff.control("nf", []);
        for line in lines.lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []);
    }
    roff
}

/// The page with one preamble instead of one for each part, and with marks that copy as they were typed.
fn finished(text: &str) -> String {
    let preamble = Roff::new().render();
    let body = text.replace(&preamble, "").replace('~', r"\(ti").replace('`', r"\(ga");
    format!("{preamble}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<(String, String)> {
        fn walk(command: &Command, pages: &mut Vec<(String, String)>) {
            pages.push((command.get_name().to_owned(), page(command).unwrap()));
            command.get_subcommands().for_each(|below| walk(below, pages));
        }
        let mut tree = args::tree().disable_help_subcommand(true);
        tree.build();
        let mut pages = Vec::new();
        walk(&tree, &mut pages);
        pages
    }

    #[test]
    fn examples_stand_as_they_are_typed() {
        let pages = pages();
        for (name, page) in &pages {
            assert!(!page.contains(".SH EXTRA"), "{name}");
            assert_eq!(page.matches(".ds Aq '").count(), 1, "{name}");
            assert_eq!(page.matches("\n.nf\n").count(), page.matches("\n.fi\n").count(), "{name}");
        }
        let page = |name: &str| &pages.iter().find(|(known, _)| known == name).unwrap().1;
        let plan = page("plan").split_once(".SH EXAMPLES\n.nf\n").unwrap().1;
        assert!(plan.starts_with("postern plan     "), "{plan}");
        assert!(plan.contains("\npostern plan \\-\\-account prod        only one account\n"), "{plan}");
        let remark = page("plan").split_once(".SH OPTIONS").unwrap().0;
        assert!(remark.contains(".PP\nNothing is changed."), "{remark}");
        assert!(page("credential-process").contains("in \\(ti/.aws/config:\n.PP\n.nf\n[profile"));
    }

    #[test]
    fn the_main_page_says_how_it_ends_and_what_it_reads() {
        let pages = pages();
        let (_, main) = pages.first().unwrap();
        let (_, status) = main.split_once(".SH \"EXIT STATUS\"\n").unwrap();
        let (status, environment) = status.split_once(".SH ENVIRONMENT\n").unwrap();
        for code in ["0", "1", "2", "4", "130"] {
            assert!(status.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{status}");
        }
        for name in [env::POSTERN_ESTATE, env::POSTERN_KEYHOLDER, "AWS_ENDPOINT_URL", "NO_COLOR"] {
            assert!(environment.contains(&format!(".TP\n\\fB{name}\\fR\n")), "{environment}");
        }
    }
}
