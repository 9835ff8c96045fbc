//! Whether the clock is right: codes are good for half a minute, signatures for five.

use postern_aws::{Endpoint, endpoint, sts_url};
use postern_estate::Design;
use postern_types::SignedDuration;

use super::{Check, Finding};
use crate::{access, env::Environment};

const ID: &str = "clock";
const TITLE: &str = "Clock";
/// The answer's time is in whole seconds, and was on the way for a while.
const TOLERATED: SignedDuration = SignedDuration::from_secs(5);
/// AWS takes the code of the half minute before and behind.
const CODES: SignedDuration = SignedDuration::from_secs(30);
/// From here on signatures are refused.
const SIGNATURES: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn check(environment: &Environment, design: Option<&Design>, offline: bool) -> Check {
    if offline {
        return Check::skipped(ID, TITLE, "not compared: --offline");
    }
    let texts = environment.texts();
    let endpoint = match design {
        Some(design) => access::endpoint_of(&texts, None, design, design.bastion.account.value),
        None => {
            let set = ["AWS_REGION", "AWS_DEFAULT_REGION"];
            let set = set.into_iter().find_map(|name| environment.text(name)?.parse().ok());
            let global = || "us-east-1".parse().unwrap_or_else(|_| unreachable!("a fixed and valid region"));
            let urls = endpoint::resolve(&texts, None, None);
            Endpoint { region: set.unwrap_or_else(global), urls }
        }
    };
    let url = sts_url(&endpoint);
    let asked = access::client(environment).map_err(|error| error.message);
    match asked.and_then(|aws| aws.clock_of_sts(&endpoint).map_err(|why| why.to_string())) {
        Ok(ahead) => judge(ahead, &url),
        Err(why) => {
            let finding = Finding::warning(format!("no answer from {url}: {why}"))
                .hint("check the network and the endpoint, or leave this out with --offline");
            Check::new(ID, TITLE, "not compared", vec![finding])
        }
    }
}

fn judge(ahead: SignedDuration, url: &str) -> Check {
    let off = ahead.abs();
    let direction = if ahead.is_positive() { "behind" } else { "ahead of" };
    let state = format!("{} s {direction} {url}", off.as_secs());
    let finding = |finding: fn(String) -> Finding, means: &str| {
        vec![
            finding(format!("the clock is {state}{means}"))
                .hint("set it right, for instance with `timedatectl set-ntp true`"),
        ]
    };
    let findings = match off {
        _ if off <= TOLERATED => return Check::new(ID, TITLE, format!("right, by {url}"), Vec::new()),
        _ if off < CODES => finding(Finding::warning, ""),
        _ if off < SIGNATURES => finding(Finding::problem, ": AWS refuses MFA codes that are made here"),
        _ => finding(Finding::problem, ": AWS refuses what other tools sign"),
    };
    Check::new(ID, TITLE, state, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn what_a_wrong_clock_means() {
        for (seconds, severity, words) in [
            (0, None, ""),
            (-5, None, ""),
            (12, Some(Severity::Warning), "is 12 s behind URL"),
            (-40, Some(Severity::Problem), "is 40 s ahead of URL: AWS refuses MFA codes"),
            (3_600, Some(Severity::Problem), "is 3600 s behind URL: AWS refuses what other tools sign"),
        ] {
            let check = judge(SignedDuration::from_secs(seconds), "URL");
            let found = check.findings.first();
            assert_eq!(found.map(|finding| finding.severity), severity, "{seconds}");
            assert!(found.is_none_or(|finding| finding.message.contains(words)), "{found:?}");
        }
    }
}
