//! `postern policy check`

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::PossibleValuesParser, builder::TypedValueParser};
use postern_policy::{
    Document,
    lint::{self, PolicyKind, Rule, Severity},
};
use strsim::normalized_damerau_levenshtein;

use super::{
    files::{self, Input},
    located::{self, Located},
};
use crate::{
    context::Context,
    errors::{CliError, ExitStatus},
    report::findings::{
        Finding, Placed, Policy, Report, Source, TypeFrom, Typed, Unread, json, rules, sarif, text,
    },
};

/// Arguments of `postern policy check`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArgs {
    /// Policies, directories with *.json, or - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["rules", "explain"])]
    files: Vec<PathBuf>,
    /// What the policies are attached to [default: as they look]
    #[arg(long = "type", value_name = "TYPE", value_parser = kinds())]
    kind: Option<PolicyKind>,
    /// What to write
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Fail if a finding is as bad as this
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    fail_on: FailOn,
    /// List the rules
    #[arg(long, conflicts_with_all = ["files", "kind", "explain"])]
    rules: bool,
    /// Say why a rule is one, and what to do
    #[arg(long, value_name = "RULE", conflicts_with_all = ["files", "kind"])]
    explain: Option<String>,
}

const AFTER_HELP: &str = "\
What the aws CLI prints around policies is looked through: the answers of
get-role, get-role-policy, get-policy-version, list-roles, describe-policy,
get-bucket-policy, get-account-authorization-details and their like.

Examples:
  postern policy check policy.json
  postern policy check --type scp policies/      every *.json below it
  postern policy check --format sarif policies/ > findings.sarif
  aws iam get-role --role-name developer | postern policy check -
  postern policy check --rules
  postern policy check --explain P01

Exit codes: 0 nothing found, 1 findings at or above --fail-on, 2 wrong usage
or a file that could not be read or holds no policy.";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: each finding with its line underlined
    #[default]
    Text,
    /// Versioned JSON
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Info,
    Low,
    #[default]
    Medium,
    High,
    Critical,
    /// Findings never fail
    None,
}

impl FailOn {
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::None => None,
        }
    }
}

/// The types of policies as values of an option.
fn kinds() -> impl TypedValueParser<Value = PolicyKind> {
    PossibleValuesParser::new(PolicyKind::ALL.map(PolicyKind::as_str))
        .try_map(|name| PolicyKind::from_name(&name).ok_or("no such type"))
}

pub(crate) fn run(args: &CheckArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    if args.rules {
        return list(args.format, context);
    }
    if let Some(id) = &args.explain {
        context.printer.data(&rules::explain(rule(id)?, context.printer.width()))?;
        return Ok(ExitStatus::Done);
    }
    files::stdin_twice(&args.files)?;
    let (inputs, unread) = files::read_all(&args.files);
    let report = judge(inputs, unread, args.kind);
    let shown = match args.format {
        Format::Text => text::render(&report, context.printer.width(), context.printer.is_quiet()),
        Format::Json => json::render(&report)?,
        Format::Sarif => sarif::render(&report, lint::RULES)?,
    };
    context.printer.data(&shown)?;
    for Unread { name, reason } in &report.unread {
        context.printer.error(&CliError::usage(format!("cannot check `{name}`: {reason}")));
    }
    let failing = |severity| report.findings().any(|(.., finding)| finding.severity >= severity);
    Ok(if report.has_bad_files() {
        ExitStatus::Usage
    } else if args.fail_on.severity().is_some_and(failing) {
        ExitStatus::Failed
    } else {
        ExitStatus::Done
    })
}

fn list(format: Format, context: &Context) -> Result<ExitStatus, CliError> {
    let shown = match format {
        Format::Text => rules::table(lint::RULES),
        Format::Json => rules::json(lint::RULES)?,
        Format::Sarif => return Err(CliError::usage("--rules writes text or json")),
    };
    context.printer.data(&shown)?;
    Ok(ExitStatus::Done)
}

fn rule(id: &str) -> Result<&'static Rule, CliError> {
    // `P1` is `P01`.
    let parts = |id: &str| {
        let (family, number) = id.split_at_checked(1)?;
        Some((family.to_ascii_uppercase(), number.parse::<u32>().ok()?))
    };
    if let Some(rule) = lint::RULES.iter().find(|rule| parts(id).is_some() && parts(rule.id) == parts(id)) {
        return Ok(rule);
    }
    let wrong = CliError::usage(format!("there is no rule `{id}`"));
    let likeness = |rule: &Rule| normalized_damerau_levenshtein(&id.to_ascii_uppercase(), rule.id);
    let nearest = lint::RULES.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    Err(match nearest.filter(|rule| likeness(rule) > 0.6) {
        Some(rule) => wrong.hint(format!("did you mean `{}`? --rules lists all", rule.id)),
        None => wrong.hint("--rules lists all"),
    })
}

/// Checks everything that was read.
fn judge(inputs: Vec<Input>, unread: Vec<Unread>, given: Option<PolicyKind>) -> Report {
    let mut report = Report { unread, ..Report::default() };
    for Input { name, text, found, .. } in inputs {
        let located = located::policies(&text);
        // A directory holds other JSON, too.
        if found && !located.iter().any(|policy| policy.in_its_place || policy.looks_like_a_policy()) {
            report.passed_over += 1;
            continue;
        }
        if located.is_empty() {
            report.unread.push(Unread { name, reason: "it holds no policy".to_owned() });
            continue;
        }
        let policies = located.iter().map(|policy| one(policy, given)).collect();
        drop(located);
        let mut source = Source { name, text, policies };
        source.place();
        report.sources.push(source);
    }
    report
}

fn one(located: &Located<'_>, given: Option<PolicyKind>) -> Policy {
    let document = Document::parse(&located.text).ok();
    let inferred = || document.as_ref().map_or(PolicyKind::Identity, PolicyKind::infer);
    let typed = match (given, located.kind) {
        (Some(kind), _) => Typed { kind, from: TypeFrom::Given },
        (None, Some(kind)) => Typed { kind, from: TypeFrom::File },
        (None, None) => Typed { kind: inferred(), from: TypeFrom::Inferred },
    };
    let sid = |number: usize| document.as_ref()?.statements().get(number)?.sid().map(str::to_owned);
    let found = lint::check_text(&located.text, typed.kind).into_iter().map(|finding| Finding {
        rule: finding.rule,
        severity: finding.severity,
        message: finding.message,
        help: finding.help,
        statement: finding.statement,
        sid: finding.statement.and_then(sid),
        pointer: finding.pointer,
        span: located.in_file(finding.span),
        placed: Placed::default(),
    });
    Policy { within: located.pointer.clone(), typed, is_policy: document.is_some(), found: found.collect() }
}
