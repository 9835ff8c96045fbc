//! P42: resource patterns that no ARN matches.

use super::{About, Class, PolicyKind, Rule, Severity, finding::Sink, place::Place};

pub(super) static UNMATCHABLE: Rule = Rule::new("P42", Class::Error, Severity::High)
    .says("Resource that no ARN matches")
    .why("The statement never applies to it.")
    .fix("Write the ARN as the service's documentation shows it.")
    .counts_as("R19");

/// What stands for an account in ARNs that belong to nobody's account.
const OWNERS: [&str; 6] = ["aws", "aws-managed", "cloudfront", "amazon", "third-party", "aws-marketplace"];

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if about.kind == PolicyKind::Trust {
        return;
    }
    for (number, statement) in about.statements() {
        for (at, pattern) in statement.resources().iter().flat_map(|r| r.patterns()).enumerate() {
            if let Some((message, help)) = fault(pattern.text()) {
                sink.add(about.document, &UNMATCHABLE, Place::Resource(number, at), message, help);
            }
        }
    }
}

fn fault(text: &str) -> Option<(String, Option<String>)> {
    if text == "*" || text.contains("${") {
        return None;
    }
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next();
    let (arn, _, service, region, account, rest) = (part()?, part()?, part()?, part()?, part()?, part()?);
    if arn != "arn" {
        return None;
    }
    if service.bytes().any(|b| b.is_ascii_uppercase()) {
        let help = text.replacen(service, &service.to_ascii_lowercase(), 1);
        return Some((
            format!("`{service}` has capital letters: ARNs have none there"),
            Some(format!("`\"{help}\"`")),
        ));
    }
    let open = |text: &str| text.is_empty() || text.contains(['*', '?']);
    let digits = account.bytes().all(|b| b.is_ascii_digit());
    if !open(account) && digits && account.len() != 12 {
        return Some((
            format!("`{account}` is no account id: it has {} digits instead of 12", account.len()),
            None,
        ));
    }
    if !open(account) && !digits && !OWNERS.contains(&account) && account.bytes().any(|b| b.is_ascii_digit())
    {
        return Some((format!("`{account}` is no account id"), None));
    }
    if !open(region) && !is_region(region) {
        return Some((format!("`{region}` is no region"), None));
    }
    if rest.is_empty() {
        return Some(("the last part is empty".to_owned(), Some(format!("`\"{text}*\"`"))));
    }
    if rest.trim_end_matches('*').contains(char::is_whitespace)
        && matches!(service, "s3" | "iam" | "sts" | "sqs" | "sns" | "lambda")
    {
        return Some((format!("a name in `{service}` has no blanks"), None));
    }
    None
}

/// Whether this could be the name of a region: `eu-central-1`, `us-gov-west-1`; some services write
/// `global` or the like.
fn is_region(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_lowercase())
}
