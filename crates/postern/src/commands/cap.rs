//! Roles above the cap are refused before anything is called, with the statement that exceeds it.

use postern_estate::{CapReport, CapViolation, Desired, Estate, Lifted, PolicySource, UnreadPolicy};
use postern_types::PolicyArn;
use strsim::jaro_winkler;

use crate::{
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
    output::{SourceError, render_source_errors},
};

/// Holds the roles' policies against the cap, as far as their documents are known here: AWS's own from the
/// published texts, customers' from what was read of the accounts.
///
/// Offline (`actual` is none) policies whose documents are not known pass, and false is answered: the check has to be
/// done again with the accounts read, when such policies are refused.
pub(crate) fn check(
    context: &Context,
    file: &EstateFile,
    desired: &Desired,
    actual: Option<&Estate>,
) -> Result<bool, CliError> {
    let documents = |arn: &PolicyArn| {
        postern_sandbox::aws_managed_policy_text(arn.as_str())
            .map(str::to_owned)
            .or_else(|| of_customer(arn, actual?))
    };
    let CapReport { violations, lifted, unread } = file.design.check_cap(desired, &documents);
    if actual.is_none() {
        for Lifted { violation, reason } in &lifted {
            let CapViolation { role, policy, action, .. } = violation;
            let effect = if violation.bounded {
                "its boundary still cuts that off; `boundary = \"none\"` would let it through"
            } else {
                "nothing cuts that off"
            };
            context.printer.warning(&format!(
                "role `{role}` is above the cap: {} allows {action} ({effect}). The reason given: {reason}",
                policy_name(&policy.value),
            ));
        }
    }
    let misspelt: Vec<SourceError> = unread.iter().filter_map(misspelt).collect();
    if !misspelt.is_empty() {
        return Err(file.source_errors(&misspelt));
    }
    let mut errors: Vec<SourceError> = violations.iter().map(violation).collect();
    if actual.is_some() {
        errors.extend(unread.iter().map(not_known));
    }
    if errors.is_empty() {
        return Ok(unread.is_empty());
    }
    let path = file.path.display().to_string();
    let picture = render_source_errors(&path, &file.text, &errors);
    Err(CliError::refused(format!(
        "{picture}\n\nrefused: {path} asks for more than the cap; nothing was changed"
    ))
    .rendered())
}

fn of_customer(arn: &PolicyArn, actual: &Estate) -> Option<String> {
    let account = actual.accounts.get(&arn.account()?)?;
    let policy = account.policies.get(arn.name())?;
    (policy.path == *arn.path()).then(|| policy.document.text().to_owned())
}

fn violation(found: &CapViolation) -> SourceError {
    let name = policy_name(&found.policy.value);
    let text = found.document.text();
    let statement = text.get(found.statement_span.start..found.statement_span.end).unwrap_or_default();
    let shown: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = match shown.char_indices().nth(300) {
        Some((at, _)) => format!("{} …", shown.get(..at).unwrap_or_default()),
        None => shown,
    };
    let sure = if found.certain { "allows" } else { "may allow" };
    let cut = if found.bounded { " (the boundary would cut it off, but the role would mean it)" } else { "" };
    SourceError {
        message: format!(
            "role `{}` is above the cap: statement {} of {name} {sure} {}{cut}",
            found.role,
            found.statement + 1,
            found.action
        ),
        span: found.policy.span.start..found.policy.span.end,
        help: Some(format!(
            "the statement is {shown}\nchoose a narrower policy, or say why with `allow_iam = \"reason\"` in [roles.{}]",
            found.role
        )),
    }
}

/// An AWS-managed policy of a name that AWS does not have, as far as the published ones are known here.
fn misspelt(unread: &UnreadPolicy) -> Option<SourceError> {
    let PolicySource::Managed(arn) = &unread.policy.value else { return None };
    if arn.account().is_some() || !unread.problems.is_empty() {
        return None;
    }
    let name = arn.name().as_str();
    let nearest = postern_sandbox::aws_managed_policies()
        .map(|known| (jaro_winkler(name, known.rsplit('/').next().unwrap_or(known)), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let help = match nearest {
        Some((likeness, known)) if likeness > 0.85 => {
            format!("did you mean `{}`?", known.strip_prefix("arn:aws:iam::aws:policy/").unwrap_or(known))
        }
        _ => "AWS-managed policies are named as in their ARN behind `policy/`, customer-managed ones by ARN"
            .to_owned(),
    };
    Some(SourceError {
        message: format!("AWS has no managed policy `{name}` that is known here"),
        span: unread.policy.span.start..unread.policy.span.end,
        help: Some(help),
    })
}

fn not_known(unread: &UnreadPolicy) -> SourceError {
    let name = policy_name(&unread.policy.value);
    let problem = match unread.problems.first() {
        Some(problem) => format!("cannot be read: {}", problem.message),
        None => "is not known here, so it cannot be held against the cap".to_owned(),
    };
    SourceError {
        message: format!("role `{}`: {name} {problem}", unread.role),
        span: unread.policy.span.start..unread.policy.span.end,
        help: Some(
            "check the name; a customer-managed policy must be in an account of the estate".to_owned(),
        ),
    }
}

fn policy_name(policy: &PolicySource) -> String {
    match policy {
        PolicySource::Managed(arn) => format!("`{}`", arn.name()),
        PolicySource::File { path, .. } => format!("`{path}`"),
    }
}
